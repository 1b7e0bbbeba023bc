"""What a camera sees when nobody is there, and where the present picture differs from it.

A fixed camera knows its empty picture. Each new picture moves the background towards itself by a bounded step, fast
where nobody is, slowly under people (a shopper may stand for minutes) and at a middling pace where something changed
that is no person (a moved pack, an opened door). Bounded steps follow the median rather than the mean of what was
seen (McFarlane and Schofield 1995, "Segmentation and tracking of piglets in images"). Before comparing, exposure and
white balance of the background are brought to those of the picture, channel by channel, by the median ratio over
the pixels that nobody covers. All arrays are at working resolution (see crops.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openaisle.core.units import NS_PER_S
from openaisle.detections.crops import Pixels

GRID_PX: Final = 8
"""Side of a block of the motion gate."""
MOVED_SHARE: Final = 0.15  # of a block's pixels
LIGHT_GRID_PX: Final = 12
LIGHT_STEP: Final = 0.006
FAIR_SAMPLES_MIN: Final = 40


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
        self._mean = np.zeros((0, 0, 3), np.float32)  # under the light of the time it was begun
        self._unrest = np.zeros((0, 0), np.float32)  # usual difference
        self._light = np.ones(3, np.float32)
        # What follows from mean, unrest and light is made anew only when they change.
        self._expected: Pixels | None = None  # [h, w, 3]
        self._bound: Pixels = np.zeros((0, 0), np.uint8)
        self._working: Pixels = np.zeros((0, 0, 3), np.uint8)
        self._difference: Pixels = np.zeros((0, 0), np.uint8)
        self._foreground: Pixels = np.zeros((0, 0), np.uint8)
        self._before: Pixels = np.zeros((0, 0, 3), np.uint8)  # the picture of the last step
        self._moved_ns = np.zeros((0, 0), np.int64)  # when each block last differed from the step before
        self._began_ns = self._learned_ns = self._upset_since_ns = 0
        self._is_known = self._is_upset = False

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
    def colour_mean(self) -> NDArray[np.float32]:
        """Mean colour [3] (BGR) of the empty shop under the present light: the camera's grey balance."""
        samples = self._mean[::GRID_PX, ::GRID_PX]
        return np.asarray(samples.mean(axis=(0, 1)) * self._light, np.float32)

    def start_from(self, working: Pixels, at_ns: int) -> None:
        """Take a picture known to be empty as the background."""
        self._begin(working, at_ns)
        self._is_known = True

    def compare(self, working: Pixels, at_ns: int) -> Pixels:
        """Difference [h, w] of a working picture [h, w, 3] to the background: the largest of the three channels.

        All zero while the background is not trusted: a wrong difference is worse than none.
        """
        if self._mean.shape != working.shape:
            self._begin(working, at_ns)
        self._is_known = self._is_known or at_ns - self._began_ns >= self._settings.settle_s * NS_PER_S
        self._working = working
        self._follow_light(working)
        if self._expected is None:
            self._expected = _bytes(cv2.multiply(self._mean, _scalar(self._light)))
            self._bound = _bytes(self._unrest, 2.5, self._settings.threshold)
        self._difference = _difference(working, self._expected)
        self._foreground = np.asarray(cv2.compare(self._difference, self._bound, cv2.CMP_GT), np.uint8)
        self._notice_upset(working, at_ns)
        return self._difference if self.is_trusted else np.zeros_like(self._difference)

    def has_motion(self) -> bool:
        """Is anything in the last picture that is not the empty shop? True while the background is not trusted."""
        if not self.is_trusted:
            return True
        return bool(_block_shares(self._foreground).max() >= self._settings.block_share * 255)

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
        if self._is_upset or self._expected is None or elapsed_s < settings.learn_every_s:
            return
        self._learned_ns = at_ns
        self._note_movement(at_ns)
        # Bounded steps, under the light in which the background was begun.
        step = _scalar(np.full(3, settings.step_max))
        lowest, highest = cv2.subtract(self._expected, step), cv2.add(self._expected, step)
        bounded = cv2.min(cv2.max(self._working, lowest), highest)
        target = cv2.multiply(bounded, _scalar(1.0 / self._light), dtype=cv2.CV_32F)
        usual = cv2.min(self._difference, step)
        # Young backgrounds average what they have seen so far.
        age_s = (at_ns - self._began_ns) / NS_PER_S + 0.1
        people = np.zeros_like(self._foreground)
        for box in person_boxes_px:
            x1, y1, x2, y2 = _clipped(box, people.shape[1], people.shape[0])
            if self._has_moved(x1, y1, x2, y2, at_ns):
                people[y1:y2, x1:x2] = 255
        changed = cv2.subtract(self._foreground, people)
        empty = cv2.bitwise_not(cv2.bitwise_or(self._foreground, people))
        for mask, follow_s in (
            (empty, settings.empty_s),
            (changed, settings.changed_s),
            (people, settings.person_s),
        ):
            follow_s = min(follow_s, age_s) if mask is not people else follow_s
            rate = 1.0 - math.exp(-elapsed_s / follow_s)
            cv2.accumulateWeighted(target, self._mean, rate, mask)
            cv2.accumulateWeighted(usual, self._unrest, rate, mask)
        self._expected = None

    def _begin(self, working: Pixels, at_ns: int) -> None:
        self._mean = working.astype(np.float32)
        self._unrest = np.full(working.shape[:2], 1.0, np.float32)
        self._light = np.ones(3, np.float32)
        self._before = working
        blocks = tuple(max(1, each // GRID_PX) for each in working.shape[:2])
        self._moved_ns = np.full(blocks, at_ns, np.int64)
        self._expected = None
        self._began_ns = self._learned_ns = at_ns
        self._is_known = self._is_upset = False

    def _note_movement(self, at_ns: int) -> None:
        change = _difference(self._working, self._before)
        moved = (change > self._settings.threshold).astype(np.uint8) * 255
        self._moved_ns[_block_shares(moved) > MOVED_SHARE * 255] = at_ns
        self._before = self._working

    def _has_moved(self, x1: int, y1: int, x2: int, y2: int, at_ns: int) -> bool:
        """Whether anything within a box did lately. A box on the very edge is judged by the block beside it."""
        rows, columns = self._moved_ns.shape
        top, left = min(y1 // GRID_PX, rows - 1), min(x1 // GRID_PX, columns - 1)
        inside = self._moved_ns[top : max(top + 1, y2 // GRID_PX), left : max(left + 1, x2 // GRID_PX)]
        return at_ns - int(inside.max()) < self._settings.still_s * NS_PER_S

    def _follow_light(self, working: Pixels) -> None:
        """Median ratio [3] of picture to background over a grid of samples, where neither is dark or blown out."""
        grid = (slice(LIGHT_GRID_PX // 2, None, LIGHT_GRID_PX),) * 2
        seen, known = working[grid].reshape(-1, 3).astype(np.float32), self._mean[grid].reshape(-1, 3)
        is_fair = (known.min(axis=1) > 16) & (known.max(axis=1) < 245) & (seen.max(axis=1) < 250)
        ratios = (seen / np.maximum(known, 1.0))[is_fair]
        if len(ratios) < FAIR_SAMPLES_MIN:
            return
        ratios.sort(axis=0)
        light = np.clip(ratios[len(ratios) // 2], 0.4, 2.5)
        # Light that is the same but for noise leaves what was made of it valid.
        if np.abs(light - self._light).max() > LIGHT_STEP:
            self._light, self._expected = light, None

    def _notice_upset(self, working: Pixels, at_ns: int) -> None:
        share = cv2.countNonZero(self._foreground) / self._foreground.size
        if share < self._settings.upset_share:
            self._is_upset = False
        elif not self._is_upset:
            self._is_upset, self._upset_since_ns = True, at_ns
        elif at_ns - self._upset_since_ns >= self._settings.upset_s * NS_PER_S:
            self._begin(working, at_ns)


def _difference(one: Pixels, other: Pixels) -> Pixels:
    """[h, w] of two pictures [h, w, 3]: the largest of the three channels."""
    blue, green, red = cv2.split(cv2.absdiff(one, other))
    return np.asarray(cv2.max(cv2.max(blue, green), red), np.uint8)


def _block_shares(mask: Pixels) -> Pixels:
    """Share 0..255 of each block of a mask (0 or 255). Whole blocks only: OpenCV averages those much faster."""
    height, width = (max(GRID_PX, each // GRID_PX * GRID_PX) for each in mask.shape)
    size = (width // GRID_PX, height // GRID_PX)
    return np.asarray(cv2.resize(mask[:height, :width], size, interpolation=cv2.INTER_AREA), np.uint8)


def _scalar(values: NDArray[np.floating]) -> Any:
    """OpenCV's scalar for pictures of three channels."""
    return (*values.tolist(), 0.0)


def _bytes(values: Any, gain: float = 1.0, offset: float = 0.0) -> Pixels:
    return np.asarray(cv2.convertScaleAbs(values, alpha=gain, beta=offset), np.uint8)


def _clipped(box_px: NDArray[np.floating], width: int, height: int) -> tuple[int, int, int, int]:
    x1, y1, x2, y2 = (int(value) for value in box_px)
    return max(0, x1), max(0, y1), min(width, x2 + 1), min(height, y2 + 1)
