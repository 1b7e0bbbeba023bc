"""People get past one another and out of a crush, and never stand in one another's bodies."""

import math
from itertools import combinations

import numpy as np

from openaisle.core.units import NS_PER_S
from openaisle.sim.plan import Intent
from openaisle.sim.scene import BODY_JOINT_INDEX
from openaisle.sim.scripts import plan_day
from openaisle.sim.shop import SimulatedShop
from openaisle.sim.stands import ELBOW_ROOM_M, WAIT_M, WAIT_ROOM_M, Stands
from openaisle.sim.walking import TICK_S, Walking
from openaisle.store.schema import Point2, Store

PRESSED_M = 0.25  # from middle to middle: nearer than bodies are deep (ISO 7250 has 0.20 to 0.30 m)


def test_two_groups_that_meet_in_an_aisle_all_arrive(corner: Store) -> None:
    walking = Walking(corner, seed=1)
    west, east = corner_aisle(walking)
    goals: dict[int, Point2] = {}
    for walker in range(8):
        start, goal = (west, east) if walker % 2 else (east, west)
        while not walking.enter(walker, start, 1.1):
            walking.tick()
        goals[walker] = (goal[0], goal[1] + 0.25 * (walker // 2 - 1.5))
        walking.go(walker, goals[walker])
    arrived: set[int] = set()
    nearest_m = math.inf
    for _ in range(round(90 / TICK_S)):
        walking.tick()
        arrived |= {walker for walker in goals if walking.is_there(walker, 0.6)}
        places = [walking.position(walker) for walker in goals]
        nearest_m = min(nearest_m, *(math.dist(one, other) for one, other in combinations(places, 2)))
    assert arrived == set(goals)
    assert nearest_m > PRESSED_M


def test_nobody_who_stays_steps_aside_out_of_the_shop(corner: Store) -> None:
    walking = Walking(corner, seed=1)
    # They bar the way to whoever is between them and the exit.
    for walker, x_m in enumerate((3.1, 3.65, 4.2, 4.75)):
        assert walking.enter(walker, (x_m, 1.0), 1.1)
        walking.stand(walker, (x_m, 1.0))
    assert walking.enter(9, walking.nearest_free((4.0, 0.45)), 1.1)
    walking.go(9, (4.0, 1.9))
    for _ in range(round(40 / TICK_S)):
        walking.tick()
        assert walking.position(9)[1] > 0.0


def corner_aisle(walking: Walking) -> tuple[Point2, Point2]:
    """Both ends of a stretch of floor that is free from west to east."""
    low_x, low_y, high_x, high_y = walking.free_floor.bounds
    middle_y = (max(low_y, 0.0) + high_y) / 2
    return walking.nearest_free((low_x + 0.3, middle_y)), walking.nearest_free((high_x - 0.3, middle_y))


def test_a_full_shop_flows_and_nobody_is_in_anybodys_body(corner: Store) -> None:
    shop = SimulatedShop(corner, plan_day(corner, visit_count=24, seed=330, families=["crowded_store"]))
    nearest_m: list[float] = []
    people_max = 0
    while not shop.is_over:
        shop.advance(shop.now_ns + NS_PER_S // 2)
        shop.take_scale_batches()
        feet = shop.scene().joints_floor_m[:, BODY_JOINT_INDEX["pelvis"], :2]
        people_max = max(people_max, len(feet))
        if len(feet) > 1:
            apart_m = np.linalg.norm(feet[:, None] - feet[None], axis=2) + np.diag(np.full(len(feet), np.inf))
            nearest_m += apart_m.min(axis=1).tolist()
    visits = shop.truth.visits.values()
    assert people_max >= 12
    assert np.mean(np.array(nearest_m) < PRESSED_M) < 0.02
    assert max(visit.left_ns - visit.entered_ns for visit in visits) < 200 * NS_PER_S
    assert sum(visit.skipped for visit in visits) <= 0.1 * sum(len(one.intents) for one in shop.plan.visits)


def test_whoever_finds_no_room_before_a_slot_waits_some_steps_away(corner: Store) -> None:
    stands = Stands(corner, Walking(corner, seed=1))
    slot_id = min(corner.slots)
    intent = Intent(act="take", slot_id=slot_id)
    first = stands.free(1, intent)
    assert first is not None
    stands.take(1, first)
    waiting = 2
    while (stand := stands.free(waiting, intent)) is not None:
        stands.take(waiting, stand)
        waiting += 1
        assert math.dist(stand, first) >= ELBOW_ROOM_M
    aside = stands.aside(waiting, intent, first)
    assert aside is not None
    assert math.dist(aside, first) >= min(WAIT_M) - 0.7
    assert math.dist(aside, first) >= WAIT_ROOM_M
    stands.leave(1)
    assert stands.free(waiting, intent) == first
