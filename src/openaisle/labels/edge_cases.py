"""What makes labels hard: hidden people, crowds, look-alike packs, unusual light. The same words as in reports."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from openaisle.labels.dataset import HIDDEN, NOWHERE, PERSON, DataSet, FrameLabels, Label

OCCLUSION: Final = "occlusion"
CROWDING: Final = "crowding"
LOOK_ALIKES: Final = "look-alikes"
LIGHT: Final = "light"
EDGE_CASES: Final[Mapping[str, str]] = {
    OCCLUSION: "less than half of it in view, or half of its joints hidden",
    CROWDING: "three more people in the picture, or another person over 30 % of the box",
    LOOK_ALIKES: "a product that has a look-alike",
    LIGHT: "a picture much darker or brighter than the data set's middle one",
}
_IN_VIEW_LOW: Final = 0.5
_CROWD_MIN: Final = 4
_COVERED_MIN: Final = 0.3
_GREY_RATIOS: Final = (0.7, 1.3)


class EdgeCases:
    """Knows a data set's products and its usual light."""

    def __init__(self, dataset: DataSet) -> None:
        alike = {each.product_id for each in dataset.products if each.look_alike_of}
        self._alike = alike | {each.look_alike_of for each in dataset.products} - {""}
        greys = [frame.mean_grey for frame in dataset.frames if frame.mean_grey is not None]
        self._usual_grey = float(np.median(greys)) if greys else math.nan

    def of_label(self, frame: FrameLabels, label: Label) -> frozenset[str]:
        """Which of EDGE_CASES it is."""
        found = {
            OCCLUSION: _is_hidden(label),
            CROWDING: label.kind == PERSON and _is_crowded(frame, label),
            LOOK_ALIKES: bool(label.product_id) and label.product_id in self._alike,
            LIGHT: self.has_odd_light(frame),
        }
        return frozenset(name for name, is_so in found.items() if is_so)

    def of_frame(self, frame: FrameLabels) -> frozenset[str]:
        """Of any of its labels; light also of a frame without."""
        found = [self.of_label(frame, label) for label in frame.labels if not label.is_ignored]
        return frozenset().union(*found, {LIGHT} if self.has_odd_light(frame) else set())

    def has_odd_light(self, frame: FrameLabels) -> bool:
        if frame.mean_grey is None or not math.isfinite(self._usual_grey):
            return False
        low, high = (ratio * self._usual_grey for ratio in _GREY_RATIOS)
        return not low <= frame.mean_grey <= high


def _is_hidden(label: Label) -> bool:
    if label.in_view is not None:
        return label.in_view < _IN_VIEW_LOW
    sights = [sight for _, _, sight in label.joints_px if sight != NOWHERE]
    return bool(sights) and 2 * sights.count(HIDDEN) >= len(sights)


def _is_crowded(frame: FrameLabels, label: Label) -> bool:
    others = [other for other in frame.labels if other.kind == PERSON and other is not label]
    return len(others) >= _CROWD_MIN - 1 or covered(label, others) > _COVERED_MIN


def covered(label: Label, others: Sequence[Label]) -> float:
    """The largest share of its box that one of the others covers."""
    x1, y1, x2, y2 = label.box_px
    area = (x2 - x1) * (y2 - y1)
    shares = [
        max(0.0, min(x2, b[2]) - max(x1, b[0])) * max(0.0, min(y2, b[3]) - max(y1, b[1])) / area
        for b in (other.box_px for other in others)
    ]
    return max(shares, default=0.0)
