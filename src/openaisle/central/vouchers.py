"""Cash: paid in at the counter before a visit, spent by its receipt, and the rest paid out again."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from openaisle.central.database import Database
from openaisle.central.tables import VoucherRow
from openaisle.core.errors import InputError
from openaisle.core.messages import VoucherChanged

METHOD = "voucher:"
"""A visit's method begins so where a voucher pays."""


@dataclass(frozen=True, kw_only=True)
class Voucher:
    voucher_id: str
    paid_minor: int
    spent_minor: int

    @property
    def left_minor(self) -> int:
        return self.paid_minor - self.spent_minor


class Vouchers:
    """May be used from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sell(self, amount_minor: int, by: str, now_ns: int, voucher_id: str = "") -> Voucher:
        """Somebody has paid this much in cash. A voucher that is named is sold once."""
        _check_amount(amount_minor)
        row = VoucherRow(
            voucher_id=voucher_id or f"c{secrets.token_hex(8)}",
            paid_minor=amount_minor,
            spent_minor=0,
            sold_ns=now_ns,
            sold_by=by,
        )
        with self._database.session() as session:
            known = session.get(VoucherRow, row.voucher_id)
            if known is None:
                session.add(row)
        return _voucher(known or row)

    def get(self, voucher_id: str) -> Voucher | None:
        with self._database.session() as session:
            row = session.get(VoucherRow, voucher_id)
        return _voucher(row) if row else None

    def top_up(self, voucher_id: str, amount_minor: int, by: str, now_ns: int) -> None:
        """More was paid in for a voucher that is used again and again: an account's meal plan."""
        _check_amount(amount_minor)
        with self._database.session() as session:
            row = session.get(VoucherRow, voucher_id)
            if row is None:
                row = VoucherRow(
                    voucher_id=voucher_id, paid_minor=0, spent_minor=0, sold_ns=now_ns, sold_by=by
                )
                session.add(row)
            row.paid_minor += amount_minor

    def take_back(self, voucher_id: str, amount_minor: int) -> None:
        """A top-up did not come to pass."""
        with self._database.session() as session:
            row = session.get(VoucherRow, voucher_id)
            if row is not None:
                row.paid_minor = max(0, row.paid_minor - amount_minor)

    def accept(self, changed: VoucherChanged) -> None:
        """What the ledger says is left of it: a figure, so that hearing it twice is once."""
        if changed.left_minor < 0:
            return
        with self._database.session() as session:
            row = session.get(VoucherRow, changed.voucher_id)
            if row is not None:
                row.spent_minor = max(0, row.paid_minor - changed.left_minor)


def plan_id(account_id: str) -> str:
    """The voucher that is an account's meal plan."""
    return f"p{account_id}"


def _check_amount(amount_minor: int) -> None:
    if not 0 < amount_minor <= 1_000_000:
        raise InputError("wrong value", field="amount_minor", expected="1 to 1000000", found=amount_minor)


def _voucher(row: VoucherRow) -> Voucher:
    return Voucher(voucher_id=row.voucher_id, paid_minor=row.paid_minor, spent_minor=row.spent_minor)
