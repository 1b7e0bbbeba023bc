"""Where a hand touches goods on a shelf, and what the plates below feel of it."""

from __future__ import annotations

from typing import Final

import numpy as np

from openaisle.sim.goods import Unit
from openaisle.sim.scene import Floats
from openaisle.sim.world import World

BRUSH_SHARE: Final = 0.2  # of reaches in which the hand brushes what stands beside


class Touch:
    """One shopper's hands against the shelves."""

    def __init__(self, world: World, rng: np.random.Generator) -> None:
        self._world, self._rng = world, rng

    def press_before_lift(self, unit: Unit, there_s: float, lift_s: float, press_s: float) -> None:
        """Goods are pressed down on before they are lifted, for as long as a hand rests on them."""
        world, rng = self._world, self._rng
        shelf_id = world.store.slots[unit.slot_id].shelf_id
        grams = rng.uniform(20.0, 60.0)
        if press_s:
            end_s = lift_s - rng.uniform(0.05, 0.2)
            world.plates.press(there_s, end_s, shelf_id, unit.along_m, unit.width_m, 0.7 * grams)
        start_s = max(there_s, lift_s - rng.uniform(0.1, 0.4))
        world.plates.press(start_s, lift_s + 0.03, shelf_id, unit.along_m, unit.width_m, grams)

    def brush(self, unit: Unit, there_s: float) -> None:
        """Now and then the hand brushes a neighbour on its way in."""
        rng = self._rng
        chance, aside, grams, early = rng.random(), rng.uniform(0.06, 0.14), rng.uniform(3, 18), rng.random()
        if chance >= BRUSH_SHARE:
            return
        aside = aside if chance < BRUSH_SHARE / 2 else -aside
        shelf_id = self._world.store.slots[unit.slot_id].shelf_id
        start_s = there_s - 0.05 - 0.15 * early
        self._world.plates.press(start_s, start_s + 0.2, shelf_id, unit.along_m + aside, 0.04, grams)

    def load_change(self, unit: Unit, at_s: float, over_s: float, sign: int) -> None:
        """A unit's weight comes onto the shelf (sign 1) or leaves it (-1)."""
        shelf_id = self._world.store.slots[unit.slot_id].shelf_id
        self._world.plates.change(at_s, over_s, shelf_id, unit.along_m, unit.width_m, sign * unit.item.mass_g)

    def grasp_point(self, unit: Unit) -> Floats:
        """Where the palm goes: at the front of the pack, a little above its middle."""
        store = self._world.store
        shelf = store.shelves[store.slots[unit.slot_id].shelf_id]
        height = min(max(0.55 * unit.product.height_m, 0.03), 0.16)
        into = unit.into_m - unit.depth_m / 2 - 0.01
        return store.shelf_point_floor_m(shelf, unit.along_m, into, unit.above_m + height)
