"""From candidates to a placement that its own pictures prove: programme, draw, take back, again.

After every placement its new cameras are drawn. Where a picture does not show what the geometry promised, the promise
is taken back for every candidate at that place, and the next integer programme knows it. What the programmes leave open
is repaired, and what has become needless is looked for at the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import numpy as np
from scipy import sparse

from openaisle.planning.candidates import Candidates
from openaisle.planning.proof import Drawn
from openaisle.planning.solve import Floats, Ints, Sparse, bound_below, choose, lighter, repaired
from openaisle.planning.targets import Targets
from openaisle.store.coverage import Bools
from openaisle.store.schema import Store

TIME_SHARES: Final = (0.5, 0.3, 0.2)  # of the seconds, for one integer programme after the other
LIGHTER_SHARE: Final = 0.5  # of the seconds, to look for a cheaper placement near the one found
REPAIRS_MAX: Final = 16
UNDRAWN_DEARER: Final = (
    1.03  # a camera whose pictures are not known yet, once some are: so that it comes to an end
)


class Search:
    """One search. `columns` is the placement so far; `bound` is below the cost of every placement."""

    def __init__(
        self,
        store: Store,
        targets: Targets,
        candidates: Candidates,
        costs: Floats,
        progress: Callable[[str], None],
    ) -> None:
        self.columns: Ints = np.zeros(0, np.int64)
        self.bound = 0.0
        self.taken_back = 0  # views that geometry promised and pictures did not show
        self.columns_in_programme = 0
        self._targets, self._candidates, self._costs = targets, candidates, costs
        self._progress = progress
        self._table: Sparse = sparse.csr_matrix(candidates.satisfies, dtype=np.float64)
        self._needed = self._possible(targets.needed)
        self._drawn = Drawn(store, targets)
        self._shown: dict[int, Bools] = {}

    @property
    def pictures(self) -> int:
        return self._drawn.pictures

    @property
    def cost(self) -> float:
        return float(self._costs[self.columns].sum())

    @property
    def is_short(self) -> Bools:
        """[rows] of which not even all candidates together are enough."""
        return self._needed < self._targets.needed

    def shown(self) -> Bools:
        """[columns, rows]: what the pictures of the placement show."""
        return np.stack([self._shown[int(column)] for column in self.columns])

    def run(self, seconds: float, count_max: int | None) -> None:
        """Until the pictures show every row as often as is possible, and nothing cheaper is near."""
        for share in TIME_SHARES:
            self._solve(seconds * share, count_max)
            if self._is_enough(self.columns):
                break
        for _ in range(REPAIRS_MAX):
            if self._is_enough(self.columns):
                break
            self._draw(repaired(self._table, self._needed, self._costs, self.columns))
        self._lighten(time.monotonic() + LIGHTER_SHARE * seconds)
        self._progress("linear bound with what the pictures have taken back")
        self.bound = max(self.bound, bound_below(self._table, self._needed, self._costs, self.columns))

    def _solve(self, seconds: float, count_max: int | None) -> None:
        costs, start = self._costs, None
        if self._shown:
            costs = self._costs.copy()
            costs[np.setdiff1d(np.arange(len(costs)), list(self._shown))] *= UNDRAWN_DEARER
            start = self.columns
        found = choose(self._table, self._needed, costs, seconds, count_max, start, self._progress)
        # Costs were raised by no more than that, so the least true cost is at least this.
        self.bound = max(self.bound, found.bound / (UNDRAWN_DEARER if self._shown else 1.0))
        self.columns_in_programme = found.columns_seen
        self._draw(found.columns)

    def _lighten(self, until_s: float) -> None:
        while self._is_enough(self.columns):
            self._progress(f"{len(self.columns)} cameras: looking for fewer")
            before = self.columns
            found = lighter(self._table, self._needed, self._costs, before, until_s)
            if found is None:
                return
            self._draw(found)
            if not self._is_enough(found):
                self.columns = before

    def _draw(self, columns: Ints) -> None:
        """Take a placement, look at what has not been looked at yet, and take back what is not there."""
        self.columns = columns
        fresh = [int(column) for column in columns if int(column) not in self._shown]
        for number, column in enumerate(fresh, start=1):
            self._progress(f"ray casting: camera {number} of {len(fresh)}")
            planned = np.zeros(len(self._targets), bool)
            span = slice(self._table.indptr[column], self._table.indptr[column + 1])
            planned[self._table.indices[span]] = self._table.data[span] > 0
            shown = self._drawn.rows(self._candidates.cameras[column], planned)
            self._shown[column] = shown
            self._take_back(column, planned & ~shown)
        self._table.eliminate_zeros()
        self._needed = self._possible(self._needed)

    def _take_back(self, column: int, hidden: Bools) -> None:
        """Whatever is in the way of a camera is in the way of all that hang at its place, however they look."""
        self.taken_back += int(hidden.sum())
        place = self._candidates.cameras[column].position_floor_m
        for other, camera in enumerate(self._candidates.cameras):
            if camera.position_floor_m == place:
                span = slice(self._table.indptr[other], self._table.indptr[other + 1])
                self._table.data[span][hidden[self._table.indices[span]]] = 0.0

    def _is_enough(self, columns: Ints) -> bool:
        views = sum(self._shown[int(column)].astype(np.int64) for column in columns)
        return bool((views >= self._needed).all())

    def _possible(self, needed: Ints) -> Ints:
        """As many as all candidates together offer, where that is less than needed."""
        return np.minimum(needed, np.asarray(self._table.sum(axis=0)).ravel()).astype(np.int64)
