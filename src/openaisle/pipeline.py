"""The whole path on one screen: readings in, receipts out. No I/O, no clock, no threads.

    readings -> detections -> tracks -> interactions -> carts -> receipts

Pixels became `CameraDetections` before they came here: that is the seam. From here on the same readings in the same
order give the same messages, byte for byte. An edge node, a replay and a benchmark all run this one class.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from openaisle.carts.cart import CartMessage, Carts, Follower
from openaisle.carts.scanned import ScannedShelves
from openaisle.core.errors import LedgerDamaged
from openaisle.core.messages import (
    AnyMessage,
    ArmAction,
    CartClosed,
    FloorTracks,
    Interaction,
    LookWanted,
    Message,
    PackLook,
    ProductId,
    Reading,
    SensorDegraded,
    SensorRecovered,
    ShelfSwitched,
    VisitClosed,
    VisitId,
    VisitOpened,
    WeightStep,
    encode,
)
from openaisle.core.units import NS_PER_MS
from openaisle.detections.weight_steps import WeightSteps
from openaisle.interactions.actions import Actions
from openaisle.interactions.actions_paths import hand_look
from openaisle.interactions.decide import Interactions
from openaisle.interactions.settings import Settings
from openaisle.interactions.weighing import Watch
from openaisle.ports import EventLog, Loyalty
from openaisle.readings.align import Timeline
from openaisle.receipts.book import PaymentMessage, to_log
from openaisle.receipts.payment import Payments
from openaisle.receipts.receipt import Receipts
from openaisle.store.schema import Store
from openaisle.tracks.floor import Tracks

TIMERS_NS: Final = 20 * NS_PER_MS  # apart, where nothing comes in


class Pipeline:
    """One shop's path. Feed it readings as they arrive; it says everything it concluded, in order."""

    def __init__(
        self,
        store: Store,
        event_log: EventLog,
        payments: Payments | None = None,
        *,
        loyalty: Loyalty | None = None,
        followers: Sequence[Follower] = (),
        settings: Settings | None = None,
        watch: Watch | None = None,
    ) -> None:
        """With `payments`, fresh ones, receipts are paid; without, they are only written. `loyalty`: who is a member.
        `followers` hear every entry that the ledger has, once, before anything else is said.

        `settings` of who took what, for ablations; `watch` hears all that was weighed (replay/explain.py).
        """
        self._timeline = Timeline(store)
        self._weight_steps = WeightSteps(store)
        self._tracks = Tracks(store)
        self._actions = Actions(store)
        self._interactions = Interactions(store, settings, watch)
        self._scanned = ScannedShelves(store)
        self._till = Till(
            store,
            event_log,
            payments,
            loyalty,
            [lambda _, message: self._scanned.follow(message), *followers],
        )
        self._now_ns = 0
        self._concluded_ns = 0

    @property
    def scanned(self) -> ScannedShelves:
        """The shelves whose goods are billed by `correct`, when they are scanned. For reading only."""
        return self._scanned

    @property
    def holdings(self) -> Mapping[VisitId, Mapping[ProductId, int]]:
        """What every open visit carries, by the ledger."""
        return self._till.holdings

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

    def correct(self, interaction: Interaction) -> list[AnyMessage]:
        """What a person says of an open cart, or scans, at the time of the last step."""
        return [interaction, *self._till.step([interaction], (), self._now_ns)]

    def switch(self, switched: ShelfSwitched) -> list[AnyMessage]:
        """Have a shelf scanned from now on, or its plates bill again. In the ledger when it returns."""
        self._till.note([switched])
        self._scanned.follow(switched)
        return [switched]

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
        is_news = bool(weights or people or looks) or is_last
        if not is_news and now_ns - self._concluded_ns < TIMERS_NS:
            return []
        self._concluded_ns = now_ns
        steps = [message for message in weights if isinstance(message, WeightStep)]
        plates = [message for message in weights if isinstance(message, SensorDegraded | SensorRecovered)]
        tracks = [message for message in people if isinstance(message, FloorTracks)]
        visits = [message for message in people if isinstance(message, VisitOpened | VisitClosed)]
        arms: list[ArmAction] = self._actions.step(
            tracks, now_ns, [hand_look(look) for look in looks if look.track_id]
        )
        if is_last:
            arms += self._actions.finish(now_ns)
        decided: list[Interaction] = self._interactions.step(
            steps, tracks, visits, self._till.holdings, now_ns, looks=looks, arms=arms, health=plates
        )
        wanted: list[LookWanted] = [] if is_last else self._interactions.ask(now_ns)
        if is_last:
            decided += self._interactions.finish(now_ns)
        billed = [each for each in decided if self._scanned.bills(each)]
        settled = (
            self._till.finish(billed, visits, now_ns) if is_last else self._till.step(billed, visits, now_ns)
        )
        return [*arms, *decided, *wanted, *settled]


