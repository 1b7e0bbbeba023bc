"""A shelf whose plates are broken is scanned; the rest of the shop goes on."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from openaisle.adapters.event_log_memory import MemoryEventLog
from openaisle.core.messages import (
    AnyMessage,
    Interaction,
    InteractionKind,
    Reading,
    Receipt,
    SensorDegraded,
)
from openaisle.core.units import NS_PER_S
from openaisle.pipeline import Pipeline
from openaisle.replay.player import play
from openaisle.sim.day import SimulatedDay
from openaisle.sim.faults import Fault, with_faults
from openaisle.sim.scripts import DEFAULT_START_NS, plan_day
from openaisle.store.load import load_store
from openaisle.store.schema import Store

BAD = "B2"


def switched(store: Store) -> Store:
    return replace(
        store,
        gondolas=tuple(
            replace(
                gondola,
                shelves=tuple(replace(shelf, is_scanned=shelf.shelf_id == BAD) for shelf in gondola.shelves),
            )
            for gondola in store.gondolas
        ),
    )


class Scanning:
    """A path beside which somebody scans the first unit that is taken from the bad shelf."""

    def __init__(self, store: Store, scanned: str) -> None:
        self.path = Pipeline(store, MemoryEventLog())
        self.store = store
        self.scanned = scanned
        self.has_scanned = False

    def step(self, readings: list[Reading], now_ns: int) -> list[AnyMessage]:
        said = self.path.step(readings, now_ns)
        visits = [
            visit_id for visit_id in self.path.holdings if sum(self.path.holdings[visit_id].values()) > 2
        ]
        if visits and not self.has_scanned:
            self.has_scanned = True
            said = said + self.path.correct(
                Interaction(
                    interaction_id="scan-1",
                    revision=1,
                    kind=InteractionKind.PICK_UP,
                    shelf_id=BAD,
                    slot_id=None,
                    product_id=self.scanned,
                    quantity=1,
                    visit_id=visits[0],
                    probability=1.0,
                    happened_ns=now_ns,
                    decided_ns=now_ns,
                )
            )
        return said

    def finish(self, now_ns: int) -> list[AnyMessage]:
        return self.path.finish(now_ns)


def test_a_broken_shelf_is_flagged_bills_only_what_is_scanned_and_the_rest_goes_on() -> None:
    store = switched(load_store("corner"))
    shelf = store.shelves[BAD]
    gondola = store.gondola_of[shelf.gondola_id]
    broken = tuple(
        Fault(
            kind="plate_dead",
            sensor_id=gondola.scale_id,
            starts_ns=DEFAULT_START_NS,
            ends_ns=DEFAULT_START_NS + 3600 * NS_PER_S,
            column=plate.channel,
        )
        for plate in shelf.plates[::2]
    )
    plan = plan_day(store, visit_count=1, seed=12, families=["many_picks"])
    day = SimulatedDay(store, plan, vision="skeleton")
    from_bad = {slot.product_id for slot in shelf.slots}
    path = Scanning(store, shelf.slots[0].product_id)
    replayed = play(
        with_faults(day.readings(), broken, seed=12),
        path,
        keep=lambda message: isinstance(message, Receipt | SensorDegraded | Interaction),
    )
    flagged = [said for said in replayed.of(SensorDegraded) if said.kind == "shelf"]
    assert [(said.sensor_id, said.reason) for said in flagged] == [(BAD, "bad_plates")]
    (basket,) = day.shop.truth.baskets().values()
    assert any(product_id in from_bad for product_id in basket)
    (receipt,) = replayed.receipts
    billed = Counter({line.product_id: line.quantity for line in receipt.lines})
    wanted = Counter(
        {product_id: count for product_id, count in basket.items() if product_id not in from_bad}
    )
    assert billed == wanted + Counter([path.scanned])
