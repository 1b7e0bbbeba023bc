"""What every process of a shop has in common: how it starts, says it lives, speaks, fails and ends."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import socket
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from openaisle.core.errors import OpenAisleError
from openaisle.core.messages import Message, encode
from openaisle.edge.board import Board, Cell, State
from openaisle.edge.clock import ShopClock
from openaisle.edge.settings import ShopSettings

_PR_SET_PDEATHSIG: Final = 1
LOGGED_MAX: Final = 50  # different lines of a library's log that one process passes on
LOGGED_CHARACTERS_MAX: Final = 200

READY, LINE, MESSAGE, FACTS, TRACEBACK = range(5)
"""What a worker says to the supervisor: it is ready; one line for a person; an encoded message; facts by name;
the traceback of a bug (to the log file, never to the screen)."""


@dataclass
class Context:
    """What a worker is given, and how it speaks. Travels to the new process whole."""

    name: str
    settings: ShopSettings
    board: Board
    clock: ShopClock
    sockets: Path  # folder of the Unix sockets between workers
    broker_port: int  # of the embedded broker, 0 if there is none
    gate_address: tuple[str, int]
    started_ns: int  # shop time when the shop was started
    restarts: int  # how often this worker was started before
    channel: Connection
    processor_port: int = 0  # of a demo's simulated payment processor, 0 if there is none
    index: int = 0  # of this worker among its kind
    listener: socket.socket | None = None  # bound by the supervisor, so that a taken port is known at once
    _lock: Any = field(default=None, repr=False)

    @property
    def core_socket(self) -> Path:
        return self.sockets / "core"

    @property
    def pages_socket(self) -> Path:
        return self.sockets / "pages"

    def looks_socket(self, index: int) -> Path:
        """Where a vision worker takes questions about packs."""
        return self.sockets / f"looks-{index}"

    @property
    def regions_socket(self) -> Path:
        """Where the simulator takes requests for parts of its main streams."""
        return self.sockets / "regions"

    @property
    def is_stopping(self) -> bool:
        return self.board.is_stopping

    def beat(self) -> None:
        self.board.beat(self.name)

    def ready(self) -> None:
        """All is loaded and connected; from now on the worker must move its heartbeat."""
        self.beat()
        self.board.put(self.name, Cell.STATE, State.RUNNING)
        self._send(READY, None)

    def line(self, text: str) -> None:
        """One line for the person who runs the shop."""
        self._send(LINE, text)

    def message(self, message: Message) -> None:
        """A message that the supervisor keeps or shows: receipts, health."""
        self._send(MESSAGE, encode(message))

    def facts(self, **facts: Any) -> None:
        """Figures for the summary."""
        self._send(FACTS, facts)

    def traceback(self, text: str) -> None:
        """Where a bug shows; for the log file."""
        self._send(TRACEBACK, text)

    def _send(self, kind: int, payload: Any) -> None:
        with self._lock:
            try:
                self.channel.send((kind, payload))
            except OSError:
                pass  # The supervisor is gone; so are we, in a moment.


def work(target: str, context: Context) -> None:
    """Entry point of every worker process. `target` is "module:function", which takes the context."""
    _die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the supervisor ends them.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    context._lock = threading.Lock()
    logging.getLogger().handlers = [_Lines(context)]
    context.board.put(context.name, Cell.STATE, State.STARTING)
    context.beat()
    try:
        module, function = target.split(":")
        run: Callable[[Context], None] = getattr(import_module(module), function)
        run(context)
        context.board.put(context.name, Cell.STATE, State.DONE)
        context.channel.close()
        code = 0
    except OpenAisleError as error:
        context.line(f"{context.name}: {error}")
        code = 2
    except Exception as error:
        context.traceback(traceback.format_exc())
        context.line(f"{context.name} failed: {type(error).__name__}: {error}{_place(error)}")
        code = 1
    # Threads of libraries (decoders, the broker's client) may still wait for the world: they hold nothing of value.
    os._exit(code)


class _Lines(logging.Handler):
    """What libraries log as an error is one line for the person, and its traceback goes to the file."""

    def __init__(self, context: Context) -> None:
        super().__init__(logging.ERROR)
        self._context = context
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage().splitlines()[0][:LOGGED_CHARACTERS_MAX]
        if self._context.is_stopping or text in self._said or len(self._said) >= LOGGED_MAX:
            return
        self._said.add(text)
        if record.exc_info:
            self._context.traceback("".join(traceback.format_exception(*record.exc_info)))
        self._context.line(f"{self._context.name}: {text}")


def _die_with_parent() -> None:
    """No worker outlives the supervisor, even one that was killed. Everything of value is on disk at any moment."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == 1:
        os._exit(1)


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
