"""A card reader at a gate: the hold is in the ledger, and then the gate opens."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.contracts.doors import wait_for
from tests.contracts.test_card_terminal import CARD, DECLINED, READER, Bank
from tests.contracts.test_gates import GATES, KEY

from openaisle.adapters.clock import WallClock
from openaisle.adapters.entry_codes import CodeVerifier
from openaisle.adapters.gate_terminal import GateTerminal
from openaisle.adapters.gatekeeper import Answer, Gatekeeper
from openaisle.core.messages import CardHeld, GateTap, decode
from openaisle.edge.cards import Cards, Refusal
from openaisle.edge.sim_cards import TappedCards
from openaisle.sim.processor import ProcessorFaults
from openaisle.sim.processor_holds import Card


class Gate:
    """A bank, a gate with its reader, and the ledger's thread."""

    def __init__(self, folder: Path) -> None:
        self.bank = Bank()
        self.refusals: dict[str, Refusal] = {}
        self.cards = Cards(lambda held: self.refusals.get(held.method.payer_id))
        self.keeper = Gatekeeper(
            GATES, CodeVerifier([KEY.public_key()], "corner", folder / "spent.sqlite"), WallClock()
        )
        self.taps: list[GateTap] = []
        self.answers: list[Answer] = []
        self._names = iter(f"t-{number}" for number in range(1000))
        self._closing = threading.Event()
        self.reader: GateTerminal | None = None
        for target in (self._pump, self._ledger):
            threading.Thread(target=target, daemon=True).start()

    def open(self) -> None:
        self.reader = GateTerminal(
            "entry",
            READER,
            self.bank.terminal,
            self.keeper,
            hold_minor=1000,
            currency="EUR",
            accept=self.cards.accept,
            knows=self.bank.payments.knows_hold,
            new_visit_id=lambda: next(self._names),
            on_answer=self.answers.append,
        )
        assert wait_for(lambda: self.is_asking)

    @property
    def is_asking(self) -> bool:
        reader = self.bank.there.readers.get(READER)
        return reader is not None and reader.status == "in_progress"

    def close(self) -> None:
        if self.reader:
            self.reader.close()
        self._closing.set()
        self.keeper.close()
        self.bank.server.close()

    def _pump(self) -> None:
        for tap in self.keeper.taps():
            self.taps.append(tap)

    def _ledger(self) -> None:
        bank = self.bank
        while not self._closing.wait(0.01):
            self.cards.step(bank.payments, bank.charging.record, bank.clock.now_ns())


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path)
    yield gate
    gate.close()


def test_a_tap_opens_the_gate_once_its_hold_is_in_the_ledger_and_the_reader_asks_for_the_next(
    gate: Gate,
) -> None:
    gate.open()
    gate.bank.tap()
    assert wait_for(lambda: bool(gate.taps))
    assert [(tap.visit_id, tap.gate_id, tap.direction) for tap in gate.taps] == [("t-0", "entry", "entry")]
    entries = [decode(entry) for _, entry in gate.bank.log.read()]
    assert [(entry.visit_id, entry.last4) for entry in entries if isinstance(entry, CardHeld)] == [
        ("t-0", "4242")
    ]
    assert wait_for(lambda: gate.is_asking)
    gate.bank.tap("4242424242424200")
    assert wait_for(lambda: len(gate.taps) == 2)
    assert gate.taps[1].visit_id == "t-1"


def test_a_bank_that_says_no_leaves_the_gate_shut_with_the_reason(gate: Gate) -> None:
    gate.open()
    gate.bank.tap(DECLINED)
    assert wait_for(lambda: bool(gate.answers))
    assert (gate.answers[0].is_admitted, gate.answers[0].reason) == (False, "card_declined")
    assert wait_for(lambda: gate.is_asking)
    gate.bank.tap()
    assert wait_for(lambda: bool(gate.taps))
    assert gate.taps[0].visit_id == "t-0"


def test_a_card_that_owes_is_told_so_and_its_hold_is_asked_back(gate: Gate) -> None:
    gate.open()
    gate.bank.tap()
    assert wait_for(lambda: bool(gate.taps))
    gate.refusals[f"card:{Card.of_number(CARD).fingerprint}"] = (
        "unsettled_debt",
        "an earlier receipt is not paid yet",
    )
    assert wait_for(lambda: gate.is_asking)
    gate.bank.tap()
    assert wait_for(lambda: len(gate.answers) == 2)
    assert (gate.answers[1].is_admitted, gate.answers[1].reason) == (False, "unsettled_debt")
    assert len(gate.taps) == 1
    gate.bank.charging.step(gate.bank.clock.now_ns())
    assert gate.bank.status("pi_00000002") == "canceled"


@pytest.mark.parametrize("is_known", [False, True])
def test_a_hold_that_a_dead_process_left_on_the_reader_is_let_go_unless_the_ledger_has_it(
    gate: Gate, is_known: bool
) -> None:
    if is_known:
        gate.bank.enter("before")
    else:
        gate.bank.terminal.ask(READER, "before", 1000, "EUR")
        gate.bank.tap()
    gate.open()
    assert gate.bank.status("pi_00000001") == ("requires_capture" if is_known else "canceled")


def test_a_reader_that_is_away_is_said_once_and_comes_back(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openaisle.adapters.gate_terminal.RETRY_S", 0.05)
    gate.bank.there.down_until_ns = gate.bank.clock.now_ns() + 1
    gate.reader = GateTerminal(
        "entry", READER, gate.bank.terminal, gate.keeper, hold_minor=1000, currency="EUR", accept=gate.cards.accept,
        knows=gate.bank.payments.knows_hold, new_visit_id=lambda: "t-0", on_answer=gate.answers.append,
    )  # fmt: skip
    assert wait_for(lambda: bool(gate.answers))
    gate.bank.clock.advance(1)
    assert wait_for(lambda: len(gate.answers) == 2)
    assert [answer.reason for answer in gate.answers] == ["terminal_away", "terminal_back"]


def test_a_simulated_shopper_taps_over_http_and_goes_in_under_the_readers_name(gate: Gate) -> None:
    gate.bank.there.faults = ProcessorFaults(lost_answer=0.2)
    gate.open()
    cards = TappedCards(int(gate.bank.server.url.rpartition(":")[2]))
    arrivals = [
        GateTap(gate_id="entry", direction="entry", visit_id=f"v{n}", tapped_ns=1, received_ns=1)
        for n in range(40)
    ]
    shoppers = [tap for tap in arrivals if cards.has(tap)][:3]
    assert 0 < len(shoppers) < len(arrivals)
    assert not cards.has(msgspec.structs.replace(shoppers[0], is_staff=True))
    visits = [cards.tap(tap) for tap in shoppers]
    assert wait_for(lambda: len(gate.taps) == len(shoppers))
    assert [tap.visit_id for tap in gate.taps] == visits
