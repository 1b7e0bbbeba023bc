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
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openaisle.core.units import NS_PER_S
from openaisle.detections.crops import Pixels

GRID_PX: Final = 8
"""Side of a block of the motion gate, and distance of the samples for the light."""
LEARN_EVERY_S: Final = 0.2
FAIR_SAMPLES_MIN: Final = 60


@dataclass(frozen=True, kw_only=True)
class BackgroundSettings:
    """Time constants in seconds of shop time; levels in grey values of 0..255."""

    settle_s: float = 1.0  # until a new background is trusted
    empty_s: float = 4.0  # follows where nobody is
    changed_s: float = 25.0  # follows where something changed that is no person
    person_s: float = 600.0  # follows under people
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
        self._signed = np.zeros((0, 0, 3), np.float32)  # last picture minus expected picture
        self._difference: Pixels = np.zeros((0, 0), np.uint8)
        self._foreground: Pixels = np.zeros((0, 0), np.uint8)
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
        self._light = self._light_of(working)
        self._signed = working - self._mean * self._light
        difference = cv2.convertScaleAbs(self._signed)
        largest = cv2.max(cv2.max(difference[:, :, 0], difference[:, :, 1]), difference[:, :, 2])
        self._difference = np.asarray(largest, np.uint8)
        bound = cv2.convertScaleAbs(self._unrest, alpha=2.5, beta=self._settings.threshold)
        self._foreground = np.asarray(cv2.compare(self._difference, bound, cv2.CMP_GT), np.uint8)
        self._notice_upset(working, at_ns)
        return self._difference if self.is_trusted else np.zeros_like(self._difference)

    def has_motion(self) -> bool:
        """Is anything in the last picture that is not the empty shop? True while the background is not trusted."""
        if not self.is_trusted:
            return True
        height, width = self._foreground.shape
        size = (max(1, width // GRID_PX), max(1, height // GRID_PX))
        shares = cv2.resize(self._foreground, size, interpolation=cv2.INTER_AREA)
        return bool(shares.max() >= self._settings.block_share * 255)

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
        """Move towards the last compared picture, given where people [n, 4] (working px) were found in it."""
        elapsed_s = (at_ns - self._learned_ns) / NS_PER_S
        if self._is_upset or elapsed_s < LEARN_EVERY_S:
            return
        self._learned_ns = at_ns
        settings = self._settings
        # Young backgrounds average what they have seen so far.
        age_s = (at_ns - self._began_ns) / NS_PER_S
        rates = [
            _rate(elapsed_s, min(follow_s, age_s + 0.1))
            for follow_s in (settings.empty_s, settings.changed_s)
        ]
        rate = np.where(self._foreground > 0, np.float32(rates[1]), np.float32(rates[0]))
        height, width = rate.shape
        for box in person_boxes_px:
            x1, y1, x2, y2 = _clipped(box, width, height)
            rate[y1:y2, x1:x2] = _rate(elapsed_s, settings.person_s)
        step = np.clip(self._signed, -settings.step_max, settings.step_max)
        self._mean += step / self._light * rate[:, :, None]
        self._unrest += (np.minimum(self._difference, np.float32(settings.step_max)) - self._unrest) * rate

    def _begin(self, working: Pixels, at_ns: int) -> None:
        self._mean = working.astype(np.float32)
        self._unrest = np.full(working.shape[:2], 1.0, np.float32)
        self._began_ns = self._learned_ns = at_ns
        self._is_known = self._is_upset = False

    def _light_of(self, working: Pixels) -> NDArray[np.float32]:
        """Median ratio [3] of picture to background over a grid of samples, where neither is dark or blown out."""
        seen = working[GRID_PX // 2 :: GRID_PX, GRID_PX // 2 :: GRID_PX].reshape(-1, 3).astype(np.float32)
        known = self._mean[GRID_PX // 2 :: GRID_PX, GRID_PX // 2 :: GRID_PX].reshape(-1, 3)
        is_fair = ((known > 16) & (known < 245) & (seen < 250)).all(axis=1)
        if is_fair.sum() < FAIR_SAMPLES_MIN:
            return np.ones(3, np.float32)
        ratios = np.median(seen[is_fair] / known[is_fair], axis=0)
        return np.asarray(np.clip(ratios, 0.4, 2.5), np.float32)

    def _notice_upset(self, working: Pixels, at_ns: int) -> None:
        share = cv2.countNonZero(self._foreground) / self._foreground.size
        if share < self._settings.upset_share:
            self._is_upset = False
        elif not self._is_upset:
            self._is_upset, self._upset_since_ns = True, at_ns
        elif at_ns - self._upset_since_ns >= self._settings.upset_s * NS_PER_S:
            self._begin(working, at_ns)


def _rate(elapsed_s: float, follow_s: float) -> float:
    return 1.0 - math.exp(-elapsed_s / follow_s)


def _clipped(box_px: NDArray[np.floating], width: int, height: int) -> tuple[int, int, int, int]:
    x1, y1, x2, y2 = (int(value) for value in box_px)
    return max(0, x1), max(0, y1), min(width, x2 + 1), min(height, y2 + 1)
