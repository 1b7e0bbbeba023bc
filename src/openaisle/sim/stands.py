"""Where shoppers stand before a slot, and where they wait while others stand there."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from openaisle.sim.plan import Intent
from openaisle.sim.walking import Walking
from openaisle.store.schema import Point2, Shelf, Store

STAND_M: Final = (0.50, 0.58)  # from the gondola's front, by the slot's height
STAND_MOVES_M: Final = (0.0, 0.15, -0.15, 0.3, -0.3, 0.42, -0.42)  # along the front, where it is taken
ELBOW_ROOM_M: Final = 0.46  # between two people standing at shelves
WAIT_M: Final = (1.3, 1.7, 2.1, 2.5)  # from the gondola's front, while there is no room before the slot
WAIT_MOVES_M: Final = (0.0, 0.5, -0.5, 1.0, -1.0, 1.5, -1.5)
WAIT_ROOM_M: Final = 0.9  # around whoever waits
FLOOR_M: Final = 0.12  # a place wanted is on the floor if one can stand so near to it
PAST_END_M: Final = 0.1  # of the gondola's front
LOW_M: Final = 0.7  # a shelf for which one bends down
ALONE_M: Final = 9.0


class Stands:
    """Who stands where, or goes to stand there. Shoppers are known by their row."""

    def __init__(self, store: Store, walking: Walking) -> None:
        self._store = store
        self._walking = walking
        self._taken: dict[int, Point2] = {}

    def take(self, row: int, point: Point2) -> None:
        self._taken[row] = point

    def leave(self, row: int) -> None:
        self._taken.pop(row, None)

    def free(self, row: int, intent: Intent) -> Point2 | None:
        """The nearest place before the slot that has elbow room; None if there is none."""
        return self._best(row, intent, ELBOW_ROOM_M)

    def tight(self, row: int, intent: Intent) -> Point2:
        """The best place before the slot, others in the way or not."""
        return self._best(row, intent, 0.0) or self._point(intent, 0.0, _away_m(self._shelf(intent)))[0]

    def aside(self, row: int, intent: Intent, position: Point2) -> Point2 | None:
        """The nearest place some steps before the slot where nobody waits or stands; None if there is none."""
        places: list[tuple[float, Point2]] = []
        for away_m in WAIT_M:
            for along_m in WAIT_MOVES_M:
                point, is_floor = self._point(intent, along_m, away_m)
                if is_floor and self._room_m(row, point) >= WAIT_ROOM_M:
                    places.append((math.dist(point, position), point))
        return min(places)[1] if places else None

    def _best(self, row: int, intent: Intent, room_m_min: float) -> Point2 | None:
        """The place before the slot that is nearest to it, elbow room counting more than nearness."""
        # Who reaches across from one side stays on that side; everybody else finds room beside the slot.
        is_reach = intent.act not in ("give", "get")
        moves = STAND_MOVES_M[:3] if intent.side_m and is_reach else STAND_MOVES_M
        best: tuple[float, Point2] | None = None
        for move_m in moves:
            point, is_floor = self._point(intent, intent.side_m + move_m, _away_m(self._shelf(intent)))
            room_m = self._room_m(row, point)
            if not is_floor or room_m < room_m_min:
                continue
            cost = abs(move_m) + 4.0 * max(ELBOW_ROOM_M - room_m, 0.0)
            if best is None or cost < best[0] - 1e-9:
                best = (cost, point)
        return best[1] if best else None

    def _point(self, intent: Intent, along_m: float, away_m: float) -> tuple[Point2, bool]:
        """The floor nearest to a point before the slot's middle, moved `along_m` its front; and whether it is there."""
        slot, shelf = self._store.slots[intent.slot_id], self._shelf(intent)
        gondola = self._store.gondola_of[shelf.gondola_id]
        along_m += shelf.left_m + slot.left_m + slot.width_m / 2
        x, y, _ = gondola.floor_from_gondola.apply(
            np.array([np.clip(along_m, -PAST_END_M, gondola.width_m + PAST_END_M), -away_m, 0.0])
        ).tolist()
        point = self._walking.nearest_free((x, y))
        return point, math.dist(point, (x, y)) <= FLOOR_M

    def _room_m(self, row: int, point: Point2) -> float:
        """How far away the nearest of the others stands."""
        others = (other for whose, other in self._taken.items() if whose != row)
        return min((math.dist(point, other) for other in others), default=ALONE_M)

    def _shelf(self, intent: Intent) -> Shelf:
        return self._store.shelves[self._store.slots[intent.slot_id].shelf_id]


def _away_m(shelf: Shelf) -> float:
    """From the gondola's front: a step farther where one has to bend down."""
    return STAND_M[1] if shelf.height_m < LOW_M else STAND_M[0]
