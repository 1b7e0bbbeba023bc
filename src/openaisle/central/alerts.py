"""What staff should see now: age-restricted goods in a cart, somebody without a code, misplaced goods, empty slots,
charges that nobody could ever tell of.

In memory, newest first, bounded: an alert is for whoever is in the shop now, and what it says is in the ledger too.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, Final

from openaisle.core.messages import (
    AnyMessage,
    CartChanged,
    Interaction,
    InteractionKind,
    PaymentChanged,
    SlotChanged,
    StrangerExplained,
    StrangerInside,
    VisitClosed,
    VisitId,
)
from openaisle.store.schema import Store

ALERTS_MAX: Final = 500

AGE, UNBOUND, MISPLACED, LOW_STOCK = "age", "unbound", "misplaced", "low_stock"
UNKNOWN_CHARGE = "unknown_charge"


class Alerts:
    """Written by one thread, read by others."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._alerts: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self.version = 0

    def accept(self, message: AnyMessage) -> list[dict[str, Any]]:
        """Take in one message of the path; the alerts it raised for the first time."""
        with self._lock:
            match message:
                case CartChanged():
                    return self._accept_cart(message)
                case StrangerInside():
                    return self._raise(
                        f"{UNBOUND}/{message.alert_id}",
                        UNBOUND,
                        message.told_ns,
                        place=self._zone(*message.position_floor_m),
                    )
                case StrangerExplained():
                    gone = self._alerts.pop(f"{UNBOUND}/{message.alert_id}", None)
                    self.version += gone is not None
                case Interaction():
                    return self._accept_interaction(message)
                case SlotChanged():
                    return self._accept_slot(message)
                case PaymentChanged():
                    return self._accept_payment(message)
                case VisitClosed():
                    self._close(message.visit_id, AGE)
                case _:
                    pass
        return []

    def done(self, alert_id: str, by: str) -> bool:
        """Somebody has seen to it; False if there is no such alert."""
        with self._lock:
            alert = self._alerts.get(alert_id)
            if alert is None:
                return False
            self._alerts[alert_id] = {**alert, "done_by": by}
            self.version += 1
        return True

    def newest(self) -> list[dict[str, Any]]:
        """Those that nobody has seen to, newest first."""
        with self._lock:
            return [alert for alert in reversed(self._alerts.values()) if not alert["done_by"]]

    def _accept_cart(self, cart: CartChanged) -> list[dict[str, Any]]:
        raised: list[dict[str, Any]] = []
        for line in cart.lines:
            product = self._store.products[line.product_id]
            if product.age_limit:
                raised += self._raise(
                    f"{AGE}/{cart.visit_id}/{line.product_id}",
                    AGE,
                    cart.changed_ns,
                    visit_id=cart.visit_id,
                    name=product.name,
                    age_limit=product.age_limit,
                )
        return raised

    def _accept_interaction(self, interaction: Interaction) -> list[dict[str, Any]]:
        if interaction.kind is not InteractionKind.PUT_BACK_WRONG or not interaction.product_id:
            return []
        alert_id = f"{MISPLACED}/{interaction.interaction_id}"
        if interaction.withdrawn:
            self._alerts.pop(alert_id, None)
            self.version += 1
            return []
        return self._raise(
            alert_id,
            MISPLACED,
            interaction.happened_ns,
            name=self._store.products[interaction.product_id].name,
            place=interaction.slot_id or interaction.shelf_id or "floor",
            quantity=interaction.quantity,
        )

    def _accept_slot(self, slot: SlotChanged) -> list[dict[str, Any]]:
        alert_id = f"{LOW_STOCK}/{slot.slot_id}"
        if not slot.is_low:
            self.version += self._alerts.pop(alert_id, None) is not None
            return []
        return self._raise(
            alert_id,
            LOW_STOCK,
            slot.changed_ns,
            name=self._store.products[slot.product_id].name,
            place=slot.slot_id,
            quantity=slot.units,
        )

    def _accept_payment(self, payment: PaymentChanged) -> list[dict[str, Any]]:
        """The processor never said what became of it: somebody looks into its books."""
        alert_id = f"{UNKNOWN_CHARGE}/{payment.receipt_id}"
        if payment.end != "needs_reconcile":
            self.version += self._alerts.pop(alert_id, None) is not None
            return []
        return self._raise(alert_id, UNKNOWN_CHARGE, payment.at_ns, name=payment.receipt_id)

    def _raise(self, alert_id: str, kind: str, raised_ns: int, **what: Any) -> list[dict[str, Any]]:
        if alert_id in self._alerts:
            return []
        alert = {"alert_id": alert_id, "kind": kind, "raised_ns": raised_ns, "done_by": "", **what}
        self._alerts[alert_id] = alert
        while len(self._alerts) > ALERTS_MAX:
            self._alerts.popitem(last=False)
        self.version += 1
        return [alert]

    def _close(self, visit_id: VisitId, kind: str) -> None:
        gone = [
            at
            for at, alert in self._alerts.items()
            if alert["kind"] == kind and alert["visit_id"] == visit_id
        ]
        for alert_id in gone:
            del self._alerts[alert_id]
        self.version += bool(gone)

    def _zone(self, x_m: float, y_m: float) -> str:
        """The name of the nearest gondola: a person looks there first."""
        nearest = min(
            self._store.gondolas,
            key=lambda gondola: float(((gondola.footprint_floor_m.mean(0) - (x_m, y_m)) ** 2).sum()),
            default=None,
        )
        return nearest.gondola_id if nearest else ""
