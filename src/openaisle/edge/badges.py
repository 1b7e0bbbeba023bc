"""Badges at the gate: a number that a reader types opens a visit on the account it belongs to.

A badge is no secret code: whoever holds it is let in, as at a canteen's door. So one badge has one visit at a time, and
a shop says that it takes them (`[gates] badges`).
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from typing import Final

from openaisle.central.accounts import STAFF
from openaisle.central.entry import Standing
from openaisle.core.errors import EntryRefused
from openaisle.core.messages import AnyMessage, GateId, GateTap, VisitClosed, VisitId

KNOWN_MAX: Final = 2_048
"""Visits that are remembered; beyond, the oldest is forgotten and its badge may be shown again."""


class Badges:
    """`admit` from any thread, the rest in the ledger's."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._lock = threading.Lock()
        self._visits: dict[VisitId, tuple[str, str]] = {}  # account, and how it pays

    def admit(self, number: str, gate_id: GateId, now_ns: int) -> GateTap:
        """The tap of the badge's visit; EntryRefused with its reason."""
        known = self._standing.badge(number)
        if known is None:
            raise EntryRefused("malformed", "this is no code and no badge of this store")
        account_id, role = known
        is_staff = role in STAFF
        method = "" if is_staff else self._standing.admitted(account_id, now_ns)
        visit_id = f"b-{secrets.token_hex(6)}"
        with self._lock:
            if any(account == account_id for account, _ in self._visits.values()):
                raise EntryRefused("used", "this badge is inside already")
            self._visits[visit_id] = account_id, method
            while len(self._visits) > KNOWN_MAX:
                del self._visits[next(iter(self._visits))]
        return GateTap(
            gate_id=gate_id,
            direction="entry",
            visit_id=visit_id,
            tapped_ns=now_ns,
            received_ns=now_ns,
            is_staff=is_staff,
        )

    def payer(self, visit_id: VisitId) -> tuple[str, str] | None:
        """Account and method of a badge's visit."""
        return self._visits.get(visit_id)

    def hear(self, said: Sequence[AnyMessage]) -> None:
        """Whoever has left may come again."""
        for message in said:
            if isinstance(message, VisitClosed):
                with self._lock:
                    self._visits.pop(message.visit_id, None)
