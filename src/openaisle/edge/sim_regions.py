"""The main streams of a simulated shop's cameras, between the process that draws them and those that look.

Eight large streams cannot be encoded in real time beside everything else, so here, and only here, a part of a picture
travels instead of the video. A real shop has `adapters.main_stream_av` in this place.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from openaisle.core.messages import CameraId
from openaisle.edge.bus import Inlet, Outlet
from openaisle.edge.wire import REGIONS, REGIONS_WANTED
from openaisle.ports import Regions
from openaisle.sim.main_streams import MainStreams

REQUESTS_MAX: Final = 64
WAIT_S: Final = 1.0
"""For the simulator, which draws between two frames."""


class _Wanted(msgspec.Struct, frozen=True, array_like=True):
    number: int
    reply_to: str  # socket
    camera_id: CameraId
    captured_ns: int
    windows_main_px: list[tuple[int, int, int]]


class _Found(msgspec.Struct, frozen=True, array_like=True):
    number: int
    captured_ns: int
    pixels: list[bytes] | None  # [side, side, 3] each; None: there is no such picture


class RegionServer:
    """The simulator's end. `serve` draws what was asked for, in the thread that draws everything else."""

    def __init__(self, path: Path) -> None:
        self._inlet = Inlet(path, REQUESTS_MAX)
        self._outlets: dict[str, Outlet] = {}

    def serve(self, streams: MainStreams) -> None:
        """Answer what has been asked until now; never waits."""
        for _, payload in self._inlet.take(0.0):
            wanted = msgspec.msgpack.decode(payload, type=_Wanted)
            shot = streams.nearest(wanted.camera_id, wanted.captured_ns)
            found = _Found(
                wanted.number,
                shot.scene.at_ns if shot else 0,
                [streams.window(shot, window).tobytes() for window in wanted.windows_main_px]
                if shot
                else None,
            )
            if wanted.reply_to not in self._outlets:
                self._outlets[wanted.reply_to] = Outlet(
                    Path(wanted.reply_to), REQUESTS_MAX, drops_oldest=True
                )
            self._outlets[wanted.reply_to].send(REGIONS, msgspec.msgpack.encode(found))

    def close(self) -> None:
        self._inlet.close()
        for outlet in self._outlets.values():
            outlet.close()


class RegionClient:
    """A vision worker's end, for all its cameras."""

    def __init__(self, server: Path, reply_to: Path) -> None:
        self._reply_to = reply_to
        self._outlet = Outlet(server, REQUESTS_MAX, drops_oldest=True)
        self._inlet = Inlet(reply_to, REQUESTS_MAX)
        self._numbers = itertools.count()

    def stream(self, camera_id: CameraId, newest_ns: Callable[[], int]) -> SimulatedMainStream:
        """One camera's; `newest_ns` is the capture time of its newest frame, which both its streams share."""
        return SimulatedMainStream(camera_id, newest_ns, self)

    def fetch(
        self, camera_id: CameraId, captured_ns: int, windows_main_px: Sequence[tuple[int, int, int]]
    ) -> Regions | None:
        """What the simulator draws; None too where it does not answer in time."""
        number = next(self._numbers)
        wanted = _Wanted(number, str(self._reply_to), camera_id, captured_ns, list(windows_main_px))
        self._outlet.send(REGIONS_WANTED, msgspec.msgpack.encode(wanted))
        found = self._reply(number)
        if found is None or found.pixels is None:
            return None
        sides = [side for _, _, side in windows_main_px]
        pixels = zip(found.pixels, sides, strict=True)
        return Regions(
            found.captured_ns,
            tuple(np.frombuffer(data, np.uint8).reshape(side, side, 3) for data, side in pixels),
        )

    def _reply(self, number: int) -> _Found | None:
        """The reply to one request; replies to earlier ones, which nobody waits for any more, are passed over."""
        until_s = time.monotonic() + WAIT_S
        while (left_s := until_s - time.monotonic()) > 0:
            for _, payload in self._inlet.take(left_s):
                found = msgspec.msgpack.decode(payload, type=_Found)
                if found.number == number:
                    return found
        return None

    def close(self) -> None:
        self._outlet.close()
        self._inlet.close()


class SimulatedMainStream:
    """`openaisle.ports.MainStream` of a camera in the simulator's process."""

    def __init__(self, camera_id: CameraId, newest_ns: Callable[[], int], client: RegionClient) -> None:
        self.camera_id = camera_id
        self.newest_ns = newest_ns
        self._client = client

    def regions(self, captured_ns: int, windows_main_px: Sequence[tuple[int, int, int]]) -> Regions | None:
        return self._client.fetch(self.camera_id, captured_ns, windows_main_px)

    def close(self) -> None:
        """The client is shared: whoever made it closes it."""
