"""People's surfaces: closed tubes lofted over the 24 joints.

A body is a list of rings. Each ring's centre, direction and side axis are weighted sums of the joints and of a few
vectors (up, right, forward of torso and head), so posing all bodies is three matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numba import njit

from openaisle.sim.clothes import TEXTURES, hair_style
from openaisle.sim.raster import Bytes, Floats, Ints, smooth_normals
from openaisle.sim.scene import BODY_JOINT_INDEX, BODY_JOINTS, Body

SIDES: Final = 12

PARTS: Final = (
    "none", "head", "neck", "torso", "left_upper_arm", "right_upper_arm", "left_forearm", "right_forearm",
    "left_hand", "right_hand", "left_thigh", "right_thigh", "left_shin", "right_shin", "left_foot", "right_foot", "bag",
)  # fmt: skip
PART: Final = {name: index for index, name in enumerate(PARTS)}

_TEXTURE: Final = {name: index for index, name in enumerate(TEXTURES)}

_VECTORS: Final = ("right", "forward", "up", "head_right", "head_forward", "head_up", "sky")
_BASIS: Final = {name: index for index, name in enumerate((*BODY_JOINTS, *_VECTORS))}


@dataclass(frozen=True)
class _Ring:
    centre: dict[str, float]
    direction: dict[str, float]
    side: dict[str, float]
    a: float  # half width along the side axis, metres for a body of 1.75 m
    b: float  # half width along direction x side
    v: float  # texture coordinate, 0 = first row
    grows: str  # what scales the radii: torso, limb, head, foot, shoulders, bag, long_hair
    bulge: float = 2.0  # exponent of the cross-section: 2 = ellipse, more = squarer
    shift: tuple[float, float] = (0.0, 0.0)  # of the centre along both axes


@dataclass(frozen=True)
class _Tube:
    rings: tuple[_Ring, ...]
    texture: str
    parts: tuple[str, ...]  # of each band between two rings


def _mix(*terms: tuple[dict[str, float], float]) -> dict[str, float]:
    total: dict[str, float] = {}
    for weights, factor in terms:
        for name, weight in weights.items():
            total[name] = total.get(name, 0.0) + factor * weight
    return total


_HIPS: Final = {"left_hip": 0.5, "right_hip": 0.5}
_SHOULDERS: Final = {"left_shoulder": 0.5, "right_shoulder": 0.5}
_EARS: Final = {"left_ear": 0.5, "right_ear": 0.5}
_UP: Final = {"up": 1.0}


def _torso() -> _Tube:
    hip_side = {"right_hip": 1.0, "left_hip": -1.0}
    shoulder_side = {"right_shoulder": 1.0, "left_shoulder": -1.0}
    table = (
        # of the way up, raised, forward, a, b, v, bulge, grows
        (0.0, -0.115, 0.0, 0.03, 0.02, 1.0, 2.0, "torso"),
        (0.0, -0.11, 0.0, 0.150, 0.105, 0.99, 2.4, "torso"),
        (0.0, -0.03, -0.012, 0.170, 0.120, 0.86, 2.4, "torso"),
        (0.22, 0.0, 0.0, 0.155, 0.110, 0.70, 2.4, "torso"),
        (0.45, 0.0, 0.006, 0.150, 0.110, 0.54, 2.4, "torso"),
        (0.70, 0.0, 0.010, 0.165, 0.120, 0.37, 2.5, "torso"),
        (0.90, 0.0, 0.004, 0.178, 0.112, 0.22, 2.5, "shoulders"),
        (1.0, 0.010, 0.0, 0.184, 0.090, 0.14, 2.2, "shoulders"),
        (1.0, 0.044, -0.004, 0.140, 0.074, 0.08, 2.0, "shoulders"),
        (1.0, 0.062, -0.004, 0.078, 0.064, 0.04, 2.0, "shoulders"),
        (1.0, 0.072, -0.002, 0.050, 0.050, 0.0, 2.0, "head"),
    )
    rings = tuple(
        _Ring(
            _mix((_HIPS, 1 - way), (_SHOULDERS, way), (_UP, raised), ({"forward": 1.0}, forward)),
            _UP,
            _mix((hip_side, 1 - way), (shoulder_side, way)),
            a,
            b,
            v,
            grows,
            bulge,
        )
        for way, raised, forward, a, b, v, bulge, grows in table
    )
    return _Tube(rings, "torso", ("torso",) * (len(rings) - 1))


def _neck() -> _Tube:
    lower = _mix((_SHOULDERS, 1.0), (_UP, 0.04))
    upper = _mix((_EARS, 1.0), ({"head_up": 1.0}, -0.045), ({"head_forward": 1.0}, -0.012))
    direction = _mix((upper, 1.0), (lower, -1.0))
    rings = tuple(
        _Ring(_mix((lower, 1 - way), (upper, way)), direction, {"right": 1.0}, a, b, way, "head")
        for way, a, b in ((0.0, 0.062, 0.060), (0.5, 0.054, 0.056), (1.0, 0.055, 0.060))
    )
    return _Tube(rings, "skin", ("neck", "neck"))


def _head() -> _Tube:
    crown = _mix(({"head_top": 1.0}, 1.0), (_EARS, -1.0))
    table = (
        # below or above the ears, forward, a, b, v
        (-1.0, 0.040, 0.012, 0.014, 1.0),
        (-0.93, 0.036, 0.036, 0.040, 0.94),
        (-0.62, 0.020, 0.057, 0.068, 0.80),
        (-0.28, 0.010, 0.067, 0.086, 0.65),
        (0.10, 0.004, 0.074, 0.096, 0.50),
        (0.40, 0.0, 0.077, 0.100, 0.36),
        (0.68, 0.0, 0.070, 0.090, 0.22),
        (0.88, 0.0, 0.050, 0.064, 0.10),
        (1.0, 0.0, 0.012, 0.015, 0.0),
    )
    rings = []
    for height, forward, a, b, v in table:
        rise = _mix((crown, height)) if height > 0 else {"head_up": 0.125 * height}
        centre = _mix((_EARS, 1.0), (rise, 1.0), ({"head_forward": 1.0}, forward))
        rings.append(_Ring(centre, {"head_up": 1.0}, {"head_right": 1.0}, a, b, v, "head", 2.1))
    return _Tube(tuple(rings), "head", ("head",) * (len(rings) - 1))


def _nose() -> _Tube:
    rings = tuple(
        _Ring(
            _mix((_EARS, 1.0), ({"head_forward": 1.0}, forward), ({"head_up": 1.0}, up)),
            {"head_up": 1.0},
            {"head_right": 1.0},
            a,
            b,
            v,
            "head",
        )
        for forward, up, a, b, v in (
            (0.092, -0.04, 0.004, 0.004, 1.0),
            (0.098, -0.03, 0.016, 0.020, 0.7),
            (0.09, 0.02, 0.007, 0.008, 0.0),
        )
    )
    return _Tube(rings, "skin", ("head", "head"))


def _hair() -> _Tube:
    """Hair down the back of head and neck: only where the style is long."""
    rings = []
    for up, forward, a, b, v in (
        (0.10, -0.030, 0.02, 0.02, 0.0),
        (0.08, -0.030, 0.076, 0.070, 0.1),
        (0.0, -0.032, 0.088, 0.078, 0.4),
        (-0.09, -0.045, 0.092, 0.058, 0.7),
        (-0.17, -0.060, 0.086, 0.040, 0.95),
        (-0.18, -0.060, 0.02, 0.01, 1.0),
    ):
        centre = _mix((_EARS, 1.0), ({"head_up": 1.0}, up), ({"head_forward": 1.0}, forward))
        rings.append(_Ring(centre, {"head_up": -1.0}, {"head_right": 1.0}, a, b, v, "long_hair", 2.3))
    return _Tube(tuple(rings), "hair", ("head",) * (len(rings) - 1))


def _arm(side: str) -> _Tube:
    shoulder, elbow, wrist = ({f"{side}_{joint}": 1.0} for joint in ("shoulder", "elbow", "wrist"))
    upper, fore = _mix((elbow, 1.0), (shoulder, -1.0)), _mix((wrist, 1.0), (elbow, -1.0))
    both = _mix((wrist, 1.0), (shoulder, -1.0))
    # Never along the arm, whatever it does in front of the body.
    across = {"right": 1.0 if side == "right" else -1.0, "up": 0.9}
    table = (
        (-0.15, upper, 0.0, 0.0),
        (-0.12, upper, 0.026, 0.02),
        (-0.04, upper, 0.046, 0.05),
        (0.12, upper, 0.056, 0.12),
        (0.45, upper, 0.050, 0.26),
        (0.80, upper, 0.045, 0.42),
        (1.00, both, 0.044, 0.50),
        (1.22, fore, 0.044, 0.61),
        (1.60, fore, 0.037, 0.80),
        (1.97, fore, 0.029, 0.97),
        (2.02, fore, 0.012, 1.00),
    )
    rings = []
    for way, direction, radius, v in table:
        centre = _mix((shoulder, 1.0), (upper, way)) if way <= 1 else _mix((elbow, 1.0), (fore, way - 1))
        rings.append(_Ring(centre, direction, across, radius, radius, v, "limb"))
    parts = tuple(f"{side}_upper_arm" if way < 1 else f"{side}_forearm" for way, *_ in table[:-1])
    return _Tube(tuple(rings), "sleeve", parts)


def _hand(side: str) -> list[_Tube]:
    wrist, hand = {f"{side}_wrist": 1.0}, {f"{side}_hand": 1.0}
    along = _mix((hand, 1.0), (wrist, -1.0))
    across = {"right": 1.0, "up": 0.35}
    palm = tuple(
        _Ring(_mix((wrist, 1.0), (along, way)), along, across, a, b, v, "limb_end", 2.6)
        for way, a, b, v in (
            (-0.25, 0.020, 0.026, 0.0),
            (0.15, 0.019, 0.030, 0.2),
            (0.55, 0.018, 0.041, 0.4),
            (1.00, 0.016, 0.043, 0.6),
            (1.45, 0.012, 0.037, 0.8),
            (1.75, 0.006, 0.018, 1.0),
        )
    )
    thumb = tuple(
        _Ring(_mix((wrist, 1.0), (along, way)), along, across, r, r, v, "limb_end", 2.0, (0.0, shift))
        for way, r, shift, v in (
            (0.2, 0.006, -0.020, 0.0),
            (0.5, 0.012, -0.045, 0.5),
            (1.05, 0.006, -0.060, 1.0),
        )
    )
    part = f"{side}_hand"
    return [_Tube(palm, "skin", (part,) * 5), _Tube(thumb, "skin", (part,) * 2)]


def _leg(side: str) -> _Tube:
    hip, knee, ankle = ({f"{side}_{joint}": 1.0} for joint in ("hip", "knee", "ankle"))
    thigh, shin = _mix((knee, 1.0), (hip, -1.0)), _mix((ankle, 1.0), (knee, -1.0))
    both = _mix((ankle, 1.0), (hip, -1.0))
    table = (
        (-0.12, thigh, 0.03, 0.0),
        (-0.08, thigh, 0.078, 0.02),
        (0.10, thigh, 0.090, 0.08),
        (0.45, thigh, 0.080, 0.24),
        (0.85, thigh, 0.062, 0.43),
        (1.00, both, 0.058, 0.50),
        (1.25, shin, 0.058, 0.62),
        (1.60, shin, 0.054, 0.80),
        (1.95, shin, 0.052, 0.99),
        (1.96, shin, 0.02, 1.00),
    )
    rings = []
    for way, direction, radius, v in table:
        centre = _mix((hip, 1.0), (thigh, way)) if way <= 1 else _mix((knee, 1.0), (shin, way - 1))
        rings.append(_Ring(centre, direction, {"right": 1.0}, radius, radius * 1.05, v, "limb"))
    parts = tuple(f"{side}_thigh" if way < 1 else f"{side}_shin" for way, *_ in table[:-1])
    return _Tube(tuple(rings), "trousers", parts)


def _foot(side: str) -> _Tube:
    ankle, toe = {f"{side}_ankle": 1.0}, {f"{side}_toe": 1.0}
    along = _mix((toe, 1.0), (ankle, -1.0))
    rings = tuple(
        _Ring(
            _mix((ankle, 1.0), (along, way), ({"sky": 1.0}, raised)),
            along,
            {"right": 1.0},
            a,
            b,
            v,
            "foot",
            2.6,
        )
        for way, raised, a, b, v in (
            (-0.42, -0.035, 0.012, 0.015, 0.0),
            (-0.36, -0.032, 0.033, 0.036, 0.1),
            (0.0, -0.018, 0.040, 0.052, 0.3),
            (0.45, -0.014, 0.044, 0.042, 0.6),
            (0.85, -0.004, 0.047, 0.030, 0.85),
            (1.15, 0.002, 0.036, 0.022, 0.97),
            (1.25, 0.002, 0.010, 0.008, 1.0),
        )
    )
    return _Tube(rings, "shoe", (f"{side}_foot",) * 6)


def _bag() -> list[_Tube]:
    middle = _mix((_HIPS, 1.0), ({"right": 1.0}, -0.235), ({"forward": 1.0}, 0.02))
    sack = tuple(
        _Ring(_mix((middle, 1.0), (_UP, up)), _UP, {"forward": 1.0}, a, b, v, "bag", 4.0)
        for up, a, b, v in (
            (-0.205, 0.05, 0.01, 1.0),
            (-0.20, 0.145, 0.045, 0.97),
            (-0.05, 0.155, 0.058, 0.5),
            (0.09, 0.150, 0.040, 0.05),
            (0.095, 0.12, 0.012, 0.0),
        )
    )
    over = _mix(({"left_shoulder": 1.0}, 1.0), ({"right": 1.0}, 0.05), (_UP, 0.045))
    strap = []
    for way, forward in (
        (0.0, 0.10),
        (0.5, 0.12),
        (0.92, 0.075),
        (1.0, 0.0),
        (0.92, -0.085),
        (0.5, -0.11),
        (0.0, -0.06),
    ):
        start = _mix((middle, 1.0), (_UP, 0.08))
        centre = _mix((start, 1 - way), (over, way), ({"forward": 1.0}, forward))
        direction = _mix((_mix((over, 1.0), (start, -1.0)), 1.0), ({"forward": 1.0}, 0.02))
        if way > 0.9:
            direction = {"forward": -1.0, "up": 0.3 if forward > 0 else -0.3}
        elif forward < 0:
            direction = _mix((direction, -1.0))
        strap.append(_Ring(centre, direction, {"right": 1.0, "sky": 0.1}, 0.016, 0.008, way, "bag"))
    return [_Tube(sack, "bag", ("bag",) * 4), _Tube(tuple(strap), "bag", ("bag",) * 6)]


class _Template:
    """The rings of a body as arrays; made once."""

    def __init__(self) -> None:
        tubes = [_torso(), _neck(), _head(), _nose(), _hair(), *(_arm(side) for side in ("left", "right"))]
        tubes += [*_hand("left"), *_hand("right"), _leg("left"), _leg("right"), _foot("left"), _foot("right")]
        tubes += _bag()
        rings = [ring for tube in tubes for ring in tube.rings]
        self.grows = [ring.grows for ring in rings]
        self.centre = _weights([ring.centre for ring in rings])
        self.direction = _weights([ring.direction for ring in rings])
        self.side = _weights([ring.side for ring in rings])
        self.radius = np.array([[ring.a, ring.b] for ring in rings])
        ends = np.cumsum([0, *(len(tube.rings) for tube in tubes)])
        self.radius[[*ends[:-1], *(ends[1:] - 1)]] = 0.0  # tubes end in a point: nobody looks into them
        self.shift = np.array([ring.shift for ring in rings])
        angle = np.linspace(0, 2 * np.pi, SIDES + 1)
        power = 2.0 / np.array([ring.bulge for ring in rings])[:, None]
        cos, sin = np.cos(angle)[None], np.sin(angle)[None]
        self.cos = np.sign(cos) * np.abs(cos) ** power
        self.sin = np.sign(sin) * np.abs(sin) ** power
        v = np.array([ring.v for ring in rings]) * 0.98 + 0.01
        u = np.broadcast_to(angle / (2 * np.pi), self.cos.shape)
        self.uv = np.stack([u, np.broadcast_to(v[:, None], u.shape)], axis=-1).reshape(-1, 2)
        triangles, textures, parts, first = [], [], [], 0
        for tube in tubes:
            for band in range(len(tube.rings) - 1):
                row = (first + band) * (SIDES + 1)
                a = row + np.arange(SIDES)
                b, c, d = a + 1, a + SIDES + 2, a + SIDES + 1
                triangles += [np.stack([a, b, c], 1), np.stack([a, c, d], 1)]
                textures.append(np.full(2 * SIDES, _TEXTURE[tube.texture]))
                parts.append(np.full(2 * SIDES, PART[tube.parts[band]]))
            first += len(tube.rings)
        self.ring_count = first
        self.triangles = np.concatenate(triangles).astype(np.int32)
        self.textures = np.concatenate(textures).astype(np.int32)
        self.parts = np.concatenate(parts).astype(np.uint8)


def _weights(rows: list[dict[str, float]]) -> Floats:
    matrix = np.zeros((len(rows), len(_BASIS)))
    for row, weights in enumerate(rows):
        for name, weight in weights.items():
            matrix[row, _BASIS[name]] = weight
    return matrix


_BODY: Final = _Template()
VERTICES: Final = _BODY.ring_count * (SIDES + 1)
TRIANGLES: Final = len(_BODY.triangles)


@dataclass(frozen=True)
class PosedBodies:
    """All bodies' surfaces, one after the other, `VERTICES` and `TRIANGLES` each."""

    points_m: Floats  # [bodies * VERTICES, 3]
    normals: Floats
    ring_centres_m: Floats  # [bodies, rings, 3], for their speed
    triangles: Ints
    uv: Floats
    textures: Ints  # index within one body's TEXTURES plus len(TEXTURES) * body
    parts: Bytes


