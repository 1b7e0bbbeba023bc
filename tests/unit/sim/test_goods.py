"""Goods stand, move and are never lost."""

from collections import Counter

import numpy as np
import pytest

from openaisle.sim.choices import opening_stock
from openaisle.sim.goods import Goods, Place
from openaisle.store.schema import Store


def test_every_slot_is_at_least_half_full_of_its_own_product_in_the_morning(corner: Store) -> None:
    goods = Goods(corner, 3)
    for slot_id, slot in corner.slots.items():
        units = goods.in_slot(slot_id)
        assert len(units) == opening_stock(corner, 3)[slot_id]
        assert 0.49 * slot.capacity <= len(units) <= slot.capacity
        assert {unit.product.product_id for unit in units} == {slot.product_id}


def test_packs_stand_on_their_boards_and_not_in_each_other(corner: Store) -> None:
    goods = Goods(corner, 3)
    for slot_id, slot in corner.slots.items():
        shelf = corner.shelves[slot.shelf_id]
        spots = set()
        for unit in goods.in_slot(slot_id):
            assert unit.along_m - unit.width_m / 2 >= -0.01
            assert unit.along_m + unit.width_m / 2 <= shelf.width_m + 0.01
            assert unit.above_m + unit.product.height_m <= shelf.clearance_m + 1e-6
            spots.add((round(unit.along_m, 3), round(unit.into_m, 3), round(unit.above_m, 3)))
        assert len(spots) == len(goods.in_slot(slot_id))


def test_units_weigh_about_what_the_catalogue_says(corner: Store) -> None:
    masses: dict[str, list[float]] = {}
    for unit in Goods(corner, 3).units:
        masses.setdefault(unit.product.product_id, []).append(unit.item.mass_g / unit.product.mass_g - 1)
    means = np.array([np.mean(share) for share in masses.values()])
    assert np.abs(means).max() < 0.08
    assert 0.008 < np.abs(means).mean() < 0.03


def test_a_unit_can_be_lifted_stowed_fetched_and_put_elsewhere(corner: Store) -> None:
    goods = Goods(corner, 3)
    before = Counter(unit.place for unit in goods.units)
    unit = goods.available("A2-1", corner.slots["A2-1"].product_id)[0]
    version = goods.version
    goods.lift(unit)
    goods.stow(unit)
    assert unit not in goods.in_slot("A2-1")
    goods.fetch(unit)
    along, into, above = goods.free_place("A2-2", unit.product, np.random.default_rng(1))
    goods.put(unit, "A2-2", along, into, above)
    assert unit in goods.in_slot("A2-2")
    assert goods.version == version + 2
    assert Counter(unit.place for unit in goods.units) == before
    assert unit.place is Place.SHELF


def test_the_front_unit_is_met_first_and_buried_ones_last(corner: Store) -> None:
    goods = Goods(corner, 3)
    for slot_id in sorted(corner.slots):
        units = goods.available(slot_id, corner.slots[slot_id].product_id)
        first = units[0]
        same_spot = [
            unit
            for unit in units
            if (unit.along_m, unit.into_m) == (first.along_m, first.into_m) and unit is not first
        ]
        assert all(unit.above_m < first.above_m for unit in same_spot)
        tops = [unit for unit in units if unit.above_m == first.above_m]
        assert first.into_m == pytest.approx(min(unit.into_m for unit in tops))
