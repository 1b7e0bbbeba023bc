"""Bodies move like bodies."""

import math

import numpy as np
import pytest

from openaisle.sim.people import draw_body
from openaisle.sim.pose import FLOOR, REST, TORSO, Bodies, Column, stride_m
from openaisle.sim.reach import FOREARM, SHANK, STANDING, THIGH, UPPER_ARM, Posture
from openaisle.sim.scene import BODY_JOINT_INDEX, Floats

TICK_S = 0.05


def walk(speed_m_s: float, seconds: float, yaw: float = 0.0) -> tuple[Floats, float]:
    """Joints [frames, 24, 3] at 60 Hz of somebody walking straight on, and their height."""
    body = draw_body(np.random.default_rng(5), 1)
    bodies = Bodies(1)
    bodies.reset(0, body, 0.0, 0.0, yaw)
    frames = []
    for frame in range(round(seconds * 60)):
        at_s = frame / 60
        bodies.now[0, Column.X] = speed_m_s * at_s * math.cos(yaw)
        bodies.now[0, Column.Y] = speed_m_s * at_s * math.sin(yaw)
        bodies.now[0, Column.FORWARD_SPEED] = speed_m_s
        bodies.now[0, Column.PHASE] = speed_m_s * at_s / stride_m(body.height_m, speed_m_s)
        bodies.before[:] = bodies.now
        frames.append(bodies.joints_floor_m(np.array([0]), at_s, 1.0)[0])
    return np.array(frames), body.height_m


def joint(frames: Floats, name: str) -> Floats:
    return frames[..., BODY_JOINT_INDEX[name], :]


def test_bones_keep_their_length_while_walking() -> None:
    frames, height = walk(1.2, 3.0)
    for side in ("left", "right"):
        for a, b, share in (
            ("shoulder", "elbow", UPPER_ARM),
            ("elbow", "wrist", FOREARM),
            ("hip", "knee", THIGH),
            ("knee", "ankle", SHANK),
        ):
            bone = np.linalg.norm(joint(frames, f"{side}_{a}") - joint(frames, f"{side}_{b}"), axis=-1)
            assert bone == pytest.approx(share * height, abs=1e-6)


@pytest.mark.parametrize("speed", [0.7, 1.1, 1.4])
def test_one_foot_at_least_stands_still_on_the_floor(speed: float) -> None:
    frames, _ = walk(speed, 4.0)
    left = np.linalg.norm(np.diff(joint(frames, "left_ankle")[:, :2], axis=0), axis=1) * 60
    right = np.linalg.norm(np.diff(joint(frames, "right_ankle")[:, :2], axis=0), axis=1) * 60
    assert np.percentile(np.minimum(left, right), 90) < 0.25


def test_arms_swing_against_the_legs() -> None:
    frames, _ = walk(1.2, 4.0)
    legs = joint(frames, "left_ankle")[:, 0] - joint(frames, "right_ankle")[:, 0]
    arms = joint(frames, "left_wrist")[:, 0] - joint(frames, "right_wrist")[:, 0]
    assert np.corrcoef(legs, arms)[0, 1] < -0.7


def test_left_is_the_persons_own_left_and_the_head_is_on_top() -> None:
    frames, height = walk(0.0, 0.1, yaw=math.pi / 2)  # facing north: left is west
    assert joint(frames, "left_shoulder")[0, 0] < joint(frames, "right_shoulder")[0, 0]
    assert joint(frames, "nose")[0, 1] > joint(frames, "left_ear")[0, 1]
    assert joint(frames, "head_top")[0, 2] == pytest.approx(height, abs=0.04)
    assert joint(frames, "left_toe")[0, 1] > joint(frames, "left_ankle")[0, 1]


def test_a_hand_goes_where_it_was_told_and_comes_back() -> None:
    body = draw_body(np.random.default_rng(5), 1)
    bodies = Bodies(1)
    bodies.reset(0, body, 0.0, 0.0, 0.0)
    rest, hold = (REST, 0.0, 0.0, 0.0), (TORSO, 0.3, 0.1, 0.2)
    goal = (FLOOR, 0.5, 0.1, 1.2)
    bodies.move_hand(0, 0, 1.0, 1.6, rest, goal, goal)
    bodies.move_hand(0, 0, 2.0, 2.5, goal, hold, rest)
    rows = np.array([0])
    hanging = joint(bodies.joints_floor_m(rows, 0.5, 1.0), "left_hand")[0]
    there = joint(bodies.joints_floor_m(rows, 1.8, 1.0), "left_hand")[0]
    back = joint(bodies.joints_floor_m(rows, 3.0, 1.0), "left_hand")[0]
    assert there == pytest.approx(goal[1:], abs=1e-6)
    assert back == pytest.approx(hanging, abs=0.03)  # nobody stands quite still


def test_a_new_posture_replaces_what_was_to_come() -> None:
    bodies = Bodies(1)
    bodies.reset(0, draw_body(np.random.default_rng(5), 1), 0.0, 0.0, 0.0)
    low = Posture(crouch_m=0.4)
    bodies.bend(0, 1.0, 2.0, STANDING, low)
    bodies.bend(0, 3.0, 4.0, low, STANDING)
    bodies.bend(0, 2.5, 3.0, bodies.posture_at(0, 2.5), low)
    assert bodies.posture_at(0, 5.0).crouch_m == pytest.approx(0.4)
