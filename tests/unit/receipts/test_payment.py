"""What becomes of a receipt's money."""

import pytest

from openaisle.core.errors import PaymentRefused
from openaisle.core.messages import (
    ChargeRequested,
    PaymentChanged,
    PaymentMethod,
    PaymentState,
    ProcessorSaid,
    Receipt,
    RefundRequested,
)
from openaisle.core.units import NS_PER_HOUR, NS_PER_S
from openaisle.receipts.book import to_log
from openaisle.receipts.errands import Errand
from openaisle.receipts.payment import Payments, PaymentSettings

CARD = PaymentMethod(kind="card", payer_id="ana", token="pm_1", customer="cus_1")
VOUCHER = PaymentMethod(kind="voucher", payer_id="v-7", token="v-7")
NOW = 1_780_300_800 * NS_PER_S


def receipt(total_minor: int = 250, visit_id: str = "visit") -> Receipt:
    return Receipt(
        receipt_id=f"small/{visit_id}",
        visit_id=visit_id,
        store_id="small",
        issued_ns=NOW,
        lines=(),
        total_minor=total_minor,
        tax_minor=0,
        currency="EUR",
    )


def said(key: str, outcome: str, amount_minor: int = 0, via: str = "answer") -> ProcessorSaid:
    return ProcessorSaid(
        key=key, outcome=outcome, amount_minor=amount_minor, reference=f"pi_{key[3:9]}", via=via, said_ns=NOW
    )


def the_charge(payments: Payments, number: int = -1, receipt_id: str = "small/visit") -> ChargeRequested:
    return payments.charges(receipt_id)[number][0]


def refunds_due(payments: Payments) -> list[RefundRequested]:
    due = payments.take_due(NOW, 9)
    return [errand.request for errand in due if isinstance(errand.request, RefundRequested)]


def paid(payments: Payments, total_minor: int = 250) -> ChargeRequested:
    payments.settle(receipt(total_minor), CARD, NOW)
    charge = the_charge(payments)
    payments.heard(said(charge.key, "charged", total_minor), NOW)
    return charge


def test_a_receipt_becomes_one_request_and_then_paid() -> None:
    payments = Payments()
    requested = payments.settle(receipt(), CARD, NOW)
    assert [type(message).__name__ for message in requested] == [
        "Receipt", "PayerBound", "ChargeRequested", "PaymentChanged",
    ]  # fmt: skip
    assert payments.state("small/visit").state is PaymentState.PAYMENT
    errand = payments.take_due(NOW, 9)[0]
    assert errand.request == the_charge(payments)
    assert not errand.is_look_up
    changed = payments.heard(said(errand.request.key, "charged", 250), NOW)[-1]
    assert isinstance(changed, PaymentChanged)
    assert (changed.state, changed.end, changed.paid_minor) == (PaymentState.PAID, "charged", 250)
    assert payments.exposure_minor() == 0


def test_settling_twice_is_one_charge() -> None:
    payments = Payments()
    payments.settle(receipt(), CARD, NOW)
    assert payments.settle(receipt(), CARD, NOW) == []
    payments.heard(said(the_charge(payments).key, "charged", 250), NOW)
    assert payments.settle(receipt(), CARD, NOW) == []
    assert len(payments.charges("small/visit")) == 1


def test_keys_are_the_same_in_every_process_and_other_for_every_charge() -> None:
    keys = set()
    for visit_id in ("a", "b"):
        first, second = Payments(), Payments()
        for payments in (first, second):
            payments.settle(receipt(visit_id=visit_id), CARD, NOW)
        key = the_charge(first, receipt_id=f"small/{visit_id}").key
        assert key == the_charge(second, receipt_id=f"small/{visit_id}").key
        keys.add(key)
    assert len(keys) == 2


def test_a_receipt_of_nothing_needs_no_charge() -> None:
    payments = Payments()
    payments.settle(receipt(0), CARD, NOW)
    assert payments.charges("small/visit") == []
    assert payments.state("small/visit").state is PaymentState.PAID
    assert payments.take_due(NOW, 9) == []


