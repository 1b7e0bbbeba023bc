"""Everything the pages of shoppers and staff work with, and how the path's messages come to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from openaisle.adapters.entry_codes import CodeIssuer
from openaisle.central.accounts import Account, Accounts
from openaisle.central.alerts import Alerts
from openaisle.central.cases import ACCEPTED, Case, Cases, CaseSettings
from openaisle.central.database import Database
from openaisle.central.entry import Entry, payment_method
from openaisle.central.letters import Letters
from openaisle.central.live import LiveVisits
from openaisle.central.reasons import ReasonBook
from openaisle.central.receipts import KeptReceipt, ReceiptBook
from openaisle.central.shelves import Shelves
from openaisle.central.vouchers import Voucher, Vouchers, plan_id
from openaisle.central.webhooks import Webhooks
from openaisle.core.errors import PaymentRefused
from openaisle.core.messages import (
    AnyMessage,
    CardHeld,
    CartChanged,
    Interaction,
    PayerBound,
    PaymentChanged,
    PaymentMethod,
    PaymentState,
    Receipt,
    ReviewOpened,
    ShelfId,
    ShelfSwitched,
    VisitClosed,
    VisitId,
    VisitOpened,
    VoucherChanged,
)
from openaisle.core.units import NS_PER_S
from openaisle.replay.clips import decode_clip
from openaisle.store.schema import Store


class Books(Protocol):
    """What pages may ask of the process that writes the ledger. Asking twice with one key is asking once."""

    def refund(self, receipt_id: str, amount_minor: int, reason: str, key: str) -> None:
        """Give money back."""
        ...

    def contest(self, receipt_id: str, reason: str, key: str) -> None:
        """A shopper says that something is wrong."""
        ...

    def reviewed(self, receipt_id: str, reason: str, key: str) -> None:
        """A person has looked, and nothing is given back."""
        ...

    def correct(
        self, visit_id: VisitId, product_id: str, quantity: int, price_minor: int, by: str, key: str
    ) -> None:
        """Put goods into an open cart (quantity above zero) or take them out; a price of 0 is the store's own."""
        ...

    def scan(self, interaction_id: str, visit_id: VisitId, product_id: str, *, is_undone: bool) -> None:
        """One unit that a shopper scanned goes into an open cart, or out of it again."""
        ...

    def switch_shelf(self, shelf_id: ShelfId, by: str, key: str, *, is_scanned: bool) -> None:
        """Have what leaves a shelf scanned from now on, or trust its plates again."""
        ...

    def load_voucher(self, voucher_id: str, amount_minor: int, key: str) -> None:
        """Cash was taken in for a voucher."""
        ...

    def pay_at_reader(self, receipt_id: str, key: str) -> None:
        """Have the counter's card reader ask for what a receipt still owes."""
        ...

    def pay(self, receipt_id: str, method: PaymentMethod, key: str) -> None:
        """Pay a receipt that is not paid, this way."""
        ...


class Phones:
    """Phones that wait for a simulated shopper to carry them through the gate. Empty in a real shop."""

    def __init__(self) -> None:
        self._waiting: dict[VisitId, tuple[str, int]] = {}

    def wait(self, visit_id: VisitId, code: str, people_count: int) -> None:
        """This code is on a phone's screen now."""
        self._waiting[visit_id] = code, people_count

    def leave(self, visit_id: VisitId) -> None:
        self._waiting.pop(visit_id, None)

    def take(self, people_count: int) -> str | None:
        """The code of the phone that has waited longest for so many people; it waits no more until it shows another."""
        for visit_id, (code, count) in self._waiting.items():
            if count == people_count:
                del self._waiting[visit_id]
                return code
        return None


