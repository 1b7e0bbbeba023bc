"""What is to be asked of the processor, and when: a queue of keys whose requests have no answer yet."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from openaisle.core.messages import ChargeRequested, PaymentMethod, RefundRequested, ReleaseRequested
from openaisle.core.units import NS_PER_S

Request: TypeAlias = ChargeRequested | RefundRequested | ReleaseRequested


@dataclass(frozen=True, kw_only=True)
class Errand:
    """One question to the processor: make this (a repetition is harmless), or say whether it was ever made."""

    request: Request
    method: PaymentMethod
    reference: str  # of a refund: the processor's id of its charge
    is_look_up: bool


class Errands:
    """When to ask next. Whether a key is still to be asked is the caller's to know."""

    def __init__(self, retry_s: Sequence[float]) -> None:
        self._retry_s = retry_s
        self._queue: list[tuple[int, str]] = []
        self._attempts: dict[str, int] = {}  # without an answer since this process began
        self._asked: set[str] = set()  # on its way

    def wait(self, key: str, due_ns: int) -> None:
        heapq.heappush(self._queue, (due_ns, key))

    def take(self, now_ns: int) -> str | None:
        """The next key that is due and not on its way; None when there is none."""
        while self._queue and self._queue[0][0] <= now_ns:
            _, key = heapq.heappop(self._queue)
            if key not in self._asked:
                return key
        return None

    def sent(self, key: str) -> None:
        self._asked.add(key)

    def back(self, key: str) -> None:
        """It is not on its way any more."""
        self._asked.discard(key)

    def again(self, key: str, now_ns: int) -> None:
        """Nothing became known: later, and later every time."""
        attempts = self._attempts[key] = self._attempts.get(key, 0) + 1
        wait_s = self._retry_s[min(attempts, len(self._retry_s)) - 1]
        self.wait(key, now_ns + round(wait_s * NS_PER_S))

    def done(self, key: str) -> None:
        """It has an answer."""
        self._asked.discard(key)
        self._attempts.pop(key, None)
