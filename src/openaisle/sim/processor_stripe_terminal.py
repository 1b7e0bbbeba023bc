"""Stripe Terminal in the simulated processor: readers driven by a server, and payments that are captured later.

Routes, fields, states and errors follow docs.stripe.com/terminal and docs.stripe.com/api/terminal/readers: a payment
intent with manual capture is processed on a reader, and then captured, made larger or canceled. A test helper holds a
card to a reader, as Stripe's own does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from openaisle.sim.processor import Payment, Processor, Reply
from openaisle.sim.processor_holds import Reader
from openaisle.sim.processor_stripe_objects import error, payment_intent, reply

EXPAND: Final = "expand[0]"


def terminal_answer(
    processor: Processor,
    method: str,
    parts: Sequence[str],
    fields: Mapping[str, str],
    parameters: Mapping[str, str],
) -> Reply | None:
    """The answer to a call about readers or holds; None where it is about neither."""
    match (method, list(parts)):
        case ("POST", ["payment_intents"]) if fields.get("capture_method") == "manual":
            return _open(processor, fields)
        case ("GET", ["payment_intents", payment_id]) if parameters.get(EXPAND) == "latest_charge":
            payment = processor.payments.get(payment_id)
            return _shown(processor, payment) if payment else None
        case ("POST", ["payment_intents", payment_id, verb]) if payment_id in processor.payments:
            return _held(processor, processor.payments[payment_id], verb, fields)
        case ("GET", ["terminal", "readers", reader_id]):
            return reply(200, _reader_object(reader_id, processor.readers.get(reader_id)))
        case ("POST", ["terminal", "readers", reader_id, verb]):
            return _asked(processor, reader_id, verb, fields)
        case ("POST", ["test_helpers", "terminal", "readers", reader_id, "present_payment_method"]):
            if not processor.tap(reader_id, fields.get("card_present[number]", "")):
                return _wrong("the reader asks for no card", "terminal_reader_invalid_location")
            return reply(200, _reader_object(reader_id, processor.readers[reader_id]))
        case _:
            return None


# --- leaves -------------------------------------------------------------------------------------------------------


def _open(processor: Processor, fields: Mapping[str, str]) -> Reply:
    if fields.get("payment_method_types[0]") != "card_present":
        return _wrong("expected payment_method_types[]=card_present")
    visit_id = fields.get("metadata[openaisle_visit]", "")
    payment = processor.open_hold(visit_id, int(fields["amount"]), fields["currency"])
    return reply(200, payment_intent(payment))


def _shown(processor: Processor, payment: Payment) -> Reply:
    processor.lapse(payment)
    return reply(200, payment_intent(payment, has_charge=True))


def _held(processor: Processor, payment: Payment, verb: str, fields: Mapping[str, str]) -> Reply | None:
    match verb:
        case "capture":
            amount_minor = int(fields.get("amount_to_capture", payment.amount_minor))
            is_done = processor.capture(payment, amount_minor, fields.get("metadata[openaisle_key]", ""))
        case "cancel":
            is_done = processor.cancel(payment)
        case "increment_authorization":
            is_done = processor.grow(payment, int(fields["amount"]))
            if not is_done and payment.hold and payment.hold.card and payment.hold.card.can_grow:
                declined = {
                    "type": "card_error",
                    "code": "card_declined",
                    "message": "The card was declined.",
                }
                return reply(402, {"error": declined})
        case _:
            return None
    if not is_done:
        return _wrong(f"{verb} does not go with the state of the payment", "payment_intent_unexpected_state")
    return _shown(processor, payment)


def _asked(processor: Processor, reader_id: str, verb: str, fields: Mapping[str, str]) -> Reply | None:
    match verb:
        case "process_payment_intent":
            payment = processor.payments.get(fields.get("payment_intent", ""))
            if payment is None or payment.hold is None or payment.hold.card or payment.hold.is_canceled:
                return _wrong("no payment that waits for a card", "payment_intent_unexpected_state")
            reader = processor.readers.get(reader_id)
            if reader and reader.status == "in_progress":
                return _wrong("the reader is busy", "terminal_reader_busy")
            processor.ask_for_card(reader_id, payment)
        case "cancel_action":
            processor.readers.pop(reader_id, None)
        case _:
            return None
    return reply(200, _reader_object(reader_id, processor.readers.get(reader_id)))


def _reader_object(reader_id: str, reader: Reader | None) -> dict[str, object]:
    action = None
    if reader is not None:
        action = {
            "type": "process_payment_intent",
            "status": reader.status,
            "failure_code": reader.failure or None,
            "failure_message": f"The card was refused: {reader.failure}." if reader.failure else None,
            "process_payment_intent": {"payment_intent": reader.payment_id},
        }
    return {"id": reader_id, "object": "terminal.reader", "status": "online", "action": action}


def _wrong(message: str, code: str | None = None) -> Reply:
    return error(400, "invalid_request_error", message, code)
