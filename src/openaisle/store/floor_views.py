"""How many cameras see a person, place by place of the floor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openaisle.core.geometry import Floats
from openaisle.store.coverage import views_of_points
from openaisle.store.polygons import signed_area
from openaisle.store.schema import Store

PERSON_HEIGHT_M: Final = 1.0  # hips and reaching hands


@dataclass(frozen=True)
class FloorViews:
    """How many cameras see a person in each cell of the floor, rows from south to north."""

    counts: NDArray[np.int64]  # [rows, columns]
    is_free: NDArray[np.bool_]  # [rows, columns] inside the plan and under no gondola
    low_floor_m: Floats  # [2] south-west corner of the first cell
    cell_m: float

    @classmethod
    def of(cls, store: Store) -> FloorViews:
        plan = np.array(store.plan_floor_m)
        low, high = plan.min(axis=0), plan.max(axis=0)
        area_m2 = signed_area(store.plan_floor_m)
        cell_m = 0.05 if area_m2 < 40 else 0.1 if area_m2 < 400 else 0.25
        xs = np.arange(low[0] + cell_m / 2, high[0], cell_m)
        ys = np.arange(low[1] + cell_m / 2, high[1], cell_m)
        x, y = np.meshgrid(xs, ys)
        points = np.column_stack([x.ravel(), y.ravel(), np.full(x.size, PERSON_HEIGHT_M)])
        counts = views_of_points(store.cameras, points, store.gondolas, store.walls_floor_m).sum(axis=0)
        is_free = inside_polygon(plan, points[:, :2])
        for gondola in store.gondolas:
            is_free &= ~inside_polygon(gondola.footprint_floor_m, points[:, :2])
        return cls(counts.reshape(x.shape), is_free.reshape(x.shape), low, cell_m)

    def shares(self, levels: Sequence[int]) -> list[float]:
        """Share of the free floor seen by at least so many cameras, but by fewer than the next level says."""
        counts = self.counts[self.is_free]
        at_least = [float((counts >= least).mean()) if counts.size else 0.0 for least in levels]
        return [share - above for share, above in pairwise([*at_least, 0.0])]

    def regions_floor_m(self, least: int) -> list[Floats]:
        """Rings [n, 2], to be filled even-odd, of where at least so many cameras see a person."""
        if not (self.counts >= least).any():
            return []
        fine = 8
        padded = np.pad((self.counts >= least).astype(np.float32), 2, mode="edge")
        smooth = cv2.resize(padded, None, fx=fine, fy=fine, interpolation=cv2.INTER_LINEAR)
        smooth = cv2.GaussianBlur(smooth, (0, 0), fine * 0.45)
        mask = np.pad((smooth >= 0.5).astype(np.uint8), 1)
        contours, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        rings: list[Floats] = []
        for contour in contours:
            ring = cv2.approxPolyDP(contour, 0.7, True).reshape(-1, 2).astype(float)
            if len(ring) >= 3:
                # Back over the rim of one fine pixel, then over the padding of two cells.
                rings.append(self.low_floor_m + ((ring - 1 + 0.5) / fine - 2) * self.cell_m)
        return rings


def inside_polygon(polygon: Floats, points: Floats) -> NDArray[np.bool_]:
    """[points]: which of the points [points, 2] are in the polygon [corners, 2] (crossing number)."""
    x, y = points[:, 0], points[:, 1]
    inside = np.zeros(len(points), bool)
    for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if ay != by:
            inside ^= ((ay > y) != (by > y)) & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    return inside
