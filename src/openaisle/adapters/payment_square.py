"""Charging through Square's Payments API: cards on file, completed at once.

Square does not say for how long it keeps idempotency keys: we count on a day. Older charges are found again by
`reference_id`, older refunds by the key at the end of their reason, both in lists by time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from openaisle.adapters.payment_http import ProcessorHttp, is_signed
from openaisle.adapters.payment_said import Speaker
from openaisle.core.errors import PortUnavailable, ReadingError
from openaisle.core.messages import ChargeRequested, ProcessorSaid, RefundRequested
from openaisle.core.units import NS_PER_S
from openaisle.ports import Clock

API: Final = "https://connect.squareup.com"
VERSION: Final = "2025-01-23"
CLOCKS_APART_S: Final = 3600
_DECLINED: Final = {"FAILED", "CANCELED"}


class SquarePayments:
    """`openaisle.ports.PaymentProcessor` by Square's HTTP API. Use it from one thread."""

    name = "square"
    keys_kept_h = 24.0

    def __init__(
        self,
        access_token: str,
        location_id: str,
        webhook_key: str,
        webhook_url: str,
        clock: Clock,
        *,
        url: str = API,
    ) -> None:
        """`webhook_url`: where Square sends to, for it is part of what it signs."""
        self._speaker = Speaker("Square", clock)
        self._location_id = location_id
        self._webhook_key, self._webhook_url = webhook_key.encode(), webhook_url
        headers = {"Authorization": f"Bearer {access_token}", "Square-Version": VERSION}
        self._http = ProcessorHttp("Square", url, headers)

    def charge(self, request: ChargeRequested) -> ProcessorSaid | None:
        body: dict[str, Any] = {
            "idempotency_key": request.key,
            "source_id": request.method.token,
            "amount_money": {"amount": request.amount_minor, "currency": request.currency},
            "autocomplete": True,
            "location_id": self._location_id,
            "reference_id": request.key,
        }
        if request.method.customer:
            body["customer_id"] = request.method.customer
        status, answer = self._http.call("POST", "/v2/payments", json=body)
        if status >= 400:
            error = (answer.get("errors") or [{}])[0]
            if error.get("category") != "PAYMENT_METHOD_ERROR":
                raise PortUnavailable(f"Square did not understand a charge: {error}")
            reference = (answer.get("payment") or {}).get("id", "")
            return self._speaker.said(request.key, "declined", 0, reference, error.get("code") or "declined")
        return self._of_payment(answer["payment"], "answer")

    def refund(self, request: RefundRequested, charge_reference: str) -> ProcessorSaid | None:
        body = {
            "idempotency_key": request.key,
            "payment_id": charge_reference,
            "amount_money": {"amount": request.amount_minor, "currency": request.currency},
            "reason": f"{request.reason[:120]} [{request.key}]",
        }
        status, answer = self._http.call("POST", "/v2/refunds", json=body)
        if status >= 400:
            error = (answer.get("errors") or [{}])[0]
            return self._speaker.said(request.key, "refused", 0, "", error.get("code") or "refused")
        return self._of_refund(answer["refund"], "answer")

    def look_up_charge(self, request: ChargeRequested) -> ProcessorSaid | None:
        mine = [
            payment
            for payment in self._list("payments", request.requested_ns)
            if payment.get("reference_id") == request.key
        ]
        mine.sort(key=lambda payment: (payment["status"] == "COMPLETED", payment["id"]), reverse=True)
        return self._speaker.decided(self._of_payment(mine[0], "look_up")) if mine else None

    def look_up_refund(self, request: RefundRequested, charge_reference: str) -> ProcessorSaid | None:
        for refund in self._list("refunds", request.requested_ns):
            if refund["payment_id"] == charge_reference and _key_of(refund) == request.key:
                return self._speaker.decided(self._of_refund(refund, "look_up"))
        return None

    def read_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[ProcessorSaid]:
        name = "x-square-hmacsha256-signature"
        signature = next((value for key, value in headers.items() if key.lower() == name), "")
        if not is_signed(self._webhook_key, self._webhook_url.encode() + body, signature):
            raise ReadingError("a webhook that is not Square's", field=name)
        try:
            event = msgspec.json.decode(body)
            thing = event["data"]["object"]
            if event["type"].startswith("payment."):
                said = self._of_payment(thing["payment"], "webhook")
            elif event["type"].startswith("refund."):
                said = self._of_refund(thing["refund"], "webhook")
            else:
                said = None
        except (ValueError, LookupError, TypeError) as error:
            raise ReadingError("a webhook that says nothing", field="data") from error
        return [said] if said else []

    def close(self) -> None:
        self._http.close()

    # --- leaves ---------------------------------------------------------------------------------------------------

    def _list(self, kind: str, from_ns: int) -> Iterator[dict[str, Any]]:
        began = datetime.fromtimestamp(from_ns // NS_PER_S - CLOCKS_APART_S, UTC)
        parameters = {"begin_time": began.isoformat(), "location_id": self._location_id}
        while True:
            _, answer = self._http.call("GET", f"/v2/{kind}", params=parameters)
            yield from answer.get(kind) or ()
            if not answer.get("cursor"):
                return
            parameters["cursor"] = answer["cursor"]

    def _of_payment(self, payment: Mapping[str, Any], via: str) -> ProcessorSaid | None:
        key = payment.get("reference_id", "")
        if payment["status"] == "COMPLETED" and key:
            return self._speaker.said(
                key, "charged", payment["amount_money"]["amount"], payment["id"], via=via
            )
        if payment["status"] in _DECLINED and key:
            return self._speaker.said(key, "declined", 0, payment["id"], payment["status"].lower(), via)
        return None

    def _of_refund(self, refund: Mapping[str, Any], via: str) -> ProcessorSaid | None:
        key = _key_of(refund)
        if refund["status"] == "COMPLETED" and key:
            return self._speaker.said(
                key, "refunded", refund["amount_money"]["amount"], refund["id"], via=via
            )
        if refund["status"] in ("FAILED", "REJECTED") and key:
            return self._speaker.said(key, "refused", 0, refund["id"], refund["status"].lower(), via)
        return None


def _key_of(refund: Mapping[str, Any]) -> str:
    return refund.get("reason", "").rpartition("[")[2].rstrip("]")
