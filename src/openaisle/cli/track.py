"""`openaisle track`: who is who, from boxes that somebody else found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("track")(track)


def track(
    detections: Annotated[
        Path,
        typer.Option(
            help="MOTChallenge text: frame,-1,left,top,width,height,score. With --cameras a folder: CAMERA.txt of "
            "such boxes, or CAMERA.csv of keypoints."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="Where tracks are written: the same text with ids; with --cameras frame,id,x_m,y_m."
        ),
    ],
    cameras: Annotated[
        Path | None, typer.Option(help="cameras.toml: follow people over the floor that these watch.")
    ] = None,
    strategy: Annotated[
        str, typer.Option(help="openaisle | bytetrack | deepsort | strongsort.")
    ] = "openaisle",
    fps: Annotated[
        float | None,
        typer.Option(help="Frames a second; otherwise the cameras', or 25.", min=0.5, max=240.0),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(help="Of the picture, as 1920x1080; else of --pictures, or around all boxes."),
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(help="The video or picture that the boxes were found in, to draw over.")
    ] = None,
    draw: Annotated[
        Path | None,
        typer.Option(
            help="Draw the tracks: an .mp4 of boxes and ids, or a .png of all paths; or a floor's .svg."
        ),
    ] = None,
) -> None:
    """Give each box of one camera an id that stays with whoever it shows; or follow people over a floor."""
    if cameras is not None:
        from openaisle.cli._track_floor import track_floor

        track_floor(cameras, detections, out, fps, draw)
        return
    from openaisle.adapters.motchallenge import read_boxes, write_boxes
    from openaisle.adapters.pictures import PictureFile
    from openaisle.adapters.track_overlay import check_out, draw_tracks
    from openaisle.cli._track_image import follow, picture_size
    from openaisle.core.errors import InputError
    from openaisle.tracks.image import STRATEGIES

    if strategy not in STRATEGIES:
        expected = " or ".join(STRATEGIES)
        raise InputError("no such strategy", field="--strategy", expected=expected, found=strategy)
    if draw is not None:
        check_out(draw)
    boxes = read_boxes(detections)
    background = None if pictures is None else PictureFile.open(pictures)
    size_px = picture_size(size, background, boxes)
    tracks = follow(boxes, size_px, fps or 25.0, STRATEGIES[strategy]())
    write_boxes(out, tracks)
    if draw is not None:
        draw_tracks(draw, tracks, size_px, fps or 25.0, background)
    people = len(set(tracks.id.tolist()))
    typer.echo(f"{people} tracks of {len(tracks)} boxes in {boxes.frame_count} frames: {out}")
