"""Everybody the cameras know of: numbers in arrays, one row a person, and what is known of each by name."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.messages import GateId, TrackId, VisitId
from openaisle.tracks.skeleton import BONE_SD_SHARE, BONE_SHARES, STATURE_SD_M, TEMPLATE_SD, standing
from openaisle.tracks.triangulate import JOINT_COUNT

Floats = NDArray[np.float64]

PATH_LENGTH_MAX = 96


@dataclass(eq=False)
class Person:
    """One track. `row` is -1 for a body that a foreign pose system tracks."""

    row: int
    born_ns: int
    born_floor_m: tuple[float, float]
    track_id: TrackId = ""  # given when the track is believed
    seen_ns: int = 0
    hidden_ns: int = 0  # last seen, or known to be out of every camera's sight if they stay where they were
    stood: bool = False  # when last seen
    sure_ns: int = 0  # last seen by as many cameras as can be expected there ...
    sure_floor_m: tuple[float, float] = (0.0, 0.0)  # ... and where that was
    placed_ns: int = 0  # last seen well by two cameras ...
    placed_floor_m: tuple[float, float] = (0.0, 0.0)  # ... where that was ...
    placed_stood: bool = False  # ... and whether they stood there
    position_floor_m: tuple[float, float] = (0.0, 0.0)
    velocity_floor: tuple[float, float] = (0.0, 0.0)
    position_sd_m: float = 0.3
    evidence: float = 0.0
    is_believed: bool = False
    is_lost: bool = False
    visit_id: VisitId | None = None
    bound_ns: int = 0
    has_left: bool = False
    sides: dict[GateId, int] = field(default_factory=dict)  # 1 inside a gate's line, -1 outside
    entered: tuple[GateId, int] | None = None  # where and when it came in, until a tap explains it
    outside_since: tuple[GateId, int] | None = None
    path: deque[tuple[int, float, float]] = field(default_factory=lambda: deque(maxlen=PATH_LENGTH_MAX))

    @property
    def is_foreign(self) -> bool:
        return self.row < 0

    def place_at(self, at_ns: int) -> tuple[float, float] | None:
        """Where the person was, between two points of the path; None if not followed then."""
        if not self.path or not self.path[0][0] <= at_ns <= self.path[-1][0]:
            return None
        after_ns, ax, ay = self.path[-1]
        for before_ns, bx, by in reversed(self.path):
            if before_ns <= at_ns:
                share = (at_ns - before_ns) / max(after_ns - before_ns, 1)
                return bx + share * (ax - bx), by + share * (ay - by)
            after_ns, ax, ay = before_ns, bx, by
        return None

    def was_found(self, since_ns: int, gap_ns_min: int) -> bool:
        """Whether they were lost and found again since then: not followed for longer than `gap_ns_min`."""
        times = [at_ns for at_ns, _, _ in self.path]
        return any(after >= since_ns and after - before > gap_ns_min for before, after in pairwise(times))

    def move_to(self, at_ns: int, x_m: float, y_m: float) -> None:
        self.position_floor_m = (x_m, y_m)
        self.path.append((at_ns, x_m, y_m))


_OF_BODY: Final = (
    "row", "seen_ns", "hidden_ns", "stood", "sure_ns", "sure_floor_m", "placed_ns", "placed_floor_m",
    "placed_stood", "position_floor_m", "velocity_floor", "position_sd_m", "sides", "outside_since", "path", "is_lost",
)  # fmt: skip


def exchange_bodies(one: Person, other: Person) -> None:
    """Each goes on with what was seen of the other; who they are stays."""
    for name in _OF_BODY:
        mine, theirs = getattr(one, name), getattr(other, name)
        setattr(one, name, theirs)
        setattr(other, name, mine)


class Bodies:
    """Rows of numbers for at most `tracks_max` people. Floor frame, metres; speeds in metres a second."""

    def __init__(self, tracks_max: int) -> None:
        self.tracks_max = tracks_max
        self.mean = np.zeros((tracks_max, JOINT_COUNT, 6))  # position, velocity
        self.covariance = np.zeros((tracks_max, JOINT_COUNT, 6, 6))
        self.unseen_s = np.zeros((tracks_max, JOINT_COUNT))
        self.trust = np.zeros((tracks_max, JOINT_COUNT))
        self.mirrored = np.zeros((tracks_max, JOINT_COUNT))  # probability (see triangulate.fuse)
        self.placed = np.full((tracks_max, JOINT_COUNT, 3), np.nan)  # when two cameras last saw them well
        self.bone_m = np.zeros((tracks_max, len(BONE_SHARES)))
        self.bone_sd_m = np.zeros((tracks_max, len(BONE_SHARES)))
        self.bone_seen = np.zeros((tracks_max, len(BONE_SHARES)))
        self.root = np.zeros((tracks_max, 4))  # foot point: x y vx vy
        self.root_var = np.zeros((tracks_max, 3))  # of position, of both, of speed
        self.height_m = np.zeros(tracks_max)
        self.height_var = np.zeros(tracks_max)
        self.mistaken_sides = np.zeros(tracks_max)
        self._free = list(range(tracks_max - 1, -1, -1))

    @property
    def free_count(self) -> int:
        return len(self._free)

    def take_row(self) -> int:
        """The lowest free row; the caller sees to it that there is one."""
        return self._free.pop()

    def give_back(self, row: int) -> None:
        """Nobody is in that row any more: what was measured of them is wiped."""
        for array in self._arrays():
            array[row] = 0.0
        self._free.append(row)
        self._free.sort(reverse=True)

    def seed(
        self, row: int, position_floor_m: tuple[float, float], position_sd_m: float, stature_m: float
    ) -> None:
        """Somebody of whom only the place is known."""
        sd = np.hypot(TEMPLATE_SD, position_sd_m)
        self.mean[row, :, :3] = standing(np.array(position_floor_m), stature_m, None)
        self.mean[row, :, 3:] = 0.0
        self.covariance[row] = 0.0
        for axis in range(3):
            self.covariance[row, :, axis, axis] = sd**2
            self.covariance[row, :, axis + 3, axis + 3] = 1.0
        self.unseen_s[row] = 9.0
        self.trust[row] = 0.0
        self.mirrored[row] = 0.0
        self.placed[row] = np.nan
        self.bone_m[row] = BONE_SHARES * stature_m
        self.bone_sd_m[row] = BONE_SD_SHARE * stature_m
        self.bone_seen[row] = 0.0
        self.root[row] = (*position_floor_m, 0.0, 0.0)
        self.root_var[row] = (max(position_sd_m, 0.1) ** 2, 0.0, 1.0)
        self.height_m[row] = stature_m
        self.height_var[row] = STATURE_SD_M**2
        self.mistaken_sides[row] = 0.0

    def copy_row(self, row: int) -> tuple[Floats, ...]:
        """All numbers of one person."""
        return tuple(array[row].copy() for array in self._arrays())

    def restore_row(self, row: int, numbers: tuple[Floats, ...]) -> None:
        for array, values in zip(self._arrays(), numbers, strict=True):
            array[row] = values

    def _arrays(self) -> tuple[Floats, ...]:
        bones = (self.bone_m, self.bone_sd_m, self.bone_seen)
        body = (self.root, self.root_var, self.height_m, self.height_var, self.mistaken_sides)
        return (*self._joint_arrays(), *bones, *body)

    def _joint_arrays(self) -> tuple[Floats, ...]:
        return self.mean, self.covariance, self.unseen_s, self.trust, self.mirrored, self.placed

    def hold_back(
        self, row: int, origin_floor_m: Floats, place_floor_m: tuple[float, float], away_m_max: float
    ) -> None:
        """Let a body be at most so much nearer to or farther from a camera than a place is; its picture stays."""
        towards = self.root[row, :2] - origin_floor_m[:2]
        distance_m = math.hypot(*towards)
        towards = towards / max(distance_m, 0.1)
        away_m = float((self.root[row, :2] - place_floor_m) @ towards)
        excess_m = away_m - min(max(away_m, -away_m_max), away_m_max)
        if not excess_m or distance_m < 0.5:
            return
        scale = 1.0 - excess_m / distance_m
        self.mean[row, :, :3] = origin_floor_m + scale * (self.mean[row, :, :3] - origin_floor_m)
        self.root[row, :2] = origin_floor_m[:2] + scale * (self.root[row, :2] - origin_floor_m[:2])
        self.root[row, 2:] -= (self.root[row, 2:] @ towards) * towards
        self.mean[row, :, 3:5] -= (self.mean[row, :, 3:5] @ towards)[:, None] * towards

    def swap_sides(self, row: int, pairs: NDArray[np.int64]) -> None:
        """Left becomes right: the whole body was read the wrong way round."""
        order = np.arange(JOINT_COUNT)
        order[pairs[:, 0]], order[pairs[:, 1]] = pairs[:, 1], pairs[:, 0]
        for array in self._joint_arrays():
            array[row] = array[row][order]
        self.mistaken_sides[row] = 0.0


def rows_of(people: Sequence[Person]) -> NDArray[np.int64]:
    """Their rows of Bodies."""
    return np.array([person.row for person in people], np.int64)
