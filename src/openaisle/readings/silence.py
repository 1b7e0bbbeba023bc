"""Sensors that have not been heard for too long: reported once, and again when they are heard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from openaisle.readings.health import Health

NEVER_NS: Final = 2**63 - 1


class Silence:
    """Watches all sensors at the cost of those that are silent: the others are due at a known time."""

    def __init__(self, patience_of: Mapping[str, tuple[str, int]], health: Health) -> None:
        """`patience_of`: of every sensor its kind, and for how many nanoseconds it may be silent."""
        self._patience_of = patience_of
        self._health = health
        self._heard_ns: dict[str, int] = {}
        self._started_ns: int | None = None
        self._watched: tuple[str, ...] = tuple(patience_of)  # silent, or about to be judged
        self._others_due_ns = 0  # before this none of the others can be

    def hear(self, sensor_id: str, now_ns: int) -> None:
        self._heard_ns[sensor_id] = now_ns

    def step(self, now_ns: int) -> None:
        """Report whoever has become silent, or has been heard again."""
        if self._started_ns is None:
            self._started_ns = now_ns
        if now_ns >= self._others_due_ns:
            self._watched, self._others_due_ns = tuple(self._patience_of), NEVER_NS
        silent: list[str] = []
        for sensor_id in self._watched:
            kind, patience_ns = self._patience_of[sensor_id]
            heard_ns = self._heard_ns.get(sensor_id)
            since_ns = self._started_ns if heard_ns is None else heard_ns
            if now_ns - since_ns >= patience_ns:
                self._health.degrade(sensor_id, kind, "silent", since_ns=since_ns, now_ns=now_ns)
                silent.append(sensor_id)
                continue
            if heard_ns is not None:
                self._health.recover(sensor_id, "silent", now_ns)
            self._others_due_ns = min(self._others_due_ns, since_ns + patience_ns)
        self._watched = tuple(silent)
