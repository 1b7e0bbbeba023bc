"""`openaisle bench models`: people on real photos and video, by each model, beside its publisher's own decoding."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def models(
    real: Annotated[Path, typer.Option(help="A folder with coco128 or pets2009_s2l1 in it.")],
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="As `openaisle models list` has it; may be given again. Without it people and all here."
        ),
    ] = None,
    boxes: Annotated[
        str, typer.Option(help="Who finds boxes, for a model that finds joints in them.")
    ] = "people",
    publishers: Annotated[
        Path | None, typer.Option(help="Beside them the library Human, in this folder with node_modules.")
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Look at each Nth frame of a video.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Measure how well models of people see on real pictures that are here."""
    import json

    from rich.console import Console
    from rich.progress import Progress

    from openaisle.adapters.model_files import is_here
    from openaisle.bench.real_models import measure
    from openaisle.detections.models import MOVENET, NANODET, PEOPLE
    from openaisle.learning.real_pictures import as_json as as_rows, lines

    names = model or [name for name in (PEOPLE, MOVENET, NANODET) if name == PEOPLE or is_here(name)]
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("pictures", total=None)
        figures = measure(
            real,
            names,
            every=every,
            publishers=publishers,
            boxes=boxes,
            report=lambda name, done: progress.update(task, description=name, completed=done),
        )
    if as_json:
        print(json.dumps({"benchmark": "models", "every": every, "figures": as_rows(figures)}, indent=1))
        return
    for line in lines(figures):
        typer.echo(line)
