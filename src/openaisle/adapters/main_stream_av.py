"""A camera's main stream, of which a part is wanted now and then: `openaisle.ports.MainStream` with PyAV (FFmpeg).

Nothing is decoded while nobody asks. The last seconds are kept as they came, compressed, from a key picture on; for a
window the pictures from the key picture before it are decoded, and those after the last window's where that is nearer.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import av
import av.error

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
from openaisle.detections.products import cut_window
from openaisle.ports import KEPT_NS, NEAR_NS_MAX, Clock, Regions
from openaisle.store.schema import Camera

BYTES_MAX: Final = 16 * 2**20
"""Of one camera's compressed pictures. Where a key picture comes too rarely for that, all before the next is lost."""
AHEAD_MAX: Final = 8
"""A decoder may hold a picture back until it has seen so many later ones."""


@dataclass(frozen=True)
class _Kept:
    """One compressed picture."""

    packet: Any
    captured_ns: int


@dataclass
class _Group:
    """A key picture and those that build on it, in the order in which they are decoded."""

    codec: str
    extradata: bytes | None
    pictures: list[_Kept] = field(default_factory=list)
    byte_count: int = 0
    is_lost: bool = False

    def lose(self) -> None:
        """It has become too large: nothing of it can be shown, for all of it would be needed."""
        self.is_lost, self.pictures, self.byte_count = True, [], 0


class AvMainStream:
    """One camera's main stream or, where the camera names none, its substream, with windows scaled.

    `regions` is for one thread at a time; the others may be called from any.
    """

    def __init__(
        self,
        camera: Camera,
        clock: Clock,
        on_health: OnHealth,
        settings: CameraSettings | None = None,
        *,
        bytes_max: int = BYTES_MAX,
    ) -> None:
        self.camera_id = camera.camera_id
        self._camera = camera
        self._source = camera.main_source or camera.source
        self._clock = clock
        self._settings = settings or CameraSettings()
        self._faults = Faults(f"{camera.camera_id} main stream", clock.now_ns, on_health)
        self._groups: deque[_Group] = deque()
        self._newest_ns = 0
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._decoding = _Decoding(_Group("", None))
        threading.Thread(target=self._run, name=f"main {self.camera_id}", daemon=True).start()

    def newest_ns(self) -> int:
        return self._newest_ns

    def regions(self, captured_ns: int, windows_main_px: Sequence[tuple[int, int, int]]) -> Regions | None:
        found = self._nearest(captured_ns)
        if found is None:
            return None
        group, index = found
        if self._decoding.group is not group:
            self._decoding = _Decoding(group)
        picture = self._decoding.picture(index)
        if picture is None:
            return None
        pixels = picture.to_ndarray(format="bgr24")
        scale = picture.width / self._camera.main_width_px
        windows = (tuple(round(scale * value) for value in window) for window in windows_main_px)
        return Regions(
            group.pictures[index].captured_ns,
            tuple(cut_window(pixels, (left, top, max(1, side))) for left, top, side in windows),
        )

    @property
    def byte_count(self) -> int:
        """Of all compressed pictures that are kept."""
        with self._lock:
            return sum(group.byte_count for group in self._groups)

    def close(self) -> None:
        self._closing.set()

    def _nearest(self, captured_ns: int) -> tuple[_Group, int] | None:
        with self._lock:
            places = [
                (abs(kept.captured_ns - captured_ns), kept.captured_ns, number, index)
                for number, group in enumerate(self._groups)
                for index, kept in enumerate(group.pictures)
            ]
            if not places or min(places)[0] > NEAR_NS_MAX:
                return None
            _, _, number, index = min(places)
            return self._groups[number], index

    # --- keeping --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        for group, kept in reconnected(self._stream, self._source, self._faults, self._closing):
            self._keep(group, kept)

    def _stream(self) -> Iterator[tuple[_Group, _Kept]]:
        """Pictures of one connection, and the groups that they belong to."""
        container = open_source(self._source, self._settings)
        try:
            stream = container.streams.video[0]
            times = FileTimes(self._source, self._settings, self._clock) if is_file(self._source) else None
            clock = StreamClock(
                self._settings, self._faults, parser_delay_ns(self._source, stream), is_in_order=False
            )
            group: _Group | None = None
            for packet in container.demux(stream):
                if self._closing.is_set():
                    return
                if packet.pts is None or not packet.size:
                    continue
                if packet.is_keyframe or _begins_anew(packet, stream.codec_context.name):
                    context = stream.codec_context
                    group = _Group(context.name, context.extradata)
                capture = Capture(clock, float(packet.pts * packet.time_base), stamped_ns(memoryview(packet)))
                received_ns = self._clock.now_ns()
                if times:
                    captured_ns = times.next(capture)
                    wait_until(captured_ns + self._settings.latency_ns, self._clock, self._closing)
                else:
                    captured_ns = min(capture(received_ns), received_ns)
                if group:
                    yield group, _Kept(packet, captured_ns)
        except (av.error.FFmpegError, OSError) as error:
            raise PortUnavailable(f"{shown(self._source)}: {words(error)}") from error
        finally:
            container.close()

    def _keep(self, group: _Group, kept: _Kept) -> None:
        groups = self._groups
        if group.is_lost:
            return
        with self._lock:
            if not groups or groups[-1] is not group:
                groups.append(group)
            group.pictures.append(kept)
            group.byte_count += kept.packet.size
            self._newest_ns = max(self._newest_ns, kept.captured_ns)
            while len(groups) > 1 and groups[1].pictures[0].captured_ns <= self._newest_ns - KEPT_NS:
                groups.popleft()
            while len(groups) > 1 and sum(each.byte_count for each in groups) > self._bytes_max:
                groups.popleft()
            if group.byte_count > self._bytes_max:
                groups.clear()
                group.lose()
        if group.is_lost:
            self._faults.degrade(
                "gap", "key pictures come too rarely: have it send one every 2 s or more often"
            )


