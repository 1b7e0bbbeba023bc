"""What shoppers do, as coroutines: come in, walk, look, reach, take, give back, leave.

`Shopper.live` is resumed once a tick. A reach is decided at its beginning: the whole hand path, the moment the plate
feels it and the moment the goods change place are laid down ahead of time, exact to the microsecond.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from openaisle.sim.gait import follow, unwrapped
from openaisle.sim.goods import Unit
from openaisle.sim.hands import Hands
from openaisle.sim.plan import Intent, Member, PlannedVisit
from openaisle.sim.pose import Column
from openaisle.sim.walking import THERE_M, TICK_S, beyond
from openaisle.sim.world import World
from openaisle.store.schema import Point2, Shelf, Slot

ROOM_S_MAX: Final = 40.0
GONE_M: Final = 0.6  # from the way out's points, which many pass side by side
WALK_S_MAX: Final = 30.0
MEET_S_MAX: Final = 45.0
AFTER_S_MAX: Final = 120.0
PASS_S_MAX: Final = 15.0

Life = Generator[None, None, None]


class Shopper:
    """One person on one visit."""

    def __init__(
        self, world: World, visit: PlannedVisit, member: Member, row: int, rng: np.random.Generator
    ) -> None:
        self.visit = visit
        self.body = member.body
        self.row = row
        self.hands = Hands(world, visit.visit_id, member, row, rng)
        self.is_inside = False
        self.is_gone = False
        self._member = member
        self._is_leader = member.body is visit.body
        self._world = world
        self._rng = rng
        self._is_walking = False  # on the floor at all
        self._is_in_haste = False  # the next intent does not wait for this one's end
        self._has_left = False
        self._facing: float | None = None  # where to turn; None: where one walks
        self._pin: Point2 | None = None  # stands exactly here
        self._look_at: np.ndarray | None = None
        self._life = self.live()

    @property
    def is_visible(self) -> bool:
        """On the shop's floor or before its gates."""
        return self._is_walking

    @property
    def is_coming_or_inside(self) -> bool:
        return not self._has_left

    def step(self) -> None:
        """One tick of deciding."""
        try:
            next(self._life)
        except StopIteration:
            self.is_gone = True

    def live(self) -> Life:
        yield from self._come_in()
        intents = list(self._member.intents)
        while intents:
            intent = intents.pop(self._first_with_room(intents))
            self._is_in_haste = bool(intents) and intents[0].is_hasty
            yield from self._follow(replace(intent, is_quick=self._is_in_haste or intent.is_hasty))
        while self._world.now_s < max(self.hands.free_s):
            yield
        yield from self._walk_out()

    # Coming and going

    def _come_in(self) -> Life:
        world, gate = self._world, self._world.entry
        start = beyond(gate, 1.6)
        while not world.walking.enter(self.row, start, self._member.speed_m_s):
            yield
        inward = math.atan2(gate.inside_floor_m[1] - start[1], gate.inside_floor_m[0] - start[0])
        world.bodies.reset(self.row, self.body, *start, inward)
        self._is_walking = True
        truth = world.truth.visits[self.visit.visit_id]
        if self._is_leader:
            yield from self._walk(beyond(gate, 0.3))
            yield from self._pause(self._rng.uniform(0.5, 1.2))
            world.tap(self.visit, gate.gate_id)
            world.truth.tapped(self.visit.visit_id, world.ns(world.now_s))
        else:
            yield from self._walk(beyond(gate, 0.8))
            while not truth.entered_ns:
                yield
        world.walking.go(self.row, gate.inside_floor_m)
        for _ in range(round(WALK_S_MAX / TICK_S)):
            if world.is_inside(self.position):
                break
            yield
        world.truth.entered(self.visit.visit_id, world.ns(world.now_s))
        self.is_inside = True

    def _walk_out(self) -> Life:
        world, gate = self._world, self._world.exit
        self._leave_stand()
        yield from self._walk(beyond(gate, -0.35), GONE_M)
        world.walking.go(self.row, beyond(gate, 1.7))
        while not world.walking.is_there(self.row, GONE_M):
            if self.is_inside and not world.is_inside(self.position):
                self._went_out()
            yield
        if self.is_inside:
            self._went_out()
        world.walking.leave(self.row)
        self._is_walking = False

    def _went_out(self) -> None:
        self._world.truth.left(self.visit.visit_id, self._world.ns(self._world.now_s))
        self.is_inside, self._has_left = False, True

    # Intents

    def _first_with_room(self, intents: Sequence[Intent]) -> int:
        """Which is next: the first or, where only things to take are left, the first that there is room for."""
        if all(intent.is_plain for intent in intents):
            for index, intent in enumerate(intents):
                if self._world.stands.free(self.row, intent) is not None:
                    return index
        return 0

    def _follow(self, intent: Intent) -> Life:
        if intent.after:
            yield from self._wait_for_word(intent)
            if intent.after not in self._world.said:
                self._skip()
                return
        if not intent.is_hasty or not self._can_reach_from_here(intent):
            while self._world.now_s < max(self.hands.retreated_s):
                yield
            if not (yield from self._stand_before(intent)):
                self._skip()
                return
        yield from self._pause(intent.look_s)
        if intent.meet:
            yield from self._meet(intent.meet)
        if intent.act == "take":
            yield from self._take(intent)
        elif intent.act == "put_back":
            yield from self._put_back(intent)
        elif intent.act == "touch":
            yield from self._touch(intent)
        elif intent.act == "give":
            yield from self._give(intent)
        elif intent.act == "get":
            yield from self._get(intent)
        elif intent.act == "lay":
            yield from self._lay(intent)
        elif intent.act == "pick_up":
            yield from self._pick_up(intent)
        elif intent.act == "rest":
            yield from self._rest(intent)
        elif intent.act == "regain":
            yield from self._regain(intent)
        if intent.says:
            self._world.said.add(intent.says)

    def _take(self, intent: Intent) -> Life:
        goods, slot = self._world.goods, self._world.store.slots[intent.slot_id]
        left = intent.quantity
        while left:
            units = goods.available(intent.slot_id, intent.product_id or slot.product_id)
            units = units[: min(left, intent.at_once)]
            if not units:
                self._skip()
                return
            left -= len(units)
            for unit in units:
                unit.is_reserved = True
            side = yield from self._free_hand(intent)
            self._look_at = goods.position_floor_m(units[0])
            yield from self._face(intent)
            pin = self.hands.take(
                units, side, intent, self.position, self._yaw, self._room_m(intent), is_last=not left
            )
            self._stand_at(pin)
            # The next reach may begin once this hand is on its way back; in haste, once it is at the goods.
            begin_s = self.hands.there_s[side] - 0.2 if self._is_in_haste else self.hands.lifted_s[side]
            wait_s = begin_s + self._rng.uniform(0.05, 0.3)
            while self._world.now_s < wait_s or (intent.hover_s and self._world.now_s < self._back(side)):
                yield

    def _put_back(self, intent: Intent) -> Life:
        found = yield from self._in_hand(intent)
        if found is None:
            return
        unit, side = found
        yield from self._face(intent)
        self._stand_at(self.hands.put(unit, side, intent, self.position, self._yaw, self._room_m(intent)))
        while self._world.now_s < self.hands.lifted_s[side] + 0.1:
            yield

    def _touch(self, intent: Intent) -> Life:
        slot = self._world.store.slots[intent.slot_id]
        units = self._world.goods.available(intent.slot_id, slot.product_id)
        if not units:
            self._skip()
            return
        units[0].is_reserved = True
        side = yield from self._free_hand(intent)
        self._look_at = self._world.goods.position_floor_m(units[0])
        yield from self._face(intent)
        self._stand_at(
            self.hands.touch(units[0], side, intent, self.position, self._yaw, self._room_m(intent))
        )
        while self._world.now_s < self._back(side):
            yield

    def _in_hand(self, intent: Intent) -> Generator[None, None, tuple[Unit, int] | None]:
        """The unit an intent is about, in a hand at rest; fetched from bag or arm if it is there."""
        unit, side = self.hands.find(intent.product_id)
        if unit is None:
            self._skip()
            return None
        is_stored = not self.hands.holds(unit)
        if is_stored:
            side = yield from self._free_hand(intent)
        while self._world.now_s < self.hands.free_s[side]:
            yield
        if is_stored:
            self.hands.fetch(unit, side)
            while self._world.now_s < self.hands.free_s[side]:
                yield
        return unit, side

    def _give(self, intent: Intent) -> Life:
        """Pass a unit to the partner who has come to the same meeting."""
        world, label = self._world, intent.meet
        taker = next(
            (hands for _, hands in sorted(world.meetings[label].items()) if hands is not self.hands), None
        )
        found = yield from self._in_hand(intent)
        if taker is None or found is None:
            self._skip()
            world.said.add(f"{label}.over")
            return
        yield from self._turn_to(taker.feet())
        until_s = world.now_s + PASS_S_MAX
        while f"{label}.held out" not in world.said and world.now_s < until_s:
            yield
        if f"{label}.held out" in world.said:
            there = taker.feet()
            done_s = self.hands.give(*found, self.position, self._yaw, taker, (there, taker.heading()))
            while world.now_s < done_s:
                yield
        else:
            self._skip()
        world.said.add(f"{label}.over")

    def _get(self, intent: Intent) -> Life:
        """Hold out a hand for what the partner gives."""
        world, label = self._world, intent.meet
        giver = next(
            (hands for _, hands in sorted(world.meetings[label].items()) if hands is not self.hands), None
        )
        if giver is None:
            self._skip()
            return
        yield from self._turn_to(giver.feet())
        side = self.hands.offered = yield from self._free_hand(intent)
        if f"{label}.over" not in world.said:
            world.said.add(f"{label}.held out")
        while f"{label}.over" not in world.said:
            yield
        if intent.stow and self.hands.held[side]:
            self.hands.stow(side)

    def _lay(self, intent: Intent) -> Life:
        found = yield from self._in_hand(intent)
        if found is None:
            return
        yield from self._face(intent)
        self.hands.lay(*found, self.position, self._yaw)
        while self._world.now_s < self.hands.retreated_s[found[1]]:
            yield

    def _pick_up(self, intent: Intent) -> Life:
        world = self._world
        lying = world.goods.lying(intent.product_id)
        if not lying:
            self._skip()
            return
        lying[0].is_reserved = True
        spot = world.goods.position_floor_m(lying[0])
        away = np.array(self.position) - spot[:2]
        away *= 0.45 / max(float(np.linalg.norm(away)), 1e-6)
        yield from self._walk(
            world.walking.nearest_free((float(spot[0] + away[0]), float(spot[1] + away[1])))
        )
        self._look_at = spot
        self._stand_at(self.position)
        side = yield from self._free_hand(intent)
        yield from self._turn_to((float(spot[0]), float(spot[1])))
        self._stand_at(self.hands.pick_up(lying[0], side, intent, self.position, self._yaw))
        while world.now_s < self.hands.retreated_s[side]:
            yield

    def _rest(self, intent: Intent) -> Life:
        """Lay down something of one's own, which no shop knows."""
        side = yield from self._free_hand(intent)
        yield from self._face(intent)
        self._stand_at(self.hands.rest(side, intent, self.position, self._yaw, self._room_m(intent)))
        while self._world.now_s < self._back(side):
            yield

    def _regain(self, intent: Intent) -> Life:
        if self.hands.own is None:
            self._skip()
            return
        side = yield from self._free_hand(intent)
        yield from self._face(intent)
        self._stand_at(self.hands.regain(side, intent, self.position, self._yaw, self._room_m(intent)))
        while self._world.now_s < self._back(side):
            yield

    def _turn_to(self, point: Point2) -> Life:
        x, y = self.position
        self._facing = unwrapped(math.atan2(point[1] - y, point[0] - x), self._yaw)
        for _ in range(60):
            if abs(self._facing - self._yaw) < 0.05:
                return
            yield

    def _free_hand(self, intent: Intent) -> Generator[None, None, int]:
        """A hand that holds nothing and is at rest; what the hands hold is stowed when both are full."""
        side = self.hands.choose(intent.hand)
        while self._world.now_s < self.hands.free_s[side]:
            yield
        if self.hands.held[side]:
            self.hands.stow(side)
        while self._world.now_s < self.hands.free_s[side]:
            yield
        return side

    def _skip(self) -> None:
        self._world.truth.visits[self.visit.visit_id].skipped += 1

    def _back(self, side: int) -> float:
        return self.hands.retreated_s[side]

    # Waiting

    def _pause(self, seconds: float) -> Life:
        until_s = self._world.now_s + seconds
        while self._world.now_s < until_s:
            yield

    def _meet(self, name: str) -> Life:
        """Wait until the partner is there too."""
        here = self._world.meetings.setdefault(name, {})
        here[self.body.body_id] = self.hands
        until_s = self._world.now_s + MEET_S_MAX
        while len(here) < 2 and self._world.now_s < until_s:
            yield
        yield from self._pause(self._rng.uniform(0.0, 0.25))

    def _wait_for_word(self, intent: Intent) -> Life:
        """Look at other shelves until the partner has done their part."""
        until_s = self._world.now_s + AFTER_S_MAX
        slot_ids = sorted(self._world.store.slots)
        while intent.after not in self._world.said and self._world.now_s < until_s:
            slot_id = slot_ids[int(self._rng.integers(len(slot_ids)))]
            look = Intent(act="look", slot_id=slot_id)
            if (yield from self._stand_before(look)):
                yield from self._pause(self._rng.uniform(0.5, 2.0))

    # Walking and standing

    @property
    def position(self) -> Point2:
        x, y = self._world.bodies.now[self.row, : Column.YAW]
        return (float(x), float(y))

    @property
    def _yaw(self) -> float:
        return float(self._world.bodies.now[self.row, Column.YAW])

    def _walk(self, to_floor_m: Point2, within_m: float = THERE_M) -> Generator[None, None, bool]:
        """Go there; False if that took too long."""
        self._pin = None
        self._facing = None
        self._look_at = None
        self._world.walking.go(self.row, to_floor_m)
        until_s = self._world.now_s + WALK_S_MAX
        while not self._world.walking.is_there(self.row, within_m):
            if self._world.now_s > until_s:
                return False
            yield
        return True

    def _stand_at(self, point: Point2) -> None:
        self._pin = point
        self._world.stands.take(self.row, point)
        self._world.walking.stand(self.row, point)

    def _leave_stand(self) -> None:
        self._world.stands.leave(self.row)

    def _can_reach_from_here(self, intent: Intent) -> bool:
        along, away = self._before_front(intent)
        return abs(along) < 0.5 and 0.3 < away < 0.75

    def _before_front(self, intent: Intent) -> tuple[float, float]:
        """Where one stands against the slot: along the front from its middle, and how far before the front."""
        slot, shelf = self._slot(intent)
        gondola = self._world.store.gondola_of[shelf.gondola_id]
        x, y, _ = gondola.floor_from_gondola.inverse().apply(np.array([*self.position, 0.0]))
        return float(x) - shelf.left_m - slot.left_m - slot.width_m / 2, -float(y)

    def _stand_before(self, intent: Intent) -> Generator[None, None, bool]:
        """Walk to where the slot can be reached and turn to it."""
        along, away = self._before_front(intent)
        is_near = abs(along - intent.side_m) < (0.08 if intent.side_m else 0.25) and 0.4 < away < 0.68
        if not is_near:
            self._leave_stand()
            stand = self._world.stands.free(self.row, intent)
            if stand is None:
                stand = yield from self._wait_for_room(intent)
            self._world.stands.take(self.row, stand)
            if not (yield from self._walk(stand)):
                return False
        self._look_at = self._slot_point(intent)
        yield from self._face(intent)
        self._stand_at(self.position)
        return True

    def _wait_for_room(self, intent: Intent) -> Generator[None, None, Point2]:
        """Wait some steps away, so that who is done gets out, until there is room before the slot; at last, without."""
        stands, until_s = self._world.stands, self._world.now_s + ROOM_S_MAX
        aside = stands.aside(self.row, intent, self.position)
        if aside is not None:
            self._pin = self._facing = None
            self._look_at = self._slot_point(intent)
            stands.take(self.row, aside)
            self._world.walking.go(self.row, aside)
        stand = None
        while stand is None and self._world.now_s < until_s:
            yield from self._pause(0.5)
            stand = stands.free(self.row, intent)
        return stand or stands.tight(self.row, intent)

    def _face(self, intent: Intent) -> Life:
        """Turn to the shelf, a little towards the slot."""
        along, away = self._before_front(intent)
        _, shelf = self._slot(intent)
        gondola = self._world.store.gondola_of[shelf.gondola_id]
        into = gondola.floor_from_gondola.rotation @ np.array([0.0, 1.0, 0.0])
        turn = 0.5 * math.atan2(along, max(away, 0.3))
        wanted = math.atan2(into[1], into[0]) + turn
        self._facing = unwrapped(wanted, self._yaw)
        for _ in range(60):
            if abs(self._facing - self._yaw) < 0.03:
                return
            yield

    def _room_m(self, intent: Intent) -> float:
        """How far one may step forward: knees and feet stay before the lowest board."""
        return max(self._before_front(intent)[1] - 0.36, 0.0)

    def _slot(self, intent: Intent) -> tuple[Slot, Shelf]:
        slot = self._world.store.slots[intent.slot_id]
        return slot, self._world.store.shelves[slot.shelf_id]

    def _slot_point(self, intent: Intent) -> np.ndarray:
        slot, shelf = self._slot(intent)
        return self._world.store.shelf_point_floor_m(shelf, slot.middle_m, 0.1, 0.1)

    # The body follows

    def move_body(self) -> None:
        """One tick of the body after the feet's will."""
        if self._is_walking:
            goal = self._pin or self._world.walking.position(self.row)
            state = self._world.bodies.now[self.row]
            follow(state, goal, self._facing, self._look_at, self.body.height_m)
