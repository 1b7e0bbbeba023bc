"""`openaisle learn ... actions`: the same verbs, for the network that reads arms."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import typer


def synthesise(out: Path, first_store: int, stores: int, workers: int, *, as_json: bool) -> None:
    from openaisle.learning import actions_data as room

    settings = room.ActionDataSettings(first_store=first_store, stores=stores)
    with bar(quiet=as_json) as shown:
        task = shown.add_task("stores", total=stores)
        manifest = room.synthesise(
            out, settings, workers=workers, report=lambda done: shown.update(task, completed=done)
        )
    text = ", ".join(f"{count} {action}" for action, count in manifest["counts"].items())
    typer.echo(json.dumps(manifest) if as_json else f"{text} in {out}")


def train(data: Sequence[Path], out: Path, samples: int, seed: int, threads: int) -> None:
    from openaisle.learning import train_actions as room

    settings = room.ActionTrainSettings(samples=samples, seed=seed, threads=threads)
    trainer = room.ActionTrainer(data, out, settings)
    with bar() as shown:
        task = shown.add_task("arms", total=samples, completed=trainer.samples)

        def show(progress: room.ActionProgress) -> None:
            speed = progress.samples / max(progress.seconds, 1e-6)
            words = f"arms: loss {progress.loss:.3f}, {speed:.0f} samples/s"
            shown.update(task, completed=progress.samples, description=words)

        trainer.run(show)
    typer.echo(f"{out / room.CHECKPOINT}: {trainer.samples} samples in {trainer.seconds / 60:.1f} minutes")


def export(checkpoint: Path, calibration: Path, weights: Path) -> None:
    from openaisle.interactions.actions_network import SHIPPED
    from openaisle.learning import actions_export as room
    from openaisle.learning.export import sha256

    path = room.export(checkpoint, [calibration], weights / SHIPPED.name)
    typer.echo(f"{path}  {path.stat().st_size / 1e6:.2f} MB  sha256 {sha256(path)}")


def evaluate(
    weights: Path | None,
    first_store: int,
    stores: int,
    card: Path | None,
    data: Sequence[Path],
    *,
    as_json: bool,
) -> None:
    from openaisle.bench.vision_actions import actions_report, lines

    with bar(quiet=as_json) as shown:
        task = shown.add_task("days", total=2 * stores + 2)
        report = actions_report(
            first_store=first_store,
            stores=stores,
            weights=weights,
            report=lambda done: shown.update(task, completed=done),
        )
    if card is not None:
        from openaisle.learning.actions_card import write_card

        write_card(report, weights=weights, data=data, commands=card.read_text(encoding="utf-8").splitlines())
    if as_json:
        typer.echo(json.dumps(report))
        return
    for name, value in lines(report):
        typer.echo(f"{name:42} {value}")


def bar(quiet: bool = False):
    from openaisle.cli.learn import _bar

    return _bar(quiet)
