"""`openaisle learn`: make training pictures, train, export, evaluate."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from openaisle.cli import learn_products
from openaisle.core.errors import InputError


class What(StrEnum):
    PEOPLE = "people"
    PRODUCTS = "products"


class Job(StrEnum):
    BOXES = "boxes"
    KEYPOINTS = "keypoints"


GivenT = TypeVar("GivenT")
WhatArgument = Annotated[What, typer.Argument(help="What is learned.")]
DataOption = Annotated[
    list[Path], typer.Option("--data", help="Data set folder; may be given more than once.")
]


def register(app: typer.Typer) -> None:
    learn = typer.Typer(no_args_is_help=True, help="Make training pictures, train, export, evaluate.")
    learn.command("synthesise")(synthesise)
    learn.command("train")(train)
    learn.command("export")(export)
    learn.command("evaluate")(evaluate)
    app.add_typer(learn, name="learn")


def synthesise(
    what: WhatArgument,
    out: Annotated[Path, typer.Option(help="Folder of the data set.")] = Path("out/people"),
    first_store: Annotated[int, typer.Option(help="Seed of the first random store.")] = 1000,
    stores: Annotated[int, typer.Option(help="How many random stores.")] = 90,
    shopped: Annotated[
        float, typer.Option(help="Share of frames before which whole facings went or came.", min=0.0, max=1.0)
    ] = 0.4,
    workers: Annotated[int, typer.Option(help="Processes.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Render pictures of random people, or of packs, in random shops, with the truth about them."""
    if what is What.PRODUCTS:
        learn_products.synthesise(out, first_store, stores, workers, _bar(quiet=as_json), as_json)
        return
    from openaisle.learning import synthesise as room

    settings = room.SynthesiseSettings(first_store=first_store, stores=stores, shopped=shopped)
    with _bar(quiet=as_json) as bar:
        task = bar.add_task("stores", total=stores)
        manifest = room.synthesise(
            out, settings, workers=workers, report=lambda done: bar.update(task, completed=done)
        )
    counts = manifest["counts"]
    text = f"{counts['frames']} frames, {counts['people']} people in {out}"
    typer.echo(json.dumps(manifest) if as_json else text)


def train(
    what: WhatArgument,
    data: DataOption,
    out: Annotated[
        Path, typer.Option(help="Folder of the checkpoint; training goes on from one found there.")
    ],
    job: Annotated[Job | None, typer.Argument(help="Which network of people.")] = None,
    pictures: Annotated[
        int, typer.Option(help="Pictures seen in all: the length of the schedule.")
    ] = 200_000,
    seed: Annotated[int, typer.Option()] = 1,
    batch: Annotated[int, typer.Option(min=1)] = 16,
    rate: Annotated[float, typer.Option(help="Highest learning rate.")] = 1.5e-3,
    threads: Annotated[int, typer.Option(min=1)] = 1,
    bf16: Annotated[bool, typer.Option(help="Compute in bfloat16 where that is safe.")] = True,
    device: Annotated[str, typer.Option(help="torch's name: cpu, cuda.")] = "cpu",
    start: Annotated[
        Path | None, typer.Option("--from", help="An exported ONNX file to begin from instead of noise.")
    ] = None,
) -> None:
    """Train a network. Needs torch: pip install torch==2.13.0 onnx."""
    _need("torch")
    if what is What.PRODUCTS:
        _only_of_people(job, "JOB")
        _only_of_people(start, "--from")
        learn_products.train(data, out, pictures, seed, rate, threads, bf16, device, _bar())
        return
    job = _given(job, "JOB", "boxes or keypoints")
    if start is not None:
        _need("onnx")
    from openaisle.learning import train_people as room

    settings = room.TrainSettings(
        pictures=pictures, seed=seed, batch=batch, rate=rate, threads=threads, bf16=bf16, device=device
    )
    trainer = room.Trainer(job.value, data, out, settings, start)
    with _bar() as bar:
        task = bar.add_task(job.value, total=pictures, completed=trainer.pictures)

        def show(progress: room.Progress) -> None:
            speed = progress.pictures / max(progress.seconds, 1e-6)
            words = f"{job.value}: loss {progress.loss:.3f}, {speed:.0f} pictures/s"
            bar.update(task, completed=progress.pictures, description=words)

        trainer.run(show)
    typer.echo(f"{out / room.CHECKPOINT}: {trainer.pictures} pictures in {trainer.seconds / 60:.1f} minutes")


