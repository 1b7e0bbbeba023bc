"""What a person at the terminal sees of a running shop: lines as things happen, and one status line at the bottom."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Final

import rich.console
from rich.status import Status

from openaisle.edge.board import Board, Cell, State
from openaisle.edge.day import Day
from openaisle.edge.processes import Processes
from openaisle.edge.settings import LOOPBACK, ShopSettings

SHOWN_S: Final = 0.5
PLAIN_S: Final = 10.0  # where no line can be rewritten, progress is a line now and then


class Console:
    """Standard error: standard output is for `--json`."""

    def __init__(self) -> None:
        self._console = rich.console.Console(stderr=True, highlight=False, soft_wrap=True)
        self._status = Status("starting the shop", console=self._console, spinner="dots")
        self._is_live = self._console.is_terminal
        self._shown_s = time.monotonic()
        self._last = ""

    def __enter__(self) -> Console:
        if self._is_live:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.stop()

    def say(self, line: str) -> None:
        self._console.print(line, markup=False)

    def opened(self, settings: ShopSettings) -> None:
        """Everything runs."""
        if not settings.is_headless:
            self.say(f"the shop is open: http://{LOOPBACK}:{settings.port}/  (Ctrl-C ends it)")
        else:
            self.say("the shop is open")

    def show(self, board: Board, day: Day, processes: Processes) -> None:
        """Called again and again; writes now and then."""
        now = time.monotonic()
        if now - self._shown_s < (SHOWN_S if self._is_live else PLAIN_S):
            return
        self._shown_s = now
        line = progress_line(board, day)
        if self._is_live:
            self._status.update(line)
        elif line != self._last:
            self.say(line)
        self._last = line


def progress_line(board: Board, day: Day) -> str:
    """How far the shop is, in one line."""
    if not board.is_open:
        starting = [name for name in board.workers if board.state(name) in (State.ABSENT, State.STARTING)]
        return "starting " + ", ".join(starting)
    opened, closed = board.total(Cell.VISITS_OPENED), board.total(Cell.VISITS_CLOSED)
    parts = [f"{opened - closed} inside"]
    planned = board.total(Cell.VISITS_PLANNED)
    receipts = board.total(Cell.RECEIPTS)
    parts.append(f"{receipts} of {planned} receipts" if planned else f"{receipts} receipts")
    if planned and (rate := board.get("sim", Cell.RATE_PERCENT)) not in (0, 100):
        parts.append(f"{rate / 100:.2f} of real time")
    if skipped := board.total(Cell.FRAMES_SKIPPED):
        parts.append(f"{skipped} frames skipped")
    if unwell := len(day.health.present):
        parts.append(f"{unwell} sensors unwell")
    return ", ".join(parts)
