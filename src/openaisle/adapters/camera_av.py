"""A camera as a stream or a file, opened with PyAV (FFmpeg): `openaisle.ports.Camera`.

A live camera that goes away is connected again with a growing pause; what is wrong is said as health, once.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Any, Final

import av.error
import numpy as np
from numpy.typing import NDArray

from openaisle.adapters.av_source import (
    CameraSettings,
    Capture,
    Faults,
    FileTimes,
    StreamClock,
    is_file,
    open_source,
    parser_delay_ns,
    reconnected,
    shown,
    wait_until,
    words,
)
from openaisle.adapters.mqtt import OnHealth
from openaisle.adapters.precision_time import stamped_ns
from openaisle.core.errors import PortUnavailable
from openaisle.core.messages import CameraId, Frame
from openaisle.ports import Clock

FROZEN_NS: Final = 1_000_000_000
FROZEN_CHANGE_MAX: Final = 0.12
"""Mean change of a grey value from one picture to the next that is none. A sensor's noise, coded, makes 0.2 to 0.6."""
FROZEN_SHARE: Final = 0.85
"""Of the pictures of the last second; a key picture of a frozen scene still differs from the one before it."""
BLACK_LEVEL_MAX: Final = 12.0  # mean of all channels, 0 .. 255
BLACK_SPREAD_MAX: Final = 4.0
SAMPLE_PX: Final = 8
"""Every so many pixels in both directions are compared to tell a frozen picture."""


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
        return is_file(self._source)

    def frames(self) -> Iterator[Frame]:
        """Frames as they come. Frozen and black pictures are reported and left out: they show nobody."""
        for frame in reconnected(self._stream, self._source, self._health, self._closing):
            if self._health.is_good_picture(frame):
                yield frame

    def close(self) -> None:
        self._closing.set()

    def _stream(self) -> Iterator[Frame]:
        """Frames of one connection. Raises PortUnavailable when it cannot be made or is lost."""
        container = open_source(self._source, self._settings)
        try:
            times = FileTimes(self._source, self._settings, self._clock) if self.is_file else None
            for capture, picture in self._pictures(container):
                if self._closing.is_set():
                    return
                received_ns = self._clock.now_ns()
                captured_ns = times.next(capture) if times else capture(received_ns)
                if times:
                    received_ns = captured_ns + self._settings.latency_ns
                    wait_until(received_ns, self._clock, self._closing)
                    received_ns = max(received_ns, self._clock.now_ns())
                pixels = picture.to_ndarray(format="bgr24")
                yield Frame(self.camera_id, min(captured_ns, received_ns), received_ns, pixels)
        finally:
            container.close()

    def _pictures(self, container: Any) -> Iterator[tuple[Capture, Any]]:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        clock = StreamClock(self._settings, self._health, parser_delay_ns(self._source, stream))
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
                        yield Capture(clock, pts_s, stamps.pop(picture.pts, None)), picture
        except (av.error.FFmpegError, OSError) as error:
            raise PortUnavailable(f"{shown(self._source)}: {words(error)}") from error


def check_camera(source: str, timeout_s: float) -> tuple[int, int]:
    """Width and height in px of a source's pictures. Raises PortUnavailable if none comes within about `timeout_s`."""
    container = open_source(source, CameraSettings(open_timeout_s=timeout_s, read_timeout_s=timeout_s))
    try:
        for packet in container.demux(container.streams.video[0]):
            try:
                for picture in packet.decode():
                    return picture.width, picture.height
            except av.error.InvalidDataError:
                continue
        raise PortUnavailable(f"{shown(source)}: holds no picture")
    except (av.error.FFmpegError, OSError) as error:
        raise PortUnavailable(f"{shown(source)}: {words(error)}") from error
    finally:
        container.close()


# --- health -------------------------------------------------------------------------------------------------------


class _Health(Faults):
    """What is wrong with one camera, its pictures among it."""

    def __init__(self, camera_id: CameraId, now_ns: Callable[[], int], on_health: OnHealth) -> None:
        super().__init__(camera_id, now_ns, on_health)
        self._last = np.zeros((0, 0, 3), np.int16)
        self._changes: deque[tuple[int, bool]] = deque()  # captured_ns, whether anything changed

    def is_good_picture(self, frame: Frame) -> bool:
        """False while the picture is frozen or black."""
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
        if self.has("frozen"):
            return not (changes[-1][1] and changes[-2][1])
        same = sum(not has_changed for _, has_changed in changes)
        return captured_ns - changes[0][0] >= FROZEN_NS and same >= FROZEN_SHARE * len(changes)

    def _set(self, reason: str, is_so: bool, detail: str) -> None:
        if is_so:
            self.degrade(reason, detail)
        else:
            self.recover(reason)
