"""The whole body's box from the box that was proposed and the joints found in it.

What the box network proposes of somebody half hidden is a guess from few pixels; the keypoint network looked at more of
them. A linear correction of each side, fitted on held-out pictures (`learning.people_calibration`), takes the joints'
word for it as far as they are sure.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from openaisle.detections.crops import Floats

_GROUPS: Final = (slice(0, 5), slice(5, 7), slice(11, 13), slice(13, 15), slice(15, 17))
"""Head, shoulders, hips, knees and ankles in JOINTS."""
_SHARES: Final = np.zeros((17, len(_GROUPS)), np.float32)
"""Of each joint in the mean of its group."""
for _index, _group in enumerate(_GROUPS):
    _SHARES[_group, _index] = 1 / (_group.stop - _group.start)
TERMS: Final = 6 * (4 + 2 + 2 + 2 * len(_GROUPS)) + 6


def terms(boxes_px: Floats, points_px: Floats, mass: Floats) -> Floats:
    """What the correction is linear in [n, TERMS], of boxes [n, 4], joints [n, 17, 2] and their maps' mass [n, 17].

    The box and where the joints are in it, in units of its longer side; the same times how sure each group is.
    """
    middle, side = _frame(boxes_px)
    at = (points_px - middle[:, None]) / side[:, None]
    groups = np.swapaxes(np.swapaxes(at, 1, 2) @ _SHARES, 1, 2).reshape(len(at), -1)
    in_box = (boxes_px - np.tile(middle, 2)) / side
    places = np.concatenate([in_box, at.min(axis=1), at.max(axis=1), groups], axis=1)
    sure = mass @ _SHARES
    scaled = (sure[:, :, None] * places[:, None]).reshape(len(at), -1)
    whole = np.ones((len(boxes_px), 1), np.float32)
    return np.concatenate([places, scaled, sure, whole], axis=1).astype(np.float32)


def targets(boxes_px: Floats, whole_px: Floats) -> Floats:
    """By how much each side of boxes [n, 4] is to move to be the whole body's [n, 4], in units of the longer side."""
    return (whole_px - boxes_px) / _frame(boxes_px)[1]


def corrected(
    boxes_px: Floats, points_px: Floats, mass: Floats, weights: Floats, width_px: int, height_px: int
) -> Floats:
    """Boxes [n, 4], corrected by weights [TERMS, 4] and cut at the picture's edges."""
    if not len(boxes_px):
        return boxes_px
    moved = boxes_px + (terms(boxes_px, points_px, mass) @ weights) * _frame(boxes_px)[1]
    edge = np.array([width_px, height_px], np.float32)
    low = np.minimum(np.maximum(moved[:, :2], 0), edge - 2)
    high = np.minimum(np.maximum(moved[:, 2:], low + 1), edge)
    return np.concatenate([low, high], axis=1).astype(np.float32)


def _frame(boxes_px: Floats) -> tuple[Floats, Floats]:
    """Middles [n, 2] and longer sides [n, 1]."""
    middle = (boxes_px[:, :2] + boxes_px[:, 2:]) * np.float32(0.5)
    return middle, np.maximum((boxes_px[:, 2:] - boxes_px[:, :2]).max(axis=1, keepdims=True), 1.0)
