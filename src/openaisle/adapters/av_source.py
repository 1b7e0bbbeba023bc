"""What a camera's picture streams have in common: how one is opened, when a picture was taken, how trouble is said.

Sources: `rtsp://` (over TCP), `rtsps://`, `http://`, `https://`, `tcp://` (MPEG-TS, one picture a PES packet of known
length, so that no picture waits for its successor), `file:path` or a plain path.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import av
import av.error
import numpy as np

from openaisle.adapters.mqtt import OnHealth
from openaisle.core.errors import PortUnavailable
from openaisle.core.messages import SensorDegraded, SensorRecovered
from openaisle.core.units import NS_PER_S, ms_from_ns
from openaisle.ports import Clock
from openaisle.replay.streams import read_frame_times

RETRY_S: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
EMBEDDED_OFF_NS_MAX: Final = 10 * NS_PER_S
"""An embedded time further than this from the shop's clock is a camera whose clock is wrong."""
FLOOR_FRAMES: Final = 300
"""Over so many frames the quickest arrival gives the offset between a camera's clock and ours."""

ItemT = TypeVar("ItemT")


@dataclass(frozen=True, kw_only=True)
class CameraSettings:
    """How a camera's streams are read."""

    open_timeout_s: float = 5.0
    read_timeout_s: float = 2.0  # a live stream that says nothing for so long is opened again
    latency_ns: int = (
        60_000_000  # from light to arrival, where a stream does not say when a picture was taken
    )
    trusts_embedded_time: bool = True
    file_shift_ns: int | None = None  # added to a file's own times; None: its first frame is shown at once


def shown(source: str) -> str:
    """A source as it may be shown: without a password."""
    return re.sub(r"(?<=//)([^/@:]+):[^/@]*@", r"\1:***@", source)


# --- opening ------------------------------------------------------------------------------------------------------

_LIVE: Final = ("rtsp", "rtsps", "tcp", "http", "https")
_OPTIONS: Final = {
    # A packet is a whole picture there: without the parser none waits for the beginning of the next.
    "tcp": {"fflags": "noparse", "probesize": "2048", "analyzeduration": "0"},
    "rtsp": {"rtsp_transport": "tcp", "analyzeduration": "100000", "fpsprobesize": "0"},
}


def _scheme(source: str) -> str:
    match = re.match(r"([a-z][a-z0-9+.-]*):", source)
    return match[1] if match else "file"


def is_file(source: str) -> bool:
    return _scheme(source) == "file"


def path_of(source: str) -> Path:
    return Path(source.removeprefix("file:").removeprefix("//"))


def open_source(source: str, settings: CameraSettings) -> Any:
    """A container with video in it. Raises PortUnavailable, saying why in one line."""
    scheme = _scheme(source)
    if scheme != "file" and scheme not in _LIVE:
        raise PortUnavailable(
            f"{shown(source)}: no such kind of source; expected one of {', '.join(_LIVE)}, file"
        )
    try:
        container = av.open(
            str(path_of(source)) if scheme == "file" else source,
            format="mpegts" if scheme == "tcp" else None,
            options=_OPTIONS.get(scheme.removesuffix("s"), {}),
            timeout=None if scheme == "file" else (settings.open_timeout_s, settings.read_timeout_s),
        )
    except (av.error.FFmpegError, OSError) as error:
        raise PortUnavailable(f"{shown(source)}: {words(error)}") from error
    if not container.streams.video:
        container.close()
        raise PortUnavailable(f"{shown(source)}: holds no video")
    return container


def words(error: Exception) -> str:
    """What went wrong with a stream, for a person."""
    match error:
        case av.error.ExitError():
            return "says nothing"
        case av.error.EOFError():
            return "closed the stream"
        case av.error.InvalidDataError():
            return "holds no whole video (truncated, or of another kind)"
        case av.error.HTTPUnauthorizedError():
            return "wants another user name or password"
        case FileNotFoundError():
            return "there is no such file"
        case ConnectionRefusedError():
            return "refuses the connection"
        case _:
            return (getattr(error, "strerror", None) or str(error)).lower()


def parser_delay_ns(source: str, stream: Any) -> int:
    """Where FFmpeg's parser finds a picture's end by the next one's beginning, each arrives one period late."""
    if _scheme(source) == "tcp":
        return 0
    rate = stream.guessed_rate or stream.average_rate
    return round(NS_PER_S / float(rate)) if rate and 1 <= float(rate) <= 120 else 0


# --- times --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Capture:
    """What one picture says about when it was taken."""

    clock: StreamClock
    pts_s: float
    stamp_ns: int | None

    def __call__(self, received_ns: int) -> int:
        return self.clock.captured_ns(self.pts_s, self.stamp_ns, received_ns)


