"""One suite for every way in which a code is presented: HTTP, MQTT, a keyboard wedge, a serial line, a camera."""

from __future__ import annotations

import io
import json
import os
import queue
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
import segno
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.contracts.doors import HOST, Broker, running_broker, wait_for

from openaisle.adapters.clock import WallClock
from openaisle.adapters.entry_codes import CodeIssuer, CodeVerifier
from openaisle.adapters.gate_http import GateServer, gate_app
from openaisle.adapters.gate_mqtt import MqttGates, answers_topic, codes_topic
from openaisle.adapters.gate_scanner import (
    GateScanner,
    camera_texts,
    codes_in,
    keyboard_texts,
    serial_texts,
)
from openaisle.adapters.gatekeeper import TAPS_MAX, Answer, Gatekeeper
from openaisle.adapters.mqtt import MqttConnection
from openaisle.core.errors import EntryRefused
from openaisle.core.messages import Frame, GateTap
from openaisle.store.schema import Gate

CLOCK = WallClock()
KEY = Ed25519PrivateKey.generate()
ISSUER = CodeIssuer(KEY, "corner")
GATES = tuple(
    Gate(
        gate_id=kind, kind=kind, left_floor_m=(0.0, 0.0), right_floor_m=(1.0, 0.0), inside_floor_m=(0.5, 0.5)
    )
    for kind in ("entry", "exit")
)
Present = Callable[[str, bytes], dict[str, object]]


class Door:
    """A gatekeeper, the taps it let through, and one way to present codes to it."""

    def __init__(self, folder: Path) -> None:
        self.keeper = Gatekeeper(
            GATES, CodeVerifier([KEY.public_key()], "corner", folder / "spent.sqlite"), CLOCK
        )
        self.refused: list[tuple[str, str]] = []
        self.present: Present

    def taps(self, count: int) -> list[GateTap]:
        taps: list[GateTap] = []
        for tap in self.keeper.taps():
            taps.append(tap)
            if len(taps) == count:
                break
        return taps


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with running_broker() as one:
        yield one


WAYS = ("http", "mqtt", "keyboard", "serial", "camera")


@pytest.fixture(params=WAYS)
def door(request: pytest.FixtureRequest, tmp_path: Path, broker: Broker) -> Iterator[Door]:
    yield from _door(request.param, tmp_path, broker)


@pytest.fixture(params=WAYS[:2])
def network_door(request: pytest.FixtureRequest, tmp_path: Path, broker: Broker) -> Iterator[Door]:
    yield from _door(request.param, tmp_path, broker)


def _door(way: str, folder: Path, broker: Broker) -> Iterator[Door]:
    one = Door(folder)
    if way == "http":
        close = _over_http(one)
    elif way == "mqtt":
        close = _over_mqtt(one, broker)
    else:
        close = _over_scanner(one, way, folder)
    yield one
    close()
    one.keeper.close()


def _over_http(door: Door) -> Callable[[], None]:
    listener = socket.create_server((HOST, 0))
    server = GateServer(gate_app(door.keeper, lambda gate, why: door.refused.append((gate, why))), listener)
    url = f"http://{HOST}:{listener.getsockname()[1]}"
    assert wait_for(lambda: _answers(f"{url}/healthz"))

    def present(gate_id: str, body: bytes) -> dict[str, object]:
        answer = httpx.post(f"{url}/gates/{gate_id}/codes", content=body)
        said = answer.json()
        assert (answer.status_code == 200) == said["admitted"]
        return said

    door.present = present
    return server.close


def _over_mqtt(door: Door, broker: Broker) -> Callable[[], None]:
    gates = MqttGates(
        broker.settings, "corner", door.keeper, lambda gate, why: door.refused.append((gate, why))
    )
    answers: list[dict[str, object]] = []
    arrived = threading.Event()

    def hear(_: str, payload: bytes, __: bool) -> None:
        answers.append(json.loads(payload))
        arrived.set()

    device = MqttConnection(broker.settings, topics=(answers_topic("corner", "+"),), on_message=hear)
    assert device.wait_until_up(10)
    # A subscription is made after the connection: knock until it answers.
    assert wait_for(lambda: device.publish(codes_topic("corner", "entry"), b"knock") and arrived.wait(0.3))
    wait_for(lambda: False, 0.2)
    answers.clear()
    door.refused.clear()

    def present(gate_id: str, body: bytes) -> dict[str, object]:
        before = len(answers)
        device.publish(codes_topic("corner", gate_id), body)
        assert wait_for(lambda: len(answers) > before, 5.0)
        return answers[-1]

    door.present = present

    def close() -> None:
        gates.close()
        device.close()

    return close


