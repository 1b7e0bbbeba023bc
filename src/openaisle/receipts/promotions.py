"""What promotions take off a cart's lines. Pure; never more than a line costs.

A unit takes part in one promotion of goods at most, and those that save most are taken first; thresholds come last, on
what is left to pay, the best one alone. A promotion counts for a unit if it was valid when the unit was picked up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from openaisle.core.messages import ProductId
from openaisle.receipts.tax import round_half_up, shares_minor
from openaisle.store.schema import Promotion


@dataclass(frozen=True, kw_only=True)
class Goods:
    """Units of one product at one price, as a receipt's line has them."""

    product_id: ProductId
    quantity: int
    price_minor: int
    picked_ns: tuple[int, ...]  # when; a promotion counts that was valid at any of these


@dataclass(kw_only=True)
class Discount:
    """What comes off one line."""

    minor: int = 0
    names: list[str] = field(default_factory=list[str])
    by_promotion: dict[str, int] = field(default_factory=dict[str, int])
    of_goods_minor: int = 0  # without thresholds

    def add(self, minor: int, promotion: Promotion) -> None:
        if minor:
            self.minor += minor
            self.of_goods_minor += 0 if promotion.spend_minor else minor
            before_minor = self.by_promotion.get(promotion.promotion_id, 0)
            self.by_promotion[promotion.promotion_id] = before_minor + minor
            if promotion.name not in self.names:
                self.names.append(promotion.name)


def discounts(
    goods: Sequence[Goods], promotions: Sequence[Promotion], programmes: frozenset[str]
) -> list[Discount]:
    """One for each line, in order. The same lines give the same discounts, whatever the order of promotions."""
    found = [Discount() for _ in goods]
    left = [each.quantity for each in goods]  # units that no promotion has used
    open_to_all = [each for each in promotions if not each.programme or each.programme in programmes]
    of_goods = [each for each in open_to_all if not each.spend_minor]
    while of_goods:
        offers = [(_offer(each, goods, left), each) for each in of_goods]
        saved = [(sum(minor for _, minor in offer.values()), each.promotion_id) for offer, each in offers]
        best_minor, best_id = min(saved, key=lambda each: (-each[0], each[1]))
        if not best_minor:
            break
        offer, best = next((offer, each) for offer, each in offers if each.promotion_id == best_id)
        for index, (units, minor) in offer.items():
            left[index] -= units
            found[index].add(minor, best)
        of_goods.remove(best)
    _take_off_threshold(goods, open_to_all, found)
    assert all(
        0 <= off.minor <= each.quantity * each.price_minor for off, each in zip(found, goods, strict=True)
    )
    return found


# --- leaves -------------------------------------------------------------------------------------------------------


def _offer(promotion: Promotion, goods: Sequence[Goods], left: Sequence[int]) -> dict[int, tuple[int, int]]:
    """What one promotion would use and save: units and amount by line."""
    mine = [
        index
        for index, each in enumerate(goods)
        if left[index]
        and (not promotion.product_ids or each.product_id in promotion.product_ids)
        and any(promotion.is_valid(at_ns) for at_ns in each.picked_ns)
    ]
    if promotion.percent:
        share = Fraction(str(promotion.percent)) / 100
        return {
            index: (left[index], round_half_up(left[index] * goods[index].price_minor * share))
            for index in mine
        }
    return _bundles(promotion, goods, left, mine)


def _bundles(
    promotion: Promotion, goods: Sequence[Goods], left: Sequence[int], mine: Sequence[int]
) -> dict[int, tuple[int, int]]:
    """Dearest units together, so that what is free is worth as much as it can be."""
    units = sorted(
        (index for index in mine for _ in range(left[index])),
        key=lambda index: (-goods[index].price_minor, index),
    )
    offer: dict[int, tuple[int, int]] = {}
    for first in range(0, len(units) - promotion.buy + 1, promotion.buy):
        bundle = units[first : first + promotion.buy]
        prices_minor = [goods[index].price_minor for index in bundle]
        if promotion.free:
            off = [0] * (promotion.buy - promotion.free) + prices_minor[-promotion.free :]
        else:
            saved_minor = sum(prices_minor) - promotion.price_minor
            if saved_minor <= 0:
                continue
            off = shares_minor(saved_minor, prices_minor)
        for index, minor in zip(bundle, off, strict=True):
            used, before_minor = offer.get(index, (0, 0))
            offer[index] = (used + 1, before_minor + minor)
    return offer


def _take_off_threshold(
    goods: Sequence[Goods], promotions: Sequence[Promotion], found: Sequence[Discount]
) -> None:
    rest_minor = [
        each.quantity * each.price_minor - off.minor for each, off in zip(goods, found, strict=True)
    ]
    total_minor = sum(rest_minor)
    newest_ns = max((at_ns for each in goods for at_ns in each.picked_ns), default=0)
    reached = [
        each
        for each in promotions
        if each.spend_minor and total_minor >= each.spend_minor and each.is_valid(newest_ns)
    ]
    if reached:
        best = min(reached, key=lambda each: (-each.off_minor, each.promotion_id))
        shares = shares_minor(min(best.off_minor, total_minor), rest_minor)
        for off, minor in zip(found, shares, strict=True):
            off.add(minor, best)
