"""The card reader at the counter: asked for what one receipt still owes, one after another."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from openaisle.adapters.gate_terminal import CLOSE_S, POLL_S, RETRY_S, held_card
from openaisle.core.errors import EntryRefused, PaymentRefused, PortUnavailable
from openaisle.core.messages import CardHeld, VisitId
from openaisle.core.units import NS_PER_S
from openaisle.ports import CardTerminal, Clock, TappedCard

ASKS_MAX: Final = 8
"""Receipts that wait for the reader. More are refused: whoever stands there asks again."""
PATIENCE_NS: Final = 90 * NS_PER_S
"""For so long the reader asks for one card."""

Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the reader is to ask for."""

    receipt_id: str
    amount_minor: int
    currency: str


class DeskReader:
    """One reader, in a thread of its own. `tapped` is drained in the ledger's thread."""

    def __init__(
        self,
        reader_id: str,
        terminal: CardTerminal,
        clock: Clock,
        *,
        knows: Callable[[VisitId], bool],
        new_id: Callable[[], str],
        say: Callable[[str], None],
    ) -> None:
        """`knows`: whether the ledger has a tap; `new_id`: names a tap as a visit is named, and is none."""
        self._reader_id, self._terminal, self._clock = reader_id, terminal, clock
        self._knows, self._new_id, self._say = knows, new_id, say
        self._asks: queue.Queue[Asked] = queue.Queue(ASKS_MAX)
        self.tapped: queue.SimpleQueue[tuple[Asked, CardHeld]] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="desk reader", daemon=True)
        self._thread.start()

    def ask(self, asked: Asked) -> None:
        """From any thread. PaymentRefused while too many wait."""
        try:
            self._asks.put_nowait(asked)
        except queue.Full:
            raise PaymentRefused("too many receipts wait for the card reader") from None

    def close(self) -> None:
        self._closing.set()
        self._thread.join(timeout=CLOSE_S)

    def _run(self) -> None:
        """What is left on the reader from before, and is in no ledger, is let go first."""
        self._until_answered(self._clear)
        while not self._closing.is_set():
            try:
                asked = self._asks.get(timeout=POLL_S)
            except queue.Empty:
                continue
            tap_id, until_ns = self._new_id(), self._clock.now_ns() + PATIENCE_NS
            card = self._until_answered(partial(self._card, asked, tap_id, until_ns))
            if card is not None:
                self.tapped.put((asked, held_card(tap_id, "", card)))
                while not self._knows(tap_id) and not self._closing.wait(POLL_S):
                    pass  # Until it is in the ledger no other may take its place on the reader.
            else:
                self._until_answered(partial(self._terminal.withdraw, self._reader_id))

    def _card(self, asked: Asked, tap_id: str, until_ns: int) -> TappedCard | None:
        """The card that pays; None where none came, or its bank said no."""
        self._terminal.ask(self._reader_id, tap_id, asked.amount_minor, asked.currency)
        while not self._closing.is_set() and self._clock.now_ns() < until_ns:
            try:
                card = self._terminal.tapped(self._reader_id)
            except EntryRefused as error:
                self._say(f"receipt {asked.receipt_id}: {error}")
                return None
            if card is not None:
                return card
            self._closing.wait(POLL_S)
        return None

    def _clear(self) -> None:
        before = self._terminal.left_over(self._reader_id)
        if before is not None and not self._knows(before):
            self._terminal.withdraw(self._reader_id)

    def _until_answered(self, ask: Callable[[], Answer]) -> Answer | None:
        """Again while the processor is away."""
        while not self._closing.is_set():
            try:
                return ask()
            except PortUnavailable:
                self._closing.wait(RETRY_S)
        return None
