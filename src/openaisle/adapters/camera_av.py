"""A camera as a stream or a file, opened with PyAV (FFmpeg): `openaisle.ports.Camera`.

Sources: `rtsp://` (over TCP), `rtsps://`, `http://`, `https://`, `tcp://` (MPEG-TS, one picture a PES packet of known
length, so that no picture waits for its successor), `file:path` or a plain path. A live camera that goes away is
connected again with a growing pause; what is wrong is said as health, once.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av
import av.error
import numpy as np
from numpy.typing import NDArray

from openaisle.adapters.mqtt import OnHealth
from openaisle.adapters.precision_time import stamped_ns
from openaisle.core.errors import PortUnavailable
from openaisle.core.messages import CameraId, Frame, SensorDegraded, SensorRecovered
from openaisle.core.units import NS_PER_S, ms_from_ns
from openaisle.ports import Clock
from openaisle.replay.streams import read_frame_times

RETRY_S: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
EMBEDDED_OFF_NS_MAX: Final = 10 * NS_PER_S
"""An embedded time further than this from the shop's clock is a camera whose clock is wrong."""
FLOOR_FRAMES: Final = 300
"""Over so many frames the quickest arrival gives the offset between a camera's clock and ours."""
FROZEN_NS: Final = 1_000_000_000
FROZEN_CHANGE_MAX: Final = 0.12
"""Mean change of a grey value from one picture to the next that is none. A sensor's noise, coded, makes 0.2 to 0.6."""
FROZEN_SHARE: Final = 0.85
"""Of the pictures of the last second; a key picture of a frozen scene still differs from the one before it."""
BLACK_LEVEL_MAX: Final = 12.0  # mean of all channels, 0 .. 255
BLACK_SPREAD_MAX: Final = 4.0
SAMPLE_PX: Final = 8
"""Every so many pixels in both directions are compared to tell a frozen picture."""


@dataclass(frozen=True, kw_only=True)
class CameraSettings:
    open_timeout_s: float = 5.0
    read_timeout_s: float = 2.0  # a live stream that says nothing for so long is opened again
    latency_ns: int = (
        60_000_000  # from light to arrival, where a stream does not say when a picture was taken
    )
    trusts_embedded_time: bool = True
    file_shift_ns: int | None = None  # added to a file's own times; None: its first frame is shown at once


