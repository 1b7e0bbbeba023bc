"""Which camera sees which point of the shop: inside its picture, in front of it, not hidden by shelving or walls.

People and packs hide nothing here: this is what the empty shop allows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.geometry import Floats
from openaisle.store.lenses import border_points_px
from openaisle.store.schema import Camera, Gondola, Point2, Shelf, Slot, Store

Bools = NDArray[np.bool_]

VIEW_DISTANCE_M_MAX: Final = 7.0
FRONT_ANGLE_DEG_MAX: Final = 75.0  # between a shelf front's normal and the view, seen from above
LINES_AT_ONCE_MAX: Final = 100_000  # bounds the memory of one block of lines of sight

_POINTS_ALONG: Final = (0.15, 0.5, 0.85)
_REACH_HEIGHT_M: Final = 0.15  # above the shelf: where a hand and a pack are
_BEFORE_FRONT_M: Final = 0.02


def slot_points_floor_m(store: Store, shelf: Shelf, slot: Slot) -> Floats:
    """Points [3, 3] just before a slot's front, at the height of a hand in it."""
    above_m = min(_REACH_HEIGHT_M, 0.6 * shelf.clearance_m)
    return np.stack(
        [
            store.shelf_point_floor_m(shelf, slot.left_m + share * slot.width_m, -_BEFORE_FRONT_M, above_m)
            for share in _POINTS_ALONG
        ]
    )


def views_of_slots(store: Store) -> dict[str, Bools]:
    """Slot id -> [cameras]: which cameras see the whole front of the slot from before it."""
    shelves = [shelf for shelf in store.shelves.values() if shelf.slots]
    if not shelves or not store.cameras:
        return {slot_id: np.zeros(len(store.cameras), bool) for slot_id in store.slots}
    slots = [(shelf, slot) for shelf in shelves for slot in shelf.slots]
    points = np.concatenate([slot_points_floor_m(store, shelf, slot) for shelf, slot in slots])
    normals = np.concatenate(
        [np.tile(front_normal_floor(store.gondola_of[shelf.gondola_id]), (3, 1)) for shelf, _ in slots]
    )
    seen = views_of_points(store.cameras, points, store.gondolas, store.walls_floor_m, normals)
    whole: Bools = np.all(seen.reshape(len(store.cameras), len(slots), 3), axis=2)
    return {slot.slot_id: whole[:, index] for index, (_, slot) in enumerate(slots)}


def front_normal_floor(gondola: Gondola) -> Floats:
    """Unit vector [2] from a gondola's front towards its shopper."""
    heading = math.radians(gondola.heading_deg)
    return np.array([math.sin(heading), -math.cos(heading)])


def views_of_points(
    cameras: Sequence[Camera],
    points_floor_m: Floats,
    gondolas: Sequence[Gondola],
    walls_floor_m: Sequence[tuple[Point2, Point2]] = (),
    normals_floor: Floats | None = None,
) -> Bools:
    """[cameras, points]: which camera sees which of the points [points, 3].

    With `normals_floor` [points, 2] a point lies on a vertical front and is seen only from before it.
    """
    if not cameras:
        return np.zeros((0, len(points_floor_m)), bool)
    seen = np.stack([in_picture(camera, points_floor_m) for camera in cameras])
    eyes = np.array([camera.position_floor_m for camera in cameras])
    return lines_of_sight(eyes, points_floor_m, gondolas, walls_floor_m, normals_floor, wanted=seen)


def in_picture(camera: Camera, points_floor_m: Floats) -> Bools:
    """[points]: which points [points, 3] fall into the camera's picture, whatever stands between."""
    pixels = camera.project(points_floor_m)
    with np.errstate(invalid="ignore"):
        inside = (pixels >= -0.5).all(axis=-1)
        inside &= (pixels[..., 0] <= camera.lens.width_px - 0.5) & (
            pixels[..., 1] <= camera.lens.height_px - 0.5
        )
    return inside


def near_enough(eyes_floor_m: Floats, points_floor_m: Floats) -> Bools:
    """[eyes, points]: whether points [points, 3] are within view of eyes [eyes, 3], if nothing stands between."""
    towards_eye = eyes_floor_m[:, None, :] - points_floor_m[None, :, :]
    return np.linalg.norm(towards_eye, axis=2) <= VIEW_DISTANCE_M_MAX


