"""Shoppers of `bench checkout` who tap a card at the gate: the real adapter of readers, on the simulated processor."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from openaisle.adapters.gate_terminal import held_card
from openaisle.adapters.terminal_stripe import StripeTerminal
from openaisle.core.errors import PortUnavailable
from openaisle.core.messages import CardHeld, VisitId
from openaisle.ports import TappedCard
from openaisle.sim.processor import Processor
from openaisle.sim.processor_holds import FIXED_PREFIX, WALLET_PREFIX

READER: Final = "tmr_entry"
HOLD_MINOR: Final = 1_500
"""Less than one receipt in three, so that banks are asked for more."""
TAP_SHARE: Final = 0.3
WALLET_SHARE: Final = 0.25
FIXED_SHARE: Final = 0.15
CARDS: Final = 400
TRIES: Final = 12


class Taps:
    """The gate's reader, and the cards that are held to it."""

    def __init__(
        self, processor: Processor, currency: str, seed: int, knows: Callable[[VisitId], bool]
    ) -> None:
        """`knows`: whether the ledger has the hold of a visit."""
        self._knows = knows
        self._processor, self._currency = processor, currency
        self._random = random.Random(f"taps {seed}")
        self._asked: VisitId = ""
        self.taps = 0

    def hold(self, terminal: StripeTerminal, visit_id: VisitId) -> CardHeld | None:
        """What a shopper's card holds; None for those who do not tap, or cannot while the processor is away."""
        if self._random.random() >= TAP_SHARE:
            return None
        number = self._number()
        for _ in range(TRIES):
            try:
                card = self._tapped(terminal, visit_id, number)
            except PortUnavailable:
                continue
            self.taps += 1
            return held_card(visit_id, "entry", card)
        return None

    def clear(self, terminal: StripeTerminal) -> None:
        """Whoever held a card to the reader and gave up is nobody's visit: let go."""
        before = terminal.left_over(READER)
        if before is not None and not self._knows(before):
            terminal.withdraw(READER)

    @property
    def left(self) -> int:
        """Holds that nobody charged and nobody let go."""
        return sum(
            payment.hold is not None
            and payment.hold.card is not None
            and not payment.hold.is_canceled
            and not payment.captured_minor
            for payment in self._processor.payments.values()
        )

    def _tapped(self, terminal: StripeTerminal, visit_id: VisitId, number: str) -> TappedCard:
        if visit_id != self._asked:
            self.clear(terminal)
            self._asked = visit_id
        terminal.ask(READER, visit_id, HOLD_MINOR, self._currency)
        self._processor.tap(READER, number)
        card = terminal.tapped(READER)
        if card is None:
            raise PortUnavailable("the tap was not seen")
        return card

    def _number(self) -> str:
        kind = self._random.random()
        prefix = "4242424"
        if kind < WALLET_SHARE:
            prefix = WALLET_PREFIX
        elif kind < WALLET_SHARE + FIXED_SHARE:
            prefix = FIXED_PREFIX
        return f"{prefix}{self._random.randrange(CARDS):09d}"
