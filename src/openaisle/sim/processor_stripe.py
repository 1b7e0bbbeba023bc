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
from openaisle.sim.processor import Notice, Processor, Reply
from openaisle.sim.processor_stripe_objects import error, payment_intent, refund_object, reply
from openaisle.sim.processor_stripe_terminal import terminal_answer

PAGE_MAX = 100


def answer(
    processor: Processor, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
) -> Reply:
    """One call. `headers` have lower-case names. Raises ConnectionLost where the caller gets no answer."""
    if not headers.get("authorization", "").startswith("Bearer sk_"):
        return error(401, "invalid_request_error", "no API key")
    fields = dict(parse_qsl(body.decode()))
    parameters = dict(parse_qsl(query))
    key = headers.get("idempotency-key", "")

    parts = path.strip("/").split("/")[1:]

    def act() -> Reply:
        held = terminal_answer(processor, method, parts, fields, parameters)
        if held is not None:
            return held
        match (method, parts):
            case ("POST", ["payment_intents"]):
                return _create_payment(processor, fields)
            case ("POST", ["customers"]) if fields.get("payment_method", "").startswith("pm_"):
                return _create_customer(processor, fields["payment_method"])
            case ("GET", ["payment_methods", token]) if token.startswith("pm_"):
                customer = processor.customers.get(token)
                return reply(200, {"id": token, "object": "payment_method", "customer": customer})
            case ("GET", ["payment_intents"]):
                return _list_payments(processor, parameters)
            case ("GET", ["payment_intents", payment_id]) if payment_id in processor.payments:
                return reply(200, payment_intent(processor.payments[payment_id]))
            case ("POST", ["refunds"]):
                return _create_refund(processor, fields)
            case ("GET", ["refunds"]):
                return _list_refunds(processor, parameters)
            case _:
                return error(404, "invalid_request_error", f"no such thing: {method} {path}")

    return processor.call(key, f"{method} {path} {body.decode()}", act)


def webhook(notice: Notice, secret: str, now_ns: int) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a notification, signed as Stripe signs (scheme v1)."""
    payment, refund = notice.payment, notice.refund
    if refund is not None:
        kind, thing = "refund.updated", refund_object(refund)
    else:
        failed = "payment_intent.canceled" if payment.hold else "payment_intent.payment_failed"
        kind = "payment_intent.succeeded" if payment.captured_minor else failed
        thing = payment_intent(payment)
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
        return error(400, "invalid_request_error", "expected payment_method=pm_... and confirm=true")
    payment = processor.charge(
        fields.get("metadata[openaisle_key]", ""),
        int(fields["amount"]),
        fields["currency"],
        token,
        fields.get("customer", ""),
    )
    intent = payment_intent(payment)
    if payment.captured_minor:
        return reply(200, intent)
    declined = {
        "type": "card_error",
        "code": "card_declined",
        "decline_code": "generic_decline",
        "message": "Your card was declined.",
        "payment_intent": intent,
    }
    return reply(402, {"error": declined})


def _create_customer(processor: Processor, token: str) -> Reply:
    """With this card, which must not belong to another one."""
    if token in processor.customers:
        message = "The payment method has already been attached to a customer."
        return error(400, "invalid_request_error", message)
    processor.customers[token] = f"cus_{token[3:]}"
    return reply(200, {"id": processor.customers[token], "object": "customer"})


def _create_refund(processor: Processor, fields: dict[str, str]) -> Reply:
    refund = processor.refund(
        fields.get("metadata[openaisle_key]", ""), fields["payment_intent"], int(fields["amount"])
    )
    if refund is None:
        return error(
            400, "invalid_request_error", "more than is left of the charge", "charge_already_refunded"
        )
    return reply(200, refund_object(refund))


def _list_payments(processor: Processor, parameters: dict[str, str]) -> Reply:
    from_ns = int(parameters.get("created[gte]", 0)) * NS_PER_S
    found = processor.created_since(from_ns, parameters.get("customer", ""))
    return _page("/v1/payment_intents", [payment_intent(payment) for payment in found], parameters)


def _list_refunds(processor: Processor, parameters: dict[str, str]) -> Reply:
    payment = processor.payments.get(parameters.get("payment_intent", ""))
    refunds = reversed(payment.refunds) if payment else ()
    return _page("/v1/refunds", [refund_object(refund) for refund in refunds], parameters)


def _page(url: str, things: list[dict[str, object]], parameters: dict[str, str]) -> Reply:
    after = parameters.get("starting_after")
    if after:
        ids = [thing["id"] for thing in things]
        things = things[ids.index(after) + 1 :] if after in ids else []
    limit = min(int(parameters.get("limit", 10)), PAGE_MAX)
    page = {"object": "list", "url": url, "has_more": len(things) > limit, "data": things[:limit]}
    return reply(200, page)
