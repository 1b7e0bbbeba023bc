"""`openaisle detect`: the people in anybody's pictures and videos."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from openaisle.adapters.overlays import OverlayWriter
    from openaisle.adapters.pictures import PictureFile


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("detect")(detect)


def detect(
    files: Annotated[list[Path], typer.Argument(help="Pictures and videos, of any size.", metavar="FILE...")],
    model: Annotated[str, typer.Option(help="As `openaisle models list` has it.")] = "people",
    boxes: Annotated[
        str, typer.Option(help="Who finds people, for a model that finds joints in boxes.")
    ] = "people",
    hands: Annotated[
        str, typer.Option(help="Who moves wrists to where hands begin; nobody without it.")
    ] = "",
    weights: Annotated[
        Path | None, typer.Option(help="Folder with the model's files instead of the usual ones.")
    ] = None,
    score_min: Annotated[
        float | None, typer.Option(help="Least score of a person; by default the model's own.", min=0, max=1)
    ] = None,
    every: Annotated[int, typer.Option(help="Of a video, look at each Nth frame.", min=1)] = 1,
    draw: Annotated[
        Path | None,
        typer.Option(help="Write overlays: a picture or an .mp4 for one file, otherwise a folder."),
    ] = None,
    provider: Annotated[
        list[str] | None,
        typer.Option(
            help="Where networks run: cpu | openvino | cuda | tensorrt; may be given again, best first."
        ),
    ] = None,
    precision: Annotated[
        str, typer.Option(help="auto | f32 | int8, and bf16 | f16, wishes that OpenVINO follows.")
    ] = "auto",
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document with COCO's fields on standard output.")
    ] = False,
) -> None:
    """Find people and their 17 joints. A video's frames teach its empty background; pictures are seen by themselves."""
    import json

    from rich.console import Console
    from rich.progress import Progress

    from openaisle.adapters.model_files import weights_of
    from openaisle.adapters.pictures import PictureFile
    from openaisle.core.messages import Frame
    from openaisle.detections import models
    from openaisle.detections.coco import CocoDocument
    from openaisle.detections.runtime import RuntimeSettings

    def runtime(name: str, folder: Path | None = None) -> RuntimeSettings:
        return RuntimeSettings(
            weights=folder or weights_of(name), providers=tuple(provider or ["cpu"]), precision=precision
        )

    detector = models.build(
        model,
        runtime(model, weights),
        score_min,
        boxes=models.build(boxes, runtime(boxes), score_min) if boxes != models.PEOPLE else None,
        hands=weights_of(hands) / f"{hands}.onnx" if hands else None,
    )
    opened = [PictureFile.open(path) for path in files]
    document = CocoDocument(model)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("looking", total=_looks(opened, every))
        for number, file in enumerate(opened):
            bar.update(task, description=file.path.name)
            camera_id = f"file-{number + 1}"
            overlay = _overlay(draw, file, number, len(opened), every)
            for looked, shot in enumerate(file.shots(every)):
                height, width = shot.pixels.shape[:2]
                if not looked:
                    detector.watch(models.camera_of_size(camera_id, width, height))
                frame = Frame(camera_id, shot.time_ns, shot.time_ns, shot.pixels)
                detections = detector.detect([frame])[0]
                document.add(detections, str(file.path), width, height, shot.frame_index)
                if overlay:
                    overlay.write(shot, detections)
                bar.advance(task)
            if overlay:
                overlay.close()
    if as_json:
        print(json.dumps(document.as_json()))
        return
    for line in document.lines():
        typer.echo(line)


def _overlay(
    out: Path | None, file: PictureFile, number: int, files: int, every: int
) -> OverlayWriter | None:
    from openaisle.adapters.overlays import OverlayWriter

    if out is None:
        return None
    return OverlayWriter(out, file, number=number + 1 if files > 1 else None, every=every)


def _looks(files: list[PictureFile], every: int) -> int | None:
    """How many pictures will be looked at; None if some video does not say how long it is."""
    if not all(file.frame_count for file in files):
        return None
    return sum(-(-file.frame_count // every) if file.is_video else 1 for file in files)
