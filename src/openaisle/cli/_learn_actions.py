"""`openaisle learn ... actions`: the same verbs, for the network that reads arms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from openaisle.cli._learning import (
    DataOption,
    OutOption,
    ReportOption,
    bar,
    need,
    run_training,
    tell,
    with_bar,
)


def synthesise(
    out: Annotated[Path, typer.Option(help="Folder of the data set.")] = Path("out/arms"),
    first_store: Annotated[int, typer.Option(help="Seed of the first random store.")] = 1000,
    stores: Annotated[int, typer.Option(help="How many random stores.")] = 30,
    workers: Annotated[int, typer.Option(help="Processes.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Track the arms of simulated shoppers, with the truth about them."""
    from openaisle.learning import actions_data as room

    settings = room.ActionDataSettings(first_store=first_store, stores=stores)
    manifest = with_bar(
        stores, as_json, lambda report: room.synthesise(out, settings, workers=workers, report=report)
    )
    text = ", ".join(f"{count} {action}" for action, count in manifest["counts"].items())
    typer.echo(json.dumps(manifest) if as_json else f"{text} in {out}")


def train(
    data: DataOption,
    out: OutOption,
    samples: Annotated[int, typer.Option(help="Samples seen in all: the length of the schedule.")] = 900_000,
    seed: Annotated[int, typer.Option()] = 1,
    threads: Annotated[int, typer.Option(min=1)] = 1,
) -> None:
    """Train the network that reads arms."""
    need("torch")
    from openaisle.learning import train_actions as room

    settings = room.ActionTrainSettings(samples=samples, seed=seed, threads=threads)
    trainer = room.ActionTrainer(data, out, settings)
    run_training("arms", trainer, samples)


def export(
    arms: Annotated[Path, typer.Option(help="Folder with the checkpoint.")],
    calibration: Annotated[Path, typer.Option(help="A data set of stores that were not trained on.")],
    weights: Annotated[Path, typer.Option(help="Folder for the model file.")],
) -> None:
    """Write the network as it ships, with calibrated probabilities."""
    need("torch")
    from openaisle.detections.runtime import sha256
    from openaisle.interactions.actions_network import SHIPPED
    from openaisle.learning import actions_export as room

    path = room.export(arms, [calibration], weights / SHIPPED.name)
    typer.echo(f"{path}  {path.stat().st_size / 1e6:.2f} MB  sha256 {sha256(path)}")


def evaluate(
    weights: Annotated[
        Path | None, typer.Option(help="Folder with the model file; without it the shipped one.")
    ] = None,
    first_store: Annotated[int, typer.Option(help="Seed of the first held-out store.")] = 9000,
    stores: Annotated[int, typer.Option(help="How many of them.")] = 5,
    visits: Annotated[int, typer.Option(help="A day; each store lives two.")] = 16,
    out: ReportOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure on random stores that it was not taught on: days of every family, and ordinary ones."""
    from openaisle.interactions.actions_network import SHIPPED, ActionNetwork
    from openaisle.learning.actions_report import examine

    network = ActionNetwork(weights / SHIPPED.name if weights else SHIPPED)
    with bar(quiet=as_json) as shown:
        task = shown.add_task("days", total=2 * stores)
        report = examine(
            network,
            first_store=first_store,
            stores=stores,
            visits=visits,
            report=lambda done: shown.update(task, completed=done),
        )
    tell(report, out, as_json)
