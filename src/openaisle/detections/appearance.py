"""What somebody wears, as 24 numbers: colours of torso and legs, free of body height and of the camera's colour cast.

Per part (torso, legs) twelve soft bins: eight hues, weighted by saturation, and four levels of brightness for what has
no hue. Colours are divided by the camera's grey balance (mean colour of its empty picture) first. The square root of
the shares makes the scalar product of two vectors the Bhattacharyya coefficient of their histograms. Vectors are unit
length; an unseen part takes the other's place at half weight. They live in memory only and say nothing about a face.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openaisle.core.messages import JOINT_INDEX
from openaisle.detections.crops import Floats, Pixels

FEATURES: Final = 24
_HUES: Final = 8
_LEVELS: Final = 4
_SAMPLES: Final = 12  # a side of the grid over a part
_TORSO: Final = tuple(
    JOINT_INDEX[name] for name in ("left_shoulder", "right_shoulder", "right_hip", "left_hip")
)
_LEGS: Final = tuple(JOINT_INDEX[name] for name in ("left_hip", "right_hip", "right_knee", "left_knee"))


def describe(frame: Pixels, keypoints_px: Floats, grey_balance: NDArray[np.floating]) -> Floats:
    """People [n, 17, 3] (x, y, confidence) in a frame [h, w, 3] BGR to unit vectors [n, 24].

    `grey_balance` [3] BGR: the camera's mean colour. All zero for somebody of whom no part is seen.
    """
    vectors = np.zeros((len(keypoints_px), FEATURES), np.float32)
    gain = (110.0 / np.maximum(grey_balance, 1.0)).astype(np.float32)
    for row, joints in enumerate(keypoints_px):
        torso, is_torso_seen = _part(frame, joints, _TORSO, gain)
        legs, is_legs_seen = _part(frame, joints, _LEGS, gain)
        if not is_torso_seen and not is_legs_seen:
            continue
        if not is_torso_seen:
            torso = 0.25 * legs
        elif not is_legs_seen:
            legs = 0.25 * torso
        vector = np.sqrt(np.concatenate([torso, legs]))
        vectors[row] = vector / np.linalg.norm(vector)
    return vectors


def _part(
    frame: Pixels, joints: Floats, corners: tuple[int, ...], gain: NDArray[np.float32]
) -> tuple[NDArray[np.float64], bool]:
    """Histogram [12] of one part, sum 1, and whether the part is in the picture."""
    quad = joints[list(corners), :2].astype(np.float64)
    if not np.isfinite(quad).all() or joints[list(corners), 2].min() <= 0:
        return np.zeros(_HUES + _LEVELS), False
    # A grid over the middle of the quadrilateral: its edges show arms and background.
    across = np.linspace(0.2, 0.8, _SAMPLES)
    top = quad[0] + across[:, None] * (quad[1] - quad[0])
    bottom = quad[3] + across[:, None] * (quad[2] - quad[3])
    down = np.linspace(0.1, 0.9, _SAMPLES)[:, None, None]
    points = np.rint(top + down * (bottom - top)).astype(np.intp).reshape(-1, 2)
    height, width = frame.shape[:2]
    is_inside = (points >= 0).all(axis=1) & (points[:, 0] < width) & (points[:, 1] < height)
    if is_inside.sum() < points.shape[0] // 4:
        return np.zeros(_HUES + _LEVELS), False
    points = points[is_inside]
    colours = np.clip(frame[points[:, 1], points[:, 0]] * gain, 0, 255).astype(np.float32)
    return _histogram(colours), True


def _histogram(colours: NDArray[np.float32]) -> NDArray[np.float64]:
    """BGR colours [n, 3] in 0..255 to shares of eight hues and four levels [12]."""
    hsv = np.asarray(cv2.cvtColor((colours / 255.0)[None], cv2.COLOR_BGR2HSV), np.float64)[0]
    hue, saturation, value = hsv[:, 0] / 360.0 * _HUES, hsv[:, 1], hsv[:, 2]
    # How far the colour is from grey on the screen, not in the cone: dark noise has no hue.
    coloured = np.clip((saturation * value - 0.06) / 0.2, 0.0, 1.0)
    hue_low = np.floor(hue).astype(np.intp)
    hue_rest = hue - hue_low
    level = np.clip(np.sqrt(value) * (_LEVELS - 1), 0, _LEVELS - 1 - 1e-9)
    level_low = np.floor(level).astype(np.intp)
    level_rest = level - level_low
    bins = np.concatenate([hue_low % _HUES, (hue_low + 1) % _HUES, _HUES + level_low, _HUES + level_low + 1])
    grey = 1 - coloured
    weights = np.concatenate(
        [coloured * (1 - hue_rest), coloured * hue_rest, grey * (1 - level_rest), grey * level_rest]
    )
    shares = np.bincount(bins, weights, _HUES + _LEVELS)
    return shares / shares.sum()
