"""Where on a shelf goods can stand, and what its plates would then feel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openaisle.core.messages import SlotId
from openaisle.interactions.settings import WeighSettings
from openaisle.store.schema import Product, Shelf, Slot, Store

Floats = NDArray[np.float64]

POSITIONS: int = 9  # of an item within its slot
PLACE_FLOOR = 1e-4
"""Density (per metre) at which goods are felt anywhere else: they lean over and stand askew."""
FINE_M = 0.005
"""Beside plates that say nothing an item's place matters to the half centimetre."""
HEARD_KEPT_MAX = 512
"""At the bound all are forgotten and computed anew."""
HEARD_MIN = 0.02
"""An item of which the other plates feel less is not noticed."""

Silent = tuple[bool, ...]
"""Which plates of a shelf say nothing, left to right."""


@dataclass(frozen=True)
class Heard:
    """What plates that speak feel of an item, at each place where it may stand with equal probability."""

    shares: Floats  # [places] of its load
    felt_m: Floats  # [places] where they feel that
    is_cut: NDArray[np.bool_]  # [places] some of it stands on a silent plate
    missed: float  # share of all places at which they would feel nothing; these are left out


@dataclass(frozen=True)
class SlotPlaces:
    """One slot: where the centre of mass of one of its items would be felt."""

    slot: Slot
    product: Product
    felt_m: Floats  # [POSITIONS] along the shelf, anywhere in the slot
    facings_m: Floats  # [facings] the same, in the middle of each facing


