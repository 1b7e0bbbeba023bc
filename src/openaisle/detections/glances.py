"""Several glances at one picture: as it is, moved, nearer, farther, turned.

A small network has not quite learned that a pack stays the same when it does so; the mean over some glances has
(Krizhevsky et al. 2012 averaged over crops in the same way). What it is worth: docs/decisions/0051.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Glance:
    """About the picture's middle."""

    scale: float = 1.0
    right: float = 0.0  # of the picture's width
    down: float = 0.0  # of its height
    turned_deg: float = 0.0


OF_CROPS: Final = (
    Glance(),
    *(Glance(scale=scale) for scale in (0.85, 1.15, 1.3)),
    *(Glance(right=right) for right in (0.08, -0.08)),
    *(Glance(down=down) for down in (0.08, -0.08)),
)
"""The first is the crop itself: a hand's window is never quite where the pack is, nor of its size."""
OF_PICTURES: Final = (
    Glance(),
    *(Glance(scale=scale) for scale in (0.8, 0.65)),
    *(Glance(turned_deg=turned, scale=scale) for turned in (20.0, -20.0) for scale in (1.0, 0.8)),
)
"""The first is the picture itself: what is enrolled fills it and stands upright, what is held does not."""


def glanced_at(pictures: Sequence[Pixels], glances: Sequence[Glance]) -> list[Pixels]:
    """Pictures uint8 [h, w, 3], every one by every glance; all of the first picture come first.

    What lies outside a picture mirrors its edge.
    """
    return [_seen(picture, glance) for picture in pictures for glance in glances]


def _seen(picture: Pixels, glance: Glance) -> Pixels:
    if glance == Glance():
        return picture
    height, width = picture.shape[:2]
    moved = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), glance.turned_deg, glance.scale)
    moved[:, 2] += (glance.right * width, glance.down * height)
    seen = cv2.warpAffine(
        picture, moved, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(seen, np.uint8)
