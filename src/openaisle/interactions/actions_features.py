"""What of an arm's path tells its action: numbers that do not depend on which hand it is, nor on where the shelf is.

Left hands are mirrored, so that one network learns one hand, "own"; the other one is "other". The frame is the
gondola's: along its front (to the outer side of the own hand), into it, up. Metres and metres a second; what is not
known is 0, and a mask beside it says so.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.interactions.actions_paths import KEPT, TICK_S, beyond_wrists
from openaisle.interactions.reach import Floats

FEATURES: Final = (
    "hand_out", "hand_into", "hand_up", "hand_above_board", "hand_into_board", "wrist_confidence", "hand_seen",
    "torso_forward", "torso_out", "torso_up",
    "elbow_out", "elbow_into", "elbow_up", "elbow_confidence",
    "arm_out", "arm_into", "arm_up",
    "speed_out", "speed_into", "speed_up",
    "to_come_out", "to_come_into", "to_come_up",
    "other_out", "other_into", "other_up", "other_forward", "other_aside", "other_above_hip",
    "other_confidence", "other_seen", "other_speed", "hands_apart",
    "shoulders_into", "shoulders_up", "hips_into", "hips_up", "lean", "walk_along", "walk_into",
    "facing_out", "facing_into", "torso_seen",
    "holds", "holds_seen", "other_holds", "other_holds_seen",
)  # fmt: skip
HAND_BEYOND_WRIST_M: Final = 0.10
SPEED_MAX_M_S: Final = 3.0  # faster is the tracker's error
FAR_M: Final = 2.0
HOLDS_LOG_ODDS_MAX: Final = 4.0
_SWAPPED: Final = np.array([index ^ 1 for index in range(len(KEPT))])


def features_of(
    joints_gondola_m: Floats, hands: NDArray[np.int64], boards_m: Floats, holds_log_odds: Floats
) -> NDArray[np.float32]:
    """Features [n, ticks, FEATURES] of paths; arguments as in `ArmPaths`."""
    is_left = hands == 0
    joints = np.where(is_left[:, None, None, None], joints_gondola_m[:, :, _SWAPPED], joints_gondola_m)
    joints[..., 0] *= np.where(is_left, -1.0, 1.0)[:, None, None]
    looks = np.where(is_left[:, None, None], holds_log_odds[..., ::-1], holds_log_odds)
    points = joints[..., :3]
    shoulders, hips = _middle(points[:, :, 0], points[:, :, 1]), _middle(points[:, :, 6], points[:, :, 7])
    ends = beyond_wrists(joints, HAND_BEYOND_WRIST_M)
    own, other = ends[:, :, 1], ends[:, :, 0]
    own_seen, other_seen = np.isfinite(own).all(axis=-1), np.isfinite(other).all(axis=-1)
    forward, aside = _facing(points[:, :, 0], points[:, :, 1])
    is_facing = np.isfinite(forward[..., 0])
    height, front = _board_below(own[..., 2], boards_m)
    columns = [
        own[..., 0] - shoulders[..., 0], own[..., 1], own[..., 2], own[..., 2] - height, own[..., 1] - front,
        joints[:, :, 5, 3], own_seen,
        *_in_torso(points[:, :, 5], shoulders, hips, forward, aside),
        *_axes(points[:, :, 3] - points[:, :, 1]), joints[:, :, 3, 3],
        *_axes(points[:, :, 5] - points[:, :, 1]),
        *_axes(_speed(own)),
        *_axes(own - _last_seen(own)[:, None]),
        other[..., 0] - shoulders[..., 0], other[..., 1], other[..., 2],
        *_in_torso(points[:, :, 4], shoulders, hips, forward, aside),
        joints[:, :, 4, 3], other_seen, np.linalg.norm(_speed(other), axis=-1), np.linalg.norm(own - other, axis=-1),
        shoulders[..., 1], shoulders[..., 2], hips[..., 1], hips[..., 2], shoulders[..., 1] - hips[..., 1],
        *_axes(_speed(_middle(shoulders, hips)))[:2],
        forward[..., 0], forward[..., 1], is_facing,
        _clipped(looks[..., 1]), np.isfinite(looks[..., 1]), _clipped(looks[..., 0]), np.isfinite(looks[..., 0]),
    ]  # fmt: skip
    stacked = np.stack([np.asarray(column, np.float64) for column in columns], axis=-1)
    assert stacked.shape[-1] == len(FEATURES)
    return np.clip(np.nan_to_num(stacked, nan=0.0), -SPEED_MAX_M_S, SPEED_MAX_M_S).astype(np.float32)


def _middle(a: Floats, b: Floats) -> Floats:
    """Between two joints; the one that is known where the other is not."""
    return np.where(np.isnan(a), b, np.where(np.isnan(b), a, (a + b) / 2.0))


def _axes(vectors: Floats) -> list[Floats]:
    return [vectors[..., axis] for axis in range(vectors.shape[-1])]


def _speed(points_m: Floats) -> Floats:
    """Metres a second since the tick before; unknown at the first."""
    steps = np.diff(points_m, axis=1, prepend=np.nan) / TICK_S
    return np.clip(steps, -SPEED_MAX_M_S, SPEED_MAX_M_S)


def _last_seen(points_m: Floats) -> Floats:
    """The newest known point [n, 3] of each path [n, ticks, 3]."""
    ticks = points_m.shape[1]
    is_seen = np.isfinite(points_m.sum(axis=-1))
    last = ticks - 1 - is_seen[:, ::-1].argmax(axis=1)
    return points_m[np.arange(len(points_m)), last]


def _facing(left_shoulder: Floats, right_shoulder: Floats) -> tuple[Floats, Floats]:
    """Level unit vectors [..., 2]: where the chest faces, and to the right of it."""
    across = right_shoulder[..., :2] - left_shoulder[..., :2]
    width = np.linalg.norm(across, axis=-1, keepdims=True)
    aside = np.where(width > 0.08, across / np.maximum(width, 0.08), np.nan)
    return np.stack([-aside[..., 1], aside[..., 0]], axis=-1), aside


def _in_torso(
    wrist: Floats, shoulders: Floats, hips: Floats, forward: Floats, aside: Floats
) -> tuple[Floats, Floats, Floats]:
    """A wrist from the trunk: before the chest, to its right, above the hips."""
    level = wrist[..., :2] - shoulders[..., :2]
    return (level * forward).sum(axis=-1), (level * aside).sum(axis=-1), wrist[..., 2] - hips[..., 2]


def _board_below(height_m: Floats, boards_m: Floats) -> tuple[Floats, Floats]:
    """Height and front edge of the highest board that is not above a hand; the lowest where all are."""
    is_below = boards_m[:, None, :, 0] <= height_m[..., None] + 0.05
    # Boards are lowest first, and the last one is repeated: the count of those below tells which it is.
    index = np.maximum(is_below.sum(axis=-1) - 1, 0)
    rows = np.arange(len(boards_m))[:, None]
    return boards_m[rows, index, 0], boards_m[rows, index, 1]


def _clipped(log_odds: Floats) -> Floats:
    """Log odds as a feature of about -1 to 1."""
    return np.clip(log_odds, -HOLDS_LOG_ODDS_MAX, HOLDS_LOG_ODDS_MAX) / HOLDS_LOG_ODDS_MAX
