"""A second look behind a detector: joints in the boxes that it found, or hands at its wrists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from openaisle.core.messages import CameraDetections, CameraId, Frame
from openaisle.detections.architectures.catalogue import JointsModel
from openaisle.detections.architectures.mediapipe import MediaPipeHands
from openaisle.detections.crops import Pixels
from openaisle.detections.people import PeopleDetector
from openaisle.detections.picture_health import Health
from openaisle.store.schema import Camera

if TYPE_CHECKING:
    from openaisle.detections.models import PeopleModel


class StagedDetector:
    """`openaisle.ports.Detector`: another one's people, with what `joints` or `hands` see of them."""

    def __init__(
        self, first: PeopleModel, *, joints: JointsModel | None = None, hands: MediaPipeHands | None = None
    ) -> None:
        self._first, self._joints, self._hands = first, joints, hands
        self._cameras: dict[CameraId, Camera] = {}

    @property
    def score_min(self) -> float:
        """Of a person that is reported."""
        return self._first.score_min

    def watch(self, camera: Camera) -> None:
        """Frames of this camera come next."""
        self._cameras[camera.camera_id] = camera
        self._first.watch(camera)

    def show_empty(self, backgrounds: Mapping[CameraId, Pixels], at_ns: int) -> None:
        """Tell what the cameras see when nobody is there, where the first stage asks for that."""
        if isinstance(self._first, PeopleDetector | StagedDetector):
            self._first.show_empty(backgrounds, at_ns)

    def health(self) -> list[Health]:
        """What began or ended to be wrong with pictures since the last call, as far as the first stage tells."""
        told = getattr(self._first, "health", None)
        return told() if told else []

    def detect(self, frames: Sequence[Frame]) -> list[CameraDetections]:
        """One result a frame, same order."""
        found = self._first.detect(frames)
        return [self._looked(frame, people) for frame, people in zip(frames, found, strict=True)]

    def _looked(self, frame: Frame, people: CameraDetections) -> CameraDetections:
        if not len(people.scores):
            return people
        # The first stage speaks in px of the camera's lens, whatever size the frame has.
        lens = self._cameras[frame.camera_id].lens
        height, width = frame.pixels.shape[:2]
        frame_per_lens = np.array([width / lens.width_px, height / lens.height_px], np.float32)
        keypoints = people.keypoints_image_px.copy()
        keypoints[:, :, :2] = (keypoints[:, :, :2] + 0.5) * frame_per_lens - 0.5
        if self._joints is not None:
            boxes = people.boxes_image_px * np.tile(frame_per_lens, 2)
            keypoints = self._joints.joints(frame.pixels, boxes)
        if self._hands is not None:
            keypoints = self._hands.wrists(frame.pixels, keypoints)
        keypoints[:, :, :2] = (keypoints[:, :, :2] + 0.5) / frame_per_lens - 0.5
        return msgspec.structs.replace(
            people, keypoints_image_px=keypoints, visibility=np.zeros((len(keypoints), 0), np.float32)
        )
