from __future__ import annotations

from openaisle.bench.path_cost import many_at_once


def test_many_takes_at_one_gondola_are_decided_in_bounded_time() -> None:
    found = many_at_once("corner", 6, seed=9000)
    assert found["rounds"] > 0
    assert found["deciding_ms"]["n"] >= found["rounds"]
    assert found["deciding_ms"]["p50"] < 200.0
