"""From a closed cart to a charge at a processor over HTTP, in the ledger's process."""

import socket
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.contracts.doors import wait_for
from tests.unit.carts.small_store import small_store
from tests.unit.receipts.test_payment import NOW

from openaisle.adapters.event_log_sqlite import SqliteEventLog
from openaisle.adapters.pos_poslog import read_poslog
from openaisle.bench.checkout_world import SteppedClock, closed, opened
from openaisle.central.entry import EXIT
from openaisle.core.messages import (
    CardAskedFor,
    Interaction,
    InteractionKind,
    PaymentChanged,
    RefundWanted,
    VisitOpened,
)
from openaisle.core.units import NS_PER_S
from openaisle.edge.cards import SIMULATED_DESK
from openaisle.edge.cashier import Cashier
from openaisle.edge.settings import EdgeSettings
from openaisle.pipeline import Till
from openaisle.sim.processor import Processor
from openaisle.sim.processor_http import ProcessorServer

WAIT_S = 20.0


class Shop:
    """A till and a cashier, and a simulated processor behind real HTTP."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = SteppedClock(NOW)
        self.there = Processor(self.clock.now_ns)
        self.server = ProcessorServer(self.there, self.clock.now_ns, port=_free_port())
        settings: Any = SimpleNamespace(
            state_folder=folder, is_simulated=True, edge=EdgeSettings(), store=small_store
        )
        port = int(self.server.url.rpartition(":")[2])
        self.lines: list[str] = []
        context: Any = SimpleNamespace(
            settings=settings, clock=self.clock, line=self.lines.append, processor_port=port
        )
        self.log = SqliteEventLog(folder / "ledger.sqlite")
        self.cashier = Cashier(context, self.log)
        self.till = Till(small_store(), self.log, self.cashier.payments, followers=[self.cashier.follow])
        self.cashier.open(self.till)  # type: ignore[arg-type]

    def step(self, interactions: Any = (), visits: Any = (), seconds: float = 1.0) -> list[Any]:
        said = list(self.till.step(interactions, visits, self.clock.advance(seconds)))
        heard = [each for each in visits if isinstance(each, VisitOpened)]
        return [*said, *self.cashier.step([*heard, *said])]

    def until(self, state: str) -> PaymentChanged:
        """Let the charging thread work."""
        until_s = time.monotonic() + WAIT_S
        while time.monotonic() < until_s:
            for message in self.step():
                if isinstance(message, PaymentChanged) and message.state == state:
                    return message
            time.sleep(0.01)
        raise AssertionError(f"never {state}: {self.cashier.payments.states()} {self.lines}")

    def close(self) -> None:
        self.cashier.close()
        self.log.close()
        self.server.close()


@pytest.fixture
def shop(tmp_path: Path):
    shop = Shop(tmp_path)
    yield shop
    shop.close()


def bread(quantity: int) -> Interaction:
    return Interaction(
        interaction_id="i1",
        revision=1,
        kind=InteractionKind.PICK_UP,
        shelf_id="A2",
        slot_id="A2-1",
        product_id="bread",
        quantity=quantity,
        visit_id="ana",
        probability=0.99,
        happened_ns=NOW,
        decided_ns=NOW,
    )


def test_a_visit_is_charged_and_refunded_and_the_books_of_others_say_so(shop: Shop) -> None:
    shop.step([], [opened("ana", NOW)])
    low = [message for message in shop.step([bread(7)]) if type(message).__name__ == "SlotChanged"]
    assert [(slot.slot_id, slot.units) for slot in low] == [("A2-1", 1)]
    shop.step([], [closed("ana", NOW + 2 * NS_PER_S)])
    paid = shop.until("paid")
    assert (paid.paid_minor, paid.end) == (7 * 299, "charged")
    assert [movement.amount_minor for movement in shop.there.movements] == [7 * 299]

    wish = RefundWanted(receipt_id=paid.receipt_id, amount_minor=299, reason="one less", key="k")
    shop.cashier.wishes.put(wish)
    shop.cashier.wishes.put(wish)
    assert shop.until("refunded").refunded_minor == 299
    assert [movement.kind for movement in shop.there.movements] == ["charge", "refund"]

    shop.cashier.close()
    (file,) = (shop.folder / "poslog").glob("*.xml")
    assert [record.total for record in read_poslog(file.read_bytes())] == ["20.93", "-2.99"]


def test_a_receipt_is_paid_at_the_counters_reader_for_what_it_owes(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shop.cashier.standing, "method", lambda _: EXIT)
    shop.step([], [opened("ana", NOW)])
    shop.step([bread(2)])
    shop.step([], [closed("ana", NOW + 2 * NS_PER_S)])
    draft = shop.until("draft")
    for _ in range(2):
        shop.cashier.wishes.put(CardAskedFor(receipt_id=draft.receipt_id, key="once"))
    shop.step()
    assert wait_for(lambda: reader_asks(shop))
    assert shop.there.payments[shop.there.readers[SIMULATED_DESK].payment_id].amount_minor == 2 * 299
    with shop.server.lock:
        assert shop.there.tap(SIMULATED_DESK, "4242424242424242")
    assert shop.until("paid").paid_minor == 2 * 299
    assert [movement.amount_minor for movement in shop.there.movements] == [2 * 299]
    shop.cashier.wishes.put(CardAskedFor(receipt_id=draft.receipt_id, key="again"))
    shop.step()
    assert "nothing is owed any more" in shop.lines[-1]


def test_a_card_that_the_bank_refuses_at_the_counter_leaves_the_receipt_open(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shop.cashier.standing, "method", lambda _: EXIT)
    shop.step([], [opened("ana", NOW)])
    shop.step([bread(1)])
    shop.step([], [closed("ana", NOW + 2 * NS_PER_S)])
    draft = shop.until("draft")
    shop.cashier.wishes.put(CardAskedFor(receipt_id=draft.receipt_id, key="k"))
    shop.step()
    assert wait_for(lambda: reader_asks(shop))
    with shop.server.lock:
        shop.there.tap(SIMULATED_DESK, "4000000000000002")
    assert wait_for(lambda: any("refuses this card" in line for line in shop.lines))
    assert wait_for(lambda: all(each.hold and each.hold.is_canceled for each in shop.there.payments.values()))
    assert shop.cashier.payments.state(draft.receipt_id).state == "draft"


def reader_asks(shop: Shop) -> bool:
    reader = shop.there.readers.get(SIMULATED_DESK)
    return reader is not None and reader.status == "in_progress"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
