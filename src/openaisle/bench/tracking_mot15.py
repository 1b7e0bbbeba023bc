"""Trackers on real detections: Faster R-CNN's of MOT15, without pictures or appearances, the first 200 frames of each.

Ground truth lies beside some of the sequences only. Tracks of all of them can be written out, to be scored elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from openaisle.adapters.motchallenge import BoxRows, read_boxes, write_boxes
from openaisle.bench.tracking_contest import Entry, contest, scores, sequence_of
from openaisle.bench.tracking_scores import WHOLE
from openaisle.core.errors import InputError

FRAMES: Final = 200
CAMERAS: Final[dict[str, tuple[float, tuple[int, int], str]]] = {
    "ADL-Rundle-6": (30.0, (1920, 1080), "stands"),
    "ADL-Rundle-8": (30.0, (1920, 1080), "moves"),
    "ETH-Bahnhof": (14.0, (640, 480), "moves"),
    "ETH-Pedcross2": (14.0, (640, 480), "moves"),
    "ETH-Sunnyday": (14.0, (640, 480), "moves"),
    "KITTI-13": (10.0, (1242, 375), "moves"),
    "KITTI-17": (10.0, (1224, 370), "stands"),
    "PETS09-S2L1": (7.0, (768, 576), "stands"),
    "TUD-Campus": (25.0, (640, 480), "stands"),
    "TUD-Stadtmitte": (25.0, (640, 480), "stands"),
    "Venice-2": (30.0, (1920, 1080), "stands"),
}
"""Frame rate, size and whether the camera stands, as MOTChallenge gives them."""
_PETS_TRUTH: Final = Path("pets2009_s2l1") / "PETS2009-S2L1-View_001-gt-mot.txt"


def measure(
    python: Path,
    data: Path,
    report: Callable[[str, float], None],
    out: Path | None = None,
    labels: list[str] | None = None,
) -> dict[str, Any]:
    """Everybody, or those of `labels`, on all sequences in `data`. With `out`, tracks go to OUT/LABEL/SEQUENCE.txt."""
    folder = data / "mot15" / "detections"
    names = [name for name in CAMERAS if (folder / name / "det" / "det.txt").is_file()]
    if not names:
        raise InputError(
            "no detections of MOT15", file=str(folder), expected="SEQUENCE/det/det.txt", field="--data"
        )
    truth = {name: rows.until(FRAMES) for name in names if (rows := _truth(data, name)) is not None}
    sequences = []
    for name in names:
        detections = read_boxes(folder / name / "det" / "det.txt").until(FRAMES)
        frames = max(detections.frame_count, truth[name].frame_count if name in truth else 0)
        sequences.append(sequence_of(name, detections, *CAMERAS[name][:2], frames))
    entries, absent = contest(python, sequences, report, labels)
    table = {}
    for entry in entries:
        if out is not None:
            _write(out / entry.label.replace(" ", "-"), names, entry)
        tracks = sum(len(np.unique(rows[:, 5])) for rows in entry.rows)
        boxes = sum(len(rows) for rows in entry.rows)
        table[entry.label] = {"tracks": tracks, "boxes": boxes}
        if truth:
            table[entry.label]["scores"] = scores(python, entry, sequences, truth)
    return {"frames": FRAMES, "sequences": names, "scored": list(truth), "trackers": table, "absent": absent}


def lines(result: dict[str, Any]) -> list[str]:
    """For people to read."""
    said = [
        f"MOT15, Faster R-CNN, first {result['frames']} frames of {len(result['sequences'])} sequences; scored on "
        f"{', '.join(result['scored']) or 'none: no ground truth here'}",
        f"{'':24} {'HOTA':>6} {'MOTA':>6} {'IDF1':>6} {'switches':>8}   tracks of all",
    ]
    for label, row in result["trackers"].items():
        whole = row.get("scores", {}).get(WHOLE)
        figures = (
            f"{whole['hota']:6.1f} {whole['mota']:6.1f} {whole['idf1']:6.1f} {whole['switches']:8d}"
            if whole
            else " " * 29
        )
        said.append(f"{label:24} {figures}   {row['tracks']}")
    return said + [f"{label} is absent: {why}" for label, why in result["absent"].items()]


def _truth(data: Path, name: str) -> BoxRows | None:
    for path in (data / "mot15" / "ground_truth" / name / "gt.txt", data / _PETS_TRUTH):
        if path.is_file() and (name in path.parts or name.startswith("PETS09")):
            return read_boxes(path, needs_ids=True)
    return None


def _write(folder: Path, names: list[str], entry: Entry) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in zip(names, entry.rows, strict=True):
        frame, who = rows[:, 0].astype(np.int64), rows[:, 5].astype(np.int64)
        write_boxes(folder / f"{name}.txt", BoxRows(frame, who, rows[:, 1:5], np.ones(len(rows))))
