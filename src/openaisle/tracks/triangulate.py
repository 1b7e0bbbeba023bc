"""From many rays of many moments to one moving point in space.

Cameras do not take their pictures at the same time, so a wrist is never where all of them saw it: every joint is
estimated with its velocity, each ray at its own time. For one joint that is a linear problem in six unknowns (position
and velocity); wrong rays are found by solving it again with weights (iteratively reweighted least squares with
Geman-McClure weights, hardened step by step as in graduated non-convexity, Yang et al. 2020).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.core.messages import JOINT_INDEX

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

JOINT_COUNT: Final = len(JOINT_INDEX)
RANGE_M_MIN: Final = 0.2  # nothing is nearer to a lens
HARDENING: Final = (25.0, 5.0, 1.0, 1.0)  # scale of the robust loss, solve by solve
MIRRORED_MAX: Final = 0.25  # what moved past the point where both places are one goes on rather than back
MIRRORED_MIN: Final = 0.002
SIDE_WEIGHT: Final = 0.5  # of half the loss: what a camera errs lasts from picture to picture
# Who looks to a camera as they would if they had not moved is as high as they were when two cameras last saw them.
STILL_M: Final = 0.12
STILL_SHARE: Final = 0.8  # of the keypoints
STILL_CONFIDENCE_MIN: Final = 0.25
STILL_TRUST_MIN: Final = 2.0  # keypoints
STILL_SD_M: Final = 0.06
# Whose head is low has low shoulders, and hips that are low or not.
LOWERED_SD_M_MAX: Final = 0.06  # of the head's height
LOWERED_M_MIN: Final = 0.15
LOWERED_SHARE: Final = 0.6
LOWERED_SD_SHARE: Final = 0.5
LOSS_SQUARED: Final = 12.0  # squared normalised distance at which a ray keeps a quarter of its weight

BONES: Final = ((5, 7), (6, 8), (7, 9), (8, 10), (11, 13), (12, 14), (13, 15), (14, 16))
"""(parent, child) joints: upper arms, forearms, thighs, shanks."""
STANDING_HEIGHTS: Final = np.array(  # of joints, in shares of stature, of somebody upright
    [0.925, 0.94, 0.94, 0.93, 0.93, 0.82, 0.82, 0.0, 0.0, 0.0, 0.0, 0.53, 0.53, 0.285, 0.285, 0.055, 0.055]
)
STANDING_SD_M: Final = np.array([0.07] * 5 + [0.07] * 2 + [0.0] * 4 + [0.07] * 2 + [0.08] * 2 + [0.06] * 2)
"""How far they stray from there. 0: anywhere."""
_BONE_OF_CHILD: Final = np.array(
    [next((i for i, (_, child) in enumerate(BONES) if child == j), -1) for j in range(JOINT_COUNT)], np.int64
)
_PARENT_OF_CHILD: Final = np.array(
    [next((parent for parent, child in BONES if child == j), -1) for j in range(JOINT_COUNT)], np.int64
)


@njit(cache=True)
def invert_spd(a, out) -> None:
    """Inverse of a symmetric positive definite matrix [n, n] into `out`, by Cholesky's factors. Destroys `a`."""
    n = a.shape[0]
    for i in range(n):
        for j in range(i + 1):
            total = a[i, j]
            for k in range(j):
                total -= a[i, k] * a[j, k]
            if i == j:
                a[i, i] = math.sqrt(max(total, 1e-12))
            else:
                a[i, j] = total / a[j, j]
    for column in range(n):  # forward, then backward substitution of unit vectors
        for i in range(n):
            total = 1.0 if i == column else 0.0
            for k in range(i):
                total -= a[i, k] * out[k, column]
            out[i, column] = total / a[i, i]
        for i in range(n - 1, -1, -1):
            total = out[i, column]
            for k in range(i + 1, n):
                total -= a[k, i] * out[k, column]
            out[i, column] = total / a[i, i]


