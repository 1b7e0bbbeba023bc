"""Rendered training pictures of packs: in hands, before shelves and on tables, of shops that do not exist.

Each random store's goods are doubled: every product that has no look-alike gets one, so that a network always meets
both. A store makes one shard, a folder of raw arrays that are mapped, not read:

    manifest.json               how it was made
    packs-1003/pixels.npy       uint8 [n, 144, 144, 3] BGR without noise; the pack fills 62 % of the side
    packs-1003/product.npy      int32 [n] index in the store's goods, -1 = no pack (an empty hand)
    packs-1003/pair.npy         int32 [n] index of the product's look-alike, -1 = none
    packs-1003/seen.npy         float32 [n] share of the pack that nothing hides
    packs-1003/traits.npy       float32 [goods, 32] what each product's print is made of (sim.packs.pack_traits)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openaisle.core.messages import ProductId
from openaisle.detections.coco import clipped_bbox
from openaisle.learning.coco_labels import CocoOut, StoreLabels, join, light_fields, rounded
from openaisle.learning.people_data import shard_folder, write_manifest, write_shard, write_stores
from openaisle.learning.people_scenes import SceneMaker, random_body
from openaisle.learning.people_stores import training_store
from openaisle.sim.assortment import DEPARTMENTS
from openaisle.sim.optics import Appearance
from openaisle.sim.pack_pictures import Backdrop, Grip, goods_for_pictures, grasped, in_palm
from openaisle.sim.packs import Goods, pack_traits
from openaisle.sim.scene import Floats, Scene
from openaisle.store.schema import Product, Store

Pixels = NDArray[np.uint8]

STORED_PX: Final = 144
STORED_FILLED: Final = 0.62
CANVAS_PX: Final = 240
ON_TABLE: Final = 0.2  # share of views on a plain ground, as enrolment pictures are
NO_HAND: Final = 0.15
SEEN_MIN: Final = 0.25
"""Less of a pack than this tells nobody what it is."""
PAIRS_A_VIEW: Final = 8
EMPTIED_A_VIEW: Final = 3  # hands that held one of the packs, without it
VIEWS_A_LOOK: Final = 6  # before the shop's colours and lamps change


@dataclass(frozen=True, kw_only=True)
class PackSettings:
    first_store: int = 1000  # seed
    stores: int = 30
    pictures: int = 12  # of each product, about


def synthesise(
    out: Path,
    settings: PackSettings,
    *,
    coco_out: CocoOut | None = None,
    workers: int = 1,
    report: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Write a data set, or what it still lacks; `report` hears the number of finished stores. Returns the manifest.

    With `coco_out` the pictures and their labels go there too, for other people's training code.
    """
    out.mkdir(parents=True, exist_ok=True)
    write = partial(_write_store, out, settings, coco_out)
    counts = write_stores(write, settings.first_store, settings.stores, workers=workers, report=report)
    manifest = {"kind": "packs", "settings": asdict(settings), "counts": counts}
    write_manifest(out, manifest)
    if coco_out is not None:
        seeds = range(settings.first_store, settings.first_store + settings.stores)
        join(coco_out, seeds, "packs in hands and on tables, rendered by OpenAisle")
    return manifest


def _write_store(out: Path, settings: PackSettings, coco_out: CocoOut | None, seed: int) -> dict[str, int]:
    """The shard of one random store, unless it is there already: a run that was stopped goes on."""
    folder = shard_folder(out, "packs", seed)
    if not folder.is_dir() or (coco_out is not None and not coco_out.part(seed).is_file()):
        _draw_store(out, settings, coco_out, seed)
    product = np.load(folder / "product.npy")
    return {
        "pictures": len(product),
        "products": len(np.unique(product[product >= 0])),
        "empty_hands": int((product < 0).sum()),
    }


def _draw_store(out: Path, settings: PackSettings, coco_out: CocoOut | None, seed: int) -> None:
    maker = PackMaker(training_store(seed), seed)
    views = max(1, round(settings.pictures * len(maker.store.products) / (2 * PAIRS_A_VIEW)))
    pictures = [picture for _ in range(views) for picture in maker.view()]
    rows = np.array([picture.row for picture in pictures], np.int32)
    arrays = {
        "pixels": np.stack([picture.pixels for picture in pictures]),
        "product": rows,
        "pair": np.where(rows >= 0, maker.pair_of[rows], -1).astype(np.int32),
        "seen": np.array([picture.seen_share for picture in pictures], np.float32),
        "traits": maker.traits(),
    }
    write_shard(out, "packs", seed, arrays)
    if coco_out is not None:
        _write_labels(StoreLabels(coco_out, seed, f"random-{seed}"), maker, pictures)


