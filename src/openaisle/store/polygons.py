"""The little plane geometry that a floor plan needs. Points are (x, y) in metres; polygons are open lists."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

from openaisle.store.schema import Point2

Segment = tuple[Point2, Point2]
Polygon = Sequence[Point2]


def edges(polygon: Polygon) -> list[Segment]:
    """Its sides, each from a corner to the next."""
    return [(start, polygon[(index + 1) % len(polygon)]) for index, start in enumerate(polygon)]


def signed_area(polygon: Polygon) -> float:
    """Above 0 if the corners go counter-clockwise."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in edges(polygon)) / 2


def is_simple(polygon: Polygon) -> bool:
    """Whether no two sides cross or touch, but neighbours in their corner."""
    sides = edges(polygon)
    for (i, first), (j, second) in combinations(enumerate(sides), 2):
        if j - i in (1, len(sides) - 1):
            # Neighbours share a corner; they must not run back over each other.
            shared, a, b = (first[1], first[0], second[1]) if j - i == 1 else (first[0], first[1], second[0])
            if abs(_turn(a, shared, b)) < 1e-12 and _dot(a, shared, b) > 0:
                return False
        elif segments_meet(first, second):
            return False
    return all(math.dist(*side) > 0 for side in sides)


def contains(polygon: Polygon, point: Point2, margin_m: float = 0.0) -> bool:
    """Whether `point` is inside, or at most `margin_m` outside."""
    inside = False
    for (ax, ay), (bx, by) in edges(polygon):
        if (ay > point[1]) != (by > point[1]) and point[0] < (bx - ax) * (point[1] - ay) / (by - ay) + ax:
            inside = not inside
    return inside or outline_distance_m(polygon, point) <= margin_m


def outline_distance_m(polygon: Polygon, point: Point2) -> float:
    """From the point to the nearest side."""
    return min(point_segment_distance_m(point, side) for side in edges(polygon))


def holds(polygon: Polygon, inner: Polygon, margin_m: float = 0.0) -> bool:
    """Whether all of `inner` lies in `polygon`, or at most about `margin_m` outside."""
    return all(
        contains(polygon, (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share), margin_m)
        for a, b in edges(inner)
        for share in (0.0, 0.25, 0.5, 0.75)
    )


def convex_overlap_m(first: Polygon, second: Polygon) -> float:
    """How deep two convex polygons are in each other (separating axes); 0 or less if they are apart."""
    depth = math.inf
    for (ax, ay), (bx, by) in [*edges(first), *edges(second)]:
        length = math.hypot(bx - ax, by - ay)
        nx, ny = (by - ay) / length, (ax - bx) / length
        one = [x * nx + y * ny for x, y in first]
        two = [x * nx + y * ny for x, y in second]
        depth = min(depth, max(one) - min(two), max(two) - min(one))
    return depth


def polygons_distance_m(first: Polygon, second: Polygon) -> float:
    """Between two polygons that do not overlap."""
    return min(
        min(point_segment_distance_m(point, side) for point in points for side in sides)
        for points, sides in ((first, edges(second)), (second, edges(first)))
    )


def point_segment_distance_m(point: Point2, segment: Segment) -> float:
    (ax, ay), (bx, by) = segment
    length_squared = (bx - ax) ** 2 + (by - ay) ** 2
    share = 0.0
    if length_squared > 0:
        share = ((point[0] - ax) * (bx - ax) + (point[1] - ay) * (by - ay)) / length_squared
        share = min(1.0, max(0.0, share))
    return math.dist(point, (ax + share * (bx - ax), ay + share * (by - ay)))


def segments_meet(first: Segment, second: Segment) -> bool:
    """Whether they cross or touch."""
    (a, b), (c, d) = first, second
    if _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0:
        return True
    touching = (
        point_segment_distance_m(c, first),
        point_segment_distance_m(d, first),
        point_segment_distance_m(a, second),
        point_segment_distance_m(b, second),
    )
    return min(touching) < 1e-9


def _turn(a: Point2, b: Point2, c: Point2) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _dot(a: Point2, corner: Point2, b: Point2) -> float:
    return (a[0] - corner[0]) * (b[0] - corner[0]) + (a[1] - corner[1]) * (b[1] - corner[1])
