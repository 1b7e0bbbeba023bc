"""People who took each other's body, by clothes; boxes that go on from where their camera saw somebody."""

from __future__ import annotations

import numpy as np
import pytest

from openaisle.tracks.appearance import Looks
from openaisle.tracks.mixups import led_astray, mixed_up
from openaisle.tracks.people import Person, exchange_bodies
from openaisle.tracks.sightings import Sightings
from openaisle.tracks.tracklets import Tracklets

ROW = np.array([0])
RED, BLUE = np.eye(24)[:2]


def looks_of_two(seen_of_first: np.ndarray, seen_of_second: np.ndarray) -> Looks:
    """Red is known by row 0 and blue by row 1; lately other things were seen of them."""
    looks = Looks(4)
    for _ in range(10):
        looks.learn(np.array([0, 1]), np.array([RED, BLUE]))
    for _ in range(20):
        looks.note(np.array([0, 1]), np.array([seen_of_first, seen_of_second]))
    return looks


def two(visits: tuple[str, str] = ("ana", "ben")) -> list[Person]:
    return [
        Person(row, 0, (float(row), 0.0), track_id=f"t{row + 1}", visit_id=visit, is_believed=True)
        for row, visit in enumerate(visits)
    ]


def test_who_wears_what_they_wore_is_left_alone() -> None:
    assert mixed_up(two(), [], looks_of_two(RED, BLUE)) is None


def test_two_who_wear_each_others_clothes_are_exchanged() -> None:
    ana, ben = two()
    assert mixed_up([ana, ben], [], looks_of_two(BLUE, RED)) == (ana, ben)
    ana.position_floor_m, ben.position_floor_m = (1.0, 1.0), (2.0, 2.0)
    exchange_bodies(ana, ben)
    assert (ana.row, ana.position_floor_m, ana.visit_id) == (1, (2.0, 2.0), "ana")


def test_two_of_one_visit_are_not_exchanged() -> None:
    assert mixed_up(two(("ana", "ana")), [], looks_of_two(BLUE, RED)) is None


def test_whoever_goes_about_in_a_lost_visitors_clothes_is_the_lost_one() -> None:
    ana, ben = two()
    ben.is_lost = True
    assert mixed_up([ana], [ben], looks_of_two(BLUE, BLUE)) == (ana, ben)


def test_one_who_looks_a_little_like_a_lost_visitor_stays_who_they_are() -> None:
    ana, ben = two()
    ben.is_lost = True
    assert mixed_up([ana], [ben], looks_of_two(RED + 0.7 * BLUE, BLUE)) is None


@pytest.mark.parametrize(
    ("seen_of_track", "seen_of_stranger", "is_found"),
    [(BLUE, RED, True), (RED, RED, False), (BLUE, RED + 0.7 * BLUE, False)],
    ids=["elsewhere, and found", "still seen", "hardly alike"],
)
def test_a_visitor_whose_track_follows_another_is_the_stranger_who_looks_like_them(
    seen_of_track: np.ndarray, seen_of_stranger: np.ndarray, is_found: bool
) -> None:
    ana, stranger = two()
    stranger.visit_id = None
    found = led_astray([ana, stranger], [stranger], looks_of_two(seen_of_track, seen_of_stranger))
    assert found == ([(ana, stranger)] if is_found else [])


def test_what_was_seen_last_is_wiped_with_the_look() -> None:
    looks = looks_of_two(BLUE, RED)
    looks.forget(0)
    assert np.isnan(looks.of_now(np.array([0]), np.array([1]))).all()


# --- tracklets ----------------------------------------------------------------------------------------------------


def a_box(aside_rad: float, dt_s: float = 0.0) -> Sightings:
    """One camera at the origin sees somebody some way to the side of its axis."""
    rays = np.tile([aside_rad, 0.0, 1.0], (1, 17, 1))
    return Sightings(
        camera=np.zeros(1, np.int64),
        frame=np.zeros(1, np.int64),
        dt_s=np.array([dt_s]),
        origin_floor_m=np.zeros((1, 3)),
        rays_floor=rays / np.linalg.norm(rays, axis=2, keepdims=True),
        confidence=np.full((1, 17), 0.5),
        noise_rad=np.full((1, 17), 0.01),
        scores=np.ones(1),
        pose_scores=np.ones(1),
        appearance=np.zeros((1, 0)),
        frame_starts=np.array([0, 1]),
        is_box=np.ones(1, bool),
    )


@pytest.fixture
def walked() -> Tracklets:
    """Somebody went to the side at 0.1 radians a second for two seconds, seen eight times a second."""
    tracklets = Tracklets(2, 1)
    for frame in range(17):
        tracklets.learn(ROW, a_box(0.0125 * frame), np.array([0]), frame / 8, np.array([[2.0]]))
    return tracklets


def test_a_box_that_goes_on_speaks_for_whom_the_camera_saw_and_a_jump_against(walked: Tracklets) -> None:
    benefit = np.array([[1.0]])
    assert walked.continuity(ROW, a_box(0.0125 * 17), 17 / 8, benefit)[0, 0] > 0.7
    assert walked.continuity(ROW, a_box(0.0125 * 17 + 0.15), 17 / 8, benefit)[0, 0] < -0.7


def test_what_a_camera_saw_long_ago_says_nothing(walked: Tracklets) -> None:
    assert walked.continuity(ROW, a_box(0.0125 * 17), 4.0, np.array([[1.0]]))[0, 0] == 0.0


def test_a_camera_that_saw_others_as_well_as_them_says_nothing() -> None:
    tracklets = Tracklets(2, 1)
    for frame in range(17):
        tracklets.learn(np.array([0, 1]), a_box(0.0), np.array([0]), frame / 8, np.array([[1.0], [1.5]]))
    assert tracklets.continuity(ROW, a_box(0.0), 17 / 8, np.array([[1.0]]))[0, 0] == 0.0
