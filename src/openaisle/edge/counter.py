"""The counter of a running shop: the desk behind the pages, what it missed while it was away, and its webhooks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from openaisle.central.database import FILE
from openaisle.central.webhooks import Deliverer
from openaisle.core.messages import AnyMessage, PaymentChanged, decode
from openaisle.edge.keys import code_issuer
from openaisle.edge.settings import LEDGER
from openaisle.edge.wishes import BusBooks
from openaisle.edge.worker import Context
from openaisle.receipts.book import PaymentBook
from openaisle.web.desk import Desk


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
            # Codes that another service issues are not ours to give.
            is_open=lambda: settings.edge.entry_public_key is None,
        )
        for message in missed(settings.state_folder / LEDGER):
            self.desk.accept(message)
        self._deliverer = Deliverer(self.desk.webhooks, context.clock.now_ns)

    def close(self) -> None:
        self._deliverer.close()
        self._books.close()
        self.desk.close()


def missed(ledger: Path) -> Iterator[AnyMessage]:
    """Everything the ledger holds, and how each payment stands at its end: heard before, it changes nothing."""
    if not ledger.exists():
        return
    payments = PaymentBook()
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as database:
        try:
            for (entry,) in database.execute("SELECT entry FROM entries ORDER BY sequence"):
                try:
                    message = decode(entry)
                except ValueError:
                    continue  # The ledger's own first entry.
                payments.replay(message)
                yield message
        except sqlite3.OperationalError:
            return  # It is being made just now: nothing was missed.
    states: list[PaymentChanged] = payments.states()
    yield from states
