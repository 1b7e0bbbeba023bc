"""From all interactions of one visit, in the order they happened, to what its cart must hold. Pure.

Planning a whole visit anew at each change makes the cart independent of the order in which decisions arrived: a pick-up
that is recognised late, or taken back, finds the put-backs that followed it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from openaisle.carts.ledger import SOLD, STAFF, UNEXPLAINED, cart_account, slot_account
from openaisle.core.messages import (
    AccountId,
    CartLine,
    Interaction,
    InteractionKind,
    ProductId,
    SlotId,
    VisitId,
)

PUT_BACKS = frozenset({InteractionKind.PUT_BACK, InteractionKind.PUT_BACK_WRONG})


@dataclass(frozen=True, kw_only=True)
class CartSettings:
    """When a cart believes.

    A pick-up of at least `post_probability_min` is posted; below, its line is shown as being checked. What is still
    being checked `close_wait_ms` after the exit is billed, with a review, from `bill_probability_min` up, and is
    otherwise dropped from the bill, with a review. `review_mass_g_min`: grams that left the shelves unexplained during
    a visit, beside that shopper, before somebody should look.
    """

    post_probability_min: float = 0.85
    bill_probability_min: float = 0.60
    close_wait_ms: int = 2_000
    review_mass_g_min: float = 30.0

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
    """Units from one pick-up that are still in the cart."""

    interaction_id: str
    product_id: ProductId
    quantity: int
    price_minor: int
    probability: float
    is_pending: bool
    slot_id: SlotId | None
    picked_ns: int


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

    A put-back takes the units picked up last. At closing, doubtful pick-ups are billed or dropped as the settings
    say, and doubtful put-backs are believed: in doubt the shopper is not charged.
    """
    lots: list[_Lot] = []
    transfers: list[Transfer] = []
    shortages: list[str] = []
    for interaction in sorted(interactions, key=happened_order):
        if not moves_goods(interaction):
            continue
        if interaction.kind is InteractionKind.PICK_UP:
            lot = _pick_up(interaction, prices_minor[interaction.interaction_id], settings, is_closing)
            if lot is not None:
                lots.append(lot)
                slot = slot_account(interaction.slot_id)
                transfers.append(_transfer(interaction, lot.quantity, slot, cart_account(visit_id), lot))
        elif interaction.kind in PUT_BACKS:
            transfers += _put_back(visit_id, interaction, lots, shortages, settings, is_closing)
        else:
            transfers += loose_transfers(interaction, settings)
    return CartPlan(transfers=tuple(transfers), lines=_lines(lots), shortages=tuple(shortages))


def loose_transfers(
    interaction: Interaction, settings: CartSettings, *, by_staff: bool = False
) -> list[Transfer]:
    """Goods moved by nobody we can name, or by staff: never billed."""
    if not moves_goods(interaction):
        return []
    other = STAFF if by_staff else UNEXPLAINED
    slot = slot_account(interaction.slot_id)
    if slot == other:
        return []
    source, target = (slot, other) if _leaves_shelf(interaction) else (other, slot)
    is_pending = interaction.probability < settings.post_probability_min
    return [_transfer(interaction, interaction.quantity, source, target, None, is_pending=is_pending)]


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
    return interaction.kind in PUT_BACKS or interaction.kind in (
        InteractionKind.PICK_UP,
        InteractionKind.UNEXPLAINED,
    )


# --- leaves -------------------------------------------------------------------------------------------------------


def _leaves_shelf(interaction: Interaction) -> bool:
    if interaction.kind is InteractionKind.UNEXPLAINED:
        return interaction.mass_change_g < 0
    return interaction.kind is InteractionKind.PICK_UP


def _pick_up(
    interaction: Interaction, price_minor: int, settings: CartSettings, is_closing: bool
) -> _Lot | None:
    probability = interaction.probability
    if is_closing and probability < settings.bill_probability_min:
        return None
    assert interaction.product_id is not None
    return _Lot(
        interaction_id=interaction.interaction_id,
        product_id=interaction.product_id,
        quantity=interaction.quantity,
        price_minor=price_minor,
        probability=probability,
        is_pending=not is_closing and probability < settings.post_probability_min,
        slot_id=interaction.slot_id,
        picked_ns=interaction.happened_ns,
    )


def _put_back(
    visit_id: VisitId,
    interaction: Interaction,
    lots: list[_Lot],
    shortages: list[str],
    settings: CartSettings,
    is_closing: bool,
) -> list[Transfer]:
    missing = interaction.quantity
    for lot in reversed(lots):
        if lot.product_id == interaction.product_id:
            taken = min(missing, lot.quantity)
            lot.quantity -= taken
            missing -= taken
    is_pending = not is_closing and interaction.probability < settings.post_probability_min
    slot = slot_account(interaction.slot_id)
    transfers: list[Transfer] = []
    if interaction.quantity > missing:
        cart = cart_account(visit_id)
        returned = interaction.quantity - missing
        transfers.append(_transfer(interaction, returned, cart, slot, None, is_pending=is_pending))
    if missing:
        shortages.append(interaction.interaction_id)
        if slot != UNEXPLAINED:
            reason = "not in the cart"
            transfers.append(
                _transfer(interaction, missing, UNEXPLAINED, slot, None, is_pending=is_pending, reason=reason)
            )
    return transfers


def _transfer(
    interaction: Interaction,
    quantity: int,
    source: AccountId,
    target: AccountId,
    lot: _Lot | None,
    *,
    is_pending: bool = False,
    reason: str = "",
) -> Transfer:
    assert interaction.product_id is not None
    return Transfer(
        interaction_id=interaction.interaction_id,
        product_id=interaction.product_id,
        quantity=quantity,
        source=source,
        target=target,
        is_pending=lot.is_pending if lot else is_pending,
        probability=interaction.probability,
        moved_ns=interaction.happened_ns,
        price_minor=lot.price_minor if lot else 0,
        reason=reason or str(interaction.kind),
    )


def _lines(lots: Iterable[_Lot]) -> tuple[CartLine, ...]:
    """One line a product, price and state, in the order first picked up; its evidence is every lot in it."""
    grouped: dict[tuple[ProductId, int, bool], list[_Lot]] = {}
    for lot in lots:
        if lot.quantity:
            grouped.setdefault((lot.product_id, lot.price_minor, lot.is_pending), []).append(lot)
    return tuple(
        CartLine(
            product_id=product_id,
            quantity=sum(lot.quantity for lot in group),
            price_minor=price_minor,
            probability=min(lot.probability for lot in group),
            pending=is_pending,
            slot_id=group[0].slot_id,
            picked_ns=group[0].picked_ns,
            interaction_ids=tuple(lot.interaction_id for lot in group),
        )
        for (product_id, price_minor, is_pending), group in grouped.items()
    )
