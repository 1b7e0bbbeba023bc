"""`openaisle replay`: a recorded day again, from its readings to its receipts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("replay")(replay)


def replay(
    recording: Annotated[Path, typer.Argument(help="Recording folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    receipts: Annotated[
        Path | None, typer.Option(help="Write {shopper: {UPC: quantity}} to this file as JSON.")
    ] = None,
    until_visit: Annotated[str | None, typer.Option(help="Stop after this visit's receipt.")] = None,
    vision: Annotated[
        str, typer.Option(help="recorded | video | auto: from the videos if no detections were recorded.")
    ] = "auto",
    log: Annotated[Path | None, typer.Option(help="Keep the event log in this new file.")] = None,
    against: Annotated[
        Path | None,
        typer.Option(help="Compare with an event log that --log kept: exit status 1 if it differs."),
    ] = None,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Accept files whose checksums differ: edited by hand.")
    ] = False,
) -> None:
    """Play a recording through the path; show receipts, cart events with their latency, and the log's digest."""
    import json

    from rich.console import Console
    from rich.progress import Progress

    from openaisle.adapters.event_log_sqlite import MemoryEventLog, SqliteEventLog
    from openaisle.core.errors import InputError
    from openaisle.core.messages import CartChanged, Receipt, ReviewOpened, SensorDegraded
    from openaisle.replay.compare import first_log_difference
    from openaisle.replay.recording import Recording
    from openaisle.replay.report import baskets, replay_report, replay_text
    from openaisle.replay.run import run

    if against and not against.is_file():
        raise InputError("there is no such event log", file=str(against))
    if log and log.exists():
        raise InputError("there is something already", file=str(log), expected="a new file")
    opened = Recording.open(recording, check=not unchecked)
    event_log = SqliteEventLog(log) if log else MemoryEventLog()
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(recording.name, total=1.0)
        replayed = run(
            opened,
            event_log,
            vision=vision,
            keep=(CartChanged, Receipt, ReviewOpened, SensorDegraded),
            until_visit=until_visit,
            progress=lambda share: bar.update(task, completed=share),
        )
    difference = None
    if against:
        reference = SqliteEventLog(against)
        difference = first_log_difference(
            (entry for _, entry in event_log.read()), (entry for _, entry in reference.read())
        )
        reference.close()
    digest = event_log.digest()
    event_log.close()
    if receipts:
        receipts.write_text(json.dumps(baskets(replayed.receipts), indent=1) + "\n", encoding="utf-8")
    if as_json:
        report = replay_report(opened.store, replayed, digest)
        if against:
            report["equals_reference"] = difference is None
        print(json.dumps(report, indent=1))
    else:
        print(replay_text(opened.store, replayed, digest), end="")
    if difference is not None:
        typer.echo(f"{against}: {difference}", err=True)
        raise typer.Exit(1)
