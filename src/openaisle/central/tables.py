"""The tables of the service's database. Every column says what it holds of whom, why, and for how long.

`kept`: `account` until the account is erased, `tax` as long as tax law asks (without the person where it can be),
`session` until it expires, `days30` thirty days, `reasons` as many days as edge.toml says (`reasons_days`), `shop` as
long as the shop uses it.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

from sqlalchemy import BigInteger, ForeignKey, Index, MetaData, String, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

CATEGORIES: Final = ("identity", "contact", "secret", "payment", "purchase", "movement", "note", "record")
"""`record` says nothing about a person who shops."""
PURPOSES: Final = ("account", "entry", "billing", "dispute", "tax", "operation")
KEPT: Final = ("account", "tax", "session", "days30", "reasons", "shop")


def tagged(category: str, purpose: str, kept: str, *arguments: Any, **options: Any) -> Any:
    """A column with its data tag."""
    assert category in CATEGORIES
    assert purpose in PURPOSES
    assert kept in KEPT
    info = {"category": category, "purpose": purpose, "kept": kept}
    return mapped_column(*arguments, info=info, **options)


class Table(DeclarativeBase):
    type_annotation_map: ClassVar = {int: BigInteger}  # nanoseconds and minor units need 64 bits everywhere
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class AccountRow(Table):
    """Somebody who shops or works here."""

    __tablename__ = "accounts"

    account_id: Mapped[str] = tagged("identity", "account", "account", String(24), primary_key=True)
    email: Mapped[str] = tagged("contact", "account", "account", String(254), unique=True)
    name: Mapped[str] = tagged("identity", "account", "account", String(80))
    role: Mapped[str] = tagged("record", "account", "account", String(12))
    passphrase_hash: Mapped[bytes] = tagged("secret", "account", "account")
    is_blocked: Mapped[bool] = tagged("record", "entry", "account", default=False)
    created_ns: Mapped[int] = tagged("record", "account", "account")
    # "": no receipts by mail; else the language they are written in.
    mail_language: Mapped[str] = tagged("contact", "billing", "account", String(2), default="")
    badge_hash: Mapped[str | None] = tagged(
        "identity", "entry", "account", String(64), index=True, unique=True
    )


class MembershipRow(Table):
    """An account's membership of a loyalty programme, as promotions name it."""

    __tablename__ = "memberships"

    account_id: Mapped[str] = tagged(
        "identity",
        "account",
        "account",
        ForeignKey("accounts.account_id", ondelete="CASCADE"),
        primary_key=True,
    )
    programme: Mapped[str] = tagged("record", "account", "account", String(64), primary_key=True)


class MethodRow(Table):
    """A way to pay: a processor's token, never a card number."""

    __tablename__ = "methods"

    method_id: Mapped[str] = tagged("payment", "billing", "account", String(24), primary_key=True)
    account_id: Mapped[str] = tagged(
        "identity", "billing", "account", ForeignKey("accounts.account_id", ondelete="CASCADE"), index=True
    )
    processor: Mapped[str] = tagged("payment", "billing", "account", String(16))
    token: Mapped[str] = tagged("payment", "billing", "account", String(120))
    brand: Mapped[str] = tagged("payment", "billing", "account", String(24))
    last4: Mapped[str] = tagged("payment", "billing", "account", String(4))
    expires: Mapped[str] = tagged("payment", "billing", "account", String(7))  # YYYY-MM, "" = never
    created_ns: Mapped[int] = tagged("record", "billing", "account")


