"""Starts worker processes, notices within a second that one died or stands still, and starts it again, a few times."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Final

import psutil

from openaisle.edge.board import Board, Cell, State
from openaisle.edge.worker import READY, Context, work

STILL_S_MAX: Final = 1.0
"""A running worker that does not move for so long is said to stand still."""
START_S_MAX: Final = 180.0
RESTARTS_MAX: Final = 5
RESTARTS_WINDOW_S: Final = 60.0
RESTART_S: Final = (0.0, 0.5, 1.0, 2.0, 4.0)
END_S: Final = 2.0
INPUT_WRONG: Final = (
    2  # exit code of a worker that cannot work with what it was given: no use to start it again
)

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Spec:
    """One worker: what it runs, and how patient we are with it."""

    name: str
    target: str  # "module:function"
    index: int = 0
    listener: socket.socket | None = None
    kill_s: float = 5.0  # standing still for so long, it is killed and started again
    is_essential: bool = False  # without it there is no shop
    is_restarted: bool = True
    nice: int = 0


@dataclass
class _Worker:
    spec: Spec
    process: Any = None
    channel: Connection | None = None
    restarts: int = 0
    started_s: float = 0.0
    start_at_s: float | None = None  # planned restart
    recent: deque[float] = field(default_factory=deque)  # when it was started again
    is_still: bool = False
    is_killed: bool = False
    beats: int = -1
    still_s: float = 0.0  # real time without a beat, less what the kernel kept it waiting for a processor
    waited_s: float = 0.0  # for a processor, since its start
    cpu_s: float = 0.0  # of processes of this worker that ended
    seen_cpu_s: float = 0.0  # of the present one


class Processes:
    """All workers of one shop. `look` again and again from one thread."""

    def __init__(
        self,
        board: Board,
        make_context: Callable[[Spec, int, Connection], Context],
        on_message: Callable[[str, int, Any], None],
        say: Say,
    ) -> None:
        """`on_message(worker, kind, payload)` hears what workers send."""
        self._spawn = multiprocessing.get_context("spawn")
        self._board = board
        self._make_context = make_context
        self._on_message = on_message
        self._say = say
        self._workers: dict[str, _Worker] = {}
        self._looked_s = time.monotonic()
        self.lost: str | None = None  # the essential worker that is gone for good

    def start(self, spec: Spec) -> None:
        self._workers[spec.name] = _Worker(spec)
        self._launch(self._workers[spec.name])

    def is_ready(self, name: str) -> bool:
        return self._board.state(name) in (State.RUNNING, State.DONE, State.GIVEN_UP)

    def is_done(self, name: str) -> bool:
        worker = self._workers.get(name)
        return worker is not None and worker.process is None and self._board.state(name) == State.DONE

    @property
    def restarts(self) -> dict[str, int]:
        return {name: worker.restarts for name, worker in self._workers.items()}

    @property
    def cpu_s(self) -> dict[str, float]:
        """Processor time of each worker, all its processes together."""
        return {name: round(worker.cpu_s + worker.seen_cpu_s, 2) for name, worker in self._workers.items()}

    @property
    def pids(self) -> dict[str, int]:
        return {name: worker.process.pid for name, worker in self._workers.items() if worker.process}

    def look(self, timeout_s: float) -> None:
        """Hear what workers say, for up to `timeout_s`; notice who died or stands still; start again who should."""
        channels = {worker.channel: worker for worker in self._workers.values() if worker.channel}
        sentinels = [
            worker.process.sentinel for worker in self._workers.values() if worker.process and worker.channel
        ]
        for ready in wait([*channels, *sentinels], timeout_s):
            if ready in channels:
                self._hear(channels[ready])  # type: ignore[index]
        now = time.monotonic()
        since_s, self._looked_s = now - self._looked_s, now
        for worker in self._workers.values():
            if worker.process is None:
                if worker.start_at_s is not None and now >= worker.start_at_s and not self._board.is_stopping:
                    self._launch(worker)
            elif not worker.process.is_alive():
                self._bury(worker)
            else:
                worker.seen_cpu_s = _cpu_s(worker.process.pid, worker.seen_cpu_s)
                if not self._board.is_stopping:
                    self._check_moves(worker, since_s)

    def end(self) -> None:
        """Ask all to end, wait up to 2 s, then kill who is left."""
        self._board.stop()
        until = time.monotonic() + END_S
        while time.monotonic() < until and any(
            worker.process and worker.process.is_alive() for worker in self._workers.values()
        ):
            self.look(0.05)
        for worker in self._workers.values():
            if worker.process and worker.process.is_alive():
                self._say(f"{worker.spec.name} did not end within {END_S:g} s: it is killed")
                worker.process.kill()
                worker.process.join(1.0)
            self._read_rest(worker)

    def _launch(self, worker: _Worker) -> None:
        spec = worker.spec
        ours, theirs = self._spawn.Pipe(duplex=False)
        context = self._make_context(spec, worker.restarts, theirs)
        worker.process = self._spawn.Process(target=work, args=(spec.target, context), name=spec.name)
        # Born deaf to Ctrl-C, which the terminal sends to every process: the supervisor ends its workers itself.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            worker.process.start()
        finally:
            signal.signal(signal.SIGINT, before)
        theirs.close()
        if spec.nice:
            os.setpriority(os.PRIO_PROCESS, worker.process.pid, spec.nice)
        worker.channel, worker.is_still, worker.is_killed, worker.start_at_s = ours, False, False, None
        worker.still_s = worker.waited_s = 0.0
        worker.started_s = time.monotonic()
        worker.seen_cpu_s = 0.0
        # Until it says otherwise itself: the state of the one before it must not be taken for its own.
        self._board.beat(spec.name)
        self._board.put(spec.name, Cell.STATE, State.STARTING)

    def _hear(self, worker: _Worker) -> None:
        assert worker.channel is not None
        try:
            while worker.channel.poll():
                kind, payload = worker.channel.recv()
                if kind == READY and worker.restarts:
                    self._say(f"{worker.spec.name} is back after {time.monotonic() - worker.started_s:.1f} s")
                self._on_message(worker.spec.name, kind, payload)
        except (EOFError, OSError):
            worker.channel.close()
            worker.channel = None

    def _read_rest(self, worker: _Worker) -> None:
        if worker.channel is not None:
            self._hear(worker)

    def _check_moves(self, worker: _Worker, since_s: float) -> None:
        """Say it when a worker stands still, and kill it when it does so for long. A starved one is not a hung one."""
        name, spec = worker.spec.name, worker.spec
        if worker.is_killed:
            return
        if self._board.state(name) != State.RUNNING:
            if (
                time.monotonic() - worker.started_s > START_S_MAX
                and self._board.state(name) == State.STARTING
            ):
                self._kill(worker, f"{name} did not start within {START_S_MAX:.0f} s: it is killed")
            return
        waited_s = _waited_s(worker.process.pid, worker.waited_s)
        starved_s, worker.waited_s = waited_s - worker.waited_s, waited_s
        beats = self._board.get(name, Cell.BEATS)
        if beats != worker.beats:
            worker.beats, worker.still_s, worker.is_still = beats, 0.0, False
            return
        # Between two looks no more than a second counts: this process may have been starved itself.
        worker.still_s += max(0.0, min(since_s, STILL_S_MAX) - starved_s)
        if worker.still_s > spec.kill_s:
            self._kill(worker, f"{name} hangs (not moved for {worker.still_s:.1f} s): it is killed")
        elif worker.still_s >= STILL_S_MAX and not worker.is_still:
            worker.is_still = True
            self._say(f"{name} has not moved for {worker.still_s:.1f} s")

    def _kill(self, worker: _Worker, line: str) -> None:
        self._say(line)
        worker.is_killed = True
        worker.process.kill()

    def _bury(self, worker: _Worker) -> None:
        """A worker ended: as it should, for a reason that stays, or by accident."""
        self._read_rest(worker)
        name, spec, code = worker.spec.name, worker.spec, worker.process.exitcode
        worker.cpu_s += worker.seen_cpu_s
        worker.seen_cpu_s = 0.0
        worker.process.join()
        worker.process = None
        if self._board.is_stopping or code == 0:
            self._board.put(name, Cell.STATE, State.DONE)
            return
        now = time.monotonic()
        worker.recent.append(now)
        while worker.recent and now - worker.recent[0] > RESTARTS_WINDOW_S:
            worker.recent.popleft()
        how = _how(code)
        if code == INPUT_WRONG or not spec.is_restarted or len(worker.recent) > RESTARTS_MAX:
            self._give_up(worker, how)
            return
        pause = RESTART_S[min(len(worker.recent), len(RESTART_S)) - 1]
        self._say(f"{name} {how}: it is started again" + (f" in {pause:g} s" if pause else ""))
        worker.restarts += 1
        worker.start_at_s = now + pause
        self._board.put(name, Cell.STATE, State.STARTING)

    def _give_up(self, worker: _Worker, how: str) -> None:
        name = worker.spec.name
        self._board.put(name, Cell.STATE, State.GIVEN_UP)
        if worker.spec.is_essential:
            self.lost = name
            self._say(f"{name} {how}: the shop cannot go on without it")
        else:
            self._say(f"{name} {how}: the shop goes on without it")


def _how(code: int) -> str:
    if code < 0:
        return f"was killed ({signal.Signals(-code).name})"
    return "cannot work" if code == INPUT_WRONG else f"ended by itself (exit {code})"


def _waited_s(pid: int, before: float) -> float:
    """How long the kernel has kept a process's main thread waiting for a processor (sched-stats.rst)."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return before


def _cpu_s(pid: int, before: float) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return before
    return times.user + times.system
