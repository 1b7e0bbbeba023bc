"""A simulated camera as hardware: H.264 in MPEG-TS on a TCP port, for whoever connects.

Each picture is a PES packet of known length with its exact capture time inside (MISB ST 0604), so a reader need not
wait for the next picture to know that one is whole.
"""

from __future__ import annotations

import socket
import threading
from fractions import Fraction
from typing import Any, Final

import av
import cv2
import numpy as np
from av.video.frame import PictureType
from numpy.typing import NDArray

from openaisle.adapters.precision_time import stamp
from openaisle.core.messages import CameraId

CLOCK_HZ: Final = 90_000
READERS_MAX: Final = 4
STALL_S_MAX: Final = 1.0
"""A reader that takes nothing for so long is cut off, as a camera does; it may connect again."""
_NS_PER_TICK: Final = Fraction(1_000_000_000, CLOCK_HZ)


class VideoStream:
    """One camera's stream. `send` encodes and sends; readers come and go in a thread of their own."""

    def __init__(
        self, camera_id: CameraId, width_px: int, height_px: int, fps: float, host: str, port: int = 0
    ) -> None:
        """Listens on `port`, or on any that is free."""
        self.camera_id = camera_id
        self._listener = socket.create_server((host, port), backlog=READERS_MAX)
        self._host = host
        self._readers: list[socket.socket] = []
        self._new_readers: list[socket.socket] = []
        self._lock = threading.Lock()
        self._muxed = bytearray()
        self._first_ns: int | None = None
        options = {"omit_video_pes_length": "0", "flush_packets": "1", "mpegts_flags": "resend_headers"}
        self._container: Any = av.open(self, mode="w", format="mpegts", options=options)
        self._stream: Any = self._container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        context = self._stream.codec_context
        context.width, context.height, context.pix_fmt = width_px, height_px, "yuv420p"
        context.time_base = Fraction(1, CLOCK_HZ)
        context.gop_size = max(1, round(2 * fps))
        context.max_b_frames = 0
        context.thread_count = 1
        context.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "crf": "24",
            "x264-params": "scenecut=0",
        }
        threading.Thread(target=self._accept, name=f"stream {camera_id}", daemon=True).start()

    @property
    def url(self) -> str:
        return f"tcp://{self._host}:{self._listener.getsockname()[1]}"

    @property
    def reader_count(self) -> int:
        with self._lock:
            return len(self._readers) + len(self._new_readers)

    def send(self, pixels: NDArray[np.uint8], captured_ns: int) -> None:
        """Encode one picture [height, width, 3] BGR and send it to every reader."""
        with self._lock:
            new_readers, self._new_readers = self._new_readers, []
        if self._first_ns is None:
            self._first_ns = captured_ns
        planes = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2YUV_I420), np.uint8)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = round((captured_ns - self._first_ns) / _NS_PER_TICK)
        frame.time_base = Fraction(1, CLOCK_HZ)
        if new_readers:
            frame.pict_type = PictureType.I  # They can begin with no other.
        for packet in self._stream.encode(frame):
            self._container.mux(self._stamped(packet, captured_ns))
        data, self._muxed = bytes(self._muxed), bytearray()
        with self._lock:
            self._readers += new_readers
            readers = list(self._readers)
        for reader in readers:
            self._deliver(reader, data)

    def write(self, data: bytes) -> int:
        """Called by the muxer."""
        self._muxed += data
        return len(data)

    def close(self) -> None:
        self._listener.close()
        with self._lock:
            for reader in (*self._readers, *self._new_readers):
                reader.close()

    def _stamped(self, packet: Any, captured_ns: int) -> Any:
        stamped = av.Packet(stamp(captured_ns) + bytes(packet))
        stamped.stream, stamped.time_base = packet.stream, packet.time_base
        stamped.pts, stamped.dts, stamped.is_keyframe = packet.pts, packet.dts, packet.is_keyframe
        return stamped

    def _deliver(self, reader: socket.socket, data: bytes) -> None:
        try:
            reader.sendall(data)
        except OSError:
            reader.close()
            with self._lock:
                self._readers.remove(reader)

    def _accept(self) -> None:
        while True:
            try:
                reader, _ = self._listener.accept()
            except OSError:
                return  # Closed.
            reader.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reader.settimeout(STALL_S_MAX)
            with self._lock:
                if len(self._readers) + len(self._new_readers) < READERS_MAX:
                    self._new_readers.append(reader)
                else:
                    reader.close()