def _over_scanner(door: Door, way: str, folder: Path) -> Callable[[], None]:
    """A scanner at each gate, fed with what the real device would give: key events, lines, pictures."""
    answers: queue.Queue[Answer] = queue.Queue()
    feeds: dict[str, Callable[[str], None]] = {}
    scanners: list[GateScanner] = []
    closers: list[Callable[[], object]] = []

    def scanner_at(gate_id: str) -> Callable[[str], None]:
        if way == "camera":
            camera = PhoneCamera()
            texts, feed = camera_texts(camera), camera.show
            closers.append(camera.close)
        else:
            device = folder / f"{way}-{gate_id}"
            os.mkfifo(device)
            texts = keyboard_texts(device) if way == "keyboard" else serial_texts(device)
            file: list[io.FileIO] = []

            def feed(text: str) -> None:
                if not file:
                    file.append(io.FileIO(device, "wb"))
                    closers.append(file[0].close)
                file[0].write(keys_of(text) if way == "keyboard" else text.encode() + b"\r\n")

        scanners.append(GateScanner(gate_id, texts, door.keeper, CLOCK, answers.put))
        return feed

    def present(gate_id: str, body: bytes) -> dict[str, object]:
        feed = feeds.setdefault(gate_id, feeds.get(gate_id) or scanner_at(gate_id))
        for scanner in scanners:
            scanner._seen = ("", 0)  # As if the phone had been away for a moment.
        feed(json.loads(body)["code"])
        answer = answers.get(timeout=5)
        if not answer.is_admitted:
            door.refused.append((answer.gate_id, answer.reason))
            return {"admitted": False, "reason": answer.reason, "message": answer.message}
        return {"admitted": True, "visit_id": answer.visit_id}

    door.present = present

    def close() -> None:
        for end in closers:
            end()
        for scanner in scanners:
            scanner.close()

    return close


class PhoneCamera:
    """A camera above the gate that sees phones: a picture of the code, turned and grey, and then nothing."""

    camera_id = "gate"

    def __init__(self) -> None:
        self._pictures: queue.Queue[np.ndarray | None] = queue.Queue()

    def show(self, text: str) -> None:
        self._pictures.put(picture_of(text))

    def frames(self) -> Iterator[Frame]:
        while (pixels := self._pictures.get()) is not None:
            now_ns = CLOCK.now_ns()
            yield Frame(camera_id="gate", captured_ns=now_ns, received_ns=now_ns, pixels=pixels)

    def close(self) -> None:
        self._pictures.put(None)


def picture_of(text: str, turn_deg: float = 14.0) -> np.ndarray:
    """A 640x480 picture of a phone that shows the code."""
    made = io.BytesIO()
    segno.make_qr(text, error="m").save(made, kind="png", scale=5, border=4)
    code = cv2.imdecode(np.frombuffer(made.getvalue(), np.uint8), cv2.IMREAD_COLOR)
    assert code is not None
    height, width = code.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), turn_deg, 1.0)
    turn[:, 2] += (320 - width / 2, 240 - height / 2)
    picture = cv2.warpAffine(code, turn, (640, 480), borderValue=(90, 90, 90))
    noise = np.random.default_rng(1).normal(0, 6, picture.shape)
    return np.clip(0.8 * cv2.GaussianBlur(picture, (3, 3), 0) + noise, 0, 255).astype(np.uint8)


