"""Clocks of one process: the wall's, and one that a simulation sets by hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from openaisle.core.units import NS_PER_S

SLEW_PER_MILLION: Final = 50_000
"""How fast a clock that is ahead is brought back: 5 % slower than real time, until it is right again."""


class WallClock:
    """Wall time that never goes back. A step forward is followed at once, a step back is slewed away."""

    def __init__(
        self,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        sleep_s: Callable[[float], None] = time.sleep,
    ) -> None:
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self._sleep_s = sleep_s
        self._lock = threading.Lock()
        self._said_ns = wall_ns()
        self._said_at_ns = monotonic_ns()

    def now_ns(self) -> int:
        with self._lock:
            at_ns = self._monotonic_ns()
            elapsed_ns = at_ns - self._said_at_ns
            slowest_ns = self._said_ns + elapsed_ns * (1_000_000 - SLEW_PER_MILLION) // 1_000_000
            self._said_ns = max(slowest_ns, self._wall_ns())
            self._said_at_ns = at_ns
            return self._said_ns

    def sleep_until(self, at_ns: int) -> None:
        while (left_ns := at_ns - self.now_ns()) > 0:
            self._sleep_s(left_ns / NS_PER_S)


class SimulatedClock:
    """Time that passes only when somebody waits for it, or sets it forward."""

    def __init__(self, start_ns: int) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        return self._now_ns

    def sleep_until(self, at_ns: int) -> None:
        self._now_ns = max(self._now_ns, at_ns)
