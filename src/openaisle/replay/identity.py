"""How often a person became somebody else: identity switches against the truth (CLEAR MOT, Bernardin 2008)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from openaisle.core.messages import FloorTracks, VisitId
from openaisle.core.units import NS_PER_MS
from openaisle.replay.truth import DayTruth, TruePositions

MATCH_M_MAX: Final = 0.75
"""A track farther than this from a person is not of that person."""

TIME_NS_MAX: Final = 150 * NS_PER_MS
"""A track counts for an instant of the truth if it was seen at most this much before or after."""


def count_id_switches(truth: DayTruth, tracks: Sequence[FloorTracks]) -> int:
    """How often the visit that a person is tracked under changed from one to another.

    People and tracks are matched instant by instant, by least total distance; a person keeps a match that is still
    within reach. A person without a track, or with one that is bound to no visit, keeps the last visit.
    """
    by_time = sorted(tracks, key=lambda track: track.captured_ns)
    times_ns = np.array([track.captured_ns for track in by_time], np.int64)
    last_visit: dict[int, VisitId] = {}
    switches = 0
    for instant in truth.people:
        track = _nearest(by_time, times_ns, instant.at_ns)
        if track is None or not track.track_ids:
            continue
        for row, column in _matches(instant, track, last_visit):
            visit_id = track.visit_ids[column]
            if visit_id is None:
                continue
            body_id = instant.body_ids[row]
            switches += last_visit.get(body_id, visit_id) != visit_id
            last_visit[body_id] = visit_id
    return switches


def _nearest(tracks: Sequence[FloorTracks], times_ns: NDArray[np.int64], at_ns: int) -> FloorTracks | None:
    after = int(np.searchsorted(times_ns, at_ns))
    near = [index for index in (after - 1, after) if 0 <= index < len(tracks)]
    best = min(near, key=lambda index: abs(int(times_ns[index]) - at_ns), default=None)
    if best is None or abs(int(times_ns[best]) - at_ns) > TIME_NS_MAX:
        return None
    return tracks[best]


def _matches(
    instant: TruePositions, track: FloorTracks, last_visit: dict[int, VisitId]
) -> list[tuple[int, int]]:
    """(row of the truth, row of the tracks) of each person with a track in reach."""
    offsets_m = instant.points_floor_m[:, None, :] - track.positions_floor_m[None, :, :].astype(np.float64)
    distances_m = np.hypot(offsets_m[..., 0], offsets_m[..., 1])
    cost = np.where(np.isfinite(distances_m) & (distances_m <= MATCH_M_MAX), distances_m, 1e6)
    for row, body_id in enumerate(instant.body_ids):
        for column, visit_id in enumerate(track.visit_ids):
            if visit_id is not None and last_visit.get(body_id) == visit_id and cost[row, column] < 1e6:
                cost[row, column] -= MATCH_M_MAX  # Kept, unless that costs somebody else theirs.
    rows, columns = linear_sum_assignment(cost)
    return [
        (int(row), int(column)) for row, column in zip(rows, columns, strict=True) if cost[row, column] < 1e6
    ]
