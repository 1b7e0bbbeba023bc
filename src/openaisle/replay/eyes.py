"""Videos of a recording to detections, for days on which nobody recorded what a detector saw."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from openaisle.core.errors import RecordingError
from openaisle.core.messages import CameraDetections, CameraId, Frame, Reading
from openaisle.core.units import NS_PER_MS
from openaisle.ports import Detector
from openaisle.replay.recording import Recording, arrival_key
from openaisle.sim.video import read_video

SEEING_NS: Final = 60 * NS_PER_MS
"""From a frame's arrival to its detections, on a machine that keeps up: replayed days do not depend on this one."""

BATCH_NS: Final = 50 * NS_PER_MS
"""Frames of different cameras that arrive within this go through the networks together."""


def has_recorded_detections(recording: Recording) -> bool:
    return recording.manifest.counts.get(CameraDetections.__name__, 0) > 0


def readings_with_video(recording: Recording, detector: Detector) -> Iterator[Reading]:
    """All readings in arrival order, recorded detections replaced by what `detector` sees in the videos."""
    recorded = (reading for reading in recording.readings() if not isinstance(reading, CameraDetections))
    return heapq.merge(recorded, detections_from_video(recording, detector), key=arrival_key)


def detections_from_video(recording: Recording, detector: Detector) -> Iterator[CameraDetections]:
    """What `detector` sees in all videos of a recording, in arrival order. Raises RecordingError for a bad video."""
    streams = [_frames(recording, camera_id, path) for camera_id, path in recording.video_paths.items()]
    batch: list[Frame] = []
    for frame in heapq.merge(*streams, key=lambda frame: (frame.received_ns, frame.camera_id)):
        is_full = batch and (
            frame.received_ns - batch[0].received_ns > BATCH_NS
            or any(frame.camera_id == other.camera_id for other in batch)
        )
        if is_full:
            yield from detector.detect(batch)
            batch = []
        batch.append(frame)
    if batch:
        yield from detector.detect(batch)


def _frames(recording: Recording, camera_id: CameraId, path: Path) -> Iterator[Frame]:
    _, received_ns = recording.frame_times(camera_id)
    lens = recording.store.camera_of[camera_id].lens
    for index, (at_ns, pixels) in enumerate(read_video(path)):
        if pixels.shape[:2] != (lens.height_px, lens.width_px):
            raise RecordingError(
                "video is of another size than its camera",
                file=str(path),
                expected=f"{lens.width_px} x {lens.height_px}",
                found=f"{pixels.shape[1]} x {pixels.shape[0]}",
            )
        yield Frame(
            camera_id=camera_id,
            captured_ns=at_ns,
            # A detection arrives when it is made, not when its frame came.
            received_ns=int(received_ns[index]) + SEEING_NS,
            pixels=pixels,
        )
