"""Who did what, decided together: every explanation of a step with every person, weighed as one.

A step is decided as soon as it is seen, with the probability that the evidence allows, and again when the step settles
and when tracks have passed its moment. Steps close in time are decided together, because one hand does one thing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import msgspec

from openaisle.core.messages import (
    ArmAction,
    FloorTracks,
    Interaction,
    InteractionKind,
    LookWanted,
    PackLook,
    ProductId,
    StepStatus,
    VisitClosed,
    VisitId,
    VisitOpened,
    WeightStep,
)
from openaisle.core.units import NS_PER_S
from openaisle.interactions.again import Again
from openaisle.interactions.browse import Browsing
from openaisle.interactions.case import Case
from openaisle.interactions.deeds import Deeds
from openaisle.interactions.floor_items import FloorItems
from openaisle.interactions.handovers import HandOvers
from openaisle.interactions.hypotheses import Moment, Outcome, decided, normalised
from openaisle.interactions.looks import Looks
from openaisle.interactions.meetings import Meetings
from openaisle.interactions.memory import Memory
from openaisle.interactions.reach import Arms, Target
from openaisle.interactions.rests import Rests
from openaisle.interactions.sayings import interactions_of, is_news_of
from openaisle.interactions.settings import Settings
from openaisle.interactions.suppose import Suppose
from openaisle.interactions.unheard import Health, Unheard
from openaisle.interactions.weigh import Weigher
from openaisle.interactions.weighing import Watch, Weighing
from openaisle.store.schema import Store

WATCHED_MAX: Final = 12


class Interactions:
    """Decides who took or returned what, for one store."""

    def __init__(self, store: Store, settings: Settings | None = None, watch: Watch | None = None) -> None:
        """`watch` hears of every decision all that was weighed; without it nothing of that is kept."""
        self._settings = settings or Settings()
        self._watch = watch
        self._arms = Arms(self._settings.reach)
        self._memory = Memory(store, self._settings)
        self._weigher = Weigher(store, self._memory.masses, self._memory.contents, self._settings.weigh)
        self._looks = Looks(store, self._arms, self._settings.looks)
        self._deeds = Deeds(self._settings.deeds)
        self._again = Again(self._settings)
        self._suppose = Suppose(
            store,
            self._weigher,
            self._arms,
            self._memory,
            self._settings,
            self._looks,
            self._deeds,
            self._again,
        )
        self._rests = Rests(self._weigher, self._settings.weigh)
        self._unheard = Unheard(store, self._weigher, self._memory, self._settings.unheard)
        self._browsing = Browsing(store, self._settings, self._deeds, self._unheard)
        self._meetings = Meetings(store, self._settings.meetings)
        self._hand_overs = HandOvers(self._memory, self._settings.meetings)
        self._floor_items = FloorItems(store, self._memory, self._settings.floor)
        self._cases: dict[str, Case] = {}
        self._undecided: list[Case] = []  # of them, in order: not final
        self._unlearned: list[Case] = []  # final, and nothing was learned from them yet

    def step(
        self,
        steps: Sequence[WeightStep],
        tracks: Sequence[FloorTracks],
        visits: Sequence[VisitOpened | VisitClosed],
        holdings: Mapping[VisitId, Mapping[ProductId, int]],
        now_ns: int,
        *,
        looks: Sequence[PackLook] = (),
        arms: Sequence[ArmAction] = (),
        health: Sequence[Health] = (),
    ) -> list[Interaction]:
        """Everything that is news. `holdings` is used only for visits that this object did not see open.

        `looks` answer what `ask` asked; `arms` is what `Actions` makes of the same tracks; `health` is of plates.
        """
        self._unheard.hear(health)
        for visit in visits:
            self._memory.hear(visit)
        for message in tracks:
            self._arms.add(message)
        for action in arms:
            self._deeds.hear(action)
        said: list[Interaction] = []
        due: set[str] = set()
        for step in steps:
            due |= self._take_in(step, holdings, said, now_ns)
        for look in looks:
            self._looks.hear(look)
        due |= self._looks.settled(now_ns) & self._cases.keys()
        if steps:
            self._sort_cases()
        due |= {case.step.step_id for case in self._undecided if self._is_due(case, now_ns)}
        due |= self._losses_before(due)
        for group in self._groups(due) if due else ():
            said += self._decide(group, holdings, now_ns)
        if before := self._again.before(self._cases[step_id] for step_id in due) - due:
            for group in self._groups(before):
                said += self._decide(group, holdings, now_ns)
        if due:
            self._sort_cases()
        self._hand_overs.hear(self._meetings.step(tracks), now_ns)
        if said or self._hand_overs.is_waiting:
            said += self._decide_hand_overs(holdings, now_ns)
        self._floor_items.hear(tracks)
        if self._floor_items.is_waiting:
            said += self._decide_floor_items(holdings, now_ns)
        said += self._browsing.step(tracks, self._explained, self._arms.visit_of, now_ns)
        self._learn(now_ns)
        self._forget(now_ns)
        return said

    def ask(self, now_ns: int) -> list[LookWanted]:
        """What should be looked at, so that open steps can be told better."""
        return self._looks.ask(now_ns)

    def finish(self, now_ns: int) -> list[Interaction]:
        """Nothing more will be seen: decide what is open with what is there."""
        said: list[Interaction] = []
        for group in self._groups({step_id for step_id, case in self._cases.items() if not case.is_final}):
            said += self._decide(group, {}, now_ns, is_last=True)
        self._hand_overs.hear(self._meetings.finish(), now_ns)
        return said + self._decide_hand_overs({}, now_ns, is_last=True)

    # --- cases --------------------------------------------------------------------------------------------------------

    def _take_in(
        self,
        step: WeightStep,
        holdings: Mapping[VisitId, Mapping[ProductId, int]],
        said: list[Interaction],
        now_ns: int,
    ) -> set[str]:
        """A new or revised step. Which cases have to be decided: its own, or one each of what left and what came."""
        halves = self._weigher.left_and_came(step)
        was_halved = any(half.step_id in self._cases for half in halves)
        is_halved = self._is_opposed(step) and not self._is_explained(step, holdings)
        is_halved = is_halved and all(self._is_explained(half, holdings) for half in halves)
        told = [(step, not is_halved)]
        if is_halved or was_halved:
            told += [(half, is_halved) for half in halves]
        due: set[str] = set()
        for each, stands in told:
            if not stands:
                each = msgspec.structs.replace(each, status=StepStatus.WITHDRAWN)
            if self._take(each, said, now_ns):
                due.add(each.step_id)
            due |= self._tell_hand(each.step_id, said, now_ns)
        return {step_id for step_id in due if self._cases[step_id].hand_of is None}

    def _tell_hand(self, step_id: str, said: list[Interaction], now_ns: int) -> set[str]:
        """Whether a loss is a hand that goes. Then the goods with which it came have to be decided again."""
        case = self._cases.get(step_id)
        if case is None:
            return set()
        due: set[str] = set()
        for hand_id in list(case.hands):
            due |= self._tell_hand(hand_id, said, now_ns)
        before = self._cases.get(case.hand_of) if case.hand_of is not None else None
        if before is not None:
            before.hands = {other: load for other, load in before.hands.items() if other != step_id}
        case.hand_of = None
        goods = None if case.is_withdrawn else self._rests.came_with(case, self._cases.values())
        if before is not None and before is not goods:
            due |= {step_id, before.step.step_id}
        if goods is not None:
            said += [self._take_back(case, old, now_ns) for old in case.standing]
            goods.hands = {**goods.hands, step_id: self._rests.load(case)}
            case.hand_of, case.is_final = goods.step.step_id, True
            due.add(goods.step.step_id)
        return due

    def _is_opposed(self, step: WeightStep) -> bool:
        """Whether much left some plates and much came to others, and not the same: somebody only moved it then."""
        mass_g = step.mass_change_g
        lost_g, gained_g = -float(mass_g[mass_g < 0].sum()), float(mass_g[mass_g > 0].sum())
        return min(lost_g, gained_g, abs(gained_g - lost_g)) >= self._settings.weigh.opposed_g_min

    def _is_explained(self, step: WeightStep, holdings: Mapping[VisitId, Mapping[ProductId, int]]) -> bool:
        """By goods that are known, whoever moved them."""
        case = self._case(step, step.detected_ns)
        return self._suppose.is_explained(case, self._last(case), holdings)

    def _case(self, step: WeightStep, now_ns: int) -> Case:
        change = self._weigher.change(step)
        return Case(step, change, self._suppose.target(step.shelf_id, change.along_m, step.edge_ns), now_ns)

    def _take(self, step: WeightStep, said: list[Interaction], now_ns: int) -> bool:
        """True if it has to be decided."""
        case = self._cases.get(step.step_id)
        if case is not None and step.revision <= case.step.revision:
            return False
        if step.status is StepStatus.WITHDRAWN or float(step.mass_change_g.sum()) == 0.0:
            if case is not None:
                case.step, case.is_final = step, True
                self._again.forget(case)
                self._browsing.touched(case.target, now_ns)
                said += [self._take_back(case, interaction, now_ns) for interaction in case.standing]
            return False
        new = self._case(step, now_ns)
        if case is None:
            self._cases[step.step_id] = new
        else:
            first_g = case.own.first_g
            case.step, case.own, case.target = step, replace(new.own, first_g=first_g), new.target
        return True

    def _is_due(self, case: Case, now_ns: int) -> bool:
        """Whether tracks have passed another mark since it was decided, or waiting has to end."""
        if case.is_final:
            return False
        marks_s = (self._settings.reach.covered_s, self._settings.decide_after_s)
        marks_ns = [case.step.edge_ns + round(mark_s * NS_PER_S) for mark_s in marks_s]
        passed = any(case.tracks_ns < mark_ns <= self._arms.latest_ns for mark_ns in marks_ns)
        has_looked = case.is_looking and not self._looks.is_waiting(case.step.step_id)
        return passed or has_looked or self._has_waited(case, now_ns)

    def _has_waited(self, case: Case, now_ns: int) -> bool:
        return now_ns - case.seen_ns >= self._settings.wait_s_max * NS_PER_S

    def _groups(self, step_ids: set[str]) -> list[list[Case]]:
        """Cases to decide, in the order they happened, with all their neighbours in time and place."""
        together_ns = round(self._settings.together_s * NS_PER_S)
        standing = [case for case in self._cases.values() if not case.is_withdrawn and case.hand_of is None]
        groups: list[list[Case]] = []
        growing: list[list[Case]] = []
        for case in sorted(standing, key=_when):
            since_ns = case.step.edge_ns - together_ns
            groups += [group for group in growing if group[-1].step.edge_ns < since_ns]
            growing = [group for group in growing if group[-1].step.edge_ns >= since_ns]
            mine, others = [case], list[list[Case]]()
            for group in growing:
                if any(self._are_near(case, other) for other in group):
                    mine += group
                else:
                    others.append(group)
            growing = [*others, sorted(mine, key=_when)]
        found = [g for g in [*groups, *growing] if any(case.step.step_id in step_ids for case in g)]
        return sorted(found, key=lambda group: _when(group[0]))

    def _are_near(self, case: Case, before: Case) -> bool:
        """Whether somebody may have had a hand in both."""
        settings = self._settings
        return (
            case.step.edge_ns - before.step.edge_ns <= settings.together_s * NS_PER_S
            and math.dist(case.target.place_floor_m, before.target.place_floor_m) <= settings.together_m
        )

    def _sort_cases(self) -> None:
        self._undecided = [case for case in self._cases.values() if not case.is_final]
        self._unlearned = [case for case in self._cases.values() if case.is_final and not case.is_learned]

    def _explained(self) -> list[tuple[Target, VisitId | None]]:
        """Where a step has its explanation, and who was there for it."""
        return [(case.target, i.visit_id) for case in self._cases.values() for i in case.standing]

    def _learn(self, now_ns: int) -> None:
        """Masses, from cases that are closed. What is learned from a case must not decide the same case again."""
        after_ns = round(self._settings.learn_after_s * NS_PER_S)
        old = [case for case in self._unlearned if now_ns - case.seen_ns > after_ns]
        if not old:
            return
        for case in old:
            case.is_learned = True
            for interaction in case.standing:
                self._memory.learn(interaction)
        self._sort_cases()

    def _forget(self, now_ns: int) -> None:
        """Cases and visits that are long over; at the bound the oldest cases."""
        limit_ns = round(self._settings.remember_s * NS_PER_S)
        surplus = len(self._cases) - self._settings.cases_max
        old: list[str] = []
        for rank, (step_id, case) in enumerate(self._cases.items()):  # The oldest come first.
            if now_ns - case.seen_ns <= limit_ns and rank >= surplus:
                break
            old.append(step_id)
        if old:
            self._looks.forget(old)
            for step_id in old:
                case = self._cases.pop(step_id)
                self._again.forget(case)
                for interaction_id in case.said:
                    self._memory.contents.settle(interaction_id)
            self._sort_cases()
        self._memory.forget(now_ns, limit_ns)
        self._hand_overs.forget(now_ns - limit_ns)

    # --- deciding -----------------------------------------------------------------------------------------------------

    def _decide(
        self,
        group: Sequence[Case],
        holdings: Mapping[VisitId, Mapping[ProductId, int]],
        now_ns: int,
        *,
        is_last: bool = False,
    ) -> list[Interaction]:
        supposed = self._suppose.hypotheses(group, [self._last(case) for case in group], holdings)
        for case, own in zip(group, supposed, strict=True):
            self._again.note(case, own)
        weighed = [normalised(own) for own in supposed]
        moments = [
            Moment((case.step.edge_ns - group[0].step.edge_ns) / NS_PER_S, case.target.place_floor_m)
            for case in group
        ]
        said: list[Interaction] = []
        for case, own in zip(group, weighed, strict=True):
            self._looks.consider(case, own)
        for case, found in zip(group, decided(weighed, moments, self._settings), strict=True):
            case.tracks_ns = self._arms.latest_ns
            passed_ns = case.step.edge_ns + round(self._settings.decide_after_s * NS_PER_S)
            is_settled = case.step.status is StepStatus.CONFIRMED
            is_seen = is_settled and self._arms.latest_ns >= passed_ns
            case.is_looking = self._looks.is_waiting(case.step.step_id)
            is_seen = is_seen and not case.is_looking
            case.is_final = is_last or is_seen or self._has_waited(case, now_ns)
            said += self._say(case, found, now_ns)
        if self._watch is not None:
            for case, own in zip(group, weighed, strict=True):
                likeliest = own[:WATCHED_MAX]
                self._watch(
                    Weighing(
                        case.step,
                        case.change,
                        tuple((h, p, self._suppose.terms(case, h)) for h, p in likeliest),
                        tuple(case.standing),
                    )
                )
        return said

    def _last(self, gain: Case) -> Case | None:
        """The step before a gain on the same plates, if any is remembered."""
        if gain.change.mass_g < 0:
            return None
        before = (
            case
            for case in self._cases.values()
            if not case.is_withdrawn
            and case.hand_of is None
            and case.step.edge_ns < gain.step.edge_ns
            and self._weigher.share_plates(case.change, gain.change)
        )
        return max(before, key=_when, default=None)

    def _losses_before(self, due: set[str]) -> set[str]:
        """Losses just before gains that are due, on the same plates: which hand took it shows when it is out again."""
        soon_ns = round(self._settings.swapped_s * NS_PER_S)
        gains = [self._cases[step_id] for step_id in due]
        lasts = [(gain, last) for gain in gains if (last := self._last(gain)) is not None]
        return {
            last.step.step_id
            for gain, last in lasts
            if last.change.mass_g < 0 and gain.step.edge_ns - last.step.edge_ns <= soon_ns
        }

    def _decide_hand_overs(
        self, holdings: Mapping[VisitId, Mapping[ProductId, int]], now_ns: int, *, is_last: bool = False
    ) -> list[Interaction]:
        return self._hand_overs.decide(
            self._undecided_ns(), self._arms.visit_of, holdings, now_ns, is_last=is_last
        )

    def _decide_floor_items(
        self, holdings: Mapping[VisitId, Mapping[ProductId, int]], now_ns: int
    ) -> list[Interaction]:
        undecided_ns, visit_of = self._undecided_ns(), self._arms.visit_of
        return self._floor_items.decide(undecided_ns, visit_of, self._explained, holdings, now_ns)

    def _undecided_ns(self) -> int | None:
        """The edge of the oldest step that is not decided for good."""
        open_ns = [case.step.edge_ns for case in self._cases.values() if not case.is_final]
        return min(open_ns, default=None)

    # --- saying -------------------------------------------------------------------------------------------------------

    def _say(self, case: Case, found: Sequence[Outcome], now_ns: int) -> list[Interaction]:
        """The decided outcome as interactions, where they are news."""
        if case.was_hand:
            return []
        best = found[0].best
        is_unexplained = best.explanation.kind is InteractionKind.UNEXPLAINED
        if is_unexplained and self._rests.came_beside(case, self._cases.values()):
            return [self._take_back(case, old, now_ns) for old in case.standing]
        case.hand_g = sum(part.hand_g for part, _ in best.moves if part is not None)
        wanted = interactions_of(
            case, found, now_ns, self._weigher.nearest_slot(case.change), self._settings.alternatives_max
        )
        ids = {message.interaction_id for message, _, _ in wanted}
        said = [self._take_back(case, old, now_ns) for old in case.standing if old.interaction_id not in ids]
        for message, part, suspect in wanted:
            old = case.said.get(message.interaction_id)
            is_news = (
                old is None
                or old.withdrawn
                or is_news_of(old, message, self._settings, is_final=case.is_final)
            )
            if old is not None:
                message = msgspec.structs.replace(message, revision=old.revision + is_news)
            # What later decisions build on is always the newest; only what matters to a cart is said again.
            self._memory.undo(message.interaction_id)
            right_hand = found[0].right_hand(suspect) if suspect else 0.5
            self._memory.do(message, case.change, part, best.explanation, right_hand)
            if is_news:
                case.said[message.interaction_id] = message
                said.append(message)
            if part is not None and part.under_hand is not None:
                said += self._unsay_hand(part.under_hand, now_ns)
        return said

    def _unsay_hand(self, brought_by: str, now_ns: int) -> list[Interaction]:
        """What was taken for something brought was a hand that rested: it has left together with goods."""
        case = self._cases.get(brought_by.rpartition("#")[0])
        old = case.said.get(brought_by) if case is not None else None
        if case is None or old is None or old.withdrawn:
            return []
        # What stands there stays in memory: whatever the pick is revised to must find it.
        self._memory.keep(brought_by)
        case.was_hand = True
        message = msgspec.structs.replace(old, revision=old.revision + 1, decided_ns=now_ns, withdrawn=True)
        case.said[brought_by] = message
        return [message]

    def _take_back(self, case: Case, old: Interaction, now_ns: int) -> Interaction:
        self._memory.undo(old.interaction_id)
        message = msgspec.structs.replace(old, revision=old.revision + 1, decided_ns=now_ns, withdrawn=True)
        case.said[old.interaction_id] = message
        return message


def _when(case: Case) -> tuple[int, str]:
    return case.step.edge_ns, case.step.step_id
