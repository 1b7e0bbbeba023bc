"""From what the networks say to boxes and joints. Pure functions.

The box network answers on a grid of `stride_px` with the probability of a person's centre and the distances from
there to the four sides of the box (Zhou et al. 2019, "Objects as points"; Liu et al. 2020, "TTFNet"). The keypoint
network answers with one probability map per joint; what a map lacks to 1 is the probability that the joint is not
in the crop. The two joints of a pair (left and right wrist) come ordered by image x, with one more number per pair:
the logit that the one further left in the image is the person's own left one.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

PAIRS: Final = ((1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16))
"""(left, right) indices into JOINTS."""
_LEFT: Final = np.array([left for left, _ in PAIRS])
_RIGHT: Final = np.array([right for _, right in PAIRS])
_LIMB_LEFT: Final = _LEFT[2:]  # eyes and ears may well share a place
_LIMB_RIGHT: Final = _RIGHT[2:]
_WINDOW: Final = 2  # cells to each side of a peak that belong to it
_APART_CELLS: Final = 2.5  # two joints of a pair nearer than this may be one joint seen twice
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

    Two rows are alike by the mean over joints of exp(-d^2 / 2 (0.06 side)^2), where both are sure of the joint: two
    windows on one person put its joints at the same places, two people standing close do not.
    """
    count = len(keypoints_px)
    if count < 2:
        return np.arange(count)
    sides = np.maximum((boxes_px[:, 2:] - boxes_px[:, :2]).max(axis=1), 1.0)
    kept: list[int] = []
    for row in range(count):
        if kept:
            distance = keypoints_px[kept, :, :2] - keypoints_px[row, :, :2]
            near = np.exp(-(distance**2).sum(axis=2) / (2 * (0.06 * sides[kept, None]) ** 2))
            weight = keypoints_px[kept, :, 2] * keypoints_px[row, :, 2] + 1e-6
            if ((near * weight).sum(axis=1) / weight.sum(axis=1)).max() > alike_max:
                continue
        kept.append(row)
    return np.array(kept, np.intp)


def joints(maps: Floats, pair_logits: Floats, crop_px: int) -> tuple[Floats, Floats, Floats]:
    """Maps [n, 17, h, w] to points [n, 17, 2] in crop px, their probability mass [n, 17] and spread [n, 17] in cells.

    Rows of the answer are the person's own left and right. Sub-cell: the mean of the map within 5x5 cells of the peak.
    """
    count, kinds, height, width = maps.shape
    if count == 0:
        return (
            np.zeros((0, kinds, 2), np.float32),
            np.zeros((0, kinds), np.float32),
            np.zeros((0, kinds), np.float32),
        )
    flat = maps.reshape(count * kinds, height, width)
    peaks = flat.reshape(count * kinds, -1).argmax(axis=1)
    found = [array.reshape(count, kinds, -1) for array in _around(flat, peaks)]
    _tell_pairs_apart(found, maps, peaks.reshape(count, kinds))
    _own_sides(found, pair_logits)
    cells, mass, spread = found
    points = (cells + 0.5) * (crop_px / np.array([width, height], np.float32)) - 0.5
    return points.astype(np.float32), mass[..., 0], spread[..., 0]


def _around(flat: Floats, peaks: NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
    """Mean place [k, 2] (x, y in cells), mass [k] and spread [k] of each map [k, h, w] within 5x5 cells of its peak."""
    count, _, width = flat.shape
    padded = np.pad(flat, ((0, 0), (_WINDOW, _WINDOW), (_WINDOW, _WINDOW)))
    peak_y, peak_x = np.divmod(peaks, width)
    offsets = np.arange(2 * _WINDOW + 1)
    rows = (peak_y[:, None] + offsets)[:, :, None]
    columns = (peak_x[:, None] + offsets)[:, None, :]
    window = padded[np.arange(count)[:, None, None], rows, columns]  # [k, 5, 5]
    mass = window.sum(axis=(1, 2))
    share = window / np.maximum(mass, 1e-9)[:, None, None]
    dx = share.sum(axis=1) @ (offsets - _WINDOW)
    dy = share.sum(axis=2) @ (offsets - _WINDOW)
    squares = (offsets - _WINDOW) ** 2
    variance = share.sum(axis=1) @ squares - dx**2 + share.sum(axis=2) @ squares - dy**2
    cells = np.stack([peak_x + dx, peak_y + dy], axis=1)
    return (
        cells.astype(np.float32),
        mass.astype(np.float32),
        np.sqrt(np.maximum(variance, 0)).astype(np.float32),
    )


def _without(flat: Floats, peaks: NDArray[np.intp]) -> Floats:
    """The maps with the 7x7 cells around each peak blanked."""
    _, height, width = flat.shape
    peak_y, peak_x = np.divmod(peaks, width)
    near_y = np.abs(np.arange(height)[None, :] - peak_y[:, None]) <= _WINDOW + 1
    near_x = np.abs(np.arange(width)[None, :] - peak_x[:, None]) <= _WINDOW + 1
    return np.where(near_y[:, :, None] & near_x[:, None, :], np.float32(0), flat)


def _tell_pairs_apart(found: list[NDArray[np.float32]], maps: Floats, peaks: NDArray[np.intp]) -> None:
    """Where both joints of a limb's pair chose one place, give the one with the better second choice that instead.

    Two joints at nearly the same image x cannot be ordered by it: both maps then show both places. In place.
    """
    distance = np.linalg.norm(found[0][:, _LIMB_LEFT] - found[0][:, _LIMB_RIGHT], axis=2)
    person, limb = np.nonzero(distance < _APART_CELLS)
    if not len(person):
        return
    second: list[list[NDArray[np.float32]]] = []
    for joint in (_LIMB_LEFT[limb], _LIMB_RIGHT[limb]):
        others = _without(maps[person, joint], peaks[person, joint])
        second.append(list(_around(others, others.reshape(len(others), -1).argmax(axis=1))))
    (_, left_mass, _), (_, right_mass, _) = second
    for own, joint, gives_way in (
        (second[0], _LIMB_LEFT[limb], (left_mass >= right_mass) & (left_mass >= _SECOND_MIN)),
        (second[1], _LIMB_RIGHT[limb], (right_mass > left_mass) & (right_mass >= _SECOND_MIN)),
    ):
        for have, other in zip(found, own, strict=True):
            have[person[gives_way], joint[gives_way]] = other[gives_way].reshape(-1, have.shape[2])


def _own_sides(first: list[NDArray], pair_logits: Floats) -> None:
    """From ordered by image x to the person's own left and right."""
    person, pair = np.nonzero(pair_logits < 0)
    left, right = _LEFT[pair], _RIGHT[pair]
    for array in first:
        array[person, left], array[person, right] = array[person, right], array[person, left]
