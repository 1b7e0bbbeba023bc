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
_CORNERS: Final = np.array(
    [
        [JOINT_INDEX[name] for name in names]
        for names in (
            ("left_shoulder", "right_shoulder", "right_hip", "left_hip"),
            ("left_hip", "right_hip", "right_knee", "left_knee"),
        )
    ]
)
"""[2, 4] joints about torso and legs."""
_BINS: Final = _HUES + _LEVELS
# The grid lies over the middle of the quadrilateral: its edges show arms and background.
_ACROSS: Final = np.linspace(0.2, 0.8, _SAMPLES)[:, None]
_DOWN: Final = np.linspace(0.1, 0.9, _SAMPLES)[:, None, None]


def describe(frame: Pixels, keypoints_px: Floats, grey_balance: NDArray[np.floating]) -> Floats:
    """People [n, 17, 3] (x, y, confidence) in a frame [h, w, 3] BGR to unit vectors [n, 24].

    `grey_balance` [3] BGR: the camera's mean colour. All zero for somebody of whom no part is seen.
    """
    gain = (110.0 / np.maximum(grey_balance, 1.0)).astype(np.float32)
    shares, is_seen = _parts(frame, keypoints_px, gain)
    one_seen = is_seen.sum(axis=1) == 1
    # What is not seen takes the other part's place, at half weight once the root is drawn.
    other = 0.25 * shares[:, ::-1]
    shares = np.where(one_seen[:, None, None] & ~is_seen[:, :, None], other, shares)
    vectors = np.sqrt(shares.reshape(len(shares), FEATURES))
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1.0)).astype(np.float32)


def _parts(
    frame: Pixels, keypoints_px: Floats, gain: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Histograms [n, 2, 12] of torso and legs, sum 1, and which of them are in the picture [n, 2]; others are 0."""
    count = len(keypoints_px)
    quads = keypoints_px[:, _CORNERS].astype(np.float64)  # [n, 2, 4, 3]
    is_seen = np.isfinite(quads[..., :2]).all(axis=(2, 3)) & (quads[..., 2].min(axis=2) > 0)
    quads = np.where(is_seen[:, :, None, None], quads[..., :2], 0.0)[:, :, :, None, None]
    top = quads[:, :, 0] + _ACROSS * (quads[:, :, 1] - quads[:, :, 0])
    bottom = quads[:, :, 3] + _ACROSS * (quads[:, :, 2] - quads[:, :, 3])
    points = np.rint(top + _DOWN * (bottom - top)).astype(np.intp).reshape(count, 2, _SAMPLES**2, 2)
    x, y = points[..., 0], points[..., 1]
    height, width = frame.shape[:2]
    is_inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    is_seen &= is_inside.sum(axis=2) >= _SAMPLES**2 // 4
    is_inside &= is_seen[:, :, None]
    colours = np.clip(frame[y[is_inside], x[is_inside]] * gain, 0, 255).astype(np.float32)
    part = np.broadcast_to(np.arange(2 * count).reshape(count, 2, 1), is_inside.shape)[is_inside]
    histograms = _histograms(colours, part, 2 * count).reshape(count, 2, _BINS)
    total = histograms.sum(axis=2, keepdims=True)
    return histograms / np.where(total > 0, total, 1.0), is_seen


def _histograms(colours: NDArray[np.float32], part: NDArray[np.intp], parts: int) -> NDArray[np.float64]:
    """Weights [parts, 12] of eight hues and four levels: of BGR colours [m, 3] in 0..255, each of its `part` [m]."""
    if not len(colours):
        return np.zeros((parts, _BINS))
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
    counts = np.bincount(bins + np.tile(part, 4) * _BINS, weights, parts * _BINS)
    return np.asarray(counts, np.float64).reshape(parts, _BINS)
