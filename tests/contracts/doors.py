"""Real things for the contracts of doors: a broker, a video, an RTSP server."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from openaisle.adapters.broker_amqtt import run_broker
from openaisle.adapters.mqtt import BrokerSettings

HOST = "127.0.0.1"
FPS = 8
WIDTH, HEIGHT = 320, 180
_BITS = 10
RTSP_PYTHON = Path("/usr/bin/python3")  # Debian's, which has GStreamer's bindings


def free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return listener.getsockname()[1]


def wait_for(is_so: Callable[[], bool], timeout_s: float = 10.0) -> bool:
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if is_so():
            return True
        time.sleep(0.01)
    return is_so()


class Broker:
    """The embedded broker in a thread; may be stopped and started again on the same port."""

    def __init__(self) -> None:
        self.settings = BrokerSettings(host=HOST, port=free_port())
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        ready = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=run_broker,
            args=(HOST, self.settings.port),
            kwargs={"on_ready": ready.set, "is_stopping": self._stopping.is_set},
        )
        self._thread.start()
        assert ready.wait(10)

    def stop(self) -> None:
        self._stopping.set()
        if self._thread:
            self._thread.join(10)


@contextmanager
def running_broker() -> Iterator[Broker]:
    broker = Broker()
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


def numbered_picture(number: int) -> NDArray[np.uint8]:
    """A textured picture [h, w, 3] that carries its number in a row of black and white squares."""
    rng = np.random.default_rng(3)
    small = rng.integers(40, 200, (HEIGHT // 20, WIDTH // 20, 3), dtype=np.uint8)
    picture = small.repeat(20, 0).repeat(20, 1)
    for bit in range(_BITS):
        picture[140:172, bit * 32 : bit * 32 + 32] = 255 * ((number >> bit) & 1)
    return picture


def number_of(pixels: NDArray[np.uint8]) -> int:
    return sum(int(pixels[156, bit * 32 + 16].mean() > 128) << bit for bit in range(_BITS))


Unit = tuple[int, bool, bytes]  # time in ns, whether it is a key picture, H.264 in Annex B


def access_units(count: int, draw: Callable[[int], NDArray[np.uint8]] = numbered_picture) -> list[Unit]:
    """H.264 of `count` pictures at FPS, a key picture every second."""
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.time_base, encoder.framerate, encoder.gop_size = Fraction(1, FPS), Fraction(FPS), FPS
    encoder.thread_count = 1  # one slice a picture, as cameras send
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency"}
    units: list[Unit] = []
    for number in range(count):
        frame = av.VideoFrame.from_ndarray(draw(number), format="bgr24")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        at_ns = number * 10**9 // FPS
        units += [(at_ns, packet.is_keyframe, bytes(packet)) for packet in encoder.encode(frame)]
    assert len(units) == count
    return units


@contextmanager
def rtsp_cameras(folder: Path, units: list[list[Unit]], start_ns: int = 0) -> Iterator[list[str]]:
    """Serve each list of access units as a live RTSP camera, in time. Their URLs.

    Time 0 is at wall time `start_ns`, or when a camera's first reader comes.
    """
    if (
        not RTSP_PYTHON.exists()
        or subprocess.run(
            [RTSP_PYTHON, "-c", "import gi; gi.require_version('GstRtspServer', '1.0')"],
            capture_output=True,
            check=False,
        ).returncode
    ):
        pytest.skip(
            "no GStreamer RTSP server: apt install gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-*"
        )
    paths: list[str] = []
    for index, one in enumerate(units):
        path = folder / f"cam-{index + 1}.units"
        path.write_bytes(
            b"".join(struct.pack("<Iq?", len(data), at_ns, key) + data for at_ns, key, data in one)
        )
        paths.append(str(path))
    port = free_port()
    server = subprocess.Popen(
        [RTSP_PYTHON, str(Path(__file__).with_name("rtsp_server.py")), str(port), str(start_ns), *paths],
        stdout=subprocess.PIPE,
        stderr=sys.stderr,
        text=True,
    )
    try:
        assert server.stdout is not None
        assert server.stdout.readline().strip() == "ready"
        yield [f"rtsp://{HOST}:{port}/cam-{index + 1}" for index in range(len(units))]
    finally:
        server.kill()
        server.wait()
