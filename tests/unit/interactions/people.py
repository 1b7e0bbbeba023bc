"""People and steps by hand, before the one gondola of the weight tests' shop (front along x at y = 0, facing south)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from tests.unit.weight_steps.plates import shop

from openaisle.core.messages import (
    JOINT_INDEX,
    ArmAction,
    FloorTracks,
    Interaction,
    InteractionKind,
    LookWanted,
    PackLook,
    StepStatus,
    VisitOpened,
    WeightStep,
)
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.interactions.decide import Interactions
from openaisle.interactions.settings import Settings
from openaisle.store.schema import Store

START_NS = 1_700_000_000 * NS_PER_S
SHELF_Z_M = 0.4


def at_ns(seconds: float) -> int:
    return START_NS + round(seconds * 1000) * NS_PER_MS


@dataclass
class Person:
    """Stands at `x`, and bends and reaches with the right hand to each (x, from, until) while that lasts.

    `left`: the same of the left hand. `meets`: the same in the air, at the height of the chest and `y`, with the
    forearm level.
    """

    visit_id: str
    x_m: float
    reaches: list[tuple[float, float, float]] = field(default_factory=list)
    y_m: float = -0.42
    shelf_z_m: float = SHELF_Z_M
    meets: list[tuple[float, float, float]] = field(default_factory=list)
    confidence: float = 0.8  # of every joint
    is_turned_away: bool = False  # from the shelf
    left: list[tuple[float, float, float]] = field(default_factory=list)

    def joints(self, at_s: float) -> np.ndarray:
        joints = np.full((17, 4), np.nan, np.float32)
        joints[:, 3] = 0.0

        def put(name: str, x: float, y: float, z: float) -> None:
            joints[JOINT_INDEX[name]] = [self.x_m + x, self.y_m + y, z, self.confidence]

        put("nose", 0.0, 0.05, 1.65)
        right = -0.18 if self.is_turned_away else 0.18
        put("left_shoulder", -right, 0.0, 1.42)
        put("right_shoulder", right, 0.0, 1.42)
        put("left_elbow", -0.22, 0.0, 1.1)
        put("right_elbow", 0.22, 0.0, 1.1)
        put("left_wrist", -0.22, 0.03, 0.85)
        put("right_wrist", 0.22, 0.03, 0.85)
        for side, out, reaches in (("right", right, self.reaches), ("left", -right, self.left)):
            for x_m, from_s, until_s in reaches:
                if from_s <= at_s <= until_s:
                    z = self.shelf_z_m + 0.1
                    joints[JOINT_INDEX[f"{side}_wrist"]] = [x_m, -0.05, z, self.confidence]
                    joints[JOINT_INDEX[f"{side}_elbow"]] = [x_m, -0.3, z + 0.05, self.confidence]
                    joints[JOINT_INDEX[f"{side}_shoulder"]] = [self.x_m + out, -0.4, z + 0.3, self.confidence]
        for x_m, from_s, until_s in self.meets:
            if from_s <= at_s <= until_s:
                back_m = 0.1 if x_m < self.x_m else -0.1  # the hand is so far beyond the wrist
                joints[JOINT_INDEX["right_wrist"]] = [x_m + back_m, self.y_m, 1.05, self.confidence]
                joints[JOINT_INDEX["right_elbow"]] = [x_m + 3.2 * back_m, self.y_m, 1.08, self.confidence]
        return joints


def tracks_at(people: Sequence[Person], at_s: float) -> FloorTracks:
    return FloorTracks(
        captured_ns=at_ns(at_s),
        decided_ns=at_ns(at_s),
        track_ids=tuple(f"t-{person.visit_id}" for person in people),
        visit_ids=tuple(person.visit_id for person in people),
        positions_floor_m=np.array([[p.x_m, p.y_m] for p in people], np.float32).reshape(-1, 2),
        position_sd_m=np.full(len(people), 0.05, np.float32),
        heights_m=np.full(len(people), 1.75, np.float32),
        joints_floor_m=np.array([p.joints(at_s) for p in people], np.float32).reshape(-1, 17, 4),
    )


def step(
    at_s: float,
    grams: dict[int, float],
    *,
    step_id: str = "",
    revision: int = 1,
    status: StepStatus = StepStatus.CONFIRMED,
    shelf_id: str = "A1",
    noise_sd_g: float = 0.5,
) -> WeightStep:
    """Grams by plate (from 0) of a shelf of twelve."""
    mass_g = np.zeros(12, np.float32)
    for plate, change_g in grams.items():
        mass_g[plate] = change_g
    return WeightStep(
        step_id=step_id or f"{shelf_id}/{at_s}",
        revision=revision,
        status=status,
        shelf_id=shelf_id,
        started_ns=at_ns(at_s - 0.2),
        edge_ns=at_ns(at_s),
        settled_ns=at_ns(at_s + 0.1),
        detected_ns=at_ns(at_s + 0.2),
        mass_change_g=mass_g,
        noise_sd_g=np.full(12, noise_sd_g, np.float32),
    )


@dataclass
class Scene:
    """Runs people and steps through the room: tracks at 10 Hz, steps 0.3 s after their edge."""

    people: list[Person] = field(default_factory=list)
    steps: list[tuple[float, WeightStep]] = field(default_factory=list)  # when it is heard
    store: Store = field(default_factory=shop)
    late_s: float = 0.1  # of tracks
    settings: Settings = field(default_factory=Settings)
    said: list[Interaction] = field(default_factory=list)
    eyes: Callable[[LookWanted], PackLook | None] | None = None  # who answers questions, 0.2 s later
    asked: list[LookWanted] = field(default_factory=list)
    arms: list[tuple[float, ArmAction]] = field(default_factory=list)  # when it is heard

    def change(self, at_s: float, grams: dict[int, float], **more: object) -> None:
        self.steps.append((at_s + 0.3, step(at_s, grams, **more)))  # type: ignore[arg-type]

    def run(self, until_s: float) -> dict[str, Interaction]:
        """The last word on every interaction that stands and moves or may have moved goods, in order."""
        room = Interactions(self.store, self.settings)
        opened = [
            VisitOpened(visit_id=p.visit_id, gate_id="entry", track_id=None, opened_ns=at_ns(0))
            for p in self.people
        ]
        waiting = sorted(self.steps, key=lambda pair: pair[0])
        for tick in range(round(until_s * 10)):
            now_s = tick / 10
            heard = [s for when, s in waiting if when <= now_s]
            waiting = [(when, s) for when, s in waiting if when > now_s]
            seen = [tracks_at(self.people, now_s - self.late_s)] if now_s >= self.late_s else []
            answers = [
                self.eyes(wanted)
                for wanted in self.asked
                if self.eyes and wanted.wanted_ns == at_ns(now_s - 0.2)
            ]
            looks = [look for look in answers if look is not None]
            news = opened if tick == 0 else []
            arms = [action for when, action in self.arms if now_s - 0.1 < when <= now_s]
            self.said += room.step(heard, seen, news, {}, at_ns(now_s), looks=looks, arms=arms)
            if self.eyes is not None:
                self.asked += room.ask(at_ns(now_s))
        self.said += room.finish(at_ns(until_s))
        last = {interaction.interaction_id: interaction for interaction in self.said}
        kinds = (InteractionKind.BROWSE, InteractionKind.TOUCH_RETURN)
        standing = [i for i in last.values() if not i.withdrawn and i.kind not in kinds]
        return {
            i.interaction_id: i for i in sorted(standing, key=lambda i: (i.happened_ns, i.interaction_id))
        }

    def moved(self, until_s: float) -> list[tuple[str, str | None, int, str | None]]:
        """(kind, product, quantity, visit) in the order things happened."""
        return [(i.kind.value, i.product_id, i.quantity, i.visit_id) for i in self.run(until_s).values()]


def with_masses(masses_g: dict[str, float], spread_g: float = 1.0) -> Store:
    """The shop, some products of it weighing something else."""
    store = shop()
    products = dict(store.products)
    for product_id, mass_g in masses_g.items():
        products[product_id] = replace(products[product_id], mass_g=mass_g, mass_sd_g=spread_g)
    return Store(
        **{
            **{k: v for k, v in store.__dict__.items() if k in Store.__dataclass_fields__},
            "products": products,
        }
    )
