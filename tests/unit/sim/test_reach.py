"""Arms and backs bend as far as they must."""

import numpy as np
import pytest

from openaisle.sim.people import draw_body
from openaisle.sim.reach import LEFT, RIGHT, body_from_floor, floor_from_body, min_jerk, stance_for, two_bone
from openaisle.sim.scene import Body


def person(height_m: float) -> Body:
    body = draw_body(np.random.default_rng(1), 1)
    return Body(**{**body.__dict__, "height_m": height_m, "shoulder_width_m": 0.24 * height_m})


def test_a_limb_keeps_its_bones_and_ends_at_the_target() -> None:
    rng = np.random.default_rng(2)
    for _ in range(200):
        root, pole = rng.normal(size=3), rng.normal(size=3)
        target = root + 0.5 * rng.uniform(0.1, 1.0) * unit(rng.normal(size=3))
        middle, end = np.empty(3), np.empty(3)
        two_bone(root, target, pole, 0.3, 0.28, middle, end)
        assert np.linalg.norm(middle - root) == pytest.approx(0.3)
        assert np.linalg.norm(end - middle) == pytest.approx(0.28)
        assert end == pytest.approx(target)


def test_a_limb_stretches_towards_what_it_cannot_reach() -> None:
    middle, end = np.empty(3), np.empty(3)
    two_bone(np.zeros(3), np.array([0.0, 2.0, 0.0]), np.array([0.0, 0.0, -1.0]), 0.3, 0.28, middle, end)
    assert end == pytest.approx([0.0, 0.58, 0.0], abs=1e-3)


def test_hand_paths_start_and_end_at_rest() -> None:
    assert min_jerk(0.0) == 0.0
    assert min_jerk(1.0) == 1.0
    assert min_jerk(0.01) < 2e-5
    assert 1 - min_jerk(0.99) < 2e-5


@pytest.mark.parametrize("height_m", [1.55, 1.72, 1.95])
@pytest.mark.parametrize("shelf_m", [0.15, 0.45, 0.8, 1.2, 1.6])
@pytest.mark.parametrize("side", [LEFT, RIGHT])
def test_everybody_reaches_every_shelf_from_half_a_metre(height_m: float, shelf_m: float, side: int) -> None:
    aside = 0.1 if side == LEFT else -0.1
    target = np.array([0.5 + 0.12, aside, shelf_m + 0.08])
    stance = stance_for(person(height_m), side, target, forward_room_m=0.12)
    assert stance.stretch <= 0.97
    assert stance.step_forward_m <= 0.12 + 1e-9


def test_low_shelves_make_people_crouch_and_shoulder_high_ones_do_not() -> None:
    low = stance_for(person(1.75), RIGHT, np.array([0.6, -0.15, 0.25]))
    high = stance_for(person(1.75), RIGHT, np.array([0.6, -0.15, 1.3]))
    assert low.posture.crouch_m > 0.2
    assert high.posture.crouch_m < 0.05
    assert high.posture.lean_rad < 0.15


def test_body_and_floor_frames_are_each_others_inverse() -> None:
    points = np.random.default_rng(3).normal(size=(20, 3))
    position = np.array([2.0, -1.0])
    assert floor_from_body(body_from_floor(points, position, 1.1), position, 1.1) == pytest.approx(points)


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
