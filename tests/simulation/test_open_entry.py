"""A shop whose gates ask for no code: the same goods on the receipts, each of whoever carried them out."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from openaisle.adapters.event_log_memory import MemoryEventLog
from openaisle.core.messages import GateTap, Receipt, VisitOpened
from openaisle.pipeline import Pipeline
from openaisle.replay.player import play
from openaisle.sim.day import SimulatedDay
from openaisle.sim.scripts import plan_day
from openaisle.store.load import load_store


def test_shoppers_without_codes_are_billed_what_they_carried_out() -> None:
    corner = load_store("corner")
    store = replace(corner, gates=tuple(replace(gate, needs_code=False) for gate in corner.gates))
    plan = plan_day(
        store, visit_count=4, seed=5, families=["many_picks", "single_pick"], arrivals_per_minute=4
    )
    day = SimulatedDay(store, plan, vision="skeleton")
    replayed = play(
        (reading for reading in day.readings() if not isinstance(reading, GateTap)),
        Pipeline(store, MemoryEventLog()),
        keep=lambda message: isinstance(message, Receipt | VisitOpened),
    )
    carried = [Counter(basket) for basket in day.shop.truth.baskets().values()]
    billed = [
        Counter({line.product_id: line.quantity for line in receipt.lines}) for receipt in replayed.receipts
    ]
    assert len(replayed.of(VisitOpened)) == len(carried) == 4
    assert sorted(billed, key=sorted) == sorted(carried, key=sorted)
