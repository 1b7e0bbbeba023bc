"""`openaisle bench vision`: measure again what is said of people, products, actions and speed."""

from __future__ import annotations

from typing import Annotated

import typer


def vision(
    part: Annotated[
        list[str] | None,
        typer.Option("--part", help="people | products; may be given more than once. All without it."),
    ] = None,
    store: Annotated[str, typer.Option(help="A shipped store's name or a store folder.")] = "corner",
    seed: Annotated[int, typer.Option(min=0, help="Decides hands, cameras, noise.")] = 9,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Measure what the shipped networks see in a store they were not taught on (simulator figures)."""
    import json

    from rich.console import Console
    from rich.progress import Progress

    from openaisle.bench.vision import PARTS
    from openaisle.core.errors import InputError
    from openaisle.store.load import load_store

    names = part or list(PARTS)
    for name in names:
        if name not in PARTS:
            raise InputError("no such part", field="--part", expected=", ".join(PARTS), found=name)
    loaded = load_store(store)
    report = {}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for name in names:
            task = progress.add_task(name, total=PARTS[name].steps)
            report[name] = PARTS[name].measure(
                loaded, seed, lambda done, task=task: progress.update(task, completed=done)
            )
    if as_json:
        print(json.dumps(report, indent=1))
        return
    for name in names:
        print(name)
        for what, value in PARTS[name].lines(report[name]):
            print(f"  {what:40} {value}")
