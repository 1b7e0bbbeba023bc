"""Codes presented over MQTT.

A gate publishes `{"code": "..."}` to `openaisle/<store_id>/gates/<gate_id>/codes`; the answer comes on
`openaisle/<store_id>/gates/<gate_id>/answers`: `{"admitted": true, "visit_id": "..."}` or
`{"admitted": false, "reason": "expired", "message": "..."}`. Answers to scanners and card readers, which the shop reads
by itself, come there too: whatever opens a gate listens to one topic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from openaisle.adapters.gatekeeper import Answer, Gatekeeper
from openaisle.adapters.mqtt import BrokerSettings, MqttConnection, as_json
from openaisle.adapters.scale_payload import TOPIC_ROOT
from openaisle.core.errors import EntryRefused, ReadingError
from openaisle.core.messages import GateId, StoreId

CODE_BYTES_MAX: Final = 1024


class Presented(msgspec.Struct, forbid_unknown_fields=True):
    """What a gate says, over MQTT and over HTTP."""

    code: str


def codes_topic(store_id: StoreId, gate_id: GateId) -> str:
    """Where a gate presents codes."""
    return f"{TOPIC_ROOT}/{store_id}/gates/{gate_id}/codes"


def answers_topic(store_id: StoreId, gate_id: GateId) -> str:
    """Where a gate hears whether to open."""
    return f"{TOPIC_ROOT}/{store_id}/gates/{gate_id}/answers"


class MqttGates:
    """Listens for codes of all gates of one store and answers each."""

    def __init__(
        self,
        broker: BrokerSettings,
        store_id: StoreId,
        gatekeeper: Gatekeeper,
        on_refused: Callable[[GateId, str], None] | None = None,
    ) -> None:
        self._store_id = store_id
        self._gatekeeper = gatekeeper
        self._on_refused = on_refused
        self._connection = MqttConnection(
            broker, topics=(codes_topic(store_id, "+"),), on_message=self._accept
        )

    def answer(self, answer: Answer) -> None:
        """Tell a gate what became of a code that was scanned, or of a card that was tapped. From any thread."""
        if answer.is_admitted:
            said = as_json(admitted=True, visit_id=answer.visit_id)
        else:
            said = as_json(admitted=False, reason=answer.reason, message=answer.message)
        self._connection.publish(answers_topic(self._store_id, answer.gate_id), said)

    def close(self) -> None:
        self._connection.close()

    def _accept(self, topic: str, payload: bytes, is_retained: bool) -> None:
        if is_retained:
            return  # Nobody stands at the gate: the broker kept it from an earlier time.
        gate_id = topic.split("/")[-2]
        try:
            tap = self._gatekeeper.admit(gate_id, _code_of(payload))
            answer = Answer(gate_id=gate_id, is_admitted=True, visit_id=tap.visit_id)
        except EntryRefused as error:
            answer = Answer(gate_id=gate_id, is_admitted=False, reason=error.reason, message=str(error))
        except ReadingError as error:
            answer = Answer(gate_id=gate_id, is_admitted=False, reason="malformed", message=str(error))
        if not answer.is_admitted and self._on_refused is not None:
            self._on_refused(gate_id, answer.reason)
        self.answer(answer)


def _code_of(payload: bytes) -> str:
    try:
        if len(payload) > CODE_BYTES_MAX:
            raise ValueError(f"{len(payload)} bytes")
        return msgspec.json.decode(payload, type=Presented).code
    except ValueError as error:
        raise ReadingError(
            "not a presented code", field="payload", expected='{"code": "..."}', found=str(error)
        ) from error
