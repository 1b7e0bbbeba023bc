"""A scene in, who is who as plain text out: the difference is the review.

An intended change: OPENAISLE_UPDATE_GOLDEN=1 make test ARGS="tests/golden", then look at the difference in git.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from tests.unit.tracking.walkers import walk

from openaisle.tracks import ImageTracker
from openaisle.tracks.image import NO_BOX, STRATEGIES

STARTS = [(40.0, 180.0), (600.0, 200.0), (120.0, 300.0), (330.0, 80.0), (500.0, 330.0)]
STEPS = [(6.0, 0.5), (-6.0, 0.0), (2.0, -1.0), (0.0, 2.5), (0.0, 0.0)]


@pytest.mark.parametrize("name", STRATEGIES)
def test_who_is_who_while_five_people_cross_and_a_detector_errs(name: str) -> None:
    rng = np.random.default_rng(7)
    tracker = ImageTracker(640, 480, 20, STRATEGIES[name]())
    runs: list[tuple[str, int, list[int]]] = []  # what a track shows, its id, its first and last frame
    for number, boxes in enumerate(walk(80, STARTS, STEPS)):
        boxes[:, :4] += 2.0 * rng.standard_normal((5, 4))
        boxes[:, 4] = rng.uniform(0.5, 1.0, 5)
        found = np.flatnonzero(rng.random(5) > 0.15)
        for row in tracker.update(boxes[found]):
            shows = "no box" if row[7] == NO_BOX else f"person {found[int(row[7])]}"
            known = [run for run in runs if run[:2] == (shows, int(row[4]))]
            if known:
                known[0][2][1] = number
            else:
                runs.append((shows, int(row[4]), [number, number]))
    said = "".join(f"{shows}: id {who}, frames {at[0]}-{at[1]}\n" for shows, who, at in sorted(runs))
    expected = Path(__file__).parent / "tracks" / f"{name}.txt"
    if os.environ.get("OPENAISLE_UPDATE_GOLDEN"):
        expected.write_text(said)
    assert said == expected.read_text()