def keys_of(text: str) -> bytes:
    """What a keyboard wedge sends for a text and Enter: events of keys pressed and released."""
    from openaisle.adapters.gate_scanner import _KEYS

    code_of = {typed: (code, shift) for code, pair in _KEYS.items() for shift, typed in enumerate(pair)}
    events: list[tuple[int, int]] = []
    for letter in text:
        code, shift = code_of[letter]
        press = [(code, 1), (code, 0)]
        events += [(42, 1), *press, (42, 0)] if shift and letter != " " else press
    events += [(28, 1), (28, 0)]
    return b"".join(
        struct.pack("llHHi", 0, 0, 1, code, value) + struct.pack("llHHi", 0, 0, 0, 0, 0)
        for code, value in events
    )


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.HTTPError:
        return False


def body_of(code: str) -> bytes:
    return json.dumps({"code": code}).encode()


# --- the contract -------------------------------------------------------------------------------------------------


def test_a_good_code_opens_the_gate_and_becomes_a_tap(door: Door) -> None:
    answer = door.present("entry", body_of(ISSUER.issue("v1", CLOCK.now_ns(), people_count=2)))
    assert answer == {"admitted": True, "visit_id": "v1"}
    (tap,) = door.taps(1)
    assert (tap.gate_id, tap.direction, tap.visit_id, tap.people_count) == ("entry", "entry", "v1", 2)
    assert 0 <= CLOCK.now_ns() - tap.tapped_ns < 5 * 10**9


def test_a_copy_of_a_code_that_was_used_is_refused(door: Door) -> None:
    code = ISSUER.issue("v2", CLOCK.now_ns())
    assert door.present("entry", body_of(code))["admitted"]
    again = door.present("entry", body_of(code))
    assert (again["admitted"], again["reason"]) == (False, "used")
    assert door.refused == [("entry", "used")]
    assert len(door.taps(1)) == 1


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (ISSUER.issue("v3", CLOCK.now_ns() - 60 * 10**9), "expired"),
        (CodeIssuer(Ed25519PrivateKey.generate(), "corner").issue("v4", CLOCK.now_ns()), "forged"),
        (CodeIssuer(KEY, "market").issue("v5", CLOCK.now_ns()), "wrong_store"),
        ("hello", "malformed"),
    ],
)
def test_a_bad_code_is_refused_with_its_reason(door: Door, code: str, reason: str) -> None:
    answer = door.present("entry", body_of(code))
    assert (answer["admitted"], answer["reason"]) == (False, reason)
    assert answer["message"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"code": 7}', b'{"code": "x", "more": 1}', b"x" * 5000, b"\xff\xfe"]
)
def test_a_body_that_is_no_presented_code_is_refused_and_the_gate_lives_on(
    network_door: Door, body: bytes
) -> None:
    answer = network_door.present("entry", body)
    assert (answer["admitted"], answer["reason"]) == (False, "malformed")
    assert network_door.present("entry", body_of(ISSUER.issue("v6", CLOCK.now_ns())))["admitted"]


def test_an_exit_and_an_unknown_gate_let_nobody_in(door: Door) -> None:
    code = ISSUER.issue("v7", CLOCK.now_ns())
    for gate_id in ("exit", "roof"):
        assert not door.present(gate_id, body_of(code))["admitted"]
    # Neither try spent the code.
    assert door.present("entry", body_of(code))["admitted"]


def test_when_the_path_does_not_keep_up_nobody_more_is_let_in(door: Door) -> None:
    for number in range(TAPS_MAX):
        door.keeper.admit("entry", ISSUER.issue(f"w{number}", CLOCK.now_ns()))
    code = ISSUER.issue("late", CLOCK.now_ns())
    answer = door.present("entry", body_of(code))
    assert (answer["admitted"], answer["reason"]) == (False, "store_closed")
    door.taps(1)
    assert door.present("entry", body_of(code))["admitted"]


# --- scanners alone -----------------------------------------------------------------------------------------------


def test_a_phone_that_stays_in_front_of_a_scanner_is_presented_once(tmp_path: Path) -> None:
    door = Door(tmp_path)
    answers: queue.Queue[Answer] = queue.Queue()
    camera = PhoneCamera()
    scanner = GateScanner("entry", camera_texts(camera), door.keeper, CLOCK, answers.put)
    code = ISSUER.issue("stays", CLOCK.now_ns())
    for _ in range(5):
        camera.show(code)
    assert answers.get(timeout=5).is_admitted
    assert not wait_for(lambda: not answers.empty(), 0.5)
    camera.close()
    scanner.close()
    door.keeper.close()