@njit(cache=True)
def fuse(
    rows, starts, members, labels, origin, rays, confidence, noise, dt_s, mean, covariance, height_m, height_var,
    bone_m, bone_sd_m, mirrored, placed, view_weight, joint_weight,
) -> None:  # fmt: skip
    """Update the joints of tracks with all rays assigned to them. In place.

    rows [tracks] rows of the state; members[starts[t] : starts[t + 1]] the sightings of track t; labels [n, 17] the
    joint that a keypoint is (left and right may have been swapped). mean [rows, 17, 6] floor metres and metres a
    second at the window's end, covariance [rows, 17, 6, 6]; height_m and height_var [rows] stature; bones [rows, 8]
    length and its uncertainty; mirrored [rows, 17] probability that a joint is on the other side of its parent,
    as seen along its surest ray; placed [rows, 17, 3] joints when two cameras last saw them well, NaN unknown.
    Out: view_weight [n] how well a sighting fits (0..1), joint_weight [tracks, 17] the number of rays that agree.
    """
    prior = np.empty((6, 6))
    scratch = np.empty((6, 6))
    inverse = np.empty((6, 6))
    vector = np.empty(6)
    change = np.empty(6)
    normal = np.empty(3)
    for t in range(len(rows)):
        row = rows[t]
        for m in range(starts[t], starts[t + 1]):
            view_weight[members[m]] = 0.0
        is_still = _is_still(
            members[starts[t] : starts[t + 1]], labels, origin, rays, confidence, placed[row]
        )
        for j in range(JOINT_COUNT):
            joint_weight[t, j] = 0.0
            used, bone = 0, _BONE_OF_CHILD[j]
            for m in range(starts[t], starts[t + 1]):
                if confidence[members[m], labels[members[m], j]] > 0.05:
                    used += 1
            if used == 0:
                continue
            for a in range(6):
                for b in range(6):
                    scratch[a, b] = covariance[row, j, a, b]
                change[a] = 0.0
            invert_spd(scratch, prior)
            likely_m, likely_sd_m = 0.0, 0.0
            if used == 1:
                likely_m, likely_sd_m = _likely_height(
                    mean[row], covariance[row], height_m[row], height_var[row], placed[row, j, 2], is_still, j
                )
            for hardness in HARDENING:
                for a in range(6):
                    vector[a] = 0.0
                    for b in range(6):
                        scratch[a, b] = prior[a, b]
                for m in range(starts[t], starts[t + 1]):
                    i = members[m]
                    k = labels[i, j]
                    trust = confidence[i, k]
                    if trust <= 0.05:
                        continue
                    _add_ray(
                        scratch, vector, mean[row, j], change, origin[i], rays[i, k], noise[i, k], dt_s[i], trust,
                        hardness,
                    )  # fmt: skip
                if likely_sd_m > 0.0:
                    _add_height(scratch, vector, mean[row, j, 2], change[2], likely_m, likely_sd_m, hardness)
                if bone >= 0:
                    _add_bone(
                        scratch, vector, mean[row, j], change, mean[row, _PARENT_OF_CHILD[j]],
                        covariance[row, _PARENT_OF_CHILD[j]], bone_m[row, bone], bone_sd_m[row, bone], normal,
                    )  # fmt: skip
                invert_spd(scratch, inverse)
                for a in range(6):
                    total = 0.0
                    for b in range(6):
                        total += inverse[a, b] * vector[b]
                    change[a] = total
            if bone >= 0:
                apart_m2 = _choose_side(
                    members[starts[t] : starts[t + 1]], labels[:, j], origin, rays, confidence, noise, dt_s,
                    mean[row, j], change, covariance[row, j], mean[row, _PARENT_OF_CHILD[j]], mirrored[row], j, normal,
                )  # fmt: skip
                for a in range(3):
                    for b in range(3):
                        inverse[a, b] += apart_m2 * normal[a] * normal[b]
            for m in range(starts[t], starts[t + 1]):
                i = members[m]
                k = labels[i, j]
                trust = confidence[i, k]
                if trust > 0.05:
                    weight = _weight_of_ray(mean[row, j], change, origin[i], rays[i, k], noise[i, k], dt_s[i])
                    joint_weight[t, j] += trust * weight
                    view_weight[i] += trust * weight
            for a in range(6):
                mean[row, j, a] += change[a]
                for b in range(6):
                    covariance[row, j, a, b] = inverse[a, b]
        for m in range(starts[t], starts[t + 1]):
            i = members[m]
            total = 0.0
            for j in range(JOINT_COUNT):
                if confidence[i, j] > 0.05:
                    total += confidence[i, j]
            view_weight[i] /= max(total, 1e-9)


@njit(cache=True)
def _is_still(members, labels, origin, rays, confidence, placed) -> bool:
    """Whether sightings show somebody just as they would if nothing but the arms had moved since they were `placed`."""
    total, agree = 0.0, 0.0
    for i in members:
        for j in range(JOINT_COUNT):
            k = labels[i, j]
            if STANDING_SD_M[j] == 0.0 or confidence[i, k] < STILL_CONFIDENCE_MIN or math.isnan(placed[j, 2]):
                continue
            wx, wy, wz = placed[j, 0] - origin[i, 0], placed[j, 1] - origin[i, 1], placed[j, 2] - origin[i, 2]
            along = wx * rays[i, k, 0] + wy * rays[i, k, 1] + wz * rays[i, k, 2]
            total += confidence[i, k]
            if wx * wx + wy * wy + wz * wz - along * along < STILL_M * STILL_M:
                agree += confidence[i, k]
    return total > STILL_TRUST_MIN and agree > STILL_SHARE * total