class _Decoding:
    """One group's pictures, as far as they were decoded."""

    def __init__(self, group: _Group) -> None:
        self.group = group
        self._decoder: Any = None
        self._fed = 0  # pictures given to the decoder
        self._at = -1
        self._last: Any = None  # what was decoded of the picture at `_at`

    def picture(self, index: int) -> Any | None:
        """One picture, decoded; None if it is damaged."""
        if index == self._at:
            return self._last
        if index < self._fed or self._decoder is None:
            self._begin()
        wanted = self.group.pictures[index].packet.pts
        for kept in self.group.pictures[self._fed : index + 1 + AHEAD_MAX]:
            self._fed += 1
            if self._take(self._decode(kept.packet), wanted, index):
                return self._last
        # The newest pictures: a decoder that holds some back gives them up at the end, and can then not go on.
        found = self._take(self._decode(None), wanted, index)
        self._decoder = None
        return self._last if found else None

    def _begin(self) -> None:
        self._decoder = av.CodecContext.create(self.group.codec, "r")
        self._decoder.thread_count = 1
        if self.group.extradata:
            self._decoder.extradata = self.group.extradata
        self._fed = 0

    def _decode(self, packet: Any) -> list[Any]:
        try:
            return self._decoder.decode(packet)
        except av.error.FFmpegError:
            return []  # A damaged picture, or a decoder that has given all it had.

    def _take(self, pictures: list[Any], wanted: int, index: int) -> bool:
        for picture in pictures:
            if picture.pts == wanted and not picture.is_corrupt:
                self._at, self._last = index, picture
                return True
        return False


_START: Final = b"\x00\x00\x01"
_KEY_UNITS: Final = {"h264": (0x1F, 0, (5, 7)), "hevc": (0x3F, 1, (*range(16, 22), 33))}
"""Bits and shift of a unit's type in its first byte; types of key pictures and of what stands before them."""


def _begins_anew(packet: Any, codec: str) -> bool:
    """Whether a packet in Annex B holds a key picture, where no parser says so (ITU-T H.264 7.3.1, H.265 7.3.1.2)."""
    if codec not in _KEY_UNITS:
        return False
    bits, shift, types = _KEY_UNITS[codec]
    data = bytes(memoryview(packet)[:4096])
    at = data.find(_START)
    while 0 <= at < len(data) - 3:
        if (data[at + 3] >> shift) & bits in types:
            return True
        at = data.find(_START, at + 3)
    return False
