"""`openaisle bench`: measure again what README and docs claim."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from openaisle.bench.vision_speed import Contestant


def register(app: typer.Typer) -> None:
    bench = typer.Typer(help="Measure every published figure again.", no_args_is_help=True)
    app.add_typer(bench, name="bench")
    bench.command("receipts")(receipts)
    bench.command("speed")(speed)


def receipts(
    store: Annotated[str, typer.Option(help="A shipped store's name or a store folder.")] = "corner",
    visits: Annotated[int, typer.Option(min=1, help="How many visits to simulate.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Decides shoppers, goods, plates and noise.")] = 7,
    vision: Annotated[str, typer.Option(help="pixels | skeleton | none")] = "skeleton",
    families: Annotated[
        str, typer.Option(help="mixed, or names of HARD_CASES families, comma-separated.")
    ] = "mixed",
    people_max: Annotated[
        int | None, typer.Option(min=2, help="Most people in the shop at once; mixed 6, named families 2.")
    ] = None,
    arrivals_per_minute: Annotated[
        float | None, typer.Option(help="How often somebody comes; mixed 2, named families 1.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Days run at once, each in a process.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    show_wrong: Annotated[bool, typer.Option("--wrong", help="List the visits that were not exact.")] = False,
) -> None:
    """Simulate visits, run them through the path, and score the receipts (simulator figures)."""
    import json
    import time

    from rich.console import Console
    from rich.progress import Progress

    from openaisle.bench.days import days_of, run_days
    from openaisle.bench.receipts import receipts_report, wrong_visits
    from openaisle.core.errors import InputError
    from openaisle.store.load import load_store

    if vision not in ("pixels", "skeleton", "none"):
        raise InputError(
            "no such vision", field="--vision", expected="pixels, skeleton or none", found=vision
        )
    load_store(store)
    asked = "mixed" if families == "mixed" else [name.strip() for name in families.split(",")]
    # Most families are one shopper's (two for some): by name they are measured so. Mixed days are a busy shop's.
    is_mixed = asked == "mixed"
    people_max = people_max or (6 if is_mixed else 2)
    arrivals_per_minute = arrivals_per_minute or (2.0 if is_mixed else 1.0)
    days = days_of(
        store, visits, seed, vision, asked, arrivals_per_minute=arrivals_per_minute, people_max=people_max
    )
    began_s = time.monotonic()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"{visits} visits", total=visits)
        outcomes = run_days(
            days, worker_count=jobs, done=lambda day: progress.advance(task, day.job.visit_count)
        )
    report = receipts_report(
        outcomes, store=store, seed=seed, vision=vision, families=asked, wall_s=time.monotonic() - began_s
    )
    report["people_max"], report["arrivals_per_minute"] = people_max, arrivals_per_minute
    if show_wrong:
        report["wrong"] = wrong_visits(outcomes)
    if as_json:
        print(json.dumps(report, indent=1))
        return
    _print_report(report)


def speed(
    seed: Annotated[int, typer.Option(min=9000, help="Of the first held-out random store.")] = 9000,
    frames: Annotated[int, typer.Option(min=1, help="Of each number of people in view.")] = 60,
    seconds: Annotated[float, typer.Option(min=4, help="Of the shop's time, at most.")] = 120.0,
    stores: Annotated[int, typer.Option(min=0, help="Held-out stores for accuracy; 0: speed only.")] = 3,
    weights: Annotated[Path | None, typer.Option(help="Folder with other people networks.")] = None,
    int8: Annotated[
        Path | None, typer.Option(help="Folder with INT8 copies, made by `learn quantise`, to compare with.")
    ] = None,
    peers: Annotated[
        list[str] | None, typer.Option("--peer", help="movenet-multipose | nanodet, may be given again.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Processor time of each stage of seeing, INT8 and other providers beside it, peers on the same frames."""
    import json

    import cv2
    from rich.console import Console
    from rich.progress import Progress

    from openaisle.bench.vision_speed import SpeedSettings, lines, measure

    cv2.setNumThreads(1)
    settings = SpeedSettings(seed=seed, frames=frames, seconds=seconds, stores=stores)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("frames", total=1.0)
        result = measure(
            _contestants(weights, int8, peers or []),
            settings,
            lambda what, share: progress.update(task, description=what, completed=share),
        )
    if as_json:
        print(json.dumps(result, indent=1))
        return
    for line in lines(result):
        typer.echo(line)


def _contestants(weights: Path | None, int8: Path | None, peers: list[str]) -> list[Contestant]:
    """Ours first; its INT8 copy; both peers; and ours with OpenVINO where this machine has it."""
    import onnxruntime

    from openaisle.adapters.model_files import weights_of
    from openaisle.bench.vision_speed import Contestant
    from openaisle.detections.models import PEOPLE
    from openaisle.detections.runtime import PROVIDERS, SHIPPED, RuntimeSettings

    folder = weights or SHIPPED
    contestants = [Contestant(label="people fp32", model=PEOPLE, runtime=RuntimeSettings(weights=folder))]
    if int8 is not None:
        contestants.append(
            Contestant(label="people int8", model=PEOPLE, runtime=RuntimeSettings(weights=int8))
        )
    contestants += [
        Contestant(label=f"{name} fp32", model=name, runtime=RuntimeSettings(weights=weights_of(name)))
        for name in peers
    ]
    if PROVIDERS["openvino"] in onnxruntime.get_available_providers():
        folders = {PEOPLE: folder, **{name: weights_of(name) for name in peers}}
        contestants += [
            Contestant(
                label=f"{name} openvino {precision}",
                model=name,
                runtime=RuntimeSettings(weights=folders[name], providers=("openvino",), precision=precision),
            )
            for name in folders
            for precision in ("f32", "bf16")
        ]
    return contestants


def _print_report(report: dict) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    latency = report["cart_latency_ms"]
    console.print(
        f"{report['visits']} simulated visits, seed {report['seed']}, vision {report['vision']}: "
        f"{report['exact_receipts']} exact receipts ({report['exact_rate']:.1%}), "
        f"{report['overcharged_visits']} overcharged, {report['reviews_per_1000']:.0f} reviews per 1,000"
    )
    console.print(
        f"shelf to cart p50 {latency['p50']} ms, p99 {latency['p99']} ms (n {latency['n']}, missed "
        f"{latency['missed']}); path at {report['path_times_real_time']} times real time"
    )
    table = Table("family", "visits", "exact", "F1", "overcharged")
    for name, family in report["families"].items():
        table.add_row(
            name,
            str(family["visits"]),
            f"{family['exact_rate']:.1%}",
            f"{family['f1']:.3f}",
            str(family["overcharged"]),
        )
    console.print(table)
    for visit in report.get("wrong", []):
        console.print(visit)
