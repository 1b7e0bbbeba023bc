"""Simulated shoppers who tap a card at the gate, as Stripe's own test helper has it: over HTTP, like everybody else."""

from __future__ import annotations

import http.client
import json
import time
import zlib
from typing import Any, Final
from urllib.parse import urlencode

from openaisle.core.messages import GateTap, VisitId
from openaisle.edge.cards import simulated_reader
from openaisle.edge.processors import SIMULATED_KEY
from openaisle.edge.settings import LOOPBACK

ONE_IN: Final = 4
"""So many shoppers who come alone have no phone out, but a card."""
WAIT_S_MAX: Final = 6.0
LOOK_S: Final = 0.05
LOOKS_MAX: Final = 10


class TappedCards:
    """Cards in the pockets of simulated shoppers."""

    def __init__(self, processor_port: int) -> None:
        self._port = processor_port

    def has(self, tap: GateTap) -> bool:
        """Whether this shopper taps a card. Decided by their name, so that a day goes the same way again."""
        is_alone = not tap.is_staff and tap.people_count == 1
        return bool(self._port) and is_alone and zlib.crc32(tap.visit_id.encode()) % ONE_IN == 0

    def tap(self, tap: GateTap) -> VisitId | None:
        """The visit that the tap opens; None where the reader asks for no card in time."""
        number = f"42424242{zlib.crc32(tap.visit_id.encode()) % 10**8:08d}"
        reader = f"/v1/terminal/readers/{simulated_reader(tap.gate_id)}"
        until_s = time.monotonic() + WAIT_S_MAX
        while time.monotonic() < until_s:
            action = self._seen(reader).get("action") or {}
            if action.get("status") == "in_progress":
                intent_id = action["process_payment_intent"]["payment_intent"]
                intent = self._seen(f"/v1/payment_intents/{intent_id}")
                visit_id = intent.get("metadata", {}).get("openaisle_visit")
                if visit_id:
                    self._asked("POST", f"/v1/test_helpers{reader[3:]}/present_payment_method", number)
                    if self._is_taken(reader, intent_id):
                        return visit_id
            time.sleep(LOOK_S)
        return None

    def _is_taken(self, reader: str, intent_id: str) -> bool:
        """An answer may have been lost: what the reader shows counts."""
        action = self._seen(reader).get("action") or {}
        is_same = action.get("process_payment_intent", {}).get("payment_intent") == intent_id
        return bool(action) and not (is_same and action["status"] == "in_progress")

    def _seen(self, path: str) -> dict[str, Any]:
        """What is there now; looking again, while an answer gets lost, changes nothing."""
        for _ in range(LOOKS_MAX):
            if found := self._asked("GET", path):
                return found
        return {}

    def _asked(self, method: str, path: str, number: str = "") -> dict[str, Any]:
        """What the processor answers; nothing where it does not."""
        connection = http.client.HTTPConnection(LOOPBACK, self._port, timeout=5.0)
        headers = {"Authorization": f"Bearer {SIMULATED_KEY}"}
        body = urlencode({"card_present[number]": number}) if number else None
        try:
            connection.request(method, path, body, headers)
            return json.loads(connection.getresponse().read())
        except (OSError, ValueError, http.client.HTTPException):
            return {}
        finally:
            connection.close()
