"""Random people in random shops before random ceiling cameras: what the people networks are taught on.

Wider than life on purpose: other builds, colours, postures and cameras than the simulator's own shoppers have, so
that neither one store nor one crowd is learned by heart. Every draw comes from the generator passed in.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely

from openaisle.core.geometry import Lens
from openaisle.sim.goods import Goods, Place
from openaisle.sim.people import draw_body
from openaisle.sim.pose import FLOOR, REST, TORSO, Bodies, Column, stride_m
from openaisle.sim.reach import STANDING, Posture, body_from_floor, stance_for
from openaisle.sim.scene import BODY_JOINT_INDEX, Body, Floats, Item, Scene
from openaisle.sim.walking import free_floor
from openaisle.store.schema import Camera, Gondola, Store

PEOPLE_MAX: Final = 12
CAST_MAX: Final = 64
"""A cast's body_id divided by this is the store's seed."""
EVERYDAY_SHARE: Final = 0.5
APART_M: Final = 0.42
MOMENT_S: Final = 0.04
HANDS: Final = (BODY_JOINT_INDEX["left_hand"], BODY_JOINT_INDEX["right_hand"])


def random_body(rng: np.random.Generator, body_id: int) -> Body:
    """Half the time one of the simulator's shoppers, otherwise anybody: children, giants, any colour."""
    body = draw_body(rng, body_id)
    if rng.random() < 0.5:
        return body
    height = float(rng.uniform(1.05, 1.5) if rng.random() < 0.15 else rng.uniform(1.5, 2.0))
    girth = float(rng.uniform(0.75, 1.45))

    def colour(low: float = 0.03, high: float = 0.95) -> tuple[float, float, float]:
        grey = rng.uniform(low, high)
        red, green, blue = np.clip(grey + rng.normal(0, rng.choice([0.02, 0.2]), 3), 0.02, 0.98)
        return (float(red), float(green), float(blue))

    return Body(
        body_id=body_id,
        height_m=height,
        girth=girth,
        shoulder_width_m=height * float(rng.uniform(0.2, 0.255)) * (0.8 + 0.2 * girth),
        skin=body.skin,
        hair=colour(0.03, 0.6),
        top=colour(),
        trousers=colour(),
        shoes=colour(),
        pattern=int(rng.integers(0, 4)),
        pattern_colour=colour(),
        has_long_sleeves=bool(rng.random() < 0.5),
        has_bag=bool(rng.random() < 0.4),
    )


class Cast:
    """The people of one shop who come again and again, in everyday clothes and in any."""

    def __init__(self, people: int, seed: int) -> None:
        """At least as many `people` as one scene has, at most CAST_MAX."""
        rng = np.random.default_rng([seed, 67])
        self._bodies = [
            (draw_body if rng.random() < EVERYDAY_SHARE else random_body)(rng, seed * CAST_MAX + row)
            for row in range(people)
        ]
        self._order = np.arange(people)

    def draw(self, rng: np.random.Generator, number: int) -> Body:
        """Somebody else for each number of a scene, from 0."""
        if number == 0:
            self._order = rng.permutation(len(self._bodies))
        return self._bodies[int(self._order[number])]


def random_camera(store: Store, rng: np.random.Generator, camera_id: str) -> Camera:
    """A 640x360 camera somewhere under the ceiling of a store, looking towards its middle, more or less."""
    plan = np.array(store.plan_floor_m)
    low, high = plan.min(axis=0), plan.max(axis=0)
    place = rng.uniform(low + 0.1, high - 0.1)
    if rng.random() < 0.5:  # on a wall
        axis = int(rng.integers(2))
        place[axis] = (low[axis] + 0.1) if rng.random() < 0.5 else (high[axis] - 0.1)
    middle = rng.uniform(low + 0.25 * (high - low), high - 0.25 * (high - low))
    towards = math.degrees(math.atan2(middle[1] - place[1], middle[0] - place[0]))
    width, height = 640, 360
    fov = math.radians(rng.uniform(60.0, 95.0))
    focal = width / 2 / math.tan(fov / 2)
    barrel = float(rng.uniform(-0.3, 0.02))
    return Camera(
        camera_id=camera_id,
        position_floor_m=(float(place[0]), float(place[1]), float(rng.uniform(2.2, 3.1))),
        pan_deg=towards + float(rng.normal(0, 20)),
        tilt_deg=float(np.clip(rng.normal(44, 12), 22, 80)),
        roll_deg=float(rng.normal(0, 2.5)),
        lens=Lens(
            width,
            height,
            focal,
            focal,
            width / 2 - 0.5 + float(rng.normal(0, 5)),
            height / 2 - 0.5 + float(rng.normal(0, 5)),
            (barrel, -0.2 * barrel, 0.0, 0.0, 0.0),
        ),
        main_width_px=1920,
        main_height_px=1080,
        fps=8.0,
    )


