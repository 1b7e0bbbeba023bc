"""Plays a recording through the path, as fast as the machine goes, in the shop's own time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from openaisle.core.messages import (
    AnyMessage,
    CartChanged,
    LookWanted,
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


class Answers(Protocol):
    """Whoever has the pictures of what is played, and answers what the path asks about them."""

    def ask(self, wanted: LookWanted) -> None: ...

    def next_ns(self) -> int | None:
        """When the next answer arrives, later than what it was made of; None while none is on its way."""
        ...

    def take(self) -> Sequence[Reading]:
        """The answers that arrive then."""
        ...


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
    answers: Answers | None = None,
    until_visit: VisitId | None = None,
) -> Replayed:
    """Feed readings (in arrival order, as `Recording.readings` gives them) and collect what is said.

    Readings that arrived at the same nanosecond go in together. `keep` chooses which messages are collected, so that
    a long day fits in memory; `hear` is called with every message and the time. What `answers` makes of the path's
    questions goes in among the readings, as it arrives. After the visit `until_visit` has its receipt nothing more is
    played.
    """
    arrivals = _Arrivals(readings, answers)
    said: list[Said] = []
    reading_count, started_ns, now_ns = 0, 0, 0

    def collect(messages: list[AnyMessage]) -> bool:
        """Whether the last wanted receipt is among them."""
        is_over = False
        for message in messages:
            if keep(message):
                said.append(Said(at_ns=now_ns, message=message))
            arrivals.ask(message)
            if hear is not None:
                hear(message, now_ns)
            is_over |= isinstance(message, Receipt) and message.visit_id == until_visit
        return is_over

    is_over, tick_count = False, 0
    while not is_over and (received_ns := arrivals.next_ns()) is not None:
        assert received_ns >= now_ns, "readings are not in arrival order"
        started_ns = started_ns or received_ns
        if now_ns and now_ns + TICK_NS < received_ns and tick_count < SILENCE_TICKS_MAX:
            now_ns += TICK_NS
            tick_count += 1
            is_over = collect(path.step([], now_ns))
            continue
        now_ns, tick_count = received_ns, 0
        together = arrivals.take()
        reading_count += len(together)
        is_over = collect(path.step(together, received_ns))
    ended_ns = now_ns
    if not is_over:
        collect(path.finish(now_ns))
    return Replayed(said=tuple(said), reading_count=reading_count, started_ns=started_ns, ended_ns=ended_ns)


class _Arrivals:
    """Readings, and answers among them, by the time at which they arrive."""

    def __init__(self, readings: Iterable[Reading], answers: Answers | None) -> None:
        self._readings = iter(readings)
        self._answers = answers
        self._head = next(self._readings, None)

    def next_ns(self) -> int | None:
        """When the next arrives; None at the end."""
        times = [] if self._head is None else [self._head.received_ns]
        answered_ns = self._answers.next_ns() if self._answers else None
        return min([*times, answered_ns] if answered_ns is not None else times, default=None)

    def take(self) -> list[Reading]:
        """All that arrives then, answers last."""
        received_ns = self.next_ns()
        together: list[Reading] = []
        while self._head is not None and self._head.received_ns == received_ns:
            together.append(self._head)
            self._head = next(self._readings, None)
        # The world may have gone on with the last reading, and shown a frame that an answer waited for; that is later.
        while self._answers is not None and self._answers.next_ns() == received_ns:
            together += self._answers.take()
        return together

    def ask(self, message: AnyMessage) -> None:
        if self._answers is not None and isinstance(message, LookWanted):
            self._answers.ask(message)
