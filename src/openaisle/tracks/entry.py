"""Who a code at the gate belongs to, and when a visit is over.

A tap opens a visit for `people_count` people. Each is the next person to cross the gate's line; who was missed at the
line is found inside by how far they can have come. A visit ends when all its people have crossed an exit's line
outwards, or were last seen doing so. Nobody vanishes inside a shop: a visit whose people are lost waits for them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence, Set

from openaisle.core.messages import GateId, GateTap, VisitClosed, VisitId, VisitOpened
from openaisle.core.units import NS_PER_S
from openaisle.store.schema import Store
from openaisle.tracks.door_settings import DoorSettings
from openaisle.tracks.gate_line import GateLine
from openaisle.tracks.mates import may_be_double
from openaisle.tracks.people import Person
from openaisle.tracks.visits import Visit


class Doors:
    """All gates and all open visits."""

    def __init__(
        self,
        store: Store,
        settings: DoorSettings | None = None,
        are_two: Callable[[Person, Person], bool] = lambda one, other: True,
    ) -> None:
        """`are_two`: whether some picture showed both of two people."""
        self.settings = settings or DoorSettings()
        self._are_two = are_two
        self._lines = tuple(GateLine(gate) for gate in sorted(store.gates, key=lambda gate: gate.gate_id))
        self._line_of = {line.gate_id: line for line in self._lines}
        self.visits: dict[VisitId, Visit] = {}  # in the order of their taps
        self.has_heard_taps = False

    @property
    def misses_somebody(self) -> bool:
        """Whether a code was shown for people whom no track is bound to; or there are no codes to tell."""
        return not self.has_heard_taps or any(visit.missing_count > 0 for visit in self.visits.values())

    # --- taps -----------------------------------------------------------------------------------------------------

    def tap(self, tap: GateTap) -> list[VisitOpened | VisitClosed]:
        """A code was shown or somebody pressed out. A code shown twice opens one visit."""
        self.has_heard_taps = True
        if tap.direction == "exit":
            if visit := self.visits.get(tap.visit_id):
                visit.exit_tapped_ns = tap.tapped_ns
                visit.left_gate = tap.gate_id
            return []
        if tap.visit_id in self.visits:
            return []
        said = self._make_room(tap.tapped_ns)
        self.visits[tap.visit_id] = Visit(
            tap.visit_id, tap.gate_id, tap.tapped_ns, tap.people_count, tap.is_staff
        )
        return said

    def _make_room(self, at_ns: int) -> list[VisitOpened | VisitClosed]:
        if len(self.visits) < self.settings.visits_max:
            return []
        oldest = next(iter(self.visits.values()))
        return self._close(oldest, oldest.gate_id, at_ns)

    def open_by_itself(
        self, person: Person, visit_id: VisitId, gate_id: GateId = "", came_ns: int | None = None
    ) -> list[VisitOpened | VisitClosed]:
        """A visit for somebody who needs no code, or for a body of a recording that has no gates."""
        came_ns = person.born_ns if came_ns is None else came_ns
        visit = Visit(visit_id, gate_id, came_ns, 1, False)
        said = self._make_room(came_ns)
        self.visits[visit.visit_id] = visit
        return [*said, *self.bind(visit, person, came_ns)]

    def bind(self, visit: Visit, person: Person, at_ns: int) -> list[VisitOpened | VisitClosed]:
        """That person belongs to that visit. Opens the visit if this is its first person."""
        assert person.visit_id is None
        assert visit.missing_count > 0
        person.visit_id = visit.visit_id
        person.bound_ns = at_ns
        person.entered = None
        person.has_left = False
        visit.members.append(person)
        visit.bound_count += 1
        visit.last_bound_ns = max(visit.last_bound_ns, at_ns)
        return [] if visit.opened else [self._open(visit, person.track_id)]

    def disown(self, person: Person) -> None:
        """It was somebody else, of the group or before the gate: one of that code's people is yet to be found."""
        assert person.visit_id is not None
        visit = self.visits[person.visit_id]
        visit.members.remove(person)
        visit.bound_count -= 1
        visit.disowned_ns = person.seen_ns
        person.visit_id = None

    def _open(self, visit: Visit, track_id: str | None) -> VisitOpened:
        visit.opened = True
        return VisitOpened(
            visit_id=visit.visit_id,
            gate_id=visit.gate_id,
            track_id=track_id,
            opened_ns=visit.tapped_ns,
            people_count=visit.people_count,
            is_staff=visit.is_staff,
        )

    def open_overdue(self, now_ns: int) -> list[VisitOpened | VisitClosed]:
        """Visits that must wait no longer for somebody to be seen."""
        return [
            self._open(visit, None)
            for visit in self.visits.values()
            if not visit.opened and now_ns - visit.tapped_ns >= self.settings.open_without_track_ns
        ]

    # --- lines ----------------------------------------------------------------------------------------------------

    def watch(self, persons: Sequence[Person], at_ns: int) -> list[VisitOpened | VisitClosed]:
        """Look for crossings of believed people who were just moved to where they are at `at_ns`."""
        said: list[VisitOpened | VisitClosed] = []
        since_ns = at_ns - self.settings.just_found_ns
        for person in persons:
            if len(person.path) == 1 or not person.sides:
                self._first_seen(person)
                continue
            for line in self._lines:
                crossed = self._crossing(line, person)
                if crossed is None:
                    continue
                inwards, crossed_ns = crossed
                if inwards:
                    person.outside_since = None
                    if line.kind != "exit" and person.visit_id is None:
                        person.entered = (line.gate_id, crossed_ns)
                        person.has_left = False
                elif line.kind == "entry" and person.visit_id is None:
                    person.entered = None  # They have not come in yet.
                elif line.kind == "entry" and person.was_found(since_ns, self.settings.found_gap_ns_min):
                    self.disown(person)  # They were lost inside; this is somebody who waits before the gate.
                elif line.kind == "entry":
                    person.outside_since = (line.gate_id, crossed_ns)
                else:
                    said += self._leave(person, line.gate_id, crossed_ns)
            if person.outside_since and at_ns - person.outside_since[1] >= self.settings.stay_outside_ns:
                said += self._leave(person, *person.outside_since)
        return said

    def _crossing(self, line: GateLine, person: Person) -> tuple[bool, int] | None:
        settings = self.settings
        return line.crossing(
            person,
            inwards_m=settings.line_hysteresis_m,
            outwards_m=settings.leave_hysteresis_m,
            margin_m=settings.line_margin_m,
        )

    def _first_seen(self, person: Person) -> None:
        """Whoever appears just inside a gate has come through it."""
        for line in self._lines:
            inside_m, beside_m = line.place(person.position_floor_m)
            person.sides[line.gate_id] = 1 if inside_m >= 0 else -1
            near = (
                0 <= inside_m <= self.settings.appear_near_gate_m and beside_m <= self.settings.line_margin_m
            )
            if line.kind != "exit" and near and person.visit_id is None and not person.has_left:
                person.entered = (line.gate_id, person.born_ns)

    def note_who_taps(self, persons: Sequence[Person], at_ns: int) -> None:
        """A code is of whoever stood nearest to the gate when it was shown and has shown none before.

        Codes are shown from outside; who stands inside is meant only where nobody stands there. Of a group that is half
        in the others come next: they stand before whoever shows a code now, on the line or outside of it.
        """
        claimants = {id(visit.claimant) for visit in self.visits.values() if visit.missing_count > 0}
        for visit in self.visits.values():
            line = self._line_of.get(visit.gate_id)
            if line is None or visit.is_claimed or visit.tapped_ns > at_ns:
                continue
            visit.is_claimed = True
            near = [
                (line.place(place)[0] > 0, line.distance_m(place), index)
                for index, person in enumerate(persons)
                if person.visit_id is None
                and id(person) not in claimants
                and (place := person.place_at(visit.tapped_ns)) is not None
                if line.distance_m(place) <= self.settings.claim_m_max
            ]
            if near:
                near = sorted(near)
                outside = [each for each in near if not each[0]]
                others = self._missing_outside(visit, persons, claimants)
                visit.is_claimed_inside, visit.claimed_m, index = [*outside[others:], *near][0]
                visit.claimant = persons[index]
                claimants.add(id(visit.claimant))

    def _missing_outside(self, visit: Visit, persons: Sequence[Person], claimants: Set[int]) -> int:
        """How many people of groups that are half in have yet to come in at the gate of that code.

        Whoever came in since such a group showed its code, or stands on the line, and is on no code is one of them.
        """
        half_in = [
            other
            for other in self.visits.values()
            if other.gate_id == visit.gate_id and other.bound_count > 0 and other.missing_count > 0
            if not other.left_count
        ]
        if not half_in:
            return 0
        since_ns = min(other.tapped_ns for other in half_in)
        line, on_line_m = self._line_of[visit.gate_id], self.settings.line_hysteresis_m
        inside_count = sum(
            person.entered[1] >= since_ns if person.entered else line.distance_m(place) <= on_line_m
            for person in persons
            if person.visit_id is None and person.is_believed and id(person) not in claimants
            if (place := person.place_at(visit.tapped_ns)) is not None and line.place(place)[0] > 0
        )
        return max(0, sum(other.missing_count for other in half_in) - inside_count)

    def _still_coming(self, visit: Visit, at_ns: int) -> Person | None:
        """Whoever showed that code, if they are followed and on no code yet."""
        claimant = visit.claimant
        if claimant is None or claimant.visit_id is not None or claimant.is_lost or claimant.has_left:
            return None
        return claimant if at_ns - claimant.seen_ns <= self.settings.claimant_unseen_ns_max else None

    def _has_shown(self, person: Person, claimant: Person, visit: Visit, crossed_ns: int) -> bool:
        """Whether somebody who crossed the line has shown a code that the tracks say is of another.

        Tracks in a queue are easily exchanged; people with a code that was shown neither wait behind others nor go
        back. So the other stood farther from the gate a while before, or does now and did not when the code was shown.
        """
        if crossed_ns <= visit.tapped_ns:
            return False
        settings, line = self.settings, self._line_of[visit.gate_id]
        now_m = line.distance_m(claimant.place_at(crossed_ns) or claimant.position_floor_m)
        if now_m > visit.claimed_m + settings.back_m_max and not visit.is_claimed_inside:
            return True
        then_ns = crossed_ns - settings.before_ns
        own, other = person.place_at(then_ns), claimant.place_at(then_ns)
        if own is None or other is None or then_ns < visit.tapped_ns:
            return False
        return line.distance_m(own) < line.distance_m(other) - settings.before_m_min

    def bind_entered(self, persons: Sequence[Person], at_ns: int) -> list[VisitOpened | VisitClosed]:
        """Give those who crossed a gate's line to the taps there."""
        said: list[VisitOpened | VisitClosed] = []
        waiting = [
            person
            for person in persons
            if person.entered and person.visit_id is None and person.is_believed and not person.is_lost
        ]
        for person in sorted(waiting, key=lambda person: (person.entered, person.track_id)):
            assert person.entered is not None
            is_double = self._may_be_double(person, persons, at_ns)
            visit = self._tap_for(person, *person.entered, at_ns, is_double=is_double)
            if visit is not None:
                said += self.bind(visit, person, person.entered[1])
        return said

    def _may_be_double(self, person: Person, persons: Sequence[Person], at_ns: int) -> bool:
        return may_be_double(person, persons, self._lines, self.settings, self._are_two, at_ns)

    def _tap_for(
        self, person: Person, gate_id: GateId, crossed_ns: int, at_ns: int, *, is_double: bool
    ) -> Visit | None:
        """The person's own tap, or the first at that gate that is not somebody else's."""
        settings = self.settings
        waits = at_ns - crossed_ns < settings.tap_after_crossing_ns_max  # Their own tap may be on its way.
        ranked: list[tuple[bool, bool, int, Visit]] = []
        for order, visit in enumerate(self.visits.values()):
            is_near_in_time = (
                visit.tapped_ns - settings.tap_after_crossing_ns_max
                <= crossed_ns
                <= visit.tapped_ns + settings.tap_before_crossing_ns_max
            )
            if visit.gate_id != gate_id or visit.missing_count <= 0 or not is_near_in_time:
                continue
            if not visit.is_claimed and not person.is_foreign:
                continue  # Who stood there when it was shown has not been looked at yet.
            if is_double and visit.bound_count > 0:
                continue
            if visit.claimant is person:
                return visit
            if self._came_ahead(visit, crossed_ns):
                continue
            # Somebody who stood at the gate with it is waited for, by those who may have a code of their own for less.
            other = self._still_coming(visit, at_ns)
            is_anothers = other is not None and not self._has_shown(person, other, visit, crossed_ns)
            if is_anothers and (waits or not visit.is_claimed_inside):
                continue
            # Half a group is in, then nobody for a while: whoever comes now may well be somebody else.
            is_stale = visit.bound_count > 0 and crossed_ns - visit.last_bound_ns > settings.tailgate_ns
            # Sooner than that they have a code that the tracks say is of another, who stands behind them.
            ranked.append((other is not None, is_stale, order, visit))
        return min(ranked)[-1] if ranked else None

    def _came_ahead(self, visit: Visit, crossed_ns: int) -> bool:
        """They came in before a code was shown outside, whose owner is in: a group's others come behind them."""
        return visit.bound_count > 0 and not visit.is_claimed_inside and crossed_ns < visit.tapped_ns

    def visit_before(self, gate_id: GateId, entered_ns: int, within_ns: int) -> VisitId | None:
        """Whose last person came in at that gate most recently before somebody."""
        before = [
            (visit.last_bound_ns, visit.visit_id)
            for visit in self.visits.values()
            if visit.gate_id == gate_id and 0 <= entered_ns - visit.last_bound_ns <= within_ns
        ]
        return max(before)[1] if before else None

    # --- those whom nobody saw come, go, or stay -------------------------------------------------------------------

    def find_missing(self, persons: Sequence[Person], at_ns: int) -> list[tuple[float, Visit, Person]]:
        """(cost, visit, person) of people inside, bound to nobody, who may be missing people of open visits."""
        pairs: list[tuple[float, Visit, Person]] = []
        for visit in self.visits.values():
            waited = at_ns - max(visit.tapped_ns, visit.last_bound_ns)
            if visit.missing_count <= 0 or visit.left_count or waited < self.settings.open_without_track_ns:
                continue
            line = self._line_of.get(visit.gate_id)
            if line is None:
                continue
            is_awaited = self._still_coming(visit, at_ns) is not None or (
                waited < self.settings.shown_inside_ns and self._has_follower(visit, persons, at_ns)
            )
            for person in persons:
                if not self._may_be_found(person, at_ns):
                    continue
                if visit.bound_count > 0 and self._may_be_double(person, persons, at_ns):
                    continue
                if visit.claimant is person and waited >= self.settings.shown_inside_ns:
                    # Nobody came in on it: they showed it from inside.
                    pairs.append((-1.0, visit, person))
                    continue
                if is_awaited or (
                    waited < self.settings.shown_inside_ns and self._came_ahead(visit, person.born_ns)
                ):
                    continue
                since_s = (person.born_ns - visit.tapped_ns) / NS_PER_S
                if since_s < -self.settings.tap_after_crossing_ns_max / NS_PER_S:
                    continue
                distance_m = math.dist(person.born_floor_m, line.centre)
                if distance_m <= 1.2 + self.settings.walk_m_per_s * max(since_s, 0.0):
                    pairs.append((distance_m / (1.0 + max(since_s, 0.0)), visit, person))
        return pairs

    def _has_follower(self, visit: Visit, persons: Sequence[Person], at_ns: int) -> bool:
        """Somebody who shows no code of their own stands before the gate through which half a group has gone."""
        settings, line = self.settings, self._line_of[visit.gate_id]
        claimants = {id(other.claimant) for other in self.visits.values() if other.missing_count > 0}
        return visit.bound_count > 0 and any(
            line.place(person.position_floor_m)[0] < 0
            and line.distance_m(person.position_floor_m) <= settings.claim_m_max
            and at_ns - person.seen_ns <= settings.claimant_unseen_ns_max
            for person in persons
            if person.visit_id is None and not person.is_lost and id(person) not in claimants
        )

    def _may_be_found(self, person: Person, at_ns: int) -> bool:
        return (
            person.visit_id is None
            and person.is_believed
            and not person.is_lost
            and not person.has_left
            and not person.is_foreign
            and at_ns - person.seen_ns <= self.settings.seen_ns_max
            and self.is_inside(person)
        )

    def _is_stranger_inside(self, persons: Sequence[Person], at_ns: int) -> bool:
        return any(self._may_be_found(person, at_ns) for person in persons)

    def is_inside(self, person: Person) -> bool:
        """Inside of all gates' lines."""
        return all(side > 0 for side in person.sides.values())

    def is_waiting_at_gate(self, person: Person, at_ns: int) -> bool:
        """Has come in so recently that the tap may still be on its way."""
        return (
            person.entered is not None and at_ns - person.entered[1] < self.settings.tap_after_crossing_ns_max
        )

    def let_go(self, persons: Sequence[Person], at_ns: int) -> list[VisitOpened | VisitClosed]:
        """End visits whose people were last seen leaving, pressed out, or have been lost for too long."""
        settings = self.settings
        said: list[VisitOpened | VisitClosed] = []
        for person in persons:
            if person.visit_id is None or person.is_foreign:
                continue
            visit = self.visits[person.visit_id]
            if person.is_lost and (gate_id := self._lost_leaving(person)):
                said += self._leave(person, gate_id, person.seen_ns)
            elif person.is_lost and at_ns - person.seen_ns >= settings.lost_close_ns:
                said += self._leave(person, visit.left_gate or visit.gate_id, person.seen_ns)
            elif visit.exit_tapped_ns is not None and (
                at_ns - visit.exit_tapped_ns >= settings.exit_tap_ns_max
            ):
                said += self._leave(person, visit.left_gate, at_ns)
        for visit in list(self.visits.values()):
            if visit.opened and visit.left_count and not visit.members:
                said += self._close_if_complete(visit, persons, at_ns)
            elif visit.opened and not visit.bound_count:
                said += self._close_if_nobodys(visit, persons, at_ns)
        return said

    def let_go_unseen(self, now_ns: int) -> list[VisitOpened | VisitClosed]:
        """End visits of people whom nobody ever saw and who pressed out: a shop may have no cameras."""
        said: list[VisitOpened | VisitClosed] = []
        for visit in list(self.visits.values()):
            if visit.exit_tapped_ns is None or visit.bound_count:
                continue
            if now_ns - visit.exit_tapped_ns >= self.settings.exit_tap_ns_max:
                said += self._close(visit, visit.left_gate or visit.gate_id, now_ns)
        return said

    def _lost_leaving(self, person: Person) -> GateId | None:
        """The exit at which somebody was last seen on the way out."""
        if person.outside_since:
            return person.outside_since[0]
        for line in self._lines:
            inside_m, beside_m = line.place(person.position_floor_m)
            if line.kind == "entry" or beside_m > self.settings.line_margin_m + 0.3:
                continue
            outwards = -line.inwards(person.velocity_floor)
            if inside_m < 0.25 or (inside_m < self.settings.exit_lost_m and outwards > 0.2):
                return line.gate_id
        return None

    def exit_near(self, position_floor_m: tuple[float, float], within_m: float) -> GateId | None:
        """The nearest exit within reach of a place, or None."""
        near = [
            (math.dist(position_floor_m, line.centre), line.gate_id)
            for line in self._lines
            if line.kind != "entry" and line.distance_to_leave_m(position_floor_m) <= within_m
        ]
        return min(near)[1] if near else None

    # --- ends -----------------------------------------------------------------------------------------------------

    def leave_foreign(self, person: Person, gate_id: GateId, at_ns: int) -> list[VisitOpened | VisitClosed]:
        """A body of a foreign pose system is gone."""
        return self._leave(person, gate_id, at_ns)

    def _leave(self, person: Person, gate_id: GateId, at_ns: int) -> list[VisitOpened | VisitClosed]:
        person.outside_since = None
        person.entered = None
        person.has_left = True
        if person.visit_id is None:
            # One of a group whom nobody saw come in.
            for visit in self.visits.values():
                if visit.opened and visit.left_count and visit.missing_count > 0 and not person.is_foreign:
                    visit.bound_count += 1
                    visit.left_count += 1
                    visit.left_ns = max(visit.left_ns, at_ns)
                    break
            return []
        visit = self.visits[person.visit_id]
        person.visit_id = None
        visit.members.remove(person)
        visit.left_count += 1
        visit.left_gate, visit.left_ns = gate_id, max(visit.left_ns, at_ns)
        if visit.members or visit.missing_count > 0:
            return []
        return self._close(visit, gate_id, visit.left_ns)

    def _close_if_complete(
        self, visit: Visit, persons: Sequence[Person], at_ns: int
    ) -> list[VisitOpened | VisitClosed]:
        """A group of whom all that were ever seen have left: over, unless somebody inside may belong to it."""
        if at_ns - visit.left_ns < self.settings.lost_close_ns and self._is_stranger_inside(persons, at_ns):
            return []
        return self._close(visit, visit.left_gate or visit.gate_id, visit.left_ns)

    def _close_if_nobodys(
        self, visit: Visit, persons: Sequence[Person], at_ns: int
    ) -> list[VisitOpened | VisitClosed]:
        """A code was shown long ago and nobody came in on it: over, unless somebody inside may belong to it."""
        waits = at_ns - max(visit.tapped_ns, visit.disowned_ns) < self.settings.nobody_close_ns
        if waits or self._is_stranger_inside(persons, at_ns):
            return []
        return self._close(visit, visit.gate_id, at_ns)

    def _close(self, visit: Visit, gate_id: GateId, at_ns: int) -> list[VisitOpened | VisitClosed]:
        said: list[VisitOpened | VisitClosed] = []
        if not visit.opened:
            said.append(self._open(visit, None))
        del self.visits[visit.visit_id]
        for person in visit.members:
            person.visit_id = None
            person.has_left = True
        visit.members.clear()
        return [*said, VisitClosed(visit_id=visit.visit_id, gate_id=gate_id, closed_ns=at_ns)]

    def finish(self, now_ns: int) -> list[VisitOpened | VisitClosed]:
        """The shop closes: every visit ends now."""
        said: list[VisitOpened | VisitClosed] = []
        for visit in list(self.visits.values()):
            said += self._close(visit, visit.left_gate or visit.gate_id, now_ns)
        return said
