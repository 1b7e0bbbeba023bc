"""`openaisle learn ... people`: the two networks that find people and their joints."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openaisle.cli._learning import (
    CocoOption,
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

if TYPE_CHECKING:
    from openaisle.learning.synthesise import Sight


CrowdedOption = Annotated[
    float, typer.Option(help="Share of frames with 5 to 11 people in them.", min=0.0, max=1.0)
]


class Job(StrEnum):
    BOXES = "boxes"
    KEYPOINTS = "keypoints"


def synthesise(
    out: Annotated[Path, typer.Option(help="Folder of the data set.")] = Path("out/people"),
    first_store: Annotated[int, typer.Option(help="Seed of the first random store.")] = 1000,
    stores: Annotated[int, typer.Option(help="How many random stores.")] = 90,
    shopped: Annotated[
        float, typer.Option(help="Share of frames before which whole facings went or came.", min=0.0, max=1.0)
    ] = 0.4,
    crowded: CrowdedOption = 0.0,
    look: Annotated[
        str,
        typer.Option(
            help="live: as the shipped networks were taught. other: drawn better, other people and cameras."
        ),
    ] = "live",
    cast: Annotated[
        int,
        typer.Option(help="People of a store who come again, to learn whom to know again; 0: none.", min=0),
    ] = 0,
    coco: CocoOption = None,
    pictures: PicturesOption = "jpg",
    workers: Annotated[int, typer.Option(help="Processes.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Render pictures of random people in random shops, with the truth about them."""
    from openaisle.learning import synthesise as room
    from openaisle.learning.coco_labels import CocoOut

    settings = room.SynthesiseSettings(
        first_store=first_store, stores=stores, shopped=shopped, crowded=crowded, look=look, cast=cast
    )
    coco_out = None if coco is None else CocoOut(folder=coco, suffix=pictures)
    manifest = with_bar(
        stores,
        as_json,
        lambda report: room.synthesise(out, settings, coco_out=coco_out, workers=workers, report=report),
    )
    counts = manifest["counts"]
    text = f"{counts['frames']} frames, {counts['people']} people in {out}"
    typer.echo(json.dumps(manifest) if as_json else text)


def train(
    job: Annotated[Job, typer.Argument(help="Which network.")],
    out: OutOption,
    data: Annotated[
        list[Path] | None, typer.Option("--data", help="Data set folder; may be given more than once.")
    ] = None,
    store_data: StoreDataOption = None,
    pictures: Annotated[
        int, typer.Option(help="Pictures seen in all: the length of the schedule.")
    ] = 200_000,
    seed: Annotated[int, typer.Option()] = 1,
    batch: Annotated[int, typer.Option(min=1)] = 16,
    rate: Annotated[float, typer.Option(help="Highest learning rate.")] = 1.5e-3,
    threads: Annotated[int, typer.Option(min=1)] = 1,
    bf16: Annotated[bool, typer.Option(help="Compute in bfloat16 where that is safe.")] = True,
    device: DeviceOption = "cpu",
    workers: WorkersOption = 0,
    minutes: MinutesOption = 0.0,
    start: Annotated[
        Path | None,
        typer.Option(
            "--from", help="An exported ONNX file to begin from; with --store-data the shipped one."
        ),
    ] = None,
    from_noise: Annotated[
        bool, typer.Option(help="With --store-data: begin from noise all the same.")
    ] = False,
    check_every: Annotated[
        int, typer.Option(min=1, help="With --store-data: pictures between looks at the split `check`.")
    ] = 800,
    patience: Annotated[int, typer.Option(min=1, help="Looks without gain after which training stops.")] = 4,
) -> None:
    """Train a network. Needs torch: pip install torch==2.13.0 onnx.

    With --store-data a shipped network is fine-tuned on a store's own labels until the split `check`, its edge cases
    where it has enough, gains no more; --data beside it keeps what was known before.
    """
    need("torch")
    from openaisle.core.errors import InputError
    from openaisle.detections.runtime import SHIPPED
    from openaisle.learning import train_people as room
    from openaisle.learning.export import FILE_OF

    if not data and store_data is None:
        raise InputError("nothing to train on", field="--data", expected="--data or --store-data")
    own, check = [], []
    if store_data is not None:
        from openaisle.labels.dataset import CHECK, TRAIN
        from openaisle.learning import store_sights

        own, check = [store_sights.shards(store_data, TRAIN)], [store_sights.shards(store_data, CHECK)]
        start = start or (None if from_noise else SHIPPED / FILE_OF[job.value])
    if start is not None:
        need("onnx")
    settings = room.TrainSettings(
        pictures=pictures,
        seed=seed,
        batch=batch,
        rate=rate,
        threads=threads,
        bf16=bf16,
        device=device,
        workers=workers,
        minutes=minutes,
        check_every=check_every if check else 0,
        patience=patience,
    )
    trainer = room.Trainer(job.value, data or [], out, settings, start, own=own, check=check)
    run_training(job.value, trainer, pictures)
    if trainer.checks:
        seen, loss = min(trainer.checks, key=lambda each: each[1])
        how = "stopped, nothing got better" if trainer.is_stopped else "ended with its schedule"
        typer.echo(
            f"{how}; kept: what {seen} pictures had taught, loss {trainer.checks[0][1]:.4f} -> {loss:.4f}"
        )


