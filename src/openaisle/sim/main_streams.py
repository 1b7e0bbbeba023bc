"""The large pictures of simulated cameras: a part at a time, drawn when somebody asks for it.

Nobody could draw eight whole main streams in real time; windows around hands cost milliseconds. The last seconds of
what each camera was shown are kept, so that one may ask for a moment that is just over, as of a real camera.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from openaisle.core.messages import CameraId
from openaisle.detections.products import Pixels, cut_window
from openaisle.ports import KEPT_NS, NEAR_NS_MAX
from openaisle.sim.render import Renderer
from openaisle.sim.scene import Scene


@dataclass(frozen=True)
class Shot:
    """What one camera was shown, and what before: things are blurred by the way between."""

    camera_id: CameraId
    scene: Scene
    before: Scene | None


class MainStreams:
    """The main streams of cameras whose substreams these renderers draw. Not safe for several threads."""

    def __init__(self, renderers: Mapping[CameraId, Renderer]) -> None:
        self._renderers = renderers
        self._shots: dict[CameraId, deque[Shot]] = {camera_id: deque() for camera_id in renderers}

    def show(self, scene: Scene, camera_ids: Sequence[CameraId]) -> None:
        """These cameras take a frame of `scene`, which is not copied: leave it as it is."""
        for camera_id in camera_ids:
            shots = self._shots[camera_id]
            shots.append(Shot(camera_id, scene, shots[-1].scene if shots else None))
            while shots[0].scene.at_ns < scene.at_ns - KEPT_NS:
                shots.popleft()

    def newest_ns(self, camera_id: CameraId) -> int:
        """Capture time of the camera's newest frame; 0 before the first."""
        shots = self._shots[camera_id]
        return shots[-1].scene.at_ns if shots else 0

    def nearest(self, camera_id: CameraId, captured_ns: int) -> Shot | None:
        """The frame nearest to a time, of two the earlier; None where there is none near it."""
        shots = self._shots[camera_id]
        best = min(shots, key=lambda shot: abs(shot.scene.at_ns - captured_ns), default=None)
        return best if best and abs(best.scene.at_ns - captured_ns) <= NEAR_NS_MAX else None

    def window(self, shot: Shot, window_main_px: tuple[int, int, int]) -> Pixels:
        """The part [side, side, 3] BGR of a frame in a window; what lies outside repeats the frame's edge."""
        renderer = self._renderers[shot.camera_id]
        left, top, side = window_main_px
        width, height = renderer.camera.main_width_px, renderer.camera.main_height_px
        # Of a window that misses the picture the nearest pixel of its edge is repeated.
        x1, y1 = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
        x2, y2 = max(min(left + side, width), x1 + 1), max(min(top + side, height), y1 + 1)
        part = renderer.draw_region(shot.scene, (x1, y1, x2, y2), before=shot.before)
        return cut_window(part, (left - x1, top - y1, side))
