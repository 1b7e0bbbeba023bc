"""Who gets a code, for which visit, and why not: the counter in front of the gate.

A phone asks again and again; it gets fresh codes of one visit until that visit is opened. `Standing` is the gate's own
look at the same questions, read-only and without a network: what changed within the life of a code still counts.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import select

from openaisle.adapters.entry_codes import PEOPLE_MAX, VALIDITY_MS_MAX, CodeIssuer
from openaisle.central.accounts import STAFF, Account, Accounts, hash_of_badge, is_expired
from openaisle.central.database import BUSY_MS, Database
from openaisle.central.tables import AccountRow, ReceiptRow, VisitRow
from openaisle.central.vouchers import METHOD, Vouchers, plan_id
from openaisle.core.errors import EntryRefused, InputError
from openaisle.core.messages import CardHeld, PayerBound, PaymentMethod, VisitClosed, VisitId, VisitOpened
from openaisle.core.units import NS_PER_MS, NS_PER_S

REUSED_NS: Final = 30 * 60 * NS_PER_S
"""A visit that was offered and not opened for so long is another visit."""
OWNERS_MAX: Final = 5_000
EXIT: Final = "exit"
"""The method of a shopper who pays on the way out."""
REFUSALS: Final = {
    "blocked": "this account may not come in: please ask at the counter",
    "unsettled_debt": "an earlier receipt is not paid yet",
    "card_expired": "the card has expired: please add another one",
    "no_method": "please add a way to pay first",
    "store_closed": "the store is closed for entry",
}
"""Why an account gets no code, beside what is wrong with a code itself; in words for a person."""
UNPAID: Final = "unpaid"
TOKEN: Final = "token:"
"""A visit's method begins so where a card pays: the processor's token follows."""
HOLD: Final = "hold:"
"""The same where it pays out of what is held on a card that was tapped at the gate."""


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A code to show now, and the visit it opens."""

    visit_id: VisitId
    code: str
    issued_ns: int
    expires_ns: int


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A visit as the counter knows it."""

    visit_id: VisitId
    account_id: str | None
    method: str
    people_count: int
    is_staff: bool
    issued_ns: int
    opened_ns: int
    closed_ns: int


class Entry:
    """Gives codes. May be used from any thread."""

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        issuer: CodeIssuer,
        is_open: Callable[[], bool] = lambda: True,
    ) -> None:
        """`issuer` holds the key that this store's gates believe. `is_open`: whether the store lets anybody in."""
        self._database = database
        self._vouchers = Vouchers(database)
        self._accounts = accounts
        self._issuer = issuer
        self._is_open = is_open
        self._owners: OrderedDict[VisitId, str | None] = OrderedDict()

    def offer(self, account: Account, people_count: int, now_ns: int) -> Offer:
        """A fresh code for everybody who comes in on this account; EntryRefused with one of REFUSALS."""
        if not 1 <= people_count <= PEOPLE_MAX:
            raise InputError(
                "wrong value", field="people_count", expected=f"1 to {PEOPLE_MAX}", found=people_count
            )
        is_staff = account.role in STAFF
        method = self._admitted(account, is_staff=is_staff, now_ns=now_ns)
        with self._database.session() as session:
            row = session.scalar(
                select(VisitRow)
                .where(
                    VisitRow.account_id == account.account_id,
                    VisitRow.opened_ns == 0,
                    VisitRow.issued_ns > now_ns - REUSED_NS,
                )
                .order_by(VisitRow.issued_ns.desc())
            )
            if row is None:
                row = _new_visit(account.account_id, method, now_ns, is_staff=is_staff)
                session.add(row)
            row.people_count, row.method, row.issued_ns = people_count, method, now_ns
        return self._code(row, now_ns)

    def offer_without_phone(self, method: str, people_count: int, now_ns: int) -> Offer:
        """A code that the counter shows for somebody without a phone; `method` is voucher:..., token:... or exit."""
        if not self._is_open():
            raise _refused("store_closed")
        row = _new_visit(None, method, now_ns, is_staff=False)
        row.people_count = people_count
        with self._database.session() as session:
            session.add(row)
        return self._code(row, now_ns)

    def again(self, visit_id: VisitId, now_ns: int) -> Offer:
        """A fresh code of a visit that nobody has opened yet; InputError if there is none."""
        with self._database.session() as session:
            row = session.get(VisitRow, visit_id)
            if row is None or row.opened_ns or row.issued_ns <= now_ns - REUSED_NS:
                raise InputError("no visit that waits for its code", field="visit_id", found=visit_id)
            row.issued_ns = now_ns
        return self._code(row, now_ns)

    def tapped(self, held: CardHeld) -> None:
        """A card opened a visit at the gate."""
        with self._database.session() as session:
            if session.get(VisitRow, held.visit_id) is None:
                row = _new_visit(None, f"{HOLD}{held.method.token}", held.held_ns, is_staff=False)
                row.visit_id, row.look_up = held.visit_id, look_up_text(held.last4, held.expires)
                session.add(row)

    def bound(self, bound: PayerBound) -> None:
        """Who pays for a visit that no code of ours opened: a badge's account, if it is one of ours."""
        account_id, method = bound.method.payer_id, bound.method
        with self._database.session() as session:
            if session.get(VisitRow, bound.visit_id) or session.get(AccountRow, account_id) is None:
                return
            row = _new_visit(account_id, "", bound.bound_ns, is_staff=False)
            row.visit_id, row.opened_ns = bound.visit_id, bound.bound_ns
            row.method = f"{METHOD if method.kind == 'voucher' else TOKEN}{method.token}"
            session.add(row)
        self._owners.pop(bound.visit_id, None)

    def accept(self, message: VisitOpened | VisitClosed) -> None:
        """What the path says of a visit."""
        with self._database.session() as session:
            row = session.get(VisitRow, message.visit_id)
            if row is None:
                return  # Somebody whose code came from elsewhere.
            if isinstance(message, VisitOpened):
                row.opened_ns = row.opened_ns or message.opened_ns
            else:
                row.closed_ns = row.closed_ns or message.closed_ns

    def visit(self, visit_id: VisitId) -> Visit | None:
        with self._database.reading() as session:
            row = session.get(VisitRow, visit_id)
        return _visit(row) if row else None

    def owner(self, visit_id: VisitId) -> str | None:
        """The account of a visit; None where there is none. Remembered: a visit changes hands only by being erased."""
        if visit_id not in self._owners:
            visit = self.visit(visit_id)
            if visit is None:
                return None
            self._owners[visit_id] = visit.account_id
            while len(self._owners) > OWNERS_MAX:
                self._owners.popitem(last=False)
        return self._owners[visit_id]

    def visits_of(self, account_id: str, count_max: int = 50) -> list[Visit]:
        """Newest first, opened ones only."""
        with self._database.reading() as session:
            rows = session.scalars(
                select(VisitRow)
                .where(VisitRow.account_id == account_id, VisitRow.opened_ns > 0)
                .order_by(VisitRow.opened_ns.desc(), VisitRow.visit_id)
                .limit(count_max)
            ).all()
        return [_visit(row) for row in rows]

    def _code(self, row: VisitRow, now_ns: int) -> Offer:
        code = self._issuer.issue(row.visit_id, now_ns, people_count=row.people_count, is_staff=row.is_staff)
        return Offer(
            visit_id=row.visit_id,
            code=code,
            issued_ns=now_ns,
            expires_ns=now_ns + VALIDITY_MS_MAX * NS_PER_MS,
        )

    def method_of(self, account: Account, now_ns: int) -> str:
        """How this account pays, a meal plan first; EntryRefused where it cannot."""
        plan = self._vouchers.get(plan_id(account.account_id))
        cards = [(method.token, method.expires) for method in self._accounts.methods(account.account_id)]
        has_plan = plan is not None and plan.left_minor > 0
        return _way_to_pay(account.account_id, cards, now_ns, has_plan=has_plan)

    def _admitted(self, account: Account, *, is_staff: bool, now_ns: int) -> str:
        """How this account will pay; EntryRefused where it may not come in."""
        if not self._is_open():
            raise _refused("store_closed")
        if account.is_blocked:
            raise _refused("blocked")
        if is_staff:
            return "staff"
        with self._database.session() as session:
            unpaid = session.scalar(
                select(ReceiptRow.receipt_id)
                .join(VisitRow, VisitRow.visit_id == ReceiptRow.visit_id)
                .where(VisitRow.account_id == account.account_id, ReceiptRow.state == UNPAID)
                .limit(1)
            )
            if unpaid is not None:
                raise _refused("unsettled_debt")
        return self.method_of(account, now_ns)


