"""What a tapped card comes to, through Stripe's own library over real HTTP to a simulated Stripe Terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.unit.receipts.test_payment import receipt

from openaisle.adapters.charging import Charging
from openaisle.adapters.event_log_memory import MemoryEventLog
from openaisle.adapters.gate_terminal import held_card
from openaisle.adapters.payment_stripe import StripePayments
from openaisle.adapters.terminal_stripe import StripeTerminal
from openaisle.bench.checkout_world import SteppedClock
from openaisle.core.errors import EntryRefused, PortUnavailable
from openaisle.core.messages import ChargeRequested, PaymentState, ProcessorSaid, decode
from openaisle.core.units import NS_PER_HOUR, NS_PER_S
from openaisle.ports import HoldingProcessor, TappedCard
from openaisle.receipts.payment import Payments
from openaisle.sim.processor import Processor, ProcessorFaults
from openaisle.sim.processor_http import ProcessorServer
from openaisle.sim.processor_stripe import webhook

NOW = 1_780_300_800 * NS_PER_S
READER = "tmr_entry"
CARD = "4242424242424242"
WALLET = "4000056655665556"
FIXED = "4000057777777777"
DECLINED = "4000000000000002"
SECRET = "whsec_1"


class Bank:
    """A simulated Stripe, a reader of it, and a shop's payments."""

    def __init__(self) -> None:
        self.clock = SteppedClock(NOW)
        self.there = Processor(self.clock.now_ns)
        self.server = ProcessorServer(self.there, self.clock.now_ns)
        self.terminal = StripeTerminal("sk_test_1", self.clock, url=self.server.url)
        self.port = StripePayments("sk_test_1", SECRET, self.clock, url=self.server.url)
        self.log = MemoryEventLog()
        self.payments = Payments()
        self.charging = Charging(self.payments, self.log, self.port, in_thread=False)

    def tap(self, number: str = CARD) -> None:
        """Somebody holds a card to the reader, by Stripe's own test helper."""
        response = httpx.post(
            f"{self.server.url}/v1/test_helpers/terminal/readers/{READER}/present_payment_method",
            data={"card_present[number]": number},
            headers={"Authorization": "Bearer sk_test_1"},
        )
        assert response.is_success, response.text

    def enter(self, visit_id: str = "visit", number: str = CARD, hold_minor: int = 1000) -> TappedCard:
        self.terminal.ask(READER, visit_id, hold_minor, "EUR")
        self.tap(number)
        card = self.terminal.tapped(READER)
        assert card is not None
        self.charging.record(self.payments.hold(held_card(visit_id, "entry", card), NOW))
        return card

    def leave(self, total_minor: int, visit_id: str = "visit") -> PaymentState:
        """The receipt, and all that follows at once."""
        self.charging.record(self.payments.settle(receipt(total_minor, visit_id), None, self.clock.now_ns()))
        self.charging.step(self.clock.now_ns())
        self.charging.step(self.clock.now_ns())
        return self.payments.state(f"small/{visit_id}").state

    @property
    def moved(self) -> list[tuple[str, int]]:
        return [(each.kind, each.amount_minor) for each in self.there.movements]

    def status(self, payment_id: str) -> str:
        body = httpx.get(
            f"{self.server.url}/v1/payment_intents/{payment_id}",
            headers={"Authorization": "Bearer sk_test_1"},
        ).json()
        return body["status"]


@pytest.fixture
def bank() -> Iterator[Bank]:
    bank = Bank()
    yield bank
    bank.server.close()


def test_stripe_holds_money(bank: Bank) -> None:
    assert isinstance(bank.port, HoldingProcessor)


def test_a_tap_holds_an_amount_and_moves_nothing(bank: Bank) -> None:
    bank.terminal.ask(READER, "visit", 1000, "EUR")
    assert bank.terminal.tapped(READER) is None
    bank.tap()
    card = bank.terminal.tapped(READER)
    assert card is not None
    assert (card.amount_minor, card.currency, card.last4, card.expires) == (1000, "EUR", "4242", "2034-11")
    assert (card.method.kind, card.method.payer_id[:5]) == ("hold", "card:")
    assert bank.moved == []
    assert CARD.encode() not in b"".join(entry for _, entry in bank.log.read())


