"""The counter of a running shop: the desk behind the pages, what it missed while it was away, and its webhooks."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

from openaisle.adapters.mail_smtp import SmtpMail
from openaisle.central.database import FILE
from openaisle.central.letters import Postman
from openaisle.central.webhooks import Deliverer
from openaisle.core.messages import decode
from openaisle.edge.keys import code_issuer
from openaisle.edge.settings import LEDGER
from openaisle.edge.wishes import BusBooks
from openaisle.edge.worker import Context
from openaisle.receipts.book import PaymentBook
from openaisle.web.desk import Desk
from openaisle.web.letters import receipt_letter


class ShopCounter:
    """Made before the feed of messages begins; `close` at the end."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        store = settings.store()
        self._books = BusBooks(context.core_socket, context.clock.now_ns)
        self.desk = Desk(
            store,
            settings.state_folder / FILE,
            code_issuer(settings, store.store_id),
            self._books,
            context.clock.now_ns,
            is_simulated=settings.is_simulated,
            has_reader=settings.is_simulated
            or bool(settings.edge.payments and settings.edge.payments.desk_reader),
            # Codes that another service issues are not ours to give.
            is_open=lambda: settings.edge.entry_public_key is None,
            reasons_days=settings.edge.reasons_days,
            has_mail=settings.edge.mail is not None,
        )
        hear_missed(self.desk, settings.state_folder / LEDGER)
        self._deliverer = Deliverer(self.desk.webhooks, context.clock.now_ns)
        self._postman: Postman | None = None
        if settings.edge.mail is not None:
            mail = SmtpMail(settings.edge.mail)
            write = partial(receipt_letter, store, self.desk.receipts, sender=mail.sender)
            self._postman = Postman(self.desk.letters, write, mail, context.clock.now_ns)

    def close(self) -> None:
        self._deliverer.close()
        if self._postman is not None:
            self._postman.close()
        self._books.close()
        self.desk.close()


def hear_missed(desk: Desk, ledger: Path) -> int:
    """Let the desk hear the ledger, and how each payment stands at its end; how many entries it had not heard before.

    What its database has kept already is told to its memory alone, so that a start costs what happened since the last.
    """
    if not ledger.exists():
        return 0
    payments, changed, fresh = PaymentBook(), set[str](), 0
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as database:
        try:
            kept_until = _kept_until(database, *desk.mark(LEDGER))
            heard: tuple[int, bytes] = (0, b"")
            for sequence, entry, digest in database.execute(_ENTRIES):
                heard = sequence, digest
                try:
                    message = decode(entry)
                except ValueError:
                    continue  # The ledger's own first entry.
                payments.replay(message)
                if sequence > kept_until:
                    fresh += 1
                    changed.add(payments.concerned(message))
                desk.accept(message, is_kept=sequence <= kept_until)
        except sqlite3.OperationalError:
            return 0  # It is being made just now: nothing was missed.
    for state in payments.states():
        desk.accept(state, is_kept=state.receipt_id not in changed)
    desk.set_mark(LEDGER, *heard)
    return fresh


_ENTRIES: Final = "SELECT sequence, entry, hash FROM entries ORDER BY sequence"


def _kept_until(database: sqlite3.Connection, sequence: int, digest: bytes) -> int:
    """How far this ledger was heard before; 0 where it was another one."""
    known = database.execute("SELECT hash FROM entries WHERE sequence = ?", (sequence,)).fetchone()
    return sequence if known == (digest,) else 0
