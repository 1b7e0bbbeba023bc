"""The counter over HTTP: accounts, codes, carts, receipts, disputes, cases, cash; who may do what."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.unit.web.counter import (
    KEY,
    PASSPHRASE,
    PRODUCT,
    STORE,
    Counter,
    ask,
    cart_of,
    pick_up,
    visit_opened,
)

from openaisle.adapters.entry_codes import CodeVerifier
from openaisle.central.accounts import Role
from openaisle.central.cases import CaseSettings
from openaisle.central.entry import Standing
from openaisle.core.errors import EntryRefused
from openaisle.core.messages import ReviewOpened
from openaisle.core.units import NS_PER_S
from openaisle.receipts.receipt import timezone_of


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    one = Counter(tmp_path, settings=CaseSettings(two_people_minor=2 * PRODUCT.price_minor))
    yield one
    one.desk.close()


# --- accounts -----------------------------------------------------------------------------------------------------


def test_a_person_signs_up_adds_a_card_and_gets_codes_that_open_the_gate_once(
    counter: Counter, address: str, tmp_path: Path
) -> None:
    with httpx.Client(base_url=address) as phone:
        made = phone.post(
            "/api/v1/accounts", json={"email": "ana@example.org", "name": "Ana", "passphrase": PASSPHRASE}
        )
        assert (made.status_code, made.json()["role"]) == (201, "shopper")
        cookie = made.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        refused = phone.post("/api/v1/me/codes", json={})
        assert (refused.status_code, refused.json()["reason"]) == (403, "no_method")
        card = {"token": "pm_card_visa", "last4": "4242", "expires": "2034-11"}
        assert phone.post("/api/v1/me/methods", json=card).status_code == 201
        first = phone.post("/api/v1/me/codes", json={"people_count": 2}).json()
        second = phone.post("/api/v1/me/codes", json={"people_count": 2}).json()
    assert first["visit_id"] == second["visit_id"]
    assert first["lasts_ms"] <= 30_000
    assert "<svg" in first["svg"]
    verifier = CodeVerifier([KEY.public_key()], STORE.store_id, tmp_path / "spent.sqlite")
    granted = verifier.verify(first["code"], time.time_ns())
    assert (granted.visit_id, granted.people_count, granted.is_staff) == (first["visit_id"], 2, False)
    with pytest.raises(EntryRefused) as refusal:
        verifier.verify(second["code"], time.time_ns())
    assert refusal.value.reason == "used"
    other = CodeVerifier([Ed25519PrivateKey.generate().public_key()], STORE.store_id, tmp_path / "2.sqlite")
    with pytest.raises(EntryRefused, match="not issued for this store"):
        other.verify(second["code"], time.time_ns())


def test_a_card_number_is_refused_wherever_it_could_be_typed(counter: Counter, address: str) -> None:
    headers = counter.key_of(counter.account(with_card=False))
    for token in ("4242424242424242", "4242 4242 4242 4242", "card:4242-4242-4242-4242"):
        answer = ask(
            address, "POST", "/api/v1/me/methods", headers, token=token, last4="4242", expires="2034-11"
        )
        assert answer.status_code == 422
        assert "card number" in answer.json()["detail"][0]["msg"]
    assert b"4242424242424242" not in b"".join(
        path.read_bytes() for path in Path(counter.desk._database._engine.url.database or "").parent.iterdir()
    )


def test_each_refusal_says_why(counter: Counter) -> None:
    desk, now_ns = counter.desk, time.time_ns()

    def reason(account) -> str:
        with pytest.raises(EntryRefused) as refused:
            desk.entry.offer(account, 1, time.time_ns())
        assert str(refused.value)
        return refused.value.reason

    assert reason(counter.account(name="Nocard", with_card=False)) == "no_method"
    expired = counter.account(name="Old", with_card=False)
    desk.accounts.add_method(
        expired.account_id,
        now_ns,
        processor="stripe",
        token="pm_old",
        brand="visa",
        last4="1111",
        expires="2020-01",
    )
    assert reason(expired) == "card_expired"
    blocked = counter.account(name="Bad")
    desk.accounts.block(blocked.account_id, is_blocked=True)
    assert reason(desk.accounts.get(blocked.account_id)) == "blocked"
    debtor = counter.account(name="Debt")
    counter.books.declines = True
    counter.leave(counter.enter(debtor))
    assert reason(debtor) == "unsettled_debt"


def test_a_debt_is_paid_by_card_or_in_cash_and_then_its_shopper_may_come_in_again(
    counter: Counter, address: str
) -> None:
    ana, bob = counter.account(), counter.account(name="Bob")
    counter.books.declines = True
    visits = [counter.enter(ana), counter.enter(bob)]
    for visit_id in visits:
        counter.leave(visit_id)
    counter.books.declines = False
    staff = counter.key_of(counter.account(Role.STAFF, "Sam"))
    owed = ask(address, "GET", "/api/v1/desk", staff).json()["owed"]
    assert [(one["visit_id"], one["state"]) for one in owed] == [(visit_id, "unpaid") for visit_id in visits]
    pay = f"/api/v1/receipts/{visits[0]}/payments"
    assert ask(address, "POST", pay, counter.key_of(bob)).status_code == 404
    assert ask(address, "POST", pay, counter.key_of(ana)).status_code == 202
    assert ask(address, "POST", pay, counter.key_of(ana)).status_code == 404  # It is paid.
    assert ask(address, "POST", f"/api/v1/receipts/{visits[1]}/card", staff).status_code == 202
    assert counter.books.reader_asks == [f"{STORE.store_id}/{visits[1]}"]
    assert ask(address, "POST", f"/api/v1/receipts/{visits[1]}/cash", staff).status_code == 202
    assert ask(address, "POST", f"/api/v1/receipts/{visits[1]}/cash", staff).status_code == 404
    assert [kept.state for kept in counter.desk.receipts.newest(9)] == ["paid", "paid"]
    for account in (ana, bob):
        counter.desk.entry.offer(account, 1, time.time_ns())


def test_whoever_pays_at_the_exit_has_a_draft_until_the_cash_is_there(counter: Counter, address: str) -> None:
    staff = counter.key_of(counter.account(Role.STAFF, "Sam"))
    visit_id = ask(address, "POST", "/api/v1/visits", staff, pays="exit").json()["visit_id"]
    counter.hear(visit_opened(visit_id))
    counter.leave(visit_id)
    kept = counter.desk.receipts.of_visit(visit_id)
    assert kept is not None
    assert kept.state == "draft"
    assert ask(address, "POST", f"/api/v1/receipts/{visit_id}/cash", staff).status_code == 202
    assert counter.desk.receipts.of_visit(visit_id).state == "paid"  # type: ignore[union-attr]


def test_the_gate_asks_again_and_is_open_where_nobody_answers(counter: Counter, tmp_path: Path) -> None:
    account = counter.account()
    offer = counter.desk.entry.offer(account, 1, time.time_ns())
    standing = Standing(tmp_path / "central.sqlite")
    assert standing.refusal(offer.visit_id, time.time_ns()) is None
    assert (standing.method(offer.visit_id), standing.account(offer.visit_id)) == (
        "token:pm_Ana",
        account.account_id,
    )
    counter.desk.accounts.block(account.account_id, is_blocked=True)
    assert (standing.refusal(offer.visit_id, time.time_ns()) or ("",))[0] == "blocked"
    assert Standing(tmp_path / "nowhere.sqlite").refusal(offer.visit_id, time.time_ns()) is None


def test_staff_badges_are_never_billed_and_a_closed_store_gives_no_codes(counter: Counter) -> None:
    offer = counter.desk.entry.offer(counter.account(Role.STAFF, "Sam"), 1, time.time_ns())
    visit = counter.desk.entry.visit(offer.visit_id)
    assert visit is not None
    assert (visit.is_staff, visit.method) == (True, "staff")
    counter.desk.entry._is_open = lambda: False
    with pytest.raises(EntryRefused) as refused:
        counter.desk.entry.offer(counter.account(), 1, time.time_ns())
    assert refused.value.reason == "store_closed"


def test_a_link_is_good_once_and_wrong_passphrases_run_out(counter: Counter, address: str) -> None:
    staff = counter.account(Role.STAFF, "Sam")
    link = counter.desk.accounts.open_session(staff.account_id, "link", time.time_ns())
    with httpx.Client(base_url=address) as browser:
        assert browser.get(f"/sign-in/{link}").headers["location"] == "/staff"
        assert browser.get("/staff").status_code == 200
        assert browser.request("DELETE", "/api/v1/sessions").status_code == 204
        assert browser.get("/staff").status_code == 303
        assert browser.get(f"/sign-in/{link}").headers["location"] == "/sign-in"
        tries = [
            browser.post("/api/v1/sessions", json={"email": staff.email, "passphrase": "wrong"}).status_code
            for _ in range(12)
        ]
    assert tries == [401] * 10 + [429] * 2


def test_erasing_a_person_leaves_their_receipts_and_nothing_that_names_them(
    counter: Counter, address: str, tmp_path: Path
) -> None:
    manager, ana = counter.account(Role.MANAGER, "Max"), counter.account(name="Anastasia")
    visit_id = counter.enter(ana)
    counter.leave(visit_id)
    path = f"/api/v1/accounts/{ana.account_id}"
    assert ask(address, "DELETE", path, counter.key_of(manager)).status_code == 204
    kept = counter.desk.receipts.of_visit(visit_id)
    assert kept is not None
    assert kept.account_id is None
    counter.desk.close()
    found = b"".join(path.read_bytes() for path in tmp_path.glob("central.sqlite*"))
    assert not any(word in found for word in (b"Anastasia", b"pm_Anastasia", ana.account_id.encode()))


# --- the cart and the receipt -------------------------------------------------------------------------------------


def test_the_live_cart_comes_as_events_and_only_to_its_shopper(counter: Counter, address: str) -> None:
    ana, bob = counter.account(), counter.account(name="Bob")
    visit_id = counter.enter(ana)
    assert ask(address, "GET", f"/api/v1/visits/{visit_id}/live", counter.key_of(bob)).status_code == 404
    assert ask(address, "GET", f"/api/v1/visits/{visit_id}/cart", counter.key_of(bob)).status_code == 404
    path = f"{address}/api/v1/visits/{visit_id}/live"
    with httpx.stream("GET", path, headers=counter.key_of(ana), timeout=10) as stream:
        events = (json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: "))
        assert next(events)["stage"] == "inside"
        counter.hear(cart_of(visit_id, 2, is_pending=True))
        state = next(events)
        assert (state["lines"][0]["is_checking"], state["total_minor"]) == (True, 2 * PRODUCT.price_minor)
        counter.leave(visit_id)
        states = list(itertools.takewhile(lambda one: one["payment"] is None, events))
        assert states[-1]["stage"] == "over"


def test_a_receipt_has_number_tax_by_rate_evidence_and_state(counter: Counter, address: str) -> None:
    ana = counter.account()
    visit_id = counter.enter(ana)
    counter.leave(visit_id, quantity=3, probability=0.99)
    answer = ask(address, "GET", f"/api/v1/receipts/{visit_id}", counter.key_of(ana)).json()
    assert (answer["number"], answer["state"], answer["total_minor"]) == (1, "paid", 3 * PRODUCT.price_minor)
    assert answer["taxes"] == [
        {"tax_class": PRODUCT.tax_class, "rate": STORE.tax_rates[PRODUCT.tax_class], "tax_minor": 7}
    ]
    (line,) = answer["lines"]
    assert line["probability"] == 0.99
    assert line["evidence"][0]["mass_change_g"] == pytest.approx(-3 * PRODUCT.mass_g, abs=0.1)
    pdf = ask(address, "GET", f"/receipts/{visit_id}.pdf", counter.key_of(ana))
    assert pdf.content.startswith(b"%PDF-")
    stranger = counter.key_of(counter.account(name="Bob"))
    for path in (f"/api/v1/receipts/{visit_id}", f"/receipts/{visit_id}", f"/receipts/{visit_id}.pdf"):
        assert ask(address, "GET", path, stranger).status_code == 404
        assert ask(address, "GET", path).status_code == 404


def test_a_line_of_weak_evidence_is_given_back_at_once(counter: Counter, address: str) -> None:
    ana = counter.account()
    visit_id = counter.enter(ana)
    counter.leave(visit_id, quantity=2, probability=0.9)
    path, headers = f"/api/v1/receipts/{visit_id}/disputes", counter.key_of(ana)
    made = ask(address, "POST", path, headers, product_id=PRODUCT.product_id, quantity=1)
    assert (made.status_code, made.json()["state"], made.json()["is_automatic"]) == (201, "accepted", True)
    again = ask(address, "POST", path, headers, product_id=PRODUCT.product_id, quantity=1).json()
    assert again["case_id"] == made.json()["case_id"]
    kept = counter.desk.receipts.of_visit(visit_id)
    assert kept is not None
    assert (kept.state, kept.refunded_minor) == ("refunded", PRODUCT.price_minor)


def test_who_disputes_often_is_looked_at_by_a_person(counter: Counter) -> None:
    ana = counter.account()
    states: list[str] = []
    for _ in range(6):
        visit_id = counter.enter(ana)
        counter.leave(visit_id, quantity=1, probability=0.9)
        kept = counter.desk.receipts.of_visit(visit_id)
        assert kept is not None
        case = counter.desk.dispute(kept, product_id=PRODUCT.product_id, quantity=1, missing="", note="")
        states.append(case.state)
    assert states == ["accepted"] * 5 + ["open"]


@pytest.mark.parametrize(("accept", "state"), [(True, "refunded"), (False, "reviewed")])
def test_a_person_decides_where_the_evidence_is_strong(
    counter: Counter, address: str, accept: bool, state: str
) -> None:
    ana, reviewer = counter.account(), counter.account(Role.REVIEWER, "Rea")
    visit_id = counter.enter(ana)
    counter.leave(visit_id, quantity=2, probability=0.999)
    path, headers = f"/api/v1/receipts/{visit_id}/disputes", counter.key_of(ana)
    ask(address, "POST", path, headers, product_id=PRODUCT.product_id, quantity=1, note="put back")
    assert counter.desk.receipts.of_visit(visit_id).state == "contested"  # type: ignore[union-attr]
    queue = ask(address, "GET", "/api/v1/cases", counter.key_of(reviewer)).json()
    (case,) = queue["cases"]
    assert (case["note"], case["needs_two"], case["evidence"][0]["probability"]) == ("put back", False, 0.999)
    assert queue["rates"]["disputes_per_1000"] == 1000
    decided = ask(
        address, "POST", "/api/v1/decisions", counter.key_of(reviewer), case_id=case["case_id"], accept=accept
    )
    assert decided.json()["state"] == ("accepted" if accept else "declined")
    assert counter.desk.receipts.of_visit(visit_id).state == state  # type: ignore[union-attr]


def test_above_the_limit_two_people_must_agree_and_money_goes_back_once(
    counter: Counter, address: str
) -> None:
    ana = counter.account()
    visit_id = counter.enter(ana)
    counter.leave(visit_id, quantity=3, probability=0.999)
    path = f"/api/v1/receipts/{visit_id}/disputes"
    case = ask(address, "POST", path, counter.key_of(ana), product_id=PRODUCT.product_id, quantity=3).json()
    rea = counter.key_of(counter.account(Role.REVIEWER, "Rea"))
    roy = counter.key_of(counter.account(Role.REVIEWER, "Roy"))
    wish = {"case_id": case["case_id"], "accept": True}
    assert ask(address, "POST", "/api/v1/decisions", rea, **wish).json()["state"] == "seconded"
    assert ask(address, "POST", "/api/v1/decisions", rea, **wish).status_code == 422
    assert counter.desk.receipts.of_visit(visit_id).refunded_minor == 0  # type: ignore[union-attr]
    for key in (roy, roy, rea):
        assert ask(address, "POST", "/api/v1/decisions", key, **wish).json()["state"] == "accepted"
    assert counter.desk.receipts.of_visit(visit_id).refunded_minor == 3 * PRODUCT.price_minor  # type: ignore[union-attr]


def test_a_missing_product_is_a_question_for_a_person_and_changes_no_bill(
    counter: Counter, address: str
) -> None:
    ana = counter.account()
    visit_id = counter.enter(ana)
    counter.leave(visit_id)
    path = f"/api/v1/receipts/{visit_id}/disputes"
    made = ask(address, "POST", path, counter.key_of(ana), missing="a banana", note="took one").json()
    assert (made["state"], made["amount_minor"], made["missing"]) == ("open", 0, "a banana")
    for wrong in (
        {},
        {"product_id": PRODUCT.product_id, "missing": "x"},
        {"product_id": PRODUCT.product_id, "quantity": 9},
    ):
        assert ask(address, "POST", path, counter.key_of(ana), **wrong).status_code == 422


def test_what_the_path_doubts_waits_for_a_person_with_its_evidence_and_money_goes_back(
    counter: Counter, address: str
) -> None:
    rea = counter.key_of(counter.account(Role.REVIEWER, "Rea"))
    visit_id = counter.enter(counter.account())
    counter.hear(pick_up(visit_id, 1, 0.7))
    opened = ReviewOpened(
        review_id=f"{visit_id}-i1/unsure_billed",
        visit_id=visit_id,
        interaction_id=f"{visit_id}-i1",
        reason="unsure_billed",
        opened_ns=time.time_ns(),
    )
    counter.hear(opened, opened)
    counter.leave(visit_id, quantity=1, probability=0.7)
    queue = ask(address, "GET", "/api/v1/cases", rea).json()
    (case,) = queue["cases"]
    assert (case["kind"], case["reason"], case["product"]) == ("review", "unsure_billed", PRODUCT.name)
    assert (case["amount_minor"], case["evidence"][0]["probability"]) == (PRODUCT.price_minor, 0.7)
    assert queue["rates"]["reviews_per_1000"] == 1000
    wish = {"case_id": case["case_id"], "accept": True}
    assert ask(address, "POST", "/api/v1/decisions", rea, **wish).json()["state"] == "accepted"
    assert counter.desk.receipts.of_visit(visit_id).state == "refunded"  # type: ignore[union-attr]


def test_a_receipt_is_found_without_an_account_by_card_and_day(counter: Counter, address: str) -> None:
    visit_id = counter.enter(counter.account())
    counter.leave(visit_id)
    kept = counter.desk.receipts.of_visit(visit_id)
    assert kept is not None
    issued_s = kept.receipt.issued_ns // NS_PER_S
    day = datetime.fromtimestamp(issued_s, timezone_of(STORE.timezone)).date().isoformat()
    with httpx.Client(base_url=address) as browser:
        assert browser.get(f"/receipts/{visit_id}").status_code == 404
        asked = {"last4": "4242", "expires": "2034-11", "day": day}
        assert browser.post("/api/v1/look-ups", json={**asked, "last4": "4243"}).json() == []
        assert browser.post("/api/v1/look-ups", json={**asked, "day": "2020-01-01"}).json() == []
        assert [one["visit_id"] for one in browser.post("/api/v1/look-ups", json=asked).json()] == [visit_id]
        assert browser.get(f"/receipts/{visit_id}").status_code == 200
        tries = [browser.post("/api/v1/look-ups", json=asked).status_code for _ in range(10)]
    assert tries[-1] == 429


# --- staff --------------------------------------------------------------------------------------------------------


def test_staff_see_age_restricted_goods_correct_carts_and_let_in_who_pays_cash(
    counter: Counter, address: str
) -> None:
    staff = counter.key_of(counter.account(Role.STAFF, "Sam"))
    visit_id = counter.enter(counter.account())
    aged = next(product for product in STORE.products.values() if product.age_limit)
    counter.hear(cart_of(visit_id, 1, product=aged))
    desk = ask(address, "GET", "/api/v1/desk", staff).json()
    (alert,) = desk["alerts"]
    assert (alert["kind"], alert["visit_id"], alert["age_limit"]) == ("age", visit_id, aged.age_limit)
    assert ask(address, "POST", "/api/v1/alerts/done", staff, alert_id=alert["alert_id"]).status_code == 204
    counter.hear(cart_of(visit_id, 1, product=aged))
    assert ask(address, "GET", "/api/v1/desk", staff).json()["alerts"] == []

    path = f"/api/v1/visits/{visit_id}/corrections"
    weighed = {"product_id": PRODUCT.product_id, "quantity": 1, "price_minor": 123}
    assert ask(address, "POST", path, staff, **weighed).status_code == 202
    assert counter.books.corrections == [(visit_id, PRODUCT.product_id, 1, 123)]
    assert ask(address, "POST", path, staff, product_id="none", quantity=1).status_code == 422
    assert ask(address, "POST", "/api/v1/visits/none/corrections", staff, **weighed).status_code == 404

    voucher = ask(address, "POST", "/api/v1/vouchers", staff, amount_minor=2_000).json()
    assert counter.books.payments.vouchers_minor[voucher["voucher_id"]] == 2_000
    offered = ask(address, "POST", "/api/v1/visits", staff, pays="voucher", voucher_id=voucher["voucher_id"])
    assert offered.status_code == 201
    visit = counter.desk.entry.visit(offered.json()["visit_id"])
    assert visit is not None
    assert visit.method == f"voucher:{voucher['voucher_id']}"
    again = ask(address, "POST", f"/api/v1/visits/{visit.visit_id}/codes", staff)
    assert again.json()["visit_id"] == visit.visit_id
    counter.hear(visit_opened(visit.visit_id))
    assert ask(address, "POST", f"/api/v1/visits/{visit.visit_id}/codes", staff).status_code == 422


# --- who may do what ----------------------------------------------------------------------------------------------

NUMBER = itertools.count()
ROLES = (None, Role.SHOPPER, Role.STAFF, Role.REVIEWER, Role.MANAGER, Role.MACHINE)
STAFF = {Role.STAFF, Role.REVIEWER, Role.MANAGER}
REVIEWERS = {Role.REVIEWER, Role.MANAGER}
MACHINES = {Role.MACHINE, Role.MANAGER}
SIGNED_IN = set(Role)
EVERYBODY = {None, *Role}
MAY: dict[str, set] = {
    "GET /": STAFF,
    "GET /api/store": STAFF,
    "GET /api/parts/{name}": STAFF,
    "GET /api/stream": STAFF,
    "GET /api/cameras/{camera_id}.jpg": STAFF,
    "GET /healthz": EVERYBODY,
    "GET /metrics": EVERYBODY,
    "GET /sign-in": EVERYBODY,
    "GET /sign-in/{secret}": EVERYBODY,
    "POST /api/v1/accounts": EVERYBODY,
    "POST /api/v1/sessions": EVERYBODY,
    "DELETE /api/v1/sessions": SIGNED_IN,
    "GET /shopper": EVERYBODY,
    "GET /shopper/manifest.webmanifest": EVERYBODY,
    "GET /shopper/worker.js": EVERYBODY,
    "GET /api/v1/me": SIGNED_IN,
    "POST /api/v1/me/methods": SIGNED_IN - {Role.MACHINE},
    "PUT /api/v1/me/mail": SIGNED_IN - {Role.MACHINE},
    "POST /api/v1/me/codes": SIGNED_IN - {Role.MACHINE},
    "POST /api/v1/me/programmes": SIGNED_IN - {Role.MACHINE},
    "GET /api/v1/visits/{visit_id}/cart": SIGNED_IN,  # of their own visit; staff and machines of any
    "GET /api/v1/visits/{visit_id}/live": SIGNED_IN,
    "GET /receipts/{visit_id}.pdf": EVERYBODY,  # of their own visit, or found by card and day
    "GET /receipts/{visit_id}": EVERYBODY,
    "GET /api/v1/receipts/{visit_id}": EVERYBODY,
    "POST /api/v1/receipts/{visit_id}/disputes": EVERYBODY,
    "POST /api/v1/receipts/{visit_id}/payments": SIGNED_IN - {Role.MACHINE},
    "POST /api/v1/receipts/{visit_id}/cash": STAFF,
    "POST /api/v1/receipts/{visit_id}/card": STAFF,
    "GET /look-up": EVERYBODY,
    "POST /api/v1/look-ups": EVERYBODY,
    "GET /staff": EVERYBODY,  # leads to sign-in where it may not be seen
    "GET /api/v1/desk": STAFF | {Role.MACHINE},
    "GET /api/v1/desk/live": STAFF,
    "GET /api/v1/products": STAFF | {Role.MACHINE},
    "POST /api/v1/alerts/done": STAFF,
    "POST /api/v1/visits/{visit_id}/corrections": STAFF,
    "GET /api/v1/shelves": STAFF | {Role.MACHINE},
    "PUT /api/v1/shelves/{shelf_id}": STAFF,
    "POST /api/v1/visits/{visit_id}/scans": SIGNED_IN - {Role.MACHINE},  # of their own visit
    "DELETE /api/v1/visits/{visit_id}/scans/{interaction_id}": SIGNED_IN - {Role.MACHINE},
    "PUT /api/v1/badges": STAFF,
    "POST /api/v1/plans": STAFF,
    "POST /api/v1/vouchers": STAFF,
    "POST /api/v1/visits": STAFF,
    "POST /api/v1/visits/{visit_id}/codes": STAFF,
    "GET /review": EVERYBODY,
    "GET /review/reasons/{interaction_id}": REVIEWERS,
    "GET /api/v1/cases": REVIEWERS,
    "POST /api/v1/decisions": REVIEWERS,
    "GET /api/v1/receipts": MACHINES,
    "POST /api/v1/receipts/{visit_id}/refunds": MACHINES,
    "PUT /api/v1/accounts/{account_id}/block": {Role.MANAGER},
    "DELETE /api/v1/accounts/{account_id}": {Role.MANAGER},
    "GET /api/v1/webhooks": MACHINES,
    "POST /api/v1/webhooks": MACHINES,
    "DELETE /api/v1/webhooks/{endpoint_id}": MACHINES,
    "GET /api/v1/deliveries": MACHINES,
}


def routes(counter: Counter) -> list[tuple[str, str]]:
    paths = counter.app.openapi()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def test_every_route_is_for_the_roles_it_should_be_for_and_no_other(counter: Counter, address: str) -> None:
    assert {f"{method} {path}" for method, path in routes(counter)} == MAY.keys()
    wrong: list[str] = []
    key_of = {role: role and counter.key_of(counter.account(role, "N", with_card=False)) for role in ROLES}
    for method, path in routes(counter):
        if path in ("/api/v1/desk/live", "/api/stream", "/api/v1/visits/{visit_id}/live"):
            continue  # Streams do not end: below.
        for role in ROLES:
            filled = path.replace("{", "").replace("}", "")
            answer = ask(address, method, filled, key_of[role])
            status = answer.status_code
            # A code is refused with a reason to somebody who may ask for one.
            is_let_in = status not in (401, 403) or "reason" in answer.json()
            if is_let_in != (role in MAY[f"{method} {path}"]):
                wrong.append(f"{method} {path} as {role}: {status}")
    assert wrong == []


@pytest.mark.parametrize("path", ["/api/v1/desk/live", "/api/stream"])
def test_streams_of_staff_are_for_staff(counter: Counter, address: str, path: str) -> None:
    for role in ROLES:
        account = role and counter.account(role, f"S{next(NUMBER)}")
        headers = counter.key_of(account) if account else None
        with httpx.stream("GET", address + path, headers=headers) as answer:
            assert (answer.status_code == 200) == (role in STAFF), role


def test_a_blocked_member_of_staff_may_do_nothing(counter: Counter, address: str) -> None:
    sam = counter.account(Role.STAFF, "Sam")
    counter.desk.accounts.block(sam.account_id, is_blocked=True)
    assert ask(address, "GET", "/api/v1/desk", counter.key_of(sam)).status_code == 403


def test_a_foreign_page_cannot_post_a_form(counter: Counter, address: str) -> None:
    with httpx.Client(base_url=address) as browser:
        browser.post("/api/v1/accounts", json={"email": "a@b.c", "name": "A", "passphrase": PASSPHRASE})
        form = "token=pm_card&last4=4242&expires=2034-11"
        for kind in ("application/x-www-form-urlencoded", "text/plain", ""):
            answer = browser.post("/api/v1/me/methods", content=form, headers={"content-type": kind})
            assert answer.status_code == 422
