"""Counters that all processes of a shop see: who makes progress, how much was done, skipped, dropped.

A heartbeat here is progress of the work itself (a counter that its loop moves), not a thread that says "alive". Each
row has one writer, so no locks; a restarted worker goes on counting where the killed one stopped.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Sequence
from enum import IntEnum
from multiprocessing.sharedctypes import RawArray
from typing import Any


class State(IntEnum):
    """What a worker is doing."""

    ABSENT = 0
    STARTING = 1  # imports, models, connections: may take long
    RUNNING = 2  # must move its heartbeat
    DONE = 3
    GIVEN_UP = 4  # restarted too often; this part of the shop stays away


class Cell(IntEnum):
    """Columns of a worker's row."""

    STATE = 0
    BEATS = 1
    BEAT_NS = 2  # monotonic
    FRAMES_SHOWN = 3  # sim: frames that cameras sent
    FRAMES_IN = 4  # vision: frames decoded
    FRAMES_SKIPPED = 5  # vision: overtaken by a newer frame of the same camera before detection
    FRAMES_SEEN = 6  # vision: frames that went through the detector
    BACKLOG_MS = 7  # age of the oldest work waiting, in real ms
    BATCHES = 8
    TAPS = 9
    DETECTIONS = 10
    STEPS = 11
    STEP_US_MAX = 12  # slowest step since the last look
    VISITS_OPENED = 13
    VISITS_CLOSED = 14
    RECEIPTS = 15
    PAGES_DROPPED = 16  # messages for the pages that were dropped, oldest first
    REFUSED = 17  # corrupt batches, refused codes
    CAMERAS_LIVE = 18
    VISITS_PLANNED = 19
    VISITS_STARTED = 20
    VISITS_OVER = 21
    RATE_PERCENT = 22  # sim: shop time over real time
    LOOKS_ASKED = 23  # core: questions about packs
    LOOKS_ANSWERED = 24
    LOOKS_DROPPED = 25  # too late, or without a picture of that moment


class Board:
    """One row of counters for each worker, and a few flags for all."""

    def __init__(self, workers: Sequence[str]) -> None:
        self._row = {name: index for index, name in enumerate(workers)}
        self._cells: Any = RawArray(ctypes.c_int64, len(self._row) * len(Cell))
        self._flags: Any = RawArray(ctypes.c_int64, 4)

    @property
    def workers(self) -> tuple[str, ...]:
        return tuple(self._row)

    def get(self, worker: str, cell: Cell) -> int:
        return self._cells[self._row[worker] * len(Cell) + cell]

    def put(self, worker: str, cell: Cell, value: int) -> None:
        self._cells[self._row[worker] * len(Cell) + cell] = value

    def add(self, worker: str, cell: Cell, count: int = 1) -> None:
        self._cells[self._row[worker] * len(Cell) + cell] += count

    def total(self, cell: Cell) -> int:
        """Sum over all workers."""
        return sum(self.get(name, cell) for name in self._row)

    def beat(self, worker: str) -> None:
        """The worker's loop came round once more."""
        self.add(worker, Cell.BEATS)
        self.put(worker, Cell.BEAT_NS, time.monotonic_ns())

    def still_ns(self, worker: str) -> int:
        """How long the worker has not moved, in real time."""
        return time.monotonic_ns() - self.get(worker, Cell.BEAT_NS)

    def state(self, worker: str) -> State:
        return State(self.get(worker, Cell.STATE))

    # --- flags, each raised once by one process ---------------------------------------------------------------------

    @property
    def is_stopping(self) -> bool:
        """Everybody ends now."""
        return bool(self._flags[0])

    def stop(self) -> None:
        self._flags[0] = 1

    @property
    def is_open(self) -> bool:
        """Every part is there: the simulated world may begin."""
        return bool(self._flags[1])

    def open(self) -> None:
        self._flags[1] = 1

    @property
    def is_over(self) -> bool:
        """No reading will come any more (the simulated day is over): core finishes what is left."""
        return bool(self._flags[2])

    def end_day(self) -> None:
        self._flags[2] = 1
