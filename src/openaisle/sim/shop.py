"""A shop made of numbers: one day of shoppers, goods, plates and gates, from a plan and its seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from openaisle.core.messages import GateTap, ScaleBatch
from openaisle.core.units import NS_PER_S
from openaisle.sim.conditions import light_at
from openaisle.sim.goods import Goods, Place, Unit
from openaisle.sim.plan import DayPlan, PlannedVisit
from openaisle.sim.pose import Bodies, Column
from openaisle.sim.scene import BODY_JOINT_INDEX, Item, Scene
from openaisle.sim.sensors import Plates, PlateSettings
from openaisle.sim.shoppers import Shopper
from openaisle.sim.truth import Truth, TruthVisit
from openaisle.sim.walking import TICK_S, Walking
from openaisle.sim.world import World
from openaisle.store.schema import Store

PORCH_PEOPLE_MAX = 6  # on their way in or out, beyond those inside
AFTERGLOW_S = 2.0  # the day ends when shelves are quiet and the last batches have come
_HANDS = (BODY_JOINT_INDEX["left_hand"], BODY_JOINT_INDEX["right_hand"])


class SimulatedShop:
    """Runs a plan. `advance` moves time; `scene`, batches and taps are what sensors see and say at `now_ns`.

    How often `advance` is called changes nothing: the same plan gives the same bytes.
    """

    def __init__(self, store: Store, plan: DayPlan, *, plates: PlateSettings | None = None) -> None:
        assert plan.store_id == store.store_id, "the plan is for another shop"
        self.store = store
        self.plan = plan
        self.truth = Truth()
        self.now_ns = plan.start_ns
        self._waiting: list[PlannedVisit] = sorted(plan.visits, key=lambda visit: visit.enters_ns)
        self._shoppers: list[Shopper] = []
        self._rows_free = list(range(plan.people_max + PORCH_PEOPLE_MAX))
        seeds = np.random.SeedSequence([plan.seed, 4]).spawn(3)
        self._visit_seed = plan.seed
        self._world = World(
            store=store,
            start_ns=plan.start_ns,
            goods=Goods(
                store, plan.seed, [product_id for visit in plan.visits for product_id in visit.crate]
            ),
            plates=Plates(store, plan.start_ns, seeds[0], plates),
            walking=Walking(store, int(seeds[1].generate_state(1)[0])),
            bodies=Bodies(len(self._rows_free)),
            truth=self.truth,
            gate_rng=np.random.Generator(np.random.PCG64(seeds[2])),
        )
        for unit in self._world.goods.units:
            if unit.place is not Place.SHELF:
                continue
            shelf_id = store.slots[unit.slot_id].shelf_id
            self._world.plates.stand(shelf_id, unit.along_m, unit.width_m, unit.item.mass_g)
        for visit in plan.visits:
            self.truth.visits[visit.visit_id] = TruthVisit(
                visit_id=visit.visit_id,
                family=visit.family,
                families=visit.families,
                body_ids=tuple(member.body.body_id for member in visit.members),
                planned_ns=visit.enters_ns,
                is_staff=visit.is_staff,
            )
        self._crates = self._brought()
        self._tick = 0
        self._quiet_s = 0.0  # since when nothing has been going on
        self._batches: list[tuple[int, ScaleBatch]] = []

    def _brought(self) -> dict[str, list[Unit]]:
        """What each visit of staff brings along."""
        coming = iter([unit for unit in self._world.goods.units if unit.place is Place.AWAY])
        crates: dict[str, list[Unit]] = {}
        for visit in self.plan.visits:
            crates[visit.visit_id] = [next(coming) for _ in visit.crate]
            for unit in crates[visit.visit_id]:
                self.truth.brought(visit.visit_id, unit.product.product_id, unit.item.item_id)
        return crates

    @property
    def goods(self) -> Goods:
        """All units of goods: for scoring and for the tests of the simulator."""
        return self._world.goods

    @property
    def is_over(self) -> bool:
        """Everybody has come and gone, and the shelves are quiet again."""
        return not self._waiting and not self._shoppers and self._now_s > self._quiet_s + AFTERGLOW_S

    @property
    def people_count(self) -> int:
        """People that can be seen."""
        return len(self._shoppers)

    def advance(self, to_ns: int) -> None:
        """Let time pass until `to_ns`."""
        assert to_ns >= self.now_ns, "time went back"
        to_s = (to_ns - self.plan.start_ns) / NS_PER_S
        while (self._tick + 1) * TICK_S <= to_s + 1e-9:
            self._step()
        self._world.catch_up(to_s)
        self.now_ns = to_ns

    def take_scale_batches(self) -> list[ScaleBatch]:
        """Batches that have arrived since the last call, in order of arrival."""
        made = self._world.plates.batches(self._now_s)
        self._batches = sorted(
            [*self._batches, *made], key=lambda pair: (pair[0], pair[1].scale_id, pair[1].sequence)
        )
        arrived = [batch for received_ns, batch in self._batches if received_ns <= self.now_ns]
        self._batches = self._batches[len(arrived) :]
        return arrived

    def take_gate_taps(self) -> list[GateTap]:
        """Taps that have arrived since the last call, in order of arrival."""
        taps = sorted(self._world.taps, key=lambda tap: (tap.received_ns, tap.visit_id))
        arrived = [tap for tap in taps if tap.received_ns <= self.now_ns]
        self._world.taps = taps[len(arrived) :]
        return arrived

    def scene(self, *, with_items: bool = True) -> Scene:
        """Everything that can be seen now. Without items it is cheaper: skeletons need none."""
        shoppers = [shopper for shopper in self._shoppers if shopper.is_visible]
        rows = np.array([shopper.row for shopper in shoppers], np.int64)
        share = min(max((self._now_s - self._tick * TICK_S) / TICK_S, 0.0), 1.0)
        joints = self._world.bodies.joints_floor_m(rows, self._now_s, share)
        if not with_items:
            return Scene(
                at_ns=self.now_ns,
                light=light_at(self.plan.conditions, self._now_s),
                bodies=tuple(shopper.body for shopper in shoppers),
                joints_floor_m=joints,
                items=(),
                item_positions_floor_m=np.zeros((0, 3)),
                item_yaw_deg=np.zeros(0),
                item_in_hand=np.zeros(0, np.bool_),
                shelf_version=self._world.goods.version,
            )
        items, positions, yaws = self._world.goods.on_shelves()
        held_items, held_positions, held_yaws = self._in_hands(shoppers, joints, share)
        return Scene(
            at_ns=self.now_ns,
            light=light_at(self.plan.conditions, self._now_s),
            bodies=tuple(shopper.body for shopper in shoppers),
            joints_floor_m=joints,
            items=items + tuple(held_items),
            item_positions_floor_m=np.concatenate([positions, np.array(held_positions).reshape(-1, 3)]),
            item_yaw_deg=np.concatenate([yaws, np.array(held_yaws).reshape(-1)]),
            item_in_hand=np.arange(len(items) + len(held_items)) >= len(items),
            shelf_version=self._world.goods.version,
        )

    @property
    def _now_s(self) -> float:
        return (self.now_ns - self.plan.start_ns) / NS_PER_S

    def _step(self) -> None:
        """One tick: what is due happens, everybody moves, then decides."""
        self._tick += 1
        world = self._world
        world.now_s = self._tick * TICK_S
        world.catch_up(world.now_s)
        world.walking.tick()
        world.bodies.before[:] = world.bodies.now
        for shopper in self._shoppers:
            shopper.move_body()
        self._let_in()
        for shopper in self._shoppers:
            shopper.step()
        for shopper in [shopper for shopper in self._shoppers if shopper.is_gone]:
            self._shoppers.remove(shopper)
            self._rows_free.append(shopper.row)
            self._rows_free.sort()
        if self._waiting or self._shoppers or world.has_plans:
            self._quiet_s = world.now_s
        if self._tick % 4 == 0:
            for shopper in self._shoppers:
                if shopper.is_visible:
                    body_id = shopper.body.body_id
                    self.truth.stood(world.ns(world.now_s), body_id, *shopper.position)

    def _let_in(self) -> None:
        """Whoever is due comes to the gate while the shop has room."""
        while (
            self._waiting
            and len(self._rows_free) >= len(self._waiting[0].members)
            and self._waiting[0].enters_ns <= self._world.ns(self._world.now_s)
            and sum(shopper.is_coming_or_inside for shopper in self._shoppers) < self.plan.people_max
        ):
            visit = self._waiting.pop(0)
            for member in visit.members:
                rng = np.random.default_rng([self._visit_seed, 5, member.body.body_id])
                shopper = Shopper(self._world, visit, member, self._rows_free.pop(0), rng)
                if member.body is visit.body:
                    shopper.hands.stowed += self._crates[visit.visit_id]
                self._shoppers.append(shopper)

    def _in_hands(
        self, shoppers: Sequence[Shopper], joints: np.ndarray, share: float
    ) -> tuple[list[Item], list[np.ndarray], list[float]]:
        items: list[Item] = []
        positions: list[np.ndarray] = []
        yaws: list[float] = []
        bodies = self._world.bodies
        for index, shopper in enumerate(shoppers):
            for side, hand in enumerate(_HANDS):
                for held in shopper.hands.in_hand(side):
                    assert held.unit.place is Place.HAND
                    before, now = bodies.before[shopper.row, Column.YAW], bodies.now[shopper.row, Column.YAW]
                    yaw = before + share * (now - before)
                    x, y, z = held.offset_body_m
                    cos, sin = np.cos(yaw), np.sin(yaw)
                    offset = np.array([cos * x - sin * y, sin * x + cos * y, z])
                    items.append(held.unit.item)
                    positions.append(joints[index, hand] + offset)
                    yaws.append(float(np.degrees(yaw + held.yaw_body_rad)))
        return items, positions, yaws
