from __future__ import annotations

import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil
import pytest

from openaisle.edge.board import Board, State
from openaisle.edge.clock import ShopClock
from openaisle.edge.processes import RESTARTS_MAX, Processes, Spec
from openaisle.edge.settings import ShopSettings
from openaisle.edge.worker import TRACEBACK, Context


class Shop:
    def __init__(self, folder: Path) -> None:
        self.lines: list[str] = []
        self.heard: list[tuple[str, int, Any]] = []
        self.board = Board(["worker"])
        self._clock = ShopClock(0)
        self._folder = folder
        self.processes = Processes(
            self.board, self._context, lambda *heard: self.heard.append(heard), self.lines.append
        )

    def start(self, target: str, **more: Any) -> None:
        self.processes.start(Spec(name="worker", target=f"tests.unit.edge.workers:{target}", **more))

    def look_until(self, is_so: Callable[[], bool], timeout_s: float = 30.0) -> bool:
        until = time.monotonic() + timeout_s
        while time.monotonic() < until and not is_so():
            self.processes.look(0.05)
        return is_so()

    @property
    def is_running(self) -> bool:
        return self.board.state("worker") == State.RUNNING

    @property
    def pid(self) -> int:
        return self.processes.pids["worker"]

    def _context(self, spec: Spec, restarts: int, channel: Connection) -> Context:
        return Context(
            name=spec.name,
            settings=ShopSettings(store_name="corner", state_folder=self._folder),
            board=self.board,
            clock=self._clock,
            sockets=self._folder,
            broker_port=0,
            gate_address=("127.0.0.1", 0),
            started_ns=0,
            restarts=restarts,
            channel=channel,
        )


@pytest.fixture
def shop() -> Iterator[Shop]:
    with tempfile.TemporaryDirectory() as folder:
        one = Shop(Path(folder))
        yield one
        one.processes.end()


def test_a_killed_worker_is_noticed_within_a_second_and_started_again_with_one_line(shop: Shop) -> None:
    shop.start("steady")
    assert shop.look_until(lambda: shop.is_running)
    os.kill(shop.pid, signal.SIGKILL)
    began = time.monotonic()
    assert shop.look_until(lambda: bool(shop.lines))
    assert time.monotonic() - began < 1.0
    assert shop.lines == ["worker was killed (SIGKILL): it is started again"]
    assert shop.look_until(lambda: shop.is_running)
    assert shop.processes.restarts == {"worker": 1}


def test_a_hung_worker_is_noticed_by_its_lack_of_progress_and_replaced(shop: Shop) -> None:
    shop.start("hangs_once", kill_s=1.5)
    assert shop.look_until(lambda: shop.is_running)
    hung_pid = shop.pid
    began = time.monotonic()
    assert shop.look_until(lambda: bool(shop.lines))
    assert time.monotonic() - began < 1.6
    assert shop.lines[0].startswith("worker has not moved for 1.")
    assert shop.look_until(
        lambda: shop.is_running and shop.processes.pids.get("worker") not in (None, hung_pid)
    )
    assert not psutil.pid_exists(hung_pid)
    assert any("hangs" in line for line in shop.lines)


def test_a_worker_that_keeps_dying_is_given_up_after_a_few_times(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openaisle.edge.processes.RESTART_S", (0.0,))
    shop.start("dies_at_once")
    assert shop.look_until(lambda: shop.board.state("worker") == State.GIVEN_UP, 60.0)
    assert shop.processes.restarts == {"worker": RESTARTS_MAX}
    assert shop.lines[-1] == "worker ended by itself (exit 7): the shop goes on without it"
    assert shop.processes.lost is None


def test_a_worker_that_cannot_work_is_not_tried_again(shop: Shop) -> None:
    shop.start("cannot_work", is_essential=True)
    assert shop.look_until(lambda: shop.processes.lost == "worker")
    assert shop.lines == [] or "the moon" not in shop.lines[0]
    said = [payload for _, kind, payload in shop.heard if kind == 1]
    assert said == ["worker: the moon is not reachable"]
    assert shop.lines == ["worker cannot work: the shop cannot go on without it"]


def test_a_bug_is_one_line_and_its_traceback_goes_elsewhere(shop: Shop) -> None:
    shop.start("has_a_bug")
    assert shop.look_until(lambda: shop.is_running)
    lines = [payload for _, kind, payload in shop.heard if kind == 1]
    assert len(lines) == 1
    assert lines[0].startswith("worker failed: ZeroDivisionError: by accident (workers.py:")
    assert any("Traceback" in payload for _, kind, payload in shop.heard if kind == TRACEBACK)


def test_a_worker_that_does_not_end_is_killed_within_three_seconds(shop: Shop) -> None:
    shop.start("deaf", kill_s=60.0)
    assert shop.look_until(lambda: shop.is_running)
    pid = shop.pid
    began = time.monotonic()
    shop.processes.end()
    assert time.monotonic() - began < 3.0
    assert not psutil.pid_exists(pid)


def test_no_worker_outlives_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:  # a supervisor of its own, which will be killed
        shop = Shop(tmp_path)
        shop.start("steady")
        shop.look_until(lambda: shop.is_running)
        theirs.sendall(str(shop.pid).encode())
        time.sleep(60)
        os._exit(0)
    worker_pid = int(ours.recv(64))
    assert psutil.pid_exists(worker_pid)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    until = time.monotonic() + 5.0
    while time.monotonic() < until and _is_alive(worker_pid):
        time.sleep(0.02)
    assert not _is_alive(worker_pid)


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
