"""What people ask of the ledger through pages: from their process to the one that writes, and granted there once."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from openaisle.carts.scanned import STAFF, is_scan_of
from openaisle.core.errors import PaymentRefused
from openaisle.core.messages import (
    AnyMessage,
    CardAskedFor,
    CartCorrected,
    GoodsScanned,
    Interaction,
    InteractionKind,
    PaymentMethod,
    PaymentWanted,
    ReceiptContested,
    ReceiptReviewed,
    RefundWanted,
    ShelfId,
    ShelfSwitched,
    VisitId,
    VoucherSold,
    Wish,
    encode,
)
from openaisle.edge.bus import Outlet
from openaisle.edge.desk_reader import Asked
from openaisle.edge.wire import WISH
from openaisle.pipeline import Pipeline
from openaisle.receipts.book import PaymentMessage
from openaisle.receipts.payment import Payments

WISHES_MAX: Final = 256
SEND_S: Final = 2.0
KEYS_MAX: Final = 10_000
"""Keys of wishes that were granted; one that comes again meanwhile is not granted again."""


class BusBooks:
    """`openaisle.web.desk.Books` over the bus: each wish goes to the ledger's process and waits while that restarts."""

    def __init__(self, core_socket: Path, now_ns: Callable[[], int]) -> None:
        self._outlet = Outlet(core_socket, WISHES_MAX)
        self._now_ns = now_ns

    def refund(self, receipt_id: str, amount_minor: int, reason: str, key: str) -> None:
        self._send(RefundWanted(receipt_id=receipt_id, amount_minor=amount_minor, reason=reason, key=key))

    def contest(self, receipt_id: str, reason: str, key: str) -> None:
        self._send(ReceiptContested(receipt_id=receipt_id, reason=reason, key=key))

    def reviewed(self, receipt_id: str, reason: str, key: str) -> None:
        self._send(ReceiptReviewed(receipt_id=receipt_id, reason=reason, key=key))

    def correct(
        self, visit_id: VisitId, product_id: str, quantity: int, price_minor: int, by: str, key: str
    ) -> None:
        self._send(
            CartCorrected(
                visit_id=visit_id,
                product_id=product_id,
                quantity=quantity,
                price_minor=price_minor,
                by=by,
                key=key,
                wanted_ns=self._now_ns(),
            )
        )

    def scan(self, interaction_id: str, visit_id: VisitId, product_id: str, *, is_undone: bool) -> None:
        self._send(
            GoodsScanned(
                interaction_id=interaction_id,
                visit_id=visit_id,
                product_id=product_id,
                is_undone=is_undone,
                key=f"{interaction_id} {is_undone}",
                wanted_ns=self._now_ns(),
            )
        )

    def switch_shelf(self, shelf_id: str, by: str, key: str, *, is_scanned: bool) -> None:
        self._send(
            ShelfSwitched(
                shelf_id=shelf_id, is_scanned=is_scanned, by=by, key=key, switched_ns=self._now_ns()
            )
        )

    def load_voucher(self, voucher_id: str, amount_minor: int, key: str) -> None:
        self._send(VoucherSold(voucher_id=voucher_id, amount_minor=amount_minor, key=key))

    def pay_at_reader(self, receipt_id: str, key: str) -> None:
        self._send(CardAskedFor(receipt_id=receipt_id, key=key))

    def pay(self, receipt_id: str, method: PaymentMethod, key: str) -> None:
        self._send(PaymentWanted(receipt_id=receipt_id, method=method, key=key))

    def close(self) -> None:
        self._outlet.close(timeout_s=SEND_S)

    def _send(self, wish: Wish) -> None:
        if not self._outlet.send(WISH, encode(wish), SEND_S):
            raise PaymentRefused("the ledger does not answer just now: please try again")


