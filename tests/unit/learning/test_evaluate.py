"""How alike poses are, by hand."""

import numpy as np
import pytest

from openaisle.core.messages import JOINTS
from openaisle.learning.evaluate import OKS_SIGMAS, similarities
from openaisle.sim.labels import VISIBLE, PersonLabel

BOX = np.array([0.0, 0.0, 100.0, 200.0])
AREA = 100 * 200 * 0.53


def person(states: np.ndarray) -> PersonLabel:
    points = np.random.default_rng(3).uniform(0, 100, (len(JOINTS), 2))
    joints = np.column_stack([points, states])
    return PersonLabel(1, BOX, BOX, joints, 5000, 1.0)


def test_the_same_joints_are_alike_by_one_and_a_persons_own_alone() -> None:
    people = [person(np.full(len(JOINTS), VISIBLE)), person(np.zeros(len(JOINTS)))]
    alike = similarities(people, np.stack([people[0].keypoints_px, people[0].keypoints_px + 1000]))
    assert alike[:, 0] == pytest.approx([1.0, 0.0], abs=1e-6)
    assert np.isnan(alike[:, 1]).all()  # Nobody labelled their joints.


def test_only_labelled_joints_count_each_by_its_own_spread() -> None:
    states = np.zeros(len(JOINTS))
    states[9] = VISIBLE
    label = person(states)
    found = label.keypoints_px.copy()
    off = 2 * OKS_SIGMAS[9] * np.sqrt(AREA)  # One standard deviation as COCO has it.
    found[9, 0] += off
    found[0, 0] += 500
    assert similarities([label], found[None])[0, 0] == pytest.approx(np.exp(-0.5), rel=1e-4)


def test_nobody_is_alike_nobody() -> None:
    assert similarities([], np.zeros((2, len(JOINTS), 3))).shape == (2, 0)
    assert similarities([person(np.zeros(len(JOINTS)))], np.zeros((0, len(JOINTS), 3))).shape == (0, 1)
