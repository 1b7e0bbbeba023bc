"""What arms were taken to do, as evidence."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.interactions.people import at_ns

from openaisle.core.messages import Action, ArmAction, InteractionKind
from openaisle.interactions.deeds import KEPT_MAX, Deeds
from openaisle.interactions.reach import Suspect
from openaisle.interactions.settings import DeedSettings

ANA = Suspect("t-ana", "ana", -1.0, 1)


def reach(began_s: float, at_s: float, take: float, put_back: float = 0.0, *, revision: int = 0) -> ArmAction:
    rest = 1.0 - take - put_back
    return ArmAction(
        action_id=f"t-ana/1/{began_s}",
        revision=revision,
        track_id="t-ana",
        visit_id="ana",
        hand=1,
        gondola_id="A",
        shelf_id="A1",
        along_m=0.5,
        began_ns=at_ns(began_s),
        deepest_ns=at_ns(at_s),
        at_ns=at_ns(at_s),
        decided_ns=at_ns(at_s),
        verdict=Action.TAKE,
        probabilities=(0.0, 0.5 * rest, take, put_back, 0.5 * rest),
    )


def heard(*actions: ArmAction) -> Deeds:
    deeds = Deeds(DeedSettings())
    for action in actions:
        deeds.hear(action)
    return deeds


@pytest.mark.parametrize(("take", "sign"), [(0.95, 1), (0.02, -1)])
def test_an_arm_that_took_speaks_for_its_owner_and_one_that_did_not_against(take: float, sign: int) -> None:
    ratio = heard(reach(4.4, 5.4, take)).log_ratio(ANA, "A", InteractionKind.PICK_UP, at_ns(5.0))
    assert ratio * sign > 0.5


def test_a_deed_is_not_judged_before_the_hand_is_on_its_way_back() -> None:
    deeds = heard(reach(4.4, 5.1, 0.02))
    assert deeds.log_ratio(ANA, "A", InteractionKind.PICK_UP, at_ns(5.0)) == 0.0
    deeds.hear(reach(4.4, 5.4, 0.9, revision=1))
    assert deeds.log_ratio(ANA, "A", InteractionKind.PICK_UP, at_ns(5.0)) > 0.5


def test_a_reach_elsewhere_or_at_another_time_says_nothing() -> None:
    deeds = heard(reach(4.4, 5.4, 0.95))
    assert deeds.log_ratio(ANA, "B", InteractionKind.PICK_UP, at_ns(5.0)) == 0.0
    assert deeds.log_ratio(ANA, "A", InteractionKind.PICK_UP, at_ns(9.0)) == 0.0
    assert deeds.log_ratio(Suspect("t-ben", "ben", -1.0, 1), "A", InteractionKind.PICK_UP, at_ns(5.0)) == 0.0


def test_the_hand_that_did_nothing_did_not_do_it_if_the_persons_other_hand_did() -> None:
    deeds = heard(reach(4.4, 5.4, 0.9))
    left = replace(ANA, hand=0)
    assert deeds.log_ratio(left, "A", InteractionKind.PICK_UP, at_ns(5.0)) < -2.0
    assert deeds.log_ratio(left, "A", InteractionKind.PUT_BACK, at_ns(5.0)) == 0.0
    assert deeds.log_ratio(left, "B", InteractionKind.PICK_UP, at_ns(5.0)) == 0.0


def test_the_direction_of_the_deed_counts() -> None:
    deeds = heard(reach(4.4, 5.4, 0.03, 0.9))
    assert deeds.log_ratio(ANA, "A", InteractionKind.PUT_BACK, at_ns(5.0)) > 0.5
    assert deeds.log_ratio(ANA, "A", InteractionKind.PICK_UP, at_ns(5.0)) < -0.5


def test_no_arm_can_speak_louder_than_it_is_trusted() -> None:
    """A verdict that is surely wrong one time in five cannot outweigh the scales."""
    ratio = heard(reach(4.4, 5.4, 0.0)).log_ratio(ANA, "A", InteractionKind.PICK_UP, at_ns(5.0))
    assert -2.5 < ratio < 0.0


def test_a_stay_without_a_step_is_as_surely_browsing_as_the_arm_says() -> None:
    deeds = heard(reach(4.4, 5.4, 0.2, 0.1))
    right, left = (deeds.reach_of("t-ana", hand, at_ns(4.5), at_ns(5.2)) for hand in (1, 0))
    assert deeds.undone_probability(right) == pytest.approx(0.7)
    assert deeds.undone_probability(left) == DeedSettings().prior_undone


def test_old_reaches_of_a_hand_are_forgotten() -> None:
    deeds = heard(*(reach(10.0 * n, 10.0 * n + 1, 0.9) for n in range(KEPT_MAX + 1)))
    assert deeds.log_ratio(ANA, "A", InteractionKind.PICK_UP, at_ns(0.5)) == 0.0
    assert deeds.log_ratio(ANA, "A", InteractionKind.PICK_UP, at_ns(10.5)) > 0.5