class Wishes:
    """Grants wishes in the ledger's process. `record` writes what money must be in the ledger before anybody hears."""

    def __init__(
        self,
        pipeline: Pipeline,
        payments: Payments,
        record: Callable[[Sequence[PaymentMessage]], None],
        currency: str,
        ask_reader: Callable[[Asked], None] | None = None,
    ) -> None:
        """`ask_reader` has the counter's card reader ask for a card, where there is one."""
        self._pipeline, self._payments, self._record, self._currency = pipeline, payments, record, currency
        self._ask_reader = ask_reader
        self._granted: OrderedDict[str, None] = OrderedDict()

    def grant(self, wish: Wish, now_ns: int) -> list[AnyMessage]:
        """What follows, in the ledger already. PaymentRefused where it cannot be granted: nothing changed then."""
        name = f"{type(wish).__name__} {wish.key}"
        if name in self._granted:
            return []
        said: list[AnyMessage]
        if isinstance(wish, CartCorrected):
            said = self._pipeline.correct(correction(wish))
        elif isinstance(wish, GoodsScanned):
            said = self._scan(wish)
        elif isinstance(wish, ShelfSwitched):
            said = self._pipeline.switch(wish)
        elif isinstance(wish, CardAskedFor):
            self._ask_for_card(wish.receipt_id)
            said = []
        else:
            money = self._money(wish, now_ns)
            self._record(money)
            said = [*money]
        self._granted[name] = None
        while len(self._granted) > KEYS_MAX:
            self._granted.popitem(last=False)
        return said

    def _scan(self, wish: GoodsScanned) -> list[AnyMessage]:
        if not is_scan_of(wish.visit_id, wish.interaction_id):
            raise PaymentRefused("of another cart", field="interaction_id", found=wish.interaction_id)
        shelf_id = self._pipeline.scanned.shelf_of(wish.product_id)
        if shelf_id is None and not wish.is_undone:
            raise PaymentRefused("no shelf with it is scanned", field="product_id", found=wish.product_id)
        return self._pipeline.correct(_scanned(wish, shelf_id or ""))

    def _ask_for_card(self, receipt_id: str) -> None:
        """The card that comes is another matter: it is heard of when it was tapped."""
        owed_minor = self._payments.owed_minor(receipt_id)
        if self._ask_reader is None or owed_minor <= 0:
            reason = "there is no card reader" if self._ask_reader is None else "nothing is owed any more"
            raise PaymentRefused(reason, field="receipt_id", found=receipt_id)
        self._ask_reader(Asked(receipt_id=receipt_id, amount_minor=owed_minor, currency=self._currency))

    def _money(
        self,
        wish: RefundWanted | ReceiptContested | ReceiptReviewed | VoucherSold | PaymentWanted,
        now_ns: int,
    ) -> list[PaymentMessage]:
        payments = self._payments
        match wish:
            case RefundWanted():
                return payments.refund(wish.receipt_id, wish.amount_minor, wish.reason, wish.key, now_ns)
            case ReceiptContested():
                return payments.contest(wish.receipt_id, wish.reason, now_ns)
            case ReceiptReviewed():
                return payments.reviewed(wish.receipt_id, wish.reason, now_ns)
            case VoucherSold():
                return payments.load_voucher(wish.voucher_id, wish.amount_minor, self._currency, now_ns)
            case PaymentWanted():
                return payments.settle(payments.receipt(wish.receipt_id), wish.method, now_ns)


def _scanned(wish: GoodsScanned, shelf_id: ShelfId) -> Interaction:
    """What was scanned as an interaction that is certain; taking it back is its second revision."""
    return Interaction(
        interaction_id=wish.interaction_id,
        revision=2 if wish.is_undone else 1,
        kind=InteractionKind.PICK_UP,
        shelf_id=shelf_id,
        slot_id=None,
        product_id=wish.product_id,
        quantity=1,
        visit_id=wish.visit_id,
        probability=1.0,
        happened_ns=wish.wanted_ns,
        decided_ns=wish.wanted_ns,
        withdrawn=wish.is_undone,
    )


def correction(wish: CartCorrected) -> Interaction:
    """Staff's word as an interaction that is certain: from and to nowhere that we know of."""
    digest = hashlib.sha256(wish.key.encode()).hexdigest()[:16]
    return Interaction(
        interaction_id=f"{STAFF}{digest}",
        revision=1,
        kind=InteractionKind.PICK_UP if wish.quantity > 0 else InteractionKind.PUT_BACK,
        shelf_id="",
        slot_id=None,
        product_id=wish.product_id,
        quantity=abs(wish.quantity),
        visit_id=wish.visit_id,
        probability=1.0,
        happened_ns=wish.wanted_ns,
        decided_ns=wish.wanted_ns,
        price_minor=wish.price_minor,
    )
