"""`openaisle bench cps2020`: how well sessions of the 2020 competition's format are read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def cps2020(
    session: Annotated[Path, typer.Argument(help="A session: its shop is acted in (planogram, products).")],
    scripts: Annotated[int, typer.Option(min=1, help="Scripts of each kind.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Of the first script.")] = 9000,
    kinds: Annotated[str, typer.Option(help="all, or kinds of script, comma-separated.")] = "all",
    keep: Annotated[Path | None, typer.Option(help="Keep the acted sessions in this folder.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    ablations: Annotated[
        bool, typer.Option("--ablations", help="Read the same scripts with each piece of evidence left out.")
    ] = False,
    show_wrong: Annotated[
        bool, typer.Option("--wrong", help="List the scripts that were not exact.")
    ] = False,
) -> None:
    """Act scripts of the competition's kinds in a session's shop, write them in its format, import, replay, score."""
    import json
    import time

    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

    from openaisle.bench.ablations import ABLATIONS, ablation_lines
    from openaisle.bench.cps2020 import (
        ablations_report,
        run_ablations,
        run_scripts,
        scripts_report,
        wrong_scripts,
    )
    from openaisle.bench.cps2020_scripts import KINDS

    wanted = list(KINDS) if kinds == "all" else [kind.strip() for kind in kinds.split(",")]
    began_s = time.monotonic()
    if ablations:
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("scripts", total=scripts * len(wanted) * len(ABLATIONS))
            found = ablations_report(
                run_ablations(session, wanted, scripts, seed, done=lambda _: progress.advance(task))
            )
        if as_json:
            print(json.dumps({"benchmark": "cps2020 ablations", "seed": seed, "ablations": found}, indent=1))
            return
        table = Table("read with", "mean F1", "worth", "wrongly billed", "missed")
        for name, f1, worth, wrong, missed in ablation_lines(found):
            table.add_row(name, f"{f1:.3f}", f"{worth:+.3f}", str(wrong), str(missed))
        Console().print(table)
        return
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("scripts", total=scripts * len(wanted))
        scores = run_scripts(session, wanted, scripts, seed, keep=keep, done=lambda _: progress.advance(task))
    report = scripts_report(scores, seed=seed, wall_s=time.monotonic() - began_s)
    if show_wrong:
        report["wrong"] = wrong_scripts(scores)
    if as_json:
        print(json.dumps(report, indent=1))
        return
    console = Console()
    console.print(
        f"{report['scripts']} simulated scripts, seed {seed}: mean F1 {report['mean_f1']:.3f}, "
        f"{report['wrongly_billed_lines']} of {report['lines']} lines wrongly billed, "
        f"{report['missed_units']} units missed"
    )
    table = Table("kind", "scripts", "exact", "mean F1", "lines", "wrongly billed", "missed")
    for kind, own in report["kinds"].items():
        cells = (own["scripts"], own["exact"], f"{own['mean_f1']:.3f}", own["lines"])
        table.add_row(kind, *map(str, cells), str(own["wrongly_billed_lines"]), str(own["missed_units"]))
    console.print(table)
    for wrong in report.get("wrong", []):
        console.print(wrong)
