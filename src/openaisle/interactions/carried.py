"""What each visit carries, unit by unit, with the mass each had when it left its shelf. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from openaisle.core.messages import InteractionKind, ProductId, SlotId
from openaisle.core.units import NS_PER_S


@dataclass(frozen=True)
class Deed:
    """What one interaction did, as far as it matters for what follows."""

    interaction_id: str
    kind: InteractionKind
    happened_ns: int
    product_id: ProductId | None
    quantity: int
    slot_id: SlotId | None
    mass_g: float  # of one unit, as weighed
    mass_sd_g: float
    probability: float
    is_measured: bool = True  # False: the mass is inferred
    right_hand: float = 0.5  # probability that it was the right hand


@dataclass
class Lot:
    """Units from one pick-up that are still carried."""

    taken_by: str  # interaction id
    product_id: ProductId
    quantity: int
    slot_id: SlotId | None
    mass_g: float  # of one unit
    mass_sd_g: float
    probability: float
    taken_ns: int = 0
    right_hand: float = 0.5  # probability that the right hand took it

    def held_s(self, at_ns: int) -> float:
        return (at_ns - self.taken_ns) / NS_PER_S

    def recency(self, at_ns: int, within_s: float) -> float:
        """1 when it has just been taken, falling exponentially within that time."""
        return math.exp(-self.held_s(at_ns) / within_s)


def carried(deeds: Iterable[Deed], before_ns: int) -> list[Lot]:
    """What is left of all that was taken before a time, oldest first. A put-back takes the unit of nearest mass."""
    lots: list[Lot] = []
    for deed in sorted(deeds, key=lambda deed: (deed.happened_ns, deed.interaction_id)):
        if deed.happened_ns >= before_ns or deed.product_id is None or deed.quantity <= 0:
            continue
        if deed.kind in (InteractionKind.PICK_UP, InteractionKind.GET):
            lots.append(
                Lot(
                    deed.interaction_id,
                    deed.product_id,
                    deed.quantity,
                    deed.slot_id,
                    deed.mass_g,
                    deed.mass_sd_g,
                    deed.probability,
                    deed.happened_ns,
                    deed.right_hand,
                )
            )
        elif deed.kind in (InteractionKind.PUT_BACK, InteractionKind.PUT_BACK_WRONG, InteractionKind.GIVE):
            _take_from(lots, deed)
    return [lot for lot in lots if lot.quantity > 0]


def _take_from(lots: list[Lot], deed: Deed) -> None:
    left = deed.quantity
    own = [lot for lot in lots if lot.product_id == deed.product_id]
    for lot in sorted(own, key=lambda lot: (abs(lot.mass_g - deed.mass_g), lot.taken_by)):
        used = min(left, lot.quantity)
        lot.quantity -= used
        left -= used
