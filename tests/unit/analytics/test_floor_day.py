"""A day's floor is told with bounded parts of each visit, once, and of nobody by themselves."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from openaisle.analytics.areas import Floor
from openaisle.analytics.day import (
    AREA_S_NOISE,
    AREA_VISITS_NOISE,
    CELL_S_MAX,
    EPSILON,
    HEAT_NOISE,
    VISITS_MIN,
    VISITS_NOISE,
    WAYS_NOISE,
    FloorDay,
)
from openaisle.analytics.noise import Laplace
from openaisle.core.messages import FloorTracks, VisitClosed, VisitOpened
from openaisle.core.units import NS_PER_MS
from openaisle.store.load import load_store

STORE = load_store("corner")
START_NS = 10**18
STEP_NS = 250 * NS_PER_MS
BEFORE_A = (0.75, 2.0)
BEFORE_D = (4.25, 2.0)


def below(seed: int):
    return random.Random(seed).randrange


def lived(day: FloorDay, visit_id: str, places: list[tuple[float, float]], *, is_staff: bool = False) -> None:
    """One visit, a place every quarter second, of whom nothing is left open."""
    day.accept(
        VisitOpened(visit_id=visit_id, gate_id="entry", track_id="t", opened_ns=START_NS, is_staff=is_staff)
    )
    base_ns = day._looked_ns + STEP_NS if day._looked_ns else START_NS
    for number, place in enumerate(places):
        day.accept(
            FloorTracks(
                captured_ns=base_ns + number * STEP_NS,
                decided_ns=base_ns + number * STEP_NS,
                track_ids=("t",),
                visit_ids=(visit_id or None,),
                positions_floor_m=np.array([place], np.float32),
                position_sd_m=np.array([0.05], np.float32),
                heights_m=np.array([1.7], np.float32),
                joints_floor_m=np.full((1, 17, 4), np.nan, np.float32),
            )
        )
    day.accept(VisitClosed(visit_id=visit_id, gate_id="exit", closed_ns=base_ns + len(places) * STEP_NS))


def counts(day: FloorDay) -> tuple[Counter, ...]:
    return day._heat_s, day._area_visits, day._area_s, day._ways


def test_all_counts_of_a_day_together_spend_the_budget() -> None:
    noises = (VISITS_NOISE, HEAT_NOISE, AREA_VISITS_NOISE, AREA_S_NOISE, WAYS_NOISE)
    assert sum(noise.epsilon for noise in noises) == EPSILON == 1


places = st.tuples(st.floats(-1.0, 7.0), st.floats(-1.0, 6.0))


@settings(max_examples=60, deadline=None)
@given(
    walks=st.lists(st.lists(places, max_size=40), max_size=3),
    one_more=st.lists(st.tuples(places, st.integers(1, 200)), max_size=12),
)
def test_one_visit_more_changes_every_count_by_no_more_than_noise_is_made_for(walks, one_more) -> None:
    without, with_it = FloorDay(STORE, "2026-06-01"), FloorDay(STORE, "2026-06-01")
    for day in (without, with_it):
        for number, walk in enumerate(walks):
            lived(day, f"v{number}", walk)
    lived(with_it, "one more", [place for place, count in one_more for _ in range(count)])
    noises = (HEAT_NOISE, AREA_VISITS_NOISE, AREA_S_NOISE, WAYS_NOISE)
    for before, after, noise in zip(counts(without), counts(with_it), noises, strict=True):
        changed = sum(abs(after[key] - before[key]) for key in before | after)
        assert changed <= noise.sensitivity


def test_nothing_is_held_of_a_visit_that_is_over() -> None:
    day = FloorDay(STORE, "2026-06-01")
    lived(day, "ana", [BEFORE_A] * 40)
    assert not day._open
    assert day._visit_count == 1


def test_dwell_and_ways_of_a_simulated_day_are_exact() -> None:
    day = FloorDay(STORE, "2026-06-01")
    for number in range(12):
        lived(day, f"v{number}", [BEFORE_A] * 40 + [(2.5, 0.6)] * 8 + [BEFORE_D] * 24)
    report = day.exact()
    told = {area.area_id: area for area in report.areas if area.visits}
    assert report.visits == 12
    assert set(told) == {"front-A", "front-D"}
    assert told["front-A"].visits == 12
    assert told["front-A"].dwell_s_mean == pytest.approx(10.0, abs=0.5)
    assert told["front-D"].dwell_s_mean == pytest.approx(6.0, abs=0.5)
    assert [(way.area_ids, way.visits) for way in report.ways] == [(("front-A", "front-D"), 12)]
    cell = Floor(STORE).cell(*BEFORE_A)
    assert cell is not None
    assert report.heat_s[cell] == 12 * CELL_S_MAX


def test_of_few_visits_nothing_is_told() -> None:
    for seed in range(20):
        day = FloorDay(STORE, "2026-06-01")
        lived(day, "ana", [BEFORE_A] * 400)
        report = day.tell(below(seed))
        assert [seconds for seconds in report.heat_s if seconds is not None] == []
        assert [area.area_id for area in report.areas if area.visits is not None] == []
        assert report.ways == ()


def test_of_many_visits_the_noise_leaves_what_matters() -> None:
    day = FloorDay(STORE, "2026-06-01")
    for number in range(600):
        lived(day, f"v{number}", [BEFORE_A] * 60 + [BEFORE_D] * 20)
    report = day.tell(below(3))
    told = {area.area_id: area for area in report.areas if area.visits is not None}
    assert set(told) == {"front-A", "front-D"}
    assert told["front-A"].visits == pytest.approx(600, abs=5 * AREA_VISITS_NOISE.sd)
    assert told["front-A"].dwell_s_mean == pytest.approx(15.0, abs=6.0)
    assert report.visits_min == VISITS_MIN


def test_staff_and_strangers_are_not_counted() -> None:
    day = FloorDay(STORE, "2026-06-01")
    lived(day, "staff", [BEFORE_A] * 40, is_staff=True)
    lived(day, "", [BEFORE_A] * 40)  # nobody's: FloorTracks then names no visit
    assert day.exact().visits == 0
    assert not day._heat_s


def test_a_day_is_told_once() -> None:
    day = FloorDay(STORE, "2026-06-01")
    day.tell(below(1))
    with pytest.raises(AssertionError, match="told once"):
        day.tell(below(2))


def test_noise_is_the_discrete_laplace_distribution() -> None:
    noise = Laplace(2, Fraction(1, 2))  # P(x) in proportion to exp(-|x| / 4)
    draw = below(5)
    drawn = Counter(noise.draw(draw) for _ in range(40_000))
    ratio = np.exp(-0.25)
    for x in range(-8, 9):
        expected = 40_000 * (1 - ratio) / (1 + ratio) * ratio ** abs(x)
        assert drawn[x] == pytest.approx(expected, abs=5 * np.sqrt(expected))
