from __future__ import annotations

from openaisle.bench.families import GOALS, USUAL, families_report, family_days, run_families
from openaisle.cli._bench_families import UNITS
from openaisle.sim.conditions import CONDITIONS
from openaisle.sim.scripts import FAMILIES


def test_every_family_has_a_goal_and_the_room_that_its_episode_needs() -> None:
    days = family_days(FAMILIES, "corner", 8, 9000, "skeleton")
    assert list(days) == [*FAMILIES, USUAL]
    assert set(GOALS) == set(FAMILIES)
    assert {goal.unit for goal in GOALS.values()} == set(UNITS)
    assert days["crowd"][0].people_max == 4
    assert days["single_pick"][0].people_max == 2
    # Days of a condition have the same visits as those with nothing wrong that they are compared with.
    assert {days[name][0].seed for name in (*CONDITIONS, USUAL)} == {9000_000}
    assert days[USUAL][0].conditions == ()
    assert USUAL not in family_days(["crowd"], "corner", 8, 9000, "skeleton")


def test_a_family_is_shown_beside_what_it_must_reach() -> None:
    days = family_days(["single_pick"], "corner", 1, 9001, "skeleton")
    rows = families_report(run_families(days, worker_count=1, done=lambda _: None))
    assert rows["single_pick"]["visits"] == 1
    assert rows["single_pick"]["must_reach"] == 0.999
    assert rows["single_pick"]["figure"] == rows["single_pick"]["f1"]
    assert rows["single_pick"]["holds"] == (rows["single_pick"]["f1"] >= 0.999)
