"""The eyes of a benchmark with pixels in the loop: the simulated shop is drawn, and seen.

The same interface as `sim.skeletons.SkeletonCameras`: a scene in, detections out; between them stand a renderer
and the detector that a real shop runs. Pictures are not coded as video here; those of a demo and a recording are.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from openaisle.adapters.eyes import Eyes, shop_detector
from openaisle.core.messages import CameraDetections, CameraId, Frame
from openaisle.core.units import NS_PER_MS
from openaisle.detections.runtime import RuntimeSettings
from openaisle.sim.render import Rendered, Renderer
from openaisle.sim.scene import Scene
from openaisle.store.schema import Store

SEEING_NS: Final = 60 * NS_PER_MS
"""From the shutter to the detections: what an edge node with a core to spare takes to code, decode and detect."""


class PixelCameras:
    """Draws and detects."""

    def __init__(self, store: Store, seed: int, eyes: Eyes | None = None) -> None:
        self.renderers = renderers_of(store, seed)
        self._detector = shop_detector(store.cameras, eyes or Eyes(), RuntimeSettings())
        self.frame_count = 0
        self.cpu_ns = 0  # of the detector
        self.drawn: dict[CameraId, Rendered] = {}  # each camera's last frame

    def warm_up(self, scene: Scene) -> None:
        """Show the empty shop to every camera: a detector must know what its walls look like."""
        self.detect(scene, sorted(self.renderers))

    def detect(self, scene: Scene, camera_ids: Sequence[CameraId]) -> list[CameraDetections]:
        """What the detector sees of `scene` in the frames of these cameras."""
        self.drawn |= {camera_id: self.renderers[camera_id].draw(scene) for camera_id in camera_ids}
        frames = [
            Frame(
                camera_id=camera_id,
                captured_ns=scene.at_ns,
                received_ns=scene.at_ns + SEEING_NS,
                pixels=self.drawn[camera_id].pixels,
            )
            for camera_id in camera_ids
        ]
        self.frame_count += len(frames)
        began_ns = time.thread_time_ns()
        found = self._detector.detect(frames)
        self.cpu_ns += time.thread_time_ns() - began_ns
        return found


def renderers_of(store: Store, seed: int) -> dict[CameraId, Renderer]:
    """What draws each camera's pictures."""
    return {
        camera.camera_id: Renderer(store, camera, seed=seed + index)
        for index, camera in enumerate(store.cameras)
    }
