"""Who took what, scene by scene. Slots are two plates wide; P11 weighs 40 g, P12 200 g, P13 300 g, ... P16 600 g."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from tests.unit.interactions.people import Person, Scene, at_ns, step, tracks_at, with_masses
from tests.unit.weight_steps.plates import shop

from openaisle.core.messages import JOINT_INDEX, InteractionKind, StepStatus, encode
from openaisle.interactions.decide import Interactions
from openaisle.interactions.settings import Settings


class Hidden(Person):
    """Somebody whose arms nobody sees."""

    def joints(self, at_s: float) -> np.ndarray:
        joints = super().joints(at_s)
        for name in ("left_elbow", "right_elbow", "left_wrist", "right_wrist"):
            joints[JOINT_INDEX[name]] = [np.nan, np.nan, np.nan, 0.0]
        return joints


class Handless(Person):
    """Somebody whose wrists nobody sees."""

    def joints(self, at_s: float) -> np.ndarray:
        joints = super().joints(at_s)
        for name in ("left_wrist", "right_wrist"):
            joints[JOINT_INDEX[name]] = [np.nan, np.nan, np.nan, 0.0]
        return joints


# --- what ---------------------------------------------------------------------------------------------------------


def test_a_pick_is_the_product_of_its_slot_by_the_arm_that_was_there() -> None:
    scene = Scene([Person("ana", 0.5, [(0.5, 4.4, 5.1)]), Person("ben", 1.1)])
    scene.change(5.0, {4: -150.0, 5: -150.0})
    (interaction,) = scene.run(8).values()
    assert (interaction.kind, interaction.product_id, interaction.quantity) == ("pick_up", "P13", 1)
    assert (interaction.slot_id, interaction.visit_id) == ("A1-3", "ana")
    assert interaction.probability > 0.95
    assert interaction.happened_ns == at_ns(5.0)


@pytest.mark.parametrize("deviation", [-0.05, 0.002, 0.045])
def test_goods_that_miss_their_catalogue_mass_by_five_percent_are_still_themselves(deviation: float) -> None:
    scene = Scene([Person("ana", 1.1, [(1.1, 4.4, 5.1)])])
    scene.change(5.0, {10: -600.0 * (1 + deviation)})
    assert scene.moved(8) == [("pick_up", "P16", 1, "ana")]


@pytest.mark.parametrize("quantity", [2, 3, 4])
def test_several_units_at_once_are_counted(quantity: int) -> None:
    scene = Scene([Person("ana", 0.7, [(0.7, 4.4, 5.1)])])
    scene.change(5.0, {6: -200.0 * quantity, 7: -200.0 * quantity})
    assert scene.moved(8) == [("pick_up", "P14", quantity, "ana")]


def test_two_products_lifted_as_one_are_two_lines() -> None:
    scene = Scene([Person("ana", 0.6, [(0.6, 4.4, 5.1)])])
    scene.change(5.0, {5: -300.0, 6: -400.0})
    assert scene.moved(8) == [("pick_up", "P13", 1, "ana"), ("pick_up", "P14", 1, "ana")]


def test_goods_that_left_from_either_side_of_a_slot_are_not_that_slots() -> None:
    """P13 and P15 weigh as much as two of P14, and together stood about where these stand."""
    scene = Scene([Person("ana", 0.7, [(0.85, 4.4, 5.1)], left=[(0.55, 4.4, 5.1)])])
    scene.change(5.0, {5: -300.0, 8: -500.0})
    assert scene.moved(8) == [("pick_up", "P13", 1, "ana"), ("pick_up", "P15", 1, "ana")]


def test_goods_that_left_from_two_places_are_those_of_either_place() -> None:
    """P12 and P15 weigh as much together, felt at the same place; but either stretch of plates tells by itself."""
    store = with_masses({"P12": 333.0, "P13": 300.0, "P14": 400.0, "P15": 367.0})
    scene = Scene([Person("ana", 0.6, [(0.75, 4.4, 5.1)], left=[(0.45, 4.4, 5.1)])], store=store)
    scene.change(5.0, {3: -5.0, 4: -295.0, 5: 0.0, 6: -5.0, 7: -395.0})
    assert scene.moved(8) == [("pick_up", "P13", 1, "ana"), ("pick_up", "P14", 1, "ana")]


def test_neighbours_of_one_mass_are_told_apart_by_place_alone() -> None:
    scene = Scene([Person("ana", 0.7, [(0.7, 4.4, 5.1)])], store=with_masses({"P13": 350.0, "P14": 350.0}))
    scene.change(5.0, {6: -340.0, 7: -10.0})
    (interaction,) = scene.run(8).values()
    assert interaction.product_id == "P14"
    assert interaction.probability > 0.9


def test_where_place_and_mass_say_nothing_the_probability_says_so() -> None:
    """A seam between twins: half on either side."""
    scene = Scene([Person("ana", 0.6, [(0.6, 4.4, 5.1)])], store=with_masses({"P13": 350.0, "P14": 350.0}))
    scene.change(5.0, {5: -175.0, 6: -175.0})
    (interaction,) = scene.run(8).values()
    assert interaction.probability < 0.75
    assert {interaction.product_id, interaction.alternatives[0].product_id} == {"P13", "P14"}


def test_what_no_product_explains_is_never_billed() -> None:
    scene = Scene([Person("ana", 0.5, [(0.5, 4.4, 5.1)])])
    scene.change(5.0, {4: -215.0})
    assert scene.moved(8) == [("unexplained", None, 0, "ana")]


def test_a_bottle_of_ones_own_laid_down_and_taken_again_is_not_billed() -> None:
    """It weighs as much as the product of the slot that it was laid on."""
    scene = Scene([Person("ana", 0.5, [(0.5, 4.4, 5.2), (0.5, 11.4, 12.1)])])
    scene.change(5.0, {4: 301.0})
    scene.change(12.0, {4: -301.0})
    assert scene.moved(15) == [("unexplained", None, 0, "ana"), ("unexplained", None, 0, "ana")]


def test_a_product_whose_mass_nobody_knows_is_known_by_its_place_and_learned() -> None:
    scene = Scene([Person("ana", 0.5, [(0.5, 4.4, 5.1), (0.5, 9.4, 10.1)])], store=with_masses({"P13": 1.6}))
    scene.change(5.0, {4: -280.0, 5: -280.0})
    scene.change(10.0, {4: -280.0, 5: -282.0})
    first, second = scene.run(13).values()
    assert (first.product_id, second.product_id) == ("P13", "P13")
    assert second.probability > first.probability


def test_masses_learned_here_tell_near_weights_apart() -> None:
    """Both products deviate; after each was taken once, their sum can only be those two."""
    store = with_masses({"P13": 300.0, "P14": 306.0})
    reaches = [(0.5, 4.4, 5.1), (0.7, 9.4, 10.1), (0.6, 14.4, 15.1)]
    scene = Scene([Person("ana", 0.6, reaches)], store=store)
    scene.change(5.0, {4: -150.0, 5: -143.0})  # 293
    scene.change(10.0, {6: -157.0, 7: -157.0})  # 314
    scene.change(15.0, {5: -150.0, 6: -164.0})  # 314 on the seam
    *_, last = scene.run(18).values()
    assert last.product_id == "P14"


# --- put back -----------------------------------------------------------------------------------------------------


def test_a_put_back_into_its_slot_ends_the_line() -> None:
    scene = Scene([Person("ana", 0.7, [(0.7, 4.4, 5.1), (0.7, 9.4, 10.2)])])
    scene.change(5.0, {6: -396.0})
    scene.change(10.0, {7: 396.0})
    assert scene.moved(13) == [("pick_up", "P14", 1, "ana"), ("put_back", "P14", 1, "ana")]


def test_a_unit_in_a_foreign_slot_is_found_there_by_the_next_shopper() -> None:
    ana = Person("ana", 0.7, [(0.7, 4.4, 5.1), (0.1, 9.4, 10.2)])
    ben = Person("ben", 0.2, [(0.1, 19.4, 20.1)], y_m=-0.42)
    scene = Scene([ana, ben])
    scene.change(5.0, {6: -396.0})
    scene.change(10.0, {0: 396.0})
    scene.change(20.0, {0: -396.0})
    in_order = list(scene.run(23).values())
    assert [(i.kind.value, i.product_id, i.visit_id) for i in in_order] == [
        ("pick_up", "P14", "ana"),
        ("put_back_wrong", "P14", "ana"),
        ("pick_up", "P14", "ben"),
    ]
    assert in_order[1].slot_id == "A1-1"


def test_whoever_takes_something_whose_name_is_a_guess_is_billed_for_no_more_than_a_guess() -> None:
    """Of two twins that ana holds one is left at the other end, none can say for sure which; ben takes it."""
    store = with_masses({"P13": 350.0, "P14": 350.0})
    reaches = [(0.5, 4.4, 5.1), (0.7, 9.4, 10.1), (0.1, 14.4, 15.2)]
    ana, ben = Person("ana", 0.6, reaches), Person("ben", 0.2, [(0.1, 24.4, 25.1)])
    scene = Scene([ana, ben], store=store)
    scene.change(5.0, {4: -350.0})
    scene.change(10.0, {7: -350.5})
    scene.change(15.0, {0: 350.4})
    scene.change(25.0, {0: -350.4})
    *_, laid, taken = scene.run(28).values()
    assert (taken.product_id, taken.visit_id) == (laid.product_id, "ben")
    assert 0.4 < taken.probability <= laid.probability + 0.02 < 0.7


def test_one_hand_does_not_take_from_both_ends_of_a_shelf_at_once() -> None:
    scene = Scene(
        [Person("ana", 0.3, [(0.25, 4.4, 5.1)]), Person("ben", 0.9, [(0.95, 4.4, 5.1)])],
        store=with_masses({"P12": 280.0}),
    )
    scene.change(5.0, {2: -280.0, 6: 0.0, 9: -500.0})
    assert scene.moved(8) == [("pick_up", "P12", 1, "ana"), ("pick_up", "P15", 1, "ben")]


def test_hold_two_take_one() -> None:
    reaches = [(0.5, 4.4, 5.1), (0.9, 7.4, 8.1), (0.9, 10.4, 11.2)]
    scene = Scene([Person("ana", 0.7, reaches)])
    scene.change(5.0, {4: -303.0})
    scene.change(8.0, {8: -505.0})
    scene.change(11.0, {8: 505.0})
    assert [m[:2] for m in scene.moved(14)] == [("pick_up", "P13"), ("pick_up", "P15"), ("put_back", "P15")]


def test_goods_that_nobody_nearby_carries_are_not_taken_off_a_cart() -> None:
    ana, ben = Person("ana", 0.7, [(0.7, 4.4, 5.1)]), Person("ben", 0.9, [(0.9, 9.4, 10.2)])
    scene = Scene([ana, ben])
    scene.change(5.0, {6: -400.0})
    scene.change(10.0, {9: 400.0})  # as heavy, by ben, who has nothing; ana's hand hangs down
    kinds = [m[0] for m in scene.moved(13)]
    assert kinds[0] == "pick_up"


def test_a_restarted_process_knows_from_the_ledger_what_a_shopper_carries() -> None:
    people = [Person("ana", 0.7, [(0.7, 0.4, 1.2)])]
    room = Interactions(shop())
    for tick in range(15):
        room.step([], [tracks_at(people, tick / 10)], [], {}, at_ns(tick / 10))
    (put_back,) = room.step([step(1.0, {6: 402.0})], [], [], {"ana": {"P14": 1}}, at_ns(1.5))
    assert (put_back.kind, put_back.product_id, put_back.visit_id) == ("put_back", "P14", "ana")


# --- who ----------------------------------------------------------------------------------------------------------


def test_skeletons_that_come_seconds_late_still_say_who() -> None:
    ana = Person("ana", 0.5, [(0.5, 4.4, 5.1)])
    ben = Person("ben", 0.9, [(0.9, 2.0, 2.6)])
    scene = Scene([ana, ben], late_s=2.3)
    scene.change(5.0, {4: -300.0})
    (interaction,) = scene.run(10).values()
    assert interaction.visit_id == "ana"
    assert interaction.probability > 0.95
    first = next(i for i in scene.said if i.kind is InteractionKind.PICK_UP)
    assert first.probability < 0.95  # It was honest while it could not know.


def test_the_only_shopper_is_believed_before_their_skeleton_has_come() -> None:
    scene = Scene([Person("ana", 0.5, [(0.5, 4.4, 5.1)])], late_s=2.3)
    scene.change(5.0, {4: -300.0})
    scene.run(10)
    first = next(i for i in scene.said if i.kind is InteractionKind.PICK_UP)
    assert first.visit_id == "ana"
    assert first.probability > 0.9
    assert (first.decided_ns - first.happened_ns) / 1e6 <= 310


def test_nobody_near_is_nobody() -> None:
    scene = Scene([Person("ana", 8.0)])
    scene.change(5.0, {4: -300.0})
    (interaction,) = scene.run(10).values()
    assert (interaction.product_id, interaction.visit_id) == ("P13", None)


def test_arms_that_cross_are_told_apart() -> None:
    ana = Person("ana", 0.3, [(0.9, 4.5, 5.2)])  # stands before the other's slot
    ben = Person("ben", 0.9, [(0.3, 4.4, 5.1)])
    scene = Scene([ana, ben])
    scene.change(5.0, {2: -200.0})
    scene.change(5.1, {9: -500.0})
    assert sorted(scene.moved(8), key=str) == [("pick_up", "P12", 1, "ben"), ("pick_up", "P15", 1, "ana")]


def test_of_two_whose_hands_are_not_at_the_shelf_it_was_the_one_whose_hands_nobody_sees() -> None:
    ana, ben = Person("ana", 0.45), Person("ben", 0.95, confidence=0.05)
    scene = Scene([ana, ben])
    scene.change(5.0, {4: -150.0, 5: -150.0})  # nearer to ana
    assert scene.moved(8) == [("pick_up", "P13", 1, "ben")]


def test_of_two_whose_hands_nobody_sees_it_was_the_one_who_stood_nearer_and_faced_the_shelf() -> None:
    for ana, ben in (
        (Hidden("ana", 0.3), Hidden("ben", 0.7, is_turned_away=True)),
        (Hidden("ana", 0.5), Hidden("ben", 1.1)),
    ):
        scene = Scene([ana, ben])
        scene.change(5.0, {4: -150.0, 5: -150.0})
        (interaction,) = scene.run(8).values()
        assert interaction.visit_id == "ana"
        assert interaction.probability > 0.7


def test_who_takes_from_a_slot_has_taken_from_it_a_moment_before() -> None:
    """Nobody's hand was seen the first time: ben stood as near."""
    ana, ben = Person("ana", 0.3, [(0.5, 5.8, 6.4)], confidence=0.5), Person("ben", 0.7, confidence=0.5)
    scene = Scene([ana, ben])
    scene.change(5.0, {4: -150.0, 5: -150.0})
    scene.change(6.2, {4: -150.0, 5: -150.0})
    first, second = scene.run(9).values()
    assert (first.visit_id, second.visit_id) == ("ana", "ana")
    assert first.probability > 0.85
    assert first.revision > 0, "it was said before the second was seen"


