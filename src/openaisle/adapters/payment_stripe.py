"""Charging through Stripe: payment intents, confirmed at once with saved cards, or captured where a card was tapped.

No card number ever comes here.

Keys are remembered for 24 h (docs.stripe.com/api/idempotent_requests). Afterwards a charge is found again by its key in
the payment intent's metadata, in the list of the customer's intents: that list is consistent, the search API is not.
A tapped card's customer is made with its first charge beyond a hold; the card itself says which one it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from openaisle.adapters.payment_said import Speaker
from openaisle.core.errors import MachineError, PortUnavailable, ReadingError
from openaisle.core.messages import ChargeRequested, ProcessorSaid, RefundRequested, ReleaseRequested
from openaisle.core.units import NS_PER_S
from openaisle.ports import Clock
from openaisle.receipts.holds import HOLD, TAPPED

try:
    import stripe
except ImportError as error:
    raise MachineError(
        "charging through Stripe needs its library: pip install 'openaisle[stripe]'"
    ) from error

API: Final = "https://api.stripe.com"
TIMEOUT_S: Final = 20.0
WEBHOOK_AGE_S_MAX: Final = 300
CLOCKS_APART_S: Final = 3600
"""How far Stripe's clock may be from the shop's when a charge is looked up by time."""
METADATA: Final = "openaisle_key"

_FINAL: Final = {"succeeded", "canceled", "requires_payment_method", "requires_action"}


class StripePayments:
    """`openaisle.ports.HoldingProcessor` through Stripe's own library. Use it from one thread."""

    name = "stripe"
    keys_kept_h = 24.0

    def __init__(
        self,
        api_key: str,
        webhook_secret: str,
        clock: Clock,
        *,
        url: str = API,
        http_client: stripe.HTTPClient | None = None,
    ) -> None:
        self._clock = clock
        self._speaker = Speaker("Stripe", clock)
        self._webhook_secret = webhook_secret
        self._client = stripe_client(api_key, url, http_client)

    def charge(self, request: ChargeRequested) -> ProcessorSaid | None:
        if request.method.kind == HOLD:
            return self._capture(request)
        parameters: dict[str, Any] = {
            "amount": request.amount_minor,
            "currency": request.currency.lower(),
            "payment_method": request.method.token,
            "payment_method_types": ["card"],  # Wallets are cards, too; nothing that leads elsewhere.
            "confirm": True,
            "off_session": True,
            "metadata": {METADATA: request.key, "receipt_id": request.receipt_id},
        }
        if request.method.customer:
            parameters["customer"] = request.method.customer
        try:
            if request.method.kind == TAPPED:
                parameters["customer"] = self._customer_of(request)
            intent = self._client.v1.payment_intents.create(
                parameters,  # pyright: ignore[reportArgumentType]
                {"idempotency_key": request.key},
            )
            if intent.status not in _FINAL:
                # A known key gives the first answer again, so ask how the payment itself stands.
                intent = self._client.v1.payment_intents.retrieve(intent.id)
        except stripe.CardError as error:
            return self._speaker.said(request.key, "declined", 0, _intent_id(error), error.code or "declined")
        except stripe.StripeError as error:
            raise unavailable(error) from error
        return self._of_intent(request.key, intent.to_dict(), "answer")

    def release(self, request: ReleaseRequested) -> ProcessorSaid | None:
        token = request.method.token
        try:
            status = self._client.v1.payment_intents.retrieve(token).status
            if status in ("requires_capture", "requires_payment_method"):
                status = self._client.v1.payment_intents.cancel(
                    token, None, {"idempotency_key": request.key}
                ).status
        except stripe.StripeError as error:
            raise unavailable(error) from error
        if status == "canceled":
            return self._speaker.said(request.key, "released", 0, token)
        return self._speaker.said(request.key, "refused", 0, token, "charged") if status in _FINAL else None

    def refund(self, request: RefundRequested, charge_reference: str) -> ProcessorSaid | None:
        try:
            refund = self._client.v1.refunds.create(
                {
                    "payment_intent": charge_reference,
                    "amount": request.amount_minor,
                    "metadata": {METADATA: request.key, "receipt_id": request.receipt_id},
                },
                {"idempotency_key": request.key},
            )
        except stripe.InvalidRequestError as error:
            return self._speaker.said(request.key, "refused", 0, "", error.code or "refused")
        except stripe.StripeError as error:
            raise unavailable(error) from error
        return self._of_refund(request.key, refund.to_dict(), "answer")

    def look_up_charge(self, request: ChargeRequested) -> ProcessorSaid | None:
        if request.method.kind == HOLD:
            return self._looked_up_hold(request)
        parameters: dict[str, Any] = {
            "created": {"gte": request.requested_ns // NS_PER_S - CLOCKS_APART_S},
            "limit": 100,
        }
        try:
            customer = request.method.customer
            if request.method.kind == TAPPED:
                customer = self._owner_of(request.method.token)
                if not customer:
                    return None  # It belongs to nobody yet, so nothing was charged to it.
            if customer:
                parameters["customer"] = customer
            page = self._client.v1.payment_intents.list(parameters)  # pyright: ignore[reportArgumentType]
            mine = _of_key(page, request.key)
        except stripe.StripeError as error:
            raise unavailable(error) from error
        # Should there be several, money that moved counts.
        mine.sort(key=lambda intent: (intent["status"] == "succeeded", intent["id"]), reverse=True)
        return self._speaker.decided(self._of_intent(request.key, mine[0], "look_up")) if mine else None

    def look_up_refund(self, request: RefundRequested, charge_reference: str) -> ProcessorSaid | None:
        try:
            page = self._client.v1.refunds.list({"payment_intent": charge_reference, "limit": 100})
            mine = _of_key(page, request.key)
        except stripe.StripeError as error:
            raise unavailable(error) from error
        return self._speaker.decided(self._of_refund(request.key, mine[0], "look_up")) if mine else None

    def read_webhook(self, body: bytes, headers: Mapping[str, str]) -> list[ProcessorSaid]:
        signature = next((value for name, value in headers.items() if name.lower() == "stripe-signature"), "")
        try:
            stripe.WebhookSignature.verify_header(body.decode(), signature, self._webhook_secret, None)
            event = msgspec.json.decode(body)
            kind, thing = event["type"], event["data"]["object"]
        except (ValueError, LookupError, TypeError, stripe.SignatureVerificationError) as error:
            raise ReadingError("a webhook that is not Stripe's", field="Stripe-Signature") from error
        # By the shop's clock, which in a simulated shop is not the wall's.
        signed_s = next(int(part[2:]) for part in signature.split(",") if part.startswith("t="))
        age_s = self._clock.now_ns() // NS_PER_S - signed_s
        if abs(age_s) > WEBHOOK_AGE_S_MAX:
            raise ReadingError(
                "an old webhook",
                field="Stripe-Signature",
                expected=f"{WEBHOOK_AGE_S_MAX} s at most",
                found=age_s,
            )
        key = (thing.get("metadata") or {}).get(METADATA)
        if not key:
            return []
        if kind.startswith("payment_intent."):
            said = self._of_intent(key, thing, "webhook")
        elif kind.startswith(("refund.", "charge.refund.")):
            said = self._of_refund(key, thing, "webhook")
        else:
            said = None
        return [said] if said else []

    def close(self) -> None:
        pass

    # --- leaves ---------------------------------------------------------------------------------------------------

    def _capture(self, request: ChargeRequested) -> ProcessorSaid | None:
        """Take of what is held; where it is less than is asked, have the bank hold more first, if it does."""
        intents, token = self._client.v1.payment_intents, request.method.token
        try:
            intent = intents.retrieve(token)
            if intent.status == "requires_capture":
                held_minor = intent.amount_capturable
                if held_minor < request.amount_minor:
                    held_minor = self._grown(token, request, held_minor)
                takes_minor = min(held_minor, request.amount_minor)
                intent = intents.capture(
                    token,
                    {
                        "amount_to_capture": takes_minor,
                        "metadata": {METADATA: request.key, "receipt_id": request.receipt_id},
                    },
                    # What is held may have grown since the last try; it is captured once, whatever the key.
                    {"idempotency_key": f"{request.key}-{takes_minor}"},
                )
        except stripe.StripeError as error:
            raise unavailable(error) from error
        return self._of_hold(request.key, intent.to_dict(), "answer")

    def _grown(self, token: str, request: ChargeRequested, held_minor: int) -> int:
        """What the bank holds after it was asked for all that is owed."""
        try:
            return self._client.v1.payment_intents.increment_authorization(
                token,
                {"amount": request.amount_minor},
                {"idempotency_key": f"{request.key}-more"},
            ).amount_capturable
        except (stripe.CardError, stripe.InvalidRequestError):
            return held_minor  # Not this card: what is held is taken, the rest is charged on its own.

    def _looked_up_hold(self, request: ChargeRequested) -> ProcessorSaid | None:
        try:
            intent = self._client.v1.payment_intents.retrieve(request.method.token).to_dict()
        except stripe.StripeError as error:
            raise unavailable(error) from error
        if intent["status"] == "requires_capture":
            return None
        return self._speaker.decided(self._of_hold(request.key, intent, "look_up"))

    def _of_hold(self, key: str, intent: Any, via: str) -> ProcessorSaid | None:
        if intent["status"] == "canceled":
            return self._speaker.said(key, "declined", 0, intent["id"], "hold_lapsed", via)
        return self._of_intent(key, intent, via)

    def _customer_of(self, request: ChargeRequested) -> str:
        """A card that a reader saw can be charged again once it belongs to a customer."""
        owner = self._owner_of(request.method.token)
        if owner:
            return owner  # A card is attached once.
        customer = self._client.v1.customers.create(
            {"payment_method": request.method.token}, {"idempotency_key": f"{request.key}-customer"}
        )
        return customer.id

    def _owner_of(self, token: str) -> str:
        """The customer that a card was attached to, "" where it was not."""
        owner = self._client.v1.payment_methods.retrieve(token).customer
        return owner if isinstance(owner, str) else owner.id if owner else ""

    def _of_intent(self, key: str, intent: Any, via: str) -> ProcessorSaid | None:
        if intent["status"] == "succeeded":
            return self._speaker.said(key, "charged", intent["amount_received"], intent["id"], via=via)
        if intent["status"] in _FINAL:
            return self._speaker.said(key, "declined", 0, intent["id"], _decline_reason(intent), via)
        return None

    def _of_refund(self, key: str, refund: Any, via: str) -> ProcessorSaid | None:
        if refund["status"] == "succeeded":
            return self._speaker.said(key, "refunded", refund["amount"], refund["id"], via=via)
        if refund["status"] in ("failed", "canceled"):
            return self._speaker.said(key, "refused", 0, refund["id"], refund["status"], via)
        return None


def _of_key(page: Any, key: str) -> list[dict[str, Any]]:
    """Everything of a list, all its pages, that was made under this key."""
    found = [thing.to_dict() for thing in page.auto_paging_iter()]
    return [thing for thing in found if (thing.get("metadata") or {}).get(METADATA) == key]


def _decline_reason(intent: Any) -> str:
    error = intent.get("last_payment_error") or {}
    return error.get("code") or intent["status"]


def _intent_id(error: stripe.CardError) -> str:
    body: Any = error.json_body or {}
    return body.get("error", {}).get("payment_intent", {}).get("id", "")


def stripe_client(
    api_key: str, url: str, http_client: stripe.HTTPClient | None = None
) -> stripe.StripeClient:
    """Stripe's own client. Retries are ours: each is decided by what the ledger knows."""
    return stripe.StripeClient(
        api_key,
        base_addresses={"api": url},
        http_client=http_client or stripe.RequestsClient(timeout=TIMEOUT_S),
        max_network_retries=0,
    )


def unavailable(error: stripe.StripeError) -> PortUnavailable:
    """Nothing is known: the money may or may not have moved."""
    return PortUnavailable(f"Stripe gave no answer that tells what happened: {type(error).__name__}: {error}")