_LAST: list[tuple[tuple[Body, ...], Floats, PosedBodies]] = []


def pose(bodies: tuple[Body, ...], joints_floor_m: Floats) -> PosedBodies:
    """Surfaces of bodies at joints [bodies, 24, 3]. All cameras ask for the same, so the last answer is kept."""
    if _LAST and _LAST[0][0] == bodies and np.array_equal(_LAST[0][1], joints_floor_m):
        return _LAST[0][2]
    posed = _pose(bodies, joints_floor_m)
    _LAST[:] = [(bodies, joints_floor_m.copy(), posed)]
    return posed


def _pose(bodies: tuple[Body, ...], joints_floor_m: Floats) -> PosedBodies:
    count = len(bodies)
    basis = _basis(joints_floor_m, np.array([body.height_m for body in bodies]))
    centres = _BODY.centre @ basis
    directions = _BODY.direction @ basis
    sides = _BODY.side @ basis
    radii = np.stack([_radii(body) for body in bodies])
    points = np.empty((count * VERTICES, 3))
    _loft(centres, directions, sides, radii, _BODY.shift, _BODY.cos, _BODY.sin, points)
    triangles, uv, textures, parts = _repeated(count)
    normals = np.empty_like(points)
    smooth_normals(points, triangles, normals)
    _close_seams(normals, SIDES)
    return PosedBodies(points, normals, centres, triangles, uv, textures, parts)


