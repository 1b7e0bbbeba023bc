"""Hands that rest on a shelf's goods: felt as a load, and none."""

from __future__ import annotations

import pytest
from tests.unit.interactions.people import Person, Scene, step, with_masses
from tests.unit.weight_steps.plates import shop

from openaisle.core.messages import StepStatus
from openaisle.interactions.masses import Masses
from openaisle.interactions.settings import WeighSettings


def test_a_resting_hand_taken_for_a_gain_comes_off_the_pick_and_leaves_nothing_to_explain() -> None:
    """And the unit fits when it returns."""
    scene = Scene([Person("ana", 0.5, [(0.5, 4.0, 9.8)])])
    scene.change(5.0, {4: 42.0})
    scene.change(7.5, {4: -342.0})
    scene.change(8.4, {4: 301.0})
    assert [m[:2] for m in scene.moved(14)] == [("pick_up", "P13"), ("put_back", "P13")]


def test_a_resting_hand_taken_for_something_brought_leaves_it_with_whoever_has_it() -> None:
    """19 g may be a bar of 24 g that is put back; that 19 g too much leave with the next pack tells that it was not."""
    scene = Scene(
        [Person("ana", 0.45, [(0.45, 1.4, 2.1), (0.65, 9.0, 14.1)])], store=with_masses({"P12": 24.0})
    )
    scene.change(2.0, {4: -24.0})
    scene.change(10.0, {6: 19.0}, noise_sd_g=1.5)
    scene.change(14.0, {6: -419.0})
    assert scene.moved(18) == [("pick_up", "P12", 1, "ana"), ("pick_up", "P14", 1, "ana")]


def test_goods_may_leave_with_a_hand_too_light_for_a_step() -> None:
    store = shop()
    masses = Masses(store, WeighSettings())
    for grams in (300.0, 301.0, 299.5, 300.5):
        masses.learn("P13", 1, grams, 0.5)
    heavier, is_alone = masses.log_likelihood_taken("P13", 1, 316.0, 1.0)
    assert not is_alone
    assert heavier > masses.log_likelihood("P13", 1, 316.0, 1.0) + 10.0
    assert masses.log_likelihood_taken("P13", 1, 301.0, 1.0)[1]
    # No hand makes goods lighter, and none that weighs so much goes unheard.
    for grams in (284.0, 350.0):
        assert masses.log_likelihood_taken("P13", 1, grams, 1.0)[0] == pytest.approx(
            masses.log_likelihood("P13", 1, grams, 1.0), abs=0.1
        )


def test_a_pack_lifted_and_set_down_under_a_resting_hand_is_not_billed() -> None:
    """The hand's weight leaves with it, and does not come back."""
    store = with_masses({"P14": 350.0}, spread_g=20.0)
    scene = Scene([Person("ana", 0.6, [(0.7, 3.4, 8.0)])], store=store)
    scene.change(4.0, {7: 17.5})
    scene.change(6.0, {7: -367.5})
    scene.change(7.0, {7: 350.0})
    assert [m[:2] for m in scene.moved(12)][-2:] == [("pick_up", "P14"), ("put_back", "P14")]


@pytest.mark.parametrize("is_crowded", [True, False])
def test_a_hand_that_comes_to_rest_as_another_puts_goods_back_is_no_goods(is_crowded: bool) -> None:
    """Only where somebody else's hand is; and that it goes again is nothing to explain."""
    ana = Person("ana", 0.7, [(0.7, 4.4, 5.1), (0.7, 9.4, 10.2)])
    ben = Person("ben", 0.5, [(0.6, 9.6, 11.6)] if is_crowded else [])
    scene = Scene([ana, ben])
    scene.change(5.0, {6: -396.0})
    scene.change(10.0, {6: 471.0})
    scene.change(11.5, {6: -76.0})
    moved = scene.moved(15)
    assert moved[0] == ("pick_up", "P14", 1, "ana")
    assert moved[1:] == [("put_back", "P14", 1, "ana")] or not is_crowded
    assert is_crowded or {m[0] for m in moved[1:]} == {"unexplained"}


