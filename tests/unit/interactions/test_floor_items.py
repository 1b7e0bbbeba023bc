"""Goods laid on the floor before the shelf, and taken from there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from tests.unit.interactions.people import Person, Scene

from openaisle.core.messages import JOINT_INDEX, InteractionKind


@dataclass
class Crouching(Person):
    """Crouches from `down_s` to `up_s`, the right hand at the floor beside the feet."""

    down_s: float = 0.0
    up_s: float = 0.0
    low_confidence: float = 0.8  # of the wrist then

    def joints(self, at_s: float) -> np.ndarray:
        joints = super().joints(at_s)
        if self.down_s <= at_s <= self.up_s:
            joints[JOINT_INDEX["right_elbow"]] = [self.x_m + 0.3, self.y_m - 0.2, 0.5, self.confidence]
            joints[JOINT_INDEX["right_wrist"]] = [self.x_m + 0.3, self.y_m - 0.2, 0.2, self.low_confidence]
        return joints


def taking(visit_id: str, *, down_s: float, up_s: float) -> Crouching:
    return Crouching(visit_id, 0.25, reaches=[(0.25, 1.7, 2.2)], down_s=down_s, up_s=up_s)


@pytest.mark.parametrize(("up_s", "claim"), [(7.0, (0.9, 1.0)), (10.0, (0.6, 0.85))])
def test_what_is_laid_on_the_floor_is_put_back_for_all_we_know(
    up_s: float, claim: tuple[float, float]
) -> None:
    """Who stays down for longer may have tied a shoe."""
    scene = Scene(people=[taking("ana", down_s=6.0, up_s=up_s)])
    scene.change(2.0, {2: -400.0})
    laid = [i for i in scene.run(14.0).values() if i.kind is InteractionKind.PUT_BACK_WRONG]
    assert [(i.visit_id, i.quantity, i.slot_id) for i in laid] == [("ana", 1, None)]
    assert claim[0] <= laid[0].probability < claim[1]


def test_whoever_crouches_where_it_lies_has_picked_it_up() -> None:
    ben = Crouching("ben", 0.30, down_s=14.0, up_s=15.0)
    scene = Scene(people=[taking("ana", down_s=6.0, up_s=7.0), ben])
    scene.change(2.0, {2: -400.0})
    said = scene.run(20.0).values()
    (laid,) = [i for i in said if i.kind is InteractionKind.PUT_BACK_WRONG]
    found = [i for i in said if i.kind is InteractionKind.PICK_UP and not i.step_ids]
    assert [(i.visit_id, i.product_id) for i in found] == [("ben", laid.product_id)]
    assert (laid.revision, laid.probability > 0.95) == (1, True), "it did lie there"


def test_a_guess_of_a_hand_at_the_floor_lays_nothing_down() -> None:
    ana = taking("ana", down_s=6.0, up_s=7.0)
    ana.low_confidence = 0.15
    scene = Scene(people=[ana])
    scene.change(2.0, {2: -400.0})
    assert [i.kind for i in scene.run(12.0).values()] == [InteractionKind.PICK_UP]


def test_whoever_carries_nothing_tied_a_shoe() -> None:
    scene = Scene(people=[Crouching("ana", 0.25, down_s=3.0, up_s=5.0)])
    assert not scene.run(9.0)


def test_who_crouches_for_goods_of_a_low_shelf_lays_nothing_down() -> None:
    scene = Scene(people=[taking("ana", down_s=1.2, up_s=2.6)])
    scene.change(2.0, {2: -400.0})
    assert all(i.kind is InteractionKind.PICK_UP for i in scene.run(9.0).values())
