"""The last seconds of every arm near a shelf, on one even clock, seen from the shelf.

Tracks come at 8 to 15 Hz, unevenly, with joints missing; what an arm does is a path. So every body is put on a grid of
ticks that ends at its newest sight, and the grid of each hand that is near a gondola, or was a moment ago, is turned
into that gondola's frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.core.messages import JOINT_INDEX, FloorTracks, PackLook, TrackId
from openaisle.core.units import NS_PER_S
from openaisle.interactions.reach import Floats
from openaisle.store.schema import Gondola, Store

TICKS: Final = 32
TICK_S: Final = 0.1
KEPT: Final = (
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip"
)  # fmt: skip
"""The joints that an action is read from: left at even places, right at odd ones."""
_KEPT_INDEX: Final = np.array([JOINT_INDEX[name] for name in KEPT])
ELBOWS: Final = slice(2, 4)
WRISTS: Final = slice(4, 6)
BOARDS_MAX: Final = 8  # of a gondola; more cannot be reached


@dataclass(frozen=True)
class PathSettings:
    gap_s_max: float = 0.35  # between two sights of a joint: longer, and nothing is said of the time between
    near_m: float = 0.45  # a hand this far from a gondola may be about to reach into it
    near_before_s: float = 1.0  # or is still on its way back, if it was so near this long ago
    hand_beyond_wrist_m: float = 0.10
    look_s_max: float = 0.3  # older looks into a hand say nothing of a tick
    tracks_max: int = 256  # the one not seen for longest goes first
    sights_max: int = 96  # of one track: enough for the grid at 30 Hz


@dataclass(frozen=True)
class HandLook:
    """What somebody who looked into a hand made of it: the product recogniser, or a test."""

    track_id: TrackId
    hand: int  # 0 left, 1 right
    at_ns: int
    holds_probability: float  # that there is something in it
    deeds: tuple[float, ...] = ()  # probabilities of each Action that a clip showed; (): nobody looked at one


def hand_look(look: PackLook) -> HandLook:
    """What a look for products says about whether there is anything in the hand at all, with even chances before."""
    odds = float(np.exp(np.clip(look.log_odds.astype(np.float64), -20.0, 20.0)).mean())
    return HandLook(look.track_id or "", look.hand, look.captured_ns, odds / (1.0 + odds), look.deeds)


@dataclass(frozen=True)
class ArmPaths:
    """Hands near gondolas at one time, one row each; rows sorted by track and hand."""

    at_ns: int
    track_ids: tuple[TrackId, ...]
    hands: NDArray[np.int64]  # [n] 0 left, 1 right
    gondolas: tuple[Gondola, ...]
    joints_gondola_m: (
        Floats  # [n, TICKS, 8, 4] KEPT: x y z confidence; NaN where unknown; the last tick is `at_ns`
    )
    boards_m: Floats  # [n, BOARDS_MAX, 2] height, front edge (y); the last board again where there are fewer
    holds_log_odds: Floats  # [n, TICKS, 2] left, right hand: that it holds something; NaN: nobody looked
    depths_m: Floats  # [n] how far the hand is inside the gondola, by the newest tick; negative: before it; NaN unseen


@dataclass
class _Track:
    sights: deque[tuple[int, Floats]]  # captured_ns, joints [8, 4] in the floor frame
    looks: tuple[deque[tuple[int, float]], deque[tuple[int, float]]]  # at_ns, log odds; of each hand


class ArmHistory:
    """Remembers bodies for as long as the grid is, and gives the paths of hands near shelves."""

    def __init__(self, store: Store, settings: PathSettings | None = None) -> None:
        self.settings = settings or PathSettings()
        self._gondolas = tuple(gondola for gondola in store.gondolas if gondola.shelves)
        poses = [gondola.floor_from_gondola for gondola in self._gondolas]
        self._rotations = np.array([pose.rotation for pose in poses]).reshape(-1, 3, 3)  # floor from gondola
        self._origins_m = np.array([pose.translation_m for pose in poses]).reshape(-1, 3)
        self._sizes_m = np.array([(g.width_m, g.depth_m, g.height_m) for g in self._gondolas]).reshape(-1, 3)
        self._boards_m = np.array([_boards_m(gondola) for gondola in self._gondolas]).reshape(
            -1, BOARDS_MAX, 2
        )
        self._tracks: dict[TrackId, _Track] = {}

    def look(self, look: HandLook) -> None:
        """Somebody looked into a hand. Of tracks that are not known there is nothing to remember."""
        track = self._tracks.get(look.track_id)
        if track is not None:
            probability = min(max(look.holds_probability, 0.001), 0.999)
            track.looks[look.hand].append((look.at_ns, float(np.log(probability / (1.0 - probability)))))

    def add(self, tracks: FloorTracks) -> None:
        """Take in one message; of a track, what is older than its newest sight is passed over."""
        settings = self.settings
        for row, track_id in enumerate(tracks.track_ids):
            track = self._tracks.pop(track_id, None)
            if track is None:
                track = _Track(
                    deque(maxlen=settings.sights_max),
                    (deque(maxlen=settings.sights_max), deque(maxlen=settings.sights_max)),
                )
            self._tracks[track_id] = (
                track  # to the end: the order of the dictionary is that of the last sight
            )
            if not track.sights or tracks.captured_ns > track.sights[-1][0]:
                joints = tracks.joints_floor_m[row, _KEPT_INDEX].astype(np.float64)
                track.sights.append((tracks.captured_ns, joints))
        while len(self._tracks) > settings.tracks_max:
            self._tracks.pop(next(iter(self._tracks)))

    def paths(self, track_ids: Sequence[TrackId], at_ns: int) -> ArmPaths:
        """The paths of those of these people's hands that are near a gondola, or were a moment before `at_ns`."""
        settings = self.settings
        known = sorted(track_id for track_id in track_ids if track_id in self._tracks)
        grid_ns = at_ns - np.round(np.arange(TICKS - 1, -1, -1) * TICK_S * NS_PER_S).astype(np.int64)
        joints = np.array([self._on_grid(self._tracks[track_id].sights, grid_ns) for track_id in known])
        joints = joints.reshape(-1, TICKS, len(KEPT), 4)
        nearest, near = self._near(joints)
        rows, hands = np.nonzero(near <= settings.near_m)
        chosen = nearest[rows, hands]
        local = joints[rows].copy()
        local[..., :3] = np.einsum(
            "ntji,nik->ntjk", local[..., :3] - self._origins_m[chosen, None, None], self._rotations[chosen]
        )
        looks = [self._looks_on_grid(self._tracks[known[row]], grid_ns) for row in rows]
        ends = beyond_wrists(local, settings.hand_beyond_wrist_m)[np.arange(len(rows)), -1, hands]
        return ArmPaths(
            at_ns=at_ns,
            track_ids=tuple(known[row] for row in rows),
            hands=hands.astype(np.int64),
            gondolas=tuple(self._gondolas[index] for index in chosen),
            joints_gondola_m=local,
            boards_m=self._boards_m[chosen],
            holds_log_odds=np.array(looks).reshape(-1, TICKS, 2),
            depths_m=-_signed_outside_m(ends, self._sizes_m[chosen]),
        )

    def _near(self, joints_floor_m: Floats) -> tuple[NDArray[np.int64], Floats]:
        """Of bodies [n, TICKS, 8, 4]: nearest gondola [n, 2] of each hand, and how near [n, 2] it has just been."""
        ticks = round(self.settings.near_before_s / TICK_S) + 1
        hands = beyond_wrists(joints_floor_m[:, -ticks:], self.settings.hand_beyond_wrist_m)
        if not len(self._gondolas) or not len(hands):
            return np.zeros((len(hands), 2), np.int64), np.full((len(hands), 2), np.inf)
        return _nearest(hands, self._origins_m, self._rotations, self._sizes_m)

    def _on_grid(self, sights: deque[tuple[int, Floats]], grid_ns: NDArray[np.int64]) -> Floats:
        """Joints [TICKS, 8, 4] between the sights around each tick; one of them where the other is unknown."""
        while len(sights) > 1 and sights[1][0] <= grid_ns[0]:
            sights.popleft()  # Time goes on: no grid will begin before this one.
        times_ns = np.array([time_ns for time_ns, _ in sights], np.int64)
        joints = np.array([joints for _, joints in sights])
        after = np.searchsorted(times_ns, grid_ns)
        is_known = (after < len(times_ns)) & (grid_ns >= times_ns[0])
        after = np.minimum(after, len(times_ns) - 1)
        before = np.maximum(after - (times_ns[after] > grid_ns), 0)
        span_ns = times_ns[after] - times_ns[before]
        share = np.where(span_ns > 0, (grid_ns - times_ns[before]) / np.maximum(span_ns, 1), 0.0)
        is_known &= span_ns <= self.settings.gap_s_max * NS_PER_S
        a, b = joints[before], joints[after]
        between = a + share[:, None, None] * (b - a)
        between = np.where(np.isnan(between), np.where(np.isnan(a), b, a), between)
        return np.where(is_known[:, None, None], between, np.nan)

    def _looks_on_grid(self, track: _Track, grid_ns: NDArray[np.int64]) -> Floats:
        """Log odds [TICKS, 2] of the newest look into each hand at each tick; NaN where there is none young enough."""
        found = np.full((TICKS, 2), np.nan)
        for hand, looks in enumerate(track.looks):
            if not looks:
                continue
            times_ns = np.array([time_ns for time_ns, _ in looks], np.int64)
            odds = np.array([log_odds for _, log_odds in looks])
            place = np.searchsorted(times_ns, grid_ns, side="right") - 1
            age_ns = grid_ns - times_ns[np.maximum(place, 0)]
            is_young = (place >= 0) & (age_ns <= self.settings.look_s_max * NS_PER_S)
            found[:, hand] = np.where(is_young, odds[np.maximum(place, 0)], np.nan)
        return found