class Till:
    """The path's end: interactions in, carts, receipts and requests for money out, all of a step in one transaction.

    So no crash parts a closed cart from its receipt, or a receipt from its charge.
    """

    def __init__(
        self,
        store: Store,
        event_log: EventLog,
        payments: Payments | None = None,
        loyalty: Loyalty | None = None,
        followers: Sequence[Follower] = (),
    ) -> None:
        """The log is read once, for all. Raises LedgerDamaged if what is in it contradicts itself."""
        self._log = _OneCommit(event_log)
        money: list[Follower] = [lambda _, message: payments.replay(message)] if payments is not None else []
        self._carts = Carts(store, self._log, followers=[*money, *followers])
        self._receipts = Receipts(store, loyalty)
        self._payments = payments

    @property
    def holdings(self) -> Mapping[VisitId, Mapping[ProductId, int]]:
        """What every open visit carries, by the ledger."""
        return self._carts.holdings

    def step(
        self, interactions: Sequence[Interaction], visits: Sequence[VisitOpened | VisitClosed], now_ns: int
    ) -> list[CartMessage | PaymentMessage]:
        """Everything that follows from these, on disk when it returns; OSError or LedgerDamaged if it cannot be."""
        return self._settled(self._carts.step(interactions, visits, now_ns), now_ns)

    def note(self, entries: Sequence[Message]) -> None:
        """Write what is said beside goods and money, on disk when it returns; OSError if it cannot be."""
        self._log.append([encode(entry) for entry in entries])
        self._log.commit()

    def finish(
        self, interactions: Sequence[Interaction], visits: Sequence[VisitOpened | VisitClosed], now_ns: int
    ) -> list[CartMessage | PaymentMessage]:
        """The shop closes: the same, and every cart is closed now."""
        moved = self._carts.step(interactions, visits, now_ns)
        return self._settled([*moved, *self._carts.finish(now_ns)], now_ns)

    def _settled(self, moved: list[CartMessage], now_ns: int) -> list[CartMessage | PaymentMessage]:
        closed = [message for message in moved if isinstance(message, CartClosed)]
        money: list[PaymentMessage] = []
        for receipt in self._receipts.step(closed, now_ns):
            money += [receipt] if self._payments is None else self._payments.settle(receipt, None, now_ns)
        if self._payments is not None:
            self._log.append([encode(message) for message in to_log(money)])
        self._log.commit()
        return [*moved, *money]


class _OneCommit:
    """An event log whose appends wait for `commit`."""

    def __init__(self, event_log: EventLog) -> None:
        self._event_log = event_log
        self._waiting: list[bytes] = []
        self._is_sound = True

    def append(self, entries: Sequence[bytes]) -> int:
        self._waiting += entries
        return 0

    def commit(self) -> None:
        if not self._is_sound:
            raise LedgerDamaged("the event log could not be written before; start again from what it has")
        if self._waiting:
            self._is_sound = False
            self._event_log.append(self._waiting)
            self._waiting = []
            self._is_sound = True

    def read(self, after: int = 0) -> Iterator[tuple[int, bytes]]:
        return self._event_log.read(after)

    def close(self) -> None:
        self._event_log.close()
