"""From the ledger to a point-of-sale system: every finished sale and return, once, however often the shop restarts."""

from __future__ import annotations

from openaisle.core.messages import decode
from openaisle.ports import EventLog, Pos
from openaisle.receipts.sales import Sales


class PosExport:
    """Reads the ledger behind its writer, in the writer's thread. Begins at the first entry at every start: what was
    exported before is exported again, and the other side finds it there."""

    def __init__(self, event_log: EventLog, pos: Pos) -> None:
        self._event_log, self._pos = event_log, pos
        self._sales = Sales()
        self._sequence = 0

    def step(self) -> int:
        """Export what was finished since the last step; how many transactions. PortUnavailable: try again later."""
        fresh = []
        for sequence, entry in self._event_log.read(self._sequence):
            fresh += self._sales.follow(decode(entry))
            self._sequence = sequence
        if fresh:
            self._pos.export(fresh)
        return len(fresh)
