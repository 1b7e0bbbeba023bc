"""What the verbs of `openaisle learn` share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from openaisle.learning.report import Report
    from openaisle.learning.training import Loop, Progress

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
DeviceOption = Annotated[str, typer.Option(help="torch's name: cpu, cuda.")]
WorkersOption = Annotated[
    int, typer.Option(min=0, help="Processes that make batches; 0: the one that trains.")
]
MinutesOption = Annotated[
    float, typer.Option(min=0.0, help="End after so long if the schedule has not; 0: never.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


SAID_EVERY_S = 30.0  # where no terminal shows the bar


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


def run_training(name: str, trainer: Loop, total: int) -> None:
    """Train to the end of the schedule with a progress bar, or a line now and then where no terminal shows it."""
    from openaisle.learning.training import CHECKPOINT

    with bar() as shown:
        task = shown.add_task(name, total=total, completed=round(trainer.share_done * total))
        said_s = trainer.seconds

        def show(progress: Progress) -> None:
            nonlocal said_s
            if progress.held_out is not None:
                shown.console.print(
                    f"{name}: {progress.seen} {trainer.counted}, loss on `check` {progress.held_out:.4f}"
                )
                return
            shares = "".join(f", {what} {share:.1%}" for what, share in progress.shares.items())
            speed = progress.seen / max(progress.seconds, 1e-6)
            words = f"{name}: loss {progress.loss:.3f}{shares}, {speed:.0f} {trainer.counted}/s"
            shown.update(task, completed=round(trainer.share_done * total), description=words)
            if not shown.console.is_terminal and progress.seconds - said_s > SAID_EVERY_S:
                said_s = progress.seconds
                typer.echo(f"{words}, {trainer.share_done:.0%} done", err=True)

        trainer.run(show)
    typer.echo(
        f"{trainer.out / CHECKPOINT}: {trainer.seen} {trainer.counted} in {trainer.seconds / 60:.1f} minutes"
    )


def need(module: str) -> None:
    from importlib.util import find_spec

    from openaisle.core.errors import MachineError

    if find_spec(module) is None:
        raise MachineError(f"training needs {module}: pip install torch==2.13.0 onnx")
