"""Goods that go from one person's hands into another's: who gave what, where two hands met.

A meeting (meetings.py) says that two hands met, not what was in them. Everything either of them carries may have been
passed to the other, the likelier, the more recently it was taken, and by the hand that met. What comes out are two
interactions, one of whoever gave and one of whoever got, which stand and fall together. They are decided anew whenever
something before them was decided otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from openaisle.core.messages import (
    Candidate,
    Interaction,
    InteractionKind,
    ProductId,
    TrackId,
    VisitId,
)
from openaisle.core.units import NS_PER_S
from openaisle.interactions.carried import Lot
from openaisle.interactions.meetings import Hand, Meeting
from openaisle.interactions.memory import Holdings, Memory
from openaisle.interactions.settings import MeetingSettings


@dataclass(frozen=True)
class _Passing:
    """A unit of a lot, out of one hand into the other."""

    giver: VisitId
    taker: VisitId
    taker_hand: int
    lot: Lot
    probability: float


@dataclass
class _Open:
    meeting: Meeting
    seen_ns: int
    said: dict[str, Interaction] = field(default_factory=dict[str, Interaction])


class HandOvers:
    """All meetings of the last minute, and what was concluded from them."""

    def __init__(self, memory: Memory, settings: MeetingSettings) -> None:
        self._memory = memory
        self._settings = settings
        self._open: dict[str, _Open] = {}
        self.is_waiting = False  # some meeting is not decided yet

    def hear(self, meetings: Iterable[Meeting], now_ns: int) -> None:
        for meeting in meetings:
            self._open[meeting.meeting_id] = _Open(meeting, now_ns)
            self.is_waiting = True

    def decide(
        self,
        undecided_ns: int | None,
        visit_of: Callable[[TrackId], VisitId | None],
        holdings: Holdings,
        now_ns: int,
        *,
        is_last: bool = False,
    ) -> list[Interaction]:
        """What is news. `undecided_ns`: the edge of the oldest step that is not decided for good."""
        said: list[Interaction] = []
        self.is_waiting = False
        wait_ns = round(self._settings.wait_s_max * NS_PER_S)
        for one in sorted(self._open.values(), key=lambda one: (one.meeting.at_ns, one.meeting.meeting_id)):
            is_early = undecided_ns is not None and undecided_ns < one.meeting.at_ns
            if is_early and not is_last and now_ns - one.seen_ns < wait_ns:
                self.is_waiting = True
                continue
            found = self._passings(one, visit_of, holdings)
            said += self._say(one, found, now_ns)
        return said

    def forget(self, before_ns: int) -> None:
        for meeting_id in [at for at, one in self._open.items() if one.seen_ns < before_ns]:
            del self._open[meeting_id]

    # --- what was passed ----------------------------------------------------------------------------------------------

    def _passings(
        self, one: _Open, visit_of: Callable[[TrackId], VisitId | None], holdings: Holdings
    ) -> list[_Passing]:
        """Everything that may have been passed, likeliest first; its probabilities add up to the meeting's."""
        a, b = one.meeting.hands
        visits = visit_of(a.track_id), visit_of(b.track_id)
        if None in visits or visits[0] == visits[1]:
            return []
        weighed: list[tuple[float, _Passing]] = []
        for giver, taker in ((a, b), (b, a)):
            giver_id, taker_id = visit_of(giver.track_id), visit_of(taker.track_id)
            assert giver_id is not None
            assert taker_id is not None
            for lot in self._memory.carried(giver_id, one.meeting.at_ns, set(one.said), holdings):
                weight = self._weight(lot, giver, one.meeting.at_ns)
                weighed.append((weight, _Passing(giver_id, taker_id, taker.side, lot, 0.0)))
        total = sum(weight for weight, _ in weighed)
        if total <= 0.0:
            return []
        # The less there is that they may have passed, the less likely it is that they passed anything.
        odds = math.exp(min(one.meeting.log_odds, 20.0)) * min(1.0, max(weight for weight, _ in weighed))
        passed = odds / (1.0 + odds)
        found = [
            replace(passing, probability=passed * weight / total * passing.lot.probability)
            for weight, passing in weighed
        ]
        return sorted(found, key=lambda passing: (-passing.probability, passing.lot.taken_by))

    def _weight(self, lot: Lot, giver: Hand, at_ns: int) -> float:
        settings = self._settings
        same = lot.right_hand if giver.side == 1 else 1.0 - lot.right_hand
        is_away = min(1.0, lot.held_s(at_ns) / settings.still_reaching_s) ** 2
        return (
            is_away * lot.recency(at_ns, settings.recent_s) * (same + (1.0 - same) / settings.same_hand_odds)
        )

    # --- saying -------------------------------------------------------------------------------------------------------

    def _say(self, one: _Open, found: Sequence[_Passing], now_ns: int) -> list[Interaction]:
        wanted: dict[str, Interaction] = {}
        if found and found[0].probability >= self._settings.probability_min:
            wanted = self._wanted(one, found, now_ns)
        said: list[Interaction] = []
        for interaction_id, old in list(one.said.items()):
            if interaction_id not in wanted and not old.withdrawn:
                self._memory.undo(interaction_id)
                one.said[interaction_id] = msgspec.structs.replace(
                    old, revision=old.revision + 1, decided_ns=now_ns, withdrawn=True
                )
                said.append(one.said[interaction_id])
        for interaction_id, message in wanted.items():
            old = one.said.get(interaction_id)
            if old is not None and not old.withdrawn and _is_same(old, message):
                continue
            revision = 0 if old is None else old.revision + 1
            one.said[interaction_id] = msgspec.structs.replace(message, revision=revision)
            self._memory.pass_on(one.said[interaction_id], found[0].lot, found[0].taker_hand)
            said.append(one.said[interaction_id])
        return said

    def _wanted(self, one: _Open, found: Sequence[_Passing], now_ns: int) -> dict[str, Interaction]:
        best = found[0]
        product_id = best.lot.product_id
        same = [p for p in found if (p.giver, p.lot.product_id) == (best.giver, product_id)]
        probability = min(1.0, sum(passing.probability for passing in same))
        others: Mapping[tuple[VisitId, ProductId], float] = _summed(p for p in found if p not in same)

        def interaction(kind: InteractionKind, visit_id: VisitId) -> Interaction:
            return Interaction(
                interaction_id=f"{one.meeting.meeting_id}/{kind}",
                revision=0,
                kind=kind,
                shelf_id="",
                slot_id=None,
                product_id=product_id,
                quantity=1,
                visit_id=visit_id,
                probability=probability,
                happened_ns=one.meeting.at_ns,
                decided_ns=now_ns,
                alternatives=tuple(
                    Candidate(product_id=other, quantity=1, visit_id=giver, probability=share)
                    for (giver, other), share in sorted(others.items(), key=lambda pair: (-pair[1], pair[0]))
                ),
            )

        given = interaction(InteractionKind.GIVE, best.giver)
        got = interaction(InteractionKind.GET, best.taker)
        return {message.interaction_id: message for message in (given, got)}


def _summed(passings: Iterable[_Passing]) -> dict[tuple[VisitId, ProductId], float]:
    found: dict[tuple[VisitId, ProductId], float] = {}
    for passing in passings:
        key = (passing.giver, passing.lot.product_id)
        found[key] = found.get(key, 0.0) + passing.probability
    return found


def _is_same(old: Interaction, new: Interaction) -> bool:
    names = ("product_id", "quantity", "visit_id")
    same = all(getattr(old, name) == getattr(new, name) for name in names)
    return same and abs(old.probability - new.probability) < 0.005
