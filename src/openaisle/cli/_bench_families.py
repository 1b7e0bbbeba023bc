"""`openaisle bench receipts --families all`: the table of all families of hard cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from openaisle.adapters.eyes import Eyes

UNITS: Final = {
    "F1": "F1",
    "loss_points": "loss",
    "phantoms_per_1000": "phantoms",
    "switches_per_100": "switches",
}


def bench_families(
    families: Sequence[str],
    store: str,
    visits: int,
    seed: int,
    vision: Literal["pixels", "skeleton", "none"],
    looks: bool | None,
    eyes: Eyes,
    jobs: int,
    as_json: bool,
) -> None:
    """Run `visits` visits of each family, and show each beside what it must reach."""
    import json
    import time

    from rich.console import Console
    from rich.progress import Progress

    from openaisle.bench.families import families_report, family_days, run_families

    days = family_days(families, store, visits, seed, vision, looks, eyes)
    began_s = time.monotonic()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("visits", total=visits * len(days))
        outcomes = run_families(
            days, worker_count=jobs, done=lambda day: progress.advance(task, day.job.visit_count)
        )
    report = {
        "benchmark": "receipts of all families",
        "store": store,
        "seed": seed,
        "vision": vision,
        "families": families_report(outcomes),
        "wall_s": round(time.monotonic() - began_s, 1),
    }
    if as_json:
        print(json.dumps(report, indent=1))
        return
    _print_families(report["families"])


def _print_families(rows: dict[str, dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("family", "visits", "exact", "F1", "over", "reviews", "must reach", "has"):
        table.add_column(heading, no_wrap=True)
    for name, row in rows.items():
        goal, figure = "", ""
        if "must_reach" in row:
            unit = UNITS[row["of"]]
            goal = f"{unit} {'>=' if unit == 'F1' else '<='} {row['must_reach']:g}"
            figure = f"{row['figure']:g}" if row["holds"] else f"{row['figure']:g} short"
        cells = (str(row["visits"]), f"{row['exact_rate']:.1%}", f"{row['f1']:.4f}", str(row["overcharged"]))
        table.add_row(name, *cells, f"{row['reviews_per_1000']:.0f}", goal, figure)
    console = Console()
    console.print(table)
    console.print(
        "over: overcharged visits; reviews, phantoms: a thousand visits; switches: a hundred; loss: points of F1"
    )
