"""`openaisle run`: the shop that a store folder describes, with its real cameras, scales and gates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("run")(run)


def run(
    store: Annotated[str, typer.Argument(help="Store folder.")],
    state: Annotated[
        Path | None, typer.Option(help="Where ledger and keys are kept; <store>/state unless told otherwise.")
    ] = None,
    port: Annotated[int, typer.Option(help="Of the pages.", min=1, max=65535)] = 8080,
    record: Annotated[
        Path | None, typer.Option(help="Record the readings (no pictures) in this new folder.")
    ] = None,
    duration: Annotated[
        float | None, typer.Option(help="Close the shop after so many seconds.", min=0.1)
    ] = None,
    headless: Annotated[bool, typer.Option("--headless", help="No pages.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Receipts and health as JSON at the end.")] = False,
) -> None:
    """Run a shop until Ctrl-C: cameras, scales and gates in; carts, receipts and pages out."""
    import json
    import sys

    from openaisle.core.errors import StoreError
    from openaisle.edge.console import Console
    from openaisle.edge.settings import ShopSettings, load_edge_settings
    from openaisle.edge.summary import run_report, run_text
    from openaisle.edge.supervisor import run_shop
    from openaisle.store.load import load_store, store_folder

    if not any(camera.source for camera in load_store(store).cameras):
        raise StoreError(
            "no camera has a source: this store is only simulated (openaisle demo --store)",
            file="cameras.toml",
            field="source",
            expected="rtsp://..., tcp://... or file:...",
        )
    settings = ShopSettings(
        store_name=store,
        state_folder=state or store_folder(store) / "state",
        port=port,
        is_headless=headless,
        record_folder=record,
        duration_s=duration,
        edge=load_edge_settings(store),
    )
    with Console() as console:
        result = run_shop(settings, say=console.say, on_open=console.opened, on_look=console.show)
    report = run_report(settings, result)
    if as_json:
        print(json.dumps(report, indent=1))
    else:
        sys.stderr.write(run_text(settings, report))
    if result.lost:
        raise typer.Exit(1)
