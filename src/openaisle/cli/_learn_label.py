"""`openaisle learn frames | split | next | label | forget`: from videos to labels that a person has checked."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from openaisle.cli._learning import DataSetArgument, JsonOption, bar, with_bar

WeightsOption = Annotated[
    Path | None, typer.Option(help="Folder with the people networks' files; without it the shipped ones.")
]
ServerOption = Annotated[str, typer.Option(help="Address of the Label Studio server.")]
TokenOption = Annotated[
    str, typer.Option(envvar="LABEL_STUDIO_TOKEN", help="Token of a user there, or LABEL_STUDIO_TOKEN.")
]


def register(learn: typer.Typer, cards: typer.Typer) -> None:
    """Add the verbs, and the data set's card to the verb `card`."""
    learn.command("frames")(frames)
    learn.command("split")(split)
    learn.command("next")(next_)
    learn.command("propose")(propose)
    learn.command("forget")(forget)
    label = typer.Typer(no_args_is_help=True, help="Have people label frames in Label Studio.")
    label.command("send")(send)
    label.command("fetch")(fetch)
    learn.add_typer(label, name="label")
    cards.command("dataset")(card)


def frames(
    videos: Annotated[
        list[Path], typer.Argument(help="Videos of one camera, or of several.", metavar="VIDEO...")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the data set; frames are added to one found there.")],
    every_s: Annotated[float, typer.Option(min=0.01, help="Seconds from one frame to the next.")] = 1.0,
    store: Annotated[
        str, typer.Option(help="Store, or its folder: its jurisdiction decides whether heads are blurred.")
    ] = "",
    camera: Annotated[
        str, typer.Option(help="Camera; without it the first part of the video's name, CAMERA__VISIT.mp4.")
    ] = "",
    visit: Annotated[str, typer.Option(help="Visit; without it the rest of the name.")] = "",
    blur: Annotated[
        str, typer.Option(help="heads | people | none; without it as the store's law asks.")
    ] = "",
    licence: Annotated[str, typer.Option(help="Under which the pictures may be used.")] = "",
    keep_until: Annotated[str, typer.Option(help="Day after which they must be gone: 2027-01-31.")] = "",
    basis: Annotated[str, typer.Option(help="Why one may have them: consent, synthetic, ...")] = "",
    source: Annotated[str, typer.Option(help="Where they came from, in a word.")] = "videos",
    weights: WeightsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take frames out of videos, people's heads blurred where the shop's jurisdiction asks for it."""
    from openaisle.detections.runtime import SHIPPED, RuntimeSettings
    from openaisle.labels.dataset import Source
    from openaisle.learning import video_frames as room
    from openaisle.store.load import load_store

    shop = load_store(store) if store else None
    wished = blur or (room.HEADS if shop is None else room.blur_for(shop.jurisdiction))
    sampling = room.Sampling(
        every_s=every_s,
        blur=wished,
        store_id=shop.store_id if shop else "",
        camera_id=camera,
        visit_id=visit,
        source=Source(name=source, licence=licence, keep_until=keep_until, basis=basis),
    )
    runtime = RuntimeSettings(weights=weights or SHIPPED)
    with bar(quiet=as_json) as shown:
        task = shown.add_task("frames", total=None)
        done = room.sample(videos, out, sampling, runtime, lambda count: shown.update(task, completed=count))
    words = f"{out}: {done.frames} frames more; blurred: {wished} ({done.blurred})"
    typer.echo(json.dumps({**asdict(done), "blur": wished}) if as_json else words)


def split(
    dataset: DataSetArgument,
    by: Annotated[str, typer.Option(help="What is never on both sides: visit | store.")] = "visit",
    check: Annotated[float, typer.Option(help="Share to stop training and choose thresholds by.")] = 0.2,
    held_out: Annotated[float, typer.Option(help="Share to measure on.")] = 0.25,
    seed: Annotated[int, typer.Option()] = 1,
    as_json: JsonOption = False,
) -> None:
    """Deal checked frames to train, check and held_out, edge cases to all of them."""
    from openaisle.labels import split as room
    from openaisle.labels.edge_cases import EDGE_CASES
    from openaisle.labels.folder import read_dataset, write_dataset

    dealt = room.split(read_dataset(dataset), by=by, check=check, held_out=held_out, seed=seed)
    write_dataset(dataset, dealt.dataset)
    if as_json:
        typer.echo(json.dumps({"frames": dealt.counts, "groups": dealt.groups}))
        return
    names = [room.FRAMES, *EDGE_CASES]
    typer.echo(f"{'':10}{by + 's':>8}" + "".join(f"{name:>{len(name) + 3}}" for name in names))
    for part, counts in dealt.counts.items():
        cells = "".join(f"{counts.get(name, 0):>{len(name) + 3}}" for name in names)
        typer.echo(f"{part:10}{dealt.groups.get(part, 0):>8}{cells}")


def next_(
    dataset: DataSetArgument,
    count: Annotated[int, typer.Option(min=1, help="How many frames.")] = 50,
    out: Annotated[
        Path | None, typer.Option(help="File for their names, one a line, for `label send --only`.")
    ] = None,
    weights: WeightsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Which frames to label next: those that the networks are unsure of, and unlike all that is labelled."""
    from openaisle.detections.runtime import SHIPPED, RuntimeSettings
    from openaisle.labels.folder import read_dataset
    from openaisle.learning import proposals as room

    runtime = RuntimeSettings(weights=weights or SHIPPED)
    total = len(read_dataset(dataset).frames)
    found = with_bar(
        total, as_json, lambda report: room.next_frames(dataset, runtime, count, report), "frames"
    )
    if out is not None:
        out.write_text("".join(f"{each.file}\n" for each in found), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in found]))
        return
    for each in found:
        typer.echo(f"{each.file}  doubt {each.uncertainty:.2f}  distance {each.distance:.2f}")


