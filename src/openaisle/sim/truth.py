"""What really happened: for scoring only. Nothing of this enters a reading."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from openaisle.sim.scene import Floats


@dataclass(frozen=True, kw_only=True)
class TruthEvent:
    """A hand did something to goods on a shelf, at `at_ns`, to the microsecond.

    Goods change hands when the hand has all of their weight (unloading a plate takes 0.1 to 0.2 s), and back when
    the hand lets go of them; a touch is when the plate begins to feel it.
    """

    at_ns: int
    kind: str  # take | put_back | put_back_wrong | touch; of no shelf: give | get | lay | pick_up
    visit_id: str
    body_id: int
    slot_id: str  # whose place on the shelf
    product_id: str
    item_id: int
    mass_g: float  # of the unit, always positive
    is_left_hand: bool = False


@dataclass(kw_only=True)
class TruthVisit:
    """One visit: who came, when, and with what they left."""

    visit_id: str
    family: str
    families: tuple[str, ...]  # every kind of episode in it
    body_ids: tuple[int, ...]
    planned_ns: int
    tapped_ns: int = 0  # 0: not yet
    entered_ns: int = 0
    left_ns: int = 0  # 0: still inside
    item_ids: list[int] = field(default_factory=list)  # what they hold or have in the bag
    basket: Counter[str] = field(default_factory=Counter)  # product -> quantity, of the same units
    is_staff: bool = False
    people_left: int = 0
    skipped: int = 0  # intents that came to nothing (goods gone, partner did not come)


class Truth:
    """The simulator's own record of a day."""

    def __init__(self) -> None:
        self.visits: dict[str, TruthVisit] = {}
        self.events: list[TruthEvent] = []
        self._positions: list[tuple[int, int, float, float]] = []

    def tapped(self, visit_id: str, at_ns: int) -> None:
        self.visits[visit_id].tapped_ns = at_ns

    def entered(self, visit_id: str, at_ns: int) -> None:
        """One person of a visit came in; a visit begins with its first."""
        visit = self.visits[visit_id]
        visit.entered_ns = visit.entered_ns or at_ns

    def left(self, visit_id: str, at_ns: int) -> None:
        """One person of a visit went out; a visit ends with its last."""
        visit = self.visits[visit_id]
        visit.people_left += 1
        if visit.people_left == len(visit.body_ids):
            visit.left_ns = at_ns

    def brought(self, visit_id: str, product_id: str, item_id: int) -> None:
        """Staff come with a unit of goods."""
        self.visits[visit_id].item_ids.append(item_id)
        self.visits[visit_id].basket[product_id] += 1

    def took(self, event: TruthEvent) -> None:
        visit = self.visits[event.visit_id]
        visit.item_ids.append(event.item_id)
        visit.basket[event.product_id] += 1
        self.events.append(event)

    def gave_back(self, event: TruthEvent) -> None:
        visit = self.visits[event.visit_id]
        visit.item_ids.remove(event.item_id)
        visit.basket[event.product_id] -= 1
        visit.basket += Counter()  # drops what is zero
        self.events.append(event)

    def touched(self, event: TruthEvent) -> None:
        self.events.append(event)

    def stood(self, at_ns: int, body_id: int, x_m: float, y_m: float) -> None:
        self._positions.append((at_ns, body_id, x_m, y_m))

    def baskets(self) -> dict[str, dict[str, int]]:
        """What each visit that is over carried out."""
        return {
            visit_id: dict(sorted(visit.basket.items()))
            for visit_id, visit in sorted(self.visits.items())
            if visit.left_ns
        }

    def positions(self) -> tuple[np.ndarray, np.ndarray, Floats]:
        """At 5 Hz while somebody is there: times [n] ns, body ids [n], floor positions [n, 2]."""
        times = np.array([row[0] for row in self._positions], np.int64)
        bodies = np.array([row[1] for row in self._positions], np.int64)
        points = np.array([row[2:] for row in self._positions], np.float64).reshape(-1, 2)
        return times, bodies, points
