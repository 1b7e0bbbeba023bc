"""What the product network is measured and calibrated on: packs in hands before a store's own shelves and cameras.

The store's own appearance, cameras, shoppers and grips; no picture here was trained on. Pictures are drawn with the
pack about 200 px long, then made what a stream of fewer pixels would show.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openaisle.core.messages import ProductId
from openaisle.learning.people_scenes import SceneMaker
from openaisle.sim.moving import MovingThings
from openaisle.sim.optics import Appearance, Sensor
from openaisle.sim.pack_pictures import (
    Backdrop,
    Grip,
    PackPicture,
    as_streamed,
    goods_for_pictures,
    grasped,
    in_palm,
)
from openaisle.sim.people import draw_body
from openaisle.sim.scene import Floats
from openaisle.store.schema import Camera, Store

Pixels = NDArray[np.uint8]

DRAWN_PX: Final = 200.0
CANVAS_PX: Final = 400
TRIAL_PX: Final = 96
SEEN_BEST: Final = 0.4
"""The best view is the nearest to the pack's front of those in which so much of its outline is seen."""
SEEN_ANY: Final = 0.2
TURNED_SD_RAD: Final = 0.15
FILLED: Final = (0.7, 0.12)
"""Share of the crop that the pack fills, and the spread of its logarithm: a hand's window knows no sizes."""
OFF_SD: Final = 0.04
"""How far the pack is off the crop's middle, in sides."""
DIFFERS_MIN: Final = 24
"""Grey levels, in any channel, by which two look-alikes' pictures differ where one can see it."""


@dataclass(frozen=True)
class HandPicture:
    """One hand from one camera, without noise."""

    product_id: ProductId | None  # None = an empty hand
    pixels: Pixels  # [400, 400, 3]
    box_px: tuple[float, float, float, float]
    seen_share: float
    front_cos: float  # 1 = the camera looks at the pack's front, -1 = at its back
    steepness_deg: float  # how far below the horizon the camera looks at it; 90 = straight down
    sensor: Sensor
    without: Pixels  # the same without the pack
    marked: float | None = (
        None  # share of its box that differs from its look-alike's picture; None: it has none
    )

    @property
    def pack_px(self) -> float:
        x1, y1, x2, y2 = self.box_px
        return max(x2 - x1, y2 - y1)


