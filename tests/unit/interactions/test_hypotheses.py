"""Steps of one moment, decided together."""

from __future__ import annotations

import pytest

from openaisle.core.messages import InteractionKind
from openaisle.interactions.explanations import Explanation, Part
from openaisle.interactions.hypotheses import Hypothesis, Moment, Weighed, decided, share_hands
from openaisle.interactions.reach import Suspect
from openaisle.interactions.settings import Settings

TAKE = Explanation(InteractionKind.PICK_UP, (Part("cola", 1, "A1-1", 400.0),), 0.0)
ANA = Suspect("t-ana", "ana", 0.0, 1)
BEN = Suspect("t-ben", "ben", 0.0, 1)


def by(suspect: Suspect) -> Hypothesis:
    return Hypothesis(TAKE, ((TAKE.parts[0], suspect),), 0.0)


def second_by_ana(apart_s: float, apart_m: float) -> float:
    """Ana surely did the first of two steps, and by her arm alone 0.63 the second one."""
    steps: list[Weighed] = [[(by(ANA), 1.0)], [(by(ANA), 0.63), (by(BEN), 0.37)]]
    moments = [Moment(0.0, (0.0, 0.0, 1.0)), Moment(apart_s, (apart_m, 0.0, 1.0))]
    (_, second) = share_hands(steps, moments, Settings())
    return next(share for hypothesis, share in second if hypothesis.hands == (("t-ana", 1),))


def test_a_hand_does_one_thing_at_a_time() -> None:
    assert second_by_ana(0.2, 0.0) < 0.01
    assert second_by_ana(0.9, 0.0) == pytest.approx(0.63)


def test_a_hand_needs_a_while_for_the_way_between_two_places() -> None:
    near, far = second_by_ana(0.64, 0.0), second_by_ana(0.64, 0.58)
    assert near > 0.4
    assert far < 0.1


def test_who_took_with_one_hand_may_take_with_the_other_at_once() -> None:
    """Either hand of hers may have done the second step: that one is busy speaks against her no more than that."""
    left = Suspect("t-ana", "ana", 0.0, 0)
    either: list[Weighed] = [
        [(by(ANA), 1.0)],
        [(by(ANA), 0.4), (by(left), 0.4), (by(BEN), 0.2)],
    ]
    moments = [Moment(0.0, (0.0, 0.0, 1.0)), Moment(0.4, (0.0, 0.0, 1.0))]
    (_, second) = decided(either, moments, Settings(prior_both_hands=1.0))
    assert {track for track, _ in second[0].best.hands} == {"t-ana"}
    assert second[0].probability == pytest.approx(0.4 / 0.6, abs=0.02)


def test_two_things_done_at_the_very_same_time_are_rather_two_peoples() -> None:
    left = Suspect("t-ana", "ana", 0.0, 0)
    steps: list[Weighed] = [[(by(ANA), 1.0)], [(by(left), 0.7), (by(BEN), 0.3)]]
    for apart_s, who in ((0.1, "t-ben"), (1.0, "t-ana")):
        moments = [Moment(0.0, (0.0, 0.0, 1.0)), Moment(apart_s, (0.0, 0.0, 1.0))]
        (_, second) = decided(steps, moments, Settings())
        assert {track for track, _ in second[0].best.hands} == {who}