@pytest.mark.parametrize("turn_deg", [0.0, 45.0, 90.0, 180.0, 200.0])
def test_a_code_is_read_however_the_phone_is_held(turn_deg: float) -> None:
    code = ISSUER.issue("turned", CLOCK.now_ns(), people_count=3)
    assert codes_in(picture_of(code, turn_deg)) == [code]
    assert codes_in(np.full((480, 640, 3), 90, np.uint8)) == []


def test_a_scanner_that_is_unplugged_is_named_and_works_again_when_it_is_back(tmp_path: Path) -> None:
    door = Door(tmp_path)
    answers: queue.Queue[Answer] = queue.Queue()
    device = tmp_path / "scanner"
    scanner = GateScanner("entry", serial_texts(device), door.keeper, CLOCK, answers.put)
    away = answers.get(timeout=5)
    assert (away.reason, away.is_admitted) == ("scanner_away", False)
    assert "scanner" in away.message
    os.mkfifo(device)
    with io.FileIO(device, "wb") as file:
        file.write(ISSUER.issue("back", CLOCK.now_ns()).encode() + b"\n")
        assert wait_for(lambda: any(answers.get(timeout=5).is_admitted for _ in range(3)), 10)
    scanner.close()
    door.keeper.close()


def test_what_somebody_typed_before_a_pause_is_no_part_of_a_code(tmp_path: Path) -> None:
    door = Door(tmp_path)
    answers: queue.Queue[Answer] = queue.Queue()
    device = tmp_path / "keyboard"
    os.mkfifo(device)
    scanner = GateScanner("entry", keyboard_texts(device), door.keeper, CLOCK, answers.put)
    with io.FileIO(device, "wb") as file:
        file.write(keys_of("elbow")[: -4 * 24])  # without its Enter
        wait_for(lambda: False, 1.3)
        file.write(keys_of(ISSUER.issue("typed", CLOCK.now_ns())))
        assert answers.get(timeout=5).is_admitted
    scanner.close()
    door.keeper.close()


def test_who_may_not_come_in_is_told_at_the_gate_and_their_code_is_not_spent(tmp_path: Path) -> None:
    refusals: list[tuple[str, str] | None] = [("blocked", "please ask at the counter"), None]
    verifier = CodeVerifier(
        [KEY.public_key()], "corner", tmp_path / "spent.sqlite", lambda visit_id, now_ns: refusals.pop(0)
    )
    keeper = Gatekeeper(GATES, verifier, CLOCK)
    code = ISSUER.issue("debtor", CLOCK.now_ns())
    with pytest.raises(EntryRefused, match="ask at the counter") as refused:
        keeper.admit("entry", code)
    assert refused.value.reason == "blocked"
    assert keeper.admit("entry", code).visit_id == "debtor"
    keeper.close()


def test_what_became_of_a_scanned_code_or_a_tapped_card_is_told_where_the_gate_listens(
    broker: Broker, tmp_path: Path
) -> None:
    keeper = Door(tmp_path).keeper
    gates = MqttGates(broker.settings, "corner", keeper)
    heard: list[tuple[str, dict[str, object]]] = []
    device = MqttConnection(
        broker.settings,
        topics=(answers_topic("corner", "+"),),
        on_message=lambda topic, payload, _: heard.append((topic, json.loads(payload))),
    )
    assert device.wait_until_up(10)
    refused = Answer(gate_id="entry", is_admitted=False, reason="card_declined", message="no")
    assert wait_for(lambda: gates.answer(refused) or wait_for(lambda: bool(heard), 0.3))
    gates.answer(Answer(gate_id="entry", is_admitted=True, visit_id="t-1"))
    assert wait_for(lambda: heard[-1][1]["admitted"] is True)
    assert heard[0] == (
        answers_topic("corner", "entry"),
        {"admitted": False, "reason": "card_declined", "message": "no"},
    )
    assert heard[-1][1] == {"admitted": True, "visit_id": "t-1"}
    gates.close()
    device.close()
    keeper.close()