def test_a_guess_of_where_a_hand_is_counts_for_little() -> None:
    """Ben's hand is guessed 15 cm beside the place; of ana's all is known: it hangs."""
    ana, ben = Person("ana", 0.5), Person("ben", 0.8, [(0.65, 4.4, 5.1)], confidence=0.15)
    scene = Scene([ana, ben])
    scene.change(5.0, {4: -150.0, 5: -150.0})
    assert scene.moved(8) == [("pick_up", "P13", 1, "ben")]


def test_whose_elbow_is_seen_far_from_the_place_had_no_hand_there() -> None:
    """Nobody sees either hand; ana's elbow is a forearm away, ben's hangs."""
    scene = Scene([Handless("ana", 0.2, [(0.5, 4.4, 5.1)]), Handless("ben", 0.6)])
    scene.change(5.0, {4: -150.0, 5: -150.0})
    (interaction,) = scene.run(8).values()
    assert interaction.visit_id == "ana", "ben stood nearer"
    assert interaction.probability > 0.9


def test_two_people_who_take_one_each_of_the_same_get_one_each() -> None:
    people = [Person("ana", 0.4, [(0.5, 4.4, 5.1)]), Person("ben", 0.6, [(0.5, 4.4, 5.1)])]
    apart, at_once = Scene(people), Scene(people)
    apart.change(5.0, {4: -300.0})
    apart.change(5.2, {5: -300.0})
    at_once.change(5.0, {4: -300.0, 5: -300.0})
    for scene in (apart, at_once):
        found = scene.run(8).values()
        assert sorted((i.product_id, i.quantity, i.visit_id) for i in found) == [
            ("P13", 1, "ana"),
            ("P13", 1, "ben"),
        ]
        assert min(i.probability for i in found) > 0.8