@njit(cache=True, inline="always")
def _offset(mean, change, origin, ray, dt):
    """Vector from the ray to the point at the ray's time, and the point's range. (ex, ey, ez, range)"""
    wx = mean[0] + change[0] + (mean[3] + change[3]) * dt - origin[0]
    wy = mean[1] + change[1] + (mean[4] + change[4]) * dt - origin[1]
    wz = mean[2] + change[2] + (mean[5] + change[5]) * dt - origin[2]
    along = wx * ray[0] + wy * ray[1] + wz * ray[2]
    return wx - along * ray[0], wy - along * ray[1], wz - along * ray[2], max(along, RANGE_M_MIN)


@njit(cache=True, inline="always")
def _squared(mean, change, origin, ray, noise, dt) -> float:
    """Distance from the ray in standard deviations, squared."""
    ex, ey, ez, along = _offset(mean, change, origin, ray, dt)
    return (ex * ex + ey * ey + ez * ez) / (along * noise) ** 2


@njit(cache=True)
def _weight_of_ray(mean, change, origin, ray, noise, dt) -> float:
    squared = _squared(mean, change, origin, ray, noise, dt)
    return (LOSS_SQUARED / (LOSS_SQUARED + squared)) ** 2


@njit(cache=True)
def _loss_of_ray(mean, change, origin, ray, noise, dt) -> float:
    """Geman-McClure's loss of a ray: its squared distance in sd as far as that is small."""
    squared = _squared(mean, change, origin, ray, noise, dt)
    return squared * LOSS_SQUARED / (LOSS_SQUARED + squared)


@njit(cache=True)
def _choose_side(
    members, labels, origin, rays, confidence, noise, dt_s, mean, change, covariance, parent, mirrored, j, ray
) -> float:  # fmt: skip
    """On which side of its parent a joint is, as seen along its surest ray. In place of `change` and `mirrored[j]`.

    A ray meets the bone's sphere about the parent twice, and a solver that begins at one of the two places stays there.
    Both are followed: what all rays say of either is added up over time; where both were about as near to where the
    joint was expected (`mean`, with its covariance then) momentum tells, and not surely.

    labels [n] keypoint that shows joint j. Out: `ray` [3] the surest. Returns the variance (m2) along it of what is not
    known.
    """
    surest, most = 0.0, -1
    for i in members:
        k = labels[i]
        if confidence[i, k] > 0.05:
            weight = _weight_of_ray(mean, change, origin[i], rays[i, k], noise[i, k], dt_s[i])
            sure = confidence[i, k] * weight / noise[i, k] ** 2
            if sure > surest:
                surest, most = sure, i
    if most < 0:
        return 0.0
    found_m, parent_m, expected_m, variance_m2 = 0.0, 0.0, 0.0, 1e-4
    for a in range(3):
        ray[a] = rays[most, labels[most], a]
    for a in range(3):
        found_m += (mean[a] + change[a] - origin[most, a]) * ray[a]
        parent_m += (parent[a] - origin[most, a]) * ray[a]
        expected_m += (mean[a] - origin[most, a]) * ray[a]
        for b in range(3):
            variance_m2 += ray[a] * covariance[a, b] * ray[b]
    apart_m = 2.0 * (parent_m - found_m)
    log_odds = 0.5 * ((found_m - expected_m) ** 2 - (found_m + apart_m - expected_m) ** 2) / variance_m2
    share = 1.0 / (1.0 + math.exp(min(max(-log_odds, 0.0), 50.0)))
    share = max(mirrored[j], min(share, MIRRORED_MAX))
    log_odds = math.log(max(share, MIRRORED_MIN) / max(1.0 - share, MIRRORED_MIN))
    mirror = change.copy()
    for a in range(3):
        mirror[a] += apart_m * ray[a]
        mirror[a + 3] += 2.0 * (parent[3] * ray[0] + parent[4] * ray[1] + parent[5] * ray[2]) * ray[a]
        for b in range(3):
            mirror[a + 3] -= 2.0 * (mean[b + 3] + change[b + 3]) * ray[b] * ray[a]
    for i in members:
        k = labels[i]
        if confidence[i, k] > 0.05:
            here = _loss_of_ray(mean, change, origin[i], rays[i, k], noise[i, k], dt_s[i])
            there = _loss_of_ray(mean, mirror, origin[i], rays[i, k], noise[i, k], dt_s[i])
            log_odds += SIDE_WEIGHT * confidence[i, k] * (here - there)
    share = 1.0 / (1.0 + math.exp(min(max(-log_odds, -50.0), 50.0)))
    if share > 0.5:
        share = 1.0 - share
        for a in range(6):
            change[a] = mirror[a]
    mirrored[j] = share
    return share * apart_m * apart_m


