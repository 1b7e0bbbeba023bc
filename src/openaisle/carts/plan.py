"""From all interactions of one visit, in the order they happened, to what its cart must hold. Pure.

Planning a whole visit anew at each change makes the cart independent of the order in which decisions arrived: a pick-up
that is recognised late, or taken back, finds the put-backs that followed it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from openaisle.carts.ledger import HANDED, SOLD, STAFF, UNEXPLAINED, cart_account, slot_account
from openaisle.core.messages import (
    AccountId,
    CartLine,
    Interaction,
    InteractionKind,
    ProductId,
    VisitId,
)

TAKES = frozenset({InteractionKind.PICK_UP, InteractionKind.GET})
PUT_BACKS = frozenset({InteractionKind.PUT_BACK, InteractionKind.PUT_BACK_WRONG, InteractionKind.GIVE})
HAND_OVERS = frozenset({InteractionKind.GIVE, InteractionKind.GET})


@dataclass(frozen=True, kw_only=True)
class CartSettings:
    """When a cart believes.

    A pick-up of at least `post_probability_min` is posted; below, its line is shown as being checked. What is still
    being checked `close_wait_ms` after the exit is billed, with a review, from `bill_probability_min` up, and is
    otherwise dropped from the bill, with a review. `review_mass_g_min`: grams that left or
    came to the shelves unexplained during a visit, beside that shopper, before somebody should look. What came is
    asked about where it weighs what the shopper's goods did, within `review_match_g_min` or that share of it.

    `review_cost_minor`: what a look costs, about a minute of somebody's time; dropped units that lose the shop less on
    average are let go. Doubts of a visit within `review_moment_s` are one review.
    """

    post_probability_min: float = 0.85
    bill_probability_min: float = 0.70
    close_wait_ms: int = 2_000
    review_mass_g_min: float = 30.0
    review_match_g_min: float = 10.0
    review_match_share: float = 0.05
    review_cost_minor: int = 50
    review_moment_s: float = 10.0

    def __post_init__(self) -> None:
        assert 0.0 <= self.bill_probability_min <= self.post_probability_min <= 1.0
        assert self.close_wait_ms >= 0


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """A move as it should be: not yet one in the ledger."""

    interaction_id: str
    product_id: ProductId
    quantity: int
    source: AccountId
    target: AccountId
    is_pending: bool
    probability: float
    moved_ns: int
    price_minor: int
    reason: str = ""

    @property
    def goods(self) -> tuple[ProductId, int, AccountId, AccountId]:
        return self.product_id, self.quantity, self.source, self.target


@dataclass(frozen=True, kw_only=True)
class CartPlan:
    """What one visit's cart must hold, and the transfers that bring it about."""

    transfers: tuple[Transfer, ...] = ()
    lines: tuple[CartLine, ...] = ()
    shortages: tuple[str, ...] = ()  # ids of put-backs of goods that the cart did not have


@dataclass(kw_only=True)
class _Lot:
    """The units of one pick-up: how many of them are still in the cart, how many too doubtful to be billed."""

    interaction: Interaction
    product_id: ProductId
    left: int
    dropped: int = 0
    claim: float  # how likely it is that all that is left of it is still with the shopper
    price_minor: int
    is_pending: bool
    is_doubtful: bool  # too unsure to be billed at closing


def happened_order(interaction: Interaction) -> tuple[int, str]:
    return interaction.happened_ns, interaction.interaction_id