def test_two_people_who_take_something_each_at_the_very_same_time_get_it_each() -> None:
    """One step at two places; ana reaches for one of them, ben beside the other."""
    ana = Person("ana", 0.5, [(0.6, 4.4, 5.1)])
    ben = Person("ben", 0.9, [(1.2, 4.4, 5.1)])
    scene = Scene([ana, ben])
    scene.change(5.0, {5: -300.0, 8: -500.0})
    assert scene.moved(8) == [("pick_up", "P13", 1, "ana"), ("pick_up", "P15", 1, "ben")]


def test_a_step_read_half_into_the_next_is_explained_with_it() -> None:
    people = [Person("ana", 0.4, [(0.5, 4.4, 5.1)]), Person("ben", 0.6, [(0.5, 4.6, 5.3)])]
    scene = Scene(people)
    scene.change(5.0, {4: -240.0}, noise_sd_g=3.0)
    scene.change(5.25, {4: -358.0}, noise_sd_g=3.0)
    assert [m[:3] for m in scene.moved(8)] == [("pick_up", "P13", 1), ("pick_up", "P13", 1)]


def test_an_unbound_person_is_somebody_we_cannot_name() -> None:
    ana = Person("ana", 0.5, [(0.5, 4.4, 5.1)])
    room = Interactions(shop())
    for tick in range(60):
        tracks = msgspec.structs.replace(tracks_at([ana], tick / 10), visit_ids=(None,))
        room.step([], [tracks], [], {}, at_ns(tick / 10))
    (interaction,) = room.step([step(5.0, {4: -300.0})], [], [], {}, at_ns(6.0))
    assert (interaction.product_id, interaction.visit_id) == ("P13", None)


