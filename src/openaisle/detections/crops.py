"""Where the networks look: letterboxed frames and square windows on persons, the same in training and in the shop.

A window is (centre x, centre y, side) in image px. A crop of `size_px` shows the whole window; crop pixel c lies at
window coordinate (c + 0.5) / size_px, as cv2.resize has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

FRAME_WIDTH_PX: Final = 320
"""Width of the working picture that background and box network see."""
FRAME_HEIGHT_PX: Final = 192
CROP_PX: Final = 128
"""Side of the keypoint network's input."""
WINDOW_MARGIN: Final = 1.25
"""A person's window is this times the longer side of the box."""
PADDING_GREY: Final = 114
WHOLE_PX: Final = 1e-3  # nearer than that to whole px is whole


@dataclass(frozen=True)
class Letterbox:
    """How a camera's frame is shrunk into the working picture: by one scale, into the upper left corner."""

    frame_width_px: int
    frame_height_px: int

    @property
    def scale(self) -> float:
        """Working px per frame px."""
        return min(FRAME_WIDTH_PX / self.frame_width_px, FRAME_HEIGHT_PX / self.frame_height_px)

    @property
    def width_px(self) -> int:
        return min(FRAME_WIDTH_PX, round(self.frame_width_px * self.scale))

    @property
    def height_px(self) -> int:
        return min(FRAME_HEIGHT_PX, round(self.frame_height_px * self.scale))

    def shrink(self, pixels: Pixels) -> Pixels:
        """Frame uint8 [h, w, 3] to the working picture [height_px, width_px, 3], averaged over areas."""
        if pixels.shape[:2] == (self.height_px, self.width_px):
            return pixels
        shrinks = pixels.shape[1] >= self.width_px
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(pixels, (self.width_px, self.height_px), interpolation=how), np.uint8)


def box_input(working: Pixels, difference: Pixels, gain: float = 1.0) -> Pixels:
    """The box network's input [192, 320, 4]: working BGR and difference to the background, padded right and below.

    `gain` brings both to the light that the network knows (`Background.gain`).
    """
    height, width = working.shape[:2]
    pixels = np.empty((FRAME_HEIGHT_PX, FRAME_WIDTH_PX, 4), np.uint8)
    _with_difference(_times(working, gain), _times(difference, gain), pixels[:height, :width])
    pixels[height:] = pixels[:height, width:] = (PADDING_GREY, PADDING_GREY, PADDING_GREY, 0)
    return pixels


def windows_of_boxes(
    boxes_px: NDArray[np.floating], margin: float = WINDOW_MARGIN, grid_px: float = 0.0
) -> Floats:
    """Boxes [n, 4] x1 y1 x2 y2 to square windows [n, 3] centre x, centre y, side; same unit.

    `grid_px`: their edges lie on multiples of that. Windows of whole px are cut three times as fast as others.
    """
    boxes = np.asarray(boxes_px, np.float32).reshape(-1, 4)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    sides = np.maximum((boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=1.0), 4.0)[:, None] * margin
    if grid_px:
        sides = np.maximum(np.round(sides / grid_px), 1.0) * grid_px
        centres = np.round((centres - sides / 2) / grid_px) * grid_px + sides / 2
    return np.concatenate([centres, sides], axis=1).astype(np.float32)


def cut(
    frame: Pixels,
    working: Pixels,
    difference: Pixels,
    window_px: Floats,
    size_px: int = CROP_PX,
    gain: float = 1.0,
) -> Pixels:
    """One window [3] in frame px to uint8 [size, size, 4]: BGR and background difference; grey and 0 outside.

    `gain` as in `box_input`.

    BGR comes from the frame, or from its shrunk copy when the window shrinks by more than the two differ, so that
    near people are not aliased. The difference is known at working resolution only.
    """
    scale = working.shape[1] / frame.shape[1]
    is_near = window_px[2] * scale >= size_px
    source, source_scale = (working, scale) if is_near else (frame, 1.0)
    level = PADDING_GREY / gain  # becomes the padding's grey with all else
    grey = (level, level, level)
    colours = _warp(source, window_px * source_scale, size_px, grey)
    differs = _warp(difference, window_px * scale, size_px, (0, 0, 0))
    into = np.empty((size_px, size_px, 4), np.uint8)
    return _with_difference(_times(colours, gain), _times(differs, gain), into)


