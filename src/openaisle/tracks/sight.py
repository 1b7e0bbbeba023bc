"""Which cameras have a free sight of somebody: not past the picture's edge, shelves and other people in the way.

A camera that should see whoever is thought to stand somewhere, and sees nobody, denies that they do; one whose sight
something blocks says nothing, and whom nobody can see may well still stand where they were.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.store.polygons import Polygon, contains
from openaisle.store.schema import Gondola
from openaisle.tracks.people import Bodies
from openaisle.tracks.sightings import Rig

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Head, shoulders, hips, knees, ankles: the parts of a body that are looked for.
_PARTS: Final = ((0, 1, 2, 3, 4), (5, 6), (11, 12), (13, 14), (15, 16))
BODY_RADIUS_M: Final = 0.25  # of whoever is in the way ...
HEAD_TOP_M: Final = 0.12  # ... up to so far above the middle of the head
BEHIND_M: Final = 0.1  # nobody hides what is not at least so far behind them
SHARE_SEEN_MIN: Final = 0.7  # of a body in free sight: less is easily missed
INSIDE_M: Final = 0.15  # whoever stands so deep in a shelf is nobody


@dataclass(frozen=True)
class Solids:
    """Shelves as boxes: p in the floor frame is rotation @ (p - origin) in a box of [0, size]. And walls about them."""

    rotation: Floats  # [shelves, 3, 3]
    origin_floor_m: Floats  # [shelves, 3]
    size_m: Floats  # [shelves, 3]
    plan_floor_m: Polygon = ()  # walls, where they are known

    @classmethod
    def of(cls, gondolas: Sequence[Gondola], plan_floor_m: Polygon = ()) -> Solids:
        placed = [gondola.floor_from_gondola for gondola in gondolas]
        sizes = [(gondola.width_m, gondola.depth_m, gondola.height_m) for gondola in gondolas]
        return cls(
            rotation=np.array([np.asarray(each.rotation).T for each in placed]).reshape(-1, 3, 3),
            origin_floor_m=np.array([each.translation_m for each in placed], float).reshape(-1, 3),
            size_m=np.array(sizes, float).reshape(-1, 3),
            plan_floor_m=tuple(plan_floor_m),
        )

    def contain(self, x_m: float, y_m: float) -> bool:
        """Whether a place on the floor lies inside of shelves or between one and a wall, and not only at its edge."""
        if not len(self.size_m):
            return False
        about = np.array(
            [(INSIDE_M, 0.0, 0.0), (-INSIDE_M, 0.0, 0.0), (0.0, INSIDE_M, 0.0), (0.0, -INSIDE_M, 0.0)]
        )
        points = np.array([x_m, y_m, 0.0]) + about
        inside = np.einsum("gij,gpj->gpi", self.rotation, points[None] - self.origin_floor_m[:, None])[
            ..., :2
        ]
        within = ((inside >= 0.0) & (inside <= self.size_m[:, None, :2])).all(axis=2).any(axis=0)
        if not within.any() or not self.plan_floor_m:
            return bool(within.all())
        return not any(contains(self.plan_floor_m, (x, y)) for x, y, _ in points[~within].tolist())


class Sight:
    """Free sight from every camera of a rig."""

    def __init__(self, rig: Rig, gondolas: Sequence[Gondola], plan_floor_m: Polygon = ()) -> None:
        self._rig = rig
        self.solids = Solids.of(gondolas, plan_floor_m)

    def shares(self, bodies: Bodies, rows: Ints, others: Ints, cameras: Ints) -> Floats:
        """Shares [rows, cameras], 0 to 1, of the bodies in `rows` that each of `cameras` should see.

        `others`: rows of the people who may be in the way; nobody is in their own.
        """
        shares = np.zeros((len(rows), len(cameras)))
        rig, solids = self._rig, self.solids
        _free_shares(
            rows, _parts_of(bodies, rows), others, bodies.root[others], _tops_of(bodies, others), cameras, rig.rotation,
            rig.origin_floor_m, rig.pinhole, rig.distortion, rig.radius_squared_max, rig.size_px, solids.rotation,
            solids.origin_floor_m, solids.size_m, shares,
        )  # fmt: skip
        return shares


def _parts_of(bodies: Bodies, rows: Ints) -> Floats:
    """Where their parts are [rows, parts, 3]."""
    return np.stack([bodies.mean[rows][:, part, :3].mean(axis=1) for part in _PARTS], axis=1)


def _tops_of(bodies: Bodies, rows: Ints) -> Floats:
    return bodies.mean[rows][:, _PARTS[0], 2].mean(axis=1) + HEAD_TOP_M


@njit(cache=True)
def _free_shares(
    rows, parts, others, places, tops, cameras, rotation, origin, pinhole, distortion, radius_squared_max, size_px,
    solid_rotation, solid_origin, solid_size, shares,
) -> None:  # fmt: skip
    for t in range(len(rows)):
        for k in range(len(cameras)):
            c = cameras[k]
            free = 0
            for p in range(parts.shape[1]):
                if not _is_in_picture(
                    parts[t, p],
                    rotation[c],
                    origin[c],
                    pinhole[c],
                    distortion[c],
                    radius_squared_max[c],
                    size_px[c],
                ):
                    continue
                is_free = True
                for o in range(len(others)):
                    if others[o] != rows[t] and _is_behind(origin[c], parts[t, p], places[o], tops[o]):
                        is_free = False
                        break
                for g in range(len(solid_size)):
                    if not is_free:
                        break
                    is_free = not _crosses(
                        origin[c], parts[t, p], solid_rotation[g], solid_origin[g], solid_size[g]
                    )
                if is_free:
                    free += 1
            shares[t, k] = free / parts.shape[1]


@njit(cache=True)
def _is_in_picture(point, rotation, origin, pinhole, distortion, radius_squared_max, size_px) -> bool:
    """Projected by Brown's model, as Lens.project; points whose image would fold back are outside."""
    wx, wy, wz = point[0] - origin[0], point[1] - origin[1], point[2] - origin[2]
    z = rotation[0, 2] * wx + rotation[1, 2] * wy + rotation[2, 2] * wz
    if z < 0.1:
        return False
    x = (rotation[0, 0] * wx + rotation[1, 0] * wy + rotation[2, 0] * wz) / z
    y = (rotation[0, 1] * wx + rotation[1, 1] * wy + rotation[2, 1] * wz) / z
    r2 = x * x + y * y
    if r2 > radius_squared_max:
        return False
    k1, k2, p1, p2, k3 = distortion[0], distortion[1], distortion[2], distortion[3], distortion[4]
    radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
    u = pinhole[0] * (x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)) + pinhole[2]
    v = pinhole[1] * (y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y) + pinhole[3]
    return 0.0 < u < size_px[0] - 1.0 and 0.0 < v < size_px[1] - 1.0


