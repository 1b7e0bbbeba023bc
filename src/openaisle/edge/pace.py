"""How fast a simulated shop may run on this machine: slower rather than with holes, and never in silence."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from openaisle.core.units import NS_PER_S

RATE_MIN: Final = 0.05
SLOWER: Final = 0.9
FASTER: Final = 0.01
LATE_MAX: Final = 0.35
"""A frame that begins later than this part of a period is a sign that rendering does not keep up."""
CALM_FRAMES: Final = 16
"""So many frames without such a sign before the shop is tried a little faster."""
WINDOW_NS: Final = 5 * NS_PER_S


@dataclass
class Pace:
    """Chooses the rate of shop time, frame by frame, from how late the world and the vision workers are.

    A frame later than a whole period asks for more: time all but stands (RATE_MIN) until the world has caught up.
    """

    period_ns: int
    rate: float = 1.0
    _calm: int = 0

    def next_rate(self, late_ns: int, skipped: int) -> float:
        """`late_ns`: shop time by which this frame began late. `skipped`: frames that vision skipped since the last."""
        if late_ns > LATE_MAX * self.period_ns or skipped:
            self._calm = 0
            self.rate = max(RATE_MIN, self.rate * SLOWER)
        else:
            self._calm += 1
            if self._calm > CALM_FRAMES:
                self.rate = min(1.0, self.rate + FASTER)
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
