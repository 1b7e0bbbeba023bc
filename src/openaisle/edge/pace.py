"""How fast a simulated shop may run on this machine: slower rather than with holes, and never in silence."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from openaisle.core.units import NS_PER_S

RATE_MIN: Final = 0.05
STOOD_MAX: Final = 0.1
"""Of a frame's period the clock may stand, waiting for the world, before it is run slower instead."""
BUSY: Final = 0.8
"""Frames that wait before vision for so large a part of a period are a sign that it does not keep up."""
IDLE: Final = 0.5
SLOWER: Final = 0.96
SLOWER_AFTER_SKIP: Final = 0.8
FASTER: Final = 1.02
WINDOW_NS: Final = 5 * NS_PER_S


@dataclass
class Pace:
    """Chooses the rate of shop time, frame by frame, from how far the world and the vision workers are behind.

    Multiplicative both ways, as in congestion control: it settles where work just does not wait.
    """

    period_ns: int
    rate: float = 1.0

    def next_rate(self, stood_ns: int, backlog_ns: int, skipped: int) -> float:
        """The rate for the next period. All of the last one, in real ns.

        `stood_ns`: for which the clock stood because the world was not drawn yet. `backlog_ns`: for which the oldest
        frame before vision waits. `skipped`: frames that vision skipped.
        """
        period_ns = self.period_ns / self.rate
        if skipped:
            self.rate *= SLOWER_AFTER_SKIP
        elif stood_ns > STOOD_MAX * period_ns or backlog_ns > BUSY * period_ns:
            self.rate *= SLOWER
        elif not stood_ns and backlog_ns < IDLE * period_ns:
            self.rate *= FASTER
        self.rate = min(1.0, max(RATE_MIN, self.rate))
        return self.rate


@dataclass
class Speedometer:
    """Shop time over real time, in windows of five seconds and over all."""

    _marks: deque[tuple[int, int]] = field(default_factory=deque)
    _first: tuple[int, int] | None = None
    slowest: float = 1.0
    now: float = 1.0

    def read(self, shop_ns: int, real_ns: int) -> float:
        """The rate over the last window; 1 until there is a whole one."""
        self._first = self._first or (shop_ns, real_ns)
        self._marks.append((shop_ns, real_ns))
        while len(self._marks) > 2 and real_ns - self._marks[1][1] >= WINDOW_NS:
            self._marks.popleft()
        shop0, real0 = self._marks[0]
        if real_ns - real0 >= WINDOW_NS:
            self.now = min(1.0, (shop_ns - shop0) / (real_ns - real0))
            self.slowest = min(self.slowest, self.now)
        return self.now

    @property
    def mean(self) -> float:
        """Over all that was read."""
        if self._first is None or self._marks[-1][1] == self._first[1]:
            return 1.0
        return (self._marks[-1][0] - self._first[0]) / (self._marks[-1][1] - self._first[1])