def propose(
    dataset: DataSetArgument,
    weights: WeightsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Label frames that nobody has looked at with what our networks say, for people to correct."""
    from openaisle.detections.runtime import SHIPPED, RuntimeSettings
    from openaisle.labels.folder import read_dataset
    from openaisle.learning import proposals as room

    runtime = RuntimeSettings(weights=weights or SHIPPED)
    total = sum(not frame.is_checked for frame in read_dataset(dataset).frames)
    count = with_bar(total, as_json, lambda report: room.propose(dataset, runtime, report), "frames")
    words = f"{dataset}: {count} people proposed in {total} frames"
    typer.echo(json.dumps({"frames": total, "labels": count}) if as_json else words)


def send(
    dataset: DataSetArgument,
    server: ServerOption,
    token: TokenOption,
    only: Annotated[
        Path | None, typer.Option(help="File with names of frames, from `learn next --out`.")
    ] = None,
    again: Annotated[bool, typer.Option(help="Send frames that people have checked already, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Send frames to Label Studio with what is proposed for them (`learn propose` first), into a project of its own."""
    from openaisle.adapters.label_studio import LabelStudioServer
    from openaisle.labels import hand_over as room

    names = None if only is None else room.names_in(only)
    with LabelStudioServer(server, token) as studio:
        sent = room.send(dataset, studio, only=names, again=again)
    words = f"{sent.frames} frames, {sent.labels} labels proposed: {server.rstrip('/')}/projects/{sent.project}/data"
    typer.echo(json.dumps(asdict(sent)) if as_json else words)
    for each in sent.lost:
        typer.echo(f"stays here: {each}", err=True)


def fetch(
    dataset: DataSetArgument,
    server: ServerOption,
    token: TokenOption,
    as_json: JsonOption = False,
) -> None:
    """Take what people said in Label Studio into the data set; frames nobody has submitted stay as they were."""
    from openaisle.adapters.label_studio import LabelStudioServer
    from openaisle.labels import hand_over as room

    with LabelStudioServer(server, token) as studio:
        done = room.fetch(dataset, studio)
    words = f"{dataset}: {done.frames} frames checked, {done.changed} of them changed"
    typer.echo(json.dumps(asdict(done)) if as_json else words)


def card(dataset: DataSetArgument) -> None:
    """Write the data set's card: counts, licences, until when pictures may be kept."""
    from datetime import UTC, datetime

    from openaisle.labels.card import write_card

    typer.echo(write_card(dataset, datetime.now(UTC).date()))


def forget(
    dataset: DataSetArgument,
    today: Annotated[str, typer.Option(help="Day to act on; without it, the machine's.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Delete pictures whose time is over; their boxes and joints stay, what was made of them to train on goes."""
    from openaisle.labels import hand_over as room

    names = room.forget(dataset, today)
    words = f"{dataset}: {len(names)} pictures deleted"
    typer.echo(json.dumps({"deleted": names}) if as_json else words)