def export(
    weights: Annotated[Path, typer.Option(help="Folder for the ONNX files.")],
    boxes: Annotated[
        Path | None,
        typer.Option(help="Folder with the box network's checkpoint; without it the shipped network."),
    ] = None,
    keypoints: Annotated[
        Path | None,
        typer.Option(help="Folder with the keypoint network's checkpoint; without it the shipped one."),
    ] = None,
    int8_data: Annotated[Path | None, typer.Option(help="Data set to calibrate an INT8 copy on.")] = None,
    store_data: StoreDataOption = None,
    first_store: Annotated[int, typer.Option(help="Seed of the first store to calibrate scores on.")] = 8000,
    stores: Annotated[int, typer.Option(help="How many of them.")] = 12,
) -> None:
    """Write both networks as ONNX, with calibrated scores. With --int8-data also their INT8 copies.

    With --store-data scores are calibrated on its split `check` too.
    """
    need("torch")
    need("onnx")
    import shutil

    from openaisle.detections.products import PRODUCTS_FILE
    from openaisle.detections.runtime import INT8_FOLDER, SHIPPED, sha256
    from openaisle.labels.dataset import CHECK
    from openaisle.learning import export as room, store_sights
    from openaisle.learning.quantise import quantise

    paths: dict[str, Path] = {}
    weights.mkdir(parents=True, exist_ok=True)
    for name, folder in (("boxes", boxes), ("keypoints", keypoints)):
        if folder is not None:
            paths[name] = room.export(name, folder, weights)
            continue
        paths[name] = weights / room.FILE_OF[name]
        shutil.copyfile(SHIPPED / room.FILE_OF[name], paths[name])
    if (boxes is None or keypoints is None) and not (weights / PRODUCTS_FILE).exists():
        # A shop that is given a folder takes all of its networks from there.
        shutil.copyfile(SHIPPED / PRODUCTS_FILE, weights / PRODUCTS_FILE)
    room.keep_bodies(SHIPPED / room.FILE_OF["keypoints"], paths["keypoints"])
    own = ()
    if store_data is not None:
        dataset, frames = store_sights.sights_of(store_data, CHECK)
        own = (
            (each.sight, each.has_empty) for each in store_sights.store_sights(store_data, dataset, frames)
        )
    _calibrate(weights, first_store, stores, own=own, own_name=store_data.name if store_data else None)
    if int8_data is not None:
        for name in paths:
            quantise(name, weights, int8_data, weights / INT8_FOLDER)
    for path in paths.values():
        typer.echo(f"{path}  {path.stat().st_size / 1e6:.2f} MB  sha256 {sha256(path)}")


