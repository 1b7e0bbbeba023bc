"""`openaisle learn ... products`: what learn.py hands on where products are learned."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer


def register(app: typer.Typer) -> None:
    """No verb of its own: `learn` has the commands."""


def synthesise(out: Path, first_store: int, stores: int, workers: int, bar: Any, as_json: bool) -> None:
    """Render packs in hands, before shelves and on tables."""
    from openaisle.learning import products_pictures as room

    settings = room.PackSettings(first_store=first_store, stores=stores)
    with bar:
        task = bar.add_task("stores", total=stores)
        manifest = room.synthesise(
            out, settings, workers=workers, report=lambda done: bar.update(task, completed=done)
        )
    counts = manifest["counts"]
    text = f"{counts['pictures']} pictures of {counts['products']} products in {out}"
    typer.echo(json.dumps(manifest) if as_json else text)


def train(
    data: Sequence[Path],
    out: Path,
    pictures: int,
    seed: int,
    rate: float,
    threads: int,
    bf16: bool,
    device: str,
    bar: Any,
) -> None:
    """Train the product network."""
    from openaisle.learning import train_products as room

    settings = room.TrainSettings(
        pictures=pictures, seed=seed, rate=rate, threads=threads, bf16=bf16, device=device
    )
    trainer = room.Trainer(data, out, settings)
    with bar:
        task = bar.add_task("products", total=pictures, completed=trainer.pictures)

        def show(progress: room.Progress) -> None:
            words = f"products: loss {progress.loss:.3f}, right {progress.right:.1%}, pairs {progress.pairs_right:.1%}"
            bar.update(task, completed=progress.pictures, description=words)

        trainer.run(show)
    typer.echo(f"{out / room.CHECKPOINT}: {trainer.pictures} pictures in {trainer.seconds / 60:.1f} minutes")


def export(
    checkpoint: Path, weights: Path, data: Sequence[Path], first_store: int, stores: int, bar: Any
) -> None:
    """Write the network as ONNX, with calibrated probabilities."""
    from openaisle.detections.products import ProductSettings
    from openaisle.detections.runtime import RuntimeSettings
    from openaisle.learning import export as files
    from openaisle.learning import products_calibrate as calibration
    from openaisle.learning.products_export import export as write

    path = write(checkpoint, weights, data)
    held_out = calibration.HeldOut(first_store=first_store, stores=stores)
    settings = ProductSettings(runtime=RuntimeSettings(weights=weights))
    with bar:
        task = bar.add_task("calibrating", total=stores)
        found = calibration.calibrate(settings, held_out, lambda done: bar.update(task, completed=done))
    files.write_metadata(path, files.read_metadata(path) | found)
    typer.echo(f"{path}  {path.stat().st_size / 1e6:.2f} MB  sha256 {files.sha256(path)}")


def evaluate(weights: Path | None, first_store: int, stores: int, bar: Any, as_json: bool) -> None:
    """Measure on random stores that it was not taught on."""
    from openaisle.bench.vision_products import lines, products_report
    from openaisle.detections.products import ProductSettings
    from openaisle.detections.runtime import SHIPPED, RuntimeSettings
    from openaisle.learning.people_stores import training_store

    settings = ProductSettings(runtime=RuntimeSettings(weights=weights or SHIPPED))
    reports = []
    with bar:
        task = bar.add_task("stores", total=stores)
        for seed in range(first_store, first_store + stores):
            reports.append(products_report(training_store(seed), seed=seed, hands=2, settings=settings))
            bar.update(task, completed=seed - first_store + 1)
    if as_json:
        typer.echo(json.dumps(reports))
        return
    for report in reports:
        typer.echo(f"{report['store']} (seed {report['seed']})")
        for name, value in lines(report):
            typer.echo(f"  {name:40} {value}")
