"""How pictures of people are varied before a network sees them: where they lie, light, noise and a wrong background.

What is drawn is drawn for a whole batch at once; how it is done to pixels stands here for processors and in
`people_on_device` for GPUs, of the same draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openaisle.detections import crops
from openaisle.detections.decode import PAIRS

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

STORED_CROP_PX: Final = 160
STORED_MARGIN: Final = 1.6
"""Stored crops show more than the network sees, so that shifts and rotations find pixels."""
LEFT: Final = np.array([left for left, _ in PAIRS])
RIGHT: Final = np.array([right for _, right in PAIRS])
PADDING: Final = (crops.PADDING_GREY, crops.PADDING_GREY, crops.PADDING_GREY, 0)
NOISE_SDS: Final = (1.5, 3.0, 5.0, 8.0)  # grey values
GRAIN_SEED: Final = 41
PATCH_DIVISOR: Final = 8  # of the difference where something was learned into the background


def crop_placements(count: int, rng: np.random.Generator | None) -> NDArray[np.float64]:
    """crop_from_stored [n, 2, 3]: the detector's window in a stored crop's middle, moved as its boxes are wrong."""
    scale = np.full(count, (crops.CROP_PX / STORED_CROP_PX) * (STORED_MARGIN / crops.WINDOW_MARGIN))
    angle, flip, shift = np.zeros(count), np.ones(count), np.zeros((count, 2))
    if rng is not None:
        scale *= np.exp(np.clip(rng.normal(0.0, 0.1, count), -0.25, 0.25))
        angle = np.radians(rng.uniform(-12, 12, count))
        flip = np.where(rng.random(count) < 0.5, -1.0, 1.0)
        shift = np.clip(rng.normal(0.0, 0.04, (count, 2)), -0.12, 0.12) * crops.CROP_PX
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    linear = np.stack([np.stack([cos * flip, -sin], axis=1), np.stack([sin * flip, cos], axis=1)], axis=1)
    middle_stored = np.full(2, (STORED_CROP_PX - 1) / 2)
    middle = np.full(2, (crops.CROP_PX - 1) / 2) + shift
    return np.concatenate([linear, (middle - linear @ middle_stored)[:, :, None]], axis=2)


def frame_placements(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """frame_from_stored [n, 2, 3]: mirrored, scaled and shifted."""
    # People far off are rare in small shops, not in large ones.
    scale = np.exp(rng.uniform(-0.65, 0.25, count))
    flip = np.where(rng.random(count) < 0.5, -1.0, 1.0)
    middle = np.array([(crops.FRAME_WIDTH_PX - 1) / 2, (crops.FRAME_HEIGHT_PX - 1) / 2])
    linear = np.zeros((count, 2, 2))
    linear[:, 0, 0], linear[:, 1, 1] = scale * flip, scale
    offset = middle + rng.uniform(-0.08, 0.08, (count, 2)) * crops.FRAME_WIDTH_PX - linear @ middle
    return np.concatenate([linear, offset[:, :, None]], axis=2)


def moved_joints(stored: Floats, to_crop: NDArray[np.float64]) -> Floats:
    """Joints [n, 17, 3] in crops placed by [n, 2, 3]. Who is mirrored has their own left where the right was."""
    joints = stored.copy()
    linear = to_crop[:, :, :2].astype(np.float32)
    joints[:, :, :2] = stored[:, :, :2] @ linear.transpose(0, 2, 1) + to_crop[:, None, :, 2]
    mirrored = (np.linalg.det(to_crop[:, :, :2]) < 0)[:, None, None]
    left, right = joints[:, LEFT], joints[:, RIGHT]
    joints[:, LEFT], joints[:, RIGHT] = np.where(mirrored, right, left), np.where(mirrored, left, right)
    return joints


def moved_boxes(stored: Floats, to_frame: NDArray[np.float64]) -> Floats:
    """Boxes [n, k, 5] in frames placed by [n, 2, 3]. A box that mostly leaves the picture is not judged."""
    width, height = crops.FRAME_WIDTH_PX, crops.FRAME_HEIGHT_PX
    moved = stored.copy()
    x = stored[:, :, [0, 2]] * to_frame[:, None, None, 0, 0] + to_frame[:, None, None, 0, 2]
    y = stored[:, :, [1, 3]] * to_frame[:, None, None, 1, 1] + to_frame[:, None, None, 1, 2]
    moved[:, :, 0], moved[:, :, 2] = x.min(axis=2), x.max(axis=2)
    moved[:, :, 1], moved[:, :, 3] = y.min(axis=2), y.max(axis=2)
    whole = (moved[:, :, 2] - moved[:, :, 0]) * (moved[:, :, 3] - moved[:, :, 1])
    moved[:, :, [0, 2]] = moved[:, :, [0, 2]].clip(0, width - 1)
    moved[:, :, [1, 3]] = moved[:, :, [1, 3]].clip(0, height - 1)
    inside = (moved[:, :, 2] - moved[:, :, 0]) * (moved[:, :, 3] - moved[:, :, 1])
    is_left_over = (stored[:, :, 4] > 0) & (inside < 0.3 * np.maximum(whole, 1))
    moved[is_left_over, 4] = -1.0
    moved[is_left_over & (inside < 9)] = 0.0
    return moved


@dataclass(frozen=True)
class Variation:
    """What is done to each picture of a batch [n, h, w, 4]: first to its colours, then to its difference."""

    gamma: Floats  # [n]
    gains: Floats  # [n, 3] BGR
    lift: Floats  # [n] of full scale
    blur_sd: Floats  # [n] px, 0 = none
    noise: Ints  # [n] index of NOISE_SDS, -1 = none
    noise_corner: Ints  # [n, 2] row and column of the grain
    is_grey: NDArray[np.bool_]  # [n]
    difference_gain: Floats  # [n]; 0 = missing
    difference_lift: Floats  # [n] grey levels: the light jumped
    shadow_of: Ints  # [n] whose mirrored difference lies over it, -1 = nobody's
    patch: Ints  # [n, 4] top, left, bottom, right of what was learned into the background; empty = nothing

    @classmethod
    def drawn(cls, rng: np.random.Generator, count: int, height: int, width: int) -> Variation:
        """A background difference is as it is (but for contrast) in three of four, else missing or wrong."""
        blurred, noisy, spoiled = rng.random(count) < 0.15, rng.random(count) < 0.5, rng.random(count)
        is_missing, has_shadow = spoiled < 0.12, (spoiled >= 0.12) & (spoiled < 0.17)
        has_patch, is_brighter = (spoiled >= 0.17) & (spoiled < 0.21), (spoiled >= 0.21) & (spoiled < 0.25)
        contrast = np.where(spoiled < 0.25, 1.0, np.exp(rng.uniform(-0.4, 0.4, count)))
        top, left = rng.integers(height, size=count), rng.integers(width, size=count)
        patch = np.stack([top, left, top + height // 2, left + width // 2], axis=1)
        return cls(
            gamma=np.exp(rng.uniform(-0.35, 0.35, count)).astype(np.float32),
            gains=np.exp(rng.uniform(-0.35, 0.3, (count, 1)) + rng.normal(0, 0.06, (count, 3))).astype(
                np.float32
            ),
            lift=rng.uniform(-0.05, 0.08, count).astype(np.float32),
            blur_sd=np.where(blurred, rng.uniform(0.4, 1.2, count), 0.0).astype(np.float32),
            noise=np.where(noisy, rng.integers(len(NOISE_SDS), size=count), -1),
            noise_corner=np.stack(
                [rng.integers(height, size=count), rng.integers(width, size=count)], axis=1
            ),
            is_grey=rng.random(count) < 0.08,
            difference_gain=np.where(is_missing, 0.0, contrast).astype(np.float32),
            difference_lift=np.where(is_brighter, rng.uniform(5, 60, count), 0.0).astype(np.float32),
            shadow_of=np.where(has_shadow, rng.integers(count, size=count), -1),
            patch=np.where(has_patch[:, None], patch, 0),
        )


def place(stored: NDArray[Any], to_picture: NDArray[np.float64], into: Pixels) -> None:
    """Draw a stored picture [h, w, 4] where [2, 3] says, in grey without any difference."""
    cv2.warpAffine(
        np.asarray(stored),
        to_picture,
        (into.shape[1], into.shape[0]),
        dst=into,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=PADDING,
    )


_grain: dict[int, NDArray[np.int16]] = {}


def grain(height: int, width: int) -> NDArray[np.int16]:
    """Noise [4, 2h, 2w, 3] that is drawn once: anew for each picture it would cost more than a network."""
    if height not in _grain:
        rng = np.random.default_rng([GRAIN_SEED, height])
        shape = (2 * height, 2 * width, 3)
        _grain[height] = np.stack([np.rint(rng.normal(0, sd, shape)).astype(np.int16) for sd in NOISE_SDS])
    return _grain[height]


def vary(pixels: Pixels, variation: Variation) -> None:
    """Do it to pictures [n, h, w, 4], in place."""
    levels = np.arange(256, dtype=np.float32)[:, None] / 255
    count, height, width = pixels.shape[:3]
    differences = pixels[..., 3].copy()
    for row in range(count):
        curve = 255 * np.clip(
            levels ** variation.gamma[row] * variation.gains[row] + variation.lift[row], 0, 1
        )
        picture = cv2.LUT(np.ascontiguousarray(pixels[row, :, :, :3]), curve.astype(np.uint8)[None])
        if variation.blur_sd[row] > 0:
            picture = cv2.GaussianBlur(picture, (3, 3), float(variation.blur_sd[row]))
        if variation.noise[row] >= 0:
            top, left = variation.noise_corner[row].tolist()
            noise = grain(height, width)[variation.noise[row], top : top + height, left : left + width]
            picture = cv2.add(picture, noise, dtype=cv2.CV_8U)
        if variation.is_grey[row]:
            picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        pixels[row, :, :, :3] = picture
        pixels[row, :, :, 3] = _spoiled(differences, row, variation)


def _spoiled(differences: Pixels, row: int, variation: Variation) -> Any:
    difference = differences[row]
    if variation.shadow_of[row] >= 0:
        difference = np.maximum(difference, differences[variation.shadow_of[row], :, ::-1])
    top, left, bottom, right = variation.patch[row].tolist()
    if bottom > top:
        difference = difference.copy()
        difference[top:bottom, left:right] //= PATCH_DIVISOR
    return cv2.convertScaleAbs(
        difference, alpha=float(variation.difference_gain[row]), beta=float(variation.difference_lift[row])
    )