def plan_cart(
    visit_id: VisitId,
    interactions: Iterable[Interaction],
    prices_minor: Mapping[str, int],
    settings: CartSettings,
    *,
    is_closing: bool,
) -> CartPlan:
    """Plan one shopper's cart. `prices_minor`: price of one unit by interaction id, as it was at that moment.

    A put-back takes the units picked up last. At closing a unit is billed if it is at least `bill_probability_min`
    likely that the shopper left with it: doubtful pick-ups below that are dropped; doubtful put-backs are believed,
    take what would be billed before what would be dropped, and what dearer they may have been instead is dropped too.
    A line is as probable as that all its units were picked up and none of them was what was put back instead.
    """
    lots: list[_Lot] = []
    transfers: list[Transfer] = []
    shortages: list[str] = []
    for interaction in sorted(interactions, key=happened_order):
        if _is_return(interaction):
            _doubt_others(visit_id, interaction, lots)
        if not moves_goods(interaction):
            continue
        if interaction.kind in TAKES:
            price_minor = prices_minor[interaction.interaction_id]
            lots.append(_picked_up(interaction, price_minor, settings, is_closing))
        elif interaction.kind in PUT_BACKS:
            transfers += _put_back(visit_id, interaction, lots, shortages, settings, is_closing)
        else:
            transfers += loose_transfers(interaction, settings)
    for lot in lots:
        if lot.is_doubtful:
            lot.dropped, lot.left = lot.dropped + lot.left, 0
        moved = lot.interaction.quantity - lot.dropped
        if moved:
            source = _place(lot.interaction)
            transfers.append(
                _transfer(
                    lot.interaction,
                    moved,
                    source,
                    cart_account(visit_id),
                    is_pending=lot.is_pending,
                    price_minor=lot.price_minor,
                )
            )
    return CartPlan(transfers=tuple(transfers), lines=_lines(lots), shortages=tuple(shortages))


def loose_transfers(
    interaction: Interaction, settings: CartSettings, *, by_staff: bool = False
) -> list[Transfer]:
    """Goods moved by nobody we can name, or by staff: never billed."""
    if not moves_goods(interaction):
        return []
    other = STAFF if by_staff else UNEXPLAINED
    slot = _place(interaction)
    if slot == other:
        return []
    source, target = (slot, other) if _leaves_shelf(interaction) else (other, slot)
    is_pending = interaction.probability < settings.post_probability_min
    return [_transfer(interaction, interaction.quantity, source, target, is_pending=is_pending)]


def sale_transfers(visit_id: VisitId, lines: Iterable[CartLine], now_ns: int) -> list[Transfer]:
    """What leaves the shop when the cart closes."""
    return [
        Transfer(
            interaction_id="",
            product_id=line.product_id,
            quantity=line.quantity,
            source=cart_account(visit_id),
            target=SOLD,
            is_pending=False,
            probability=line.probability,
            moved_ns=now_ns,
            price_minor=line.price_minor,
            reason="left the shop",
        )
        for line in lines
    ]


def moves_goods(interaction: Interaction) -> bool:
    """Whether units of a product we know change place."""
    if interaction.withdrawn or interaction.product_id is None or interaction.quantity <= 0:
        return False
    moving = PUT_BACKS | TAKES | {InteractionKind.UNEXPLAINED}
    return interaction.kind in moving


# --- leaves -------------------------------------------------------------------------------------------------------


def _leaves_shelf(interaction: Interaction) -> bool:
    if interaction.kind is InteractionKind.UNEXPLAINED:
        return interaction.mass_change_g < 0
    return interaction.kind in TAKES


def _is_return(interaction: Interaction) -> bool:
    """Whether something came to a shelf or went to somebody else, known or not."""
    is_gain = interaction.kind is InteractionKind.UNEXPLAINED and interaction.mass_change_g > 0.0
    return (is_gain or interaction.kind in PUT_BACKS) and not interaction.withdrawn


def _place(interaction: Interaction) -> AccountId:
    """Where the goods came from, or went to, that is no cart."""
    return HANDED if interaction.kind in HAND_OVERS else slot_account(interaction.slot_id)


def _picked_up(interaction: Interaction, price_minor: int, settings: CartSettings, is_closing: bool) -> _Lot:
    assert interaction.product_id is not None
    return _Lot(
        interaction=interaction,
        product_id=interaction.product_id,
        left=interaction.quantity,
        claim=interaction.probability,
        price_minor=price_minor,
        is_pending=not is_closing and interaction.probability < settings.post_probability_min,
        is_doubtful=is_closing and interaction.probability < settings.bill_probability_min,
    )


