"""Whose arm was there: the paths of all hands around a moment, against a place on a shelf.

Not one wrist at one instant: the hand, a little beyond the wrist along the forearm, must have been there for some
tenths of a second before the edge; its worst glimpses are left out, because trackers err. Where no hand was seen
well, where the body stands tells. Where tracks do not reach the moment yet (skeletons may be seconds late), everybody
who could have walked there since is possible.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openaisle.core.messages import JOINT_INDEX, FloorTracks, TrackId, VisitId
from openaisle.core.units import NS_PER_S
from openaisle.interactions.settings import ReachSettings
from openaisle.store.schema import Gondola, Shelf

Floats = NDArray[np.float64]

WRISTS = np.array([JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]])
ELBOWS = np.array([JOINT_INDEX["left_elbow"], JOINT_INDEX["right_elbow"]])
FRONT_SLACK_M = 0.03

SHOULDERS = np.array([JOINT_INDEX["left_shoulder"], JOINT_INDEX["right_shoulder"]])


@dataclass(frozen=True)
class Target:
    """A place on a shelf that a hand must have been at, and when."""

    gondola: Gondola
    shelf: Shelf
    along_m: float  # from the shelf's left end
    edge_ns: int


@dataclass(frozen=True)
class Suspect:
    """One person and how well their arm fits."""

    track_id: TrackId
    visit_id: VisitId | None
    log_likelihood: float
    hand: int  # 0 left, 1 right: which came nearest
    right_hand: float = 0.5  # probability that it was the right one


@dataclass(frozen=True)
class _Rows:
    """Everybody of one FloorTracks message."""

    captured_ns: int
    track_ids: tuple[TrackId, ...]
    hands_floor_m: Floats  # [people, 2, 3]
    bodies_floor_m: Floats  # [people, 2]


@dataclass(frozen=True)
class _Sight:
    """Squared distances in sd of every row from where it would be, had it been this person."""

    core: NDArray[np.bool_]  # [rows] within the time when the hand must have been there
    near: Floats  # [rows, 2] of each hand
    rough: Floats  # [rows, 2] the same with a wide spread
    stand: Floats  # [rows] of the body


class Arms:
    """The last seconds of everybody's hands."""

    def __init__(self, settings: ReachSettings) -> None:
        self._settings = settings
        self._rows: deque[_Rows] = deque()
        self._row_count = 0
        self._visit_of: dict[TrackId, VisitId | None] = {}
        self.latest_ns = 0
        self.heard_count = 0  # of messages

    def add(self, tracks: FloorTracks) -> None:
        """Take in one message; they may come out of order by as much as the history is long."""
        settings = self._settings
        rows = _Rows(
            tracks.captured_ns,
            tracks.track_ids,
            hands_of(tracks.joints_floor_m, settings.hand_beyond_wrist_m),
            _bodies_of(tracks),
        )
        # Whoever leaves is nobody's any more, but what they did before is still theirs.
        for track_id, visit_id in zip(tracks.track_ids, tracks.visit_ids, strict=True):
            self._visit_of[track_id] = visit_id or self._visit_of.get(track_id)
        self.latest_ns = max(self.latest_ns, tracks.captured_ns)
        self.heard_count += 1
        self._rows.append(rows)
        self._row_count += len(rows.track_ids)
        oldest_ns = self.latest_ns - round(settings.history_s * NS_PER_S)
        while self._rows and (self._rows[0].captured_ns < oldest_ns or self._row_count > settings.rows_max):
            self._row_count -= len(self._rows.popleft().track_ids)
        if len(self._visit_of) > 4 * settings.rows_max:
            self._visit_of = dict(list(self._visit_of.items())[-settings.rows_max :])

    def visit_of(self, track_id: TrackId) -> VisitId | None:
        return self._visit_of.get(track_id)

    def hand_path(
        self, track_id: TrackId, hand: int, from_ns: int, until_ns: int
    ) -> list[tuple[int, Floats, Floats]]:
        """Sights of a hand within a time, in order: when, hand [3] and body [2] on the floor."""
        found: list[tuple[int, Floats, Floats]] = []
        for rows in self._rows:
            if from_ns <= rows.captured_ns <= until_ns and track_id in rows.track_ids:
                row = rows.track_ids.index(track_id)
                point, body = rows.hands_floor_m[row, hand], rows.bodies_floor_m[row]
                if np.isfinite(point).all() and np.isfinite(body).all():
                    found.append((rows.captured_ns, point, body))
        return sorted(found, key=lambda sight: sight[0])

    def quiet_times(self, place_floor_m: Floats, away_m: float, from_ns: int, until_ns: int) -> list[int]:
        """Times at which people were watched and nobody's hand was near a place [3], in order."""
        found: list[int] = []
        for rows in self._rows:
            if from_ns <= rows.captured_ns <= until_ns:
                distance_m = np.linalg.norm(rows.hands_floor_m - place_floor_m, axis=2)
                if not (distance_m < away_m).any():
                    found.append(rows.captured_ns)
        return sorted(found)

    def suspects(self, target: Target) -> list[Suspect]:
        """Everybody seen around that time, best first."""
        rows, lag_s = self._around(target)
        if not rows:
            return []
        track_ids = [track_id for row in rows for track_id in row.track_ids]
        times_ns = np.repeat([row.captured_ns for row in rows], [len(row.track_ids) for row in rows])
        hands = np.concatenate([row.hands_floor_m for row in rows])
        bodies = np.concatenate([row.bodies_floor_m for row in rows])
        sight = self._sight(times_ns, hands, bodies, target, lag_s)
        of_track: dict[TrackId, list[int]] = {}
        for index, track_id in enumerate(track_ids):
            of_track.setdefault(track_id, []).append(index)
        found: list[Suspect] = []
        for track_id, own in of_track.items():
            log_likelihood, right_hand = self._log_likelihood(sight, np.array(own))
            visit_id, hand = self._visit_of.get(track_id), int(right_hand > 0.5)
            found.append(Suspect(track_id, visit_id, log_likelihood, hand, right_hand))
        return sorted(found, key=lambda suspect: (-suspect.log_likelihood, suspect.track_id))

    def _around(self, target: Target) -> tuple[list[_Rows], float]:
        """Messages near a moment, and how many seconds before it tracks end."""
        lag_ns = max(0, target.edge_ns - self.latest_ns)
        window_ns = round(self._settings.window_s * NS_PER_S)
        low_ns, high_ns = target.edge_ns - window_ns - lag_ns, target.edge_ns + window_ns
        rows = [row for row in self._rows if low_ns <= row.captured_ns <= high_ns and row.track_ids]
        return rows, lag_ns / NS_PER_S

    def _sight(
        self, times_ns: NDArray[np.int64], hands: Floats, bodies: Floats, target: Target, lag_s: float
    ) -> _Sight:
        """Squared distances in sd, of every row."""
        settings = self._settings
        since_s = (times_ns - target.edge_ns) / NS_PER_S
        off_s = np.maximum(-settings.before_s - since_s, since_s - settings.after_s).clip(min=0.0)
        time = ((off_s - lag_s).clip(min=0.0) / settings.time_sd_s) ** 2
        # Where a person may have gone since they were seen last, nobody knows.
        blur_m = settings.walk_m_s * lag_s
        sd_m = np.array([settings.along_sd_m, settings.outside_sd_m, settings.height_sd_m])
        miss_m = misses_m(hands, target, settings.height_m)
        near = ((miss_m / np.hypot(sd_m, blur_m)) ** 2).sum(axis=-1) + time[:, None]
        rough = ((miss_m / np.hypot(settings.rough_scale * sd_m, blur_m)) ** 2).sum(axis=-1) + time[:, None]
        stand_m = _stands(bodies, target) - np.array([0.0, -settings.stand_m])
        stand_m[:, 0] = (np.abs(stand_m[:, 0]) - settings.stand_slack_m).clip(min=0.0)
        stand = ((stand_m / np.hypot(settings.stand_sd_m, blur_m)) ** 2).sum(axis=-1) + time
        return _Sight(
            core=off_s == 0.0,
            near=np.minimum(near, settings.cost_max),
            rough=np.minimum(rough, settings.cost_max),
            stand=np.where(np.isfinite(stand), stand, np.inf),
        )

    def _log_likelihood(self, sight: _Sight, own: NDArray[np.intp]) -> tuple[float, float]:
        """Of one person (tracked well, tracked badly, or not tracked), and how likely it was the right hand."""
        settings = self._settings
        core = own[sight.core[own]]
        near = [self._typical(sight.near, core, own, hand) for hand in (0, 1)]
        rough = min(self._typical(sight.rough, core, own, hand) for hand in (0, 1))
        stand = min(float(sight.stand[core if len(core) else own].min()), 60.0)
        # A body out of reach of the shelf had no hand in it, whatever the tracker made of the hand.
        beyond = max(0.0, stand - settings.cost_max)
        terms = np.array(
            [
                -0.5 * (min(near) + beyond),
                np.log(settings.prior_rough) - 0.5 * (rough + stand),
                np.log(settings.prior_unseen) - 0.5 * stand,
            ]
        )
        return float(np.logaddexp.reduce(terms)), _right_hand(near[0], near[1], settings.hand_weight)

    def _typical(self, costs: Floats, core: NDArray[np.intp], own: NDArray[np.intp], hand: int) -> float:
        """Mean of a hand's best glimpses around the edge; its best at all if there are none."""
        seen = costs[core, hand]
        seen = np.sort(seen[np.isfinite(seen)])
        if len(seen):
            return float(seen[: max(1, int(np.ceil(self._settings.best_share * len(seen))))].mean())
        others = costs[own, hand]
        others = others[np.isfinite(others)]
        return float(others.min()) if len(others) else np.inf


