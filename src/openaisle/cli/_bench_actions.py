"""`openaisle bench actions`: how well arms are read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def actions(
    seed: Annotated[int, typer.Option(min=0, help="Of the first random store.")] = 9000,
    stores: Annotated[int, typer.Option(min=1, help="How many random stores.")] = 5,
    visits: Annotated[int, typer.Option(min=1, help="A day; each store lives two.")] = 16,
    weights: Annotated[Path | None, typer.Option(help="Folder with another network.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Measure how well arms are read: approach, take, put back, browse (simulator figures)."""
    import json

    from rich.console import Console
    from rich.progress import Progress

    from openaisle.bench.vision_actions import actions_report, lines

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("days", total=2 * stores + 2)
        report = actions_report(
            first_store=seed,
            stores=stores,
            visits=visits,
            weights=weights,
            report=lambda done: progress.update(task, completed=done),
        )
    if as_json:
        print(json.dumps(report, indent=1))
        return
    for name, value in lines(report):
        print(f"{name:48} {value}")
