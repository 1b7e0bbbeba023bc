"""A simulated day as a stream of readings, in the order in which they arrive."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, Protocol

import numpy as np

from openaisle.core.messages import CameraDetections, CameraId, Reading
from openaisle.core.units import NS_PER_S
from openaisle.sim.conditions import sensors_of
from openaisle.sim.faults import with_faults
from openaisle.sim.scene import Scene
from openaisle.sim.scripts import DayPlan
from openaisle.sim.sensors import PlateSettings
from openaisle.sim.shop import SimulatedShop
from openaisle.sim.skeletons import SkeletonCameras, SkeletonSettings
from openaisle.store.schema import Store

BLIND_STEP_NS = NS_PER_S // 10  # without cameras, readings are collected this often


class Eyes(Protocol):
    """Whatever sees a scene through some cameras: noisy skeletons, or a renderer and the real detector."""

    def detect(self, scene: Scene, camera_ids: Sequence[CameraId]) -> list[CameraDetections]: ...


class SimulatedDay:
    """One day: iterate over it for its readings; the shop and its truth can be looked at meanwhile and afterwards."""

    def __init__(
        self,
        store: Store,
        plan: DayPlan,
        *,
        vision: Literal["skeleton", "none"] | Eyes,
        skeletons: SkeletonSettings | None = None,
        plates: PlateSettings | None = None,
        show: Callable[[Scene, Sequence[CameraId]], None] | None = None,
    ) -> None:
        """`show` hears of every scene, goods included, and of the cameras that take a frame of it."""
        self.store = store
        self.plan = plan
        sensors = sensors_of(plan.conditions, store, plan.start_ns, plan.seed)
        self._faults = sensors.faults
        skeletons = skeletons or sensors.skeletons
        self.shop = SimulatedShop(store, plan, plates=plates or sensors.plates)
        rng = np.random.default_rng([plan.seed, 6])
        self._cameras: Eyes | None = None
        self._show = show
        # Drawn pictures show the goods, skeletons do not.
        self._sees_items = vision != "skeleton" or show is not None
        if vision == "skeleton":
            self._cameras = SkeletonCameras(store, rng, skeletons)
        elif vision != "none":
            self._cameras = vision
        # Real cameras are not in step: each has its own phase.
        self._ticks: list[tuple[int, str, int, int]] = []
        if self._cameras:
            for camera in sorted(store.cameras, key=lambda camera: camera.camera_id):
                period_ns = round(NS_PER_S / camera.fps)
                first_ns = plan.start_ns + int(rng.integers(1, period_ns))
                self._ticks.append((first_ns, camera.camera_id, first_ns, 0))
        heapq.heapify(self._ticks)
        self._period_s = {camera.camera_id: 1.0 / camera.fps for camera in store.cameras}

    def __iter__(self) -> Iterator[Reading]:
        return self.readings()

    def readings(self) -> Iterator[Reading]:
        """Every reading of the day by received_ns; ties by kind and sensor. Can be run once."""
        if self._faults:
            return with_faults(self._sound_readings(), self._faults, seed=self.plan.seed)
        return self._sound_readings()

    def _sound_readings(self) -> Iterator[Reading]:
        waiting: list[tuple[int, int, str, int, Reading]] = []
        count = 0
        while not self.shop.is_over:
            for reading in self._next():
                count += 1
                order, sensor_id = _rank(reading)
                heapq.heappush(waiting, (reading.received_ns, order, sensor_id, count, reading))
            while waiting and waiting[0][0] <= self.shop.now_ns:
                yield heapq.heappop(waiting)[-1]
        while waiting:
            yield heapq.heappop(waiting)[-1]

    def _next(self) -> list[Reading]:
        """Let time pass until the next camera looks; what was captured or arrived then."""
        shop = self.shop
        seen: list[CameraDetections] = []
        if self._cameras is None:
            shop.advance(shop.now_ns + BLIND_STEP_NS)
        else:
            at_ns = self._ticks[0][0]
            shop.advance(at_ns)
            due: list[str] = []
            while self._ticks[0][0] == at_ns:
                _, camera_id, first_ns, number = heapq.heappop(self._ticks)
                due.append(camera_id)
                next_ns = first_ns + round((number + 1) * self._period_s[camera_id] * NS_PER_S)
                heapq.heappush(self._ticks, (next_ns, camera_id, first_ns, number + 1))
            scene = shop.scene(with_items=self._sees_items)
            seen = self._cameras.detect(scene, sorted(due))
            if self._show:
                self._show(scene, sorted(due))
        return [*shop.take_gate_taps(), *shop.take_scale_batches(), *seen]


def readings(store: Store, plan: DayPlan, *, vision: Literal["skeleton", "none"]) -> Iterator[Reading]:
    """The readings of a planned day, by received_ns."""
    return SimulatedDay(store, plan, vision=vision).readings()


def _rank(reading: Reading) -> tuple[int, str]:
    kinds = {"GateTap": (0, "gate_id"), "ScaleBatch": (1, "scale_id"), "CameraDetections": (2, "camera_id")}
    order, name = kinds[type(reading).__name__]
    return order, str(getattr(reading, name))
