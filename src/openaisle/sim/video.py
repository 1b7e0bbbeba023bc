"""Frames to H.264 and back, with the exact time each was taken.

A file gets a `.times.csv` beside it, as docs/FORMATS.md says (frame_index, captured_ns, received_ns); its time stamps
count microseconds from the first frame. A stream to a URL carries the time stamps only.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final

import av
import av.error
import cv2
import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import PortUnavailable, RecordingError
from openaisle.core.units import NS_PER_S, NS_PER_US
from openaisle.replay.streams import read_frame_times

Bytes = NDArray[np.uint8]

_TIME_BASE: Final = Fraction(1, 1_000_000)
_TIME_SLACK_NS: Final = 20 * NS_PER_US  # a container of a 90 kHz clock rounds to 11 us
# One thread and no B-frames: the same frames give the same bytes, and no frame waits for a later one.
_LIVE: Final = {"preset": "ultrafast", "tune": "zerolatency", "crf": "24"}
_KEPT: Final = {"preset": "veryfast", "crf": "21"}


def times_path(video: str | Path) -> Path:
    """The file of frame times beside a video."""
    return Path(video).with_suffix(".times.csv")


class VideoWriter:
    """Writes H.264 to a file (by its suffix) or a URL (rtsp://, tcp://, udp://, ...). Frames are BGR, sizes even."""

    def __init__(
        self,
        path_or_url: str | Path,
        width: int,
        height: int,
        fps: float,
        *,
        is_live: bool | None = None,
        has_times: bool = True,
    ) -> None:
        """`is_live` chooses speed over size; by default URLs are live and files are not. `has_times`: beside a file."""
        assert width % 2 == 0
        assert height % 2 == 0
        self._url = str(path_or_url)
        is_url = "://" in self._url
        self._width, self._height = width, height
        self._first_ns: int | None = None
        self._newest_pts = -1
        self._frame_count = 0
        try:
            self._container = av.open(self._url, mode="w", format=_format_of(self._url))
            self._times = (
                times_path(path_or_url).open("w", encoding="ascii", newline="\n")
                if has_times and not is_url
                else None
            )
        except (av.error.FFmpegError, OSError) as error:
            raise PortUnavailable(f"cannot write video to {self._url}: {error}") from error
        if self._times:
            self._times.write("frame_index,captured_ns,received_ns\n")
        stream = self._container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = _TIME_BASE
        stream.codec_context.time_base = _TIME_BASE
        stream.codec_context.thread_count = 1
        stream.codec_context.max_b_frames = 0
        stream.codec_context.gop_size = max(1, round(fps))
        live = is_url if is_live is None else is_live
        stream.codec_context.options = {**(_LIVE if live else _KEPT), "x264-params": "scenecut=0"}
        self._stream = stream

    def write(self, pixels: Bytes, captured_ns: int, received_ns: int | None = None) -> None:
        """Append a frame [height, width, 3] BGR; `captured_ns` must grow by a microsecond at least."""
        assert pixels.shape == (self._height, self._width, 3)
        if self._first_ns is None:
            self._first_ns = captured_ns
        pts = (captured_ns - self._first_ns) // NS_PER_US
        assert pts > self._newest_pts, "frames must come in order of capture"
        planes = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2YUV_I420), np.uint8)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = pts, _TIME_BASE
        self._mux(frame)
        self._newest_pts = pts
        if self._times:
            received_ns = captured_ns if received_ns is None else received_ns
            self._times.write(f"{self._frame_count},{captured_ns},{received_ns}\n")
        self._frame_count += 1

    def close(self) -> None:
        """Write what is still held. Nothing may be written afterwards."""
        try:
            self._mux(None)
            self._container.close()
        except (av.error.FFmpegError, OSError) as error:
            raise PortUnavailable(f"cannot write video to {self._url}: {error}") from error
        finally:
            if self._times:
                self._times.close()

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _mux(self, frame: av.VideoFrame | None) -> None:
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except (av.error.FFmpegError, OSError) as error:
            raise PortUnavailable(f"cannot write video to {self._url}: {error}") from error


def read_video(path: str | Path) -> Iterator[tuple[int, Bytes]]:
    """(captured_ns, pixels [h, w, 3] BGR) of every frame, in order. Raises RecordingError when anything is missing.

    Times come from the `.times.csv` beside the video and must agree with the time stamps in the video; without one
    they count from 0.
    """
    path = Path(path)
    beside = times_path(path)
    times = read_frame_times(beside)[0] if beside.exists() else None
    index, first_ns = 0, None
    for stamp_ns, pixels in _decoded(path):
        if times is None:
            yield stamp_ns, pixels
            index += 1
            continue
        if index >= len(times):
            raise RecordingError(
                "video and times differ",
                file=str(beside),
                expected="one row a frame",
                found=f"{len(times)} rows",
            )
        captured_ns = int(times[index])
        first_ns = captured_ns - stamp_ns if first_ns is None else first_ns
        if abs(captured_ns - stamp_ns - first_ns) > _TIME_SLACK_NS:
            raise RecordingError(
                "video and times differ",
                file=str(beside),
                line=index + 2,
                field="captured_ns",
                expected=str(stamp_ns + first_ns),
                found=captured_ns,
            )
        yield captured_ns, pixels
        index += 1
    if times is not None and index != len(times):
        raise RecordingError(
            "video was cut", file=str(path), expected=f"{len(times)} frames", found=f"{index} frames"
        )


def _decoded(path: Path) -> Iterator[tuple[int, Bytes]]:
    """(nanoseconds from the container's own zero, BGR) of every frame."""
    if not path.is_file():
        raise RecordingError("video is missing", file=str(path))
    index = 0
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise RecordingError("no video stream", file=str(path))
            stream = container.streams.video[0]
            if stream.codec_context is None:  # pyright: ignore[reportUnnecessaryComparison]
                raise RecordingError("video is cut or damaged: its stream cannot be decoded", file=str(path))
            stream.codec_context.thread_count = 1
            # Damage must be an error, not a grey smear.
            stream.codec_context.options = {"err_detect": "explode"}
            for frame in container.decode(stream):
                if frame.is_corrupt or frame.pts is None or frame.time_base is None:
                    raise RecordingError(f"frame {index} is damaged", file=str(path))
                yield int(frame.pts * frame.time_base * NS_PER_S), _bgr(frame)
                index += 1
    except (av.error.FFmpegError, OSError) as error:
        raise RecordingError(
            f"video is cut or damaged after {index} frames ({error.strerror or error})", file=str(path)
        ) from error


def _bgr(frame: av.VideoFrame) -> Bytes:
    if frame.format.name in ("yuv420p", "yuvj420p") and frame.width % 2 == 0 and frame.height % 2 == 0:
        return np.asarray(cv2.cvtColor(frame.to_ndarray(format="yuv420p"), cv2.COLOR_YUV2BGR_I420), np.uint8)
    return np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)


def _format_of(url: str) -> str | None:
    """The container for a URL; a file's suffix says its own."""
    if url.startswith("rtsp://"):
        return "rtsp"
    return "mpegts" if url.startswith(("tcp://", "udp://", "srt://")) else None
