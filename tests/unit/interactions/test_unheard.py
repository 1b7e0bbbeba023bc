"""Hands over plates that say nothing. Slots are two plates wide; P14 stands on plates A1.07 and A1.08."""

from __future__ import annotations

import pytest
from tests.unit.interactions.people import START_NS, at_ns
from tests.unit.weight_steps.plates import shop

from openaisle.core.messages import (
    Action,
    ArmAction,
    Interaction,
    InteractionKind,
    SensorDegraded,
    SensorRecovered,
    VisitOpened,
)
from openaisle.interactions.memory import Memory
from openaisle.interactions.settings import Settings
from openaisle.interactions.unheard import Unheard
from openaisle.interactions.weigh import Weigher

STAY = Interaction(
    interaction_id="t-ana/1/5",
    revision=0,
    kind=InteractionKind.TOUCH_RETURN,
    shelf_id="A1",
    slot_id=None,
    product_id=None,
    quantity=0,
    visit_id="ana",
    probability=0.1,
    happened_ns=at_ns(5.0),
    decided_ns=at_ns(8.0),
)


def unheard(*dead: str) -> Unheard:
    store, settings = shop(), Settings()
    memory = Memory(store, settings)
    memory.hear(VisitOpened(visit_id="ana", gate_id="entry", track_id=None, opened_ns=at_ns(0)))
    found = Unheard(
        store, Weigher(store, memory.masses, memory.contents, settings.weigh), memory, settings.unheard
    )
    found.hear(
        SensorDegraded(sensor_id=plate, kind="plate", reason="dead_plate", since_ns=START_NS)
        for plate in dead
    )
    return found


def reach(take: float, along_m: float = 0.7) -> ArmAction:
    rest = (1.0 - take) / (len(Action) - 1)
    return ArmAction(
        action_id="a",
        revision=0,
        track_id="t-ana",
        visit_id="ana",
        hand=1,
        gondola_id="A",
        shelf_id="A1",
        along_m=along_m,
        began_ns=at_ns(4.5),
        deepest_ns=at_ns(5.0),
        at_ns=at_ns(5.5),
        decided_ns=at_ns(5.6),
        verdict=Action.TAKE,
        probabilities=tuple(take if action is Action.TAKE else rest for action in Action),
        is_over=True,
    )


def test_an_arm_that_took_over_dead_plates_has_taken_what_stands_there() -> None:
    said = unheard("A1.07", "A1.08").instead(STAY, reach(0.9))
    assert (said.kind, said.product_id, said.slot_id, said.quantity) == ("pick_up", "P14", "A1-4", 1)
    assert 0.6 < said.probability < 0.95


@pytest.mark.parametrize("dead", [(), ("A1.01", "A1.02"), ("A1.08",)])
def test_where_plates_would_have_felt_it_nothing_was_taken(dead: tuple[str, ...]) -> None:
    """Of one dead plate of two, most packs would have been felt by the other."""
    assert unheard(*dead).instead(STAY, reach(0.4)) == STAY


def test_an_arm_that_hardly_took_anything_took_nothing() -> None:
    assert unheard("A1.07", "A1.08").instead(STAY, reach(0.3)) == STAY


def test_a_plate_that_speaks_again_is_believed() -> None:
    room = unheard("A1.07", "A1.08")
    room.hear(
        SensorRecovered(sensor_id=plate, kind="plate", reason="dead_plate", recovered_ns=at_ns(1.0))
        for plate in ("A1.07", "A1.08")
    )
    assert room.instead(STAY, reach(0.9)) == STAY
