"""Videos of a recording become detections, in arrival order among everything else."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from tests.unit.carts.shop import START_NS
from tests.unit.carts.small_store import small_store

from openaisle.core.errors import InputError, RecordingError
from openaisle.core.messages import CameraDetections, Frame, GateTap
from openaisle.core.units import NS_PER_MS
from openaisle.replay.eyes import SEEING_NS, has_recorded_detections, readings_with_video
from openaisle.replay.recording import Recording, RecordingWriter
from openaisle.replay.run import run
from openaisle.sim.video import VideoWriter

FRAMES = 6
LATE_NS = 30 * NS_PER_MS  # from the shutter to the frame's arrival


@dataclass
class BrightnessDetector:
    """Sees one person a frame, whose score is the picture's brightness. Notes which frames came together."""

    batches: list[list[str]] = field(default_factory=list)

    def detect(self, frames: Sequence[Frame]) -> list[CameraDetections]:
        self.batches.append([frame.camera_id for frame in frames])
        return [
            CameraDetections(
                camera_id=frame.camera_id,
                captured_ns=frame.captured_ns,
                received_ns=frame.received_ns,
                boxes_image_px=np.zeros((1, 4), np.float32),
                scores=np.array([frame.pixels.mean() / 255], np.float32),
                keypoints_image_px=np.zeros((1, 17, 3), np.float32),
                appearance=np.zeros((1, 0), np.float32),
            )
            for frame in frames
        ]


def captured_ns(camera: int, index: int) -> int:
    """The second camera's shutter opens 20 ms after the first one's."""
    return START_NS + (125 * index + 20 * camera) * NS_PER_MS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = small_store()
    first = store.cameras[0]
    store = replace(store, cameras=(first, replace(first, camera_id="cam-2")))
    with RecordingWriter(tmp_path / "day", store) as writer:
        at_ns = captured_ns(0, 2)
        writer.write(
            GateTap(gate_id="entry", direction="entry", visit_id="a", tapped_ns=at_ns, received_ns=at_ns)
        )
        for number, camera in enumerate(store.cameras):
            path, _ = writer.video_paths(camera.camera_id)
            with VideoWriter(path, 640, 360, 8.0) as video:
                for index in range(FRAMES):
                    pixels = np.full((360, 640, 3), 40 * index + 20, np.uint8)
                    at_ns = captured_ns(number, index)
                    video.write(pixels, at_ns, at_ns + LATE_NS)
    return tmp_path / "day"


def test_what_the_detector_sees_arrives_in_order_among_other_readings(folder: Path) -> None:
    recording = Recording.open(folder)
    assert not has_recorded_detections(recording)
    readings = list(readings_with_video(recording, BrightnessDetector()))
    assert [reading.received_ns for reading in readings] == sorted(
        reading.received_ns for reading in readings
    )
    seen = [reading for reading in readings if isinstance(reading, CameraDetections)]
    assert [(at.camera_id, at.captured_ns) for at in seen] == [
        (f"cam-{camera + 1}", captured_ns(camera, index)) for index in range(FRAMES) for camera in range(2)
    ]
    assert {at.received_ns - at.captured_ns for at in seen} == {LATE_NS + SEEING_NS}
    assert np.array([at.scores[0] for at in seen[::2]]) == pytest.approx(
        [(40 * index + 20) / 255 for index in range(FRAMES)], abs=0.03
    )
    (tap,) = (reading for reading in readings if isinstance(reading, GateTap))
    assert readings.index(tap) == 4  # captured with frame 2, which is seen 90 ms later


def test_frames_of_different_cameras_that_arrive_together_are_looked_at_together(folder: Path) -> None:
    detector = BrightnessDetector()
    list(readings_with_video(Recording.open(folder), detector))
    assert detector.batches == [["cam-1", "cam-2"]] * FRAMES


def test_a_cut_video_is_refused(folder: Path) -> None:
    path = folder / "cameras" / "cam-1.mp4"
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(RecordingError, match=r"cam-1\.mp4: size is not what the manifest says"):
        Recording.open(folder)
    with pytest.raises(RecordingError, match=r"cam-1\.mp4"):
        list(readings_with_video(Recording.open(folder, check=False), BrightnessDetector()))


def test_a_video_of_another_size_is_refused(folder: Path) -> None:
    path = folder / "cameras" / "cam-1.mp4"
    path.unlink()
    with VideoWriter(path, 320, 180, 8.0) as video:
        for index in range(FRAMES):
            video.write(np.zeros((180, 320, 3), np.uint8), captured_ns(0, index))
    with pytest.raises(RecordingError, match=r"expected 640 x 360, found '320 x 180'"):
        list(readings_with_video(Recording.open(folder, check=False), BrightnessDetector()))


def test_an_unknown_kind_of_vision_is_refused(folder: Path) -> None:
    from openaisle.adapters.event_log_sqlite import MemoryEventLog

    with pytest.raises(InputError, match=r"expected auto \| recorded \| video, found 'x-ray'"):
        run(Recording.open(folder), MemoryEventLog(), vision="x-ray")
