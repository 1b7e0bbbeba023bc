"""A recorded day, served again by real doors: RTSP cameras, plates over MQTT, codes over HTTP. Same receipts.

Takes as long as the day: `make soak`, or `pytest -m soak tests/simulation/test_run_on_rtsp.py`.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import msgspec
import pytest
from av.bitstream import BitStreamFilterContext
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.contracts.doors import HOST, Unit, free_port, rtsp_cameras, running_broker

from openaisle.adapters.entry_codes import CodeIssuer, load_or_create_key
from openaisle.adapters.event_log_memory import MemoryEventLog
from openaisle.adapters.mqtt import MqttConnection
from openaisle.adapters.scale_payload import encode_binary_payload, scale_topic
from openaisle.core.messages import GateTap, Receipt, ScaleBatch
from openaisle.core.units import NS_PER_S
from openaisle.edge.settings import EdgeSettings, ShopSettings
from openaisle.edge.supervisor import run_shop
from openaisle.replay.recording import Recording
from openaisle.replay.run import run
from openaisle.sim.recorded import record_day
from openaisle.sim.scripts import plan_day
from openaisle.store.load import load_store
from openaisle.store.write import write_store

LEAD_NS = 12 * NS_PER_S  # for the shop's processes to start
EMPTY_NS = 10 * NS_PER_S  # cameras see the empty shop before the first shopper
SEED = 3


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """One visit, seen by two cameras."""
    corner = load_store("corner")
    store = replace(corner, cameras=corner.cameras[:2])
    plan = plan_day(store, visit_count=1, seed=SEED, families=["single_pick"])
    visits = tuple(replace(visit, enters_ns=visit.enters_ns + EMPTY_NS) for visit in plan.visits)
    folder = tmp_path_factory.mktemp("rtsp") / "day"
    record_day(store, replace(plan, visits=visits), folder, about={})
    return Recording.open(folder)


@pytest.mark.soak
def test_rtsp_cameras_and_mqtt_plates_give_the_receipts_of_the_replay(day: Recording, tmp_path: Path) -> None:
    replayed = run(day, MemoryEventLog(), vision="video", keep=(Receipt,)).receipts
    gate_port = free_port()
    key = load_or_create_key(tmp_path / "issuer.key")
    public = tmp_path / "issuer.pub"
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    start_ns = time.time_ns() + LEAD_NS
    units = [list(_units(day, camera_id)) for camera_id in day.video_paths]
    with running_broker() as broker, rtsp_cameras(tmp_path, units, start_ns) as urls:
        cameras = tuple(
            replace(camera, source=url) for camera, url in zip(day.store.cameras, urls, strict=True)
        )
        write_store(replace(day.store, cameras=cameras), tmp_path / "store")
        settings = ShopSettings(
            store_name=str(tmp_path / "store"),
            state_folder=tmp_path / "state",
            is_headless=True,
            duration_s=(day.manifest.ended_ns - day.manifest.started_ns) / NS_PER_S + 16,
            edge=EdgeSettings(
                broker=broker.settings,
                gate_port=gate_port,
                entry_public_key=public,
                trusts_embedded_time=False,
            ),
        )
        world = threading.Thread(
            target=_play,
            args=(
                day,
                start_ns,
                MqttConnection(broker.settings),
                CodeIssuer(key, day.store.store_id),
                gate_port,
            ),
            daemon=True,
        )
        world.start()
        lines: list[str] = []
        result = run_shop(settings, say=lines.append)
    assert _baskets(list(result.day.receipts)) == _baskets(replayed), "\n".join(lines)
    assert replayed[0].lines


def _units(day: Recording, camera_id: str) -> Iterator[Unit]:
    """The pictures of one video as a camera would send them, timed from the day's first reading."""
    times_ns, _ = day.frame_times(camera_id)
    with av.open(str(day.video_paths[camera_id])) as container:
        stream = container.streams.video[0]
        annex_b = BitStreamFilterContext("h264_mp4toannexb", stream)
        number = 0
        for packet in container.demux(stream):
            for unit in annex_b.filter(packet if packet.size else None):
                yield int(times_ns[number]) - _origin_ns(day), unit.is_keyframe, bytes(unit)
                number += 1


def _origin_ns(day: Recording) -> int:
    return min(int(day.frame_times(camera_id)[0][0]) for camera_id in day.video_paths)


def _play(day: Recording, start_ns: int, device: MqttConnection, issuer: CodeIssuer, gate_port: int) -> None:
    """Plates and phones, in time."""
    shift_ns = start_ns - _origin_ns(day)
    for reading in day.readings():
        time.sleep(max(0.0, (reading.received_ns + shift_ns - time.time_ns()) / NS_PER_S))
        if isinstance(reading, ScaleBatch):
            moved = msgspec.structs.replace(reading, device_ns=reading.device_ns + shift_ns)
            device.publish(scale_topic(day.store.store_id, reading.scale_id), encode_binary_payload(moved))
        elif isinstance(reading, GateTap):
            code = issuer.issue(reading.visit_id, time.time_ns())
            phone = http.client.HTTPConnection(HOST, gate_port, timeout=5)
            phone.request("POST", f"/gates/{reading.gate_id}/codes", json.dumps({"code": code}))
            assert phone.getresponse().status == 200
    device.close()


def _baskets(receipts: list[Receipt]) -> dict[str, dict[str, int]]:
    return {
        receipt.visit_id: {line.product_id: line.quantity for line in receipt.lines} for receipt in receipts
    }
