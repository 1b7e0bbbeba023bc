"""Charging through Adyen's Checkout API (v71): stored cards, charged without the shopper (ContAuth).

Adyen keeps idempotency keys for seven days at least and has no call that finds a payment by our reference: within the
seven days the same request is asked again, and beyond them a person reconciles. Refunds are answered by webhook.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from openaisle.adapters.payment_http import ProcessorHttp, is_signed
from openaisle.adapters.payment_said import Speaker
from openaisle.core.errors import PortUnavailable, ReadingError
from openaisle.core.messages import ChargeRequested, ProcessorSaid, RefundRequested
from openaisle.ports import Clock

API: Final = "https://checkout-test.adyen.com"
VERSION: Final = "/v71"
_DECLINED: Final = {"Refused", "Cancelled", "Error", "RedirectShopper", "ChallengeShopper", "IdentifyShopper"}
_SIGNED_FIELDS: Final = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")


class AdyenPayments:
    """`openaisle.ports.PaymentProcessor` by Adyen's HTTP API. Use it from one thread."""

    name = "adyen"
    keys_kept_h = 7 * 24.0

    def __init__(
        self, api_key: str, merchant_account: str, webhook_key_hex: str, clock: Clock, *, url: str = API
    ) -> None:
        self._speaker = Speaker("Adyen", clock)
        self._merchant_account = merchant_account
        self._webhook_key = bytes.fromhex(webhook_key_hex)
        self._http = ProcessorHttp("Adyen", url, {"X-API-Key": api_key})

    def charge(self, request: ChargeRequested) -> ProcessorSaid | None:
        body = {
            "merchantAccount": self._merchant_account,
            "amount": {"value": request.amount_minor, "currency": request.currency},
            "reference": request.key,
            "paymentMethod": {"type": "scheme", "storedPaymentMethodId": request.method.token},
            "shopperReference": request.method.customer or request.method.payer_id,
            "shopperInteraction": "ContAuth",
            "recurringProcessingModel": "UnscheduledCardOnFile",
        }
        status, answer = self._post("/payments", request.key, body)
        if status >= 400:
            raise PortUnavailable(f"Adyen did not understand a charge: {answer.get('message', answer)}")
        result = answer.get("resultCode", "")
        reference = answer.get("pspReference", "")
        if result == "Authorised":
            minor = answer.get("amount", {}).get("value", request.amount_minor)
            return self._speaker.said(request.key, "charged", minor, reference)
        if result in _DECLINED:
            return self._speaker.said(
                request.key, "declined", 0, reference, answer.get("refusalReason") or result
            )
        return None  # Received, Pending: a webhook tells.

    def refund(self, request: RefundRequested, charge_reference: str) -> ProcessorSaid | None:
        body = {
            "merchantAccount": self._merchant_account,
            "amount": {"value": request.amount_minor, "currency": request.currency},
            "reference": request.key,
        }
        status, answer = self._post(f"/payments/{charge_reference}/refunds", request.key, body)
        if status >= 400:
            return self._speaker.said(request.key, "refused", 0, "", answer.get("errorCode") or "refused")
        return None  # Received: a webhook tells.

    def look_up_charge(self, request: ChargeRequested) -> ProcessorSaid | None:
        raise PortUnavailable(f"Adyen cannot look up {request.key}: see its statement")

    def look_up_refund(self, request: RefundRequested, charge_reference: str) -> ProcessorSaid | None:
        raise PortUnavailable(f"Adyen cannot look up {request.key} of {charge_reference}: see its statement")

    def read_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[ProcessorSaid]:
        try:
            items = [
                each["NotificationRequestItem"] for each in msgspec.json.decode(body)["notificationItems"]
            ]
            for item in items:
                if not self._is_ours(item):
                    raise ReadingError("a webhook that is not Adyen's", field="hmacSignature")
        except (ValueError, LookupError, TypeError) as error:
            raise ReadingError("a webhook that is not Adyen's", field="notificationItems") from error
        return [said for item in items if (said := self._of_item(item))]

    def close(self) -> None:
        self._http.close()

    # --- leaves ---------------------------------------------------------------------------------------------------

    def _post(self, path: str, key: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return self._http.call("POST", VERSION + path, json=body, headers={"Idempotency-Key": key})

    def _is_ours(self, item: Mapping[str, Any]) -> bool:
        signature = (item.get("additionalData") or {}).get("hmacSignature", "")
        return is_signed(self._webhook_key, signed_text(item), signature)

    def _of_item(self, item: Mapping[str, Any]) -> ProcessorSaid | None:
        key, reference = item["merchantReference"], item["pspReference"]
        minor, is_done = item["amount"]["value"], item["success"] == "true"
        match item["eventCode"]:
            case "AUTHORISATION":
                outcome = "charged" if is_done else "declined"
            case "REFUND":
                outcome = "refunded" if is_done else "refused"
            case _:
                return None
        return self._speaker.said(
            key,
            outcome,
            minor if is_done else 0,
            reference,
            "" if is_done else item.get("reason", ""),
            "webhook",
        )


def signed_text(item: Mapping[str, Any]) -> bytes:
    """What Adyen signs of a notification (docs.adyen.com, verify HMAC signatures)."""
    amount = item["amount"]
    parts = [item.get(name) or "" for name in _SIGNED_FIELDS]
    parts += [str(amount["value"]), amount["currency"], item["eventCode"], item["success"]]
    return ":".join(part.replace("\\", "\\\\").replace(":", "\\:") for part in parts).encode()
