"""Where the box network looks: around what differs from the empty shop, and where somebody was a moment ago.

The network's cost grows with the pixels it sees, and most of a picture is the empty shop. Regions lie on the grid of
the network's coarsest layer, so that away from their edges it computes what it would compute on the whole picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import cv2
import numpy as np

from openaisle.detections.background import GRID_PX
from openaisle.detections.crops import FRAME_HEIGHT_PX, FRAME_WIDTH_PX, Floats, Pixels

CELL_PX: Final = 16
"""Stride of the network's coarsest layer."""
_CALL_PX: Final = 2000
"""A further run of the network costs as much as so many pixels."""
_JOIN_BLOCKS: Final = 1  # changes no farther apart than twice this are one


class Region(NamedTuple):
    """Of the box network's input, px; multiples of CELL_PX."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def area_px(self) -> int:
        return (self.right - self.left) * (self.bottom - self.top)

    def joined(self, other: Region) -> Region:
        """The smallest that holds both."""
        return Region(*(min(each) for each in zip(self[:2], other[:2], strict=True)),
                      *(max(each) for each in zip(self[2:], other[2:], strict=True)))  # fmt: skip


WHOLE: Final = Region(0, 0, FRAME_WIDTH_PX, FRAME_HEIGHT_PX)


@dataclass(frozen=True, kw_only=True)
class RegionSettings:
    changed_min: float = (
        0.2  # share of a block that differs; the motion gate asks for twice as much somewhere
    )
    margin_px: int = 32  # on all sides: the network judges by what is around, too
    whole_share: float = 0.75  # of the picture; more, and it is looked at whole


def regions(changed: Pixels, boxes_px: Floats, settings: RegionSettings) -> list[Region]:
    """From `Background.block_shares` and boxes [n, 4] of those who were there, working px; disjoint or worth it."""
    blocks = np.zeros((FRAME_HEIGHT_PX // GRID_PX, FRAME_WIDTH_PX // GRID_PX), np.uint8)
    blocks[: changed.shape[0], : changed.shape[1]] = changed >= settings.changed_min * 255
    for x1, y1, x2, y2 in boxes_px.astype(int).clip(0).tolist():
        blocks[y1 // GRID_PX : y2 // GRID_PX + 1, x1 // GRID_PX : x2 // GRID_PX + 1] = 1
    near = cv2.dilate(blocks, np.ones((2 * _JOIN_BLOCKS + 1,) * 2, np.uint8))
    _, _, found, _ = cv2.connectedComponentsWithStats(near, connectivity=8)
    margin_px = settings.margin_px - _JOIN_BLOCKS * GRID_PX
    grown = [
        _on_grid(left * GRID_PX, top * GRID_PX, width * GRID_PX, height * GRID_PX, margin_px)
        for left, top, width, height, _ in found[1:].tolist()
    ]
    joined = _joined(grown)
    too_much = sum(region.area_px for region in joined) > settings.whole_share * WHOLE.area_px
    return [WHOLE] if too_much else joined


def _on_grid(left: int, top: int, width: int, height: int, margin_px: int) -> Region:
    return Region(
        max(0, (left - margin_px) // CELL_PX * CELL_PX),
        max(0, (top - margin_px) // CELL_PX * CELL_PX),
        min(FRAME_WIDTH_PX, -(-(left + width + margin_px) // CELL_PX) * CELL_PX),
        min(FRAME_HEIGHT_PX, -(-(top + height + margin_px) // CELL_PX) * CELL_PX),
    )


def _joined(regions: list[Region]) -> list[Region]:
    """Two become one wherever that is no dearer than both."""
    done: list[Region] = []
    waiting = list(regions)
    while waiting:
        one = waiting.pop()
        for other in done:
            both = one.joined(other)
            if both.area_px <= one.area_px + other.area_px + _CALL_PX:
                done.remove(other)
                waiting.append(both)
                break
        else:
            done.append(one)
    return done
