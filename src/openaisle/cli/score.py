"""`openaisle score`: the receipts of a recorded day against what really happened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from openaisle.replay.score import Score, Tally


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("score")(score)


def score(
    day: Annotated[Path, typer.Argument(help="Recording folder with a truth folder in it.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    vision: Annotated[
        str, typer.Option(help="recorded | video | auto: from the videos if no detections were recorded.")
    ] = "auto",
    show_wrong: Annotated[bool, typer.Option("--wrong", help="List the visits that were not exact.")] = False,
) -> None:
    """Replay a day and count exact receipts, overcharged visits, latency from event to cart, identity switches."""
    import json

    import msgspec
    from rich.console import Console
    from rich.progress import Progress

    from openaisle.adapters.event_log_sqlite import MemoryEventLog
    from openaisle.core.errors import RecordingError
    from openaisle.core.messages import CartChanged, FloorTracks, Receipt, ReviewOpened
    from openaisle.replay.recording import Recording
    from openaisle.replay.run import run
    from openaisle.replay.score import score_of, tally
    from openaisle.replay.truth import DayTruth

    recording = Recording.open(day)
    if recording.truth_folder is None:
        raise RecordingError("has no truth to be scored against", file=str(day), expected="a folder 'truth'")
    truth = DayTruth.read(recording.truth_folder)
    event_log = MemoryEventLog()
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(day.name, total=1.0)
        replayed = run(
            recording,
            event_log,
            vision=vision,
            keep=(CartChanged, FloorTracks, Receipt, ReviewOpened),
            progress=lambda share: bar.update(task, completed=share),
        )
    counted = tally(
        truth, replayed.receipts, replayed.cart_events, replayed.of(FloorTracks), replayed.reviews
    )
    result = score_of([counted])
    if as_json:
        print(json.dumps({**msgspec.to_builtins(result), "event_log_digest": event_log.digest()}, indent=1))
        return
    _show(result)
    if show_wrong:
        _show_wrong(counted)


def _show(result: Score) -> None:
    from rich.console import Console
    from rich.table import Table

    latency = result.cart_latency_ms
    rows = {
        "visits": str(result.visits),
        "exact receipts": f"{result.exact_receipts} ({100 * result.exact_rate:.1f} %)",
        "units on lines": f"precision {result.line_precision:.4f}, recall {result.line_recall:.4f}, "
        f"F1 {result.line_f1:.4f}",
        "overcharged visits": str(result.overcharged_visits),
        "undercharged visits": str(result.undercharged_visits),
        "reviews per 1,000 visits": f"{result.reviews_per_1000:g}",
        "event to cart": f"p50 {_ms(latency.p50)}, p95 {_ms(latency.p95)}, p99 {_ms(latency.p99)}, "
        f"max {_ms(latency.max)} (n {latency.n}, missed {latency.missed})",
        "identity switches per 100 visits": f"{result.id_switches_per_100_visits:g}",
    }
    for name, value in rows.items():
        typer.echo(f"{name:>34}  {value}")
    table = Table("family", "visits", "exact", "F1", "overcharged")
    for name, family in result.families.items():
        exact = f"{100 * family.exact_rate:.1f} %"
        table.add_row(name, str(family.visits), exact, f"{family.f1:.4f}", str(family.overcharged))
    Console().print(table)


def _show_wrong(counted: Tally) -> None:
    for visit in (*counted.visits, *counted.phantoms):
        if not visit.is_exact:
            bill = dict(visit.billed) if visit.has_receipt else "no receipt"
            typer.echo(
                f"{visit.visit_id} ({', '.join(visit.families)}): took {dict(visit.taken)}, billed {bill}"
            )


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} ms"