def _put_back(
    visit_id: VisitId,
    interaction: Interaction,
    lots: list[_Lot],
    shortages: list[str],
    settings: CartSettings,
    is_closing: bool,
) -> list[Transfer]:
    assert interaction.product_id is not None
    missing = interaction.quantity
    for lot in _most_certain_first(lots, interaction.product_id):
        taken = min(missing, lot.left)
        lot.left -= taken
        missing -= taken
    is_unsure = interaction.probability < settings.post_probability_min
    is_pending = is_unsure and not is_closing
    if is_unsure and is_closing:
        _drop_alternatives(visit_id, interaction, lots, settings)
    slot = _place(interaction)
    transfers: list[Transfer] = []
    if interaction.quantity > missing:
        cart = cart_account(visit_id)
        transfers.append(
            _transfer(interaction, interaction.quantity - missing, cart, slot, is_pending=is_pending)
        )
    if missing:
        shortages.append(interaction.interaction_id)
        if slot != UNEXPLAINED:
            reason = "not in the cart"
            transfers.append(
                _transfer(interaction, missing, UNEXPLAINED, slot, is_pending=is_pending, reason=reason)
            )
    return transfers


def _drop_alternatives(
    visit_id: VisitId, interaction: Interaction, lots: list[_Lot], settings: CartSettings
) -> None:
    """Dearer units of other products of this shopper, which may be what was really put back."""
    own_minor = max((lot.price_minor for lot in lots if lot.product_id == interaction.product_id), default=0)
    for product_id, (quantity, probability) in _others_put_back(visit_id, interaction).items():
        if probability <= 1.0 - settings.bill_probability_min:
            continue
        missing = quantity
        for lot in _most_certain_first(lots, product_id):
            if lot.price_minor <= own_minor:
                continue
            dropped = min(missing, lot.left)
            lot.left -= dropped
            lot.dropped += dropped
            missing -= dropped


def _doubt_others(visit_id: VisitId, interaction: Interaction, lots: list[_Lot]) -> None:
    """What this shopper may have put back instead is that much less surely still with them."""
    for product_id, (quantity, probability) in _others_put_back(visit_id, interaction).items():
        for lot in _most_certain_first(lots, product_id):
            if quantity > 0 and lot.left:
                lot.claim *= max(0.0, 1.0 - probability)
                quantity -= lot.left


def _others_put_back(visit_id: VisitId, interaction: Interaction) -> dict[ProductId, tuple[int, float]]:
    """Other products that this shopper may have put back instead: at most how many units, and how likely any."""
    found: dict[ProductId, tuple[int, float]] = {}
    for other in interaction.alternatives:
        if other.visit_id == visit_id and other.product_id not in (None, interaction.product_id):
            quantity, probability = found.get(other.product_id, (0, 0.0))
            found[other.product_id] = max(quantity, other.quantity), probability + other.probability
    return dict(sorted(found.items()))


def _most_certain_first(lots: list[_Lot], product_id: ProductId) -> list[_Lot]:
    """Lots of a product, those that would be billed before those that would be dropped, newest first among them."""
    newest_first = [lot for lot in lots[::-1] if lot.product_id == product_id]
    return sorted(newest_first, key=lambda lot: lot.is_doubtful)


def _transfer(
    interaction: Interaction,
    quantity: int,
    source: AccountId,
    target: AccountId,
    *,
    is_pending: bool,
    price_minor: int = 0,
    reason: str = "",
) -> Transfer:
    assert interaction.product_id is not None
    return Transfer(
        interaction_id=interaction.interaction_id,
        product_id=interaction.product_id,
        quantity=quantity,
        source=source,
        target=target,
        is_pending=is_pending,
        probability=interaction.probability,
        moved_ns=interaction.happened_ns,
        price_minor=price_minor,
        reason=reason or str(interaction.kind),
    )


def _lines(lots: Iterable[_Lot]) -> tuple[CartLine, ...]:
    """One line a product, price and state, in the order first picked up; its evidence is every lot in it."""
    grouped: dict[tuple[ProductId, int, bool], list[_Lot]] = {}
    for lot in lots:
        if lot.left:
            grouped.setdefault((lot.product_id, lot.price_minor, lot.is_pending), []).append(lot)
    return tuple(
        CartLine(
            product_id=product_id,
            quantity=sum(lot.left for lot in group),
            price_minor=price_minor,
            probability=math.prod(lot.claim for lot in group),
            pending=is_pending,
            slot_id=group[0].interaction.slot_id,
            picked_ns=group[0].interaction.happened_ns,
            interaction_ids=tuple(lot.interaction.interaction_id for lot in group),
        )
        for (product_id, price_minor, is_pending), group in grouped.items()
    )
