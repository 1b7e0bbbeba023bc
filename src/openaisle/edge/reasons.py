"""What a running shop keeps of its decisions for the people who review them: seconds of plates and skeletons each.

Plates and skeletons of the last half minute are held in memory; once a decision is some seconds old, those about it go
to the pages' process as one clip. Nothing is drawn or written here: the ledger's process has other things to do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from openaisle.core.messages import AnyMessage, FloorTracks, Interaction, InteractionKind, Reading, ScaleBatch
from openaisle.core.units import NS_PER_S
from openaisle.interactions.weighing import Weighing
from openaisle.replay.clips import AFTER_NS, StepClip, clip_of
from openaisle.store.schema import Store

HELD_NS: Final = 30 * NS_PER_S
LATE_NS: Final = 2 * NS_PER_S
"""Later than AFTER_NS: frames and batches are on their way for a while."""
WAITING_MAX: Final = 256
_NOTHING_MOVED: Final = (InteractionKind.BROWSE, InteractionKind.TOUCH_RETURN)


class Reasons:
    """In the ledger's thread. Bounded by time, and by WAITING_MAX steps; beyond, the oldest step is not kept."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._scale_of = {
            shelf_id: store.gondola_of[shelf.gondola_id].scale_id for shelf_id, shelf in store.shelves.items()
        }
        self._batches: dict[str, deque[ScaleBatch]] = {
            scale_id: deque() for scale_id in store.gondola_of_scale
        }
        self._tracks: deque[FloorTracks] = deque()
        self._waiting: dict[str, tuple[Weighing, int]] = {}

    def watch(self, weighing: Weighing) -> None:
        """As a pipeline's `watch`: the newest decision of each step, and how many there were."""
        step_id = weighing.step.step_id
        _, revisions = self._waiting.pop(step_id, (weighing, 0))
        self._waiting[step_id] = weighing, revisions + 1
        if len(self._waiting) > WAITING_MAX:
            del self._waiting[next(iter(self._waiting))]

    def hear(self, readings: Sequence[Reading], said: Sequence[AnyMessage], now_ns: int) -> None:
        """What came in, and what the path said of it."""
        since_ns = now_ns - HELD_NS
        for reading in readings:
            if isinstance(reading, ScaleBatch) and reading.scale_id in self._batches:
                batches = self._batches[reading.scale_id]
                batches.append(reading)
                while batches[0].received_ns < since_ns:
                    batches.popleft()
        self._tracks += [message for message in said if isinstance(message, FloorTracks)]
        while self._tracks and self._tracks[0].decided_ns < since_ns:
            self._tracks.popleft()

    def due(self, now_ns: int) -> list[StepClip]:
        """Clips of decisions that are old enough; of those that moved nothing, none."""
        due = [
            step_id
            for step_id, (weighing, _) in self._waiting.items()
            if now_ns >= weighing.step.edge_ns + AFTER_NS + LATE_NS
        ]
        clips: list[StepClip] = []
        for step_id in due:
            weighing, revisions = self._waiting.pop(step_id)
            if not any(_moves(interaction) for interaction in weighing.said):
                continue
            batches = self._batches.get(self._scale_of[weighing.step.shelf_id], ())
            clips.append(clip_of(self._store, weighing, revisions, list(batches), list(self._tracks)))
        return clips


def _moves(interaction: Interaction) -> bool:
    return not interaction.withdrawn and interaction.kind not in _NOTHING_MOVED
