"""One code's people, from the tap on."""

from __future__ import annotations

from dataclasses import dataclass, field

from openaisle.core.messages import GateId, VisitId
from openaisle.tracks.people import Person


@dataclass(eq=False)
class Visit:
    """Whom a code let in, and who of them has been found and has left."""

    visit_id: VisitId
    gate_id: GateId
    tapped_ns: int
    people_count: int
    is_staff: bool
    opened: bool = False
    members: list[Person] = field(default_factory=list)
    bound_count: int = 0
    left_count: int = 0
    last_bound_ns: int = -1
    disowned_ns: int = 0  # somebody was last found not to be one of its people
    left_gate: GateId = ""
    left_ns: int = 0
    exit_tapped_ns: int | None = None
    is_claimed: bool = False  # it has been looked who stood at the gate when the code was shown
    claimant: Person | None = None  # ... it was this one, if somebody did
    claimed_m: float = 0.0  # ... so far from the opening
    is_claimed_inside: bool = (
        False  # ... who was already in: the code may be of somebody whom no camera saw outside
    )

    @property
    def missing_count(self) -> int:
        """How many of its people we have not found yet."""
        return self.people_count - self.bound_count
