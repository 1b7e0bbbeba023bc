"""Is every visit charged once, and right? Simulated visits through the real till, ledger, outbox and Stripe's library.

Everything below the interactions is what a shop runs. The clock is stepped, so that an outage of seven days takes
none; the shop is also stopped dead now and then and starts again from its ledger. At the end the books of all parties
are written down and compared by `replay.reconcile`, and the truth of the simulation with them.
"""

from __future__ import annotations

import csv
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from openaisle.adapters.charging import Charging
from openaisle.adapters.event_log_sqlite import SqliteEventLog
from openaisle.adapters.payment_stripe import StripePayments
from openaisle.adapters.pos_export import PosExport
from openaisle.adapters.pos_poslog import PosLogFiles
from openaisle.adapters.terminal_stripe import StripeTerminal
from openaisle.bench.checkout_taps import Taps
from openaisle.bench.checkout_world import DirectClient, Shoppers, SteppedClock, Visit, closed, opened
from openaisle.core.messages import Message, PaymentMethod, PaymentState, Receipt
from openaisle.core.units import NS_PER_HOUR, NS_PER_S
from openaisle.pipeline import Till
from openaisle.receipts.payment import Payments, PaymentSettings
from openaisle.replay.reconcile import (
    LEDGER,
    POSLOG,
    STATEMENT,
    STATEMENT_COLUMNS,
    STOCK,
    STOCK_COLUMNS,
    STORE,
    Reconciliation,
    reconcile,
)
from openaisle.sim.processor import EVERY_FAULT, NO_FAULTS, Processor
from openaisle.sim.processor_http import ProcessorServer
from openaisle.sim.processor_stripe import webhook
from openaisle.store.schema import Store
from openaisle.store.write import write_store

START_NS: Final = 1_780_300_800 * NS_PER_S
TOGETHER: Final = 40
"""Visits that are in the shop at once: they come, take and leave in one round."""
BETWEEN_ROUNDS_S: Final = 40 * 170.0
OUTAGE_SHARE: Final = 0.02
"""Of all rounds: an outage of the processor begins, of 1 min to 7 days, each order of magnitude as likely."""
OUTAGE_H: Final = (1 / 60, 7 * 24.0)
UP_H: Final = 2.0
"""Between two outages the processor serves for so long: two of seven days in one are more than a shop must survive."""
RESTARTS: Final = 10
ROUNDS_AN_EXPORT: Final = 10
REFUND_SHARE: Final = 0.03
FOR_EVER_H: Final = 1e6
"""At the end every receipt is looked at again."""
DRAIN_H_MAX: Final = 40 * 24
SECRET: Final = "whsec_simulated"
KEY: Final = "sk_test_simulated"


