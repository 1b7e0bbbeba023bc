"""Where the shelving of a made-up shop stands: along walls and in back-to-back islands, with room to walk.

A gondola is accepted only if it is inside, overlaps nothing, leaves `aisle_m` free before every front and keeps the
gates clear; the whole is accepted only if somebody can walk from the entry to every front and to the exit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openaisle.store.polygons import Polygon, convex_overlap_m, edges, holds, polygons_distance_m
from openaisle.store.schema import Gate, Point2

GAP_M: Final = (0.05, 0.9)  # between two gondolas: closed up to the first, a passage from the second
GATE_ROOM_M: Final = 1.1  # kept free inside a gate
WALKER_RADIUS_M: Final = 0.4  # a passage is one if somebody twice this wide gets through
CELL_M: Final = 0.05
TOUCHING_M: Final = 1e-3


@dataclass(frozen=True)
class Place:
    """Where one gondola stands. Same frame as store.schema.Gondola."""

    origin_floor_m: Point2
    heading_deg: float
    width_m: float
    depth_m: float
    is_island: bool = False

    def point_floor_m(self, along_m: float, into_m: float) -> Point2:
        """A point of the gondola's frame; before the front `into_m` is below 0."""
        angle = math.radians(self.heading_deg)
        cos, sin = math.cos(angle), math.sin(angle)
        x, y = self.origin_floor_m
        return (round(x + cos * along_m - sin * into_m, 6), round(y + sin * along_m + cos * into_m, 6))

    @property
    def body(self) -> list[Point2]:
        return self._box(0.0, self.depth_m)

    def front_zone(self, aisle_m: float) -> list[Point2]:
        """What must stay free for its shoppers."""
        return self._box(-aisle_m, 0.0)

    def _box(self, near_m: float, far_m: float) -> list[Point2]:
        corners = ((0.0, near_m), (self.width_m, near_m), (self.width_m, far_m), (0.0, far_m))
        return [self.point_floor_m(along_m, into_m) for along_m, into_m in corners]


def lay_out(
    rng: np.random.Generator,
    outline: Polygon,
    gates: Sequence[Gate],
    *,
    gondola_count: int,
    width_m: float,
    depth_m: float,
    aisle_m: float,
    island_share: float | None = None,
) -> list[Place] | None:
    """`gondola_count` places, those along walls first; None if this try found no room for so many."""
    walls = _wall_runs(rng, outline, width_m, depth_m)
    room = _Room(outline, gates, aisle_m)
    share = float(rng.uniform(0.2, 0.55)) if island_share is None else island_share
    for back_to_back in _island_rows(
        rng, outline, width_m, depth_m, aisle_m, round(gondola_count * share / 2)
    ):
        room.take(back_to_back)
    for wall in walls:
        for place in wall:
            if room.count < gondola_count:
                room.take([place])
    if room.count < gondola_count or not is_walkable(outline, gates, room.taken):
        return None
    return sorted(room.taken, key=lambda place: place.is_island)


class _Room:
    """What is taken so far, and what may be added."""

    def __init__(self, outline: Polygon, gates: Sequence[Gate], aisle_m: float) -> None:
        self.taken: list[Place] = []
        self._outline = outline
        self._aisle_m = aisle_m
        self._gate_zones = [_gate_zone(gate) for gate in gates]

    @property
    def count(self) -> int:
        return len(self.taken)

    def take(self, places: Sequence[Place]) -> bool:
        """Take all of `places`, or none."""
        if not all(self._is_free(place) for place in places):
            return False
        self.taken += places
        return True

    def _is_free(self, place: Place) -> bool:
        body, zone = place.body, place.front_zone(self._aisle_m)
        if not holds(self._outline, body, TOUCHING_M) or not holds(self._outline, zone, TOUCHING_M):
            return False
        if any(convex_overlap_m(body, gate_zone) > TOUCHING_M for gate_zone in self._gate_zones):
            return False
        return not any(
            convex_overlap_m(body, other.body) > TOUCHING_M
            or convex_overlap_m(zone, other.body) > TOUCHING_M
            or convex_overlap_m(body, other.front_zone(self._aisle_m)) > TOUCHING_M
            or GAP_M[0] < polygons_distance_m(body, other.body) < GAP_M[1]
            for other in self.taken
        )


