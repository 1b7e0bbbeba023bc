"""A process that looks: cameras in, `CameraDetections` out. It writes nothing to disk; frames live in RAM only.

One thread a camera decodes and keeps its newest two frames (one more than the loop looks at, against jitter); the loop
takes what is there from all cameras at once and detects in one batch. A frame that had to make room is counted as
skipped. What core asks about packs is answered beside that (edge/looks.py).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Final

import cv2
import numpy as np

from openaisle.adapters.av_source import CameraSettings, first_time_ns
from openaisle.adapters.camera_av import AvCamera
from openaisle.adapters.eyes import shop_detector
from openaisle.adapters.main_stream_av import AvMainStream
from openaisle.core.messages import CameraDetections, CameraId, Frame, encode
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.edge.board import Cell
from openaisle.edge.bus import Outlet
from openaisle.edge.looks import LookDesk, pack_looker
from openaisle.edge.sim_regions import RegionClient
from openaisle.edge.wire import DETECTIONS, PREVIEW, encode_preview
from openaisle.edge.worker import Context
from openaisle.ports import MainStream
from openaisle.store.schema import Camera

DETECTIONS_MAX: Final = 64  # encoded, on their way to core; when full, frames wait and are overtaken
PREVIEWS_MAX: Final = 16
PREVIEW_S: Final = 0.5
REHEARSED_FRAMES: Final = 12
JPEG_QUALITY: Final = 70
WAIT_S: Final = 0.1
FRAMES_MAX: Final = 2  # of one camera, waiting to be looked at


def run(context: Context) -> None:
    cv2.setNumThreads(1)
    settings = context.settings
    store = settings.store()
    cameras = [
        camera
        for number, camera in enumerate(store.cameras)
        if number % settings.edge.vision_workers == context.index and camera.source
    ]
    detector = shop_detector(cameras, settings.edge.eyes, settings.edge.runtime)
    newest = _Newest(context)
    to_core = Outlet(context.core_socket, DETECTIONS_MAX)
    previews = None if settings.is_headless else _Previews(context)
    _rehearse(context, cameras)
    looker = pack_looker(context, store) if cameras else None
    context.ready()
    while settings.is_simulated and not context.board.is_open and not context.is_stopping:
        context.beat()
        time.sleep(0.02)  # The simulated cameras are not up yet; that is no trouble to be reported.
    doors = [_open(context, camera) for camera in cameras]
    desk = LookDesk(context, looker, _main_streams(context, cameras, newest), to_core) if looker else None
    for door in doors:
        threading.Thread(
            target=_keep_newest, args=(context, door, newest), name=door.camera_id, daemon=True
        ).start()
    while not context.is_stopping and not (context.board.is_over and settings.is_simulated):
        context.beat()
        frames = newest.take(WAIT_S)
        if not frames:
            continue
        found = detector.detect(frames)
        context.board.add(context.name, Cell.FRAMES_SEEN, len(frames))
        for health in detector.health():
            context.message(health)
        for detections in found:
            _send(context, to_core, detections)
        if previews:
            previews.offer(frames, found)
    for door in doors:
        door.close()
    if desk:
        desk.close()
    to_core.close(timeout_s=0.5)


def _rehearse(context: Context, cameras: Sequence[Camera]) -> None:
    """Let a throw-away detector see something appear, so that no network runs for the first time in the open shop."""
    if not cameras:
        return
    camera = cameras[0]
    edge = context.settings.edge
    detector = shop_detector([camera], edge.eyes, edge.runtime)
    empty = np.full((camera.lens.height_px, camera.lens.width_px, 3), 90, np.uint8)
    empty[::2] += 20
    somebody = empty.copy()
    somebody[camera.lens.height_px // 3 :, camera.lens.width_px // 3 : camera.lens.width_px // 2] = 200
    for number in range(REHEARSED_FRAMES):
        pixels = somebody if number >= REHEARSED_FRAMES - 3 else empty
        at_ns = number * NS_PER_S // 4
        detector.detect([Frame(camera.camera_id, at_ns, at_ns, pixels)])
        context.beat()


def _open(context: Context, camera: Camera) -> AvCamera:
    return AvCamera(
        camera.camera_id, camera.source, context.clock, context.message, _settings_of(context, camera)
    )


def _main_streams(context: Context, cameras: Sequence[Camera], newest: _Newest) -> dict[CameraId, MainStream]:
    if context.settings.is_simulated:
        client = RegionClient(context.regions_socket, context.sockets / f"regions-{context.index}")
        return {
            camera.camera_id: client.stream(camera.camera_id, partial(newest.newest_ns, camera.camera_id))
            for camera in cameras
        }
    small = [camera.camera_id for camera in cameras if not camera.main_source]
    if small and not context.restarts:
        context.line(
            f"no main_source in cameras.toml: packs are looked at in the substreams of {', '.join(small)}"
        )
    return {
        camera.camera_id: AvMainStream(camera, context.clock, context.message, _settings_of(context, camera))
        for camera in cameras
    }


def _settings_of(context: Context, camera: Camera) -> CameraSettings:
    settings = context.settings
    starts = [
        start for other in settings.store().cameras if (start := first_time_ns(other.source)) is not None
    ]
    return CameraSettings(
        # The simulator's streams begin when the shop opens and slow down with its clock; a dead one hangs up.
        open_timeout_s=60.0 if settings.is_simulated else 5.0,
        read_timeout_s=60.0 if settings.is_simulated else max(2.0, 3.0 / camera.fps),
        latency_ns=settings.edge.camera_latency_ns,
        trusts_embedded_time=settings.edge.trusts_embedded_time,
        # All recordings that play together keep their common time.
        file_shift_ns=context.started_ns - min(starts) if starts else None,
    )


def _keep_newest(context: Context, door: AvCamera, newest: _Newest) -> None:
    for frame in door.frames():
        newest.put(frame)


def _send(context: Context, outlet: Outlet, detections: CameraDetections) -> None:
    data = encode(detections)
    while not outlet.send(DETECTIONS, data) and not context.is_stopping:
        context.beat()  # Core is slow or coming back: frames are overtaken meanwhile, and counted.


class _Newest:
    """The newest frames of each camera that were not looked at yet, FRAMES_MAX of each."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._frames: dict[str, deque[tuple[Frame, int]]] = {}
        self._newest_ns: dict[CameraId, int] = {}
        self._changed = threading.Condition()

    def put(self, frame: Frame) -> None:
        board, name = self._context.board, self._context.name
        with self._changed:
            waiting = self._frames.setdefault(frame.camera_id, deque())
            waiting.append((frame, time.monotonic_ns()))
            if len(waiting) > FRAMES_MAX:
                waiting.popleft()
                board.add(name, Cell.FRAMES_SKIPPED)
            self._newest_ns[frame.camera_id] = frame.captured_ns
            board.add(name, Cell.FRAMES_IN)
            board.put(name, Cell.CAMERAS_LIVE, len(self._newest_ns))
            self._changed.notify()

    def newest_ns(self, camera_id: CameraId) -> int:
        """Capture time of a camera's newest frame; 0 before the first."""
        return self._newest_ns.get(camera_id, 0)

    def take(self, timeout_s: float) -> list[Frame]:
        with self._changed:
            if not self._frames:
                self._changed.wait(timeout_s)
            waiting = [pair for camera_id in sorted(self._frames) for pair in self._frames[camera_id]]
            self._frames.clear()
        oldest_ns = min((arrived_ns for _, arrived_ns in waiting), default=0)
        backlog_ns = time.monotonic_ns() - oldest_ns if waiting else 0
        self._context.board.put(self._context.name, Cell.BACKLOG_MS, backlog_ns // NS_PER_MS)
        return [frame for frame, _ in waiting]


class _Previews:
    """A skeleton view of each camera twice a second; with its picture only where the shop is simulated."""

    def __init__(self, context: Context) -> None:
        board, name = context.board, context.name
        self._has_pictures = context.settings.is_simulated
        self._outlet = Outlet(
            context.pages_socket,
            PREVIEWS_MAX,
            drops_oldest=True,
            on_drop=lambda: board.add(name, Cell.PAGES_DROPPED),
        )
        self._shown_ns: dict[str, int] = {}

    def offer(self, frames: Sequence[Frame], found: Sequence[CameraDetections]) -> None:
        for frame, detections in zip(frames, found, strict=True):
            if frame.captured_ns - self._shown_ns.get(frame.camera_id, 0) < PREVIEW_S * NS_PER_S:
                continue
            self._shown_ns[frame.camera_id] = frame.captured_ns
            jpeg = b""
            if self._has_pictures:
                jpeg = cv2.imencode(".jpg", frame.pixels, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))[
                    1
                ].tobytes()
            self._outlet.send(PREVIEW, encode_preview(detections, jpeg))
