"""Stock as the ledger of goods has it."""

import json
from pathlib import Path

from tests.unit.carts.small_store import small_store
from typer.testing import CliRunner

from openaisle.adapters.event_log_sqlite import SqliteEventLog
from openaisle.carts.ledger import UNEXPLAINED, slot_account
from openaisle.carts.stock import Stock, StockTask
from openaisle.central.alerts import Alerts
from openaisle.cli import build_app
from openaisle.core.messages import Move, MoveState, encode
from openaisle.store.load import load_store

STORE = small_store()


def moved(
    number: int,
    product_id: str,
    source: str,
    target: str,
    units: int = 1,
    state: MoveState = MoveState.POSTED,
) -> Move:
    return Move(
        move_id=f"m{number}",
        product_id=product_id,
        quantity=units,
        source=source,
        target=target,
        moved_ns=number,
        decided_ns=number,
        state=state,
    )


def test_a_slot_begins_full_and_follows_every_move() -> None:
    stock = Stock(STORE)
    stock.apply(moved(1, "cola", "slot:A1-1", "cart:ana", 3))
    stock.apply(moved(2, "cola", "cart:ana", "slot:A1-1"))
    stock.apply(moved(3, "cola", "cart:ana", "sold", 2))
    assert stock.units("A1-1") == 6
    assert stock.sold() == {"cola": 2}


def test_a_voided_move_never_happened() -> None:
    stock = Stock(STORE)
    stock.apply(moved(1, "cola", "slot:A1-1", "cart:ana", state=MoveState.PENDING))
    stock.apply(moved(1, "cola", "slot:A1-1", "cart:ana", state=MoveState.VOIDED))
    assert stock.units("A1-1") == 8


def test_staff_are_told_of_misplaced_goods_and_then_of_the_emptiest_slots() -> None:
    moves = [
        moved(1, "bread", "slot:A2-1", "cart:ana", 7),
        moved(2, "chocolate", "slot:A2-2", "cart:ana", 6),
        moved(3, "cola", "slot:A1-1", "slot:A1-2"),
    ]
    assert Stock.of(STORE, moves).tasks() == [
        StockTask(kind="misplaced", slot_id="A1-2", product_id="cola", units=1),
        StockTask(kind="restock", slot_id="A2-1", product_id="bread", units=7),
        StockTask(kind="restock", slot_id="A2-2", product_id="chocolate", units=6),
    ]


def test_less_than_nothing_is_a_reason_to_count() -> None:
    stock = Stock.of(STORE, [moved(1, "cola", "slot:A1-1", "cart:ana", 9)])
    assert stock.tasks()[0] == StockTask(kind="count", slot_id="A1-1", product_id="cola", units=1)


def test_a_count_becomes_a_move_and_what_is_missing_is_shrinkage() -> None:
    stock = Stock(STORE)
    correction = stock.correction("A2-1", "bread", 5, "count-1", 7)
    assert correction
    assert (correction.source, correction.target, correction.quantity) == (
        slot_account("A2-1"),
        UNEXPLAINED,
        3,
    )
    stock.apply(correction)
    assert stock.units("A2-1") == 5
    assert stock.shrinkage() == {"bread": 3}
    assert stock.shrinkage_minor() == 3 * 299
    assert stock.correction("A2-1", "bread", 5, "count-2", 8) is None
    found = stock.correction("A2-1", "bread", 6, "count-3", 9)
    assert found
    stock.apply(found)
    assert stock.shrinkage() == {"bread": 2}


def test_a_slot_that_becomes_low_is_said_once_and_once_when_it_is_full_again() -> None:
    stock = Stock(STORE)
    assert stock.step([moved(1, "cola", "slot:A1-1", "cart:ana", 5)], 1) == []
    (low,) = stock.step([moved(2, "cola", "slot:A1-1", "cart:ana")], 2)
    assert (low.slot_id, low.units, low.is_low) == ("A1-1", 2, True)
    assert stock.step([moved(3, "cola", "slot:A1-1", "cart:ana")], 3) == []
    (full,) = stock.step([moved(4, "cola", "staff", "slot:A1-1", 7)], 4)
    assert (full.units, full.is_low) == (8, False)


def test_staff_see_on_their_page_what_is_low_until_it_is_not() -> None:
    stock, alerts = Stock(STORE), Alerts(STORE)
    for message in stock.step([moved(1, "cola", "slot:A1-1", "cart:ana", 7)], 1):
        alerts.accept(message)
    (alert,) = alerts.newest()
    assert (alert["kind"], alert["name"], alert["place"], alert["quantity"]) == (
        "low_stock", "Cola 0.33 l", "A1-1", 1,
    )  # fmt: skip
    for message in stock.step([moved(2, "cola", "staff", "slot:A1-1", 7)], 2):
        alerts.accept(message)
    assert alerts.newest() == []


def test_the_command_shows_stock_and_takes_a_count(tmp_path: Path) -> None:
    slot_id, slot = min(load_store("corner").slots.items())
    log = SqliteEventLog(tmp_path / "ledger.sqlite")
    log.append([encode(moved(1, slot.product_id, f"slot:{slot_id}", "cart:ana", slot.capacity))])
    log.close()
    arguments = ["stock", "corner", "--state", str(tmp_path)]
    assert f"restock    {slot_id}" in CliRunner().invoke(build_app(), arguments).output
    counted = CliRunner().invoke(build_app(), [*arguments, "--count", f"{slot_id}={slot.capacity}", "--json"])
    report = json.loads(counted.output)
    assert (report["corrected"], report["tasks"]) == (1, [])
    assert report["shrinkage"] == {slot.product_id: -slot.capacity}
    again = json.loads(CliRunner().invoke(build_app(), [*arguments, "--json"]).output)
    assert again["tasks"] == []
