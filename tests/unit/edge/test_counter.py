"""The counter beside the ledger: wishes granted once, who pays, and what pages missed while they were away."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest
from tests.contracts.doors import wait_for
from tests.unit.web.counter import PRODUCT, STORE, Counter, pick_up, visit_opened

from openaisle.adapters.event_log_memory import MemoryEventLog
from openaisle.adapters.event_log_sqlite import SqliteEventLog
from openaisle.carts.scanned import scan_id
from openaisle.cli import build_app
from openaisle.core.errors import PaymentRefused
from openaisle.core.messages import (
    CartChanged,
    CartCorrected,
    ChargeRequested,
    GoodsScanned,
    PaymentMethod,
    ProcessorSaid,
    Receipt,
    ReceiptContested,
    RefundWanted,
    ShelfSwitched,
    VisitClosed,
    VoucherSold,
    decode,
)
from openaisle.edge.bus import Inlet
from openaisle.edge.counter import hear_missed
from openaisle.edge.wire import WISH
from openaisle.edge.wishes import BusBooks, Wishes, correction
from openaisle.pipeline import Pipeline, Till
from openaisle.receipts.payment import Payments


class Ledger:
    """A pipeline with payments whose visits are stepped by hand, and the wishes granted in it."""

    def __init__(self) -> None:
        self.log = MemoryEventLog()
        self.payments = Payments()
        self.pipeline = Pipeline(STORE, self.log, self.payments)
        self.wishes = Wishes(self.pipeline, self.payments, lambda messages: None, STORE.currency)

    @property
    def till(self) -> Till:
        return self.pipeline._till


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


def wish(visit_id: str, quantity: int, price_minor: int = 0, key: str = "k1") -> CartCorrected:
    return CartCorrected(
        visit_id=visit_id,
        product_id=PRODUCT.product_id,
        quantity=quantity,
        price_minor=price_minor,
        by="sam",
        key=key,
        wanted_ns=int(key[1:]),
    )


def newest_cart(said: list) -> CartChanged:
    return [message for message in said if isinstance(message, CartChanged)][-1]


def test_staff_put_weighed_goods_into_a_cart_at_their_own_price_once(ledger: Ledger) -> None:
    ledger.till.step((), [visit_opened("v1")], 1)
    cart = newest_cart(ledger.wishes.grant(wish("v1", 2, price_minor=123), 10))
    assert [(line.quantity, line.price_minor, line.pending) for line in cart.lines] == [(2, 123, False)]
    assert ledger.wishes.grant(wish("v1", 2, price_minor=123), 11) == []
    cart = newest_cart(ledger.wishes.grant(wish("v1", -1, key="k2"), 12))
    assert cart.total_minor == 123


def test_a_correction_survives_a_restart_of_the_ledgers_process(ledger: Ledger) -> None:
    ledger.till.step((), [visit_opened("v1")], 1)
    ledger.wishes.grant(wish("v1", 1, price_minor=77), 10)
    again = Pipeline(STORE, ledger.log, Payments())
    said = again._till.finish((), [VisitClosed(visit_id="v1", gate_id="exit", closed_ns=20)], 30)
    (receipt,) = [message for message in said if isinstance(message, Receipt)]
    assert receipt.total_minor == 77


def test_a_correction_for_a_visit_that_is_over_is_a_question_and_bills_nobody(ledger: Ledger) -> None:
    said = ledger.wishes.grant(wish("gone", 1), 10)
    assert not [message for message in said if isinstance(message, CartChanged | Receipt)]
    assert correction(wish("gone", 1)) == correction(wish("gone", 1))


def scanned(visit_id: str, interaction_id: str, *, is_undone: bool = False) -> GoodsScanned:
    return GoodsScanned(
        interaction_id=interaction_id,
        visit_id=visit_id,
        product_id=PRODUCT.product_id,
        is_undone=is_undone,
        key=f"{interaction_id} {is_undone}",
        wanted_ns=20,
    )


def test_goods_are_scanned_into_a_cart_and_out_of_it_where_a_shelf_was_switched(ledger: Ledger) -> None:
    ledger.till.step((), [visit_opened("v1"), visit_opened("v2")], 1)
    mine = scan_id("v1", "a")
    with pytest.raises(PaymentRefused, match="no shelf with it is scanned"):
        ledger.wishes.grant(scanned("v1", mine), 10)
    shelf_id = next(slot.shelf_id for slot in STORE.slots.values() if slot.product_id == PRODUCT.product_id)
    ledger.wishes.grant(
        ShelfSwitched(shelf_id=shelf_id, is_scanned=True, by="sam", key="k", switched_ns=11), 11
    )
    for now_ns in (12, 13):
        ledger.wishes.grant(scanned("v1", mine), now_ns)
    assert ledger.pipeline.holdings == {"v1": {PRODUCT.product_id: 1}, "v2": {}}
    with pytest.raises(PaymentRefused, match="of another cart"):
        ledger.wishes.grant(scanned("v2", mine, is_undone=True), 14)

    again = Pipeline(STORE, ledger.log, Payments())  # As after a restart.
    assert again.scanned.shelf_ids == (shelf_id,)
    wishes = Wishes(again, Payments(), lambda messages: None, STORE.currency)
    assert newest_cart(wishes.grant(scanned("v1", mine, is_undone=True), 15)).lines == ()
    assert again.holdings == {"v1": {}, "v2": {}}


def test_money_wishes_are_granted_once_and_refused_beyond_the_receipt(ledger: Ledger) -> None:
    sold = VoucherSold(voucher_id="c1", amount_minor=500, key="c1")
    ledger.wishes.grant(sold, 1)
    ledger.wishes.grant(sold, 2)
    assert ledger.payments.vouchers_minor == {"c1": 500}
    ledger.payments.bind("v1", PaymentMethod(kind="voucher", payer_id="c1", token="c1"), 1)
    ledger.till.step((), [visit_opened("v1")], 1)
    ledger.till.step([pick_up("v1", 1, 0.99)], (), 2)
    said = ledger.till.finish((), [VisitClosed(visit_id="v1", gate_id="exit", closed_ns=3)], 4)
    (receipt,) = [message for message in said if isinstance(message, Receipt)]
    assert ledger.payments.state(receipt.receipt_id).state == "paid"
    ledger.wishes.grant(ReceiptContested(receipt_id=receipt.receipt_id, reason="not_taken", key="d"), 5)
    assert ledger.payments.state(receipt.receipt_id).state == "contested"
    back = RefundWanted(receipt_id=receipt.receipt_id, amount_minor=receipt.total_minor, reason="x", key="d")
    for _ in range(2):
        ledger.wishes.grant(back, 6)
    assert ledger.payments.vouchers_minor == {"c1": 500}
    more = msgspec.structs.replace(back, key="e", amount_minor=1)
    with pytest.raises(PaymentRefused, match="cannot give back so much"):
        ledger.wishes.grant(more, 7)


def test_wishes_wait_for_a_ledger_that_restarts_and_arrive(tmp_path: Path) -> None:
    books = BusBooks(tmp_path / "core", lambda: 7)
    books.refund("r", 5, "why", "k")
    time.sleep(0.3)
    inlet = Inlet(tmp_path / "core", 16)
    came: list = []
    assert wait_for(lambda: bool(came.extend(inlet.take(0.1)) or came), 5)
    kind, payload = came[0]
    assert kind == WISH
    assert decode(payload) == RefundWanted(receipt_id="r", amount_minor=5, reason="why", key="k")
    books.close()
    inlet.close()


def test_pages_that_were_away_learn_everything_from_the_ledger(tmp_path: Path) -> None:
    log = SqliteEventLog(tmp_path / "ledger.sqlite")
    payments = Payments()
    till = Till(STORE, log, payments)
    payments.bind("v1", PaymentMethod(kind="card", payer_id="v1", token="pm"), 1)
    till.step((), [visit_opened("v1")], 1)
    till.step([pick_up("v1", 2, 0.9)], (), 2)
    said = till.finish((), [VisitClosed(visit_id="v1", gate_id="exit", closed_ns=3)], 4)
    (charge,) = [message for message in said if isinstance(message, ChargeRequested)]
    fact = ProcessorSaid(
        key=charge.key, outcome="charged", amount_minor=charge.amount_minor, reference="p", said_ns=5
    )
    from openaisle.adapters.charging import Charging

    class Nobody:
        """Never asked here."""

    charging = Charging(payments, log, Nobody(), in_thread=False)  # type: ignore[arg-type]
    charging.heard([fact], 6)

    counter = Counter(tmp_path / "pages")
    fresh = hear_missed(counter.desk, tmp_path / "ledger.sqlite")
    assert fresh == len(list(log.read()))
    kept = counter.desk.receipts.of_visit("v1")
    assert kept is not None
    assert (kept.number, kept.state, counter.desk.receipts.count()) == (1, "paid", 1)
    assert kept.weakest(kept.receipt.lines[0]) == 0.9
    assert hear_missed(counter.desk, tmp_path / "none.sqlite") == 0
    counter.desk.close()

    # The next start hears what happened since, and has the rest in memory again.
    till.step((), [visit_opened("v2")], 7)
    charging.record(payments.refund(kept.receipt.receipt_id, 1, "wrong", "d", 8))
    again = Counter(tmp_path / "pages")
    assert hear_missed(again.desk, tmp_path / "ledger.sqlite") == 2
    assert again.desk.receipts.count() == 1
    assert again.desk.live.state("v1")["payment"]["state"] == "reviewed"
    assert again.desk.live.state("v2")["stage"] == "inside"
    assert again.desk.receipts.interaction(kept.receipt.lines[0].evidence[0])["probability"] == 0.9
    again.desk.close()

    # Another ledger under the same name is heard from its beginning.
    log.close()
    for file in tmp_path.glob("ledger.sqlite*"):
        file.unlink()
    other = SqliteEventLog(tmp_path / "ledger.sqlite")
    Till(STORE, other, Payments()).step((), [visit_opened("v3")], 1)
    third = Counter(tmp_path / "pages")
    assert hear_missed(third.desk, tmp_path / "ledger.sqlite") == len(list(other.read()))
    third.desk.close()
    other.close()


def test_accounts_are_added_linked_and_blocked_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from openaisle.central.accounts import Accounts, Role
    from openaisle.central.database import FILE, Database

    run = build_app()

    def command(*words: str) -> str:
        run(["accounts", *words, "--state", str(tmp_path)], standalone_mode=False)
        return capsys.readouterr().out.strip()

    command("add", "corner", "--email", "max@shop.org", "--name", "Max", "--role", "manager")
    secret = command("link", "corner", "--email", "max@shop.org").rsplit("/", 1)[1]
    command("add", "corner", "--email", "erp@shop.org", "--name", "ERP", "--role", "machine")
    key = command("key", "corner", "--email", "erp@shop.org")
    command("block", "corner", "--email", "max@shop.org")
    database = Database(tmp_path / FILE)
    accounts = Accounts(database)
    now_ns = time.time_ns()
    manager, machine = accounts.of_session(secret, "link", now_ns), accounts.of_session(key, "api", now_ns)
    assert manager is not None
    assert machine is not None
    assert (manager.role, manager.is_blocked, machine.role) == (Role.MANAGER, True, Role.MACHINE)
    assert accounts.of_session(key, "browser", now_ns) is None
    database.close()
