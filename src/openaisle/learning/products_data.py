"""Training pictures of packs as the network sees them: batches of look-alike pairs, spoiled as cameras spoil."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openaisle.learning.people_data import Shards
from openaisle.learning.products_pictures import STORED_FILLED, STORED_PX
from openaisle.sim.pack_pictures import as_streamed

Pixels = NDArray[np.uint8]

PACK_PX: Final = (15.0, 200.0)
"""Of a pack's longer side in the stream, evenly over its logarithm."""
FILLED: Final = (0.42, 0.95)
"""Share of the window that the pack's longer side fills: nobody knows beforehand what a hand holds."""
PICTURES_A_PRODUCT: Final = 2
TRAITS: Final = 32
NOTHING: Final = 0
"""The class of an empty hand."""
NOISE_SDS: Final = (0.6, 1.2, 2.0, 3.5, 6.0)  # grey values
_SKIN_HUES: Final = (6, 16)


@dataclass(frozen=True)
class PackBatch:
    """Rows in fours: two pictures of a product, two of its look-alike; then empty hands."""

    pixels: Pixels  # [n, size, size, 3] BGR
    classes: NDArray[np.int64]  # [n]
    pairs: int  # fours; what comes after them is nothing


class Packs:
    """All pictures of some data sets, by product. Class 0 is an empty hand; products follow, shard by shard."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._shards = Shards(folders, "packs", ("pixels", "product", "pair"))
        self.class_count = 1
        by_product: dict[int, list[int]] = {}
        pair_of: dict[int, int] = {}
        traits = [np.zeros((1, TRAITS), np.float32)]
        self.empty: list[int] = []
        start = 0
        for folder in folders:
            for path in sorted(folder.glob("packs-*")):
                product, pair = np.load(path / "product.npy"), np.load(path / "pair.npy")
                for at, (row, other) in enumerate(zip(product.tolist(), pair.tolist(), strict=True)):
                    if row < 0:
                        self.empty.append(start + at)
                        continue
                    by_product.setdefault(self.class_count + row, []).append(start + at)
                    if other >= 0:
                        pair_of[self.class_count + row] = self.class_count + other
                traits.append(np.load(path / "traits.npy"))
                start += len(product)
                self.class_count += len(traits[-1])
        self.traits = np.concatenate(traits)  # [classes, 32]
        self.by_product = by_product
        self.pairs = [
            (one, other)
            for one, other in sorted(pair_of.items())
            if one < other and min(len(by_product.get(one, ())), len(by_product.get(other, ()))) > 1
        ]

    def __len__(self) -> int:
        return len(self._shards)

    def __getitem__(self, index: int) -> Pixels:
        """One stored picture [144, 144, 3]."""
        return np.asarray(self._shards[index][0])

    def class_of(self) -> NDArray[np.int64]:
        """The class of each picture."""
        classes = np.full(len(self), NOTHING, np.int64)
        for product, pictures in self.by_product.items():
            classes[pictures] = product
        return classes

    def batch(
        self, pairs: int, empty: int, size_px: int, rng: np.random.Generator, hardness: float = 1.0
    ) -> PackBatch:
        """`hardness` 0..1: a network that knows nothing yet learns from clear pictures first."""
        indices: list[int] = []
        classes: list[int] = []
        for chosen in rng.choice(len(self.pairs), pairs, replace=len(self.pairs) < pairs):
            for product in self.pairs[int(chosen)]:
                pictures = rng.choice(self.by_product[product], PICTURES_A_PRODUCT, replace=False)
                indices += pictures.tolist()
                classes += [product] * PICTURES_A_PRODUCT
        if self.empty:
            indices += rng.choice(self.empty, empty).tolist()
            classes += [NOTHING] * empty
        pixels = np.stack(
            [spoiled(np.asarray(self._shards[index][0]), size_px, rng, hardness) for index in indices]
        )
        return PackBatch(pixels, np.array(classes, np.int64), pairs)


def spoiled(stored: Pixels, size_px: int, rng: np.random.Generator, hardness: float = 1.0) -> Pixels:
    """A stored picture [144, 144, 3] as the network would get it [size, size, 3] from some camera."""
    low, high = np.log(PACK_PX)
    low += (1 - hardness) * 0.55 * (high - low)
    pack_px = float(np.exp(rng.uniform(low, high)))
    filled = float(rng.uniform(*FILLED))
    # The window as the stream has it, but never finer than the network sees it.
    window_px = int(np.clip(round(pack_px / filled), 12, size_px))
    picture = _varied_light(_window(_fingers(stored, rng), window_px, filled, rng), rng)
    blur = min(pack_px, size_px) * float(rng.uniform(0.02, 0.12)) if rng.random() < 0.25 * hardness else 0.0
    picture = as_streamed(picture, window_px, blur_px=min(blur, 8.0), blur_rad=float(rng.uniform(0, np.pi)))
    quality = int(rng.integers(30, 96)) if rng.random() < 0.6 else 100
    picture = as_streamed(_grainy(picture, rng), window_px, quality=quality)
    if window_px == size_px:
        return picture
    return np.asarray(cv2.resize(picture, (size_px, size_px), interpolation=cv2.INTER_LINEAR), np.uint8)


def _window(picture: Pixels, size_px: int, filled: float, rng: np.random.Generator) -> Pixels:
    side = STORED_PX * STORED_FILLED / filled
    while side / size_px > 1.6 and picture.shape[0] > size_px:  # what shrinks is averaged first
        side /= 2
        half = (picture.shape[1] // 2, picture.shape[0] // 2)
        picture = np.asarray(cv2.resize(picture, half, interpolation=cv2.INTER_AREA), np.uint8)
    stretch = np.exp(rng.normal(0, 0.04))
    angle = float(np.radians(rng.normal(0, 6)))
    shift = np.clip(rng.normal(0.0, 0.05, 2), -0.14, 0.14) * side
    step = side / size_px
    cos, sin = np.cos(angle) * step, np.sin(angle) * step
    linear = np.array([[cos * stretch, -sin], [sin, cos / stretch]])
    middle = np.full(2, (picture.shape[0] - 1) / 2) + shift
    offset = middle - linear @ np.full(2, (size_px - 1) / 2)
    window = cv2.warpAffine(
        picture, np.column_stack([linear, offset]), (size_px, size_px),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT_101,
    )  # fmt: skip
    return np.asarray(window, np.uint8)


_grain: list[NDArray[np.int16]] = []  # drawing noise anew for every picture costs more than the network does


def _grainy(picture: Pixels, rng: np.random.Generator) -> Pixels:
    if not _grain:
        shape = (3 * STORED_PX, 3 * STORED_PX, 3)
        _grain.extend(np.rint(rng.normal(0, sd, shape)).astype(np.int16) for sd in NOISE_SDS)
    noise = _grain[int(rng.integers(len(NOISE_SDS)))]
    top, left = rng.integers(2 * STORED_PX, size=2).tolist()
    height, width = picture.shape[:2]
    return np.asarray(
        cv2.add(picture, noise[top : top + height, left : left + width], dtype=cv2.CV_8U), np.uint8
    )


def _varied_light(picture: Pixels, rng: np.random.Generator) -> Pixels:
    levels = np.arange(256, dtype=np.float32)[:, None] / 255
    gains = np.exp(rng.uniform(-0.3, 0.25)) * np.exp(rng.normal(0, 0.04, 3))
    curve = 255 * np.clip(levels ** np.exp(rng.uniform(-0.25, 0.25)) * gains + rng.uniform(-0.03, 0.06), 0, 1)
    return np.asarray(cv2.LUT(picture, curve.astype(np.uint8)[None]), np.uint8)


def _fingers(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """Now and then two or three fingers more than the renderer's hand has."""
    if rng.random() > 0.25:
        return picture
    picture = picture.copy()
    skin = np.array([[[rng.integers(*_SKIN_HUES), rng.integers(60, 150), rng.integers(70, 240)]]], np.uint8)
    colour = np.asarray(cv2.cvtColor(skin, cv2.COLOR_HSV2BGR))[0, 0].tolist()
    x, y = rng.uniform(0.25, 0.75, 2) * STORED_PX
    angle = float(rng.uniform(0, 2 * np.pi))
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    width, length = rng.uniform(5, 9), rng.uniform(15, 35)
    for finger in range(int(rng.integers(1, 4))):
        start = np.array([x, y]) + across * finger * width * 1.15
        end = start + along * length
        shade = [float(np.clip(value * rng.uniform(0.85, 1.1), 0, 255)) for value in colour]
        cv2.line(picture, _point(start), _point(end), shade, max(1, round(width)), cv2.LINE_AA)
    return picture


def _point(point: NDArray[np.float64]) -> tuple[int, int]:
    return (round(float(point[0])), round(float(point[1])))