def _gate_zone(gate: Gate) -> list[Point2]:
    left, right = np.array(gate.left_floor_m), np.array(gate.right_floor_m)
    along = (right - left) / np.linalg.norm(right - left)
    inward = np.array(gate.inside_floor_m) - (left + right) / 2
    inward -= along * float(inward @ along)
    inward *= GATE_ROOM_M / float(np.linalg.norm(inward))
    corners = (
        left - 0.1 * along,
        right + 0.1 * along,
        right + 0.1 * along + inward,
        left - 0.1 * along + inward,
    )
    return [(float(x), float(y)) for x, y in corners]


def _wall_runs(
    rng: np.random.Generator, outline: Polygon, width_m: float, depth_m: float
) -> list[list[Place]]:
    """Places with their backs to the walls, wall by wall in random order, each from a random start."""
    runs: list[list[Place]] = []
    for start, end in edges(outline):
        length_m = math.dist(start, end)
        ex, ey = (end[0] - start[0]) / length_m, (end[1] - start[1]) / length_m
        count = int((length_m + 1e-6) // width_m)
        slack_m = length_m - count * width_m
        offset_m = round(float(rng.choice([0.0, slack_m / 2, slack_m])), 2)
        run: list[Place] = []
        for index in range(count):
            # The outline runs counter-clockwise, so inside is on the left and shoppers look to the right of it:
            # their left end of the gondola is the far one.
            along_m = offset_m + (index + 1) * width_m
            corner = (start[0] + ex * along_m - ey * depth_m, start[1] + ey * along_m + ex * depth_m)
            heading_deg = round(math.degrees(math.atan2(-ey, -ex)) % 360.0, 6)
            run.append(Place((round(corner[0], 3), round(corner[1], 3)), heading_deg, width_m, depth_m))
        if rng.random() < 0.5:
            run.reverse()
        runs.append(run)
    return [runs[int(index)] for index in rng.permutation(len(runs))]


def _island_rows(
    rng: np.random.Generator, outline: Polygon, width_m: float, depth_m: float, aisle_m: float, pairs: int
) -> list[list[Place]]:
    """`pairs` back-to-back pairs in parallel rows of about one length, spread evenly. Not all need fit."""
    corners = np.array(outline)
    low, high = corners.min(axis=0), corners.max(axis=0)
    is_along_y = bool(rng.random() < 0.5)
    across, along = (0, 1) if is_along_y else (1, 0)
    # As if there were shelving along both walls; the southern wall has the gates.
    across_low, across_high = (
        float(low[across]) + (depth_m if is_along_y else 0.4),
        float(high[across]) - depth_m,
    )
    along_low, along_high = float(low[along]) + (0.4 if is_along_y else depth_m), float(high[along]) - depth_m
    rows_max = int((across_high - across_low - aisle_m + 1e-6) // (2 * depth_m + aisle_m))
    per_row_max = int((along_high - along_low - 2 * aisle_m + 1e-6) // width_m)
    if pairs == 0 or rows_max < 1 or per_row_max < 1:
        return []
    rows_min = min(rows_max, math.ceil(pairs / per_row_max))
    row_count = min(pairs, int(rng.integers(rows_min, rows_max + 1)))
    gap_m = (across_high - across_low - row_count * 2 * depth_m) / (row_count + 1)
    middle_m = (along_low + along_high) / 2 + float(rng.uniform(0.0, 0.3))
    places: list[list[Place]] = []
    for row in range(row_count):
        near_m = round(across_low + gap_m + row * (gap_m + 2 * depth_m), 2)
        count = min(per_row_max, (pairs + row_count - 1 - row) // row_count)
        first_m = round(middle_m - count * width_m / 2, 2)
        places += [
            _back_to_back(is_along_y, near_m, round(first_m + index * width_m, 2), width_m, depth_m)
            for index in range(count)
        ]
    return places


def _back_to_back(
    is_along_y: bool, near_m: float, begin_m: float, width_m: float, depth_m: float
) -> list[Place]:
    """Two gondolas sharing their backs: `near_m` is the western (southern) front, `begin_m` the other way's end."""
    far_m, end_m = round(near_m + 2 * depth_m, 3), round(begin_m + width_m, 3)
    if is_along_y:
        west = Place((near_m, end_m), 270.0, width_m, depth_m, is_island=True)
        east = Place((far_m, begin_m), 90.0, width_m, depth_m, is_island=True)
        return [west, east]
    south = Place((begin_m, near_m), 0.0, width_m, depth_m, is_island=True)
    north = Place((end_m, far_m), 180.0, width_m, depth_m, is_island=True)
    return [south, north]


# --- walking ------------------------------------------------------------------------------------------------------


def is_walkable(outline: Polygon, gates: Sequence[Gate], places: Sequence[Place]) -> bool:
    """Whether somebody can walk from gate to gate and to the front of every gondola."""
    return not any(out_of_reach(outline, gates, places))


def out_of_reach(
    outline: Polygon,
    gates: Sequence[Gate],
    places: Sequence[Place],
    walls: Sequence[tuple[Point2, Point2]] = (),
) -> list[bool]:
    """For each gate, then each place: whether nobody can walk there from the first gate."""
    low = np.array(outline).min(axis=0)
    # The eroded floor ends WALKER_RADIUS_M before walls and fronts; the points asked about stand a little farther off.
    free = _free_floor(outline, [place.body for place in places], walls=walls)
    _, region = cv2.connectedComponents(free, connectivity=4)
    points = [gate.inside_floor_m for gate in gates]
    points += [place.point_floor_m(place.width_m / 2, -WALKER_RADIUS_M - 0.1) for place in places]
    regions: list[int] = []
    for x, y in points:
        column, row = int((x - low[0]) / CELL_M), int((y - low[1]) / CELL_M)
        if not (0 <= row < region.shape[0] and 0 <= column < region.shape[1]):
            regions.append(0)
            continue
        around = region[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3]
        regions.append(int(around.max()))
    return [region == 0 or region != regions[0] for region in regions]


def walkable_points_floor_m(
    outline: Polygon, places: Sequence[Place], spacing_m: float
) -> NDArray[np.float64]:
    """Points [n, 2] on a grid where a person may stand, 0.2 m from everything."""
    low, high = np.array(outline).min(axis=0), np.array(outline).max(axis=0)
    free = _free_floor(outline, [place.body for place in places], radius_m=0.2)
    xs = np.arange(low[0] + spacing_m / 2, high[0], spacing_m)
    ys = np.arange(low[1] + spacing_m / 2, high[1], spacing_m)
    grid = np.stack(np.meshgrid(xs, ys, indexing="ij"), axis=-1).reshape(-1, 2)
    cells = ((grid - low) / CELL_M).astype(int)
    is_free = free[np.minimum(cells[:, 1], free.shape[0] - 1), np.minimum(cells[:, 0], free.shape[1] - 1)] > 0
    return grid[is_free]


def _free_floor(
    outline: Polygon,
    bodies: Sequence[Polygon],
    radius_m: float = WALKER_RADIUS_M,
    walls: Sequence[tuple[Point2, Point2]] = (),
) -> NDArray[np.uint8]:
    """[rows, columns] 1 where a disc of `radius_m` fits, in cells of CELL_M from the plan's south-west corner."""
    low, high = np.array(outline).min(axis=0), np.array(outline).max(axis=0)
    columns, rows = (math.ceil(side / CELL_M) + 2 for side in high - low)

    def cells(polygon: Polygon) -> NDArray[np.int32]:
        return np.round((np.array(polygon) - low) / CELL_M).astype(np.int32)

    free = np.zeros((rows, columns), np.uint8)
    cv2.fillPoly(free, [cells(outline)], 1)
    for body in bodies:
        cv2.fillPoly(free, [cells(body)], 0)
    for wall in walls:
        cv2.polylines(free, [cells(wall)], False, 0)
    distance = cv2.distanceTransform(np.pad(free, 1), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    return (distance * CELL_M >= radius_m).astype(np.uint8)
