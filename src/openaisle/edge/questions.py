"""What the path asks about packs, on its way from core to the vision workers, which have the pictures."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Final

import numpy as np

from openaisle.core.messages import LookWanted, PackLook, encode
from openaisle.core.units import NS_PER_MS
from openaisle.edge.board import Cell
from openaisle.edge.bus import Outlet
from openaisle.edge.wire import LOOK_WANTED
from openaisle.edge.worker import Context
from openaisle.store.schema import Store

QUESTIONS_MAX: Final = 128
"""To one vision worker, waiting; a further one takes the place of the oldest, which is counted as dropped."""
REMEMBERED_MAX: Final = 1024  # questions without an answer
TOOK_MAX: Final = 100_000


class Questions:
    """Core's end: each question goes to the worker that has its camera's pictures."""

    def __init__(self, context: Context, store: Store) -> None:
        self._context = context
        workers = context.settings.edge.vision_workers
        self._outlets = [
            Outlet(context.looks_socket(index), QUESTIONS_MAX, drops_oldest=True, on_drop=self._note_dropped)
            for index in range(workers)
        ]
        self._asked_ns: OrderedDict[str, int] = OrderedDict()
        self._took_ns: deque[int] = deque(maxlen=TOOK_MAX)
        self._worker_of = {camera.camera_id: number % workers for number, camera in enumerate(store.cameras)}

    def ask(self, wanted: LookWanted) -> None:
        self._asked_ns[wanted.look_id] = wanted.wanted_ns
        while len(self._asked_ns) > REMEMBERED_MAX:
            self._asked_ns.popitem(last=False)
        self._context.board.add(self._context.name, Cell.LOOKS_ASKED)
        self._outlets[self._worker_of[wanted.camera_id]].send(LOOK_WANTED, encode(wanted))

    def hear(self, look: PackLook) -> None:
        """An answer has come: how long it took goes into the summary."""
        asked_ns = self._asked_ns.pop(look.look_id, None)
        if asked_ns is not None:
            self._took_ns.append(look.received_ns - asked_ns)

    def close(self) -> None:
        if self._took_ns:
            p50, p95 = np.percentile(np.array(self._took_ns) / NS_PER_MS, [50, 95], method="higher")
            self._context.facts(
                look_ms={"p50": round(float(p50), 1), "p95": round(float(p95), 1), "n": len(self._took_ns)}
            )
            self._took_ns.clear()
        for outlet in self._outlets:
            outlet.close()

    def _note_dropped(self) -> None:
        self._context.board.add(self._context.name, Cell.LOOKS_DROPPED)
