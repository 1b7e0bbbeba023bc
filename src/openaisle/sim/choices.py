"""Which slots a plan may use: twins of equal weight, look-alikes, neighbours; with the stock they really have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, TypeVar

import numpy as np

from openaisle.store.schema import Shelf, Slot, SlotId, Store

T = TypeVar("T")

SAME_WEIGHT_G: Final = 3.0  # products this close cannot be told apart by one plate
NEAR_WEIGHT_G: Final = 10.0


def opening_stock(store: Store, seed: int) -> dict[SlotId, int]:
    """How many units stand in each slot in the morning: 50-100 % of what it holds."""
    rng = np.random.default_rng([seed, 2])
    return {
        slot_id: max(1, round(store.slots[slot_id].capacity * rng.uniform(0.5, 1.0)))
        for slot_id in sorted(store.slots)
    }


class Choices:
    """Draws slots for episodes and keeps count of the stock that plans have spoken for."""

    def __init__(self, store: Store, seed: int, rng: np.random.Generator) -> None:
        self.rng = rng
        self._store = store
        self._left = opening_stock(store, seed)
        self._slots = [store.slots[slot_id] for slot_id in sorted(store.slots)]
        self._same_weight = self._same_weight_pairs()
        self._look_alikes = self._look_alike_pairs()

    # Draws

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def between(self, low: int, high: int) -> int:
        """low..high, both included."""
        return int(self.rng.integers(low, high + 1))

    def seconds(self, low: float, high: float) -> float:
        return round(float(self.rng.uniform(low, high)), 3)

    def pick_one(self, options: Sequence[T]) -> T:
        return options[int(self.rng.integers(len(options)))]

    def look_s(self) -> float:
        """How long people look at a shelf before reaching: median 1 s, long tail."""
        return round(float(np.clip(self.rng.lognormal(0.0, 0.6), 0.3, 6.0)), 3)

    # Slots

    def product_of(self, slot_id: SlotId) -> str:
        return self._store.slots[slot_id].product_id

    def is_small(self, slot_id: SlotId) -> bool:
        """Two of these fit in one hand."""
        return self._store.products[self.product_of(slot_id)].width_m <= 0.075

    def reserve(self, slot_id: SlotId, quantity: int) -> int:
        """Speak for up to `quantity` units, at least one; returns how many."""
        quantity = max(1, min(quantity, self._left[slot_id]))
        self._left[slot_id] -= quantity
        return quantity

    def slot(self, quantity: int = 1, *, height_m_max: float = 9.0) -> SlotId:
        """Any slot with that much left (any at all, if none has), on a board no higher than that."""
        able = [
            slot
            for slot in self._slots
            if self._left[slot.slot_id] >= quantity and self._shelf(slot).height_m <= height_m_max
        ]
        return self.pick_one(able or self._slots).slot_id

    def foreign_slot(self, slot_id: SlotId) -> SlotId:
        """A slot of another product: on the same gondola more often than not."""
        own = self._store.slots[slot_id]
        others = [slot for slot in self._slots if slot.product_id != own.product_id]
        gondola = self._store.shelves[own.shelf_id].gondola_id
        near = [slot for slot in others if self._shelf(slot).gondola_id == gondola]
        return self.pick_one(near if near and self.chance(0.6) else others).slot_id

    def gondola_slots(self) -> list[SlotId]:
        """The slots with goods left of one gondola, one of those with most."""
        stock: dict[str, list[SlotId]] = {}
        for slot in self._slots:
            if self._left[slot.slot_id] > 0:
                stock.setdefault(self._shelf(slot).gondola_id, []).append(slot.slot_id)
        if not stock:
            return [slot.slot_id for slot in self._slots]
        order = sorted(
            stock, key=lambda gondola_id: -sum(self._left[slot_id] for slot_id in stock[gondola_id])
        )
        return stock[self.pick_one(order[:3])]

    def least_stocked(self, count: int) -> list[SlotId]:
        """The emptiest slots, of different products."""
        order = sorted(self._slots, key=lambda slot: (self._left[slot.slot_id] / slot.capacity, slot.slot_id))
        return [slot.slot_id for slot in order[:count]]

    def room_in(self, slot_id: SlotId) -> int:
        """How many more units a slot was made for."""
        return max(self._store.slots[slot_id].capacity - self._left[slot_id], 0)

    def restock(self, slot_id: SlotId, quantity: int) -> None:
        self._left[slot_id] += quantity

    def cluster(self, count: int, within_m: float, *, on_one_shelf: bool = False) -> list[SlotId]:
        """Slots one can reach without walking, with goods left; the same slot again where there are not enough."""
        first = self._store.slots[self.slot()]
        near = [
            slot
            for slot in self._slots
            if slot.slot_id != first.slot_id
            and self._left[slot.slot_id] > 0
            and self.distance_m(first.slot_id, slot.slot_id) <= within_m
            and (slot.shelf_id == first.shelf_id or not on_one_shelf)
        ]
        chosen = [first.slot_id]
        chosen += [near[int(index)].slot_id for index in self.rng.permutation(len(near))[: count - 1]]
        return chosen + [first.slot_id] * (count - len(chosen))

    def slots_apart(self, nearest_m: float, farthest_m: float) -> tuple[SlotId, SlotId]:
        """Two slots of one gondola, the left one first, that far apart along the front and within 0.5 m of height."""
        pairs = [
            (a.slot_id, b.slot_id)
            for a in self._slots
            for b in self._slots
            if self._left[a.slot_id] > 0
            and self._left[b.slot_id] > 0
            and self._shelf(a).gondola_id == self._shelf(b).gondola_id
            and nearest_m <= self._centre_m(b) - self._centre_m(a) <= farthest_m
            and abs(self._shelf(a).height_m - self._shelf(b).height_m) <= 0.5
        ]
        if pairs:
            return self.pick_one(pairs)
        first, second = self.cluster(2, within_m=farthest_m)
        return (first, second)

    def same_weight_pair(self) -> tuple[SlotId, SlotId]:
        """Neighbouring slots whose products weigh the same (the closest there are, if none do)."""
        stocked = [pair for pair in self._same_weight if self._left[pair[0]] > 0 and self._left[pair[1]] > 0]
        return self.pick_one(stocked or self._same_weight)

    def look_alike_pair(self) -> tuple[SlotId, SlotId]:
        """Slots of products that look alike, neighbours where the shop has such (else of equal weight)."""
        stocked = [pair for pair in self._look_alikes if self._left[pair[0]] > 0 and self._left[pair[1]] > 0]
        pair = self.pick_one(stocked or self._look_alikes or self._same_weight)
        return pair if self.chance(0.5) else (pair[1], pair[0])

    def near_weight_slots(self) -> list[SlotId]:
        """A slot, and those on its shelf whose products weigh within 10 g of its own, in random order."""
        groups: list[list[SlotId]] = []
        for slot in self._slots:
            near = [
                other.slot_id
                for other in self._slots
                if other.shelf_id == slot.shelf_id
                and self._left[other.slot_id] > 0
                and abs(self._mass(other) - self._mass(slot)) <= NEAR_WEIGHT_G
            ]
            if len(near) > 1 and slot.slot_id in near:
                groups.append(near)
        if not groups:
            return list(self.same_weight_pair())
        group = self.pick_one(groups)
        return [group[int(index)] for index in self.rng.permutation(len(group))]

    def distance_m(self, a: SlotId, b: SlotId) -> float:
        """Along the front and up, between the middles of two slots; infinite between gondolas."""
        slot_a, slot_b = self._store.slots[a], self._store.slots[b]
        if self._shelf(slot_a).gondola_id != self._shelf(slot_b).gondola_id:
            return math.inf
        rise = self._shelf(slot_a).height_m - self._shelf(slot_b).height_m
        return math.hypot(self._centre_m(slot_a) - self._centre_m(slot_b), rise)

    def _shelf(self, slot: Slot) -> Shelf:
        return self._store.shelves[slot.shelf_id]

    def _centre_m(self, slot: Slot) -> float:
        return self._shelf(slot).left_m + slot.left_m + slot.width_m / 2

    def _mass(self, slot: Slot) -> float:
        return self._store.products[slot.product_id].mass_g

    def _neighbours(self) -> list[tuple[Slot, Slot]]:
        """Slots side by side on one shelf with different products, both ways round."""
        found: list[tuple[Slot, Slot]] = []
        for shelf_id in sorted(self._store.shelves):
            row = sorted(self._store.shelves[shelf_id].slots, key=lambda slot: slot.left_m)
            for a, b in pairwise(row):
                if a.product_id != b.product_id:
                    found += [(a, b), (b, a)]
        return found

    def _same_weight_pairs(self) -> list[tuple[SlotId, SlotId]]:
        neighbours = self._neighbours()
        close = [(a, b) for a, b in neighbours if abs(self._mass(a) - self._mass(b)) <= SAME_WEIGHT_G]
        if not close:
            close = sorted(neighbours, key=lambda pair: abs(self._mass(pair[0]) - self._mass(pair[1])))[:4]
        if not close:  # a shop of one slot a shelf
            close = [(slot, slot) for slot in self._slots]
        return [(a.slot_id, b.slot_id) for a, b in close]

    def _look_alike_pairs(self) -> list[tuple[SlotId, SlotId]]:
        alike = {
            frozenset((product.product_id, product.look_alike_of))
            for product in self._store.products.values()
            if product.look_alike_of
        }
        return [
            (a.slot_id, b.slot_id)
            for a, b in self._neighbours()
            if frozenset((a.product_id, b.product_id)) in alike
        ]
