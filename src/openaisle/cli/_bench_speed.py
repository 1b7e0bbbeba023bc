"""`openaisle bench speed`: what seeing costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from openaisle.bench.vision_speed import Contestant


def speed(
    seed: Annotated[int, typer.Option(min=9000, help="Of the first held-out random store.")] = 9000,
    frames: Annotated[int, typer.Option(min=1, help="Of each number of people in view.")] = 60,
    seconds: Annotated[float, typer.Option(min=4, help="Of the shop's time, at most.")] = 120.0,
    stores: Annotated[int, typer.Option(min=0, help="Held-out stores for accuracy; 0: speed only.")] = 3,
    weights: Annotated[Path | None, typer.Option(help="Folder with other people networks.")] = None,
    peers: Annotated[
        list[str] | None, typer.Option("--peer", help="movenet-multipose | nanodet, may be given again.")
    ] = None,
    plan: Annotated[
        str | None,
        typer.Option(help="A store: how many cores its cameras need, from the costs measured here."),
    ] = None,
    peak: Annotated[
        int | None,
        typer.Option(min=1, help="With --plan: shoppers at once; without it one per 8 m2 of floor."),
    ] = None,
    gpu_result: Annotated[
        Path | None, typer.Option(help="With --plan: what `bench speed --provider cuda --json` printed.")
    ] = None,
    provider: Annotated[
        str | None, typer.Option(help="cuda | tensorrt | torch: cameras at 30 fps of one GPU, instead.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Processor time of each stage of seeing, INT8 and other providers beside it, peers on the same frames."""
    import cv2
    from rich.console import Console
    from rich.progress import Progress

    from openaisle.bench import vision_gpu, vision_plan
    from openaisle.bench.vision_speed import SpeedSettings, lines, measure

    cv2.setNumThreads(1)
    if provider is not None:
        on_gpu = vision_gpu.measure(provider, weights)
        _print(on_gpu, vision_gpu.lines(on_gpu), as_json)
        return
    asked = None if plan is None else vision_plan.PlanSettings.of(plan, peak, gpu_result)
    settings = SpeedSettings(seed=seed, frames=frames, seconds=seconds, stores=stores)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("frames", total=1.0)
        result = measure(
            _contestants(weights, peers or []),
            settings,
            lambda what, share: progress.update(task, description=what, completed=share),
        )
        rows = lines(result)
        if asked is not None:
            progress.update(task, description="plan")
            result["plan"] = vision_plan.plan(asked, result)
            rows += vision_plan.lines(result["plan"])
    _print(result, rows, as_json)


def _print(result: dict[str, Any], rows: list[str], as_json: bool) -> None:
    import json

    if as_json:
        print(json.dumps(result, indent=1))
        return
    for row in rows:
        typer.echo(row)


def _contestants(weights: Path | None, peers: list[str]) -> list[Contestant]:
    """Ours as it runs here; as fp32, and that on whole pictures; peers; and all with OpenVINO where it is."""
    import onnxruntime

    from openaisle.adapters.model_files import weights_of
    from openaisle.bench.vision_speed import Contestant
    from openaisle.detections.models import PEOPLE
    from openaisle.detections.runtime import PROVIDERS, SHIPPED, RuntimeSettings

    folder = weights or SHIPPED
    contestants = [
        Contestant(label="people", model=PEOPLE, runtime=RuntimeSettings(weights=folder)),
        Contestant(
            label="people fp32", model=PEOPLE, runtime=RuntimeSettings(weights=folder, precision="f32")
        ),
        Contestant(
            label="people fp32, whole pictures",
            model=PEOPLE,
            runtime=RuntimeSettings(weights=folder, precision="f32"),
            sees_whole=True,
        ),
    ]
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
