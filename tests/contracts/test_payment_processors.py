"""What everybody who moves money promises, over real HTTP to a simulated processor that speaks their words."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from openaisle.adapters.charging import Charging
from openaisle.adapters.event_log_memory import MemoryEventLog
from openaisle.adapters.payment_adyen import AdyenPayments
from openaisle.adapters.payment_square import SquarePayments
from openaisle.adapters.payment_stripe import StripePayments
from openaisle.bench.checkout_world import SteppedClock
from openaisle.core.errors import PortUnavailable, ReadingError
from openaisle.core.messages import ChargeRequested, PaymentMethod, ProcessorSaid, RefundRequested
from openaisle.core.units import NS_PER_HOUR, NS_PER_S
from openaisle.ports import PaymentProcessor
from openaisle.receipts.payment import Payments, PaymentSettings
from openaisle.sim.processor import DECLINED_TOKEN, Processor, ProcessorFaults
from openaisle.sim.processor_http import ADYEN, SQUARE, STRIPE, Dialect, ProcessorServer
from openaisle.sim.processor_square import WEBHOOK_URL

NOW = 1_780_300_800 * NS_PER_S
HEX_KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"


@dataclass
class Bank:
    """A processor, what truly happens there, and the adapter that is tried."""

    there: Processor
    port: PaymentProcessor
    clock: SteppedClock
    dialect: Dialect

    def webhooks(self) -> list[tuple[bytes, dict[str, str]]]:
        return [
            self.dialect.webhook(notice, HEX_KEY, self.clock.now_ns()) for notice in self.there.take_notices()
        ]


ADAPTERS: dict[str, tuple[Dialect, Callable[[SteppedClock, str], PaymentProcessor]]] = {
    "stripe": (STRIPE, lambda clock, url: StripePayments("sk_test_1", HEX_KEY, clock, url=url)),
    "adyen": (ADYEN, lambda clock, url: AdyenPayments("key", "Simulated", HEX_KEY, clock, url=url)),
    "square": (
        SQUARE,
        lambda clock, url: SquarePayments("token", "L1", HEX_KEY, WEBHOOK_URL, clock, url=url),
    ),
}


@pytest.fixture(params=ADAPTERS)
def bank(request: pytest.FixtureRequest) -> Iterator[Bank]:
    dialect, make = ADAPTERS[request.param]
    clock = SteppedClock(NOW)
    kept_ns = 7 * 24 * NS_PER_HOUR if request.param == "adyen" else 24 * NS_PER_HOUR
    there = Processor(clock.now_ns, keys_kept_ns=kept_ns)
    server = ProcessorServer(there, clock.now_ns, dialect=dialect)
    port = make(clock, server.url)
    yield Bank(there, port, clock, dialect)
    port.close()
    server.close()


def charge_request(key: str = "oa-1", token: str = "pm_1", minor: int = 250) -> ChargeRequested:
    method = PaymentMethod(kind="card", payer_id="ana", token=token, customer="cus_1")
    return ChargeRequested(
        key=key,
        receipt_id="small/v",
        part=1,
        amount_minor=minor,
        currency="EUR",
        method=method,
        requested_ns=NOW,
    )


def refund_request(minor: int = 100, key: str = "oa-r1") -> RefundRequested:
    return RefundRequested(
        key=key,
        receipt_id="small/v",
        charge_key="oa-1",
        amount_minor=minor,
        currency="EUR",
        reason="not taken",
        requested_ns=NOW,
    )


def told(said: ProcessorSaid | None) -> tuple[str, str, int] | None:
    return said and (said.key, said.outcome, said.amount_minor)


def test_a_card_is_charged(bank: Bank) -> None:
    said = bank.port.charge(charge_request())
    assert told(said) == ("oa-1", "charged", 250)
    assert said
    assert said.reference
    assert [movement.amount_minor for movement in bank.there.movements] == [250]


def test_the_same_key_again_moves_nothing_and_says_the_same(bank: Bank) -> None:
    first, second = bank.port.charge(charge_request()), bank.port.charge(charge_request())
    assert told(first) == told(second)
    assert len(bank.there.movements) == 1


def test_a_refused_card_is_declined_and_stays_so_under_its_key(bank: Bank) -> None:
    for _ in range(2):
        said = bank.port.charge(charge_request(token=DECLINED_TOKEN))
        assert told(said) == ("oa-1", "declined", 0)
        assert said
        assert said.reason
    assert bank.there.movements == []


def test_less_than_was_asked_is_said(bank: Bank) -> None:
    bank.there.faults = ProcessorFaults(in_part=1.0)
    said = bank.port.charge(charge_request())
    assert said
    assert 0 < said.amount_minor < 250
    assert said.amount_minor == bank.there.movements[0].amount_minor


@pytest.mark.parametrize("fault", ["lost_request", "lost_answer", "server_error", "busy"])
def test_what_is_not_known_is_unavailable_and_asking_again_charges_once(bank: Bank, fault: str) -> None:
    bank.there.faults = ProcessorFaults(**{fault: 1.0})
    with pytest.raises(PortUnavailable):
        bank.port.charge(charge_request())
    bank.there.faults = ProcessorFaults()
    assert told(bank.port.charge(charge_request())) == ("oa-1", "charged", 250)
    assert len(bank.there.movements) == 1


def test_money_goes_back_once_a_key(bank: Bank) -> None:
    charged = bank.port.charge(charge_request())
    assert charged
    facts = [bank.port.refund(refund_request(), charged.reference) for _ in range(2)]
    facts += [said for body, headers in bank.webhooks() for said in bank.port.read_webhook(body, headers)]
    assert ("oa-r1", "refunded", 100) in [told(said) for said in facts]
    assert [movement.amount_minor for movement in bank.there.movements] == [250, 100]


def test_more_than_the_charge_is_refused(bank: Bank) -> None:
    charged = bank.port.charge(charge_request())
    assert charged
    assert told(bank.port.refund(refund_request(251), charged.reference)) == ("oa-r1", "refused", 0)


def test_a_charge_is_looked_up_by_its_key_alone(bank: Bank) -> None:
    if bank.port.name == "adyen":
        with pytest.raises(PortUnavailable, match="cannot look up"):
            bank.port.look_up_charge(charge_request())
        return
    assert bank.port.look_up_charge(charge_request()) is None
    for number in range(120):  # More than a page of others.
        bank.port.charge(charge_request(f"other-{number}"))
    charged = bank.port.charge(charge_request())
    bank.clock.advance(30 * 3600)
    assert told(bank.port.look_up_charge(charge_request())) == told(charged)
    assert charged
    assert bank.port.look_up_refund(refund_request(), charged.reference) is None
    bank.port.refund(refund_request(), charged.reference)
    assert told(bank.port.look_up_refund(refund_request(), charged.reference)) == ("oa-r1", "refunded", 100)


def test_what_is_there_and_not_decided_is_not_taken_for_absent(bank: Bank) -> None:
    bank.port.charge(charge_request())
    (payment,) = bank.there.payments.values()
    payment.is_pending = True
    with pytest.raises(PortUnavailable):
        bank.port.look_up_charge(charge_request())


def test_webhooks_tell_the_same_as_answers(bank: Bank) -> None:
    bank.port.charge(charge_request())
    bank.port.charge(charge_request("oa-2", DECLINED_TOKEN))
    facts = [said for body, headers in bank.webhooks() for said in bank.port.read_webhook(body, headers)]
    assert [told(said) for said in facts] == [("oa-1", "charged", 250), ("oa-2", "declined", 0)]
    assert {said.via for said in facts} == {"webhook"}


def test_a_webhook_that_was_changed_or_not_signed_is_refused(bank: Bank) -> None:
    bank.port.charge(charge_request())
    (body, headers), *_ = bank.webhooks()
    for spoiled in (body.replace(b"250", b"999"), b"", b"{}", body[:-1]):
        with pytest.raises(ReadingError):
            bank.port.read_webhook(spoiled, headers)
    if bank.port.name != "adyen":  # whose signature is in the body
        with pytest.raises(ReadingError):
            bank.port.read_webhook(body, {})


def test_an_old_webhook_of_stripe_is_refused(bank: Bank) -> None:
    if bank.port.name != "stripe":
        pytest.skip("signs no time")
    bank.port.charge(charge_request())
    (body, headers), *_ = bank.webhooks()
    bank.clock.advance(301)
    with pytest.raises(ReadingError, match="old"):
        bank.port.read_webhook(body, headers)


def test_every_charge_is_made_once_through_an_outage_and_every_fault(bank: Bank, tmp_path: Path) -> None:
    """The whole outbox on each processor: down for three days, then answers lost, late, refused."""
    from tests.unit.receipts.test_payment import receipt

    look_up_after_h = bank.port.keys_kept_h - 1
    payments = Payments(PaymentSettings(look_up_after_h=look_up_after_h))
    charging = Charging(payments, MemoryEventLog(), bank.port, in_thread=False)
    bank.there.down_until_ns = NOW + 72 * NS_PER_HOUR
    bank.there.faults = ProcessorFaults(lost_answer=0.3, lost_request=0.2, server_error=0.2, busy=0.1)
    for number in range(20):
        charging.record(payments.settle(receipt(250, f"v{number}"), charge_request().method, NOW))
    for _ in range(150):
        charging.step(bank.clock.advance(3600))
        for body, headers in bank.webhooks():
            charging.heard(bank.port.read_webhook(body, headers), bank.clock.now_ns())
    assert {state.end for state in payments.states()} == {"charged"}
    assert len({movement.reference for movement in bank.there.movements}) == 20
    assert len(bank.there.movements) == 20
