"""A million visits through till, outbox and processor, with outages of up to seven days: each charged once."""

from pathlib import Path

import pytest

from openaisle.bench.checkout import CheckoutBench, is_right
from openaisle.store.load import load_store


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(9000, 9010))
def test_100000_visits_are_charged_once_each(tmp_path: Path, seed: int) -> None:
    bench = CheckoutBench(load_store("corner"), tmp_path / "day", visits=100_000, seed=seed, faults=True)
    report = bench.run()
    assert is_right(report), report
