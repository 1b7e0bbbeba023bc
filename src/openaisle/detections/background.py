"""What a camera sees when nobody is there, and where the present picture differs from it.

A fixed camera knows its empty picture. Each new picture moves the background towards itself by a bounded step, fast
where nobody is, slowly under people (a shopper may stand for minutes) and at a middling pace where something changed
that is no person (a moved pack, an opened door). Bounded steps follow the median rather than the mean of what was
seen (McFarlane and Schofield 1995, "Segmentation and tracking of piglets in images"). Before comparing, exposure and
white balance of the background are brought to those of the picture, channel by channel, by the median ratio over
the pixels that nobody covers. All arrays are at working resolution (see crops.py).

Every camera pays for this on every frame. So pictures are kept as three planes, which OpenCV handles several times
faster than interleaved pixels, and every plane has its place for ever: new memory costs more than what is done to it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.core.units import NS_PER_S
from openaisle.detections.crops import Pixels

GRID_PX: Final = 8
"""Side of a block of the motion gate."""
MOVED_SHARE: Final = 0.15  # of a block's pixels
LIGHT_GRID_PX: Final = 12
LIGHT_STEP: Final = 0.006
LIGHT_MIN: Final = 0.4
LIGHT_MAX: Final = 2.5
_LIGHT_BINS_PER_1: Final = 512
FAIR_SAMPLES_MIN: Final = 40
LEVEL: Final = 105.0
GAIN_MAX: Final = 4.0  # more would show noise only
Planes = list[Pixels]  # blue, green, red, each [h, w]


@dataclass(frozen=True, kw_only=True)
class BackgroundSettings:
    """Time constants in seconds of shop time; levels in grey values of 0..255."""

    learn_every_s: float = 0.4  # a step in between would cost more than it brings
    settle_s: float = 1.0  # until a new background is trusted
    empty_s: float = 4.0  # follows where nobody is
    changed_s: float = 25.0  # follows where something changed that is no person
    person_s: float = 600.0  # follows under people
    still_s: float = 10.0  # nobody stands without the least movement for longer: what does is no person
    step_max: float = 24.0  # how far one picture counts
    threshold: float = 14.0  # difference that is no noise
    upset_share: float = 0.65  # of the picture changed at once: lamps or the camera itself, not people
    upset_s: float = 2.0  # after so long upset the background is learned anew
    block_share: float = 0.4  # of a block's pixels differ: something is there


class Background:
    """One camera's empty picture. `compare`, then `learn` with the boxes of people found, for each frame."""

    def __init__(self, settings: BackgroundSettings | None = None) -> None:
        self._settings = settings or BackgroundSettings()
        self._light = np.ones(3, np.float32)
        self._is_expected = (
            False  # what follows from mean, unrest and light is made anew only when they change
        )
        self._began_ns = self._learned_ns = self._upset_since_ns = 0
        self._is_known = self._is_upset = False
        self._take_places(0, 0)

    @property
    def is_trusted(self) -> bool:
        """False while the background is new, or while the whole picture has just changed."""
        return self._is_known and not self._is_upset

    @property
    def light(self) -> NDArray[np.float32]:
        """Gain [3] (BGR) of the last picture over the background: drift of exposure and white balance."""
        return self._light

    @property
    def foreground(self) -> Pixels:
        """0 or 255 [h, w]: where the last picture differs beyond noise and usual unrest."""
        return self._foreground

    @property
    def planes(self) -> Planes:
        """The last picture compared: blue, green, red [h, w]. Overwritten by the next."""
        return self._working

    @property
    def block_shares(self) -> Pixels:
        """Share 0..255 of foreground in each block of GRID_PX [h // GRID_PX, w // GRID_PX] of the last picture."""
        return self._blocks

    @property
    def colour_mean(self) -> NDArray[np.float32]:
        """Mean colour [3] (BGR) of the empty shop under the present light: the camera's grey balance."""
        samples = self._mean[:, ::GRID_PX, ::GRID_PX]
        return np.asarray(samples.mean(axis=(1, 2)) * self._light, np.float32)

    @property
    def gain(self) -> float:
        """What brings a dim picture to the level at which the networks see best. Bright ones they see as well."""
        gain = LEVEL / max(float(self.colour_mean.mean()), 1.0)
        return min(max(gain, 1.0), GAIN_MAX)

    def start_from(self, working: Pixels, at_ns: int) -> None:
        """Take a picture known to be empty as the background."""
        self._begin(working, at_ns)
        self._is_known = True

    def compare(self, working: Pixels, at_ns: int) -> Pixels:
        """Difference [h, w] of a working picture [h, w, 3] to the background: the largest of the three channels.

        All zero while the background is not trusted: a wrong difference is worse than none. It is overwritten by the
        next call.
        """
        if self._foreground.shape != working.shape[:2]:
            self._begin(working, at_ns)
        self._is_known = self._is_known or at_ns - self._began_ns >= self._settings.settle_s * NS_PER_S
        cv2.split(working, self._working)
        self._follow_light()
        if not self._is_expected:
            for mean, expected, gain in zip(self._mean, self._expected, self._light, strict=True):
                cv2.convertScaleAbs(mean, dst=expected, alpha=float(gain))
            cv2.convertScaleAbs(self._unrest, dst=self._bound, alpha=2.5, beta=self._settings.threshold)
            self._is_expected = True
        _difference(self._working, self._expected, self._difference, self._scratch)
        cv2.compare(self._difference, self._bound, cv2.CMP_GT, dst=self._foreground)
        self._blocks = _block_shares(self._foreground)
        self._notice_upset(working, at_ns)
        return self._difference if self.is_trusted else np.zeros_like(self._difference)

    def has_motion(self) -> bool:
        """Is anything in the last picture that is not the empty shop? True while the background is not trusted."""
        return not self.is_trusted or bool(self._blocks.max() >= self._settings.block_share * 255)

    def foreground_shares(self, boxes_px: NDArray[np.floating]) -> NDArray[np.float32]:
        """Share of foreground 0..1 in each box [n, 4] of working px; 1 while the background is not trusted."""
        if not self.is_trusted:
            return np.ones(len(boxes_px), np.float32)
        height, width = self._foreground.shape
        shares = np.zeros(len(boxes_px), np.float32)
        for row, box in enumerate(boxes_px):
            x1, y1, x2, y2 = _clipped(box, width, height)
            inside = self._foreground[y1:y2, x1:x2]
            shares[row] = cv2.countNonZero(inside) / inside.size if inside.size else 0.0
        return shares

    def learn(self, person_boxes_px: NDArray[np.floating], at_ns: int) -> None:
        """Move towards the last compared picture, given where people [n, 4] (working px) were found in it.

        A gap on a shelf that a network takes for a person must not stay one: where nothing has moved for
        `still_s`, there is no person.
        """
        elapsed_s = (at_ns - self._learned_ns) / NS_PER_S
        settings = self._settings
        if self._is_upset or not self._is_expected or elapsed_s < settings.learn_every_s:
            return
        self._learned_ns = at_ns
        self._note_movement(at_ns)
        people = np.zeros_like(self._foreground)
        for box in person_boxes_px:
            x1, y1, x2, y2 = _clipped(box, people.shape[1], people.shape[0])
            if self._has_moved(x1, y1, x2, y2, at_ns):
                people[y1:y2, x1:x2] = 255
        changed = cv2.subtract(self._foreground, people)
        empty = cv2.bitwise_not(cv2.bitwise_or(self._foreground, people))
        # Young backgrounds average what they have seen so far.
        age_s = (at_ns - self._began_ns) / NS_PER_S + 0.1
        paces_s = (min(settings.empty_s, age_s), min(settings.changed_s, age_s), settings.person_s)
        masks = [
            (mask, 1.0 - math.exp(-elapsed_s / pace_s))
            for mask, pace_s in zip((empty, changed, people), paces_s, strict=True)
            if cv2.countNonZero(mask)
        ]
        self._step_towards(self._working, masks)
        self._is_expected = False

    def _step_towards(self, planes: Planes, masks: list[tuple[Any, float]]) -> None:
        """Bounded steps, under the light in which the background was begun, at each mask's rate."""
        step: Any = self._settings.step_max  # a number may stand for a picture; the stubs do not know
        for plane, expected, mean, gain in zip(planes, self._expected, self._mean, self._light, strict=True):
            # Expected is made anew after this, and serves as a place for its own bounds.
            lowest = cv2.subtract(expected, step, dst=self._scratch)
            highest = cv2.add(expected, step, dst=expected)
            bounded = cv2.min(cv2.max(plane, lowest, dst=lowest), highest, dst=highest)
            target = np.multiply(bounded, np.float32(1.0) / gain, out=self._target)
            for mask, rate in masks:
                cv2.accumulateWeighted(target, mean, rate, mask)
        usual = cv2.min(self._difference, step, dst=self._scratch)
        for mask, rate in masks:
            cv2.accumulateWeighted(usual, self._unrest, rate, mask)

    def _take_places(self, height: int, width: int) -> None:
        """Memory for all that is kept of a camera."""
        self._mean = np.zeros((3, height, width), np.float32)  # under the light of the time it was begun
        self._unrest = np.ones((height, width), np.float32)  # usual difference
        self._target = np.zeros((height, width), np.float32)
        self._working, self._before, self._expected = (  # before: the picture of the last step
            [np.zeros((height, width), np.uint8) for _ in range(3)] for _ in range(3)
        )
        self._bound, self._difference, self._foreground, self._scratch = (
            np.zeros((height, width), np.uint8) for _ in range(4)
        )
        self._blocks = np.zeros((1, 1), np.uint8)
        # When each block last differed from the step before.
        self._moved_ns = np.zeros((max(1, height // GRID_PX), max(1, width // GRID_PX)), np.int64)

    def _begin(self, working: Pixels, at_ns: int) -> None:
        height, width = working.shape[:2]
        if self._foreground.shape != (height, width):
            self._take_places(height, width)
        cv2.split(working, self._before)
        for mean, plane in zip(self._mean, self._before, strict=True):
            mean[:] = plane
        self._unrest[:] = 1.0
        self._light = np.ones(3, np.float32)
        self._moved_ns[:] = at_ns
        self._is_expected = False
        self._began_ns = self._learned_ns = at_ns
        self._is_known = self._is_upset = False

    def _note_movement(self, at_ns: int) -> None:
        """In the scratch; the picture compared becomes the one before."""
        change = _difference(self._working, self._before, self._scratch, self._before[0])
        threshold: Any = self._settings.threshold
        moved = np.asarray(cv2.compare(change, threshold, cv2.CMP_GT), np.uint8)
        self._moved_ns[_block_shares(moved) > MOVED_SHARE * 255] = at_ns
        for before, plane in zip(self._before, self._working, strict=True):
            before[:] = plane

    def _has_moved(self, x1: int, y1: int, x2: int, y2: int, at_ns: int) -> bool:
        """Whether anything within a box did lately. A box on the very edge is judged by the block beside it."""
        rows, columns = self._moved_ns.shape
        top, left = min(y1 // GRID_PX, rows - 1), min(x1 // GRID_PX, columns - 1)
        inside = self._moved_ns[top : max(top + 1, y2 // GRID_PX), left : max(left + 1, x2 // GRID_PX)]
        return at_ns - int(inside.max()) < self._settings.still_s * NS_PER_S

    def _follow_light(self) -> None:
        """Median ratio [3] of picture to background over a grid of samples, where neither is dark or blown out."""
        blue, green, red = self._working
        light = _median_ratios(blue, green, red, self._mean)
        # Light that is the same but for noise leaves what was made of it valid.
        if np.abs(light - self._light).max() > LIGHT_STEP:
            self._light, self._is_expected = light, False

    def _notice_upset(self, working: Pixels, at_ns: int) -> None:
        share = cv2.countNonZero(self._foreground) / self._foreground.size
        if share < self._settings.upset_share:
            self._is_upset = False
        elif not self._is_upset:
            self._is_upset, self._upset_since_ns = True, at_ns
        elif at_ns - self._upset_since_ns >= self._settings.upset_s * NS_PER_S:
            self._begin(working, at_ns)


@njit(cache=True)
def _median_ratios(
    blue: Pixels, green: Pixels, red: Pixels, known: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Median [3] of picture (three planes) over background [3, h, w] on the grid; NaN with too few fair samples.

    By counting in bins of 1 / _LIGHT_BINS_PER_1: a third of LIGHT_STEP.
    """
    bins = round((LIGHT_MAX - LIGHT_MIN) * _LIGHT_BINS_PER_1)
    counts = np.zeros((3, bins + 1), np.int32)
    height, width = blue.shape
    fair = 0
    for y in range(LIGHT_GRID_PX // 2, height, LIGHT_GRID_PX):
        for x in range(LIGHT_GRID_PX // 2, width, LIGHT_GRID_PX):
            seen = (blue[y, x], green[y, x], red[y, x])
            before = (known[0, y, x], known[1, y, x], known[2, y, x])
            if min(before) <= 16 or max(before) >= 245 or max(seen) >= 250:
                continue
            fair += 1
            for channel in range(3):
                place = round((seen[channel] / before[channel] - LIGHT_MIN) * _LIGHT_BINS_PER_1)
                counts[channel, min(max(place, 0), bins)] += 1
    medians = np.full(3, np.nan, np.float32)
    if fair < FAIR_SAMPLES_MIN:
        return medians
    for channel in range(3):
        below = 0
        for place in range(bins + 1):
            below += counts[channel, place]
            if below > fair // 2:
                medians[channel] = LIGHT_MIN + place / _LIGHT_BINS_PER_1
                break
    return medians


def _difference(one: Planes, other: Planes, into: Pixels, scratch: Pixels) -> Pixels:
    """[h, w] of two pictures in planes: the largest of the three channels. `scratch` may be a plane of `other`."""
    # The first plane is done with before a second scratch is needed.
    cv2.absdiff(one[0], other[0], dst=into)
    for channel in (1, 2):
        cv2.absdiff(one[channel], other[channel], dst=scratch)
        cv2.max(into, scratch, dst=into)
    return into


def _block_shares(mask: Pixels) -> Pixels:
    """Share 0..255 of each block of a mask (0 or 255). Whole blocks only: OpenCV averages those much faster."""
    height, width = (max(GRID_PX, each // GRID_PX * GRID_PX) for each in mask.shape)
    size = (width // GRID_PX, height // GRID_PX)
    return np.asarray(cv2.resize(mask[:height, :width], size, interpolation=cv2.INTER_AREA), np.uint8)


def _clipped(box_px: NDArray[np.floating], width: int, height: int) -> tuple[int, int, int, int]:
    x1, y1, x2, y2 = (int(value) for value in box_px)
    return max(0, x1), max(0, y1), min(width, x2 + 1), min(height, y2 + 1)
