"""Floor tracking from files: a folder with what each camera saw, and the table and drawing of who was where.

`DIR/CAMERA.txt` has boxes, in MOTChallenge's text; `DIR/CAMERA.csv` has keypoints: a header, then one person a line,
`frame` and x, y and confidence of the 17 joints. Frames count from 1 and are the same moments for all cameras.
"""

from __future__ import annotations

import colorsys
import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.adapters.motchallenge import read_boxes, write_file
from openaisle.core.errors import InputError
from openaisle.core.messages import JOINTS
from openaisle.store.picture import Picture, Shape, Text, check_drawing
from openaisle.store.schema import Camera

Floats = NDArray[np.float64]

FLOOR_COLUMNS: Final = ("frame", "id", "x_m", "y_m")
KEYPOINT_COLUMNS: Final = (
    "frame",
    *(f"{joint}_{what}" for joint in JOINTS for what in ("x", "y", "confidence")),
)
PAGE_PX: Final = 900.0
MARGIN_PX: Final = 40.0
HEAD_PX: Final = 56.0
BREAK_FRAMES: Final = 30  # whoever is away for longer is drawn as a line of its own
INK: Final = "#22303a"
SOFT: Final = "#66757f"


def read_moments(folder: Path, cameras: Sequence[Camera]) -> list[list[Floats]]:
    """[moments][cameras] of boxes [n, 5] or keypoints [n, 17, 3]; cameras without a file saw nobody."""
    seen = [_read_camera(folder, camera.camera_id) for camera in cameras]
    if all(one is None for one in seen):
        names = ", ".join(f"{camera.camera_id}.txt" for camera in cameras[:3])
        raise InputError(
            "no camera's detections are there",
            file=str(folder),
            expected=f"{names}, ..., or .csv with keypoints",
        )
    last = (
        max(int(frames[-1]) for frames, _ in filter(None, seen) if len(frames))
        if any(one is not None and len(one[0]) for one in seen)
        else 0
    )
    moments: list[list[Floats]] = [[] for _ in range(last)]
    for one in seen:
        frames, rows = one or (np.zeros(0), np.zeros((0, 5)))
        edges = np.searchsorted(frames, np.arange(1, last + 2))
        for moment in range(last):
            moments[moment].append(rows[edges[moment] : edges[moment + 1]])
    return moments


def write_floor(path: Path, places: Sequence[Floats]) -> None:
    """`frame,id,x_m,y_m` of places [n, 3] x_m y_m id of each moment."""
    lines = [",".join(FLOOR_COLUMNS)]
    lines += [
        f"{moment},{who:.0f},{x_m:.3f},{y_m:.3f}"
        for moment, rows in enumerate(places, start=1)
        for x_m, y_m, who in rows.tolist()
    ]
    write_file(path, ("\n".join(lines) + "\n").encode())


def draw_floor(path: Path, cameras: Sequence[Camera], places: Sequence[Floats]) -> None:
    """Everybody's path over the floor, and the cameras, as .svg or .png."""
    check_drawing(path, "paths are drawn")
    write_file(path, _picture(cameras, places).encoded(path))


def _read_camera(folder: Path, camera_id: str) -> tuple[NDArray[np.int64], Floats] | None:
    """(frame [n] in order, boxes or keypoints) of one camera; None without a file."""
    boxes, keypoints = folder / f"{camera_id}.txt", folder / f"{camera_id}.csv"
    if boxes.is_file():
        rows = read_boxes(boxes)
        return rows.frame, np.column_stack([rows.boxes_image_px, rows.score])
    return _read_keypoints(keypoints) if keypoints.is_file() else None


def _read_keypoints(path: Path) -> tuple[NDArray[np.int64], Floats]:
    frames: list[int] = []
    rows: list[list[float]] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        if tuple(next(reader, ())) != KEYPOINT_COLUMNS:
            raise InputError(
                "not the header of keypoints",
                file=str(path),
                line=1,
                expected=",".join(KEYPOINT_COLUMNS[:4]) + ",...",
            )
        for line in reader:
            try:
                frame, *values = (float(value) for value in line)
            except ValueError:
                frame, values = math.nan, []
            if (
                len(values) != 3 * len(JOINTS)
                or not np.isfinite([frame, *values]).all()
                or frame != max(int(frame), 1)
            ):
                raise InputError(
                    "the line is nobody",
                    file=str(path),
                    line=reader.line_num,
                    expected=f"a frame from 1 and {3 * len(JOINTS)} numbers",
                )
            frames.append(int(frame))
            rows.append(values)
    order = np.argsort(np.array(frames, np.int64), kind="stable")
    return np.array(frames, np.int64)[order], np.array(rows).reshape(-1, len(JOINTS), 3)[order]


