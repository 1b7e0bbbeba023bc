"""Receipts, and how one reads on paper."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from textwrap import wrap
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from openaisle.core.messages import CartClosed, Receipt
from openaisle.core.units import NS_PER_S
from openaisle.ports import Loyalty
from openaisle.receipts.price import priced_lines
from openaisle.store.money import text_from_minor
from openaisle.store.schema import Store


class Receipts:
    """One receipt for each closed cart, an empty cart included: a receipt of no lines says that nothing is owed."""

    def __init__(self, store: Store, loyalty: Loyalty | None = None) -> None:
        self._store = store
        self._loyalty = loyalty

    def step(self, closed_carts: Sequence[CartClosed], now_ns: int) -> list[Receipt]:
        return [self._receipt(closed, now_ns) for closed in closed_carts]

    def _receipt(self, closed: CartClosed, now_ns: int) -> Receipt:
        programmes = self._loyalty.programmes(closed.visit_id) if self._loyalty else frozenset[str]()
        lines = priced_lines(self._store, closed.lines, programmes)
        tax_minor = sum(line.tax_minor for line in lines)
        goods_minor = sum(line.total_minor for line in lines)
        is_included = self._store.prices_include_tax
        return Receipt(
            # Made of the visit alone: however often a visit is priced, it is one receipt and one charge.
            receipt_id=f"{self._store.store_id}/{closed.visit_id}",
            visit_id=closed.visit_id,
            store_id=self._store.store_id,
            issued_ns=now_ns,
            lines=lines,
            total_minor=goods_minor if is_included else goods_minor + tax_minor,
            tax_minor=tax_minor,
            currency=self._store.currency,
            prices_include_tax=is_included,
            review_ids=closed.review_ids,
        )


def receipt_text(receipt: Receipt, store: Store, width: int = 42) -> str:
    """The receipt as plain text of `width` columns, for a terminal or a till roll."""
    digits = store.currency_digits

    def row(left: str, minor: int) -> str:
        amount = text_from_minor(minor, digits)
        room = width - len(amount) - 1
        return f"{left[:room]:<{room}} {amount}"

    issued = datetime.fromtimestamp(receipt.issued_ns // NS_PER_S, timezone_of(store.timezone))
    rule = "-" * width
    text = [
        *wrap(store.name, width),
        f"Receipt {receipt.receipt_id}",
        f"{issued:%Y-%m-%d %H:%M:%S %Z}",
        rule,
    ]
    for line in receipt.lines:
        text.append(row(f"{line.quantity} x {line.name}", line.total_minor))
        if line.quantity > 1:
            text.append(f"    {text_from_minor(line.unit_price_minor, digits)} each")
        if line.discount_minor:
            text += wrap(
                f"{', '.join(line.promotions)}: {text_from_minor(line.discount_minor, digits)} off",
                width,
                initial_indent="    ",
                subsequent_indent="    ",
            )
    if not receipt.lines:
        text.append("nothing taken")
    text += [rule, row(f"Total {receipt.currency}", receipt.total_minor)]
    word = "incl." if receipt.prices_include_tax else "plus"
    for tax_class in sorted({line.tax_class for line in receipt.lines}):
        share = sum(line.tax_minor for line in receipt.lines if line.tax_class == tax_class)
        if share or store.tax_rates[tax_class]:
            text.append(row(f"  {word} {store.tax_rates[tax_class] * 100:g} % tax ({tax_class})", share))
    if receipt.review_ids:
        count = len(receipt.review_ids)
        text.append(f"{count} question{'s' if count > 1 else ''} about this visit under review")
    return "\n".join(text) + "\n"


def timezone_of(name: str) -> tzinfo:
    """A store's time zone by its IANA name; UTC on a machine that does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return (
            UTC  # A machine without time zone data still prints receipts, and the zone says which time it is.
        )
