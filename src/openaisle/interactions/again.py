"""Who takes from a slot takes again: what one step says of those who did the steps a moment before and after it.

People who want several units take them one after the other. Of two steps at one slot, each so far apart in time that
one hand can have done both, that one person did both is `again_odds` as likely as that another did the second. Each
step is told what the others say by themselves, so that no decision confirms itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from openaisle.core.messages import InteractionKind, ShelfId, SlotId, VisitId
from openaisle.core.units import NS_PER_S
from openaisle.interactions.case import Case
from openaisle.interactions.hypotheses import Hypothesis
from openaisle.interactions.settings import Settings

Taker = tuple[VisitId, SlotId]


@dataclass(frozen=True)
class _Take:
    """One step by its own evidence."""

    edge_ns: int
    takers: Mapping[Taker, float]  # probability


class Again:
    """Remembers who may have taken what, of all steps that are remembered."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._takes: dict[ShelfId, dict[str, _Take]] = {}

    def note(self, case: Case, hypotheses: Sequence[Hypothesis]) -> None:
        """What a step says by itself."""
        takers: dict[Taker, float] = {}
        total = 0.0
        top = max(hypothesis.log_weight - hypothesis.log_again for hypothesis in hypotheses)
        for hypothesis in hypotheses:
            weight = math.exp(hypothesis.log_weight - hypothesis.log_again - top)
            total += weight
            if hypothesis.explanation.kind is not InteractionKind.PICK_UP:
                continue
            for part, suspect in hypothesis.moves:
                if part is not None and part.slot_id and suspect is not None and suspect.visit_id:
                    taker = (suspect.visit_id, part.slot_id)
                    takers[taker] = takers.get(taker, 0.0) + weight
        shares = {taker: min(1.0, weight / total) for taker, weight in takers.items()}
        self._takes.setdefault(case.step.shelf_id, {})[case.step.step_id] = _Take(case.step.edge_ns, shares)

    def log_odds(self, case: Case) -> dict[Taker, float]:
        """How much likelier it is of each who may have taken from a slot of that shelf just before or after."""
        found: dict[Taker, float] = {}
        for take in self._near(case).values():
            for taker, share in take.takers.items():
                odds = math.log1p((self._settings.again_odds - 1.0) * share)
                found[taker] = found.get(taker, 0.0) + odds
        return found

    def before(self, cases: Iterable[Case]) -> set[str]:
        """Steps before these, which they say something of."""
        return {
            step_id
            for case in cases
            for step_id, take in self._near(case).items()
            if take.edge_ns < case.step.edge_ns and case.change.mass_g < 0
        }

    def _near(self, case: Case) -> dict[str, _Take]:
        soon_s, late_s = self._settings.again_s
        return {
            step_id: take
            for step_id, take in self._takes.get(case.step.shelf_id, {}).items()
            if soon_s * NS_PER_S <= abs(take.edge_ns - case.step.edge_ns) <= late_s * NS_PER_S
        }

    def forget(self, case: Case) -> None:
        """It is not remembered any more, or did not happen."""
        self._takes.get(case.step.shelf_id, {}).pop(case.step.step_id, None)