def lines_of_sight(
    eyes_floor_m: Floats,
    points_floor_m: Floats,
    gondolas: Sequence[Gondola],
    walls_floor_m: Sequence[tuple[Point2, Point2]] = (),
    normals_floor: Floats | None = None,
    wanted: Bools | None = None,
) -> Bools:
    """[eyes, points]: whether nothing stands between eyes [eyes, 3] and points [points, 3], near enough.

    Pairs that are not `wanted` [eyes, points] are False.
    """
    clear = near_enough(eyes_floor_m, points_floor_m)
    if wanted is not None:
        clear &= wanted
    if normals_floor is not None:
        towards_eye = eyes_floor_m[:, None, :] - points_floor_m[None, :, :]
        across_m = np.linalg.norm(towards_eye[..., :2], axis=2)
        along_normal_m = np.einsum("epi,pi->ep", towards_eye[..., :2], normals_floor)
        clear &= along_normal_m >= math.cos(math.radians(FRONT_ANGLE_DEG_MAX)) * across_m
    eye_of, point_of = np.nonzero(clear)
    for start in range(0, len(eye_of), LINES_AT_ONCE_MAX):
        some = slice(start, start + LINES_AT_ONCE_MAX)
        eyes, points = eyes_floor_m[eye_of[some]], points_floor_m[point_of[some]]
        hidden = np.zeros(len(eyes), bool)
        met = _boxes_met(eyes, points, gondolas) if gondolas else np.zeros((0, len(eyes)), bool)
        for index in np.flatnonzero(met.any(axis=1)).tolist():
            lines = np.flatnonzero(met[index])
            hidden[lines] |= _crosses_gondola(eyes[lines], points[lines], gondolas[index])
        for wall in walls_floor_m:
            hidden |= _crosses_wall(eyes, points, wall)
        clear[eye_of[some], point_of[some]] = ~hidden
    return clear


def _boxes_met(eyes: Floats, points: Floats, gondolas: Sequence[Gondola]) -> Bools:
    """[gondolas, lines]: whether the upright boxes around a gondola and around a line from point to eye meet."""
    corners = np.array([gondola.footprint_floor_m for gondola in gondolas])
    heights = np.array([gondola.height_m for gondola in gondolas])
    met = np.minimum(eyes[:, 2], points[:, 2]) < heights[:, None]
    for axis in (0, 1):
        near, far = np.minimum(eyes[:, axis], points[:, axis]), np.maximum(eyes[:, axis], points[:, axis])
        low, high = corners[:, :, axis].min(axis=1), corners[:, :, axis].max(axis=1)
        met &= (far > low[:, None]) & (near < high[:, None])
    return met


def _crosses_gondola(eyes: Floats, points: Floats, gondola: Gondola) -> Bools:
    """[lines]: whether the line from a point to an eye runs through the gondola's box (Kay and Kajiya 1986)."""
    gondola_from_floor = gondola.floor_from_gondola.inverse()
    starts = gondola_from_floor.apply(points)
    runs = gondola_from_floor.apply(eyes) - starts
    enter, leave = np.zeros(len(eyes)), np.ones(len(eyes))
    for axis, size_m in enumerate((gondola.width_m, gondola.depth_m, gondola.height_m)):
        start, run = starts[:, axis], runs[:, axis]
        is_parallel = run == 0
        with np.errstate(divide="ignore", invalid="ignore"):
            first, last = (0.0 - start) / run, (size_m - start) / run
        never = np.where((start < 0) | (start > size_m), np.inf, -np.inf)
        enter = np.maximum(enter, np.where(is_parallel, never, np.minimum(first, last)))
        leave = np.minimum(leave, np.where(is_parallel, -never, np.maximum(first, last)))
    return enter < leave - 1e-9


def _crosses_wall(eyes: Floats, points: Floats, wall: tuple[Point2, Point2]) -> Bools:
    """[lines]: whether the line crosses a wall, which reaches the ceiling."""
    start, end = np.array(wall[0]), np.array(wall[1])
    eyes, points = eyes[:, :2], points[:, :2]
    is_across = _side(start, end, eyes) * _side(start, end, points) < 0
    return is_across & (_side(eyes, points, start) * _side(eyes, points, end) < 0)


def _side(origin: Floats, towards: Floats, point: Floats) -> Floats:
    """Above 0 where `point` is left of the line from `origin` to `towards`; all [..., 2]."""
    along, to_point = towards - origin, point - origin
    return along[..., 0] * to_point[..., 1] - along[..., 1] * to_point[..., 0]


def footprint_floor_m(camera: Camera, height_m: float, reach_m: float = 12.0, per_side: int = 24) -> Floats:
    """Outline [4 * per_side, 2] of what a camera sees of a level plane, through its true, distorted lens.

    Rays that meet the plane beyond `reach_m`, or never, end at that distance.
    """
    rays = camera.lens.rays(border_points_px(camera.lens, per_side), iterations=40)
    directions = rays @ camera.floor_from_camera.rotation.T
    across = np.linalg.norm(directions[:, :2], axis=1)
    drop_m = camera.position_floor_m[2] - height_m
    with np.errstate(divide="ignore"):
        distance_m = np.where(directions[:, 2] < 0, drop_m / -directions[:, 2] * across, np.inf)
    distance_m = np.minimum(distance_m, reach_m)
    unit = directions[:, :2] / np.maximum(across, 1e-12)[:, None]
    return np.array(camera.position_floor_m[:2]) + unit * distance_m[:, None]
