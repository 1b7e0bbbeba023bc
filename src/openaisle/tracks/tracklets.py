"""What each camera saw of each person last: within one picture nobody jumps.

On the floor two people who pass close by may be taken for one another when cameras stray; in a single camera's picture
each of them still goes on from where they just were. A box that continues what its camera last saw of somebody speaks
for them, one that lies elsewhere against them; the more so, the clearer it was whom that camera saw.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.tracks.associate import TRUST_MIN
from openaisle.tracks.sightings import Sightings
from openaisle.tracks.triangulate import JOINT_COUNT

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MEMORY_S: Final = 0.6  # older than this it says nothing
JOINTS_MIN: Final = 3  # seen both times
TURN_SD_RAD_PER_S: Final = 0.1  # how much faster or slower than before somebody moves across a picture
SPEED_GAIN: Final = 0.4  # a new step counts for so much of the speed
MARGIN_GAIN: Final = 0.1  # a new sighting counts for so much of how clear it is whom a camera sees
MARGIN_LIMITS: Final = (-1.0, 1.5)
ELSEWHERE: Final = 6.0  # squared normalised distance at which a sighting speaks neither for nor against


class Tracklets:
    """One tracklet a row and camera: the last rays, when, and how fast they turn."""

    def __init__(self, rows: int, cameras: int) -> None:
        self._rays = np.zeros((rows, cameras, JOINT_COUNT, 3))
        self._confidence = np.zeros((rows, cameras, JOINT_COUNT))
        self._turn = np.zeros((rows, cameras, 3))  # of all rays alike, radians a second
        self._at_s = np.full((rows, cameras), -np.inf)
        self._margin = np.zeros(
            (rows, cameras)
        )  # by how much its sightings fitted this person better than others

    def continuity(self, rows: Ints, sightings: Sightings, until_s: float, benefit: Floats) -> Floats:
        """-1..1 [rows, n]: how far a sighting continues what its camera saw of a person; 0 where nothing is known.

        Only where benefit [rows, n] is above 0. until_s: the window's end.
        """
        continues = np.zeros_like(benefit)
        _compare(
            rows, sightings.camera, sightings.rays_floor, sightings.confidence,
            sightings.noise_rad, sightings.dt_s, until_s, benefit, self._rays, self._confidence, self._turn, self._at_s,
            self._margin, continues,
        )  # fmt: skip
        return continues

    def learn(self, rows: Ints, sightings: Sightings, owner: Ints, until_s: float, benefit: Floats) -> None:
        """Take in who was seen where: owner [n] index into rows, or -1; benefit [rows, n] of place and looks alone."""
        _remember(
            rows, owner, sightings.is_box, sightings.camera, sightings.rays_floor, sightings.confidence,
            sightings.dt_s, until_s, benefit, self._rays, self._confidence, self._turn, self._at_s, self._margin,
        )  # fmt: skip

    def forget(self, row: int) -> None:
        self._rays[row] = 0.0
        self._confidence[row] = 0.0
        self._turn[row] = 0.0
        self._margin[row] = 0.0
        self._at_s[row] = -np.inf


@njit(cache=True)
def _step(last, last_confidence, rays, confidence, step) -> int:
    """Mean turn [3] of the joints seen both times, out in `step`; how many those are."""
    joints = 0
    step[:] = 0.0
    for j in range(JOINT_COUNT):
        if last_confidence[j] >= TRUST_MIN and confidence[j] >= TRUST_MIN:
            joints += 1
            for a in range(3):
                step[a] += rays[j, a] - last[j, a]
    for a in range(3):
        step[a] /= max(joints, 1)
    return joints


@njit(cache=True)
def _compare(
    rows,
    camera,
    rays,
    confidence,
    noise,
    dt_s,
    until_s,
    benefit,
    last,
    last_confidence,
    turn,
    at_s,
    margin,
    continues,
) -> None:
    step = np.empty(3)
    for i in range(len(camera)):
        c = camera[i]
        for t in range(len(rows)):
            row = rows[t]
            since_s = until_s + dt_s[i] - at_s[row, c]
            if benefit[t, i] <= 0.0 or not 0.0 < since_s <= MEMORY_S:
                continue
            if _step(last[row, c], last_confidence[row, c], rays[i], confidence[i], step) < JOINTS_MIN:
                continue
            variance, trusted = 0.0, 0.0
            for j in range(JOINT_COUNT):
                if confidence[i, j] >= TRUST_MIN:
                    variance += confidence[i, j] * noise[i, j] ** 2
                    trusted += confidence[i, j]
            squared = 0.0
            for a in range(3):
                squared += (step[a] - turn[row, c, a] * since_s) ** 2
            squared /= 2.0 * variance / trusted + (TURN_SD_RAD_PER_S * since_s) ** 2
            sure = min(max(margin[row, c], 0.0), 1.0)
            continues[t, i] = sure * max(1.0 - squared / ELSEWHERE, -1.0)


@njit(cache=True)
def _remember(
    rows,
    owner,
    is_box,
    camera,
    rays,
    confidence,
    dt_s,
    until_s,
    benefit,
    last,
    last_confidence,
    turn,
    at_s,
    margin,
) -> None:
    step = np.empty(3)
    for i in range(len(camera)):
        if owner[i] < 0 or not is_box[i]:
            continue
        row, c = rows[owner[i]], camera[i]
        seen_s = until_s + dt_s[i]
        since_s = seen_s - at_s[row, c]
        if since_s <= 0.0:
            continue
        joints = 0
        if since_s <= MEMORY_S:
            joints = _step(last[row, c], last_confidence[row, c], rays[i], confidence[i], step)
        for a in range(3):
            if joints >= JOINTS_MIN:
                turn[row, c, a] += SPEED_GAIN * (step[a] / since_s - turn[row, c, a])
            else:
                turn[row, c, a] = 0.0
        for j in range(JOINT_COUNT):
            last_confidence[row, c, j] = confidence[i, j]
            for a in range(3):
                last[row, c, j, a] = rays[i, j, a]
        at_s[row, c] = seen_s
        others = 0.0
        for t in range(len(rows)):
            if t != owner[i]:
                others = max(others, benefit[t, i])
        better = min(max(benefit[owner[i], i] - others, MARGIN_LIMITS[0]), MARGIN_LIMITS[1])
        if since_s > MEMORY_S:
            margin[row, c] = 0.0
        margin[row, c] += MARGIN_GAIN * (better - margin[row, c])
