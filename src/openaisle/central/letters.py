"""Receipts by mail, for those who asked for them: an outbox that loses none while the mail server is away.

A letter is a receipt's, once, as soon as it is known how the receipt was paid. What it says is written when it is sent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Final

from sqlalchemy import delete, select

from openaisle.central.database import Database
from openaisle.central.retries import try_later
from openaisle.central.tables import AccountRow, LetterRow
from openaisle.core.errors import PortUnavailable
from openaisle.core.units import NS_PER_S
from openaisle.ports import Mail

RETRY_S: Final = (30, 120, 600, 3_600, 6 * 3_600, 24 * 3_600, 24 * 3_600)
"""Waits after each try at which the server was away; after the last the letter is given up."""
POLL_S: Final = 1.0
CLOSE_S: Final = 20.0
BATCH_MAX: Final = 20
KEPT_NS: Final = 30 * 24 * 3_600 * NS_PER_S


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A receipt on its way to somebody."""

    receipt_id: str
    email: str
    name: str
    language: str


class Letters:
    """May be used from any thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def owe(self, receipt_id: str, account_id: str | None, now_ns: int) -> None:
        """If that person wants receipts by mail; a second time it is the same letter."""
        if account_id is None:
            return
        with self._database.session() as session:
            account = session.get(AccountRow, account_id)
            if account is None or not account.mail_language or session.get(LetterRow, receipt_id):
                return
            session.add(
                LetterRow(receipt_id=receipt_id, account_id=account_id, made_ns=now_ns, due_ns=now_ns)
            )

    def send_due(self, write: Callable[[Letter], EmailMessage | None], mail: Mail, now_ns: int) -> int:
        """Try everything that is due once; how many letters the server took. `write` gives None for no such receipt."""
        taken = 0
        for letter in self._due(now_ns):
            text = write(letter)
            try:
                state = "sent" if text is not None and mail.send(text) else "refused"
                said = ""
            except PortUnavailable as error:
                state, said = "waiting", str(error)
            taken += state == "sent"
            with self._database.session() as session:
                row = session.get(LetterRow, letter.receipt_id)
                if row is None:
                    continue  # The person was erased meanwhile.
                row.attempts += 1
                row.state, row.said = state, said[:200]
                if state == "waiting":
                    try_later(row, RETRY_S, now_ns)
        return taken

    def states(self) -> dict[str, str]:
        """What became of each letter, by receipt."""
        with self._database.reading() as session:
            return {row.receipt_id: row.state for row in session.scalars(select(LetterRow)).all()}

    def _due(self, now_ns: int) -> list[Letter]:
        with self._database.session() as session:
            session.execute(delete(LetterRow).where(LetterRow.made_ns < now_ns - KEPT_NS))
            rows = session.execute(
                select(LetterRow, AccountRow)
                .join(AccountRow, AccountRow.account_id == LetterRow.account_id)
                .where(LetterRow.state == "waiting", LetterRow.due_ns <= now_ns)
                .order_by(LetterRow.due_ns, LetterRow.receipt_id)
                .limit(BATCH_MAX)
            ).all()
        return [
            Letter(
                receipt_id=letter.receipt_id,
                email=account.email,
                name=account.name,
                language=account.mail_language or "en",
            )
            for letter, account in rows
        ]


class Postman:
    """Sends in a thread of its own until it is closed."""

    def __init__(
        self,
        letters: Letters,
        write: Callable[[Letter], EmailMessage | None],
        mail: Mail,
        now_ns: Callable[[], int],
    ) -> None:
        self._letters, self._write, self._mail, self._now_ns = letters, write, mail, now_ns
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="letters", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join(timeout=CLOSE_S)

    def _run(self) -> None:
        while not self._closing.wait(POLL_S):
            self._letters.send_due(self._write, self._mail, self._now_ns())