def _write_labels(store: StoreLabels, maker: PackMaker, pictures: Sequence[StoredPicture]) -> None:
    """A category a product; an empty hand is a picture without annotations."""
    for picture in pictures:
        store.add_image(
            picture.pixels,
            is_on_table=picture.is_on_table,
            camera={
                "position_floor_m": rounded(picture.eye_floor_m),
                "aim_floor_m": rounded(picture.aim_floor_m),
            },
            light=light_fields(picture.appearance) | {"mean_grey": round(float(picture.pixels.mean()), 1)},
        )
        if picture.row >= 0:
            bbox = clipped_bbox(np.array(picture.box_px), STORED_PX, STORED_PX)
            store.add_annotation(
                category_id=picture.row + 1,
                bbox=bbox,
                area=round(bbox[2] * bbox[3], 1),
                iscrowd=0,
                segmentation=[],
                visibility=round(picture.seen_share, 4),
            )
    products = [maker.store.products[product_id] for product_id in maker.goods.product_ids]
    store.write(
        [
            {
                "id": row + 1,
                "name": product.name,
                "supercategory": "product",
                "product_id": product.product_id,
                "look_alike_of": product.look_alike_of,
                "store_id": store.store_id,
            }
            for row, product in enumerate(products)
        ]
    )


def with_look_alikes(store: Store, rng: np.random.Generator) -> Store:
    """The store with a look-alike for every product that has none and is none."""
    taken = {product.look_alike_of for product in store.products.values()}
    more: dict[ProductId, Product] = {}
    for product_id in sorted(store.products):
        product = store.products[product_id]
        if product.look_alike_of is None and product_id not in taken:
            other = ProductId(f"{product_id}-b")
            name = _another_variant(product.name, rng)
            more[other] = replace(product, product_id=other, name=name, look_alike_of=product_id)
    return replace(store, products={**store.products, **more})


@dataclass(frozen=True)
class StoredPicture:
    """One picture of a data set and the truth about it."""

    pixels: Pixels  # [144, 144, 3]
    row: int  # of the store's goods, -1 = an empty hand
    seen_share: float
    box_px: tuple[float, float, float, float]  # of the whole pack, hidden parts included
    eye_floor_m: Floats  # [3]
    aim_floor_m: Floats  # [3]
    appearance: Appearance
    is_on_table: bool


