"""From maps to boxes and joints: sub-cell, own left and right, no joint twice."""

import numpy as np
import pytest

from openaisle.detections import decode
from openaisle.detections.decode import PAIRS


def bell(x: float, y: float, weight: float = 1.0, sd: float = 0.8, size: int = 32) -> np.ndarray:
    cells = np.arange(size)
    shape = np.exp(-((cells[:, None] - y) ** 2 + (cells[None] - x) ** 2) / (2 * sd**2))
    return (weight * shape / shape.sum()).astype(np.float32)


def maps_at(places: np.ndarray) -> np.ndarray:
    return np.stack([bell(x, y) for x, y in places])[None]


@pytest.fixture
def places() -> np.ndarray:
    rng = np.random.default_rng(4)
    places = rng.uniform(3, 28, (17, 2))
    for left, right in PAIRS:  # ordered by x and well apart, as the network says them
        places[left, 0], places[right, 0] = rng.uniform(4, 13), rng.uniform(18, 27)
    return places


UNTURNED = np.full((1, 8), 5.0, np.float32)
UNKNOWN = np.zeros((1, 17), np.float32)


def test_joints_are_found_between_the_cells(places: np.ndarray) -> None:
    points, mass, _, _ = decode.joints(maps_at(places), UNTURNED, UNKNOWN, 128)
    assert np.abs(points[0] - ((places + 0.5) * 4 - 0.5)).max() < 0.5
    assert mass.min() > 0.95


def test_pairs_are_named_by_the_persons_own_sides(places: np.ndarray) -> None:
    logits = np.full((1, 8), 5.0, np.float32)
    wrists = PAIRS.index((9, 10))
    logits[0, wrists] = -5.0
    straight = decode.joints(maps_at(places), UNTURNED, UNKNOWN, 128)[0][0]
    in_view = np.arange(17, dtype=np.float32)[None]
    points, _, _, visible = decode.joints(maps_at(places), logits, in_view, 128)
    turned = points[0]
    assert visible[0, [9, 10]].tolist() == [10, 9]
    assert np.array_equal(turned[[9, 10]], straight[[10, 9]])
    others = [joint for joint in range(17) if joint not in (9, 10)]
    assert np.array_equal(turned[others], straight[others])


def test_two_wrists_one_above_the_other_are_not_taken_for_one(places: np.ndarray) -> None:
    """At one image x a pair cannot be ordered by it: both maps show both places."""
    maps = maps_at(places)
    maps[0, 9] = bell(12, 6, 0.55) + bell(12, 22, 0.45)
    maps[0, 10] = bell(12, 6, 0.52) + bell(12, 22, 0.48)
    points = decode.joints(maps, UNTURNED, UNKNOWN, 128)[0][0]
    heights = sorted(points[[9, 10], 1])
    assert heights == pytest.approx([25.5, 89.5], abs=1.0)


def test_wrists_that_do_meet_stay_together(places: np.ndarray) -> None:
    maps = maps_at(places)
    maps[0, 9], maps[0, 10] = bell(12, 6), bell(12.4, 6.2)
    points = decode.joints(maps, UNTURNED, UNKNOWN, 128)[0][0]
    assert np.linalg.norm(points[9] - points[10]) < 4


def test_a_joint_that_is_nowhere_has_little_mass(places: np.ndarray) -> None:
    maps = maps_at(places)
    maps[0, 15] *= 0.03
    _, mass, _, _ = decode.joints(maps, UNTURNED, UNKNOWN, 128)
    assert mass[0, 15] < 0.05


def test_no_crops_give_no_joints() -> None:
    found = decode.joints(
        np.zeros((0, 17, 32, 32), np.float32),
        np.zeros((0, 8), np.float32),
        np.zeros((0, 17), np.float32),
        128,
    )
    assert [each.shape for each in found] == [(0, 17, 2), (0, 17), (0, 17), (0, 17)]


def test_boxes_come_from_the_peaks_best_first() -> None:
    heat = np.zeros((48, 80), np.float32)
    heat[10, 20], heat[10, 21], heat[30, 60], heat[40, 5] = 0.7, 0.5, 0.9, 0.05
    sides = np.broadcast_to(np.array([8, 16, 12, 20], np.float32)[:, None, None], (4, 48, 80))
    boxes, scores = decode.boxes(heat, sides, 4, 0.1, 10)
    assert scores.tolist() == pytest.approx([0.9, 0.7])
    assert boxes.tolist() == [[234, 106, 254, 142], [74, 26, 94, 62]]
    assert len(decode.boxes(heat, sides, 4, 0.1, 1)[0]) == 1


def test_the_better_of_two_boxes_on_one_person_stays() -> None:
    boxes = np.array([[0, 0, 10, 20], [1, 0, 11, 20], [30, 0, 40, 20]], np.float32)
    scores = np.array([0.6, 0.8, 0.7], np.float32)
    assert decode.suppress(boxes, scores, 0.5).tolist() == [1, 2]
    assert decode.overlaps(boxes[:1], boxes)[0] == pytest.approx([1.0, 180 / 220, 0.0])


def test_one_person_seen_twice_counts_once_and_two_close_together_twice() -> None:
    rng = np.random.default_rng(2)
    person = np.concatenate([rng.uniform(0, 100, (17, 2)), np.ones((17, 1))], axis=1)
    again = person + np.array([1.0, -1.0, 0.0])
    neighbour = person + np.array([30.0, 4.0, 0.0])
    keypoints = np.stack([person, again, neighbour]).astype(np.float32)
    boxes = np.array([[0, 0, 100, 100], [0, 0, 90, 110], [30, 0, 130, 100]], np.float32)
    assert decode.different_people(keypoints, boxes, 0.6).tolist() == [0, 2]
