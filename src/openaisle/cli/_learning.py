"""What the verbs of `openaisle learn` share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from openaisle.learning.report import Report

T = TypeVar("T")

DataOption = Annotated[
    list[Path], typer.Option("--data", help="Data set folder; may be given more than once.")
]
OutOption = Annotated[
    Path, typer.Option(help="Folder of the checkpoint; training goes on from one found there.")
]
CocoOption = Annotated[
    Path | None,
    typer.Option("--coco", help="Also write whole pictures with COCO labels here, for other training code."),
]
PicturesOption = Annotated[str, typer.Option("--pictures", help="With --coco: jpg | png.")]
ReportOption = Annotated[
    Path | None, typer.Option("--out", help="Folder for the report: tables, diagrams, pictures of mistakes.")
]
DataSetArgument = Annotated[Path, typer.Argument(help="Folder of a data set of labels.", metavar="DATASET")]
StoreDataOption = Annotated[
    Path | None,
    typer.Option("--store-data", help="Data set of the store's own labels, split by `learn split`."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


def tell(report: Report, out: Path | None, as_json: bool) -> None:
    """Print a report, and write its folder if there is to be one."""
    if out is not None:
        report.write(out)
    typer.echo(json.dumps(report.as_json()) if as_json else "\n".join(report.text()))


def bar(quiet: bool = False):
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True, quiet=quiet))


def with_bar(
    total: int | None, quiet: bool, job: Callable[[Callable[[int], None]], T], what: str = "stores"
) -> T:
    """What `job` gives, with a progress bar meanwhile: it is handed whom to tell how many (of `total`) are done."""
    with bar(quiet) as shown:
        task = shown.add_task(what, total=total)
        return job(lambda done: shown.update(task, completed=done))


def need(module: str) -> None:
    from importlib.util import find_spec

    from openaisle.core.errors import MachineError

    if find_spec(module) is None:
        raise MachineError(f"training needs {module}: pip install torch==2.13.0 onnx")
