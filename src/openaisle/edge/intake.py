"""Where readings of all senders become one order of arrival.

Each reading is stamped as it comes in, by the shop's clock and strictly later than all before. The path is stepped
once for each, at its own time, and once after every TICK_NS without any: as `replay.player` steps it. So a recorded
day, played again, makes the same steps and gives the same bytes.
"""

from __future__ import annotations

import threading
from typing import Final

import msgspec

from openaisle.core.messages import Reading
from openaisle.ports import Clock
from openaisle.replay.player import TICK_NS

READINGS_MAX: Final = 20_000
"""About a minute of a large shop. When full, senders wait: nothing is dropped here."""


class Intake:
    """Any thread may `put`; one thread calls `take`."""

    def __init__(self, clock: Clock, readings_max: int = READINGS_MAX) -> None:
        self._clock = clock
        self._readings: list[Reading] = []
        self._readings_max = readings_max
        self._newest_ns = 0
        self._changed = threading.Condition()
        self._is_closed = False

    def put(self, reading: Reading) -> None:
        """Stamp the reading and queue it; wait while the queue is full."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._readings) < self._readings_max or self._is_closed)
            self._newest_ns = max(self._clock.now_ns(), self._newest_ns + 1)
            self._readings.append(msgspec.structs.replace(reading, received_ns=self._newest_ns))
            self._changed.notify_all()

    def take(self, timeout_s: float) -> tuple[list[Reading], int | None]:
        """The readings that came, or the time of a tick that is due because none came; after waiting for either."""
        with self._changed:
            if not self._readings and not self._is_closed:
                self._changed.wait(timeout_s)
            if self._readings:
                taken, self._readings = self._readings, []
                self._changed.notify_all()
                return taken, None
            tick_ns = self._newest_ns + TICK_NS
            # The player ticks only where a reading follows later than the tick.
            if self._newest_ns == 0 or self._clock.now_ns() <= tick_ns:
                return [], None
            self._newest_ns = tick_ns
            return [], tick_ns

    @property
    def newest_ns(self) -> int:
        """Time of the last reading or tick."""
        return self._newest_ns

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
