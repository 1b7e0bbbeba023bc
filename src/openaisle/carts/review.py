"""Which visits a person must look at, and why. Pure.

A doubt that changes no bill is no question: only where believing everything and believing nothing give different
carts does somebody look, once a product. Of units in doubt that nobody is billed for, only the shop can lose: about
these it is asked once a moment, and not where looking costs more than it can lose. So it is where the shopper surely
took one of two goods, and is billed for the one that costs no more.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import msgspec

from openaisle.carts.plan import PUT_BACKS, TAKES, CartSettings, happened_order, plan_cart
from openaisle.core.messages import CartLine, Interaction, InteractionKind, ProductId, ReviewOpened, VisitId
from openaisle.core.units import NS_PER_S

UNSURE_BILLED = "unsure_billed"
UNSURE_DROPPED = "unsure_dropped"
PUT_BACK_NOT_IN_CART = "put_back_not_in_cart"
UNEXPLAINED_LOSS = "unexplained_loss"
UNEXPLAINED_GAIN = "unexplained_gain"  # something was left on a shelf: perhaps what the shopper is billed for
CHANGED_AFTER_CLOSE = "changed_after_close"
VISIT_NOT_OPEN = "visit_not_open"


@dataclass(frozen=True)
class Prices:
    """Of one unit, minor units."""

    moved: Mapping[str, int]  # by interaction id, as it was at that moment
    of_product: Mapping[ProductId, int]


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
    prices: Prices,
    billed: Iterable[CartLine],
    settings: CartSettings,
    now_ns: int,
) -> list[ReviewOpened]:
    """What is left to ask about a visit whose cart is being closed with the lines `billed`."""
    most = plan_cart(
        visit_id, _believing_all(interactions, settings), prices.moved, settings, is_closing=True
    )
    least = plan_cart(
        visit_id, _believing_none(interactions, settings), prices.moved, settings, is_closing=True
    )
    billed_counts, most_counts, least_counts = _counts(billed), _counts(most.lines), _counts(least.lines)
    doubts: list[_Doubt] = []
    for product_id in sorted(most_counts.keys() | least_counts.keys()):
        if most_counts[product_id] == least_counts[product_id]:
            continue
        unsure = [i for i in interactions if i.product_id == product_id and _is_unsure(i, settings)]
        first = min(unsure, key=lambda i: (i.probability, i.interaction_id))
        is_dropped = billed_counts[product_id] < most_counts[product_id]
        is_only_dropped = is_dropped and billed_counts[product_id] == least_counts[product_id]
        if is_only_dropped:
            loss_minor = sum(_loss_if_dropped_minor(visit_id, i, prices, settings) for i in unsure)
        elif is_dropped:
            loss_minor = math.inf
        else:
            loss_minor = sum(_loss_if_billed_minor(visit_id, i, prices, settings) for i in unsure)
        doubts.append(_Doubt(first, UNSURE_DROPPED if is_dropped else UNSURE_BILLED, loss_minor))
    reviews = [
        open_review(visit_id, doubt.interaction.interaction_id, doubt.reason, now_ns)
        for doubt in _one_a_moment(_worth_asking(doubts, settings), settings)
    ]
    reviews += [open_review(visit_id, at, PUT_BACK_NOT_IN_CART, now_ns) for at in most.shortages]
    strange = [i for i in interactions if i.kind is InteractionKind.UNEXPLAINED and not i.withdrawn]
    change_g = sum(interaction.mass_change_g for interaction in strange)
    if change_g <= -settings.review_mass_g_min:
        largest = min(strange, key=lambda i: (i.mass_change_g, i.interaction_id))
        reviews.append(open_review(visit_id, largest.interaction_id, UNEXPLAINED_LOSS, now_ns))
    elif change_g >= settings.review_mass_g_min and billed_counts:
        largest = min(strange, key=lambda i: (-i.mass_change_g, i.interaction_id))
        if _may_be_goods((change_g, largest.mass_change_g), interactions, settings):
            reviews.append(open_review(visit_id, largest.interaction_id, UNEXPLAINED_GAIN, now_ns))
    return reviews


# --- leaves -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Doubt:
    """What one product's bill hangs on."""

    interaction: Interaction  # the least sure of them
    reason: str
    loss_minor: float  # the shop's on average, if nobody looks; infinite where the shopper may lose, too