def _picture(cameras: Sequence[Camera], places: Sequence[Floats]) -> Picture:
    paths = _paths(places)
    walked = np.concatenate([np.array(path) for _, path in paths]) if paths else np.zeros((1, 2))
    hung = np.array([camera.position_floor_m[:2] for camera in cameras])
    # Cameras far from where people are would leave no room for them.
    reach = np.abs(hung - walked.mean(axis=0)).max(axis=1) <= 2.0 * np.ptp(walked, axis=0).max() + 5.0
    shown = np.concatenate([walked, hung[reach]])
    low, high = shown.min(axis=0) - 0.5, shown.max(axis=0) + 0.5
    px_per_m = PAGE_PX / float((high - low).max())
    wide, deep = (high - low) * px_per_m

    def at(x_m: float, y_m: float) -> tuple[float, float]:
        return MARGIN_PX + (x_m - low[0]) * px_per_m, HEAD_PX + deep - (y_m - low[1]) * px_per_m

    corners = [at(low[0], low[1]), at(high[0], low[1]), at(high[0], high[1]), at(low[0], high[1])]
    picture = Picture(
        round(wide + 2 * MARGIN_PX), round(deep + HEAD_PX + MARGIN_PX), "Paths over the floor", corners
    )
    marks = picture.marks
    marks.append(Shape(rings=[corners], fill="#ffffff", stroke=SOFT))
    step_m = 1.0 if px_per_m > 12.0 else 5.0
    for axis in range(2):
        for value in np.arange(math.ceil(low[axis] / step_m) * step_m, high[axis], step_m).tolist():
            ends = [(value, low[1]), (value, high[1])] if axis == 0 else [(low[0], value), (high[0], value)]
            marks.append(Shape(rings=[[at(*end) for end in ends]], stroke="#e4e8ea", is_closed=False))
    ids = sorted({who for who, _ in paths})
    title = f"{len(ids)} people, {len(places)} moments, {len(cameras)} cameras; a square is {step_m:g} m"
    marks.append(Text(text=title, at=(MARGIN_PX, HEAD_PX - 20), size=17, colour=INK, weight=600))
    for camera, is_near in zip(cameras, reach.tolist(), strict=True):
        if is_near:
            _draw_camera(picture, camera, at)
    for who, path in paths:
        colour = _colour(ids.index(who))
        points = [at(x, y) for x, y in path]
        marks.append(Shape(rings=[points], stroke=colour, width=2.2, opacity=0.8, is_closed=False))
        marks.append(
            Text(text=f"{who:.0f}", at=points[-1], size=14, colour=colour, weight=600, halo="#ffffff")
        )
    return picture


def _draw_camera(picture: Picture, camera: Camera, at) -> None:
    x, y, _ = camera.position_floor_m
    pan = math.radians(camera.pan_deg)
    tip, base = at(x, y), 13.0
    wings = [
        (tip[0] + base * math.cos(pan + side), tip[1] - base * math.sin(pan + side)) for side in (-0.45, 0.45)
    ]
    picture.marks.append(Shape(rings=[[tip, *wings]], fill=INK))


def _paths(places: Sequence[Floats]) -> list[tuple[float, list[tuple[float, float]]]]:
    """(id, points) of lines without long breaks."""
    open_lines: dict[float, tuple[int, list[tuple[float, float]]]] = {}
    paths: list[tuple[float, list[tuple[float, float]]]] = []
    for moment, rows in enumerate(places):
        for x, y, who in rows.tolist():
            last, line = open_lines.get(who, (-BREAK_FRAMES - 1, []))
            if moment - last > BREAK_FRAMES:
                line = []
                paths.append((who, line))
            line.append((x, y))
            open_lines[who] = (moment, line)
    return [(who, line) for who, line in paths if len(line) > 1]


def _colour(index: int) -> str:
    """Neighbouring ids look different: hues go round by the golden angle."""
    red, green, blue = colorsys.hls_to_rgb((0.02 + 0.381966 * index) % 1.0, 0.42, 0.65)
    return f"#{round(255 * red):02x}{round(255 * green):02x}{round(255 * blue):02x}"
