"""An arm is as long as it is: a hand is somewhere only if elbow and shoulder are near enough.

In a crowd hands are what is hidden first: behind other arms, and in shelves. Elbows are seen for longer, and an elbow
that is seen well and half a metre away had no hand there, whatever is thought of the hand.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.messages import JOINT_INDEX

Floats = NDArray[np.float64]

_JOINTS: Final = np.array(
    [[JOINT_INDEX[f"{side}_{joint}"] for side in ("left", "right")] for joint in ("elbow", "shoulder")]
)
LIMBS: Final = len(_JOINTS)


def limbs_of(joints_floor_m: np.ndarray) -> Floats:
    """Elbows and shoulders [people, limbs, 2 (left, right), 4] of joints [people, 17, 4]; confidence 0 if unknown."""
    limbs = joints_floor_m[:, _JOINTS].astype(np.float64)
    limbs[..., 3] = np.where(np.isfinite(limbs).all(axis=-1), limbs[..., 3], 0.0)
    return limbs


def too_far_m(limbs: Floats, hand_floor_m: tuple[float, float, float], limbs_m: tuple[float, ...]) -> Floats:
    """By how much [.., limbs, 2] elbows and shoulders [.., limbs, 2, 4] are too far from a hand: they reach `limbs_m`.

    NaN where they are unknown.
    """
    away_m = np.linalg.norm(limbs[..., :3] - np.array(hand_floor_m), axis=-1)
    return (away_m - np.array(limbs_m)[:, None]).clip(min=0.0)


def log_reaches(far: Floats, sure: Floats, astray: float, power: float) -> Floats:
    """Log likelihood [..] of elbows or shoulders that are too far off by so many sd, if their hand was there.

    `astray`: how often a joint that is seen well is somewhere else all the same (left is taken for right); of one that
    is hardly seen, nearly always: of what is left it is `(1 - sure) ^ power`.
    """
    elsewhere = astray + (1.0 - astray) * (1.0 - sure) ** power
    return np.log((1.0 - elsewhere) * np.exp(-0.5 * far**2) + elsewhere)