class SessionRow(Table):
    """A signed-in browser, a one-time link or another system's key, by the hash of its secret."""

    __tablename__ = "sessions"

    secret_hash: Mapped[bytes] = tagged("secret", "account", "session", primary_key=True)
    account_id: Mapped[str] = tagged(
        "identity", "account", "session", ForeignKey("accounts.account_id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[str] = tagged("record", "account", "session", String(8))  # browser | link | api
    expires_ns: Mapped[int] = tagged("record", "account", "session")


class VisitRow(Table):
    """A visit that a code was issued for."""

    __tablename__ = "visits"

    visit_id: Mapped[str] = tagged("record", "entry", "tax", String(24), primary_key=True)
    account_id: Mapped[str | None] = tagged(
        "identity", "billing", "account", ForeignKey("accounts.account_id", ondelete="SET NULL"), index=True
    )
    # token:..., voucher:..., hold:... (a card tapped at the gate), exit
    method: Mapped[str] = tagged("payment", "billing", "account", String(140))
    people_count: Mapped[int] = tagged("purchase", "entry", "tax", default=1)
    is_staff: Mapped[bool] = tagged("record", "entry", "tax", default=False)
    issued_ns: Mapped[int] = tagged("record", "entry", "tax")
    opened_ns: Mapped[int] = tagged("purchase", "entry", "tax", default=0)
    closed_ns: Mapped[int] = tagged("purchase", "entry", "tax", default=0)
    look_up: Mapped[str] = tagged("payment", "billing", "tax", String(16), default="", server_default="")


class ReceiptRow(Table):
    """A receipt as the ledger gave it, and what became of its charge since."""

    __tablename__ = "receipts"

    receipt_id: Mapped[str] = tagged("record", "tax", "tax", String(64), primary_key=True)
    number: Mapped[int] = tagged("record", "tax", "tax", unique=True)  # of this shop, without gaps
    visit_id: Mapped[str] = tagged("record", "billing", "tax", String(24), index=True)
    issued_ns: Mapped[int] = tagged("purchase", "tax", "tax")
    total_minor: Mapped[int] = tagged("purchase", "tax", "tax")
    body: Mapped[bytes] = tagged("purchase", "tax", "tax")  # the Receipt message as JSON
    evidence: Mapped[bytes] = tagged("purchase", "dispute", "days30")  # JSON, by interaction id
    state: Mapped[str] = tagged("record", "billing", "tax", String(12))
    refunded_minor: Mapped[int] = tagged("purchase", "billing", "tax", default=0)
    owed_minor: Mapped[int] = tagged("purchase", "billing", "tax", default=0, server_default="0")
    reason: Mapped[str] = tagged("record", "billing", "tax", String(80), default="")
    look_up: Mapped[str] = tagged("payment", "billing", "tax", String(16), default="")  # last4 YYYY-MM


class CaseRow(Table):
    """One question for a person about a receipt: a shopper's dispute or a review the path asked for."""

    __tablename__ = "cases"
    __table_args__ = (
        # Asked on every start and by every dashboard: what is still open.
        Index("ix_cases_open", "opened_ns", sqlite_where=text("state IN ('open', 'seconded')")),
    )

    case_id: Mapped[str] = tagged("record", "dispute", "tax", String(80), primary_key=True)
    kind: Mapped[str] = tagged("record", "dispute", "tax", String(8))  # dispute | review
    visit_id: Mapped[str] = tagged("record", "dispute", "tax", String(24), index=True)
    receipt_id: Mapped[str] = tagged("record", "dispute", "tax", String(64), index=True)
    interaction_id: Mapped[str] = tagged("record", "dispute", "tax", String(64))
    product_id: Mapped[str] = tagged("purchase", "dispute", "tax", String(40))
    quantity: Mapped[int] = tagged("purchase", "dispute", "tax")
    reason: Mapped[str] = tagged("record", "dispute", "tax", String(32))
    missing: Mapped[str] = tagged("note", "dispute", "days30", String(120))
    note: Mapped[str] = tagged("note", "dispute", "days30", String(500))
    amount_minor: Mapped[int] = tagged("purchase", "dispute", "tax")  # at stake
    state: Mapped[str] = tagged("record", "dispute", "tax", String(10))
    opened_ns: Mapped[int] = tagged("record", "dispute", "tax")
    decided_ns: Mapped[int] = tagged("record", "dispute", "tax", default=0)
    decided_by: Mapped[str] = tagged("record", "dispute", "tax", String(24), default="")
    seconded_by: Mapped[str] = tagged("record", "dispute", "tax", String(24), default="")


class EndpointRow(Table):
    """Where another system wants to hear of events."""

    __tablename__ = "endpoints"

    endpoint_id: Mapped[str] = tagged("record", "operation", "shop", String(24), primary_key=True)
    url: Mapped[str] = tagged("record", "operation", "shop", String(500))
    secret: Mapped[str] = tagged("secret", "operation", "shop", String(64))
    created_ns: Mapped[int] = tagged("record", "operation", "shop")
    is_active: Mapped[bool] = tagged("record", "operation", "shop", default=True)


class DeliveryRow(Table):
    """One event on its way to one endpoint."""

    __tablename__ = "deliveries"
    __table_args__ = (Index("ix_deliveries_due", "due_ns", sqlite_where=text("state = 'waiting'")),)

    delivery_id: Mapped[str] = tagged("record", "operation", "days30", String(100), primary_key=True)
    endpoint_id: Mapped[str] = tagged(
        "record", "operation", "days30", ForeignKey("endpoints.endpoint_id", ondelete="CASCADE")
    )
    kind: Mapped[str] = tagged("record", "operation", "days30", String(32))
    body: Mapped[bytes] = tagged("purchase", "operation", "days30")
    made_ns: Mapped[int] = tagged("record", "operation", "days30")
    due_ns: Mapped[int] = tagged("record", "operation", "days30")
    attempts: Mapped[int] = tagged("record", "operation", "days30", default=0)
    state: Mapped[str] = tagged("record", "operation", "days30", String(10), default="waiting")
    said: Mapped[str] = tagged("record", "operation", "days30", String(200), default="")


class LetterRow(Table):
    """A receipt's letter to somebody who wants receipts by mail."""

    __tablename__ = "letters"

    receipt_id: Mapped[str] = tagged("purchase", "billing", "days30", String(100), primary_key=True)
    account_id: Mapped[str] = tagged(
        "identity", "billing", "days30", ForeignKey("accounts.account_id", ondelete="CASCADE"), index=True
    )
    made_ns: Mapped[int] = tagged("record", "billing", "days30")
    due_ns: Mapped[int] = tagged("record", "billing", "days30")
    attempts: Mapped[int] = tagged("record", "billing", "days30", default=0)
    state: Mapped[str] = tagged("record", "billing", "days30", String(10), default="waiting")
    said: Mapped[str] = tagged("record", "billing", "days30", String(200), default="")


class ReasonRow(Table):
    """What a decision rested on: seconds of plates and skeletons, as `replay.clips` has them, compressed."""

    __tablename__ = "reasons"
    __table_args__ = (Index("ix_reasons_made", "made_ns"),)

    interaction_id: Mapped[str] = tagged("record", "dispute", "reasons", String(120), primary_key=True)
    step_id: Mapped[str] = tagged("record", "dispute", "reasons", String(120), primary_key=True)
    visit_id: Mapped[str] = tagged("identity", "dispute", "reasons", String(64), index=True)
    made_ns: Mapped[int] = tagged("record", "dispute", "reasons")
    clip: Mapped[bytes] = tagged("movement", "dispute", "reasons")


class MarkRow(Table):
    """How far a source was heard, and the hash of the entry there: another source with the same numbers is noticed."""

    __tablename__ = "marks"

    source: Mapped[str] = tagged("record", "operation", "shop", String(16), primary_key=True)
    sequence: Mapped[int] = tagged("record", "operation", "shop")
    hash: Mapped[bytes] = tagged("record", "operation", "shop")


class VoucherRow(Table):
    """Cash that was paid in beforehand at the counter."""

    __tablename__ = "vouchers"

    voucher_id: Mapped[str] = tagged("payment", "billing", "tax", String(24), primary_key=True)
    paid_minor: Mapped[int] = tagged("payment", "billing", "tax")
    spent_minor: Mapped[int] = tagged("payment", "billing", "tax", default=0)
    sold_ns: Mapped[int] = tagged("record", "billing", "tax")
    sold_by: Mapped[str] = tagged("record", "billing", "tax", String(24))