# --- revisions ----------------------------------------------------------------------------------------------------


def test_a_step_taken_back_takes_its_interaction_back() -> None:
    scene = Scene([Person("ana", 0.5, [(0.5, 4.4, 5.6)])])
    scene.change(5.0, {4: -300.0}, step_id="s", revision=0, status=StepStatus.PROVISIONAL)
    scene.steps.append((5.8, step(5.0, {}, step_id="s", revision=1, status=StepStatus.WITHDRAWN)))
    assert scene.run(9) == {}
    touched = [i for i in scene.said if i.kind is InteractionKind.TOUCH_RETURN]
    assert len(touched) == 1
    assert touched[0].visit_id == "ana"


def test_a_settled_mass_changes_the_product_under_the_same_id() -> None:
    store = with_masses({"P13": 300.0, "P14": 330.0})
    scene = Scene([Person("ana", 0.6, [(0.6, 4.4, 5.1)])], store=store)
    scene.change(
        5.0, {5: -155.0, 6: -160.0}, step_id="s", revision=0, status=StepStatus.PROVISIONAL, noise_sd_g=5.0
    )
    scene.steps.append((5.7, step(5.0, {5: -165.0, 6: -165.0}, step_id="s", revision=1)))
    (interaction,) = scene.run(9).values()
    assert interaction.product_id == "P14"
    revisions = [i.revision for i in scene.said if i.interaction_id == interaction.interaction_id]
    assert revisions == list(range(len(revisions)))


