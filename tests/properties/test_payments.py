"""Whatever is said in whatever order: nobody pays more than they took, and the ledger alone rebuilds what is owed."""

from typing import Any

from hypothesis import given, settings, strategies as st
from tests.unit.receipts.test_payment import CARD, NOW, VOUCHER, receipt

from openaisle.core.errors import PaymentRefused
from openaisle.core.messages import (
    CardHeld,
    ChargeRequested,
    PaymentMethod,
    ProcessorSaid,
    RefundRequested,
    ReleaseRequested,
    decode,
    encode,
)
from openaisle.core.units import NS_PER_HOUR
from openaisle.receipts.book import to_log
from openaisle.receipts.payment import Payments
from openaisle.receipts.sales import Sales

OTHER_CARD = PaymentMethod(kind="card", payer_id="ben", token="pm_2")
RECEIPTS = ("a", "b")
HOLDS = {
    visit_id: PaymentMethod(kind="hold", payer_id="card:1", token=f"pi_{visit_id}", saved=saved)
    for visit_id, saved in (("a", "pm_saved"), ("b", ""))
}

facts = st.tuples(
    st.sampled_from(["charged", "declined", "refunded", "refused", "released"]),
    st.integers(0, 7),
    st.floats(0.1, 1.0),
)
"""What a processor may say, about which of the requests so far, and which share of the amount moved."""

deeds = st.one_of(
    st.tuples(
        st.just("settle"), st.sampled_from(RECEIPTS), st.sampled_from([CARD, OTHER_CARD, VOUCHER, None])
    ),
    st.tuples(st.just("refund"), st.sampled_from(RECEIPTS), st.integers(1, 300), st.integers(0, 3)),
    st.tuples(st.just("say"), facts),
    st.tuples(st.just("contest"), st.sampled_from(RECEIPTS)),
    st.tuples(st.just("reviewed"), st.sampled_from(RECEIPTS)),
    st.tuples(st.just("load"), st.integers(1, 300)),
    st.tuples(st.just("tap"), st.sampled_from(RECEIPTS), st.sampled_from(["", "unsettled_debt"])),
    st.tuples(st.just("wait"), st.integers(1, 300)),
)


class Shop:
    """Does deeds and keeps what was logged and what a truthful processor moved."""

    def __init__(self) -> None:
        self.payments = Payments()
        self.logged: list[Any] = []
        self.requests: list[Any] = []
        self.moved_minor: dict[str, int] = {}
        self.now_ns = NOW

    def do(self, deed: tuple[Any, ...]) -> None:
        payments = self.payments
        try:
            match deed:
                case ("settle", visit_id, method):
                    self._take(payments.settle(receipt(250, visit_id), method, self.now_ns))
                case ("refund", visit_id, minor, number):
                    self._take(
                        payments.refund(f"small/{visit_id}", minor, "wrong", f"d{number}", self.now_ns)
                    )
                case ("contest", visit_id):
                    self._take(payments.contest(f"small/{visit_id}", "no", self.now_ns))
                case ("reviewed", visit_id):
                    self._take(payments.reviewed(f"small/{visit_id}", "yes", self.now_ns))
                case ("load", minor):
                    self._take(payments.load_voucher(VOUCHER.token, minor, "EUR", self.now_ns))
                case ("tap", visit_id, refused):
                    self._take(payments.hold(held(visit_id), self.now_ns, refused=refused))
                case ("wait", hours):
                    self.now_ns += hours * NS_PER_HOUR
                    for errand in payments.take_due(self.now_ns, 99):
                        self._take(payments.failed(errand.request.key, self.now_ns))
                    self._take(payments.write_off(self.now_ns))
                    self._take(payments.release_stale(self.now_ns))
                case ("say", fact):
                    self._say(*fact)
        except PaymentRefused:
            pass

    def _say(self, outcome: str, index: int, share: float) -> None:
        """A processor that is asked what we asked: it never moves more, and once per key."""
        requests = [request for request in self.requests if (outcome in _OUTCOMES[type(request)])]
        if not requests:
            return
        request = requests[index % len(requests)]
        is_moving = outcome in ("charged", "refunded")
        if isinstance(request, RefundRequested):
            if not request.charge_key or not self.moved_minor.get(request.charge_key):
                return  # A refund goes out once its charge is known.
            bill = self.payments._bills[request.receipt_id]
            part_minor = bill.part_of(bill.refunds[request.key])
            if outcome == "refunded" and not part_minor:
                return
            share = part_minor / request.amount_minor
        minor = max(1, round(request.amount_minor * share)) if is_moving else 0
        if is_moving:
            minor = self.moved_minor.setdefault(request.key, minor)
        elif self.moved_minor.get(request.key) and isinstance(request, RefundRequested):
            return
        said = ProcessorSaid(key=request.key, outcome=outcome, amount_minor=minor, reference="r", said_ns=NOW)
        self._take(self.payments.heard(said, self.now_ns))

    def _take(self, messages: list[Any]) -> None:
        self.logged += to_log(messages)
        self.requests += [m for m in messages if isinstance(m, tuple(_OUTCOMES))]


