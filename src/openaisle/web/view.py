"""What the pages show: the newest state of one shop, made of messages, bounded, safe to read from another thread."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from openaisle.core.messages import (
    Action,
    AnyMessage,
    ArmAction,
    Array,
    CameraId,
    CartChanged,
    FloorTracks,
    Interaction,
    InteractionKind,
    PackLook,
    Receipt,
    ReviewOpened,
    SensorDegraded,
    SensorRecovered,
    StrangerExplained,
    StrangerInside,
    VisitClosed,
    VisitId,
    VisitOpened,
)
from openaisle.core.units import ms_from_ns
from openaisle.store.schema import Store

RECEIPTS_MAX: Final = 200  # older ones leave the page, not the ledger
EVENTS_MAX: Final = 60
FAULTS_MAX: Final = 100
STRANGERS_MAX: Final = 50
ARMS_MAX: Final = 8
LOOKS_MAX: Final = 12
LATENCY_EDGES_MS: Final = tuple(range(50, 1001, 50))
"""Upper edges of the histogram's bars; one more bar holds what is slower."""

_SHOWN_KINDS: Final = {
    InteractionKind.PICK_UP,
    InteractionKind.PUT_BACK,
    InteractionKind.PUT_BACK_WRONG,
    InteractionKind.UNEXPLAINED,
    InteractionKind.TOUCH_RETURN,
}