@njit(cache=True)
def _add_ray(information, vector, mean, change, origin, ray, noise, dt, trust, hardness) -> None:
    """Add one ray to the normal equations of `change` (about `mean`), weighted by how well it fits now."""
    ex, ey, ez, along = _offset(mean, change, origin, ray, dt)
    sigma = along * noise
    squared = (ex * ex + ey * ey + ez * ez) / (sigma * sigma)
    scale = LOSS_SQUARED * hardness
    weight = trust * (scale / (scale + squared)) ** 2 / (sigma * sigma)
    # From the point as it was predicted (before `change`) to the ray, across it.
    wx = origin[0] - mean[0] - mean[3] * dt
    wy = origin[1] - mean[1] - mean[4] * dt
    wz = origin[2] - mean[2] - mean[5] * dt
    for a in range(3):
        for b in range(3):
            across = weight * ((1.0 if a == b else 0.0) - ray[a] * ray[b])
            information[a, b] += across
            information[a, b + 3] += across * dt
            information[a + 3, b] += across * dt
            information[a + 3, b + 3] += across * dt * dt
            pull = across * (wx if b == 0 else (wy if b == 1 else wz))
            vector[a] += pull
            vector[a + 3] += pull * dt


@njit(cache=True)
def _likely_height(mean, covariance, height_m, height_var, placed_m, is_still, j):
    """How high a joint is that one camera sees, and its standard deviation (m); that is 0 where nothing tells it."""
    if STANDING_SD_M[j] == 0.0 or (is_still and math.isnan(placed_m)):
        return 0.0, 0.0
    if is_still:
        return placed_m, STILL_SD_M
    likely_m = STANDING_HEIGHTS[j] * height_m
    sd_m = math.hypot(STANDING_SD_M[j], STANDING_HEIGHTS[j] * math.sqrt(height_var))
    if j == 5 or j == 6 or j == 11 or j == 12:
        known, lowered_m = LOWERED_SD_M_MAX**2, 0.0
        for k in range(5):
            if covariance[k, 2, 2] < known:
                known = covariance[k, 2, 2]
                lowered_m = max(0.0, STANDING_HEIGHTS[k] * height_m - mean[k, 2])
        if lowered_m > LOWERED_M_MIN:
            likely_m -= LOWERED_SHARE * lowered_m
            sd_m = math.hypot(sd_m, LOWERED_SD_SHARE * lowered_m)
    return likely_m, sd_m


@njit(cache=True)
def _add_height(information, vector, mean_z, change_z, height_m, height_sd_m, hardness) -> None:
    """Where one camera sees a joint, the height it has in somebody upright tells how far it is; some crouch."""
    squared = ((mean_z + change_z - height_m) / height_sd_m) ** 2
    scale = LOSS_SQUARED * hardness
    weight = (scale / (scale + squared)) ** 2 / height_sd_m**2
    information[2, 2] += weight
    vector[2] += weight * (height_m - mean_z)


@njit(cache=True)
def _add_bone(
    information, vector, mean, change, parent, parent_covariance, length_m, length_sd_m, normal
) -> None:
    """The child joint lies one bone's length from its parent: where one camera sees it, that tells the depth."""
    distance = 0.0
    for a in range(3):
        normal[a] = mean[a] + change[a] - parent[a]
        distance += normal[a] * normal[a]
    distance = math.sqrt(distance)
    if distance < 0.05:
        return
    variance = length_sd_m * length_sd_m
    for a in range(3):
        normal[a] /= distance
    for a in range(3):
        for b in range(3):
            variance += normal[a] * parent_covariance[a, b] * normal[b]
    missing = length_m
    for a in range(3):
        missing -= normal[a] * (mean[a] - parent[a])
    for a in range(3):
        for b in range(3):
            information[a, b] += normal[a] * normal[b] / variance
        vector[a] += normal[a] * missing / variance
