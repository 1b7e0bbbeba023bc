"""Core's questions about packs, answered where the pictures are, beside the people's detector.

A vision worker answers for its cameras in a thread of its own, and networks and decoders let other threads run: a slow
product crop never holds back people. What cannot be answered in time is dropped and counted.
"""

from __future__ import annotations

import threading
import traceback
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

from openaisle.adapters.eyes import clip_model
from openaisle.core.errors import InputError
from openaisle.core.messages import CameraId, LookWanted, decode, encode
from openaisle.core.units import NS_PER_S
from openaisle.detections.gallery import load_gallery
from openaisle.detections.looks import PackLooker, Window
from openaisle.detections.products import Pixels, ProductNetwork, ProductRecogniser, ProductSettings
from openaisle.edge.board import Cell
from openaisle.edge.bus import Inlet, Outlet
from openaisle.edge.questions import QUESTIONS_MAX
from openaisle.edge.wire import LOOK
from openaisle.edge.worker import Context
from openaisle.ports import MainStream
from openaisle.store.schema import Store

OLD_NS: Final = 2 * NS_PER_S
"""A question so old is not answered: core has decided without it."""
WINDOWS_MAX: Final = 16  # through the network together
POLL_S: Final = 0.03


def pack_looker(context: Context, store: Store) -> PackLooker | None:
    """What recognises this shop's packs; None, and a line for the person, where the shop has no gallery."""
    from openaisle.learning.enrol import gallery_path
    from openaisle.learning.galleries import simulated_gallery

    settings = context.settings
    network = ProductNetwork(ProductSettings(runtime=settings.edge.runtime))
    try:
        if settings.is_simulated:
            gallery = simulated_gallery(store, network)
        else:
            gallery = load_gallery(gallery_path(settings.store_name), network.sha256)
    except InputError as error:
        if context.index == 0 and not context.restarts:
            context.line(f"packs are told apart by weight alone: {error}")
        return None
    clips = clip_model(settings.edge.eyes, settings.edge.runtime)
    looker = PackLooker(ProductRecogniser(gallery, network), clips)
    looker.rehearse()
    return looker


class LookDesk:
    """A vision worker's end."""

    def __init__(
        self,
        context: Context,
        looker: PackLooker,
        streams: Mapping[CameraId, MainStream],
        to_core: Outlet,
    ) -> None:
        self._context = context
        self._looker = looker
        self._streams = streams
        self._to_core = to_core
        self._inlet = Inlet(context.looks_socket(context.index), QUESTIONS_MAX)
        self._waiting: deque[LookWanted] = deque()
        self._has_failed = False
        threading.Thread(target=self._run, name="looks", daemon=True).start()

    def close(self) -> None:
        self._inlet.close()
        for stream in self._streams.values():
            stream.close()

    def _run(self) -> None:
        while not self._context.is_stopping:
            try:
                self._step()
            except Exception as error:
                # Whatever is wrong here, people must be seen; but it is said, and where.
                self._count(Cell.LOOKS_DROPPED)
                if not self._has_failed:
                    self._has_failed = True
                    self._context.traceback(traceback.format_exc())
                    self._context.line(f"a look at a pack failed: {type(error).__name__}: {error}")

    def _step(self) -> None:
        for _, payload in self._inlet.take(POLL_S):
            wanted = decode(payload)
            assert isinstance(wanted, LookWanted)
            if wanted.camera_id in self._streams:
                self._waiting.append(wanted)
            else:
                self._count(Cell.LOOKS_DROPPED)  # A camera without a source.
        self._drop_late()
        for look in self._looker.look(self._windows(), self._context.clock.now_ns()):
            is_sent = self._to_core.send(LOOK, encode(look))
            self._count(Cell.LOOKS_ANSWERED if is_sent else Cell.LOOKS_DROPPED)

    def _drop_late(self) -> None:
        now_ns = self._context.clock.now_ns()
        fresh = [wanted for wanted in self._waiting if now_ns - wanted.wanted_ns < OLD_NS][-QUESTIONS_MAX:]
        self._count(Cell.LOOKS_DROPPED, len(self._waiting) - len(fresh))
        self._waiting = deque(fresh)

    def _windows(self) -> list[Window]:
        """What is seen where questions point, of those whose pictures are there; each picture is fetched once."""
        ready: list[LookWanted] = []
        later: deque[LookWanted] = deque()
        for wanted in self._waiting:
            newest_ns = self._streams[wanted.camera_id].newest_ns()
            is_ready = newest_ns >= max(_moments(wanted)) and len(ready) < WINDOWS_MAX
            (ready if is_ready else later).append(wanted)
        self._waiting = later
        seen = self._fetched(ready)
        windows: list[Window] = []
        for wanted in ready:
            parts = [seen.get((wanted.look_id, at_ns)) for at_ns in _moments(wanted)]
            if None in parts:
                self._count(Cell.LOOKS_DROPPED)
                continue
            (captured_ns, pixels), *others = (part for part in parts if part is not None)
            clip = [seen.get((wanted.look_id, at_ns)) for at_ns in self._looker.clip_moments(wanted)]
            windows.append(
                Window(
                    wanted,
                    pixels,
                    captured_ns,
                    others[0][1] if others else None,
                    tuple(part[1] for part in clip if part is not None),
                )
            )
        return windows

    def _fetched(self, ready: Sequence[LookWanted]) -> dict[tuple[str, int], tuple[int, Pixels]]:
        """By question and moment: when the picture was taken, and the window. Those that are gone are missing."""
        asked: dict[tuple[CameraId, int], list[LookWanted]] = {}
        for wanted in ready:
            for at_ns in [*_moments(wanted), *self._looker.clip_moments(wanted)]:
                asked.setdefault((wanted.camera_id, at_ns), []).append(wanted)
        seen: dict[tuple[str, int], tuple[int, Pixels]] = {}
        for (camera_id, at_ns), questions in sorted(asked.items(), key=lambda item: item[0]):
            windows = [wanted.window_main_px for wanted in questions]
            if regions := self._streams[camera_id].regions(at_ns, windows):
                for wanted, pixels in zip(questions, regions.pixels, strict=True):
                    seen[wanted.look_id, at_ns] = (regions.captured_ns, pixels)
        return seen

    def _count(self, cell: Cell, count: int = 1) -> None:
        self._context.board.add(self._context.name, cell, count)


def _moments(wanted: LookWanted) -> list[int]:
    """Times of the pictures that a question needs."""
    return [wanted.captured_ns, wanted.without_ns] if wanted.without_ns else [wanted.captured_ns]
