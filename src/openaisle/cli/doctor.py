"""`openaisle doctor`: what is missing or wrong on this machine and in this store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("doctor")(doctor)


def doctor(
    store: Annotated[
        str | None, typer.Argument(help="A store folder, or the name of one that ships with OpenAisle.")
    ] = None,
    state: Annotated[Path | None, typer.Option(help="Where the ledger would be kept.")] = None,
    port: Annotated[int, typer.Option(help="Of the pages.", min=1, max=65535)] = 8080,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Look at everything a shop needs: one line each, ok, warning or wrong, and what to do. Exits with 1 if anything
    is wrong."""
    import json
    from dataclasses import asdict

    from openaisle.edge.doctor import State, examine

    findings = []
    for finding in examine(store, state, port):
        findings.append(finding)
        if not as_json:
            advice = f"  -> {finding.advice}" if finding.advice else ""
            print(f"{finding.state.value:8} {finding.subject}: {finding.text}{advice}", flush=True)
    wrong = sum(finding.state == State.WRONG for finding in findings)
    if as_json:
        rows = [asdict(finding) for finding in findings]
        print(json.dumps({"wrong": wrong, "findings": rows}, indent=1))
    if wrong:
        raise typer.Exit(1)
