"""Tracks drawn over the video they come from, over nothing, or all paths in one picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from openaisle.adapters.motchallenge import BoxRows
from openaisle.adapters.overlays import VIDEO_SUFFIXES, even_sides
from openaisle.adapters.pictures import PICTURE_SUFFIXES, PictureFile, Pixels, write_picture
from openaisle.core.errors import InputError
from openaisle.core.units import NS_PER_S
from openaisle.detections.overlay import COLOURS
from openaisle.sim.video import VideoWriter

TRAIL_S: Final = 1.5  # how long a path stays behind somebody in a video
_PAPER: Final = 32  # grey of a picture without a picture


def check_out(out: Path) -> None:
    """Whether `out` can be drawn, before anything else is done."""
    suffixes = VIDEO_SUFFIXES + PICTURE_SUFFIXES
    if out.suffix.lower() not in suffixes:
        raise InputError(
            "neither a video nor a picture", field="--draw", expected=", ".join(suffixes), found=str(out)
        )


def draw_tracks(
    out: Path, tracks: BoxRows, size_px: tuple[int, int], fps: float, background: PictureFile | None = None
) -> None:
    """Write a video of boxes and ids (`out` ends in VIDEO_SUFFIXES), or one picture of everybody's path."""
    check_out(out)
    if out.suffix.lower() in PICTURE_SUFFIXES:
        pixels = next(_backgrounds(background, size_px, 1))
        for rows in _paths(tracks):
            _line(pixels, tracks, rows)
        write_picture(out, pixels)
        return
    video: VideoWriter | None = None
    trail = max(1, round(TRAIL_S * fps))
    starts = np.searchsorted(tracks.frame, np.arange(1, tracks.frame_count + 2))
    backgrounds = _backgrounds(background, size_px, tracks.frame_count)
    for number, pixels in enumerate(backgrounds, start=1):
        first, start, end = starts[max(number - trail, 1) - 1], starts[number - 1], starts[number]
        here = set(tracks.id[start:end].tolist())
        for rows in _paths(tracks, int(first), int(end)):
            if int(tracks.id[rows[0]]) in here:
                _line(pixels, tracks, rows)
        for row in range(int(start), int(end)):
            _box(pixels, tracks.boxes_image_px[row], int(tracks.id[row]))
        pixels = even_sides(pixels)
        if video is None:
            video = VideoWriter(out, pixels.shape[1], pixels.shape[0], fps, has_times=False)
        video.write(pixels, round((number - 1) * NS_PER_S / fps))
    if video is not None:
        video.close()


def _backgrounds(background: PictureFile | None, size_px: tuple[int, int], count: int) -> Iterator[Pixels]:
    """One for each frame; a video that is too short, or a single picture, ends with its last."""
    width, height = size_px
    pixels = np.full((height, width, 3), _PAPER, np.uint8)
    shots = iter(()) if background is None else background.shots()
    for _ in range(count):
        shot = next(shots, None)
        pixels = pixels if shot is None else shot.pixels
        yield pixels.copy()


def _paths(tracks: BoxRows, start: int = 0, end: int | None = None) -> Iterator[np.ndarray]:
    """Rows of each id between two rows, in order of frames."""
    who = tracks.id[start:end]
    order = np.argsort(who, kind="stable")
    edges = np.flatnonzero(np.diff(who[order])) + 1
    for rows in np.split(order, edges):
        if len(rows):
            yield rows + start


def _line(pixels: Pixels, tracks: BoxRows, rows: np.ndarray) -> None:
    """Where the middle of somebody's feet went."""
    boxes = tracks.boxes_image_px[rows]
    points = np.column_stack([0.5 * (boxes[:, 0] + boxes[:, 2]), boxes[:, 3]])
    colour = COLOURS[int(tracks.id[rows[0]]) % len(COLOURS)]
    cv2.polylines(pixels, [points.round().astype(np.int32)], False, colour, _thickness(pixels), cv2.LINE_AA)


def _box(pixels: Pixels, box: np.ndarray, who: int) -> None:
    colour, thickness = COLOURS[who % len(COLOURS)], _thickness(pixels)
    x1, y1, x2, y2 = (round(float(each)) for each in box)
    cv2.rectangle(pixels, (x1, y1), (x2, y2), colour, thickness, cv2.LINE_AA)
    place, scale = (max(x1, 2), max(y1 - 3, 12)), 0.45 * max(1.0, thickness * 0.75)
    cv2.putText(pixels, str(who), place, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thickness, cv2.LINE_AA)


def _thickness(pixels: Pixels) -> int:
    return max(1, round(max(pixels.shape[:2]) / 500))
