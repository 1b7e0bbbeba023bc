"""One shelf's plates in numbers, apart from the simulator's, so that the two do not share a mistake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from openaisle.core.messages import ScaleBatch, WeightStep
from openaisle.core.units import NS_PER_S
from openaisle.detections.weight_steps import WeightSteps
from openaisle.store.schema import Gate, Gondola, Plate, Product, Shelf, Slot, Store

RATE_HZ = 60.0
BATCH = 12
START_NS = 1_700_000_000 * NS_PER_S
LATE_NS = 100_000_000

Course = Callable[[np.ndarray], np.ndarray]


def shop(
    plate_count: int = 12, shelf_count: int = 1, lightest_g: float = 40.0, rate_hz: float = RATE_HZ
) -> Store:
    """A gondola whose slots are two plates wide, with products of 100, 200, ... grams (the first: the lightest)."""
    products: dict[str, Product] = {}
    shelves: list[Shelf] = []
    for level in range(1, shelf_count + 1):
        shelf_id = f"A{level}"
        slots: list[Slot] = []
        for place in range(plate_count // 2):
            product_id = f"P{level}{place + 1}"
            products[product_id] = Product(
                product_id=product_id,
                gtin="",
                name=product_id,
                price_minor=100,
                tax_class="t",
                mass_g=lightest_g if place == 0 else 100.0 * (place + 1),
                mass_sd_g=1.0,
                width_m=0.07,
                height_m=0.15,
                depth_m=0.07,
            )
            slots.append(
                Slot(
                    slot_id=f"{shelf_id}-{place + 1}",
                    shelf_id=shelf_id,
                    product_id=product_id,
                    left_m=0.2 * place,
                    width_m=0.2,
                    facings=2,
                    capacity=10,
                )
            )
        plates = [
            Plate(
                plate_id=f"{shelf_id}.{n + 1:02d}",
                shelf_id=shelf_id,
                left_m=0.1 * n,
                width_m=0.1,
                channel=(level - 1) * plate_count + n,
            )
            for n in range(plate_count)
        ]
        shelves.append(
            Shelf(
                shelf_id=shelf_id,
                gondola_id="A",
                level=level,
                height_m=0.4 * level,
                clearance_m=0.35,
                left_m=0.0,
                front_m=0.0,
                width_m=0.1 * plate_count,
                depth_m=0.4,
                plates=tuple(plates),
                slots=tuple(slots),
            )
        )
    gondola = Gondola(
        gondola_id="A",
        scale_id="scale-A",
        origin_floor_m=(0.0, 0.0),
        heading_deg=0.0,
        width_m=0.1 * plate_count,
        depth_m=0.4,
        height_m=0.4 * (shelf_count + 1),
        rate_hz=rate_hz,
        shelves=tuple(shelves),
    )
    gate = Gate(
        gate_id="entry", kind="both", left_floor_m=(0, -3), right_floor_m=(1, -3), inside_floor_m=(0.5, -2.5)
    )
    return Store(
        store_id="test",
        name="Test",
        timezone="UTC",
        currency="EUR",
        currency_digits=2,
        prices_include_tax=True,
        tax_rates={"t": 0.0},
        jurisdiction="EU",
        ceiling_height_m=2.5,
        plan_floor_m=((-1, -3), (3, -3), (3, 2), (-1, 2)),
        walls_floor_m=(),
        gates=(gate,),
        zones=(),
        gondolas=(gondola,),
        cameras=(),
        products=products,
    )


def ramp(at_s: float, over_s: float, grams: float) -> Course:
    """A change of load within some time, then ringing at 7 Hz that dies away within half a second."""

    def course(t: np.ndarray) -> np.ndarray:
        share = np.clip((t - at_s) / over_s, 0.0, 1.0)
        after = np.clip(t - at_s - over_s, 0.0, None)
        ring = 0.05 * np.exp(-after / 0.12) * np.sin(2 * np.pi * 7 * after)
        return grams * (share * share * (3 - 2 * share) + ring)

    return course


def press(from_s: float, until_s: float, grams: float, tremor: float = 0.15) -> Course:
    """A hand that rests, never quite still."""

    def course(t: np.ndarray) -> np.ndarray:
        held = np.clip((t - from_s) / 0.06, 0, 1) * np.clip((until_s - t) / 0.06, 0, 1)
        return grams * held * (1 + tremor * np.sin(2 * np.pi * 3.3 * (t - from_s)))

    return course


@dataclass
class Bench:
    """Plates of one store, fed to WeightSteps batch by batch."""

    store: Store = field(default_factory=shop)
    noise_sd_g: float = 0.8
    seed: int = 0
    loads: list[tuple[Course, dict[int, float]]] = field(default_factory=list)

    def add(self, course: Course, plates: dict[int, float] | int) -> None:
        """Put a load on plates (column -> share); neighbours of a single plate feel 1.5 % each."""
        if isinstance(plates, int):
            plates = {plates: 0.97, plates - 1: 0.015, plates + 1: 0.015}
        self.loads.append((course, plates))

    def batches(self, seconds: float) -> list[ScaleBatch]:
        rng = np.random.default_rng(self.seed)
        columns = len(self.store.gondolas[0].plates)
        count = int(seconds * RATE_HZ / BATCH) * BATCH
        t = np.arange(count) / RATE_HZ
        grams = rng.uniform(-3000, 9000, columns) + self.noise_sd_g * rng.standard_normal((count, columns))
        for course, plates in self.loads:
            for column, share in plates.items():
                if 0 <= column < columns:
                    grams[:, column] += share * course(t)
        return [
            ScaleBatch(
                scale_id="scale-A",
                boot_id="b",
                sequence=n,
                device_ns=START_NS + round(n * BATCH / RATE_HZ * NS_PER_S),
                received_ns=START_NS + round(((n + 1) * BATCH - 1) / RATE_HZ * NS_PER_S) + LATE_NS,
                rate_hz=RATE_HZ,
                grams=grams[n * BATCH : (n + 1) * BATCH].astype(np.float32),
            )
            for n in range(count // BATCH)
        ]

    def run(self, seconds: float) -> Heard:
        return heard(self.store, self.batches(seconds))


@dataclass
class Heard:
    """All that was said of weight steps, and of health."""

    said: list[WeightStep]
    health: list

    @property
    def final(self) -> list[WeightStep]:
        """The last word on every step that stands, in the order of their edges."""
        last = {step.step_id: step for step in self.said}
        return sorted(
            (s for s in last.values() if s.status != "withdrawn"), key=lambda s: (s.edge_ns, s.step_id)
        )

    @property
    def masses_g(self) -> list[float]:
        return [round(float(step.mass_change_g.sum()), 1) for step in self.final]

    def first(self, step: WeightStep) -> WeightStep:
        return next(s for s in self.said if s.step_id == step.step_id)


def heard(store: Store, batches: list[ScaleBatch]) -> Heard:
    room = WeightSteps(store)
    said = [message for batch in batches for message in room.step([batch], batch.received_ns)]
    said += room.finish(batches[-1].received_ns)
    steps = [message for message in said if isinstance(message, WeightStep)]
    return Heard(steps, [message for message in said if not isinstance(message, WeightStep)])


def seconds_of(at_ns: int) -> float:
    return (at_ns - START_NS) / NS_PER_S