@njit(cache=True)
def _is_behind(eye, point, place, top) -> bool:
    """Whether the line from an eye to a point passes through the upright cylinder about a place."""
    dx, dy = point[0] - eye[0], point[1] - eye[1]
    length = math.hypot(dx, dy)
    if length < 1e-6:
        return False
    along = ((place[0] - eye[0]) * dx + (place[1] - eye[1]) * dy) / length
    if not 0.0 < along < length - BEHIND_M:
        return False
    aside = abs((place[0] - eye[0]) * dy - (place[1] - eye[1]) * dx) / length
    return aside < BODY_RADIUS_M and eye[2] + (point[2] - eye[2]) * along / length < top


@njit(cache=True)
def _crosses(eye, point, rotation, origin, size) -> bool:
    """Whether the line from an eye to a point passes through a box (slab test, Kay & Kajiya 1986)."""
    near, far = 0.0, 1.0
    for a in range(3):
        start, end = 0.0, 0.0
        for b in range(3):
            start += rotation[a, b] * (eye[b] - origin[b])
            end += rotation[a, b] * (point[b] - origin[b])
        step = end - start
        if abs(step) < 1e-9:
            if not 0.0 < start < size[a]:
                return False
            continue
        low, high = -start / step, (size[a] - start) / step
        near = max(near, min(low, high))
        far = min(far, max(low, high))
    return near < far
