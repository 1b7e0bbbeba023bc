"""The Kalman filter that DeepSORT, ByteTrack and StrongSORT share, on all tracks at once.

A box is its middle, aspect (width / height) and height, each with a speed a frame (Wojke, Bewley & Paulus 2017).
Errors of the four never meet in that filter: it is four filters of two states, which is what is kept here, exactly.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

POSITION_WEIGHT: Final = 1.0 / 20.0  # standard deviations, in heights
SPEED_WEIGHT: Final = 1.0 / 160.0
ASPECT_SD: Final = 1e-2
ASPECT_SPEED_SD: Final = 1e-5
ASPECT_ERROR_SD: Final = 1e-1
CHI2_95: Final = 9.4877
"""Squared distance of four values that one in twenty passes by chance."""


def measured(boxes: Floats) -> Floats:
    """[n, 4] middle x and y, aspect, height of boxes x1 y1 x2 y2."""
    size = boxes[:, 2:4] - boxes[:, :2]
    return np.column_stack([0.5 * (boxes[:, :2] + boxes[:, 2:4]), size[:, 0] / size[:, 1], size[:, 1]])


def boxes_of(mean: Floats) -> Floats:
    """[n, 4] x1 y1 x2 y2 of means [n, 4, 2]."""
    middle, height = mean[:, :2, 0], mean[:, 3:, 0]
    half = 0.5 * np.column_stack([mean[:, 2, 0] * height[:, 0], height[:, 0]])
    return np.column_stack([middle - half, middle + half])


def begin(seen: Floats) -> tuple[Floats, Floats]:
    """Means [n, 4, 2] and covariances [n, 4, 3] (position, both, speed) of tracks at their first box."""
    mean = np.zeros((len(seen), 4, 2))
    mean[:, :, 0] = seen
    covariance = np.zeros((len(seen), 4, 3))
    covariance[:, :, 0] = _sd(seen[:, 3], 2.0 * POSITION_WEIGHT, ASPECT_SD) ** 2
    covariance[:, :, 2] = _sd(seen[:, 3], 10.0 * SPEED_WEIGHT, ASPECT_SPEED_SD) ** 2
    return mean, covariance


def predict(mean: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """One frame on."""
    height = mean[:, 3, 0]
    mean = mean.copy()
    mean[:, :, 0] += mean[:, :, 1]
    pp, pv, vv = covariance[..., 0], covariance[..., 1], covariance[..., 2]
    place = pp + 2.0 * pv + vv + _sd(height, POSITION_WEIGHT, ASPECT_SD) ** 2
    return mean, np.stack([place, pv + vv, vv + _sd(height, SPEED_WEIGHT, ASPECT_SPEED_SD) ** 2], axis=2)


def correct(
    mean: Floats, covariance: Floats, seen: Floats, doubt: Floats | float = 1.0
) -> tuple[Floats, Floats]:
    """With boxes `seen` [n, 4], one a track. `doubt` [n, 1] scales their errors' variance (NSA: 1 - score)."""
    pp, pv, vv = covariance[..., 0], covariance[..., 1], covariance[..., 2]
    total = pp + doubt * _error_variance(mean)
    gain, speed_gain = pp / total, pv / total
    off = seen - mean[:, :, 0]
    mean = mean + np.stack([gain * off, speed_gain * off], axis=2)
    return mean, np.stack([(1.0 - gain) * pp, (1.0 - gain) * pv, vv - speed_gain * pv], axis=2)


def squared_distances(mean: Floats, covariance: Floats, seen: Floats) -> Floats:
    """[tracks, boxes] Mahalanobis, with the errors of boxes."""
    total = covariance[..., 0] + _error_variance(mean)
    return (((seen[None] - mean[:, None, :, 0]) ** 2) / total[:, None]).sum(axis=2)


def overlaps(a: Floats, b: Floats) -> Floats:
    """[n, m] intersection over union of boxes x1 y1 x2 y2."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:4], b[None, :, 2:4])
    both = np.maximum(high - low, 0.0).prod(axis=2)
    area = (a[:, 2:4] - a[:, :2]).prod(axis=1)[:, None] + (b[:, 2:4] - b[:, :2]).prod(axis=1)[None]
    return both / np.maximum(area - both, 1e-12)


def _error_variance(mean: Floats) -> Floats:
    return _sd(mean[:, 3, 0], POSITION_WEIGHT, ASPECT_ERROR_SD) ** 2


def _sd(height: Floats, weight: float, aspect: float) -> Floats:
    sd = np.repeat(weight * height[:, None], 4, axis=1)
    sd[:, 2] = aspect
    return sd
