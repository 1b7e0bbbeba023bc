"""Average precision by hand."""

import numpy as np
import pytest

from openaisle.learning.average_precision import BoxTally, average_precision, drawn_precision

TRUTH = np.array([[0, 0, 100, 100], [200, 0, 300, 100]], np.float32)


def test_all_found_exactly_is_one() -> None:
    tally = BoxTally()
    tally.add(TRUTH, np.array([0.9, 0.8], np.float32), TRUTH)
    figures = tally.figures(0.5)
    assert (figures.ap50, figures.ap, figures.recall, figures.people) == (1.0, 1.0, 1.0, 2)


def test_a_wrong_box_counts_by_its_score() -> None:
    assert average_precision(np.array([True, False, True]), 2) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(np.array([True, True, False]), 2) == 1.0
    assert average_precision(np.array([False]), 2) == 0.0


def test_one_person_is_found_once() -> None:
    tally = BoxTally()
    twice = np.array([[0, 0, 100, 100], [2, 0, 100, 100]], np.float32)
    tally.add(twice, np.array([0.9, 0.8], np.float32), TRUTH[:1])
    figures = tally.figures(0.5)
    assert (figures.ap50, figures.false_people_per_picture) == (1.0, 1.0)


def test_a_loose_box_is_right_at_the_lower_overlaps_only() -> None:
    tally = BoxTally()
    tally.add(np.array([[0, 0, 100, 72]], np.float32), np.array([0.9], np.float32), TRUTH[:1])
    figures = tally.figures(0.5)
    assert figures.ap50 == 1.0
    assert figures.ap == pytest.approx(0.5)  # right at .50, .55, .60, .65, .70


def test_who_is_not_judged_is_neither_expected_nor_wrong() -> None:
    tally = BoxTally()
    tally.add(TRUTH, np.array([0.9, 0.8], np.float32), TRUTH, np.array([True, False]))
    figures = tally.figures(0.5)
    assert (figures.people, figures.ap50, figures.false_people_per_picture) == (1, 1.0, 0.0)


def test_sizes_are_judged_apart() -> None:
    tally = BoxTally()
    small = np.array([[0, 0, 20, 20]], np.float32)
    tally.add(TRUTH, np.array([0.9, 0.8], np.float32), np.concatenate([TRUTH, small]))
    assert tally.figures(0.5, "large").ap50 == 1.0
    assert tally.figures(0.5, "small").ap50 == 0.0
    assert tally.figures(0.5).ap50 == pytest.approx(2 / 3, abs=1e-3)


def test_poses_are_matched_by_what_they_are_alike_in() -> None:
    tally = BoxTally()
    beside = np.array(
        [[90, 0, 190, 100], [200, 0, 300, 100]], np.float32
    )  # The first box is off by more than half.
    alike = np.array([[0.8, 0.0], [0.0, 0.62]], np.float32)
    tally.add(beside, np.array([0.7, 0.9], np.float32), TRUTH, alike=alike)
    figures = tally.figures(0.0)
    assert figures.ap50 == 1.0
    assert figures.ap == pytest.approx(
        (3 * 1.0 + 4 * 0.25) / 10
    )  # Both to .60; to .80 the one that comes second.


def test_a_pose_that_lies_on_somebody_unjudged_is_not_wrong() -> None:
    tally = BoxTally()
    judged, alike = np.array([True, False]), np.zeros((2, 2), np.float32)
    tally.add(TRUTH, np.array([0.7, 0.9], np.float32), TRUTH, judged, alike=alike)
    scores, is_right, expected = tally.matches(0.5)
    assert (scores.tolist(), is_right.tolist(), expected) == ([pytest.approx(0.7)], [False], 1)


def test_pictures_without_people_count_what_is_seen_in_them() -> None:
    tally = BoxTally()
    tally.add(TRUTH, np.array([0.9, 0.3], np.float32), np.zeros((0, 4), np.float32))
    figures = tally.figures(0.5)
    assert (figures.people, figures.ap50, figures.false_people_per_picture) == (0, 0.0, 1.0)


def test_each_visit_counts_in_a_precision_as_often_as_it_was_drawn() -> None:
    right = np.array([[True, False, True, True, False]])
    once = drawn_precision(right, np.ones(5), 4)
    assert once == pytest.approx(average_precision(right[0], 4))
    twice = drawn_precision(right, np.full(5, 2.0), 8)
    assert twice == pytest.approx(once)
    without_the_wrong = drawn_precision(right, np.array([1.0, 0, 1, 1, 0]), 4)
    assert without_the_wrong == pytest.approx(0.75)
