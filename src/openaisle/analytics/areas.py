"""The floor cut up: square cells for heat maps, and areas with names for dwell and ways."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.store.polygons import contains, signed_area
from openaisle.store.schema import Gondola, Point2, Store

FRONT_M: Final = 0.9  # who stands nearer to a gondola's front is before it
CELL_M: Final = 0.5
CELLS_MAX: Final = 600  # of a large shop cells are larger
FINE_M: Final = 0.1
WHOLE_SHARE: Final = 0.8  # a zone of so much of the floor says nothing about where on it


@dataclass(frozen=True)
class Area:
    area_id: str
    name: str
    polygon_floor_m: tuple[Point2, ...]


class Floor:
    """Which cell and which area a place is in."""

    def __init__(self, store: Store) -> None:
        plan = np.array(store.plan_floor_m, float)
        self.low_m: Point2 = (float(plan[:, 0].min()), float(plan[:, 1].min()))
        wide_m, deep_m = np.ptp(plan, axis=0).tolist()
        steps = 1
        while math.ceil(wide_m / (steps * CELL_M)) * math.ceil(deep_m / (steps * CELL_M)) > CELLS_MAX:
            steps += 1
        self.cell_m = steps * CELL_M
        self.columns = math.ceil(wide_m / self.cell_m)
        self.rows = math.ceil(deep_m / self.cell_m)
        self.areas = areas_of(store)
        self._area_at = _painted(self.areas, self.low_m, (wide_m, deep_m))

    def cell(self, x_m: float, y_m: float) -> int | None:
        """Row by row from the south-west; None off the plan's bounding box."""
        column = math.floor((x_m - self.low_m[0]) / self.cell_m)
        row = math.floor((y_m - self.low_m[1]) / self.cell_m)
        is_on = 0 <= column < self.columns and 0 <= row < self.rows
        return row * self.columns + column if is_on else None

    def area(self, x_m: float, y_m: float) -> int | None:
        """Index into `areas`; None between them."""
        column, row = int((x_m - self.low_m[0]) / FINE_M), int((y_m - self.low_m[1]) / FINE_M)
        if not (0 <= row < self._area_at.shape[0] and 0 <= column < self._area_at.shape[1]):
            return None
        index = int(self._area_at[row, column])
        return None if index < 0 else index


def areas_of(store: Store) -> tuple[Area, ...]:
    """The plan's own zones, small ones only, and the floor before every gondola."""
    whole_m2 = abs(signed_area(store.plan_floor_m))
    zones = [
        Area(zone.zone_id, zone.name, zone.polygon_floor_m)
        for zone in store.zones
        if abs(signed_area(zone.polygon_floor_m)) < WHOLE_SHARE * whole_m2
    ]
    fronts = [
        Area(f"front-{gondola.gondola_id}", f"Before {gondola.gondola_id}", _front(gondola))
        for gondola in store.gondolas
    ]
    return (*zones, *fronts)


def _front(gondola: Gondola) -> tuple[Point2, ...]:
    corners = np.array(
        [(0.0, 0.0, 0.0), (gondola.width_m, 0.0, 0.0), (gondola.width_m, -FRONT_M, 0.0), (0.0, -FRONT_M, 0.0)]
    )
    floor = gondola.floor_from_gondola.apply(corners)[:, :2]
    return tuple((float(x), float(y)) for x, y in floor.tolist())


def _painted(areas: tuple[Area, ...], low_m: Point2, extent_m: tuple[float, float]) -> NDArray[np.int16]:
    """Index of the area at each fine cell [rows, columns], -1 between them; fronts lie over zones."""
    columns, rows = (math.ceil(side / FINE_M) + 1 for side in extent_m)
    found = np.full((rows, columns), -1, np.int16)
    for index, area in enumerate(areas):
        ring = np.array(area.polygon_floor_m)
        (left, bottom), (right, top) = (
            np.floor((bound - low_m) / FINE_M).astype(int).tolist()
            for bound in (ring.min(axis=0), ring.max(axis=0))
        )
        for row in range(max(bottom, 0), min(top + 1, rows)):
            for column in range(max(left, 0), min(right + 1, columns)):
                x_m, y_m = low_m[0] + (column + 0.5) * FINE_M, low_m[1] + (row + 0.5) * FINE_M
                if contains(area.polygon_floor_m, (x_m, y_m)):
                    found[row, column] = index
    return found
