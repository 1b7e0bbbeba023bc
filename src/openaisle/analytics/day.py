"""One store-day's floor, counted while it happens and told once, with noise, when it is over.

Each visit gives a bounded amount to every count (what exceeds it is cut off), so that what one visit can change is
known and noise can be made to cover it: differential privacy by visit (Dwork et al. 2006); all counts together spend
EPSILON. A visit is held only while it lasts; then it is added and let go of. Staff and strangers are not counted.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.analytics.areas import Floor
from openaisle.analytics.noise import Below, Laplace
from openaisle.analytics.report import AreaReport, FloorReport, WayReport
from openaisle.core.messages import FloorTracks, VisitClosed, VisitId, VisitOpened
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.store.schema import Store

VISITS_MIN: Final = 10
EPSILON: Final = Fraction(1)  # a store-day
HEAT_S_MAX: Final = 60  # of one visit, over all cells ...
CELL_S_MAX: Final = 8  # ... and in each
AREAS_MAX: Final = 3
AREA_S_MAX: Final = 60  # over all areas
WAYS_MAX: Final = 3

VISITS_NOISE: Final = Laplace(1, Fraction(10, 100))
HEAT_NOISE: Final = Laplace(HEAT_S_MAX, Fraction(45, 100))
AREA_VISITS_NOISE: Final = Laplace(AREAS_MAX, Fraction(20, 100))
AREA_S_NOISE: Final = Laplace(AREA_S_MAX, Fraction(15, 100))
WAYS_NOISE: Final = Laplace(WAYS_MAX, Fraction(10, 100))
_SPENT: Final = (VISITS_NOISE, HEAT_NOISE, AREA_VISITS_NOISE, AREA_S_NOISE, WAYS_NOISE)
assert sum(noise.epsilon for noise in _SPENT) == EPSILON

SURE_SDS: Final = 3.0  # what noise alone makes of nothing seldom exceeds so many of its standard deviations

LOOK_NS: Final = 250 * NS_PER_MS  # places are taken so often
GAP_NS_MAX: Final = NS_PER_S  # longer without a look counts as no time at all
STAY_NS_MIN: Final = 2 * NS_PER_S  # who is in an area for less passes by
VISITS_OPEN_MAX: Final = 1024  # at the bound the oldest is let go of uncounted
SPREAD_M_MAX: Final = 0.3  # who may be farther away than this is not seen, only waited for
SMOOTH: Final = np.outer((1, 2, 1), (1, 2, 1)) / 16.0  # neighbours lend each other; noise falls to 3/8

FloorMessage = FloorTracks | VisitOpened | VisitClosed
"""What a day's floor is counted from."""


@dataclass
class _Visit:
    """One visit while it lasts."""

    is_counted: bool = True
    seen_ns: int = 0
    cell_ns: Counter[int] = field(default_factory=Counter)
    area_ns: Counter[int] = field(default_factory=Counter)
    area: int | None = None
    area_since_ns: int = 0
    stays: list[int] = field(default_factory=list)  # areas, in the order of staying there


def happened_ns(message: FloorMessage) -> int:
    """When a message of the floor happened: the shop's time."""
    if isinstance(message, FloorTracks):
        return message.captured_ns
    return message.opened_ns if isinstance(message, VisitOpened) else message.closed_ns


