"""Two tracks that turn out to be one person, or may be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from openaisle.tracks.crowd_settings import CrowdSettings
from openaisle.tracks.people import Bodies, Person, rows_of
from openaisle.tracks.sight import SHARE_SEEN_MIN, Sight
from openaisle.tracks.sightings import Sightings

Ints = NDArray[np.int64]


class Twins:
    """Pairs of tracks that stay together and are never both in one picture.

    Who were side by side in pictures for a while are two people for good, however near they come. But where no picture
    shows both any more and they are where one body would be, the younger is waited for: the other may be all there is.
    """

    def __init__(self, settings: CrowdSettings, sight: Sight) -> None:
        self._settings = settings
        self._sight = sight
        self._streaks: dict[tuple[int, int], int] = {}  # rows -> windows in a row
        self._as_one: dict[tuple[int, int], int] = {}  # the same, where one body would be
        self._at_once = np.zeros((settings.tracks_max, settings.tracks_max), np.int64)  # windows, by rows

    def forget(self, row: int) -> None:
        """Somebody else will be in that row."""
        self._at_once[row] = 0
        self._at_once[:, row] = 0

    def windows_at_once(self, row: int, other: int) -> int:
        """For how long some picture showed the people of two rows side by side."""
        return int(self._at_once[row, other])

    def step(
        self,
        people: Sequence[Person],
        rows: Ints,
        bodies: Bodies,
        sightings: Sightings,
        owner: Ints,
        cameras: Ints,
    ) -> tuple[list[Person], list[Person]]:
        """The younger ones of `people` in `rows` that are somebody else of them, and those that may be.

        owner [n] index into rows or -1. cameras: rows of the rig that sent a frame.
        """
        count = len(rows)
        if count < 2:
            self._forget_pairs()
            return [], []
        roots = bodies.root[rows, :2]
        apart_m = np.linalg.norm(roots[:, None] - roots[None], axis=2)
        near = apart_m < self._settings.twin_distance_m
        seen = np.zeros((len(sightings.frame_starts) - 1, count), bool)
        known = np.flatnonzero((owner >= 0) & (owner < count))
        seen[sightings.frame[known], owner[known]] = True
        at_once = seen.T.astype(np.int64) @ seen
        self._at_once[np.ix_(rows, rows)] += (at_once > 0) & (apart_m >= self._settings.same_distance_m)
        if np.count_nonzero(near) == count:
            self._forget_pairs()
            return [], []
        streaks: dict[tuple[int, int], int] = {}
        as_one: dict[tuple[int, int], int] = {}
        both_free = self._both_free(people, rows, bodies, near, cameras)
        dropped: dict[int, Person] = {}
        doubted: dict[int, Person] = {}
        for a, b in zip(*np.nonzero(np.triu(near, 1)), strict=True):
            are_two = apart_m[a, b] >= self._settings.same_distance_m and (
                at_once[a, b] or self._at_once[rows[a], rows[b]] >= self._settings.two_windows
            )
            if are_two or not (at_once[a, a] or at_once[b, b]):
                continue
            key = (int(rows[a]), int(rows[b]))
            # Who were in one picture are not doubted for windows in which one may hide the other.
            says = both_free[a, b] or self._at_once[rows[a], rows[b]] < self._settings.maybe_two_windows
            streaks[key] = self._streaks.get(key, 0) + int(says)
            one, other = people[a], people[b]
            are_strangers = one.visit_id is None or other.visit_id is None
            is_settled = one.row in dropped or other.row in dropped
            if streaks[key] >= self._settings.twin_windows and are_strangers and not is_settled:
                loser = max(one, other, key=_standing)
                dropped[loser.row] = loser
            elif not says and are_strangers and apart_m[a, b] < self._settings.aside_m and not at_once[a, b]:
                as_one[key] = self._as_one.get(key, 0) + 1
                younger = max(one, other, key=_standing)
                if as_one[key] >= self._settings.twin_windows and younger.is_believed:
                    doubted[younger.row] = younger
        self._as_one = as_one
        self._streaks = {key: streak for key, streak in streaks.items() if dropped.keys().isdisjoint(key)}
        return list(dropped.values()), [each for row, each in doubted.items() if row not in dropped]

    def _forget_pairs(self) -> None:
        self._streaks.clear()
        self._as_one.clear()

    def _both_free(
        self,
        people: Sequence[Person],
        rows: Ints,
        bodies: Bodies,
        near: NDArray[np.bool_],
        cameras: Ints,
    ) -> NDArray[np.bool_]:
        """Pairs [people, people] whom some camera would see as two if they were: it has a free sight of both."""
        together = np.flatnonzero(near.sum(axis=1) > 1)
        in_the_way = rows_of([person for person in people if person.is_believed])
        is_free = self._sight.shares(bodies, rows[together], in_the_way, cameras) >= SHARE_SEEN_MIN
        both = np.zeros(near.shape, bool)
        both[np.ix_(together, together)] = is_free.astype(np.int64) @ is_free.T.astype(np.int64) > 0
        return both


def _standing(person: Person) -> tuple[bool, bool, int, int]:
    """Sorts the track to keep first: with a visit, believed, older."""
    return person.visit_id is None, not person.is_believed, person.born_ns, person.row
