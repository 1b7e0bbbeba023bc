"""`openaisle learn compare NEW OLD`: better, worse, or nobody can tell; and `learn synthesise videos` to try it on."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from openaisle.cli._learn_people import Job
from openaisle.cli._learning import JsonOption, need, with_bar

WEIGHTS = "Folder with networks' files, or `shipped`."


class Compares(StrEnum):
    PEOPLE = "people"
    PRODUCTS = "products"


def register(learn: typer.Typer, synthesise: typer.Typer) -> None:
    """Add the verbs, and videos to the verb `synthesise`."""
    learn.command("compare")(compare)
    learn.command("curve")(curve)
    synthesise.command("videos")(videos)


def compare(
    new: Annotated[str, typer.Argument(help=WEIGHTS)],
    old: Annotated[str, typer.Argument(help=WEIGHTS)],
    store_data: Annotated[
        Path, typer.Option(help="Data set of the store's own labels, split by `learn split`.")
    ],
    of: Annotated[Compares, typer.Option(help="Which of a folder's networks.")] = Compares.PEOPLE,
    split: Annotated[str, typer.Option(help="Split to measure on.")] = "held_out",
    precision: Annotated[
        str, typer.Option(help="Of both: f32 | int8 | auto, as a shop would run them.")
    ] = "f32",
    out: Annotated[Path | None, typer.Option(help="File for the comparison as JSON.")] = None,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Compare two models on a store's held-out frames, family by family, with 95 % intervals by visit.

    Of products: which one comes first for packs that people labelled, by what they labelled in other visits.
    """
    from openaisle.detections.runtime import SHIPPED, RuntimeSettings
    from openaisle.learning import compare as people, compare_products as products
    from openaisle.learning.compared import as_json as told, lines
    from openaisle.learning.store_sights import sights_of

    first, second = (
        RuntimeSettings(weights=SHIPPED if name == "shipped" else Path(name), precision=precision)
        for name in (new, old)
    )
    room = people if of is Compares.PEOPLE else products
    total = 2 * len(sights_of(store_data, split)[1]) if of is Compares.PEOPLE else None
    compared = with_bar(
        total,
        as_json,
        lambda report: room.compare(store_data, first, second, split=split, seed=seed, report=report),
        "frames" if of is Compares.PEOPLE else "packs",
    )
    said = {"new": new, "old": old, "of": of, "store_data": store_data.name, "split": split, "seed": seed}
    document = json.dumps(said | told(compared, room.DECIDING), indent=1)
    if out is not None:
        out.write_text(document + "\n", encoding="utf-8")
    typer.echo(document if as_json else "\n".join(lines(compared, room.DECIDING)))


def curve(
    store_data: Annotated[Path, typer.Argument(help="Data set, split by `learn split`.", metavar="DATASET")],
    out: Annotated[
        Path, typer.Option(help="Folder of the training runs; those finished are not made again.")
    ],
    job: Annotated[Job, typer.Option(help="Which network.")] = Job.BOXES,
    frames: Annotated[
        list[int] | None,
        typer.Option(help="Labelled frames to learn from; may be given again. 25, 100, 200."),
    ] = None,
    seed: Annotated[list[int] | None, typer.Option(help="May be given again. 1, 2.")] = None,
    from_noise: Annotated[int | None, typer.Option(help="Pictures seen from noise, at most. 9600.")] = None,
    taught: Annotated[
        int | None,
        typer.Option(help="Pictures seen from the shipped network, at most. 480, of joints 6400."),
    ] = None,
    save: Annotated[Path | None, typer.Option(help="File for the figures as JSON.")] = None,
    as_json: JsonOption = False,
) -> None:
    """How much labelling rendered pictures save: accuracy against labelled frames, with them and without."""
    need("torch")
    need("onnx")
    from dataclasses import replace

    from openaisle.detections.runtime import SHIPPED
    from openaisle.learning import labelling_curve as room
    from openaisle.learning.export import FILE_OF

    usual = room.SETTINGS_OF[job.value]
    settings = replace(
        usual,
        frames=tuple(frames or usual.frames),
        seeds=tuple(seed or usual.seeds),
        pictures_from_noise=from_noise or usual.pictures_from_noise,
        pictures_taught=taught or usual.pictures_taught,
    )
    start = SHIPPED / FILE_OF[job.value]
    said = room.curve(store_data, out, job.value, start, settings, lambda line: typer.echo(line, err=True))
    document = json.dumps({"data": store_data.name, **said}, indent=1)
    if save is not None:
        save.write_text(document + "\n", encoding="utf-8")
    typer.echo(document if as_json else "\n".join(room.lines(said)))


def videos(
    out: Annotated[Path, typer.Option(help="Folder of videos, truth and store.")],
    store_seed: Annotated[int, typer.Option(help="Seed of the random store.")] = 9600,
    first_visit: Annotated[int, typer.Option(min=1, help="Number of the first visit.")] = 1,
    visits: Annotated[int, typer.Option(min=1, help="Recorded one by one.")] = 12,
    people: Annotated[int, typer.Option(min=1, help="In the shop at once, at most.")] = 3,
    cameras: Annotated[int, typer.Option(min=1)] = 3,
    seconds: Annotated[float, typer.Option(help="Of each visit.")] = 20.0,
    fps: Annotated[float, typer.Option(help="Frames a second.")] = 1.0,
    look: Annotated[
        str, typer.Option(help="other: not as our networks were taught. live: as they were.")
    ] = "other",
    as_json: JsonOption = False,
) -> None:
    """Film a small rendered shop in another look: stands in for a real one's recordings, with their truth."""
    from openaisle.learning import filmed as room

    settings = room.FilmSettings(
        store_seed=store_seed,
        first_visit=first_visit,
        visits=visits,
        people=people,
        cameras=cameras,
        seconds=seconds,
        fps=fps,
        look=look,
    )
    counts = with_bar(visits, as_json, lambda report: room.film(out, settings, report), "visits")
    words = f"{out}: {counts['videos']} videos, {counts['frames']} frames, {counts['people']} people"
    typer.echo(json.dumps(counts) if as_json else words)
