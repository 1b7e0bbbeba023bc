"""Which visits a person must look at, and why. Pure.

A doubt that changes no bill is no question: only where believing everything and believing nothing give different
carts does somebody look, once a product.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from openaisle.carts.plan import PUT_BACKS, TAKES, CartSettings, plan_cart
from openaisle.core.messages import CartLine, Interaction, InteractionKind, ProductId, ReviewOpened, VisitId

UNSURE_BILLED = "unsure_billed"
UNSURE_DROPPED = "unsure_dropped"
PUT_BACK_NOT_IN_CART = "put_back_not_in_cart"
UNEXPLAINED_LOSS = "unexplained_loss"
UNEXPLAINED_GAIN = "unexplained_gain"  # something was left on a shelf: perhaps what the shopper is billed for
CHANGED_AFTER_CLOSE = "changed_after_close"
VISIT_NOT_OPEN = "visit_not_open"


def open_review(visit_id: VisitId | None, interaction_id: str, reason: str, now_ns: int) -> ReviewOpened:
    """A review whose id is made of what it asks, so that asking again is the same review."""
    return ReviewOpened(
        review_id=f"{interaction_id}/{reason}",
        visit_id=visit_id,
        interaction_id=interaction_id,
        reason=reason,
        opened_ns=now_ns,
    )


def questions_at_close(
    visit_id: VisitId,
    interactions: Sequence[Interaction],
    prices_minor: Mapping[str, int],
    billed: Iterable[CartLine],
    settings: CartSettings,
    now_ns: int,
) -> list[ReviewOpened]:
    """What is left to ask about a visit whose cart is being closed with the lines `billed`."""
    reviews: list[ReviewOpened] = []
    most = plan_cart(
        visit_id, _believing_all(interactions, settings), prices_minor, settings, is_closing=True
    )
    least = plan_cart(
        visit_id, _believing_none(interactions, settings), prices_minor, settings, is_closing=True
    )
    billed_counts, most_counts, least_counts = _counts(billed), _counts(most.lines), _counts(least.lines)
    for product_id in sorted(most_counts.keys() | least_counts.keys()):
        if most_counts[product_id] == least_counts[product_id]:
            continue
        unsure = [i for i in interactions if i.product_id == product_id and _is_unsure(i, settings)]
        first = min(unsure, key=lambda i: (i.probability, i.interaction_id))
        is_dropped = billed_counts[product_id] < most_counts[product_id]
        reason = UNSURE_DROPPED if is_dropped else UNSURE_BILLED
        reviews.append(open_review(visit_id, first.interaction_id, reason, now_ns))
    reviews += [open_review(visit_id, at, PUT_BACK_NOT_IN_CART, now_ns) for at in most.shortages]
    strange = [i for i in interactions if i.kind is InteractionKind.UNEXPLAINED and not i.withdrawn]
    change_g = sum(interaction.mass_change_g for interaction in strange)
    if change_g <= -settings.review_mass_g_min:
        largest = min(strange, key=lambda i: (i.mass_change_g, i.interaction_id))
        reviews.append(open_review(visit_id, largest.interaction_id, UNEXPLAINED_LOSS, now_ns))
    elif change_g >= settings.review_mass_g_min and billed_counts:
        largest = min(strange, key=lambda i: (-i.mass_change_g, i.interaction_id))
        reviews.append(open_review(visit_id, largest.interaction_id, UNEXPLAINED_GAIN, now_ns))
    return reviews


# --- leaves -------------------------------------------------------------------------------------------------------


def _is_unsure(interaction: Interaction, settings: CartSettings) -> bool:
    return interaction.probability < settings.post_probability_min and not interaction.withdrawn


def _believing_all(interactions: Iterable[Interaction], settings: CartSettings) -> list[Interaction]:
    """Every pick-up happened, no unsure put-back did: the largest bill there could be."""
    return [
        _with_probability(i, 1.0)
        for i in interactions
        if not (i.kind in PUT_BACKS and _is_unsure(i, settings))
    ]


def _believing_none(interactions: Iterable[Interaction], settings: CartSettings) -> list[Interaction]:
    """No unsure pick-up happened, every put-back did: the smallest bill there could be."""
    return [
        _with_probability(i, 1.0) for i in interactions if not (i.kind in TAKES and _is_unsure(i, settings))
    ]


def _with_probability(interaction: Interaction, probability: float) -> Interaction:
    return msgspec.structs.replace(interaction, probability=probability)


def _counts(lines: Iterable[CartLine]) -> Counter[ProductId]:
    counts: Counter[ProductId] = Counter()
    for line in lines:
        counts[line.product_id] += line.quantity
    return counts