class Standing:
    """What a gate asks of the database before it opens: read-only, milliseconds, and open where there is no answer.

    A code is at most 30 s old and was refused at the counter already if it had to be: a database that cannot be read
    keeps nobody out.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def refusal(self, visit_id: VisitId, now_ns: int) -> tuple[str, str] | None:
        """Reason and words, or None."""
        rows = self._ask(
            "SELECT a.account_id, a.is_blocked FROM visits v JOIN accounts a USING (account_id) WHERE v.visit_id = ?",
            visit_id,
        )
        if not rows:
            return None
        account_id, is_blocked = rows[0]
        if is_blocked:
            return "blocked", REFUSALS["blocked"]
        return ("unsettled_debt", REFUSALS["unsettled_debt"]) if self._owes(account_id) else None

    def badge(self, number: str) -> tuple[str, str] | None:
        """Account and role that a badge belongs to."""
        query = "SELECT account_id, role FROM accounts WHERE badge_hash = ?"
        rows = self._ask(query, hash_of_badge(number))
        return (rows[0][0], rows[0][1]) if rows else None

    def admitted(self, account_id: str, now_ns: int) -> str:
        """How an account that shows a badge will pay; EntryRefused where it may not come in."""
        rows = self._ask("SELECT is_blocked FROM accounts WHERE account_id = ?", account_id)
        if not rows or rows[0][0]:
            raise _refused("blocked")
        if self._owes(account_id):
            raise _refused("unsettled_debt")
        left = "SELECT 1 FROM vouchers WHERE voucher_id = ? AND paid_minor > spent_minor"
        newest_first = "SELECT token, expires FROM methods WHERE account_id = ? ORDER BY created_ns DESC"
        has_plan = bool(self._ask(left, plan_id(account_id)))
        cards = [(row[0], row[1]) for row in self._ask(newest_first, account_id)]
        return _way_to_pay(account_id, cards, now_ns, has_plan=has_plan)

    def _owes(self, account_id: str) -> bool:
        query = "SELECT 1 FROM receipts r JOIN visits v USING (visit_id) WHERE v.account_id = ? AND r.state = ? LIMIT 1"
        return bool(self._ask(query, account_id, UNPAID))

    def method(self, visit_id: VisitId) -> str | None:
        """How a visit is paid for; None where this database does not know it."""
        rows = self._ask("SELECT method FROM visits WHERE visit_id = ?", visit_id)
        return rows[0][0] if rows else None

    def programmes(self, visit_id: VisitId) -> frozenset[str]:
        """`openaisle.ports.Loyalty`: what a visit's shopper is a member of."""
        query = "SELECT m.programme FROM memberships m JOIN visits v USING (account_id) WHERE v.visit_id = ?"
        return frozenset(row[0] for row in self._ask(query, visit_id))

    def account(self, visit_id: VisitId) -> str | None:
        """Whose visit it is; None where nobody's, or where this database does not know it."""
        rows = self._ask("SELECT account_id FROM visits WHERE visit_id = ?", visit_id)
        return rows[0][0] if rows else None

    def _ask(self, query: str, *arguments: object) -> list[tuple]:
        try:
            database = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=BUSY_MS / 1000)
            try:
                return database.execute(query, arguments).fetchall()
            finally:
                database.close()
        except sqlite3.Error:
            return []


