"""From what the networks say to boxes and joints. Pure functions.

The box network answers on a grid of `stride_px` with the probability of a person's centre and the distances from
there to the four sides of the box (Zhou et al. 2019, "Objects as points"; Liu et al. 2020, "TTFNet"). The keypoint
network answers with one probability map per joint; what a map lacks to 1 is the probability that the joint is not
in the crop. The two joints of a pair (left and right wrist) come ordered by image x, with one more number per pair:
the logit that the one further left in the image is the person's own left one. Whether a joint is in view comes in
the same order.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float32]

PAIRS: Final = ((1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16))
"""(left, right) indices into JOINTS."""
_LEFT: Final = np.array([left for left, _ in PAIRS])
_RIGHT: Final = np.array([right for _, right in PAIRS])
_HEAD_JOINTS: Final = 5  # nose, eyes, ears come first
_LIMB_LEFT: Final = _LEFT[2:]  # eyes and ears may well share a place
_LIMB_RIGHT: Final = _RIGHT[2:]
_WINDOW: Final = 2  # cells to each side of a peak that belong to it
_APART_CELLS: Final = 2.5  # two joints of a pair nearer than this may be one joint seen twice
_FAR: Final = -1000.0  # from every cell
_SECOND_MIN: Final = 0.12  # probability that a second peak needs to be believed


def boxes(
    heat: Floats, sides: Floats, stride_px: int, score_min: float, boxes_max: int
) -> tuple[Floats, Floats]:
    """Peaks of heat [h, w] (probabilities) with sides [4, h, w] (px: left top right bottom) to boxes [n, 4], scores.

    Best first. A peak is the largest of its 3x3 cells.
    """
    return _box_peaks(
        np.ascontiguousarray(heat, np.float32),
        np.ascontiguousarray(sides, np.float32),
        float(stride_px),
        np.float32(score_min),
        boxes_max,
    )


@njit(cache=True)
def _box_peaks(
    heat: Floats, sides: Floats, stride_px: float, score_min: np.float32, boxes_max: int
) -> tuple[Floats, Floats]:
    height, width = heat.shape
    rows, columns = np.empty(heat.size, np.int64), np.empty(heat.size, np.int64)
    count = 0
    for y in range(height):
        for x in range(width):
            if heat[y, x] < score_min:
                continue
            around = heat[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
            if heat[y, x] >= around.max():
                rows[count], columns[count] = y, x
                count += 1
    scores = np.empty(count, np.float32)
    for found in range(count):
        scores[found] = heat[rows[found], columns[found]]
    # Ties go to the cell that comes first, so the order never depends on the sort.
    best = np.argsort(-scores, kind="mergesort")[:boxes_max]
    boxes = np.empty((len(best), 4), np.float32)
    for place, found in enumerate(best):
        y, x = rows[found], columns[found]
        middle_x, middle_y = (x + 0.5) * stride_px, (y + 0.5) * stride_px
        boxes[place, 0], boxes[place, 1] = middle_x - sides[0, y, x], middle_y - sides[1, y, x]
        boxes[place, 2], boxes[place, 3] = middle_x + sides[2, y, x], middle_y + sides[3, y, x]
    return boxes, scores[best]


def overlaps(a: Floats, b: Floats) -> Floats:
    """Intersection over union of boxes [n, 4] and [m, 4]: [n, m]."""
    return _overlaps(np.ascontiguousarray(a, np.float32), np.ascontiguousarray(b, np.float32))


@njit(cache=True)
def _overlaps(a: Floats, b: Floats) -> Floats:
    found = np.empty((len(a), len(b)), np.float32)
    for one in range(len(a)):
        for other in range(len(b)):
            found[one, other] = _overlap(a[one], b[other])
    return found


@njit(cache=True)
def _overlap(a: Floats, b: Floats) -> np.floating:
    shared = _shared_px2(a, b)
    both = _area_px2(a) + _area_px2(b) - shared
    return shared / max(both, np.float32(1e-6))


@njit(cache=True)
def _shared_px2(a: Floats, b: Floats) -> np.float32:
    none = np.float32(0.0)
    width = max(min(a[2], b[2]) - max(a[0], b[0]), none)
    return width * max(min(a[3], b[3]) - max(a[1], b[1]), none)


@njit(cache=True)
def _area_px2(box: Floats) -> np.float32:
    none = np.float32(0.0)
    return max(box[2] - box[0], none) * max(box[3] - box[1], none)


def suppress(boxes_px: Floats, scores: Floats, overlap_max: float) -> NDArray[np.intp]:
    """Rows that stay when each box gives way to a better one that overlaps it more than `overlap_max`."""
    return _kept(np.argsort(-scores, kind="stable"), overlaps(boxes_px, boxes_px) > np.float32(overlap_max))


@njit(cache=True)
def _kept(order: NDArray[np.intp], is_again: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Rows, in that order, that are none of the kept ones before them once more: is_again [row, better]."""
    kept = np.empty(len(order), np.intp)
    count = 0
    for row in order:
        is_new = True
        for better in kept[:count]:
            if is_again[row, better]:
                is_new = False
                break
        if is_new:
            kept[count] = row
            count += 1
    return kept[:count]


