"""Who is inside on no code: told to staff once, and taken back when it is known whose they are or they have gone.

Nothing is charged to a stranger. They may still turn out to be one of the shop's visitors: a code that was on its way,
one shown from inside, somebody who was lost (entry.py, crowd.py). Only who is still nobody's then is told of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from openaisle.core.messages import StrangerExplained, StrangerInside, TrackId, VisitId
from openaisle.core.units import NS_PER_S
from openaisle.tracks.entry import Doors
from openaisle.tracks.people import Person


@dataclass(frozen=True, kw_only=True)
class StrangerSettings:
    """How long one may be nobody's before staff are told. Nanoseconds of the shop's time."""

    told_after_entering_ns: int = 5 * NS_PER_S  # whoever was seen coming in; a tap may be 3 s late
    told_after_appearing_ns: int = 8 * NS_PER_S  # whoever was first seen inside: it may be somebody we lost
    behind_ns_max: int = (
        5 * NS_PER_S
    )  # whoever comes in as soon after a visit's last person came in behind it
    seen_ns_max: int = NS_PER_S // 2


@dataclass
class _Told:
    person: Person
    inside: StrangerInside


class Strangers:
    """Everybody who was told of and not yet explained. Bounded by the number of tracks."""

    def __init__(self, doors: Doors, settings: StrangerSettings | None = None) -> None:
        self.settings = settings or StrangerSettings()
        self._doors = doors
        self._told: dict[TrackId, _Told] = {}
        self._told_count = 0

    def step(self, persons: Sequence[Person], at_ns: int) -> list[StrangerInside | StrangerExplained]:
        """`persons`: everybody believed who is followed or waited for."""
        said: list[StrangerInside | StrangerExplained] = self._explain(persons, at_ns)
        if not self._doors.has_heard_taps:
            return said  # A shop without codes knows no strangers.
        strange = [person for person in persons if self._is_strange(person, at_ns)]
        return [
            *said,
            *(self._tell(person, at_ns) for person in strange if person.track_id not in self._told),
        ]

    def finish(self, at_ns: int) -> list[StrangerInside | StrangerExplained]:
        """The shop closes."""
        return self._explain([], at_ns)

    def _is_strange(self, person: Person, at_ns: int) -> bool:
        if person.visit_id is not None or person.has_left or person.is_lost or person.is_foreign:
            return False
        if at_ns - person.seen_ns > self.settings.seen_ns_max or not self._doors.is_inside(person):
            return False
        if person.entered:
            return at_ns - person.entered[1] >= self.settings.told_after_entering_ns
        return at_ns - person.born_ns >= self.settings.told_after_appearing_ns

    def _tell(self, person: Person, at_ns: int) -> StrangerInside:
        gate_id, entered_ns = person.entered or ("", person.born_ns)
        self._told_count += 1
        inside = StrangerInside(
            alert_id=f"stranger-{self._told_count}-{person.track_id}",
            track_id=person.track_id,
            gate_id=gate_id,
            behind_visit_id=self._doors.visit_before(gate_id, entered_ns, self.settings.behind_ns_max),
            entered_ns=entered_ns,
            told_ns=at_ns,
            position_floor_m=person.position_floor_m,
        )
        self._told[person.track_id] = _Told(person, inside)
        return inside

    def _explain(self, persons: Sequence[Person], at_ns: int) -> list[StrangerInside | StrangerExplained]:
        here = {person.track_id: person for person in persons}
        said: list[StrangerInside | StrangerExplained] = []
        for track_id, told in sorted(self._told.items()):
            person = told.person
            if person.visit_id is not None:
                outcome, visit_id = "bound", person.visit_id
            elif person.has_left:
                outcome, visit_id = "left", None
            elif track_id in here:
                continue
            else:
                outcome, visit_id = self._taken_over(person, persons)
            said.append(
                StrangerExplained(
                    alert_id=told.inside.alert_id, outcome=outcome, visit_id=visit_id, explained_ns=at_ns
                )
            )
            del self._told[track_id]
        return said

    def _taken_over(self, person: Person, persons: Sequence[Person]) -> tuple[str, VisitId | None]:
        """A stranger who is a track no longer: somebody who was lost and is found again has its body, or it is lost."""
        for other in persons:
            if other.row == person.row and other.path is person.path and other.visit_id is not None:
                return "bound", other.visit_id
        return "lost", None