class FloorDay:
    """Feed it with the path's messages of one day; `tell` once at its end."""

    def __init__(self, store: Store, day: str) -> None:
        self.day = day
        self._store = store
        self._floor = Floor(store)
        self._open: OrderedDict[VisitId, _Visit] = OrderedDict()
        self._looked_ns = 0
        self._visit_count = 0
        self._heat_s: Counter[int] = Counter()
        self._area_visits: Counter[int] = Counter()
        self._area_s: Counter[int] = Counter()
        self._ways: Counter[tuple[int, int]] = Counter()
        self._is_told = False

    def accept(self, message: FloorMessage) -> None:
        """Take in one message of the day."""
        if isinstance(message, FloorTracks):
            self._moved(message)
        elif isinstance(message, VisitOpened):
            self._opened(message)
        else:
            self._closed(message)

    def _opened(self, visit: VisitOpened) -> None:
        self._open[visit.visit_id] = _Visit(is_counted=not visit.is_staff)
        while len(self._open) > VISITS_OPEN_MAX:
            self._open.popitem(last=False)

    def _moved(self, tracks: FloorTracks) -> None:
        """Where everybody is now. A group's people count together."""
        if tracks.captured_ns - self._looked_ns < LOOK_NS:
            return
        self._looked_ns = tracks.captured_ns
        for visit_id, place, sd_m in zip(
            tracks.visit_ids, tracks.positions_floor_m.tolist(), tracks.position_sd_m.tolist(), strict=True
        ):
            visit = self._open.get(visit_id) if visit_id else None
            if visit is not None and visit.is_counted and sd_m < SPREAD_M_MAX:
                self._stand(visit, place[0], place[1], tracks.captured_ns)

    def _closed(self, closed: VisitClosed) -> None:
        """Add what the visit gives, cut to its bounds, and let go of it."""
        visit = self._open.pop(closed.visit_id, None)
        if visit is None or not visit.is_counted or not visit.cell_ns:
            return
        self._visit_count += 1
        self._heat_s.update(_bounded(visit.cell_ns, CELL_S_MAX, HEAT_S_MAX))
        stayed = {area: spent for area, spent in visit.area_ns.items() if area in visit.stays}
        for area, seconds in _bounded(stayed, AREA_S_MAX, AREA_S_MAX).items():
            self._area_s[area] += seconds
        longest = sorted(stayed, key=lambda area: (-stayed[area], area))[:AREAS_MAX]
        self._area_visits.update(longest)
        steps = {tuple(sorted(pair)) for pair in zip(visit.stays, visit.stays[1:], strict=False)}
        self._ways.update((one, other) for one, other in sorted(steps)[:WAYS_MAX])

    def _stand(self, visit: _Visit, x_m: float, y_m: float, at_ns: int) -> None:
        passed_ns = min(at_ns - visit.seen_ns, GAP_NS_MAX) if visit.seen_ns else LOOK_NS
        visit.seen_ns = at_ns
        cell, area = self._floor.cell(x_m, y_m), self._floor.area(x_m, y_m)
        if cell is not None:
            visit.cell_ns[cell] += passed_ns
        if area != visit.area:
            visit.area, visit.area_since_ns = area, at_ns
        if area is None:
            return
        visit.area_ns[area] += passed_ns
        is_staying = at_ns - visit.area_since_ns >= STAY_NS_MIN
        if is_staying and (not visit.stays or visit.stays[-1] != area):
            visit.stays.append(area)

    # --- telling --------------------------------------------------------------------------------------------------

    def tell(self, below: Below) -> FloorReport:
        """The day with noise from `below`. Once: a second telling would give away what the first one hid."""
        assert not self._is_told, "a day is told once"
        self._is_told = True
        return self._report(below)

    def exact(self) -> FloorReport:
        """The day as it was, without noise. Of a simulated shop only: nobody is in it."""
        return self._report(None)

    def _report(self, below: Below | None) -> FloorReport:
        floor = self._floor
        visits = max(self._visit_count + _noise(VISITS_NOISE, below), 0)
        has_enough = visits >= VISITS_MIN
        heat = np.array(
            [self._heat_s[cell] + _noise(HEAT_NOISE, below) for cell in range(floor.rows * floor.columns)],
            float,
        ).reshape(floor.rows, floor.columns)
        heat_sd_s = 0.0 if below is None else HEAT_NOISE.sd * float(np.sqrt((SMOOTH**2).sum()))
        if below is not None:
            heat = _smoothed(heat)
        # One visit gives a place 8 s at most: so much is of as many visits as are wanted, unless noise made it up.
        least_s = 1.0 if below is None else VISITS_MIN * CELL_S_MAX + SURE_SDS * heat_sd_s
        areas, shown = self._areas(below, has_enough=has_enough)
        return FloorReport(
            store_id=self._store.store_id,
            day=self.day,
            visits=visits,
            epsilon=0.0 if below is None else float(EPSILON),
            visits_min=VISITS_MIN,
            low_m=floor.low_m,
            cell_m=floor.cell_m,
            columns=floor.columns,
            rows=floor.rows,
            heat_s=tuple(
                round(seconds) if has_enough and seconds >= least_s else None
                for seconds in heat.ravel().tolist()
            ),
            heat_sd_s=round(heat_sd_s, 1),
            areas=areas,
            ways=self._ways_between(shown, below, has_enough=has_enough),
        )

    def _areas(self, below: Below | None, *, has_enough: bool) -> tuple[tuple[AreaReport, ...], list[int]]:
        """Every area, and the indices of those of which something is told."""
        reports: list[AreaReport] = []
        shown: list[int] = []
        least = VISITS_MIN + (0.0 if below is None else SURE_SDS * AREA_VISITS_NOISE.sd)
        for index, area in enumerate(self._floor.areas):
            visits = self._area_visits[index] + _noise(AREA_VISITS_NOISE, below)
            seconds = max(self._area_s[index] + _noise(AREA_S_NOISE, below), 0)
            is_told = has_enough and visits >= least
            shown += [index] if is_told else []
            reports.append(
                AreaReport(
                    area_id=area.area_id,
                    name=area.name,
                    visits=visits if is_told else None,
                    dwell_s_mean=round(seconds / visits, 1) if is_told else None,
                )
            )
        return tuple(reports), shown

    def _ways_between(
        self, shown: list[int], below: Below | None, *, has_enough: bool
    ) -> tuple[WayReport, ...]:
        least = VISITS_MIN + (0.0 if below is None else SURE_SDS * WAYS_NOISE.sd)
        areas = self._floor.areas
        ways: list[WayReport] = []
        for one in range(len(areas)):
            for other in range(one + 1, len(areas)):
                # Noise for every pair, told or not: which pairs exist is a secret too.
                visits = self._ways[one, other] + _noise(WAYS_NOISE, below)
                if has_enough and visits >= least and one in shown and other in shown:
                    ways.append(WayReport(area_ids=(areas[one].area_id, areas[other].area_id), visits=visits))
        return tuple(sorted(ways, key=lambda way: (-way.visits, way.area_ids)))


def _noise(noise: Laplace, below: Below | None) -> int:
    return 0 if below is None else noise.draw(below)


def _bounded(spent_ns: Mapping[int, int], each_s_max: int, all_s_max: int) -> Counter[int]:
    """Whole seconds, at most so many each and so many in all; those of which there is most come first."""
    left_s = all_s_max
    bounded: Counter[int] = Counter()
    for key in sorted(spent_ns, key=lambda key: (-spent_ns[key], key)):
        seconds = min(round(spent_ns[key] / NS_PER_S), each_s_max, left_s)
        if seconds > 0:
            bounded[key] = seconds
            left_s -= seconds
    return bounded


def _smoothed(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each cell with its neighbours [rows, columns]; beyond the edge lies the edge again."""
    padded = np.pad(cells, 1, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    return np.einsum("rcij,ij->rc", windows, SMOOTH)
