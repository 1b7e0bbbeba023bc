"""What simulated hands did, and how judgements of it are counted. Nothing here needs torch."""

from __future__ import annotations

import numpy as np
import pytest

from openaisle.core.messages import Action
from openaisle.learning import actions_measure as measure
from openaisle.learning.actions_data import ActionDataSettings, WatchedDay, action_store, by_hand, samples_of
from openaisle.learning.actions_truth import TrueReach, action_at
from openaisle.sim.scripts import plan_day


def reach(began_ns: int, action: Action = Action.TAKE) -> TrueReach:
    return TrueReach(
        body_id=1,
        hand=0,
        gondola_id="A",
        action=action,
        began_ns=began_ns,
        done_ns=began_ns + 10,
        left_ns=began_ns + 12,
        end_ns=began_ns + 20,
    )


def test_a_hand_approaches_then_does_then_does_nothing() -> None:
    reaches = [reach(0), reach(15, Action.BROWSE)]
    found = [action_at(reaches, at_ns) for at_ns in (0, 9, 10, 14, 15, 25, 40)]
    assert [action for action, _ in found] == [
        Action.APPROACH,
        Action.APPROACH,
        Action.TAKE,
        Action.TAKE,
        Action.APPROACH,  # the next one begins before the first is forgotten
        Action.BROWSE,
        Action.NONE,
    ]
    assert [index for _, index in found] == [0, 0, 0, 0, 1, 1, -1]


@pytest.fixture(scope="module")
def day() -> WatchedDay:
    store = action_store(11)
    plan = plan_day(
        store, visit_count=2, seed=11, families=["put_back_right", "touch_only"], arrivals_per_minute=6.0
    )
    watched = WatchedDay(store, plan)
    assert sum(1 for _ in watched.tracks()) > 50
    return watched


def test_every_deed_at_a_shelf_is_one_reach_of_a_likely_length(day: WatchedDay) -> None:
    reaches = day.reaches()
    assert {found.action for found in reaches} == {Action.TAKE, Action.PUT_BACK, Action.BROWSE}
    for found in reaches:
        assert found.began_ns < found.done_ns <= found.left_ns < found.end_ns
        assert 0.15 < (found.done_ns - found.began_ns) / 1e9 < 8.0
        assert (found.left_ns - found.done_ns) / 1e9 < 2.0


def test_a_hand_holds_what_it_took_until_it_is_put_back(day: WatchedDay) -> None:
    for (body_id, hand), reaches in by_hand(day.reaches()).items():
        for found in reaches:
            if found.action is Action.TAKE:
                assert day.eyes.holds_at(body_id, np.array([found.done_ns + 150_000_000]))[0, hand]
            if found.action is Action.PUT_BACK:
                assert day.eyes.holds_at(body_id, np.array([found.done_ns - 600_000_000]))[0, hand]


def test_samples_have_the_shapes_that_training_reads() -> None:
    arrays = samples_of(12, ActionDataSettings(visits=1))
    count = len(arrays["actions"])
    assert count > 20
    assert arrays["joints"].shape == (count, 32, 8, 4)
    assert arrays["holds"].shape == (count, 32, 2)
    assert set(arrays["actions"].tolist()) <= set(range(5))


def test_f1_and_calibration_are_counted_as_published() -> None:
    truths, said = np.array([1, 1, 2, 2]), np.array([1, 2, 2, 2])
    f1 = measure.f1_of(measure.confusion_of(truths, said))
    assert f1[1] == pytest.approx(2 / 3)
    assert f1[2] == pytest.approx(4 / 5)
    sure = np.zeros((10, 5))
    sure[:, 1], sure[:, 2] = 0.75, 0.25
    right = np.array([1] * 6 + [2] * 4)
    assert measure.answers("action", right, sure).error == pytest.approx(0.15)
