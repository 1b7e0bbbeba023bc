"""Staff hand out badges and take money for meal plans; shoppers see what is left."""

from __future__ import annotations

from playwright.sync_api import Page
from tests.unit.web.counter import Counter, ask, sign_in

from openaisle.central.accounts import Role
from openaisle.core.errors import PaymentRefused


def test_a_badge_and_a_plan_are_for_accounts_that_are_there(counter: Counter, address: str) -> None:
    account, staff = counter.account(), counter.key_of(counter.account(Role.STAFF, "Sam"))
    nobody = ask(address, "PUT", "/api/v1/badges", staff, email="x@example.org", number="1234")
    assert nobody.status_code == 404
    short = ask(address, "PUT", "/api/v1/badges", staff, email=account.email, number="1")
    assert short.status_code == 422
    assert (
        ask(address, "POST", "/api/v1/plans", staff, email=account.email, amount_minor=0).status_code == 422
    )
    assert ask(address, "GET", "/api/v1/me", counter.key_of(account)).json()["plan_minor"] is None
    for left_minor in (1000, 2000):
        loaded = ask(address, "POST", "/api/v1/plans", staff, email=account.email, amount_minor=1000)
        assert loaded.json() == {"email": account.email, "left_minor": left_minor}
    assert ask(address, "GET", "/api/v1/me", counter.key_of(account)).json()["plan_minor"] == 2000


def test_a_plan_is_not_loaded_while_the_ledger_is_away(counter: Counter) -> None:
    account = counter.account()

    def away(*_: object) -> None:
        raise PaymentRefused("the ledger does not answer just now")

    counter.desk.load_plan(account, 700, "sam", "k1")
    counter.books.load_voucher = away  # type: ignore[method-assign]
    try:
        counter.desk.load_plan(account, 500, "sam", "k2")
    except PaymentRefused:
        pass
    plan = counter.desk.vouchers.get(f"p{account.account_id}")
    assert plan is not None
    assert plan.left_minor == 700


def test_staff_give_a_badge_and_load_a_plan_and_the_shopper_sees_it(
    counter: Counter, address: str, desk_page: Page, phone: Page
) -> None:
    account = counter.account()
    sign_in(desk_page, counter, address, counter.account(Role.STAFF, "Sam"))
    form = desk_page.locator("#member")
    form.get_by_label("E-mail").fill(account.email)
    form.get_by_label("Badge number").fill("04A37B12")
    form.get_by_label("Paid in").fill("25.50")
    form.get_by_role("button", name="Save").click()
    desk_page.locator("#said").get_by_text("25.50").wait_for()
    sign_in(phone, counter, address, account)
    phone.get_by_text("Pay with").click()
    phone.locator("#plan").get_by_text("25.50").wait_for()
