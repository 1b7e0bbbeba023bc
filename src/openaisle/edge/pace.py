"""How fast a simulated shop may run on this machine: slower rather than with holes, and never in silence."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from openaisle.core.units import NS_PER_S

RATE_MIN: Final = 0.05
BUSY: Final = 0.8
"""Work waiting for so large a part of a frame's period is a sign that this machine does not keep up."""
IDLE: Final = 0.5
SLOWER: Final = 0.94
SLOWER_AFTER_SKIP: Final = 0.8
FASTER: Final = 1.03
WINDOW_NS: Final = 5 * NS_PER_S


@dataclass
class Pace:
    """Chooses the rate of shop time, frame by frame, from how late the world and the vision workers are.

    Multiplicative both ways, as in congestion control: it settles where work just does not wait. A frame later than a
    whole period asks for more: time all but stands (RATE_MIN) until the world has caught up.
    """

    period_ns: int
    rate: float = 1.0

    def next_rate(self, late_ns: int, backlog_ns: int, skipped: int) -> float:
        """The rate from this frame on.

        `late_ns`: shop time by which it began late. `backlog_ns`: real time for which the oldest frame before vision
        waits. `skipped`: frames that vision skipped since the last call.
        """
        waiting = max(late_ns, backlog_ns * self.rate) / self.period_ns
        if skipped:
            self.rate *= SLOWER_AFTER_SKIP
        elif waiting > BUSY:
            self.rate *= SLOWER
        elif waiting < IDLE:
            self.rate *= FASTER
        self.rate = min(1.0, max(RATE_MIN, self.rate))
        return RATE_MIN if late_ns > self.period_ns else self.rate


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
