"""Gates without codes: whoever comes in shops on a visit of their own, and pays on the way out.

A code may still be shown, by those who have one: only who is nobody's some seconds after the line is a walk-in. Who was
missed at the line is one, too, where no gate of the shop asks for a code; elsewhere they are strangers (strangers.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from openaisle.core.messages import GateId, VisitClosed, VisitOpened
from openaisle.core.units import NS_PER_S
from openaisle.store.schema import Gate
from openaisle.tracks.entry import Doors
from openaisle.tracks.people import Person


@dataclass(frozen=True, kw_only=True)
class WalkInSettings:
    """How long one may be nobody's before one is a walk-in. Nanoseconds of the shop's time."""

    opened_after_entering_ns: int = 3 * NS_PER_S  # a code may be on its way for so long
    opened_after_appearing_ns: int = 7 * NS_PER_S  # whoever was first seen inside: it may be somebody we lost
    seen_ns_max: int = NS_PER_S // 2


class WalkIns:
    """Opens visits for those who need no code."""

    def __init__(self, gates: Iterable[Gate], doors: Doors, settings: WalkInSettings | None = None) -> None:
        self._settings = settings or WalkInSettings()
        self._doors = doors
        entries = [gate for gate in gates if gate.kind != "exit"]
        self._open_gate_ids = frozenset(gate.gate_id for gate in entries if not gate.needs_code)
        self._is_open = bool(entries) and len(self._open_gate_ids) == len(entries)

    def step(self, persons: Sequence[Person], at_ns: int) -> list[VisitOpened | VisitClosed]:
        """`persons`: everybody believed who is followed or waited for."""
        if not self._open_gate_ids:
            return []
        said: list[VisitOpened | VisitClosed] = []
        for person in sorted(persons, key=lambda person: person.track_id):
            came = self._came_in(person, at_ns)
            if came is not None:
                gate_id, came_ns = came
                visit_id = f"w-{came_ns:x}-{person.track_id}"
                said += self._doors.open_by_itself(person, visit_id, gate_id, came_ns)
        return said

    def _came_in(self, person: Person, at_ns: int) -> tuple[GateId, int] | None:
        """Where and when, of somebody who is a walk-in by now."""
        settings = self._settings
        if person.visit_id is not None or person.has_left or person.is_lost or person.is_foreign:
            return None
        if at_ns - person.seen_ns > settings.seen_ns_max or not self._doors.is_inside(person):
            return None
        if person.entered is not None:
            gate_id, entered_ns = person.entered
            is_due = at_ns - entered_ns >= settings.opened_after_entering_ns
            return person.entered if is_due and gate_id in self._open_gate_ids else None
        is_due = at_ns - person.born_ns >= settings.opened_after_appearing_ns
        return ("", person.born_ns) if is_due and self._is_open else None
