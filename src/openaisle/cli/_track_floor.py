"""`openaisle track --cameras ...`: people on the floor, from what several cameras saw."""

from __future__ import annotations

from pathlib import Path


def track_floor(cameras: Path, detections: Path, out: Path, fps: float | None, drawing: Path | None) -> None:
    """Follow everybody over the floor, write where they were, and say in one line what came out."""
    import time

    from rich.console import Console
    from rich.progress import track

    from openaisle.adapters.floor_files import draw_floor, read_moments, write_floor
    from openaisle.store.load import load_cameras
    from openaisle.tracks import FloorTracker

    rig = load_cameras(cameras)
    moments = read_moments(detections, rig)
    tracker = FloorTracker(rig, fps or max(camera.fps for camera in rig))
    began_s = time.process_time()
    places = [
        tracker.update(moment)
        for moment in track(moments, "following", console=Console(stderr=True), transient=True)
    ]
    spent_ms = 1e3 * (time.process_time() - began_s) / max(len(moments), 1)
    write_floor(out, places)
    if drawing is not None:
        draw_floor(drawing, rig, places)
    people = len({who for rows in places for who in rows[:, 2].tolist()})
    print(
        f"{people} people in {len(moments)} moments of {len(rig)} cameras, {spent_ms:.1f} ms a moment: "
        + " and ".join(str(path) for path in (out, drawing) if path is not None)
    )
