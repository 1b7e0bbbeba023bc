"""Questions for people: what shoppers dispute and what the path itself doubts, and how each is decided.

In the shopper's favour means money back. Where what speaks for a disputed line is weak, nobody is asked: it is given
back at once. Above a limit two people must agree before money goes out. Every decision is made once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, or_, select

from openaisle.central.database import Database
from openaisle.central.receipts import KeptReceipt
from openaisle.central.tables import CaseRow, ReceiptRow, VisitRow
from openaisle.core.errors import InputError
from openaisle.core.messages import ReceiptLine, ReviewOpened
from openaisle.core.units import NS_PER_S

DISPUTE: Final = "dispute"
REVIEW: Final = "review"
OPEN, SECONDED, ACCEPTED, DECLINED = "open", "seconded", "accepted", "declined"
AUTOMATIC: Final = "automatic"  # decided_by, where nobody was asked
AUTOMATIC_WITHIN_NS: Final = 30 * 24 * 3_600 * NS_PER_S
NOTE_MAX: Final = 500
MISSING_MAX: Final = 120


@dataclass(frozen=True, kw_only=True)
class CaseSettings:
    """Where people are asked."""

    sure_probability_min: float = 0.97  # evidence below this is no argument against a shopper
    automatic_minor_max: int = 2_000  # the most that is given back without a person, a dispute
    automatic_count_max: int = 5  # so many times an account within AUTOMATIC_WITHIN_NS
    two_people_minor: int = 5_000  # from here on two people must agree


@dataclass(frozen=True, kw_only=True)
class Case:
    case_id: str
    kind: str
    visit_id: str
    receipt_id: str
    interaction_id: str
    product_id: str
    quantity: int
    reason: str
    missing: str
    note: str
    amount_minor: int
    state: str
    opened_ns: int
    decided_ns: int
    decided_by: str
    seconded_by: str


class Cases:
    """The queue. May be used from any thread."""

    def __init__(self, database: Database, settings: CaseSettings | None = None) -> None:
        self._database = database
        self.settings = settings or CaseSettings()

    def dispute(
        self,
        kept: KeptReceipt,
        *,
        product_id: str,
        quantity: int,
        missing: str,
        note: str,
        now_ns: int,
    ) -> tuple[Case, bool]:
        """What a shopper says is wrong: a line (some or all of its units), or goods that are missing from it.

        The case, and whether it is news: asking the same again is the same dispute. InputError for a line that is not
        there or more units than it has.
        """
        receipt = kept.receipt
        if bool(product_id) == bool(missing.strip()):
            raise InputError(
                "one of both", field="product_id, missing", expected="a line, or what is missing"
            )
        if len(note) > NOTE_MAX or len(missing) > MISSING_MAX:
            raise InputError(
                "too long", field="note, missing", expected=f"{NOTE_MAX}, {MISSING_MAX} characters"
            )
        amount_minor, weak_units = 0, 0
        if product_id:
            lines = [line for line in receipt.lines if line.product_id == product_id]
            if not lines:
                raise InputError("is not on this receipt", field="product_id", found=product_id)
            most = sum(line.quantity for line in lines)
            if not 1 <= quantity <= most:
                raise InputError("wrong value", field="quantity", expected=f"1 to {most}", found=quantity)
            amount_minor = _amount_minor(lines, quantity, receipt.prices_include_tax)
            weak_units = sum(kept.weak_units(line, self.settings.sure_probability_min) for line in lines)
        is_weak = bool(product_id) and quantity <= weak_units
        is_automatic = (
            is_weak
            and amount_minor <= self.settings.automatic_minor_max
            and self._automatic_count(kept.account_id, now_ns) < self.settings.automatic_count_max
        )
        row = CaseRow(
            case_id=f"{receipt.visit_id}/dispute/{product_id or missing.strip().lower()}"[:80],
            kind=DISPUTE,
            visit_id=receipt.visit_id,
            receipt_id=receipt.receipt_id,
            interaction_id="",
            product_id=product_id,
            quantity=quantity if product_id else 0,
            reason="not_taken" if product_id else "missing",
            missing=missing.strip(),
            note=note.strip(),
            amount_minor=amount_minor,
            state=ACCEPTED if is_automatic else OPEN,
            opened_ns=now_ns,
            decided_ns=now_ns if is_automatic else 0,
            decided_by=AUTOMATIC if is_automatic else "",
            seconded_by="",
        )
        return self._keep(row)

    def review(self, opened: ReviewOpened, evidence: dict[str, Any]) -> tuple[Case, bool]:
        """What the path doubts, and whether that is news. Its receipt may still be to come."""
        return self._keep(
            CaseRow(
                case_id=opened.review_id[:80],
                kind=REVIEW,
                visit_id=opened.visit_id or "",
                receipt_id="",
                interaction_id=opened.interaction_id,
                product_id=evidence.get("product_id") or "",
                quantity=evidence.get("quantity", 0),
                reason=opened.reason,
                missing="",
                note="",
                amount_minor=0,
                state=OPEN,
                opened_ns=opened.opened_ns,
                decided_ns=0,
                decided_by="",
                seconded_by="",
            )
        )

    def attach(self, kept: KeptReceipt) -> None:
        """A receipt has come: reviews of its visit know now what is at stake."""
        receipt = kept.receipt
        with self._database.session() as session:
            rows = session.scalars(
                select(CaseRow).where(CaseRow.visit_id == receipt.visit_id, CaseRow.receipt_id == "")
            ).all()
            for row in rows:
                row.receipt_id = receipt.receipt_id
                lines = [line for line in receipt.lines if line.product_id == row.product_id]
                if lines:
                    row.quantity = min(max(row.quantity, 1), sum(line.quantity for line in lines))
                    row.amount_minor = _amount_minor(lines, row.quantity, receipt.prices_include_tax)

    def decide(self, case_id: str, *, accept: bool, by: str, now_ns: int) -> tuple[Case, bool]:
        """One person's word. The case as it stands then, and whether this word has decided it.

        Accepting above the limit needs a second person. InputError for the same person twice.
        """
        with self._database.session() as session:
            row = session.get(CaseRow, case_id)
            if row is None:
                raise InputError("no such case", field="case_id", found=case_id)
            if row.state not in (OPEN, SECONDED):
                return _case(row), False
            if accept and row.amount_minor >= self.settings.two_people_minor:
                if row.state == OPEN:
                    row.state, row.seconded_by = SECONDED, by
                    return _case(row), False
                if row.seconded_by == by:
                    raise InputError("a second person must agree", field="case_id", found=case_id)
            row.state = ACCEPTED if accept else DECLINED
            row.decided_by, row.decided_ns = by, now_ns
            return _case(row), True

    def get(self, case_id: str) -> Case | None:
        with self._database.reading() as session:
            row = session.get(CaseRow, case_id)
        return _case(row) if row else None

    def open_cases(self, count_max: int = 100) -> list[Case]:
        """Those that wait for somebody, oldest first."""
        with self._database.reading() as session:
            rows = session.scalars(
                select(CaseRow)
                .where(or_(CaseRow.state == OPEN, CaseRow.state == SECONDED))
                .order_by(CaseRow.opened_ns, CaseRow.case_id)
                .limit(count_max)
            ).all()
        return [_case(row) for row in rows]

    def of_receipt(self, receipt_id: str) -> list[Case]:
        with self._database.reading() as session:
            rows = session.scalars(
                select(CaseRow)
                .where(CaseRow.receipt_id == receipt_id)
                .order_by(CaseRow.opened_ns, CaseRow.case_id)
            ).all()
        return [_case(row) for row in rows]

    def rates(self) -> dict[str, float | int]:
        """How much is asked of people: cases for each 1,000 receipts, and how they came out."""
        with self._database.reading() as session:
            receipts = session.scalar(select(func.count()).select_from(ReceiptRow)) or 0
            rows = session.execute(
                select(CaseRow.kind, CaseRow.state, CaseRow.decided_by == AUTOMATIC, func.count()).group_by(
                    CaseRow.kind, CaseRow.state, CaseRow.decided_by == AUTOMATIC
                )
            ).all()
        total = {kind: sum(n for at, _, _, n in rows if at == kind) for kind in (REVIEW, DISPUTE)}
        return {
            "receipts": receipts,
            "reviews": total[REVIEW],
            "disputes": total[DISPUTE],
            "open": sum(n for _, state, _, n in rows if state in (OPEN, SECONDED)),
            "accepted": sum(n for _, state, _, n in rows if state == ACCEPTED),
            "automatic": sum(n for _, _, automatic, n in rows if automatic),
            "reviews_per_1000": round(1000 * total[REVIEW] / receipts, 1) if receipts else 0.0,
            "disputes_per_1000": round(1000 * total[DISPUTE] / receipts, 1) if receipts else 0.0,
        }

    def _automatic_count(self, account_id: str | None, now_ns: int) -> int:
        """How often an account got its money back without a person lately; 0 for somebody without one."""
        if account_id is None:
            return 0
        with self._database.reading() as session:
            count = session.scalar(
                select(func.count())
                .select_from(CaseRow)
                .join(VisitRow, VisitRow.visit_id == CaseRow.visit_id)
                .where(
                    VisitRow.account_id == account_id,
                    CaseRow.decided_by == AUTOMATIC,
                    CaseRow.opened_ns > now_ns - AUTOMATIC_WITHIN_NS,
                )
            )
        return count or 0

    def _keep(self, row: CaseRow) -> tuple[Case, bool]:
        with self._database.session() as session:
            known = session.get(CaseRow, row.case_id)
            if known is None:
                session.add(row)
        return _case(known or row), known is None


# --- leaves -------------------------------------------------------------------------------------------------------


def _amount_minor(lines: list[ReceiptLine], quantity: int, prices_include_tax: bool) -> int:
    """What so many units of these lines cost, dearest first: a doubt is in the shopper's favour."""
    each: list[int] = []
    for line in lines:
        whole = line.total_minor if prices_include_tax else line.total_minor + line.tax_minor
        share, rest = divmod(whole, line.quantity)
        each += [share + 1] * rest + [share] * (line.quantity - rest)
    return sum(sorted(each, reverse=True)[:quantity])


def _case(row: CaseRow) -> Case:
    return Case(**{name: getattr(row, name) for name in Case.__dataclass_fields__})