def test_of_what_is_held_the_receipt_is_taken_and_the_rest_let_go(bank: Bank) -> None:
    card = bank.enter()
    assert bank.leave(250) is PaymentState.PAID
    assert bank.moved == [("charge", 250)]
    assert bank.status(card.method.token) == "succeeded"


def test_where_nothing_was_taken_the_hold_is_let_go(bank: Bank) -> None:
    card = bank.enter()
    assert bank.leave(0) is PaymentState.PAID
    assert bank.moved == []
    assert bank.status(card.method.token) == "canceled"
    assert bank.payments.open_count == 0


def test_a_dearer_receipt_has_the_bank_hold_more(bank: Bank) -> None:
    bank.enter()
    assert bank.leave(2600) is PaymentState.PAID
    assert bank.moved == [("charge", 2600)]


def test_where_the_bank_holds_no_more_a_second_charge_takes_the_rest(bank: Bank) -> None:
    bank.enter(number=FIXED)
    assert bank.leave(2600) is PaymentState.PAID
    assert bank.moved == [("charge", 1000), ("charge", 1600)]


def test_what_a_wallet_leaves_open_is_a_debt_that_shuts_the_gate_to_its_card(bank: Bank) -> None:
    bank.there.faults = ProcessorFaults(not_more=1.0)
    card = bank.enter(number=WALLET)
    assert card.method.saved == ""
    assert bank.leave(2600) is PaymentState.UNPAID
    assert bank.moved == [("charge", 1000)]
    assert bank.payments.entry_refusal(card.method.payer_id, NOW) == "unsettled_debt"


def test_a_declined_card_says_why_and_the_reader_asks_again(bank: Bank) -> None:
    bank.terminal.ask(READER, "visit", 1000, "EUR")
    bank.tap(DECLINED)
    with pytest.raises(EntryRefused, match="refuses this card") as refused:
        bank.terminal.tapped(READER)
    assert refused.value.reason == "card_declined"
    bank.terminal.ask(READER, "visit", 1000, "EUR")
    bank.tap()
    assert bank.terminal.tapped(READER)


def test_asking_twice_is_one_hold(bank: Bank) -> None:
    for _ in range(2):
        bank.terminal.ask(READER, "visit", 1000, "EUR")
    bank.tap()
    bank.terminal.ask(READER, "visit", 1000, "EUR")
    assert bank.terminal.tapped(READER)
    assert len(bank.there.payments) == 1


def test_what_a_dead_process_left_on_a_reader_is_found_and_let_go(bank: Bank) -> None:
    bank.terminal.ask(READER, "visit", 1000, "EUR")
    assert bank.terminal.left_over(READER) == "visit"
    bank.tap()
    assert bank.terminal.left_over(READER) == "visit"
    bank.terminal.withdraw(READER)
    assert bank.terminal.left_over(READER) is None
    assert bank.status("pi_00000001") == "canceled"


def test_a_card_that_the_gate_refused_is_let_go(bank: Bank) -> None:
    bank.terminal.ask(READER, "visit", 1000, "EUR")
    bank.tap()
    card = bank.terminal.tapped(READER)
    assert card is not None
    bank.charging.record(bank.payments.hold(held_card("visit", "entry", card), NOW, refused="unsettled_debt"))
    bank.charging.step(NOW)
    assert bank.status(card.method.token) == "canceled"
    assert bank.payments.hold(held_card("visit", "entry", card), NOW, refused="unsettled_debt") == []


def test_a_hold_without_a_receipt_is_let_go_in_the_end(bank: Bank) -> None:
    card = bank.enter()
    bank.charging.step(bank.clock.advance(11 * 3600))
    assert bank.status(card.method.token) == "requires_capture"
    bank.charging.step(bank.clock.advance(2 * 3600))
    assert bank.status(card.method.token) == "canceled"


def test_after_an_outage_that_outlasts_the_hold_the_card_itself_is_charged(bank: Bank) -> None:
    bank.enter()
    bank.there.down_until_ns = NOW + 72 * NS_PER_HOUR
    assert bank.leave(250) is PaymentState.PAYMENT
    for _ in range(100):
        bank.charging.step(bank.clock.advance(3600))
    assert bank.payments.state("small/visit").state is PaymentState.PAID
    assert bank.moved == [("charge", 250)]