def test_who_pays_may_be_known_before_or_after() -> None:
    payments = Payments()
    payments.bind("visit", CARD, NOW)
    assert payments.bind("visit", VOUCHER, NOW) == []
    payments.settle(receipt(), None, NOW)
    assert the_charge(payments).method == CARD
    payments.settle(receipt(visit_id="other"), None, NOW)
    assert payments.state("small/other").state is PaymentState.DRAFT
    payments.settle(receipt(visit_id="other"), CARD, NOW)
    assert payments.state("small/other").state is PaymentState.PAYMENT


def test_a_declined_card_is_a_debt_that_keeps_its_owner_out_until_another_card_pays() -> None:
    payments = Payments()
    payments.settle(receipt(), CARD, NOW)
    payments.heard(said(the_charge(payments).key, "declined"), NOW)
    assert payments.state("small/visit").state is PaymentState.UNPAID
    assert payments.entry_refusal("ana", NOW) == "unsettled_debt"
    assert payments.entry_refusal("ben", NOW) is None
    payments.settle(receipt(), PaymentMethod(kind="card", payer_id="ana", token="pm_2"), NOW)
    assert the_charge(payments).part == 2
    payments.heard(said(the_charge(payments).key, "charged", 250), NOW)
    assert payments.entry_refusal("ana", NOW) is None


def test_a_card_that_was_declined_and_charged_after_all_gets_its_money_back() -> None:
    payments = Payments()
    payments.settle(receipt(), CARD, NOW)
    first = the_charge(payments)
    payments.heard(said(first.key, "declined"), NOW)
    payments.settle(receipt(), CARD, NOW)
    payments.heard(said(the_charge(payments).key, "charged", 250), NOW)
    late = payments.heard(said(first.key, "charged", 250, "webhook"), NOW)
    refunds = [message for message in late if isinstance(message, RefundRequested)]
    assert [refund.amount_minor for refund in refunds] == [250]
    assert [errand.request for errand in payments.take_due(NOW, 9)] == refunds


def test_a_charge_in_part_is_followed_by_one_for_the_rest() -> None:
    payments = Payments()
    payments.settle(receipt(), CARD, NOW)
    payments.heard(said(the_charge(payments).key, "charged", 100), NOW)
    rest = the_charge(payments)
    assert (rest.part, rest.amount_minor) == (2, 150)
    payments.heard(said(rest.key, "charged", 150), NOW)
    assert payments.state("small/visit").state is PaymentState.PAID


def test_without_an_answer_it_is_asked_again_later_and_looked_up_first_when_it_is_old() -> None:
    payments = Payments()
    payments.settle(receipt(), CARD, NOW)
    key = payments.take_due(NOW, 9)[0].request.key
    assert payments.take_due(NOW, 9) == []
    payments.failed(key, NOW)
    assert payments.take_due(NOW + NS_PER_S, 9) == []
    assert not payments.take_due(NOW + 2 * NS_PER_S, 9)[0].is_look_up
    payments.failed(key, NOW + 22 * NS_PER_HOUR)
    old_ns = NOW + 24 * NS_PER_HOUR
    assert payments.take_due(old_ns, 9)[0].is_look_up
    again = payments.absent(key, old_ns)
    assert isinstance(again, Errand)
    assert not again.is_look_up
    assert again.request.key == key


def test_every_request_ends_by_a_deadline() -> None:
    payments = unanswered()
    assert payments.state("small/visit").end == "needs_reconcile"
    assert payments.state("small/visit").state is PaymentState.PAYMENT
    payments.heard(said(the_charge(payments).key, "charged", 250, "webhook"), NOW)
    assert payments.state("small/visit").end == "charged"


def unanswered() -> Payments:
    """A charge that was asked for until the deadline, in vain."""
    payments = Payments(PaymentSettings(retry_s=(3600.0,)))
    payments.settle(receipt(), CARD, NOW)
    for hour in range(8 * 24 + 1):
        now_ns = NOW + hour * NS_PER_HOUR
        for errand in payments.take_due(now_ns, 9):
            payments.failed(errand.request.key, now_ns)
    return payments


