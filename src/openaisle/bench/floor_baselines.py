"""What others do on a floor, in its plainest form: points of all cameras grouped, then tracked.

A point a box (where the middle of its lower edge meets the floor), points of different cameras grouped where they are
nearest, and the means followed by Kalman filters of constant velocity that the Hungarian method assigns (Bewley et al.
2016, on the floor).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

from openaisle.core.geometry import points_on_plane
from openaisle.store.schema import Camera

Floats = NDArray[np.float64]

EDGE_PX: Final = 4.0  # a box that ends so near to the picture's lower edge has no feet
FAR_M_MAX: Final = 150.0
GATE_M: Final = 1.0
HITS_MIN: Final = 3
MISSES_S_MAX: Final = 1.0
_ACCELERATION: Final = 2.0
_POINT_SD_M: Final = 0.25


@dataclass
class _Track:
    state: Floats  # x y vx vy
    covariance: Floats  # [4, 4]
    number: int = 0  # 0 until it was seen HITS_MIN times
    hits: int = 1
    misses: int = 0


class MeanOfPoints:
    """The plainest floor tracker. Points belong together up to `group_m`; fewer than `views_min` are nobody."""

    def __init__(self, cameras: Sequence[Camera], fps: float, *, group_m: float, views_min: int) -> None:
        self._cameras = tuple(cameras)
        self._dt = 1.0 / fps
        self._group_m, self._views_min = group_m, views_min
        self._misses_max = round(MISSES_S_MAX * fps)
        self._tracks: list[_Track] = []
        self._count = 0

    def update(self, detections: Sequence[ArrayLike], /) -> Floats:
        """Boxes [n, 5] of each camera; [m, 3] x_m y_m id."""
        points = self.points([np.asarray(boxes, np.float64).reshape(-1, 5) for boxes in detections])
        self._predict()
        self._assign(points)
        shown = [
            (*track.state[:2], track.number) for track in self._tracks if track.number and not track.misses
        ]
        return np.array(shown, np.float64).reshape(-1, 3)

    def points(self, boxes: Sequence[Floats]) -> Floats:
        """One point [n, 2] a person, of all cameras together."""
        places, owners = [], []
        for index, (camera, seen) in enumerate(zip(self._cameras, boxes, strict=True)):
            found = self._points_of(camera, seen)
            places.append(found)
            owners += [index] * len(found)
        return _grouped(np.concatenate(places), np.array(owners), self._group_m, self._views_min)

    def _points_of(self, camera: Camera, seen: Floats) -> Floats:
        middle = (seen[:, 0] + seen[:, 2]) / 2.0
        pose = camera.floor_from_camera
        points = points_on_plane(pose, camera.lens.rays(np.column_stack([middle, seen[:, 3]])))
        far_m = np.linalg.norm(points - np.array(camera.position_floor_m[:2]), axis=1)
        is_cut = seen[:, 3] > camera.lens.height_px - EDGE_PX
        return points[np.isfinite(points).all(axis=1) & (far_m < FAR_M_MAX) & ~is_cut]

    def _predict(self) -> None:
        dt = self._dt
        move = np.eye(4)
        move[0, 2] = move[1, 3] = dt
        push = np.array([[dt**2 / 2, 0.0], [0.0, dt**2 / 2], [dt, 0.0], [0.0, dt]])
        for track in self._tracks:
            track.state = move @ track.state
            track.covariance = move @ track.covariance @ move.T + _ACCELERATION**2 * push @ push.T

    def _assign(self, points: Floats) -> None:
        states = np.array([track.state[:2] for track in self._tracks]).reshape(-1, 2)
        apart = np.linalg.norm(states[:, None] - points[None], axis=2)
        rows, columns = linear_sum_assignment(np.minimum(apart, 10.0 * GATE_M))
        near = apart[rows, columns] < GATE_M
        seen = dict(zip(rows[near].tolist(), columns[near].tolist(), strict=True))
        for index, track in enumerate(self._tracks):
            if index not in seen:
                track.misses += 1
                continue
            track.misses, track.hits = 0, track.hits + 1
            _correct(track, points[seen[index]])
            if not track.number and track.hits >= HITS_MIN:
                self._count += 1
                track.number = self._count
        self._tracks = [
            track for track in self._tracks if track.misses <= (self._misses_max if track.number else 0)
        ]
        for index in sorted(set(range(len(points))) - set(seen.values())):
            state = np.array([*points[index], 0.0, 0.0])
            self._tracks.append(_Track(state, np.diag([_POINT_SD_M**2] * 2 + [1.0] * 2)))


def _correct(track: _Track, point: Floats) -> None:
    spread = track.covariance[:2, :2] + _POINT_SD_M**2 * np.eye(2)
    gain = track.covariance[:, :2] @ np.linalg.inv(spread)
    track.state = track.state + gain @ (point - track.state[:2])
    track.covariance = track.covariance - gain @ track.covariance[:2]


def _grouped(points: Floats, camera: NDArray[np.int64], group_m: float, views_min: int) -> Floats:
    """Means [m, 2] of groups of points [n, 2], each of at most one point a camera; nearest first."""
    groups = [[index] for index in range(len(points))]
    while len(groups) > 1:
        means = np.array([points[group].mean(axis=0) for group in groups])
        apart = np.linalg.norm(means[:, None] - means[None], axis=2)
        members = np.zeros((len(groups), int(camera.max()) + 1), bool)
        for row, group in enumerate(groups):
            members[row, camera[group]] = True
        apart[(members.astype(int) @ members.T) > 0] = np.inf
        one, other = divmod(int(apart.argmin()), len(groups))
        if apart[one, other] > group_m:
            break
        groups[one] += groups[other]
        del groups[other]
    means = [points[group].mean(axis=0) for group in groups if len(group) >= views_min]
    return np.array(means).reshape(-1, 2)
