"""A change of load, and ways in which it can have come about. Plain values."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from openaisle.core.messages import InteractionKind, ProductId, ShelfId, SlotId, VisitId
from openaisle.interactions.places import Silent

SAME_G: Final = 0.01


@dataclass(frozen=True)
class Load:
    """What one stretch of plates feels of a change."""

    mass_g: float
    along_m: float
    along_sd_m: float


@dataclass(frozen=True)
class Change:
    """One weight step, summed up."""

    shelf_id: ShelfId
    mass_g: float  # of all plates together; negative: something left
    mass_sd_g: float
    along_m: float  # from the shelf's left end
    along_sd_m: float
    edge_ns: int = 0
    silent: Silent = ()  # plates that say nothing, where one of them may have carried some of it
    loads: tuple[float, ...] = ()  # share of it on each plate, where several parted by a still one carry it
    halves: tuple[Load, ...] = ()  # the two of them, where they are two
    first_g: float = 0.0  # as it was read at once, before a hand can have come to rest there; 0: it was not


@dataclass(frozen=True)
class Part:
    """Units of one product that moved together."""

    product_id: ProductId
    quantity: int
    slot_id: SlotId | None
    mass_g: float  # of one unit, as weighed
    stray: str | None = None  # picks: the interaction that brought it
    is_measured: bool = True  # False: the mass is inferred, and teaches nothing
    right_hand: float = 0.5  # put-backs: probability that the right hand had taken it
    held_s: float = math.inf  # put-backs: so long before
    busy: tuple[float, float] = (
        0.0,
        0.0,
    )  # put-backs: probability that the left, the right hand just took another
    under_hand: str | None = None  # picks: the interaction that was a resting hand, and left with it
    hand_g: float = 0.0  # put-backs: of a hand that came to rest beside it meanwhile


@dataclass(frozen=True)
class Explanation:
    """One way in which a change can have come about."""

    kind: InteractionKind
    parts: tuple[Part, ...]  # none: unexplained
    log_density: float
    carrier: VisitId | None = None  # put-backs: who must have done it
    stray: str | None = None  # unexplained picks: the unknown thing that left again
    may_be_hand: bool = (
        False  # unexplained: so light that it may be the load of a hand that does something else
    )

    @property
    def key(self) -> tuple[tuple[ProductId, int, SlotId], ...]:
        """What moved, and from or to where."""
        return tuple((part.product_id, part.quantity, part.slot_id or "") for part in self.parts)


@dataclass(frozen=True)
class JustLeft:
    """What last left the plates on which a gain is."""

    interaction_ids: frozenset[str]
    mass_g: float  # above zero
    noise_sd_g: float  # of it
    apart_sd_g: float  # of it, on plates that the gain is not on
    shared: float  # of it, on plates that the gain is on
    apart_s: float  # before the gain
    product_id: ProductId | None  # of which that was most likely
    quantity: int

    def is_all_of(self, mass_g: float) -> bool:
        """Whether goods that were weighed then are all that left."""
        return abs(mass_g - self.mass_g) < SAME_G


def merged(found: list[tuple[Explanation, float]]) -> list[Explanation]:
    """Each explanation once, as it is likeliest, with all its density."""
    alike: dict[tuple[object, ...], list[tuple[Explanation, float]]] = {}
    for one, density in found:
        alike.setdefault((one.kind, one.key, one.stray), []).append((one, density))
    return [
        replace(
            max(own, key=lambda pair: pair[1])[0],
            log_density=float(np.logaddexp.reduce([density for _, density in own])),
        )
        for own in alike.values()
    ]
