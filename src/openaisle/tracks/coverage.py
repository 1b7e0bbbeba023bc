"""How many cameras should see a person who stands somewhere, shelves in the way considered."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.store.schema import Store
from openaisle.tracks.triangulate import Rig

Floats = NDArray[np.float64]

CELL_M: Final = 0.25
CHEST_M: Final = 1.2
MARGIN_M: Final = 1.0  # around the plan: people come and go there


class Coverage:
    """A grid over the plan with the number of cameras that have a free line to chest height."""

    def __init__(self, store: Store, rig: Rig) -> None:
        plan = np.array(store.plan_floor_m, float).reshape(-1, 2)
        self._low = plan.min(axis=0) - MARGIN_M
        shape = np.ceil((plan.max(axis=0) + MARGIN_M - self._low) / CELL_M).astype(int) + 1
        xs, ys = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
        points = np.stack([xs, ys], axis=-1).reshape(-1, 2) * CELL_M + self._low
        chests = np.column_stack([points, np.full(len(points), CHEST_M)])
        views = np.zeros(len(points), int)
        cameras = {camera.camera_id: camera for camera in store.cameras}
        for index, camera_id in enumerate(rig.camera_ids):
            pixels = cameras[camera_id].project(chests)
            width, height = rig.size_px[index]
            with np.errstate(invalid="ignore"):
                is_seen = (
                    (pixels[:, 0] > 0)
                    & (pixels[:, 0] < width - 1)
                    & (pixels[:, 1] > 0)
                    & (pixels[:, 1] < height - 1)
                )
            seen = np.flatnonzero(is_seen)
            for gondola in store.gondolas:
                box = gondola.floor_from_gondola.inverse()
                hidden = _crosses_box(
                    box.apply(rig.origin_floor_m[index]),
                    box.apply(chests[seen]),
                    np.array([gondola.width_m, gondola.depth_m, gondola.height_m]),
                )
                seen = seen[~hidden]
            views[seen] += 1
        self._views = views.reshape(shape)

    def views_at(self, x_m: float, y_m: float) -> int:
        """Cameras that should see somebody there; 0 far outside the plan."""
        column, row = round((x_m - self._low[0]) / CELL_M), round((y_m - self._low[1]) / CELL_M)
        is_on_grid = 0 <= column < self._views.shape[0] and 0 <= row < self._views.shape[1]
        return int(self._views[column, row]) if is_on_grid else 0

    def is_near_plan(self, x_m: float, y_m: float) -> bool:
        """On the plan or within the margin about its bounding box."""
        column, row = (x_m - self._low[0]) / CELL_M, (y_m - self._low[1]) / CELL_M
        return 0 <= column < self._views.shape[0] and 0 <= row < self._views.shape[1]


def _crosses_box(start: Floats, ends: Floats, size: Floats) -> NDArray[np.bool_]:
    """Whether segments from start [3] to ends [n, 3] pass through the box [0, size] (slab test, Kay & Kajiya 1986)."""
    direction = ends - start
    with np.errstate(divide="ignore", invalid="ignore"):
        to_low, to_high = (0.0 - start) / direction, (size - start) / direction
    near = np.nanmax(np.minimum(to_low, to_high), axis=1, initial=0.0)
    far = np.nanmin(np.maximum(to_low, to_high), axis=1, initial=1.0)
    return near < far
