"""A card reader at a gate: it asks for a card, and whoever taps one comes in.

The hold is in the ledger before the gate opens, so that a crash in between leaves a hold that will be released, and no
visit that nobody pays for. What a reader was asked for before this process began is taken up where the ledger knows its
visit, and otherwise let go.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from openaisle.adapters.gatekeeper import Answer, Gatekeeper, OnAnswer
from openaisle.core.errors import EntryRefused, PortUnavailable
from openaisle.core.messages import CardHeld, GateId, VisitId
from openaisle.ports import CardTerminal, TappedCard

POLL_S: Final = 0.25
RETRY_S: Final = 2.0
CLOSE_S: Final = 0.3
"""A call that is under way when the shop ends is not waited for: what it did is found at the next start."""
AWAY_AFTER: Final = 3
"""So many calls in a row without an answer, and the reader is said to be away; one that is lost is no news."""


class GateTerminal:
    """One gate's reader, in a thread of its own, until it is closed."""

    def __init__(
        self,
        gate_id: GateId,
        reader_id: str,
        terminal: CardTerminal,
        gatekeeper: Gatekeeper,
        *,
        hold_minor: int,
        currency: str,
        accept: Callable[[CardHeld], tuple[str, str] | None],
        knows: Callable[[VisitId], bool],
        new_visit_id: Callable[[], VisitId],
        on_answer: OnAnswer,
    ) -> None:
        """`accept` puts a hold into the ledger and says why the gate stays shut, reason and words, if it does; `knows`:
        whether the ledger has the hold of a visit."""
        self._gate_id, self._reader_id = gate_id, reader_id
        self._terminal, self._gatekeeper = terminal, gatekeeper
        self._hold_minor, self._currency = hold_minor, currency
        self._accept, self._knows, self._new_visit_id = accept, knows, new_visit_id
        self._on_answer = on_answer
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"terminal {gate_id}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join(timeout=CLOSE_S)

    def _run(self) -> None:
        is_clear, unanswered = False, 0
        visit_id: VisitId | None = None
        while not self._closing.is_set():
            try:
                if not is_clear:
                    self._clear()
                    is_clear = True
                visit_id = visit_id or self._new_visit_id()
                self._terminal.ask(self._reader_id, visit_id, self._hold_minor, self._currency)
                if unanswered >= AWAY_AFTER:
                    self._on_answer(self._refused("terminal_back", "the card reader answers again"))
                unanswered = 0
                if self._wait(visit_id):
                    visit_id = None
            except PortUnavailable as error:
                unanswered += 1
                if unanswered == AWAY_AFTER:
                    words = f"the card reader of gate {self._gate_id} is away: {error}"
                    self._on_answer(self._refused("terminal_away", words))
                self._closing.wait(POLL_S if unanswered < AWAY_AFTER else RETRY_S)

    def _clear(self) -> None:
        before = self._terminal.left_over(self._reader_id)
        if before is not None and not self._knows(before):
            self._terminal.withdraw(self._reader_id)

    def _wait(self, visit_id: VisitId) -> bool:
        """Until a card came, True, or was refused by its bank, False, or until this is closed."""
        while not self._closing.is_set():
            try:
                card = self._terminal.tapped(self._reader_id)
            except EntryRefused as error:
                self._on_answer(self._refused(error.reason, str(error)))
                return False
            if card is not None:
                self._enter(visit_id, card)
                return True
            self._closing.wait(POLL_S)
        return False

    def _enter(self, visit_id: VisitId, card: TappedCard) -> None:
        refusal = self._accept(held_card(visit_id, self._gate_id, card))
        if refusal is None:
            self._gatekeeper.let_in(self._gate_id, visit_id)
            self._on_answer(Answer(gate_id=self._gate_id, is_admitted=True, visit_id=visit_id))
        else:
            self._on_answer(self._refused(*refusal))

    def _refused(self, reason: str, words: str) -> Answer:
        return Answer(gate_id=self._gate_id, is_admitted=False, reason=reason, message=words)


def held_card(visit_id: VisitId, gate_id: GateId, card: TappedCard) -> CardHeld:
    """A tap as the ledger has it."""
    return CardHeld(
        visit_id=visit_id,
        gate_id=gate_id,
        method=card.method,
        amount_minor=card.amount_minor,
        currency=card.currency,
        held_ns=card.tapped_ns,
        brand=card.brand,
        last4=card.last4,
        expires=card.expires,
    )
