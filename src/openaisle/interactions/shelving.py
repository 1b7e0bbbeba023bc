"""Which gondolas hands are near, so that of many only a few are looked at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from openaisle.interactions.reach import Floats
from openaisle.store.schema import Gondola, Store

EDGE_M = 0.2  # beyond a gondola's corners: more than any question about its edge


class Shelving:
    """The gondolas of a store that have shelves."""

    def __init__(self, store: Store) -> None:
        self._gondolas = [gondola for gondola in store.gondolas if gondola.shelves]
        corners = np.array([gondola.footprint_floor_m for gondola in self._gondolas]).reshape(-1, 4, 2)
        self._centres_m = corners.mean(axis=1)
        self._radii_m = np.linalg.norm(corners - self._centres_m[:, None], axis=2).max(axis=1, initial=0.0)

    def near(self, points_floor_m: Floats) -> list[Gondola]:
        """The gondolas, in the store's order, within whose outer circle some of the points [..., 3] may be."""
        points = points_floor_m.reshape(-1, 3)[:, :2]
        away_m = np.linalg.norm(points[:, None] - self._centres_m, axis=2)
        is_near = (away_m < self._radii_m + EDGE_M).any(axis=0)
        return [self._gondolas[index] for index in np.flatnonzero(is_near)]

    def reached(self, hands_floor_m: Floats, margin_m: float) -> NDArray[np.bool_]:
        """[people, 2]: which hands [people, 2, 3] are in a gondola or so near its edge."""
        found = np.zeros(hands_floor_m.shape[:2], bool)
        for gondola in self.near(hands_floor_m):
            x, y, z = np.moveaxis(gondola.floor_from_gondola.inverse().apply(hands_floor_m), -1, 0)
            found |= (
                (x > -margin_m)
                & (x < gondola.width_m + margin_m)
                & (y > -margin_m)
                & (y < gondola.depth_m + margin_m)
                & (z < gondola.height_m)
            )
        return found
