"""`openaisle demo`: a simulated shop behind real doors, live in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("demo")(demo)


def demo(
    store: Annotated[
        str, typer.Option(help="A store that ships with OpenAisle, or a store folder.")
    ] = "corner",
    cameras: Annotated[
        int | None, typer.Option(help="Use only so many of its cameras; 6 or more.", min=1)
    ] = None,
    visits: Annotated[int, typer.Option(help="So many visits; 0: one after another without end.", min=0)] = 0,
    seed: Annotated[int, typer.Option(help="Decides who comes and what they do.", min=0)] = 1,
    families: Annotated[
        str, typer.Option(help="Hard cases to show, parted by commas, or mixed: natural rates.")
    ] = "mixed",
    model: Annotated[
        str | None, typer.Option(help="Who finds people, as `openaisle models list` has it; by default ours.")
    ] = None,
    boxes: Annotated[
        str | None, typer.Option(help="Who finds boxes, for a model that finds joints in them.")
    ] = None,
    port: Annotated[int, typer.Option(help="Of the pages.", min=1, max=65535)] = 8080,
    headless: Annotated[bool, typer.Option("--headless", help="No pages; end after the last visit.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    keep: Annotated[Path | None, typer.Option(help="Keep the day as a recording in this new folder.")] = None,
) -> None:
    """Run a simulated shop: real video, real scales' messages, real codes at the gate; watch carts fill live."""
    import json
    import sys
    import tempfile
    from dataclasses import replace

    from openaisle.adapters.eyes import shop_detector
    from openaisle.core.errors import InputError
    from openaisle.edge.console import Console
    from openaisle.edge.settings import EdgeSettings, ShopSettings, Simulation, load_edge_settings
    from openaisle.edge.summary import demo_report, demo_text
    from openaisle.edge.supervisor import run_shop

    if headless and not visits:
        raise InputError(
            "an endless demo without pages", field="--visits", expected="1 or more", found=visits
        )
    own = load_edge_settings(store)
    eyes = replace(own.eyes, model=model or own.eyes.model, boxes=boxes or own.eyes.boxes)
    shop_detector([], eyes, own.runtime)  # A wrong model is said here, not by a worker that cannot start.
    wanted = () if families == "mixed" else tuple(name.strip() for name in families.split(","))
    with tempfile.TemporaryDirectory(prefix="openaisle-demo-") as folder:
        settings = ShopSettings(
            store_name=store,
            state_folder=Path(folder),
            port=port,
            is_headless=headless,
            record_folder=keep,
            camera_count=cameras,
            # Everything outside is simulated, so only how this shop looks is taken from its own edge.toml.
            edge=EdgeSettings(vision_workers=own.vision_workers, runtime=own.runtime, eyes=eyes),
            simulation=Simulation(visits=visits, seed=seed, families=wanted),
        )
        with Console() as console:
            result = run_shop(settings, say=console.say, on_open=console.opened, on_look=console.show)
        report = demo_report(settings, result)
        if as_json:
            print(json.dumps(report, indent=1))
        elif visits:
            sys.stderr.write(demo_text(settings, report))
    if result.lost:
        raise typer.Exit(1)