def test_what_is_not_known_at_the_deadline_is_looked_up_once_a_day() -> None:
    payments = unanswered()
    late_ns = NOW + 9 * 24 * NS_PER_HOUR
    assert payments.take_due(late_ns - NS_PER_S, 9) == []
    errands = payments.take_due(late_ns, 9)
    assert [errand.is_look_up for errand in errands] == [True]
    assert payments.failed(errands[0].request.key, late_ns) == []  # a person knows already
    assert len(payments.take_due(late_ns + 24 * NS_PER_HOUR, 9)) == 1


def test_a_charge_that_nobody_made_until_the_deadline_is_a_debt_and_made_no_more() -> None:
    payments = unanswered()
    late_ns = NOW + 9 * 24 * NS_PER_HOUR
    key = payments.take_due(late_ns, 9)[0].request.key
    followed = payments.absent(key, late_ns)
    assert isinstance(followed, list)
    assert payments.state("small/visit").state is PaymentState.UNPAID
    assert payments.state("small/visit").end == ""
    assert payments.take_due(late_ns + 1_000 * NS_PER_HOUR, 9) == []
    payments.settle(
        receipt(), PaymentMethod(kind="card", payer_id="ana", token="pm_2", customer="cus_1"), late_ns
    )
    payments.heard(said(the_charge(payments).key, "charged", 250), late_ns)
    payments.heard(said(key, "charged", 250, "webhook"), late_ns)  # it was made after all: it goes back
    assert [request.amount_minor for request, _ in payments.refunds("small/visit")] == [250]


def test_debts_are_written_off_by_a_deadline() -> None:
    payments = Payments()
    payments.settle(receipt(), CARD, NOW)
    payments.heard(said(the_charge(payments).key, "declined"), NOW)
    assert payments.write_off(NOW + 700 * NS_PER_HOUR) == []
    payments.write_off(NOW + 721 * NS_PER_HOUR)
    assert payments.state("small/visit").end == "written_off"
    assert payments.exposure_minor() == 0


def test_refunds_never_exceed_what_was_charged() -> None:
    payments = Payments()
    paid(payments)
    payments.refund("small/visit", 100, "wrong line", "dispute-1", NOW)
    assert payments.refund("small/visit", 100, "wrong line", "dispute-1", NOW) == []
    with pytest.raises(PaymentRefused, match="1 to 150"):
        payments.refund("small/visit", 151, "all", "dispute-2", NOW)
    payments.refund("small/visit", 150, "all", "dispute-2", NOW)
    for refund in refunds_due(payments):
        payments.heard(said(refund.key, "refunded", refund.amount_minor), NOW)
    state = payments.state("small/visit")
    assert (state.state, state.refunded_minor) == (PaymentState.REFUNDED, 250)


def test_a_refund_waits_for_its_charge_and_of_a_declined_one_less_is_owed() -> None:
    payments = Payments()
    payments.settle(receipt(), CARD, NOW)
    charge = payments.take_due(NOW, 9)[0].request
    payments.refund("small/visit", 50, "not taken", "d", NOW)
    assert payments.take_due(NOW, 9) == []
    payments.heard(said(charge.key, "declined"), NOW)
    assert payments.exposure_minor() == 200
    payments.heard(said(charge.key, "charged", 250, "webhook"), NOW)
    assert [refund.amount_minor for refund in refunds_due(payments)] == [50]


def test_a_refund_of_a_charge_that_then_comes_in_part_goes_back_as_far_as_it_came_and_the_rest_is_not_charged() -> (
    None
):
    payments = Payments()
    payments.settle(receipt(250), CARD, NOW)
    charge = payments.take_due(NOW, 9)[0].request
    payments.refund("small/visit", 200, "not taken", "d", NOW)
    payments.heard(said(charge.key, "charged", 80), NOW)
    # 80 came and goes back; of the 170 that are missing 120 were to go back as well: 50 are charged.
    assert payments.charges("small/visit")[-1][0].amount_minor == 50
    (back,) = refunds_due(payments)
    assert back.amount_minor == 80
    payments.heard(said(back.key, "refunded", 80), NOW)
    payments.heard(said(the_charge(payments).key, "charged", 50), NOW)
    state = payments.state("small/visit")
    assert (state.paid_minor - state.refunded_minor, state.end, payments.open_count) == (50, "charged", 0)


