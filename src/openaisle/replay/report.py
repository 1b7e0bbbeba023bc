"""What a replay has to say, as plain data for programs and as text for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from openaisle.core.messages import CartChanged, Message, Receipt, SensorDegraded
from openaisle.core.units import NS_PER_S, ms_from_ns
from openaisle.receipts.receipt import receipt_text
from openaisle.replay.player import Replayed
from openaisle.store.money import text_from_minor
from openaisle.store.schema import Store


def baskets(receipts: Iterable[Receipt]) -> dict[str, dict[str, int]]:
    """{visit: {GTIN, or product id where there is none: units}}, sorted; the form that receipts are compared in."""
    found: dict[str, dict[str, int]] = {}
    for receipt in receipts:
        basket = found.setdefault(receipt.visit_id, {})
        for line in receipt.lines:
            code = line.gtin or line.product_id
            basket[code] = basket.get(code, 0) + line.quantity
    return {visit_id: dict(sorted(basket.items())) for visit_id, basket in sorted(found.items())}


def edge_to_cart_ms(cart: CartChanged) -> float | None:
    """From the physical event (a plate's edge, as the path measured it) to the cart that shows it."""
    return round(ms_from_ns(cart.changed_ns - cart.happened_ns), 3) if cart.happened_ns else None


def replay_report(store: Store, replayed: Replayed, digest: str) -> dict[str, Any]:
    """Everything a program may want to know of a replay, JSON-ready."""
    recorded_ns = replayed.ended_ns - replayed.started_ns
    return {
        "store": store.store_id,
        "readings": replayed.reading_count,
        "recorded_s": round(recorded_ns / NS_PER_S, 3),
        "receipts": [_plain(receipt) for receipt in replayed.receipts],
        "baskets": baskets(replayed.receipts),
        "cart_events": [
            {**_plain(cart), "edge_to_cart_ms": edge_to_cart_ms(cart)} for cart in replayed.cart_events
        ],
        "reviews": [_plain(review) for review in replayed.reviews],
        "degraded": [_plain(degraded) for degraded in replayed.of(SensorDegraded)],
        "event_log_digest": digest,
    }


def replay_text(store: Store, replayed: Replayed, digest: str) -> str:
    """The same for a person."""
    parts: list[str] = []
    parts += [receipt_text(receipt, store) for receipt in replayed.receipts]
    if not replayed.receipts:
        parts.append("no receipts\n")
    parts.append(_cart_table(store, replayed))
    for review in replayed.reviews:
        parts.append(f"review of {review.visit_id or 'nobody'}: {review.reason} ({review.interaction_id})\n")
    parts.append(f"event log {digest}\n")
    return "\n".join(parts)


def _cart_table(store: Store, replayed: Replayed) -> str:
    if not replayed.cart_events:
        return "no cart events\n"
    rows = ["cart events (seconds since the first reading, ms from the plate's edge to the cart)"]
    for cart in replayed.cart_events:
        at_s = (cart.changed_ns - replayed.started_ns) / NS_PER_S
        ms = edge_to_cart_ms(cart)
        delay = "      -   " if ms is None else f"{ms:7.1f} ms"
        lines = ", ".join(
            f"{line.quantity} x {store.products[line.product_id].name}{' (checking)' if line.pending else ''}"
            for line in cart.lines
        )
        total = text_from_minor(cart.total_minor, store.currency_digits)
        rows.append(f"  {at_s:8.2f} s {delay}  {cart.visit_id}: {lines or 'empty'}; {total} {cart.currency}")
    return "\n".join(rows) + "\n"


def _plain(message: Message) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(message)
    plain.pop("type")
    return plain