class StreamClock:
    """Capture times of one connection to a live camera.

    Embedded times are believed when they are near the shop's. Otherwise the stream's own clock gives the distances
    between pictures, and the quickest of the last arrivals its offset to ours (network jitter only ever delays).
    """

    def __init__(
        self, settings: CameraSettings, health: Faults, parser_delay_ns: int, *, is_in_order: bool = True
    ) -> None:
        """`is_in_order`: pictures come as they were taken, so their times grow."""
        self._settings = settings
        self._is_in_order = is_in_order
        self._health = health
        self._parser_delay_ns = parser_delay_ns
        self._offsets_ns: deque[int] = deque(maxlen=FLOOR_FRAMES)
        self._newest_ns = 0

    def captured_ns(self, pts_s: float, stamp_ns: int | None, received_ns: int) -> int:
        if stamp_ns is not None and self._settings.trusts_embedded_time:
            ahead_ns = stamp_ns - received_ns
            if abs(ahead_ns) <= EMBEDDED_OFF_NS_MAX:
                self._health.recover("clock")
                return stamp_ns
            self._health.degrade(
                "clock", f"its clock is off by {ms_from_ns(ahead_ns):+.0f} ms: arrival times are used"
            )
        late_ns = self._settings.latency_ns + self._parser_delay_ns
        pts_ns = round(pts_s * NS_PER_S)
        self._offsets_ns.append(received_ns - pts_ns)
        at_ns = pts_ns + min(self._offsets_ns) - late_ns
        if self._is_in_order:
            # A quicker arrival moves the offset, but never time backwards.
            self._newest_ns = at_ns = max(self._newest_ns + 1, at_ns)
        return at_ns


class FileTimes:
    """Capture times of a file: those beside it (a recording's), else its own; moved to the present."""

    def __init__(self, source: str, settings: CameraSettings, clock: Clock) -> None:
        self._times_ns = file_times_ns(path_of(source))
        self._shift_ns = settings.file_shift_ns
        self._clock = clock
        self._index = 0

    def next(self, capture: Capture) -> int:
        if self._times_ns is not None:
            if self._index >= len(self._times_ns):
                raise PortUnavailable("the video has more pictures than its times")
            at_ns = int(self._times_ns[self._index])
        else:
            at_ns = round(capture.pts_s * NS_PER_S)
        self._index += 1
        if self._shift_ns is None:
            self._shift_ns = self._clock.now_ns() - at_ns
        return at_ns + self._shift_ns


def wait_until(at_ns: int, clock: Clock, closing: threading.Event) -> None:
    """Until the clock shows `at_ns` or `closing` is set."""
    while not closing.is_set() and clock.now_ns() < at_ns:
        clock.sleep_until(min(at_ns, clock.now_ns() + NS_PER_S // 10))


def file_times_ns(path: Path) -> np.ndarray | None:
    """captured_ns [frames] from the `<name>.times.csv` beside a recording's video; None if there is none."""
    beside = path.with_suffix(".times.csv")
    return read_frame_times(beside)[0] if beside.is_file() else None


def first_time_ns(source: str) -> int | None:
    """When a recording's video begins, by the times beside it; None for every other source."""
    times_ns = file_times_ns(path_of(source)) if is_file(source) else None
    return int(times_ns[0]) if times_ns is not None and len(times_ns) else None


# --- health -------------------------------------------------------------------------------------------------------


class Faults:
    """What is wrong with one camera or stream, said once when it begins and once when it ends."""

    def __init__(self, sensor_id: str, now_ns: Callable[[], int], on_health: OnHealth) -> None:
        self._sensor_id = sensor_id
        self._now_ns = now_ns
        self._on_health = on_health
        self._present: set[str] = set()

    def has(self, reason: str) -> bool:
        return reason in self._present

    def degrade(self, reason: str, detail: str) -> None:
        if reason not in self._present:
            self._present.add(reason)
            now_ns = self._now_ns()
            self._on_health(
                SensorDegraded(
                    sensor_id=self._sensor_id, kind="camera", reason=reason, since_ns=now_ns, detail=detail
                )
            )

    def recover(self, reason: str) -> None:
        if reason in self._present:
            self._present.discard(reason)
            self._on_health(
                SensorRecovered(
                    sensor_id=self._sensor_id, kind="camera", reason=reason, recovered_ns=self._now_ns()
                )
            )


# --- connections --------------------------------------------------------------------------------------------------


def reconnected(
    stream: Callable[[], Iterator[ItemT]], source: str, faults: Faults, closing: threading.Event
) -> Iterator[ItemT]:
    """What one connection after the other yields, until `closing` is set or a file ends.

    `stream` makes one connection and raises PortUnavailable when that fails or is lost.
    """
    failures = 0
    while not closing.is_set():
        try:
            for item in stream():
                failures = 0
                faults.recover("silent")
                yield item
            if closing.is_set() or is_file(source):
                return
            raise PortUnavailable("the stream ended")
        except PortUnavailable as error:
            if closing.is_set():
                return
            faults.degrade("silent", str(error))
            if is_file(source):
                return
        closing.wait(RETRY_S[min(failures, len(RETRY_S) - 1)])
        failures += 1
