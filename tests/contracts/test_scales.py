"""Scales over MQTT: either payload gives the batch that was sent, broken ones hurt nobody, brokers come and go."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import msgspec
import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays
from tests.contracts.doors import Broker, running_broker, wait_for

from openaisle.adapters.clock import WallClock
from openaisle.adapters.mqtt import MqttConnection
from openaisle.adapters.scale_mqtt import MqttScales
from openaisle.adapters.scale_payload import (
    decode_payload,
    encode_binary_payload,
    encode_json_payload,
    scale_topic,
)
from openaisle.core.errors import ReadingError
from openaisle.core.messages import ScaleBatch, SensorDegraded, SensorRecovered, encode

ENCODERS: list[Callable[[ScaleBatch], bytes]] = [encode_json_payload, encode_binary_payload]


def batch(sequence: int = 0, scale_id: str = "scale-A", boot_id: str = "boot-1") -> ScaleBatch:
    grams = np.arange(24, dtype=np.float32).reshape(12, 2) + np.float32(0.1)
    grams[:, 1] = np.nan
    return ScaleBatch(
        scale_id=scale_id,
        boot_id=boot_id,
        sequence=sequence,
        device_ns=1_000_000_000 + sequence * 200_000_000,
        received_ns=0,
        rate_hz=60.0,
        grams=grams,
    )


# --- payloads -----------------------------------------------------------------------------------------------------

batches = st.builds(
    lambda boot, sequence, device_ns, rate, grams: ScaleBatch(
        scale_id="scale-A",
        boot_id=boot,
        sequence=sequence,
        device_ns=device_ns,
        received_ns=77,
        rate_hz=rate,
        grams=grams,
    ),
    st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=16),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**62 - 1),
    st.floats(1, 1000, width=32),
    arrays(
        np.float32,
        st.tuples(st.integers(1, 12), st.integers(1, 6)),
        elements=st.floats(-30000, 30000, width=32) | st.just(np.float32("nan")),
    ),
)


@pytest.mark.parametrize("encoder", ENCODERS)
@given(sent=batches)
def test_a_batch_survives_its_payload(encoder: Callable[[ScaleBatch], bytes], sent: ScaleBatch) -> None:
    assert encode(decode_payload("scale-A", encoder(sent), 77)) == encode(sent)


@given(sent=batches, at=st.integers(0, 10**6), flip=st.integers(1, 255))
def test_one_damaged_byte_of_a_binary_batch_is_refused(sent: ScaleBatch, at: int, flip: int) -> None:
    payload = bytearray(encode_binary_payload(sent))
    payload[at % len(payload)] ^= flip
    with pytest.raises(ReadingError):
        decode_payload("scale-A", bytes(payload), 77)


@given(payload=st.binary(max_size=200))
def test_no_bytes_at_all_crash_the_decoder(payload: bytes) -> None:
    try:
        decode_payload("scale-A", payload, 77)
    except ReadingError:
        pass


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"device": "scale-B"}, "device"),
        ({"sequence": -1}, "sequence"),
        ({"rate_hz": 0}, "rate_hz"),
        ({"boot": ""}, "boot_id"),
        ({"boot": "a\nb"}, "boot_id"),
        ({"device_ns": -5}, "device_ns"),
        ({"grams": [[1.0], [1.0, 2.0]]}, "grams"),
        ({"grams": [[1e39]]}, "grams"),
        ({"grams": "heavy"}, "payload"),
        ({"colour": "red"}, "payload"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, object], field: str) -> None:
    said = msgspec.json.decode(encode_json_payload(batch())) | changes
    with pytest.raises(ReadingError) as refused:
        decode_payload("scale-A", msgspec.json.encode(said), 77)
    assert refused.value.field == field
    assert "scale-A" in str(refused.value)


# --- over a broker ------------------------------------------------------------------------------------------------


class Shop:
    """A listener as core has one, and a device that publishes."""

    def __init__(self, broker: Broker) -> None:
        self.health: list[SensorDegraded | SensorRecovered] = []
        self.got: list[ScaleBatch] = []
        self.scales = MqttScales(broker.settings, "corner", ["scale-A"], WallClock(), self.health.append)
        self.device = MqttConnection(broker.settings)
        threading.Thread(target=lambda: self.got.extend(self.scales.batches()), daemon=True).start()
        assert self.scales.wait_until_up(10)
        assert self.device.wait_until_up(10)

    def publish(self, payload: bytes, scale_id: str = "scale-A") -> bool:
        return self.device.publish(scale_topic("corner", scale_id), payload)

    def close(self) -> None:
        self.scales.close()
        self.device.close()


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with running_broker() as one:
        yield one


@pytest.fixture
def shop(broker: Broker) -> Iterator[Shop]:
    one = Shop(broker)
    # A subscription is made after the connection: knock until it answers.
    assert wait_for(lambda: one.publish(encode_json_payload(batch())) and bool(one.got))
    wait_for(lambda: False, 0.2)
    one.got.clear()
    yield one
    one.close()


@pytest.mark.parametrize("encoder", ENCODERS)
def test_batches_arrive_in_order_and_as_sent(shop: Shop, encoder: Callable[[ScaleBatch], bytes]) -> None:
    sent = [batch(sequence) for sequence in range(1, 30)]
    for one in sent:
        shop.publish(encoder(one))
    assert wait_for(lambda: len(shop.got) >= len(sent))
    assert [one.sequence for one in shop.got] == list(range(1, 30))
    assert all(one.received_ns > 0 for one in shop.got)
    np.testing.assert_array_equal(shop.got[0].grams, sent[0].grams)


def test_a_corrupt_batch_and_a_strange_scale_are_reported_and_the_next_batch_arrives(shop: Shop) -> None:
    shop.publish(b'{"device": "scale-A", "gra')
    shop.publish(encode_binary_payload(batch(1))[:-3])
    shop.publish(encode_json_payload(batch(2, "scale-Z")), "scale-Z")
    shop.publish(encode_json_payload(batch(3)))
    assert wait_for(lambda: bool(shop.got))
    assert [one.sequence for one in shop.got] == [3]
    assert [(fault.sensor_id, fault.reason) for fault in shop.health] == [
        ("scale-A", "corrupt"),
        ("scale-A", "corrupt"),
        ("scale-Z", "corrupt"),
    ]


def test_a_broker_may_go_away_and_come_back() -> None:
    with running_broker() as broker:
        shop = Shop(broker)
        assert wait_for(lambda: shop.publish(encode_json_payload(batch(0))) and bool(shop.got))
        broker.stop()
        assert wait_for(lambda: bool(shop.health), 2.0)
        # The scale has a connection of its own, and may hear of it later.
        assert wait_for(lambda: not shop.publish(encode_json_payload(batch(1))), 2.0)
        broker.start()
        assert wait_for(lambda: len(shop.health) == 2, 12.0)
        assert [type(fault) for fault in shop.health] == [SensorDegraded, SensorRecovered]
        assert shop.device.wait_until_up(10)
        assert wait_for(lambda: shop.publish(encode_json_payload(batch(2))) and shop.got[-1].sequence == 2)
        shop.got.clear()
        for sequence in range(3, 30):
            shop.publish(encode_json_payload(batch(sequence)))
        assert wait_for(lambda: len([one for one in shop.got if one.sequence > 2]) >= 27)
        assert [one.sequence for one in shop.got if one.sequence > 2] == list(range(3, 30))
        shop.close()
