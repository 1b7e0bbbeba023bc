"""What was decided of a step, as interactions to say, and whether that is worth saying again. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from openaisle.core.messages import Candidate, Interaction, SlotId
from openaisle.interactions.case import Case
from openaisle.interactions.explanations import Part
from openaisle.interactions.hypotheses import Outcome
from openaisle.interactions.reach import Suspect
from openaisle.interactions.settings import Settings

Saying = tuple[Interaction, Part | None, Suspect | None]
"""One interaction, with the units that moved and who moved them."""


def interactions_of(
    case: Case, found: Sequence[Outcome], now_ns: int, nearest_slot: SlotId | None, alternatives_max: int
) -> list[Saying]:
    """One interaction a move of the decided outcome, which is the first one, with the others as alternatives."""
    best = found[0].best
    alternatives = tuple(
        candidate for outcome in found[1 : alternatives_max + 1] for candidate in _candidates(outcome)
    )
    return [
        (
            Interaction(
                interaction_id=interaction_id,
                revision=0,
                kind=best.explanation.kind,
                shelf_id=case.step.shelf_id,
                slot_id=part.slot_id if part else nearest_slot,
                product_id=part.product_id if part else None,
                quantity=part.quantity if part else 0,
                visit_id=suspect.visit_id if suspect else None,
                probability=found[0].probability,
                happened_ns=case.step.edge_ns,
                decided_ns=now_ns,
                mass_change_g=case.change.mass_g / len(best.moves),
                step_ids=(case.step.step_id, *case.hands),
                alternatives=alternatives,
            ),
            part,
            suspect,
        )
        for interaction_id, (part, suspect) in zip(case.ids(), best.moves, strict=False)
    ]


def is_news_of(old: Interaction, new: Interaction, settings: Settings, *, is_final: bool) -> bool:
    """Whether a cart, or at last a receipt's evidence, would look different."""
    names = ("kind", "product_id", "quantity", "visit_id")
    if any(getattr(old, name) != getattr(new, name) for name in names):
        return True
    moved = abs(old.probability - new.probability)
    grams = abs(old.mass_change_g - new.mass_change_g)
    is_other = moved > 0.005 or grams > max(2.0, 0.01 * abs(new.mass_change_g))
    return moved > settings.news_probability or (is_final and is_other)


def _candidates(outcome: Outcome) -> list[Candidate]:
    """What an outcome that was not chosen would have meant."""
    return [
        Candidate(
            product_id=part.product_id if part else None,
            quantity=part.quantity if part else 0,
            visit_id=suspect.visit_id if suspect else None,
            probability=outcome.probability,
        )
        for part, suspect in outcome.best.moves
    ]
