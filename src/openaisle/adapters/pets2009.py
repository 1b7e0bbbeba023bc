"""The PETS 2009 S2.L1 walk: one open place, seven calibrated views, real detections, and who was where.

Cameras and detections as cvlab-epfl/mot3d has them (millimetres, one JSON file a view); the truth are the boxes that
people drew into the first view, each put on the floor where its lower edge is.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Final

import numpy as np

from openaisle.adapters.motchallenge import read_boxes
from openaisle.core.errors import InputError
from openaisle.core.geometry import Floats, Lens, points_on_plane
from openaisle.store.schema import Camera

FPS: Final = 7.0
FRAMES: Final = 795
FIRST_VIEW: Final = "View_001"
WIDTH_PX: Final = {"View_001": 768, "View_003": 768, "View_004": 768}
WIDTH_PX_ELSE: Final = 720
HEIGHT_PX: Final = 576
MM_PER_M: Final = 1000.0


def read_cameras(folder: Path) -> tuple[Camera, ...]:
    """The views in order of their names."""
    path = folder / "calibration.json"
    views = _json(path)
    try:
        return tuple(_camera(view, views[view]) for view in sorted(views))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            "not a calibration of PETS 2009",
            file=str(path),
            expected="K, dist, R and t of each view",
            found=error,
        ) from error


def read_detections(folder: Path, view: str) -> tuple[Floats, ...]:
    """Boxes [n, 5] x1 y1 x2 y2 score of each frame of one view."""
    paths = sorted((folder / "detections").glob(f"*_{view}_*.json"))
    if not paths:
        raise InputError(
            "no detections of a view", file=str(folder / "detections"), expected=f"*_{view}_*.json"
        )
    found = _json(paths[0])
    frames: list[Floats] = [np.zeros((0, 5)) for _ in range(FRAMES)]
    for index, boxes, scores in zip(found["idxs"], found["bboxes"], found["scores"], strict=True):
        frames[index] = np.column_stack([np.array(boxes, float).reshape(-1, 4), np.array(scores, float)])
    return tuple(frames)


def read_truth(folder: Path, first_view: Camera) -> tuple[Floats, ...]:
    """[n, 3] x_m y_m id of each frame: everybody in the first view's picture. Who comes back there has another id."""
    rows = read_boxes(folder / "PETS2009-S2L1-View_001-gt-mot.txt", needs_ids=True)
    middle = (rows.boxes_image_px[:, 0] + rows.boxes_image_px[:, 2]) / 2.0
    feet = np.column_stack([middle, rows.boxes_image_px[:, 3]])
    places = points_on_plane(first_view.floor_from_camera, first_view.lens.rays(feet))
    table = np.column_stack([places, rows.id.astype(np.float64)])
    return tuple(table[frame] for frame in rows.frames(FRAMES))


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError("the file cannot be read", file=str(path), found=error.strerror) from error
    except ValueError as error:
        raise InputError("the file is not JSON", file=str(path), found=error) from error


def _camera(view: str, given: dict[str, Any]) -> Camera:
    matrix, rotation = np.array(given["K"], float), np.array(given["R"], float)
    place = -rotation.T @ np.array(given["t"], float) / MM_PER_M
    pan_deg, tilt_deg, roll_deg = _angles_deg(rotation.T)
    width = WIDTH_PX.get(view, WIDTH_PX_ELSE)
    k1, k2, p1, p2, k3 = (float(value) for value in given["dist"])
    lens = Lens(
        width, HEIGHT_PX, matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2], (k1, k2, p1, p2, k3)
    )
    return Camera(
        camera_id=view,
        position_floor_m=(float(place[0]), float(place[1]), float(place[2])),
        pan_deg=pan_deg,
        tilt_deg=tilt_deg,
        roll_deg=roll_deg,
        lens=lens,
        main_width_px=width,
        main_height_px=HEIGHT_PX,
        fps=FPS,
    )


def _angles_deg(floor_from_camera: Floats) -> tuple[float, float, float]:
    """Pan, tilt and roll of a rotation [3, 3]: what core.geometry.floor_from_camera makes it of."""
    right, ahead = floor_from_camera[:, 0], floor_from_camera[:, 2]
    pan = math.atan2(ahead[1], ahead[0])
    right_level = np.array([math.sin(pan), -math.cos(pan), 0.0])
    down_level = np.cross(ahead, right_level)
    roll = math.atan2(float(right @ down_level), float(right @ right_level))
    return math.degrees(pan), math.degrees(math.asin(-ahead[2])), math.degrees(roll)
