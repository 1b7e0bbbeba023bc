import numpy as np
from hypothesis import given, strategies as st
from scipy.optimize import linear_sum_assignment

from openaisle.tracks.assignment import assign_dense


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 2**32 - 1), st.booleans())
def test_no_other_assignment_is_worth_more(rows: int, columns: int, seed: int, has_ties: bool) -> None:
    rng = np.random.default_rng(seed)
    benefits = rng.random((rows, columns)) * (rng.random((rows, columns)) < 0.5)
    if has_ties:
        benefits = np.round(3.0 * benefits)
    chosen = assign_dense(benefits)
    given_rows = np.flatnonzero(chosen >= 0)
    assert len(set(chosen[given_rows])) == len(given_rows)
    assert (benefits[given_rows, chosen[given_rows]] > 0.0).all()
    alone = np.concatenate([benefits, np.zeros((rows, rows))], axis=1)
    best = alone[linear_sum_assignment(alone, maximize=True)].sum()
    assert np.isclose(benefits[given_rows, chosen[given_rows]].sum(), best)


def test_nobody_is_given_what_is_worth_nothing() -> None:
    assert assign_dense(np.array([[0.0, -1.0], [0.0, 2.0]])).tolist() == [-1, 1]
