"""What shoppers share: the floor, the goods, the plates, the clock, and what they say to each other."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import shapely

from openaisle.core.errors import StoreError
from openaisle.core.messages import GateTap
from openaisle.core.units import NS_PER_MS, ns_from_s
from openaisle.sim.goods import Goods
from openaisle.sim.plan import PlannedVisit
from openaisle.sim.pose import Bodies
from openaisle.sim.sensors import Plates
from openaisle.sim.stands import Stands
from openaisle.sim.truth import Truth
from openaisle.sim.walking import Walking
from openaisle.store.schema import Gate, Point2, Store

if TYPE_CHECKING:
    from openaisle.sim.hands import Hands


@dataclass(kw_only=True)
class World:
    """One day in one shop, as its shoppers find it. Times are seconds since `start_ns`."""

    store: Store
    start_ns: int
    goods: Goods
    plates: Plates
    walking: Walking
    bodies: Bodies
    truth: Truth
    gate_rng: np.random.Generator
    now_s: float = 0.0  # of the tick being decided
    said: set[str] = field(default_factory=set)
    meetings: dict[str, dict[int, Hands]] = field(default_factory=dict)  # who has come, by body_id
    taps: list[GateTap] = field(default_factory=list)  # not yet taken

    def __post_init__(self) -> None:
        self._plan = shapely.Polygon(self.store.plan_floor_m)
        shapely.prepare(self._plan)
        self.stands = Stands(self.store, self.walking)
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._agenda_count = 0
        self.entry = _gate(self.store, "entry")
        self.exit = _gate(self.store, "exit")

    def ns(self, at_s: float) -> int:
        return self.start_ns + ns_from_s(at_s)

    def is_inside(self, point: Point2) -> bool:
        return bool(shapely.contains_xy(self._plan, *point))

    def at(self, at_s: float, deed: Callable[[], None]) -> None:
        """Do something at an exact time to come."""
        self._agenda_count += 1
        heapq.heappush(self._agenda, (at_s, self._agenda_count, deed))

    def catch_up(self, until_s: float) -> None:
        """Do what was to be done by then, in order."""
        while self._agenda and self._agenda[0][0] <= until_s:
            heapq.heappop(self._agenda)[2]()

    @property
    def has_plans(self) -> bool:
        return bool(self._agenda)

    def tap(self, visit: PlannedVisit, gate_id: str) -> None:
        """A shopper shows a code now; the message arrives some milliseconds later."""
        tapped_ns = self.ns(self.now_s)
        self.taps.append(
            GateTap(
                gate_id=gate_id,
                direction="entry",
                visit_id=visit.visit_id,
                tapped_ns=tapped_ns,
                received_ns=tapped_ns + round(self.gate_rng.uniform(20, 70) * NS_PER_MS),
                people_count=visit.people_count,
                is_staff=visit.is_staff,
            )
        )


def _gate(store: Store, kind: str) -> Gate:
    for gate in store.gates:
        if gate.kind in (kind, "both"):
            return gate
    raise StoreError(
        f"nobody can use this shop: it has no gate for {kind}",
        field="gates",
        expected=f"a gate of kind {kind} or both",
        found=[gate.kind for gate in store.gates],
    )
