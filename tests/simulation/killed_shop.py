"""The ledger's process of a shop, made to be killed: taps at the gate, carts, receipts, charges over HTTP."""

from __future__ import annotations

import http.client
import os
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.unit.carts.small_store import small_store

from openaisle.adapters.charging import Charging
from openaisle.adapters.event_log_sqlite import SqliteEventLog
from openaisle.adapters.gate_terminal import held_card
from openaisle.adapters.payment_stripe import StripePayments
from openaisle.adapters.terminal_stripe import StripeTerminal
from openaisle.bench.checkout import KEY, SECRET
from openaisle.bench.checkout_world import Shoppers, SteppedClock, Visit, closed, opened
from openaisle.core.errors import PortUnavailable
from openaisle.core.messages import ChargeRequested, Receipt
from openaisle.core.units import NS_PER_S
from openaisle.pipeline import Till
from openaisle.ports import TappedCard
from openaisle.receipts.payment import Payments

STORE = small_store()
START_NS = 1_780_300_800 * NS_PER_S
VISIT_NS = 20 * NS_PER_S
READER = "tmr_entry"
TAPS_ONE_IN = 3
HOLD_MINOR = 300  # less than many receipts, so that banks are asked for more
TRIES = 100


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
        self.terminal = StripeTerminal(KEY, self.clock, url=url)
        self._url = url

    def serve(self, visit: Visit, number: int) -> list[Receipt]:
        """One visit from the gate to the charge. What it says of a visit it says again after a restart."""
        now_ns = START_NS + number * VISIT_NS
        if number % TAPS_ONE_IN == 0:
            self._tap(visit, number, now_ns)
        else:
            self.charging.record(self.payments.bind(visit.visit_id, visit.method, now_ns))
        said = list(self.till.step(visit.interactions, [opened(visit.visit_id, now_ns)], now_ns))
        now_ns += 5 * NS_PER_S
        said += self.till.step([], [closed(visit.visit_id, now_ns)], now_ns)
        now_ns += 3 * NS_PER_S
        said += self.till.step([], [], now_ns)
        self.clock.sleep_until(now_ns)
        return [message for message in said if isinstance(message, Receipt)]

    def clear_reader(self, next_visit_id: str = "") -> None:
        """As a gate does at its start: what the one before left there, and the ledger does not know, is let go.

        Visits here have the same ids in every process, a gate's have not: what the next one left there is taken up.
        """
        self._until_answered(lambda: self._clear(next_visit_id))

    def _tap(self, visit: Visit, number: int, now_ns: int) -> None:
        """A card at the gate's reader; its hold is in the ledger when this returns."""
        if not self.payments.knows_hold(visit.visit_id):
            card = self._until_answered(lambda: self._tapped(visit, number))
            self.charging.record(self.payments.hold(held_card(visit.visit_id, "entry", card), now_ns))

    def _tapped(self, visit: Visit, number: int) -> TappedCard:
        self.terminal.ask(READER, visit.visit_id, HOLD_MINOR, self.store.currency)
        present(self._url, f"42424242{number:08d}")
        card = self.terminal.tapped(READER)
        if card is None:
            raise PortUnavailable("nobody saw the tap")
        return card

    def _clear(self, next_visit_id: str) -> None:
        before = self.terminal.left_over(READER)
        if before not in (None, next_visit_id) and not self.payments.knows_hold(str(before)):
            self.terminal.withdraw(READER)

    def _until_answered(self, ask: Callable[[], Any]) -> Any:
        for _ in range(TRIES):
            try:
                return ask()
            except PortUnavailable:
                continue
        raise AssertionError("never answered")


def present(url: str, number: str) -> None:
    """Hold a card to the reader, as Stripe's test helper does. An answer that gets lost is no news to whoever taps."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=5.0)
    path = f"/v1/test_helpers/terminal/readers/{READER}/present_payment_method"
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/x-www-form-urlencoded"}
    try:
        connection.request("POST", path, urlencode({"card_present[number]": number}), headers)
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        pass
    finally:
        connection.close()


def the_visit(number: int) -> Visit:
    """The same in every process."""
    return Shoppers(STORE, number).visit(number, START_NS + number * VISIT_NS)


def work(folder: str, url: str, channel: Connection) -> None:
    """Serve visits until killed; tell of each receipt that is in the ledger, and of each visit that is paid."""
    shop = Shop(Path(folder), url)
    number = len(shop.payments.states())
    shop.clear_reader(the_visit(number).visit_id)
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
