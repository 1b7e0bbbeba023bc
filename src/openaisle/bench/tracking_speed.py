"""What following costs: processor time of `update` in crowds of four sizes, and how right it is there, in one run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from openaisle.bench.tracking_contest import contest, median_ms, scores, sequence_of
from openaisle.bench.tracking_crowds import DENSITY_PER_M2, CrowdSettings, make_crowd
from openaisle.bench.tracking_scores import WHOLE

PEOPLE: Final = (5, 20, 80, 300)
FRAMES: Final = 200
STEEP: Final = 0.9  # height of the camera, in sides of the square: people hardly cover each other


def measure(
    python: Path, seed: int, report: Callable[[str, float], None], labels: list[str] | None = None
) -> dict[str, Any]:
    """Everybody, or those of `labels`, on the same crowds, seen steeply."""
    crowds = {
        f"{people} people": make_crowd(
            CrowdSettings(
                people=people,
                seed=seed,
                frames=FRAMES,
                camera_height_m=STEEP * float(np.sqrt(people / DENSITY_PER_M2)),
            )
        )
        for people in PEOPLE
    }
    sequences = [
        sequence_of(
            name,
            crowd.detections,
            crowd.settings.fps,
            (crowd.settings.width_px, crowd.settings.height_px),
            crowd.settings.frames,
        )
        for name, crowd in crowds.items()
    ]
    truth = {name: crowd.truth for name, crowd in crowds.items()}
    entries, absent = contest(python, sequences, report, labels)
    table = {}
    for entry in entries:
        rows = scores(python, entry, sequences, truth)
        rows.pop(WHOLE)
        for place, name in enumerate(crowds):
            rows[name]["ms"] = round(median_ms(entry, place), 4)
        table[entry.label] = rows
    peers = [entry.label for entry in entries if not entry.is_ours]
    ratio = {}
    for name in crowds if peers and entries[0].is_ours else ():
        fastest = min(peers, key=lambda label: table[label][name]["ms"])
        rightest = max(peers, key=lambda label: table[label][name]["idf1"])
        ratio[name] = {
            "fastest_peer": fastest,
            "times_faster": round(table[fastest][name]["ms"] / table[entries[0].label][name]["ms"], 1),
            "best_idf1_peer": rightest,
            "idf1_ahead": round(table[entries[0].label][name]["idf1"] - table[rightest][name]["idf1"], 2),
        }
    return {
        "seed": seed,
        "frames": FRAMES,
        "detections": {name: len(crowd.detections) for name, crowd in crowds.items()},
        "trackers": table,
        "ours_against_peers": ratio,
        "absent": absent,
    }


def lines(result: dict[str, Any]) -> list[str]:
    """For people to read."""
    names = list(result["detections"])
    said = [
        f"simulated crowds seen steeply, seed {result['seed']}, {result['frames']} frames: median ms of processor "
        "time of an update, IDF1, HOTA",
        f"{'':24} " + "  ".join(f"{name:>20}" for name in names),
    ]
    for label, rows in result["trackers"].items():
        cells = (
            f"{rows[name]['ms']:8.3f} {rows[name]['idf1']:5.1f} {rows[name]['hota']:5.1f}" for name in names
        )
        said.append(f"{label:24} " + "  ".join(cells))
    for name, row in result["ours_against_peers"].items():
        said.append(
            f"{name}: {row['times_faster']} times as fast as {row['fastest_peer']}, IDF1 {row['idf1_ahead']:+.1f} "
            f"against {row['best_idf1_peer']}"
        )
    return said + [f"{label} is absent: {why}" for label, why in result["absent"].items()]
