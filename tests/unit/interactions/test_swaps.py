"""Twins of one weight, one of which is set down where the other stood: which, tell the scale, the hand and the arm."""

from __future__ import annotations

import pytest
from tests.unit.interactions.people import Person, Scene, at_ns, with_masses

from openaisle.core.messages import Action, ArmAction


def test_of_two_held_units_of_one_weight_the_scale_knows_which_came_back() -> None:
    """Swap: A is set down in B's place. Their units differ by 4 g, as units of different batches do."""
    store = with_masses({"P13": 350.0, "P14": 350.0})
    reaches = [(0.5, 4.4, 5.1), (0.7, 9.4, 10.1), (0.7, 14.4, 15.2)]
    scene = Scene([Person("ana", 0.6, reaches)], store=store)
    scene.change(5.0, {4: -347.0})
    scene.change(10.0, {7: -354.0})
    scene.change(15.0, {7: 347.0})
    in_order = scene.run(18).values()
    assert [(i.kind.value, i.product_id) for i in in_order] == [
        ("pick_up", "P13"),
        ("pick_up", "P14"),
        ("put_back_wrong", "P13"),
    ]


@pytest.mark.parametrize("first", ["P13", "P14"])
def test_of_two_of_one_weight_the_one_taken_just_now_comes_back(first: str) -> None:
    """Where neither belongs: what was taken a minute ago is in a bag by now."""
    store = with_masses({"P13": 350.0, "P14": 350.0})
    places = {"P13": (0.5, 4), "P14": (0.7, 7)}
    (first_m, first_plate), (last_m, last_plate) = sorted(places.values(), reverse=first == "P14")
    reaches = [(first_m, 4.4, 5.1), (last_m, 64.4, 65.1), (0.2, 68.4, 69.2)]
    scene = Scene([Person("ana", 0.6, reaches)], store=store)
    scene.change(5.0, {first_plate: -350.0})
    scene.change(65.0, {last_plate: -350.0})
    scene.change(69.0, {1: 350.0})
    last = list(scene.run(72).values())[-1]
    assert last.product_id not in (None, first)
    assert last.probability > 0.85


def test_no_hand_takes_something_and_brings_it_back_at_once() -> None:
    """Half a second after the second of two twins was taken one is set down there: it is the other."""
    store = with_masses({"P13": 350.0, "P14": 350.0})
    for waits_s, hand, moved in (
        (0.55, "left", ("put_back_wrong", "P13")),
        (2.0, "right", ("put_back", "P14")),
    ):
        ana = Person("ana", 0.6, [(0.7, 9.4, 10.15)], left=[(0.5, 4.4, 5.1)])
        (ana.left if hand == "left" else ana.reaches).append((0.7, 10.2, 10.1 + waits_s))
        scene = Scene([ana], store=store)
        scene.change(5.0, {4: -350.0})
        scene.change(10.0, {7: -350.0})
        scene.change(10.0 + waits_s, {7: 350.0})
        assert scene.moved(16)[-1][:2] == moved


@pytest.mark.parametrize("is_watched", [True, False])
def test_of_two_hands_at_one_place_arms_tell_which_took_even_after_the_pick_was_decided(
    is_watched: bool,
) -> None:
    """A twin waits in the left hand while the right one takes the other, and is set down in its place."""
    store = with_masses({"P13": 350.0, "P14": 350.0})
    ana = Person("ana", 0.6, [(0.7, 9.4, 10.15)], left=[(0.5, 4.4, 5.1), (0.7, 9.4, 11.4)])
    scene = Scene([ana], store=store)
    scene.change(5.0, {4: -350.0})
    scene.change(10.0, {7: -350.0})
    scene.change(11.1, {7: 350.0})
    if is_watched:
        scene.arms = [
            (10.9, deed(Action.TAKE, hand=1, began_s=9.5, at_s=10.4)),
            (11.4, deed(Action.PUT_BACK, hand=0, began_s=10.5, at_s=11.4)),
        ]
    last = scene.moved(16)[-1][:2]
    assert (last == ("put_back_wrong", "P13")) == is_watched


def deed(action: Action, *, hand: int, began_s: float, at_s: float) -> ArmAction:
    """What an arm of ana surely did."""
    return ArmAction(
        action_id=f"t-ana/{hand}/{began_s}", revision=0, track_id="t-ana", visit_id="ana", hand=hand, gondola_id="A",
        shelf_id="A1", along_m=0.7, began_ns=at_ns(began_s), deepest_ns=at_ns(at_s), at_ns=at_ns(at_s),
        decided_ns=at_ns(at_s), verdict=action,
        probabilities=tuple(0.96 if each is action else 0.01 for each in Action),
    )  # fmt: skip


def test_a_hand_that_has_just_taken_something_brings_nothing_else() -> None:
    """A pack that is lifted for a moment and set down is no twin of it that was taken long before."""
    store = with_masses({"P13": 350.0, "P14": 350.0})
    scene = Scene([Person("ana", 0.6, [(0.5, 4.4, 5.1), (0.7, 19.4, 21.2)])], store=store)
    scene.change(5.0, {4: -350.0})
    scene.change(20.0, {7: -350.0})
    scene.change(21.0, {7: 350.0})
    last = list(scene.run(25).values())[-1]
    assert (last.kind.value, last.product_id) == ("put_back", "P14")
    assert last.probability > 0.9


def test_a_hasty_swap_is_known_by_what_it_leaves_behind() -> None:
    """The twin is set down before the shelf came to rest: only the sum of both steps is sure."""
    store = with_masses({"P13": 1022.0, "P14": 996.0})
    reaches = [(0.5, 4.4, 5.1), (0.7, 9.4, 10.6)]
    scene = Scene([Person("ana", 0.6, reaches)], store=store)
    scene.change(5.0, {4: -1022.0})
    scene.change(10.0, {7: -985.0})
    scene.change(10.35, {7: 1011.0})
    moved = [m[:2] for m in scene.moved(14)]
    assert moved == [("pick_up", "P13"), ("pick_up", "P14"), ("put_back_wrong", "P13")]


def test_goods_that_come_back_leave_the_shelf_as_heavy_as_it_was() -> None:
    """Whatever was read in between. Two grams less than before: it was the twin, which weighs so."""
    store = with_masses({"P13": 350.0, "P14": 350.0})
    reaches = [(0.5, 4.4, 5.1), (0.7, 9.4, 10.1), (0.7, 12.2, 13.0)]
    scene = Scene([Person("ana", 0.6, reaches)], store=store)
    scene.change(5.0, {4: -349.0})
    scene.change(10.0, {7: -352.2})
    scene.change(12.5, {7: 350.0})
    last = list(scene.run(16).values())[-1]
    assert (last.kind.value, last.product_id) == ("put_back_wrong", "P13")
    assert last.probability > 0.9