class ShopView:
    """Feed it with `accept*`; read it with `part(name)`. Every part has a version that grows when it changes."""

    PARTS: Final[tuple[str, ...]] = (
        "floor",
        "cameras",
        "carts",
        "events",
        "seen",
        "receipts",
        "latency",
        "health",
        "strangers",
        "status",
    )

    def __init__(self, store: Store, *, is_simulated: bool) -> None:
        self.store = store
        self.is_simulated = is_simulated
        self.versions: dict[str, int] = dict.fromkeys(self.PARTS, 0)
        self._lock = threading.Lock()
        self._floor: dict[str, Any] = {"at_ns": 0, "people": []}
        self._views: dict[CameraId, dict[str, Any]] = {}
        self._jpegs: dict[CameraId, bytes] = {}
        self._carts: OrderedDict[VisitId, dict[str, Any]] = OrderedDict()
        self._events: deque[dict[str, Any]] = deque(maxlen=EVENTS_MAX)
        self._arms: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._looks: deque[dict[str, Any]] = deque(maxlen=LOOKS_MAX)
        self._receipts: OrderedDict[str, Receipt] = OrderedDict()
        self._latency_counts = [0] * (len(LATENCY_EDGES_MS) + 1)
        self._latencies_ms: deque[float] = deque(maxlen=10_000)
        self._cart_seen_ns: dict[VisitId, int] = {}
        self._faults: OrderedDict[tuple[str, str], dict[str, Any]] = OrderedDict()
        self._strangers: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._status: dict[str, Any] = {}
        self._reviews = 0
        self._visits = 0

    # --- feeding ------------------------------------------------------------------------------------------------

    def accept(self, message: AnyMessage) -> None:
        """Take in one message of the path; those that no page shows are passed over."""
        with self._lock:
            if isinstance(message, FloorTracks):
                self._floor = _people_on_floor(message)
                self._touch("floor")
            elif isinstance(message, VisitOpened):
                self._visits += 1
                self._carts[message.visit_id] = _empty_cart(message)
                self._touch("carts")
            elif isinstance(message, VisitClosed):
                if message.visit_id in self._carts:
                    self._carts[message.visit_id]["is_leaving"] = True
                    self._touch("carts")
            elif isinstance(message, CartChanged):
                self._accept_cart(message)
            elif isinstance(message, Interaction):
                self._accept_interaction(message)
            elif isinstance(message, ArmAction):
                self._accept_arm(message)
            elif isinstance(message, PackLook):
                self._accept_look(message)
            elif isinstance(message, Receipt):
                self._accept_receipt(message)
            elif isinstance(message, ReviewOpened):
                self._reviews += 1
                self._touch("status")
            elif isinstance(message, SensorDegraded):
                self._accept_fault(message)
            elif isinstance(message, SensorRecovered):
                self._faults.pop((message.sensor_id, message.reason), None)
                self._touch("health")

            elif isinstance(message, StrangerInside):
                self._accept_stranger(message)
            elif isinstance(message, StrangerExplained):
                self._strangers.pop(message.alert_id, None)
                self._touch("strangers")

    def accept_preview(
        self, camera_id: CameraId, captured_ns: int, jpeg: bytes | None, keypoints_image_px: Array
    ) -> None:
        """Skeletons [people, 17, 3] that a camera sees and, in a simulated shop only, its picture."""
        assert jpeg is None or self.is_simulated, "a picture of a real person was offered to a page"
        with self._lock:
            self._views[camera_id] = {
                "camera_id": camera_id,
                "captured_ns": captured_ns,
                "has_picture": jpeg is not None,
                "skeletons": np.round(keypoints_image_px.astype(float), 2).tolist(),
            }
            if jpeg is not None:
                self._jpegs[camera_id] = jpeg
            self._touch("cameras")

    def accept_status(self, status: Mapping[str, Any]) -> None:
        """Counters and plain words of the processes (rate of shop time, skipped frames, workers); merged by key."""
        with self._lock:
            self._status.update(status)
            self._touch("status")

    # --- reading ------------------------------------------------------------------------------------------------

    def part(self, name: str) -> Any:
        """The newest state of one part, as plain JSON values."""
        with self._lock:
            match name:
                case "floor":
                    return self._floor
                case "cameras":
                    return [self._views[camera_id] for camera_id in sorted(self._views)]
                case "carts":
                    return list(self._carts.values())
                case "events":
                    return list(self._events)
                case "seen":
                    return {"arms": list(reversed(self._arms.values())), "looks": list(self._looks)}
                case "receipts":
                    return [_receipt_summary(receipt) for receipt in reversed(self._receipts.values())]
                case "latency":
                    return self._latency()
                case "health":
                    return list(self._faults.values())
                case "strangers":
                    return list(self._strangers.values())
                case "status":
                    rate = round(1000 * self._reviews / self._visits) if self._visits else 0
                    counts = {"visits": self._visits, "reviews": self._reviews, "reviews_per_1000": rate}
                    return {**self._status, **counts}
                case _:
                    raise KeyError(name)

    def jpeg(self, camera_id: CameraId) -> bytes | None:
        with self._lock:
            return self._jpegs.get(camera_id)

    # --- inside -------------------------------------------------------------------------------------------------

    def _touch(self, part: str) -> None:
        self.versions[part] += 1

    def _accept_cart(self, cart: CartChanged) -> None:
        shown = self._carts.get(cart.visit_id)
        if shown is None:
            return  # The visit is over: its receipt says what was in the cart.
        shown["lines"] = [
            {
                "product_id": line.product_id,
                "name": self.store.products[line.product_id].name,
                "quantity": line.quantity,
                "price_minor": line.price_minor,
                "probability": round(line.probability, 3),
                "is_pending": line.pending,
                "slot_id": line.slot_id,
            }
            for line in cart.lines
        ]
        shown["total_minor"] = cart.total_minor
        shown["changed_ns"] = cart.changed_ns
        self._touch("carts")
        # The first cart that shows an interaction is the one a shopper waits for; its revisions are not.
        if cart.happened_ns > self._cart_seen_ns.get(cart.visit_id, 0):
            self._cart_seen_ns[cart.visit_id] = cart.happened_ns
            latency_ms = ms_from_ns(cart.changed_ns - cart.happened_ns)
            self._latencies_ms.append(latency_ms)
            self._latency_counts[bisect_left(LATENCY_EDGES_MS, latency_ms)] += 1
            self._touch("latency")

    def _accept_interaction(self, interaction: Interaction) -> None:
        if interaction.kind not in _SHOWN_KINDS:
            return
        product = self.store.products.get(interaction.product_id or "")
        event = {
            "interaction_id": interaction.interaction_id,
            "revision": interaction.revision,
            "kind": interaction.kind.value,
            "is_withdrawn": interaction.withdrawn,
            "place": interaction.slot_id or interaction.shelf_id,
            "name": product.name if product else "",
            "quantity": interaction.quantity,
            "visit_id": interaction.visit_id,
            "probability": round(interaction.probability, 3),
            "mass_change_g": round(interaction.mass_change_g, 1),
            "happened_ns": interaction.happened_ns,
            "delay_ms": round(ms_from_ns(interaction.decided_ns - interaction.happened_ns)),
        }
        known = [each["interaction_id"] for each in self._events]
        if interaction.interaction_id in known:  # decided anew: what it said before is no second event
            self._events[known.index(interaction.interaction_id)] = event
        else:
            self._events.appendleft(event)
        self._touch("events")

    def _accept_arm(self, arm: ArmAction) -> None:
        self._arms.pop(arm.action_id, None)
        self._arms[arm.action_id] = {
            "visit_id": arm.visit_id,
            "hand": ("left", "right")[arm.hand],
            "verdict": arm.verdict.value,
            "probability": round(arm.probabilities[list(Action).index(arm.verdict)], 3),
            "shelf_id": arm.shelf_id,
            "is_over": arm.is_over,
        }
        while len(self._arms) > ARMS_MAX:
            self._arms.popitem(last=False)
        self._touch("seen")

    def _accept_look(self, look: PackLook) -> None:
        odds = np.exp(np.clip(look.log_odds.astype(float), -20.0, 20.0))
        best = int(odds.argmax()) if len(odds) else -1
        people = self._floor["people"]
        visit_of = {person["track_id"]: person["visit_id"] for person in people}
        self._looks.appendleft(
            {
                "camera_id": look.camera_id,
                "visit_id": visit_of.get(look.track_id),
                "is_hand": look.track_id is not None,
                "shelf_id": look.shelf_id,
                "name": self.store.products[look.product_ids[best]].name if best >= 0 else "",
                "probability": round(float(odds[best] / (1.0 + odds.sum())), 3) if best >= 0 else 0.0,
                "none": round(float(1.0 / (1.0 + odds.sum())), 3),
            }
        )
        self._touch("seen")

    def _accept_receipt(self, receipt: Receipt) -> None:
        self._receipts[receipt.receipt_id] = receipt
        while len(self._receipts) > RECEIPTS_MAX:
            self._receipts.popitem(last=False)
        self._carts.pop(receipt.visit_id, None)
        self._cart_seen_ns.pop(receipt.visit_id, None)
        self._touch("receipts")
        self._touch("carts")

    def _accept_fault(self, fault: SensorDegraded) -> None:
        self._faults[fault.sensor_id, fault.reason] = {
            "sensor_id": fault.sensor_id,
            "kind": fault.kind,
            "reason": fault.reason,
            "since_ns": fault.since_ns,
            "detail": fault.detail,
        }
        while len(self._faults) > FAULTS_MAX:
            self._faults.popitem(last=False)
        self._touch("health")

    def _accept_stranger(self, stranger: StrangerInside) -> None:
        self._strangers[stranger.alert_id] = {
            "alert_id": stranger.alert_id,
            "track_id": stranger.track_id,
            "gate_id": stranger.gate_id,
            "behind_visit_id": stranger.behind_visit_id,
            "entered_ns": stranger.entered_ns,
        }
        while len(self._strangers) > STRANGERS_MAX:
            self._strangers.popitem(last=False)
        self._touch("strangers")

    def _latency(self) -> dict[str, Any]:
        newest = np.array(self._latencies_ms)
        p50, p95, p99 = np.percentile(newest, [50, 95, 99]).round().tolist() if len(newest) else (None,) * 3
        return {
            "edges_ms": LATENCY_EDGES_MS,
            "counts": list(self._latency_counts),
            "n": sum(self._latency_counts),
            "p50": p50,
            "p95": p95,
            "p99": p99,
        }


