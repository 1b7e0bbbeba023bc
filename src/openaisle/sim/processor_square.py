"""The simulated processor in Square's words: payments, refunds, lists by time, signed webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import msgspec

from openaisle.adapters.payment_http import signed
from openaisle.core.units import NS_PER_S
from openaisle.sim.processor import Notice, Payment, Processor, Refund, Reply

PAGE = 100
WEBHOOK_URL = "http://127.0.0.1/webhooks/square"
"""Part of what is signed; the simulated subscription's."""


def answer(
    processor: Processor, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
) -> Reply:
    """One call. `headers` have lower-case names. Raises ConnectionLost where the caller gets no answer."""
    if not headers.get("authorization", "").startswith("Bearer "):
        return _error(401, "AUTHENTICATION_ERROR", "UNAUTHORIZED")
    fields = msgspec.json.decode(body) if body else {}
    parameters = dict(parse_qsl(query))

    def act() -> Reply:
        match (method, path):
            case ("POST", "/v2/payments"):
                return _pay(processor, fields)
            case ("POST", "/v2/refunds"):
                reference = fields.get("reason", "").rpartition("[")[2].rstrip("]")
                refund = processor.refund(reference, fields["payment_id"], fields["amount_money"]["amount"])
                if refund is None:
                    return _error(400, "REFUND_ERROR", "REFUND_AMOUNT_INVALID")
                return _reply(200, {"refund": _refund(refund)})
            case ("GET", "/v2/payments"):
                found = processor.created_since(_since_ns(parameters))
                return _page("payments", [_payment(payment) for payment in found], parameters)
            case ("GET", "/v2/refunds"):
                refunds = [refund for payment in processor.payments.values() for refund in payment.refunds]
                refunds = [refund for refund in refunds if refund.created_ns >= _since_ns(parameters)]
                return _page("refunds", [_refund(refund) for refund in refunds], parameters)
            case _:
                return _error(404, "INVALID_REQUEST_ERROR", "NOT_FOUND")

    return processor.call(fields.get("idempotency_key", ""), f"{method} {path} {body.decode()}", act)


def webhook(notice: Notice, secret: str, now_ns: int) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a notification, signed with the subscription's key."""
    payment, refund = notice.payment, notice.refund
    kind, thing = ("refund", _refund(refund)) if refund else ("payment", _payment(payment))
    event = {
        "merchant_id": "SIMULATED",
        "type": f"{kind}.updated",
        "event_id": f"evt-{thing['id']}",
        "created_at": _time(notice.due_ns),
        "data": {"type": kind, "id": thing["id"], "object": {kind: thing}},
    }
    body = msgspec.json.encode(event)
    signature = signed(secret.encode(), WEBHOOK_URL.encode() + body)
    return body, {"x-square-hmacsha256-signature": signature, "Content-Type": "application/json"}


def _pay(processor: Processor, fields: dict) -> Reply:
    money = fields["amount_money"]
    payment = processor.charge(
        fields.get("reference_id", ""),
        money["amount"],
        money["currency"],
        fields["source_id"],
        fields.get("customer_id", ""),
    )
    if payment.captured_minor:
        return _reply(200, {"payment": _payment(payment)})
    error = {"category": "PAYMENT_METHOD_ERROR", "code": "GENERIC_DECLINE", "detail": "simulated"}
    # Kept under its key, as Square keeps it: a status of its own here, for 400 means that nothing was tried.
    return _reply(402, {"errors": [error], "payment": _payment(payment)})


def _payment(payment: Payment) -> dict[str, object]:
    return {
        "id": payment.payment_id,
        "status": "PENDING" if payment.is_pending else "COMPLETED" if payment.captured_minor else "FAILED",
        "reference_id": payment.reference,
        "amount_money": {
            "amount": payment.captured_minor or payment.amount_minor,
            "currency": payment.currency,
        },
        "created_at": _time(payment.created_ns),
    }


def _refund(refund: Refund) -> dict[str, object]:
    return {
        "id": refund.refund_id,
        "status": "COMPLETED",
        "payment_id": refund.payment_id,
        "amount_money": {"amount": refund.amount_minor, "currency": refund.currency},
        "reason": f"[{refund.reference}]",
        "created_at": _time(refund.created_ns),
    }


def _page(kind: str, things: list[dict[str, object]], parameters: dict[str, str]) -> Reply:
    first = int(parameters.get("cursor", 0))
    page: dict[str, object] = {kind: things[first : first + PAGE]}
    if first + PAGE < len(things):
        page["cursor"] = str(first + PAGE)
    return _reply(200, page)


def _since_ns(parameters: dict[str, str]) -> int:
    text = parameters.get("begin_time", "1970-01-01T00:00:00+00:00")
    return int(datetime.fromisoformat(text).timestamp()) * NS_PER_S


def _time(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns // NS_PER_S, UTC).isoformat()


def _reply(status: int, body: dict[str, object]) -> Reply:
    return Reply(status=status, body=msgspec.json.encode(body))


def _error(status: int, category: str, code: str) -> Reply:
    return _reply(status, {"errors": [{"category": category, "code": code}]})
