"""All trackers, ours and others, on the same sequences in one run; each in a process of its own, one after another."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from openaisle.adapters.motchallenge import BoxRows
from openaisle.bench.ours_there import OURS
from openaisle.bench.peers import run_there
from openaisle.bench.peers_there import PEERS
from openaisle.bench.tracking_runs import Sequence, pack
from openaisle.bench.tracking_scores import ScoredSequence, Trajectories, score
from openaisle.core.errors import InputError

WARM_FRAMES = 20  # not timed


@dataclass(frozen=True)
class Entry:
    """What one tracker made of all sequences."""

    label: str
    is_ours: bool
    rows: list[Any]  # [m, 6] frame x1 y1 x2 y2 id, of each sequence
    ms: list[Any]  # [frames]


def sequence_of(
    name: str, detections: BoxRows, fps: float, size_px: tuple[int, int], frames: int
) -> Sequence:
    boxes = np.column_stack([detections.boxes_image_px, detections.score])
    return Sequence(name, fps, *size_px, detections.frame, boxes, frames)


def contest(
    python: Path,
    sequences: list[Sequence],
    report: Callable[[str, float], None],
    labels: list[str] | None = None,
) -> tuple[list[Entry], dict[str, str]]:
    """Everybody, ours first, or those of `labels`; and why some are absent."""
    arrays = pack(sequences)
    for label in labels or ():
        if label not in OURS and label not in PEERS:
            expected = ", ".join([*OURS, *PEERS])
            raise InputError("no such tracker", field="--tracker", expected=expected, found=label)
    asked = [label for label in [*OURS, *PEERS] if labels is None or label in labels]
    entries: list[Entry] = []
    absent: dict[str, str] = {}
    for number, label in enumerate(asked):
        report(label, number / len(asked))
        is_ours = label in OURS
        interpreter = Path(sys.executable) if is_ours else python
        module = f"openaisle.bench.{'ours' if is_ours else 'peers'}_there"
        made = run_there(interpreter, module, [label], arrays)
        if "absent" in made:
            absent[label] = str(made["absent"])
            continue
        count = range(len(sequences))
        entries.append(
            Entry(
                label,
                is_ours,
                [made[f"rows_{each}"] for each in count],
                [made[f"ms_{each}"] for each in count],
            )
        )
    return entries, absent


def scores(
    python: Path, entry: Entry, sequences: list[Sequence], truth: dict[str, BoxRows]
) -> dict[str, dict[str, float]]:
    """FIGURES of those sequences whose truth is known, by name, and of all of them."""
    return score(
        python,
        [
            ScoredSequence(
                sequence.name,
                Trajectories(known.frame, known.id, known.boxes_image_px),
                Trajectories(rows[:, 0].astype(np.int64), rows[:, 5].astype(np.int64), rows[:, 1:5]),
            )
            for sequence, rows in zip(sequences, entry.rows, strict=True)
            if (known := truth.get(sequence.name)) is not None
        ],
    )


def median_ms(entry: Entry, place: int) -> float:
    return float(np.median(entry.ms[place][WARM_FRAMES:]))
