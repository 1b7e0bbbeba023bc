"""The money of one receipt: what was asked for, what came, what went back, and what that amounts to. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from openaisle.core.messages import (
    ChargeRequested,
    PaymentMethod,
    PaymentState,
    Receipt,
    RefundRequested,
)

EXCESS: Final = "more was charged than is owed"


@dataclass(kw_only=True, slots=True)
class Charge:
    request: ChargeRequested
    charged_minor: int = 0
    reference: str = ""
    declined: str = ""  # why; a later "charged" outdoes it

    @property
    def is_open(self) -> bool:
        return not self.charged_minor and not self.declined


@dataclass(kw_only=True, slots=True)
class Refund:
    request: RefundRequested
    refunded_minor: int = 0
    refused: str = ""

    @property
    def is_open(self) -> bool:
        return bool(self.request.charge_key) and not self.refunded_minor and not self.refused


@dataclass(kw_only=True, slots=True)
class Bill:
    """One receipt and everything said about its money."""

    receipt: Receipt
    method: PaymentMethod | None = None
    charges: dict[str, Charge] = field(default_factory=dict)
    refunds: dict[str, Refund] = field(default_factory=dict)
    voucher_id: str = ""
    voucher_minor: int = 0
    voucher_back_minor: int = 0
    is_contested: bool = False
    is_reviewed: bool = False
    ended: str = ""  # needs_reconcile | written_off, said by a deadline
    reason: str = ""
    said: tuple[object, ...] = ()  # what the last PaymentChanged said

    @property
    def charged_minor(self) -> int:
        return sum(charge.charged_minor for charge in self.charges.values())

    @property
    def refunded_minor(self) -> int:
        by_card = sum(refund.refunded_minor for refund in self.refunds.values())
        return by_card + self.voucher_back_minor

    @property
    def waived_minor(self) -> int:
        """What was to be refunded of charges that did not come about, or not wholly: it is simply not owed."""
        at_once = sum(r.request.amount_minor for r in self.refunds.values() if not r.request.charge_key)
        return at_once + sum(
            max(0, self._claimed_minor(key) - charge.charged_minor)
            for key, charge in self.charges.items()
            if not charge.is_open
        )

    @property
    def asked_back_minor(self) -> int:
        """Refunds in all their stages, those of the voucher included."""
        by_card = sum(r.request.amount_minor for r in self.refunds.values() if not r.refused)
        return by_card + self.voucher_back_minor

    @property
    def paid_minor(self) -> int:
        return self.charged_minor + self.voucher_minor

    @property
    def open_minor(self) -> int:
        """Requested and not answered."""
        return sum(charge.request.amount_minor for charge in self.charges.values() if charge.is_open)

    @property
    def owed_minor(self) -> int:
        """Not paid, not waived, whether requested or not. Below zero: too much was charged."""
        return self.receipt.total_minor - self.waived_minor - self.paid_minor

    @property
    def state(self) -> PaymentState:
        if self.is_contested:
            return PaymentState.CONTESTED
        if self.owed_minor > 0:
            if self.open_minor and self.ended != "written_off":
                return PaymentState.PAYMENT  # What the processor never answered is no debt of the shopper's.
            return PaymentState.UNPAID if self.method or self.voucher_id else PaymentState.DRAFT
        if self.refunded_minor:
            return PaymentState.REFUNDED
        return PaymentState.REVIEWED if self.is_reviewed else PaymentState.PAID

    @property
    def end(self) -> str:
        is_given_up = self.ended and self._has_open_refund
        return "charged" if self.owed_minor <= 0 and not is_given_up else self.ended

    @property
    def is_unanswered(self) -> bool:
        """Whether a charge or refund still waits for its answer."""
        return self._has_open_refund or any(charge.is_open for charge in self.charges.values())

    @property
    def _has_open_refund(self) -> bool:
        return any(self.is_refund_open(refund) for refund in self.refunds.values())

    def is_refund_open(self, refund: Refund) -> bool:
        """Whether it waits for its charge or for its answer."""
        if not refund.is_open:
            return False
        return self.charges[refund.request.charge_key].is_open or self.part_of(refund) > 0

    def room_of(self, charge_key: str) -> int:
        """How much of a charge no refund has claimed yet."""
        charge = self.charges[charge_key]
        brought_minor = charge.request.amount_minor if charge.is_open else charge.charged_minor
        return brought_minor - self._claimed_minor(charge_key)

    def part_of(self, refund: Refund) -> int:
        """How much of a refund its charge can give: what was not charged cannot go back, and is not owed instead."""
        left_minor = self.charges[refund.request.charge_key].charged_minor
        for other in self.refunds.values():
            if other.request.charge_key == refund.request.charge_key and not other.refused:
                part_minor = min(other.request.amount_minor, left_minor)
                if other is refund:
                    return part_minor
                left_minor -= part_minor
        return 0

    def _claimed_minor(self, charge_key: str) -> int:
        return sum(
            refund.request.amount_minor
            for refund in self.refunds.values()
            if refund.request.charge_key == charge_key and not refund.refused
        )

    def excess(self, now_ns: int) -> Iterator[RefundRequested]:
        """Refunds of what came in beyond what was owed: a card that was refused and then charged after all."""
        asked_minor = sum(r.request.amount_minor for r in self.refunds.values() if r.request.reason == EXCESS)
        excess_minor = -self.owed_minor - asked_minor
        for key, charge in self.charges.items():
            takes_minor = min(excess_minor, self.room_of(key)) if charge.charged_minor else 0
            if takes_minor > 0:
                excess_minor -= takes_minor
                yield RefundRequested(
                    key=request_key(self.receipt.receipt_id, f"excess {key} {asked_minor}"),
                    receipt_id=self.receipt.receipt_id,
                    charge_key=key,
                    amount_minor=takes_minor,
                    currency=self.receipt.currency,
                    reason=EXCESS,
                    requested_ns=now_ns,
                )


def request_key(receipt_id: str, what: str) -> str:
    """The same for the same charge, another for every other one, 35 characters of what every processor takes."""
    return "oa-" + hashlib.sha256(f"{receipt_id}\0{what}".encode()).hexdigest()[:32]
