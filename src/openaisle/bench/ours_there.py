"""Our tracker on sequences, each strategy a contestant: in a process of its own, as peers are, under their loop."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from openaisle.bench.tracking_runs import Sequence, follow, unpack
from openaisle.tracks.image import STRATEGIES, ImageTracker

OURS: dict[str, str] = {f"openaisle {name}" if name != "openaisle" else name: name for name in STRATEGIES}
"""Labels to names of strategies."""


class _Ours:
    def __init__(self, name: str, sequence: Sequence) -> None:
        settings = STRATEGIES[name]()
        self._tracker = ImageTracker(sequence.width_px, sequence.height_px, sequence.fps, settings)

    def prepare(self, boxes: Any, number: int) -> Any:
        return np.column_stack([boxes, np.zeros(len(boxes))])

    def update(self, prepared: Any) -> Any:
        return self._tracker.update(prepared)

    def rows(self, returned: Any) -> Any:
        return returned[:, :5]


def main(given: str, made: str, label: str) -> None:
    with np.load(given) as arrays:
        sequences = unpack(arrays)

    def build(sequence: Sequence) -> _Ours:
        return _Ours(OURS[label], sequence)

    follow(build, sequences[0])  # compiles, or loads what was compiled
    out: dict[str, Any] = {}
    for number, sequence in enumerate(sequences):
        out[f"rows_{number}"], out[f"ms_{number}"] = follow(build, sequence)
    np.savez(made, **out)


if __name__ == "__main__":
    main(*sys.argv[1:4])