def different_people(keypoints_px: Floats, boxes_px: Floats, alike_max: float) -> NDArray[np.intp]:
    """Rows of people [n, 17, 3], best first, that are not a better row seen once more.

    Two rows are alike by the mean over joints of exp(-d^2 / 2 (0.06 side)^2), each joint weighing as much as both
    are sure of it: two windows on one person, or on a part of one, put joints at the same places; two people
    standing close do not. Whose left is left does not matter here: each pair counts by its better order.
    """
    alike = _likeness(
        np.ascontiguousarray(keypoints_px, np.float32), np.ascontiguousarray(boxes_px, np.float32)
    )
    return _kept(np.arange(len(alike)), alike > alike_max)


@njit(cache=True)
def _likeness(keypoints_px: Floats, boxes_px: Floats) -> NDArray[np.float64]:
    """Of each row to each before it [n, n]; 0 elsewhere."""
    found = np.zeros((len(keypoints_px), len(keypoints_px)))
    for row in range(len(keypoints_px)):
        for better in range(row):
            box = boxes_px[better]
            side = max(box[2] - box[0], box[3] - box[1], np.float32(1.0))
            found[row, better] = _alike(keypoints_px[better], keypoints_px[row], 0.06 * side)
    return found


@njit(cache=True)
def _alike(one: Floats, other: Floats, sd_px: float) -> float:
    """Mean nearness of two people's joints [17, 3]."""
    near, weights = 0.0, 0.0
    for joint in range(len(one)):
        mirrored = joint if joint == 0 else joint + 1 if joint % 2 else joint - 1
        best, weight = -1.0, 0.0
        for same in (joint, mirrored):
            dx, dy = one[same, 0] - other[joint, 0], one[same, 1] - other[joint, 1]
            nearness = np.exp(-(dx * dx + dy * dy) / (2 * sd_px * sd_px))
            if nearness > best:
                best, weight = nearness, one[same, 2] * other[joint, 2] + 1e-6
        near += best * weight
        weights += weight
    return near / weights


def whole_people(
    keypoints_px: Floats, boxes_px: Floats, inside_min: float, head_min: float
) -> NDArray[np.intp]:
    """Rows of people, best first, that are not only a part of a better row: inside its box, and without a head."""
    is_headless = keypoints_px[:, :_HEAD_JOINTS, 2].max(axis=1, initial=0.0) < np.float32(head_min)
    inside = _shares_inside(np.ascontiguousarray(boxes_px, np.float32))
    return _kept(np.arange(len(inside)), (inside > inside_min) & is_headless[:, None])


@njit(cache=True)
def _shares_inside(boxes_px: Floats) -> Floats:
    """Share of each box that lies in each other [n, n]."""
    found = np.empty((len(boxes_px), len(boxes_px)), np.float32)
    for row in range(len(boxes_px)):
        area = max(_area_px2(boxes_px[row]), np.float32(1.0))
        for other in range(len(boxes_px)):
            found[row, other] = _shared_px2(boxes_px[other], boxes_px[row]) / area
    return found


