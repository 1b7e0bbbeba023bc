"""Overlays of what was found, as a picture, a video, or a folder of them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from openaisle.adapters.pictures import PICTURE_SUFFIXES, PictureFile, Pixels, Shot, write_picture
from openaisle.core.errors import InputError
from openaisle.core.messages import CameraDetections
from openaisle.detections.overlay import draw
from openaisle.sim.video import VideoWriter

VIDEO_SUFFIXES: Final = (".mp4", ".mkv", ".mov")


class OverlayWriter:
    """The overlay of one file: at `out` itself if that names a file, otherwise in the folder `out`."""

    def __init__(self, out: Path, file: PictureFile, *, number: int | None, every: int) -> None:
        """`number` from 1 tells files of one name apart in the folder; None: this is the only file."""
        self._path = _path(out, file, number)
        self._fps = max(file.fps / every, 1.0)
        self._video: VideoWriter | None = None

    def write(self, shot: Shot, detections: CameraDetections) -> None:
        drawn = draw(shot.pixels, detections)
        if shot.frame_index is None:
            write_picture(self._path, drawn)
            return
        drawn = even_sides(drawn)
        if self._video is None:
            height, width = drawn.shape[:2]
            self._video = VideoWriter(self._path, width, height, self._fps, has_times=False)
        self._video.write(drawn, shot.time_ns)

    def close(self) -> None:
        if self._video:
            self._video.close()


def _path(out: Path, file: PictureFile, number: int | None) -> Path:
    suffixes = VIDEO_SUFFIXES if file.is_video else PICTURE_SUFFIXES
    if out.suffix.lower() in VIDEO_SUFFIXES + PICTURE_SUFFIXES:
        if number is not None:
            raise InputError(
                "several files cannot be drawn into one", field="--draw", expected="a folder", found=str(out)
            )
        if out.suffix.lower() not in suffixes:
            kind = "a video" if file.is_video else "a picture"
            raise InputError(
                f"{file.path} is {kind}", field="--draw", expected=", ".join(suffixes), found=str(out)
            )
        out.parent.mkdir(parents=True, exist_ok=True)
        return out
    out.mkdir(parents=True, exist_ok=True)
    stem = file.path.stem if number is None else f"{number:04d}-{file.path.stem}"
    return out / f"{stem}{'.mp4' if file.is_video else '.png'}"


def even_sides(pixels: Pixels) -> Pixels:
    """Video has even sides: an odd last row or column is shown twice."""
    height, width = pixels.shape[:2]
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
