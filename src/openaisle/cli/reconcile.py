"""`openaisle reconcile`: do carts, receipts, charges, POSLog and stock of a day agree?"""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("reconcile")(reconcile_day)


def reconcile_day(
    day: Annotated[
        str, typer.Argument(help="A folder with ledger.sqlite, store/, statement.csv, poslog/, stock.csv.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Compare the books of a day line by line; status 1 if they differ."""
    import dataclasses
    import json
    from pathlib import Path

    from openaisle.replay.reconcile import reconcile

    found = reconcile(Path(day))
    if as_json:
        print(json.dumps(dataclasses.asdict(found), indent=1))
    else:
        print(
            f"{found.visits} carts, {found.receipts} receipts with {found.lines} lines, {found.charges} charges, "
            f"{found.refunds} refunds, {found.pos_transactions} POS transactions, {found.slots} slots: "
            f"{len(found.differences)} differences"
        )
        for each in found.differences:
            print(f"  {each.kind:<20} {each.where}: ledger {each.expected}, found {each.found}")
    raise typer.Exit(1 if found.differences else 0)