def test_a_repeated_step_is_not_said_twice() -> None:
    scene = Scene([Person("ana", 0.5, [(0.5, 4.4, 5.1)])])
    scene.change(5.0, {4: -300.0}, step_id="s")
    scene.change(5.0, {4: -300.0}, step_id="s")
    scene.run(9)
    assert len({encode(i) for i in scene.said}) == len(scene.said)
    assert sum(i.kind is InteractionKind.PICK_UP and i.revision == 0 for i in scene.said) == 1


# --- browsing -----------------------------------------------------------------------------------------------------


def test_a_hand_in_the_shelf_and_out_again_is_browsing_or_touching() -> None:
    scene = Scene([Person("ana", 0.5, [(0.5, 3.95, 4.35), (0.5, 7.95, 9.55)])])
    scene.run(14)
    assert [i.kind.value for i in scene.said] == ["browse", "touch_return"]
    assert {i.visit_id for i in scene.said} == {"ana"}
    assert all(i.product_id is None and i.quantity == 0 for i in scene.said)


def test_a_hand_that_took_something_was_not_browsing() -> None:
    scene = Scene([Person("ana", 0.5, [(0.5, 4.4, 5.1)])])
    scene.change(5.0, {4: -300.0})
    scene.run(12)
    assert [i.kind.value for i in scene.said] == ["pick_up"]


# --- bounds and order ---------------------------------------------------------------------------------------------


