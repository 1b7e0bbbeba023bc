"""`openaisle bench path`: what the path below the seam costs a busy shop."""

from __future__ import annotations

from typing import Annotated

import typer


def path(
    store: Annotated[str, typer.Option(help="A shipped store's name or a store folder.")] = "market",
    people: Annotated[int, typer.Option(min=2, help="Inside at once.")] = 30,
    seconds: Annotated[float, typer.Option(min=5, help="Of the shop's time, once it is full.")] = 60.0,
    events: Annotated[int, typer.Option(min=2, help="Takes at one gondola at once.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Of the simulated day.")] = 9000,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Processor time of the path a second of the shop's time, and of deciding who took what when many take at once."""
    import json

    from rich.console import Console
    from rich.progress import Progress

    from openaisle.bench.path_cost import FILLING_S, busy_shop, many_at_once

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("seconds", total=FILLING_S + seconds)
        busy = busy_shop(
            store, people, seconds, seed, lambda since_s: progress.update(task, completed=since_s)
        )
    at_once = many_at_once(store, events, seed)
    report = {"benchmark": "path", "seed": seed, "busy": busy, "at_once": at_once}
    if as_json:
        print(json.dumps(report, indent=1))
        return
    deciding, solve = busy["deciding_steps_ms"], at_once["deciding_ms"]
    print(
        f"{busy['people']} people, {busy['shelves']} shelves, {busy['cameras']} cameras: "
        f"{busy['cpu_ms_a_second']} ms of processor time a second of the shop's\n"
        f"a step of the path in which something was decided: p50 {deciding['p50']}, p99 {deciding['p99']}, "
        f"max {deciding['max']} ms (n {deciding['n']})\n"
        f"deciding, when {at_once['events']} take from one gondola at once: p50 {solve['p50']}, "
        f"p99 {solve['p99']}, max {solve['max']} ms (n {solve['n']})"
    )
