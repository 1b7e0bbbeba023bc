"""Scan-to-confirm over HTTP and in a browser: staff switch a shelf, shoppers scan what they take from it."""

from __future__ import annotations

import msgspec
from playwright.sync_api import Page, expect
from tests.unit.web.counter import PRODUCT, STORE, Counter, ask, pick_up, sign_in

from openaisle.central.accounts import Role
from openaisle.central.shelves import JUDGED_FROM, REMEMBERED
from openaisle.core.messages import SensorDegraded, SensorRecovered

SHELF = next(slot.shelf_id for slot in STORE.slots.values() if slot.product_id == PRODUCT.product_id)
OTHER = next(
    product
    for product in STORE.products.values()
    if all(slot.shelf_id != SHELF for slot in STORE.slots.values() if slot.product_id == product.product_id)
)


def test_staff_switch_a_shelf_and_its_shoppers_scan_and_take_back(counter: Counter, address: str) -> None:
    account = counter.account()
    shopper, staff = counter.key_of(account), counter.key_of(counter.account(Role.STAFF, "Sam"))
    visit_id = counter.enter(account)
    scans = f"/api/v1/visits/{visit_id}/scans"
    refused = ask(address, "POST", scans, shopper, code=PRODUCT.gtin)
    assert refused.status_code == 422
    assert "by itself" in refused.json()["detail"][0]["msg"]

    assert ask(address, "PUT", "/api/v1/shelves/none", staff, is_scanned=True).status_code == 404
    assert ask(address, "PUT", f"/api/v1/shelves/{SHELF}", staff, is_scanned=True).status_code == 202
    cart = ask(address, "GET", f"/api/v1/visits/{visit_id}/cart", shopper).json()
    assert cart["scanned_shelves"] == [SHELF]
    first = ask(address, "POST", scans, shopper, code=f"0{PRODUCT.gtin}").json()
    second = ask(address, "POST", scans, shopper, code=PRODUCT.product_id).json()
    (line,) = counter.desk.live.state(visit_id)["lines"]
    assert (line["quantity"], line["scans"]) == (2, [first["interaction_id"], second["interaction_id"]])
    assert ask(address, "POST", scans, shopper, code="4000000000000").status_code == 422
    assert ask(address, "POST", scans, shopper, code=OTHER.gtin).status_code == 422

    undo = f"{scans}/{first['interaction_id']}"
    assert ask(address, "DELETE", undo, shopper).status_code == 202
    assert ask(address, "DELETE", undo, shopper).status_code == 404
    (line,) = counter.desk.live.state(visit_id)["lines"]
    assert line["scans"] == [second["interaction_id"]]

    stranger = counter.key_of(counter.account(name="Eve"))
    assert ask(address, "POST", scans, stranger, code=PRODUCT.gtin).status_code == 404
    assert ask(address, "DELETE", f"{scans}/{second['interaction_id']}", stranger).status_code == 404
    taken = msgspec.structs.replace(pick_up(visit_id, 1, 1.0), interaction_id=second["interaction_id"])
    counter.hear(taken)
    (kept,) = [counter.desk.receipts.interaction(second["interaction_id"])]
    assert kept["source"] == "scan"
    counter.leave(visit_id)
    assert ask(address, "POST", scans, shopper, code=PRODUCT.gtin).status_code == 404


def test_a_shelf_in_trouble_is_shown_until_it_is_well_again(counter: Counter, address: str) -> None:
    staff = counter.key_of(counter.account(Role.STAFF, "Sam"))

    def shown() -> list:
        return ask(address, "GET", "/api/v1/desk", staff).json()["shelves"]

    assert shown() == []
    counter.hear(SensorDegraded(sensor_id=SHELF, kind="shelf", reason="bad_plates", since_ns=1))
    assert [(one["shelf_id"], one["trouble"], one["is_scanned"]) for one in shown()] == [
        (SHELF, "bad_plates", False)
    ]
    counter.hear(SensorRecovered(sensor_id=SHELF, kind="shelf", reason="bad_plates", recovered_ns=2))
    assert shown() == []

    def took(number: int, probability: float) -> None:
        counter.hear(
            msgspec.structs.replace(
                pick_up("v1", 1, probability), interaction_id=f"i{number}", step_ids=(f"s{number}",)
            )
        )

    for number in range(JUDGED_FROM):
        assert shown() == []
        took(number, 0.5)
    assert [(one["trouble"], one["sure"]) for one in shown()] == [("doubt", 0.5)]
    for number in range(JUDGED_FROM, JUDGED_FROM + REMEMBERED):
        took(number, 0.99)
    assert shown() == []


def test_scanning_on_a_phone_while_staff_switch(
    counter: Counter, address: str, phone: Page, desk_page: Page
) -> None:
    account = counter.account()
    visit_id = counter.enter(account)
    sign_in(phone, counter, address, account)
    phone.get_by_text("Nothing yet.").wait_for()
    number = phone.get_by_label("Number under the barcode")
    expect(number).to_be_hidden()
    sign_in(desk_page, counter, address, counter.account(Role.STAFF, "Sam"))
    desk_page.get_by_text("Every shelf can be trusted.").wait_for()
    counter.hear(SensorDegraded(sensor_id=SHELF, kind="shelf", reason="bad_plates", since_ns=1))
    desk_page.locator("#shelves").get_by_text("too many of its plates are in trouble").wait_for()
    desk_page.locator("#shelves").get_by_role("button", name="Have it scanned").click()
    phone.locator("#scan-where").get_by_text(SHELF).wait_for()
    for _ in range(2):
        number.fill(PRODUCT.gtin)
        number.press("Enter")
        expect(number).to_have_value("")
    expect(phone.locator("#lines .count")).to_have_text("2 ×")
    phone.get_by_role("button", name=f"{PRODUCT.name}: take one out again").click()
    expect(phone.locator("#lines .count")).to_have_text("1 ×")
    desk_page.locator("#shelves").get_by_role("button", name="Trust its plates again").click()
    expect(number).to_be_hidden()
    assert counter.desk.live.state(visit_id)["lines"][0]["quantity"] == 1