def test_a_tapped_cards_old_charge_is_looked_up_among_its_own(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bank.port.charge

    def made_and_lost(request: ChargeRequested) -> ProcessorSaid | None:
        answer = made(request)
        if request.method.kind == "tapped":
            raise PortUnavailable("the answer is lost")
        return answer

    monkeypatch.setattr(bank.port, "charge", made_and_lost)
    bank.enter(hold_minor=1000)
    bank.there.faults = ProcessorFaults(not_more=1.0)
    assert bank.leave(1300) is PaymentState.PAYMENT  # 1000 of the hold; the rest is a charge of its own
    for number in range(250):  # others pay meanwhile: more than two pages of payments
        bank.there.charge(f"other-{number}", 100, "eur", "pm_other", "cus_other")
    before = bank.there.calls
    bank.charging.step(bank.clock.advance(24 * 3600))
    assert bank.there.calls == before + 2
    assert bank.payments.state("small/visit").state is PaymentState.PAID
    assert [minor for _, minor in bank.moved if minor != 100] == [1000, 300]


def test_a_tapped_cards_customer_is_made_once(bank: Bank) -> None:
    card = bank.enter(hold_minor=1000)
    bank.there.faults = ProcessorFaults(not_more=1.0)
    bank.there.customers[card.method.saved] = "cus_before"  # for an earlier charge, by another key
    assert bank.leave(1300) is PaymentState.PAID
    assert bank.moved == [("charge", 1000), ("charge", 300)]


def test_money_of_a_hold_goes_back_to_its_card(bank: Bank) -> None:
    bank.enter()
    bank.leave(250)
    bank.charging.record(bank.payments.refund("small/visit", 100, "not taken", "case", NOW))
    bank.charging.step(NOW)
    assert bank.payments.state("small/visit").state is PaymentState.REFUNDED
    assert bank.moved == [("charge", 250), ("refund", 100)]


def test_the_ledger_alone_knows_every_hold(bank: Bank) -> None:
    bank.enter("paid")
    bank.leave(250, "paid")
    bank.enter("inside")
    bank.enter("nothing")
    bank.charging.record(bank.payments.settle(receipt(0, "nothing"), None, NOW))
    again = Payments()
    for _, entry in bank.log.read():
        again.replay(decode(entry))
    assert again.states() == bank.payments.states()
    assert again.open_count == bank.payments.open_count == 1
    assert again.knows_hold("inside")
    assert again.settle(receipt(120, "inside"), None, NOW)[1].method.kind == "hold"  # type: ignore[union-attr]


def test_every_tap_is_charged_once_through_an_outage_and_every_fault(bank: Bank, tmp_path: Path) -> None:
    totals = [0, 120, 250, 999, 1000, 1001, 2600, 40, 0, 777]
    for number, _ in enumerate(totals):
        bank.enter(f"v{number}", number=f"42424242424200{number:02d}")
    bank.there.down_until_ns = NOW + 20 * NS_PER_HOUR
    bank.there.faults = ProcessorFaults(
        lost_answer=0.3, lost_request=0.2, server_error=0.2, busy=0.1, not_more=0.5, webhook_twice=0.3
    )
    for number, total_minor in enumerate(totals):
        bank.charging.record(bank.payments.settle(receipt(total_minor, f"v{number}"), None, NOW))
    for _ in range(200):
        bank.charging.step(bank.clock.advance(1800))
        for notice in bank.there.take_notices():
            body, headers = webhook(notice, SECRET, bank.clock.now_ns())
            bank.charging.heard(bank.port.read_webhook(body, headers), bank.clock.now_ns())
    assert {state.end for state in bank.payments.states()} == {"charged"}
    assert sum(minor for _, minor in bank.moved) == sum(totals)
    assert {kind for kind, _ in bank.moved} == {"charge"}
    assert bank.payments.open_count == 0
    bank.there.faults = ProcessorFaults()
    statuses = {bank.status(payment_id) for payment_id in list(bank.there.payments)[: len(totals)]}
    assert statuses == {"succeeded", "canceled"}


def test_without_a_line_nothing_is_known(bank: Bank) -> None:
    bank.there.down_until_ns = NOW + NS_PER_HOUR
    for ask in (
        lambda: bank.terminal.ask(READER, "visit", 1000, "EUR"),
        lambda: bank.terminal.tapped(READER),
        lambda: bank.terminal.left_over(READER),
    ):
        with pytest.raises(PortUnavailable):
            ask()
