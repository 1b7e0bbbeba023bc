"""Accounts: who shops and who works here, how they sign in, and with which token they pay.

A secret (passphrase, cookie, one-time link, key of another system) is kept as a hash only. A card number is refused
wherever one could be typed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from openaisle.central.database import Database
from openaisle.central.tables import (
    AccountRow,
    CaseRow,
    MembershipRow,
    MethodRow,
    ReasonRow,
    ReceiptRow,
    SessionRow,
    VisitRow,
)
from openaisle.core.errors import InputError
from openaisle.core.units import NS_PER_S

PASSPHRASE_MIN: Final = 10
PASSPHRASE_MAX: Final = 200
BROWSER_NS: Final = 30 * 24 * 3_600 * NS_PER_S
LINK_NS: Final = 15 * 60 * NS_PER_S
API_NS: Final = 365 * 24 * 3_600 * NS_PER_S
METHODS_MAX: Final = 10
ERASED: Final = "erased"
"""The method of visits whose shopper was erased."""

_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,180}")
_CARD_NUMBER: Final = re.compile("[0-9](?:[ -]?[0-9]){12,18}")
_EXPIRES: Final = re.compile("20[0-9]{2}-(0[1-9]|1[0-2])")
_SCRYPT: Final = {"n": 2**14, "r": 8, "p": 1}
_SALT_BYTES: Final = 16


class Role(StrEnum):
    """What somebody may do. A manager may do what a reviewer may, a reviewer what staff may."""

    SHOPPER = "shopper"
    STAFF = "staff"
    REVIEWER = "reviewer"
    MANAGER = "manager"
    MACHINE = "machine"  # another system, by its key


STAFF: Final = frozenset({Role.STAFF, Role.REVIEWER, Role.MANAGER})
"""Who works here, and is never billed."""


@dataclass(frozen=True, kw_only=True)
class Account:
    account_id: str
    email: str
    name: str
    role: Role
    is_blocked: bool
    mail_language: str  # "": no receipts by mail


def is_expired(expires: str, now_ns: int) -> bool:
    """Whether a card that expires so (YYYY-MM, "": never) has expired."""
    return bool(expires) and f"{datetime.fromtimestamp(now_ns // NS_PER_S, UTC):%Y-%m}" > expires


@dataclass(frozen=True, kw_only=True)
class Method:
    """A way to pay, as its owner sees it."""

    method_id: str
    processor: str
    token: str
    brand: str
    last4: str
    expires: str  # YYYY-MM; "" = never

    def is_expired(self, now_ns: int) -> bool:
        return is_expired(self.expires, now_ns)


class Accounts:
    """Whoever is known here. May be used from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sign_up(
        self, email: str, name: str, passphrase: str, now_ns: int, role: Role = Role.SHOPPER
    ) -> Account:
        """A new account; InputError where a field is wrong or the address has one already."""
        email, name = email.strip().lower(), name.strip()
        if not _EMAIL.fullmatch(email):
            raise InputError("no e-mail address", field="email", expected="name@example.org")
        if not 1 <= len(name) <= 80:
            raise InputError("wrong length", field="name", expected="1 to 80 characters")
        if not PASSPHRASE_MIN <= len(passphrase) <= PASSPHRASE_MAX:
            raise InputError(
                "wrong length",
                field="passphrase",
                expected=f"{PASSPHRASE_MIN} to {PASSPHRASE_MAX} characters",
            )
        row = AccountRow(
            account_id=f"a{secrets.token_hex(8)}",
            email=email,
            name=name,
            role=role,
            passphrase_hash=_hash_of_passphrase(passphrase, secrets.token_bytes(_SALT_BYTES)),
            created_ns=now_ns,
            is_blocked=False,
            mail_language="",
        )
        try:
            with self._database.session() as session:
                session.add(row)
        except IntegrityError:
            raise InputError("this address has an account", field="email", expected="another one") from None
        return _account(row)

    def sign_in(self, email: str, passphrase: str) -> Account | None:
        """The account; None if there is none or the passphrase is wrong, which take the same time."""
        with self._database.reading() as session:
            row = session.scalar(select(AccountRow).where(AccountRow.email == email.strip().lower()))
        stored = row.passphrase_hash if row else bytes(_SALT_BYTES + 32)
        offered = _hash_of_passphrase(passphrase[:PASSPHRASE_MAX], stored[:_SALT_BYTES])
        return _account(row) if row and hmac.compare_digest(offered, stored) else None

    def find(self, email: str) -> Account | None:
        with self._database.reading() as session:
            row = session.scalar(select(AccountRow).where(AccountRow.email == email.strip().lower()))
        return _account(row) if row else None

    def get(self, account_id: str) -> Account | None:
        with self._database.reading() as session:
            row = session.get(AccountRow, account_id)
        return _account(row) if row else None

    def block(self, account_id: str, *, is_blocked: bool) -> None:
        """Let somebody in no more, or again."""
        with self._database.session() as session:
            row = session.get(AccountRow, account_id)
            if row is None:
                raise InputError("no such account", field="account_id", found=account_id)
            row.is_blocked = is_blocked

    def set_mail(self, account_id: str, language: str) -> None:
        """Send receipts by mail, written in this language; "" sends none."""
        with self._database.session() as session:
            row = session.get(AccountRow, account_id)
            if row is not None:
                row.mail_language = language

    def set_badge(self, account_id: str, number: str) -> None:
        """From now on this badge lets the account in; "" takes it away. Its number is kept as a hash."""
        if number and not 4 <= len(number) <= 64:
            raise InputError(
                "no badge", field="number", expected="4 to 64 characters, as its reader types them"
            )
        try:
            with self._database.session() as session:
                row = session.get(AccountRow, account_id)
                if row is None:
                    raise InputError("no such account", field="account_id", found=account_id)
                row.badge_hash = hash_of_badge(number) if number else None
        except IntegrityError:
            raise InputError("this badge has an account", field="number", expected="another one") from None

    def erase(self, account_id: str) -> None:
        """Forget a person: account, ways to pay, sessions, what they wrote, how they moved. Receipts stay, unnamed."""
        with self._database.session() as session:
            visits = select(VisitRow.visit_id).where(VisitRow.account_id == account_id).scalar_subquery()
            session.execute(update(CaseRow).where(CaseRow.visit_id.in_(visits)).values(note="", missing=""))
            session.execute(update(ReceiptRow).where(ReceiptRow.visit_id.in_(visits)).values(look_up=""))
            session.execute(delete(ReasonRow).where(ReasonRow.visit_id.in_(visits)))
            session.execute(update(VisitRow).where(VisitRow.account_id == account_id).values(method=ERASED))
            session.execute(delete(AccountRow).where(AccountRow.account_id == account_id))
        self._database.scrub()

    # --- secrets --------------------------------------------------------------------------------------------------

    def open_session(self, account_id: str, kind: str, now_ns: int) -> str:
        """A new secret that stands for an account: of a browser, of a one-time link, or of another system."""
        secret = secrets.token_urlsafe(32)
        lasts_ns = {"browser": BROWSER_NS, "link": LINK_NS, "api": API_NS}[kind]
        with self._database.session() as session:
            session.execute(delete(SessionRow).where(SessionRow.expires_ns < now_ns))
            session.add(
                SessionRow(
                    secret_hash=_hash_of_secret(secret),
                    account_id=account_id,
                    kind=kind,
                    expires_ns=now_ns + lasts_ns,
                )
            )
        return secret

    def of_session(self, secret: str, kind: str, now_ns: int) -> Account | None:
        """Whom a secret stands for; None if for nobody, or no longer. A link is good once."""
        with self._database.session() if kind == "link" else self._database.reading() as session:
            row = session.get(SessionRow, _hash_of_secret(secret))
            if row is None or row.kind != kind or row.expires_ns < now_ns:
                return None
            account = session.get(AccountRow, row.account_id)
            if kind == "link":
                session.delete(row)
        return _account(account) if account else None

    def close_session(self, secret: str) -> None:
        with self._database.session() as session:
            session.execute(delete(SessionRow).where(SessionRow.secret_hash == _hash_of_secret(secret)))

    # --- ways to pay ----------------------------------------------------------------------------------------------

    def add_method(
        self,
        account_id: str,
        now_ns: int,
        *,
        processor: str,
        token: str,
        brand: str,
        last4: str,
        expires: str,
    ) -> Method:
        """Keep a token that a processor gave; the newest is the one that pays."""
        if _holds_card_number(token):
            raise InputError(
                "looks like a card number", field="token", expected="the token that the processor gave"
            )
        if not 4 <= len(token) <= 120 or not token.isprintable():
            raise InputError("no token", field="token", expected="4 to 120 characters")
        if not re.fullmatch("[0-9]{4}", last4):
            raise InputError("wrong value", field="last4", expected="four digits")
        if expires and not _EXPIRES.fullmatch(expires):
            raise InputError("wrong value", field="expires", expected="YYYY-MM")
        row = MethodRow(
            method_id=f"m{secrets.token_hex(8)}",
            account_id=account_id,
            processor=processor,
            token=token,
            brand=brand,
            last4=last4,
            expires=expires,
            created_ns=now_ns,
        )
        with self._database.session() as session:
            held = session.scalars(select(MethodRow).where(MethodRow.account_id == account_id)).all()
            for oldest in sorted(held, key=lambda one: one.created_ns)[: max(0, len(held) + 1 - METHODS_MAX)]:
                session.delete(oldest)
            session.add(row)
        return _method(row)

    def methods(self, account_id: str) -> list[Method]:
        """Newest first."""
        with self._database.reading() as session:
            rows = session.scalars(
                select(MethodRow)
                .where(MethodRow.account_id == account_id)
                .order_by(MethodRow.created_ns.desc(), MethodRow.method_id)
            ).all()
        return [_method(row) for row in rows]

    # --- loyalty --------------------------------------------------------------------------------------------------

    def set_membership(self, account_id: str, programme: str, *, is_member: bool) -> None:
        """Join a loyalty programme, or leave it. Receipts from now on count it."""
        with self._database.session() as session:
            row = session.get(MembershipRow, (account_id, programme))
            if is_member and row is None:
                session.add(MembershipRow(account_id=account_id, programme=programme))
            elif not is_member and row is not None:
                session.delete(row)

    def memberships(self, account_id: str) -> frozenset[str]:
        with self._database.reading() as session:
            found = select(MembershipRow.programme).where(MembershipRow.account_id == account_id)
            return frozenset(session.scalars(found))


