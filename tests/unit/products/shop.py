"""A product network that sees nothing but colour, and packs that are nothing else: fast, and easy to reason about."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from openaisle.core.messages import ProductId
from openaisle.detections.gallery import Enrolled, Gallery
from openaisle.detections.products import CELL_FEATURES, FEATURES, Calibration, Pixels, Seen

SHA256 = "5" * 64
RED, GREEN, BLUE, GREY = (20, 20, 220), (20, 200, 20), (220, 30, 20), (120, 120, 120)


class ColourNetwork:
    """Stands in for `ProductNetwork`: the vector is the mean colour, a cell is a quarter's."""

    sha256 = SHA256
    calibration = Calibration(scale=(3.0, 0.0), nothing=(0.8, 0.0), closer=30.0)
    others = np.zeros((0, FEATURES), np.float32)

    def see(self, crops: Sequence[Pixels]) -> Seen:
        vectors = np.stack([_unit(crop.reshape(-1, 3).mean(axis=0), FEATURES) for crop in crops])
        cells = np.stack([_quarters(crop) for crop in crops])
        sides = np.array([max(crop.shape[:2]) for crop in crops], np.float32)
        return Seen(vectors, cells, sides)

    def enrol(self, pictures: Sequence[Pixels]) -> Enrolled:
        seen = self.see(pictures)
        return Enrolled(seen.vectors, seen.cells)


def pack(top: tuple[int, int, int], bottom: tuple[int, int, int] | None = None, side: int = 64) -> Pixels:
    pixels = np.empty((side, side, 3), np.uint8)
    pixels[: side // 2], pixels[side // 2 :] = top, bottom or top
    return pixels


def gallery_of(packs: dict[str, Pixels], pictures: int = 3) -> Gallery:
    network = ColourNetwork()
    return Gallery(
        SHA256, {ProductId(name): network.enrol([pixels] * pictures) for name, pixels in packs.items()}
    )


def _quarters(crop: Pixels) -> np.ndarray:
    height, width = crop.shape[0] // 2, crop.shape[1] // 2
    parts = (crop[:height, :width], crop[:height, width:], crop[height:, :width], crop[height:, width:])
    return np.stack([_unit(part.reshape(-1, 3).mean(axis=0), CELL_FEATURES) for part in parts])


def _unit(colour: np.ndarray, size: int) -> np.ndarray:
    vector = np.zeros(size, np.float32)
    vector[:3] = colour - 100.0
    return vector / np.linalg.norm(vector)