def _people_on_floor(tracks: FloorTracks) -> dict[str, Any]:
    joints = np.where(np.isfinite(tracks.joints_floor_m), tracks.joints_floor_m, 0.0)
    positions = np.round(tracks.positions_floor_m.astype(float), 3).tolist()
    wrists = np.round(joints[:, 9:11, :].astype(float), 3).tolist()
    return {
        "at_ns": tracks.captured_ns,
        "people": [
            {"track_id": track_id, "visit_id": visit_id, "position_m": position, "wrists_m": hands}
            for track_id, visit_id, position, hands in zip(
                tracks.track_ids, tracks.visit_ids, positions, wrists, strict=True
            )
        ],
    }


def _empty_cart(visit: VisitOpened) -> dict[str, Any]:
    return {
        "visit_id": visit.visit_id,
        "opened_ns": visit.opened_ns,
        "people_count": visit.people_count,
        "is_staff": visit.is_staff,
        "is_leaving": False,
        "lines": [],
        "total_minor": 0,
        "changed_ns": visit.opened_ns,
    }


def _receipt_summary(receipt: Receipt) -> dict[str, Any]:
    return {
        "receipt_id": receipt.receipt_id,
        "visit_id": receipt.visit_id,
        "issued_ns": receipt.issued_ns,
        "units": sum(line.quantity for line in receipt.lines),
        "total_minor": receipt.total_minor,
        "reviews": len(receipt.review_ids),
    }
