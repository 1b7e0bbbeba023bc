"""Whose arm was there: the paths of all hands around a moment, against a place on a shelf.

Not one wrist at one instant: an arm counts by its nearest approach, in space and time together, of the hand, which is
a little beyond the wrist along the forearm. Where tracks do not reach the moment yet (skeletons may be seconds late),
everybody who could have walked there since is possible.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
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
SHOULDERS = np.array([JOINT_INDEX["left_shoulder"], JOINT_INDEX["right_shoulder"]])


@dataclass(frozen=True)
class Target:
    """A place on a shelf that a hand must have been at, and when."""

    gondola: Gondola
    shelf: Shelf
    along_m: float  # from the shelf's left end
    slack_m: float  # along: anywhere this near is as good
    from_ns: int
    until_ns: int


@dataclass(frozen=True)
class Suspect:
    """One person and how well their arm fits."""

    track_id: TrackId
    visit_id: VisitId | None
    log_likelihood: float
    hand: int  # 0 left, 1 right: which came nearest


@dataclass(frozen=True)
class _Rows:
    """Everybody of one FloorTracks message."""

    captured_ns: int
    track_ids: tuple[TrackId, ...]
    hands_floor_m: Floats  # [people, 2, 3]
    bodies_floor_m: Floats  # [people, 2]


class Arms:
    """The last seconds of everybody's hands."""

    def __init__(self, settings: ReachSettings) -> None:
        self._settings = settings
        self._rows: deque[_Rows] = deque()
        self._row_count = 0
        self._visit_of: dict[TrackId, VisitId | None] = {}
        self.latest_ns = 0

    def add(self, tracks: FloorTracks) -> None:
        """Take in one message; they may come out of order by as much as the history is long."""
        settings = self._settings
        rows = _Rows(
            tracks.captured_ns,
            tracks.track_ids,
            hands_of(tracks.joints_floor_m, settings.hand_beyond_wrist_m),
            _bodies_of(tracks),
        )
        self._visit_of |= dict(zip(tracks.track_ids, tracks.visit_ids, strict=True))
        self.latest_ns = max(self.latest_ns, tracks.captured_ns)
        self._rows.append(rows)
        self._row_count += len(rows.track_ids)
        oldest_ns = self.latest_ns - round(settings.history_s * NS_PER_S)
        while self._rows and (self._rows[0].captured_ns < oldest_ns or self._row_count > settings.rows_max):
            self._row_count -= len(self._rows.popleft().track_ids)
        if len(self._visit_of) > 4 * settings.rows_max:
            self._visit_of = dict(list(self._visit_of.items())[-settings.rows_max :])

    def visit_of(self, track_id: TrackId) -> VisitId | None:
        return self._visit_of.get(track_id)

    def suspects(self, target: Target) -> list[Suspect]:
        """Everybody seen around that time, best first."""
        settings = self._settings
        before_ns, after_ns = (round(s * NS_PER_S) for s in (settings.before_s, settings.after_s))
        lag_s = max(0.0, (target.from_ns - self.latest_ns) / NS_PER_S)
        low_ns = target.from_ns - before_ns - round(lag_s * NS_PER_S)
        rows = [row for row in self._rows if low_ns <= row.captured_ns <= target.until_ns + after_ns]
        best: dict[TrackId, tuple[float, float, int, bool]] = {}  # arm cost, body cost, hand, arm was seen
        for row in rows:
            if not row.track_ids:
                continue
            arm, body, seen = self._costs(row, target, lag_s)
            for index, track_id in enumerate(row.track_ids):
                hand = int(np.argmin(arm[index]))
                old = best.get(track_id, (np.inf, np.inf, 0, False))
                arm_cost = float(arm[index, hand])
                best[track_id] = (
                    min(old[0], arm_cost),
                    min(old[1], float(body[index])),
                    hand if arm_cost < old[0] else old[2],
                    old[3] or bool(seen[index]),
                )
        found = [
            Suspect(track_id, self._visit_of.get(track_id), self._log_likelihood(*costs), costs[2])
            for track_id, costs in best.items()
        ]
        return sorted(found, key=lambda suspect: (-suspect.log_likelihood, suspect.track_id))

    def _costs(self, row: _Rows, target: Target, lag_s: float) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Squared distances in sd: of each hand [people, 2] and body [people]; whether both hands were seen then."""
        settings = self._settings
        gap_s = max(target.from_ns - row.captured_ns, row.captured_ns - target.until_ns, 0) / NS_PER_S
        early_s = max(0.0, gap_s - lag_s - settings.time_slack_s)
        time_cost = (early_s / settings.time_sd_s) ** 2
        # Where a person may have gone in the meantime, nobody knows.
        blur_m = settings.walk_m_s * lag_s
        miss = misses_m(row.hands_floor_m, target)
        sd_m = np.array([settings.along_sd_m, settings.into_sd_m, settings.above_sd_m])
        arm = ((miss / np.hypot(sd_m, blur_m)) ** 2).sum(axis=-1) + time_cost
        place = target_floor_m(target)
        away_m = np.linalg.norm(row.bodies_floor_m - place[:2], axis=-1)
        too_far_m = np.clip(away_m - settings.body_reach_m - blur_m, 0.0, None)
        body = (np.where(np.isfinite(away_m), too_far_m, 1.0) / settings.body_sd_m) ** 2 + time_cost
        seen = np.isfinite(arm).all(axis=1) & (gap_s <= settings.time_slack_s + 0.15)
        return np.where(np.isfinite(arm), arm, np.inf), body, seen

    def _log_likelihood(self, arm_cost: float, body_cost: float, hand: int, is_seen: bool) -> float:
        settings = self._settings
        prior = settings.prior_arm_astray if is_seen else settings.prior_arm_unseen
        return float(np.logaddexp(-0.5 * arm_cost, np.log(prior) - 0.5 * body_cost))


def hands_of(joints_floor_m: np.ndarray, beyond_m: float) -> Floats:
    """Hands [people, 2, 3]: beyond the wrist along the forearm, or the wrist where the elbow is unknown."""
    joints = joints_floor_m.astype(np.float64)
    wrists, elbows = joints[:, WRISTS, :3], joints[:, ELBOWS, :3]
    forearm = wrists - elbows
    length = np.linalg.norm(forearm, axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        ahead = np.where(length > 0.05, forearm / length * beyond_m, 0.0)
    return wrists + np.where(np.isfinite(ahead), ahead, 0.0)


def misses_m(points_floor_m: Floats, target: Target) -> Floats:
    """How far points [.., 3] are from the target's part of the shelf: along it, short of its front, above or below."""
    shelf = target.shelf
    points = target.gondola.floor_from_gondola.inverse().apply(points_floor_m)
    along = np.abs(points[..., 0] - shelf.left_m - target.along_m) - target.slack_m
    short = shelf.front_m - points[..., 1]
    below = shelf.height_m - 0.03 - points[..., 2]
    above = points[..., 2] - shelf.height_m - max(shelf.clearance_m, 0.25)
    return np.stack([np.clip(miss, 0.0, None) for miss in (along, short, np.maximum(below, above))], axis=-1)


def target_floor_m(target: Target) -> Floats:
    """The front edge of the shelf at that place [3]."""
    shelf = target.shelf
    point = np.array([shelf.left_m + target.along_m, shelf.front_m, shelf.height_m])
    return target.gondola.floor_from_gondola.apply(point)


def posterior(suspects: list[Suspect], prior_nobody: float) -> Mapping[TrackId | None, float]:
    """Probability of each track, and of None: somebody who was not seen."""
    logs = np.array([suspect.log_likelihood for suspect in suspects] + [np.log(prior_nobody)])
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    keys: list[TrackId | None] = [*(suspect.track_id for suspect in suspects), None]
    return dict(zip(keys, (float(weight) for weight in weights), strict=True))


def _bodies_of(tracks: FloorTracks) -> Floats:
    """Where people stand [people, 2]: their track's position, or between the shoulders where it has none."""
    positions = tracks.positions_floor_m.astype(np.float64)
    shoulders = tracks.joints_floor_m[:, SHOULDERS, :2].astype(np.float64)
    with np.errstate(invalid="ignore"):
        middle = shoulders.mean(axis=1)
    return np.where(np.isfinite(positions), positions, middle)
