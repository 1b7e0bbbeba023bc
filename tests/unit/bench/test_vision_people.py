"""Where people were is known at the very moment that a track speaks of, between two that were drawn."""

from __future__ import annotations

import numpy as np
import pytest

from openaisle.bench.keypoint_errors import KeypointErrors
from openaisle.bench.vision_people import TRUTH_NS_MAX, _Moment, _Witness
from openaisle.core.units import NS_PER_MS
from openaisle.sim.skeletons import SkeletonCameras
from openaisle.store.load import load_store


def _witness(*moments: tuple[int, tuple[int, ...], float]) -> _Witness:
    """Of moments (ms, who is there, how far along x everybody is)."""
    store = load_store("corner")
    witness = _Witness(SkeletonCameras(store, np.random.default_rng(1)), store, KeypointErrors())
    witness._seen = [
        _Moment(at_ms * NS_PER_MS, ids, np.full((len(ids), 24, 3), x_m), None) for at_ms, ids, x_m in moments
    ]
    return witness


def test_places_are_those_of_the_moment_itself() -> None:
    witness = _witness((0, (1, 2), 0.0), (100, (1, 2), 1.0))
    for at_ms, x_m in ((0, 0.0), (25, 0.25), (90, 0.9), (100, 1.0)):
        moment = witness.at(at_ms * NS_PER_MS)
        assert moment is not None
        assert moment.joints_floor_m == pytest.approx(x_m)


def test_where_somebody_came_or_went_the_nearest_moment_counts() -> None:
    witness = _witness((0, (1, 2), 0.0), (100, (1,), 1.0))
    moment = witness.at(60 * NS_PER_MS)
    assert moment is not None
    assert moment.body_ids == (1,)
    assert moment.joints_floor_m == pytest.approx(1.0)


def test_nothing_is_known_far_from_every_moment() -> None:
    witness = _witness((0, (1,), 0.0))
    assert witness.at(TRUTH_NS_MAX) is not None
    assert witness.at(TRUTH_NS_MAX + 1) is None
    assert _witness().at(0) is None
