"""`openaisle learn ... products`: the network that recognises packs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from openaisle.cli._learning import (
    CocoOption,
    DataOption,
    DeviceOption,
    MinutesOption,
    OutOption,
    PicturesOption,
    ReportOption,
    StoreDataOption,
    WorkersOption,
    bar,
    need,
    run_training,
    tell,
    with_bar,
)

OthersOption = Annotated[
    int,
    typer.Option(
        min=0, help="Random stores whose products are what other shops sell; 0 leaves those it names."
    ),
]


def synthesise(
    out: Annotated[Path, typer.Option(help="Folder of the data set.")] = Path("out/products"),
    first_store: Annotated[int, typer.Option(help="Seed of the first random store.")] = 1000,
    stores: Annotated[int, typer.Option(help="How many random stores.")] = 30,
    coco: CocoOption = None,
    pictures: PicturesOption = "jpg",
    workers: Annotated[int, typer.Option(help="Processes.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Render packs in hands, before shelves and on tables."""
    from openaisle.learning import products_pictures as room
    from openaisle.learning.coco_labels import CocoOut

    settings = room.PackSettings(first_store=first_store, stores=stores)
    coco_out = None if coco is None else CocoOut(folder=coco, suffix=pictures)
    manifest = with_bar(
        stores,
        as_json,
        lambda report: room.synthesise(out, settings, coco_out=coco_out, workers=workers, report=report),
    )
    counts = manifest["counts"]
    text = f"{counts['pictures']} pictures of {counts['products']} products in {out}"
    typer.echo(json.dumps(manifest) if as_json else text)


def train(
    data: DataOption,
    out: OutOption,
    pictures: Annotated[
        int, typer.Option(help="Pictures seen in all: the length of the schedule.")
    ] = 500_000,
    seed: Annotated[int, typer.Option()] = 1,
    pairs: Annotated[int, typer.Option(min=2, help="Look-alikes in a batch: four pictures each.")] = 8,
    rate: Annotated[float, typer.Option(help="Highest learning rate.")] = 2.5e-3,
    threads: Annotated[int, typer.Option(min=1)] = 1,
    bf16: Annotated[bool, typer.Option(help="Compute in bfloat16 where that is safe.")] = True,
    device: DeviceOption = "cpu",
    workers: WorkersOption = 0,
    minutes: MinutesOption = 0.0,
    start: Annotated[
        Path | None, typer.Option("--from", help="An exported ONNX file whose convolutions to begin from.")
    ] = None,
) -> None:
    """Train the product network."""
    need("torch")
    from openaisle.learning import train_products as room

    settings = room.TrainSettings(
        pictures=pictures,
        seed=seed,
        pairs=pairs,
        empty=max(1, pairs // 2),
        rate=rate,
        threads=threads,
        bf16=bf16,
        device=device,
        workers=workers,
        minutes=minutes,
    )
    if start is not None:
        need("onnx")
    trainer = room.Trainer(data, out, settings, start)
    run_training("products", trainer, pictures)


def export(
    weights: Annotated[Path, typer.Option(help="Folder for the ONNX file.")],
    products: Annotated[Path | None, typer.Option(help="Folder with the checkpoint.")] = None,
    data: Annotated[
        list[Path] | None, typer.Option("--data", help="Data set folder; may be given more than once.")
    ] = None,
    store_data: StoreDataOption = None,
    first_store: Annotated[int, typer.Option(help="Seed of the first store to calibrate scores on.")] = 8000,
    stores: Annotated[int, typer.Option(help="How many of them.")] = 12,
    others: OthersOption = 40,
) -> None:
    """Write the network as ONNX, with calibrated probabilities.

    With --store-data it is the shipped one, fitted to packs that people labelled in the store (its set of SKUs), chosen
    on the split `check`: no training, no torch.
    """
    need("onnx")
    from openaisle.core.errors import InputError
    from openaisle.detections.runtime import SHIPPED
    from openaisle.learning.products_export import export as write

    if store_data is not None and products is None:
        from openaisle.learning.products_fit import fit

        done = fit(store_data, SHIPPED, weights)
        others = 0  # They went through the same matrix.
        typer.echo(
            f"fitted to {done.packs} packs of {done.products} products, by {done.share:.0%}; right at the first guess "
            f"{done.right_before:.1%} -> {done.right_after:.1%} of {done.measured} others"
        )
    elif products is not None and data:
        need("torch")
        write(products, weights, data)
    else:
        raise InputError(
            "what to export?", field="--products", expected="--products and --data, or --store-data"
        )
    calibrate(weights, first_store, stores, others)


def calibrate(
    weights: Annotated[Path, typer.Option(help="Folder with the ONNX file.")],
    first_store: Annotated[int, typer.Option(help="Seed of the first store to calibrate scores on.")] = 8000,
    stores: Annotated[int, typer.Option(help="How many of them.")] = 12,
    others: OthersOption = 40,
) -> None:
    """Fit probabilities and thresholds of a network as it is, and write them into its file.

    A threshold of `learn threshold products` stays. Galleries name the file that they were made with: enrol again.
    """
    need("onnx")
    from openaisle.detections.products import PRODUCTS_FILE, ProductSettings
    from openaisle.detections.runtime import RuntimeSettings, sha256
    from openaisle.learning import export as files, products_calibrate as calibration

    path = weights / PRODUCTS_FILE
    held_out = calibration.HeldOut(first_store=first_store, stores=stores)
    settings = ProductSettings(runtime=RuntimeSettings(weights=weights))
    with bar() as shown:
        task = shown.add_task("calibrating", total=others + stores)
        found = calibration.calibrate(
            settings, held_out, lambda done: shown.update(task, completed=done), others=others
        )
    files.write_metadata(path, files.read_metadata(path) | found)
    typer.echo(f"{path}  {path.stat().st_size / 1e6:.2f} MB  sha256 {sha256(path)}")


def evaluate(
    weights: Annotated[
        Path | None, typer.Option(help="Folder with the ONNX file; without it the shipped one.")
    ] = None,
    first_store: Annotated[int, typer.Option(help="Seed of the first held-out store.")] = 9000,
    stores: Annotated[int, typer.Option(help="How many of them.")] = 6,
    out: ReportOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure on random stores that it was not taught on."""
    from openaisle.detections.products import ProductSettings
    from openaisle.detections.runtime import SHIPPED, RuntimeSettings
    from openaisle.learning import products_measure as room
    from openaisle.learning.products_calibrate import HeldOut

    settings = ProductSettings(runtime=RuntimeSettings(weights=weights or SHIPPED))
    held_out = HeldOut(first_store=first_store, stores=stores, hands=2)
    tell(with_bar(stores, as_json, lambda report: room.examine(settings, held_out, report)), out, as_json)