def test_a_loss_that_is_not_what_a_hand_brought_is_told() -> None:
    ana = Person("ana", 0.7, [(0.7, 4.4, 5.1), (0.7, 9.4, 10.2)])
    scene = Scene([ana, Person("ben", 0.5, [(0.6, 9.6, 11.6)])])
    scene.change(5.0, {6: -396.0})
    scene.change(10.0, {6: 471.0})
    scene.change(11.5, {6: -50.0})
    assert [m[0] for m in scene.moved(15)] == ["pick_up", "put_back", "unexplained"]


def test_a_gain_that_is_taken_back_brought_no_hand() -> None:
    """What leaves after it has to be told."""
    ana = Person("ana", 0.7, [(0.7, 4.4, 5.1), (0.7, 9.4, 10.2)])
    scene = Scene([ana, Person("ben", 0.5, [(0.6, 9.6, 11.6)])])
    scene.change(5.0, {6: -396.0})
    scene.change(10.0, {6: 471.0}, step_id="gain", revision=0, status=StepStatus.PROVISIONAL)
    scene.steps.append((11.0, step(10.0, {}, step_id="gain", revision=1, status=StepStatus.WITHDRAWN)))
    scene.change(11.5, {6: -76.0})
    assert [m[0] for m in scene.moved(15)] == ["pick_up", "unexplained"]


def test_a_hand_that_comes_to_rest_as_goods_leave_makes_them_no_lighter() -> None:
    """Seen when it goes: until then nothing explains what was read."""
    scene = Scene([Person("ana", 0.5, [(0.5, 4.4, 10.1)])])
    scene.change(5.0, {4: -238.0})
    scene.change(10.0, {4: -62.0})
    assert scene.moved(9) != [("pick_up", "P13", 1, "ana")]
    assert scene.moved(14) == [("pick_up", "P13", 1, "ana")]


def test_what_was_read_before_a_hand_came_to_rest_tells_what_left() -> None:
    """Though it never goes as it came. What nobody sells remains unexplained."""
    scene = Scene([Person("ana", 0.5, [(0.5, 4.4, 10.1)])])
    scene.change(5.0, {4: -303.0}, step_id="pick", revision=0, status=StepStatus.PROVISIONAL)
    scene.steps.append((6.0, step(5.0, {4: -263.0}, step_id="pick", revision=1)))
    assert scene.moved(9) == [("pick_up", "P13", 1, "ana")]
    for first_g in (-263.0, -360.0):
        other = Scene([Person("ana", 0.5, [(0.5, 4.4, 10.1)])])
        other.change(5.0, {4: first_g}, step_id="pick", revision=0, status=StepStatus.PROVISIONAL)
        other.steps.append((6.0, step(5.0, {4: -263.0}, step_id="pick", revision=1)))
        assert [m[0] for m in other.moved(9)] == ["unexplained"]


def test_what_was_taken_for_a_hand_that_goes_is_told_when_it_turns_out_heavier() -> None:
    scene = Scene([Person("ana", 0.5, [(0.5, 4.4, 10.1)])], store=with_masses({"P12": 95.0}))
    scene.change(5.0, {4: -238.0})
    scene.change(10.0, {3: -62.0}, step_id="hand", status=StepStatus.PROVISIONAL)
    assert scene.moved(10.5) == [("pick_up", "P13", 1, "ana")]
    scene.steps.append((11.0, step(10.0, {3: -95.0}, step_id="hand", revision=2)))
    assert [m[:2] for m in scene.moved(14)] == [("unexplained", None), ("pick_up", "P12")]


def test_two_light_goods_taken_one_after_the_other_are_two() -> None:
    scene = Scene([Person("ana", 0.45, [(0.45, 4.4, 9.1)])], store=with_masses({"P12": 62.0, "P13": 238.0}))
    scene.change(5.0, {4: -238.0})
    scene.change(8.0, {3: -62.0})
    assert [m[:2] for m in scene.moved(12)] == [("pick_up", "P13"), ("pick_up", "P12")]


def test_the_hand_that_took_goods_may_rest_there_at_once() -> None:
    """What it weighs then is not taken for something that a hand cannot have done so soon."""
    scene = Scene([Person("ana", 0.5, [(0.5, 4.4, 9.1)])])
    scene.change(5.0, {4: -300.0})
    scene.change(5.4, {4: 58.0})
    assert scene.moved(8)[0] == ("pick_up", "P13", 1, "ana")
    assert next(iter(scene.run(8).values())).probability > 0.95
