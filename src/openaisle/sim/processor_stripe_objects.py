"""Objects of Stripe's API as the simulated processor answers them: payment intents, refunds, errors."""

from __future__ import annotations

import msgspec

from openaisle.core.units import NS_PER_S
from openaisle.sim.processor import Payment, Refund, Reply
from openaisle.sim.processor_holds import HELD_NS_MAX, Card


def payment_intent(payment: Payment, *, has_charge: bool = False) -> dict[str, object]:
    """As `GET /v1/payment_intents/:id` has it; with `latest_charge` expanded where it is wanted."""
    hold = payment.hold
    intent: dict[str, object] = {
        "id": payment.payment_id,
        "object": "payment_intent",
        "amount": payment.amount_minor,
        "amount_received": payment.captured_minor,
        "currency": payment.currency.lower(),
        "created": payment.created_ns // NS_PER_S,
        "customer": payment.customer or None,
        "capture_method": "manual" if hold else "automatic",
        "amount_capturable": payment.amount_minor if _status(payment) == "requires_capture" else 0,
        "metadata": {"openaisle_key": payment.reference} if payment.reference else {},
        "status": _status(payment),
        "last_payment_error": None if payment.captured_minor or hold else {"code": "card_declined"},
    }
    if hold is not None:
        intent["metadata"] = {"openaisle_visit": hold.visit_id, **intent["metadata"]}  # type: ignore[dict-item]
        intent["latest_charge"] = _held_charge(payment, hold.card) if has_charge and hold.card else None
    return intent


def _status(payment: Payment) -> str:
    if payment.is_pending:
        return "processing"
    hold = payment.hold
    if payment.captured_minor:
        return "succeeded"
    if hold is None or (hold.card is None and not hold.is_canceled):
        return "requires_payment_method"
    return "canceled" if hold.is_canceled else "requires_capture"


def _held_charge(payment: Payment, card: Card) -> dict[str, object]:
    assert payment.hold is not None
    present = {
        "amount_authorized": payment.amount_minor,
        "brand": "visa",
        "capture_before": (payment.hold.held_ns + HELD_NS_MAX) // NS_PER_S,
        "exp_month": 11,
        "exp_year": 2034,
        "fingerprint": card.fingerprint,
        "generated_card": card.saved or None,
        "incremental_authorization_supported": card.can_grow,
        "last4": card.last4,
        "wallet": {"type": "apple_pay"} if card.is_wallet else None,
    }
    return {
        "id": payment.payment_id.replace("pi_", "ch_"),
        "object": "charge",
        "created": payment.hold.held_ns // NS_PER_S,
        "payment_method_details": {"type": "card_present", "card_present": present},
    }


def refund_object(refund: Refund) -> dict[str, object]:
    """As `GET /v1/refunds/:id` has it."""
    return {
        "id": refund.refund_id,
        "object": "refund",
        "amount": refund.amount_minor,
        "currency": refund.currency.lower(),
        "created": refund.created_ns // NS_PER_S,
        "payment_intent": refund.payment_id,
        "metadata": {"openaisle_key": refund.reference},
        "status": "succeeded",
    }


def reply(status: int, body: dict[str, object]) -> Reply:
    """An answer with a body."""
    return Reply(status=status, body=msgspec.json.encode(body))


def error(status: int, kind: str, message: str, code: str | None = None) -> Reply:
    """An answer that says what was wrong."""
    return reply(status, {"error": {"type": kind, "message": message, "code": code}})