@dataclass(frozen=True)
class _Standing:
    """Where somebody stands, and the gondola they face, if any."""

    x_m: float
    y_m: float
    yaw_rad: float
    gondola: Gondola | None


@dataclass(frozen=True)
class _Held:
    """A pack in somebody's hand."""

    body: int  # row
    side: int
    item: Item
    yaw_deg: float


class SceneMaker:
    """Random scenes of one store. Goods go from the shelves as scenes go by, as they do in a shop."""

    def __init__(
        self,
        store: Store,
        seed: int,
        *,
        shopped_share: float = 0.0,
        draw_body: Callable[[np.random.Generator, int], Body] = random_body,
    ) -> None:
        """`shopped_share`: of scenes before which whole facings were emptied, filled or disordered."""
        self.store = store
        self._shopped_share, self._draw_body = shopped_share, draw_body
        self._rng = np.random.default_rng([seed, 71])
        self._goods = Goods(store, seed)
        self._floor = free_floor(store).buffer(-0.2)
        self._bodies = Bodies(PEOPLE_MAX)
        self._at_ns = 0

    def empty(self) -> Scene:
        """Nobody there; the light at its nominal brightness."""
        self._at_ns += 1_000_000_000
        return self._scene(self._at_ns, (), np.zeros((0, len(BODY_JOINT_INDEX), 3)), [], 1.0)

    def people(self, camera: Camera, count: int) -> tuple[Scene, Scene]:
        """`count` people at most, most of them where the camera looks: a moment before, and now.

        Drawing the moment before lets the renderer blur what moves.
        """
        rng = self._rng
        for _ in range(int(rng.integers(0, 3))):
            self._take_something()
        if self._shopped_share and rng.random() < self._shopped_share:
            self._shop(int(rng.integers(1, 4)))
        standing = self._places(camera, count)
        bodies = tuple(self._draw_body(rng, number) for number in range(len(standing)))
        for row, (body, where) in enumerate(zip(bodies, standing, strict=True)):
            self._pose(row, body, where)
        rows = np.arange(len(bodies))
        before, now = (self._bodies.joints_floor_m(rows, *at) for at in ((-MOMENT_S, 0.0), (0.0, 1.0)))
        held = self._held_items(now)
        light = float(np.exp(rng.normal(0, 0.12))) if rng.random() < 0.4 else 1.0
        self._at_ns += 1_000_000_000
        moment_ns = round(MOMENT_S * 1e9)
        return (
            self._scene(self._at_ns - moment_ns, bodies, before, held, light),
            self._scene(self._at_ns, bodies, now, held, light),
        )

    def _scene(
        self, at_ns: int, bodies: tuple[Body, ...], joints: Floats, held: list[_Held], light: float
    ) -> Scene:
        items, positions, yaws = self._goods.on_shelves()
        in_hand = [
            joints[one.body, HANDS[one.side]]
            - (0.0, 0.0, 0.5 * self.store.products[one.item.product_id].height_m)
            for one in held
        ]
        return Scene(
            at_ns=at_ns,
            light=light,
            bodies=bodies,
            joints_floor_m=joints,
            items=(*items, *(one.item for one in held)),
            item_positions_floor_m=np.concatenate([positions, np.array(in_hand).reshape(-1, 3)]),
            item_yaw_deg=np.concatenate([yaws, [one.yaw_deg for one in held]]),
            item_in_hand=np.array([False] * len(items) + [True] * len(held), bool),
            shelf_version=self._goods.version,
        )

    def _take_something(self) -> None:
        unit = self._goods.units[int(self._rng.integers(len(self._goods.units)))]
        if unit.place is Place.SHELF:
            self._goods.lift(unit)
            self._goods.stow(unit)

    def _shop(self, count: int) -> None:
        """What shoppers and staff leave behind: gaps as large as people, fresh goods, and goods where none were."""
        rng = self._rng
        slots = sorted(self.store.slots)
        for _ in range(count):
            slot_id = slots[int(rng.integers(len(slots)))]
            if rng.random() < 0.6:
                there = self._goods.in_slot(slot_id)
                for unit in there[: int(rng.integers(0, len(there) + 1))]:
                    self._goods.lift(unit)
                    self._goods.stow(unit)
                continue
            is_astray = rng.random() < 0.4
            own = self.store.slots[slot_id].product_id
            gone = [unit for unit in self._goods.units if unit.place is Place.AWAY]
            fitting = [unit for unit in gone if is_astray or unit.product.product_id == own]
            for unit in fitting[: int(rng.integers(1, 5))]:
                place = self._goods.free_place(slot_id, unit.product, rng)
                self._goods.fetch(unit)
                self._goods.put(unit, slot_id, *place)

    def _places(self, camera: Camera, count: int) -> list[_Standing]:
        found: list[_Standing] = []
        for _ in range(count):
            for _ in range(30):
                place = self._place(found)
                centre = np.array([place.x_m, place.y_m, 1.0])
                point = camera.project(centre[None])[0]
                is_seen = bool(np.isfinite(point).all())
                is_seen = is_seen and -20 < point[0] < camera.lens.width_px + 20
                is_seen = is_seen and -40 < point[1] < camera.lens.height_px + 60
                free = self._floor.contains(shapely.Point(place.x_m, place.y_m))
                apart = all(math.hypot(place.x_m - o.x_m, place.y_m - o.y_m) > APART_M for o in found)
                if free and apart and (is_seen or self._rng.random() < 0.03):
                    found.append(place)
                    break
        return found

    def _place(self, others: list[_Standing]) -> _Standing:
        rng = self._rng
        draw = rng.random()
        if others and draw < 0.35:  # close to somebody
            other = others[int(rng.integers(len(others)))]
            angle, distance = rng.uniform(0, 2 * math.pi), rng.uniform(0.45, 0.95)
            yaw = (
                other.yaw_rad + float(rng.normal(0, 0.5))
                if rng.random() < 0.6
                else rng.uniform(0, 2 * math.pi)
            )
            x, y = other.x_m + math.cos(angle) * distance, other.y_m + math.sin(angle) * distance
            return _Standing(float(x), float(y), float(yaw), other.gondola)
        if draw < 0.7:  # before a shelf
            gondola = self.store.gondolas[int(rng.integers(len(self.store.gondolas)))]
            along = rng.uniform(-0.1, gondola.width_m + 0.1)
            point = gondola.floor_from_gondola.apply(np.array([along, -rng.uniform(0.28, 0.8), 0.0]))
            yaw = math.radians(gondola.heading_deg) + math.pi / 2 + float(rng.normal(0, 0.35))
            return _Standing(float(point[0]), float(point[1]), yaw, gondola)
        west, south, east, north = self._floor.bounds
        x, y = rng.uniform(west, east), rng.uniform(south, north)
        return _Standing(float(x), float(y), float(rng.uniform(0, 2 * math.pi)), None)

    def _pose(self, row: int, body: Body, where: _Standing) -> None:
        rng, bodies = self._rng, self._bodies
        bodies.reset(row, body, where.x_m, where.y_m, where.yaw_rad)
        state = bodies.now[row]
        if where.gondola is None or rng.random() < 0.3:
            state[Column.FORWARD_SPEED] = rng.uniform(0.0, 1.5)
            state[Column.LEFT_SPEED] = rng.normal(0, 0.1)
        state[Column.PHASE] = rng.random()
        state[Column.HEAD_YAW] = rng.normal(0, 0.4)
        state[Column.HEAD_PITCH] = rng.normal(0.2, 0.3)
        # A moment ago, one step back along the way.
        bodies.before[row] = state
        speed, cos, sin = state[Column.FORWARD_SPEED], math.cos(where.yaw_rad), math.sin(where.yaw_rad)
        bodies.before[row, Column.X] -= MOMENT_S * speed * cos
        bodies.before[row, Column.Y] -= MOMENT_S * speed * sin
        bodies.before[row, Column.PHASE] -= MOMENT_S * speed / stride_m(body.height_m, speed)
        posture = STANDING
        if rng.random() < 0.2:
            lean, crouch = abs(rng.normal(0, 0.35)), abs(rng.normal(0, 0.2))
            posture = Posture(min(float(crouch), 0.48), min(float(lean), 0.9), float(rng.normal(0, 0.2)))
        sides = (0, 1) if rng.random() < 0.5 else (1, 0)
        for order, side in enumerate(sides):
            draw = rng.random()
            if where.gondola is not None and draw < (0.65 if order == 0 else 0.2):
                target = self._shelf_point(where.gondola, where)
                if rng.random() < 0.85 and order == 0:
                    near = body_from_floor(target, np.array([where.x_m, where.y_m]), where.yaw_rad)
                    posture = stance_for(body, side, near).posture
                self._reach(
                    row, side, (FLOOR, *target), float(rng.uniform(0.35, 1.0)) if rng.random() < 0.4 else 1.0
                )
            elif draw < 0.8:
                continue  # hangs or swings
            elif draw < 0.93:  # carries something before the body
                point = (rng.uniform(0.15, 0.45), rng.normal(0, 0.15), rng.uniform(-0.05, 0.4))
                self._reach(row, side, (TORSO, *point), 1.0)
            else:  # anywhere
                point = (rng.normal(0.2, 0.3), rng.normal(0, 0.4), rng.uniform(-0.3, 1.0))
                self._reach(row, side, (TORSO, *point), 1.0)
        bodies.bend(row, -2.0, -1.0, STANDING, posture)

    def _reach(self, row: int, side: int, point: tuple[float, ...], share: float) -> None:
        """Hand on its way from rest to a point; `share` 1 = there."""
        frame, x, y, z = point
        target = (int(frame), float(x), float(y), float(z))
        rest = (REST, 0.0, 0.0, 0.0)
        if share >= 1.0:
            self._bodies.move_hand(row, side, -2.0, -1.0, rest, rest, target)
        else:
            self._bodies.move_hand(row, side, -share, 1.0 - share, rest, rest, target)

    def _shelf_point(self, gondola: Gondola, where: _Standing) -> Floats:
        rng = self._rng
        shelf = gondola.shelves[int(rng.integers(len(gondola.shelves)))]
        here = gondola.floor_from_gondola.inverse().apply(np.array([where.x_m, where.y_m, 0.0]))
        along = float(np.clip(here[0] + rng.normal(0, 0.3), 0.02, gondola.width_m - 0.02))
        into, above = float(rng.uniform(-0.05, 0.25)), float(rng.uniform(0.02, 0.25))
        return gondola.floor_from_gondola.apply(
            np.array([along, shelf.front_m + into, shelf.height_m + above])
        )

    def _held_items(self, joints: Floats) -> list[_Held]:
        rng = self._rng
        names = sorted(self.store.products)
        held: list[_Held] = []
        for body in range(len(joints)):
            for side in range(len(HANDS)):
                if rng.random() > 0.3:
                    continue
                product = self.store.products[names[int(rng.integers(len(names)))]]
                item = Item(
                    item_id=len(self._goods.units) + len(held),
                    product_id=product.product_id,
                    mass_g=product.mass_g,
                )
                held.append(_Held(body, side, item, float(rng.uniform(0, 360))))
        return held
