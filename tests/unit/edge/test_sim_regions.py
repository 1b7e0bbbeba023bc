"""Parts of simulated main streams travel between processes as a real camera's would come out of its video."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.edge.sim_regions import RegionClient, RegionServer
from openaisle.sim.main_streams import MainStreams, Shot


class Moment:
    def __init__(self, at_ns: int) -> None:
        self.at_ns = at_ns


class Streams(MainStreams):
    """Pictures all of one value: the hundredths of a second at which they were taken."""

    def window(self, shot: Shot, window_main_px: tuple[int, int, int]) -> np.ndarray:
        side = window_main_px[2]
        return np.full((side, side, 3), shot.scene.at_ns // (10 * NS_PER_MS) % 256, np.uint8)


class Simulator:
    """Serves between its frames, as `edge.sim_worker` does."""

    def __init__(self, path: Path) -> None:
        self.streams = Streams({"west": cast(Any, None)})
        self.server = RegionServer(path)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._is_over.wait(0.005):
            self.server.serve(self.streams)

    def close(self) -> None:
        self._is_over.set()
        self._thread.join(2)
        self.server.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def test_the_windows_of_a_moment_arrive(folder: Path) -> None:
    simulator = Simulator(folder / "regions")
    for number in range(5):
        simulator.streams.show(cast(Any, Moment(NS_PER_S + number * 100 * NS_PER_MS)), ["west"])
    client = RegionClient(folder / "regions", folder / "replies")
    stream = client.stream("west", lambda: simulator.streams.newest_ns("west"))
    assert stream.newest_ns() == NS_PER_S + 400 * NS_PER_MS
    found = stream.regions(NS_PER_S + 210 * NS_PER_MS, [(0, 0, 96), (-5, 7, 8)])
    assert found is not None
    assert found.captured_ns == NS_PER_S + 200 * NS_PER_MS
    assert [pixels.shape for pixels in found.pixels] == [(96, 96, 3), (8, 8, 3)]
    assert all((pixels == 120).all() for pixels in found.pixels)
    assert stream.regions(9 * NS_PER_S, [(0, 0, 8)]) is None
    client.close()
    simulator.close()


def test_a_simulator_that_is_gone_is_no_picture_within_a_second(folder: Path) -> None:
    client = RegionClient(folder / "regions", folder / "replies")
    began_s = time.monotonic()
    assert client.fetch("west", NS_PER_S, [(0, 0, 8)]) is None
    assert time.monotonic() - began_s < 3.0
    simulator = Simulator(folder / "regions")
    simulator.streams.show(cast(Any, Moment(2 * NS_PER_S)), ["west"])
    # The first request is answered now, too late; the second gets its own reply.
    found = client.fetch("west", 2 * NS_PER_S, [(0, 0, 16)])
    assert found is not None
    assert found.pixels[0].shape == (16, 16, 3)
    client.close()
    simulator.close()
