"""`openaisle simulate`: a day of a shop that need not exist, as a recording."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("simulate")(simulate)


def simulate(
    store: Annotated[str, typer.Argument(help="A store that ships with OpenAisle, or a store folder.")],
    out: Annotated[Path, typer.Option(help="New folder for the recording.")],
    visits: Annotated[int, typer.Option(help="How many visits.", min=1)] = 10,
    seed: Annotated[int, typer.Option(help="Decides shoppers, goods, plates and noise.", min=0)] = 1,
    quality: Annotated[
        str, typer.Option(help="live: as the demo draws; high: finer, with shadows.")
    ] = "live",
    families: Annotated[
        str, typer.Option(help="Hard cases, parted by commas, or mixed: natural rates.")
    ] = "mixed",
    cameras: Annotated[int | None, typer.Option(help="Only so many of the store's cameras.", min=1)] = None,
    detections: Annotated[
        str,
        typer.Option(help="none: what is seen is made from the videos; skeleton: noisy keypoints at once."),
    ] = "none",
    no_video: Annotated[bool, typer.Option("--no-video", help="Readings only.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Record a simulated day: videos, scale readings, gate taps, and the truth beside them. One seed, one digest."""
    import json
    import time
    from dataclasses import replace

    import rich.console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from openaisle.core.errors import InputError
    from openaisle.replay.recording import Recording
    from openaisle.sim.recorded import record_day
    from openaisle.sim.scripts import plan_day
    from openaisle.store.load import load_store

    if quality not in ("live", "high"):
        raise InputError("no such quality", field="--quality", expected="live | high", found=quality)
    if detections not in ("none", "skeleton"):
        raise InputError(
            "no such detections", field="--detections", expected="none | skeleton", found=detections
        )
    if no_video and detections == "none":
        raise InputError("nobody would be seen", field="--no-video", expected="--detections skeleton with it")
    shop = load_store(store)
    shop = replace(shop, cameras=shop.cameras[:cameras])
    wanted = "mixed" if families == "mixed" else [name.strip() for name in families.split(",")]
    plan = plan_day(shop, visit_count=visits, seed=seed, families=wanted)
    about = {
        "command": "simulate",
        "seed": str(seed),
        "visits": str(visits),
        "families": families,
        "quality": quality,
        "detections": detections,
    }
    began = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=rich.console.Console(stderr=True), transient=True) as bar:
        task = bar.add_task("visits", total=len(plan.visits))
        digest = record_day(
            shop,
            plan,
            out,
            quality=quality,
            detections="skeleton" if detections == "skeleton" else "none",
            videos=not no_video,
            about=about,
            progress=lambda over, planned: bar.update(task, completed=over, total=planned),
        )
    manifest = Recording.open(out, check=False).manifest
    wall_s = round(time.monotonic() - began, 1)
    seconds = (manifest.ended_ns - manifest.started_ns) / 1e9
    if as_json:
        print(
            json.dumps(
                {"digest": digest, "counts": manifest.counts, "sim_s": round(seconds, 1), "wall_s": wall_s}
            )
        )
        return
    size_mb = sum(entry.bytes for entry in manifest.files.values()) / 1e6
    print(f"{out}: {seconds:.0f} s of shop in {wall_s:.0f} s, {size_mb:.1f} MB, {len(manifest.files)} files")
    print(f"digest {digest}")