def joints(
    maps: Floats, pair_logits: Floats, visible_logits: Floats, crop_px: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Maps [n, 17, h, w] to points [n, 17, 2] in crop px, their probability mass and spread in cells [n, 17] each.

    Last: `visible_logits` [n, 17] by the same rows, which are the person's own left and right. Sub-cell: the mean of
    the map within 5x5 cells of the peak.
    """
    count, kinds, height, width = maps.shape
    if count == 0:
        return (
            np.zeros((0, kinds, 2), np.float32),
            np.zeros((0, kinds), np.float32),
            np.zeros((0, kinds), np.float32),
            np.zeros((0, kinds), np.float32),
        )
    told = np.zeros((count, kinds, 5), np.float32)
    told[:, :, 4] = visible_logits
    _find(np.ascontiguousarray(maps, np.float32), np.ascontiguousarray(pair_logits, np.float32), told)
    points = (told[:, :, :2] + 0.5) * (crop_px / np.array([width, height], np.float32)) - 0.5
    return points.astype(np.float32), told[:, :, 2], told[:, :, 3], told[:, :, 4]


@njit(cache=True)
def _find(maps: Floats, pair_logits: Floats, told: Floats) -> None:
    """The peaks of maps [n, k, h, w] into `told` [n, k, 5]: x, y, mass, spread; by the person's own left and right.

    Where both joints of a limb's pair chose one place, the one with the better second choice gets that instead: two
    joints at nearly the same image x cannot be ordered by it, and both maps then show both places.
    """
    for n in range(maps.shape[0]):
        for k in range(maps.shape[1]):
            told[n, k, :4] = _peak(maps[n, k], _FAR, _FAR)
        for limb in range(len(_LIMB_LEFT)):
            left, right = _LIMB_LEFT[limb], _LIMB_RIGHT[limb]
            dx, dy = told[n, left, 0] - told[n, right, 0], told[n, left, 1] - told[n, right, 1]
            if dx * dx + dy * dy >= _APART_CELLS * _APART_CELLS:
                continue
            left_second = _peak(maps[n, left], told[n, left, 0], told[n, left, 1])
            right_second = _peak(maps[n, right], told[n, right, 0], told[n, right, 1])
            if left_second[2] >= right_second[2] and left_second[2] >= _SECOND_MIN:
                told[n, left, :4] = left_second
            elif right_second[2] > left_second[2] and right_second[2] >= _SECOND_MIN:
                told[n, right, :4] = right_second
        for pair in range(len(_LEFT)):
            if pair_logits[n, pair] < 0:
                for each in range(told.shape[2]):
                    left_told, right_told = told[n, _LEFT[pair], each], told[n, _RIGHT[pair], each]
                    told[n, _LEFT[pair], each], told[n, _RIGHT[pair], each] = right_told, left_told


@njit(cache=True)
def _peak(shares: Floats, beside_x: float, beside_y: float) -> Floats:
    """The peak of a map [h, w]: x, y in cells, mass and spread of the 5x5 cells about it.

    Cells within 3 of a place beside it do not count.
    """
    height, width = shares.shape
    away_x, away_y = round(beside_x), round(beside_y)
    best, peak_y, peak_x = np.float32(-1.0), 0, 0
    for y in range(height):
        if _largest(shares[y]) <= best:
            continue
        near_y = abs(y - away_y) <= _WINDOW + 1
        for x in range(width):
            if shares[y, x] > best and not (near_y and abs(x - away_x) <= _WINDOW + 1):
                best, peak_y, peak_x = shares[y, x], y, x
    mass, sum_x, sum_y, squares = 1e-12, 0.0, 0.0, 0.0
    for y in range(max(0, peak_y - _WINDOW), min(height, peak_y + _WINDOW + 1)):
        for x in range(max(0, peak_x - _WINDOW), min(width, peak_x + _WINDOW + 1)):
            if abs(y - away_y) <= _WINDOW + 1 and abs(x - away_x) <= _WINDOW + 1:
                continue
            share, dx, dy = shares[y, x], x - peak_x, y - peak_y
            mass += share
            sum_x += share * dx
            sum_y += share * dy
            squares += share * (dx * dx + dy * dy)
    mean_x, mean_y = sum_x / mass, sum_y / mass
    spread = np.sqrt(max(squares / mass - mean_x * mean_x - mean_y * mean_y, 0.0))
    return np.array([peak_x + mean_x, peak_y + mean_y, mass, spread], np.float32)


@njit(cache=True, fastmath=True)
def _largest(values: Floats) -> np.float32:
    """Of values [n]; free of order, so several are compared at once."""
    largest = np.float32(-1.0)
    for value in values:
        largest = max(largest, value)
    return largest
