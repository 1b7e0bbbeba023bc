"""A code may go to somebody whom two tracks show: to their double. Once it is lost, the other has the code."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from openaisle.core.units import NS_PER_MS
from openaisle.tracks.appearance import Looks
from openaisle.tracks.door_settings import DoorSettings
from openaisle.tracks.gate_line import GateLine
from openaisle.tracks.people import Person

ALIKE_MIN: Final = 0.9  # cosine of looks
AT_ONCE_NS_MIN: Final = 1_500 * NS_PER_MS  # both were followed for so long, and no picture showed both
APART_M_MAX: Final = 1.0  # of whom clothes are not known, that stayed so near all the time


def doubles_of_mates(
    people: Sequence[Person], lost: Sequence[Person], looks: Looks, windows_at_once: Callable[[int, int], int]
) -> list[Person]:
    """Those of `lost` who were somebody else of their own group all the time.

    `windows_at_once` of two rows: for how long some picture showed both.
    """
    return [
        gone
        for gone in lost
        if gone.visit_id is not None
        and any(
            mate is not gone
            and mate.visit_id == gone.visit_id
            and was_double(gone, mate, looks, windows_at_once)
            for mate in people
        )
    ]


def doubles_of_strangers(
    strangers: Sequence[Person],
    lost: Sequence[Person],
    looks: Looks,
    windows_at_once: Callable[[int, int], int],
) -> list[tuple[Person, Person]]:
    """(lost person, stranger) where the one was the other all the time. Each stranger once, the first lost of each."""
    found: list[tuple[Person, Person]] = []
    for stranger in strangers:
        taken = {id(gone) for gone, _ in found}
        for gone in lost:
            if gone.visit_id is None or id(gone) in taken:
                continue
            if was_double(gone, stranger, looks, windows_at_once):
                found.append((gone, stranger))
                break
    return found


def was_double(gone: Person, other: Person, looks: Looks, windows_at_once: Callable[[int, int], int]) -> bool:
    """Both were followed at the same time, no picture showed both, and they are alike or kept together."""
    if gone.seen_ns - max(gone.born_ns, other.born_ns) < AT_ONCE_NS_MIN:
        return False
    if windows_at_once(gone.row, other.row):
        return False
    likeness = looks.likeness_of_rows(gone.row, other.row)
    return likeness >= ALIKE_MIN or (math.isnan(likeness) and _kept_together(gone, other))


def may_be_double(
    person: Person,
    persons: Sequence[Person],
    lines: Sequence[GateLine],
    settings: DoorSettings,
    are_two: Callable[[Person, Person], bool],
    at_ns: int,
) -> bool:
    """Whether somebody who came in may be seen twice. `are_two`: whether some picture showed both.

    Nobody saw them come, and they stand where somebody does who has a code already; or no picture ever showed them
    beside somebody near who was there before them. A place of a group that goes to the double of one of them is missing
    to another, who then takes the next code.
    """
    came_unseen = all(line.place(person.born_floor_m)[0] >= -settings.came_m_min for line in lines)
    for other in persons:
        if other is person or other.is_lost or at_ns - other.seen_ns > settings.claimant_unseen_ns_max:
            continue
        apart_m = math.dist(person.position_floor_m, other.position_floor_m)
        if came_unseen and other.visit_id is not None and apart_m < settings.double_m:
            return True
        was_first = other.visit_id is not None or (other.born_ns, other.row) < (person.born_ns, person.row)
        if was_first and apart_m < settings.twin_m and not are_two(person, other):
            return True
    return False


def _kept_together(gone: Person, other: Person) -> bool:
    """Whether they were never farther apart than one body may be seen, as far as their paths go back."""
    places = [(other.place_at(at_ns), (x_m, y_m)) for at_ns, x_m, y_m in gone.path if at_ns <= gone.seen_ns]
    apart_m = [math.dist(one, two) for one, two in places if one is not None]
    return bool(apart_m) and max(apart_m) <= APART_M_MAX
