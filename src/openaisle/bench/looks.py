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
        self._due: list[tuple[int, int, LookWanted, Shot, Shot | None]] = []  # received_ns, order of finding
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
            _, _, wanted, shot, other = heapq.heappop(self._due)
            pixels = self._streams.window(shot, wanted.window_main_px)
            without = self._streams.window(other, wanted.window_main_px) if other else None
            windows.append(Window(wanted, pixels, shot.scene.at_ns, without))
        self.answered_count += len(windows)
        return self._looker.look(windows, received_ns)

    def _fetch(self, wanted: LookWanted) -> None:
        """Find the frames that are meant, wait on for them, or forget a question whose frames are gone."""
        newest_ns = self._streams.newest_ns(wanted.camera_id)
        if newest_ns < max(wanted.captured_ns, wanted.without_ns):
            self._waiting.append(wanted)
            return
        shot = self._streams.nearest(wanted.camera_id, wanted.captured_ns)
        other = self._streams.nearest(wanted.camera_id, wanted.without_ns) if wanted.without_ns else None
        if shot is None or (wanted.without_ns and other is None):
            return
        last_ns = max(shot.scene.at_ns, other.scene.at_ns if other else 0)
        received_ns = max(wanted.wanted_ns, last_ns) + LOOKING_NS
        heapq.heappush(self._due, (received_ns, self._number, wanted, shot, other))
        self._number += 1
