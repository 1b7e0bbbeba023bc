"""`openaisle bench`: measure again what README and docs claim."""

from __future__ import annotations

from typing import Annotated

import typer

from openaisle.cli._bench_actions import actions
from openaisle.cli._bench_checkout import checkout
from openaisle.cli._bench_codes import codes
from openaisle.cli._bench_cps2020 import cps2020
from openaisle.cli._bench_families import bench_families
from openaisle.cli._bench_looks import looks as looks_costs
from openaisle.cli._bench_meetings import meetings
from openaisle.cli._bench_models import models
from openaisle.cli._bench_pages import pages
from openaisle.cli._bench_path import path
from openaisle.cli._bench_speed import speed
from openaisle.cli._bench_tracking import tracking
from openaisle.cli._bench_vision import vision


def register(app: typer.Typer) -> None:
    bench = typer.Typer(help="Measure every published figure again.", no_args_is_help=True)
    app.add_typer(bench, name="bench")
    bench.command("receipts")(receipts)
    bench.command("checkout")(checkout)
    bench.command("vision")(vision)
    bench.command("speed")(speed)
    bench.command("looks")(looks_costs)
    bench.command("models")(models)
    bench.command("actions")(actions)
    bench.command("tracking")(tracking)
    bench.command("cps2020")(cps2020)
    bench.command("meetings")(meetings)
    bench.command("path")(path)
    bench.command("codes")(codes)
    bench.command("pages")(pages)


def receipts(
    store: Annotated[str, typer.Option(help="A shipped store's name or a store folder.")] = "corner",
    visits: Annotated[int, typer.Option(min=1, help="How many visits to simulate.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Decides shoppers, goods, plates and noise.")] = 7,
    vision: Annotated[str, typer.Option(help="pixels | skeleton | none")] = "skeleton",
    model: Annotated[
        str, typer.Option(help="With pixels: who finds people, as `openaisle models list` has it.")
    ] = "people",
    boxes: Annotated[
        str, typer.Option(help="With pixels: who finds boxes, for a model that finds joints in them.")
    ] = "people",
    actions: Annotated[
        str, typer.Option(help="With looks: who names what hands do in clips; nobody without it.")
    ] = "",
    families: Annotated[
        str,
        typer.Option(help="mixed, all, or names of HARD_CASES families, comma-separated."),
    ] = "mixed",
    people_max: Annotated[
        int | None,
        typer.Option(
            min=2, help="Most people in the shop at once; mixed 6, named families 2 or what they need."
        ),
    ] = None,
    arrivals_per_minute: Annotated[
        float | None, typer.Option(help="How often somebody comes; mixed 2, named families 1.")
    ] = None,
    each: Annotated[
        bool,
        typer.Option("--each", help="`--visits` of each family by itself, beside what it must reach."),
    ] = False,
    looks: Annotated[
        bool | None,
        typer.Option(
            "--looks/--no-looks",
            help="Answer what the path asks about main-stream pictures; without either where vision is pixels.",
        ),
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

    from openaisle.adapters.eyes import Eyes
    from openaisle.bench.days import days_of, run_days
    from openaisle.bench.receipts import receipts_report, wrong_visits
    from openaisle.core.errors import InputError
    from openaisle.sim.scripts import FAMILIES, PARTNERED
    from openaisle.store.load import load_store

    if vision not in ("pixels", "skeleton", "none"):
        raise InputError(
            "no such vision", field="--vision", expected="pixels, skeleton or none", found=vision
        )
    if looks and vision == "none":
        raise InputError(
            "nobody has pictures", field="--looks", expected="--vision pixels or skeleton with it"
        )
    load_store(store)
    eyes = Eyes(model=model, boxes=boxes, actions=actions)
    names = list(FAMILIES) if families == "all" else [name.strip() for name in families.split(",")]
    asked = "mixed" if families == "mixed" else names
    if each:
        bench_families(
            names if asked != "mixed" else FAMILIES, store, visits, seed, vision, looks, eyes, jobs, as_json
        )
        return
    # Most families are one shopper's (two for some): by name they are measured so. Mixed days are a busy shop's.
    is_mixed = asked == "mixed"
    people_max = people_max or (6 if is_mixed else max(2, *(PARTNERED.get(name, 2) for name in asked)))
    arrivals_per_minute = arrivals_per_minute or (2.0 if is_mixed else 1.0)
    days = days_of(
        store,
        visits,
        seed,
        vision,
        asked,
        arrivals_per_minute=arrivals_per_minute,
        people_max=people_max,
        looks=looks,
        eyes=eyes,
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
    if vision == "pixels":
        report["model"] = model
    if show_wrong:
        report["wrong"] = wrong_visits(outcomes)
    if as_json:
        print(json.dumps(report, indent=1))
        return
    _print_report(report)


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
    if (looks := report["looks"])["answered"]:
        console.print(
            f"{looks['answered']} of {looks['asked']} looks at packs answered: of {looks['with_pack']} with a pack "
            f"{looks['right']} named it first, of {looks['without_pack']} without {looks['found_none']} said so"
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
