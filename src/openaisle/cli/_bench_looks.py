"""`openaisle bench looks`: what looking at packs costs."""

from __future__ import annotations

from typing import Annotated

import typer


def looks(
    seed: Annotated[int, typer.Option(min=9000, help="Of the held-out random store.")] = 9000,
    seconds: Annotated[float, typer.Option(min=5, help="Of main stream.")] = 6.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Processor time of a window through the product network, and out of a camera's main stream; memory kept."""
    import json

    import cv2
    from rich.console import Console
    from rich.progress import Progress

    from openaisle.bench.vision_looks import LookCosts, lines, measure

    cv2.setNumThreads(1)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("looks", total=1.0)
        result = measure(
            LookCosts(seed=seed, seconds=seconds), lambda share: progress.update(task, completed=share)
        )
    if as_json:
        print(json.dumps(result, indent=1))
        return
    for line in lines(result):
        typer.echo(line)
