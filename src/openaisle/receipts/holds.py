"""What banks hold on cards that were tapped at a gate, until it is charged or released: one a visit, by the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from openaisle.core.messages import CardHeld, PaymentMethod, ProcessorSaid, ReleaseRequested, VisitId

HOLD: Final = "hold"
TAPPED: Final = "tapped"


@dataclass(kw_only=True, slots=True)
class Hold:
    held: CardHeld
    release: ReleaseRequested | None = None
    said: str = ""  # what became of the release
    is_billed: bool = False  # its visit has a receipt, or a charge takes of it


class Holds:
    """Told of every entry about one."""

    def __init__(self) -> None:
        self._holds: dict[VisitId, Hold] = {}
        self._waiting: dict[VisitId, CardHeld] = {}  # neither billed nor asked to be let go, oldest first
        self._visit_of_key: dict[str, VisitId] = {}
        self._visit_of_token: dict[str, VisitId] = {}

    def note(self, held: CardHeld) -> None:
        if held.visit_id not in self._holds:
            self._holds[held.visit_id] = Hold(held=held)
            self._waiting[held.visit_id] = held
            self._visit_of_token[held.method.token] = held.visit_id

    def billed(self, visit_id: VisitId) -> None:
        if visit_id in self._holds:
            self._holds[visit_id].is_billed = True
            self._waiting.pop(visit_id, None)

    def charged(self, method: PaymentMethod) -> None:
        """A charge takes of what is held."""
        visit_id = self._visit_of_token.get(method.token)
        if visit_id is not None:
            self.billed(visit_id)

    def ask_release(self, request: ReleaseRequested) -> None:
        hold = self._holds[request.visit_id]
        assert hold.release is None, f"{request.key} is requested twice"
        hold.release = request
        self._waiting.pop(request.visit_id, None)
        self._visit_of_key[request.key] = request.visit_id

    def heard(self, said: ProcessorSaid) -> None:
        self._holds[self._visit_of_key[said.key]].said = said.outcome

    def get(self, visit_id: VisitId) -> Hold | None:
        return self._holds.get(visit_id)

    def of_method(self, method: PaymentMethod) -> Hold | None:
        """The hold that a method is about."""
        visit_id = self._visit_of_token.get(method.token)
        return None if visit_id is None else self._holds.get(visit_id)

    def of_key(self, key: str) -> Hold | None:
        """Whose release has this key."""
        visit_id = self._visit_of_key.get(key)
        return None if visit_id is None else self._holds.get(visit_id)

    def is_open(self, key: str) -> bool:
        """Whether a release waits for its answer."""
        hold = self.of_key(key)
        return hold is not None and not hold.said

    @property
    def open_count(self) -> int:
        return sum(self.is_open(key) for key in self._visit_of_key)

    def waiting(self) -> Iterator[CardHeld]:
        """Those whose visit has no receipt and whose release nobody has asked for, oldest first."""
        return iter(self._waiting.values())

    def released_before(self, horizon_ns: int) -> list[VisitId]:
        """Visits without a receipt whose hold was let go so long ago."""
        return [
            visit_id
            for visit_id, hold in self._holds.items()
            if hold.said and not hold.is_billed and hold.held.held_ns <= horizon_ns
        ]

    def forget(self, visit_id: VisitId) -> None:
        hold = self._holds.pop(visit_id, None)
        self._waiting.pop(visit_id, None)
        if hold is not None:
            self._visit_of_token.pop(hold.held.method.token, None)
        if hold is not None and hold.release is not None:
            self._visit_of_key.pop(hold.release.key, None)


def beyond(method: PaymentMethod) -> PaymentMethod | None:
    """How the card behind a hold pays what the hold does not; None where the processor keeps no card of it."""
    if not method.saved:
        return None
    return PaymentMethod(kind=TAPPED, payer_id=method.payer_id, token=method.saved)
