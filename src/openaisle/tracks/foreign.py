"""Bodies that a pose system outside OpenAisle tracks by itself: its identities are kept.

In a recording with gates, a code shown for a body's own id is that body's; otherwise whoever crosses the line is it, as
with people our own cameras see. In a recording without any tap every body is its own visit. Skeletons may come
seconds late: what is said of them carries the time they were captured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openaisle.core.messages import BodySkeletons, FloorTracks, VisitClosed, VisitOpened
from openaisle.core.units import NS_PER_S
from openaisle.tracks.entry import Doors
from openaisle.tracks.people import Person


@dataclass(frozen=True, kw_only=True)
class ForeignSettings:
    """When a foreign body is gone."""

    gone_after_ns: int = 5 * NS_PER_S  # not seen for so long, at an exit
    exit_distance_m: float = 1.0
    vanished_after_ns: int = 180 * NS_PER_S  # not seen for so long anywhere: they left unseen
    position_sd_m: float = 0.08
    bodies_max: int = 256  # at the bound the one unseen for longest is let go


# Joints that tell where the feet are, with how far they stray from above them (metres).
_PLACE_JOINTS = np.array([15, 16, 11, 12, 5, 6, 3, 4, 1, 2, 0])
_PLACE_SD_M = np.array([0.07, 0.07, 0.06, 0.06, 0.12, 0.12, 0.2, 0.2, 0.2, 0.2, 0.22])
_HEIGHT_JOINTS = np.array([0, 1, 2, 3, 4, 5, 6])
_HEIGHT_SHARES = np.array([0.925, 0.94, 0.94, 0.93, 0.93, 0.82, 0.82])


class ForeignBodies:
    """All bodies of all foreign pose systems."""

    def __init__(self, doors: Doors, settings: ForeignSettings | None = None) -> None:
        self.settings = settings or ForeignSettings()
        self._doors = doors
        self.persons: dict[str, Person] = {}
        self._heights: dict[str, float] = {}
        self._visit_counts: dict[str, int] = {}  # of bodies that came back after their visit had ended

    def step(self, skeletons: BodySkeletons, now_ns: int) -> list[FloorTracks | VisitOpened | VisitClosed]:
        """Everybody in one message, at its capture time."""
        said: list[VisitOpened | VisitClosed] = []
        places, heights = where_bodies_stand(skeletons.joints_floor_m)
        for body_id, place, height in zip(skeletons.body_ids, places.tolist(), heights.tolist(), strict=True):
            if not np.isfinite(place).all():
                continue
            said += self._see(body_id, (place[0], place[1]), height, skeletons.captured_ns)
        moved = [self.persons[body_id] for body_id in sorted(skeletons.body_ids) if body_id in self.persons]
        said += self._doors.watch(
            [p for p in moved if p.visit_id is None or not self._is_by_name(p)], skeletons.captured_ns
        )
        said += self._doors.bind_entered(moved, skeletons.captured_ns)
        return [*said, self._tracks_of(skeletons, places, now_ns)]

    def let_go(self, now_ns: int) -> list[VisitOpened | VisitClosed]:
        """End the visits of bodies that have not been seen for long and were last seen at an exit."""
        said: list[VisitOpened | VisitClosed] = []
        for body_id, person in sorted(self.persons.items()):
            if now_ns - person.seen_ns < self.settings.gone_after_ns:
                continue
            gate_id = self._doors.exit_near(person.position_floor_m, self.settings.exit_distance_m)
            unseen_ns = now_ns - person.seen_ns
            if person.visit_id and gate_id is None and unseen_ns < self.settings.vanished_after_ns:
                continue  # It vanished inside: nobody does that, so it is waited for.
            said += self._doors.leave_foreign(person, gate_id or "", person.seen_ns)
            del self.persons[body_id]
            self._heights.pop(body_id, None)
        return said

    def _see(
        self, body_id: str, place: tuple[float, float], height_m: float, at_ns: int
    ) -> list[VisitOpened | VisitClosed]:
        person = self.persons.get(body_id)
        said: list[VisitOpened | VisitClosed] = []
        if person is None:
            if len(self.persons) >= self.settings.bodies_max:
                oldest = min(self.persons.values(), key=lambda known: (known.seen_ns, known.track_id))
                said += self._doors.leave_foreign(oldest, "", oldest.seen_ns)
                del self.persons[oldest.track_id]
            person = Person(-1, at_ns, place, track_id=body_id, is_believed=True)
            self.persons[body_id] = person
        if person.visit_id is None and not person.has_left:
            said += self._bind_by_name(person, at_ns)
        if at_ns >= person.seen_ns:  # An older skeleton, overtaken on its way, moves nobody back.
            person.seen_ns = at_ns
            person.move_to(at_ns, *place)
        if np.isfinite(height_m):
            # The head sinks when somebody leans; stature is what they rise to.
            known_m = self._heights.get(body_id, height_m)
            self._heights[body_id] = max(known_m + 0.2 * (height_m - known_m), 0.999 * known_m)
        return said

    def _bind_by_name(self, person: Person, at_ns: int) -> list[VisitOpened | VisitClosed]:
        visit = self._doors.visits.get(person.track_id)
        if visit is not None and visit.missing_count > 0:
            return self._doors.bind(visit, person, at_ns)
        if not self._doors.has_heard_taps:
            # A visit that is over stays over: a body that comes back afterwards begins another.
            number = self._visit_counts.pop(person.track_id, 0) + 1
            self._visit_counts[person.track_id] = number
            if len(self._visit_counts) > 4 * self.settings.bodies_max:
                del self._visit_counts[next(iter(self._visit_counts))]
            visit_id = person.track_id if number == 1 else f"{person.track_id}.{number}"
            return self._doors.open_by_itself(person, visit_id)
        return []

    def _is_by_name(self, person: Person) -> bool:
        """The visit was opened for this very body: its end is not a line on the floor but that it is gone."""
        visit_id, track_id = person.visit_id or "", person.track_id
        return visit_id == track_id or visit_id.startswith(f"{track_id}.")

    def _tracks_of(self, skeletons: BodySkeletons, places: NDArray[np.float64], now_ns: int) -> FloorTracks:
        order = sorted(
            (body_id, index)
            for index, body_id in enumerate(skeletons.body_ids)
            if np.isfinite(places[index]).all()
        )
        rows = [index for _, index in order]
        persons = [self.persons[body_id] for body_id, _ in order]
        return FloorTracks(
            captured_ns=skeletons.captured_ns,
            decided_ns=now_ns,
            track_ids=tuple(person.track_id for person in persons),
            visit_ids=tuple(person.visit_id for person in persons),
            positions_floor_m=places[rows].astype(np.float32),
            position_sd_m=np.full(len(rows), self.settings.position_sd_m, np.float32),
            heights_m=np.array([self._heights.get(p.track_id, np.nan) for p in persons], np.float32),
            joints_floor_m=skeletons.joints_floor_m[rows].astype(np.float32),
        )


def where_bodies_stand(
    joints_floor_m: NDArray[np.floating],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Joints [n, 17, 4] to foot points [n, 2] and present heights of the head [n], as stature; NaN where unknown."""
    joints = joints_floor_m.astype(np.float64)
    points = joints[:, _PLACE_JOINTS, :2]
    weight = np.where(np.isfinite(points).all(axis=2), 1.0 / _PLACE_SD_M**2, 0.0)
    with np.errstate(invalid="ignore"):
        places = (np.nan_to_num(points) * weight[:, :, None]).sum(axis=1) / weight.sum(axis=1)[:, None]
    statures = joints[:, _HEIGHT_JOINTS, 2] / _HEIGHT_SHARES
    is_known = np.isfinite(statures)
    highest = np.where(is_known, statures, -np.inf).max(axis=1, initial=-np.inf)
    return places, np.where(is_known.any(axis=1), highest, np.nan)