class CheckoutBench:
    """One run. `folder` becomes a day that `openaisle reconcile` reads."""

    def __init__(
        self, store: Store, folder: Path, *, visits: int, seed: int, faults: bool, over_http: bool = False
    ) -> None:
        self._store, self._folder = store, folder
        self._visit_count, self._has_faults = visits, faults
        self._random = random.Random(f"checkout {seed}")
        self._clock = SteppedClock(START_NS)
        self._shoppers = Shoppers(store, seed)
        self._processor = Processor(
            self._clock.now_ns, faults=EVERY_FAULT if faults else NO_FAULTS, seed=seed
        )
        self._server = ProcessorServer(self._processor, self._clock.now_ns) if over_http else None
        self._taps = Taps(self._processor, store.currency, seed, lambda at: self._payments.knows_hold(at))
        self._counts: Counter[str] = Counter()
        self._granted_minor: Counter[str] = Counter()  # what people were told they get back, by receipt
        write_store(store, folder / STORE)
        self._start()

    def run(self, done: Callable[[int], None] = lambda _: None) -> dict[str, Any]:
        """All visits, then whatever is still open; the figures."""
        began_s, began_cpu_s = time.monotonic(), time.process_time()
        rounds = -(-self._visit_count // TOGETHER)
        restart_at = {round((number + 1) * rounds / (RESTARTS + 1)) for number in range(RESTARTS)}
        for index in range(rounds):
            first = index * TOGETHER
            together = min(TOGETHER, self._visit_count - first)
            self._round(index, first, together)
            if self._has_faults:
                self._maybe_outage()
                if index in restart_at:
                    self._stop()
                    self._start()
                    self._counts["restarts"] += 1
            done(together)
        self._drain()
        self._pos.step()
        self._stop()
        self._write_books()
        return self._report(
            reconcile(self._folder), time.monotonic() - began_s, time.process_time() - began_cpu_s
        )

    # --- the shop -------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        """A shop's process from its ledger alone."""
        self._log = SqliteEventLog(self._folder / LEDGER)
        self._payments = Payments(PaymentSettings(remember_h=FOR_EVER_H))
        self._pos = PosExport(self._log, PosLogFiles(self._folder / POSLOG, self._store))
        self._till = Till(self._store, self._log, self._payments, followers=[self._pos.follow])
        client = None if self._server else DirectClient(self._processor)
        url = self._server.url if self._server else "https://simulated.invalid"
        self._stripe = StripePayments(KEY, SECRET, self._clock, url=url, http_client=client)
        self._terminal = StripeTerminal(KEY, self._clock, url=url, http_client=client)
        self._charging = Charging(self._payments, self._log, self._stripe, in_thread=False)

    def _stop(self) -> None:
        """Dead: nothing is tidied up but what the operating system tidies up."""
        self._log.close()

    def _round(self, index: int, first: int, together: int) -> None:
        now_ns = self._clock.now_ns()
        visits = [self._shoppers.visit(first + number, now_ns) for number in range(together)]
        refill = self._shoppers.refill(index, now_ns)
        staff_id = f"staff{index}"
        enter = [opened(visit.visit_id, now_ns) for visit in visits] + [
            opened(staff_id, now_ns, is_staff=True)
        ]
        for visit in visits:
            held = self._taps.hold(self._terminal, visit.visit_id)
            if held is None:
                self._charging.record(self._payments.bind(visit.visit_id, visit.method, now_ns))
            else:
                self._charging.record(self._payments.hold(held, now_ns))
        taken = [each for visit in visits for each in visit.interactions]
        self._hear(self._till.step([*refill, *taken], enter, now_ns))
        now_ns = self._clock.advance(5)
        leave = [closed(visit_id, now_ns) for visit_id in (*(visit.visit_id for visit in visits), staff_id)]
        self._hear(self._till.step([], leave, now_ns))
        self._hear(self._till.step([], [], self._clock.advance(3)))
        self._money()
        self._clock.advance(BETWEEN_ROUNDS_S)
        self._money()
        self._wishes(visits)
        if index % ROUNDS_AN_EXPORT == 0:
            self._pos.step()

    def _money(self) -> None:
        now_ns = self._clock.now_ns()
        for notice in self._processor.take_notices():
            body, headers = webhook(notice, SECRET, now_ns)
            self._counts["webhooks"] += 1
            self._hear(self._charging.heard(self._stripe.read_webhook(body, headers), now_ns))
        while True:
            said = self._charging.step(now_ns)
            self._hear(said)
            if not said:
                break

    def _wishes(self, visits: list[Visit]) -> None:
        """What people want about money: refunds, another card for a debt."""
        now_ns = self._clock.now_ns()
        for visit in visits:
            receipt_id = f"{self._store.store_id}/{visit.visit_id}"
            receipt = self._payments.receipt(receipt_id)
            if receipt.total_minor and self._random.random() < REFUND_SHARE:
                amount_minor = self._random.randint(1, receipt.total_minor)
                self._counts["refunds"] += 1
                self._granted_minor[receipt_id] += amount_minor
                said = self._payments.refund(receipt_id, amount_minor, "not taken", "dispute-1", now_ns)
                self._charging.record(said)
        self._pay_debts(now_ns)

    def _pay_debts(self, now_ns: int) -> None:
        for receipt_id in self._payments.unpaid():
            receipt = self._payments.receipt(receipt_id)
            self._counts["paid_with_another_card"] += 1
            card = PaymentMethod(
                kind="card", payer_id=receipt.visit_id, token="pm_another", customer="cus_another"
            )
            self._charging.record(self._payments.settle(receipt, card, now_ns))

    def _maybe_outage(self) -> None:
        if self._random.random() >= OUTAGE_SHARE:
            return
        if self._clock.now_ns() < self._processor.down_until_ns + UP_H * NS_PER_HOUR:
            return
        shortest_h, longest_h = OUTAGE_H
        hours = shortest_h * (longest_h / shortest_h) ** self._random.random()
        until_ns = self._clock.now_ns() + round(hours * NS_PER_HOUR)
        self._processor.down_until_ns = until_ns
        self._counts["outages"] += 1

    def _drain(self) -> None:
        """Until nothing is open: every request has its answer, every notification has come."""
        for _ in range(DRAIN_H_MAX):
            self._money()
            self._pay_debts(self._clock.now_ns())
            if not self._payments.open_count and not self._processor.notices and not self._payments.unpaid():
                break
            self._clock.advance(3600)
        self._processor.faults, self._processor.down_until_ns = NO_FAULTS, 0
        self._taps.clear(self._terminal)

    def _hear(self, messages: list[Any]) -> None:
        for message in messages:
            assert isinstance(message, Message)
            if isinstance(message, Receipt):
                self._counts["receipts"] += 1

    # --- the books ------------------------------------------------------------------------------------------------

    def _write_books(self) -> None:
        movements = [
            (each.reference, each.payment_id, each.kind, each.amount_minor, each.currency, each.moved_ns)
            for each in self._processor.movements
        ]
        _write(self._folder / STATEMENT, STATEMENT_COLUMNS, movements)
        shelves = [
            (slot_id, self._store.slots[slot_id].product_id, self._shoppers.opening[slot_id], units)
            for slot_id, units in self._shoppers.units.items()
        ]
        _write(self._folder / STOCK, STOCK_COLUMNS, shelves)

    def _report(self, books: Reconciliation, wall_s: float, cpu_s: float) -> dict[str, Any]:
        truth = self._against_truth()
        kinds = Counter(difference.kind for difference in books.differences)
        return {
            "visits": self._visit_count,
            "faults": "all" if self._has_faults else "none",
            "over_http": self._server is not None,
            "simulated_days": round((self._clock.now_ns() - START_NS) / NS_PER_HOUR / 24, 1),
            **truth,
            "differences": len(books.differences),
            "difference_kinds": dict(sorted(kinds.items())),
            "compared": {
                "receipt_lines": books.lines,
                "charges": books.charges,
                "refunds": books.refunds,
                "pos_transactions": books.pos_transactions,
                "slots": books.slots,
            },
            "processor_calls": self._processor.calls,
            "tapped_at_the_gate": self._taps.taps,
            "holds_left": self._taps.left,
            **{name: self._counts[name] for name in ("outages", "restarts", "webhooks", "refunds")},
            "wrong_rate_upper_bound_95": 3 / self._visit_count,
            "wall_s": round(wall_s, 1),
            "cpu_s": round(cpu_s, 1),
            "cpu_ms_per_visit": round(1000 * cpu_s / self._visit_count, 2),
        }

    def _against_truth(self) -> dict[str, int]:
        """By what shoppers truly carried, what they were granted back, and what truly moved."""
        charged_minor: Counter[str] = Counter()
        refunded_minor: Counter[str] = Counter()
        for each in self._processor.movements:
            (charged_minor if each.kind == "charge" else refunded_minor)[each.reference] += each.amount_minor
        found: Counter[str] = Counter()
        prices = {product_id: product.price_minor for product_id, product in self._store.products.items()}
        for visit_id, took in self._shoppers.took.items():
            receipt_id = f"{self._store.store_id}/{visit_id}"
            due_minor = sum(units * prices[product_id] for product_id, units in took.items())
            charges, refunds = self._payments.charges(receipt_id), self._payments.refunds(receipt_id)
            gross_minor = sum(charged_minor[charge.key] for charge, _ in charges)
            net_minor = gross_minor - sum(refunded_minor[refund.key] for refund, _ in refunds)
            right_minor = due_minor - self._granted_minor[receipt_id]
            state = self._payments.state(receipt_id)
            found["charged_exactly"] += net_minor == right_minor and gross_minor <= due_minor
            found["lost"] += net_minor < right_minor
            found["double_or_too_much"] += net_minor > right_minor or gross_minor > due_minor
            found["wrong_receipts"] += self._payments.receipt(receipt_id).total_minor != due_minor
            found["not_ended"] += state.end != "charged" or state.state is PaymentState.PAYMENT
            found["charged_in_parts"] += sum(minor > 0 for _, minor in charges) > 1
            found["nothing_to_pay"] += not due_minor
        names = ("charged_exactly", "lost", "double_or_too_much", "wrong_receipts", "not_ended")
        return {name: found[name] for name in (*names, "charged_in_parts", "nothing_to_pay")}


def is_right(report: dict[str, Any]) -> bool:
    """Whether a report shows nothing wrong at all."""
    wrong = ("lost", "double_or_too_much", "wrong_receipts", "not_ended", "differences", "holds_left")
    return report["charged_exactly"] == report["visits"] and not any(report[name] for name in wrong)


def _write(path: Path, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
