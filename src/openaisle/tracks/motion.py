"""How people and their joints move between two pictures.

Every joint keeps a velocity that fades towards the body's (an Ornstein-Uhlenbeck process about the walker), the body's
foot point keeps a constant velocity with random acceleration (Bar-Shalom, Li & Kirubarajan 2001, section 6.2.2).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.tracks.triangulate import JOINT_COUNT, invert_spd

Floats = NDArray[np.float64]

# Spectral density of a joint's random acceleration, m2/s3: a hand that reaches reverses 1.5 m/s in a quarter second.
JOINT_AGILITY: Final[Floats] = np.array(
    [3.0] * 5 + [3.0, 3.0, 8.0, 8.0, 10.0, 10.0, 2.5, 2.5, 8.0, 8.0, 16.0, 16.0]
)
JOINT_FADE_S: Final = 0.6  # a joint's own movement against the body lasts about this long
JOINT_SD_M_MAX: Final = 0.40
JOINT_SPEED_SD_MAX: Final = 1.2
FORGET_SPEED_AFTER_S: Final = 0.4  # unseen longer than this, a joint goes with the body
REACH_M_MAX: Final = 1.1  # no joint is farther than this from the foot point, along the floor
ROOT_AGILITY: Final = 1.2  # m2/s3
ROOT_SPEED_VAR_MAX: Final = 1.5
ROOT_FADE_S: Final = 1.0  # nobody keeps walking unseen for long
SURPRISE_MAX: Final = 9.0  # squared, in variances: a joint farther from where it was expected was read anew
HEIGHT_SD_KNOWN_M: Final = 0.045  # until then a low head may be a child's
# What each group of joints says about the foot point: share of trust and how far it strays (leaning, striding).
_GROUPS: Final = np.array([[11, 12], [15, 16], [5, 6], [3, 4]], np.int64)
_GROUP_SD_M: Final = np.array([0.05, 0.07, 0.10, 0.16])
_HEIGHT_JOINTS: Final = np.array([1, 2, 3, 4, 5, 6], np.int64)
_HEIGHT_SHARES: Final = np.array([0.94, 0.94, 0.93, 0.93, 0.82, 0.82])


@njit(cache=True)
def predict(rows, dt, mean, covariance, unseen_s, root, root_var, height_m) -> None:
    """Move tracks on by dt seconds. In place.

    mean [rows, 17, 6], covariance [rows, 17, 6, 6], unseen_s [rows, 17]; root [rows, 4] x y vx vy, root_var [rows, 3]
    variance of position, its covariance with speed, variance of speed (the same for both axes).
    """
    keep = math.exp(-dt / JOINT_FADE_S)
    reach = JOINT_FADE_S * (1.0 - keep)
    for t in range(len(rows)):
        row = rows[t]
        vx, vy = root[row, 2], root[row, 3]
        fade = math.exp(-dt / ROOT_FADE_S)
        carried = ROOT_FADE_S * (1.0 - fade)
        root[row, 0] += vx * carried
        root[row, 1] += vy * carried
        root[row, 2] = vx * fade
        root[row, 3] = vy * fade
        pp, pv, vv = root_var[row, 0], root_var[row, 1], root_var[row, 2]
        root_var[row, 0] = pp + 2 * carried * pv + carried * carried * vv + ROOT_AGILITY * dt**3 / 3
        root_var[row, 2] = min(fade * fade * vv + ROOT_AGILITY * dt, ROOT_SPEED_VAR_MAX)
        # After a long gap the bound on speeds must leave a covariance.
        both = fade * (pv + carried * vv) + ROOT_AGILITY * dt * dt / 2
        root_var[row, 1] = min(both, 0.9 * math.sqrt(root_var[row, 0] * root_var[row, 2]))
        for j in range(JOINT_COUNT):
            unseen_s[row, j] += dt
            if unseen_s[row, j] > FORGET_SPEED_AFTER_S:
                mean[row, j, 3], mean[row, j, 4], mean[row, j, 5] = vx, vy, 0.0
            _predict_joint(mean[row, j], covariance[row, j], dt, keep, reach, vx, vy, JOINT_AGILITY[j])
            if unseen_s[row, j] > FORGET_SPEED_AFTER_S:
                _leash(mean[row, j], root[row], height_m[row])


@njit(cache=True)
def _predict_joint(mean, covariance, dt, keep, reach, vx, vy, agility) -> None:
    drift = dt - reach  # what the body's speed adds to the joint's own
    mean[0] += mean[3] * reach + vx * drift
    mean[1] += mean[4] * reach + vy * drift
    mean[2] += mean[5] * reach
    mean[3] = keep * mean[3] + (1.0 - keep) * vx
    mean[4] = keep * mean[4] + (1.0 - keep) * vy
    mean[5] = keep * mean[5]
    # P <- F P F' with F = [[1, reach], [0, keep]] in blocks; then the random acceleration.
    for a in range(3):
        for b in range(6):
            covariance[a, b] += reach * covariance[a + 3, b]
            covariance[a + 3, b] *= keep
    for a in range(6):
        for b in range(3):
            covariance[a, b] += reach * covariance[a, b + 3]
            covariance[a, b + 3] *= keep
    for a in range(3):
        covariance[a, a] += agility * dt**3 / 3
        covariance[a, a + 3] += agility * dt * dt / 2
        covariance[a + 3, a] += agility * dt * dt / 2
        covariance[a + 3, a + 3] += agility * dt
    trace = covariance[0, 0] + covariance[1, 1] + covariance[2, 2]
    if trace > 3 * JOINT_SD_M_MAX**2:
        for a in range(6):
            for b in range(6):
                covariance[a, b] = 0.0
        for a in range(3):
            covariance[a, a] = JOINT_SD_M_MAX**2
            covariance[a + 3, a + 3] = JOINT_SPEED_SD_MAX**2


@njit(cache=True)
def _leash(mean, root, height) -> None:
    """An unseen joint stays with its body."""
    dx, dy = mean[0] - root[0], mean[1] - root[1]
    distance = math.hypot(dx, dy)
    if distance > REACH_M_MAX:
        mean[0] = root[0] + dx * REACH_M_MAX / distance
        mean[1] = root[1] + dy * REACH_M_MAX / distance
    mean[2] = min(max(mean[2], 0.0), 1.25 * height)


@njit(cache=True)
def follow_joints(rows, mean, covariance, unseen_s, root, root_var, height_m, height_var) -> None:
    """Update foot points and heights of tracks from their joints. In place; shapes as in `predict`."""
    for t in range(len(rows)):
        row = rows[t]
        weights = 0.0
        x, y = 0.0, 0.0
        for g in range(_GROUPS.shape[0]):
            a, b = _GROUPS[g, 0], _GROUPS[g, 1]
            if unseen_s[row, a] > 0.0 or unseen_s[row, b] > 0.0:
                continue
            variance = _GROUP_SD_M[g] ** 2
            for k in range(2):
                variance += 0.25 * (covariance[row, a, k, k] + covariance[row, b, k, k])
            weights += 1.0 / variance
            x += 0.5 * (mean[row, a, 0] + mean[row, b, 0]) / variance
            y += 0.5 * (mean[row, a, 1] + mean[row, b, 1]) / variance
        if weights == 0.0:  # Whatever single joints there are.
            for j in range(JOINT_COUNT):
                if unseen_s[row, j] == 0.0:
                    variance = 0.2**2 + 0.5 * (covariance[row, j, 0, 0] + covariance[row, j, 1, 1])
                    weights += 1.0 / variance
                    x += mean[row, j, 0] / variance
                    y += mean[row, j, 1] / variance
        if weights == 0.0:
            continue
        _update_root(root[row], root_var[row], x / weights, y / weights, 1.0 / weights)
        _update_height(row, mean, covariance, unseen_s, root, height_m, height_var)


@njit(cache=True)
def _update_root(root, root_var, x, y, variance) -> None:
    # Errors of joints last for several pictures: taken as independent they would make the filter too sure.
    variance = max(2.0 * variance, 0.02**2)
    total = root_var[0] + variance
    gain_p, gain_v = root_var[0] / total, root_var[1] / total
    ex, ey = x - root[0], y - root[1]
    root[0] += gain_p * ex
    root[1] += gain_p * ey
    root[2] += gain_v * ex
    root[3] += gain_v * ey
    pv = root_var[1]
    root_var[2] -= gain_v * pv
    root_var[1] -= gain_p * pv
    root_var[0] -= gain_p * root_var[0]


@njit(cache=True)
def _update_height(row, mean, covariance, unseen_s, root, height_m, height_var) -> None:
    total, weights = 0.0, 0.0
    for k in range(len(_HEIGHT_JOINTS)):
        j = _HEIGHT_JOINTS[k]
        if unseen_s[row, j] > 0.0 or covariance[row, j, 2, 2] > 0.01:
            continue
        if math.hypot(mean[row, j, 0] - root[row, 0], mean[row, j, 1] - root[row, 1]) > 0.30:
            continue  # leaning
        weight = 1.0 / (0.04**2 + covariance[row, j, 2, 2])
        total += weight * mean[row, j, 2] / _HEIGHT_SHARES[k]
        weights += weight
    height_var[row] += 0.0005**2
    if weights == 0.0:
        return
    measured = total / weights
    variance = 0.06**2
    if measured < height_m[row] - 0.08 and height_var[row] < HEIGHT_SD_KNOWN_M**2:
        variance *= 100.0  # People crouch; they do not grow.
    gain = height_var[row] / (height_var[row] + variance)
    height_m[row] = min(max(height_m[row] + gain * (measured - height_m[row]), 0.8), 2.2)
    height_var[row] *= 1.0 - gain


@njit(cache=True)
def smooth(mean, covariance, expected_mean, expected_covariance, found_mean, dt) -> None:
    """What joints turned out to be dt seconds later tells what they had been (Rauch, Tung & Striebel 1965). In place.

    mean [n, 17, 6] and covariance [n, 17, 6, 6] as they were known then; what `predict` made of them for now; and what
    was found now.
    """
    keep = math.exp(-dt / JOINT_FADE_S)
    reach = JOINT_FADE_S * (1.0 - keep)
    scratch, inverse = np.empty((6, 6)), np.empty((6, 6))
    for t in range(mean.shape[0]):
        for j in range(JOINT_COUNT):
            off, variance = 0.0, 0.0
            for a in range(3):
                off += (found_mean[t, j, a] - expected_mean[t, j, a]) ** 2
                variance += expected_covariance[t, j, a, a]
            if off > SURPRISE_MAX * variance:
                continue
            for a in range(6):
                for b in range(6):
                    scratch[a, b] = expected_covariance[t, j, a, b]
            invert_spd(scratch, inverse)
            # gain = P F' expected^-1, with F as in _predict_joint.
            for a in range(6):
                for b in range(3):
                    scratch[a, b] = covariance[t, j, a, b] + reach * covariance[t, j, a, b + 3]
                    scratch[a, b + 3] = keep * covariance[t, j, a, b + 3]
            for a in range(6):
                for b in range(6):
                    gain = 0.0
                    for c in range(6):
                        gain += scratch[a, c] * inverse[c, b]
                    mean[t, j, a] += gain * (found_mean[t, j, b] - expected_mean[t, j, b])
