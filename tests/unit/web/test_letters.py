"""Receipts by mail: for who wants them, once each, in their language, whenever the mail server is there again."""

from __future__ import annotations

import time
from email import message_from_bytes, policy
from functools import partial

import pytest
from playwright.sync_api import Page, expect
from tests.contracts.doors import free_port, wait_for
from tests.contracts.test_mail import SENDER, Mailboxes, mail, serving
from tests.unit.web.counter import PRODUCT, STORE, Counter, ask, sign_in

from openaisle.central.letters import RETRY_S, Postman
from openaisle.core.units import NS_PER_S
from openaisle.web.letters import receipt_letter


def writer(counter: Counter):
    return partial(receipt_letter, STORE, counter.desk.receipts, sender=SENDER)


def test_a_receipt_goes_by_mail_to_who_wants_it_in_the_language_of_their_page(
    counter: Counter, address: str
) -> None:
    account, other = counter.account(name="Ana"), counter.account(name="Bob")
    headers = counter.key_of(account) | {"Accept-Language": "de"}
    assert ask(address, "GET", "/api/v1/me", headers).json()["wants_mail"] is False
    assert ask(address, "PUT", "/api/v1/me/mail", headers, is_wanted=True).status_code == 204
    assert ask(address, "GET", "/api/v1/me", headers).json()["wants_mail"] is True
    for each in (account, other):
        counter.leave(counter.enter(each), quantity=2)
    boxes = Mailboxes()
    with serving(boxes) as port:
        sends = partial(counter.desk.letters.send_due, writer(counter), mail(port))
        assert [sends(time.time_ns()), sends(time.time_ns())] == [1, 0]
    (envelope,) = boxes.taken
    assert envelope.rcpt_tos == [account.email]
    assert isinstance(envelope.content, bytes)
    letter = message_from_bytes(envelope.content, policy=policy.default)
    assert letter["Subject"] == f"Quittung Nr. 1 von {STORE.name}"
    text, pdf = letter.iter_parts()
    assert f"{2 * PRODUCT.price_minor / 100:.2f} {STORE.currency}" in text.get_content()
    assert pdf.get_content().startswith(b"%PDF-")

    ask(address, "PUT", "/api/v1/me/mail", headers, is_wanted=False)
    counter.leave(counter.enter(account))
    assert len(counter.desk.letters.states()) == 1


def test_letters_wait_for_a_server_that_is_away_and_are_given_up_in_the_end(counter: Counter) -> None:
    account = counter.account()
    counter.desk.accounts.set_mail(account.account_id, "en")
    counter.leave(counter.enter(account))
    sends = partial(counter.desk.letters.send_due, writer(counter), mail(free_port()))
    now_ns = time.time_ns()
    for wait_s in RETRY_S:
        sends(now_ns)
        assert list(counter.desk.letters.states().values()) == ["waiting"]
        now_ns += wait_s * NS_PER_S
    sends(now_ns)
    assert list(counter.desk.letters.states().values()) == ["given up"]


def test_who_is_erased_gets_no_letter(counter: Counter) -> None:
    account = counter.account()
    counter.desk.accounts.set_mail(account.account_id, "en")
    counter.leave(counter.enter(account))
    counter.desk.accounts.erase(account.account_id)
    boxes = Mailboxes()
    with serving(boxes) as port:
        assert counter.desk.letters.send_due(writer(counter), mail(port), time.time_ns()) == 0
    assert boxes.taken == []


@pytest.mark.parametrize("is_paid", [True, False])
def test_a_phone_asks_for_mail_and_the_postman_brings_it(
    counter: Counter, address: str, phone: Page, is_paid: bool
) -> None:
    account = counter.account()
    sign_in(phone, counter, address, account)
    phone.get_by_text("Receipts", exact=True).click()
    box = phone.get_by_label("Send my receipts by e-mail as well")
    with phone.expect_response("**/api/v1/me/mail"):
        box.check()
    phone.reload()
    phone.get_by_text("Receipts", exact=True).click()
    expect(box).to_be_checked()
    counter.books.declines = not is_paid
    boxes = Mailboxes()
    with serving(boxes) as port:
        postman = Postman(counter.desk.letters, writer(counter), mail(port), time.time_ns)
        counter.leave(counter.enter(account))
        assert wait_for(lambda: bool(boxes.taken), 10)
        postman.close()
    (envelope,) = boxes.taken
    assert isinstance(envelope.content, bytes)
    assert (b"(paid)" in envelope.content, b"(not paid)" in envelope.content) == (is_paid, not is_paid)
