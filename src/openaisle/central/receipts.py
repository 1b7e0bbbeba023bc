"""Receipts as people meet them: numbered, with the evidence of each line, and what became of their charge.

A projection: the receipt itself is in the ledger; here it gets its number, its evidence in plain values and its state.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select

from openaisle.carts.scanned import SCAN, STAFF
from openaisle.central.database import Database
from openaisle.central.entry import TOKEN, look_up_text
from openaisle.central.tables import MethodRow, ReceiptRow, VisitRow
from openaisle.core.messages import (
    Interaction,
    PaymentChanged,
    Receipt,
    ReceiptLine,
    SlotId,
    VisitId,
    decode_json,
    encode_json,
)

INTERACTIONS_MAX: Final = 20_000
"""Interactions of carts that have no receipt yet; older ones make way, and their lines say less."""


@dataclass(frozen=True, kw_only=True)
class KeptReceipt:
    """A receipt and what became of it."""

    receipt: Receipt
    number: int
    state: str  # see PaymentState
    refunded_minor: int
    owed_minor: int  # not paid and not waived
    reason: str
    account_id: str | None
    evidence: Mapping[str, dict[str, Any]]  # by interaction id

    def weakest(self, line: ReceiptLine) -> float:
        """Probability of the least certain thing that says this line is right; 0 where nothing is known."""
        known = [self.evidence[one]["probability"] for one in line.evidence if one in self.evidence]
        return min(known, default=0.0)

    def weak_units(self, line: ReceiptLine, sure_probability_min: float) -> int:
        """How many units of a line less than that speaks for; all of them where nothing is known any more."""
        sure = sum(
            self.evidence[one]["quantity"]
            for one in line.evidence
            if one in self.evidence and self.evidence[one]["probability"] >= sure_probability_min
        )
        return max(0, line.quantity - sure)


class ReceiptBook:
    """All receipts of one shop. May be used from any thread; `accept` from one only."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._interactions: OrderedDict[str, Interaction] = OrderedDict()

    def hear(self, interaction: Interaction) -> None:
        """Keep what may become the evidence of a line."""
        self._interactions.pop(interaction.interaction_id, None)
        self._interactions[interaction.interaction_id] = interaction
        while len(self._interactions) > INTERACTIONS_MAX:
            self._interactions.popitem(last=False)

    def interaction(self, interaction_id: str) -> dict[str, Any]:
        """What is known of an interaction now, in plain values; empty if nothing is."""
        known = self._interactions.get(interaction_id)
        return evidence_of(known) if known else {}

    def accept(self, receipt: Receipt, state: str) -> bool:
        """Number and keep a receipt; False if it is kept already."""
        wanted = {one for line in receipt.lines for one in line.evidence}
        evidence = {one: self.interaction(one) for one in sorted(wanted) if one in self._interactions}
        with self._database.session() as session:
            if session.get(ReceiptRow, receipt.receipt_id) is not None:
                return False
            visit = session.get(VisitRow, receipt.visit_id)
            session.add(
                ReceiptRow(
                    receipt_id=receipt.receipt_id,
                    number=(session.scalar(select(func.max(ReceiptRow.number))) or 0) + 1,
                    visit_id=receipt.visit_id,
                    issued_ns=receipt.issued_ns,
                    total_minor=receipt.total_minor,
                    body=encode_json(receipt),
                    evidence=json.dumps(evidence).encode(),
                    state=state,
                    owed_minor=receipt.total_minor,
                    look_up=_look_up_of(session, visit) if visit else "",
                )
            )
        return True

    def settle(self, changed: PaymentChanged) -> None:
        """What the charge has come to. Refunds only grow."""
        with self._database.session() as session:
            row = session.get(ReceiptRow, changed.receipt_id)
            if row is not None:
                row.state, row.reason = changed.state.value, changed.reason[:80]
                row.refunded_minor = max(row.refunded_minor, changed.refunded_minor)
                row.owed_minor = max(0, changed.amount_minor - changed.waived_minor - changed.paid_minor)

    def get(self, receipt_id: str) -> KeptReceipt | None:
        with self._database.reading() as session:
            found = session.execute(_KEPT.where(ReceiptRow.receipt_id == receipt_id)).first()
        return _kept(*found) if found else None

    def of_visit(self, visit_id: VisitId) -> KeptReceipt | None:
        with self._database.reading() as session:
            found = session.execute(_KEPT.where(ReceiptRow.visit_id == visit_id)).first()
        return _kept(*found) if found else None

    def of_account(self, account_id: str, count_max: int = 50) -> list[KeptReceipt]:
        """Newest first."""
        with self._database.reading() as session:
            found = session.execute(
                _KEPT.where(VisitRow.account_id == account_id)
                .order_by(ReceiptRow.number.desc())
                .limit(count_max)
            ).all()
        return [_kept(*row) for row in found]

    def newest(self, count_max: int, before_number: int | None = None) -> list[KeptReceipt]:
        query = _KEPT.order_by(ReceiptRow.number.desc()).limit(count_max)
        if before_number is not None:
            query = query.where(ReceiptRow.number < before_number)
        with self._database.reading() as session:
            return [_kept(*row) for row in session.execute(query).all()]

    def not_paid(self, count_max: int = 50) -> list[KeptReceipt]:
        """Whose shoppers pay on the way out, or owe; oldest first."""
        query = _KEPT.where(ReceiptRow.state.in_(("draft", "unpaid")), ReceiptRow.total_minor > 0)
        with self._database.reading() as session:
            return [
                _kept(*row) for row in session.execute(query.order_by(ReceiptRow.number).limit(count_max))
            ]

    def look_up(self, last4: str, expires: str, from_ns: int, to_ns: int) -> list[KeptReceipt]:
        """Receipts of a day for somebody without an account: by their card's last four digits and its expiry."""
        with self._database.reading() as session:
            found = session.execute(
                _KEPT.where(
                    ReceiptRow.look_up == look_up_text(last4, expires),
                    ReceiptRow.issued_ns >= from_ns,
                    ReceiptRow.issued_ns < to_ns,
                ).order_by(ReceiptRow.number)
            ).all()
        return [_kept(*row) for row in found]

    def by_number(self, number: int, total_minor: int, from_ns: int, to_ns: int) -> list[KeptReceipt]:
        """The receipt of a day for somebody who has its number and knows what was paid."""
        with self._database.reading() as session:
            found = session.execute(
                _KEPT.where(
                    ReceiptRow.number == number,
                    ReceiptRow.total_minor == total_minor,
                    ReceiptRow.issued_ns >= from_ns,
                    ReceiptRow.issued_ns < to_ns,
                )
            ).all()
        return [_kept(*row) for row in found]

    def count(self) -> int:
        with self._database.reading() as session:
            return session.scalar(select(func.count()).select_from(ReceiptRow)) or 0


