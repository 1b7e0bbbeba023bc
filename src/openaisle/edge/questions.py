"""What the path asks about packs, on its way from core to the vision workers, which have the pictures."""

from __future__ import annotations

from typing import Final

from openaisle.core.messages import LookWanted, encode
from openaisle.edge.board import Cell
from openaisle.edge.bus import Outlet
from openaisle.edge.wire import LOOK_WANTED
from openaisle.edge.worker import Context
from openaisle.store.schema import Store

QUESTIONS_MAX: Final = 128
"""To one vision worker, waiting; a further one takes the place of the oldest, which is counted as dropped."""


class Questions:
    """Core's end: each question goes to the worker that has its camera's pictures."""

    def __init__(self, context: Context, store: Store) -> None:
        self._context = context
        workers = context.settings.edge.vision_workers
        self._outlets = [
            Outlet(context.looks_socket(index), QUESTIONS_MAX, drops_oldest=True, on_drop=self._note_dropped)
            for index in range(workers)
        ]
        self._worker_of = {camera.camera_id: number % workers for number, camera in enumerate(store.cameras)}

    def ask(self, wanted: LookWanted) -> None:
        self._context.board.add(self._context.name, Cell.LOOKS_ASKED)
        self._outlets[self._worker_of[wanted.camera_id]].send(LOOK_WANTED, encode(wanted))

    def close(self) -> None:
        for outlet in self._outlets:
            outlet.close()

    def _note_dropped(self) -> None:
        self._context.board.add(self._context.name, Cell.LOOKS_DROPPED)
