from itertools import combinations

import numpy as np
import pytest
from scipy import sparse

from openaisle.planning.solve import choose, repaired


def made_up(seed: int, columns: int = 14, rows: int = 9) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    satisfies = rng.random((columns, rows)) < 0.35
    needed = np.minimum(rng.integers(1, 3, rows), satisfies.sum(axis=0))
    return satisfies, needed, rng.uniform(1.0, 2.0, columns).round(2)


def least_cost(satisfies: np.ndarray, needed: np.ndarray, costs: np.ndarray) -> float:
    """By trying all."""
    best = np.inf
    for size in range(len(costs) + 1):
        for some in combinations(range(len(costs)), size):
            if (satisfies[list(some)].sum(axis=0) >= needed).all():
                best = min(best, float(costs[list(some)].sum()))
    return best


@pytest.mark.parametrize("seed", range(6))
def test_a_small_placement_is_the_best_there_is(seed: int) -> None:
    satisfies, needed, costs = made_up(seed)
    chosen = choose(sparse.csr_matrix(satisfies), needed, costs, seconds=10)
    assert (satisfies[chosen.columns].sum(axis=0) >= needed).all()
    assert chosen.cost == pytest.approx(least_cost(satisfies, needed, costs))
    assert chosen.bound <= chosen.cost + 1e-6


def test_the_bound_holds_although_no_time_is_given_to_the_programme() -> None:
    rng = np.random.default_rng(5)
    satisfies = rng.random((400, 120)) < 0.06
    needed = np.minimum(2, satisfies.sum(axis=0))
    costs = rng.uniform(1.0, 1.2, 400)
    hasty = choose(sparse.csr_matrix(satisfies), needed, costs, seconds=0.01)
    patient = choose(sparse.csr_matrix(satisfies), needed, costs, seconds=3)
    assert (satisfies[hasty.columns].sum(axis=0) >= needed).all()
    assert hasty.bound <= patient.cost + 1e-6
    assert patient.cost <= hasty.cost + 1e-9
    assert patient.bound > 0.7 * patient.cost


def test_a_repair_covers_what_was_taken_away() -> None:
    satisfies, needed, costs = made_up(3, columns=40)
    before = choose(sparse.csr_matrix(satisfies), needed, costs, seconds=5).columns
    satisfies[before[0]] = False
    possible = np.minimum(needed, satisfies.sum(axis=0))
    after = repaired(sparse.csr_matrix(satisfies), possible, costs, before)
    assert (satisfies[after].sum(axis=0) >= possible).all()
    assert before[0] not in after
