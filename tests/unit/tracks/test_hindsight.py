"""What a window says of the one before, and of whom a single camera sees."""

from __future__ import annotations

import math

import numpy as np
import pytest

from openaisle.tracks.motion import JOINT_FADE_S, predict, smooth
from openaisle.tracks.people import Bodies
from openaisle.tracks.triangulate import JOINT_COUNT

WRIST = 9
DT_S = 0.125


def standing_body() -> Bodies:
    bodies = Bodies(2)
    bodies.seed(0, (2.0, 3.0), 0.1, 1.7)
    bodies.unseen_s[0] = 0.0
    bodies.covariance[0] = np.diag([0.05**2] * 3 + [0.8**2] * 3)
    return bodies


def test_looking_back_is_the_same_as_weighing_both_windows_at_once() -> None:
    bodies = standing_body()
    rows = np.zeros(1, np.int64)
    mean, covariance = bodies.mean[:1].copy(), bodies.covariance[:1].copy()
    before, spread = mean[0, WRIST].copy(), covariance[0, WRIST].copy()
    predict(
        rows, DT_S, bodies.mean, bodies.covariance, bodies.unseen_s, bodies.root, bodies.root_var, bodies.height_m
    )  # fmt: skip
    expected, expected_spread = bodies.mean[:1].copy(), bodies.covariance[:1].copy()
    # A sight of the wrist now, 12 cm off, known to 3 cm.
    seen = expected[0, WRIST, :3] + (0.12, -0.05, 0.02)
    look = np.hstack([np.eye(3), np.zeros((3, 3))])
    gain = expected_spread[0, WRIST] @ look.T
    gain = gain @ np.linalg.inv(look @ expected_spread[0, WRIST] @ look.T + 0.03**2 * np.eye(3))
    found = expected.copy()
    found[0, WRIST] += gain @ (seen - expected[0, WRIST, :3])
    smooth(mean, covariance, expected, expected_spread, found, DT_S)

    keep = math.exp(-DT_S / JOINT_FADE_S)
    step = np.eye(6)
    step[:3, 3:], step[3:, 3:] = JOINT_FADE_S * (1.0 - keep) * np.eye(3), keep * np.eye(3)
    across = spread @ step.T @ look.T
    at_once = across @ np.linalg.inv(look @ expected_spread[0, WRIST] @ look.T + 0.03**2 * np.eye(3))
    assert mean[0, WRIST] == pytest.approx(before + at_once @ (seen - expected[0, WRIST, :3]), abs=1e-9)


def test_a_joint_that_was_read_anew_says_nothing_of_where_it_was() -> None:
    bodies = standing_body()
    mean, covariance = bodies.mean[:1].copy(), bodies.covariance[:1].copy()
    found = mean + 0.0
    found[0, WRIST, :3] += 1.0
    before = mean.copy()
    smooth(mean, covariance, before, covariance.copy(), found, DT_S)
    assert (mean == before).all()


def test_whom_one_camera_sees_is_held_at_their_distance_and_looks_the_same_to_it() -> None:
    bodies = standing_body()
    camera = np.array([0.0, 3.0, 2.6])
    bodies.root[0] = (3.5, 3.0, 1.2, 0.3)
    before = bodies.mean[0, :, :3].copy()
    bodies.hold_back(0, camera, (2.0, 3.0), 0.4)
    assert bodies.root[0].tolist() == pytest.approx([2.4, 3.0, 0.0, 0.3])
    was, now = before - camera, bodies.mean[0, :, :3] - camera
    assert np.cross(was, now) == pytest.approx(np.zeros((JOINT_COUNT, 3)), abs=1e-9)
    bodies.hold_back(0, camera, (2.0, 3.0), 0.4)
    assert bodies.mean[0, :, :3] - camera == pytest.approx(now)
