"""MoveNet MultiPose (Google, 2021): up to six people with 17 joints each, from one network.

Input: int32 [1, height, width, 3] RGB 0..255, both sides multiples of 32, made for a longer side of 256. Output
[1, 6, 56]: for each person 17 times (y, x, score), then the box y1 x1 y2 x2 and the person's score, all in shares of
the input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from openaisle.core.messages import JOINTS
from openaisle.detections import decode
from openaisle.detections.architectures.model import BroughtModel, Layout, dtype_of
from openaisle.detections.crops import Floats, Pixels
from openaisle.detections.single_frames import People, SingleFrameDetector

NAME: Final = "movenet"
ALIASES: Final = {"movenet-multipose": NAME}
_STEP_PX: Final = 32
_VALUES: Final = 3 * len(JOINTS) + 5
LAYOUT: Final = Layout([(1, "height", "width", 3)], [(1, "people", _VALUES)])


@dataclass(frozen=True, kw_only=True)
class MoveNetOptions:
    score_min: float = 0.25
    longer_side_px: int = 256  # of the input
    overlap_max: float = 0.65  # of two people's boxes


class MoveNetDetector(SingleFrameDetector):
    def __init__(self, model: BroughtModel, options: MoveNetOptions) -> None:
        """Raises ModelError for a file of another layout."""
        super().__init__(options.score_min)
        self._model, self._options = model, options
        model.check(LAYOUT)

    def people(self, pixels: Pixels) -> People:
        shown, scale = network_input(pixels, self._options.longer_side_px)
        given = shown.astype(dtype_of(self._model.inputs[0]))
        answer = self._model.answers(LAYOUT, given)[0][0]
        boxes, scores, keypoints = people_of(answer, shown.shape[2], shown.shape[1], scale)
        kept = decode.suppress(boxes, scores, self._options.overlap_max)
        return People(boxes, scores, keypoints).rows(kept[scores[kept] >= self._options.score_min])


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
