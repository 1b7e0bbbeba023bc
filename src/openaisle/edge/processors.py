"""Who moves a shop's money, as `[payments]` of edge.toml names it; in a demo the simulated one, over real HTTP.

What processors tell by webhook comes in at `WEBHOOKS` on the gates' port, and is in the ledger before it is answered.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from openaisle.adapters.payment_adyen import API as ADYEN_API, AdyenPayments
from openaisle.adapters.payment_square import API as SQUARE_API, SquarePayments
from openaisle.core.errors import InputError, PortUnavailable
from openaisle.core.messages import ProcessorSaid
from openaisle.edge.settings import LOOPBACK, PaymentsSettings
from openaisle.edge.worker import Context
from openaisle.ports import CardTerminal, Clock, PaymentProcessor

WEBHOOKS: Final = "/webhooks/payments"
WEBHOOKS_MAX: Final = 256
"""Notifications that wait for the ledger. When full, the processor is told to come again."""
WRITTEN_S_MAX: Final = 5.0
SIMULATED_KEY: Final = "sk_test_simulated"
SIMULATED_SECRET: Final = "whsec_simulated"


def payment_processor(context: Context) -> PaymentProcessor | None:
    """The processor of this shop; None where there is none. InputError, MachineError where it cannot be used."""
    if context.processor_port:
        from openaisle.adapters.payment_stripe import StripePayments

        url = f"http://{LOOPBACK}:{context.processor_port}"
        return StripePayments(SIMULATED_KEY, SIMULATED_SECRET, context.clock, url=url)
    settings = context.settings.edge.payments
    return settings and _real(settings, context.clock)


def card_terminal(context: Context) -> CardTerminal:
    """The processor's card readers. Each caller gets a line of its own."""
    if context.processor_port:
        from openaisle.adapters.terminal_stripe import StripeTerminal

        url = f"http://{LOOPBACK}:{context.processor_port}"
        return StripeTerminal(SIMULATED_KEY, context.clock, url=url)
    settings = context.settings.edge.payments
    assert settings is not None
    return stripe_terminal(settings, context.clock)


def stripe_terminal(settings: PaymentsSettings, clock: Clock) -> CardTerminal:
    """The readers of a real shop."""
    from openaisle.adapters.terminal_stripe import API, StripeTerminal

    return StripeTerminal(_secret(settings.key_file), clock, url=settings.url or API)


def _real(settings: PaymentsSettings, clock: Clock) -> PaymentProcessor:
    key, webhook_key = _secret(settings.key_file), _secret(settings.webhook_key_file)
    match settings.processor:
        case "stripe":
            from openaisle.adapters.payment_stripe import API, StripePayments

            return StripePayments(key, webhook_key, clock, url=settings.url or API)
        case "adyen":
            return AdyenPayments(key, settings.account, webhook_key, clock, url=settings.url or ADYEN_API)
        case "square":
            return SquarePayments(
                key,
                settings.account,
                webhook_key,
                settings.webhook_url,
                clock,
                url=settings.url or SQUARE_API,
            )


def _secret(path: Path) -> str:
    text = path.read_text(encoding="utf-8").strip()
    if not text:
        raise InputError("is empty", file=str(path), expected="one line with the key")
    return text


@dataclass
class _Notified:
    facts: list[ProcessorSaid]
    is_written: threading.Event = field(default_factory=threading.Event)


class Webhooks:
    """Between the threads that take webhooks and the one that writes the ledger."""

    def __init__(self, processor: PaymentProcessor) -> None:
        self._processor = processor
        self._notified: queue.Queue[_Notified] = queue.Queue(WEBHOOKS_MAX)

    def take(self, body: bytes, headers: Mapping[str, str]) -> None:
        """From any thread: returns when it is in the ledger. ReadingError, or PortUnavailable: let it come again."""
        notified = _Notified(self._processor.read_webhook(body, headers))
        if not notified.facts:
            return
        try:
            self._notified.put_nowait(notified)
        except queue.Full:
            raise PortUnavailable("too many notifications are waiting") from None
        if not notified.is_written.wait(WRITTEN_S_MAX):
            raise PortUnavailable("the ledger is busy")

    @contextmanager
    def waiting(self) -> Iterator[list[ProcessorSaid]]:
        """In the ledger's thread: what came. When this is left without an error, its senders are told it is kept."""
        taken: list[_Notified] = []
        while not self._notified.empty():
            taken.append(self._notified.get())
        yield [fact for notified in taken for fact in notified.facts]
        for notified in taken:
            notified.is_written.set()