_OUTCOMES = {
    ChargeRequested: ("charged", "declined"),
    RefundRequested: ("refunded", "refused"),
    ReleaseRequested: ("released",),
}


def held(visit_id: str) -> CardHeld:
    return CardHeld(
        visit_id=visit_id,
        gate_id="entry",
        method=HOLDS[visit_id],
        amount_minor=200,
        currency="EUR",
        held_ns=NOW,
    )


@given(st.lists(deeds, max_size=25))
@settings(max_examples=200, deadline=None)
def test_a_hold_is_charged_once_or_let_go_once_and_never_charged_after_that(what: list[Any]) -> None:
    shop = Shop()
    for deed in what:
        shop.do(deed)
    for visit_id, method in HOLDS.items():
        asked = [
            type(each)
            for each in shop.requests
            if isinstance(each, ChargeRequested | ReleaseRequested) and each.method == method
        ]
        assert len(asked) <= 1, asked
        billed = any(state.visit_id == visit_id for state in shop.payments.states())
        assert (
            asked
            or not billed
            or not shop.payments.knows_hold(visit_id)
            or _is_paid_otherwise(shop, visit_id)
        )


def _is_paid_otherwise(shop: Shop, visit_id: str) -> bool:
    """The card was tapped after the receipt was settled."""
    kinds = [type(each).__name__ for each in shop.logged if getattr(each, "visit_id", "") == visit_id]
    return kinds.index("CardHeld") > kinds.index("Receipt")


@given(st.lists(deeds, max_size=25))
@settings(max_examples=200, deadline=None)
def test_refunds_never_exceed_charges_and_nobody_pays_more_than_the_receipt_in_the_end(
    what: list[Any],
) -> None:
    shop = Shop()
    for deed in what:
        shop.do(deed)
        states = shop.payments.states()
        for state in states:
            assert 0 <= state.refunded_minor <= state.paid_minor
            charges = {charge.key: minor for charge, minor in shop.payments.charges(state.receipt_id)}
            for charge_key, charged_minor in charges.items():
                back_minor = sum(
                    minor
                    for refund, minor in shop.payments.refunds(state.receipt_id)
                    if refund.charge_key == charge_key
                )
                assert back_minor <= charged_minor
            # What is paid, and what is still asked for, less what goes back by itself, is the receipt at most.
            asked_back_minor = sum(
                refund.amount_minor
                for refund, _ in shop.payments.refunds(state.receipt_id)
                if refund.charge_key
            )
            assert state.paid_minor - asked_back_minor <= state.amount_minor
        assert all(minor >= 0 for minor in shop.payments.vouchers_minor.values())
        owed = [s.amount_minor - s.waived_minor - s.paid_minor for s in states if s.end != "written_off"]
        assert shop.payments.exposure_minor() == sum(minor for minor in owed if minor > 0)


@given(st.lists(deeds, max_size=25))
@settings(max_examples=200, deadline=None)
def test_the_log_alone_rebuilds_payments_and_sales(what: list[Any]) -> None:
    shop = Shop()
    for deed in what:
        shop.do(deed)
    entries = [encode(message) for message in shop.logged]
    again, first, second = Payments(), Sales(), Sales()
    for entry in entries:
        again.replay(decode(entry))
    assert again.states() == shop.payments.states()
    assert again.exposure_minor() == shop.payments.exposure_minor()
    assert again.vouchers_minor == shop.payments.vouchers_minor
    told = [each for entry in entries for each in first.follow(decode(entry))]
    assert told == [each for entry in entries for each in second.follow(decode(entry))]
    assert [each.sequence for each in told] == list(range(1, len(told) + 1))


@given(
    st.permutations([("charged", 250), ("declined", 0), ("charged", 250), ("charged", 250)]),
    st.permutations([("refunded", 60), ("refused", 0), ("refunded", 60)]),
)
def test_webhooks_in_any_order_and_number_end_the_same(
    charge_facts: list[Any], refund_facts: list[Any]
) -> None:
    """Of the charge first, for a refund is asked for once its charge is known; each any number of times."""
    payments = Payments()
    payments.settle(receipt(), CARD, NOW)
    (request, _), *_ = payments.charges("small/visit")
    for outcome, minor in charge_facts:
        payments.heard(
            ProcessorSaid(key=request.key, outcome=outcome, amount_minor=minor, reference="pi", said_ns=NOW),
            NOW,
        )
    payments.refund("small/visit", 60, "wrong", "d", NOW)
    (refund, _), *_ = payments.refunds("small/visit")
    for outcome, minor in [*refund_facts, *refund_facts]:
        payments.heard(
            ProcessorSaid(key=refund.key, outcome=outcome, amount_minor=minor, reference="re", said_ns=NOW),
            NOW,
        )
    state = payments.state("small/visit")
    assert (state.state, state.end, state.paid_minor, state.refunded_minor) == (
        "refunded",
        "charged",
        250,
        60,
    )
    assert payments.open_count == 0
