"""The shop's clock, shared by all processes: an anchor, and a rate by which shop time follows the machine's time.

shop time = anchor_shop_ns + (monotonic - anchor_monotonic_ns) * rate. One process may steer it; all may read it. The
monotonic clock of the machine is the same in every process, so a reading costs no system call to another one. A real
shop runs at the rate of wall time, which it follows by small changes of rate and never by a jump; a simulated shop
runs slower when its machine is too slow.
"""

from __future__ import annotations

import ctypes
import time
from multiprocessing.sharedctypes import RawArray
from typing import Any, Final

from openaisle.core.units import NS_PER_S

_VERSION, _SHOP_NS, _MONOTONIC_NS, _RATE_PPB, _LIMIT_NS = range(5)
PPB: Final = 1_000_000_000
NAP_S_MAX: Final = 0.05
"""A sleeper looks this often whether the rate changed."""
FOLLOW_S: Final = 10.0
SLEW_MAX: Final = 0.05
"""Wall time is followed with a time constant of 10 s, at most 5 % faster or slower."""


class ShopClock:
    """`openaisle.ports.Clock`, readable in every process that was given it. Stopped (rate 0) until it is set going."""

    def __init__(self, started_ns: int) -> None:
        self._cells: Any = RawArray(ctypes.c_int64, 5)
        self._cells[_SHOP_NS] = started_ns
        self._cells[_MONOTONIC_NS] = time.monotonic_ns()
        self._newest_ns = started_ns

    @property
    def rate(self) -> float:
        """Seconds of shop time in a second of real time."""
        return self._cells[_RATE_PPB] / PPB

    def now_ns(self) -> int:
        """Shop time. Never goes back for one reader, whatever the rate does."""
        while True:
            version = self._cells[_VERSION]
            shop_ns, anchor_ns, rate_ppb, limit_ns = self._cells[1:5]
            if version % 2 == 0 and self._cells[_VERSION] == version:
                break
        now_ns = shop_ns + (time.monotonic_ns() - anchor_ns) * rate_ppb // PPB
        self._newest_ns = max(self._newest_ns, min(now_ns, limit_ns) if limit_ns else now_ns)
        return self._newest_ns

    def sleep_until(self, at_ns: int) -> None:
        """Return when `now_ns() >= at_ns`."""
        while (left_ns := at_ns - self.now_ns()) > 0:
            time.sleep(min(self.real_s(left_ns), NAP_S_MAX))

    def real_s(self, shop_ns: int) -> float:
        """How long this much shop time takes at the present rate; for ever if the clock stands still."""
        rate = self.rate
        return shop_ns / NS_PER_S / rate if rate > 0 else float("inf")

    # --- the one process that steers ----------------------------------------------------------------------------

    def set_rate(self, rate: float) -> None:
        """From now on shop time runs at `rate`. Continuous: it neither jumps nor goes back."""
        assert 0.0 <= rate <= 2.0, rate
        self._anchor(round(rate * PPB), self._cells[_LIMIT_NS])

    def allow(self, until_ns: int) -> int:
        """Shop time may run until then and stands there until more is allowed; real ns for which it has stood.

        So a world that is drawn as it goes never has to draw what is past already, however late it comes.
        """
        return self._anchor(self._cells[_RATE_PPB], until_ns)

    def _anchor(self, rate_ppb: int, limit_ns: int) -> int:
        monotonic_ns = time.monotonic_ns()
        _, before_ns, anchor_ns, before_ppb, before_limit_ns = self._cells[:]
        shop_ns = before_ns + (monotonic_ns - anchor_ns) * before_ppb // PPB
        stood_ns = 0
        if before_limit_ns and shop_ns > before_limit_ns:
            stood_ns = (shop_ns - before_limit_ns) * PPB // max(1, before_ppb)
            shop_ns = before_limit_ns
        self._cells[_VERSION] += 1
        self._cells[1:5] = [shop_ns, monotonic_ns, rate_ppb, limit_ns]
        self._cells[_VERSION] += 1
        return stood_ns

    def follow(self, wall_ns: int) -> float:
        """Steer towards wall time `wall_ns`; seconds by which the shop is behind (negative: ahead)."""
        behind_s = (wall_ns - self.now_ns()) / NS_PER_S
        self.set_rate(1.0 + max(-SLEW_MAX, min(SLEW_MAX, behind_s / FOLLOW_S)))
        return behind_s
