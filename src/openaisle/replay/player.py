"""Plays a recording through the path, as fast as the machine goes, in the shop's own time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Protocol, TypeVar

from openaisle.core.messages import (
    AnyMessage,
    CartChanged,
    Message,
    Reading,
    Receipt,
    ReviewOpened,
    VisitId,
)
from openaisle.core.units import NS_PER_MS

TICK_NS: Final = 100 * NS_PER_MS
"""The longest that the path's timers wait for a reading."""

SILENCE_TICKS_MAX: Final = 600
"""Timers see the first minute of a silence tick by tick; a longer one (a night) is then passed over."""

M = TypeVar("M", bound=Message)


class Path(Protocol):
    """`openaisle.pipeline.Pipeline`, or anything else that is fed readings and says messages."""

    def step(self, readings: list[Reading], now_ns: int) -> list[AnyMessage]: ...

    def finish(self, now_ns: int) -> list[AnyMessage]: ...


@dataclass(frozen=True, kw_only=True)
class Said:
    """A message and the moment of the shop's time at which the path said it."""

    at_ns: int
    message: AnyMessage


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """Everything a path said, in order, in `kept` kinds of message."""

    said: tuple[Said, ...]
    reading_count: int
    started_ns: int  # received_ns of the first reading
    ended_ns: int  # of the last

    def of(self, kind: type[M]) -> list[M]:
        """The messages of one kind, in order."""
        return [said.message for said in self.said if isinstance(said.message, kind)]

    @property
    def receipts(self) -> list[Receipt]:
        return self.of(Receipt)

    @property
    def cart_events(self) -> list[CartChanged]:
        return self.of(CartChanged)

    @property
    def reviews(self) -> list[ReviewOpened]:
        return self.of(ReviewOpened)


def play(
    readings: Iterable[Reading],
    path: Path,
    *,
    keep: Callable[[AnyMessage], bool] = lambda message: True,
    hear: Callable[[AnyMessage, int], None] | None = None,
    until_visit: VisitId | None = None,
) -> Replayed:
    """Feed readings (in arrival order, as `Recording.readings` gives them) and collect what is said.

    Readings that arrived at the same nanosecond go in together. `keep` chooses which messages are collected, so that
    a long day fits in memory; `hear` is called with every message and the time. After the visit `until_visit` has its
    receipt nothing more is played.
    """
    said: list[Said] = []
    reading_count, started_ns, now_ns = 0, 0, 0

    def collect(messages: list[AnyMessage]) -> bool:
        """Whether the last wanted receipt is among them."""
        is_over = False
        for message in messages:
            if keep(message):
                said.append(Said(at_ns=now_ns, message=message))
            if hear is not None:
                hear(message, now_ns)
            is_over |= isinstance(message, Receipt) and message.visit_id == until_visit
        return is_over

    is_over = False
    for received_ns, group in groupby(readings, key=lambda reading: reading.received_ns):
        assert received_ns >= now_ns, "readings are not in arrival order"
        started_ns = started_ns or received_ns
        for tick_ns in _ticks(now_ns or received_ns, received_ns):
            now_ns = tick_ns
            is_over |= collect(path.step([], tick_ns))
        if is_over:
            break
        now_ns = received_ns
        together = list(group)
        reading_count += len(together)
        is_over |= collect(path.step(together, received_ns))
        if is_over:
            break
    ended_ns = now_ns
    if not is_over:
        collect(path.finish(now_ns))
    return Replayed(said=tuple(said), reading_count=reading_count, started_ns=started_ns, ended_ns=ended_ns)


def _ticks(from_ns: int, to_ns: int) -> Iterator[int]:
    count = min((to_ns - from_ns - 1) // TICK_NS, SILENCE_TICKS_MAX)
    for number in range(1, count + 1):
        yield from_ns + number * TICK_NS
