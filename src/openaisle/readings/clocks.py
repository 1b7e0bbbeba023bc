"""Device clocks that are wrong, found by how long their messages seem to travel.

A message on a shop's network travels for tens to hundreds of milliseconds. One that arrives before it was sent, or a
device whose every message takes more than a second, has a wrong clock. The quickest message of the last seconds tells
the offset (the minimum filter of NTP, Mills 1991); single late messages do not move it.
"""

from __future__ import annotations

from dataclasses import dataclass

from openaisle.core.units import NS_PER_MS, NS_PER_S


@dataclass(frozen=True, kw_only=True)
class ClockSettings:
    """When a clock is believed to be wrong, in nanoseconds."""

    travel_ns_min: int = -20 * NS_PER_MS  # quicker than this cannot be
    travel_ns_max: int = NS_PER_S  # no network in a shop is always slower than this
    travel_ns_usual: int = 100 * NS_PER_MS  # taken for a corrected device's quickest message
    window_ns: int = 2 * NS_PER_S
    tolerance_ns: int = 30 * NS_PER_MS  # smaller corrections are not made: every one is a jump
    messages_min: int = 5
    impossible_messages_max: int = (
        3  # as many in a row from the future are a wrong clock; fewer, wrong messages
    )


class DeviceClock:
    """The correction of one device's clock."""

    def __init__(self, settings: ClockSettings) -> None:
        self._settings = settings
        self._window_started_ns: int | None = None
        self._window_count = 0
        self._quickest_ns = 0  # raw travel time, this window
        self._impossible_count = 0
        self._offset_ns = 0

    @property
    def offset_ns(self) -> int:
        """To be added to the device's times; 0 for a clock that may be right."""
        return self._offset_ns

    def hear(self, said_ns: int, received_ns: int) -> bool:
        """Take in one message; False if its time cannot be: it arrived before it was sent."""
        settings = self._settings
        travel_ns = received_ns - said_ns
        if travel_ns - self._offset_ns < settings.travel_ns_min:
            self._impossible_count += 1
            if self._impossible_count < settings.impossible_messages_max:
                return False
            self._offset_ns = travel_ns - settings.travel_ns_usual
            self._window_count = 0
        self._impossible_count = 0
        if self._window_started_ns is None or self._window_count == 0:
            self._window_started_ns, self._quickest_ns = received_ns, travel_ns
        self._window_count += 1
        self._quickest_ns = min(self._quickest_ns, travel_ns)
        if (
            received_ns - self._window_started_ns >= settings.window_ns
            and self._window_count >= settings.messages_min
        ):
            self._judge(self._quickest_ns)
            self._window_count = 0
        return True

    def _judge(self, quickest_ns: int) -> None:
        settings = self._settings
        may_be_right = settings.travel_ns_min <= quickest_ns <= settings.travel_ns_max
        wanted_ns = 0 if may_be_right else quickest_ns - settings.travel_ns_usual
        if abs(wanted_ns - self._offset_ns) > settings.tolerance_ns:
            self._offset_ns = wanted_ns
