"""ViTPose (Xu et al. 2022), as transformers exports it: the 17 joints of people in boxes.

Input: float32 [n, 3, 256, 192] RGB, normalised by ImageNet: each person's box, widened to the input's shape and by a
quarter. Output: a map per joint [n, 17, 64, 48]. A joint is the highest cell, moved by one step of Newton's method on
the logarithm of the smoothed map (Zhang et al. 2020, "Distribution-aware coordinate representation", DARK); cells and
px are spread over the box from edge to edge (Huang et al. 2020, "The devil is in the details", UDP).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from openaisle.core.messages import JOINTS
from openaisle.detections.architectures.model import BroughtModel, Layout
from openaisle.detections.architectures.pictures import planes, warped
from openaisle.detections.crops import Floats, Pixels

NAME: Final = "vitpose"
LAYOUT: Final = Layout([("people", 3, "height", "width")], [("people", len(JOINTS), "rows", "columns")])
_MARGIN: Final = 1.25
_SMOOTHING_CELLS: Final = 0.8
_MEAN: Final = np.array([0.485, 0.456, 0.406], np.float32) * 255
_SPREAD: Final = np.array([0.229, 0.224, 0.225], np.float32) * 255


@dataclass(frozen=True, kw_only=True)
class VitPoseOptions:
    width_px: int = 192  # of the input, where the file takes any
    height_px: int = 256
    dataset: int = -1  # which head of a mixture of experts (ViTPose+); -1: the network has one


class VitPose:
    """Joints of people whose boxes are known."""

    def __init__(self, model: BroughtModel, options: VitPoseOptions) -> None:
        """Raises ModelError for a file of another layout."""
        self._model, self._options = model, options
        more = [("people",)] if options.dataset >= 0 else []
        self._layout = model.check(Layout([*LAYOUT.inputs, *more], LAYOUT.outputs))
        height, width = model.inputs[0].shape[2:]
        self._size = (width or options.width_px, height or options.height_px)
        self._is_alone = model.inputs[0].shape[0] == 1

    def joints(self, pixels: Pixels, boxes_px: Floats) -> Floats:
        """[n, 17, 3] x y confidence of people in boxes [n, 4], both in px of a picture uint8 [h, w, 3] BGR."""
        if not len(boxes_px):
            return np.zeros((0, len(JOINTS), 3), np.float32)
        places = areas_of(boxes_px, self._size[0] / self._size[1])
        rgb = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
        given = np.concatenate([self._crop(rgb, place) for place in places])
        groups = np.split(given, len(given)) if self._is_alone else [given]
        more = [np.full(1, self._options.dataset, np.int64)] if self._options.dataset >= 0 else []
        maps = np.concatenate([self._model.answers(self._layout, group, *more)[0] for group in groups])
        cells, confidence = peaks(maps)
        steps = places[:, None, 2:] / np.array([maps.shape[3] - 1, maps.shape[2] - 1], np.float32)
        points = places[:, None, :2] + cells * steps
        return np.concatenate([points, confidence.clip(0, 1)[:, :, None]], axis=2).astype(np.float32)

    def _crop(self, rgb: Pixels, place: Floats) -> Floats:
        width, height = self._size
        step_x, step_y = place[2] / (width - 1), place[3] / (height - 1)
        picture_from_input = np.array([[step_x, 0, place[0]], [0, step_y, place[1]]], np.float32)
        return planes(warped(rgb, picture_from_input, width, height), _MEAN, _SPREAD)


def areas_of(boxes_px: Floats, aspect: float) -> Floats:
    """Boxes [n, 4] to what the network sees of them [n, 4]: left, top, width, height, width / height = aspect."""
    size = boxes_px[:, 2:] - boxes_px[:, :2]
    middle = (boxes_px[:, :2] + boxes_px[:, 2:]) / 2
    height = np.maximum(size[:, 1], size[:, 0] / aspect) * _MARGIN
    seen = np.stack([height * aspect, height], axis=1)
    return np.concatenate([middle - seen / 2, seen], axis=1).astype(np.float32)


def peaks(maps: Floats) -> tuple[Floats, Floats]:
    """Maps [n, k, h, w] to places x, y in cells [n, k, 2] and heights [n, k]; -1 where a map has nothing."""
    count, kinds, rows, columns = maps.shape
    flat = maps.reshape(count * kinds, rows, columns)
    best = flat.reshape(len(flat), -1).argmax(axis=1)
    y, x = best // columns, best % columns
    height = flat[np.arange(len(flat)), y, x]
    smooth = cv2.GaussianBlur(
        np.ascontiguousarray(flat.transpose(1, 2, 0)),
        (11, 11),
        _SMOOTHING_CELLS,
        borderType=cv2.BORDER_REFLECT,
    ).reshape(rows, columns, len(flat))
    logs = np.pad(np.log(smooth.clip(0.001, 50)), ((1, 1), (1, 1), (0, 0)), mode="edge")

    def at(down: int, right: int) -> Floats:
        return logs[y + 1 + down, x + 1 + right, np.arange(len(flat))]

    here = at(0, 0)
    slope = 0.5 * np.stack([at(0, 1) - at(0, -1), at(1, 0) - at(-1, 0)], axis=1)
    bend_x, bend_y = at(0, 1) - 2 * here + at(0, -1), at(1, 0) - 2 * here + at(-1, 0)
    twist = 0.5 * (at(1, 1) - at(0, 1) - at(1, 0) + 2 * here - at(0, -1) - at(-1, 0) + at(-1, -1))
    tiny = np.finfo(np.float32).eps
    bend_x, bend_y = bend_x + tiny, bend_y + tiny
    area = bend_x * bend_y - twist * twist
    area = np.where(area == 0, tiny, area)
    step_x = (bend_y * slope[:, 0] - twist * slope[:, 1]) / area
    step_y = (bend_x * slope[:, 1] - twist * slope[:, 0]) / area
    places = np.stack([x - step_x, y - step_y], axis=1)
    places = np.where(height[:, None] > 0, places, -1.0)
    return places.reshape(count, kinds, 2).astype(np.float32), height.reshape(count, kinds)
