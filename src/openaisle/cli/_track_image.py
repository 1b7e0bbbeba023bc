"""One camera's boxes through the tracker, for `openaisle track`."""

from __future__ import annotations

import re

import numpy as np

from openaisle.adapters.motchallenge import BoxRows
from openaisle.adapters.pictures import PictureFile
from openaisle.core.errors import InputError
from openaisle.tracks.image import ImageTracker, ImageTrackerSettings


def follow(boxes: BoxRows, size_px: tuple[int, int], fps: float, settings: ImageTrackerSettings) -> BoxRows:
    """Tracks in order of frames and ids. Scores outside 0 to 1, as some detectors give them, are clipped."""
    tracker = ImageTracker(*size_px, fps, settings)
    table = np.column_stack([boxes.boxes_image_px, boxes.score.clip(0.0, 1.0), np.zeros(len(boxes))])
    frames, rows = [], []
    for number, here in enumerate(boxes.frames(), start=1):
        tracked = tracker.update(table[here])
        frames.append(np.full(len(tracked), number))
        rows.append(tracked)
    if not rows:
        return boxes
    made = np.concatenate(rows)
    return BoxRows(np.concatenate(frames), made[:, 4].astype(np.int64), made[:, :4], made[:, 5])


def picture_size(size: str | None, background: PictureFile | None, boxes: BoxRows) -> tuple[int, int]:
    """Width and height in px: as given, else of the background, else the least that holds all boxes."""
    if size is not None:
        given = re.fullmatch(r"(\d{1,5})x(\d{1,5})", size)
        if not given or not int(given[1]) or not int(given[2]):
            raise InputError(
                "no size", field="--size", expected="width x height in px, as 1920x1080", found=size
            )
        return int(given[1]), int(given[2])
    if background is not None:
        height, width = next(background.shots()).pixels.shape[:2]
        return width, height
    far = (
        np.ceil(boxes.boxes_image_px[:, 2:].max(axis=0, initial=2.0)) if len(boxes) else np.array([2.0, 2.0])
    )
    return int(far[0]), int(far[1])
