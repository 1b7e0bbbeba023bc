"""The simulated processor in Stripe's words: as much of its API as charging, refunding and looking up need.

Paths, fields, states and the signature of webhooks follow docs.stripe.com/api; bodies are form-encoded, answers JSON.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl

import msgspec

from openaisle.core.units import NS_PER_S
from openaisle.sim.processor import Notice, Payment, Processor, Refund, Reply

PAGE_MAX = 100


def answer(
    processor: Processor, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
) -> Reply:
    """One call. `headers` have lower-case names. Raises ConnectionLost where the caller gets no answer."""
    if not headers.get("authorization", "").startswith("Bearer sk_"):
        return _error(401, "invalid_request_error", "no API key")
    fields = dict(parse_qsl(body.decode()))
    parameters = dict(parse_qsl(query))
    key = headers.get("idempotency-key", "")

    def act() -> Reply:
        match (method, path.strip("/").split("/")[1:]):
            case ("POST", ["payment_intents"]):
                return _create_payment(processor, fields)
            case ("GET", ["payment_intents"]):
                return _list_payments(processor, parameters)
            case ("GET", ["payment_intents", payment_id]) if payment_id in processor.payments:
                return _reply(200, _payment_intent(processor.payments[payment_id]))
            case ("POST", ["refunds"]):
                return _create_refund(processor, fields)
            case ("GET", ["refunds"]):
                return _list_refunds(processor, parameters)
            case _:
                return _error(404, "invalid_request_error", f"no such thing: {method} {path}")

    return processor.call(key, f"{method} {path} {body.decode()}", act)


def webhook(notice: Notice, secret: str, now_ns: int) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a notification, signed as Stripe signs (scheme v1)."""
    payment, refund = notice.payment, notice.refund
    if refund is not None:
        kind, thing = "refund.updated", _refund_object(refund)
    else:
        kind = "payment_intent.succeeded" if payment.captured_minor else "payment_intent.payment_failed"
        thing = _payment_intent(payment)
    event = {
        "id": f"evt_{kind}_{thing['id']}",
        "object": "event",
        "api_version": "2025-03-31.basil",
        "created": notice.due_ns // NS_PER_S,
        "type": kind,
        "data": {"object": thing},
    }
    body = msgspec.json.encode(event)
    at_s = now_ns // NS_PER_S
    digest = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return body, {"Stripe-Signature": f"t={at_s},v1={digest}", "Content-Type": "application/json"}


# --- leaves -------------------------------------------------------------------------------------------------------


def _create_payment(processor: Processor, fields: dict[str, str]) -> Reply:
    token = fields.get("payment_method", "")
    if not token.startswith("pm_") or fields.get("confirm") != "true":
        return _error(400, "invalid_request_error", "expected payment_method=pm_... and confirm=true")
    payment = processor.charge(
        fields.get("metadata[openaisle_key]", ""),
        int(fields["amount"]),
        fields["currency"],
        token,
        fields.get("customer", ""),
    )
    intent = _payment_intent(payment)
    if payment.captured_minor:
        return _reply(200, intent)
    error = {
        "type": "card_error",
        "code": "card_declined",
        "decline_code": "generic_decline",
        "message": "Your card was declined.",
        "payment_intent": intent,
    }
    return _reply(402, {"error": error})


def _create_refund(processor: Processor, fields: dict[str, str]) -> Reply:
    refund = processor.refund(
        fields.get("metadata[openaisle_key]", ""), fields["payment_intent"], int(fields["amount"])
    )
    if refund is None:
        return _error(
            400, "invalid_request_error", "more than is left of the charge", "charge_already_refunded"
        )
    return _reply(200, _refund_object(refund))


def _list_payments(processor: Processor, parameters: dict[str, str]) -> Reply:
    from_ns = int(parameters.get("created[gte]", 0)) * NS_PER_S
    found = processor.created_since(from_ns, parameters.get("customer", ""))
    return _page("/v1/payment_intents", [_payment_intent(payment) for payment in found], parameters)


def _list_refunds(processor: Processor, parameters: dict[str, str]) -> Reply:
    payment = processor.payments.get(parameters.get("payment_intent", ""))
    refunds = reversed(payment.refunds) if payment else ()
    return _page("/v1/refunds", [_refund_object(refund) for refund in refunds], parameters)


def _page(url: str, things: list[dict[str, object]], parameters: dict[str, str]) -> Reply:
    after = parameters.get("starting_after")
    if after:
        ids = [thing["id"] for thing in things]
        things = things[ids.index(after) + 1 :] if after in ids else []
    limit = min(int(parameters.get("limit", 10)), PAGE_MAX)
    page = {"object": "list", "url": url, "has_more": len(things) > limit, "data": things[:limit]}
    return _reply(200, page)


def _payment_intent(payment: Payment) -> dict[str, object]:
    return {
        "id": payment.payment_id,
        "object": "payment_intent",
        "amount": payment.amount_minor,
        "amount_received": payment.captured_minor,
        "currency": payment.currency.lower(),
        "created": payment.created_ns // NS_PER_S,
        "customer": payment.customer or None,
        "metadata": {"openaisle_key": payment.reference},
        "status": _status(payment),
        "last_payment_error": None if payment.captured_minor else {"code": "card_declined"},
    }


def _status(payment: Payment) -> str:
    if payment.is_pending:
        return "processing"
    return "succeeded" if payment.captured_minor else "requires_payment_method"


def _refund_object(refund: Refund) -> dict[str, object]:
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


def _reply(status: int, body: dict[str, object]) -> Reply:
    return Reply(status=status, body=msgspec.json.encode(body))


def _error(status: int, kind: str, message: str, code: str | None = None) -> Reply:
    return _reply(status, {"error": {"type": kind, "message": message, "code": code}})
