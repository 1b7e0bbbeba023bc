"""Average precision of boxes and poses as COCO has it: at one overlap, and over .50 to .95; by size of what is there.

Of poses, overlap is the object keypoint similarity (OKS).

Lin et al. 2014, "Microsoft COCO", and its evaluation code. One difference: the area under the curve is taken at every
point of it, not at 101 values of recall; figures differ in the third place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.detections import decode
from openaisle.detections.crops import Floats

OVERLAPS: Final = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
SIZES: Final[Mapping[str, tuple[float, float]]] = {
    "all": (0.0, np.inf),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, np.inf),
}
"""COCO's areas of boxes in px^2: from, to."""


@dataclass(frozen=True, kw_only=True)
class BoxFigures:
    pictures: int
    people: int  # expected
    ap50: float
    ap: float  # mean over OVERLAPS
    recall: float  # at overlap 0.5 and the score from which the model itself reports
    false_people_per_picture: float  # at the same


@dataclass(frozen=True)
class _Picture:
    boxes_px: Floats  # [n, 4] found, best first
    scores: Floats  # [n]
    truth_px: Floats  # [m, 4]
    is_judged: NDArray[np.bool_]  # [m]
    overlaps: Floats  # [n, m]
    lies_on_unjudged: NDArray[np.bool_]  # [n]


class BoxTally:
    """Boxes found and boxes there, picture by picture."""

    def __init__(self) -> None:
        self._pictures: list[_Picture] = []

    def add(
        self,
        boxes_px: Floats,
        scores: Floats,
        truth_px: Floats,
        is_judged: NDArray[np.bool_] | None = None,
        alike: Floats | None = None,
    ) -> None:
        """Boxes [n, 4] with scores [n] and the true ones [m, 4], x1 y1 x2 y2. Who is not judged is neither expected
        nor wrong. `alike` [n, m]: what counts instead of the boxes' overlap."""
        truth = np.asarray(truth_px, np.float32).reshape(-1, 4)
        order = np.argsort(-scores, kind="stable")
        boxes = np.asarray(boxes_px, np.float32).reshape(-1, 4)[order]
        judged = np.ones(len(truth), bool) if is_judged is None else is_judged
        overlaps = decode.overlaps(boxes, truth)
        # What lies mostly on somebody who is not judged is not wrong.
        lies_on_unjudged = overlaps[:, ~judged].max(axis=1, initial=0.0) > 0.3
        counted = overlaps if alike is None else alike[order]
        self._pictures.append(_Picture(boxes, scores[order], truth, judged, counted, lies_on_unjudged))

    def figures(self, score_min: float, size: str = "all") -> BoxFigures:
        """Over all pictures. `score_min`: for recall and false people; the curves take every box that was given."""
        matches = {overlap: self.matches(overlap, size) for overlap in OVERLAPS}
        precisions = [average_precision(is_right, expected) for _, is_right, expected in matches.values()]
        scores, is_right, expected = matches[OVERLAPS[0]]
        reported = is_right[scores >= score_min]
        return BoxFigures(
            pictures=len(self._pictures),
            people=expected,
            ap50=round(precisions[0], 3),
            ap=round(float(np.mean(precisions)), 3),
            recall=round(float(reported.sum()) / max(expected, 1), 3),
            false_people_per_picture=round(float((~reported).sum()) / max(len(self._pictures), 1), 3),
        )

    def matches(self, overlap_min: float, size: str = "all") -> tuple[Floats, NDArray[np.bool_], int]:
        """Scores of all boxes that count, best first; whether each is right; how many people were expected."""
        low, high = SIZES[size]
        scores: list[float] = []
        is_right: list[bool] = []
        expected = 0
        for picture in self._pictures:
            counts = picture.is_judged & _within(picture.truth_px, low, high)
            expected += int(counts.sum())
            is_sized = _within(picture.boxes_px, low, high)
            free = picture.overlaps.copy()
            for row in range(len(picture.boxes_px)):
                match = _match(free[row], counts, overlap_min)
                if match is not None:
                    free[:, match] = 0.0
                    if not counts[match]:
                        continue
                elif not is_sized[row] or picture.lies_on_unjudged[row]:
                    continue
                scores.append(float(picture.scores[row]))
                is_right.append(match is not None)
        order = np.argsort(-np.array(scores, np.float32), kind="stable")
        return np.array(scores, np.float32)[order], np.array(is_right, bool)[order], expected


def average_precision(is_right: np.ndarray, expected: int) -> float:
    """Area under precision over recall, rows sorted by falling score, precision made monotone."""
    if not len(is_right) or not expected:
        return 0.0
    right = np.cumsum(is_right)
    precision = right / np.arange(1, len(right) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float((precision * np.asarray(is_right)).sum() / expected)


def drawn_precision(is_right: NDArray[np.bool_], times: NDArray[np.float64], expected: float) -> float:
    """The same where row n counts `times` [n], mean over the rows of `is_right` [k, n]; NaN of nobody expected."""
    if not expected:
        return math.nan
    hits = times * is_right
    precision = np.cumsum(hits, axis=1) / np.maximum(np.cumsum(times), 1e-9)
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    return float((precision * hits).sum() / expected / len(is_right))


def _match(overlaps: Floats, counts: NDArray[np.bool_], overlap_min: float) -> int | None:
    """The one still free whom a box overlaps most and enough; those who count come first."""
    for wanted in (counts, ~counts):
        among = np.where(wanted, overlaps, 0.0)
        if len(among) and among.max() >= overlap_min:
            return int(among.argmax())
    return None


def _within(boxes_px: Floats, low: float, high: float) -> NDArray[np.bool_]:
    area = (boxes_px[:, 2:] - boxes_px[:, :2]).clip(0).prod(axis=1)
    return (area >= low) & (area < high)
