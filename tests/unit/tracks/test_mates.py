"""A place of a group that went to the double of one of them is given back when the double is lost."""

from __future__ import annotations

import numpy as np
import pytest

from openaisle.core.units import NS_PER_S
from openaisle.tracks.appearance import Looks
from openaisle.tracks.mates import doubles_of_mates, doubles_of_strangers
from openaisle.tracks.people import Person

RED, BLUE = np.array([[1.0, 0.1, 0.0]]), np.array([[0.0, 0.1, 1.0]])


def looks_of(*clothes: np.ndarray) -> Looks:
    looks = Looks(4)
    for row, vector in enumerate(clothes):
        for _ in range(30):
            looks.learn(np.array([row]), vector)
    return looks


def group(seconds_together: float, visit_of_other: str = "v1") -> tuple[Person, Person]:
    """Somebody followed, and somebody lost who was followed for so long at the same time."""
    mate = Person(0, 0, (1.0, 0.0), track_id="t1", visit_id=visit_of_other, seen_ns=60 * NS_PER_S)
    lost = Person(1, 0, (1.5, 0.0), track_id="t2", visit_id="v1", is_lost=True)
    lost.seen_ns = round(seconds_together * NS_PER_S)
    return mate, lost


def test_who_looked_the_same_and_was_never_beside_them_in_a_picture_was_them() -> None:
    mate, lost = group(3.0)
    assert doubles_of_mates([mate], [lost], looks_of(RED, RED), lambda row, other: 0) == [lost]


@pytest.mark.parametrize(
    ("clothes", "seconds", "windows", "visit_id"),
    [
        pytest.param(BLUE, 3.0, 0, "v1", id="other clothes"),
        pytest.param(RED, 1.0, 0, "v1", id="too short a time to tell"),
        pytest.param(RED, 3.0, 2, "v1", id="a picture showed both"),
        pytest.param(RED, 3.0, 0, "v2", id="of another code"),
    ],
)
def test_others_who_are_lost_are_waited_for(
    clothes: np.ndarray, seconds: float, windows: int, visit_id: str
) -> None:
    mate, lost = group(seconds, visit_id)
    assert not doubles_of_mates([mate], [lost], looks_of(RED, clothes), lambda row, other: windows)


def stranger_beside(apart_m: float, seconds_together: float = 3.0) -> tuple[Person, Person]:
    """Somebody on no code, and somebody lost with one who walked so far beside them."""
    stranger, lost = group(seconds_together)
    stranger.visit_id = None
    for tick in range(round(10 * seconds_together) + 1):
        at_ns = round(tick * NS_PER_S / 10)
        stranger.move_to(at_ns, 0.1 * tick, 0.0)
        lost.move_to(at_ns, 0.1 * tick, apart_m)
    return stranger, lost


def test_whose_double_has_the_code_takes_it_when_the_double_is_lost() -> None:
    """Nothing is known of their clothes: nobody stood by themselves."""
    stranger, lost = stranger_beside(0.5)
    assert doubles_of_strangers([stranger], [lost], looks_of(), lambda row, other: 0) == [(lost, stranger)]


@pytest.mark.parametrize(
    ("apart_m", "seconds", "windows"),
    [
        pytest.param(1.2, 3.0, 0, id="too far apart to be one body"),
        pytest.param(0.5, 1.0, 0, id="too short a time to tell"),
        pytest.param(0.5, 3.0, 2, id="a picture showed both"),
    ],
)
def test_a_stranger_beside_somebody_lost_was_not_always_them(
    apart_m: float, seconds: float, windows: int
) -> None:
    stranger, lost = stranger_beside(apart_m, seconds)
    assert not doubles_of_strangers([stranger], [lost], looks_of(), lambda row, other: windows)
