"""Which candidates hang: a set multicover of least cost, by integer programming (HiGHS), with a proven gap.

The linear relaxation over all candidates is solved by column generation: HiGHS solves it over some, its prices say
which others would pay, until none does; its value bounds every placement from below. The integer programme then runs
over the candidates that could still be in a better placement than the best one known.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

Sparse = Any  # a scipy.sparse matrix; scipy's types do not know that one can be sliced
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COLUMNS_A_ROUND: Final = 400
ROUNDS_MAX: Final = 60
CORE_MAX: Final = 1200  # columns of the integer programme
PRICE_TOLERANCE: Final = 1e-6
NEIGHBOURS: Final = 5  # with each of which a camera is taken away, to see whether fewer or cheaper ones do


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A placement, and what is proven about it."""

    columns: Ints  # sorted
    cost: float
    bound: float  # no placement of these candidates costs less
    columns_seen: int  # by the integer programme


def choose(
    satisfies: Sparse,
    needed: Ints,
    costs: Floats,
    seconds: float,
    count_max: int | None = None,
    start: Ints | None = None,
    progress: Callable[[str], None] = lambda words: None,
) -> Chosen:
    """Columns of `satisfies` [columns, rows] so that every row has `needed` [rows] of them, at least cost.

    `start`: columns that nearly do. `seconds` bound the integer programme. Every row must be satisfiable; a column is
    used once at most.
    """
    table: Sparse = sparse.csc_matrix(satisfies, dtype=np.float64)  # [columns, rows]
    kept = _rows_that_matter(table, needed)
    table, needed = sparse.csr_matrix(table[:, kept]), needed[kept]
    progress(f"{len(kept)} different rows, {table.shape[0]} candidates: first placement")
    greedy = _greedy(table, needed, costs)
    best = _thinned(table, needed, costs, greedy)
    if start is not None:
        near = _thinned(table, needed, costs, _greedy(table, needed, costs, start))
        best = min(best, near, key=lambda columns: float(costs[columns].sum()))
    progress(f"first placement of {len(best)} cameras: linear bound")
    bound, reduced = _linear_bound(table, needed, costs, best, progress)
    best_cost = float(costs[best].sum())
    # A column whose reduced cost exceeds the gap is in no better placement.
    could = np.flatnonzero(reduced <= best_cost - bound + PRICE_TOLERANCE)
    core = np.union1d(could[np.argsort(reduced[could], kind="stable")][:CORE_MAX], best)
    progress(f"bound {bound:.0f}: integer programme over {len(core)} candidates")
    found, core_bound = _integer(table, needed, costs, core, seconds, count_max)
    if found is not None and float(costs[found].sum()) < best_cost:
        best = found
    if len(core) >= len(could):
        bound = max(bound, min(core_bound, float(costs[best].sum())))
    best = np.sort(best)
    return Chosen(
        columns=best,
        cost=float(costs[best].sum()),
        bound=bound,
        columns_seen=len(core),
    )


def repaired(satisfies: Sparse, needed: Ints, costs: Floats, columns: Ints) -> Ints:
    """`columns` and what must be added so that every row has its own again, without what that makes needless."""
    table: Sparse = sparse.csr_matrix(satisfies, dtype=np.float64)
    return np.sort(_thinned(table, needed, costs, _greedy(table, needed, costs, columns)))


def bound_below(satisfies: Sparse, needed: Ints, costs: Floats, start: Ints) -> float:
    """The linear bound alone: no placement costs less. `start`: columns that satisfy every row."""
    table: Sparse = sparse.csc_matrix(satisfies, dtype=np.float64)
    kept = _rows_that_matter(table, needed)
    return _linear_bound(sparse.csr_matrix(table[:, kept]), needed[kept], costs, start, lambda words: None)[0]


def lighter(satisfies: Sparse, needed: Ints, costs: Floats, columns: Ints, until_s: float) -> Ints | None:
    """A cheaper placement near `columns`: without one of them, or two that see much the same, then repaired.

    None if none of these is cheaper, or the monotonic clock has passed `until_s`.
    """
    table: Sparse = sparse.csr_matrix(satisfies, dtype=np.float64)
    kept = _rows_that_matter(sparse.csc_matrix(table), needed)
    table, needed = sparse.csr_matrix(table[:, kept]), needed[kept]
    cost = float(costs[columns].sum())
    shared = (table[columns] @ table[columns].T).toarray()
    np.fill_diagonal(shared, 0.0)
    alone = [(index,) for index in np.argsort(-costs[columns], kind="stable")]
    pairs = {
        tuple(sorted((index, int(other))))
        for index in range(len(columns))
        for other in np.argsort(-shared[index], kind="stable")[:NEIGHBOURS]
        if other != index
    }
    for away in [*alone, *sorted(pairs, key=lambda pair: -shared[pair])]:
        if time.monotonic() > until_s:
            return None
        found = repaired(table, needed, costs, np.delete(columns, list(away)))
        if float(costs[found].sum()) < cost - PRICE_TOLERANCE:
            return found
    return None


