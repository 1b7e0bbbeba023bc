"""A gate's line on the floor, and who crosses it."""

from __future__ import annotations

import math

from openaisle.store.schema import Gate
from openaisle.tracks.people import Person


class GateLine:
    """One gate's opening. Metres on the floor."""

    def __init__(self, gate: Gate) -> None:
        self.gate_id = gate.gate_id
        self.kind = gate.kind
        self.centre = gate.centre_floor_m
        (ax, ay), (bx, by) = gate.left_floor_m, gate.right_floor_m
        self._start = (ax, ay)
        self._length_m = max(math.hypot(bx - ax, by - ay), 1e-6)
        self._along = ((bx - ax) / self._length_m, (by - ay) / self._length_m)
        normal = (-self._along[1], self._along[0])
        ix, iy = gate.inside_floor_m[0] - ax, gate.inside_floor_m[1] - ay
        sign = 1.0 if normal[0] * ix + normal[1] * iy >= 0 else -1.0
        self._normal = (sign * normal[0], sign * normal[1])

    def place(self, point_floor_m: tuple[float, float]) -> tuple[float, float]:
        """(metres inside of the line, metres beside the gate's opening)."""
        dx, dy = point_floor_m[0] - self._start[0], point_floor_m[1] - self._start[1]
        along = dx * self._along[0] + dy * self._along[1]
        beside = max(0.0, -along, along - self._length_m)
        return dx * self._normal[0] + dy * self._normal[1], beside

    def distance_m(self, point_floor_m: tuple[float, float]) -> float:
        """Metres to the opening, from either side."""
        return math.hypot(*self.place(point_floor_m))

    def distance_to_leave_m(self, point_floor_m: tuple[float, float]) -> float:
        """Metres to the opening; 0 for whoever is through it."""
        inside_m, beside_m = self.place(point_floor_m)
        return 0.0 if inside_m < 0 and beside_m == 0.0 else self.distance_m(point_floor_m)

    def inwards(self, velocity: tuple[float, float]) -> float:
        return velocity[0] * self._normal[0] + velocity[1] * self._normal[1]

    def crossing(
        self, person: Person, *, inwards_m: float, outwards_m: float, margin_m: float
    ) -> tuple[bool, int] | None:
        """(inwards, when) if the person's last movement crossed the opening; remembers the side.

        A line counts as crossed so far beyond it; `margin_m`: how far beside the opening one may pass.
        """
        was = person.sides.get(self.gate_id, 0)
        inside_m, beside_m = self.place(person.position_floor_m)
        if was == 0:
            person.sides[self.gate_id] = 1 if inside_m >= 0 else -1
            return None
        is_across = inside_m < -outwards_m if was > 0 else inside_m > inwards_m
        if not is_across:
            return None
        person.sides[self.gate_id] = 1 if inside_m > 0 else -1
        if beside_m > margin_m:
            return None
        return inside_m > 0, self._crossed_ns(person)

    def _crossed_ns(self, person: Person) -> int:
        """When the path last met the line, between two of its points."""
        points = list(person.path)
        new_ns, new_m = points[-1][0], self.place(points[-1][1:])[0]
        for old_ns, x_m, y_m in reversed(points[:-1]):
            old_m = self.place((x_m, y_m))[0]
            if (old_m > 0) != (new_m > 0):
                share = old_m / (old_m - new_m)
                return old_ns + round(share * (new_ns - old_ns))
            new_ns, new_m = old_ns, old_m
        return new_ns