class Desk:
    """One shop's counter. `accept` from one thread; the rest from any."""

    def __init__(
        self,
        store: Store,
        database_path: Path,
        issuer: CodeIssuer,
        books: Books,
        now_ns: Callable[[], int],
        *,
        is_simulated: bool,
        has_reader: bool = False,
        has_mail: bool = False,
        is_open: Callable[[], bool] = lambda: True,
        case_settings: CaseSettings | None = None,
        reasons_days: int = 0,
    ) -> None:
        self.store = store
        self.books = books
        self.now_ns = now_ns
        self.is_simulated = is_simulated
        self.has_reader = has_reader
        self.has_mail = has_mail
        self._database = Database(database_path)
        self.accounts = Accounts(self._database)
        self.entry = Entry(self._database, self.accounts, issuer, is_open)
        self.receipts = ReceiptBook(self._database)
        self.cases = Cases(self._database, case_settings)
        self.webhooks = Webhooks(self._database)
        self.vouchers = Vouchers(self._database)
        self.letters = Letters(self._database)
        self.programmes = tuple(sorted({each.programme for each in store.promotions if each.programme}))
        self.live = LiveVisits(store, self._programmes_of)
        self.reasons = ReasonBook(self._database, reasons_days)
        self.alerts = Alerts(store)
        self.shelves = Shelves(store)
        self.live.show_scanned(self.shelves.scanned_ids)
        self.phones = Phones()

    def close(self) -> None:
        self._database.close()

    # --- what the path says ---------------------------------------------------------------------------------------

    def accept(self, message: AnyMessage, *, is_kept: bool = False) -> None:
        """Take in one message of the path. Hearing one twice changes nothing.

        `is_kept`: the database has all that follows from it; only what is in memory needs to hear it again.
        """
        self.alerts.accept(message)
        self.shelves.accept(message)
        if isinstance(message, ShelfSwitched):
            self.live.show_scanned(self.shelves.scanned_ids)
        if is_kept:
            self._remember(message)
            return
        match message:
            case CartChanged():
                self.live.accept(message)
            case VisitOpened() | VisitClosed():
                self.live.accept(message)
                self.entry.accept(message)
                self.phones.leave(message.visit_id)
                kind = "visit.opened" if isinstance(message, VisitOpened) else "visit.closed"
                self.webhooks.emit(kind, message.visit_id, {"visit_id": message.visit_id}, self.now_ns())
            case CardHeld() if message.gate_id:
                self.entry.tapped(message)
            case PayerBound():
                self.entry.bound(message)
            case VoucherChanged():
                self.vouchers.accept(message)
            case Interaction():
                self.receipts.hear(message)
            case ReviewOpened():
                evidence = self.receipts.interaction(message.interaction_id)
                self._case_opened(*self.cases.review(message, evidence))
            case Receipt():
                self._accept_receipt(message)
            case PaymentChanged():
                self._accept_payment(message)
            case _:
                pass

    def _remember(self, message: AnyMessage) -> None:
        match message:
            case VisitOpened() | VisitClosed() | Receipt():
                self.live.accept(message)
            case Interaction():
                self.receipts.hear(message)
            case PaymentChanged():
                self.live.settle(
                    message.visit_id,
                    _payment(message.state.value, message.refunded_minor, message.reason),
                )
            case _:
                pass

    def keep_clip(self, clip: bytes) -> None:
        """What one decision rested on (`replay.clips`), for reviewers."""
        kept = decode_clip(clip)
        told = [(interaction.interaction_id, interaction.visit_id) for interaction in kept.said]
        self.reasons.keep(kept.step.step_id, clip, told, self.now_ns())

    def mark(self, source: str) -> tuple[int, bytes]:
        """How far a source was heard before: its entries up to there are kept."""
        return self._database.mark(source)

    def set_mark(self, source: str, sequence: int, digest: bytes) -> None:
        self._database.set_mark(source, sequence, digest)

    def _accept_payment(self, changed: PaymentChanged) -> None:
        receipt_id = changed.receipt_id
        self.receipts.settle(changed)
        kept = self.receipts.get(receipt_id)
        if kept is None:
            return
        payment = payment_of(kept)
        self.live.settle(kept.receipt.visit_id, payment)
        if self.has_mail and changed.state in (PaymentState.PAID, PaymentState.UNPAID):
            self.letters.owe(receipt_id, kept.account_id, self.now_ns())
        event_id = f"{receipt_id} {kept.state} {kept.refunded_minor}"
        self.webhooks.emit("receipt.changed", event_id, {"receipt_id": receipt_id, **payment}, self.now_ns())

    def _accept_receipt(self, receipt: Receipt) -> None:
        if not self.receipts.accept(receipt, PaymentState.DRAFT.value):
            return
        kept = self.receipts.get(receipt.receipt_id)
        assert kept is not None
        self.cases.attach(kept)
        self.live.accept(receipt)
        summary = {
            "receipt_id": receipt.receipt_id,
            "visit_id": receipt.visit_id,
            "number": kept.number,
            "total_minor": receipt.total_minor,
            "currency": receipt.currency,
        }
        self.webhooks.emit("receipt.issued", receipt.receipt_id, summary, self.now_ns())

    # --- what people say ------------------------------------------------------------------------------------------

    def dispute(self, kept: KeptReceipt, *, product_id: str, quantity: int, missing: str, note: str) -> Case:
        """A shopper disputes; where the evidence is weak their money is on its way back when this returns."""
        case, is_news = self.cases.dispute(
            kept,
            product_id=product_id,
            quantity=quantity,
            missing=missing,
            note=note,
            now_ns=self.now_ns(),
        )
        if is_news:
            self.books.contest(case.receipt_id, case.reason, case.case_id)
            self._case_opened(case, is_news)
            if case.state == ACCEPTED:
                self._give_back(case)
        return case

    def decide(self, case_id: str, *, accept: bool, by: str) -> Case:
        """A person's word on a case; InputError where it cannot count."""
        case, is_decided = self.cases.decide(case_id, accept=accept, by=by, now_ns=self.now_ns())
        if is_decided:
            if case.state == ACCEPTED and case.amount_minor:
                self._give_back(case)
            elif case.receipt_id:
                self.books.reviewed(case.receipt_id, case.reason, case.case_id)
            self.webhooks.emit("case.decided", case.case_id, case_summary(case), self.now_ns())
        return case

    def take_cash(self, kept: KeptReceipt, by: str) -> None:
        """A receipt is paid in cash on the way out, or later: all that is owed, once."""
        receipt = kept.receipt
        voucher = self.vouchers.sell(
            kept.owed_minor, by, self.now_ns(), voucher_id=f"cash-{receipt.visit_id}"[:24]
        )
        self.books.load_voucher(voucher.voucher_id, voucher.paid_minor, voucher.voucher_id)
        method = PaymentMethod(kind="voucher", payer_id=voucher.voucher_id, token=voucher.voucher_id)
        self.books.pay(receipt.receipt_id, method, voucher.voucher_id)

    def load_plan(self, account: Account, amount_minor: int, by: str, key: str) -> Voucher:
        """Money was paid in for an account's meal plan; PaymentRefused, and nothing changed, if the ledger is away."""
        voucher_id, now_ns = plan_id(account.account_id), self.now_ns()
        self.vouchers.top_up(
            voucher_id, amount_minor, by, now_ns
        )  # First: the ledger's word is of what is left.
        try:
            self.books.load_voucher(voucher_id, amount_minor, key)
        except PaymentRefused:
            self.vouchers.take_back(voucher_id, amount_minor)
            raise
        voucher = self.vouchers.get(voucher_id)
        assert voucher is not None
        return voucher

    def take_card(self, kept: KeptReceipt) -> None:
        """The counter's reader asks for a card that pays what is owed. A minute's wishes are one."""
        key = f"reader {kept.receipt.receipt_id} {self.now_ns() // (60 * NS_PER_S)}"
        self.books.pay_at_reader(kept.receipt.receipt_id, key)

    def pay_again(self, kept: KeptReceipt, account: Account) -> None:
        """A shopper pays a debt with the card they have now; EntryRefused as at the gate if there is none."""
        method = payment_method(self.entry.method_of(account, self.now_ns()), account.account_id)
        assert method is not None
        # A minute's wishes are one: a second tap on the button is no second charge, a try tomorrow is.
        key = f"{kept.receipt.receipt_id} {method.token} {self.now_ns() // (60 * NS_PER_S)}"
        self.books.pay(kept.receipt.receipt_id, method, key)

    def _programmes_of(self, visit_id: VisitId) -> frozenset[str]:
        account_id = self.entry.owner(visit_id) if self.programmes else None
        return self.accounts.memberships(account_id) if account_id else frozenset()

    def _give_back(self, case: Case) -> None:
        if case.receipt_id and case.amount_minor:
            self.books.refund(case.receipt_id, case.amount_minor, case.reason, case.case_id)

    def _case_opened(self, case: Case, is_news: bool) -> None:
        if is_news:
            self.webhooks.emit("case.opened", case.case_id, case_summary(case), self.now_ns())


def payment_of(kept: KeptReceipt) -> dict[str, Any]:
    """A charge as pages show it."""
    return _payment(kept.state, kept.refunded_minor, kept.reason)


def _payment(state: str, refunded_minor: int, reason: str) -> dict[str, Any]:
    return {"state": state, "refunded_minor": refunded_minor, "reason": reason}


def case_summary(case: Case) -> dict[str, Any]:
    """A case for another system: no free text of a person."""
    return {
        name: getattr(case, name)
        for name in (
            "case_id",
            "kind",
            "visit_id",
            "receipt_id",
            "product_id",
            "quantity",
            "reason",
            "amount_minor",
            "state",
        )
    }
