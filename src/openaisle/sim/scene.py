"""What there is to see at one instant: the contract between the world (shop, shoppers) and the renderer.

Floor frame, metres. Arrays are float64 here: this is the simulator's truth, not a message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.messages import JOINTS

Floats = NDArray[np.float64]

BODY_JOINTS: Final = (
    *JOINTS, "neck", "pelvis", "head_top", "left_hand", "right_hand", "left_toe", "right_toe",
)  # fmt: skip
"""The 17 COCO joints first (same indices), then those only the simulator knows. 24 in all."""
BODY_JOINT_INDEX: Final = {name: index for index, name in enumerate(BODY_JOINTS)}


@dataclass(frozen=True, kw_only=True)
class Body:
    """One person's build and clothes; does not change during a visit. Colours are RGB 0..1."""

    body_id: int
    height_m: float
    girth: float  # 1 = average build; scales limb and torso radii
    shoulder_width_m: float
    skin: tuple[float, float, float]
    hair: tuple[float, float, float]
    top: tuple[float, float, float]
    trousers: tuple[float, float, float]
    shoes: tuple[float, float, float]
    pattern: int = 0  # 0 plain, 1 stripes, 2 checks, 3 bright vest (staff), clothes.OTHER_PATTERNS
    pattern_colour: tuple[float, float, float] = (1.0, 1.0, 1.0)
    has_long_sleeves: bool = True
    has_bag: bool = False  # shoulder bag or basket that hides what goes in


@dataclass(frozen=True, kw_only=True)
class Item:
    """One unit of goods that can be seen. Its true mass may differ from the catalogue."""

    item_id: int
    product_id: str
    mass_g: float


@dataclass(kw_only=True)
class Scene:
    """The visible world at `at_ns`. Arrays are row-aligned with `bodies` and `items`."""

    at_ns: int
    light: float  # 1 = nominal brightness of the shop's lamps
    bodies: tuple[Body, ...]
    joints_floor_m: Floats  # [bodies, 24, 3], BODY_JOINTS order
    items: tuple[Item, ...]
    item_positions_floor_m: Floats  # [items, 3] centre of the pack's bottom face
    item_yaw_deg: Floats  # [items] direction of the pack's width axis, 0 = east
    item_in_hand: NDArray[np.bool_]  # [items] True while carried (moves every frame)
    shelf_version: int  # grows whenever an item not in a hand came, went or moved
