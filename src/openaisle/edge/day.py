"""What a run of a shop gave: receipts, health, counters, and for a simulated day what is needed to score it."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Any, Final

from openaisle.core.messages import (
    AnyMessage,
    CartChanged,
    FloorTracks,
    PaymentChanged,
    Receipt,
    ReviewOpened,
    SensorDegraded,
    SensorRecovered,
)

RECEIPTS_MAX: Final = 20_000
CARTS_MAX: Final = 200_000
TRACKS_MAX: Final = 200_000
HEALTH_MAX: Final = 1_000
REPEATS: Final = frozenset({"corrupt", "gap", "rebooted"})
"""Reasons that are single events: they have no end of their own."""
QUIET_NS: Final = 10_000_000_000


@dataclass
class HealthBook:
    """Which sensors are unwell, and what to say about it: once when it begins, once when it ends."""

    _present: dict[tuple[str, str], SensorDegraded] = field(default_factory=dict)
    _told: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)  # (when told, told not since)
    counts: OrderedDict[tuple[str, str], int] = field(default_factory=OrderedDict)

    def hear(self, message: SensorDegraded | SensorRecovered) -> str | None:
        """One line for a person, or None if it was said already."""
        key = (message.sensor_id, message.reason)
        if isinstance(message, SensorRecovered):
            gone = self._present.pop(key, None)
            return f"{message.sensor_id}: no longer {message.reason}" if gone else None
        self.counts[key] = self.counts.get(key, 0) + 1
        while len(self.counts) > HEALTH_MAX:
            self.counts.popitem(last=False)
        detail = f": {message.detail}" if message.detail else ""
        if message.reason in REPEATS:
            return self._repeated(key, message, detail)
        if key in self._present:
            return None
        self._present[key] = message
        return f"{message.sensor_id}: {message.reason}{detail}"

    def _repeated(self, key: tuple[str, str], message: SensorDegraded, detail: str) -> str | None:
        told_ns, silent = self._told.get(key, (0, 0))
        if told_ns and message.since_ns - told_ns < QUIET_NS:
            self._told[key] = (told_ns, silent + 1)
            return None
        self._told[key] = (message.since_ns, 0)
        more = f" (and {silent} more since)" if silent else ""
        return f"{message.sensor_id}: {message.reason}{detail}{more}"

    @property
    def present(self) -> list[SensorDegraded]:
        """What is wrong now, by sensor and reason."""
        return [self._present[key] for key in sorted(self._present)]


@dataclass
class Day:
    """Collected by the supervisor, bounded: of a shop that runs for months the newest stay."""

    receipts: deque[Receipt] = field(default_factory=lambda: deque(maxlen=RECEIPTS_MAX))
    carts: deque[CartChanged] = field(default_factory=lambda: deque(maxlen=CARTS_MAX))
    tracks: deque[FloorTracks] = field(default_factory=lambda: deque(maxlen=TRACKS_MAX))
    reviews: deque[ReviewOpened] = field(default_factory=lambda: deque(maxlen=RECEIPTS_MAX))
    payments: OrderedDict[str, PaymentChanged] = field(default_factory=OrderedDict)  # newest, by receipt
    health: HealthBook = field(default_factory=HealthBook)
    facts: dict[str, Any] = field(default_factory=dict)

    def hear(self, message: AnyMessage) -> str | None:
        """Keep a message; a line for a person where it calls for one."""
        match message:
            case Receipt():
                self.receipts.append(message)
            case PaymentChanged():
                self.payments[message.receipt_id] = message
                while len(self.payments) > RECEIPTS_MAX:
                    self.payments.popitem(last=False)
            case CartChanged():
                self.carts.append(message)
            case FloorTracks():
                self.tracks.append(message)
            case ReviewOpened():
                self.reviews.append(message)
            case SensorDegraded() | SensorRecovered():
                return self.health.hear(message)
            case _:
                pass
        return None
