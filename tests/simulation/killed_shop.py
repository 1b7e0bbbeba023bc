"""The ledger's process of a shop, made to be killed: carts, receipts, charges over HTTP, one after another."""

from __future__ import annotations

import os
import time
from multiprocessing.connection import Connection
from pathlib import Path

from tests.unit.carts.small_store import small_store

from openaisle.adapters.charging import Charging
from openaisle.adapters.event_log_sqlite import SqliteEventLog
from openaisle.adapters.payment_stripe import StripePayments
from openaisle.bench.checkout import KEY, SECRET
from openaisle.bench.checkout_world import Shoppers, SteppedClock, Visit, closed, opened
from openaisle.core.errors import PortUnavailable
from openaisle.core.messages import ChargeRequested, Receipt
from openaisle.core.units import NS_PER_S
from openaisle.pipeline import Till
from openaisle.receipts.payment import Payments

STORE = small_store()
START_NS = 1_780_300_800 * NS_PER_S
VISIT_NS = 20 * NS_PER_S


class Shop:
    """Everything from interactions to the processor, in one thread, at a time that each visit sets."""

    def __init__(self, folder: Path, url: str) -> None:
        self.store = STORE
        self.clock = SteppedClock(START_NS)
        self.log = _opened(folder / "ledger.sqlite")
        self.payments = Payments()
        self.till = Till(self.store, self.log, self.payments)
        processor = StripePayments(KEY, SECRET, self.clock, url=url)
        self.charging = Charging(self.payments, self.log, processor, in_thread=False)

    def serve(self, visit: Visit, number: int) -> list[Receipt]:
        """One visit from the gate to the charge. What it says of a visit it says again after a restart."""
        now_ns = START_NS + number * VISIT_NS
        self.charging.record(self.payments.bind(visit.visit_id, visit.method, now_ns))
        said = list(self.till.step(visit.interactions, [opened(visit.visit_id, now_ns)], now_ns))
        now_ns += 5 * NS_PER_S
        said += self.till.step([], [closed(visit.visit_id, now_ns)], now_ns)
        now_ns += 3 * NS_PER_S
        said += self.till.step([], [], now_ns)
        self.clock.sleep_until(now_ns)
        return [message for message in said if isinstance(message, Receipt)]


def the_visit(number: int) -> Visit:
    """The same in every process."""
    return Shoppers(STORE, number).visit(number, START_NS + number * VISIT_NS)


def work(folder: str, url: str, channel: Connection) -> None:
    """Serve visits until killed; tell of each receipt that is in the ledger, and of each visit that is paid."""
    shop = Shop(Path(folder), url)
    number = len(shop.payments.states())
    channel.send(("ready", number))
    shop.charging.step(START_NS + number * VISIT_NS)
    while True:
        for receipt in shop.serve(the_visit(number), number):
            channel.send(("receipt", receipt.receipt_id))
        shop.charging.step(shop.clock.now_ns())
        number += 1
        if os.getppid() == 1:
            return


def _opened(path: Path) -> SqliteEventLog:
    """The killed one is known to be dead a moment before its lock is."""
    for _ in range(100):
        try:
            return SqliteEventLog(path)
        except PortUnavailable:
            time.sleep(0.01)
    return SqliteEventLog(path)


def _warm_up() -> None:
    """Stripe's library imports what it needs at the first call: once, before anybody is forked from here."""
    visit = the_visit(1)
    request = ChargeRequested(
        key="warm",
        receipt_id="warm",
        part=1,
        amount_minor=1,
        currency="EUR",
        method=visit.method,
        requested_ns=0,
    )
    try:
        StripePayments(KEY, SECRET, SteppedClock(0), url="http://127.0.0.1:9").charge(request)
    except PortUnavailable:
        pass


_warm_up()
