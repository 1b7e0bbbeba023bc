"""`openaisle stock`: what stands on the shelves by the ledger, what is missing, and what somebody counted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("stock")(stock)


def stock(
    store: Annotated[str, typer.Argument(help="A shipped store's name or a store folder.")],
    state: Annotated[Path, typer.Option(help="Folder of the ledger: --state of `openaisle run`.")],
    count: Annotated[
        list[str] | None,
        typer.Option(help="SLOT=UNITS that somebody counted, while the shop is closed; may be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Counts, tasks and shrinkage from the ledger; with --count the ledger is corrected first."""
    import dataclasses
    import json
    import time

    from openaisle.adapters.event_log_sqlite import SqliteEventLog, read_ledger
    from openaisle.carts.stock import Stock
    from openaisle.core.errors import InputError
    from openaisle.core.messages import Move, decode, encode
    from openaisle.store.load import load_store
    from openaisle.store.money import text_from_minor

    shop, path = load_store(store), state / "ledger.sqlite"
    if not path.is_file():
        raise InputError("no ledger", file=str(path), expected="the --state folder of a shop that ran")
    moves = [each for entry in read_ledger(path) if isinstance(each := decode(entry), Move)]
    found = Stock.of(shop, moves)
    now_ns = time.time_ns()
    corrections: list[Move] = []
    for text in count or ():
        slot_id, _, units = text.partition("=")
        if slot_id not in shop.slots or not units.isdecimal():
            raise InputError("wrong value", field="--count", expected="SLOT=UNITS, as A3-2=5", found=text)
        move = found.correction(slot_id, shop.slots[slot_id].product_id, int(units), str(now_ns), now_ns)
        if move is not None:
            found.apply(move)
            corrections.append(move)
    if corrections:
        log = SqliteEventLog(path)
        log.append([encode(move) for move in corrections])
        log.close()
    tasks = found.tasks()
    if as_json:
        counts = [
            {"slot_id": slot_id, "product_id": product_id, "units": units}
            for (slot_id, product_id), units in found.counts().items()
        ]
        report = {
            "counts": counts,
            "tasks": [dataclasses.asdict(task) for task in tasks],
            "sold": found.sold(),
            "shrinkage": found.shrinkage(),
            "shrinkage_minor": found.shrinkage_minor(),
            "corrected": len(corrections),
        }
        print(json.dumps(report, indent=1))
        return
    lost = text_from_minor(abs(found.shrinkage_minor()), shop.currency_digits)
    sign = "-" if found.shrinkage_minor() < 0 else ""
    print(
        f"{sum(found.counts().values())} units in {len(shop.slots)} slots, {sum(found.sold().values())} sold, "
        f"unexplained {sign}{lost} {shop.currency}; {len(corrections)} corrected, {len(tasks)} to do"
    )
    for task in tasks:
        print(f"  {task.kind:<10} {task.slot_id:<8} {task.units:>3} x {shop.products[task.product_id].name}")
