"""Card readers through Stripe Terminal, driven by this server: a tap is a payment intent that is captured at the exit.

No SDK runs on a reader and no card number comes here: Stripe's cloud asks the reader, and we ask Stripe
(docs.stripe.com/terminal/payments/collect-card-payment, server-driven). Without a line to Stripe nobody can tap.
"""

from __future__ import annotations

from typing import Any, Final

from openaisle.adapters.payment_stripe import API, stripe, stripe_client, unavailable
from openaisle.core.errors import EntryRefused, PortUnavailable
from openaisle.core.messages import PaymentMethod, VisitId
from openaisle.ports import Clock, TappedCard
from openaisle.receipts.holds import HOLD

VISIT: Final = "openaisle_visit"
REFUSALS: Final = {
    "card_declined": "the bank refuses this card",
    "insufficient_funds": "the bank does not hold the amount on this card",
    "expired_card": "this card has expired",
}


class StripeTerminal:
    """`openaisle.ports.CardTerminal`. Use it from one thread."""

    def __init__(
        self,
        api_key: str,
        clock: Clock,
        *,
        url: str = API,
        http_client: stripe.HTTPClient | None = None,
    ) -> None:
        self._client = stripe_client(api_key, url, http_client)
        self._clock = clock

    def ask(self, reader_id: str, visit_id: VisitId, amount_minor: int, currency: str) -> None:
        parameters: dict[str, Any] = {
            "amount": amount_minor,
            "currency": currency.lower(),
            "payment_method_types": ["card_present"],
            "capture_method": "manual",
            "setup_future_usage": "off_session",  # For a charge beyond what is held.
            "payment_method_options": {"card_present": {"request_incremental_authorization_support": True}},
            "metadata": {VISIT: visit_id},
        }
        try:
            intent = self._client.v1.payment_intents.create(
                parameters,  # pyright: ignore[reportArgumentType]
                {"idempotency_key": f"{visit_id}-hold"},
            )
            action = self._action(reader_id)
            if action and _intent_id(action) == intent.id and action["status"] != "failed":
                return
            self._client.v1.terminal.readers.process_payment_intent(reader_id, {"payment_intent": intent.id})
        except stripe.StripeError as error:
            raise unavailable(error) from error

    def tapped(self, reader_id: str) -> TappedCard | None:
        try:
            action = self._action(reader_id)
            if action is None:
                raise PortUnavailable(f"reader {reader_id} asks for no card any more")
            if action["status"] == "failed":
                code = action.get("failure_code") or "card_declined"
                raise EntryRefused(code, REFUSALS.get(code) or action.get("failure_message") or code)
            if action["status"] != "succeeded":
                return None
            intent = self._client.v1.payment_intents.retrieve(
                _intent_id(action), {"expand": ["latest_charge"]}
            ).to_dict()
        except stripe.StripeError as error:
            raise unavailable(error) from error
        return self._of_intent(intent)

    def left_over(self, reader_id: str) -> VisitId | None:
        try:
            action = self._action(reader_id)
            if action is None:
                return None
            intent = self._client.v1.payment_intents.retrieve(_intent_id(action)).to_dict()
        except stripe.StripeError as error:
            raise unavailable(error) from error
        is_open = intent["status"] in ("requires_payment_method", "requires_capture")
        return (intent.get("metadata") or {}).get(VISIT) if is_open else None

    def withdraw(self, reader_id: str) -> None:
        try:
            action = self._action(reader_id)
            if action is None:
                return
            if action["status"] == "in_progress":
                self._client.v1.terminal.readers.cancel_action(reader_id)
            self._client.v1.payment_intents.cancel(_intent_id(action))
        except stripe.InvalidRequestError:
            pass  # Canceled, or captured, before.
        except stripe.StripeError as error:
            raise unavailable(error) from error

    def _action(self, reader_id: str) -> dict[str, Any] | None:
        """What a reader is doing, or did last, for a payment."""
        reader = self._client.v1.terminal.readers.retrieve(reader_id).to_dict()
        action = reader.get("action")
        return action if action and action["type"] == "process_payment_intent" else None

    def _of_intent(self, intent: dict[str, Any]) -> TappedCard:
        card = intent["latest_charge"]["payment_method_details"]["card_present"]
        return TappedCard(
            method=PaymentMethod(
                kind=HOLD,
                # The same card again is the same payer, whose debts count.
                payer_id=f"card:{card['fingerprint']}",
                token=intent["id"],
                saved=card.get("generated_card") or "",
            ),
            amount_minor=intent["amount_capturable"],
            currency=intent["currency"].upper(),
            tapped_ns=self._clock.now_ns(),
            brand=card.get("brand") or "",
            last4=card.get("last4") or "",
            expires=f"{card['exp_year']}-{card['exp_month']:02d}",
        )


def _intent_id(action: dict[str, Any]) -> str:
    intent = action["process_payment_intent"]["payment_intent"]
    return intent if isinstance(intent, str) else intent["id"]
