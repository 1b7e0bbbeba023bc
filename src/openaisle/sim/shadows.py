"""Shadows that people throw on the floor: soft discs, or, where time allows, those of every lamp."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.sim.raster import Floats, Ints, darken_floor
from openaisle.sim.scene import BODY_JOINT_INDEX, Scene
from openaisle.sim.still import Canvas, Eye, Rectangle, clipped

_ANKLES: Final = [BODY_JOINT_INDEX[name] for name in ("left_ankle", "right_ankle")]
_TOES: Final = [BODY_JOINT_INDEX[name] for name in ("left_toe", "right_toe")]
_RIM: Final = np.stack([np.cos(np.arange(16) * np.pi / 8), np.sin(np.arange(16) * np.pi / 8)], axis=1)

CELL_M: Final = 0.025  # of the map of cast shadows
REACH_M: Final = 2.5  # how far from the feet a cast shadow is followed
PENUMBRA_M: Final = 0.06
LAMPS_MAX: Final = 6


def shadow_discs(scene: Scene) -> Floats:
    """Soft shadows on the floor [bodies, 3, 4] (x, y, radius, strength): one below the body, one below each shoe."""
    joints = scene.joints_floor_m
    soles = 0.5 * (joints[:, _ANKLES] + joints[:, _TOES])
    raised = np.clip(soles[..., 2] - 0.05, 0, None)
    discs = np.zeros((len(joints), 3, 4))
    discs[:, 0, :2] = soles[..., :2].mean(axis=1)
    discs[:, 0, 2:] = 0.55, 0.42
    discs[:, 1:, :2] = soles[..., :2]
    discs[:, 1:, 2] = 0.19 + raised
    discs[:, 1:, 3] = 0.5 / (1 + 12 * raised)
    return discs


def paint_discs(canvas: Canvas, discs: Floats, floor_xy: NDArray[np.float32], eye: Eye) -> list[Rectangle]:
    """Darken the floor below each body; return where."""
    touched = []
    for own in discs:
        rectangle = around_disc(canvas, own[0, :2], own[0, 2], eye)
        if rectangle:
            darken_floor(canvas.colour, floor_xy, own, *rectangle)
            touched.append(rectangle)
    return touched


def paint_cast(
    canvas: Canvas, surfaces: list[tuple[Floats, Ints]], floor_xy: NDArray[np.float32], eye: Eye
) -> list[Rectangle]:
    """Darken the floor where bodies (points [n, 3] and triangles [m, 3]) stand between it and the lamps."""
    touched = []
    for points, triangles in surfaces:
        centre = points[:, :2].mean(axis=0)
        rectangle = around_disc(canvas, centre, REACH_M, eye)
        if rectangle is None:
            continue
        darkness = cast_map(points, triangles, centre, eye.lamps)
        _darken_by_map(canvas.colour, floor_xy, darkness, centre - REACH_M, *rectangle)
        touched.append(rectangle)
    return touched


def cast_map(points_m: Floats, triangles: Ints, centre_m: Floats, lamps: Floats) -> NDArray[np.float32]:
    """Share of the light taken from the floor [cells, cells] (y, x) around `centre_m`, by lamps [n, 4]."""
    cells = round(2 * REACH_M / CELL_M)
    away = np.hypot(lamps[:, 0] - centre_m[0], lamps[:, 1] - centre_m[1])
    irradiance = lamps[:, 3] * lamps[:, 2] / (away**2 + lamps[:, 2] ** 2) ** 1.5
    nearest = np.argsort(-irradiance, kind="stable")[:LAMPS_MAX]
    taken = np.zeros((cells, cells), np.float32)
    for lamp in nearest:
        shade = np.zeros((cells, cells), np.uint8)
        x, y, z = lamps[lamp, :3]
        scale = z / np.maximum(z - points_m[:, 2], 0.1)
        on_floor = np.stack([x + (points_m[:, 0] - x) * scale, y + (points_m[:, 1] - y) * scale], axis=1)
        _cover(np.ascontiguousarray((on_floor - centre_m + REACH_M) / CELL_M), triangles, shade)
        taken += shade * np.float32(irradiance[lamp] / irradiance.sum())
    soft = cv2.GaussianBlur(taken, (0, 0), PENUMBRA_M / CELL_M)
    # What a body takes of the light that comes from everywhere.
    hidden = cv2.GaussianBlur(taken, (0, 0), 4 * PENUMBRA_M / CELL_M)
    return np.asarray(np.minimum(0.6 * soft + 0.35 * hidden, 0.85), np.float32)


def around_disc(canvas: Canvas, centre_m: Floats, radius_m: float, eye: Eye) -> Rectangle | None:
    """Pixels of the canvas that may show a disc on the floor."""
    spots = centre_m + np.concatenate([_RIM * (radius_m * share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)])
    screen = eye.project(np.column_stack([spots, np.zeros(len(spots))]))
    drawable = screen[:, 2] > 0
    if not drawable.any():
        return None
    seen = screen[drawable, :2] - (canvas.left, canvas.top)
    # Where a part of the disc is behind the lens, it may reach beyond the spots that are not.
    margin = 1 if drawable.all() else 0.06 * eye.width_px
    low, high = np.floor(seen.min(axis=0) - margin), np.ceil(seen.max(axis=0) + margin)
    box = (int(low[0]), int(low[1]), int(high[0]), int(high[1]))
    return clipped(box, canvas.width, canvas.height)


@njit(cache=True)
def _cover(points, triangles, cells):
    """Set cells [h, w] whose centre lies in any triangle of points [n, 2] (in cells)."""
    for t in range(triangles.shape[0]):
        ax, ay = points[triangles[t, 0], 0], points[triangles[t, 0], 1]
        bx, by = points[triangles[t, 1], 0], points[triangles[t, 1], 1]
        cx, cy = points[triangles[t, 2], 0], points[triangles[t, 2], 1]
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if area <= 0.0:
            continue
        x1, x2 = (
            max(0, int(np.ceil(min(ax, bx, cx)))),
            min(cells.shape[1] - 1, int(np.floor(max(ax, bx, cx)))),
        )
        y1, y2 = (
            max(0, int(np.ceil(min(ay, by, cy)))),
            min(cells.shape[0] - 1, int(np.floor(max(ay, by, cy)))),
        )
        for y in range(y1, y2 + 1):
            for x in range(x1, x2 + 1):
                if (
                    (bx - x) * (cy - y) - (cx - x) * (by - y) >= 0.0
                    and (cx - x) * (ay - y) - (ax - x) * (cy - y) >= 0.0
                    and (ax - x) * (by - y) - (bx - x) * (ay - y) >= 0.0
                ):
                    cells[y, x] = 1


@njit(cache=True)
def _darken_by_map(planes, floor_xy, darkness, origin, left, top, right, bottom):
    cells = darkness.shape[0]
    for y in range(top, bottom):
        for x in range(left, right):
            fx, fy = (floor_xy[y, x, 0] - origin[0]) / CELL_M, (floor_xy[y, x, 1] - origin[1]) / CELL_M
            if not (fx >= 0.0 and fy >= 0.0 and fx < cells - 1 and fy < cells - 1):
                continue
            u, v = int(fx), int(fy)
            fu, fv = fx - u, fy - v
            taken = (darkness[v, u] * (1 - fu) + darkness[v, u + 1] * fu) * (1 - fv) + (
                darkness[v + 1, u] * (1 - fu) + darkness[v + 1, u + 1] * fu
            ) * fv
            if taken > 0.0:
                for s in range(planes.shape[0]):
                    for k in range(3):
                        planes[s, y, x, k] = np.uint8(planes[s, y, x, k] * (1.0 - taken) + 0.5)
