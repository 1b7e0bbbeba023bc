"""How right tracks are: HOTA, MOTA, IDF1 and identity switches, by TrackEval in the peers' environment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.bench.peers import run_there

FIGURES: Final = (
    "hota", "det_a", "ass_a", "loc_a", "mota", "idf1", "recall", "precision",
    "switches", "fragments", "missed", "false",
)  # fmt: skip
"""Per cent up to `precision`, counts from `switches` on. Matched at a similarity of 0.5, HOTA over 0.05 to 0.95."""
COUNTS: Final = FIGURES[8:]
WHOLE: Final = "all"


@dataclass(frozen=True)
class Trajectories:
    """Who was where. Rows in any order; an id is in a frame once."""

    frame: NDArray[np.int64]  # [n]
    id: NDArray[np.int64]  # [n]
    place: NDArray[np.float64]  # [n, 4] boxes x1 y1 x2 y2, or [n, 2] x y in metres


@dataclass(frozen=True)
class ScoredSequence:
    name: str
    truth: Trajectories
    result: Trajectories


def score(python: Path, sequences: Sequence[ScoredSequence]) -> dict[str, dict[str, float]]:
    """FIGURES of each sequence by its name, and of all together as WHOLE (TrackEval's `combine_sequences`)."""
    assert sequences
    arrays: dict[str, NDArray] = {"count": np.array(len(sequences))}
    for number, sequence in enumerate(sequences):
        for who, rows in (("t", sequence.truth), ("r", sequence.result)):
            arrays[f"{who}f_{number}"] = rows.frame
            arrays[f"{who}i_{number}"] = rows.id
            arrays[f"{who}p_{number}"] = rows.place.reshape(len(rows.frame), -1)
    table = run_there(python, "openaisle.bench.trackeval_there", [], arrays)["figures"]
    names = [*(sequence.name for sequence in sequences), WHOLE]
    return {
        name: {
            figure: int(value) if figure in COUNTS else round(float(value), 3)
            for figure, value in zip(FIGURES, row, strict=True)
        }
        for name, row in zip(names, table, strict=True)
    }
