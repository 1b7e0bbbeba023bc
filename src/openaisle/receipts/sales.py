"""Finished sales and returns, told to a shop's other systems: a projection of the ledger alone.

Fed every entry in the ledger's order, it gives the same transactions with the same numbers in any process, however
often it starts anew. A sale is told when it is paid, or given up as a debt; a return when the money went back.
"""

from __future__ import annotations

from openaisle.core.messages import Message, PaymentChanged, Receipt
from openaisle.core.units import NS_PER_HOUR
from openaisle.ports import PosTender, PosTransaction
from openaisle.receipts.book import PaymentBook


def is_sold(state: PaymentChanged) -> bool:
    """Whether nothing of the receipt is owed any more. A refund that nobody answers makes a sale no less a sale."""
    return state.end == "written_off" or state.paid_minor + state.waived_minor >= state.amount_minor


class Sales:
    """`follow` every message of the ledger; others than those about money are passed over."""

    def __init__(self) -> None:
        self._payments = PaymentBook()
        self._sequence = 0
        self._returned_minor: dict[str, int] = {}  # of every sale that was told
        self._forget_ns = 0

    def follow(self, message: Message) -> list[PosTransaction]:
        """The transactions that this entry finishes."""
        self._payments.replay(message)
        receipt_id = self._payments.concerned(message)
        if not receipt_id:
            return []
        at_ns = _at_ns(message)
        finished = self._finished(self._payments.state(receipt_id, at_ns))
        self._forget(at_ns)
        return finished

    def _forget(self, at_ns: int) -> None:
        """Once a day of the ledger's own time, so that memory does not grow for ever."""
        if at_ns >= self._forget_ns:
            self._forget_ns = at_ns + 24 * NS_PER_HOUR
            for receipt_id in self._payments.forget(at_ns):
                self._returned_minor.pop(receipt_id, None)

    def _finished(self, state: PaymentChanged) -> list[PosTransaction]:
        receipt = self._payments.receipt(state.receipt_id)
        found: list[PosTransaction] = []
        if state.receipt_id not in self._returned_minor and is_sold(state):
            self._returned_minor[state.receipt_id] = 0
            found.append(self._transaction(receipt, self._tenders(state), 0, state.at_ns))
        before_minor = self._returned_minor.get(state.receipt_id)
        back_minor = state.refunded_minor + state.waived_minor
        if before_minor is not None and back_minor > before_minor:
            self._returned_minor[state.receipt_id] = back_minor
            # What was never paid is taken off the debt that the sale was told with.
            kind = "credit" if state.waived_minor else self._way_back(state.receipt_id)
            tender = PosTender(kind=kind, amount_minor=back_minor - before_minor)
            found.append(self._transaction(receipt, (tender,), back_minor - before_minor, state.at_ns))
        return found

    def _way_back(self, receipt_id: str) -> str:
        return "voucher" if self._payments.is_by_voucher(receipt_id) else "card"

    def _transaction(
        self, receipt: Receipt, tenders: tuple[PosTender, ...], returned_minor: int, ended_ns: int
    ) -> PosTransaction:
        self._sequence += 1
        return PosTransaction(
            sequence=self._sequence,
            receipt=receipt,
            tenders=tenders,
            returned_minor=returned_minor,
            ended_ns=ended_ns,
        )

    def _tenders(self, state: PaymentChanged) -> tuple[PosTender, ...]:
        by_card = [
            PosTender(kind="card", amount_minor=minor, reference=request.key)
            for request, minor in self._payments.charges(state.receipt_id)
            if minor
        ]
        by_voucher_minor = state.paid_minor - sum(tender.amount_minor for tender in by_card)
        if by_voucher_minor:
            by_card.append(PosTender(kind="voucher", amount_minor=by_voucher_minor))
        debt_minor = state.amount_minor - state.paid_minor
        if debt_minor > 0:
            by_card.append(PosTender(kind="credit", amount_minor=debt_minor))
        return tuple(by_card)


def _at_ns(message: Message) -> int:
    """When it happened, by whichever of these names the message has it."""
    names = ("issued_ns", "requested_ns", "said_ns", "marked_ns", "changed_ns", "bound_ns")
    return next(getattr(message, name) for name in names if hasattr(message, name))
