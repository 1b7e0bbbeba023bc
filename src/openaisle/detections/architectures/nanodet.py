"""NanoDet (Lyu 2020): boxes of 80 kinds of things, of which people are taken; no joints.

Input: float32 [1, 3, s, s] BGR, normalised. Three grids (stride 8, 16, 32) answer with the probability of each kind
and, for each side of the box, a distribution over distances in strides (Li et al. 2020, "Generalized focal loss"):
kinds [1, cells, 80] of each grid in turn, then sides [1, cells, 4 distances] of each; or, as NanoDet's own exporter
joins them, one [1, cells of all, 80 + 4 distances].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import ModelError
from openaisle.detections import decode
from openaisle.detections.architectures.model import BroughtModel, Layout, shown
from openaisle.detections.crops import Floats, Pixels
from openaisle.detections.single_frames import People, SingleFrameDetector

NAME: Final = "nanodet"
STRIDES: Final = (8, 16, 32)
_MEAN: Final = np.array([103.53, 116.28, 123.675], np.float32)
_SPREAD: Final = np.array([57.375, 57.12, 58.395], np.float32)
_INPUT: Final = (1, 3, "side", "side")


@dataclass(frozen=True, kw_only=True)
class NanoDetOptions:
    score_min: float = 0.4
    overlap_max: float = 0.6  # of two people's boxes
    people_max: int = 100  # of one frame; the best stay
    person: int = 0  # which of the kinds of things
    kinds: int = 80
    side_px: int = 416  # of the input, where the file takes any


class NanoDetDetector(SingleFrameDetector):
    def __init__(self, model: BroughtModel, options: NanoDetOptions) -> None:
        """Raises ModelError for a file of another layout."""
        super().__init__(options.score_min)
        self._model, self._options = model, options
        self._layout = model.check(*layouts(options))
        self._side_px = model.inputs[0].shape[2] or options.side_px

    def people(self, pixels: Pixels) -> People:
        options = self._options
        given, scale = network_input(pixels, self._side_px)
        answers = [each[0] for each in self._model.answers(self._layout, given)]
        if len(answers) == 1:
            answers = self._parted(answers[0])
        boxes, scores = people_of(answers, self._side_px, options.score_min, options.person)
        kept = decode.suppress(boxes, scores, options.overlap_max)[: options.people_max]
        return People.of_boxes(boxes[kept] / np.float32(scale), scores[kept])

    def _parted(self, joined: NDArray[Any]) -> list[Floats]:
        """The exporter's one answer as the grids' six."""
        cells = [(-(-self._side_px // stride)) ** 2 for stride in STRIDES]
        if len(joined) != sum(cells) or (joined.shape[1] - self._options.kinds) % 4:
            raise ModelError(
                "wrong shape of output 0",
                file=str(self._model.path),
                expected=f"[1, {sum(cells)}, {self._options.kinds} + 4 distances]",
                found=shown((1, *joined.shape)),
            )
        grids = np.split(joined, np.cumsum(cells)[:-1])
        kinds = [grid[:, : self._options.kinds] for grid in grids]
        return [*kinds, *(grid[:, self._options.kinds :] for grid in grids)]


def layouts(options: NanoDetOptions) -> tuple[Layout, Layout]:
    """Grid by grid, and joined."""
    names = [f"cells {stride}" for stride in STRIDES]
    kinds = [(1, name, options.kinds) for name in names]
    return (
        Layout([_INPUT], [*kinds, *((1, name, "4 distances") for name in names)]),
        Layout([_INPUT], [(1, "cells", "kinds + 4 distances")]),
    )


def network_input(pixels: Pixels, side_px: int) -> tuple[Floats, float]:
    """BGR [h, w, 3] to the network's input, resized to fit, mean colour right and below; and input px per px."""
    height, width = pixels.shape[:2]
    scale = side_px / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(pixels, size, interpolation=how), np.float32)
    padded = np.zeros((1, 3, side_px, side_px), np.float32)
    padded[0, :, : size[1], : size[0]] = ((small - _MEAN) / _SPREAD).transpose(2, 0, 1)
    return padded, scale


def people_of(
    answers: Sequence[Floats], side_px: int, score_min: float, person: int = 0
) -> tuple[Floats, Floats]:
    """Kinds [cells, kinds] of each stride in turn, then sides [cells, 4 distances] of each, to boxes [n, 4] in input px
    and scores [n]."""
    assert len(answers) == 2 * len(STRIDES)
    all_boxes: list[Floats] = []
    all_scores: list[Floats] = []
    for kinds, sides, stride in zip(answers[:3], answers[3:], STRIDES, strict=True):
        columns = -(-side_px // stride)
        assert len(kinds) == columns * columns
        cells = np.flatnonzero(kinds[:, person] >= score_min)
        distances = sides.shape[1] // 4
        logits = sides[cells].reshape(-1, 4, distances)
        shares = np.exp(logits - logits.max(axis=2, keepdims=True))
        shares /= shares.sum(axis=2, keepdims=True)
        left, top, right, bottom = (shares @ np.arange(distances, dtype=np.float32) * stride).T
        x, y = (cells % columns + 0.5) * stride, (cells // columns + 0.5) * stride
        boxes = np.stack([x - left, y - top, x + right, y + bottom], axis=1)
        all_boxes.append(boxes.clip(0, side_px).astype(np.float32))
        all_scores.append(kinds[cells, person])
    return np.concatenate(all_boxes), np.concatenate(all_scores).astype(np.float32)