@lru_cache(maxsize=64)
def _repeated(count: int) -> tuple[Ints, Floats, Ints, Bytes]:
    body = np.arange(count, dtype=np.int32)
    triangles = (_BODY.triangles[None] + (body * VERTICES)[:, None, None]).reshape(-1, 3)
    textures = (_BODY.textures[None] + (body * len(TEXTURES))[:, None]).reshape(-1)
    return (
        np.ascontiguousarray(triangles, np.int32),
        np.tile(_BODY.uv, (count, 1)),
        np.ascontiguousarray(textures, np.int32),
        np.tile(_BODY.parts, count),
    )


def _unit(vectors: Floats) -> Floats:
    return vectors / (np.linalg.norm(vectors, axis=-1, keepdims=True) + 1e-9)


def _basis(joints: Floats, heights_m: Floats) -> Floats:
    """Joints [bodies, 24, 3] and, below them, the body's own unit vectors times its height / 1.75 m."""

    def at(name: str) -> Floats:
        return joints[:, BODY_JOINT_INDEX[name]]

    shoulders = 0.5 * (at("left_shoulder") + at("right_shoulder"))
    hips = 0.5 * (at("left_hip") + at("right_hip"))
    ears = 0.5 * (at("left_ear") + at("right_ear"))
    up = _unit(shoulders - hips)
    right = at("right_shoulder") - at("left_shoulder") + at("right_hip") - at("left_hip")
    right = _unit(right - np.sum(right * up, axis=1, keepdims=True) * up)
    head_up = _unit(at("head_top") - ears)
    head_right = at("right_ear") - at("left_ear")
    head_right = _unit(head_right - np.sum(head_right * head_up, axis=1, keepdims=True) * head_up)
    sky = np.broadcast_to(np.array([0.0, 0.0, 1.0]), up.shape)
    vectors = np.stack(
        [right, np.cross(up, right), up, head_right, np.cross(head_up, head_right), head_up, sky], axis=1
    )
    return np.concatenate([joints, vectors * (heights_m / 1.75)[:, None, None]], axis=1)


