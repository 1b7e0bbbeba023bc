"""What people teach about the cameras: by how much each is off, and how far it can be trusted.

Everybody whom several cameras see is a target for calibration. What a camera sees beside the place that all of them
agree on is learned as an offset of its rays, linear in the place in its picture (recursive least squares with
forgetting; Ljung 1999, section 11.2), and what still strays about that as the factor by which its noise is larger
than assumed.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.tracks.associate import TRUST_MIN
from openaisle.tracks.sightings import OFFSET_TERMS, Rig, Sightings, offset_terms
from openaisle.tracks.triangulate import JOINT_COUNT, LOSS_SQUARED, RANGE_M_MIN

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

OFFSET_SD: Final = (0.006, 0.015, 0.015)  # to expect, as tangents: everywhere, by column, by row
LEVERAGE_MAX: Final = 0.7
LOSS_AGAINST_OTHERS: Final = 100.0  # what is far off must not be taken for chance
SAMPLE_WEIGHT: Final = 0.1  # neighbouring frames err alike
MEMORY_SIGHTINGS: Final = 5000.0
FACTOR_START: Final = 2.5
FACTOR_LIMITS: Final = (0.7, 8.0)
FACTOR_SAMPLES: Final = (30.0, 2000.0)  # the start counts as so many; the memory
VIEWS_MIN: Final = 3  # two cameras always agree with what they say together


class CameraErrors:
    """One row a camera of the rig."""

    def __init__(
        self, rig: Rig, memory_sightings: float = MEMORY_SIGHTINGS, *, against_others: bool = False
    ) -> None:
        """`against_others`: how far off a camera is from what the others say, its own part in that taken out."""
        count = len(rig.camera_ids)
        self._rig = rig
        self._leverage_max = LEVERAGE_MAX if against_others else 0.0
        self._loss_squared = LOSS_AGAINST_OTHERS if against_others else LOSS_SQUARED
        self._keep = 1.0 - 1.0 / memory_sightings
        self.offset = np.zeros((count, 2, OFFSET_TERMS))
        self.factor = np.full(count, FACTOR_START)
        self._information = np.zeros((count, OFFSET_TERMS, OFFSET_TERMS))
        self._pull = np.zeros((count, 2, OFFSET_TERMS))
        self._square = np.full(count, FACTOR_START**2)
        self._samples = np.full(count, FACTOR_SAMPLES[0])

    def learn(self, rows: Ints, sightings: Sightings, owner: Ints, mean: Floats, covariance: Floats) -> None:
        """Take in how sightings [n] stand to the bodies they show: owner [n] index into rows, or -1."""
        members = well_seen(owner, len(rows))
        if len(members):
            self.gather(members, rows[owner[members]], sightings, mean, covariance, self.offset, self.factor)
            self.solve()

    def gather(
        self,
        members: Ints,
        rows: Ints,
        sightings: Sightings,
        mean: Floats,
        covariance: Floats,
        offset: Floats,
        factor: Floats,
    ) -> None:
        """Take in that sightings `members` [m] show bodies `rows` [m]; their rays were made with offset and factor."""
        _learn(
            members, rows, sightings.camera, sightings.rays_floor, sightings.confidence, sightings.noise_rad,
            sightings.dt_s, mean, covariance, self._rig.rotation, self._rig.origin_floor_m, offset, factor,
            self.offset, self._keep, self._leverage_max, self._loss_squared,
            self._information, self._pull, self._square, self._samples,
        )  # fmt: skip

    def solve(self) -> None:
        """Offsets and factors from all that was taken in."""
        prior = np.diag(1.0 / np.array(OFFSET_SD) ** 2)
        self.offset = np.einsum("cij,ckj->cki", np.linalg.inv(self._information + prior), self._pull)
        self.factor = np.clip(np.sqrt(self._square), *FACTOR_LIMITS)

    def forget(self, index: int) -> None:
        """What is known of a camera came of comparing it with one that was wrong."""
        self._information[index] = 0.0
        self._pull[index] = 0.0
        self._square[index], self._samples[index] = FACTOR_START**2, FACTOR_SAMPLES[0]


def well_seen(owner: Ints, count: int) -> Ints:
    """Which sightings show one of `count` bodies whom so many others show that they can teach."""
    views = np.bincount(owner[owner >= 0], minlength=count)
    return np.flatnonzero((owner >= 0) & (views[np.maximum(owner, 0)] >= VIEWS_MIN))


@njit(cache=True, inline="always")
def leverage(along, trace_across, noise, trust) -> float:
    """A ray's own part in where a joint was put: by so much it lies nearer than to what the others say."""
    return trust * 0.5 * max(trace_across, 0.0) / (along * noise) ** 2


