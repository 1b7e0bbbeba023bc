"""The parent of all processes of a shop: what is started, in which order, and when it is over.

    supervisor --+-- broker    embedded MQTT broker, only where edge.toml names none
                 +-- core      scales, gates, detections -> the path -> ledger
                 +-- vision-1  cameras -> detections (one or several)
                 +-- pages     the web pages, unless headless
                 +-- processor in a demo: whoever moves the money, simulated
                 +-- sim       in a demo: the world, in place of hardware

A real shop and a demo are this one code; a demo has two processes more, and its addresses lead there.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any, Final

from openaisle.core.errors import PortUnavailable
from openaisle.core.messages import SensorDegraded, SensorRecovered, decode
from openaisle.core.units import NS_PER_S
from openaisle.edge.board import Board, Cell
from openaisle.edge.bus import Outlet
from openaisle.edge.clock import ShopClock
from openaisle.edge.day import Day
from openaisle.edge.keys import make_entry_keys
from openaisle.edge.processes import Processes, Spec
from openaisle.edge.settings import LOOPBACK, ShopSettings
from openaisle.edge.wire import MESSAGE as TO_PAGES, STATUS, encode_status
from openaisle.edge.worker import FACTS, LINE, MESSAGE, TRACEBACK, Context

LOOK_S: Final = 0.1
STATUS_S: Final = 0.5
FOLLOW_S: Final = 1.0
PAGES_MAX: Final = 256
SIMULATED_START_NS: Final = 1_780_300_800 * NS_PER_S  # 1 June 2026, 08:00 UTC
FINISH_S_MAX: Final = 20.0
ONE_THREAD: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class ShopResult:
    """How a run ended, and what it gave."""

    day: Day
    board: Board
    restarts: dict[str, int]
    cpu_s: dict[str, float]
    wall_s: float
    was_interrupted: bool
    lost: str | None  # the process without which there was no going on


def run_shop(
    settings: ShopSettings,
    *,
    say: Say,
    on_open: Callable[[ShopSettings], None] | None = None,
    on_look: Callable[[Board, Day, Processes], None] | None = None,
) -> ShopResult:
    """Run a shop until its day is over, `duration_s` has passed or somebody interrupts.

    `say` gets one line at a time for a person; `on_open` is called when everything runs, `on_look` ten times a second.
    Raises PortUnavailable for a taken port, StoreError, InputError, before anything is started.
    """
    return _Supervisor(settings, say, on_open, on_look).run()


class _Supervisor:
    def __init__(
        self,
        settings: ShopSettings,
        say: Say,
        on_open: Callable[[ShopSettings], None] | None,
        on_look: Callable[[Board, Day, Processes], None] | None,
    ) -> None:
        settings.state_folder.mkdir(parents=True, exist_ok=True)
        make_entry_keys(settings)
        store = settings.store()
        if settings.is_simulated:
            sources = {camera.camera_id: f"tcp://{LOOPBACK}:{_free_port()}" for camera in store.cameras}
            settings = replace(settings, camera_sources=sources)
        self._settings = settings
        self._say, self._on_open, self._on_look = say, on_open, on_look
        self._pages = None if settings.is_headless else _listen(*settings.pages_address, "--port")
        self._gates = _listen(settings.edge.gate_host, settings.edge.gate_port, "[gates] listen in edge.toml")
        self._broker_port = 0 if settings.edge.broker else _free_port()
        self._processor_port = _free_port() if settings.is_simulated else 0
        # Simulated days begin at the same time whatever the wall says, so that a seed gives the same day.
        self._started_ns = SIMULATED_START_NS if settings.is_simulated else time.time_ns()
        self._clock = ShopClock(self._started_ns)
        self._specs = self._plan_specs()
        self._board = Board([spec.name for spec in self._specs])
        self._day = Day()
        self._sockets = Path(tempfile.mkdtemp(prefix="openaisle-"))
        self._to_pages: Outlet | None = None
        self._processes = Processes(self._board, self._context, self._hear, say)
        self._interrupts = 0

    def run(self) -> ShopResult:
        began = time.monotonic()
        for name in ONE_THREAD:
            os.environ.setdefault(name, "1")  # Processes share the cores among themselves.
        try:
            with self._signals():
                self._start_all()
                self._watch()
        finally:
            self._processes.end()
            self._close()
        return ShopResult(
            day=self._day,
            board=self._board,
            restarts=self._processes.restarts,
            cpu_s=self._processes.cpu_s,
            wall_s=round(time.monotonic() - began, 2),
            was_interrupted=bool(self._interrupts),
            lost=self._processes.lost,
        )

    # --- starting -------------------------------------------------------------------------------------------------

    def _plan_specs(self) -> list[Spec]:
        edge = "openaisle.edge"
        specs: list[Spec] = []
        if not self._settings.edge.broker:
            specs.append(Spec(name="broker", target=f"{edge}.broker_worker:run", is_essential=True))
        specs.append(
            Spec(
                name="core",
                target=f"{edge}.core_worker:run",
                listener=self._gates,
                is_essential=True,
                kill_s=15.0,  # It has open carts in its hands.
            )
        )
        specs += [
            Spec(name=f"vision-{index + 1}", target=f"{edge}.vision_worker:run", index=index, nice=2)
            for index in range(self._settings.edge.vision_workers)
        ]
        if self._pages:
            specs.append(Spec(name="pages", target=f"{edge}.pages_worker:run", listener=self._pages, nice=5))
        if self._settings.is_simulated:
            specs.append(Spec(name="processor", target=f"{edge}.processor_worker:run", nice=5))
            specs.append(
                # A world that died cannot be told from its beginning again: the demo is over then.
                Spec(
                    name="sim",
                    target=f"{edge}.sim_worker:run",
                    is_essential=True,
                    is_restarted=False,
                    kill_s=30.0,
                    nice=2,
                )
            )
        return specs

    def _start_all(self) -> None:
        """The broker first, for the others connect to it; then all at once."""
        if not self._settings.is_headless:
            self._to_pages = Outlet(self._sockets / "pages", PAGES_MAX, drops_oldest=True)
        if not self._settings.is_simulated:
            self._clock.set_rate(1.0)
        for spec in self._specs:
            self._processes.start(spec)
            while spec.name == "broker" and not self._processes.is_ready("broker") and not self._is_over:
                self._processes.look(LOOK_S)
        while not self._is_over and not all(self._processes.is_ready(spec.name) for spec in self._specs):
            self._processes.look(LOOK_S)
        if not self._is_over:
            if self._on_open:
                self._on_open(self._settings)
            self._board.open()

    def _context(self, spec: Spec, restarts: int, channel: Connection) -> Context:
        return Context(
            name=spec.name,
            settings=self._settings,
            board=self._board,
            clock=self._clock,
            sockets=self._sockets,
            broker_port=self._broker_port,
            processor_port=self._processor_port,
            gate_address=self._gates.getsockname()[:2],
            started_ns=self._started_ns,
            restarts=restarts,
            channel=channel,
            index=spec.index,
            listener=spec.listener,
        )

    # --- running --------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Until the day is over and core has finished it; with pages, until somebody interrupts."""
        opened = time.monotonic()
        told = followed = 0.0
        over_since: float | None = None
        while not self._is_over:
            self._processes.look(LOOK_S)
            now = time.monotonic()
            if self._on_look:
                self._on_look(self._board, self._day, self._processes)
            if now - told >= STATUS_S:
                told = now
                self._tell_pages()
            if not self._settings.is_simulated and now - followed >= FOLLOW_S:
                followed = now
                self._clock.follow(time.time_ns())
            if self._settings.duration_s is not None and now - opened >= self._settings.duration_s:
                self._board.end_day()
            if self._board.is_over:
                over_since = over_since or now
                if self._processes.is_done("core") and self._is_ending_with_the_day:
                    return
                if now - over_since > FINISH_S_MAX and not self._has_core_finished:
                    self._say("core did not finish the day in time")
                    return

    @property
    def _has_core_finished(self) -> bool:
        """Core stays on after the day where somebody may still dispute a receipt."""
        return self._processes.is_done("core") or not self._is_ending_with_the_day

    @property
    def _is_ending_with_the_day(self) -> bool:
        """A demo with pages stays up for whoever looks at them."""
        return self._settings.is_headless or not self._settings.is_simulated

    @property
    def _is_over(self) -> bool:
        return bool(self._interrupts) or self._processes.lost is not None

    def _hear(self, worker: str, kind: int, payload: Any) -> None:
        if kind == LINE:
            self._say(payload)
        elif kind == MESSAGE:
            message = decode(payload)
            is_health = isinstance(message, SensorDegraded | SensorRecovered)
            if is_health and (self._board.is_stopping or self._board.is_over):
                return  # Everything goes away now; that is no trouble.
            line = self._day.hear(message)
            if line:
                self._say(line)
            if is_health and self._to_pages:
                self._to_pages.send(TO_PAGES, payload)
        elif kind == FACTS:
            self._day.facts.update(payload)
        elif kind == TRACEBACK:
            with self._settings.errors_file.open("a", encoding="utf-8") as file:
                file.write(f"{worker}\n{payload}\n")
            self._say(f"where in {worker} it went wrong is in {self._settings.errors_file}")

    def _tell_pages(self) -> None:
        if not self._to_pages:
            return
        board = self._board
        status: dict[str, Any] = {
            "frames_seen": board.total(Cell.FRAMES_SEEN),
            "frames_skipped": board.total(Cell.FRAMES_SKIPPED),
            "looks_asked": board.total(Cell.LOOKS_ASKED),
            "looks_answered": board.total(Cell.LOOKS_ANSWERED),
            "looks_dropped": board.total(Cell.LOOKS_DROPPED),
            "scale_batches": board.total(Cell.BATCHES),
            "page_messages_dropped": board.total(Cell.PAGES_DROPPED),
            "refused": board.total(Cell.REFUSED),
            "slowest_step_ms": round(board.get("core", Cell.STEP_US_MAX) / 1000, 1),
            **{name: board.state(name).name.lower().replace("_", " ") for name in board.workers},
        }
        if self._settings.is_simulated:
            status["shop_rate"] = board.get("sim", Cell.RATE_PERCENT) / 100 or 1.0
        restarts = sum(self._processes.restarts.values())
        if restarts:
            status["restarts"] = restarts
        self._to_pages.send(STATUS, encode_status(status))

    # --- ending ---------------------------------------------------------------------------------------------------

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def interrupt(_: int, __: FrameType | None) -> None:
            self._interrupts += 1

        before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _close(self) -> None:
        if self._to_pages:
            self._to_pages.close()
        for listener in (self._pages, self._gates):
            if listener:
                listener.close()
        shutil.rmtree(self._sockets, ignore_errors=True)


def _listen(host: str, port: int, how: str) -> socket.socket:
    """A listening socket; PortUnavailable if the port is taken."""
    # Named, not the default 0: asyncio sets TCP_NODELAY on what it knows to be TCP, and without it each answer whose
    # head and body leave apart waits 40 ms for an acknowledgement.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise PortUnavailable(
            f"port {port} of {host} cannot be used ({error.strerror}): choose another with {how}"
        ) from error
    return listener


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as listener:
        return listener.getsockname()[1]
