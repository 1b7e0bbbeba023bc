"""What a body is like: its proportions, its left and right, and how sure we are of each joint.

Proportions are shares of stature (Drillis & Contini 1966, as in Winter, Biomechanics of Human Movement).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.core.messages import JOINT_INDEX
from openaisle.tracks.triangulate import BONES, JOINT_COUNT

Floats = NDArray[np.float64]

STATURE_M: Final = 1.70  # of somebody we know nothing of
STATURE_SD_M: Final = 0.16
FLOOR_JOINTS: Final = (JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"])
ANKLE_HEIGHT_M: Final = 0.09

_FORWARD_LEFT_UP: Final = {  # a standing body at the origin that looks along +x, in shares of stature
    "nose": (0.06, 0.0, 0.925), "left_eye": (0.045, 0.018, 0.94), "right_eye": (0.045, -0.018, 0.94),
    "left_ear": (0.0, 0.042, 0.93), "right_ear": (0.0, -0.042, 0.93),
    "left_shoulder": (0.0, 0.115, 0.82), "right_shoulder": (0.0, -0.115, 0.82),
    "left_elbow": (0.0, 0.13, 0.63), "right_elbow": (0.0, -0.13, 0.63),
    "left_wrist": (0.04, 0.13, 0.485), "right_wrist": (0.04, -0.13, 0.485),
    "left_hip": (0.0, 0.055, 0.53), "right_hip": (0.0, -0.055, 0.53),
    "left_knee": (0.0, 0.055, 0.285), "right_knee": (0.0, -0.055, 0.285),
    "left_ankle": (0.0, 0.055, 0.05), "right_ankle": (0.0, -0.055, 0.05),
}  # fmt: skip
TEMPLATE: Final[Floats] = np.array([_FORWARD_LEFT_UP[name] for name in JOINT_INDEX])
TEMPLATE_SD: Final[Floats] = (
    np.array(  # how far a joint strays from there when the direction is not known, metres
        [0.20] * 5 + [0.22, 0.22, 0.28, 0.28, 0.42, 0.42, 0.18, 0.18, 0.22, 0.22, 0.25, 0.25]
    )
)
HEIGHT_LIMITS_M: Final[Floats] = np.array(  # lowest and highest a joint is ever seen, crouching included
    [[0.4, 2.2]] * 5 + [[0.3, 1.9]] * 2 + [[0.1, 2.3]] * 4 + [[0.05, 1.35]] * 2 + [[-0.15, 0.95]] * 2
    + [[-0.25, 0.65]] * 2
)  # fmt: skip
BONE_SHARES: Final[Floats] = np.array([0.186, 0.186, 0.146, 0.146, 0.245, 0.245, 0.246, 0.246])
BONE_SD_SHARE: Final = 0.025
BONE_SD_M_MIN: Final = 0.012

PAIRS: Final[NDArray[np.int64]] = np.array(
    [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10], [11, 12], [13, 14], [15, 16]]
)
"""(left, right) joints."""
GROUP_OF_PAIR: Final[NDArray[np.int64]] = np.array([0, 0, 1, 1, 1, 2, 2, 2])
"""Detectors mistake left for right by parts: face, arms, legs."""
GROUPS: Final = 3
HALF_SURE_M: Final = 0.126  # standard deviation at which a joint's confidence is a half
SWAP_GAIN_MIN: Final = 3.0  # log-likelihood by which the swapped reading must fit better
LOSS_MAX: Final = 12.0  # squared normalised distance past which a joint cannot get worse


def standing(position_floor_m: Floats, stature_m: float, yaw_rad: float | None) -> Floats:
    """Joints [17, 3] of somebody who stands at [2]; on the body's axis where the direction is not known."""
    joints = TEMPLATE * stature_m
    if yaw_rad is None:
        joints = joints * np.array([0.0, 0.0, 1.0])
        yaw_rad = 0.0
    cos, sin = np.cos(yaw_rad), np.sin(yaw_rad)
    x, y = joints[:, 0] * cos - joints[:, 1] * sin, joints[:, 0] * sin + joints[:, 1] * cos
    return np.stack([x + position_floor_m[0], y + position_floor_m[1], joints[:, 2]], axis=1)


