"""What is wrong with which sensor: said when it starts, said again when it ends.

Some troubles are states (`silent`, `clock`, `frozen`): they end when the sensor is heard to be well. The others are
episodes (`gap`, `corrupt`, `rebooted`, `late`): they end by themselves when nothing of the kind has happened for
`quiet_ns`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from openaisle.core.messages import SensorDegraded, SensorRecovered
from openaisle.core.units import NS_PER_S

STATES: Final = frozenset({"silent", "clock", "frozen"})


@dataclass
class _Trouble:
    kind: str
    last_ns: int
    said_ns: int
    unsaid_count: int = 0


class Health:
    """Collects troubles and hands out messages. At most `troubles_max` at a time; further ones are not told apart."""

    def __init__(
        self, quiet_ns: int = 5 * NS_PER_S, repeat_ns: int = NS_PER_S, troubles_max: int = 4096
    ) -> None:
        self._quiet_ns = quiet_ns
        self._repeat_ns = repeat_ns
        self._troubles_max = troubles_max
        self._troubles: dict[tuple[str, str], _Trouble] = {}
        self._said: list[SensorDegraded | SensorRecovered] = []

    def is_degraded(self, sensor_id: str, reason: str) -> bool:
        return (sensor_id, reason) in self._troubles

    def degrade(
        self,
        sensor_id: str,
        kind: str,
        reason: str,
        *,
        since_ns: int,
        now_ns: int,
        detail: str = "",
        repeats: bool = False,
    ) -> None:
        """Something is wrong. Told again while it lasts only if it `repeats`, else at most once in `repeat_ns`.

        A state is told once.
        """
        key = (sensor_id, reason)
        trouble = self._troubles.get(key)
        if trouble is None and len(self._troubles) >= self._troubles_max:
            return
        if trouble is None:
            trouble = self._troubles[key] = _Trouble(kind, now_ns, now_ns)
        else:
            trouble.last_ns = now_ns
            if reason in STATES:
                return
            if not repeats and now_ns - trouble.said_ns < self._repeat_ns:
                trouble.unsaid_count += 1
                return
        if trouble.unsaid_count:
            detail += f" (and {trouble.unsaid_count} more of the kind before it)"
            trouble.unsaid_count = 0
        trouble.said_ns = now_ns
        self._said.append(
            SensorDegraded(sensor_id=sensor_id, kind=kind, reason=reason, since_ns=since_ns, detail=detail)
        )

    def recover(self, sensor_id: str, reason: str, now_ns: int) -> None:
        """That trouble is over; nothing is said if there was none."""
        trouble = self._troubles.pop((sensor_id, reason), None)
        if trouble is not None:
            self._said.append(
                SensorRecovered(sensor_id=sensor_id, kind=trouble.kind, reason=reason, recovered_ns=now_ns)
            )

    def take(self, now_ns: int) -> tuple[SensorDegraded | SensorRecovered, ...]:
        """End the episodes that have been quiet long enough; everything that was said since the last call."""
        over = [
            key
            for key, trouble in self._troubles.items()
            if key[1] not in STATES and now_ns - trouble.last_ns >= self._quiet_ns
        ]
        for sensor_id, reason in sorted(over):
            self.recover(sensor_id, reason, now_ns)
        said, self._said = tuple(self._said), []
        return said
