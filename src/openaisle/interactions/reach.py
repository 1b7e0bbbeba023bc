"""Whose arm was there: the paths of all hands around a moment, against a place on a shelf.

Not one wrist at one instant: the hand, a little beyond the wrist along the forearm, must have been there for some
tenths of a second before the edge; its worst glimpses are left out, because trackers err. Where no hand was seen
well, where the body stands tells, and whether elbow and shoulder are near enough (limbs.py). Where tracks do not reach
the moment yet (skeletons may be seconds late), everybody who could have walked there since is possible.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.core.messages import JOINT_INDEX, FloorTracks, TrackId, VisitId
from openaisle.core.units import NS_PER_S
from openaisle.interactions.limbs import LIMBS, limbs_of, log_reaches, too_far_m
from openaisle.interactions.settings import ReachSettings
from openaisle.store.schema import Gondola, Shelf

Floats = NDArray[np.float64]

WRISTS = np.array([JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]])
ELBOWS = np.array([JOINT_INDEX["left_elbow"], JOINT_INDEX["right_elbow"]])
FRONT_SLACK_M = 0.03
CONFIDENCE_MIN, CONFIDENCE_MAX = 0.01, 0.97
STAND_MAX = 60.0  # squared sd

SHOULDERS = np.array([JOINT_INDEX["left_shoulder"], JOINT_INDEX["right_shoulder"]])


@dataclass(frozen=True)
class Target:
    """A place on a shelf that a hand must have been at, and when."""

    gondola: Gondola
    shelf: Shelf
    along_m: float  # from the shelf's left end
    edge_ns: int

    @cached_property
    def place_floor_m(self) -> tuple[float, float, float]:
        """On the floor, at the shelf's front."""
        local = np.array([self.shelf.left_m + self.along_m, self.shelf.front_m, self.shelf.height_m])
        x, y, z = self.gondola.floor_from_gondola.apply(local).tolist()
        return x, y, z

    def hand_floor_m(self, above_m: float) -> tuple[float, float, float]:
        """Where a hand is there, so far above the board."""
        x, y, z = self.place_floor_m
        return x, y, z + above_m


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

    number: int
    captured_ns: int
    track_ids: tuple[TrackId, ...]
    hands_floor_m: Floats  # [people, 2, 3]
    hand_confidence: Floats  # [people, 2] of the wrist; 0 where it is unknown
    bodies_floor_m: Floats  # [people, 2]
    across_floor: Floats  # [people, 2] from the left shoulder to the right, as long as both are sure
    limbs_floor: Floats  # [people, limbs, 2, 4] elbows and shoulders, as joints


@dataclass(frozen=True)
class _Sight:
    """Squared distances in sd of every row from where it would be, had it been this person."""

    core: NDArray[np.bool_]  # [rows] within the time when the hand must have been there
    near: Floats  # [rows, 2] of each hand
    confidence: Floats  # [rows, 2] of each hand
    stand: Floats  # [rows] of the body
    beyond: Floats  # [rows] of the body, where it is out of reach
    facing: (
        Floats  # [rows, 2] of the shoulders: turned to the shelf (1, away -1) times how sure, and how sure
    )
    limbs_far: Floats  # [rows, limbs, 2] of elbows and shoulders: how much too far off they are, in sd
    limbs_sure: Floats  # [rows, limbs, 2]


_Place: TypeAlias = tuple[str, str, float, int]  # gondola, shelf, metres along it, when
_Seen: TypeAlias = tuple[float, tuple[int, ...]]  # seconds by which tracks lag, numbers of the messages


