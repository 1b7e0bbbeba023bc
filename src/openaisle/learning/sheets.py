"""A sheet of pictures with captions: the cases that somebody who trains a network wants to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

TILE_PX: Final = 180
COLUMNS: Final = 6
LINE_PX: Final = 16
EXAMPLES_MAX: Final = 24
"""Of a sheet; of more, some from all along."""
EXAMPLES_KEPT_MAX: Final = 400
_GAP_PX: Final = 10
_INK: Final = (58, 48, 34)  # BGR


@dataclass(frozen=True)
class Example:
    """One case; pictures stand side by side under a caption."""

    pictures: tuple[Pixels, ...]  # each [h, w, 3] BGR
    caption: tuple[str, ...]  # lines


def draw_sheet(title: str, examples: Sequence[Example]) -> bytes:
    """PNG of at most EXAMPLES_MAX examples."""
    chosen = np.linspace(0, len(examples) - 1, min(len(examples), EXAMPLES_MAX)).round().astype(int)
    shown = [examples[at] for at in chosen.tolist()]
    wide = TILE_PX * max(len(each.pictures) for each in shown)
    columns = max(1, min(len(shown), COLUMNS * TILE_PX // wide))
    lines = max(len(each.caption) for each in shown)
    step_x, step_y = wide + _GAP_PX, TILE_PX + LINE_PX * lines + 2 * _GAP_PX
    rows = -(-len(shown) // columns)
    sheet = np.full((48 + rows * step_y, _GAP_PX + columns * step_x, 3), 255, np.uint8)
    font = cv2.FontFace("sans")
    cv2.putText(sheet, title, (_GAP_PX, 32), _INK, font, 20, 600)
    for number, example in enumerate(shown):
        left, top = _GAP_PX + number % columns * step_x, 48 + number // columns * step_y
        for at, picture in enumerate(example.pictures):
            x = left + at * TILE_PX
            sheet[top : top + TILE_PX, x : x + TILE_PX] = _tile(picture)
        for line, words in enumerate(example.caption):
            place = (left, top + TILE_PX + LINE_PX * (line + 1))
            cv2.putText(sheet, words, place, _INK, font, 12, 400)
    ok, data = cv2.imencode(".png", sheet)
    assert ok
    return data.tobytes()


def window(pixels: Pixels, box_px: NDArray[np.floating], margin: float = 1.3) -> Pixels:
    """The square about a box x1 y1 x2 y2, `margin` times as large as its longer side, the box drawn in it."""
    x1, y1, x2, y2 = (float(each) for each in box_px)
    side = max(x2 - x1, y2 - y1, 8.0) * margin
    scale = TILE_PX / side
    left, top = (x1 + x2 - side) / 2, (y1 + y2 - side) / 2
    to_tile = np.array([[scale, 0.0, -left * scale], [0.0, scale, -top * scale]])
    tile = np.asarray(cv2.warpAffine(pixels, to_tile, (TILE_PX, TILE_PX), flags=cv2.INTER_LINEAR), np.uint8)
    corners = [round((each - low) * scale) for each, low in ((x1, left), (y1, top), (x2, left), (y2, top))]
    cv2.rectangle(tile, (corners[0], corners[1]), (corners[2], corners[3]), (60, 200, 60), 1, cv2.LINE_AA)
    return tile


def _tile(picture: Pixels) -> Pixels:
    """A picture as large as fits, on grey."""
    scale = TILE_PX / max(picture.shape[:2])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST if scale > 3 else cv2.INTER_LINEAR
    fitted = np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)
    tile = np.full((TILE_PX, TILE_PX, 3), 235, np.uint8)
    x, y = (TILE_PX - size[0]) // 2, (TILE_PX - size[1]) // 2
    tile[y : y + size[1], x : x + size[0]] = fitted
    return tile
