"""One suite for every way in which pictures come in: a file, a simulated camera's stream, a live RTSP server."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.contracts.doors import (
    FPS,
    HEIGHT,
    HOST,
    WIDTH,
    access_units,
    number_of,
    numbered_picture,
    rtsp_cameras,
)

from openaisle.adapters.av_source import CameraSettings, shown
from openaisle.adapters.camera_av import AvCamera, check_camera
from openaisle.adapters.clock import WallClock
from openaisle.adapters.precision_time import stamp, stamped_ns
from openaisle.core.errors import PortUnavailable
from openaisle.core.messages import Frame, SensorDegraded, SensorRecovered
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.sim.live_video import VideoStream
from openaisle.sim.video import VideoWriter

PERIOD_NS = NS_PER_S // FPS
CLOCK = WallClock()
Health = list[SensorDegraded | SensorRecovered]


def film(path: Path, count: int, draw: Callable[[int], np.ndarray] = numbered_picture) -> Path:
    with VideoWriter(path, WIDTH, HEIGHT, FPS) as video:
        for number in range(count):
            video.write(draw(number), 10**18 + number * PERIOD_NS)
    return path


class Stream:
    """A simulated camera that plays numbered pictures in time, in a thread."""

    def __init__(self, draw: Callable[[int], np.ndarray] = numbered_picture, offset_ns: int = 0) -> None:
        self.video = VideoStream("cam-1", WIDTH, HEIGHT, FPS, HOST)
        self.sent_ns: dict[int, int] = {}
        self._draw, self._offset_ns = draw, offset_ns
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        number = 0
        while not self._stopping.wait(0.125):
            if not self.video.reader_count:
                continue
            captured_ns = CLOCK.now_ns() // 1000 * 1000 + self._offset_ns
            self.sent_ns[number] = captured_ns
            self.video.send(self._draw(number), captured_ns)
            number += 1

    def close(self) -> None:
        self._stopping.set()
        self._thread.join()
        self.video.close()


@pytest.fixture
def stream() -> Iterator[Stream]:
    one = Stream()
    yield one
    one.close()


@pytest.fixture(params=["file", "tcp", "rtsp"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "file":
        yield f"file:{film(tmp_path / 'cam-1.mp4', 12)}"
    elif request.param == "tcp":
        one = Stream()
        yield one.video.url
        one.close()
    else:
        with rtsp_cameras(tmp_path, [access_units(40)]) as urls:
            yield urls[0]


def frames_of(source: str, count: int, health: Health, settings: CameraSettings | None = None) -> list[Frame]:
    """The first frames, or fewer if the source ends or 8 s pass."""
    camera = AvCamera("cam-1", source, CLOCK, health.append, settings)
    timer = threading.Timer(8.0, camera.close)
    timer.start()
    frames: list[Frame] = []
    for frame in camera.frames():
        frames.append(frame)
        if len(frames) == count:
            break
    timer.cancel()
    camera.close()
    return frames


# --- the contract -------------------------------------------------------------------------------------------------


def test_frames_come_in_order_whole_and_with_growing_times(source: str) -> None:
    health: Health = []
    frames = frames_of(source, 8, health)
    numbers = [number_of(frame.pixels) for frame in frames]
    assert len(frames) == 8
    assert numbers == list(range(numbers[0], numbers[0] + 8))
    assert all(frame.pixels.shape == (HEIGHT, WIDTH, 3) for frame in frames)
    captured = np.array([frame.captured_ns for frame in frames])
    assert (np.diff(captured) > 0).all()
    # In step with the camera: its first frames may come in a heap, and a busy machine may stamp one late.
    assert np.median(np.abs(np.diff(captured)[3:] - PERIOD_NS)) < 30 * NS_PER_MS
    assert all(frame.captured_ns <= frame.received_ns for frame in frames)
    assert health == []


def test_a_camera_can_be_closed_while_somebody_waits_for_its_next_frame(source: str) -> None:
    camera = AvCamera("cam-1", source, CLOCK, lambda _: None)
    ended = threading.Event()

    def look() -> None:
        for _ in camera.frames():
            pass
        ended.set()

    threading.Thread(target=look, daemon=True).start()
    time.sleep(0.4)
    camera.close()
    assert ended.wait(3.0)


# --- times --------------------------------------------------------------------------------------------------------


def test_a_simulated_stream_says_exactly_when_each_picture_was_taken(stream: Stream) -> None:
    frames = frames_of(stream.video.url, 6, [])
    assert [frame.captured_ns for frame in frames] == [
        stream.sent_ns[number_of(frame.pixels)] for frame in frames
    ]
    # No picture waits for the next one to be known as whole.
    assert min(frame.received_ns - frame.captured_ns for frame in frames) < PERIOD_NS // 2


def test_the_time_stamp_survives_its_way_through_the_bytes() -> None:
    for at_ns in (0, 1_000, 1_780_300_800_123_456_000, (2**62 // 1000) * 1000):
        assert stamped_ns(stamp(at_ns) + b"\x00\x00\x00\x01\x65rest") == at_ns
    assert stamped_ns(b"\x00\x00\x00\x01\x65no stamp here") is None
    assert stamped_ns(stamp(5_000)[:-6]) is None


def test_a_camera_whose_clock_is_wrong_is_reported_and_timed_by_arrival() -> None:
    wrong = Stream(offset_ns=-3600 * NS_PER_S)
    health: Health = []
    frames = frames_of(wrong.video.url, 3, health)
    wrong.close()
    assert [(fault.sensor_id, fault.reason) for fault in health] == [("cam-1", "clock")]
    assert all(abs(frame.captured_ns - frame.received_ns) < NS_PER_S for frame in frames)


def test_recordings_that_play_together_keep_their_common_time(tmp_path: Path) -> None:
    film(tmp_path / "cam-1.mp4", 3)
    shift_ns = CLOCK.now_ns() - 10**18
    frames = frames_of(f"file:{tmp_path / 'cam-1.mp4'}", 3, [], CameraSettings(file_shift_ns=shift_ns))
    assert [frame.captured_ns - shift_ns for frame in frames] == [10**18 + n * PERIOD_NS for n in range(3)]


# --- trouble ------------------------------------------------------------------------------------------------------


def test_a_stream_that_breaks_off_is_reported_at_once_and_connected_again(stream: Stream) -> None:
    health: Health = []
    camera = AvCamera("cam-1", stream.video.url, CLOCK, health.append)
    got: list[Frame] = []

    def look() -> None:
        got.extend(camera.frames())

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    deadline = time.monotonic() + 6
    while len(got) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    with stream.video._lock:  # the network fails: the readers' connections are gone
        for reader in stream.video._readers:
            reader.shutdown(2)
    got_before = len(got)
    while len(got) < got_before + 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    camera.close()
    thread.join(3)
    assert len(got) >= got_before + 3
    assert [type(fault).__name__ for fault in health] == ["SensorDegraded", "SensorRecovered"]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (f"tcp://{HOST}:9", "refuses the connection"),
        (f"rtsp://{HOST}:9/x", "refuses the connection"),
        ("file:nowhere/cam.mp4", "no such file"),
        ("gopher://x", "no such kind of source"),
    ],
)
def test_a_source_that_cannot_be_opened_says_why_in_one_line(source: str, why: str) -> None:
    with pytest.raises(PortUnavailable, match=why):
        check_camera(source, 1.0)


def test_a_truncated_video_is_reported_once_and_ends(tmp_path: Path) -> None:
    whole = film(tmp_path / "whole.mp4", 8).read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) // 2])
    health: Health = []
    assert frames_of(f"file:{cut}", 8, health) == []
    assert [fault.reason for fault in health] == ["silent"]
    assert "truncated" in health[0].detail  # type: ignore[union-attr]


def test_a_frozen_picture_is_reported_and_shows_nobody_until_it_moves() -> None:
    # Still from picture 4 to 35: four seconds, of which the codec takes one to settle.
    freezing = Stream(draw=lambda number: numbered_picture(min(number, 4) if number < 36 else number))
    health: Health = []
    camera = AvCamera("cam-1", freezing.video.url, CLOCK, health.append)
    frames: list[Frame] = []
    timer = threading.Timer(8.0, camera.close)
    timer.start()
    for frame in camera.frames():
        frames.append(frame)
        if number_of(frame.pixels) > 37:
            break
    timer.cancel()
    freezing.close()
    assert [(type(fault).__name__, fault.reason) for fault in health] == [
        ("SensorDegraded", "frozen"),
        ("SensorRecovered", "frozen"),
    ]
    numbers = [number_of(frame.pixels) for frame in frames]
    assert FPS <= numbers.count(4) < 3 * FPS
    assert numbers[-1] >= 36


def test_a_black_picture_is_reported() -> None:
    black = Stream(draw=lambda number: numbered_picture(number) // (1 if number < 3 else 255))
    health: Health = []
    camera = AvCamera("cam-1", black.video.url, CLOCK, health.append)
    thread = threading.Thread(target=lambda: list(camera.frames()), daemon=True)
    thread.start()
    until = time.monotonic() + 6
    while not health and time.monotonic() < until:
        time.sleep(0.05)
    camera.close()
    black.close()
    assert [fault.reason for fault in health] == ["black"]


def test_a_password_is_never_shown() -> None:
    assert shown("rtsp://ann:se:cret@10.0.0.9/s") == "rtsp://ann:***@10.0.0.9/s"
    assert shown("rtsp://10.0.0.9/s") == "rtsp://10.0.0.9/s"
