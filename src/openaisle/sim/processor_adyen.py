"""The simulated processor in Adyen's words: payments with stored cards, refunds, signed standard notifications."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from openaisle.adapters.payment_adyen import signed_text
from openaisle.adapters.payment_http import signed
from openaisle.core.units import NS_PER_S
from openaisle.sim.processor import Notice, Processor, Reply


def answer(
    processor: Processor, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
) -> Reply:
    """One call. `headers` have lower-case names. Raises ConnectionLost where the caller gets no answer."""
    if not headers.get("x-api-key"):
        return _reply(
            401, {"status": 401, "errorCode": "000", "message": "HTTP Status Response - Unauthorized"}
        )

    def act() -> Reply:
        fields = msgspec.json.decode(body or b"{}")
        match (method, path.strip("/").split("/")[1:]):
            case ("POST", ["payments"]):
                return _pay(processor, fields)
            case ("POST", ["payments", payment_id, "refunds"]):
                refund = processor.refund(fields["reference"], payment_id, fields["amount"]["value"])
                if refund is None:
                    message = "Original payment is too small for this refund"
                    return _reply(422, {"status": 422, "errorCode": "M_4", "message": message})
                return _reply(201, {"pspReference": refund.refund_id, "status": "received"})
            case _:
                return _reply(404, {"status": 404, "message": f"no such thing: {method} {path}"})

    return processor.call(headers.get("idempotency-key", ""), f"{method} {path} {body.decode()}", act)


def webhook(notice: Notice, secret: str, now_ns: int) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a notification. `secret`: the HMAC key, hexadecimal."""
    payment, refund = notice.payment, notice.refund
    item: dict[str, object] = {
        "amount": {
            "value": refund.amount_minor if refund else payment.captured_minor or payment.amount_minor,
            "currency": payment.currency,
        },
        "eventCode": "REFUND" if refund else "AUTHORISATION",
        "eventDate": datetime.fromtimestamp(notice.due_ns // NS_PER_S, UTC).isoformat(),
        "merchantAccountCode": "Simulated",
        "merchantReference": refund.reference if refund else payment.reference,
        "originalReference": payment.payment_id if refund else "",
        "pspReference": refund.refund_id if refund else payment.payment_id,
        "reason": "" if refund or payment.captured_minor else "Refused",
        "success": "true" if refund or payment.captured_minor else "false",
    }
    item["additionalData"] = {"hmacSignature": signed(bytes.fromhex(secret), signed_text(item))}
    envelope = {"live": "false", "notificationItems": [{"NotificationRequestItem": item}]}
    return msgspec.json.encode(envelope), {"Content-Type": "application/json"}


def _pay(processor: Processor, fields: dict) -> Reply:
    amount, method = fields["amount"], fields["paymentMethod"]
    payment = processor.charge(
        fields["reference"],
        amount["value"],
        amount["currency"],
        method["storedPaymentMethodId"],
        fields.get("shopperReference", ""),
    )
    answer: dict[str, object] = {
        "pspReference": payment.payment_id,
        "resultCode": "Authorised" if payment.captured_minor else "Refused",
        "merchantReference": payment.reference,
        "amount": {"value": payment.captured_minor or payment.amount_minor, "currency": payment.currency},
    }
    if not payment.captured_minor:
        answer["refusalReason"] = "Refused"
    return _reply(200, answer)


def _reply(status: int, body: dict[str, object]) -> Reply:
    return Reply(status=status, body=msgspec.json.encode(body))