def _source_of(interaction_id: str) -> str:
    """Who told of it: a shelf, a shopper who scanned it, or staff."""
    return next((said.rstrip("-") for said in (SCAN, STAFF) if interaction_id.startswith(said)), "shelf")


def evidence_of(interaction: Interaction) -> dict[str, Any]:
    """An interaction in plain values, for a page and for whoever decides a dispute."""
    place: SlotId = interaction.slot_id or interaction.shelf_id
    return {
        "interaction_id": interaction.interaction_id,
        "source": _source_of(interaction.interaction_id),
        "kind": interaction.kind.value,
        "place": place,
        "product_id": interaction.product_id,
        "quantity": interaction.quantity,
        "happened_ns": interaction.happened_ns,
        "mass_change_g": round(interaction.mass_change_g, 1),
        "probability": round(interaction.probability, 4),
        "is_withdrawn": interaction.withdrawn,
        "alternatives": [
            {
                "product_id": one.product_id,
                "quantity": one.quantity,
                "is_this_visit": one.visit_id == interaction.visit_id,
                "probability": round(one.probability, 4),
            }
            for one in interaction.alternatives
        ],
    }


# --- leaves -------------------------------------------------------------------------------------------------------

_KEPT: Final = select(ReceiptRow, VisitRow.account_id).outerjoin(
    VisitRow, VisitRow.visit_id == ReceiptRow.visit_id
)


def _kept(row: ReceiptRow, account_id: str | None) -> KeptReceipt:
    receipt = decode_json(row.body)
    assert isinstance(receipt, Receipt)
    return KeptReceipt(
        receipt=receipt,
        number=row.number,
        state=row.state,
        refunded_minor=row.refunded_minor,
        owed_minor=row.owed_minor,
        reason=row.reason,
        account_id=account_id,
        evidence=json.loads(row.evidence),
    )


def _look_up_of(session: Any, visit: VisitRow) -> str:
    if visit.look_up:
        return visit.look_up
    method = visit.method.removeprefix(TOKEN)
    found: Sequence[MethodRow] = session.scalars(select(MethodRow).where(MethodRow.token == method)).all()
    return look_up_text(found[0].last4, found[0].expires) if found else ""
