"""What cameras must see: every facing with its shopper standing there, every gate, every place where people walk.

Rows of the integer programme: each says how many of the cameras that satisfy it must hang. A facing's row counts
cameras that see it past the shopper who reaches; two more rows ask for one that is left when somebody stands beside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.geometry import Floats
from openaisle.planning.scope import PlacementRow
from openaisle.sim.store_layout import Place, walkable_points_floor_m
from openaisle.store.coverage import front_normal_floor, slot_points_floor_m
from openaisle.store.schema import Camera, Gate, Slot, Store

BODY_HALF_M: Final = (0.31, 0.18)  # across the shoulders with arms, and front to back
ROUND_M: Final = 0.25  # of somebody of whom only the place is known
BODY_HEIGHT_M: Final = 1.75
STANDS_M: Final = 0.45  # from a front, whoever reaches
BESIDE_M: Final = 0.6  # from whoever reaches, whoever stands beside
WALK_SPACING_M: Final = 0.7
HIPS_M, HEAD_M = 1.0, 1.6
PASSES_M: Final = 0.55  # from whoever walks, whoever passes
PASSING: Final = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))


@dataclass(frozen=True, kw_only=True)
class Targets:
    """Points, who may stand before them, and how many views each row needs.

    A row is seen by a camera that sees all of its points, past all of the people who stand there.
    """

    kinds: tuple[str, ...]  # [rows] facing | beside | gate | walk | passing
    names: tuple[str, ...]  # [rows] slot id, gate id, or the place on the floor
    points_floor_m: Floats  # [rows, 3 points, 3]; the same point thrice where there is one
    normals_floor: Floats  # [rows, 2]; NaN: seen from anywhere
    people_floor_m: Floats  # [rows, 2 people, 2]; NaN: nobody
    px_per_m: Floats  # [rows] of which stream: `of_main`
    of_main: NDArray[np.bool_]  # [rows]
    needed: NDArray[np.int64]  # [rows]

    def __len__(self) -> int:
        return len(self.kinds)


def places_of(store: Store) -> list[Place]:
    """The shelving as `sim.store_layout` sees it."""
    return [
        Place(gondola.origin_floor_m, gondola.heading_deg, gondola.width_m, gondola.depth_m)
        for gondola in store.gondolas
    ]


def standing_before_floor_m(store: Store, slot: Slot, aside_m: float = 0.0) -> Floats:
    """Where a shopper of a slot stands [2], or somebody `aside_m` to the right of them."""
    shelf = store.shelves[slot.shelf_id]
    along_m = slot.middle_m + aside_m
    return store.shelf_point_floor_m(shelf, along_m, -STANDS_M)[:2]


def targets_of(store: Store, placement: PlacementRow) -> Targets:
    """All rows of a store."""
    rows = _Rows()
    many, main, sub = placement.views_min, placement.facing_px_per_m, placement.person_px_per_m
    for shelf in store.shelves.values():
        normal = front_normal_floor(store.gondola_of[shelf.gondola_id])
        for slot in shelf.slots:
            points = slot_points_floor_m(store, shelf, slot)
            shopper = standing_before_floor_m(store, slot)
            rows.add("facing", slot.slot_id, points, normal, [shopper], main, True, many)
            for side_m in (-BESIDE_M, BESIDE_M):
                people = [shopper, standing_before_floor_m(store, slot, side_m)]
                rows.add("beside", slot.slot_id, points[1:2], normal, people, main, True, min(1, many))
    for gate in store.gates:
        for spot in threshold_points(gate):
            for height_m in (HIPS_M, HEAD_M):
                rows.add("gate", gate.gate_id, [[*spot, height_m]], None, [], sub, False, many)
    for spot in walkable_points_floor_m(store.plan_floor_m, places_of(store), WALK_SPACING_M):
        name = f"{spot[0]:.2f} {spot[1]:.2f}"
        for height_m in (HIPS_M, HEAD_M):
            rows.add("walk", name, [[*spot, height_m]], None, [], sub, False, many)
        for direction in PASSING:
            people = [spot + PASSES_M * np.array(direction)]
            rows.add("passing", name, [[*spot, HEAD_M - 0.3]], None, people, sub, False, min(1, many))
    return rows.targets()


def threshold_points(gate: Gate) -> Floats:
    """Points [6, 2] across a gate, just inside its line and half a metre farther in."""
    left, right = np.array(gate.left_floor_m), np.array(gate.right_floor_m)
    inward = np.array(gate.inside_floor_m) - (left + right) / 2
    inward /= float(np.linalg.norm(inward))
    across = np.array([left + (right - left) * share for share in (0.2, 0.5, 0.8)])
    return np.concatenate([across + 0.1 * inward, across + 0.6 * inward])


class _Rows:
    def __init__(self) -> None:
        self._rows: list[tuple[str, str, Floats, Floats, Floats, float, bool, int]] = []

    def add(
        self,
        kind: str,
        name: str,
        points: Floats | list[list[float]],
        normal: Floats | None,
        people: list[Floats],
        px_per_m: float,
        of_main: bool,
        needed: int,
    ) -> None:
        thrice = np.resize(np.asarray(points, float), (3, 3))
        standing = np.full((2, 2), np.nan)
        standing[: len(people)] = np.asarray(people, float).reshape(-1, 2)
        facing = np.full(2, np.nan) if normal is None else normal
        self._rows.append((kind, name, thrice, facing, standing, px_per_m, of_main, needed))

    def targets(self) -> Targets:
        kinds, names, points, normals, people, px_per_m, of_main, needed = zip(*self._rows, strict=True)
        return Targets(
            kinds=kinds,
            names=names,
            points_floor_m=np.array(points),
            normals_floor=np.array(normals),
            people_floor_m=np.array(people),
            px_per_m=np.array(px_per_m),
            of_main=np.array(of_main),
            needed=np.array(needed),
        )


# --- what one camera sees -----------------------------------------------------------------------------------------


def px_per_m_at(camera: Camera, points_floor_m: Floats, width_px: int) -> Floats:
    """Pixels [...] that a metre held across the line of sight spans at points [..., 3], in a picture so wide.

    The smaller of the lens's radial and tangential magnification there; 0 behind the camera.
    """
    points = camera.camera_from_floor.apply(points_floor_m)
    k1, k2, _, _, k3 = camera.lens.distortion
    depth_m = points[..., 2]
    ahead = np.where(depth_m > 1e-3, depth_m, np.inf)
    r2 = (points[..., 0] ** 2 + points[..., 1] ** 2) / ahead**2
    tangential = (1 + r2 * (k1 + r2 * (k2 + r2 * k3))) * np.sqrt(1 + r2)
    radial = (1 + r2 * (3 * k1 + r2 * (5 * k2 + r2 * 7 * k3))) * (1 + r2)
    focal_px = camera.lens.focal_x_px * width_px / camera.lens.width_px
    distance_m = np.where(depth_m > 1e-3, np.linalg.norm(points, axis=-1), np.inf)
    return focal_px / distance_m * np.clip(np.minimum(tangential, radial), 0.0, None)


def hidden_by_people(
    eyes_floor_m: Floats, points_floor_m: Floats, people_floor_m: Floats, normals_floor: Floats
) -> NDArray[np.bool_]:
    """[n]: whether a person [n, 2] stands between eyes [n, 3] and points [n, 3].

    People are upright ellipses that face against `normals_floor` [n, 2]; round where that is NaN.
    """
    is_round = np.isnan(normals_floor[:, 0])
    ahead = np.where(is_round[:, None], (0.0, 1.0), normals_floor)
    aside = np.column_stack([ahead[:, 1], -ahead[:, 0]])
    half_m = np.where(is_round[:, None], (ROUND_M, ROUND_M), BODY_HALF_M)

    def scaled(vectors: Floats) -> Floats:
        """In half widths and half depths of the person."""
        parts = [np.einsum("ni,ni->n", vectors, axis) for axis in (aside, ahead)]
        return np.column_stack(parts) / half_m

    run = scaled(eyes_floor_m[:, :2] - points_floor_m[:, :2])
    start = scaled(points_floor_m[:, :2] - people_floor_m)
    # |start + share * run| = 1, for the share of the way at which the line comes into the body.
    a = np.maximum(np.einsum("ni,ni->n", run, run), 1e-12)
    b = np.einsum("ni,ni->n", start, run)
    c = np.einsum("ni,ni->n", start, start) - 1.0
    under = b * b - a * c
    root = np.sqrt(np.maximum(under, 0.0))
    enters, leaves = np.clip((-b - root) / a, 0.0, None), (-b + root) / a
    rise_m = eyes_floor_m[:, 2] - points_floor_m[:, 2]
    height_m = points_floor_m[:, 2] + rise_m * enters
    return (under > 0) & (leaves > 0) & (enters < 1.0) & (height_m < BODY_HEIGHT_M)
