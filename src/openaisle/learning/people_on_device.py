"""Training pictures of people that live on the network's device and are varied there.

A GPU learns from these small networks' pictures many times faster than processors can vary them. Draws and what they
mean are those of `people_variation`; pixels differ from what OpenCV makes of them by its rounding.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Final

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from numpy.typing import NDArray
from torch import Tensor  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]

from openaisle.detections import crops
from openaisle.learning.people_data import Shards, ordered_by_x
from openaisle.learning.people_variation import (
    PADDING,
    PATCH_DIVISOR,
    Variation,
    crop_placements,
    frame_placements,
    grain,
    moved_boxes,
    moved_joints,
)

PIXELS: Final = "pixels"


class OnDevice:
    """All samples of some shards, pixels on the device."""

    def __init__(self, shards: Shards, device: str) -> None:
        self._device = device
        stored = shards.arrays(0)
        self._pixels = torch.empty((len(shards), *stored[0].shape[1:]), dtype=torch.uint8, device=device)
        for start, array in zip(np.cumsum([0, *shards.lengths]).tolist(), stored, strict=False):
            self._pixels[start : start + len(array)] = torch.from_numpy(np.array(array)).to(device)
        self._labels = [np.concatenate(shards.arrays(index)) for index in range(1, shards.array_count)]
        self._grain: Tensor | None = None

    def __len__(self) -> int:
        return len(self._pixels)

    def crops(self, rows: NDArray[np.intp], rng: np.random.Generator | None) -> dict[str, Tensor]:
        """What `people_data.crop_batch` gives, as tensors on the device."""
        joints, is_person, who = (label[rows] for label in self._labels)
        to_crop = crop_placements(len(rows), rng)
        ordered, own_left_first = ordered_by_x(moved_joints(joints, to_crop))
        labels = {
            "joints": ordered,
            "own_left_first": own_left_first,
            "is_person": is_person.astype(np.float32),
            "who": who.astype(np.int64),
        }
        pixels = self._shown(rows, to_crop, (crops.CROP_PX, crops.CROP_PX), rng)
        return {PIXELS: pixels, **{name: self._sent(label) for name, label in labels.items()}}

    def frames(self, rows: NDArray[np.intp], rng: np.random.Generator | None) -> tuple[Tensor, Tensor]:
        """Pixels and boxes of `people_data.frame_batch`, on the device."""
        boxes = self._labels[0][rows]
        size = (crops.FRAME_HEIGHT_PX, crops.FRAME_WIDTH_PX)
        if rng is None:
            return self._pixels[self._sent(rows)], self._sent(boxes)
        to_frame = frame_placements(len(rows), rng)
        return self._shown(rows, to_frame, size, rng), self._sent(moved_boxes(boxes, to_frame))

    def _shown(
        self,
        rows: NDArray[np.intp],
        to_picture: NDArray[np.float64],
        size: tuple[int, int],
        rng: np.random.Generator | None,
    ) -> Tensor:
        """uint8 [n, *size, 4]"""
        pictures = placed(self._pixels[self._sent(rows)], self._sent(to_picture), size)
        if rng is not None:
            if self._grain is None:
                self._grain = self._sent(grain(*size))
            drawn = Variation.drawn(rng, len(rows), *size)
            tensors = {each.name: self._sent(getattr(drawn, each.name)) for each in fields(drawn)}
            pictures = varied(pictures, tensors, self._grain)
        return pictures.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)

    def _sent(self, array: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device, non_blocking=True)


def placed(stored: Tensor, to_picture: Tensor, size: tuple[int, int]) -> Tensor:
    """Stored pictures uint8 [n, h, w, 4] where [n, 2, 3] says: float32 [n, 4, *size], grey where nothing is."""
    height, width = stored.shape[1:3]
    padding = torch.tensor(PADDING, dtype=torch.float32, device=stored.device).view(1, 4, 1, 1)
    source = stored.permute(0, 3, 1, 2).float() - padding
    inverse = _inverse(to_picture[:, :, :2])
    offset = -(inverse @ to_picture[:, :, 2:])[:, :, 0]
    rows = torch.arange(size[0], device=stored.device, dtype=torch.float64)
    columns = torch.arange(size[1], device=stored.device, dtype=torch.float64)
    x = inverse[:, 0, 0, None, None] * columns + inverse[:, 0, 1, None, None] * rows[:, None]
    y = inverse[:, 1, 0, None, None] * columns + inverse[:, 1, 1, None, None] * rows[:, None]
    x = (x + offset[:, 0, None, None] + 0.5) * (2 / width) - 1
    y = (y + offset[:, 1, None, None] + 0.5) * (2 / height) - 1
    grid = torch.stack([x, y], dim=3).float()
    return functional.grid_sample(source, grid, align_corners=False) + padding


def _inverse(linear: Tensor) -> Tensor:
    """Of [n, 2, 2], without a solver to wait for."""
    (a, b), (c, d) = linear[:, 0].unbind(1), linear[:, 1].unbind(1)
    adjugate = torch.stack([torch.stack([d, -b], dim=1), torch.stack([-c, a], dim=1)], dim=1)
    return adjugate / (a * d - b * c)[:, None, None]


def varied(pictures: Tensor, drawn: dict[str, Tensor], noise: Tensor) -> Tensor:
    """`people_variation.vary` of pictures float32 [n, 4, h, w]; `drawn` its `Variation`, `noise` its grain."""
    colours, difference = pictures[:, :3], pictures[:, 3]
    colours = (colours / 255).clamp(0, 1) ** _of_each(drawn["gamma"]) * drawn["gains"][:, :, None, None]
    colours = 255 * (colours + _of_each(drawn["lift"])).clamp(0, 1)
    colours = _blurred(colours, drawn["blur_sd"])
    colours = (colours + _grain_of(noise, drawn, colours.shape[2:])).clamp(0, 255)
    weights = torch.tensor([0.114, 0.587, 0.299], device=colours.device).view(1, 3, 1, 1)
    grey = (colours * weights).sum(dim=1, keepdim=True)
    colours = torch.where(_of_each(drawn["is_grey"]), grey, colours)
    return torch.cat([colours, _spoiled(difference, drawn)[:, None]], dim=1)


def _of_each(values: Tensor) -> Tensor:
    return values[:, None, None, None]


def _blurred(colours: Tensor, sd: Tensor) -> Tensor:
    """By a Gaussian of three taps, each picture with its own."""
    side = torch.where(sd > 0, torch.exp(-0.5 / sd.clamp_min(0.1) ** 2), torch.zeros_like(sd))
    middle = _of_each(1 / (1 + 2 * side))
    side = _of_each(side / (1 + 2 * side))
    padded = functional.pad(colours, (1, 1, 1, 1), mode="reflect")
    across = middle * padded[:, :, :, 1:-1] + side * (padded[:, :, :, :-2] + padded[:, :, :, 2:])
    return middle * across[:, :, 1:-1] + side * (across[:, :, :-2] + across[:, :, 2:])


def _grain_of(noise: Tensor, drawn: dict[str, Tensor], size: tuple[int, int]) -> Tensor:
    rows = drawn["noise_corner"][:, :1] + torch.arange(size[0], device=noise.device)
    columns = drawn["noise_corner"][:, 1:] + torch.arange(size[1], device=noise.device)
    kinds = drawn["noise"].clamp_min(0)
    windows = noise[kinds[:, None, None], rows[:, :, None], columns[:, None, :]]
    return windows.permute(0, 3, 1, 2) * _of_each(drawn["noise"] >= 0)


def _spoiled(difference: Tensor, drawn: dict[str, Tensor]) -> Tensor:
    shadow = difference[drawn["shadow_of"].clamp_min(0)].flip(2) * (drawn["shadow_of"] >= 0)[:, None, None]
    difference = torch.maximum(difference, shadow)
    top, left, bottom, right = drawn["patch"].T
    rows = torch.arange(difference.shape[1], device=difference.device)
    columns = torch.arange(difference.shape[2], device=difference.device)
    in_rows = (rows >= top[:, None]) & (rows < bottom[:, None])
    in_columns = (columns >= left[:, None]) & (columns < right[:, None])
    is_learned = in_rows[:, :, None] & in_columns[:, None, :]
    difference = torch.where(is_learned, torch.floor(difference / PATCH_DIVISOR), difference)
    return difference * drawn["difference_gain"][:, None, None] + drawn["difference_lift"][:, None, None]