def _worth_asking(doubts: Sequence[_Doubt], settings: CartSettings) -> list[_Doubt]:
    """Without those, the smallest first, that all together lose the shop less than a look costs."""
    found: list[_Doubt] = []
    let_go_minor = 0.0
    for doubt in sorted(doubts, key=lambda doubt: (doubt.loss_minor, doubt.interaction.interaction_id)):
        let_go_minor += doubt.loss_minor
        if let_go_minor > settings.review_cost_minor:
            found.append(doubt)
    return found


def _one_a_moment(doubts: Sequence[_Doubt], settings: CartSettings) -> list[_Doubt]:
    """Without units that nobody is billed for, where somebody looks at the same moment anyway."""
    moment_ns = round(settings.review_moment_s * NS_PER_S)
    found: list[_Doubt] = []
    for doubt in sorted(
        doubts, key=lambda doubt: (doubt.reason != UNSURE_BILLED, *happened_order(doubt.interaction))
    ):
        at_ns = doubt.interaction.happened_ns
        is_seen = any(abs(at_ns - other.interaction.happened_ns) <= moment_ns for other in found)
        if doubt.reason == UNSURE_BILLED or not is_seen:
            found.append(doubt)
    return found


def _loss_if_billed_minor(
    visit_id: VisitId, interaction: Interaction, prices: Prices, settings: CartSettings
) -> float:
    """What the shop loses on average by billing a pick-up; infinite where the shopper may lose."""
    if interaction.kind is not InteractionKind.PICK_UP:
        return math.inf
    own_minor = interaction.quantity * prices.moved[interaction.interaction_id]
    others = _instead_minor(visit_id, interaction, prices)
    dearer = [(share, minor - own_minor) for share, minor in others if minor >= own_minor]
    if interaction.probability + sum(share for share, _ in dearer) < settings.post_probability_min:
        return math.inf
    return sum(share * more_minor for share, more_minor in dearer)


def _instead_minor(visit_id: VisitId, interaction: Interaction, prices: Prices) -> list[tuple[float, int]]:
    """Probability of each alternative, and what this shopper moved in it, as money.

    Goods that moved together are candidates of the same probability.
    """
    found: dict[float, int] = {}
    for other in interaction.alternatives:
        is_own = other.visit_id == visit_id and other.product_id is not None
        minor = other.quantity * prices.of_product[other.product_id] if is_own and other.product_id else 0
        found[other.probability] = found.get(other.probability, 0) + minor
    return list(found.items())


def _loss_if_dropped_minor(
    visit_id: VisitId, interaction: Interaction, prices: Prices, settings: CartSettings
) -> float:
    """What the shop loses on average by believing what is cheaper for the shopper.

    A hand-over is one doubt: it is asked of the taker who is billed, or of the giver if nobody is.
    """
    is_handed = interaction.probability >= settings.bill_probability_min
    if interaction.kind is InteractionKind.GET or (interaction.kind is InteractionKind.GIVE and is_handed):
        return 0.0
    if interaction.kind is InteractionKind.GIVE:
        return interaction.quantity * prices.moved[interaction.interaction_id]
    if interaction.kind in TAKES:
        return interaction.probability * interaction.quantity * prices.moved[interaction.interaction_id]
    if interaction.interaction_id not in prices.moved:
        return math.inf
    own_minor = interaction.quantity * prices.moved[interaction.interaction_id]
    others = _instead_minor(visit_id, interaction, prices)
    if sum(share for share, minor in others if minor > own_minor) > 1.0 - settings.post_probability_min:
        return math.inf  # What is billed instead may be what was put back.
    nothing = 1.0 - interaction.probability - sum(share for share, minor in others if minor)
    return max(0.0, nothing) * own_minor + sum(
        share * max(0, own_minor - minor) for share, minor in others if minor
    )


def _may_be_goods(
    gains_g: Iterable[float], interactions: Iterable[Interaction], settings: CartSettings
) -> bool:
    """Whether one of these weighs what one or two of the shopper's goods did; what nobody weighed may be anything."""
    units_g: list[float] = []
    for take in interactions:
        if take.kind in TAKES and not take.withdrawn:
            if take.mass_change_g >= 0.0:
                return True
            units_g += [-take.mass_change_g / take.quantity] * min(take.quantity, 2)
    return any(
        abs(sum(units) - gain_g) <= max(settings.review_match_g_min, settings.review_match_share * gain_g)
        for gain_g in gains_g
        for count in (1, 2)
        for units in combinations(units_g, count)
    )


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
