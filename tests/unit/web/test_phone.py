"""The shopper's, staff's and reviewers' pages in a real browser, on a phone's screen and by keyboard alone."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, expect
from tests.unit.web.counter import PASSPHRASE, PRODUCT, STORE, Counter, cart_of, sign_in, visit_opened

from openaisle.adapters.gate_scanner import codes_in
from openaisle.central.accounts import Role
from openaisle.web.pages import Pages
from openaisle.web.words import LANGUAGES, words


def test_from_signing_up_to_a_refund_on_a_phone(counter: Counter, address: str, phone: Page) -> None:
    phone.goto(f"{address}/shopper")
    form = phone.locator("#sign-up")
    form.get_by_label("Name").fill("Ana")
    form.get_by_label("E-mail").fill("ana@example.org")
    form.get_by_label("Passphrase").fill(PASSPHRASE)
    form.get_by_role("button", name="Create account").click()
    phone.get_by_text("Please add a card first.").wait_for()
    phone.get_by_role("button", name="Save").click()
    code = phone.get_by_role("img", name="QR code that opens the gate")
    code.locator("svg").wait_for()
    picture = cv2.imdecode(np.frombuffer(phone.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    shown = code.get_attribute("data-code")
    assert codes_in(picture.astype(np.uint8)) == [shown]  # The gate's camera can read what the screen shows.

    account = counter.desk.accounts.find("ana@example.org")
    assert account is not None
    visit_id = counter.desk.entry.offer(account, 1, time.time_ns()).visit_id
    counter.hear(visit_opened(visit_id))
    phone.get_by_text("Nothing yet.").wait_for()
    counter.hear(cart_of(visit_id, 2, is_pending=True))
    phone.get_by_text("checking…").wait_for()
    counter.hear(cart_of(visit_id, 2))
    expect(phone.get_by_text("checking…")).to_have_count(0)
    expect(phone.locator("#total")).to_contain_text(f"{2 * PRODUCT.price_minor / 100:.2f} {STORE.currency}")
    phone.reload()
    phone.locator("#lines").get_by_text(PRODUCT.name).wait_for()  # The cart is where it was.

    counter.leave(visit_id, quantity=2, probability=0.9)
    phone.get_by_role("heading", name="Your receipt is ready").wait_for()
    phone.locator("#after-state[data-state=paid]").wait_for()
    phone.get_by_role("link", name="Show receipt").click()
    phone.get_by_text("Why is this here?").click()
    phone.get_by_text("90 % sure").wait_for()
    phone.get_by_label("How many were not taken?").fill("1")
    phone.get_by_role("button", name="I did not take this").click()
    phone.locator("#state[data-state=refunded]").wait_for()
    expect(phone.locator("#refunded")).to_contain_text(f"{PRODUCT.price_minor / 100:.2f}")
    with phone.expect_download() as download:
        phone.evaluate(
            "a => { a.download = 'r.pdf'; a.click(); }",
            phone.get_by_role("link", name="PDF").element_handle(),
        )
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF-")


def test_a_code_renews_itself_and_a_group_changes_it(counter: Counter, address: str, phone: Page) -> None:
    sign_in(phone, counter, address, counter.account())
    code = phone.locator("#code")
    code.locator("svg").wait_for()
    first = code.get_attribute("data-code")
    phone.get_by_role("button", name="One person more").click()
    phone.get_by_text("Everybody on this code shops on your bill.").wait_for()
    phone.wait_for_function("before => document.getElementById('code').dataset.code !== before", arg=first)
    second = code.get_attribute("data-code")
    phone.evaluate("renew()")
    phone.wait_for_function("before => document.getElementById('code').dataset.code !== before", arg=second)


def test_the_page_can_be_installed_and_its_shell_opens_without_a_network(
    counter: Counter, address: str, phone: Page
) -> None:
    sign_in(phone, counter, address, counter.account())
    phone.locator("#code svg").wait_for()
    manifest = phone.evaluate("fetch(document.querySelector('link[rel=manifest]').href).then(a => a.json())")
    assert (manifest["display"], manifest["start_url"]) == ("standalone", "/shopper")
    assert {icon["sizes"] for icon in manifest["icons"]} >= {"192x192", "512x512"}
    for icon in manifest["icons"]:
        assert phone.request.get(address + icon["src"]).ok
    scope = phone.evaluate("navigator.serviceWorker.ready.then(one => new URL(one.scope).pathname)")
    assert scope == "/shopper"
    kept = phone.evaluate(
        "caches.open('openaisle-shell-2').then(c => c.keys()).then(k => k.map(r => new URL(r.url).pathname))"
    )
    assert "/static/shopper.js" in kept
    assert not [path for path in kept if path.startswith("/api")]


def test_staff_work_and_reviewers_decide_by_keyboard(counter: Counter, address: str, desk_page: Page) -> None:
    sign_in(desk_page, counter, address, counter.account(Role.REVIEWER, "Rea"))
    visit_id = counter.enter(counter.account(name="Bob"))
    aged = next(product for product in STORE.products.values() if product.age_limit)
    counter.hear(cart_of(visit_id, 1, product=aged))
    desk_page.locator("#alerts").get_by_text(aged.name).wait_for()
    desk_page.get_by_role("button", name="Done").click()
    desk_page.get_by_text("Nothing to see to.").wait_for()
    desk_page.get_by_label("Product").fill(f"{PRODUCT.name} ({PRODUCT.product_id})")
    desk_page.get_by_label("Other price").fill("1.23")
    desk_page.get_by_role("button", name="Put in").click()
    desk_page.get_by_text("Done", exact=True).wait_for()
    assert counter.books.corrections == [(visit_id, PRODUCT.product_id, 1, 123)]
    desk_page.get_by_label("Amount").fill("20")
    desk_page.get_by_role("button", name="Show the code").click()
    desk_page.locator("#code svg").wait_for()

    for name in ("Cem", "Dee"):
        visit_id = counter.enter(counter.account(name=name))
        counter.leave(visit_id, 2, 0.999)
        kept = counter.desk.receipts.of_visit(visit_id)
        assert kept is not None
        counter.desk.dispute(
            kept, product_id=PRODUCT.product_id, quantity=1, missing="", note=f"note of {name}"
        )
    desk_page.goto(f"{address}/review")
    desk_page.get_by_text("note of Cem").wait_for()
    desk_page.keyboard.press("j")
    desk_page.get_by_text("note of Dee").wait_for()
    desk_page.keyboard.press("d")
    desk_page.get_by_text("note of Cem").wait_for()
    desk_page.keyboard.press("a")
    desk_page.get_by_text("Nothing waits.").wait_for()
    states = sorted(kept.state for kept in counter.desk.receipts.newest(10))
    assert states == ["refunded", "reviewed"]


def test_a_receipt_without_an_account_is_found_on_its_page(
    counter: Counter, address: str, phone: Page
) -> None:
    visit_id = counter.enter(counter.account())
    counter.leave(visit_id)
    kept = counter.desk.receipts.of_visit(visit_id)
    assert kept is not None
    phone.goto(f"{address}/look-up")
    day = Pages(STORE, is_simulated=True).when(kept.receipt.issued_ns, "%Y-%m-%d")
    by_card, by_number = phone.locator("#look-up"), phone.locator("#look-up-number")
    by_card.get_by_label("Last four digits").fill("4242")
    by_card.get_by_label("Expires").fill("2034-11")
    by_card.get_by_label("Day").fill(day)
    by_card.get_by_role("button", name="Find").click()
    phone.get_by_role("link", name="No. 1").click()
    phone.get_by_role("heading", name=STORE.name).wait_for()
    phone.goto(f"{address}/look-up")
    phone.get_by_text("With its number and total instead").click()
    by_number.get_by_label("Receipt number").fill("1")
    by_number.get_by_label("Total").fill(f"{kept.receipt.total_minor / 100:.2f}".replace(".", ","))
    by_number.get_by_label("Day").fill(day)
    by_number.get_by_role("button", name="Find").click()
    phone.get_by_role("link", name="No. 1").wait_for()


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_speak_the_readers_language_in_its_direction_and_nothing_overflows(
    counter: Counter, address: str, phone: Page, language: str
) -> None:
    account = counter.account()
    sign_in(phone, counter, address, account)
    visit_id = counter.enter(account)
    counter.leave(visit_id, 2, 0.9)
    said = words(language)
    for path, word in (
        ("/shopper", said["pay_with"]),
        (f"/receipts/{visit_id}", said["not_right"]),
        ("/look-up", said["look_up_hint"]),
        ("/sign-in", said["new_here"]),
    ):
        phone.goto(f"{address}{path}?lang={language}")
        phone.get_by_text(word).first.wait_for()
        html = phone.locator("html")
        assert html.get_attribute("lang") == language
        assert html.get_attribute("dir") == ("rtl" if language == "ar" else "ltr")
        wide = phone.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, path


ACCESSIBILITY = Path(__file__).with_name("accessibility.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_field_has_a_label_every_button_a_name_and_every_text_contrast(
    counter: Counter, address: str, phone: Page, scheme: str
) -> None:
    """WCAG 2.2: 1.1.1, 1.3.1, 1.4.3 (4.5 to 1), 4.1.2."""
    phone.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    phone.goto(f"{address}/sign-in")
    found = {"/sign-in": phone.evaluate(ACCESSIBILITY)}
    account = counter.account(Role.MANAGER, "Max")
    sign_in(phone, counter, address, account)
    visit_id = counter.enter(counter.account(name="Bob"))
    counter.hear(cart_of(visit_id, 1, is_pending=True))
    over = counter.enter(counter.account(name="Cem"))
    counter.leave(over, 2, 0.999)
    kept = counter.desk.receipts.of_visit(over)
    assert kept is not None
    counter.desk.dispute(kept, product_id=PRODUCT.product_id, quantity=1, missing="", note="n")
    for path, there in (
        ("/staff", ".one-cart"),
        ("/review", "#queue li"),
        ("/shopper", "#code svg"),
        (f"/receipts/{over}", "#cases li"),
        ("/look-up", "form"),
    ):
        phone.goto(address + path)
        phone.locator(there).first.wait_for()
        phone.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        found[path] = phone.evaluate(ACCESSIBILITY)
    assert {path: wrong for path, wrong in found.items() if wrong} == {}
