"""Every unit of goods: what it is, what it really weighs, where it stands. Units are never created or destroyed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from openaisle.core.messages import ProductId
from openaisle.sim.choices import opening_stock
from openaisle.sim.scene import Floats, Item
from openaisle.store.schema import Product, Shelf, Slot, Store

BATCH_SD: Final = 0.018  # a production batch's mean mass against the catalogue
BATCH_DEVIATION_MAX: Final = 0.05
GAP_M: Final = 0.006  # between neighbouring packs
FRONT_M: Final = 0.015  # packs stand this far behind the board's front edge


class Place(IntEnum):
    """Where a unit is."""

    SHELF = 0
    HAND = 1
    AWAY = 2  # in a bag, or out of the shop: nobody can see it
    FLOOR = 3  # lies on the floor


@dataclass(kw_only=True)
class Unit:
    """One unit of goods and where it stands (shelf coordinates: along from the left end, into from the front)."""

    item: Item
    product: Product
    place: Place
    slot_id: str  # whose place it stands in (or was taken from last)
    along_m: float  # centre of the pack
    into_m: float  # centre of the pack
    above_m: float  # bottom face above the board
    width_m: float  # along the shelf, as it stands
    depth_m: float
    is_reserved: bool = False  # somebody is about to take it


class Goods:
    """All units of the shop. `version` grows whenever one that is not in a hand came, went or moved."""

    def __init__(self, store: Store, seed: int, brought: Sequence[ProductId] = ()) -> None:
        """What stands in the shop in the morning, and units that staff will bring (`brought`, not yet seen)."""
        rng = np.random.default_rng([seed, 3])
        stock = opening_stock(store, seed)
        self._store = store
        self.units: list[Unit] = []
        self.version = 0
        self._in_slot: dict[str, list[int]] = {slot_id: [] for slot_id in sorted(store.slots)}
        batch = {
            product_id: float(np.clip(rng.normal(0.0, BATCH_SD), -BATCH_DEVIATION_MAX, BATCH_DEVIATION_MAX))
            for product_id in sorted(store.products)
        }
        for slot_id in sorted(store.slots):
            self._fill(store.slots[slot_id], stock[slot_id], batch, rng)
        self._positions = np.zeros((len(self.units) + len(brought), 3))
        self._yaws = np.zeros(len(self._positions))
        for unit in self.units:
            self._settle(unit)
        for product_id in brought:
            self._add(store.products[product_id], batch, rng, Place.AWAY, "", (0.0, 0.0, 0.0))
        self._shelf_rows: np.ndarray = np.zeros(0, np.int64)
        self._shelf_items: tuple[Item, ...] = ()
        self._shelf_version = -1

    def in_slot(self, slot_id: str) -> list[Unit]:
        """Units standing in a slot's place, whatever they are, in the order they came."""
        return [self.units[item_id] for item_id in self._in_slot[slot_id]]

    def available(self, slot_id: str, product_id: str) -> list[Unit]:
        """Units of a product in a slot that nobody is about to take: those that a hand meets first come first."""
        free = [
            unit
            for unit in self.in_slot(slot_id)
            if unit.product.product_id == product_id and not unit.is_reserved
        ]
        top = {}
        for unit in self.in_slot(slot_id):
            key = (round(unit.along_m, 2), round(unit.into_m, 2))
            top[key] = max(top.get(key, -1.0), unit.above_m)
        return sorted(free, key=lambda unit: self._order(unit, top))

    def lift(self, unit: Unit) -> None:
        """A unit leaves its shelf for a hand."""
        assert unit.place is Place.SHELF
        self._in_slot[unit.slot_id].remove(unit.item.item_id)
        unit.place = Place.HAND
        unit.is_reserved = False
        self.version += 1

    def stow(self, unit: Unit) -> None:
        """A unit in a hand goes into a bag."""
        assert unit.place is Place.HAND
        unit.place = Place.AWAY

    def fetch(self, unit: Unit) -> None:
        """A unit comes out of a bag into a hand."""
        assert unit.place is Place.AWAY
        unit.place = Place.HAND

    def put(self, unit: Unit, slot_id: str, along_m: float, into_m: float, above_m: float) -> None:
        """A unit in a hand is set down in a slot's place."""
        assert unit.place is Place.HAND
        unit.place = Place.SHELF
        unit.slot_id = slot_id
        unit.along_m, unit.into_m, unit.above_m = along_m, into_m, above_m
        self._in_slot[slot_id].append(unit.item.item_id)
        self._settle(unit)
        self.version += 1

    def lay(self, unit: Unit, floor_m: Floats, yaw_deg: float) -> None:
        """A unit in a hand is laid on the floor at a point [3]."""
        assert unit.place is Place.HAND
        unit.place = Place.FLOOR
        self._positions[unit.item.item_id] = floor_m
        self._yaws[unit.item.item_id] = yaw_deg
        self.version += 1

    def lying(self, product_id: ProductId) -> list[Unit]:
        """Units of a product on the floor that nobody is about to take."""
        return [
            unit
            for unit in self.units
            if unit.place is Place.FLOOR and unit.product.product_id == product_id and not unit.is_reserved
        ]

    def pick_up(self, unit: Unit) -> None:
        """A unit leaves the floor for a hand."""
        assert unit.place is Place.FLOOR
        unit.place = Place.HAND
        unit.is_reserved = False
        self.version += 1

    def nudge(self, unit: Unit, along_m: float) -> None:
        """A unit slides along its board."""
        unit.along_m += along_m
        self._settle(unit)
        self.version += 1

    def free_place(
        self, slot_id: str, product: Product, rng: np.random.Generator
    ) -> tuple[float, float, float]:
        """Where one would set down a unit of `product` in a slot: (along, into, above) of its bottom centre.

        The front of the slot where there is room, else on top of what stands there.
        """
        slot = self._store.slots[slot_id]
        shelf = self._store.shelves[slot.shelf_id]
        half = min(product.width_m, slot.width_m) / 2
        centres = np.linspace(slot.left_m + half, slot.left_m + slot.width_m - half, 5)
        depths = np.arange(
            FRONT_M + product.depth_m / 2, max(shelf.depth_m - product.depth_m / 2, 0.06), 0.02
        )
        best: tuple[float, float, float, float] | None = None
        for into in depths if len(depths) else np.array([shelf.depth_m / 2]):
            for along in centres:
                above = self._support_m(slot_id, float(along), float(into), product)
                cost = 6.0 * above + float(into) + 0.3 * abs(float(along) - slot.left_m - slot.width_m / 2)
                if best is None or cost < best[0] - 1e-9:
                    best = (cost, float(along), float(into), above)
        assert best is not None
        return best[1] + rng.normal(0.0, 0.004), best[2] + abs(rng.normal(0.0, 0.004)), best[3]

    def position_floor_m(self, unit: Unit) -> Floats:
        """Centre [3] of the bottom face of a unit on a shelf or on the floor."""
        return self._positions[unit.item.item_id]

    def yaw_deg(self, unit: Unit) -> float:
        """Direction of the pack's width axis of a unit on a shelf."""
        return float(self._yaws[unit.item.item_id])

    def on_shelves(self) -> tuple[tuple[Item, ...], Floats, Floats]:
        """Items on shelves by item_id, their positions [n, 3] and yaws [n]; remade only when something changed."""
        if self._shelf_version != self.version:
            rows = [unit.item.item_id for unit in self.units if unit.place in (Place.SHELF, Place.FLOOR)]
            self._shelf_rows = np.array(rows, np.int64)
            self._shelf_items = tuple(self.units[row].item for row in rows)
            self._shelf_version = self.version
        return self._shelf_items, self._positions[self._shelf_rows], self._yaws[self._shelf_rows]

    def _order(self, unit: Unit, top: dict[tuple[float, float], float]) -> tuple[float, ...]:
        # What is buried under another pack comes last; then front to back, then left to right.
        key = (round(unit.along_m, 2), round(unit.into_m, 2))
        return (float(unit.above_m < top[key] - 1e-6), round(unit.into_m, 3), round(unit.along_m, 3))

    def _support_m(self, slot_id: str, along_m: float, into_m: float, product: Product) -> float:
        """Height of what lies under a pack set down there."""
        support = 0.0
        for unit in self.in_slot(slot_id):
            if (
                abs(unit.along_m - along_m) < (unit.width_m + product.width_m) / 2 - 0.004
                and abs(unit.into_m - into_m) < (unit.depth_m + product.depth_m) / 2 - 0.004
            ):
                support = max(support, unit.above_m + unit.product.height_m)
        return support

    def _settle(self, unit: Unit) -> None:
        shelf = self._store.shelves[self._store.slots[unit.slot_id].shelf_id]
        self._positions[unit.item.item_id] = self._store.shelf_point_floor_m(
            shelf, unit.along_m, unit.into_m, unit.above_m
        )
        self._yaws[unit.item.item_id] = self._store.gondola_of[shelf.gondola_id].heading_deg

    def _fill(self, slot: Slot, count: int, batch: dict[str, float], rng: np.random.Generator) -> None:
        product = self._store.products[slot.product_id]
        shelf = self._store.shelves[slot.shelf_id]
        for cell in _cells(slot, shelf, product)[:count]:
            item_id = self._add(product, batch, rng, Place.SHELF, slot.slot_id, cell)
            self._in_slot[slot.slot_id].append(item_id)

    def _add(
        self,
        product: Product,
        batch: dict[str, float],
        rng: np.random.Generator,
        place: Place,
        slot_id: str,
        cell: tuple[float, float, float],
    ) -> int:
        mass = product.mass_g * (1 + batch[product.product_id]) + rng.normal(0.0, product.mass_sd_g)
        item_id = len(self.units)
        item = Item(item_id=item_id, product_id=product.product_id, mass_g=max(mass, 0.3 * product.mass_g))
        self.units.append(
            Unit(
                item=item,
                product=product,
                place=place,
                slot_id=slot_id,
                along_m=cell[0],
                into_m=cell[1],
                above_m=cell[2],
                width_m=product.width_m,
                depth_m=product.depth_m,
            )
        )
        return item_id


def _cells(slot: Slot, shelf: Shelf, product: Product) -> list[tuple[float, float, float]]:
    """Places of a full slot's units: front row first, layer by layer."""
    pitch = slot.width_m / slot.facings
    rows_max = max(1, math.floor((shelf.depth_m - FRONT_M + GAP_M) / (product.depth_m + GAP_M)))
    layers_max = max(1, math.floor((shelf.clearance_m - 0.03) / product.height_m))
    rows = max(1, min(rows_max, math.ceil(slot.capacity / slot.facings)))
    layers = max(1, min(layers_max, math.ceil(slot.capacity / (slot.facings * rows))))
    return [
        (
            slot.left_m + (facing + 0.5) * pitch,
            FRONT_M + row * (product.depth_m + GAP_M) + product.depth_m / 2,
            layer * product.height_m,
        )
        for layer in range(layers)
        for row in range(rows)
        for facing in range(slot.facings)
    ]