class HandPictures:
    """Hands with goods of one store."""

    def __init__(self, store: Store, seed: int, appearance: Appearance | None = None) -> None:
        """`appearance` instead of the store's own, for another light."""
        self.store, self.goods = store, goods_for_pictures(store)
        self._seed = seed
        self._appearance = appearance or Appearance.of_store(store)
        self._scene = SceneMaker(store, seed).empty()
        self._people = MovingThings(self._appearance.shutter_s)
        self._slot_of = {slot.product_id: slot for _, slot in sorted(store.slots.items(), reverse=True)}

    def of_products(
        self, product_ids: list[ProductId], hands: int, *, best: bool = True
    ) -> Iterator[HandPicture]:
        """`hands` pictures of each product that stands somewhere. Not `best`: from any camera that sees it."""
        alike = look_alikes(self.store, product_ids)
        for number, product_id in enumerate(product_ids):
            for hand in range(hands):
                rng = np.random.default_rng([self._seed, number, hand, 77])
                picture = self._picture(product_id, rng, best=best, rival=alike.get(product_id))
                if picture is not None:
                    yield picture

    def empty(self, count: int) -> Iterator[HandPicture]:
        """Empty hands: as before, but for the pack."""
        ids = sorted(self._slot_of)
        for number in range(count):
            rng = np.random.default_rng([self._seed, number, 99])
            picture = self._picture(ids[int(rng.integers(len(ids)))], rng, best=True, is_empty=True)
            if picture is not None:
                yield picture

    def _picture(
        self,
        product_id: ProductId,
        rng: np.random.Generator,
        *,
        best: bool,
        is_empty: bool = False,
        rival: ProductId | None = None,
    ) -> HandPicture | None:
        """None where no camera sees the pack in any of a few tries. `is_empty`: without the pack in the end."""
        if product_id not in self._slot_of:
            return None
        row = self.goods.row_of[product_id]
        size_m = self.goods.sizes_m[row]
        for _ in range(4):
            held = self._held(product_id, size_m, rng)
            middle = held.foot_floor_m + np.array([0.0, 0.0, size_m[2] / 2])
            camera = self._camera(row, held, middle, rng, best=best)
            if camera is None:
                continue
            distance = float(np.linalg.norm(middle - np.array(camera.position_floor_m)))
            field_m = float(size_m.max()) * CANVAS_PX / DRAWN_PX
            assert distance > 0
            backdrop = self._backdrop(camera, middle, field_m, CANVAS_PX, held, with_shop=True)
            drawn = backdrop.draw(row, held)
            if drawn.seen_share < SEEN_ANY:  # behind goods or a board
                continue
            cos = self._front_cos(camera, held, middle)
            above = (camera.position_floor_m[2] - float(middle[2])) / distance
            steep = math.degrees(math.asin(above))
            without = backdrop.empty()
            return HandPicture(
                None if is_empty else product_id,
                without if is_empty else drawn.pixels,
                drawn.box_px,
                drawn.seen_share,
                cos,
                steep,
                backdrop.sensor,
                without,
                None if rival is None else _marked(drawn, backdrop.draw(self.goods.row_of[rival], held)),
            )
        return None

    def _held(self, product_id: ProductId, size_m: Floats, rng: np.random.Generator) -> Grip:
        """As a shopper takes it out: still before the shelf, or turning away with it."""
        slot = self._slot_of[product_id]
        shelf = self.store.shelves[slot.shelf_id]
        gondola = self.store.gondola_of[shelf.gondola_id]
        out = float(rng.uniform(0.0, 0.35))
        up = min(max(0.55 * size_m[2], 0.03), 0.16) + float(rng.uniform(0.02, 0.1))
        palm = self.store.shelf_point_floor_m(shelf, slot.middle_m, -out - 0.02, up)
        facing = math.radians(gondola.heading_deg) + math.pi / 2 + float(rng.normal(0, 0.2))
        if rng.random() < 0.25:
            facing += float(rng.choice([-1.0, 1.0])) * float(rng.uniform(0.5, 1.6))
        feet = palm[:2] - float(rng.uniform(0.32, 0.55)) * np.array([math.cos(facing), math.sin(facing)])
        grip = grasped(draw_body(rng, 0), feet, facing, int(rng.integers(2)), palm)
        return in_palm(grip, size_m, float(rng.normal(0, TURNED_SD_RAD)))

    def _camera(
        self, row: int, held: Grip, middle: Floats, rng: np.random.Generator, *, best: bool
    ) -> Camera | None:
        """The nearest to the pack's front of those that see it well; else the one that sees most of it."""
        seen: list[tuple[float, int]] = []
        nearest_front_first = sorted(
            range(len(self.store.cameras)),
            key=lambda index: -self._front_cos(self.store.cameras[index], held, middle),
        )
        for index in nearest_front_first:
            camera = self.store.cameras[index]
            point = camera.project(middle[None])[0]
            lens = camera.lens
            if not np.isfinite(point).all() or not (0 <= point[0] < lens.width_px):
                continue
            if not 0 <= point[1] < lens.height_px:
                continue
            field_m = 2.0 * float(self.goods.sizes_m[row].max())
            trial = self._backdrop(camera, middle, field_m, TRIAL_PX, held, with_shop=False)
            share = trial.draw(row, held).seen_share
            if best and share >= SEEN_BEST:
                return camera
            seen.append((share, index))
        some = [one for one in seen if one[0] >= SEEN_ANY]
        if not some:
            return None
        chosen = max(some) if best else some[int(rng.integers(len(some)))]
        return self.store.cameras[chosen[1]]

    def _backdrop(
        self, camera: Camera, middle: Floats, field_m: float, size_px: int, held: Grip, *, with_shop: bool
    ) -> Backdrop:
        return Backdrop(
            self.store, self.goods, self._appearance, camera.position_floor_m, middle, field_m, size_px,
            scene=self._scene if with_shop else None, grip=held, seed=self._seed, people=self._people,
        )  # fmt: skip

    @staticmethod
    def _front_cos(camera: Camera, held: Grip, middle: Floats) -> float:
        towards = np.array(camera.position_floor_m) - middle
        towards /= np.linalg.norm(towards)
        front = np.array([math.sin(held.yaw_rad), -math.cos(held.yaw_rad), 0.0])
        return float(towards @ front)


def look_alikes(store: Store, product_ids: Iterable[ProductId]) -> dict[ProductId, ProductId]:
    """Of these products, those with a look-alike among them, and which."""
    some = set(product_ids)
    alike: dict[ProductId, ProductId] = {}
    for product_id in sorted(some):
        original = store.products[product_id].look_alike_of
        if original in some:
            alike[product_id], alike[original] = original, product_id
    return alike


def _marked(drawn: PackPicture, rival: PackPicture) -> float:
    """Share of the pack's box in which a picture differs from that of its look-alike in the same hand."""
    differs = cv2.absdiff(drawn.pixels, rival.pixels).max(axis=2) >= DIFFERS_MIN
    x1, y1, x2, y2 = drawn.box_px
    return float(differs.sum()) / max((x2 - x1) * (y2 - y1), 1.0)


def hand_crop(picture: HandPicture, pack_px: float, rng: np.random.Generator) -> Pixels:
    """What a caller would cut out of a stream in which the pack is `pack_px` long."""
    x1, y1, x2, y2 = picture.box_px
    filled = FILLED[0] * float(np.exp(np.clip(rng.normal(0, FILLED[1]), -0.3, 0.3)))
    side = picture.pack_px / filled
    off = rng.normal(0, OFF_SD, 2) * side
    corner = np.array([(x1 + x2 - side) / 2, (y1 + y2 - side) / 2]) + off
    size = max(8, round(side * min(1.0, pack_px / picture.pack_px)))
    blur = pack_px * float(rng.uniform(0.0, 0.06)) if rng.random() < 0.3 else 0.0
    whole = round(side)
    source_from_crop = np.array([[1.0, 0.0, corner[0]], [0.0, 1.0, corner[1]]])
    crop = cv2.warpAffine(
        picture.pixels, source_from_crop, (whole, whole), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    )  # fmt: skip
    crop = as_streamed(
        np.asarray(crop, np.uint8), size, blur_px=blur, blur_rad=float(rng.uniform(0, math.pi))
    )
    crop = picture.sensor.expose(np.ascontiguousarray(crop), int(rng.integers(1 << 20)))
    return as_streamed(crop, size, quality=int(rng.integers(50, 91)))
