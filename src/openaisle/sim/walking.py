"""Who walks where: JuPedSim's anticipation velocity model on the shop's free floor.

The only file that knows JuPedSim. Walkers are told where to go; they find the way round gondolas and one another.
Model: Xu et al., Anticipation in pedestrian dynamics (2021).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from shapely.ops import nearest_points

from openaisle.core.errors import MachineError, StoreError
from openaisle.store.schema import Gate, Point2, Store

try:
    import jupedsim
except ImportError as error:  # an extra, and without wheels on some machines
    raise MachineError("simulated shoppers walk by JuPedSim: pip install 'openaisle[sim]'") from error

TICK_S: Final = 0.05
STEPS_A_TICK: Final = 5  # of the model, which pushes people through walls where its steps are long
RADIUS_M: Final = 0.2
SHOULDER_M: Final = 0.08
SQUEEZED_RADIUS_M: Final = 0.11  # who turns sideways slips past others, 31 cm from middle to middle
SQUEEZED_S: Final = 4.0
BESIDE_M: Final = 0.5  # ... unless they have turned sideways too, or stand at a shelf and may step forward
STUCK_S: Final = 3.0
STUCK_MOVE_M: Final = 0.15  # less than this within STUCK_S is stuck
ASIDE_S: Final = 1.6
ASIDE_M: Final = 0.5
PATIENCE_S: Final = 12.0  # stuck again within this: making way did not help
FAR_TRIES: Final = 5  # steps aside grow so many times
THERE_M: Final = 0.12
IN_PLACE_M: Final = 0.05
PORCH_M: Final = 2.2  # floor outside each gate
ALONG_WAY: Final = tuple(step / 8 for step in range(1, 9))


@dataclass
class _Walker:
    agent_id: int
    speed_m_s: float
    target: Point2
    moved_from: Point2
    moved_at_tick: int
    squeezed_until_tick: int = -1_000_000
    aside_until_tick: int = -1_000_000
    is_standing: bool = False
    tries: int = 0


class Walking:
    """The pedestrian model of one shop. Walkers are known by a number; `tick` moves all by TICK_S."""

    def __init__(self, store: Store, seed: int) -> None:
        self._walkers: dict[int, _Walker] = {}
        self._tick = 0
        self.free_floor = free_floor(store)
        self._plan = shapely.Polygon(store.plan_floor_m)
        self._simulation = jupedsim.Simulation(
            model=jupedsim.AnticipationVelocityModel(rng_seed=seed),
            geometry=self.free_floor,
            dt=TICK_S / STEPS_A_TICK,
        )
        self._stage = self._simulation.add_direct_steering_stage()
        self._journey = self._simulation.add_journey(jupedsim.JourneyDescription([self._stage]))

    def enter(self, walker: int, at_floor_m: Point2, speed_m_s: float) -> bool:
        """Put a walker down; False while somebody else stands there."""
        assert walker not in self._walkers
        for agent in self._simulation.agents():
            if math.dist(agent.position, at_floor_m) < 2.5 * RADIUS_M:
                return False
        agent_id = self._simulation.add_agent(
            jupedsim.AnticipationVelocityModelAgentParameters(
                position=at_floor_m,
                journey_id=self._journey,
                stage_id=self._stage,
                desired_speed=speed_m_s,
                radius=RADIUS_M,
                time_gap=0.7,
                wall_buffer_distance=0.06,
            )
        )
        self._walkers[walker] = _Walker(agent_id, speed_m_s, at_floor_m, at_floor_m, self._tick)
        self._simulation.agent(agent_id).target = at_floor_m
        return True

    def go(self, walker: int, to_floor_m: Point2) -> None:
        """Set where a walker wants to be. A point that is not free floor is moved to the nearest that is."""
        state = self._walkers[walker]
        state.is_standing = False
        self._set_speed(self._simulation.agent(state.agent_id), state.speed_m_s)
        state.target = self.nearest_free(to_floor_m)
        state.moved_at_tick = self._tick
        state.moved_from = self._simulation.agent(state.agent_id).position
        state.aside_until_tick = min(state.aside_until_tick, self._tick)
        self._simulation.agent(state.agent_id).target = state.target

    def stand(self, walker: int, at_floor_m: Point2) -> None:
        """Stay at a point close by, where nobody pushes one away."""
        self.go(walker, at_floor_m)
        self._walkers[walker].is_standing = True

    def nearest_free(self, point: Point2, clear_m: float = RADIUS_M + 0.02) -> Point2:
        """The nearest point at which a walker can stand."""
        standing = self._standing(clear_m)
        spot = shapely.Point(point)
        if shapely.contains(standing, spot):
            return point
        nearest = nearest_points(standing, spot)[0]
        return (float(nearest.x), float(nearest.y))

    def position(self, walker: int) -> Point2:
        return self._simulation.agent(self._walkers[walker].agent_id).position

    def is_there(self, walker: int, within_m: float = THERE_M) -> bool:
        """Whether a walker has come to where it wants to be."""
        return math.dist(self.position(walker), self._walkers[walker].target) < within_m

    def leave(self, walker: int) -> None:
        """Take a walker off the floor."""
        self._simulation.mark_agent_for_removal(self._walkers.pop(walker).agent_id)

    def tick(self) -> None:
        """Everybody moves by TICK_S."""
        for walker in sorted(self._walkers):
            self._unstick(self._walkers[walker])
        self._simulation.iterate(STEPS_A_TICK)
        self._tick += 1

    def _unstick(self, state: _Walker) -> None:
        """Who gets nowhere for STUCK_S makes way."""
        agent = self._simulation.agent(state.agent_id)
        position = agent.position
        if state.squeezed_until_tick == self._tick:
            self._set_radius(agent, RADIUS_M)
        if state.is_standing:
            is_in_place = math.dist(position, state.target) < IN_PLACE_M
            self._set_speed(agent, 0.0 if is_in_place else state.speed_m_s)
            state.moved_from, state.moved_at_tick = position, self._tick
            return
        if state.aside_until_tick == self._tick:
            agent.target = state.target
        is_there = math.dist(position, state.target) < THERE_M
        if is_there or math.dist(position, state.moved_from) > STUCK_MOVE_M:
            state.moved_from, state.moved_at_tick = position, self._tick
        elif (self._tick - state.moved_at_tick) * TICK_S >= STUCK_S:
            tried_tick = max(state.aside_until_tick, state.squeezed_until_tick)
            is_again = self._tick <= tried_tick + round(PATIENCE_S / TICK_S)
            state.tries = state.tries + 1 if is_again else 1
            state.moved_from, state.moved_at_tick = position, self._tick
            self._make_way(state, agent, position)

    def _make_way(self, state: _Walker, agent: jupedsim.Agent, position: Point2) -> None:
        """Step aside or, every other time and where there is no room for it, slip past the others.

        The longer that does not help, the farther and the longer aside: who is at a crush's rim lets those inside out.
        """
        often = min(state.tries, FAR_TRIES)
        may_squeeze = self._may_squeeze(state, position)
        slips = may_squeeze and state.tries % 2 == 0
        aside = None if slips else self._aside(state, position, often * ASIDE_M)
        if aside is not None:
            agent.target = aside
            state.aside_until_tick = self._tick + round(often * ASIDE_S / TICK_S)
        elif may_squeeze:
            self._set_radius(agent, SQUEEZED_RADIUS_M)
            state.squeezed_until_tick = self._tick + round(SQUEEZED_S / TICK_S)
            agent.target = state.target

    def _may_squeeze(self, state: _Walker, position: Point2) -> bool:
        """Whether nobody near has turned sideways or stands at a shelf: bodies would go through bodies."""
        return not any(
            (other.squeezed_until_tick > self._tick or other.is_standing)
            and math.dist(self._simulation.agent(other.agent_id).position, position) < BESIDE_M
            for other in self._walkers.values()
            if other is not state
        )

    def _aside(self, state: _Walker, position: Point2, step_m_min: float) -> Point2 | None:
        """Where there is most room so many steps away, not through anybody; None if there is nowhere.

        Nobody who is inside, and stays, steps aside out of the shop.
        """
        others = [
            self._simulation.agent(other.agent_id).position
            for _, other in sorted(self._walkers.items())
            if other is not state
        ]
        floors = [self._standing(RADIUS_M + 0.02)]
        if shapely.contains_xy(self._plan, *position) and shapely.contains_xy(self._plan, *state.target):
            floors.append(self._plan)
        best: Point2 | None = None
        best_room = -math.inf
        for turn in range(12):
            for step_m in (step_m_min, step_m_min + 0.4):
                dx, dy = step_m * math.cos(turn * math.pi / 6), step_m * math.sin(turn * math.pi / 6)
                point = (position[0] + dx, position[1] + dy)
                if not all(shapely.contains_xy(floor, *point) for floor in floors):
                    continue
                if not shapely.covers(self.free_floor, shapely.LineString([position, point])):
                    continue
                if any(_is_through(other, position, dx, dy) for other in others):
                    continue
                room = min([1.2, *(math.dist(point, other) for other in others)])
                room -= 0.3 * math.dist(point, state.target)
                if room > best_room + 1e-9:
                    best, best_room = point, room
        return best

    def _set_speed(self, agent: jupedsim.Agent, speed_m_s: float) -> None:
        assert isinstance(agent.model, jupedsim.AnticipationVelocityModelState)
        agent.model.desired_speed = speed_m_s

    def _set_radius(self, agent: jupedsim.Agent, radius_m: float) -> None:
        assert isinstance(agent.model, jupedsim.AnticipationVelocityModelState)
        agent.model.radius = radius_m

    def _standing(self, clear_m: float) -> shapely.Geometry:
        cache: dict[float, shapely.Geometry] = self.__dict__.setdefault("_standing_cache", {})
        if clear_m not in cache:
            cache[clear_m] = self.free_floor.buffer(-clear_m)
        return cache[clear_m]


def _is_through(other: Point2, start: Point2, dx: float, dy: float) -> bool:
    """Whether a step from `start` comes closer to somebody than they are and than two people fit."""
    near_m = min(math.dist(start, other) - 0.02, 2 * RADIUS_M + 0.05)
    return any(
        math.dist((start[0] + share * dx, start[1] + share * dy), other) < near_m for share in ALONG_WAY
    )


def free_floor(store: Store) -> shapely.Polygon:
    """The floor people can walk on: the plan without gondolas, with a porch outside each gate.

    Shoulders are wider than the model's circles, so people keep SHOULDER_M more from shelves where aisles allow it.
    """
    for keep_m in (SHOULDER_M, 1e-3):
        floor = _floor_beside(store, keep_m)
        if all(floor.contains(shapely.Point(beyond(gate, -0.3))) for gate in store.gates):
            return floor
    return _floor_beside(store, 1e-3)


def _floor_beside(store: Store, keep_m: float) -> shapely.Polygon:
    plan = shapely.Polygon(store.plan_floor_m)
    solid = shapely.union_all([shapely.Polygon(gondola.footprint_floor_m) for gondola in store.gondolas])
    floor = plan.difference(solid.buffer(keep_m, join_style="mitre"))
    for gate in store.gates:
        floor = floor.union(shapely.Polygon(porch(gate)))
    if isinstance(floor, shapely.Polygon):
        return floor
    inside = shapely.Point(store.gates[0].inside_floor_m)
    pieces = [piece for piece in shapely.get_parts(floor) if shapely.contains(piece, inside)]
    if not pieces:
        raise StoreError(
            "the point just inside the first gate is not free floor",
            field="inside_floor_m",
            expected="a point not covered by a gondola",
            found=store.gates[0].inside_floor_m,
        )
    assert isinstance(pieces[0], shapely.Polygon)
    return pieces[0]


def outward(gate: Gate) -> tuple[float, float]:
    """Unit vector out of the shop through a gate."""
    (ax, ay), (bx, by) = gate.left_floor_m, gate.right_floor_m
    normal = np.array([by - ay, ax - bx])
    normal /= np.linalg.norm(normal)
    centre = np.array(gate.centre_floor_m)
    if normal @ (np.array(gate.inside_floor_m) - centre) > 0:
        normal = -normal
    return (float(normal[0]), float(normal[1]))


def porch(gate: Gate) -> list[Point2]:
    """A rectangle of floor across a gate: PORCH_M outside, a little inside, so that it joins the shop's floor."""
    ox, oy = outward(gate)
    (ax, ay), (bx, by) = gate.left_floor_m, gate.right_floor_m
    inside = 0.1
    return [
        (ax - ox * inside, ay - oy * inside),
        (bx - ox * inside, by - oy * inside),
        (bx + ox * PORCH_M, by + oy * PORCH_M),
        (ax + ox * PORCH_M, ay + oy * PORCH_M),
    ]


def beyond(gate: Gate, distance_m: float) -> Point2:
    """A point outside the shop, straight out of a gate's centre (inside for a negative distance)."""
    ox, oy = outward(gate)
    cx, cy = gate.centre_floor_m
    return (cx + ox * distance_m, cy + oy * distance_m)
