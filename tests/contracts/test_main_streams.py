"""One suite for every way in which a part of a large picture comes in: files, streams, RTSP, the simulator."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from tests.contracts.doors import (
    FPS,
    HEIGHT,
    HOST,
    WIDTH,
    access_units,
    numbered_picture,
    rtsp_cameras,
    wait_for,
)
from tests.contracts.test_cameras import Stream, film

from openaisle.adapters.clock import WallClock
from openaisle.adapters.main_stream_av import AvMainStream
from openaisle.core.geometry import Lens
from openaisle.core.messages import SensorDegraded, SensorRecovered
from openaisle.core.units import NS_PER_S
from openaisle.detections.products import cut_window
from openaisle.edge.sim_regions import RegionClient, RegionServer
from openaisle.ports import KEPT_NS, MainStream
from openaisle.sim.main_streams import MainStreams, Shot
from openaisle.store.schema import Camera

CLOCK = WallClock()
PERIOD_NS = NS_PER_S // FPS
BITS = [(bit * 32, 140, 32) for bit in range(10)]
"""Windows in which a numbered picture shows its number."""


def camera(main_source: str = "", source: str = "", main_px: tuple[int, int] = (WIDTH, HEIGHT)) -> Camera:
    return Camera(
        camera_id="cam-1", position_floor_m=(0.0, 0.0, 2.5), pan_deg=0.0, tilt_deg=45.0, roll_deg=0.0,
        lens=Lens(WIDTH, HEIGHT, 200.0, 200.0, 159.5, 89.5), main_width_px=main_px[0], main_height_px=main_px[1],
        fps=FPS, source=source, main_source=main_source,
    )  # fmt: skip


def number_in(windows: tuple[np.ndarray, ...]) -> int:
    return sum(int(window[10:22, 10:22].mean() > 128) << bit for bit, window in enumerate(windows))


class Moment:
    """A scene that is nothing but a number."""

    def __init__(self, at_ns: int, number: int) -> None:
        self.at_ns, self.number = at_ns, number


class NumberedStreams(MainStreams):
    def window(self, shot: Shot, window_main_px: tuple[int, int, int]) -> np.ndarray:
        return cut_window(numbered_picture(cast(Moment, shot.scene).number), window_main_px)


class Simulator:
    """Shows numbered pictures in time, and serves parts of them between."""

    def __init__(self, folder: Path) -> None:
        self._streams = NumberedStreams({"cam-1": cast(Any, None)})
        self._server = RegionServer(folder / "regions")
        self._client = RegionClient(folder / "regions", folder / "replies")
        self.stream = self._client.stream("cam-1", lambda: self._streams.newest_ns("cam-1"))
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        first_ns, number = CLOCK.now_ns(), 0
        while not self._closing.wait(0.005):
            at_ns = first_ns + number * PERIOD_NS
            if CLOCK.now_ns() >= at_ns:
                self._streams.show(cast(Any, Moment(at_ns, number)), ["cam-1"])
                number += 1
            self._server.serve(self._streams)

    def close(self) -> None:
        self._closing.set()
        self._thread.join(2)
        self._client.close()
        self._server.close()


@pytest.fixture(params=["file", "tcp", "rtsp", "simulated"])
def stream(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MainStream]:
    with ExitStack() as stack:
        if request.param == "simulated":
            # Short: a socket's path has 107 bytes at most.
            simulator = Simulator(Path(stack.enter_context(tempfile.TemporaryDirectory())))
            stack.callback(simulator.close)
            yield simulator.stream
            return
        if request.param == "file":
            source = f"file:{film(tmp_path / 'cam-1.mp4', 40)}"
        elif request.param == "tcp":
            playing = Stream()
            stack.callback(playing.close)
            source = playing.video.url
        else:
            source = stack.enter_context(rtsp_cameras(tmp_path, [access_units(60)]))[0]
        one = AvMainStream(camera(source), CLOCK, lambda _: None)
        stack.callback(one.close)
        yield one


def newest_after(stream: MainStream, ns: int) -> int:
    """The newest time once so much has gone by since the first picture."""
    assert wait_for(lambda: stream.newest_ns() > 0)
    first_ns = stream.newest_ns()
    assert wait_for(lambda: stream.newest_ns() >= first_ns + ns)
    return stream.newest_ns()


# --- the contract -------------------------------------------------------------------------------------------------


def test_the_picture_nearest_to_the_time_is_shown_in_whatever_order_one_asks(stream: MainStream) -> None:
    newest_ns = newest_after(stream, 2 * NS_PER_S)
    numbers: dict[int, int] = {}
    for back in (9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 3, 9, 7, 1, 7):
        at_ns = newest_ns - back * PERIOD_NS
        found = stream.regions(at_ns, BITS)
        assert found is not None
        # Half a period, with what a busy machine adds to a simulated camera's.
        assert abs(found.captured_ns - at_ns) < PERIOD_NS
        assert numbers.setdefault(found.captured_ns, number_in(found.pixels)) == number_in(found.pixels)
    assert max(numbers) == newest_ns
    shown = [numbers[captured_ns] for captured_ns in sorted(numbers)]
    assert shown == sorted(set(shown))


def test_a_window_shows_its_part_of_the_picture(stream: MainStream) -> None:
    newest_ns = newest_after(stream, NS_PER_S // 2)
    windows = [(30, 20, 64), (-10, 150, 40)]
    found = stream.regions(newest_ns, windows)
    assert found is not None
    inside, beyond = found.pixels
    picture = numbered_picture(0)[20:84, 30:94].astype(int)
    assert inside.shape == (64, 64, 3)
    assert np.abs(inside - picture).mean() < 12  # coded
    assert beyond.shape == (40, 40, 3)
    assert (beyond[:, :10] == beyond[:, 10:11]).all()
    assert (beyond[30:] == beyond[29]).all()


def test_of_a_moment_that_is_gone_or_to_come_there_is_no_picture(stream: MainStream) -> None:
    newest_ns = newest_after(stream, NS_PER_S // 2)
    assert stream.regions(newest_ns - 60 * NS_PER_S, BITS) is None
    assert stream.regions(newest_ns + 60 * NS_PER_S, BITS) is None


def test_before_the_first_picture_there_is_none() -> None:
    one = AvMainStream(camera(f"tcp://{HOST}:9"), CLOCK, lambda _: None)
    assert one.newest_ns() == 0
    assert one.regions(CLOCK.now_ns(), BITS) is None
    one.close()


# --- this adapter's own -------------------------------------------------------------------------------------------


def fill(path: Path, count: int, *, key_every: int = FPS, b_frames: int = 0, px: int = 1) -> Path:
    """A file as other cameras write it: numbered pictures, `px` times as large, some coded after later ones."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH * px, HEIGHT * px, "yuv420p"
        stream.codec_context.gop_size, stream.codec_context.max_b_frames = key_every, b_frames
        stream.codec_context.thread_count = 1
        stream.options = {"preset": "veryfast", "x264-params": "scenecut=0"}
        for number in range(count):
            large = numbered_picture(number).repeat(px, 0).repeat(px, 1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(large, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def test_pictures_coded_after_later_ones_are_found_by_their_time(tmp_path: Path) -> None:
    one = AvMainStream(
        camera(str(fill(tmp_path / "b.mp4", 40, b_frames=3, key_every=16))), CLOCK, lambda _: None
    )
    first_ns = CLOCK.now_ns()
    newest_ns = newest_after(one, 2 * NS_PER_S)
    assert newest_ns > first_ns
    numbers = []
    for back in (6, 5, 9, 8, 4):
        found = one.regions(newest_ns - back * PERIOD_NS, BITS)
        assert found is not None
        numbers.append(number_in(found.pixels) + back)
    assert len(set(numbers)) == 1
    one.close()


def test_a_stream_that_says_when_pictures_were_taken_is_believed() -> None:
    playing = Stream()
    one = AvMainStream(camera(playing.video.url), CLOCK, lambda _: None)
    newest_ns = newest_after(one, NS_PER_S)
    for back in (4, 2, 0):
        found = one.regions(newest_ns - back * PERIOD_NS, BITS)
        assert found is not None
        assert playing.sent_ns[number_in(found.pixels)] == found.captured_ns
    one.close()
    playing.close()


def test_windows_of_a_camera_without_a_main_stream_are_cut_from_its_substream(tmp_path: Path) -> None:
    path = film(tmp_path / "cam-1.mp4", 30)
    one = AvMainStream(camera(source=f"file:{path}", main_px=(6 * WIDTH, 6 * HEIGHT)), CLOCK, lambda _: None)
    newest_ns = newest_after(one, NS_PER_S // 2)
    found = one.regions(newest_ns, [(6 * x, 6 * y, 6 * side) for x, y, side in BITS])
    assert found is not None
    assert found.pixels[0].shape == (32, 32, 3)
    assert 0 <= number_in(found.pixels) < 30
    one.close()


def test_memory_is_bounded_in_time_and_bytes(tmp_path: Path) -> None:
    """Only groups with something in the last seconds are kept; one that is too large is given up, and said once."""
    health: list[SensorDegraded | SensorRecovered] = []
    kept = AvMainStream(camera(str(fill(tmp_path / "a.mp4", 70))), CLOCK, health.append)
    newest_after(kept, 6 * NS_PER_S)
    oldest_ns = min(group.pictures[0].captured_ns for group in kept._groups)
    assert kept.newest_ns() - oldest_ns < KEPT_NS + NS_PER_S + PERIOD_NS
    assert health == []
    kept.close()

    tight = AvMainStream(
        camera(str(fill(tmp_path / "b.mp4", 40, key_every=100))), CLOCK, health.append, bytes_max=3000
    )
    assert wait_for(lambda: bool(health))
    assert tight.byte_count == 0
    assert tight.regions(tight.newest_ns(), BITS) is None
    time.sleep(0.3)
    assert [(fault.sensor_id, fault.reason) for fault in health] == [("cam-1 main stream", "gap")]
    tight.close()


def test_a_main_stream_that_breaks_off_is_reported_and_connected_again() -> None:
    camera_stream = Stream()
    health: list[SensorDegraded | SensorRecovered] = []
    one = AvMainStream(camera(camera_stream.video.url), CLOCK, health.append)
    newest_ns = newest_after(one, NS_PER_S // 2)
    with camera_stream.video._lock:
        for reader in camera_stream.video._readers:
            reader.shutdown(2)
    assert wait_for(lambda: one.newest_ns() > newest_ns + NS_PER_S // 2)
    found = one.regions(one.newest_ns(), BITS)
    one.close()
    camera_stream.close()
    assert found is not None
    assert [type(fault).__name__ for fault in health] == ["SensorDegraded", "SensorRecovered"]