def export(
    what: WhatArgument,
    weights: Annotated[Path, typer.Option(help="Folder for the ONNX files.")],
    boxes: Annotated[
        Path | None, typer.Option(help="People: folder with the box network's checkpoint.")
    ] = None,
    keypoints: Annotated[
        Path | None, typer.Option(help="People: folder with the keypoint network's checkpoint.")
    ] = None,
    products: Annotated[Path | None, typer.Option(help="Products: folder with the checkpoint.")] = None,
    data: Annotated[
        list[Path] | None, typer.Option("--data", help="Products: data set it was trained on.")
    ] = None,
    int8_data: Annotated[Path | None, typer.Option(help="Data set to calibrate an INT8 copy on.")] = None,
    first_store: Annotated[int, typer.Option(help="Seed of the first store to calibrate scores on.")] = 8000,
    stores: Annotated[int, typer.Option(help="How many of them.")] = 12,
) -> None:
    """Write the networks as ONNX, with calibrated scores. With --int8-data also to WEIGHTS/int8."""
    _need("torch")
    _need("onnx")
    if what is What.PRODUCTS:
        _only_of_people(int8_data, "--int8-data")
        checkpoint = _given(products, "--products", "the folder of a checkpoint")
        learn_products.export(checkpoint, weights, data or [], first_store, stores, _bar())
        return
    boxes = _given(boxes, "--boxes", "the folder of a checkpoint")
    keypoints = _given(keypoints, "--keypoints", "the folder of a checkpoint")
    from openaisle.detections.runtime import RuntimeSettings
    from openaisle.learning import evaluate as evaluation
    from openaisle.learning import export as room

    paths = {
        name: room.export(name, folder, weights)
        for name, folder in (("boxes", boxes), ("keypoints", keypoints))
    }
    held_out = evaluation.HeldOut(first_store=first_store, stores=stores)
    with _bar() as bar:
        task = bar.add_task("calibrating", total=stores)
        runtime = RuntimeSettings(weights=weights)
        found = evaluation.calibrate(runtime, held_out, lambda done: bar.update(task, completed=done))
    path = paths["keypoints"]
    room.write_metadata(path, room.read_metadata(path) | found)
    if int8_data is not None:
        for name in paths:
            room.quantise(name, weights, int8_data, weights / "int8")
    for path in paths.values():
        typer.echo(f"{path}  {path.stat().st_size / 1e6:.2f} MB  sha256 {room.sha256(path)}")


def evaluate(
    what: WhatArgument,
    weights: Annotated[
        Path | None, typer.Option(help="Folder with the ONNX files; without it the shipped ones.")
    ] = None,
    first_store: Annotated[int, typer.Option(help="Seed of the first held-out store.")] = 9000,
    stores: Annotated[int, typer.Option(help="How many of them.")] = 10,
    card: Annotated[
        Path | None, typer.Option(help="File with the commands that made the weights: writes the card.")
    ] = None,
    data: Annotated[
        list[Path] | None, typer.Option("--data", help="Data set it was trained on, for the card.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure the people detector, or the product network, on rendered stores that it was not taught on."""
    if what is What.PRODUCTS:
        _only_of_people(card, "--card")
        learn_products.evaluate(weights, first_store, stores, _bar(quiet=as_json), as_json)
        return
    from openaisle.detections.runtime import SHIPPED, RuntimeSettings
    from openaisle.learning import evaluate as room

    folder = weights or SHIPPED
    held_out = room.HeldOut(first_store=first_store, stores=stores)
    with _bar(quiet=as_json) as bar:
        task = bar.add_task("stores", total=stores)
        figures = room.evaluate(
            RuntimeSettings(weights=folder), held_out, lambda done: bar.update(task, completed=done)
        )
    if card is not None:
        _need("onnx")
        from openaisle.learning import card as cards
        from openaisle.learning.people_data import read_manifest

        manifests = [read_manifest(each) for each in data or []]
        commands = card.read_text(encoding="utf-8").strip().splitlines()
        cards.write_card(folder, figures, held_out, data=manifests, commands=commands)
    if as_json:
        from openaisle.learning.evaluate import figures_json

        typer.echo(json.dumps(figures_json(figures, held_out)))
        return
    for name, value in room.lines(figures):
        typer.echo(f"{name:42} {value}")


def _given(value: GivenT | None, name: str, expected: str) -> GivenT:
    """An option that only some of what is learned needs."""
    if value is None:
        raise InputError("missing", field=name, expected=expected)
    return value


def _only_of_people(value: object, name: str) -> None:
    if value is not None:
        raise InputError("not for products", field=name, expected="it to be left out")


def _bar(quiet: bool = False):
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True, quiet=quiet))


def _need(module: str) -> None:
    from importlib.util import find_spec

    from openaisle.core.errors import MachineError

    if find_spec(module) is None:
        raise MachineError(f"training needs {module}: pip install torch==2.13.0 onnx")
