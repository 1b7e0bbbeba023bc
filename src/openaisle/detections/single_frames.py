"""What detectors of people have in common that see each frame by itself: one network, nothing remembered."""

from __future__ import annotations

from collections.abc import Sequence

from openaisle.core.messages import CameraDetections, Frame
from openaisle.detections.runtime import OnnxModel
from openaisle.store.schema import Camera


class SingleFrameDetector:
    """`openaisle.ports.Detector`, once a model says what it finds in one frame."""

    def __init__(self, model: OnnxModel, score_min: float) -> None:
        self._model = model
        self._score_min = score_min

    @property
    def score_min(self) -> float:
        """Of a person that is reported."""
        return self._score_min

    def watch(self, camera: Camera) -> None:
        """Nothing is remembered of a camera."""

    def detect(self, frames: Sequence[Frame]) -> list[CameraDetections]:
        """One result a frame, same order, in px of the frame."""
        return [self._detect(frame) for frame in frames]

    def _detect(self, frame: Frame) -> CameraDetections:
        raise NotImplementedError
