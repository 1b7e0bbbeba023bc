"""A counter with real payments behind it, in one process: what pages ask is done at once, what follows is heard."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from playwright.sync_api import Page

from openaisle.adapters.entry_codes import CodeIssuer
from openaisle.central.accounts import Account, Role
from openaisle.central.cases import CaseSettings
from openaisle.central.entry import TOKEN
from openaisle.core.messages import (
    CartChanged,
    CartLine,
    ChargeRequested,
    Interaction,
    InteractionKind,
    Message,
    PaymentMethod,
    ProcessorSaid,
    Receipt,
    ReceiptLine,
    RefundRequested,
    ShelfSwitched,
    VisitClosed,
    VisitOpened,
)
from openaisle.receipts.payment import Payments
from openaisle.store.load import load_store
from openaisle.store.schema import Store
from openaisle.web.app import build_app
from openaisle.web.desk import Desk
from openaisle.web.view import ShopView

STORE = load_store("corner")
PRODUCT = STORE.products[min(STORE.products)]
PASSPHRASE = "correct horse battery"
KEY = Ed25519PrivateKey.generate()


class InstantBooks:
    """`openaisle.web.desk.Books` on `Payments`, with a processor that grants everything at once."""

    def __init__(self) -> None:
        self.payments = Payments()
        self.desk: Desk | None = None
        self.declines = False
        self.reader_asks: list[str] = []
        self.corrections: list[tuple[str, str, int, int]] = []
        self.scans: dict[str, tuple[str, str]] = {}

    def refund(self, receipt_id: str, amount_minor: int, reason: str, key: str) -> None:
        self._hear(self.payments.refund(receipt_id, amount_minor, reason, key, time.time_ns()))

    def contest(self, receipt_id: str, reason: str, key: str) -> None:
        self._hear(self.payments.contest(receipt_id, reason, time.time_ns()))

    def reviewed(self, receipt_id: str, reason: str, key: str) -> None:
        self._hear(self.payments.reviewed(receipt_id, reason, time.time_ns()))

    def correct(
        self, visit_id: str, product_id: str, quantity: int, price_minor: int, by: str, key: str
    ) -> None:
        self.corrections.append((visit_id, product_id, quantity, price_minor))

    def scan(self, interaction_id: str, visit_id: str, product_id: str, *, is_undone: bool) -> None:
        if is_undone:
            del self.scans[interaction_id]
        else:
            self.scans[interaction_id] = visit_id, product_id
        mine: dict[str, list[str]] = {}
        for scan, (visit, product) in self.scans.items():
            if visit == visit_id:
                mine.setdefault(product, []).append(scan)
        self._hear([cart_of_scans(visit_id, mine)])

    def switch_shelf(self, shelf_id: str, by: str, key: str, *, is_scanned: bool) -> None:
        switched_ns = time.time_ns()
        self._hear(
            [ShelfSwitched(shelf_id=shelf_id, is_scanned=is_scanned, by=by, key=key, switched_ns=switched_ns)]
        )

    def load_voucher(self, voucher_id: str, amount_minor: int, key: str) -> None:
        self._hear(self.payments.load_voucher(voucher_id, amount_minor, STORE.currency, time.time_ns()))

    def pay_at_reader(self, receipt_id: str, key: str) -> None:
        self.reader_asks.append(receipt_id)

    def pay(self, receipt_id: str, method: PaymentMethod, key: str) -> None:
        self._hear(self.payments.settle(self.payments.receipt(receipt_id), method, time.time_ns()))

    def settle(self, receipt: Receipt, method: PaymentMethod | None) -> None:
        self._hear(self.payments.settle(receipt, method, time.time_ns()))

    def _hear(self, messages: list) -> None:
        assert self.desk is not None
        for message in messages:
            self.desk.accept(message)
        for message in messages:
            if isinstance(message, ChargeRequested | RefundRequested):
                outcome = "charged" if isinstance(message, ChargeRequested) else "refunded"
                is_declined = self.declines and outcome == "charged"
                now_ns = time.time_ns()
                said = ProcessorSaid(
                    key=message.key,
                    outcome="declined" if is_declined else outcome,
                    amount_minor=0 if is_declined else message.amount_minor,
                    reference=f"p{message.key[-6:]}",
                    said_ns=now_ns,
                )
                self._hear(self.payments.heard(said, now_ns))


class Counter:
    """A desk, its view, and what the path would say."""

    def __init__(
        self,
        folder: Path,
        *,
        is_simulated: bool = False,
        settings: CaseSettings | None = None,
        store: Store = STORE,
    ) -> None:
        self.books = InstantBooks()
        self.view = ShopView(store, is_simulated=is_simulated)
        self.desk = Desk(
            store,
            folder / "central.sqlite",
            CodeIssuer(KEY, STORE.store_id),
            self.books,
            time.time_ns,
            is_simulated=is_simulated,
            has_reader=True,
            has_mail=True,
            case_settings=settings,
            reasons_days=1,
        )
        self.books.desk = self.desk
        self.app: FastAPI = build_app(self.view, self.desk)

    def account(self, role: Role = Role.SHOPPER, name: str = "Ana", *, with_card: bool = True) -> Account:
        now_ns = time.time_ns()
        account = self.desk.accounts.sign_up(f"{name}.{role}@example.org", name, PASSPHRASE, now_ns, role)
        if with_card and role is Role.SHOPPER:
            self.desk.accounts.add_method(
                account.account_id,
                now_ns,
                processor="stripe",
                token=f"pm_{name}",
                brand="visa",
                last4="4242",
                expires="2034-11",
            )
        return account

    def key_of(self, account: Account) -> dict[str, str]:
        """Headers that speak for an account."""
        kind = "api"
        return {
            "Authorization": f"Bearer {self.desk.accounts.open_session(account.account_id, kind, time.time_ns())}"
        }

    def hear(self, *messages: Message) -> None:
        for message in messages:
            self.view.accept(message)  # type: ignore[arg-type]
            self.desk.accept(message)  # type: ignore[arg-type]
            if isinstance(message, Receipt):
                visit = self.desk.entry.visit(message.visit_id)
                pays = visit is None or visit.method.startswith(TOKEN)
                card = PaymentMethod(kind="card", payer_id="ana", token="tok_visa")
                self.books.settle(message, card if pays else None)

    def enter(self, account: Account, people_count: int = 1) -> str:
        """A code is shown at the gate, and the visit opens."""
        offer = self.desk.entry.offer(account, people_count, time.time_ns())
        self.hear(visit_opened(offer.visit_id, people_count))
        return offer.visit_id

    def leave(self, visit_id: str, quantity: int = 2, probability: float = 0.99) -> Receipt:
        """The visit ends with a receipt of some of PRODUCT, told from one interaction."""
        receipt = receipt_of(visit_id, quantity)
        self.hear(
            pick_up(visit_id, quantity, probability),
            VisitClosed(visit_id=visit_id, gate_id=STORE.gates[0].gate_id, closed_ns=time.time_ns()),
            receipt,
        )
        return receipt


def visit_opened(visit_id: str, people_count: int = 1) -> VisitOpened:
    return VisitOpened(
        visit_id=visit_id,
        gate_id=STORE.gates[0].gate_id,
        track_id="t1",
        opened_ns=time.time_ns(),
        people_count=people_count,
    )


def cart_of(visit_id: str, quantity: int = 2, *, is_pending: bool = False, product=PRODUCT) -> CartChanged:
    now_ns = time.time_ns()
    line = CartLine(
        product_id=product.product_id,
        quantity=quantity,
        price_minor=product.price_minor,
        probability=0.97,
        pending=is_pending,
        slot_id=None,
        picked_ns=now_ns,
    )
    return CartChanged(
        visit_id=visit_id,
        changed_ns=now_ns,
        happened_ns=now_ns,
        lines=(line,) if quantity else (),
        total_minor=quantity * product.price_minor,
        currency=STORE.currency,
    )


def cart_of_scans(visit_id: str, scans: dict[str, list[str]]) -> CartChanged:
    """A cart of nothing but what was scanned: interactions by product."""
    now_ns = time.time_ns()
    lines = tuple(
        CartLine(
            product_id=product_id,
            quantity=len(each),
            price_minor=STORE.products[product_id].price_minor,
            probability=1.0,
            pending=False,
            slot_id=None,
            picked_ns=now_ns,
            interaction_ids=tuple(each),
        )
        for product_id, each in scans.items()
    )
    return CartChanged(
        visit_id=visit_id,
        changed_ns=now_ns,
        happened_ns=now_ns,
        lines=lines,
        total_minor=sum(line.quantity * line.price_minor for line in lines),
        currency=STORE.currency,
    )


def pick_up(visit_id: str, quantity: int, probability: float) -> Interaction:
    slot = next(slot for slot in STORE.slots.values() if slot.product_id == PRODUCT.product_id)
    now_ns = time.time_ns()
    return Interaction(
        interaction_id=f"{visit_id}-i1",
        revision=1,
        kind=InteractionKind.PICK_UP,
        shelf_id=slot.shelf_id,
        slot_id=slot.slot_id,
        product_id=PRODUCT.product_id,
        quantity=quantity,
        visit_id=visit_id,
        probability=probability,
        happened_ns=now_ns,
        decided_ns=now_ns,
        mass_change_g=-quantity * PRODUCT.mass_g,
    )


def receipt_of(visit_id: str, quantity: int = 2) -> Receipt:
    line = ReceiptLine(
        product_id=PRODUCT.product_id,
        gtin=PRODUCT.gtin,
        name=PRODUCT.name,
        quantity=quantity,
        unit_price_minor=PRODUCT.price_minor,
        total_minor=quantity * PRODUCT.price_minor,
        tax_class=PRODUCT.tax_class,
        tax_minor=7,
        evidence=(f"{visit_id}-i1",),
    )
    return Receipt(
        receipt_id=f"{STORE.store_id}/{visit_id}",
        visit_id=visit_id,
        store_id=STORE.store_id,
        issued_ns=time.time_ns(),
        lines=(line,),
        total_minor=quantity * PRODUCT.price_minor,
        tax_minor=7,
        currency=STORE.currency,
    )


def sign_in(page: Page, counter: Counter, address: str, account: Account) -> None:
    link = counter.desk.accounts.open_session(account.account_id, "link", time.time_ns())
    page.goto(f"{address}/sign-in/{link}")


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The address of an application on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = uvicorn.Config(app, port=port, log_level="warning", timeout_graceful_shutdown=1, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = server.force_exit = True
    thread.join(5)


CLIENT = httpx.Client(timeout=30)  # One: making a client reads every certificate of the machine.


def ask(
    address: str, method: str, path: str, headers: dict[str, str] | None = None, **body: object
) -> httpx.Response:
    """One request by nobody but whom its headers speak for."""
    answer = CLIENT.request(method, address + path, headers=headers, json=body or None)
    CLIENT.cookies.clear()
    return answer
