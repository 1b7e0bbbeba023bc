"""What the path asks about pictures, answered in a benchmark from the simulated cameras' main streams.

An answer arrives `LOOKING_NS` after its question or its frame, whichever is later, as from an edge node that keeps up.
The same questions get the same answers at the same times.
"""

from __future__ import annotations

import heapq
from collections import deque
from typing import Final

from openaisle.core.messages import LookWanted, PackLook
from openaisle.core.units import NS_PER_MS
from openaisle.detections.looks import PackLooker, Window
from openaisle.sim.main_streams import MainStreams, Shot

LOOKING_NS: Final = 150 * NS_PER_MS
"""To fetch the frame out of the main stream, recognise what is in it, and send the answer."""
WAITING_MAX: Final = 256
"""Questions whose frame is still to come; a further one takes the place of the oldest, which stays unanswered."""


class SimulatedLooks:
    """Answers for `replay.player.play`. Counts what it was asked and what it answered."""

    def __init__(self, streams: MainStreams, looker: PackLooker) -> None:
        self._streams = streams
        self._looker = looker
        self._waiting: deque[LookWanted] = deque(maxlen=WAITING_MAX)
        self._due: list[tuple[int, int, LookWanted, Shot]] = []  # received_ns, order of finding
        self._number = 0
        self.asked_count = 0
        self.answered_count = 0

    def ask(self, wanted: LookWanted) -> None:
        """A question of the path."""
        self.asked_count += 1
        self._waiting.append(wanted)

    def next_ns(self) -> int | None:
        """When the next answer arrives; None while none is on its way."""
        for _ in range(len(self._waiting)):
            self._fetch(self._waiting.popleft())
        return self._due[0][0] if self._due else None

    def take(self) -> list[PackLook]:
        """The answers that arrive then, in the order of their questions."""
        received_ns = self._due[0][0]
        windows: list[Window] = []
        while self._due and self._due[0][0] == received_ns:
            _, _, wanted, shot = heapq.heappop(self._due)
            pixels = self._streams.window(shot, wanted.window_main_px)
            windows.append(Window(wanted, pixels, shot.scene.at_ns))
        self.answered_count += len(windows)
        return self._looker.look(windows, received_ns)

    def _fetch(self, wanted: LookWanted) -> None:
        """Find the frame that is meant, wait on for it, or forget a question whose frame is gone."""
        if self._streams.newest_ns(wanted.camera_id) < wanted.captured_ns:
            self._waiting.append(wanted)
        elif shot := self._streams.nearest(wanted.camera_id, wanted.captured_ns):
            received_ns = max(wanted.wanted_ns, shot.scene.at_ns) + LOOKING_NS
            heapq.heappush(self._due, (received_ns, self._number, wanted, shot))
            self._number += 1
