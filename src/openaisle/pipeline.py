"""The whole path on one screen: readings in, receipts out. No I/O, no clock, no threads.

    readings -> detections -> tracks -> interactions -> carts -> receipts

Pixels became `CameraDetections` before they came here: that is the seam. From here on the same readings in the same
order give the same messages, byte for byte. An edge node, a replay and a benchmark all run this one class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from openaisle.carts.cart import CartMessage, Carts
from openaisle.core.messages import (
    AnyMessage,
    ArmAction,
    CartClosed,
    FloorTracks,
    Interaction,
    LookWanted,
    PackLook,
    ProductId,
    Reading,
    VisitClosed,
    VisitId,
    VisitOpened,
    WeightStep,
)
from openaisle.detections.weight_steps import WeightSteps
from openaisle.interactions.actions import Actions
from openaisle.interactions.actions_paths import hand_look
from openaisle.interactions.decide import Interactions, Watch
from openaisle.interactions.settings import Settings
from openaisle.ports import EventLog
from openaisle.readings.align import Timeline
from openaisle.receipts.receipt import Receipts
from openaisle.store.schema import Store
from openaisle.tracks.floor import Tracks


class Pipeline:
    """One shop's path. Feed it readings as they arrive; it says everything it concluded, in order."""

    def __init__(
        self,
        store: Store,
        event_log: EventLog,
        *,
        settings: Settings | None = None,
        watch: Watch | None = None,
    ) -> None:
        """`settings` of who took what, for ablations; `watch` hears all that was weighed (replay/explain.py)."""
        self._timeline = Timeline(store)
        self._weight_steps = WeightSteps(store)
        self._tracks = Tracks(store)
        self._actions = Actions(store)
        self._interactions = Interactions(store, settings, watch)
        self._carts = Carts(store, event_log)
        self._receipts = Receipts(store)
        self._now_ns = 0

    @property
    def holdings(self) -> Mapping[VisitId, Mapping[ProductId, int]]:
        """What every open visit carries, by the ledger."""
        return self._carts.holdings

    def step(self, readings: Sequence[Reading], now_ns: int) -> list[AnyMessage]:
        """Everything concluded from `readings`, which arrived by `now_ns`; call it without readings to let timers run.

        `now_ns` never goes back. Raises OSError or LedgerDamaged if the ledger cannot be written.
        """
        assert now_ns >= self._now_ns, "time went back"
        self._now_ns = now_ns
        aligned = self._timeline.step(readings, now_ns)
        weights = self._weight_steps.step(aligned.scale_batches, now_ns)
        people = self._tracks.step(aligned.detections, aligned.skeletons, aligned.taps, now_ns)
        concluded = self._conclude(weights, people, aligned.looks, now_ns, is_last=False)
        return [*aligned.health, *weights, *people, *concluded]

    def finish(self, now_ns: int) -> list[AnyMessage]:
        """The recording ended or the shop closes: decide what can be decided, close every visit, price every cart."""
        assert now_ns >= self._now_ns, "time went back"
        self._now_ns = now_ns
        aligned = self._timeline.finish(now_ns)
        weights = [
            *self._weight_steps.step(aligned.scale_batches, now_ns),
            *self._weight_steps.finish(now_ns),
        ]
        people = self._tracks.step(aligned.detections, aligned.skeletons, aligned.taps, now_ns)
        people += self._tracks.finish(now_ns)
        concluded = self._conclude(weights, people, aligned.looks, now_ns, is_last=True)
        return [*aligned.health, *weights, *people, *concluded]

    def _conclude(
        self,
        weights: Sequence[AnyMessage],
        people: Sequence[AnyMessage],
        looks: Sequence[PackLook],
        now_ns: int,
        *,
        is_last: bool,
    ) -> list[AnyMessage]:
        steps = [message for message in weights if isinstance(message, WeightStep)]
        tracks = [message for message in people if isinstance(message, FloorTracks)]
        visits = [message for message in people if isinstance(message, VisitOpened | VisitClosed)]
        arms: list[ArmAction] = self._actions.step(
            tracks, now_ns, [hand_look(look) for look in looks if look.track_id]
        )
        if is_last:
            arms += self._actions.finish(now_ns)
        decided: list[Interaction] = self._interactions.step(
            steps, tracks, visits, self._carts.holdings, now_ns, looks=looks, arms=arms
        )
        wanted: list[LookWanted] = [] if is_last else self._interactions.ask(now_ns)
        if is_last:
            decided += self._interactions.finish(now_ns)
        moved: list[CartMessage] = self._carts.step(decided, visits, now_ns)
        if is_last:
            moved += self._carts.finish(now_ns)
        closed = [message for message in moved if isinstance(message, CartClosed)]
        return [*arms, *decided, *wanted, *moved, *self._receipts.step(closed, now_ns)]
