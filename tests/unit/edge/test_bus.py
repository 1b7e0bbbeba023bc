from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from openaisle.edge.bus import Inlet, Outlet


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:  # short: a socket's path has 107 bytes at most
        yield Path(folder) / "core"


def take(inlet: Inlet, count: int, timeout_s: float = 5.0) -> list[tuple[int, bytes]]:
    until = time.monotonic() + timeout_s
    got: list[tuple[int, bytes]] = []
    while len(got) < count and time.monotonic() < until:
        got += inlet.take(0.1)
    return got


def test_messages_arrive_whole_and_in_order(path: Path) -> None:
    inlet, outlet = Inlet(path, 1000), Outlet(path, 1000)
    sent = [(number % 7, bytes([number % 256]) * (number * 997 % 150_000)) for number in range(60)]
    for kind, payload in sent:
        assert outlet.send(kind, payload)
    assert take(inlet, 60) == sent


def test_a_sender_may_be_there_before_the_receiver_and_outlive_it(path: Path) -> None:
    outlet = Outlet(path, 10)
    outlet.send(1, b"early")
    first = Inlet(path, 10)
    assert take(first, 1) == [(1, b"early")]
    first.close()
    time.sleep(0.4)
    second = Inlet(path, 10)
    # A message handed to a dying receiver may be lost with it; the next ones arrive.
    until = time.monotonic() + 5
    got: list[tuple[int, bytes]] = []
    while not got and time.monotonic() < until:
        outlet.send(2, b"late")
        got = second.take(0.2)
    assert got[0] == (2, b"late")


def test_a_full_outlet_that_drops_keeps_the_newest_and_counts(path: Path) -> None:
    dropped: list[int] = []
    outlet = Outlet(path, 3, drops_oldest=True, on_drop=lambda: dropped.append(1))
    for number in range(10):
        outlet.send(0, bytes([number]))
    inlet = Inlet(path, 10)
    assert [payload[0] for _, payload in take(inlet, 3)] == [7, 8, 9]
    assert len(dropped) == 7


def test_a_full_outlet_that_waits_says_so_and_loses_nothing(path: Path) -> None:
    outlet = Outlet(path, 2)
    assert outlet.send(0, b"a")
    assert outlet.send(0, b"b")
    assert not outlet.send(0, b"c", timeout_s=0.05)
    inlet = Inlet(path, 10)
    assert [payload for _, payload in take(inlet, 2)] == [b"a", b"b"]


def test_a_full_inlet_holds_its_senders_back(path: Path) -> None:
    inlet, outlet = Inlet(path, 4), Outlet(path, 4)
    accepted = 0
    while outlet.send(0, b"x" * 100_000, timeout_s=0.3):
        accepted += 1
        assert accepted < 200
    assert len(take(inlet, accepted)) == accepted


def test_half_a_message_of_a_killed_sender_never_was_one(path: Path) -> None:
    inlet = Inlet(path, 10)
    broken = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    broken.connect(str(path))
    broken.sendall(b"\x01\x10\x00\x00\x00half")
    broken.close()
    outlet = Outlet(path, 10)
    outlet.send(1, b"whole")
    assert take(inlet, 1) == [(1, b"whole")]