def beyond_wrists(joints_m: Floats, beyond_m: float) -> Floats:
    """Hands [..., 2, 3] of bodies [..., 8, 4]: beyond the wrist along the forearm, as in `reach.hands_of`."""
    wrists, elbows = joints_m[..., WRISTS, :3], joints_m[..., ELBOWS, :3]
    forearm = wrists - elbows
    length = np.linalg.norm(forearm, axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        ahead = np.where(length > 0.05, forearm / length * beyond_m, 0.0)
    return wrists + np.where(np.isfinite(ahead), ahead, 0.0)


@njit(cache=True)
def _nearest(
    hands_floor_m: Floats, origins_m: Floats, rotations: Floats, sizes_m: Floats
) -> tuple[NDArray[np.int64], Floats]:
    """Of hands [n, ticks, 2, 3]: the gondola [n, 2] that each came nearest to, and how near [n, 2]; inf if unseen.

    Gondolas by origins [g, 3], rotations [g, 3, 3] (floor from gondola) and sizes [g, 3]; they stand on the floor, so
    nothing is below them.
    """
    people, ticks = hands_floor_m.shape[:2]
    nearest, least_m = np.zeros((people, 2), np.int64), np.full((people, 2), np.inf)
    for gondola in range(len(origins_m)):
        origin, rotation, size = origins_m[gondola], rotations[gondola], sizes_m[gondola]
        for person in range(people):
            for tick in range(ticks):
                for side in range(2):
                    squared = 0.0
                    for axis in range(3):
                        along = 0.0
                        for each in range(3):
                            along += (hands_floor_m[person, tick, side, each] - origin[each]) * rotation[
                                each, axis
                            ]
                        beyond = max(along - size[axis], 0.0 if axis == 2 else max(-along, 0.0))
                        squared += beyond * beyond if np.isfinite(along) else np.inf
                    outside = np.sqrt(squared)
                    if outside < least_m[person, side]:
                        nearest[person, side], least_m[person, side] = gondola, outside
    return nearest, least_m


def _signed_outside_m(points_m: Floats, sizes_m: Floats) -> Floats:
    """How far points [..., 3] of a gondola's frame are outside its box; minus the depth of those inside."""
    beyond = np.maximum(np.maximum(-points_m, points_m - sizes_m), 0.0)
    beyond[..., 2] = np.maximum(points_m[..., 2] - sizes_m[..., 2], 0.0)
    outside = np.sqrt((beyond**2).sum(axis=-1))
    return np.where(outside == 0.0, -points_m[..., 1], outside)


def _boards_m(gondola: Gondola) -> Floats:
    """Height and front edge [BOARDS_MAX, 2] of a gondola's boards, lowest first."""
    boards = [(shelf.height_m, shelf.front_m) for shelf in gondola.shelves][:BOARDS_MAX]
    return np.array(boards + boards[-1:] * (BOARDS_MAX - len(boards)))
