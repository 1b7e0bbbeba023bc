"""A whole shop of processes, run for a few seconds on real doors: files as cameras, a broker, codes over HTTP."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.contracts.doors import HOST, free_port, running_broker, wait_for

from openaisle.adapters.entry_codes import CodeIssuer, load_or_create_key
from openaisle.adapters.mqtt import BrokerSettings, MqttConnection
from openaisle.adapters.scale_payload import encode_binary_payload, encode_json_payload, scale_topic
from openaisle.core.errors import PortUnavailable
from openaisle.core.messages import ScaleBatch
from openaisle.core.units import NS_PER_S
from openaisle.detections.gallery import GALLERY_FILE, Gallery, save_gallery
from openaisle.detections.products import ProductNetwork
from openaisle.edge.board import Board, Cell, State
from openaisle.edge.day import Day
from openaisle.edge.processes import Processes
from openaisle.edge.settings import EdgeSettings, ShopSettings
from openaisle.edge.summary import run_report
from openaisle.edge.supervisor import run_shop
from openaisle.sim.video import VideoWriter
from openaisle.store.load import load_store
from openaisle.store.write import write_store

FPS = 8
SECONDS = 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of one gondola and two cameras, of which one plays a good video and the other a truncated one."""
    base = tmp_path_factory.mktemp("live")
    corner = load_store("corner")
    rng = np.random.default_rng(1)
    for name in ("good", "cut"):
        with VideoWriter(base / f"{name}.mp4", 640, 360, FPS) as video:
            for number in range(FPS * (SECONDS if name == "good" else 2)):
                noise = rng.integers(0, 12, (360, 640, 3), dtype=np.uint8)
                video.write(noise + np.uint8(90), 10**18 + number * NS_PER_S // FPS)
    whole = (base / "cut.mp4").read_bytes()
    (base / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    cameras = tuple(
        replace(camera, source=f"file:{base / name}.mp4")
        for camera, name in zip(corner.cameras[:2], ("good", "cut"), strict=True)
    )
    write_store(replace(corner, cameras=cameras, gondolas=corner.gondolas[:1]), base / "store")
    # Nothing is enrolled, but questions about packs could be answered.
    save_gallery(Gallery(ProductNetwork().sha256), base / "store" / GALLERY_FILE)
    return base / "store"


class Visitor:
    """Acts on the running shop from a thread, and keeps what it saw."""

    def __init__(self, folder: Path, state: Path) -> None:
        self.lines: list[str] = []
        self.opened = threading.Event()
        self.processes: Processes | None = None
        self.board: Board | None = None
        self.store = load_store(folder)
        self.state = state
        self.answers: list[tuple[int, str]] = []

    def look(self, board: Board, _: Day, processes: Processes) -> None:
        self.board, self.processes = board, processes

    def issuer(self) -> CodeIssuer:
        return CodeIssuer(load_or_create_key(self.state / "issuer.key"), self.store.store_id)

    def show(self, address: tuple[str, int], code: str) -> None:
        url = f"http://{address[0]}:{address[1]}/gates/entry/codes"
        answer = httpx.post(url, json={"code": code}, timeout=10)
        self.answers.append((answer.status_code, answer.json().get("reason", "")))

    def weigh(self, connection: MqttConnection, numbers: range) -> None:
        gondola = self.store.gondolas[0]
        for number in numbers:
            batch = ScaleBatch(
                scale_id=gondola.scale_id,
                boot_id="boot-1",
                sequence=number,
                device_ns=time.time_ns(),
                received_ns=0,
                rate_hz=60.0,
                grams=np.full((12, len(gondola.plates)), 500.0, np.float32),
            )
            encoder = (encode_json_payload, encode_binary_payload)[number % 2]
            connection.publish(scale_topic(self.store.store_id, gondola.scale_id), encoder(batch))
            time.sleep(0.02)

    def wait_until_vision_runs(self) -> None:
        assert wait_for(lambda: self.board is not None and self.board.state("vision-1") == State.RUNNING, 40)


@pytest.fixture
def visitor(folder: Path, tmp_path: Path) -> Visitor:
    return Visitor(folder, tmp_path)


def settings_of(folder: Path, visitor: Visitor, broker: BrokerSettings, gate_port: int) -> ShopSettings:
    public = visitor.state / "issuer.pub"
    key = visitor.issuer().public_key
    public.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return ShopSettings(
        store_name=str(folder),
        state_folder=visitor.state / "state",
        is_headless=True,
        edge=EdgeSettings(broker=broker, gate_port=gate_port, entry_public_key=public),
    )


def test_a_shop_survives_what_the_world_does_to_it(folder: Path, visitor: Visitor) -> None:
    """Good and corrupt batches, good and used codes, a truncated video, a killed eye, a broker that comes and goes."""
    gate = (HOST, free_port())
    with running_broker() as broker:
        settings = settings_of(folder, visitor, broker.settings, gate[1])

        def act() -> None:
            visitor.opened.wait(60)
            device = MqttConnection(broker.settings)
            assert device.wait_until_up(10)
            visitor.weigh(device, range(20))
            device.publish(
                scale_topic(visitor.store.store_id, visitor.store.gondolas[0].scale_id), b"rubbish"
            )
            code = visitor.issuer().issue("v1", time.time_ns())
            visitor.show(gate, code)
            visitor.show(gate, code)
            assert visitor.processes is not None
            os.kill(visitor.processes.pids["vision-1"], signal.SIGKILL)
            broker.stop()
            time.sleep(0.5)
            broker.start()
            assert device.wait_until_up(15)
            assert visitor.board is not None
            before = visitor.board.get("core", Cell.BATCHES)
            number = 20
            while visitor.board.get("core", Cell.BATCHES) < before + 10 and number < 500:
                visitor.weigh(device, range(number, number + 5))
                number += 5
            visitor.wait_until_vision_runs()
            device.close()
            os.kill(os.getpid(), signal.SIGINT)

        actor = threading.Thread(target=act, daemon=True)
        actor.start()
        began = time.monotonic()
        result = run_shop(
            settings,
            say=visitor.lines.append,
            on_open=lambda _: visitor.opened.set(),
            on_look=visitor.look,
        )
        assert time.monotonic() - began < 60
        actor.join(5)
    said = "\n".join(visitor.lines)
    assert visitor.answers == [(200, ""), (403, "used")]
    assert said.count("corrupt: ") == 1
    assert said.count("gate entry: refused (used)") == 1
    assert "vision-1 was killed (SIGKILL): it is started again" in said
    assert "vision-1 is back" in said
    assert said.count("broker: silent") == 1
    assert said.count("broker: no longer silent") == 1
    assert "truncated" in said
    assert said.count("no main_source in cameras.toml: packs are looked at in the substream") == 1
    assert "Traceback" not in said
    assert result.was_interrupted
    assert result.lost is None
    report = run_report(settings, result)
    assert report["scale_batches"] >= 25
    assert report["frames_seen"] > 5
    assert report["processes"]["vision-1"]["restarts"] == 1
    assert report["processes"]["core"]["restarts"] == 0
    assert [child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())] == []


def test_a_taken_port_is_one_clear_sentence_before_anything_starts(folder: Path, tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        settings = ShopSettings(store_name=str(folder), state_folder=tmp_path, port=port)
        with pytest.raises(PortUnavailable, match=rf"port {port} .*choose another with --port"):
            run_shop(settings, say=print)