class AvCamera:
    """One camera. `frames` is for one thread; `close` may be called from any."""

    def __init__(
        self,
        camera_id: CameraId,
        source: str,
        clock: Clock,
        on_health: OnHealth,
        settings: CameraSettings | None = None,
    ) -> None:
        self.camera_id = camera_id
        self._source = source
        self._clock = clock
        self._settings = settings or CameraSettings()
        self._health = _Health(camera_id, clock.now_ns, on_health)
        self._closing = threading.Event()

    @property
    def is_file(self) -> bool:
        return _is_file(self._source)

    def frames(self) -> Iterator[Frame]:
        """Frames as they come. Frozen and black pictures are reported and left out: they show nobody."""
        failures = 0
        while not self._closing.is_set():
            try:
                for frame in self._stream():
                    failures = 0
                    if self._health.is_good_picture(frame):
                        yield frame
                if self._closing.is_set() or self.is_file:
                    return
                raise PortUnavailable("the stream ended")
            except PortUnavailable as error:
                if self._closing.is_set():
                    return
                self._health.degrade("silent", str(error))
                if self.is_file:
                    return
            self._closing.wait(RETRY_S[min(failures, len(RETRY_S) - 1)])
            failures += 1

    def close(self) -> None:
        self._closing.set()

    def _stream(self) -> Iterator[Frame]:
        """Frames of one connection. Raises PortUnavailable when it cannot be made or is lost."""
        container = _open(self._source, self._settings)
        try:
            times = _FileTimes(self._source, self._settings, self._clock) if self.is_file else None
            for capture, picture in self._pictures(container):
                if self._closing.is_set():
                    return
                received_ns = self._clock.now_ns()
                captured_ns = times.next(capture) if times else capture(received_ns)
                if times:
                    received_ns = captured_ns + self._settings.latency_ns
                    self._wait_until(received_ns)
                    received_ns = max(received_ns, self._clock.now_ns())
                pixels = picture.to_ndarray(format="bgr24")
                yield Frame(self.camera_id, min(captured_ns, received_ns), received_ns, pixels)
        finally:
            container.close()

    def _pictures(self, container: Any) -> Iterator[tuple[_Capture, Any]]:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        clock = _StreamClock(self._settings, self._health, _parser_delay_ns(self._source, stream))
        stamps: OrderedDict[int | None, int] = OrderedDict()
        try:
            for packet in container.demux(stream):
                if packet.size and (stamp := stamped_ns(memoryview(packet))) is not None:
                    stamps[packet.pts] = stamp
                    while len(stamps) > 64:
                        stamps.popitem(last=False)
                try:
                    pictures = packet.decode()
                except av.error.InvalidDataError:
                    continue  # Joined in the middle, or a damaged picture: the next whole one is shown.
                for picture in pictures:
                    # The first picture after joining a live stream may be half of one; it has no time either.
                    if picture.pts is not None and not picture.is_corrupt:
                        pts_s = float(picture.pts * picture.time_base)
                        yield _Capture(clock, pts_s, stamps.pop(picture.pts, None)), picture
        except (av.error.FFmpegError, OSError) as error:
            raise PortUnavailable(f"{shown(self._source)}: {_words(error)}") from error

    def _wait_until(self, at_ns: int) -> None:
        while not self._closing.is_set() and self._clock.now_ns() < at_ns:
            self._clock.sleep_until(min(at_ns, self._clock.now_ns() + NS_PER_S // 10))


def check_camera(source: str, timeout_s: float) -> tuple[int, int]:
    """Width and height in px of a source's pictures. Raises PortUnavailable if none comes within about `timeout_s`."""
    container = _open(source, CameraSettings(open_timeout_s=timeout_s, read_timeout_s=timeout_s))
    try:
        for packet in container.demux(container.streams.video[0]):
            try:
                for picture in packet.decode():
                    return picture.width, picture.height
            except av.error.InvalidDataError:
                continue
        raise PortUnavailable(f"{shown(source)}: holds no picture")
    except (av.error.FFmpegError, OSError) as error:
        raise PortUnavailable(f"{shown(source)}: {_words(error)}") from error
    finally:
        container.close()


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


def _is_file(source: str) -> bool:
    return _scheme(source) == "file"


def _path(source: str) -> Path:
    return Path(source.removeprefix("file:").removeprefix("//"))


def _open(source: str, settings: CameraSettings) -> Any:
    scheme = _scheme(source)
    if scheme != "file" and scheme not in _LIVE:
        raise PortUnavailable(
            f"{shown(source)}: no such kind of source; expected one of {', '.join(_LIVE)}, file"
        )
    try:
        container = av.open(
            str(_path(source)) if scheme == "file" else source,
            format="mpegts" if scheme == "tcp" else None,
            options=_OPTIONS.get(scheme.removesuffix("s"), {}),
            timeout=None if scheme == "file" else (settings.open_timeout_s, settings.read_timeout_s),
        )
    except (av.error.FFmpegError, OSError) as error:
        raise PortUnavailable(f"{shown(source)}: {_words(error)}") from error
    if not container.streams.video:
        container.close()
        raise PortUnavailable(f"{shown(source)}: holds no video")
    return container


def _words(error: Exception) -> str:
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


def _parser_delay_ns(source: str, stream: Any) -> int:
    """Where FFmpeg's parser finds a picture's end by the next one's beginning, each arrives one period late."""
    if _scheme(source) == "tcp":
        return 0
    rate = stream.guessed_rate or stream.average_rate
    return round(NS_PER_S / float(rate)) if rate and 1 <= float(rate) <= 120 else 0


# --- times --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Capture:
    """What one picture says about when it was taken."""

    clock: _StreamClock
    pts_s: float
    stamp_ns: int | None

    def __call__(self, received_ns: int) -> int:
        return self.clock.captured_ns(self.pts_s, self.stamp_ns, received_ns)


class _StreamClock:
    """Capture times of one connection to a live camera.

    Embedded times are believed when they are near the shop's. Otherwise the stream's own clock gives the distances
    between pictures, and the quickest of the last arrivals its offset to ours (network jitter only ever delays).
    """

    def __init__(self, settings: CameraSettings, health: _Health, parser_delay_ns: int) -> None:
        self._settings = settings
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
        # A quicker arrival moves the offset, but never time backwards.
        self._newest_ns = max(self._newest_ns + 1, pts_ns + min(self._offsets_ns) - late_ns)
        return self._newest_ns


class _FileTimes:
    """Capture times of a file: those beside it (a recording's), else its own; moved to the present."""

    def __init__(self, source: str, settings: CameraSettings, clock: Clock) -> None:
        self._times_ns = file_times_ns(_path(source))
        self._shift_ns = settings.file_shift_ns
        self._clock = clock
        self._index = 0

    def next(self, capture: _Capture) -> int:
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


def file_times_ns(path: Path) -> np.ndarray | None:
    """captured_ns [frames] from the `<name>.times.csv` beside a recording's video; None if there is none."""
    beside = path.with_suffix(".times.csv")
    return read_frame_times(beside)[0] if beside.is_file() else None


def first_time_ns(source: str) -> int | None:
    """When a recording's video begins, by the times beside it; None for every other source."""
    times_ns = file_times_ns(_path(source)) if _is_file(source) else None
    return int(times_ns[0]) if times_ns is not None and len(times_ns) else None


# --- health -------------------------------------------------------------------------------------------------------


class _Health:
    """What is wrong with one camera, said once when it begins and once when it ends."""

    def __init__(self, camera_id: CameraId, now_ns: Callable[[], int], on_health: OnHealth) -> None:
        self._camera_id = camera_id
        self._now_ns = now_ns
        self._on_health = on_health
        self._faults: set[str] = set()
        self._last = np.zeros((0, 0, 3), np.int16)
        self._changes: deque[tuple[int, bool]] = deque()  # captured_ns, whether anything changed

    def is_good_picture(self, frame: Frame) -> bool:
        """False while the picture is frozen or black."""
        self.recover("silent")
        sample = frame.pixels[::SAMPLE_PX, ::SAMPLE_PX].astype(np.int16)
        is_black = float(sample.mean()) < BLACK_LEVEL_MAX and float(sample.std()) < BLACK_SPREAD_MAX
        is_frozen = self._is_frozen(sample, frame.captured_ns) and not is_black
        self._set("black", is_black, "the picture is black")
        self._set("frozen", is_frozen, "the picture does not change")
        return not (is_black or is_frozen)

    def _is_frozen(self, sample: NDArray[np.int16], captured_ns: int) -> bool:
        """Whether nothing changed for a second; once frozen, until two pictures in a row differ."""
        has_changed = True
        if sample.shape == self._last.shape:
            has_changed = float(np.abs(sample - self._last).mean()) > FROZEN_CHANGE_MAX
        self._last = sample
        changes = self._changes
        changes.append((captured_ns, has_changed))
        while len(changes) > 2 and captured_ns - changes[1][0] >= FROZEN_NS:
            changes.popleft()
        if "frozen" in self._faults:
            return not (changes[-1][1] and changes[-2][1])
        same = sum(not has_changed for _, has_changed in changes)
        return captured_ns - changes[0][0] >= FROZEN_NS and same >= FROZEN_SHARE * len(changes)

    def degrade(self, reason: str, detail: str) -> None:
        if reason not in self._faults:
            self._faults.add(reason)
            now_ns = self._now_ns()
            self._on_health(
                SensorDegraded(
                    sensor_id=self._camera_id, kind="camera", reason=reason, since_ns=now_ns, detail=detail
                )
            )

    def recover(self, reason: str) -> None:
        if reason in self._faults:
            self._faults.discard(reason)
            self._on_health(
                SensorRecovered(
                    sensor_id=self._camera_id, kind="camera", reason=reason, recovered_ns=self._now_ns()
                )
            )

    def _set(self, reason: str, is_so: bool, detail: str) -> None:
        if is_so:
            self.degrade(reason, detail)
        else:
            self.recover(reason)
