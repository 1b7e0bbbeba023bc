"""Connections to an MQTT broker (version 3.1.1), which may go away and come back at any time.

Quality of service 1: a batch may come twice, which the path expects, and is not lost between broker and us while
both live. What was published while we were not connected is not asked for again: sequence numbers show the gap.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from openaisle.core.errors import PortUnavailable
from openaisle.core.messages import SensorDegraded, SensorRecovered

KEEP_ALIVE_S: Final = 5
RETRY_S_MAX: Final = 4
QUALITY: Final = 1
PAYLOAD_BYTES_MAX: Final = 2**20
BUS_ID: Final = "broker"

Health = SensorDegraded | SensorRecovered
OnHealth = Callable[[Health], None]


@dataclass(frozen=True, kw_only=True)
class BrokerSettings:
    """Where the broker is and how to show who we are."""

    host: str
    port: int = 1883
    is_encrypted: bool = False
    username: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None  # None: those the system trusts
    certificate_file: Path | None = None  # our own, for mutual TLS
    key_file: Path | None = None

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"


class MqttConnection:
    """One client, connecting again by itself with a growing pause of 1 to 4 s. Its thread calls the callbacks."""

    def __init__(
        self,
        broker: BrokerSettings,
        *,
        topics: Sequence[str] = (),
        on_message: Callable[[str, bytes, bool], None] | None = None,
        on_link: Callable[[bool, str], None] | None = None,
    ) -> None:
        """`on_message(topic, payload, is_retained)`; `on_link(is_up, why)` at every change."""
        self._broker = broker
        self._topics = topics
        self._on_message = on_message
        self._on_link = on_link
        self._is_up = threading.Event()
        self._is_closed = False
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
        self._client.on_connect = self._connected
        self._client.on_connect_fail = self._failed
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._received
        self._client.reconnect_delay_set(1, RETRY_S_MAX)
        if broker.username:
            password = broker.password_file.read_text().strip() if broker.password_file else None
            self._client.username_pw_set(broker.username, password)
        if broker.is_encrypted:
            self._client.tls_set_context(_tls(broker))
        self._client.connect_async(broker.host, broker.port, keepalive=KEEP_ALIVE_S)
        self._client.loop_start()

    @property
    def is_up(self) -> bool:
        return self._is_up.is_set()

    def wait_until_up(self, timeout_s: float) -> bool:
        return self._is_up.wait(timeout_s)

    def publish(self, topic: str, payload: bytes | str) -> bool:
        """Hand a message to the connection; False, and it is lost, while there is no broker."""
        if not self._is_up.is_set():
            return False
        return self._client.publish(topic, payload, qos=QUALITY).rc == paho.MQTT_ERR_SUCCESS

    def close(self) -> None:
        self._is_closed = True
        self._client.disconnect()
        self._client.loop_stop()

    # --- called by paho's thread ------------------------------------------------------------------------------------

    def _connected(self, client: paho.Client, _: Any, __: Any, reason: Any, ___: Any) -> None:
        if reason.is_failure:
            self._say_link(False, f"the broker at {self._broker.address} refused us: {reason}")
            return
        if self._topics:
            client.subscribe([(topic, QUALITY) for topic in self._topics])
        self._say_link(True, "")

    def _failed(self, _: paho.Client, __: Any) -> None:
        self._say_link(False, f"no broker at {self._broker.address}")

    def _disconnected(self, _: paho.Client, __: Any, ___: Any, reason: Any, ____: Any) -> None:
        self._say_link(False, f"the broker at {self._broker.address} went away ({reason})")

    def _received(self, _: paho.Client, __: Any, message: paho.MQTTMessage) -> None:
        if self._on_message is not None and len(message.payload) <= PAYLOAD_BYTES_MAX:
            self._on_message(message.topic, bytes(message.payload), message.retain)

    def _say_link(self, is_up: bool, why: str) -> None:
        if self._is_closed:
            return
        (self._is_up.set if is_up else self._is_up.clear)()
        if self._on_link is not None:
            self._on_link(is_up, why)


class LinkHealth:
    """Turns a link's ups and downs into health messages, one a change."""

    def __init__(self, now_ns: Callable[[], int], on_health: OnHealth) -> None:
        self._now_ns = now_ns
        self._on_health = on_health
        self._is_down = False

    def __call__(self, is_up: bool, why: str) -> None:
        if is_up and self._is_down:
            recovered = SensorRecovered(
                sensor_id=BUS_ID, kind="bus", reason="silent", recovered_ns=self._now_ns()
            )
            self._on_health(recovered)
        elif not is_up and not self._is_down:
            degraded = SensorDegraded(
                sensor_id=BUS_ID, kind="bus", reason="silent", since_ns=self._now_ns(), detail=why
            )
            self._on_health(degraded)
        self._is_down = not is_up


def check_broker(broker: BrokerSettings, timeout_s: float) -> None:
    """Connect and leave again. Raises PortUnavailable saying why not."""
    why: list[str] = []
    connection = MqttConnection(broker, on_link=lambda is_up, text: None if is_up else why.append(text))
    try:
        if not connection.wait_until_up(timeout_s):
            raise PortUnavailable(
                why[-1] if why else f"the broker at {broker.address} did not answer within {timeout_s:g} s"
            )
    finally:
        connection.close()


def as_json(**fields: object) -> str:
    return json.dumps(fields)


def _tls(broker: BrokerSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(broker.ca_file) if broker.ca_file else None)
    if broker.certificate_file:
        context.load_cert_chain(broker.certificate_file, broker.key_file)
    return context
