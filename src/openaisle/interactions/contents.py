"""What stands in each slot that the planogram does not say: stock taken and brought, and strays.

A stray is a unit that was put where it does not belong, weighed when it came. Whatever leaves that place later may be
it, so it is a candidate for picks until something took it away.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from openaisle.core.messages import ProductId, ShelfId, SlotId
from openaisle.store.schema import Store


@dataclass
class Stray:
    """Units standing where they do not belong."""

    brought_by: str  # interaction id
    shelf_id: ShelfId
    product_id: ProductId | None  # None: nobody knows what it is
    probability: float  # that it is this product, or that nobody knows it
    quantity: int
    along_m: float
    mass_g: float  # of all together
    mass_sd_g: float
    brought_ns: int = 0
    taken_by: str | None = None


class Contents:
    """Keyed by the interactions that moved things, so that a revised one replaces what it did before."""

    def __init__(self, store: Store, units_max: int) -> None:
        self._capacity = {slot_id: slot.capacity for slot_id, slot in store.slots.items()}
        self._units_max = units_max
        self._strays: dict[str, Stray] = {}
        self._taken: dict[str, tuple[SlotId, int]] = {}  # interaction -> slot, units (negative: brought)
        self._balance: dict[SlotId, int] = {}

    def forget(self, interaction_id: str) -> None:
        """As if this interaction had never been."""
        self._strays.pop(interaction_id, None)
        for stray in self._strays.values():
            if stray.taken_by == interaction_id:
                stray.taken_by = None
        moved = self._taken.pop(interaction_id, None)
        if moved is not None:
            self._balance[moved[0]] -= moved[1]

    def settle(self, interaction_id: str) -> None:
        """This interaction will not change any more: keep what it did, forget that it did it."""
        self._taken.pop(interaction_id, None)
        for brought_by in [b for b, stray in self._strays.items() if stray.taken_by == interaction_id]:
            del self._strays[brought_by]

    def take(self, interaction_id: str, slot_id: SlotId, quantity: int) -> None:
        """Units of a slot's own product left it (quantity < 0: came)."""
        self._taken[interaction_id] = (slot_id, quantity)
        self._balance[slot_id] = self._balance.get(slot_id, 0) + quantity

    def take_stray(self, interaction_id: str, brought_by: str) -> None:
        stray = self._strays.get(brought_by)
        if stray is not None:
            stray.taken_by = interaction_id

    def bring(self, stray: Stray) -> None:
        """A stray came. At the bound the oldest is forgotten."""
        self._strays[stray.brought_by] = stray
        if len(self._strays) > self._units_max:
            del self._strays[next(iter(self._strays))]

    def strays(self, shelf_id: ShelfId, for_interaction: str, before_ns: int) -> Iterator[Stray]:
        """What may have been taken from a shelf at a time by this interaction: nothing that came later."""
        for stray in self._strays.values():
            is_there = stray.shelf_id == shelf_id and stray.brought_ns < before_ns
            if is_there and stray.taken_by in (None, for_interaction):
                yield stray

    def may_hold(self, slot_id: SlotId, quantity: int) -> bool:
        """Whether that many units can still be there: no more left than fit in, brought ones included."""
        return self._balance.get(slot_id, 0) + quantity <= self._capacity[slot_id]
