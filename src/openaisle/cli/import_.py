"""`openaisle import`: recordings of other systems become recordings of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb and one command a foreign format."""
    verb = typer.Typer(
        help="Turn a recording of another system into a recording folder.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    app.add_typer(verb, name="import")

    @verb.callback()
    def root() -> None: ...

    @verb.command()
    def cps2020(
        folder: Annotated[Path, typer.Argument(help="Folder of the session: plate_data.json and the rest.")],
        out: Annotated[Path, typer.Option("--out", help="Recording folder to make; must not hold anything.")],
        as_json: Annotated[bool, typer.Option("--json", help="Say what was done as JSON.")] = False,
    ) -> None:
        """A session of the CPS-IoT Week 2020 autonomous-checkout competition."""
        import json

        from openaisle.adapters.cps2020 import read_session
        from openaisle.replay.recording import RecordingWriter

        session = read_session(folder)
        with RecordingWriter(out, session.store, {"imported_from": "cps2020"}) as writer:
            for reading in session.readings:
                writer.write(reading)
        counts = session.counts()
        if as_json:
            print(
                json.dumps(
                    {"recording": str(out), "readings": counts, "warnings": session.warnings}, indent=1
                )
            )
            return
        for warning in session.warnings:
            typer.echo(f"warning: {warning}", err=True)
        typer.echo(f"{out}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