# --- leaves -------------------------------------------------------------------------------------------------------


def hash_of_badge(number: str) -> str:
    """By what a badge is found."""
    return hashlib.sha256(b"openaisle badge\0" + number.encode()).hexdigest()


def _account(row: AccountRow) -> Account:
    return Account(
        account_id=row.account_id,
        email=row.email,
        name=row.name,
        role=Role(row.role),
        is_blocked=row.is_blocked,
        mail_language=row.mail_language or "",
    )


def _method(row: MethodRow) -> Method:
    return Method(
        method_id=row.method_id,
        processor=row.processor,
        token=row.token,
        brand=row.brand,
        last4=row.last4,
        expires=row.expires,
    )


def _holds_card_number(text: str) -> bool:
    """Whether 13 to 19 digits in it have the check digit of a card number (ISO/IEC 7812-1, Luhn)."""
    for found in _CARD_NUMBER.finditer(text):
        digits = [int(letter) for letter in found[0] if letter.isdigit()]
        doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
        if (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0:
            return True
    return False


def _hash_of_passphrase(passphrase: str, salt: bytes) -> bytes:
    """Salt and scrypt hash (RFC 7914)."""
    return salt + hashlib.scrypt(passphrase.encode(), salt=salt, dklen=32, **_SCRYPT)


def _hash_of_secret(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