def calibrate(
    weights: Annotated[
        Path | None, typer.Option(help="Folder with the ONNX files; without it the shipped ones.")
    ] = None,
    first_store: Annotated[int, typer.Option(help="Seed of the first store to fit on.")] = 8000,
    stores: Annotated[int, typer.Option(help="How many of them.", min=1)] = 12,
    crowded: CrowdedOption = 0.0,
    bodies: Annotated[
        bool,
        typer.Option(
            help="Fit what reads whole bodies' boxes and the worth of poses, too: needs torch and 100 stores."
        ),
    ] = False,
    int8: Annotated[
        bool, typer.Option("--int8", help="Of the INT8 copies, by what they say themselves, and in them.")
    ] = False,
    workers: Annotated[int, typer.Option(help="Processes.", min=1)] = 1,
) -> None:
    """Fit again what turns the people networks' figures into probabilities. Needs onnx: pip install onnx.

    INT8 copies are of the file as it was: `learn quantise people` makes them again, and --int8 fits them after that.
    """
    need("onnx")
    if bodies:
        need("torch")
    from openaisle.detections.runtime import SHIPPED

    _calibrate(
        weights or SHIPPED,
        first_store,
        stores,
        crowded=crowded,
        fits_bodies=bodies,
        is_int8=int8,
        workers=workers,
    )


def _calibrate(
    weights: Path,
    first_store: int,
    stores: int,
    *,
    crowded: float = 0.0,
    fits_bodies: bool = False,
    is_int8: bool = False,
    workers: int = 1,
    own: Iterable[tuple[Sight, bool]] = (),
    own_name: str | None = None,
) -> None:
    """`own`: sights of the store that they are for, and whether each one's empty picture is known."""
    from openaisle.detections.bodies import Bodies
    from openaisle.detections.people_networks import PeopleNetworks
    from openaisle.detections.runtime import INT8_FOLDER, RuntimeSettings
    from openaisle.learning import export as room, people_calibration, people_proposals
    from openaisle.learning.evaluate import HeldOut

    held_out = HeldOut(first_store=first_store, stores=stores)
    settings = replace(held_out.as_settings(), crowded=crowded)
    runtime = RuntimeSettings(weights=weights, precision="int8" if is_int8 else "f32")
    on: dict[str, Any] = {"first_store": first_store, "stores": stores, "crowded": crowded}
    with bar() as shown:
        task = shown.add_task("looking at stores", total=stores)
        frames = [
            *people_proposals.of_random_stores(
                runtime, settings, lambda done: shown.update(task, completed=done), workers=workers
            )
        ]
    networks = PeopleNetworks(runtime)
    looked = (people_proposals.proposals_in(networks, sight, has_empty=has_empty) for sight, has_empty in own)
    frames += [each for each in looked if each is not None]
    path = (weights / INT8_FOLDER if is_int8 else weights) / room.FILE_OF["keypoints"]
    said = {
        name: value for name, value in room.read_metadata(path).items() if not name.startswith("score_min")
    }
    if fits_bodies:
        from openaisle.learning.people_bodies import fit

        said |= fit(frames).as_metadata() | {room.BODIES_MADE_KEY: on}
    found = people_calibration.calibrate(frames, Bodies.of(said))
    found["calibrated_on"] = on | ({} if own_name is None else {"store_data": own_name})
    room.write_metadata(path, said | found)


