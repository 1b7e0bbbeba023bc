"""`openaisle bench meetings`: hand-overs, told from hands that only came near; and their weights, fitted again."""

from __future__ import annotations

from typing import Annotated

import typer


def meetings(
    seed: Annotated[int, typer.Option(min=0, help="Of the first random shop to measure on.")] = 9000,
    stores: Annotated[int, typer.Option(min=1, help="How many of them.")] = 8,
    fit: Annotated[
        int,
        typer.Option(min=0, help="Fit the weights again on so many random shops first, from seed 7000 on."),
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Judge meetings of hands in random shops with the shipped weights and, with --fit, with weights fitted anew."""
    import json

    from rich.console import Console
    from rich.progress import Progress

    from openaisle.bench.meetings import figures, fitted, gather
    from openaisle.interactions.settings import MeetingSettings

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("shops", total=stores + fit)
        weights = {"shipped": MeetingSettings().weights}
        if fit:
            weights["fitted"] = fitted(gather(7000, fit, lambda done: progress.update(task, completed=done)))
        held_out = gather(seed, stores, lambda done: progress.update(task, completed=fit + done))
    found = {name: figures(held_out, own) for name, own in weights.items()}
    report = {"benchmark": "meetings", "seed": seed, "stores": stores, "fitted_on": fit, **found}
    if as_json:
        print(json.dumps(report, indent=1))
        return
    for name, own in found.items():
        print(
            f"{name}: of {own['hand_overs']} hand-overs among {own['meetings']} meetings {own['found']} found, "
            f"{own['falsely_found']} falsely; log loss {own['log_loss']}\n  weights {own['weights']}"
        )
