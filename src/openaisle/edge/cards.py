"""Cards tapped at gates: between the threads of readers and the one that writes the ledger."""

from __future__ import annotations

import queue
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from openaisle.adapters.gate_terminal import GateTerminal
from openaisle.adapters.gatekeeper import Gatekeeper, OnAnswer
from openaisle.core.errors import PortUnavailable
from openaisle.core.messages import CardHeld, VisitId
from openaisle.edge.desk_reader import DeskReader
from openaisle.edge.processors import card_terminal
from openaisle.edge.settings import HOLD_MINOR
from openaisle.edge.worker import Context
from openaisle.receipts.book import PaymentMessage
from openaisle.receipts.payment import Payments

CARDS_MAX: Final = 64
WRITTEN_S_MAX: Final = 5.0

SIMULATED_DESK: Final = "tmr_desk"

Refusal = tuple[str, str]
"""A fixed word, and words for a person."""


@dataclass
class _Tapped:
    held: CardHeld
    refusal: Refusal | None = None
    is_written: threading.Event = field(default_factory=threading.Event)


class Cards:
    """Holds on their way into the ledger."""

    def __init__(self, refusal: Callable[[CardHeld], Refusal | None]) -> None:
        self._refusal = refusal
        self._tapped: queue.Queue[_Tapped] = queue.Queue(CARDS_MAX)

    def accept(self, held: CardHeld) -> Refusal | None:
        """From any thread: returns when it is in the ledger. PortUnavailable: try again."""
        tapped = _Tapped(held)
        try:
            self._tapped.put_nowait(tapped)
        except queue.Full:
            raise PortUnavailable("too many cards wait for the ledger") from None
        if not tapped.is_written.wait(WRITTEN_S_MAX):
            raise PortUnavailable("the ledger is busy")
        return tapped.refusal

    def step(
        self, payments: Payments, record: Callable[[list[PaymentMessage]], None], now_ns: int
    ) -> list[PaymentMessage]:
        """In the ledger's thread: what follows from the cards that came, in the ledger already."""
        said: list[PaymentMessage] = []
        taken: list[_Tapped] = []
        while not self._tapped.empty():
            tapped = self._tapped.get()
            tapped.refusal = self._refusal(tapped.held)
            said += payments.hold(tapped.held, now_ns, refused=tapped.refusal[0] if tapped.refusal else "")
            taken.append(tapped)
        record(said)
        for tapped in taken:
            tapped.is_written.set()
        return said


def readers_of(context: Context) -> Mapping[str, str]:
    """Card readers by gate; in a demo one at every entry."""
    if not context.processor_port:
        return context.settings.edge.readers
    gates = context.settings.store().gates
    return {gate.gate_id: simulated_reader(gate.gate_id) for gate in gates if gate.kind != "exit"}


def simulated_reader(gate_id: str) -> str:
    return f"tmr_{gate_id}"


def open_terminals(
    context: Context,
    gatekeeper: Gatekeeper,
    cards: Cards,
    knows: Callable[[VisitId], bool],
    on_answer: OnAnswer,
) -> list[GateTerminal]:
    """A thread and a line to the processor for every reader."""
    payments = context.settings.edge.payments
    return [
        GateTerminal(
            gate_id,
            reader_id,
            card_terminal(context),
            gatekeeper,
            hold_minor=payments.hold_minor if payments else HOLD_MINOR,
            currency=context.settings.store().currency,
            accept=cards.accept,
            knows=knows,
            new_visit_id=lambda: f"t-{secrets.token_hex(6)}",
            on_answer=on_answer,
        )
        for gate_id, reader_id in readers_of(context).items()
    ]


def open_desk_reader(context: Context, knows: Callable[[VisitId], bool]) -> DeskReader | None:
    """The counter's card reader; None where there is none."""
    payments = context.settings.edge.payments
    reader_id = SIMULATED_DESK if context.processor_port else payments.desk_reader if payments else ""
    if not reader_id:
        return None
    return DeskReader(
        reader_id,
        card_terminal(context),
        context.clock,
        knows=knows,
        new_id=lambda: f"d-{secrets.token_hex(6)}",
        say=context.line,
    )
