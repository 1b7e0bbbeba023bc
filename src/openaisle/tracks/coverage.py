"""How many cameras should see a person who stands somewhere, shelves in the way considered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.store.polygons import Polygon
from openaisle.store.schema import Camera, Gondola, Store

Floats = NDArray[np.float64]

CELL_M: Final = 0.25
CELLS_MAX: Final = 400  # along a side
SIGHT_M_MAX: Final = 25.0  # beyond the cameras, where no plan is known
CHEST_M: Final = 1.2
MARGIN_M: Final = 1.0  # around the plan: people come and go there


class Coverage:
    """A grid over a rectangle of floor with the number of cameras that have a free line to chest height."""

    def __init__(
        self,
        cameras: Sequence[Camera],
        low_floor_m: tuple[float, float],
        high_floor_m: tuple[float, float],
        gondolas: Sequence[Gondola] = (),
        plan_floor_m: Polygon = (),
    ) -> None:
        """Between two corners and a margin about them. Cells are 25 cm, larger where the rectangle is a large one."""
        self.gondolas = tuple(gondolas)
        self.plan_floor_m = tuple(plan_floor_m)
        self._low = np.array(low_floor_m) - MARGIN_M
        extent = np.array(high_floor_m) + MARGIN_M - self._low
        self._cell_m = max(CELL_M, float(extent.max()) / CELLS_MAX)
        columns, rows = (np.ceil(extent / self._cell_m).astype(int) + 1).tolist()
        xs, ys = np.meshgrid(np.arange(columns), np.arange(rows), indexing="ij")
        points = np.stack([xs, ys], axis=-1).reshape(-1, 2) * self._cell_m + self._low
        chests = np.column_stack([points, np.full(len(points), CHEST_M)])
        views = np.zeros(len(points), int)
        for camera in cameras:
            seen = np.flatnonzero(_is_in_view(camera, chests))
            for gondola in gondolas:
                box = gondola.floor_from_gondola.inverse()
                hidden = _crosses_box(
                    box.apply(np.array(camera.position_floor_m)),
                    box.apply(chests[seen]),
                    np.array([gondola.width_m, gondola.depth_m, gondola.height_m]),
                )
                seen = seen[~hidden]
            views[seen] += 1
        self._views = views.reshape(columns, rows)

    @classmethod
    def of_store(cls, store: Store) -> Coverage:
        """Over the plan, gondolas in the way."""
        plan = np.array(store.plan_floor_m, float).reshape(-1, 2)
        (left, bottom), (right, top) = plan.min(axis=0).tolist(), plan.max(axis=0).tolist()
        return cls(store.cameras, (left, bottom), (right, top), store.gondolas, store.plan_floor_m)

    @classmethod
    def of_cameras(cls, cameras: Sequence[Camera]) -> Coverage:
        """Over the floor that two cameras see (that one sees, where there is only one), nothing in the way."""
        places = np.array([camera.position_floor_m[:2] for camera in cameras])
        low, high = places.min(axis=0) - SIGHT_M_MAX, places.max(axis=0) + SIGHT_M_MAX
        step_m = max(CELL_M, float((high - low).max()) / CELLS_MAX)
        xs, ys = np.meshgrid(
            np.arange(low[0], high[0], step_m), np.arange(low[1], high[1], step_m), indexing="ij"
        )
        chests = np.column_stack([xs.ravel(), ys.ravel(), np.full(xs.size, CHEST_M)])
        views = np.sum([_is_in_view(camera, chests) for camera in cameras], axis=0)
        seen = chests[views >= min(2, len(cameras)), :2]
        if not len(seen):
            seen = places
        (left, bottom), (right, top) = seen.min(axis=0).tolist(), seen.max(axis=0).tolist()
        return cls(cameras, (left, bottom), (right, top))

    def views_at(self, x_m: float, y_m: float) -> int:
        """Cameras that should see somebody there; 0 far outside the plan."""
        column, row = round((x_m - self._low[0]) / self._cell_m), round((y_m - self._low[1]) / self._cell_m)
        is_on_grid = 0 <= column < self._views.shape[0] and 0 <= row < self._views.shape[1]
        return int(self._views[column, row]) if is_on_grid else 0

    def is_near_plan(self, x_m: float, y_m: float) -> bool:
        """On the plan or within the margin about its bounding box."""
        column, row = (x_m - self._low[0]) / self._cell_m, (y_m - self._low[1]) / self._cell_m
        return 0 <= column < self._views.shape[0] and 0 <= row < self._views.shape[1]


def _is_in_view(camera: Camera, points_floor_m: Floats) -> NDArray[np.bool_]:
    """Which points [n, 3] lie in a camera's picture."""
    pixels = camera.project(points_floor_m)
    with np.errstate(invalid="ignore"):
        return (
            (pixels[:, 0] > 0)
            & (pixels[:, 0] < camera.lens.width_px - 1)
            & (pixels[:, 1] > 0)
            & (pixels[:, 1] < camera.lens.height_px - 1)
        )


def _crosses_box(start: Floats, ends: Floats, size: Floats) -> NDArray[np.bool_]:
    """Whether segments from start [3] to ends [n, 3] pass through the box [0, size] (slab test, Kay & Kajiya 1986)."""
    direction = ends - start
    with np.errstate(divide="ignore", invalid="ignore"):
        to_low, to_high = (0.0 - start) / direction, (size - start) / direction
    near = np.nanmax(np.minimum(to_low, to_high), axis=1, initial=0.0)
    far = np.nanmin(np.maximum(to_low, to_high), axis=1, initial=1.0)
    return near < far
