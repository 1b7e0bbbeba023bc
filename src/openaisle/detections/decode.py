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

import cv2
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
    highest = cv2.dilate(heat, np.ones((3, 3), np.uint8))
    rows, columns = np.nonzero((heat >= highest) & (heat >= score_min))
    scores = heat[rows, columns]
    # Ties go to the cell that comes first, so the order never depends on the sort.
    best = np.argsort(-scores, kind="stable")[:boxes_max]
    rows, columns, scores = rows[best], columns[best], scores[best]
    x, y = (columns + 0.5) * stride_px, (rows + 0.5) * stride_px
    left, top, right, bottom = sides[:, rows, columns]
    return np.stack([x - left, y - top, x + right, y + bottom], axis=1).astype(np.float32), scores


def overlaps(a: Floats, b: Floats) -> Floats:
    """Intersection over union of boxes [n, 4] and [m, 4]: [n, m]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    area_a = np.clip(a[:, 2:] - a[:, :2], 0, None).prod(axis=1)
    area_b = np.clip(b[:, 2:] - b[:, :2], 0, None).prod(axis=1)
    union = area_a[:, None] + area_b[None, :] - shared
    return (shared / np.maximum(union, 1e-6)).astype(np.float32)


def suppress(boxes_px: Floats, scores: Floats, overlap_max: float) -> NDArray[np.intp]:
    """Rows that stay when each box gives way to a better one that overlaps it more than `overlap_max`."""
    order = np.argsort(-scores, kind="stable")
    overlap = overlaps(boxes_px, boxes_px)
    kept: list[int] = []
    for row in order:
        if not kept or overlap[row, kept].max() <= overlap_max:
            kept.append(int(row))
    return np.array(kept, np.intp)


def different_people(keypoints_px: Floats, boxes_px: Floats, alike_max: float) -> NDArray[np.intp]:
    """Rows of people [n, 17, 3], best first, that are not a better row seen once more.

    Two rows are alike by the mean over joints of exp(-d^2 / 2 (0.06 side)^2), each joint weighing as much as both
    are sure of it: two windows on one person, or on a part of one, put joints at the same places; two people
    standing close do not. Whose left is left does not matter here.
    """
    count = len(keypoints_px)
    if count < 2:
        return np.arange(count)
    sides = np.maximum((boxes_px[:, 2:] - boxes_px[:, :2]).max(axis=1), 1.0)
    turned = keypoints_px.copy()
    turned[:, _LEFT], turned[:, _RIGHT] = keypoints_px[:, _RIGHT], keypoints_px[:, _LEFT]
    kept: list[int] = []
    for row in range(count):
        if kept:
            straight = _agreement(keypoints_px[kept], keypoints_px[row], sides[kept])
            crossed = _agreement(turned[kept], keypoints_px[row], sides[kept])
            # Each pair by its better order, the nose by itself.
            near, weight = np.where(crossed[0] > straight[0], crossed, straight)
            if ((near * weight).sum(axis=1) / weight.sum(axis=1)).max() > alike_max:
                continue
        kept.append(row)
    return np.array(kept, np.intp)


def _agreement(others: Floats, one: Floats, sides: Floats) -> tuple[Floats, Floats]:
    """Nearness and weight [m, 17] of each joint of `one` [17, 3] to the same of `others` [m, 17, 3]."""
    squared = ((others[:, :, :2] - one[:, :2]) ** 2).sum(axis=2)
    near = np.exp(-squared / (2 * (0.06 * sides[:, None]) ** 2))
    return near.astype(np.float32), (others[:, :, 2] * one[:, 2] + 1e-6).astype(np.float32)


def whole_people(
    keypoints_px: Floats, boxes_px: Floats, inside_min: float, head_min: float
) -> NDArray[np.intp]:
    """Rows of people, best first, that are not only a part of a better row: inside its box, and without a head."""
    kept: list[int] = []
    areas = (boxes_px[:, 2:] - boxes_px[:, :2]).prod(axis=1)
    heads = keypoints_px[:, :_HEAD_JOINTS, 2].max(axis=1, initial=0.0)
    for row, box in enumerate(boxes_px):
        if kept and heads[row] < head_min:
            others = boxes_px[kept]
            shared = np.clip(np.minimum(others[:, 2:], box[2:]) - np.maximum(others[:, :2], box[:2]), 0, None)
            if (shared.prod(axis=1) / max(areas[row], 1.0)).max() > inside_min:
                continue
        kept.append(row)
    return np.array(kept, np.intp)


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
