"""Somebody new: whom sightings show that are nobody's we know.

Where two cameras agree a track is started; whom a single one sees is doubted for long.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from openaisle.tracks.associate import TRUST_MIN, pair_sightings
from openaisle.tracks.belief import Belief
from openaisle.tracks.crowd_settings import CrowdSettings
from openaisle.tracks.fusion import as_they_are, place_single, seed_from, take_in
from openaisle.tracks.misread import misread_of
from openaisle.tracks.people import Bodies, Person, rows_of
from openaisle.tracks.sightings import Sightings
from openaisle.tracks.skeleton import STATURE_M

Ints = NDArray[np.int64]


def nearest_of(people: Sequence[Person], bodies: Bodies, x_m: float, y_m: float) -> tuple[int, float]:
    """(index, metres) of the nearest of `people`; (-1, inf) of nobody."""
    places = bodies.root[rows_of(people), :2]
    if not len(places):
        return -1, math.inf
    distances = np.hypot(places[:, 0] - x_m, places[:, 1] - y_m)
    return int(distances.argmin()), float(distances.min())


class Newcomers:
    """Starts tracks among the sightings left over, and mends those whose posture was misread."""

    def __init__(self, settings: CrowdSettings, bodies: Bodies, belief: Belief) -> None:
        self._settings = settings
        self._bodies = bodies
        self._belief = belief
        self._people: list[Person] = []  # those of the step at hand
        self.misses_somebody = False  # people are inside of whom no track is known

    def may_appear(self, x_m: float, y_m: float) -> bool:
        """Whether somebody new may well be seen there first."""
        return self.misses_somebody or self._belief.is_near_gate(x_m, y_m)

    def find(self, people: list[Person], sightings: Sightings, owner: Ints, until_ns: int) -> None:
        """Pair the sightings that show nobody we know; start a track where two cameras agree, doubt single ones.

        In place: who is new comes to the end of `people`, and their sightings' `owner` [n] is their index there.
        """
        self._people = people
        trusted = (sightings.confidence * (sightings.confidence >= TRUST_MIN)).sum(axis=1)
        is_somebody = (sightings.scores > 0.2) & (sightings.pose_scores >= self._settings.pose_score_min)
        left = np.flatnonzero((owner < 0) & is_somebody & (trusted > 2.0))
        if len(left) > self._settings.newcomers_max:
            surest = np.argsort(-trusted[left] * sightings.scores[left], kind="stable")
            left = np.sort(left[surest[: self._settings.newcomers_max]])
        if not len(left):
            return
        explained = misread_of(sightings, left, owner, self._people, self._bodies)
        score = np.zeros((len(left), len(left)))
        middle_m = np.zeros((len(left), len(left), 2))
        pair_sightings(
            left, sightings.camera, sightings.origin_floor_m, sightings.rays_floor, sightings.confidence,
            sightings.noise_rad, score, middle_m,
        )  # fmt: skip
        while score.max(initial=0.0) >= self._settings.pair_score_min and self._bodies.free_count:
            a, b = divmod(int(score.argmax()), len(left))
            x, y = middle_m[a, b].tolist()
            whose = max(int(explained[a]), int(explained[b]))
            taken = self._settle_pair(sightings, left, (a, b), (x, y), owner, whose, until_ns)
            score[taken, :] = 0.0
            score[:, taken] = 0.0
            score[a, b] = score[b, a] = 0.0
        for index in left[(owner[left] < 0) & (explained < 0)].tolist():
            self._start_single(sightings, index, owner, until_ns)

    def _settle_pair(
        self,
        sightings: Sightings,
        left: Ints,
        pair: tuple[int, int],
        place: tuple[float, float],
        owner: Ints,
        whose: int,
        until_ns: int,
    ) -> list[int]:
        """Somebody new, or somebody known of whom cameras see more than the track does; what of `left` that took.

        `whose`: index of somebody known whom one of the two shows, if badly read; or -1.
        """
        if not self._belief.can_stand(*place):
            return []
        if whose >= 0:
            return self._straighten(sightings, left, pair[0], place, owner, whose)
        nearest, is_free = self._is_free(place, left[list(pair)], sightings, owner)
        if not is_free:
            return self._straighten(sightings, left, pair[0], place, owner, nearest)
        return self._start_pair(sightings, left, pair[0], place, owner, until_ns)

    def _is_free(
        self, place: tuple[float, float], shown: Ints, sightings: Sightings, owner: Ints
    ) -> tuple[int, bool]:
        """Who of `people` is nearest to a place, and whether somebody new whom sightings `shown` show may be there.

        They may be quite near to somebody whom the same pictures show as well, if it is more than their boxes.
        """
        nearest, distance_m = nearest_of(self._people, self._bodies, *place)
        if distance_m >= self._birth_distance_m(*place):
            return nearest, True
        if distance_m < self._settings.birth_distance_m_min_beside or not self.may_appear(*place):
            return nearest, False
        are_beside = np.isin(sightings.frame[shown], sightings.frame[owner == nearest])
        return nearest, bool((are_beside & ~sightings.is_box[shown]).all())

    def _birth_distance_m(self, x_m: float, y_m: float) -> float:
        """How far from everybody known somebody new may be."""
        settings = self._settings
        is_open = self.may_appear(x_m, y_m)
        return settings.birth_distance_m_min if is_open else settings.birth_distance_m_min_inside

    def _start_pair(
        self,
        sightings: Sightings,
        left: Ints,
        first: int,
        place: tuple[float, float],
        owner: Ints,
        until_ns: int,
    ) -> list[int]:
        """Start a track from one sighting and all that agree with it."""
        row = self._bodies.take_row()
        used = seed_from(self._bodies, row, sightings, left, left[first], place, STATURE_M)
        if len(np.unique(sightings.camera[used])) < 2:
            self._bodies.give_back(row)
            return []
        x, y = self._bodies.root[row, :2].tolist()
        person = Person(
            row, until_ns, (x, y), seen_ns=until_ns, sure_ns=until_ns, sure_floor_m=(x, y), evidence=1.0
        )
        owner[used] = len(self._people)
        self._people.append(person)
        return np.flatnonzero(np.isin(left, used)).tolist()

    def _straighten(
        self,
        sightings: Sightings,
        left: Ints,
        first: int,
        place: tuple[float, float],
        owner: Ints,
        index: int,
    ) -> list[int]:
        """Read a known body anew if more sightings agree with another posture than with the one it is thought to be in.

        Whoever crouches or turns while hidden is otherwise seen by none of the cameras that see them again.
        """
        bodies, row = self._bodies, self._people[index].row
        before = bodies.copy_row(row)
        own = np.flatnonzero(owner == index)
        among = np.union1d(left, own)
        used = seed_from(bodies, row, sightings, among, left[first], place, float(bodies.height_m[row]))
        if len(used) <= max(len(own), 1):
            bodies.restore_row(row, before)
            return []
        owner[own] = -1
        owner[used] = index
        return np.flatnonzero(np.isin(left, used)).tolist()

    def _start_single(self, sightings: Sightings, index: int, owner: Ints, until_ns: int) -> None:
        """Somebody only one camera sees: placed by the feet, or by the head at usual stature; doubted for long."""
        if not self._bodies.free_count or sightings.scores[index] < 0.4:
            return
        x, y, sd_m = place_single(sightings, index)
        if not math.isfinite(sd_m) or sd_m > 0.6 or not self._belief.can_stand(x, y):
            return
        if not self._is_free((x, y), np.array([index]), sightings, owner)[1]:
            return
        row = self._bodies.take_row()
        self._bodies.seed(row, (x, y), sd_m, STATURE_M)
        own = np.full(len(sightings), -1, np.int64)
        own[index] = 0
        take_in(self._bodies, np.array([row]), sightings, own, as_they_are(sightings))
        self._people.append(
            Person(
                row, until_ns, (x, y), seen_ns=until_ns, sure_ns=until_ns, sure_floor_m=(x, y), evidence=0.3
            )
        )