class PackMaker:
    """Random views of the goods of one store and their look-alikes."""

    def __init__(self, store: Store, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 311])
        self.store = with_look_alikes(store, self._rng)
        self.goods: Goods = goods_for_pictures(self.store)
        self._scene: Scene = SceneMaker(self.store, seed).empty()
        ids = self.goods.product_ids
        self.pair_of = np.full(len(ids), -1, np.int32)
        for row, product_id in enumerate(ids):
            original = self.store.products[product_id].look_alike_of
            if original is not None:
                self.pair_of[row] = self.goods.row_of[original]
                self.pair_of[self.goods.row_of[original]] = row
        largest = self.goods.sizes_m.max(axis=1)
        firsts = [row for row in range(len(ids)) if self.store.products[ids[row]].look_alike_of is None]
        self._by_size = sorted(firsts, key=lambda row: (float(largest[row]), row))
        self._views = 0
        self._appearance = Appearance()

    def traits(self) -> NDArray[np.float32]:
        """What the print of each product is made of [goods, 32]."""
        products = [self.store.products[product_id] for product_id in self.goods.product_ids]
        originals = [self.store.products.get(product.look_alike_of or ProductId("")) for product in products]
        return np.stack([pack_traits(*both) for both in zip(products, originals, strict=True)])

    def view(self) -> list[StoredPicture]:
        """Pictures of some pairs of about the same size, from one eye."""
        rng = self._rng
        if self._views % VIEWS_A_LOOK == 0:
            self._appearance = Appearance.random(rng)
        self._views += 1
        first = int(rng.integers(max(1, len(self._by_size) - PAIRS_A_VIEW + 1)))
        rows = self._by_size[first : first + PAIRS_A_VIEW]
        rows = [row for pair in rows for row in (pair, int(self.pair_of[pair])) if row >= 0]
        field_m = 2.2 * float(self.goods.sizes_m[rows].max())
        on_table = rng.random() < ON_TABLE
        hold = self._held()
        if on_table:
            hold = Grip(np.array([0.0, 0.0, 1.0]), float(rng.uniform(0, 2 * math.pi)))
        elif rng.random() < NO_HAND:
            hold = replace(hold, body=None)
        aim = hold.foot_floor_m + np.append(rng.normal(0, 0.02, 2), 0.0)
        eye = self._table_eye(aim) if on_table else self._ceiling_eye(aim)
        backdrop = Backdrop(
            self.store, self.goods, self._appearance, eye, aim, field_m, CANVAS_PX,
            scene=None if on_table else self._scene, grip=hold, roll_deg=float(rng.normal(0, 5)),
            seed=self._views // VIEWS_A_LOOK,
        )  # fmt: skip
        if on_table:
            ground = np.clip(rng.uniform(40, 230) + rng.normal(0, 12, 3), 0, 255)
            blue, green, red = (int(value) for value in ground)
            backdrop.fill((blue, green, red))
        stored = partial(
            StoredPicture,
            eye_floor_m=np.array(eye),
            aim_floor_m=aim,
            appearance=self._appearance,
            is_on_table=on_table,
        )
        found: list[StoredPicture] = []
        boxes: list[tuple[float, float, float, float]] = []
        for row in rows:
            turned = float(rng.normal(0, 0.25) if rng.random() < 0.5 else rng.uniform(-math.pi, math.pi))
            size_m = self.goods.sizes_m[row]
            grip = in_palm(hold, size_m, turned)
            if on_table:
                foot = hold.foot_floor_m - np.array([0.0, 0.0, size_m[2] / 2])
                grip = replace(hold, foot_floor_m=foot, yaw_rad=hold.yaw_rad + turned)
            picture = backdrop.draw(row, grip)
            if picture.seen_share >= SEEN_MIN:
                boxes.append(picture.box_px)
                window, box = _window(picture.pixels, picture.box_px)
                found.append(stored(window, row, picture.seen_share, box))
        if hold.body is not None:
            middle = (CANVAS_PX - 1) / 2
            reach = CANVAS_PX * float(rng.uniform(0.2, 0.35))
            box = (middle - reach, middle - reach, middle + reach, middle + reach)
            empty = backdrop.empty()
            chosen = rng.permutation(len(boxes))[:EMPTIED_A_VIEW].tolist()
            for place in (box, *(boxes[index] for index in chosen)):
                window, box = _window(empty, place)
                found.append(stored(window, -1, 0.0, box))
        return found

    def _held(self) -> Grip:
        """Somebody's palm before a shelf, or on the way."""
        rng, store = self._rng, self.store
        gondola = store.gondolas[int(rng.integers(len(store.gondolas)))]
        shelf = gondola.shelves[int(rng.integers(len(gondola.shelves)))]
        is_away = rng.random() < 0.35
        into = -float(rng.uniform(0.25, 0.6) if is_away else rng.uniform(-0.05, 0.25))
        along = float(rng.uniform(0.05, max(0.06, shelf.width_m - 0.05)))
        palm = store.shelf_point_floor_m(shelf, along, into, float(rng.uniform(0.04, 0.18)))
        if is_away:
            palm[2] = rng.uniform(0.8, 1.5)
        facing = math.radians(gondola.heading_deg) + math.pi / 2 + float(rng.normal(0, 0.35))
        if is_away:
            facing = float(rng.uniform(0, 2 * math.pi))
        body = random_body(rng, 0)
        reach = float(rng.uniform(0.28, 0.6))
        feet = palm[:2] - reach * np.array([math.cos(facing), math.sin(facing)])
        return grasped(body, feet, facing, int(rng.integers(2)), palm)

    def _ceiling_eye(self, aim: Floats) -> list[float]:
        rng = self._rng
        plan = np.array(self.store.plan_floor_m)
        away, bearing = float(rng.uniform(0.25, 3.2)), float(rng.uniform(0, 2 * math.pi))
        place = aim[:2] + away * np.array([math.cos(bearing), math.sin(bearing)])
        x, y = np.clip(place, plan.min(axis=0) + 0.05, plan.max(axis=0) - 0.05).tolist()
        return [x, y, float(max(rng.uniform(2.2, 3.1), aim[2] + 0.5))]

    def _table_eye(self, aim: Floats) -> list[float]:
        rng = self._rng
        down, bearing = math.radians(rng.uniform(10, 70)), float(rng.uniform(0, 2 * math.pi))
        away = float(rng.uniform(0.6, 1.6))
        level = away * math.cos(down)
        x, y = aim[0] + level * math.cos(bearing), aim[1] + level * math.sin(bearing)
        return [float(x), float(y), float(aim[2] + away * math.sin(down))]


def _window(
    pixels: Pixels, box_px: tuple[float, float, float, float]
) -> tuple[Pixels, tuple[float, float, float, float]]:
    """The square around a box, [144, 144, 3], the box's longer side filling 62 % of it; and where the box is in it."""
    x1, y1, x2, y2 = box_px
    side = max(x2 - x1, y2 - y1) / STORED_FILLED
    step = side / STORED_PX
    corner_x, corner_y = (x1 + x2 - side) / 2, (y1 + y2 - side) / 2
    source_from_window = np.array(
        [[step, 0.0, corner_x + 0.5 * step - 0.5], [0.0, step, corner_y + 0.5 * step - 0.5]]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    window = cv2.warpAffine(
        pixels, source_from_window, (STORED_PX, STORED_PX), flags=flags, borderMode=cv2.BORDER_REFLECT_101
    )
    box = ((x1 - corner_x) / step, (y1 - corner_y) / step, (x2 - corner_x) / step, (y2 - corner_y) / step)
    return np.asarray(window, np.uint8), box


def _another_variant(name: str, rng: np.random.Generator) -> str:
    for department in DEPARTMENTS:
        for kind in department.kinds:
            for variant in kind.variants:
                if f" {kind.name} {variant} " in f"{name} ":
                    others = [other for other in kind.variants if other != variant]
                    return name.replace(variant, others[int(rng.integers(len(others)))])
    return f"{name} New"
