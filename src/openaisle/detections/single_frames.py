"""What detectors of people have in common that see each frame by itself: one network, nothing remembered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openaisle.core.messages import JOINTS, CameraDetections, Frame
from openaisle.detections.crops import Floats, Pixels
from openaisle.store.schema import Camera


@dataclass(frozen=True)
class People:
    """People in one picture, in its px."""

    boxes_px: Floats  # [n, 4] x1 y1 x2 y2
    scores: Floats  # [n]
    keypoints_px: Floats  # [n, 17, 3] x y confidence

    @staticmethod
    def of_boxes(boxes_px: Floats, scores: Floats) -> People:
        """Without joints: all have confidence 0."""
        return People(boxes_px, scores, np.zeros((len(scores), len(JOINTS), 3), np.float32))

    def rows(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> People:
        return People(self.boxes_px[rows], self.scores[rows], self.keypoints_px[rows])


class SingleFrameDetector:
    """`openaisle.ports.Detector`, once a model says whom it finds in one picture."""

    def __init__(self, score_min: float) -> None:
        self._score_min = score_min

    @property
    def score_min(self) -> float:
        """Of a person that is reported."""
        return self._score_min

    def watch(self, camera: Camera) -> None:
        """Nothing is remembered of a camera."""

    def detect(self, frames: Sequence[Frame]) -> list[CameraDetections]:
        """One result a frame, same order, in px of the frame."""
        return [self._message(frame, self.people(frame.pixels)) for frame in frames]

    def people(self, pixels: Pixels) -> People:
        """Those in one picture uint8 [h, w, 3] BGR, best first."""
        raise NotImplementedError

    @staticmethod
    def _message(frame: Frame, people: People) -> CameraDetections:
        return CameraDetections(
            camera_id=frame.camera_id,
            captured_ns=frame.captured_ns,
            received_ns=frame.received_ns,
            boxes_image_px=people.boxes_px.astype(np.float32),
            scores=people.scores.astype(np.float32),
            keypoints_image_px=people.keypoints_px.astype(np.float32),
            appearance=np.zeros((len(people.scores), 0), np.float32),
        )
