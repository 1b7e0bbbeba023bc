"""A simulated day as a recording: a video of each camera, plates, taps, and apart from them the truth.

The same store, plan and quality give the same bytes in every process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np

from openaisle.core.messages import CameraDetections, CameraId
from openaisle.core.units import NS_PER_MS
from openaisle.replay.recording import MANIFEST, RecordingWriter, sha256_of
from openaisle.replay.truth import truth_of_simulation
from openaisle.sim.day import SimulatedDay
from openaisle.sim.render import Renderer
from openaisle.sim.scene import Scene
from openaisle.sim.scripts import DayPlan
from openaisle.sim.skeletons import SkeletonCameras
from openaisle.sim.video import VideoWriter
from openaisle.store.schema import Store

Detections = Literal["none", "skeleton"]

TRANSPORT_NS: Final = 40 * NS_PER_MS
"""From the shutter to the frame's arrival."""


def record_day(
    store: Store,
    plan: DayPlan,
    folder: Path,
    *,
    quality: str = "live",
    detections: Detections = "none",
    videos: bool = True,
    about: dict[str, str],
    progress: Callable[[int, int], None] | None = None,
) -> str:
    """Simulate the day into a new recording folder; the digest of its manifest.

    `progress` is told (visits over, visits planned) now and then. What was begun is thrown away if anything goes wrong.
    """
    with RecordingWriter(folder, store, about) as writer:
        eyes = _Filming(store, plan.seed, quality, detections, writer if videos else None)
        day = SimulatedDay(store, plan, vision=eyes)
        try:
            for count, reading in enumerate(day):
                writer.write(reading)
                if progress and count % 50 == 0:
                    progress(
                        sum(visit.left_ns > 0 for visit in day.shop.truth.visits.values()), len(plan.visits)
                    )
        finally:
            eyes.close()
        truth_of_simulation(day.shop.truth).write(writer.truth_folder)
    return digest_of(folder)


def digest_of(folder: Path) -> str:
    """One digest of a whole recording: its manifest holds the hashes of every file."""
    return sha256_of(folder / MANIFEST)


class _Filming:
    """Eyes (sim/day.py) that film what they are shown; what is seen in the videos is for later, or skeletons now."""

    def __init__(
        self, store: Store, seed: int, quality: str, detections: Detections, writer: RecordingWriter | None
    ) -> None:
        self._skeletons: SkeletonCameras | None = None
        if detections == "skeleton":
            self._skeletons = SkeletonCameras(store, np.random.default_rng([seed, 6, 1]))
        self._cameras: dict[CameraId, tuple[Renderer, VideoWriter]] = {}
        for index, camera in enumerate(store.cameras if writer else ()):
            assert writer is not None
            renderer = Renderer(store, camera, quality=quality, seed=seed + index)
            path, _ = writer.video_paths(camera.camera_id)
            self._cameras[camera.camera_id] = (
                renderer,
                VideoWriter(path, renderer.width_px, renderer.height_px, camera.fps),
            )

    def detect(self, scene: Scene, camera_ids: Sequence[CameraId]) -> list[CameraDetections]:
        for camera_id in camera_ids if self._cameras else ():
            renderer, video = self._cameras[camera_id]
            video.write(renderer.draw(scene).pixels, scene.at_ns, scene.at_ns + TRANSPORT_NS)
        return self._skeletons.detect(scene, camera_ids) if self._skeletons else []

    def close(self) -> None:
        for _, video in self._cameras.values():
            video.close()
