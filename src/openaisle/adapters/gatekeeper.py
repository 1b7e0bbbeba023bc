"""Who may come in: one verifier behind every way in which a code can be presented."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from openaisle.adapters.entry_codes import PREFIX, CodeVerifier
from openaisle.core.errors import EntryRefused, ReadingError
from openaisle.core.messages import GateId, GateTap, VisitId
from openaisle.ports import Clock
from openaisle.store.schema import Gate

TAPS_MAX: Final = 256
"""Taps waiting for the path. When full, nobody is let in: entry is throttled first, exit never."""
POLL_S: Final = 0.2


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of a code that was read, or of a card that was tapped, at a gate."""

    gate_id: GateId
    is_admitted: bool
    visit_id: VisitId = ""
    reason: str = ""
    message: str = ""


OnAnswer = Callable[[Answer], None]
Badges = Callable[[str, GateId, int], GateTap]


class Gatekeeper:
    """`openaisle.ports.Gate` for all gates of one store. `admit` may be called from any thread."""

    def __init__(
        self, gates: Sequence[Gate], verifier: CodeVerifier, clock: Clock, badges: Badges | None = None
    ) -> None:
        """`badges` opens visits for what is read and is no code: text, gate, now; EntryRefused where it does not."""
        self._kinds = {gate.gate_id: gate.kind for gate in gates}
        self._verifier = verifier
        self._badges = badges
        self._clock = clock
        self._lock = threading.Lock()
        self._taps: queue.Queue[GateTap] = queue.Queue(TAPS_MAX)
        self._is_closed = False

    def admit(self, gate_id: str, code: str) -> GateTap:
        """The tap that goes into the path. Raises EntryRefused, or ReadingError for a gate that lets nobody in."""
        if self._kinds.get(gate_id) not in ("entry", "both"):
            entries = sorted(name for name, kind in self._kinds.items() if kind in ("entry", "both"))
            raise ReadingError(
                "a code at a gate that is no entry",
                field="gate",
                expected="one of " + ", ".join(entries),
                found=gate_id,
            )
        with self._lock:
            if self._taps.full():
                raise EntryRefused("store_closed", "the store is too busy to let anybody in just now")
            now_ns = self._clock.now_ns()
            if self._badges is not None and not code.startswith(PREFIX):
                self._verifier.check_open()
                tap = self._badges(code.strip(), gate_id, now_ns)
            else:
                tap = self._verifier.verify(code, now_ns).tap(gate_id, now_ns, now_ns)
            self._taps.put_nowait(tap)
        return tap

    def let_in(self, gate_id: str, visit_id: VisitId) -> None:
        """Somebody whose card opens this visit. Waits while too many taps wait for the path."""
        now_ns = self._clock.now_ns()
        tap = GateTap(
            gate_id=gate_id, direction="entry", visit_id=visit_id, tapped_ns=now_ns, received_ns=now_ns
        )
        self._taps.put(tap)

    def taps(self) -> Iterator[GateTap]:
        while not self._is_closed:
            try:
                yield self._taps.get(timeout=POLL_S)
            except queue.Empty:
                continue

    def close(self) -> None:
        self._is_closed = True
        with self._lock:
            self._verifier.close()
