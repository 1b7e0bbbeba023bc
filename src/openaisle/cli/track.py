"""`openaisle track`: who is where, in detections that somebody else's detector made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("track")(track)


def track(
    detections: Annotated[
        Path, typer.Option(help="Folder with a CAMERA.txt of boxes or a CAMERA.csv of keypoints.")
    ],
    out: Annotated[Path, typer.Option(help="Table to write: frame,id,x_m,y_m.")],
    cameras: Annotated[Path, typer.Option(help="cameras.toml: where the cameras hang and how they see.")],
    fps: Annotated[float | None, typer.Option(help="Frames a second; by default the cameras'.")] = None,
    draw: Annotated[Path | None, typer.Option(help="Draw the result: .svg or .png.")] = None,
) -> None:
    """Follow people over a floor that several calibrated cameras watch."""
    from openaisle.cli._track_floor import track_floor

    track_floor(cameras, detections, out, fps, draw)
