"""Badges at the gate: whose they are, one visit at a time, and paid by the meal plan or the account's card."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.contracts.test_gates import CLOCK, GATES
from tests.unit.web.counter import Counter, pick_up, visit_opened

from openaisle.adapters.entry_codes import CodeVerifier
from openaisle.adapters.event_log_memory import MemoryEventLog
from openaisle.adapters.gatekeeper import Gatekeeper
from openaisle.central.accounts import Account, Role
from openaisle.central.entry import Standing, payment_method
from openaisle.core.errors import EntryRefused, InputError
from openaisle.core.messages import GateTap, PayerBound, PaymentChanged, VisitClosed
from openaisle.edge.badges import Badges
from openaisle.pipeline import Till
from openaisle.receipts.payment import Payments
from openaisle.store.load import load_store

NUMBER = "04A37B12"


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    one = Counter(tmp_path)
    yield one
    one.desk.close()


@pytest.fixture
def badges(counter: Counter, tmp_path: Path) -> Badges:
    return Badges(Standing(tmp_path / "central.sqlite"))


def with_badge(counter: Counter, role: Role = Role.SHOPPER, *, with_card: bool = True) -> Account:
    account = counter.account(role, with_card=with_card)
    counter.desk.accounts.set_badge(account.account_id, NUMBER)
    return account


def refusal(badges: Badges, number: str = NUMBER) -> str:
    with pytest.raises(EntryRefused) as refused:
        badges.admit(number, "entry", CLOCK.now_ns())
    return refused.value.reason


def left(tap: GateTap) -> list:
    return [VisitClosed(visit_id=tap.visit_id, gate_id="exit", closed_ns=2)]


def test_a_badge_lets_its_account_in_once_until_it_has_left(counter: Counter, badges: Badges) -> None:
    account = with_badge(counter)
    tap = badges.admit(NUMBER, "entry", 1)
    assert badges.payer(tap.visit_id) == (account.account_id, "token:pm_Ana")
    assert refusal(badges) == "used"
    badges.hear(left(tap))
    assert badges.admit(NUMBER, "entry", 3).visit_id != tap.visit_id


def test_each_refusal_has_its_reason(counter: Counter, badges: Badges) -> None:
    assert refusal(badges) == "malformed"
    account = with_badge(counter, with_card=False)
    assert refusal(badges) == "no_method"
    card = {"processor": "stripe", "token": "pm_old", "brand": "visa", "last4": "4242"}
    counter.desk.accounts.add_method(account.account_id, 1, expires="2001-01", **card)
    assert refusal(badges) == "card_expired"
    counter.desk.accounts.block(account.account_id, is_blocked=True)
    assert refusal(badges) == "blocked"
    counter.desk.accounts.set_badge(account.account_id, "")
    assert refusal(badges) == "malformed"


def test_a_badge_has_one_account_and_staff_are_never_billed(counter: Counter, badges: Badges) -> None:
    with_badge(counter, Role.STAFF)
    with pytest.raises(InputError, match="this badge has an account"):
        counter.desk.accounts.set_badge(counter.account().account_id, NUMBER)
    tap = badges.admit(NUMBER, "entry", 1)
    assert tap.is_staff
    payer = badges.payer(tap.visit_id)
    assert payer is not None
    assert payment_method(payer[1], payer[0]) is None


def test_the_gate_reads_codes_and_badges_and_no_badge_where_the_shop_takes_none(
    counter: Counter, badges: Badges, tmp_path: Path
) -> None:
    with_badge(counter)
    verifier = CodeVerifier([Ed25519PrivateKey.generate().public_key()], "corner", tmp_path / "spent.sqlite")
    with pytest.raises(EntryRefused, match="code"):
        Gatekeeper(GATES, verifier, CLOCK).admit("entry", NUMBER)
    keeper = Gatekeeper(GATES, verifier, CLOCK, badges.admit)
    assert keeper.admit("entry", f" {NUMBER}").visit_id.startswith("b-")
    with pytest.raises(EntryRefused):
        keeper.admit("entry", "OA1:" + NUMBER)
    verifier.is_entry_open = False
    with pytest.raises(EntryRefused, match="closed"):
        keeper.admit("entry", NUMBER)


def test_a_meal_plan_pays_before_the_card_until_it_is_empty(counter: Counter, badges: Badges) -> None:
    """The whole way: badge, visit on the account's page, goods, a receipt paid out of the plan."""
    account = with_badge(counter)
    payments = Payments()
    till = Till(load_store("corner"), MemoryEventLog(), payments)

    def take_in(messages: list) -> None:
        for message in messages:
            counter.desk.accept(message)

    class ToLedger:
        def load_voucher(self, voucher_id: str, amount_minor: int, key: str) -> None:
            take_in(payments.load_voucher(voucher_id, amount_minor, "EUR", 1))

    counter.desk.books = ToLedger()  # type: ignore[assignment]
    for amount_minor in (300, 200):
        plan = counter.desk.load_plan(account, amount_minor, "sam", f"k{amount_minor}")
    assert plan.left_minor == 500

    tap = badges.admit(NUMBER, "entry", 1)
    payer = badges.payer(tap.visit_id)
    assert payer is not None
    method = payment_method(payer[1], payer[0])
    assert method is not None
    assert method.kind == "voucher"
    opened = visit_opened(tap.visit_id)
    take_in([opened, *till.step((), [opened], 2)])
    bound = payments.bind(tap.visit_id, method, 2)
    assert [type(message) for message in bound] == [PayerBound]
    take_in(bound)
    assert counter.desk.entry.owner(tap.visit_id) == account.account_id
    take_in(list(till.step([pick_up(tap.visit_id, 2, 0.99)], (), 3)))
    said = list(till.finish((), left(tap), 4))
    take_in(said)
    (paid,) = [message for message in said if isinstance(message, PaymentChanged)]
    assert paid.state == "paid"
    kept = counter.desk.receipts.of_visit(tap.visit_id)
    assert kept is not None
    assert kept.account_id == account.account_id
    now = counter.desk.vouchers.get(plan.voucher_id)
    assert now is not None
    assert now.left_minor == 500 - kept.receipt.total_minor
    take_in(said)  # Hearing it twice is hearing it once.
    assert counter.desk.vouchers.get(plan.voucher_id) == now
