"""Promotions as people meet them: on a cart as it fills, on its receipt, for members. And receipts of tapped cards."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import httpx
import msgspec
import pytest
from tests.unit.web.counter import PRODUCT, STORE, Counter, ask, cart_of, receipt_of, visit_opened

from openaisle.central.accounts import Role
from openaisle.central.entry import Standing
from openaisle.core.messages import CardHeld, PaymentMethod, ProcessorSaid
from openaisle.core.units import NS_PER_S
from openaisle.receipts.receipt import timezone_of
from openaisle.store.schema import Promotion

PAIR = Promotion(
    promotion_id="pair", name="Second one free", product_ids=(PRODUCT.product_id,), buy=2, free=1
)
CLUB = Promotion(
    promotion_id="club", name="Club: 10 %", product_ids=(PRODUCT.product_id,), percent=10.0, programme="club"
)


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    one = Counter(tmp_path, store=replace(STORE, promotions=(PAIR, CLUB)))
    yield one
    one.desk.close()


def test_a_cart_says_which_offers_apply_and_which_nearly_do(counter: Counter, address: str) -> None:
    ana = counter.account()
    visit_id = counter.enter(ana)
    key = counter.key_of(ana)
    for quantity, applies, total in ((1, False, PRODUCT.price_minor), (2, True, PRODUCT.price_minor)):
        counter.hear(cart_of(visit_id, quantity))
        shown = httpx.get(f"{address}/api/v1/visits/{visit_id}/cart", headers=key).json()
        (offer,) = shown["offers"]
        assert (offer["name"], offer["applies"], offer["saves_minor"]) == (
            "Second one free",
            applies,
            PRODUCT.price_minor,
        )
        assert offer["missing_units"] == (not applies)
        assert shown["total_minor"] == total
    assert shown["discount_minor"] == PRODUCT.price_minor


def test_members_get_their_prices_once_they_have_joined(
    counter: Counter, address: str, tmp_path: Path
) -> None:
    ana = counter.account()
    key = counter.key_of(ana)
    me = httpx.get(f"{address}/api/v1/me", headers=key).json()
    assert me["programmes"] == [{"programme": "club", "is_member": False}]
    visit_id = counter.enter(ana)
    standing = Standing(tmp_path / "central.sqlite")
    assert standing.programmes(visit_id) == frozenset()
    url = f"{address}/api/v1/me/programmes"
    joined = httpx.post(url, headers=key, json={"programme": "club", "is_member": True})
    assert joined.json() == [{"programme": "club", "is_member": True}]
    assert standing.programmes(visit_id) == {"club"}
    counter.hear(cart_of(visit_id, 1))
    names = [offer["name"] for offer in counter.desk.live.state(visit_id)["offers"]]
    assert names == ["Club: 10 %", "Second one free"]
    assert httpx.post(url, headers=key, json={"programme": "gold", "is_member": True}).status_code == 404
    httpx.post(url, headers=key, json={"programme": "club", "is_member": False})
    assert standing.programmes(visit_id) == frozenset()


def test_a_receipt_shows_what_came_off_on_page_pdf_and_json(counter: Counter, address: str) -> None:
    ana = counter.account()
    visit_id = counter.enter(ana)
    receipt = receipt_of(visit_id, 2)
    line = msgspec.structs.replace(
        receipt.lines[0],
        discount_minor=PRODUCT.price_minor,
        total_minor=PRODUCT.price_minor,
        promotions=("Second one free",),
    )
    counter.hear(msgspec.structs.replace(receipt, lines=(line,), total_minor=PRODUCT.price_minor))
    key = counter.key_of(ana)
    body = httpx.get(f"{address}/api/v1/receipts/{visit_id}", headers=key).json()
    assert body["discount_minor"] == body["lines"][0]["discount_minor"] == PRODUCT.price_minor
    assert body["lines"][0]["promotions"] == ["Second one free"]
    page = httpx.get(f"{address}/receipts/{visit_id}", headers=key).text
    assert "Second one free" in page
    assert "You saved" in page
    plain = httpx.get(f"{address}/receipts/{visit_id}.pdf", headers=key).content
    assert plain.startswith(b"%PDF")


def test_a_receipt_of_a_tapped_card_is_found_by_the_card_or_by_its_number(
    counter: Counter, address: str
) -> None:
    hold = PaymentMethod(kind="hold", payer_id="card:1", token="pi_1")
    now_ns = time.time_ns()
    counter.hear(
        CardHeld(
            visit_id="t-1", gate_id="entry", method=hold, amount_minor=5000, currency=STORE.currency, held_ns=now_ns,
            last4="4242", expires="2034-11",
        ),
        visit_opened("t-1"),
    )  # fmt: skip
    counter.leave("t-1", 2)
    kept = counter.desk.receipts.of_visit("t-1")
    assert kept is not None
    day = datetime.fromtimestamp(now_ns // NS_PER_S, timezone_of(STORE.timezone)).date().isoformat()
    by_card = {"day": day, "last4": "4242", "expires": "2034-11"}
    by_number = {"day": day, "number": kept.number, "total_minor": kept.receipt.total_minor}
    for asked in (by_card, by_number):
        with httpx.Client(base_url=address) as browser:
            assert browser.get("/receipts/t-1").status_code == 404
            assert [one["visit_id"] for one in browser.post("/api/v1/look-ups", json=asked).json()] == ["t-1"]
            assert browser.get("/receipts/t-1").status_code == 200
    wrong = {**by_number, "total_minor": kept.receipt.total_minor + 1}
    assert httpx.post(f"{address}/api/v1/look-ups", json=wrong).json() == []
    for neither in ({"day": day}, {**by_card, "number": 1}, {"day": day, "last4": "4242"}):
        assert httpx.post(f"{address}/api/v1/look-ups", json=neither).status_code == 422
    counter.hear(
        CardHeld(visit_id="t-1", gate_id="entry", method=hold, amount_minor=1, currency="EUR", held_ns=1)
    )
    assert ask(address, "GET", "/look-up").status_code == 200


def test_of_a_receipt_that_is_paid_in_part_the_rest_is_taken_in_cash(counter: Counter, address: str) -> None:
    visit_id = counter.enter(counter.account())
    counter.books.declines = True
    receipt = counter.leave(visit_id, 2)
    payments = counter.books.payments
    (charge, _), *_ = payments.charges(receipt.receipt_id)
    said = ProcessorSaid(key=charge.key, outcome="charged", amount_minor=100, reference="p", said_ns=1)
    counter.books._hear(payments.heard(said, time.time_ns()))
    rest_minor = receipt.total_minor - 100
    staff = counter.key_of(counter.account(Role.STAFF, "Sam"))
    (owed,) = ask(address, "GET", "/api/v1/desk", staff).json()["owed"]
    assert (owed["owed_minor"], owed["state"]) == (rest_minor, "unpaid")
    assert ask(address, "POST", f"/api/v1/receipts/{visit_id}/cash", staff).status_code == 202
    kept = counter.desk.receipts.of_visit(visit_id)
    assert kept is not None
    assert (kept.state, kept.owed_minor) == ("paid", 0)
    assert [minor for voucher, minor in payments.vouchers_minor.items() if voucher.startswith("cash-")] == [0]