def _right_hand(left_cost: float, right_cost: float, weight: float) -> float:
    """Probability that it was the right hand, by how far each missed."""
    least = min(left_cost, right_cost)
    if not np.isfinite(least):
        return 0.5
    left, right = (float(np.exp(-0.5 * weight * (cost - least))) for cost in (left_cost, right_cost))
    return right / (left + right)


def hands_of(joints_floor_m: np.ndarray, beyond_m: float) -> Floats:
    """Hands [people, 2, 3]: beyond the wrist along the forearm, or the wrist where the elbow is unknown."""
    joints = joints_floor_m.astype(np.float64)
    wrists, elbows = joints[:, WRISTS, :3], joints[:, ELBOWS, :3]
    forearm = wrists - elbows
    length = np.linalg.norm(forearm, axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        ahead = np.where(length > 0.05, forearm / length * beyond_m, 0.0)
    return wrists + np.where(np.isfinite(ahead), ahead, 0.0)


def misses_m(points_floor_m: Floats, target: Target, height_m: tuple[float, float]) -> Floats:
    """How far points [.., 3] miss a place on a shelf: along it, outside its front or back, below or above."""
    shelf = target.shelf
    points = target.gondola.floor_from_gondola.inverse().apply(points_floor_m)
    along = np.abs(points[..., 0] - shelf.left_m - target.along_m)
    into = points[..., 1] - shelf.front_m
    outside = np.maximum(-into - FRONT_SLACK_M, into - shelf.depth_m)
    above = points[..., 2] - shelf.height_m
    height = np.maximum(height_m[0] - above, above - height_m[1])
    return np.stack([along, outside.clip(min=0.0), height.clip(min=0.0)], axis=-1)


def _stands(bodies_floor_m: Floats, target: Target) -> Floats:
    """Bodies [.., 2] from the place at the shelf's front: along, into (negative: before it)."""
    points = np.concatenate([bodies_floor_m, np.zeros((*bodies_floor_m.shape[:-1], 1))], axis=-1)
    local = target.gondola.floor_from_gondola.inverse().apply(points)
    return local[..., :2] - np.array([target.shelf.left_m + target.along_m, target.shelf.front_m])


def _bodies_of(tracks: FloorTracks) -> Floats:
    """Where people stand [people, 2]: their track's position, or between the shoulders where it has none."""
    positions = tracks.positions_floor_m.astype(np.float64)
    shoulders = tracks.joints_floor_m[:, SHOULDERS, :2].astype(np.float64)
    with np.errstate(invalid="ignore"):
        middle = shoulders.mean(axis=1)
    return np.where(np.isfinite(positions), positions, middle)
