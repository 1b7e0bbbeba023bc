"""Anybody's pictures and videos, of any size, as arrays; and overlays back into files.

What a file is decides its content, not its name: what OpenCV knows as a picture is one (turned as its EXIF data say),
everything else is opened as a video by FFmpeg. A file that is neither is one InputError that names it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av
import av.error
import cv2
import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import InputError
from openaisle.core.units import NS_PER_S, NS_PER_US

Pixels = NDArray[np.uint8]

PICTURE_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
"""Of files that an overlay can be written to."""
_NO_TIME_FORMATS: Final = ("avi", "mjpeg", "h264", "hevc", "m4v")
"""Containers that do not say when a picture is shown: FFmpeg's guesses go back and forth, so frames are counted."""
_NO_VIDEO_FORMATS: Final = ("image2", "tty")
"""FFmpeg takes a file for these by its name alone."""
_EXPECTED: Final = "a picture (PNG, JPEG, WebP, BMP, TIFF) or a video"


@dataclass(frozen=True)
class Shot:
    """One picture of a file."""

    pixels: Pixels  # [h, w, 3] BGR
    frame_index: int | None = None  # of a video's frame
    time_ns: int = 0  # from the start of the video


@dataclass(frozen=True)
class PictureFile:
    """A picture or a video, opened far enough to know which. Raises InputError from `open` and `shots`."""

    path: Path
    is_video: bool
    frame_count: int  # of a video as its container says, or estimated from its duration; 0 if it does not say
    fps: float  # of a video; 0 of a picture

    @classmethod
    def open(cls, path: Path) -> PictureFile:
        if not path.is_file():
            raise InputError("there is no such file", file=str(path), expected=_EXPECTED)
        if path.stat().st_size == 0:
            raise InputError("the file is empty", file=str(path), expected=_EXPECTED)
        if cv2.haveImageReader(str(path)):
            return cls(path, False, 1, 0.0)
        with _opened(path) as container:
            stream = _video_stream(container, path)
            fps = float(stream.average_rate or stream.guessed_rate or 25)
            seconds = (container.duration or 0) / av.time_base
            return cls(path, True, stream.frames or math.ceil(seconds * fps), fps)

    def shots(self, every: int = 1) -> Iterator[Shot]:
        """The picture, or every `every`-th frame of the video, in order of time."""
        if not self.is_video:
            yield Shot(_read_picture(self.path))
            return
        last_ns, index = -NS_PER_US, 0
        try:
            with _opened(self.path) as container:
                stream = _video_stream(container, self.path)
                stream.codec_context.thread_count = 1
                counts_frames = container.format.name in _NO_TIME_FORMATS
                start_ns: int | None = None
                for frame in container.decode(stream):
                    at_ns = round(index * NS_PER_S / self.fps)
                    if not counts_frames and frame.pts is not None:
                        stamp_ns = int(frame.pts * frame.time_base * NS_PER_S)
                        start_ns = stamp_ns if start_ns is None else start_ns
                        at_ns = stamp_ns - start_ns
                    last_ns = max(at_ns, last_ns + NS_PER_US)  # Time never goes back, whatever a file says.
                    if index % every == 0:
                        yield Shot(_upright(frame), index, last_ns)
                    index += 1
        except (av.error.FFmpegError, OSError) as error:
            reason = error.strerror or str(error)
            raise InputError(
                f"the video is damaged after {index} frames ({reason})", file=str(self.path)
            ) from error
        if index == 0:
            raise InputError("the video holds no picture", file=str(self.path), expected=_EXPECTED)


def write_picture(path: Path, pixels: Pixels) -> None:
    """Write by suffix, one of PICTURE_SUFFIXES."""
    try:
        is_written = cv2.imwrite(str(path), pixels)
    except cv2.error:
        is_written = False
    if not is_written:
        raise InputError("the picture cannot be written", file=str(path), expected="a folder that exists")


def _read_picture(path: Path) -> Pixels:
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise InputError("the picture is damaged", file=str(path), expected=_EXPECTED)
    return np.asarray(pixels, np.uint8)


def _opened(path: Path) -> Any:
    try:
        return av.open(str(path))
    except (av.error.FFmpegError, OSError) as error:
        reason = error.strerror or str(error)
        raise InputError(
            "the file cannot be read", file=str(path), expected=_EXPECTED, found=reason
        ) from error


def _video_stream(container: Any, path: Path) -> Any:
    is_guess = container.format.name in _NO_VIDEO_FORMATS or container.format.name.endswith("_pipe")
    if is_guess or not container.streams.video:
        raise InputError("the file is neither a picture nor a video", file=str(path), expected=_EXPECTED)
    stream = container.streams.video[0]
    if stream.codec_context is None:
        raise InputError("the video's codec is unknown", file=str(path), expected=_EXPECTED)
    return stream


def _upright(frame: Any) -> Pixels:
    """BGR [h, w, 3], turned as the video says that it is to be shown."""
    pixels = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    quarters = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, quarters)) if quarters else pixels