def quantise(
    data: Annotated[
        Path | None, typer.Option(help="Data set to calibrate on: made by `learn synthesise`.")
    ] = None,
    store_data: StoreDataOption = None,
    weights: Annotated[
        Path | None, typer.Option(help="Folder with the ONNX files; without it the shipped ones.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the INT8 files; without it WEIGHTS/int8, where they serve."),
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="Pictures to calibrate on.")] = 256,
    seed: Annotated[int, typer.Option()] = 1,
) -> None:
    """Write INT8 copies of both networks. Needs onnx: pip install onnx.

    With --store-data they are calibrated on its split `train`, and what INT8 and bfloat16 cost is measured on `check`.
    """
    need("onnx")
    from openaisle.core.errors import InputError
    from openaisle.detections.runtime import INT8_FOLDER, SHIPPED, sha256
    from openaisle.labels.dataset import TRAIN
    from openaisle.learning import store_sights
    from openaisle.learning.export import FILE_OF
    from openaisle.learning.precision import losses
    from openaisle.learning.quantise import quantise

    if (data is None) == (store_data is None):
        raise InputError("pictures to calibrate on?", field="--data", expected="--data or --store-data")
    folder = weights or SHIPPED
    pictures = data if store_data is None else store_sights.shards(store_data, TRAIN)
    assert pictures is not None
    for name in FILE_OF:
        path = quantise(name, folder, pictures, out or folder / INT8_FOLDER, samples=samples, seed=seed)
        typer.echo(f"{path}  {path.stat().st_size / 1e6:.2f} MB  sha256 {sha256(path)}")
    if store_data is not None:
        for line in losses(store_data, folder, out or folder / INT8_FOLDER):
            typer.echo(line)


def evaluate(
    weights: Annotated[
        Path | None, typer.Option(help="Folder with the ONNX files; without it the shipped ones.")
    ] = None,
    first_store: Annotated[int, typer.Option(help="Seed of the first held-out store.")] = 9000,
    stores: Annotated[int, typer.Option(help="How many of them.")] = 10,
    light: Annotated[float, typer.Option(min=0.05, help="Of what the cameras would have seen.")] = 1.0,
    store_data: StoreDataOption = None,
    split: Annotated[str, typer.Option(help="With --store-data: train | check | held_out.")] = "held_out",
    real: Annotated[
        Path | None,
        typer.Option(help="Measure on real pictures instead: a folder with coco128 or pets2009_s2l1 in it."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="With --real: people | movenet-multipose | nanodet, may be given again."),
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="With --real: look at each Nth frame of a video.")] = 1,
    out: ReportOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure the people detector on rendered stores that it was not taught on, on a store's labels, or on photos."""
    if real is not None:
        _evaluate_real(real, model or ["people"], weights, every, as_json)
        return
    from openaisle.detections.runtime import SHIPPED, RuntimeSettings
    from openaisle.learning import evaluate as room

    if store_data is not None:
        from openaisle.learning.store_sights import examine, sights_of

        total, own = len(sights_of(store_data, split)[1]), RuntimeSettings(weights=weights or SHIPPED)
        tell(
            with_bar(total, as_json, lambda report: examine(store_data, own, split, report), "frames"),
            out,
            as_json,
        )
        return

    held_out = room.HeldOut(first_store=first_store, stores=stores, light=light)
    runtime = RuntimeSettings(weights=weights or SHIPPED)
    tell(with_bar(stores, as_json, lambda report: room.examine(runtime, held_out, report)), out, as_json)


def _evaluate_real(folder: Path, names: list[str], weights: Path | None, every: int, as_json: bool) -> None:
    from openaisle.adapters.model_files import weights_of
    from openaisle.detections.models import PEOPLE
    from openaisle.detections.runtime import RuntimeSettings
    from openaisle.learning import real_pictures as room

    runtimes = [
        (name, RuntimeSettings(weights=weights if weights and name == PEOPLE else weights_of(name)))
        for name in names
    ]
    with bar(quiet=as_json) as shown:
        task = shown.add_task("pictures", total=None)
        figures = room.evaluate_real(
            folder,
            runtimes,
            every=every,
            report=lambda name, done: shown.update(task, description=name, completed=done),
        )
    if as_json:
        typer.echo(json.dumps(room.as_json(figures)))
        return
    for line in room.lines(figures):
        typer.echo(line)
