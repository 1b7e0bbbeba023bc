"""Gates without codes: who comes in has a visit of their own, unless they show a code after all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.unit.tracks.test_strangers import ANA, LEAVING, told, visits_of
from tests.unit.tracks.walkers import Walker, World, bare_room, floors, play_path, seconds_of, tap

from openaisle.adapters.event_log_memory import MemoryEventLog
from openaisle.core.messages import AnyMessage, GateTap, Receipt, VisitClosed, VisitOpened
from openaisle.pipeline import Pipeline


def lived(walkers: Sequence[Walker], taps: Sequence[GateTap], until_s: float) -> list[AnyMessage]:
    room = bare_room()
    world = World(
        replace(room, gates=tuple(replace(gate, needs_code=False) for gate in room.gates)), walkers, seed=1
    )
    return play_path(Pipeline(world.store, MemoryEventLog()), world.film(until_s), taps, until_s)


def opened(said: Sequence[AnyMessage]) -> list[VisitOpened]:
    return [message for message in said if isinstance(message, VisitOpened)]


def test_everybody_who_comes_in_has_a_visit_and_leaves_with_a_receipt_that_waits_for_its_money() -> None:
    said = lived([ANA, LEAVING], [], 18.0)
    ana, leaving = sorted(opened(said), key=lambda visit: visit.opened_ns)
    assert (ana.gate_id, leaving.gate_id, ana.is_staff) == ("entry", "entry", False)
    assert seconds_of(leaving.opened_ns) == pytest.approx(2.9, abs=0.3)
    first = [message for message in said if isinstance(message, VisitClosed | Receipt)][:2]
    assert [message.visit_id for message in first] == [leaving.visit_id] * 2
    assert told(said) == ([], [])


def test_who_shows_a_code_shops_on_it_and_who_does_not_beside_them_does_not() -> None:
    said = lived([ANA, LEAVING], [tap("ana", 0.9)], 12.0)
    ana, other = sorted(opened(said), key=lambda visit: visit.opened_ns)
    assert ana.visit_id == "ana"
    assert other.track_id is not None
    assert visits_of(other.track_id, said) == {None, other.visit_id}
    assert {visit_id for floor in floors(said)[-3:] for visit_id in floor.visit_ids} == {
        "ana",
        other.visit_id,
    }
