"""What somebody wears, as 24 numbers: colours of torso and legs, free of body height and of the camera's colour cast.

Per part (torso, legs) twelve soft bins: eight hues, weighted by saturation, and four levels of brightness for what has
no hue. Colours are divided by the camera's grey balance (mean colour of its empty picture) first. The square root of
the shares makes the scalar product of two vectors the Bhattacharyya coefficient of their histograms; an unseen part
takes the other's place at half weight. Of that the usual look is subtracted: nearly everybody wears much that is dark
and grey, which tells nobody apart. Vectors are unit length: the cosine of one person's is near 1, of two people's about
0. They live in memory only and say nothing about a face.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.core.messages import JOINT_INDEX
from openaisle.detections.crops import Floats, Pixels

FEATURES: Final = 24
LOOK_FEATURES: Final = 32
"""Of the vector that a network gives of a person's look, where one does."""
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
_USUAL: Final = np.array(
    [
        *(0.20, 0.15, 0.02, 0.015, 0.07, 0.10, 0.04, 0.08, 0.02, 0.24, 0.33, 0.055),
        *(0.17, 0.115, 0.025, 0.01, 0.065, 0.11, 0.035, 0.085, 0.025, 0.31, 0.41, 0.06),
    ]
)
"""[24] mean of the unit vectors of people in rendered shops (decision 0160)."""
# The grid lies over the middle of the quadrilateral: its edges show arms and background.
_ACROSS: Final = np.linspace(0.2, 0.8, _SAMPLES)
_DOWN: Final = np.linspace(0.1, 0.9, _SAMPLES)


def describe(frame: Pixels, keypoints_px: Floats, grey_balance: NDArray[np.floating]) -> Floats:
    """People [n, 17, 3] (x, y, confidence) in a frame [h, w, 3] BGR to unit vectors [n, 24].

    `grey_balance` [3] BGR: the camera's mean colour. All zero for somebody of whom no part is seen.
    """
    gain = 110.0 / np.maximum(grey_balance, 1.0).astype(np.float64)
    return _vectors(frame, np.ascontiguousarray(keypoints_px, np.float32), gain)


@njit(cache=True)
def _vectors(frame: Pixels, keypoints_px: Floats, gain: NDArray[np.float64]) -> Floats:
    people = len(keypoints_px)
    quads = np.empty((people, 2, 4, 3))
    is_known = np.ones((people, 2), np.bool_)
    for n in range(people):
        for part in range(2):
            for corner in range(4):
                joint = keypoints_px[n, _CORNERS[part, corner]]
                quads[n, part, corner] = joint
                if not (np.isfinite(joint[0]) and np.isfinite(joint[1]) and joint[2] > 0):
                    is_known[n, part] = False
    shares = _histograms(frame, quads, is_known, gain)
    vectors = np.zeros((people, FEATURES), np.float32)
    for n in range(people):
        is_seen = shares[n, 0].max() > 0, shares[n, 1].max() > 0
        if is_seen[0] != is_seen[1]:
            # What is not seen takes the other part's place, at half weight once the root is drawn.
            seen = 0 if is_seen[0] else 1
            shares[n, 1 - seen] = 0.25 * shares[n, seen]
        length = np.sqrt(shares[n].sum())
        if length > 0:
            vectors[n, :_BINS] = np.sqrt(shares[n, 0]) / length
            vectors[n, _BINS:] = np.sqrt(shares[n, 1]) / length
            special = vectors[n] - _USUAL
            vectors[n] = special / np.sqrt((special * special).sum())
    return vectors


@njit(cache=True)
def _histograms(
    frame: Pixels, quads: NDArray[np.float64], is_known: NDArray[np.bool_], gain: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Shares [n, 2, 12] of eight hues and four levels in torso and legs, of quadrilaterals [n, 2, 4, 3] (x, y first);
    0 for those that are not known, or lie outside the picture by more than three quarters."""
    height, width = frame.shape[:2]
    found = np.zeros((len(quads), 2, _BINS))
    for n in range(len(quads)):
        for part in range(2):
            if not is_known[n, part]:
                continue
            corners, bins = quads[n, part], found[n, part]
            inside = 0
            for down in _DOWN:
                for across in _ACROSS:
                    top_x = corners[0, 0] + across * (corners[1, 0] - corners[0, 0])
                    top_y = corners[0, 1] + across * (corners[1, 1] - corners[0, 1])
                    bottom_x = corners[3, 0] + across * (corners[2, 0] - corners[3, 0])
                    bottom_y = corners[3, 1] + across * (corners[2, 1] - corners[3, 1])
                    x = np.rint(top_x + down * (bottom_x - top_x))
                    y = np.rint(top_y + down * (bottom_y - top_y))
                    if 0 <= x < width and 0 <= y < height:
                        inside += 1
                        _add_colour(bins, frame[int(y), int(x)], gain)
            if inside < _SAMPLES**2 // 4:
                bins[:] = 0.0
            else:
                bins /= inside
    return found


@njit(cache=True)
def _add_colour(bins: NDArray[np.float64], colour: Pixels, gain: NDArray[np.float64]) -> None:
    """One pixel's weight 1, shared by two neighbouring hues and two neighbouring levels."""
    blue = min(colour[0] * gain[0], 255.0) / 255.0
    green = min(colour[1] * gain[1], 255.0) / 255.0
    red = min(colour[2] * gain[2], 255.0) / 255.0
    value = max(blue, green, red)
    chroma = value - min(blue, green, red)
    # How far the colour is from grey on the screen, not in the cone: dark noise has no hue.
    coloured = min(max((chroma - 0.06) / 0.2, 0.0), 1.0)
    if coloured > 0:
        if value == red:
            turn = (green - blue) / chroma
        elif value == green:
            turn = 2.0 + (blue - red) / chroma
        else:
            turn = 4.0 + (red - green) / chroma
        hue = turn / 6.0 * _HUES
        low = int(np.floor(hue))
        rest = hue - low
        bins[low % _HUES] += coloured * (1 - rest)
        bins[(low + 1) % _HUES] += coloured * rest
    level = min(np.sqrt(value) * (_LEVELS - 1), _LEVELS - 1 - 1e-9)
    low = int(level)
    rest = level - low
    bins[_HUES + low] += (1 - coloured) * (1 - rest)
    bins[_HUES + low + 1] += (1 - coloured) * rest
