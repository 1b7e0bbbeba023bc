"""Days on which something is wrong throughout."""

from __future__ import annotations

import pytest

from openaisle.core.messages import CameraDetections, ScaleBatch
from openaisle.sim.conditions import CONDITIONS, crowd_of, light_at, sensors_of
from openaisle.sim.day import SimulatedDay
from openaisle.sim.scripts import plan_day
from openaisle.store.schema import Store


def test_a_day_named_after_a_condition_has_it_and_ordinary_visits(corner: Store) -> None:
    for condition in CONDITIONS:
        plan = plan_day(corner, visit_count=4, seed=4, families=[condition])
        assert plan.conditions == (condition,)
        assert all(visit.family == condition and visit.intents for visit in plan.visits)
    assert plan_day(corner, visit_count=4, seed=4).conditions == ()


def test_a_crowded_shop_lets_in_thirty_people_in_fifty_square_metres(corner: Store) -> None:
    plan = plan_day(corner, visit_count=8, seed=4, families=["crowded_store"], people_max=2)
    assert plan.people_max == crowd_of(corner) > 8


def test_light_changes_only_where_it_is_said_to() -> None:
    assert {light_at((), second) for second in range(40)} == {1.0}
    changing = [light_at(("light_change",), second) for second in range(40)]
    assert max(changing) > 0.9 > 0.5 > min(changing) > 0.2


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_day_of_faults_has_dead_plates_or_lost_cameras(corner: Store, seed: int) -> None:
    faults = sensors_of(("sensor_fault",), corner, 0, seed).faults
    kinds = {fault.kind for fault in faults}
    assert kinds in ({"plate_dead"}, {"camera_lost"})
    plates = sum(len(gondola.plates) for gondola in corner.gondolas)
    assert len(faults) == 2 if kinds == {"camera_lost"} else 0.02 < len(faults) / plates < 0.25


def test_dead_plates_are_nan_in_the_readings_of_the_day(corner: Store) -> None:
    import numpy as np

    seed = next(s for s in range(9) if sensors_of(("sensor_fault",), corner, 0, s).faults[0].column >= 0)
    plan = plan_day(corner, visit_count=1, seed=seed, families=["sensor_fault"])
    batches: list[ScaleBatch] = []
    for reading in SimulatedDay(corner, plan, vision="none"):
        assert not isinstance(reading, CameraDetections)
        if isinstance(reading, ScaleBatch):
            batches.append(reading)
        if len(batches) == 40:
            break
    assert any(np.isnan(batch.grams).all(axis=0).any() for batch in batches)