class ShelfPlaces:
    """One shelf. Along is measured from the shelf's left end."""

    def __init__(self, store: Store, shelf: Shelf, settings: WeighSettings) -> None:
        self.shelf = shelf
        self._settings = settings
        self._left_m = np.array([plate.left_m for plate in shelf.plates])
        self._right_m = self._left_m + np.array([plate.width_m for plate in shelf.plates])
        self._centre_m = (self._left_m + self._right_m) / 2
        self.slots = {
            slot.slot_id: self._places(slot, store.products[slot.product_id]) for slot in shelf.slots
        }
        self._heard: dict[tuple[SlotId | None, float, Silent], Heard] = {}

    @property
    def width_m(self) -> float:
        return self.shelf.width_m

    def felt(self, mass_change_g: Floats, noise_sd_g: Floats) -> tuple[float, float]:
        """(along, sd) of the centre of a change [plates], in metres."""
        total_g = float(mass_change_g.sum())
        along_m = float((mass_change_g * self._centre_m).sum()) / total_g
        own = mass_change_g != 0.0
        spread = float(np.sqrt((((self._centre_m[own] - along_m) * noise_sd_g[own]) ** 2).sum()))
        sd_m = float(np.hypot(spread / abs(total_g), self._settings.place_sd_m))
        low, high = float(self._centre_m[0]), float(self._centre_m[-1])
        return min(max(along_m, low), high), sd_m

    def log_density(self, slot_id: SlotId, along_m: float, sd_m: float, quantity: int = 1) -> float:
        """Log density (per metre) that items of this slot are felt at `along_m`: one in a facing, or just anywhere."""
        return self.log_densities(slot_id, along_m, sd_m)[quantity > 1]

    def log_densities(self, slot_id: SlotId, along_m: float, sd_m: float) -> tuple[float, float]:
        """The same of one item, and of several: they have no one facing."""
        slot, share = self.slots[slot_id], self._settings.in_facing_share
        anywhere = _mixture(slot.felt_m, along_m, sd_m)
        in_facing = _mixture(slot.facings_m, along_m, sd_m)
        return math.log((1.0 - share) * anywhere + share * in_facing), math.log(anywhere)

    def log_density_pair(
        self, first: SlotId, second: SlotId, share: float, along_m: float, sd_m: float
    ) -> float:
        """The same for one item of each of two slots, the first with `share` of the mass."""
        a, b = self.slots[first].felt_m, self.slots[second].felt_m
        return _log_mixture((share * a[:, None] + (1 - share) * b[None, :]).ravel(), along_m, sd_m)

    def log_density_at(self, stands_m: float, along_m: float, sd_m: float) -> float:
        """The same for an item that was felt at `stands_m` before: to the millimetre, unless somebody moved it."""
        settings = self._settings
        # How a pack stands on its plates does not change: what is left is their noise, twice.
        noise_m = math.sqrt(2.0 * max(0.0, sd_m**2 - settings.place_sd_m**2))
        still = _log_mixture(np.array([stands_m]), along_m, math.hypot(noise_m, settings.still_sd_m))
        moved = _log_mixture(np.array([stands_m]), along_m, math.hypot(sd_m, settings.moved_sd_m))
        log_still, log_moved = math.log1p(-settings.prior_moved), math.log(settings.prior_moved)
        return float(np.logaddexp(still + log_still, moved + log_moved))

    def outside(self, slot_id: SlotId, loads: Sequence[float]) -> float:
        """Share of a load [plates] on plates that a slot does not reach."""
        slot = self.slots[slot_id].slot
        reached = (self._right_m > slot.left_m + 1e-3) & (self._left_m < slot.left_m + slot.width_m - 1e-3)
        return float(np.array(loads)[~reached].sum())

    def heard_in(self, slot_id: SlotId, silent: Silent) -> Heard:
        """An item of this slot, anywhere in it."""
        slot, product = self.slots[slot_id].slot, self.slots[slot_id].product
        half_m = min(product.width_m, slot.width_m) / 2
        return self._hear(slot_id, slot.left_m, slot.left_m + slot.width_m, half_m, silent)

    def heard_anywhere(self, half_m: float, silent: Silent) -> Heard:
        """An item of this half width, anywhere on the shelf."""
        return self._hear(None, 0.0, self.width_m, half_m, silent)

    def _hear(
        self, slot_id: SlotId | None, left_m: float, right_m: float, half_m: float, silent: Silent
    ) -> Heard:
        key = (slot_id, half_m, silent)
        if (known := self._heard.get(key)) is not None:
            return known
        count = max(1, round((right_m - left_m - 2 * half_m) / FINE_M) + 1)
        centres_m = np.linspace(left_m + half_m, max(left_m + half_m, right_m - half_m), count)
        loads = np.array([self._loads(centre_m, half_m) for centre_m in centres_m])  # [places, plates]
        spoken = loads * ~np.array(silent)
        shares = spoken.sum(axis=1)
        is_felt = shares > HEARD_MIN
        felt_m = (spoken[is_felt] * self._centre_m).sum(axis=1) / shares[is_felt]
        found = Heard(shares[is_felt], felt_m, shares[is_felt] < 1.0 - 1e-9, 1.0 - float(is_felt.mean()))
        if len(self._heard) >= HEARD_KEPT_MAX:
            self._heard.clear()
        self._heard[key] = found
        return found

    def nearest_slot(self, along_m: float) -> SlotId | None:
        """The slot whose stretch of shelf is nearest."""

        def away(slot: Slot) -> tuple[float, str]:
            return max(slot.left_m - along_m, along_m - slot.left_m - slot.width_m, 0.0), slot.slot_id

        return min(self.shelf.slots, key=away).slot_id if self.shelf.slots else None

    def _places(self, slot: Slot, product: Product) -> SlotPlaces:
        half_m = min(product.width_m, slot.width_m) / 2
        centres = np.linspace(slot.left_m + half_m, slot.left_m + slot.width_m - half_m, POSITIONS)
        middles = slot.left_m + (np.arange(slot.facings) + 0.5) * slot.width_m / slot.facings
        felt_m, facings_m = (
            np.array([self._felt_of(centre, half_m) for centre in each]) for each in (centres, middles)
        )
        return SlotPlaces(slot, product, felt_m, facings_m)

    def _felt_of(self, centre_m: float, half_m: float) -> float:
        """Where plates feel a pack: each feels what stands on it, and its neighbours a little."""
        loads = self._loads(centre_m, half_m)
        return float((loads * self._centre_m).sum()) if loads.any() else centre_m

    def _loads(self, centre_m: float, half_m: float) -> Floats:
        """Shares [plates] of a pack's load; all 0 where it stands on none."""
        overlap = np.minimum(self._right_m, centre_m + half_m) - np.maximum(self._left_m, centre_m - half_m)
        shares = np.clip(overlap, 0.0, None)
        total = shares.sum()
        return shares / total if total > 1e-6 else np.zeros_like(shares)


def _log_mixture(means_m: Floats, at_m: float, sd_m: float) -> float:
    return math.log(_mixture(means_m, at_m, sd_m))


def _mixture(means_m: Floats, at_m: float, sd_m: float) -> float:
    """Density of equal Gaussians, with a floor."""
    z = (at_m - means_m) / sd_m
    return float(np.exp(-0.5 * z * z).mean()) / (sd_m * math.sqrt(2 * math.pi)) + PLACE_FLOOR
