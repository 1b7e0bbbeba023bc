"""Explanations joined with people, their probabilities, and what they come to. Pure."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations as pairs
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.geometry import Floats
from openaisle.core.messages import InteractionKind, ProductId, TrackId, VisitId
from openaisle.interactions.explanations import Explanation, Part
from openaisle.interactions.ramps import falling, rising
from openaisle.interactions.reach import Suspect
from openaisle.interactions.settings import Settings

JOINT_STEPS_MAX: Final = 4
JOINT_OUTCOMES_MAX: Final = 5

Move = tuple[Part | None, Suspect | None]
"""Units of a product and who moved them; None: nobody knows."""

Hands = tuple[tuple[TrackId, int], ...]
"""Of whom, and which: 0 left, 1 right."""

Weighed = list[tuple["Hypothesis", float]]
"""Hypotheses with their probabilities, best first."""


@dataclass(frozen=True)
class Hypothesis:
    """One explanation with who did it: one person, or two who took one unit each."""

    explanation: Explanation
    moves: tuple[Move, ...]  # at least one; its part is None where nothing explains the step
    log_weight: float
    log_again: float = 0.0  # of it: what other steps at that slot say of who it was

    @cached_property
    def hands(self) -> Hands:
        """Those that were busy with it."""
        if self.explanation.may_be_hand:
            return ()
        return tuple(dict.fromkeys((suspect.track_id, suspect.hand) for _, suspect in self.moves if suspect))


@dataclass(frozen=True)
class Outcome:
    """What matters of a hypothesis to a cart, with all hypotheses that come to the same."""

    best: Hypothesis
    probability: float
    hands: tuple[tuple[Hands, float], ...]  # that may have done it, each with its share of the probability

    def right_hand(self, suspect: Suspect) -> float:
        """How likely it was the right hand of a suspect of the best hypothesis."""
        shares = [0.0, 0.0]
        for hands, share in self.hands:
            for track_id, hand in hands:
                if track_id == suspect.track_id:
                    shares[hand] += share
        either = sum(shares)
        if either <= 0.0 or min(shares) == 0.0:
            return suspect.right_hand
        return shares[1] / either


def normalised(hypotheses: Sequence[Hypothesis]) -> Weighed:
    """Probabilities that sum to one."""
    top = max(hypothesis.log_weight for hypothesis in hypotheses)
    weights = [math.exp(hypothesis.log_weight - top) for hypothesis in hypotheses]
    return _sorted(list(zip(hypotheses, weights, strict=True)))


@dataclass(frozen=True)
class Moment:
    """When and where a step happened."""

    edge_s: float
    place_floor_m: tuple[float, float, float]


def decided(group: Sequence[Weighed], moments: Sequence[Moment], settings: Settings) -> list[list[Outcome]]:
    """Each step's outcomes, the decided one first, with the probability that it leaves every cart it touches right.

    Steps of one moment are decided as one: who of two people took which of two equal units matters to no cart. All
    combinations of their likeliest outcomes are weighed where that is possible, else each step by itself.
    """
    weighed = share_hands(group, moments, settings)
    alone = [outcomes(own) for own in weighed]
    if not 1 < len(group) <= JOINT_STEPS_MAX:
        return alone
    options = [own[:JOINT_OUTCOMES_MAX] for own in alone]
    weights = _joint_weights(options, moments, settings)  # [outcomes of the first, of the second, ...]
    best = np.unravel_index(int(weights.argmax()), weights.shape)
    bills = _bills(options)  # of each step [outcomes, entries]
    total = functools.reduce(lambda sums, own: sums[..., None, :] + own, bills)
    found: list[list[Outcome]] = []
    for index, rank in enumerate(best):
        outcome = options[index][rank]
        touched = bills[index][rank] != 0
        if touched.any():
            right = weights[(total[..., touched] == total[best][touched]).all(axis=-1)]
        else:
            alike = [_comes_to(other.best) == _comes_to(outcome.best) for other in options[index]]
            right = np.compress(alike, weights, axis=index)
        probability = min(1.0, float(right.sum()))
        others = [other for other in alone[index] if _comes_to(other.best) != _comes_to(outcome.best)]
        found.append([replace(outcome, probability=probability), *others])
    return found


def _joint_weights(
    options: Sequence[Sequence[Outcome]], moments: Sequence[Moment], settings: Settings
) -> Floats:
    """How probable each combination of outcomes is, an axis a step; together 1."""
    count = len(options)
    weights = np.ones([len(own) for own in options])
    for index, own in enumerate(options):
        along = [1] * count
        along[index] = len(own)
        weights *= np.array([outcome.probability for outcome in own]).reshape(along)
    for (i, j), plausible in _plausible(options, moments, settings).items():
        along = [1] * count
        along[i], along[j] = plausible.shape
        weights *= plausible.reshape(along)
    return weights / weights.sum()


def _plausible(
    options: Sequence[Sequence[Outcome]], moments: Sequence[Moment], settings: Settings
) -> dict[tuple[int, int], Floats]:
    """Of each two steps, of each outcome of one with each of the other: how plausible it is that both came about.

    One hand takes one thing at a time, and people seldom use both hands at the very same time.
    """
    found: dict[tuple[int, int], Floats] = {}
    for (i, own), (j, other) in pairs(enumerate(options), 2):
        rivalry = _rivalry(moments[i], moments[j], settings)
        with_same = max(settings.prior_same_hand, 1.0 - rivalry)
        with_both = _both_hands(moments[i], moments[j], settings)
        if rivalry <= 0.0 and with_both >= 1.0:
            continue
        found[i, j] = np.array(
            [
                [
                    sum(
                        share * other_share * _compatible(hands, others, with_same, with_both)
                        for hands, share in first.hands
                        for others, other_share in second.hands
                    )
                    for second in other
                ]
                for first in own
            ]
        )
    return found


def _compatible(hands: Hands, others: Hands, with_same: float, with_both: float) -> float:
    """How plausible it is that these hands did one step and those another."""
    if set(hands) & set(others):
        return with_same
    return with_both if {track for track, _ in hands} & {track for track, _ in others} else 1.0


def _rivalry(one: Moment, other: Moment, settings: Settings) -> float:
    """How surely one hand cannot have done both: it needs a while for each, and for the way between them."""
    way_s = math.dist(one.place_floor_m, other.place_floor_m) / settings.hand_m_s
    apart_s = abs(one.edge_s - other.edge_s) - way_s
    return falling(apart_s, settings.same_hand_s)


def _both_hands(one: Moment, other: Moment, settings: Settings) -> float:
    """How plausible it is, against two people, that one person did both with both hands."""
    prior = settings.prior_both_hands
    return prior + (1.0 - prior) * rising(abs(one.edge_s - other.edge_s), settings.both_hands_s)


def _bills(options: Sequence[Sequence[Outcome]]) -> list[NDArray[np.int64]]:
    """What each outcome of each step means for carts [outcomes, entries of all]: units taken, and given back."""
    bills = [[_bill(outcome) for outcome in own] for own in options]
    entries = dict.fromkeys(entry for own in bills for bill in own for entry in bill)
    return [np.array([[bill.get(entry, 0) for entry in entries] for bill in own], np.int64) for own in bills]


def _bill(outcome: Outcome) -> dict[tuple[bool, VisitId | None, ProductId], int]:
    """Units of each product taken by each (True), and given back by each (False)."""
    bill: dict[tuple[bool, VisitId | None, ProductId], int] = {}
    is_pick = outcome.best.explanation.kind is InteractionKind.PICK_UP
    for part, suspect in outcome.best.moves:
        if part is not None:
            key = (is_pick, suspect.visit_id if suspect else None, part.product_id)
            bill[key] = bill.get(key, 0) + part.quantity
    return bill


def share_hands(
    group: Sequence[Weighed], moments: Sequence[Moment], settings: Settings, rounds: int = 3
) -> list[Weighed]:
    """Decide steps that happened together: one hand takes one thing at a time.

    Mean field: in each round a hypothesis loses by how probable it is that its hand was busy with another step.
    """
    if len(group) < 2:
        return list(group)
    current = list(group)
    for _ in range(rounds):
        busy = [_hand_probabilities(weighed) for weighed in current]
        revised: list[Weighed] = []
        for own, original in enumerate(group):
            rivals = [
                (hands, share)
                for other, hands in enumerate(busy)
                if other != own and (share := _rivalry(moments[own], moments[other], settings)) > 0.0
            ]
            free = {
                hands: _free(hands, rivals) for hands in dict.fromkeys(each.hands for each, _ in original)
            }
            revised.append(_sorted([(each, weight * free[each.hands]) for each, weight in original]))
        current = revised
    return current


def outcomes(weighed: Weighed) -> list[Outcome]:
    """What the hypotheses come to, the most probable first."""
    best: dict[tuple[object, ...], Hypothesis] = {}
    total: dict[tuple[object, ...], float] = {}
    by_hands: dict[tuple[object, ...], dict[Hands, float]] = {}
    for hypothesis, probability in weighed:
        key = _comes_to(hypothesis)
        best.setdefault(key, hypothesis)
        total[key] = total.get(key, 0.0) + probability
        own = by_hands.setdefault(key, {})
        own[hypothesis.hands] = own.get(hypothesis.hands, 0.0) + probability
    order = sorted(total, key=lambda key: (-total[key], str(key)))
    return [
        Outcome(
            best[key],
            min(1.0, total[key]),
            tuple((hands, share / total[key]) for hands, share in by_hands[key].items() if total[key]),
        )
        for key in order
    ]


def _comes_to(hypothesis: Hypothesis) -> tuple[object, ...]:
    if hypothesis.explanation.kind is InteractionKind.UNEXPLAINED:
        # Nobody is billed for it, so it matters little who it was; but it is said beside whom it happened.
        return (hypothesis.explanation.kind,)
    # Where it was put matters to the shelf, not to the cart.
    direction = "took" if hypothesis.explanation.kind is InteractionKind.PICK_UP else "gave back"
    goods = sorted(
        (part.product_id, part.quantity, (suspect.visit_id if suspect else None) or "")
        for part, suspect in hypothesis.moves
        if part is not None
    )
    return (direction, *goods)


def _hand_probabilities(weighed: Weighed) -> dict[tuple[TrackId, int], float]:
    busy: dict[tuple[TrackId, int], float] = {}
    for hypothesis, probability in weighed:
        for hand in hypothesis.hands:
            busy[hand] = busy.get(hand, 0.0) + probability
    return busy


def _free(own: Hands, rivals: Sequence[tuple[dict[tuple[TrackId, int], float], float]]) -> float:
    free = 1.0
    for hands, share in rivals:
        for hand in own:
            free *= max(1e-3, 1.0 - share * hands.get(hand, 0.0))
    return free


def _sorted(weighed: Weighed) -> Weighed:
    total = sum(weight for _, weight in weighed)
    shared = [(hypothesis, weight / total) for hypothesis, weight in weighed]
    return sorted(shared, key=lambda pair: -pair[1])  # Stable: equal ones stay in the order they were found.