@lru_cache(maxsize=512)
def _radii(body: Body) -> Floats:
    """Ring radii [rings, 2] of one body."""
    tall = body.height_m / 1.75
    style = hair_style(body)
    long_hair = {"long": 1.0, "bob": 0.82}.get(style, 0.0)
    # Per what grows: factor on the side axis, factor on the other.
    factors = {
        "torso": (tall * body.girth, tall * body.girth**1.3),
        "shoulders": (body.shoulder_width_m / 0.36, tall * body.girth**1.1),
        "limb": (tall * body.girth**0.8,) * 2,
        "limb_end": (tall * body.girth**0.4,) * 2,
        "head": (tall**0.5,) * 2,
        "foot": (tall,) * 2,
        "bag": (1.0 if body.has_bag else 0.0,) * 2,
        "long_hair": (tall**0.5 * long_hair,) * 2,
    }
    return _BODY.radius * np.array([factors[name] for name in _BODY.grows])


@njit(cache=True)
def _loft(centres, directions, sides, radii, shift, cos, sin, points):
    vertex = 0
    for n in range(centres.shape[0]):
        for r in range(centres.shape[1]):
            dx, dy, dz = directions[n, r, 0], directions[n, r, 1], directions[n, r, 2]
            length = np.sqrt(dx * dx + dy * dy + dz * dz) + 1e-9
            dx, dy, dz = dx / length, dy / length, dz / length
            ax, ay, az = sides[n, r, 0], sides[n, r, 1], sides[n, r, 2]
            along = ax * dx + ay * dy + az * dz
            ax, ay, az = ax - along * dx, ay - along * dy, az - along * dz
            length = np.sqrt(ax * ax + ay * ay + az * az) + 1e-9
            ax, ay, az = ax / length, ay / length, az / length
            bx, by, bz = dy * az - dz * ay, dz * ax - dx * az, dx * ay - dy * ax
            for i in range(cos.shape[1]):
                s = radii[n, r, 0] * cos[r, i] + shift[r, 0]
                t = radii[n, r, 1] * sin[r, i] + shift[r, 1]
                points[vertex, 0] = centres[n, r, 0] + s * ax + t * bx
                points[vertex, 1] = centres[n, r, 1] + s * ay + t * by
                points[vertex, 2] = centres[n, r, 2] + s * az + t * bz
                vertex += 1


@njit(cache=True)
def _close_seams(normals, sides):
    for first in range(0, normals.shape[0], sides + 1):
        last = first + sides
        for k in range(3):
            mean = 0.5 * (normals[first, k] + normals[last, k])
            normals[first, k] = mean
            normals[last, k] = mean
