"""Weighing devices over MQTT: `openaisle.ports.Scale` for all scales of one store. Payloads: scale_payload.py."""

from __future__ import annotations

import queue
from collections.abc import Collection, Iterator
from typing import Final

from openaisle.adapters.mqtt import BrokerSettings, LinkHealth, MqttConnection, OnHealth
from openaisle.adapters.scale_payload import decode_payload, scale_topic
from openaisle.core.errors import ReadingError
from openaisle.core.messages import ScaleBatch, ScaleId, SensorDegraded, StoreId
from openaisle.ports import Clock

BATCHES_MAX: Final = 4096
"""Batches waiting for the path. When full the connection waits too, and the broker keeps what follows."""
POLL_S: Final = 0.2


class MqttScales:
    """Batches as they arrive. A broken one is reported as health of its scale and left out."""

    def __init__(
        self,
        broker: BrokerSettings,
        store_id: StoreId,
        scale_ids: Collection[ScaleId],
        clock: Clock,
        on_health: OnHealth,
    ) -> None:
        self._scale_ids = frozenset(scale_ids)
        self._clock = clock
        self._on_health = on_health
        self._batches: queue.Queue[ScaleBatch] = queue.Queue(BATCHES_MAX)
        self._is_closed = False
        self._connection = MqttConnection(
            broker,
            topics=(scale_topic(store_id, "+"),),
            on_message=self._accept,
            on_link=LinkHealth(clock.now_ns, on_health),
        )

    def batches(self) -> Iterator[ScaleBatch]:
        while not self._is_closed:
            try:
                yield self._batches.get(timeout=POLL_S)
            except queue.Empty:
                continue

    def wait_until_up(self, timeout_s: float) -> bool:
        """Whether the broker is connected, after waiting for it up to `timeout_s`."""
        return self._connection.wait_until_up(timeout_s)

    def close(self) -> None:
        self._is_closed = True
        self._connection.close()

    def _accept(self, topic: str, payload: bytes, is_retained: bool) -> None:
        if is_retained:
            return  # The broker kept it from an earlier time: it says nothing about now.
        scale_id = topic.rsplit("/", 1)[-1]
        received_ns = self._clock.now_ns()
        try:
            if scale_id not in self._scale_ids:
                raise ReadingError(
                    "batch of a scale that the store does not have",
                    field="topic",
                    expected="one of " + ", ".join(sorted(self._scale_ids)),
                    found=topic,
                )
            batch = decode_payload(scale_id, payload, received_ns)
        except ReadingError as error:
            degraded = SensorDegraded(
                sensor_id=scale_id[:64],
                kind="scale",
                reason="corrupt",
                since_ns=received_ns,
                detail=str(error),
            )
            self._on_health(degraded)
            return
        while not self._is_closed:
            try:
                self._batches.put(batch, timeout=POLL_S)
                return
            except queue.Full:
                continue
