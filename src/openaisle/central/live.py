"""Every visit's cart as a phone shows it, the newest state only, and who wants to hear of it.

Written by one thread, read by the event loop of the pages: a phone that is slow holds nothing back, it skips states.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from openaisle.carts.scanned import is_scan_of
from openaisle.core.messages import (
    CartChanged,
    CartLine,
    Receipt,
    ShelfId,
    VisitClosed,
    VisitId,
    VisitOpened,
)
from openaisle.receipts.offers import Offer, offers
from openaisle.store.schema import Store

VISITS_MAX: Final = 2_000  # the oldest finished ones make way
LISTENERS_MAX: Final = 1_000


@dataclass(eq=False)
class Listener:
    """One open page. `changed` is set in the page's own loop whenever its visit has a newer state."""

    loop: asyncio.AbstractEventLoop
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        try:
            self.loop.call_soon_threadsafe(self.changed.set)
        except RuntimeError:
            pass  # The loop has ended, and the page with it.


class LiveVisits:
    """States by visit: where it stands (offered, inside, leaving, over), its lines, its total, its receipt."""

    def __init__(
        self, store: Store, programmes: Callable[[VisitId], frozenset[str]] = lambda _: frozenset()
    ) -> None:
        """`programmes`: of loyalty, that a visit's shopper is a member of."""
        self._store = store
        self._programmes = programmes
        self._lock = threading.Lock()
        self._states: OrderedDict[VisitId, dict[str, Any]] = OrderedDict()
        self._listeners: dict[VisitId, set[Listener]] = {}
        self._listener_count = 0
        self._scanned_shelves: list[ShelfId] = []

    def accept(self, message: VisitOpened | VisitClosed | CartChanged | Receipt) -> None:
        visit_id = message.visit_id
        with self._lock:
            state = dict(self._states.get(visit_id) or self._offered(visit_id))
            match message:
                case VisitOpened():
                    state["stage"] = "inside"
                    state["people_count"] = message.people_count
                    state["is_staff"] = message.is_staff
                case VisitClosed():
                    state["stage"] = "leaving"
                case CartChanged():
                    if state["stage"] == "over":
                        return
                    state["lines"] = [self._line(visit_id, line) for line in message.lines]
                    state["offers"] = [_offer(offer) for offer in self._offers(message)]
                    saved = [offer["saves_minor"] for offer in state["offers"] if offer["applies"]]
                    state["discount_minor"] = sum(saved)
                    state["total_minor"] = message.total_minor - sum(saved)
                    state["changed_ns"] = message.changed_ns
                case Receipt():
                    state["stage"] = "over"
                    state["receipt_id"] = message.receipt_id
                    state["total_minor"] = message.total_minor
                    state["discount_minor"] = sum(line.discount_minor for line in message.lines)
                    state["offers"] = [offer for offer in state["offers"] if offer["applies"]]
            self._put(visit_id, state)

    def show_scanned(self, shelf_ids: Sequence[ShelfId]) -> None:
        """Which shelves are scanned now: whoever is inside is told."""
        with self._lock:
            self._scanned_shelves = list(shelf_ids)
            for visit_id, state in list(self._states.items()):
                if state["stage"] in ("inside", "leaving"):
                    self._put(visit_id, {**state, "scanned_shelves": self._scanned_shelves})

    def settle(self, visit_id: VisitId, payment: dict[str, Any]) -> None:
        """What has become of the charge of a visit that is over."""
        with self._lock:
            state = self._states.get(visit_id)
            if state is not None:
                self._put(visit_id, {**state, "payment": payment})

    def state(self, visit_id: VisitId) -> dict[str, Any]:
        with self._lock:
            return self._states.get(visit_id) or self._offered(visit_id)

    def carts(self) -> list[dict[str, Any]]:
        """The visits that are not over, oldest first."""
        with self._lock:
            return [state for state in self._states.values() if state["stage"] in ("inside", "leaving")]

    def listen(self, visit_id: VisitId, loop: asyncio.AbstractEventLoop) -> Listener | None:
        """A new listener to one visit; None when there are too many."""
        with self._lock:
            if self._listener_count >= LISTENERS_MAX:
                return None
            self._listener_count += 1
            listener = Listener(loop)
            self._listeners.setdefault(visit_id, set()).add(listener)
        return listener

    def leave(self, visit_id: VisitId, listener: Listener) -> None:
        with self._lock:
            there = self._listeners.get(visit_id, set())
            if listener in there:
                there.remove(listener)
                self._listener_count -= 1
            if not there:
                self._listeners.pop(visit_id, None)

    def _put(self, visit_id: VisitId, state: dict[str, Any]) -> None:
        self._states[visit_id] = {**state, "version": state["version"] + 1}
        if len(self._states) > VISITS_MAX:
            over = next((at for at, one in self._states.items() if one["stage"] == "over"), None)
            self._states.pop(over if over is not None else next(iter(self._states)))
        for listener in self._listeners.get(visit_id, ()):
            listener.wake()

    def _offered(self, visit_id: VisitId) -> dict[str, Any]:
        return {
            "visit_id": visit_id,
            "stage": "offered",
            "people_count": 1,
            "is_staff": False,
            "lines": [],
            "offers": [],
            "discount_minor": 0,
            "total_minor": 0,
            "changed_ns": 0,
            "receipt_id": "",
            "payment": None,
            "scanned_shelves": self._scanned_shelves,
            "version": 0,
        }

    def _offers(self, cart: CartChanged) -> list[Offer]:
        if not self._store.promotions:
            return []
        return offers(cart.lines, self._store.promotions, self._programmes(cart.visit_id), cart.changed_ns)

    def _line(self, visit_id: VisitId, line: CartLine) -> dict[str, Any]:
        product = self._store.products[line.product_id]
        return {
            "product_id": line.product_id,
            "name": product.name,
            "quantity": line.quantity,
            "price_minor": line.price_minor,
            "total_minor": line.quantity * line.price_minor,
            "is_checking": line.pending,
            "age_limit": product.age_limit,
            "scans": [each for each in line.interaction_ids if is_scan_of(visit_id, each)],
        }


def _offer(offer: Offer) -> dict[str, Any]:
    return {
        "promotion_id": offer.promotion_id,
        "name": offer.name,
        "applies": offer.applies,
        "saves_minor": offer.saves_minor,
        "missing_units": offer.missing_units,
        "missing_minor": offer.missing_minor,
    }
