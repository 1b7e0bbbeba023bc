"""Who comes in on no code is told of once, never charged, and bound when a code turns up after all."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from tests.unit.tracks.walkers import (
    Walker,
    World,
    bare_room,
    closed,
    floors,
    place_of,
    play_path,
    seconds_of,
    tap,
)

from openaisle.adapters.event_log_memory import MemoryEventLog
from openaisle.core.messages import AnyMessage, GateTap, Receipt, StrangerExplained, StrangerInside
from openaisle.core.units import NS_PER_S
from openaisle.pipeline import Pipeline


def coming(at_s: float, x: float, *then: tuple[float, float, float], height_m: float = 1.72) -> Walker:
    """Through the entry at about `at_s` and on to timed places."""
    return Walker(((at_s - 1.0, x, -1.2), (at_s + 0.6, x, 0.8), *then), height_m=height_m)


ANA = coming(1.5, 0.9, (4.5, 1.2, 2.8), (40.0, 1.3, 3.0))
SHADOW = coming(2.9, 1.2, (5.5, 3.0, 2.4), (20.0, 3.2, 2.2), height_m=1.85)
LEAVING = coming(2.9, 1.2, (6.0, 3.0, 2.4), (12.0, 3.9, 1.5), (15.0, 4.0, -1.0), height_m=1.85)


def told(said: Sequence[AnyMessage]) -> tuple[list[StrangerInside], list[StrangerExplained]]:
    return (
        [m for m in said if isinstance(m, StrangerInside)],
        [m for m in said if isinstance(m, StrangerExplained)],
    )


def visits_of(track_id: str, said: Sequence[AnyMessage]) -> set[str | None]:
    """Every visit, or none, under which that track was ever shown."""
    return {
        visit_id
        for floor in floors(said)
        for known_id, visit_id in zip(floor.track_ids, floor.visit_ids, strict=True)
        if known_id == track_id
    }


def lived(
    walkers: Sequence[Walker], taps: Sequence[GateTap], until_s: float, seed: int = 1
) -> list[AnyMessage]:
    world = World(bare_room(), walkers, seed=seed)
    return play_path(Pipeline(world.store, MemoryEventLog()), world.film(until_s), taps, until_s)


def test_who_slips_in_behind_a_visitor_is_told_of_within_six_seconds_with_whom_they_followed() -> None:
    said = lived([ANA, SHADOW], [tap("ana", 0.9)], 14.0)
    (alert,), explained = told(said)
    assert (alert.gate_id, alert.behind_visit_id, explained) == ("entry", "ana", [])
    assert seconds_of(alert.entered_ns) == pytest.approx(2.9, abs=0.3)
    assert (alert.told_ns - alert.entered_ns) / 1e9 < 6.0
    assert {visit_id for floor in floors(said) for visit_id in floor.visit_ids} == {"ana", None}


def test_a_stranger_who_leaves_is_a_stranger_no_more_and_there_is_no_receipt_for_them() -> None:
    said = lived([ANA, LEAVING], [tap("ana", 0.9)], 18.0)
    (alert,), (end,) = told(said)
    assert (end.alert_id, end.outcome, end.visit_id) == (alert.alert_id, "left", None)
    assert closed(said) == []
    assert [m for m in said if isinstance(m, Receipt)] == []


def test_who_goes_back_and_shows_a_code_at_the_gate_from_inside_is_bound_to_it() -> None:
    returning = coming(
        2.9,
        1.2,
        (5.5, 3.0, 2.4),
        (9.0, 3.0, 2.4),
        (11.5, 1.1, 0.7),
        (14.5, 1.1, 0.7),
        (18.0, 3.0, 2.0),
        (30.0, 3.2, 2.2),
    )
    said = lived([ANA, returning], [tap("ana", 0.9), tap("bob", 13.0)], 30.0)
    (alert,), (end,) = told(said)
    assert (end.alert_id, end.outcome, end.visit_id) == (alert.alert_id, "bound", "bob")
    assert visits_of(alert.track_id, said) == {None, "bob"}


def test_who_slipped_in_shortly_before_does_not_get_the_code_of_whoever_comes_next() -> None:
    bob = coming(6.4, 1.0, (9.0, 1.5, 2.0), (20.0, 1.6, 2.2), height_m=1.6)
    lingering = coming(
        2.9, 1.2, (4.2, 1.3, 0.9), (7.0, 1.5, 1.0), (9.5, 3.2, 2.4), (20.0, 3.2, 2.2), height_m=1.85
    )
    said = lived([ANA, lingering, bob], [tap("ana", 0.9), tap("bob", 5.6)], 16.0)
    (alert,), _ = told(said)
    assert seconds_of(alert.entered_ns) == pytest.approx(2.9, abs=0.4)
    assert visits_of(alert.track_id, said) == {None}
    at_end = place_of(floors(said)[-1], "bob")
    assert at_end is not None
    assert at_end[0] == pytest.approx(1.55, abs=0.2)


def test_a_code_that_arrives_ten_seconds_late_takes_the_alert_back() -> None:
    on_time = tap("bob", 2.6)
    late = msgspec.structs.replace(on_time, received_ns=on_time.received_ns + 10 * NS_PER_S)
    said = lived([ANA, SHADOW], [tap("ana", 0.9), late], 16.0)
    (alert,), (end,) = told(said)
    assert (end.outcome, end.visit_id) == ("bound", "bob")
    assert visits_of(alert.track_id, said) == {None, "bob"}


def test_a_third_who_follows_two_on_one_code_is_the_stranger() -> None:
    second = coming(2.4, 1.2, (5.0, 2.4, 1.2), (20.0, 2.6, 1.0), height_m=1.6)
    third = coming(5.4, 1.0, (8.0, 3.0, 2.4), (20.0, 3.2, 2.2), height_m=1.85)
    said = lived([ANA, second, third], [tap("duo", 0.9, people=2)], 16.0)
    (alert,), _ = told(said)
    assert alert.behind_visit_id == "duo"
    assert seconds_of(alert.entered_ns) == pytest.approx(5.4, abs=0.4)
    members = [floor.visit_ids.count("duo") for floor in floors(said) if seconds_of(floor.captured_ns) > 9.0]
    assert set(members) == {2}


@pytest.mark.parametrize("people", [2, 3])
def test_a_group_that_comes_in_on_one_code_is_no_stranger(people: int) -> None:
    second = coming(2.4, 1.2, (5.0, 2.4, 1.2), (20.0, 2.6, 1.0), height_m=1.6)
    said = lived([ANA, second], [tap("duo", 0.9, people=people)], 15.0)
    assert told(said) == ([], [])


def test_a_shop_without_codes_knows_no_strangers() -> None:
    assert told(lived([ANA, SHADOW], [], 14.0)) == ([], [])