class Arms:
    """The last seconds of everybody's hands."""

    def __init__(self, settings: ReachSettings) -> None:
        self._settings = settings
        self._rows: deque[_Rows] = deque()
        self._row_count = 0
        self._visit_of: dict[TrackId, VisitId | None] = {}
        self.latest_ns = 0
        self.heard_count = 0  # of messages
        self._judged: dict[_Place, tuple[_Seen, list[tuple[TrackId, float, float]]]] = {}

    def add(self, tracks: FloorTracks) -> None:
        """Take in one message; they may come out of order by as much as the history is long."""
        settings = self._settings
        rows = _Rows(
            self.heard_count,
            tracks.captured_ns,
            tracks.track_ids,
            hands_of(tracks.joints_floor_m, settings.hand_beyond_wrist_m),
            np.nan_to_num(tracks.joints_floor_m[:, WRISTS, 3].astype(np.float64)),
            _bodies_of(tracks),
            _across(tracks.joints_floor_m),
            limbs_of(tracks.joints_floor_m),
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
        place = (target.gondola.gondola_id, target.shelf.shelf_id, target.along_m, target.edge_ns)
        seen = (lag_s, tuple(row.number for row in rows))
        if (known := self._judged.pop(place, None)) is None or known[0] != seen:
            known = (seen, self._judge(rows, target, lag_s))
        self._judged[place] = known  # The newest comes last.
        while len(self._judged) > self._settings.judged_max:
            self._judged.pop(next(iter(self._judged)))
        found = [
            Suspect(track_id, self._visit_of.get(track_id), log_likelihood, int(right > 0.5), right)
            for track_id, log_likelihood, right in known[1]
        ]
        return sorted(found, key=lambda suspect: (-suspect.log_likelihood, suspect.track_id))

    def _judge(
        self, rows: Sequence[_Rows], target: Target, lag_s: float
    ) -> list[tuple[TrackId, float, float]]:
        """Of everybody in these rows how well their arm fits, and how likely it was the right one."""
        times_ns = np.repeat([row.captured_ns for row in rows], [len(row.track_ids) for row in rows])
        hands = np.concatenate([row.hands_floor_m for row in rows])
        confidence = np.concatenate([row.hand_confidence for row in rows])
        bodies = np.concatenate([row.bodies_floor_m for row in rows])
        across = np.concatenate([row.across_floor for row in rows])
        limbs = np.concatenate([row.limbs_floor for row in rows])
        sight = self._sight(times_ns, hands, confidence, bodies, across, limbs, target, lag_s)
        numbers: dict[TrackId, int] = {}
        owner = np.array([numbers.setdefault(each, len(numbers)) for row in rows for each in row.track_ids])
        likelihoods, right_hands = self._log_likelihoods(sight, owner, len(numbers))
        return list(zip(numbers, likelihoods.tolist(), right_hands.tolist(), strict=True))

    def _around(self, target: Target) -> tuple[list[_Rows], float]:
        """Messages near a moment, and how many seconds before it tracks end."""
        lag_ns = max(0, target.edge_ns - self.latest_ns)
        window_ns = round(self._settings.window_s * NS_PER_S)
        low_ns, high_ns = target.edge_ns - window_ns - lag_ns, target.edge_ns + window_ns
        rows = [row for row in self._rows if low_ns <= row.captured_ns <= high_ns and row.track_ids]
        return rows, lag_ns / NS_PER_S

    def _sight(
        self,
        times_ns: NDArray[np.int64],
        hands: Floats,
        confidence: Floats,
        bodies: Floats,
        across: Floats,
        limbs: Floats,
        target: Target,
        lag_s: float,
    ) -> _Sight:
        """Squared distances in sd, of every row."""
        settings = self._settings
        since_s = (times_ns - target.edge_ns) / NS_PER_S
        off_s = np.maximum(-settings.before_s - since_s, since_s - settings.after_s).clip(min=0.0)
        time = ((off_s - lag_s).clip(min=0.0) / settings.time_sd_s) ** 2
        # Where a person may have gone since they were seen last, nobody knows.
        blur_m = settings.walk_m_s * lag_s
        sd_m = np.array([settings.along_sd_m, settings.outside_sd_m, settings.height_sd_m])
        doubt_m2 = settings.doubt_m**2 * (1.0 / confidence.clip(CONFIDENCE_MIN, CONFIDENCE_MAX) - 1.0)
        variance_m2 = sd_m**2 + blur_m**2 + doubt_m2[..., None]
        miss = (misses_m(hands, target, settings.height_m) ** 2 / variance_m2).sum(axis=-1)
        near = settings.tail * np.log1p(miss / settings.tail)
        stand_m = _stands(bodies, target) - np.array([0.0, -settings.stand_m])
        stand_m[:, 0] = (np.abs(stand_m[:, 0]) - settings.stand_slack_m).clip(min=0.0)
        off_m2 = (stand_m**2).sum(axis=-1)
        stand = off_m2 / (settings.stand_sd_m**2 + blur_m**2)
        stand = (settings.stand_tail + 1.0) * np.log1p(stand / settings.stand_tail) + time
        beyond = off_m2 / (settings.reach_sd_m**2 + blur_m**2) + time - settings.beyond
        along = target.gondola.floor_from_gondola.rotation[:2, 0]
        sure = np.hypot(across[:, 0], across[:, 1])
        return _Sight(
            core=off_s == 0.0,
            near=near + time[:, None],
            confidence=confidence,
            stand=np.where(np.isfinite(stand), stand, np.inf),
            beyond=np.where(np.isfinite(beyond), beyond.clip(min=0.0), np.inf),
            facing=np.stack([across @ along, sure], axis=1),
            limbs_far=too_far_m(limbs, target.hand_floor_m(settings.hand_above_m), settings.limbs_m)
            / math.hypot(settings.limb_sd_m, blur_m),
            limbs_sure=limbs[..., 3],
        )

    def _log_likelihoods(self, sight: _Sight, owner: NDArray[np.int64], count: int) -> tuple[Floats, Floats]:
        """Of each person [count], by the hand that fits better; and how likely it was the right one."""
        settings = self._settings
        near, stand, beyond = np.empty((count, 2)), np.empty(count), np.empty(count)
        typical_costs(sight.near, sight.core, owner, settings.best_share, near)
        least_costs(sight.stand, sight.core, owner, stand)
        # A body out of reach of the shelf had no hand in it, whatever the tracker made of the hand.
        least_costs(sight.beyond, sight.core, owner, beyond)
        out = np.minimum(beyond, STAND_MAX)[:, None]
        tracked = -0.5 * (settings.weight * near + out)
        log_astray = math.log(settings.prior_astray)
        seen = _mean_of_core(sight.confidence, sight.core, owner, count)
        log_lost = (math.log(settings.prior_unseen) - log_astray) * (1.0 - seen) ** settings.unseen_power
        body = settings.facing * (_facing(sight, owner, count) - 1.0)
        body = body[:, None] - 0.5 * (np.minimum(stand, STAND_MAX)[:, None] + out)
        hands = np.logaddexp(tracked, log_astray + log_lost + body)
        for limb in range(LIMBS):
            far = np.empty((count, 2))
            typical_costs(sight.limbs_far[:, limb], sight.core, owner, settings.limb_share, far)
            sure = _mean_of_core(sight.limbs_sure[:, limb], sight.core, owner, count)
            hands += log_reaches(far, sure, settings.limb_astray, settings.limb_power)
        return hands.max(axis=1), 1.0 / (1.0 + np.exp(hands[:, 0] - hands[:, 1]))


def _mean_of_core(sure: Floats, core: NDArray[np.bool_], owner: NDArray[np.int64], count: int) -> Floats:
    """How well each side of a person [count, 2] was seen about the edge, of rows [rows, 2]; 0: not at all."""
    total = np.zeros((count, 2))
    np.add.at(total, owner[core], sure[core])
    return total / np.maximum(np.bincount(owner[core], minlength=count), 1)[:, None]


def _facing(sight: _Sight, owner: NDArray[np.int64], count: int) -> Floats:
    """How far each person [count] was turned to the shelf about the edge: 1 to it, -1 away; 0: nobody knows."""
    total = np.zeros((count, 2))
    np.add.at(total, owner[sight.core], sight.facing[sight.core])
    return total[:, 0] / np.maximum(total[:, 1], 1e-6)


@njit(cache=True)
def typical_costs(costs, core, owner, share, out) -> None:
    """Mean of each hand's best glimpses around the edge; its best at all if there are none.

    costs [rows, 2] squared sd, infinite or NaN where unseen; core [rows] about the edge; owner [rows] whose row it is.
    Out [people, 2]. The `share` of the glimpses that is best is taken, at least one.
    """
    own = np.empty(len(owner))
    for person in range(len(out)):
        for hand in range(2):
            count, least = 0, np.inf
            for row in range(len(owner)):
                cost = costs[row, hand]
                if owner[row] != person or not np.isfinite(cost):
                    continue
                least = min(least, cost)
                if core[row]:
                    own[count] = cost
                    count += 1
            if count:
                best = np.sort(own[:count])
                used = max(1, int(np.ceil(share * count)))
                total = 0.0
                for index in range(used):
                    total += best[index]
                least = total / used
            out[person, hand] = least


@njit(cache=True)
def least_costs(costs, core, owner, out) -> None:
    """The least cost [people] of each person's rows about the edge, or of all if there are none; as above."""
    for person in range(len(out)):
        least, around, has_core = np.inf, np.inf, False
        for row in range(len(owner)):
            if owner[row] == person:
                around = min(around, costs[row])
                if core[row]:
                    least, has_core = min(least, costs[row]), True
        out[person] = least if has_core else around


def hands_of(joints_floor_m: np.ndarray, beyond_m: float) -> Floats:
    """Hands [people, 2, 3]: beyond the wrist along the forearm, or the wrist where the elbow is unknown."""
    joints = joints_floor_m.astype(np.float64)
    wrists, elbows = joints[:, WRISTS, :3], joints[:, ELBOWS, :3]
    forearm = wrists - elbows
    length = np.linalg.norm(forearm, axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        ahead = np.where(length > 0.05, forearm / length * beyond_m, 0.0)
    return wrists + np.where(np.isfinite(ahead), ahead, 0.0)


def _across(joints_floor_m: np.ndarray) -> Floats:
    """From left to right shoulder [people, 2] on the floor, as long as both are sure; 0 where they are unknown."""
    shoulders = joints_floor_m[:, SHOULDERS].astype(np.float64)
    across = shoulders[:, 1, :2] - shoulders[:, 0, :2]
    sure = shoulders[..., 3].min(axis=1) / np.maximum(np.linalg.norm(across, axis=1), 0.05)
    return np.nan_to_num(across * sure[:, None])


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