@njit(cache=True)
def fit_labels(loss, gain, labels) -> float:
    """Which joint each keypoint of one sighting is. Returns the loss of that reading.

    loss [17, 17]: trust times squared normalised distance (capped) of keypoint k to joint j, for k = j and for the
    other side's k; gain [3] scratch; labels [17] out: labels[j] is the keypoint that shows joint j.
    """
    total = loss[0, 0]
    for g in range(GROUPS):
        gain[g] = 0.0
    for p in range(PAIRS.shape[0]):
        a, b = PAIRS[p, 0], PAIRS[p, 1]
        gain[GROUP_OF_PAIR[p]] += 0.5 * (loss[a, a] + loss[b, b] - loss[a, b] - loss[b, a])
    labels[0] = 0
    for p in range(PAIRS.shape[0]):
        a, b = PAIRS[p, 0], PAIRS[p, 1]
        if gain[GROUP_OF_PAIR[p]] > SWAP_GAIN_MIN:
            labels[a], labels[b] = b, a
            total += loss[a, b] + loss[b, a]
        else:
            labels[a], labels[b] = a, b
            total += loss[a, a] + loss[b, b]
    return total


@njit(cache=True)
def learn_bones(rows, mean, covariance, height_m, bone_m, bone_sd_m, bone_seen) -> None:
    """Take in the length of every bone both of whose ends are well known now. In place; rows [tracks]."""
    for t in range(len(rows)):
        row = rows[t]
        for b in range(len(BONES)):
            parent, child = BONES[b]
            variance = 0.0
            squared = 0.0
            for a in range(3):
                variance += covariance[row, parent, a, a] + covariance[row, child, a, a]
                squared += (mean[row, child, a] - mean[row, parent, a]) ** 2
            expected = BONE_SHARES[b] * height_m[row]
            length = np.sqrt(squared)
            if variance > 0.006 or abs(length - expected) > 0.25 * expected:
                continue
            bone_seen[row, b] = min(bone_seen[row, b] + 1.0, 60.0)
            # The stature's guess counts for eight measurements.
            bone_m[row, b] += (length - bone_m[row, b]) / (8.0 + bone_seen[row, b])
            bone_sd_m[row, b] = max(
                BONE_SD_M_MIN, BONE_SD_SHARE * height_m[row] / np.sqrt(1 + bone_seen[row, b])
            )


@njit(cache=True)
def side_vote(row, mean) -> float:
    """-1..1: whether the left shoulder lies to the left of where the nose points. Near 0 where that is not clear."""
    fx = mean[row, 0, 0] - 0.5 * (mean[row, 3, 0] + mean[row, 4, 0])
    fy = mean[row, 0, 1] - 0.5 * (mean[row, 3, 1] + mean[row, 4, 1])
    lx = mean[row, 5, 0] - mean[row, 6, 0]
    ly = mean[row, 5, 1] - mean[row, 6, 1]
    forward, across = np.hypot(fx, fy), np.hypot(lx, ly)
    if forward < 0.05 or across < 0.15:  # looking down, or not known well
        return 0.0
    return (fx * ly - fy * lx) / (forward * across)


def joints_for_others(
    points_floor_m: Floats, covariance: Floats, unseen_s: Floats, trust: Floats, unseen_s_max: float
) -> NDArray[np.float32]:
    """Joints as messages have them [n, 17, 4]: x y z confidence, NaN where unknown.

    points [n, 17, 3], covariance [n, 17, 6, 6], unseen_s [n, 17] since a ray last agreed, trust [n, 17] smoothed sum of
    agreeing rays' confidences. Confidence falls with the uncertainty, with time unseen, and with evidence from less
    than two rays.
    """
    variance = np.trace(covariance[:, :, :3, :3], axis1=2, axis2=3) / 3.0
    confidence = 1.0 / (1.0 + variance / HALF_SURE_M**2)
    confidence *= np.exp(-unseen_s / 0.4) * np.minimum(1.0, 0.35 + 0.45 * trust)
    joints = np.concatenate([points_floor_m, confidence[:, :, None]], axis=2)
    joints[(unseen_s > unseen_s_max) | (variance > (3.0 * HALF_SURE_M) ** 2)] = np.nan
    return joints.astype(np.float32)


assert TEMPLATE.shape == (JOINT_COUNT, 3)
