"""EfficientDet (Tan, Pang and Le 2020), as the library effdet exports it: people.

Input: float32 [1, 3, s, s] RGB, normalised by ImageNet, resized to fit into the upper left corner. Output of the bare
network: for each of five grids (strides 8 to 128) the logit of each kind for each of nine anchors [1, 9 kinds, h, w],
then four numbers for each anchor [1, 36, h, w]; or, exported with suppression inside, [1, n, 6]: x1 y1 x2 y2 in input
px, score, kind from 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openaisle.detections import decode
from openaisle.detections.architectures.model import BroughtModel, Layout, Size
from openaisle.detections.architectures.options import DetectorOptions
from openaisle.detections.architectures.pictures import fitted, planes
from openaisle.detections.crops import Floats, Pixels
from openaisle.detections.single_frames import People, SingleFrameDetector

NAME: Final = "efficientdet"
STRIDES: Final = (8, 16, 32, 64, 128)
_OCTAVES: Final = (0.0, 1 / 3, 2 / 3)
_ASPECTS: Final = ((1.0, 1.0), (1.4, 0.7), (0.7, 1.4))  # width, height
ANCHORS: Final = len(_OCTAVES) * len(_ASPECTS)
_MEAN: Final = np.array([0.485, 0.456, 0.406], np.float32) * 255
_SPREAD: Final = np.array([0.229, 0.224, 0.225], np.float32) * 255
_FILL: Final = (104, 116, 124)  # BGR: the mean, as near as whole numbers come


@dataclass(frozen=True, kw_only=True)
class EfficientDetOptions(DetectorOptions):
    score_min: float = 0.3
    side_px: int = 512
    anchor_strides: float = 4.0  # side of the smallest anchor of a grid, in strides; 3 for Lite0 to Lite3


def _layouts(side_px: int) -> tuple[Layout, Layout]:
    """Of the bare network and with suppression inside, for this side of the input."""
    taken: Sequence[Sequence[Size]] = [(None, 3, side_px, side_px)]
    kinds: list[Sequence[Size]] = [
        (None, "9 kinds", -(-side_px // stride), -(-side_px // stride)) for stride in STRIDES
    ]
    sides = [(None, 4 * ANCHORS, *shape[2:]) for shape in kinds]
    return Layout(taken, [*kinds, *sides]), Layout(taken, [(None, "boxes", 6)])


class EfficientDetDetector(SingleFrameDetector):
    def __init__(self, model: BroughtModel, options: EfficientDetOptions) -> None:
        """Raises ModelError for a file of another layout."""
        super().__init__(options.score_min)
        self._model, self._options = model, options
        shape = model.inputs[0].shape
        self._side_px = (shape[2] if len(shape) == 4 else None) or options.side_px
        bare, suppressed = _layouts(self._side_px)
        self._layout = model.check(bare, suppressed)
        self._is_bare = self._layout is bare

    def people(self, pixels: Pixels) -> People:
        options = self._options
        side_px = self._side_px
        view = fitted(pixels, side_px, side_px, fill=_FILL, shrinks_by_area=False)
        given = planes(np.asarray(cv2.cvtColor(view.pixels, cv2.COLOR_BGR2RGB), np.uint8), _MEAN, _SPREAD)
        answers = [np.asarray(each[0]) for each in self._model.answers(self._layout, given)]
        limits = np.array([pixels.shape[1], pixels.shape[0]] * 2, np.float32) * np.float32(view.scale)
        if self._is_bare:
            boxes, scores = people_of(answers, side_px, options)
            boxes = boxes.clip(0, limits)
            kept = decode.suppress(boxes, scores, options.overlap_max)
        else:
            boxes, scores = answers[0][:, :4].clip(0, limits), answers[0][:, 4]
            is_person = (answers[0][:, 5] == options.person + 1) & (scores > options.score_min)
            kept = np.flatnonzero(is_person)
            kept = kept[np.argsort(-scores[kept], kind="stable")]
        kept = kept[: options.people_max]
        return People.of_boxes(view.back(boxes[kept]), scores[kept])


def people_of(answers: Sequence[Floats], side_px: int, options: EfficientDetOptions) -> tuple[Floats, Floats]:
    """Logits [9 kinds, h, w] of each grid, then sides [36, h, w], to boxes [n, 4] in input px and scores [n]."""
    logits, sides = [], []
    for kinds, distances in zip(answers[: len(STRIDES)], answers[len(STRIDES) :], strict=True):
        per_anchor = kinds.reshape(ANCHORS, -1, *kinds.shape[1:])[:, options.person]
        logits.append(per_anchor.transpose(1, 2, 0).ravel())
        sides.append(distances.reshape(ANCHORS, 4, *kinds.shape[1:]).transpose(2, 3, 0, 1).reshape(-1, 4))
    scores = (1 / (1 + np.exp(-np.concatenate(logits)))).astype(np.float32)
    chosen = np.flatnonzero(scores > options.score_min)
    chosen = chosen[np.argsort(-scores[chosen], kind="stable")][: options.candidates_max]
    anchors = _anchors(side_px, options.anchor_strides)[chosen]
    down, across, high, wide = np.concatenate(sides)[chosen].T
    y = down * anchors[:, 3] + anchors[:, 1]
    x = across * anchors[:, 2] + anchors[:, 0]
    half_high, half_wide = np.exp(high) * anchors[:, 3] / 2, np.exp(wide) * anchors[:, 2] / 2
    boxes = np.stack([x - half_wide, y - half_high, x + half_wide, y + half_high], axis=1)
    return boxes.astype(np.float32), scores[chosen]


@cache
def _anchors(side_px: int, anchor_strides: float) -> NDArray[np.float32]:
    """[n, 4] middle x, y, width, height in input px: grids in turn, row by row, octaves before aspects."""
    made: list[NDArray[Any]] = []
    sizes = [
        (anchor_strides * 2**octave * wide, anchor_strides * 2**octave * high)
        for octave in _OCTAVES
        for wide, high in _ASPECTS
    ]
    for stride in STRIDES:
        middles = np.arange(stride / 2, side_px, stride)
        y, x, size = np.meshgrid(middles, middles, np.arange(len(sizes)), indexing="ij")
        wide_high = np.array(sizes)[size.ravel()] * stride
        made.append(np.column_stack([x.ravel(), y.ravel(), wide_high]))
    return np.concatenate(made).astype(np.float32)
