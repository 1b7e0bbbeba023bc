"""What promotions come to for a cart as it now stands: those that apply, and those that one more would bring. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from openaisle.core.messages import CartLine
from openaisle.receipts.price import goods_of
from openaisle.receipts.promotions import Discount, Goods, discounts
from openaisle.store.schema import Promotion

NEAR_SHARE: Final = 0.5
"""Of a threshold, from which on it is worth a word."""


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One promotion and one cart."""

    promotion_id: str
    name: str
    saves_minor: int  # now, or once what is missing is there
    missing_units: int = 0  # so many more of the goods it is about
    missing_minor: int = 0  # so much more to spend

    @property
    def applies(self) -> bool:
        return not self.missing_units and not self.missing_minor


def offers(
    cart_lines: Iterable[CartLine],
    promotions: Sequence[Promotion],
    programmes: frozenset[str],
    now_ns: int,
) -> list[Offer]:
    """Those that apply first, by what they save; then those that are near. `now_ns`: when what is missing is taken."""
    goods = [each for each, _ in goods_of(cart_lines)]
    found = discounts(goods, promotions, programmes)
    applying = [
        Offer(promotion_id=each.promotion_id, name=each.name, saves_minor=saved)
        for each in promotions
        if (saved := sum(off.by_promotion.get(each.promotion_id, 0) for off in found))
    ]
    near = [
        offer
        for each in promotions
        if each.is_valid(now_ns) and (not each.programme or each.programme in programmes)
        for offer in _near(each, goods, found, promotions, programmes, now_ns)
    ]
    return [
        *sorted(applying, key=lambda offer: (-offer.saves_minor, offer.promotion_id)),
        *sorted(near, key=lambda offer: (-offer.saves_minor, offer.promotion_id)),
    ]


# --- leaves -------------------------------------------------------------------------------------------------------


def _near(
    promotion: Promotion,
    goods: Sequence[Goods],
    found: Sequence[Discount],
    promotions: Sequence[Promotion],
    programmes: frozenset[str],
    now_ns: int,
) -> Iterable[Offer]:
    """What is missing for this promotion to save more than it does; nothing where it is far away."""
    if promotion.spend_minor:
        rest_minor = sum(
            each.quantity * each.price_minor - off.of_goods_minor
            for each, off in zip(goods, found, strict=True)
        )
        missing_minor = promotion.spend_minor - rest_minor
        if 0 < missing_minor <= promotion.spend_minor * NEAR_SHARE:
            yield _offer(promotion, saves_minor=promotion.off_minor, missing_minor=missing_minor)
        return
    mine = [each for each in goods if not promotion.product_ids or each.product_id in promotion.product_ids]
    if not promotion.buy or not mine:
        return
    saved_minor = sum(off.by_promotion.get(promotion.promotion_id, 0) for off in found)
    cheapest = min(mine, key=lambda each: (each.price_minor, each.product_id))
    for units in range(1, promotion.buy):
        more = Goods(
            product_id=cheapest.product_id,
            quantity=units,
            price_minor=cheapest.price_minor,
            picked_ns=(now_ns,),
        )
        then = discounts([*goods, more], promotions, programmes)
        gain_minor = sum(off.by_promotion.get(promotion.promotion_id, 0) for off in then) - saved_minor
        if gain_minor > 0:
            yield _offer(promotion, saves_minor=gain_minor, missing_units=units)
            return


def _offer(
    promotion: Promotion, *, saves_minor: int, missing_units: int = 0, missing_minor: int = 0
) -> Offer:
    return Offer(
        promotion_id=promotion.promotion_id,
        name=promotion.name,
        saves_minor=saves_minor,
        missing_units=missing_units,
        missing_minor=missing_minor,
    )
