"""`openaisle bench speed`: what seeing costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from openaisle.bench.vision_speed import Contestant


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