# --- leaves -------------------------------------------------------------------------------------------------------


def _refused(reason: str) -> EntryRefused:
    return EntryRefused(reason, REFUSALS[reason])


def _way_to_pay(account_id: str, cards: Sequence[tuple[str, str]], now_ns: int, *, has_plan: bool) -> str:
    """A meal plan first, else the newest of `cards` (token, expiry) that has not expired; EntryRefused without."""
    if has_plan:
        return f"{METHOD}{plan_id(account_id)}"
    if not cards:
        raise _refused("no_method")
    good = next((token for token, expires in cards if not is_expired(expires, now_ns)), None)
    if good is None:
        raise _refused("card_expired")
    return f"{TOKEN}{good}"


def payment_method(method: str, account_id: str | None, visit_id: VisitId = "") -> PaymentMethod | None:
    """A visit's method as the ledger has it; None for those who pay on the way out.

    Debts are the account's, else of the voucher or the visit.
    """
    if method.startswith(METHOD):
        voucher_id = method.removeprefix(METHOD)
        return PaymentMethod(kind="voucher", payer_id=account_id or voucher_id, token=voucher_id)
    if method.startswith(TOKEN):
        token = method.removeprefix(TOKEN)
        return PaymentMethod(kind="card", payer_id=account_id or visit_id, token=token)
    return None


def look_up_text(last4: str, expires: str) -> str:
    """By what somebody without an account finds a receipt."""
    return f"{last4} {expires}"


def _new_visit(account_id: str | None, method: str, now_ns: int, *, is_staff: bool) -> VisitRow:
    return VisitRow(
        visit_id=f"s-{secrets.token_hex(6)}",
        account_id=account_id,
        method=method,
        people_count=1,
        is_staff=is_staff,
        issued_ns=now_ns,
        opened_ns=0,
        closed_ns=0,
    )


def _visit(row: VisitRow) -> Visit:
    return Visit(
        visit_id=row.visit_id,
        account_id=row.account_id,
        method=row.method,
        people_count=row.people_count,
        is_staff=row.is_staff,
        issued_ns=row.issued_ns,
        opened_ns=row.opened_ns,
        closed_ns=row.closed_ns,
    )
