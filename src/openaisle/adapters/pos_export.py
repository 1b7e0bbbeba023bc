"""From the ledger to a point-of-sale system: every finished sale and return, once, however often the shop restarts."""

from __future__ import annotations

from openaisle.core.messages import Message, decode
from openaisle.ports import EventLog, Pos, PosTransaction
from openaisle.receipts.sales import Sales


class PosExport:
    """Reads the ledger behind its writer, in the writer's thread. Begins at the first entry at every start: what was
    exported before is exported again, and the other side finds it there."""

    def __init__(self, event_log: EventLog, pos: Pos) -> None:
        self._event_log, self._pos = event_log, pos
        self._sales = Sales()
        self._sequence = 0
        self._waiting: list[PosTransaction] = []  # finished, and not known to be over there

    def follow(self, sequence: int, message: Message) -> None:
        """Take over an entry that somebody else has read already; in the ledger's order."""
        self._waiting += self._sales.follow(message)
        self._sequence = sequence

    def step(self) -> int:
        """Export what was finished since the last step; how many transactions. PortUnavailable: try again later."""
        for sequence, entry in self._event_log.read(self._sequence):
            self.follow(sequence, decode(entry))
        count = len(self._waiting)
        if count:
            self._pos.export(self._waiting)
            self._waiting = []
        return count