def test_a_dispute_ends_reviewed_or_refunded() -> None:
    payments = Payments()
    paid(payments)
    payments.contest("small/visit", "no bread", NOW)
    assert payments.state("small/visit").state is PaymentState.CONTESTED
    payments.reviewed("small/visit", "it was taken", NOW)
    assert payments.state("small/visit").state is PaymentState.REVIEWED


def test_vouchers_pay_what_they_hold_and_get_it_back() -> None:
    payments = Payments()
    payments.load_voucher("v-7", 300, "EUR", NOW)
    payments.settle(receipt(250), VOUCHER, NOW)
    assert payments.state("small/visit").state is PaymentState.PAID
    payments.settle(receipt(100, "next"), VOUCHER, NOW)
    assert payments.state("small/next").state is PaymentState.UNPAID
    assert payments.exposure_minor("v-7") == 50
    payments.refund("small/visit", 80, "wrong", "d", NOW)
    assert payments.vouchers_minor["v-7"] == 80
    assert payments.state("small/visit").refunded_minor == 80


def test_exposure_is_capped_for_each_payer_and_for_the_shop() -> None:
    payments = Payments(PaymentSettings(payer_exposure_minor_max=500, store_exposure_minor_max=800))
    payments.settle(receipt(600, "a"), CARD, NOW)
    assert payments.entry_refusal("ana", NOW) == "exposure_payer"
    assert payments.entry_refusal("ben", NOW) is None
    payments.settle(receipt(300, "b"), PaymentMethod(kind="card", payer_id="cem", token="pm_3"), NOW)
    assert payments.entry_refusal("ben", NOW) == "exposure_store"
    assert payments.entry_refusal("ana", NOW + 169 * NS_PER_HOUR) == "offline_too_long"


def test_who_may_not_come_in_on_credit_is_known_for_all_payers_at_once() -> None:
    payments = Payments(PaymentSettings(store_exposure_minor_max=600))
    payments.settle(receipt(), CARD, NOW)
    assert payments.refused_payers(NOW) == ({}, None)
    payments.heard(said(the_charge(payments).key, "declined"), NOW)
    assert payments.refused_payers(NOW) == ({"ana": "unsettled_debt"}, None)
    payments.settle(receipt(400, "b"), PaymentMethod(kind="card", payer_id="cem", token="pm_3"), NOW)
    assert payments.refused_payers(NOW) == (
        {"ana": "unsettled_debt", "cem": "exposure_store"},
        "exposure_store",
    )
    payments.settle(receipt(100, "nobody's"), None, NOW)
    assert payments.refused_payers(NOW)[1] == "exposure_store"


def test_what_was_settled_long_ago_is_let_go_of_and_never_charged_again() -> None:
    payments = Payments()
    paid(payments)
    payments.settle(receipt(100, "debt"), CARD, NOW)
    payments.heard(said(the_charge(payments, receipt_id="small/debt").key, "declined"), NOW)
    assert payments.forget(NOW + 179 * 24 * NS_PER_HOUR) == []
    assert payments.forget(NOW + 181 * 24 * NS_PER_HOUR) == ["small/visit"]
    assert [state.receipt_id for state in payments.states()] == ["small/debt"]
    assert payments.settle(receipt(), CARD, NOW) == []
    with pytest.raises(PaymentRefused, match="no such receipt"):
        payments.refund("small/visit", 1, "late", "d", NOW)
    assert payments.take_due(NOW + 200 * 24 * NS_PER_HOUR, 9) == []


def test_what_the_log_holds_rebuilds_every_payment() -> None:
    payments = Payments()
    logged = to_log(payments.settle(receipt(), CARD, NOW))
    key = the_charge(payments).key
    logged += to_log(payments.heard(said(key, "charged", 100), NOW))
    logged += to_log(payments.refund("small/visit", 30, "x", "d", NOW))
    again = Payments()
    for message in logged:
        again.replay(message)
    assert again.states() == payments.states()
    assert {e.request.key for e in again.take_due(NOW, 9)} == {
        e.request.key for e in payments.take_due(NOW, 9)
    }