def test_the_same_scene_gives_the_same_bytes() -> None:
    def bytes_of() -> list[bytes]:
        scene = Scene([Person("ana", 0.4, [(0.5, 4.4, 5.1)]), Person("ben", 0.6, [(0.5, 4.4, 5.1)])])
        scene.change(5.0, {4: -300.0})
        scene.change(5.2, {5: -300.0})
        scene.run(9)
        return [encode(interaction) for interaction in scene.said]

    assert bytes_of() == bytes_of()


def test_memory_is_bounded() -> None:
    room = Interactions(shop(), Settings(cases_max=20, units_max=10))
    for n in range(200):
        room.step([step(float(n), {4: 77.0}, step_id=f"s{n}")], [], [], {}, at_ns(n + 0.3))
    assert len(room._cases) <= 21
    assert len(room._memory.contents._strays) <= 10
    for n in range(200, 300):
        room.step([], [tracks_at([Person(f"v{n}", 0.5)], float(n))], [], {}, at_ns(float(n)))
    assert len(room._cases) == 0
    assert len(room._arms._rows) <= 10


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_comes_probabilities_are_probabilities_and_revisions_count(data: st.DataObject) -> None:
    people = [Person(f"v{n}", 0.3 * n, [(0.3 * n, 0.5, 2.5)]) for n in range(3)]
    scene = Scene(people)
    for n in range(data.draw(st.integers(1, 6))):
        plate = data.draw(st.integers(0, 11))
        grams = data.draw(st.floats(-2000, 2000).filter(lambda g: abs(g) > 1))
        when = data.draw(st.floats(0.5, 3.0))
        scene.change(round(when, 2), {plate: grams, (plate + 1) % 12: grams / 3}, step_id=f"s{n}")
    scene.run(8)
    revisions: dict[str, int] = {}
    for interaction in scene.said:
        assert 0.0 <= interaction.probability <= 1.0
        assert interaction.quantity >= 0
        assert (interaction.product_id is None) == (interaction.quantity == 0)
        assert interaction.revision == revisions.get(interaction.interaction_id, -1) + 1
        revisions[interaction.interaction_id] = interaction.revision


def test_bodies_without_any_joint_do_no_harm() -> None:
    room = Interactions(shop())
    empty = tracks_at([Person("ana", 0.5)], 4.9)
    blind = msgspec.structs.replace(empty, joints_floor_m=np.full((1, 17, 4), np.nan, np.float32))
    lost = msgspec.structs.replace(blind, positions_floor_m=np.full((1, 2), np.nan, np.float32))
    (interaction,) = room.step([step(5.0, {4: -300.0})], [blind, lost], [], {}, at_ns(5.3))
    assert interaction.product_id == "P13"


def test_beside_a_dead_plate_the_place_tells_more_than_the_grams() -> None:
    """Half of a 400 g pack stands on a plate that says nothing: the other half is not the 200 g product's."""
    scene = Scene([Person("ana", 0.75, [(0.75, 4.4, 5.1)])])
    half = step(5.0, {7: -200.0})
    half.noise_sd_g[6] = np.nan
    scene.steps.append((5.3, half))
    (interaction,) = scene.run(8).values()
    assert (interaction.kind, interaction.product_id, interaction.quantity) == ("pick_up", "P14", 1)


def test_what_comes_back_beside_a_dead_plate_is_known_by_what_the_others_feel() -> None:
    """All of it was weighed when it left; a third of it is felt when it comes back."""
    scene = Scene([Person("ana", 0.75, [(0.75, 4.4, 5.1), (0.75, 8.4, 9.1)])])
    scene.change(5.0, {6: -200.0, 7: -200.0})
    back = step(9.0, {7: 133.0})
    back.noise_sd_g[6] = np.nan
    scene.steps.append((9.3, back))
    assert scene.moved(12) == [("pick_up", "P14", 1, "ana"), ("put_back", "P14", 1, "ana")]


def test_a_heavy_pack_on_a_dead_plate_is_felt_by_its_neighbours_only_as_something() -> None:
    scene = Scene([Person("ana", 0.65, [(0.65, 4.4, 5.1)])])
    faint = step(5.0, {5: -12.0, 7: -12.0})
    faint.noise_sd_g[6] = np.nan
    scene.steps.append((5.3, faint))
    assert [kind for kind, *_ in scene.moved(8)] == ["unexplained"]
