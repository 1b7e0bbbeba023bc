"""One shopper's two hands: what they hold, and the reaches that take, give back and touch.

Every method lays down one whole action from now on: hand path, bending, force on the plates, and the moment at which
the goods change place. Durations are drawn within ranges seen in people: approach 0.4-0.8 s, grasp 0.15-0.5 s,
retreat 0.4-0.7 s; longer where one has to crouch or step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from openaisle.sim.goods import Unit
from openaisle.sim.held import Held, OwnThing
from openaisle.sim.plan import Intent, Member
from openaisle.sim.pose import FLOOR, REST, TORSO, Column
from openaisle.sim.reach import LEFT, RIGHT, STANDING, body_from_floor, floor_from_body, stance_for
from openaisle.sim.scene import Floats
from openaisle.sim.touch import Touch
from openaisle.sim.truth import TruthEvent
from openaisle.sim.world import World
from openaisle.store.schema import Point2

Control = tuple[int, float, float, float]

AT_REST: Final[Control] = (REST, 0.0, 0.0, 0.0)
HOLD_M: Final = (0.33, 0.13, 0.16)  # where one holds what one looks at (torso frame, left hand)
BAG_M: Final = (0.02, 0.27, 0.02)  # the mouth of the bag, or the pocket
CRADLE_M: Final = (0.2, 0.07, 0.1)  # the hand of the arm on which goods lie, for want of a bag
CRADLED_MAX: Final = 4  # more goes into pockets
BACK_M_MAX: Final = 0.12  # one may step back this far to have room for the arm


@dataclass(frozen=True)
class _Approach:
    """A hand on its way: where it goes (floor), when it is there, where the feet are."""

    hand_floor_m: Floats
    before_floor_m: Floats  # the last control point of the curve: out of the shelf
    there_s: float
    pin: Point2


class Hands:
    """Both hands of one shopper. Index 0 is the left hand, 1 the right."""

    def __init__(
        self, world: World, visit_id: str, member: Member, row: int, rng: np.random.Generator
    ) -> None:
        self._world = world
        self.visit_id = visit_id
        self._member = member
        self._row = row
        self._rng = rng
        self._plates = Touch(world, rng)
        self._at: list[Control] = [AT_REST, AT_REST]
        self.held: list[list[Held]] = [[], []]
        self.stowed: list[Unit] = []  # in the bag or in pockets
        self.cradled: list[Held] = []  # on the arm of `cradle_side`, in sight
        self.cradle_side = RIGHT if member.is_left_handed else LEFT
        self.free_s = [0.0, 0.0]  # when the hand can begin something new
        self.there_s = [0.0, 0.0]  # when it last came to what it reached for
        self.lifted_s = [0.0, 0.0]  # when it last left the goods
        self.retreated_s = [0.0, 0.0]  # when it was last out of the shelf
        self.own: OwnThing | None = None  # where it lies, if it lies on a shelf
        self.offered = RIGHT  # the hand held out for what somebody gives

    def feet(self) -> Point2:
        """Where their owner stands."""
        x, y = self._world.bodies.now[self._row, : Column.YAW]
        return (float(x), float(y))

    def heading(self) -> float:
        """Where their owner faces, radians."""
        return float(self._world.bodies.now[self._row, Column.YAW])

    # What is in them

    def choose(self, wanted: str) -> int:
        """The hand to reach with: the wanted one, else an empty one, the better one first."""
        better = LEFT if self._member.is_left_handed else RIGHT
        if wanted:
            better = LEFT if wanted == "left" else RIGHT
        order = (better, 1 - better)
        able = [side for side in order if not (self.cradled and side == self.cradle_side)]
        for side in able:
            if not self.held[side]:
                return side
        return able[0]

    def find(self, product_id: str) -> tuple[Unit | None, int]:
        """A unit of a product that this shopper has, and the hand it is in (the better hand when it is stowed)."""
        for side in (RIGHT, LEFT):
            for held in self.held[side]:
                if held.unit.product.product_id == product_id:
                    return held.unit, side
        for unit in [*(held.unit for held in self.cradled), *self.stowed]:
            if unit.product.product_id == product_id:
                return unit, self.choose("")
        return None, RIGHT

    def holds(self, unit: Unit) -> bool:
        """Whether a unit is in a hand, not on the arm or in the bag."""
        return any(held.unit is unit for side in (LEFT, RIGHT) for held in self.held[side])

    def in_hand(self, side: int) -> list[Held]:
        """What is seen in a hand, or on its arm."""
        return self.held[side] + self.cradled if side == self.cradle_side else self.held[side]

    # Actions

    def take(
        self,
        units: list[Unit],
        side: int,
        intent: Intent,
        position: Point2,
        yaw: float,
        room_m: float,
        *,
        is_last: bool,
    ) -> Point2:
        """Reach for units that stand together and lift them; returns where the feet must be."""
        world, rng = self._world, self._rng
        grasp = self._plates.grasp_point(units[0])
        reach = self._approach(grasp, side, position, yaw, room_m, is_quick=intent.is_quick)
        quick = 0.6 if intent.is_quick else 1.0
        dwell = rng.uniform(0.15, 0.5) * quick
        lift_s = reach.there_s + dwell + intent.press_s
        self._plates.brush(units[0], reach.there_s)
        self._plates.press_before_lift(units[0], reach.there_s, lift_s, intent.press_s)
        for unit in units:
            unload_s = rng.uniform(0.1, 0.2)
            self._plates.load_change(unit, lift_s, unload_s, -1)
            held = self._held(unit, reach.hand_floor_m, yaw)
            gone_s = lift_s + unload_s
            world.at(lift_s, lambda held=held, gone_s=gone_s: self._lifted(held, side, gone_s))
        back_s = lift_s
        if intent.hover_s:
            out = reach.hand_floor_m + 0.6 * (reach.before_floor_m - reach.hand_floor_m)
            back_s = self._move(side, lift_s, lift_s + 0.35, _floor(out), _floor(out)) + intent.hover_s
        hold = self._torso(HOLD_M, side)
        end_s = back_s + rng.uniform(0.4, 0.7) * quick
        self._move(side, back_s, end_s, _floor(reach.before_floor_m + np.array([0.0, 0.0, 0.05])), hold)
        self._straighten(lift_s + 0.15, end_s + 0.2)
        self.lifted_s[side], self.retreated_s[side] = lift_s, end_s
        self.free_s[side] = end_s
        if intent.stow or not is_last:
            look_s = rng.uniform(0.25, 0.8) * (0.2 if intent.is_quick else 1.0)
            self._stow_at(units, side, end_s + look_s, quick)
        return reach.pin

    def put(
        self, unit: Unit, side: int, intent: Intent, position: Point2, yaw: float, room_m: float
    ) -> Point2:
        """Set down a unit that is in the hand; returns where the feet must be."""
        world, rng, goods = self._world, self._rng, self._world.goods
        held = next(held for held in self.held[side] if held.unit is unit)
        slot = world.store.slots[intent.slot_id]
        shelf = world.store.shelves[slot.shelf_id]
        along, into, above = goods.free_place(intent.slot_id, unit.product, rng)
        bottom = world.store.shelf_point_floor_m(shelf, along, into, above)
        offset = floor_from_body(np.array(held.offset_body_m), np.zeros(2), yaw)
        reach = self._approach(bottom - offset, side, position, yaw, room_m, is_quick=intent.is_quick)
        over = rng.uniform(0.06, 0.12)
        down_s = reach.there_s
        world.plates.change(down_s, over, shelf.shelf_id, along, unit.width_m, unit.item.mass_g)
        leave_s = down_s + over + rng.uniform(0.1, 0.35)
        world.plates.press(
            down_s + over, leave_s, shelf.shelf_id, along, unit.width_m, rng.uniform(8.0, 40.0)
        )
        kind = "put_back" if slot.product_id == unit.product.product_id else "put_back_wrong"

        def put_down() -> None:
            self.held[side].remove(held)
            world.truth.gave_back(self._event(kind, leave_s, unit, intent.slot_id, side))
            goods.put(unit, intent.slot_id, along, into, above)

        world.at(down_s + over, put_down)
        end_s = leave_s + rng.uniform(0.4, 0.7)
        rest = AT_REST if len(self.held[side]) == 1 else self._torso(HOLD_M, side)
        self._move(side, leave_s, end_s, _floor(reach.before_floor_m), rest)
        self._straighten(leave_s + 0.1, end_s + 0.2)
        self.lifted_s[side], self.retreated_s[side], self.free_s[side] = leave_s, end_s, end_s
        return reach.pin

    def touch(
        self, unit: Unit, side: int, intent: Intent, position: Point2, yaw: float, room_m: float
    ) -> Point2:
        """Reach, press, nudge or lift a little, and take nothing; returns where the feet must be."""
        world, rng = self._world, self._rng
        reach = self._approach(self._plates.grasp_point(unit), side, position, yaw, room_m, is_quick=False)
        self._plates.brush(unit, reach.there_s)
        shelf_id = world.store.slots[unit.slot_id].shelf_id
        there_s = reach.there_s
        leave_s = there_s + max(intent.press_s, 0.2)
        grams = rng.uniform(10.0, 100.0)
        along, width, mass = unit.along_m, unit.width_m, unit.item.mass_g
        world.plates.press(there_s, leave_s, shelf_id, along, width, grams)
        slot_id = unit.slot_id
        world.at(there_s, lambda: world.truth.touched(self._event("touch", there_s, unit, slot_id, side)))
        if intent.style == "lift":
            up_s, down_s = leave_s, leave_s + rng.uniform(0.4, 1.2)
            world.plates.change(up_s, 0.15, shelf_id, along, width, -mass)
            world.plates.change(down_s, 0.1, shelf_id, along, width, mass)
            raised = reach.hand_floor_m + np.array([0.0, 0.0, 0.05])
            held = self._held(unit, reach.hand_floor_m, yaw)
            into, above = unit.into_m, unit.above_m

            def up() -> None:
                world.goods.lift(unit)
                self.held[side].append(held)

            def down() -> None:
                self.held[side].remove(held)
                world.goods.put(unit, slot_id, along, into, above)

            world.at(up_s, up)
            world.at(down_s + 0.1, down)
            self._move(side, up_s, up_s + 0.2, _floor(raised), _floor(raised))
            self._move(side, down_s - 0.15, down_s + 0.05, _floor(raised), _floor(reach.hand_floor_m))
            leave_s = down_s + 0.2
        elif intent.style == "nudge":
            slide = float(rng.choice([-1.0, 1.0])) * rng.uniform(0.008, 0.02)
            middle_s = (there_s + leave_s) / 2
            world.plates.change(middle_s, 0.15, shelf_id, along, width, -mass)
            world.plates.change(middle_s, 0.15, shelf_id, along + slide, width, mass)
            world.at(middle_s + 0.15, lambda: world.goods.nudge(unit, slide))

        def let_go() -> None:
            unit.is_reserved = False

        world.at(leave_s, let_go)
        self._leave(side, leave_s, reach, leave_s)
        return reach.pin

    def rest(self, side: int, intent: Intent, position: Point2, yaw: float, room_m: float) -> Point2:
        """Lay something of one's own at the front of a shelf; returns where the feet must be."""
        world, rng = self._world, self._rng
        slot = world.store.slots[intent.slot_id]
        shelf = world.store.shelves[slot.shelf_id]
        along = slot.left_m + rng.uniform(0.2, 0.8) * slot.width_m
        spot = world.store.shelf_point_floor_m(shelf, along, 0.05, 0.06)
        own = OwnThing(shelf.shelf_id, along, rng.uniform(0.06, 0.09), rng.uniform(90.0, 650.0), spot)
        reach = self._approach(spot, side, position, yaw, room_m, is_quick=False)
        over = rng.uniform(0.06, 0.12)
        world.plates.change(reach.there_s, over, own.shelf_id, along, own.width_m, own.mass_g)
        leave_s = reach.there_s + over + rng.uniform(0.1, 0.35)
        world.plates.press(
            reach.there_s + over, leave_s, own.shelf_id, along, own.width_m, rng.uniform(8.0, 40.0)
        )
        self.own = own
        self._leave(side, leave_s, reach, leave_s)
        return reach.pin

    def regain(self, side: int, intent: Intent, position: Point2, yaw: float, room_m: float) -> Point2:
        """Take one's own thing from the shelf again; returns where the feet must be."""
        world, rng, own = self._world, self._rng, self.own
        assert own is not None
        reach = self._approach(own.floor_m, side, position, yaw, room_m, is_quick=intent.is_quick)
        lift_s = reach.there_s + rng.uniform(0.15, 0.5)
        world.plates.press(
            max(reach.there_s, lift_s - 0.3), lift_s + 0.03, own.shelf_id, own.along_m, own.width_m,
            rng.uniform(20.0, 60.0),
        )  # fmt: skip
        unload_s = rng.uniform(0.1, 0.2)
        world.plates.change(lift_s, unload_s, own.shelf_id, own.along_m, own.width_m, -own.mass_g)
        self.own = None
        self._leave(side, lift_s, reach, lift_s)
        return reach.pin

    def give(
        self,
        unit: Unit,
        side: int,
        position: Point2,
        yaw: float,
        taker: Hands,
        taker_at: tuple[Point2, float],
    ) -> float:
        """Pass a unit into the hand that `taker` holds out, half-way between; returns when it is done."""
        world, rng = self._world, self._rng
        held = next(held for held in self.held[side] if held.unit is unit)
        middle = np.append((np.array(position) + np.array(taker_at[0])) / 2, 0.0)
        middle[2] = 0.62 * min(self._member.body.height_m, taker._member.body.height_m)
        mine = self._approach(middle, side, position, yaw, 0.0, is_quick=False)
        theirs = taker._approach(middle, taker.offered, *taker_at, 0.0, is_quick=False)
        passed_s = max(mine.there_s, theirs.there_s) + rng.uniform(0.15, 0.4)
        given = self._event("give", passed_s, unit, "", side)
        got = taker._event("get", passed_s, unit, "", taker.offered)

        def passed() -> None:
            self.held[side].remove(held)
            grip = (0.03, 0.0, -0.5 * unit.product.height_m)
            taker.held[taker.offered].append(Held(unit, grip, -math.pi / 2))
            world.truth.gave_back(given)
            world.truth.took(got)

        world.at(passed_s, passed)
        end_s = passed_s + rng.uniform(0.4, 0.7)
        self._move(side, passed_s, end_s, _floor(mine.before_floor_m), AT_REST)
        hold = taker._torso(HOLD_M, taker.offered)
        taker._move(taker.offered, passed_s, end_s, _floor(theirs.before_floor_m), hold)
        for hands, hand in ((self, side), (taker, taker.offered)):
            hands._straighten(passed_s + 0.05, end_s + 0.2)
            hands.lifted_s[hand], hands.retreated_s[hand], hands.free_s[hand] = passed_s, end_s, end_s
        return end_s

    def lay(self, unit: Unit, side: int, position: Point2, yaw: float) -> None:
        """Lay a unit that is in the hand on the floor before the feet."""
        world, rng = self._world, self._rng
        held = next(held for held in self.held[side] if held.unit is unit)
        aside = 0.22 if side == LEFT else -0.22
        spot = floor_from_body(np.array([0.33, aside, 0.0]), np.array(position), yaw)
        offset = floor_from_body(np.array(held.offset_body_m), np.zeros(2), yaw)
        reach = self._approach(spot - offset, side, position, yaw, 0.0, is_quick=False)
        down_s = reach.there_s

        def laid() -> None:
            self.held[side].remove(held)
            world.truth.gave_back(self._event("lay", down_s, unit, "", side))
            world.goods.lay(unit, spot, math.degrees(yaw + held.yaw_body_rad))

        world.at(down_s, laid)
        self._leave(side, down_s + rng.uniform(0.1, 0.3), reach, down_s)

    def pick_up(self, unit: Unit, side: int, intent: Intent, position: Point2, yaw: float) -> Point2:
        """Pick a unit up from the floor; returns where the feet must be."""
        world, rng = self._world, self._rng
        grasp = world.goods.position_floor_m(unit) + np.array(
            [0.0, 0.0, min(0.6 * unit.product.height_m, 0.16)]
        )
        reach = self._approach(grasp, side, position, yaw, 0.1, is_quick=False)
        up_s = reach.there_s + rng.uniform(0.15, 0.4)
        held = self._held(unit, reach.hand_floor_m, yaw)

        def picked_up() -> None:
            world.goods.pick_up(unit)
            world.truth.took(self._event("pick_up", up_s, unit, "", side))
            self.held[side].append(held)

        world.at(up_s, picked_up)
        end_s = up_s + rng.uniform(0.5, 0.9)
        self._move(side, up_s, end_s, _floor(reach.before_floor_m), self._torso(HOLD_M, side))
        self._straighten(up_s + 0.1, end_s + 0.2)
        self.lifted_s[side], self.retreated_s[side], self.free_s[side] = up_s, end_s, end_s
        if intent.stow:
            self._stow_at([unit], side, end_s + rng.uniform(0.25, 0.8), 1.0)
        return reach.pin

    def stow(self, side: int) -> None:
        """Put what the hand holds into the bag."""
        start_s = max(self._world.now_s, self.free_s[side]) + 0.01
        self._stow_at([held.unit for held in self.held[side]], side, start_s, 1.0)

    def fetch(self, unit: Unit, side: int) -> None:
        """Take a unit out of the bag."""
        world, start_s = self._world, self._world.now_s + 0.01
        bag, hold = self._store_place(side, unit not in self.stowed), self._torso(HOLD_M, side)
        there_s = self._move(side, start_s, start_s + self._rng.uniform(0.4, 0.6), bag, bag)

        def fetched() -> None:
            if unit in self.stowed:
                world.goods.fetch(unit)
                self.stowed.remove(unit)
            else:
                self.cradled = [held for held in self.cradled if held.unit is not unit]
            grip = (0.03, 0.0, -0.5 * unit.product.height_m)
            self.held[side].append(Held(unit, grip, -math.pi / 2))

        world.at(there_s, fetched)
        self.free_s[side] = self._move(side, there_s, there_s + self._rng.uniform(0.4, 0.6), bag, hold)

    # Parts of an action

    def _approach(
        self,
        hand_floor_m: Floats,
        side: int,
        position: Point2,
        yaw: float,
        room_m: float,
        *,
        is_quick: bool,
    ) -> _Approach:
        """Bring the hand to a point: choose a stance, bend, and come in from the front of the shelf."""
        world, rng, body = self._world, self._rng, self._member.body
        feet = np.array(position)
        target = body_from_floor(hand_floor_m, feet, yaw)
        stance = stance_for(body, side, target, forward_room_m=room_m, back_room_m=BACK_M_MAX)
        step = math.hypot(stance.step_forward_m, stance.step_left_m)
        pin = floor_from_body(np.array([stance.step_forward_m, stance.step_left_m, 0.0]), feet, yaw)
        start_s = max(world.now_s, self.free_s[side]) + 0.005
        before = world.bodies.posture_at(self._row, start_s)
        bend = abs(stance.posture.crouch_m - before.crouch_m) + 0.4 * abs(
            stance.posture.lean_rad - before.lean_rad
        )
        seconds = rng.uniform(0.4, 0.8) * (0.7 if is_quick else 1.0)
        seconds = max(seconds, 0.3 + 1.3 * bend)
        if step > 0.03:
            seconds = max(seconds, 0.85)
        there_s = start_s + seconds
        world.bodies.bend(self._row, start_s, there_s - 0.04, before, stance.posture)
        into = np.array([math.cos(yaw), math.sin(yaw), 0.0])
        outside = hand_floor_m - 0.3 * into + np.array([0.0, 0.0, 0.06])
        self._move(side, start_s, there_s, _floor(outside), _floor(hand_floor_m))
        self.there_s[side] = there_s
        return _Approach(hand_floor_m, outside, there_s, (float(pin[0]), float(pin[1])))

    def _move(self, side: int, start_s: float, end_s: float, by: Control, to: Control) -> float:
        self._world.bodies.move_hand(self._row, side, start_s, end_s, self._at[side], by, to)
        self._at[side] = to
        return end_s

    def _leave(self, side: int, leave_s: float, reach: _Approach, lifted_s: float) -> None:
        """Draw the hand back and stand up."""
        end_s = leave_s + self._rng.uniform(0.4, 0.7)
        self._move(side, leave_s, end_s, _floor(reach.before_floor_m), AT_REST)
        self._straighten(leave_s + 0.05, end_s + 0.2)
        self.lifted_s[side], self.retreated_s[side], self.free_s[side] = lifted_s, end_s, end_s

    def _straighten(self, start_s: float, end_s: float) -> None:
        bodies = self._world.bodies
        bodies.bend(
            self._row, start_s, max(end_s, start_s + 0.4), bodies.posture_at(self._row, start_s), STANDING
        )

    def _stow_at(self, units: list[Unit], side: int, start_s: float, quick: float) -> None:
        """Bring what the hand holds to the bag or onto the other arm, let go, let the hand hang."""
        onto_arm = self._has_free_arm(side, start_s, len(units))
        if onto_arm and not self.cradled:
            arm = self._torso(CRADLE_M, self.cradle_side)
            self._move(self.cradle_side, start_s, start_s + 0.4, arm, arm)
            self.free_s[self.cradle_side] = start_s + 0.4
        bag = self._store_place(side, onto_arm)
        there_s = self._move(side, start_s, start_s + self._rng.uniform(0.4, 0.6) * quick, bag, bag)

        def stowed() -> None:
            for held in [held for held in self.held[side] if held.unit in units]:
                self.held[side].remove(held)
                if onto_arm:
                    # They lie in the crook of the arm, one beside and over the other.
                    count = len(self.cradled)
                    inward = 0.09 if self.cradle_side == RIGHT else -0.09
                    place = (-0.03 - 0.04 * (count // 2), inward * (0.6 + count % 2), 0.05 * (count // 2))
                    self.cradled.append(Held(held.unit, place, held.yaw_body_rad))
                else:
                    self.stowed.append(held.unit)
                    self._world.goods.stow(held.unit)

        self._world.at(there_s, stowed)
        self._move(side, there_s, there_s + 0.35, AT_REST, AT_REST)
        self.free_s[side] = there_s + 0.1

    def _has_free_arm(self, side: int, at_s: float, count: int) -> bool:
        """Whether this shopper has no bag, and an arm to lay goods on."""
        arm = self.cradle_side
        return (
            not self._member.body.has_bag
            and side != arm
            and not self.held[arm]
            and self.free_s[arm] <= at_s
            and len(self.cradled) + count <= CRADLED_MAX
        )

    def _store_place(self, side: int, is_arm: bool) -> Control:
        if not is_arm:
            return self._torso(BAG_M, side)
        forward, left, up = CRADLE_M
        across = left if self.cradle_side == LEFT else -left
        scale = self._member.body.height_m / 1.72
        return (TORSO, forward * scale, across * scale * 0.3, (up + 0.1) * scale)

    def _lifted(self, held: Held, side: int, at_s: float) -> None:
        unit = held.unit
        event = self._event("take", at_s, unit, unit.slot_id, side)
        self._world.goods.lift(unit)
        self._world.truth.took(event)
        self.held[side].append(held)

    def _held(self, unit: Unit, hand_floor_m: Floats, yaw: float) -> Held:
        bottom = self._world.goods.position_floor_m(unit) - hand_floor_m
        x, y, z = body_from_floor(bottom, np.zeros(2), yaw)
        turned = math.radians(self._world.goods.yaw_deg(unit)) - yaw
        return Held(unit, (float(x), float(y), float(z)), turned)

    def _torso(self, place: tuple[float, float, float], side: int) -> Control:
        forward, left, up = place
        scale = self._member.body.height_m / 1.72
        return (TORSO, forward * scale, (left if side == LEFT else -left) * scale, up * scale)

    def _event(self, kind: str, at_s: float, unit: Unit, slot_id: str, side: int) -> TruthEvent:
        return TruthEvent(
            at_ns=self._world.ns(at_s),
            kind=kind,
            visit_id=self.visit_id,
            body_id=self._member.body.body_id,
            slot_id=slot_id,
            product_id=unit.product.product_id,
            item_id=unit.item.item_id,
            mass_g=unit.item.mass_g,
            is_left_hand=side == LEFT,
        )


def _floor(point: Floats) -> Control:
    return (FLOOR, float(point[0]), float(point[1]), float(point[2]))
