"""`openaisle learn import | export FORMAT`: anybody's labels into a data set, and out of one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from openaisle.cli._learning import DataSetArgument, JsonOption

FORMATS = {
    "coco": "COCO's JSON. Holds everything.",
    "yolo": "YOLO's text, boxes of classes.",
    "yolo-pose": "YOLO's text, boxes with 17 joints.",
    "cvat": "CVAT's XML of pictures.",
    "cvat-video": "CVAT's XML of videos, with tracks.",
    "label-studio": "Label Studio's JSON.",
    "mot": "MOTChallenge's folders: people's boxes and tracks.",
}


def register(learn: typer.Typer, exports: typer.Typer) -> None:
    """Add the verb `import`, and to the verb `export` a command a format."""
    imports = typer.Typer(
        no_args_is_help=True, help="Make a data set of labels in another format, or correct one."
    )
    for name, text in FORMATS.items():
        imports.command(name, help=text)(_importer(name))
        exports.command(name, help=f"A data set as {text}")(_exporter(name))
    exports.command("skeletons")(skeletons)
    exports.command("packs")(packs)
    learn.add_typer(imports, name="import")


def _importer(name: str) -> Callable[..., None]:
    def bring(
        source: Annotated[Path, typer.Argument(help="File or folder of labels.", metavar="SOURCE")],
        out: Annotated[
            Path | None, typer.Option(help="Folder of a new data set; pictures are copied there.")
        ] = None,
        onto: Annotated[
            Path | None,
            typer.Option(help="Instead: a data set whose labels these correct; all else of it stays."),
        ] = None,
        title: Annotated[str, typer.Option("--name", help="What the data set is called.")] = "",
        store: Annotated[str, typer.Option(help="Store of pictures that name none.")] = "",
        camera: Annotated[str, typer.Option(help="Camera of pictures that name none.")] = "",
        visit: Annotated[str, typer.Option(help="Visit of pictures that name none.")] = "",
        origin: Annotated[
            str, typer.Option("--source", help="Where the pictures came from, in a word.")
        ] = "",
        licence: Annotated[str, typer.Option(help="Under which they may be used.")] = "",
        keep_until: Annotated[str, typer.Option(help="Day after which they must be gone: 2027-01-31.")] = "",
        basis: Annotated[str, typer.Option(help="Why one may have them: consent, synthetic, ...")] = "",
        as_json: JsonOption = False,
    ) -> None:
        from openaisle.core.errors import InputError
        from openaisle.labels.dataset import Source
        from openaisle.labels.formats import bring as make, bring_onto

        if (out is None) == (onto is None):
            raise InputError("a new data set or a correction?", field="--out", expected="--out or --onto")
        if onto is not None:
            done = bring_onto(name, source, onto)
            words = f"{onto}: {done.frames} frames checked, {done.changed} of them changed, {done.unknown} unknown"
            typer.echo(json.dumps(asdict(done)) if as_json else words)
            return
        assert out is not None
        facts = {"store_id": store, "camera_id": camera, "visit_ids": (visit,) if visit else ()}
        says = any((origin, licence, keep_until, basis))
        where = Source(
            name=(origin or source.stem) if says else "", licence=licence, keep_until=keep_until, basis=basis
        )
        made = make(name, source, out, facts=facts, origin=where, title=title)
        counts = {"frames": len(made.frames), "labels": sum(len(frame.labels) for frame in made.frames)}
        words = f"{out}: {counts['frames']} frames, {counts['labels']} labels"
        typer.echo(json.dumps({"dataset": str(out), **counts}) if as_json else words)

    return bring


def _exporter(name: str) -> Callable[..., None]:
    def export(
        dataset: DataSetArgument,
        out: Annotated[Path, typer.Option(help="Folder to write.")],
        pictures: Annotated[bool, typer.Option(help="Copy the pictures too.")] = True,
        as_json: JsonOption = False,
    ) -> None:
        from openaisle.labels.formats import export as write

        done = write(name, dataset, out, with_pictures=pictures)
        if as_json:
            typer.echo(json.dumps(asdict(done)))
            return
        typer.echo(f"{out}: {done.frames} frames, {done.labels} labels, {done.pictures} pictures")
        for each in done.lost:
            typer.echo(f"not kept, {name} has no place for it: {each}", err=True)

    return export


def skeletons(
    dataset: DataSetArgument,
    out: Annotated[Path, typer.Option(help="Folder of the new data set.")],
) -> None:
    """The data set without its pictures: boxes and joints only, for longer keeping and for others."""
    from openaisle.labels.folder import read_dataset, write_dataset
    from openaisle.labels.formats import without_pictures

    found = read_dataset(dataset)
    write_dataset(out, without_pictures(found))
    typer.echo(f"{out}: {len(found.frames)} frames without pictures")


def packs(
    dataset: DataSetArgument,
    out: Annotated[
        Path, typer.Option(help="Folder of pictures, a folder a product: for `openaisle enrol STORE OUT`.")
    ],
    least_px: Annotated[int, typer.Option(min=8, help="Smaller packs are left out.")] = 32,
) -> None:
    """Labelled packs as the pictures by which a store's products are enrolled: one SKU or all, without training."""
    from openaisle.labels.packs import export_packs

    counts = export_packs(dataset, out, least_px)
    typer.echo(f"{out}: {sum(counts.values())} pictures of {len(counts)} products")
