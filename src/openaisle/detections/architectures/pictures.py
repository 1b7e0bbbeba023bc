"""Pictures as foreign networks want them, and the way back: each convention once, by the name of its arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from openaisle.detections.crops import Floats, Pixels


@dataclass(frozen=True)
class Fitted:
    """A picture resized by one scale into a frame of fixed size. In: px of the picture; out: px of the input."""

    pixels: Pixels  # [height, width, 3], channels as they were
    scale: float  # input px per picture px
    left_px: float
    top_px: float

    def back(self, points_px: Floats) -> Floats:
        """Places [..., 2k] x y x y ... in input px to those in the picture."""
        pairs = points_px.shape[-1] // 2
        return (points_px - np.tile(np.array([self.left_px, self.top_px], np.float32), pairs)) / np.float32(
            self.scale
        )


def fitted(
    pixels: Pixels,
    width_px: int,
    height_px: int,
    *,
    fill: tuple[int, int, int],
    is_centred: bool = False,
    shrinks_by_area: bool = True,
    grows: bool = True,
) -> Fitted:
    """Resize to fit, and fill the rest: right and below, or all around."""
    height, width = pixels.shape[:2]
    scale = min(width_px / width, height_px / height)
    scale = scale if grows else min(scale, 1.0)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = pixels
    if size != (width, height):
        how = cv2.INTER_AREA if scale < 1 and shrinks_by_area else cv2.INTER_LINEAR
        small = np.asarray(cv2.resize(pixels, size, interpolation=how), np.uint8)
    # Half of what is left over; an odd px more goes right and below.
    left, top = ((width_px - size[0]) // 2, (height_px - size[1]) // 2) if is_centred else (0, 0)
    canvas = np.empty((height_px, width_px, 3), np.uint8)
    canvas[:] = fill
    canvas[top : top + size[1], left : left + size[0]] = small
    return Fitted(canvas, scale, left, top)


def planes(pixels: Pixels, mean: Floats, spread: Floats) -> Floats:
    """[h, w, 3] to [1, 3, h, w], less `mean` [3] and in units of `spread` [3], both in grey values."""
    return np.ascontiguousarray(((pixels.astype(np.float32) - mean) / spread).transpose(2, 0, 1)[None])


def warped(pixels: Pixels, picture_from_input: Floats, width_px: int, height_px: int) -> Pixels:
    """An affine crop [height, width, 3], black outside; `picture_from_input` [2, 3] maps px centres to px centres."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(pixels, picture_from_input, (width_px, height_px), flags=flags), np.uint8
    )


def moved(points_px: Floats, affine: Floats) -> Floats:
    """Points [..., 2] through an affine map [2, 3]."""
    return (points_px @ affine[:, :2].T + affine[:, 2]).astype(np.float32)
