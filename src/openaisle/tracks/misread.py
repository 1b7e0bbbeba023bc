"""Somebody known whom a picture shows badly: half out of it or half hidden, their joints taken for others.

Such a sighting fits nobody, and with a second one it would be somebody new beside them. One body makes one sighting: if
nearly all rays of one pass through somebody whom two other cameras see, and whom its picture does not show otherwise,
it is taken for theirs and says nothing of anybody new.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.tracks.associate import TRUST_MIN, across
from openaisle.tracks.people import Bodies, Person, rows_of
from openaisle.tracks.sightings import Sightings
from openaisle.tracks.triangulate import JOINT_COUNT

Ints = NDArray[np.int64]

THROUGH_M_MAX: Final = 0.2  # a ray passes through a body if so near to one of its joints
THROUGH_SHARE_MIN: Final = 0.8  # of the rays, each as far as it is trusted
KNOWN_VIEWS_MIN: Final = 2


def misread_of(
    sightings: Sightings, which: Ints, owner: Ints, people: Sequence[Person], bodies: Bodies
) -> Ints:
    """Index [m] of whom each of the sightings `which` [m] may show, badly read; or -1.

    owner [n] index into people or -1.
    """
    explained = np.full(len(which), -1, np.int64)
    views = np.bincount(owner[owner >= 0], minlength=len(people))
    is_believed = np.array([person.is_believed for person in people], bool)
    known = np.flatnonzero(is_believed & (views >= KNOWN_VIEWS_MIN))
    if not len(known) or not len(which):
        return explained
    seen = np.zeros((len(sightings.frame_starts) - 1, len(people)), bool)
    shown = np.flatnonzero(owner >= 0)
    seen[sightings.frame[shown], owner[shown]] = True
    _explain(
        which, sightings.frame, sightings.origin_floor_m, sightings.rays_floor, sightings.confidence,
        sightings.dt_s, rows_of(people)[known], bodies.mean, seen[:, known], explained,
    )  # fmt: skip
    return np.where(explained >= 0, known[explained], -1)


def without_misread(sightings: Sightings, owner: Ints, people: Sequence[Person], bodies: Bodies) -> Ints:
    """`owner`, without what seems to show somebody doubted and may as well be somebody known, badly read."""
    is_doubted = np.array([not person.is_believed for person in people] + [False])
    doubted = np.flatnonzero(is_doubted[owner])
    speaks = owner.copy()
    speaks[doubted[misread_of(sightings, doubted, owner, people, bodies) >= 0]] = -1
    return speaks


@njit(cache=True)
def _explain(which, frame, origin, rays, confidence, dt_s, rows, mean, seen, explained) -> None:
    """Who of those known may be what a sighting shows, badly read: nearly all its rays pass through their body.

    which [m] rows of sightings, rows [people] of mean [rows, 17, 6], seen [frames, people] whom pictures show already.
    Out: explained [m] index of the person, or -1.
    """
    for m in range(len(which)):
        i = which[m]
        explained[m] = -1
        best = THROUGH_SHARE_MIN
        for t in range(len(rows)):
            if seen[frame[i], t]:
                continue
            trusted, through = 0.0, 0.0
            for k in range(JOINT_COUNT):
                trust = confidence[i, k]
                if trust < TRUST_MIN:
                    continue
                trusted += trust
                for j in range(JOINT_COUNT):
                    squared_m, _ = across(mean[rows[t], j], origin[i], rays[i, k], dt_s[i])
                    if squared_m < THROUGH_M_MAX * THROUGH_M_MAX:
                        through += trust
                        break
            if trusted > 0.0 and through > best * trusted:
                best = through / trusted
                explained[m] = t