@njit(cache=True)
def _learn(
    members, rows, camera, rays, confidence, noise, dt_s, mean, covariance, rotation, origin, offset, factor,
    learned, keep, leverage_max, loss_squared, information, pull, square, samples,
) -> None:  # fmt: skip
    local = np.empty(3)
    off = np.empty(3)
    axis = np.empty(3)
    basis = np.empty(OFFSET_TERMS)
    for m in range(len(members)):
        i, row = members[m], rows[m]
        c = camera[i]
        weights, x, y, dx, dy, spread, strays, own = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for j in range(JOINT_COUNT):
            trust = confidence[i, j]
            if trust < TRUST_MIN:
                continue
            dt = dt_s[i]
            along, across, along_trace, trace = 0.0, 0.0, 0.0, 0.0
            for a in range(3):
                off[a] = mean[row, j, a] + mean[row, j, a + 3] * dt - origin[c, a]
                along += off[a] * rays[i, j, a]
                trace += covariance[row, j, a, a]
                for b in range(3):
                    along_trace += rays[i, j, a] * rays[i, j, b] * covariance[row, j, a, b]
            if along < RANGE_M_MIN:
                continue
            for a in range(3):
                off[a] = rays[i, j, a] - off[a] / along  # from the body to the ray, as an angle
                across += off[a] * off[a]
            sigma = noise[i, j]
            strayed = (0.5 * across + 0.5 * max(trace - along_trace, 0.0) / along**2) / (
                sigma / factor[c]
            ) ** 2
            strays += trust * min(strayed, 40.0)
            own += trust * min(leverage(along, trace - along_trace, sigma, trust), leverage_max)
            spread += trust * sigma * sigma
            for a in range(3):
                local[a] = 0.0
                axis[a] = 0.0
                for b in range(3):
                    local[a] += rotation[c, b, a] * off[b]
                    axis[a] += rotation[c, b, a] * rays[i, j, b]
            weights += trust
            x += trust * axis[0] / axis[2]
            y += trust * axis[1] / axis[2]
            # An angle across the ray spans more of the picture away from its axis.
            dx += trust * local[0] / axis[2]
            dy += trust * local[1] / axis[2]
        if weights < 1.0:
            continue
        offset_terms(x / weights, y / weights, basis)
        dx, dy = dx / (weights - own), dy / (weights - own)
        variance = spread / weights
        strayed_x, strayed_y = dx, dy  # from what is expected of this camera
        for a in range(OFFSET_TERMS):
            dx += offset[c, 0, a] * basis[a]
            dy += offset[c, 1, a] * basis[a]
            strayed_x += (offset[c, 0, a] - learned[c, 0, a]) * basis[a]
            strayed_y += (offset[c, 1, a] - learned[c, 1, a]) * basis[a]
        robust = (loss_squared / (loss_squared + (strayed_x**2 + strayed_y**2) / variance)) ** 2
        weight = SAMPLE_WEIGHT * robust / variance
        for a in range(OFFSET_TERMS):
            for b in range(OFFSET_TERMS):
                information[c, a, b] = keep * information[c, a, b] + weight * basis[a] * basis[b]
            pull[c, 0, a] = keep * pull[c, 0, a] + weight * basis[a] * dx
            pull[c, 1, a] = keep * pull[c, 1, a] + weight * basis[a] * dy
        samples[c] = min(samples[c] + 1.0, FACTOR_SAMPLES[1])
        square[c] += (strays / weights - square[c]) / samples[c]
