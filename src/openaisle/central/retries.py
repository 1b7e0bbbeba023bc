"""What goes out of the shop and did not arrive is tried again, at growing distances, and given up in the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from openaisle.central.tables import DeliveryRow, LetterRow
from openaisle.core.units import NS_PER_S

GIVEN_UP: Final = "given up"


def try_later(row: DeliveryRow | LetterRow, waits_s: Sequence[int], now_ns: int) -> None:
    """After a try that failed, counted already: `waits_s` are the waits after each, after the last there is none."""
    if row.attempts > len(waits_s):
        row.state = GIVEN_UP
    else:
        row.due_ns = now_ns + waits_s[row.attempts - 1] * NS_PER_S
