"""What a shopper has in a hand, and what of their own lies on a shelf."""

from __future__ import annotations

from dataclasses import dataclass

from openaisle.sim.goods import Unit
from openaisle.sim.scene import Floats


@dataclass(frozen=True)
class Held:
    """A unit in a hand: where its bottom centre is from the hand, and how it is turned, in the body frame."""

    unit: Unit
    offset_body_m: tuple[float, float, float]
    yaw_body_rad: float


@dataclass(frozen=True)
class OwnThing:
    """Something of a shopper's own that lies on a shelf. No camera sees it: only plates feel it."""

    shelf_id: str
    along_m: float
    width_m: float
    mass_g: float
    floor_m: Floats  # [3]
