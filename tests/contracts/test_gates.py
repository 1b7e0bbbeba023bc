"""One suite for both ways in which a code is presented: over HTTP and over MQTT."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.contracts.doors import HOST, Broker, running_broker, wait_for

from openaisle.adapters.clock import WallClock
from openaisle.adapters.entry_codes import CodeIssuer, CodeVerifier
from openaisle.adapters.gate_http import GateServer, gate_app
from openaisle.adapters.gate_mqtt import MqttGates, answers_topic, codes_topic
from openaisle.adapters.gatekeeper import TAPS_MAX, Gatekeeper
from openaisle.adapters.mqtt import MqttConnection
from openaisle.core.messages import GateTap
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


@pytest.fixture(params=["http", "mqtt"])
def door(request: pytest.FixtureRequest, tmp_path: Path, broker: Broker) -> Iterator[Door]:
    one = Door(tmp_path)
    close = _over_http(one) if request.param == "http" else _over_mqtt(one, broker)
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
def test_a_body_that_is_no_presented_code_is_refused_and_the_gate_lives_on(door: Door, body: bytes) -> None:
    answer = door.present("entry", body)
    assert (answer["admitted"], answer["reason"]) == (False, "malformed")
    assert door.present("entry", body_of(ISSUER.issue("v6", CLOCK.now_ns())))["admitted"]


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
