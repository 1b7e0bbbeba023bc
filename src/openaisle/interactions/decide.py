"""Who did what, decided together: every explanation of a step with every person, weighed as one.

A step is decided as soon as it is seen, with the probability that the evidence allows, and again when the step settles
and when tracks have passed its moment. Steps close in time are decided together, because one hand does one thing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import msgspec

from openaisle.core.messages import (
    Candidate,
    FloorTracks,
    Interaction,
    InteractionKind,
    ProductId,
    StepStatus,
    VisitClosed,
    VisitId,
    VisitOpened,
    WeightStep,
)
from openaisle.core.units import NS_PER_S
from openaisle.interactions.browse import Browsing
from openaisle.interactions.carried import Deed, Lot, carried
from openaisle.interactions.contents import Contents
from openaisle.interactions.hypotheses import Hypothesis, Outcome, decided, normalised
from openaisle.interactions.masses import Masses
from openaisle.interactions.reach import Arms, Suspect, Target
from openaisle.interactions.settings import Settings
from openaisle.interactions.weigh import Change, Explanation, Part, Weigher
from openaisle.store.schema import Store


@dataclass
class _Case:
    """One weight step and what was said of it."""

    step: WeightStep
    change: Change
    target: Target
    seen_ns: int
    said: dict[str, Interaction] = field(default_factory=dict[str, Interaction])
    tracks_ns: int = 0  # how far tracks reached when it was decided last
    is_final: bool = False
    is_learned: bool = False


class Interactions:
    """Decides who took or returned what, for one store."""

    def __init__(self, store: Store, settings: Settings | None = None) -> None:
        self._store = store
        self._settings = settings or Settings()
        self._arms = Arms(self._settings.reach)
        self._masses = Masses(store, self._settings.weigh)
        self._contents = Contents(store, self._settings.units_max)
        self._weigher = Weigher(store, self._masses, self._contents, self._settings.weigh)
        self._browsing = Browsing(store, self._settings)
        self._cases: dict[str, _Case] = {}
        self._deeds: dict[VisitId, dict[str, Deed]] = {}
        self._opened: set[VisitId] = set()
        self._closed_ns: dict[VisitId, int] = {}

    def step(
        self,
        steps: Sequence[WeightStep],
        tracks: Sequence[FloorTracks],
        visits: Sequence[VisitOpened | VisitClosed],
        holdings: Mapping[VisitId, Mapping[ProductId, int]],
        now_ns: int,
    ) -> list[Interaction]:
        """Everything that is news. `holdings` is used only for visits that this object did not see open."""
        for visit in visits:
            if isinstance(visit, VisitOpened):
                self._opened.add(visit.visit_id)
            else:
                self._closed_ns[visit.visit_id] = visit.closed_ns
        for message in tracks:
            self._arms.add(message)
        said: list[Interaction] = []
        due = {step.step_id for step in steps if self._take_in(step, said, now_ns)}
        due |= {step_id for step_id, case in self._cases.items() if self._is_due(case, now_ns)}
        for group in self._groups(due):
            said += self._decide(group, holdings, now_ns)
        said += self._browsing.step(tracks, self._recent_places(), self._arms.visit_of, now_ns)
        self._forget(now_ns)
        return said

    def finish(self, now_ns: int) -> list[Interaction]:
        """Nothing more will be seen: decide what is open with what is there."""
        said: list[Interaction] = []
        for group in self._groups({step_id for step_id, case in self._cases.items() if not case.is_final}):
            said += self._decide(group, {}, now_ns, is_last=True)
        return said

    # --- cases ------------------------------------------------------------------------------------------------------

    def _take_in(self, step: WeightStep, said: list[Interaction], now_ns: int) -> bool:
        """A new or revised step. True if it has to be decided."""
        case = self._cases.get(step.step_id)
        if case is not None and step.revision <= case.step.revision:
            return False
        if step.status is StepStatus.WITHDRAWN or float(step.mass_change_g.sum()) == 0.0:
            if case is not None:
                self._browsing.touched(case.target, now_ns)
                said += self._withdraw(case, now_ns)
                del self._cases[step.step_id]
            return False
        change = self._weigher.change(step)
        target = self._target(step, change)
        if case is None:
            self._cases[step.step_id] = _Case(step, change, target, now_ns)
        else:
            case.step, case.change, case.target = step, change, target
        return True

    def _target(self, step: WeightStep, change: Change) -> Target:
        shelf = self._store.shelves[step.shelf_id]
        gondola = self._store.gondola_of[shelf.gondola_id]
        return Target(gondola=gondola, shelf=shelf, along_m=change.along_m, edge_ns=step.edge_ns)

    def _is_due(self, case: _Case, now_ns: int) -> bool:
        """Whether tracks have passed another mark since it was decided, or waiting has to end."""
        if case.is_final:
            return False
        settings = self._settings
        edge_ns = case.step.edge_ns
        marks = (settings.reach.covered_s, settings.decide_after_s)
        passed = any(
            case.tracks_ns < edge_ns + round(mark * NS_PER_S) <= self._arms.latest_ns for mark in marks
        )
        return passed or now_ns - case.seen_ns >= settings.wait_s_max * NS_PER_S

    def _groups(self, step_ids: set[str]) -> list[list[_Case]]:
        """Cases to decide, in the order they happened, those close in time together with all their neighbours."""
        together_ns = round(self._settings.together_s * NS_PER_S)
        cases = sorted(self._cases.values(), key=lambda case: (case.step.edge_ns, case.step.step_id))
        groups: list[list[_Case]] = []
        for case in cases:
            if groups and case.step.edge_ns - groups[-1][-1].step.edge_ns <= together_ns:
                groups[-1].append(case)
            else:
                groups.append([case])
        return [group for group in groups if any(case.step.step_id in step_ids for case in group)]

    def _forget(self, now_ns: int) -> None:
        """Cases and visits that are long over; at the bound the oldest cases."""
        limit_ns = round(self._settings.remember_s * NS_PER_S)
        surplus = len(self._cases) - self._settings.cases_max
        old = [
            step_id
            for rank, (step_id, case) in enumerate(self._cases.items())
            if now_ns - case.seen_ns > limit_ns or rank < surplus
        ]
        for step_id in old:
            for interaction_id in self._cases.pop(step_id).said:
                self._contents.settle(interaction_id)
        for visit_id in [v for v, closed_ns in self._closed_ns.items() if now_ns - closed_ns > limit_ns]:
            del self._closed_ns[visit_id]
            self._deeds.pop(visit_id, None)
            self._opened.discard(visit_id)

    def _recent_places(self) -> list[tuple[Target, VisitId | None]]:
        return [
            (case.target, next(iter(case.said.values())).visit_id)
            for case in self._cases.values()
            if case.said
        ]

    # --- deciding -----------------------------------------------------------------------------------------------------

    def _decide(
        self,
        group: list[_Case],
        holdings: Mapping[VisitId, Mapping[ProductId, int]],
        now_ns: int,
        *,
        is_last: bool = False,
    ) -> list[Interaction]:
        explained = self._explained(group, holdings)
        weighed = [
            normalised(self._hypotheses(case, explanations))
            for case, explanations in zip(group, explained, strict=True)
        ]
        edges_s = [(case.step.edge_ns - group[0].step.edge_ns) / NS_PER_S for case in group]
        said: list[Interaction] = []
        for case, found in zip(group, decided(weighed, edges_s, self._settings), strict=True):
            case.tracks_ns = self._arms.latest_ns
            waited = now_ns - case.seen_ns >= self._settings.wait_s_max * NS_PER_S
            passed_ns = case.step.edge_ns + round(self._settings.decide_after_s * NS_PER_S)
            settled = case.step.status is StepStatus.CONFIRMED
            case.is_final = is_last or waited or (settled and self._arms.latest_ns >= passed_ns)
            said += self._say(case, found, now_ns)
            self._learn(case)
        return said

    def _explained(
        self, group: Sequence[_Case], holdings: Mapping[VisitId, Mapping[ProductId, int]]
    ) -> list[list[Explanation]]:
        """What each change can have been; two that may have been read into each other are explained together."""
        found: dict[str, list[Explanation]] = {}
        for first, second in pairwise(group):
            if self._are_entangled(first, second) and first.step.step_id not in found:
                ids = (_interaction_id(first.step, 0), _interaction_id(second.step, 0))
                both = self._weigher.explain_losses_together(first.change, second.change, ids)
                found[first.step.step_id], found[second.step.step_id] = both
        for case in group:
            if case.step.step_id not in found:
                found[case.step.step_id] = self._explain(case, holdings)
        return [found[case.step.step_id] for case in group]

    def _are_entangled(self, first: _Case, second: _Case) -> bool:
        settings = self._settings.weigh
        return (
            first.step.shelf_id == second.step.shelf_id
            and first.change.mass_g < 0 > second.change.mass_g
            and second.step.edge_ns - first.step.edge_ns <= settings.entangled_s * NS_PER_S
            and abs(first.change.along_m - second.change.along_m) <= settings.entangled_m
        )

    def _explain(self, case: _Case, holdings: Mapping[VisitId, Mapping[ProductId, int]]) -> list[Explanation]:
        if case.change.mass_g < 0:
            return self._weigher.explain_loss(case.change, _interaction_id(case.step, 0))
        suspects = self._arms.suspects(case.target)
        visits = sorted({suspect.visit_id for suspect in suspects if suspect.visit_id})
        own = {visit_id: self._carried(visit_id, case, holdings) for visit_id in visits}
        return self._weigher.explain_gain(case.change, own)

    def _hypotheses(self, case: _Case, explanations: Sequence[Explanation]) -> list[Hypothesis]:
        """Every explanation with every person who may have done it."""
        suspects = self._arms.suspects(case.target)
        people: list[tuple[Suspect | None, float]] = [(s, s.log_likelihood) for s in suspects]
        people.append((None, math.log(self._settings.reach.prior_nobody)))
        found = [
            Hypothesis(
                explanation,
                (suspect,),
                explanation.log_density + log_likelihood + self._log_again(explanation, suspect, case),
            )
            for explanation in explanations
            for suspect, log_likelihood in people
            if explanation.carrier is None or (suspect and suspect.visit_id == explanation.carrier)
        ]
        return found + self._shared(explanations, suspects)

    def _log_again(self, explanation: Explanation, suspect: Suspect | None, case: _Case) -> float:
        """People who take several units take them one after the other."""
        if suspect is None or suspect.visit_id is None or explanation.kind is not InteractionKind.PICK_UP:
            return 0.0
        since_ns = case.step.edge_ns - round(self._settings.again_s * NS_PER_S)
        slots = {part.slot_id for part in explanation.parts}
        is_again = any(
            deed.kind is InteractionKind.PICK_UP and deed.slot_id in slots
            for deed in self._deeds.get(suspect.visit_id, {}).values()
            if since_ns <= deed.happened_ns < case.step.edge_ns
        )
        return math.log(self._settings.again_odds) if is_again else 0.0

    def _shared(self, explanations: Sequence[Explanation], suspects: Sequence[Suspect]) -> list[Hypothesis]:
        """Two units of a slot that left at once, where two people's hands were: one each."""
        found: list[Hypothesis] = []
        arms = [s for s in suspects if s.visit_id and s.log_likelihood > self._settings.shared_log_min]
        for explanation in explanations:
            parts = explanation.parts
            if explanation.kind is not InteractionKind.PICK_UP or len(parts) != 1 or parts[0].quantity != 2:
                continue
            weight = math.log(self._settings.shared_odds)
            for index, first in enumerate(arms):
                for second in arms[index + 1 :]:
                    if first.visit_id != second.visit_id:
                        log_weight = explanation.log_density + weight
                        log_weight += first.log_likelihood + second.log_likelihood
                        found.append(Hypothesis(explanation, (first, second), log_weight))
        return found

    def _carried(
        self, visit_id: VisitId, case: _Case, holdings: Mapping[VisitId, Mapping[ProductId, int]]
    ) -> list[Lot]:
        own = set(case.said)
        deeds = [deed for deed in self._deeds.get(visit_id, {}).values() if deed.interaction_id not in own]
        lots = carried(deeds, case.step.edge_ns)
        if visit_id in self._opened:
            return lots
        # It was open before this process was: all we know of its goods is what the ledger says.
        known = {lot.product_id for lot in lots}
        for product_id, quantity in sorted(holdings.get(visit_id, {}).items()):
            if product_id not in known and quantity > 0:
                mass_g = self._masses.mean_g(product_id)
                lots.append(Lot("", product_id, quantity, None, mass_g, 0.03 * mass_g, 1.0))
        return lots

    def _learn(self, case: _Case) -> None:
        """A product's mass, from a pick that could hardly have been anything else."""
        if case.is_learned or not case.is_final or len(case.said) != 1:
            return
        (interaction,) = case.said.values()
        is_sure = interaction.kind is InteractionKind.PICK_UP and interaction.probability >= 0.9
        if is_sure and interaction.product_id is not None:
            case.is_learned = True
            change = case.change
            self._masses.learn(interaction.product_id, interaction.quantity, -change.mass_g, change.mass_sd_g)

    # --- saying -------------------------------------------------------------------------------------------------------

    def _say(self, case: _Case, found: Sequence[Outcome], now_ns: int) -> list[Interaction]:
        """The most probable outcome as interactions, where they are news."""
        wanted = self._interactions(case, found, now_ns)
        said = [
            self._take_back(case, interaction_id, now_ns)
            for interaction_id in list(case.said)
            if interaction_id not in wanted
        ]
        for interaction_id, (interaction, part) in wanted.items():
            old = case.said.get(interaction_id)
            is_news = old is None or self._is_news(old, interaction, case.is_final)
            if old is not None:
                revision = old.revision + is_news
                interaction = msgspec.structs.replace(interaction, revision=revision)
            # What others build on is always the newest; only what matters to a cart is said again.
            self._undo(interaction_id)
            self._do(case, interaction, part, found[0].best.explanation)
            if is_news:
                case.said[interaction_id] = interaction
                said.append(interaction)
        return said

    def _interactions(
        self, case: _Case, found: Sequence[Outcome], now_ns: int
    ) -> dict[str, tuple[Interaction, Part | None]]:
        """One interaction a part, or one a person who took a unit of it."""
        best = found[0].best
        parts: list[Part | None] = [*best.explanation.parts] or [None]
        if len(best.suspects) > 1 and parts[0] is not None:
            parts = [replace(parts[0], quantity=1)] * len(best.suspects)
        visit_ids = best.visit_ids if len(best.visit_ids) > 1 else best.visit_ids * len(parts)
        others = tuple(
            candidate
            for outcome in found[1 : self._settings.alternatives_max + 1]
            for candidate in _candidates(outcome)
        )
        wanted: dict[str, tuple[Interaction, Part | None]] = {}
        for rank, (part, visit_id) in enumerate(zip(parts, visit_ids, strict=True)):
            interaction_id = _interaction_id(case.step, rank)
            near = self._weigher.nearest_slot(case.change)
            wanted[interaction_id] = (
                Interaction(
                    interaction_id=interaction_id,
                    revision=0,
                    kind=best.explanation.kind,
                    shelf_id=case.step.shelf_id,
                    slot_id=part.slot_id if part else near,
                    product_id=part.product_id if part else None,
                    quantity=part.quantity if part else 0,
                    visit_id=visit_id,
                    probability=found[0].probability,
                    happened_ns=case.step.edge_ns,
                    decided_ns=now_ns,
                    mass_change_g=case.change.mass_g / len(parts),
                    step_ids=(case.step.step_id,),
                    alternatives=others,
                ),
                part,
            )
        return wanted

    def _is_news(self, old: Interaction, new: Interaction, is_final: bool) -> bool:
        same = all(
            getattr(old, name) == getattr(new, name)
            for name in ("kind", "product_id", "quantity", "visit_id")
        )
        moved = abs(old.probability - new.probability)
        grams = abs(old.mass_change_g - new.mass_change_g)
        is_other = moved > 0.005 or grams > max(2.0, 0.01 * abs(new.mass_change_g))
        return not same or moved > self._settings.news_probability or (is_final and is_other)

    def _withdraw(self, case: _Case, now_ns: int) -> list[Interaction]:
        return [self._take_back(case, interaction_id, now_ns) for interaction_id in list(case.said)]

    def _take_back(self, case: _Case, interaction_id: str, now_ns: int) -> Interaction:
        old = case.said.pop(interaction_id)
        self._undo(interaction_id)
        return msgspec.structs.replace(old, revision=old.revision + 1, decided_ns=now_ns, withdrawn=True)

    # --- what follows for slots and carts -----------------------------------------------------------------------------

    def _undo(self, interaction_id: str) -> None:
        self._contents.forget(interaction_id)
        for deeds in self._deeds.values():
            deeds.pop(interaction_id, None)

    def _do(self, case: _Case, interaction: Interaction, part: Part | None, explanation: Explanation) -> None:
        interaction_id, kind = interaction.interaction_id, interaction.kind
        stray = part.stray if part else explanation.stray
        if stray is not None:
            self._contents.take_stray(interaction_id, stray)
        if kind is InteractionKind.PUT_BACK_WRONG or (part is None and case.change.mass_g > 0):
            self._contents.bring(self._weigher.stray_of(case.change, interaction_id, part))
        elif part is not None and part.slot_id is not None and stray is None:
            leaves = kind is InteractionKind.PICK_UP
            self._contents.take(interaction_id, part.slot_id, part.quantity if leaves else -part.quantity)
        if interaction.visit_id is not None and part is not None:
            self._deeds.setdefault(interaction.visit_id, {})[interaction_id] = Deed(
                interaction_id=interaction_id,
                kind=kind,
                happened_ns=interaction.happened_ns,
                product_id=part.product_id,
                quantity=part.quantity,
                slot_id=part.slot_id,
                mass_g=part.mass_g,
                mass_sd_g=case.change.mass_sd_g / part.quantity,
                probability=interaction.probability,
            )


def _interaction_id(step: WeightStep, rank: int) -> str:
    return f"{step.step_id}#{rank}"


def _candidates(outcome: Outcome) -> list[Candidate]:
    """What an outcome that was not chosen would have meant."""
    parts: list[Part | None] = [*outcome.best.explanation.parts] or [None]
    return [
        Candidate(
            product_id=part.product_id if part else None,
            quantity=part.quantity if part else 0,
            visit_id=outcome.best.visit_ids[0],
            probability=outcome.probability,
        )
        for part in parts
    ]
