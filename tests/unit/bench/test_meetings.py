from __future__ import annotations

import numpy as np

from openaisle.bench.meetings import Judged, figures, fitted

WEIGHTS = (2.5, -12.0, 3.0, -10.0, -5.0, 6.0, -2.0, -3.0)


def acted(count: int, seed: int) -> Judged:
    """Meetings whose truth follows from known weights."""
    rng = np.random.default_rng(seed)
    features = np.column_stack([np.ones(count), rng.uniform(0.0, 0.6, (count, 7))])
    share = 1.0 / (1.0 + np.exp(-features @ np.array(WEIGHTS)))
    return Judged(features, rng.random(count) < share)


def test_weights_are_found_again_and_tell_hand_overs_as_well() -> None:
    found = fitted(acted(12000, 1))
    assert np.allclose(found, WEIGHTS, atol=1.2)
    held_out = acted(3000, 2)
    mine, true = figures(held_out, found), figures(held_out, WEIGHTS)
    assert mine["log_loss"] < true["log_loss"] + 0.01
    assert mine["hand_overs"] == int(held_out.are_passings.sum())


def test_no_weights_know_nothing() -> None:
    assert figures(acted(100, 3), (0.0,) * 8)["log_loss"] == 0.6931
