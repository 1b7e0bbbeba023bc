"""A detector that sees each picture by itself, before the cameras of a shop.

A shop's cameras hang still, so what ours is spared and asked any other is too: a picture in which nothing differs from
the empty shop costs one comparison, somebody who is part of the empty shop is a poster, and a picture that went dark or
froze is told of. Clothes are described as for our own detector, so that the tracks room compares like with like.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from openaisle.core.messages import CameraDetections, CameraId, Frame
from openaisle.detections.background import Background
from openaisle.detections.crops import Floats, Letterbox
from openaisle.detections.people import HEALTH_MAX, PeopleSettings, in_lens_px
from openaisle.detections.picture_health import Health, PictureHealth
from openaisle.detections.single_frames import People, SingleFrameDetector
from openaisle.store.schema import Camera


@dataclass(kw_only=True)
class _View:
    """One camera's state."""

    camera: Camera
    background: Background
    health: PictureHealth
    boxes_px: Floats = field(default_factory=lambda: np.zeros((0, 4), np.float32))  # people of the last frame


class WatchedDetector:
    """`openaisle.ports.Detector` for the cameras of one shop, with another one's eyes."""

    def __init__(self, model: SingleFrameDetector, settings: PeopleSettings | None = None) -> None:
        """`settings`: of what ours shares with it (background, health, foreground)."""
        self._model = model
        self._settings = settings or PeopleSettings()
        self._views: dict[CameraId, _View] = {}
        self._health: deque[Health] = deque(maxlen=HEALTH_MAX)

    @property
    def score_min(self) -> float:
        """Of a person that is reported."""
        return self._model.score_min

    def watch(self, camera: Camera) -> None:
        """Look through this camera from now on; whatever was known of one with its id is forgotten."""
        self._views[camera.camera_id] = _View(
            camera=camera,
            background=Background(self._settings.background),
            health=PictureHealth(camera.camera_id, self._settings.health),
        )

    def health(self) -> list[Health]:
        """What began or ended to be wrong with pictures since the last call; the oldest is lost first."""
        said = list(self._health)
        self._health.clear()
        return said

    def detect(self, frames: Sequence[Frame]) -> list[CameraDetections]:
        """One result a frame, same order, in px of the camera's lens. Each camera's frames come in time's order."""
        return [self._detect(frame) for frame in frames]

    def _detect(self, frame: Frame) -> CameraDetections:
        view = self._views[frame.camera_id]
        background = view.background
        letterbox = Letterbox(frame.pixels.shape[1], frame.pixels.shape[0])
        background.compare(letterbox.shrink(frame.pixels), frame.captured_ns)
        self._health.extend(view.health.step(background, frame.captured_ns))
        people = People.of_boxes(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))
        if background.has_motion() or len(view.boxes_px):
            people = self._model.people(frame.pixels)
            shares = background.foreground_shares(people.boxes_px * letterbox.scale)
            people = people.rows(shares >= self._settings.foreground_min)
        view.boxes_px = people.boxes_px
        background.learn(people.boxes_px * letterbox.scale, frame.captured_ns)
        return in_lens_px(frame, view.camera, background, people.boxes_px, people.scores, people.keypoints_px)
