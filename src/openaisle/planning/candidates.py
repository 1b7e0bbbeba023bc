"""Where cameras could hang, how they could look, and which rows of the targets each would satisfy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import sparse

from openaisle.core.geometry import Floats
from openaisle.planning.catalogue import CameraModel
from openaisle.planning.solve import Sparse
from openaisle.planning.targets import Targets, hidden_by_people, px_per_m_at
from openaisle.store.coverage import Bools, in_picture, lines_of_sight
from openaisle.store.polygons import contains, edges
from openaisle.store.schema import Camera, Point3, Store

PANS: Final = 12
TILTS_DEG: Final = (32.0, 45.0, 60.0)  # below the horizon: as the networks know them (23 to 69)
POSITIONS_MAX: Final = 170
WALL_M: Final = 0.15  # from a wall, where one is near
TILT_UP_M_MIN: Final = 0.3  # over the shelving, so that a camera is out of reach


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """Columns of the integer programme."""

    cameras: tuple[Camera, ...]  # [columns] without ids
    models: tuple[CameraModel, ...]  # [columns]
    satisfies: Sparse  # [columns, rows] bool


def ceiling_positions(store: Store, height_m: float) -> list[Point3]:
    """A grid over the floor, and places along the walls: at most about POSITIONS_MAX."""
    outline = store.plan_floor_m
    low, high = np.array(outline).min(axis=0), np.array(outline).max(axis=0)
    spacing_m = 0.8
    while True:
        flat = [
            (float(x), float(y))
            for x in np.arange(low[0] + WALL_M + spacing_m / 2, high[0] - WALL_M, spacing_m)
            for y in np.arange(low[1] + WALL_M + spacing_m / 2, high[1] - WALL_M, spacing_m)
        ]
        for (ax, ay), (bx, by) in edges(outline):
            length_m = float(np.hypot(bx - ax, by - ay))
            ex, ey = (bx - ax) / length_m, (by - ay) / length_m
            count = max(2, round(length_m / (1.3 * spacing_m)))
            flat += [
                (ax + ex * along_m - ey * WALL_M, ay + ey * along_m + ex * WALL_M)
                for along_m in np.linspace(WALL_M, length_m - WALL_M, count, endpoint=True)
            ]
        positions = sorted({(round(x, 2), round(y, 2)) for x, y in flat})
        inside = [(x, y, height_m) for x, y in positions if contains(outline, (x, y))]
        if len(inside) <= POSITIONS_MAX:
            return inside
        spacing_m += 0.05


def candidates_of(
    store: Store,
    targets: Targets,
    models: Sequence[CameraModel],
    height_m: float,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Candidates:
    """Every position, direction, tilt and model, with the rows that each satisfies."""
    cameras: list[Camera] = []
    kinds: list[CameraModel] = []
    blocks: list[Sparse] = []
    positions = ceiling_positions(store, height_m)
    for index, position in enumerate(positions):
        progress(index, len(positions))
        clear = rows_in_sight(store, targets, position)
        turn_deg = (index * 7.5) % (360.0 / PANS)
        some: list[Camera] = []
        for tilt_deg in TILTS_DEG:
            for pan in range(PANS):
                for model in models:
                    camera = model.at(position, round(turn_deg + pan * 360.0 / PANS, 1), tilt_deg)
                    some.append(camera)
                    kinds.append(model)
        blocks.append(sparse.csr_matrix(rows_satisfied(targets, some, clear)))
        cameras += some
    satisfies = sparse.vstack(blocks, format="csr")
    return Candidates(cameras=tuple(cameras), models=tuple(kinds), satisfies=satisfies)


def rows_in_sight(store: Store, targets: Targets, position: Point3) -> Bools:
    """[rows]: which rows nothing hides from a position: no shelving, no wall, nobody who stands there."""
    points = targets.points_floor_m.reshape(-1, 3)
    eye = np.array(position)
    faces = np.repeat(~np.isnan(targets.normals_floor[:, 0]), 3)
    clear = np.zeros(len(points), bool)
    for some, normals in ((faces, np.repeat(targets.normals_floor, 3, axis=0)[faces]), (~faces, None)):
        clear[some] = lines_of_sight(eye[None], points[some], store.gondolas, store.walls_floor_m, normals)[0]
    for person in range(targets.people_floor_m.shape[1]):
        people = np.repeat(targets.people_floor_m[:, person], 3, axis=0)
        some = clear & ~np.isnan(people[:, 0])
        eyes = np.broadcast_to(eye, (int(some.sum()), 3))
        normals = np.repeat(targets.normals_floor, 3, axis=0)[some]
        clear[some] = ~hidden_by_people(eyes, points[some], people[some], normals)
    return np.all(clear.reshape(-1, 3), axis=1)


def rows_satisfied(targets: Targets, cameras: Sequence[Camera], clear: Bools) -> Bools:
    """[cameras, rows]: cameras at one position, whose rows in sight are `clear` [rows]."""
    rows = np.flatnonzero(clear)
    points = targets.points_floor_m[rows]
    satisfied = np.zeros((len(cameras), len(targets)), bool)
    seen: dict[tuple[float, float, int], tuple[Bools, Floats]] = {}
    for index, camera in enumerate(cameras):
        key = (camera.pan_deg, camera.tilt_deg, round(camera.lens.focal_x_px * 100))
        if key not in seen:
            inside: Bools = np.all(in_picture(camera, points), axis=1)
            seen[key] = inside, px_per_m_at(camera, points[:, 1], 1)
        in_view, density = seen[key]
        width_px = np.where(targets.of_main[rows], camera.main_width_px, camera.lens.width_px)
        satisfied[index, rows] = in_view & (density * width_px >= targets.px_per_m[rows])
    return satisfied


def satisfied_by(store: Store, targets: Targets, cameras: Sequence[Camera]) -> Bools:
    """[cameras, rows] for cameras that hang anywhere."""
    return np.stack(
        [
            rows_satisfied(targets, [camera], rows_in_sight(store, targets, camera.position_floor_m))[0]
            for camera in cameras
        ]
    )
