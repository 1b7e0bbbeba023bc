"""From the lines of a closed cart to priced lines: one a product and price, tax shared out."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from openaisle.core.messages import CartLine, ProductId, ReceiptLine
from openaisle.receipts.promotions import Goods, discounts
from openaisle.receipts.tax import shares_minor, tax_minor
from openaisle.store.schema import Store


def priced_lines(
    store: Store, cart_lines: Iterable[CartLine], programmes: frozenset[str] = frozenset()
) -> tuple[ReceiptLine, ...]:
    """Lines sorted by product id and price, promotions taken off, each tax class's tax shared out over its lines.

    `programmes`: loyalty programmes of the shopper.
    """
    return _with_tax(store, _merged(store, cart_lines, programmes))


def goods_of(cart_lines: Iterable[CartLine]) -> list[tuple[Goods, list[CartLine]]]:
    """What is in a cart, one of each product and price, with the lines it comes from; sorted."""
    grouped: dict[tuple[ProductId, int], list[CartLine]] = {}
    for line in cart_lines:
        grouped.setdefault((line.product_id, line.price_minor), []).append(line)
    return [
        (
            Goods(
                product_id=product_id,
                quantity=sum(line.quantity for line in group),
                price_minor=price_minor,
                picked_ns=tuple(line.picked_ns for line in group),
            ),
            group,
        )
        for (product_id, price_minor), group in sorted(grouped.items())
    ]


def _merged(store: Store, cart_lines: Iterable[CartLine], programmes: frozenset[str]) -> list[ReceiptLine]:
    ordered = goods_of(cart_lines)
    taken_off = discounts([goods for goods, _ in ordered], store.promotions, programmes)
    lines: list[ReceiptLine] = []
    for (goods, group), discount in zip(ordered, taken_off, strict=True):
        product = store.products[goods.product_id]
        assert goods.quantity > 0
        lines.append(
            ReceiptLine(
                product_id=goods.product_id,
                gtin=product.gtin,
                name=product.name,
                quantity=goods.quantity,
                unit_price_minor=goods.price_minor,
                total_minor=goods.quantity * goods.price_minor - discount.minor,
                tax_class=product.tax_class,
                tax_minor=0,
                evidence=tuple(interaction_id for line in group for interaction_id in line.interaction_ids),
                discount_minor=discount.minor,
                promotions=tuple(discount.names),
            )
        )
    return lines


def _with_tax(store: Store, lines: list[ReceiptLine]) -> tuple[ReceiptLine, ...]:
    taxed = list(lines)
    for tax_class in sorted({line.tax_class for line in lines}):
        indices = [index for index, line in enumerate(lines) if line.tax_class == tax_class]
        totals = [lines[index].total_minor for index in indices]
        tax = tax_minor(sum(totals), store.tax_rates[tax_class], is_included=store.prices_include_tax)
        for index, share in zip(indices, shares_minor(tax, totals), strict=True):
            taxed[index] = msgspec.structs.replace(lines[index], tax_minor=share)
    return tuple(taxed)
