"""Between the ledger and the processor: carries out what `Payments` says is to be asked, and brings back what came.

Everything that becomes known is in the ledger before anything follows from it. The ledger is touched from the thread
that calls; only questions to the processor may run in a thread of their own.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from openaisle.core.errors import PortUnavailable
from openaisle.core.messages import ChargeRequested, ProcessorSaid, ReleaseRequested, encode
from openaisle.core.units import NS_PER_HOUR, NS_PER_S
from openaisle.ports import EventLog, HoldingProcessor, PaymentProcessor
from openaisle.receipts.book import PaymentMessage, to_log
from openaisle.receipts.errands import Errand
from openaisle.receipts.payment import Payments

IN_FLIGHT_MAX: Final = 64
"""Questions handed out and not answered. More wait in the ledger."""
WRITE_OFF_EVERY_NS: Final = NS_PER_HOUR
TROUBLE_EVERY_NS: Final = 60 * NS_PER_S

Answer: TypeAlias = tuple[Errand, ProcessorSaid | None, str]
"""What became of an errand: what was said; or "absent", "later", or why nothing is known."""


class Charging:
    """Drives the payments of one shop. `step` again and again from the ledger's thread."""

    def __init__(
        self,
        payments: Payments,
        event_log: EventLog,
        processor: PaymentProcessor,
        *,
        in_thread: bool = True,
        on_trouble: Callable[[str], None] | None = None,
    ) -> None:
        self._payments, self._event_log, self._processor = payments, event_log, processor
        self._on_trouble = on_trouble
        self._trouble_ns = 0
        self._write_off_ns = 0
        self._in_flight = 0
        self._errands: queue.SimpleQueue[Errand | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        if in_thread:
            self._thread = threading.Thread(target=self._run, name="charging", daemon=True)
            self._thread.start()

    def step(self, now_ns: int) -> list[PaymentMessage]:
        """Take in the answers that came, hand out what is due; what followed, already in the ledger."""
        said: list[PaymentMessage] = []
        while not self._answers.empty():
            self._in_flight -= 1
            said += self._concluded(self._answers.get(), now_ns)
        if now_ns >= self._write_off_ns:
            self._write_off_ns = now_ns + WRITE_OFF_EVERY_NS
            said += self._payments.write_off(now_ns)
            said += self._payments.release_stale(now_ns)
            self._payments.forget(now_ns)
        self.record(said)
        for errand in self._payments.take_due(now_ns, IN_FLIGHT_MAX - self._in_flight):
            self._hand_out(errand)
        if self._thread is None and not self._answers.empty():
            said += self.step(now_ns)
        return said

    def heard(self, facts: Sequence[ProcessorSaid], now_ns: int) -> list[PaymentMessage]:
        """What a webhook said; what followed, already in the ledger."""
        said = [message for fact in facts for message in self._payments.heard(fact, now_ns)]
        self.record(said)
        return said

    def record(self, messages: Sequence[PaymentMessage]) -> None:
        """Into the ledger with what must be there, in one transaction."""
        into_ledger(self._event_log, messages)

    def close(self) -> None:
        """Whatever is still being asked is asked again at the next start."""
        self._errands.put(None)
        if self._thread is not None:
            self._thread.join(timeout=1.0)

    # --- leaves ---------------------------------------------------------------------------------------------------

    def _hand_out(self, errand: Errand) -> None:
        self._in_flight += 1
        if self._thread is None:
            self._answers.put(ask(self._processor, errand))
        else:
            self._errands.put(errand)

    def _concluded(self, answer: Answer, now_ns: int) -> list[PaymentMessage]:
        errand, fact, reason = answer
        key = errand.request.key
        if fact is not None:
            return self._payments.heard(fact, now_ns)
        if reason == "absent":
            wanted = self._payments.absent(key, now_ns)
            if not isinstance(wanted, Errand):
                return wanted
            self._hand_out(wanted)
            return []
        if reason != "later" and self._on_trouble and now_ns >= self._trouble_ns:
            self._trouble_ns = now_ns + TROUBLE_EVERY_NS
            self._on_trouble(reason)
        return self._payments.failed(key, now_ns)

    def _run(self) -> None:
        while (errand := self._errands.get()) is not None:
            self._answers.put(ask(self._processor, errand))


def into_ledger(event_log: EventLog, messages: Sequence[PaymentMessage]) -> None:
    """Into the ledger with what must be there, in one transaction."""
    entries = [encode(message) for message in to_log(messages)]
    if entries:
        event_log.append(entries)


def ask(processor: PaymentProcessor, errand: Errand) -> Answer:
    """Carry out one errand."""
    request = errand.request
    try:
        if isinstance(request, ReleaseRequested):
            if not isinstance(processor, HoldingProcessor):
                return errand, None, f"{processor.name} holds nothing on cards: {request.key} waits"
            fact = processor.release(request)
        elif isinstance(request, ChargeRequested):
            ask_processor = processor.look_up_charge if errand.is_look_up else processor.charge
            fact = ask_processor(request)
        else:
            ask_refund = processor.look_up_refund if errand.is_look_up else processor.refund
            fact = ask_refund(request, errand.reference)
    except PortUnavailable as error:
        return errand, None, str(error)
    return errand, fact, "" if fact else "absent" if errand.is_look_up else "later"
