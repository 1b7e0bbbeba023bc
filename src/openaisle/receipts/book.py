"""What the ledger says about money: bills of receipts, prepaid balances, holds on cards. Fed entry by entry, in order.

A projection: it decides nothing and asks for nothing. Any order and any repetition of what a processor said ends in the
same state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from openaisle.core.errors import LedgerDamaged, PaymentRefused
from openaisle.core.messages import (
    CardHeld,
    ChargeRequested,
    Message,
    MoneyEntry,
    PayerBound,
    PaymentChanged,
    PaymentMarked,
    PaymentMethod,
    PaymentState,
    ProcessorSaid,
    Receipt,
    RefundRequested,
    ReleaseRequested,
    VisitId,
    VoucherChanged,
)
from openaisle.core.units import NS_PER_HOUR
from openaisle.receipts.bill import EXCESS, Bill, Charge, Refund
from openaisle.receipts.credit import Credit
from openaisle.receipts.errands import Request
from openaisle.receipts.holds import HOLD, Holds

PaymentMessage: TypeAlias = Receipt | MoneyEntry | PaymentChanged

LOGGED: Final = (Receipt, *MoneyEntry.__args__)
"""Classes of what the ledger must hold before the rest of the world may know: `PaymentChanged` follows from it."""
REMEMBER_H: Final = 180 * 24.0


class PaymentBook:
    """All payments of one shop, as they stand."""

    def __init__(self, remember_h: float = REMEMBER_H) -> None:
        """`remember_h`: for so long a receipt can be asked about after `forget`."""
        self._remember_ns = round(remember_h * NS_PER_HOUR)
        self._bills: dict[str, Bill] = {}
        self._bill_of_key: dict[str, str] = {}
        self._payers: dict[VisitId, PaymentMethod] = {}
        self._vouchers_minor: dict[str, int] = {}
        self._credit = Credit()
        self._holds = Holds()
        self._forgotten: set[str] = set()  # settled long ago

    # --- the ledger's side ----------------------------------------------------------------------------------------

    def replay(self, message: Message) -> None:
        """Take over an entry of the ledger; others than LOGGED are passed over. LedgerDamaged if it contradicts."""
        if isinstance(message, LOGGED):
            try:
                self._apply(message)
            except (KeyError, AssertionError) as error:
                raise LedgerDamaged(
                    f"{type(message).__name__} contradicts what came before: {error}"
                ) from error

    def forget(self, now_ns: int) -> list[str]:
        """Let go of receipts issued `remember_h` ago that are settled; which. The ledger keeps them.

        They can neither be refunded nor charged again. Call it now and then.
        """
        horizon_ns = now_ns - self._remember_ns
        gone: list[str] = []
        for receipt_id, bill in self._bills.items():
            if bill.receipt.issued_ns > horizon_ns:
                break  # They stand in the order in which they came.
            keys = (*bill.charges, *bill.refunds)
            if not self._credit.owes(receipt_id) and not any(self.is_open(key) for key in keys):
                gone.append(receipt_id)
        for receipt_id in gone:
            bill = self._bills.pop(receipt_id)
            self._forgotten.add(receipt_id)
            self._payers.pop(bill.receipt.visit_id, None)
            self._holds.forget(bill.receipt.visit_id)
            for key in (*bill.charges, *bill.refunds):
                del self._bill_of_key[key]
        for visit_id in self._holds.released_before(horizon_ns):
            self._holds.forget(visit_id)
            self._payers.pop(visit_id, None)
        return gone

    # --- questions ------------------------------------------------------------------------------------------------

    def state(self, receipt_id: str, now_ns: int = 0) -> PaymentChanged:
        """How a receipt's payment stands. PaymentRefused for an unknown receipt."""
        return self._changed(self._bill(receipt_id), now_ns)

    def states(self, now_ns: int = 0) -> list[PaymentChanged]:
        """Of every receipt, in the order in which they came."""
        return [self._changed(bill, now_ns) for bill in self._bills.values()]

    def receipt(self, receipt_id: str) -> Receipt:
        return self._bill(receipt_id).receipt

    def owed_minor(self, receipt_id: str) -> int:
        """Not paid, not waived, and not asked for already."""
        bill = self._bill(receipt_id)
        return bill.owed_minor - bill.open_minor

    def charges(self, receipt_id: str) -> list[tuple[ChargeRequested, int]]:
        """Every charge of a receipt with what it brought, 0 if nothing (yet)."""
        return [(charge.request, charge.charged_minor) for charge in self._bill(receipt_id).charges.values()]

    def refunds(self, receipt_id: str) -> list[tuple[RefundRequested, int]]:
        """Every refund of a receipt with what went back, 0 if nothing (yet)."""
        return [(refund.request, refund.refunded_minor) for refund in self._bill(receipt_id).refunds.values()]

    def owed_by_card_minor(self, receipt_id: str) -> int:
        """What cards must have brought for a receipt, refunds taken off, once nothing of it is open any more."""
        bill = self._bill(receipt_id)
        by_card_back_minor = bill.refunded_minor - bill.voucher_back_minor
        owed_minor = bill.receipt.total_minor - bill.waived_minor - bill.voucher_minor
        back_minor = by_card_back_minor - sum(
            refund.refunded_minor for refund in bill.refunds.values() if refund.request.reason == EXCESS
        )
        return owed_minor - back_minor

    def receipt_of(self, key: str) -> str:
        """The receipt that a charge or refund belongs to; "" where nobody knows its key."""
        return self._bill_of_key.get(key, "")

    def concerned(self, message: Message) -> str:
        """The receipt that an entry is about; "" where it is about none."""
        if isinstance(message, ProcessorSaid):
            return self.receipt_of(message.key)
        return getattr(message, "receipt_id", "") if isinstance(message, LOGGED) else ""

    def is_by_voucher(self, receipt_id: str) -> bool:
        return bool(self._bill(receipt_id).voucher_id)

    @property
    def vouchers_minor(self) -> Mapping[str, int]:
        return self._vouchers_minor

    def is_open(self, key: str) -> bool:
        """Whether a charge, refund or release still waits for its answer."""
        if key not in self._bill_of_key:
            return self._holds.is_open(key)
        bill = self._bills[self._bill_of_key[key]]
        if key in bill.charges:
            return bill.charges[key].is_open
        return bill.is_refund_open(bill.refunds[key])

    @property
    def open_count(self) -> int:
        """Requests without an answer."""
        return sum(self.is_open(key) for key in self._bill_of_key) + self._holds.open_count

    def unpaid(self) -> list[str]:
        """Receipts that are debts now, in order of their ids."""
        return [at for at in self._credit.receipts() if self._bills[at].state is PaymentState.UNPAID]

    def exposure_minor(self, payer_id: str | None = None) -> int:
        """What was taken and is not paid: of one payer, or of all."""
        return self._credit.exposure_minor(payer_id)

    # --- applying -------------------------------------------------------------------------------------------------

    def _apply(self, message: Message) -> str:
        """The receipt concerned, "" for none."""
        if isinstance(message, PayerBound | CardHeld):
            self._payers.setdefault(message.visit_id, message.method)
            if isinstance(message, CardHeld):
                self._holds.note(message)
            return ""
        if isinstance(message, VoucherChanged):
            return self._apply_voucher(message)
        if isinstance(message, Receipt):
            assert message.receipt_id not in self._bills, f"receipt {message.receipt_id} twice"
            self._bills[message.receipt_id] = Bill(receipt=message)
            self._holds.billed(message.visit_id)
            receipt_id = message.receipt_id
        elif isinstance(message, ReleaseRequested):
            self._holds.ask_release(message)
            return ""
        elif isinstance(message, ChargeRequested | RefundRequested):
            self._apply_request(message)
            receipt_id = message.receipt_id
        elif isinstance(message, ProcessorSaid) and self._holds.of_key(message.key):
            self._holds.heard(message)
            return ""
        elif isinstance(message, ProcessorSaid):
            receipt_id = self._bill_of_key[message.key]
            self._apply_said(self._bills[receipt_id], message)
        else:
            assert isinstance(message, PaymentMarked)
            receipt_id = message.receipt_id
            self._apply_mark(self._bills[receipt_id], message)
        self._note(self._bills[receipt_id])
        return receipt_id

    def _apply_request(self, request: ChargeRequested | RefundRequested) -> None:
        bill = self._bills[request.receipt_id]
        assert request.key not in self._bill_of_key, f"{request.key} is requested twice"
        if isinstance(request, ChargeRequested):
            bill.charges[request.key] = Charge(request=request)
            if request.method.kind == HOLD:
                self._holds.charged(request.method)
            bill.method = request.method
            bill.ended = ""
        else:
            bill.refunds[request.key] = Refund(request=request)
            bill.is_contested = False
            bill.is_reviewed = True
            bill.reason = request.reason
        self._bill_of_key[request.key] = request.receipt_id

    def _apply_said(self, bill: Bill, said: ProcessorSaid) -> None:
        if said.key in bill.charges:
            charge = bill.charges[said.key]
            charge.charged_minor = max(charge.charged_minor, said.amount_minor)
            charge.reference = max(charge.reference, said.reference)
            if said.outcome == "declined":
                charge.declined = max(charge.declined, said.reason or "declined")
            bill.reason = "" if charge.charged_minor else charge.declined
        else:
            refund = bill.refunds[said.key]
            refund.refunded_minor = max(refund.refunded_minor, said.amount_minor)
            if said.outcome == "refused":
                refund.refused = max(refund.refused, said.reason or "refused")
            # Whichever is said last: money that went back went back.
            if refund.refunded_minor:
                refund.refused = ""
        if bill.ended == "needs_reconcile" and not bill.is_unanswered:
            bill.ended = ""  # Now it is known.

    def _apply_mark(self, bill: Bill, marked: PaymentMarked) -> None:
        bill.reason = marked.reason
        if marked.mark in ("contested", "reviewed"):
            bill.is_contested = marked.mark == "contested"
            bill.is_reviewed = bill.is_reviewed or marked.mark == "reviewed"
        else:
            bill.ended = marked.mark

    def _apply_voucher(self, changed: VoucherChanged) -> str:
        left = self._vouchers_minor.get(changed.voucher_id, 0) + changed.change_minor
        assert left >= 0, f"voucher {changed.voucher_id} below zero"
        self._vouchers_minor[changed.voucher_id] = left
        if not changed.receipt_id:
            return ""
        bill = self._bills[changed.receipt_id]
        if changed.change_minor < 0:
            bill.voucher_minor -= changed.change_minor
            bill.voucher_id = changed.voucher_id
        else:
            bill.voucher_back_minor += changed.change_minor
            bill.is_contested = False
        self._note(bill)
        return changed.receipt_id

    def _note(self, bill: Bill) -> None:
        owed_minor = 0 if bill.ended == "written_off" else bill.owed_minor
        self._credit.note(bill.receipt.receipt_id, self._payer_id(bill), owed_minor)

    def _payer_id(self, bill: Bill) -> str:
        method = bill.method or self._payers.get(bill.receipt.visit_id)
        return method.payer_id if method else ""

    # --- leaves ---------------------------------------------------------------------------------------------------

    def _request(self, key: str) -> Request:
        hold = self._holds.of_key(key)
        if hold is not None and hold.release is not None:
            return hold.release
        bill = self._bills[self._bill_of_key[key]]
        return bill.charges[key].request if key in bill.charges else bill.refunds[key].request

    def _bill(self, receipt_id: str) -> Bill:
        if receipt_id not in self._bills:
            raise PaymentRefused("no such receipt", field="receipt_id", found=receipt_id)
        return self._bills[receipt_id]

    def _changed(self, bill: Bill, now_ns: int) -> PaymentChanged:
        return PaymentChanged(
            receipt_id=bill.receipt.receipt_id,
            visit_id=bill.receipt.visit_id,
            payer_id=self._payer_id(bill),
            state=bill.state,
            end=bill.end,
            amount_minor=bill.receipt.total_minor,
            currency=bill.receipt.currency,
            paid_minor=bill.paid_minor,
            refunded_minor=bill.refunded_minor,
            reason=bill.reason,
            at_ns=now_ns,
            waived_minor=bill.waived_minor,
        )


def to_log(messages: Iterable[Message]) -> list[Message]:
    """Those that the ledger must hold."""
    return [message for message in messages if isinstance(message, LOGGED)]
