"""The whole body's box from the box that was proposed and the joints found in it.

What the box network proposes of somebody half hidden is a guess from few pixels; the keypoint network looked at more of
them. A linear correction of each side, fitted on held-out pictures (`learning.people_calibration`), takes the joints'
word for it as far as they are sure.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from openaisle.detections.crops import Floats

_GROUPS: Final = (slice(0, 5), slice(5, 7), slice(11, 13), slice(13, 15), slice(15, 17))
"""Head, shoulders, hips, knees and ankles in JOINTS."""
_FIRST: Final = np.array([group.start for group in _GROUPS])
_LAST: Final = np.array([group.stop for group in _GROUPS])
_PLACES: Final = 4 + 2 + 2 + 2 * len(_GROUPS)  # of the box, of the outermost joints, of the groups
TERMS: Final = (1 + len(_GROUPS)) * (_PLACES + 1)


def terms(boxes_px: Floats, points_px: Floats, mass: Floats) -> Floats:
    """What the correction is linear in [n, TERMS], of boxes [n, 4], joints [n, 17, 2] and their maps' mass [n, 17].

    The box and where the joints are in it, in units of its longer side; the same times how sure each group is.
    """
    into = np.empty((len(boxes_px), TERMS), np.float32)
    _fill(
        np.ascontiguousarray(boxes_px, np.float32),
        np.ascontiguousarray(points_px, np.float32),
        np.ascontiguousarray(mass, np.float32),
        into,
    )
    return into


@njit(cache=True)
def _fill(boxes_px: Floats, points_px: Floats, mass: Floats, into: Floats) -> None:
    """`terms` into [n, TERMS]: places, the same times how sure each group of joints is, how sure, 1."""
    groups = len(_FIRST)
    sure = np.empty(groups, np.float32)
    for row in range(len(boxes_px)):
        box, points, places = boxes_px[row], points_px[row], into[row, :_PLACES]
        side = max(box[2] - box[0], box[3] - box[1], np.float32(1.0))
        middle = (box[:2] + box[2:]) * np.float32(0.5)
        for axis in range(2):
            at = (points[:, axis] - middle[axis]) / side
            places[axis] = (box[axis] - middle[axis]) / side
            places[2 + axis] = (box[2 + axis] - middle[axis]) / side
            places[4 + axis], places[6 + axis] = at.min(), at.max()
            for group in range(groups):
                places[8 + 2 * group + axis] = at[_FIRST[group] : _LAST[group]].mean()
        for group in range(groups):
            sure[group] = mass[row, _FIRST[group] : _LAST[group]].mean()
            start = (1 + group) * _PLACES
            into[row, start : start + _PLACES] = sure[group] * places
        into[row, -1 - groups : -1] = sure
        into[row, -1] = 1.0


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
