"""What changed on a shelf: the same window of one camera at two times, and where in it a pack stood in only one.

Light drifts and pictures have noise, so the typical difference is taken away first, and what is left must stand out
from its own spread. Of the places that do, the one that is large and near the middle is meant: the question was asked
where the scales felt it.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

DIFFERENCE_MIN: Final = 14.0  # grey values
SPREADS_MIN: Final = 4.0  # of the differences' own spread
AREA_MIN: Final = 0.01  # of the window: less is noise or a reflection
AREA_MAX: Final = 0.6  # more is somebody in the way, or another light
FILLED: Final = 0.75  # of the square that is looked at, by the longer side of what changed
MIDDLE_SD: Final = 0.3  # of the window's side: how far from its middle a change is still the one meant


def changed_square(shown: Pixels, without: Pixels) -> tuple[int, int, int] | None:
    """Left, top and side in px of a square about what is in `shown` [h, w, 3] and not in `without` [h, w, 3].

    It may reach out of the picture. None where nothing stands out, or nearly everything differs.
    """
    assert shown.shape == without.shape
    size = max(3, round(min(shown.shape[:2]) / 32) | 1)
    off = cv2.blur(shown, (size, size)).astype(np.float32) - cv2.blur(without, (size, size))
    off = np.abs(off - np.median(off, axis=(0, 1))).max(axis=2)
    spread = 1.4826 * float(np.median(off))
    differs = (off > max(DIFFERENCE_MIN, SPREADS_MIN * spread)).astype(np.uint8)
    differs = cv2.morphologyEx(differs, cv2.MORPH_CLOSE, np.ones((2 * size + 1,) * 2, np.uint8))
    count, _, stats, centres = cv2.connectedComponentsWithStats(differs)
    if count < 2:
        return None
    height, width = differs.shape
    areas = stats[1:, cv2.CC_STAT_AREA] / differs.size
    away = np.linalg.norm((centres[1:] + 0.5) / [width, height] - 0.5, axis=1)
    worth = areas * np.exp(-0.5 * (away / MIDDLE_SD) ** 2)
    worth[(areas < AREA_MIN) | (areas > AREA_MAX)] = 0.0
    best = int(worth.argmax())
    if worth[best] == 0.0:
        return None
    left, top, wide, high = (int(stats[1 + best, column]) for column in range(4))
    side = max(8, round(max(wide, high) / FILLED))
    return round(left + wide / 2 - side / 2), round(top + high / 2 - side / 2), side