def frame_from_crop(points_crop_px: Floats, windows_px: Floats, size_px: int = CROP_PX) -> Floats:
    """Points [n, k, 2] in crop px of windows [n, 3] to the windows' own frame px."""
    centre, side = windows_px[:, None, :2], windows_px[:, None, 2:]
    points = centre + ((points_crop_px + 0.5) / size_px - 0.5) * side - 0.5
    return np.asarray(points, np.float32)


def crop_from_frame(points_px: Floats, windows_px: Floats, size_px: int = CROP_PX) -> Floats:
    """The inverse of `frame_from_crop`."""
    centre, side = windows_px[:, None, :2], windows_px[:, None, 2:]
    points = ((points_px + 0.5 - centre) / side + 0.5) * size_px - 0.5
    return np.asarray(points, np.float32)


def _times(values: Pixels, gain: float) -> Pixels:
    return values if gain == 1.0 else np.asarray(cv2.convertScaleAbs(values, alpha=gain), np.uint8)


def _with_difference(colours: Pixels, difference: Pixels, into: Pixels) -> Pixels:
    """BGR [h, w, 3] and difference [h, w] as the four channels of `into` [h, w, 4]: five times as fast as by slices."""
    cv2.mixChannels([colours, difference], [into], [0, 0, 1, 1, 2, 2, 3, 3])
    return into


def _part(source: Pixels, corner_px: tuple[int, int], side_px: int, border: tuple[float, ...]) -> Pixels:
    """A square of whole px of `source`; `border` where it goes beyond."""
    left, top = corner_px
    height, width = source.shape[:2]
    right, below = left + side_px, top + side_px
    inside = source[max(top, 0) : max(below, 0), max(left, 0) : max(right, 0)]
    if left >= 0 and top >= 0 and right <= width and below <= height:
        return inside
    if not inside.size:
        level = np.round(border[: source.shape[2]] if source.ndim == 3 else border[0])
        return np.full((side_px, side_px, *source.shape[2:]), level, np.uint8)
    beyond = (max(-top, 0), max(below - height, 0), max(-left, 0), max(right - width, 0))
    return np.asarray(cv2.copyMakeBorder(inside, *beyond, cv2.BORDER_CONSTANT, value=border), np.uint8)


def _warp(source: Pixels, window_px: Floats, size_px: int, border: tuple[float, float, float]) -> Pixels:
    centre_x, centre_y, side = (float(value) for value in window_px)
    whole = [round(value) for value in (centre_x - side / 2, centre_y - side / 2, side)]
    if (
        whole[2] > 0
        and max(
            abs(centre_x - side / 2 - whole[0]), abs(centre_y - side / 2 - whole[1]), abs(side - whole[2])
        )
        < WHOLE_PX
    ):
        part = _part(source, (whole[0], whole[1]), whole[2], border)
        return np.asarray(cv2.resize(part, (size_px, size_px), interpolation=cv2.INTER_LINEAR), np.uint8)
    step = side / size_px  # source px per crop px
    # Pixel centres sit at integer coordinates: source = (crop + 0.5) * step + corner - 0.5.
    source_from_crop = np.array(
        [
            [step, 0.0, centre_x - side / 2 + 0.5 * step - 0.5],
            [0.0, step, centre_y - side / 2 + 0.5 * step - 0.5],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    crop = cv2.warpAffine(
        source,
        source_from_crop,
        (size_px, size_px),
        flags=flags,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=border,
    )
    return np.asarray(crop, np.uint8)