def _rows_that_matter(table: Sparse, needed: Ints) -> Ints:
    """Rows without those that another implies: the same columns, and no more needed."""
    first: dict[bytes, int] = {}
    for row in range(table.shape[1]):
        if needed[row] <= 0:
            continue
        key = table.indices[table.indptr[row] : table.indptr[row + 1]].tobytes()
        if key not in first or needed[row] > needed[first[key]]:
            first[key] = row
    return np.array(sorted(first.values()), np.int64)


def _greedy(table: Sparse, needed: Ints, costs: Floats, begin: Ints | None = None) -> Ints:
    """One by one, after `begin`, whatever satisfies most open rows for its cost (Dobson 1982)."""
    chosen: list[int] = [] if begin is None else [int(column) for column in begin]
    open_ = needed - np.asarray(table[chosen].sum(axis=0)).ravel()
    free = np.ones(table.shape[0], bool)
    free[chosen] = False
    while (open_ > 0).any():
        gain = table @ (open_ > 0) / costs
        gain[~free] = -1.0
        column = int(np.argmax(gain))
        assert gain[column] > 0, "a row cannot be satisfied"
        free[column] = False
        chosen.append(column)
        open_[table.indices[table.indptr[column] : table.indptr[column + 1]]] -= 1
    return np.array(chosen, np.int64)


def _thinned(table: Sparse, needed: Ints, costs: Floats, chosen: Ints) -> Ints:
    """Without those that the others make needless, the dearest and then the last chosen first."""
    views = np.asarray(table[chosen].sum(axis=0)).ravel()
    kept = list(chosen)
    later_first = kept[::-1]
    for column in sorted(later_first, key=lambda column: -costs[column]):
        rows = table.indices[table.indptr[column] : table.indptr[column + 1]]
        if (views[rows] - 1 >= needed[rows]).all():
            views[rows] -= 1
            kept.remove(column)
    return np.array(kept, np.int64)


def _linear_bound(
    table: Sparse,
    needed: Ints,
    costs: Floats,
    start: Ints,
    progress: Callable[[str], None],
) -> tuple[float, Floats]:
    """The relaxation's value over all columns, and every column's reduced cost [columns] at its optimum.

    Whatever the prices, needed @ prices minus what columns are worth beyond their cost is a bound (weak duality): it is
    valid even where generation stops early.
    """
    core = np.unique(start)
    best_bound, best_reduced = 0.0, costs.copy()
    for round_ in range(ROUNDS_MAX):
        solved = linprog(
            costs[core],
            A_ub=-table[core].T,
            b_ub=-needed.astype(np.float64),
            bounds=(0.0, 1.0),
            method="highs",
        )
        assert solved.status == 0, solved.message
        prices = np.maximum(-solved.ineqlin.marginals, 0.0)
        reduced = costs - table @ prices
        bound = float(needed @ prices + np.minimum(reduced, 0.0).sum())
        if bound > best_bound:
            best_bound, best_reduced = bound, reduced
        pays = np.flatnonzero(reduced < -PRICE_TOLERANCE)
        pays = np.setdiff1d(pays, core, assume_unique=True)
        progress(f"linear bound: round {round_ + 1}, {best_bound:.0f} of {solved.fun:.0f}")
        if len(pays) == 0 or solved.fun - best_bound <= 1e-3 * solved.fun:
            break
        # The best for each row first: many columns that pay for one row add little.
        order = pays[np.argsort(reduced[pays], kind="stable")]
        core = np.union1d(core, order[:COLUMNS_A_ROUND])
    return best_bound, best_reduced


def _integer(
    table: Sparse,
    needed: Ints,
    costs: Floats,
    core: Ints,
    seconds: float,
    count_max: int | None,
) -> tuple[Ints | None, float]:
    """The best of `core` within the time, and the bound over `core`."""
    lower: Any = needed.astype(np.float64)
    constraints = [LinearConstraint(table[core].T, lb=lower, ub=np.inf)]
    if count_max is not None:
        constraints.append(LinearConstraint(np.ones((1, len(core))), ub=count_max))
    solved = milp(
        costs[core],
        constraints=constraints,
        integrality=np.ones(len(core)),
        bounds=Bounds(0.0, 1.0),
        options={"time_limit": seconds, "mip_rel_gap": 1e-4},
    )
    if solved.x is None:
        return None, 0.0
    return core[np.flatnonzero(solved.x > 0.5)], float(solved.mip_dual_bound or 0.0)
