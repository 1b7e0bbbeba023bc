"""`openaisle bench codes`."""

from __future__ import annotations

from typing import Annotated

import typer


def codes(
    attempts: Annotated[int, typer.Option(min=1, help="How many codes to try.")] = 1_000_000,
    seed: Annotated[int, typer.Option(min=0, help="Decides keys, codes and attacks.")] = 9000,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Replay, mutate, forge and shift entry codes; none may be accepted, and every genuine one must be."""
    import json
    import tempfile
    from pathlib import Path

    from rich.console import Console
    from rich.progress import Progress

    from openaisle.bench.codes import CodeAttack

    with (
        tempfile.TemporaryDirectory(prefix="openaisle-codes-") as folder,
        Progress(console=Console(stderr=True), transient=True) as progress,
    ):
        task = progress.add_task("codes", total=attempts)
        attack = CodeAttack(Path(folder), seed)
        report = {**attack.run(attempts, done=lambda n: progress.update(task, completed=n)), "seed": seed}
    if as_json:
        print(json.dumps(report, indent=1))
    else:
        print(
            f"{report['accepted']} of {report['attempts']} accepted (95 % upper bound {report['upper_bound_95']:.1e}); "
            f"{report['genuine_accepted']} genuine codes accepted, {report['genuine_refused']} refused; "
            f"{report['us_a_try']} us a try"
        )
    if report["accepted"] or report["genuine_refused"]:
        raise typer.Exit(1)
