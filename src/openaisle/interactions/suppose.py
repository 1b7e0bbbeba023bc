"""Every way in which a step may have come about, with everybody who may have done it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from openaisle.core.messages import InteractionKind, TrackId
from openaisle.core.units import NS_PER_S
from openaisle.interactions.again import Again, Taker
from openaisle.interactions.case import Case
from openaisle.interactions.deeds import Deeds
from openaisle.interactions.explanations import Explanation, JustLeft, Part
from openaisle.interactions.hypotheses import Hypothesis, Move
from openaisle.interactions.looks import Looks
from openaisle.interactions.memory import Holdings, Memory
from openaisle.interactions.ramps import rising
from openaisle.interactions.reach import Arms, Suspect, Target
from openaisle.interactions.settings import Settings
from openaisle.interactions.weigh import Weigher
from openaisle.store.schema import Slot, Store


class Suppose:
    """Joins what the scales can mean with whose arms were there. Holds no state of its own."""

    def __init__(
        self,
        store: Store,
        weigher: Weigher,
        arms: Arms,
        memory: Memory,
        settings: Settings,
        looks: Looks,
        deeds: Deeds,
        again: Again,
    ) -> None:
        self._store = store
        self._again = again
        self._looks = looks
        self._deeds = deeds
        self._weigher = weigher
        self._arms = arms
        self._memory = memory
        self._settings = settings

    def target(self, shelf_id: str, along_m: float, edge_ns: int) -> Target:
        shelf = self._store.shelves[shelf_id]
        return Target(self._store.gondola_of[shelf.gondola_id], shelf, along_m, edge_ns)

    def hypotheses(
        self, group: Sequence[Case], lasts: Sequence[Case | None], holdings: Holdings
    ) -> list[list[Hypothesis]]:
        """Of each case of a group of steps that happened together, in the order they happened.

        `lasts`: the step before each on the same plates.
        """
        return [
            self._with_people(case, explanations)
            for case, explanations in zip(group, self._explained(group, lasts, holdings), strict=True)
        ]

    def is_explained(self, case: Case, last: Case | None, holdings: Holdings) -> bool:
        """Whether goods that are known are likelier to have moved than anything else, whoever moved them."""
        return bool(self._explain(case, last, None, holdings)[0].parts)

    def terms(self, case: Case, hypothesis: Hypothesis) -> dict[str, float]:
        """What the log weight of a hypothesis is made of, in the order in which it was thought of."""
        explanation = hypothesis.explanation
        terms = self._weigher.terms(case.change, explanation)
        suspects = dict.fromkeys(suspect for _, suspect in hypothesis.moves)
        nobody = math.log(self._settings.reach.prior_nobody)
        terms["arm"] = sum(suspect.log_likelihood if suspect else nobody for suspect in suspects)
        first = hypothesis.moves[0][1]
        if len(suspects) == 1:
            terms["same slot again"] = _log_again(explanation, first, self._again.log_odds(case))
            terms["hand that took it"] = self._log_hand(explanation, first)
        terms["pictures and path of the arm"] = hypothesis.log_weight - sum(terms.values())
        return {name: value for name, value in terms.items() if abs(value) > 1e-9 or name == "arm"}

    # --- what -------------------------------------------------------------------------------------------------------

    def _explained(
        self, group: Sequence[Case], lasts: Sequence[Case | None], holdings: Holdings
    ) -> list[list[Explanation]]:
        """What each change can have been; two that may have been read into each other are explained together."""
        found: dict[str, list[Explanation]] = {}
        for first, second in pairwise(group):
            if self._are_entangled(first, second) and first.step.step_id not in found:
                ids = (first.first_id, second.first_id)
                both = self._weigher.explain_losses_together(first.change, second.change, ids)
                found[first.step.step_id], found[second.step.step_id] = both
        afters: list[Case | None] = [*group[1:], None]
        return [
            found.get(case.step.step_id) or self._explain(case, last, after, holdings)
            for case, last, after in zip(group, lasts, afters, strict=True)
        ]

    def _are_entangled(self, first: Case, second: Case) -> bool:
        """Two losses; beside a silent plate their sum is as unsure as each of them."""
        is_heard = not first.change.silent and not second.change.silent
        is_both = first.change.mass_g < 0 > second.change.mass_g
        is_soon = _apart_s(first, second) <= self._settings.weigh.entangled_s
        return is_heard and is_both and is_soon and self._weigher.share_plates(first.change, second.change)

    def _explain(
        self, case: Case, last: Case | None, after: Case | None, holdings: Holdings
    ) -> list[Explanation]:
        if case.change.mass_g < 0:
            change = case.change
            if (
                after is not None
                and after.change.mass_g > 0
                and self._weigher.share_plates(change, after.change)
            ):
                blur_g = self._weigher.unsettled_g(change.mass_g, _apart_s(case, after))
                change = replace(change, mass_sd_g=math.hypot(change.mass_sd_g, blur_g))
            return self._weigher.explain_loss(change, case.first_id)
        suspects = self._arms.suspects(case.target)
        visits = sorted({suspect.visit_id for suspect in suspects if suspect.visit_id})
        own = {
            visit_id: self._memory.carried(visit_id, case.step.edge_ns, set(case.said), holdings)
            for visit_id in visits
        }
        just_left = self._just_left(last, case) if last is not None else None
        staff = [visit_id for visit_id in visits if self._memory.is_staff(visit_id)]
        there = [s for s in suspects if s.log_likelihood > self._settings.beside_log_min]
        is_crowded = len(there) > 1
        return self._weigher.explain_gain(case.change, own, just_left, staff, is_crowded=is_crowded)

    def _just_left(self, last: Case, gain: Case) -> JustLeft | None:
        """What left the plates of a gain before it, if the shelf was not touched for long in between."""
        apart_s = _apart_s(last, gain)
        if last.change.mass_g >= 0 or apart_s > self._settings.weigh.returned_s:
            return None
        left_g, sd_g = last.step.mass_change_g.astype(float), last.step.noise_sd_g.astype(float)
        is_shared = gain.step.mass_change_g != 0.0
        apart_sd_g = float(np.sqrt(np.nansum(sd_g[(left_g != 0.0) & ~is_shared] ** 2)))
        shared = float(np.abs(left_g[is_shared]).sum() / np.abs(left_g).sum())
        standing = last.standing
        one = standing[0] if len(standing) == 1 else None
        product_id, quantity = (one.product_id, one.quantity) if one is not None else (None, 0)
        return JustLeft(
            interaction_ids=frozenset(last.said),
            mass_g=-last.change.mass_g,
            noise_sd_g=last.change.mass_sd_g,
            apart_sd_g=apart_sd_g,
            shared=shared,
            apart_s=apart_s,
            product_id=product_id,
            quantity=quantity,
        )

    # --- who --------------------------------------------------------------------------------------------------------

    def _with_people(self, case: Case, explanations: Sequence[Explanation]) -> list[Hypothesis]:
        suspects = self._arms.suspects(case.target)
        hands = [hand for suspect in suspects for hand in self._hands(suspect)]
        again = self._again.log_odds(case)
        found: list[Hypothesis] = []
        for explanation in explanations:
            is_apart = self._are_apart(explanation.parts)
            if is_apart:
                found += self._by_both_hands(case, explanation, again)
            if not is_apart or self._may_span(case, explanation.parts):
                odds = math.log(self._settings.prior_over_span) if is_apart else 0.0
                found += self._by_one(explanation, hands, again, odds)
            if explanation.kind is InteractionKind.PICK_UP:
                found += self._by_two(case, explanation, suspects)
        return [self._as_seen(case, hypothesis) for hypothesis in found]

    def _hands(self, suspect: Suspect) -> list[Suspect]:
        """Where either hand of theirs may have done it, each by itself: which it was matters to what it held."""
        right = suspect.right_hand
        is_likely = suspect.log_likelihood > math.log(self._settings.reach.prior_nobody)
        if not is_likely or min(right, 1.0 - right) < self._settings.either_hand_min:
            return [suspect]
        return [_by_hand(suspect, hand) for hand in (0, 1)]

    def _as_seen(self, case: Case, hypothesis: Hypothesis) -> Hypothesis:
        """With what was seen of the hands that it names: what they held, and what they did."""
        kind, gondola_id = hypothesis.explanation.kind, case.target.gondola.gondola_id
        if kind is InteractionKind.UNEXPLAINED:
            return hypothesis
        held: dict[tuple[TrackId, int], float] = {}
        did: dict[tuple[TrackId, int], float] = {}
        for part, suspect in hypothesis.moves:
            if suspect is None:
                continue
            hand = (suspect.track_id, suspect.hand)
            did[hand] = self._deeds.log_ratio(suspect, gondola_id, kind, case.step.edge_ns)
            if part is not None:  # of several goods in one hand, one may be seen
                ratio = self._looks.log_ratio(case.step.step_id, part.product_id, suspect)
                held[hand] = max(held.get(hand, ratio), ratio)
        parts = hypothesis.explanation.parts
        moved = [self._looks.log_ratio_of_shelf(case.step.step_id, part.product_id) for part in parts]
        seen = sum(held.values()) + sum(did.values()) + max(moved, default=0.0)
        return replace(hypothesis, log_weight=hypothesis.log_weight + seen) if seen else hypothesis

    def _by_one(
        self,
        explanation: Explanation,
        suspects: Sequence[Suspect],
        again: Mapping[Taker, float],
        odds: float = 0.0,
    ) -> list[Hypothesis]:
        """One person did all of it with one hand; or somebody who was not seen."""
        nobody = math.log(self._settings.reach.prior_nobody)
        people = [(suspect, suspect.log_likelihood) for suspect in suspects]
        found: list[Hypothesis] = []
        for suspect, log_likelihood in [*people, (None, nobody)]:
            if explanation.carrier is None or (suspect and suspect.visit_id == explanation.carrier):
                moves = tuple((part, suspect) for part in explanation.parts) or ((None, suspect),)
                log_again = _log_again(explanation, suspect, again)
                log_weight = explanation.log_density + log_likelihood + log_again + odds
                log_weight += self._log_hand(explanation, suspect)
                found.append(Hypothesis(explanation, moves, log_weight, log_again))
        return found

    def _by_both_hands(
        self, case: Case, explanation: Explanation, again: Mapping[Taker, float]
    ) -> list[Hypothesis]:
        """One person took goods of two slots at once that no hand spans: one with each; or somebody unseen."""
        parts = explanation.parts
        log_weight = explanation.log_density + math.log(self._settings.prior_both_hands)
        near = [
            {suspect.track_id: suspect for suspect in self._arms.suspects(self._at_slot(case, part))}
            for part in parts
        ]
        nobody = 2.0 * math.log(self._settings.reach.prior_nobody)
        moves: tuple[Move, ...] = tuple((part, None) for part in parts)
        found = [Hypothesis(explanation, moves, log_weight + nobody, 0.0)]
        for track_id in sorted(near[0].keys() & near[1].keys()):
            for hand in (0, 1):
                hands = [_by_hand(near[0][track_id], hand), _by_hand(near[1][track_id], 1 - hand)]
                log_again = _log_again(explanation, hands[0], again)
                arms = sum(each.log_likelihood for each in hands)
                moves = tuple(zip(parts, hands, strict=True))
                found.append(Hypothesis(explanation, moves, log_weight + arms + log_again, log_again))
        return found

    def _log_hand(self, explanation: Explanation, suspect: Suspect | None) -> float:
        """What is put back mostly comes from the hand that took it."""
        if suspect is None or explanation.carrier is None:
            return 0.0
        settings, part = self._settings, explanation.parts[0]
        by_right, from_right = suspect.right_hand, part.right_hand
        same = by_right * from_right + (1.0 - by_right) * (1.0 - from_right)
        # One hand does not take something and bring it back at once: then the other hand had taken it.
        may_be = rising(part.held_s, settings.held_s)
        same = same * may_be / (same * may_be + max(settings.either_hand_min, 1.0 - same))
        share = settings.prior_hand_that_took
        # To pass it to the other hand takes as long.
        passed_on = (1.0 - share) * max(settings.passed_at_once, may_be)
        free = 1.0 - (1.0 - by_right) * part.busy[0] - by_right * part.busy[1]
        log_free = math.log(max(settings.hand_free_min, free))
        return math.log(2.0 * (share * same + passed_on * (1.0 - same))) + log_free

    def _by_two(self, case: Case, explanation: Explanation, suspects: Sequence[Suspect]) -> list[Hypothesis]:
        """Two units left as one where two people's hands were: one each."""
        parts = explanation.parts
        if len(parts) == 1 and parts[0].quantity == 2:
            one = replace(parts[0], quantity=1)
            near = self._likely(suspects)
            pairs = [(a, b) for index, a in enumerate(near) for b in near[index + 1 :]]
            return self._pairs(explanation, (one, one), pairs, is_same_slot=True)
        if len(parts) == 2:
            near_each = [self._likely(self._arms.suspects(self._at_slot(case, part))) for part in parts]
            return self._pairs(explanation, parts, [(a, b) for a in near_each[0] for b in near_each[1]])
        return []

    def _pairs(
        self,
        explanation: Explanation,
        parts: tuple[Part, ...],
        pairs: Sequence[tuple[Suspect, Suspect]],
        *,
        is_same_slot: bool = False,
    ) -> list[Hypothesis]:
        found: list[Hypothesis] = []
        for people in pairs:
            if people[0].visit_id == people[1].visit_id:
                continue
            # Staff beside somebody who takes two are likelier to be filling the slot.
            has_staff = any(self._memory.is_staff(suspect.visit_id) for suspect in people)
            odds = 0.0 if has_staff else math.log(self._settings.shared_odds)
            moves: tuple[Move, ...] = tuple(zip(parts, people, strict=True))
            if is_same_slot:
                odds += self._log_shared(parts[0], min(suspect.log_likelihood for suspect in people))
            arms = sum(suspect.log_likelihood for suspect in people)
            found.append(Hypothesis(explanation, moves, explanation.log_density + arms + odds))
        return found

    def _log_shared(self, part: Part, log_likelihood: float) -> float:
        """How much likelier it makes one unit each that somebody's hand was there, too, and how it was."""
        settings = self._settings
        log_odds = settings.shared_weight * max(log_likelihood, settings.shared_log_clear)
        is_wide = 2 * self._store.products[part.product_id].width_m > settings.span_m
        return log_odds - (math.log(settings.prior_over_span) if is_wide else 0.0)

    def _are_apart(self, parts: tuple[Part, ...]) -> bool:
        """Whether goods of these slots can hardly be lifted with one hand."""
        middles_m = [slot.middle_m for slot in self._slots(parts)]
        return len(middles_m) > 1 and max(middles_m) - min(middles_m) > self._settings.span_m

    def _may_span(self, case: Case, parts: tuple[Part, ...]) -> bool:
        """Whether they may have stood so near each other that they can, all the same."""
        if case.change.halves:
            first, second = case.change.halves
            return abs(first.along_m - second.along_m) <= self._settings.span_m
        slots = sorted(self._slots(parts), key=lambda slot: slot.left_m)
        gaps_m = [after.left_m - before.left_m - before.width_m for before, after in pairwise(slots)]
        return max(gaps_m) <= self._settings.span_m

    def _slots(self, parts: tuple[Part, ...]) -> list[Slot]:
        return [self._store.slots[part.slot_id] for part in parts if part.slot_id]

    def _likely(self, suspects: Sequence[Suspect]) -> list[Suspect]:
        return [s for s in suspects if s.visit_id and s.log_likelihood > self._settings.shared_log_min][:4]

    def _at_slot(self, case: Case, part: Part) -> Target:
        """Of two goods lifted as one, each stood in its own slot."""
        slot = self._store.slots[part.slot_id] if part.slot_id else None
        along_m = slot.middle_m if slot else case.change.along_m
        return self.target(case.change.shelf_id, along_m, case.step.edge_ns)


def _by_hand(suspect: Suspect, hand: int) -> Suspect:
    """The same person, if it was this hand (1: the right one)."""
    share = max(suspect.right_hand if hand else 1.0 - suspect.right_hand, 1e-9)
    return replace(
        suspect, hand=hand, log_likelihood=suspect.log_likelihood + math.log(share), right_hand=float(hand)
    )


def _apart_s(first: Case, second: Case) -> float:
    return (second.step.edge_ns - first.step.edge_ns) / NS_PER_S


def _log_again(explanation: Explanation, suspect: Suspect | None, again: Mapping[Taker, float]) -> float:
    """People who take several units take them one after the other."""
    if suspect is None or suspect.visit_id is None or explanation.kind is not InteractionKind.PICK_UP:
        return 0.0
    takers = [(suspect.visit_id, part.slot_id) for part in explanation.parts if part.slot_id]
    return max((again.get(taker, 0.0) for taker in takers), default=0.0)
