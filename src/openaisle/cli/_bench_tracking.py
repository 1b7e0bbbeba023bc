"""`openaisle bench tracking`: who is where, beside other trackers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PARTS = ("mot15", "speed", "floor", "shops", "pixels", "market", "doors", "cameras", "joints", "identity")
ALONE = ("doors", "cameras", "joints", "identity")  # no peer does that
FROM_DATA = ("mot15", "floor")


def tracking(
    part: Annotated[
        list[str] | None, typer.Option("--part", help=f"{' | '.join(PARTS)}, may be given again; else all.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(envvar="OPENAISLE_SHARED_DATA", help="Folder with mot15/ and pets2009_s2l1/ in it."),
    ] = None,
    peers: Annotated[
        Path,
        typer.Option(help="Environment with other trackers and TrackEval, made by `make bench-tracking`."),
    ] = Path(".cache/peers"),
    seed: Annotated[int, typer.Option(min=9000, help="Of the simulated crowds and shops.")] = 9000,
    out: Annotated[
        Path | None,
        typer.Option(help="Write everybody's tracks of MOT15 there, as OUT/TRACKER/SEQUENCE.txt."),
    ] = None,
    tracker: Annotated[
        list[str] | None, typer.Option(help="Only this one, by its name in the table; may be given again.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Trackers on the same detections in one run: HOTA, MOTA, IDF1 and switches by TrackEval, and processor time."""
    import json
    from collections.abc import Callable
    from typing import Any

    from rich.console import Console
    from rich.progress import Progress

    from openaisle.bench import (
        tracking_floor,
        tracking_identity,
        tracking_live,
        tracking_mot15,
        tracking_speed,
    )
    from openaisle.bench.peers import peers_python
    from openaisle.core.errors import InputError

    for name in part or ():
        if name not in PARTS:
            raise InputError("no such part", field="--part", expected=" or ".join(PARTS), found=name)
    asked = part or [name for name in PARTS if data is not None or name not in FROM_DATA]
    if data is None and not set(FROM_DATA).isdisjoint(asked):
        raise InputError(
            "no detections given", field="--data", expected="a folder with mot15/ and pets2009_s2l1/ in it"
        )
    python = Path() if set(asked) <= set(ALONE) else peers_python(peers)
    result: dict[str, Any] = {}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("tracking", total=1.0)

        def report(what: str, share: float) -> None:
            progress.update(task, description=what, completed=share)

        measures: dict[str, Callable[[], dict[str, Any]]] = {
            "mot15": lambda: tracking_mot15.measure(python, data or Path(), report, out, tracker),
            "speed": lambda: tracking_speed.measure(python, seed, report, tracker),
            "floor": lambda: tracking_floor.measure_floor(python, data or Path(), report),
            "shops": lambda: tracking_floor.measure_shops(python, seed, report),
            "pixels": lambda: tracking_floor.measure_pixels(python, seed, report),
            "market": lambda: tracking_floor.measure_market(python, seed, report),
            "doors": lambda: tracking_live.measure_doors(seed, report),
            "cameras": lambda: tracking_live.measure_cameras(seed, report),
            "joints": lambda: tracking_live.measure_joints(seed, report),
            "identity": lambda: tracking_identity.measure_identity(seed, report),
        }
        for name in asked:
            result[name] = measures[name]()
    if as_json:
        print(json.dumps(result, indent=1))
        return
    said = {
        "mot15": tracking_mot15.lines,
        "speed": tracking_speed.lines,
        "floor": tracking_floor.floor_lines,
        "shops": tracking_floor.shops_lines,
        "pixels": tracking_floor.shops_lines,
        "market": tracking_floor.market_lines,
        "doors": tracking_live.doors_lines,
        "cameras": tracking_live.cameras_lines,
        "joints": tracking_live.joints_lines,
        "identity": tracking_identity.lines,
    }
    for name, measured in result.items():
        for line in said[name](measured):
            typer.echo(line)
    if data is None and part is None:
        typer.echo(f"{' and '.join(FROM_DATA)} are left out: give their folder with --data")
