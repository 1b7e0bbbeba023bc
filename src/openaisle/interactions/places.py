"""Where on a shelf goods can stand, and what its plates would then feel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openaisle.core.messages import SlotId
from openaisle.interactions.settings import WeighSettings
from openaisle.store.schema import Product, Shelf, Slot, Store

Floats = NDArray[np.float64]

POSITIONS: int = 9  # of an item within its slot


@dataclass(frozen=True)
class SlotPlaces:
    """One slot: where the centre of mass of one of its items would be felt."""

    slot: Slot
    product: Product
    felt_m: Floats  # [POSITIONS] along the shelf


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

    def log_density(self, slot_id: SlotId, along_m: float, sd_m: float) -> float:
        """Log density (per metre) that an item of this slot is felt at `along_m`."""
        return _log_mixture(self.slots[slot_id].felt_m, along_m, sd_m)

    def log_density_pair(
        self, first: SlotId, second: SlotId, share: float, along_m: float, sd_m: float
    ) -> float:
        """The same for one item of each of two slots, the first with `share` of the mass."""
        a, b = self.slots[first].felt_m, self.slots[second].felt_m
        return _log_mixture((share * a[:, None] + (1 - share) * b[None, :]).ravel(), along_m, sd_m)

    def log_density_at(self, stands_m: float, along_m: float, sd_m: float) -> float:
        """The same for an item that was felt at `stands_m` before."""
        return _log_mixture(np.array([stands_m]), along_m, float(np.hypot(sd_m, 0.02)))

    def nearest_slot(self, along_m: float) -> SlotId | None:
        """The slot whose stretch of shelf is nearest."""

        def away(slot: Slot) -> tuple[float, str]:
            return max(slot.left_m - along_m, along_m - slot.left_m - slot.width_m, 0.0), slot.slot_id

        return min(self.shelf.slots, key=away).slot_id if self.shelf.slots else None

    def _places(self, slot: Slot, product: Product) -> SlotPlaces:
        half_m = min(product.width_m, slot.width_m) / 2
        centres = np.linspace(slot.left_m + half_m, slot.left_m + slot.width_m - half_m, POSITIONS)
        return SlotPlaces(slot, product, np.array([self._felt_of(centre, half_m) for centre in centres]))

    def _felt_of(self, centre_m: float, half_m: float) -> float:
        """Where plates feel a pack: each feels what stands on it, and its neighbours a little."""
        if len(self._centre_m) == 0:
            return centre_m
        overlap = np.minimum(self._right_m, centre_m + half_m) - np.maximum(self._left_m, centre_m - half_m)
        shares = np.clip(overlap, 0.0, None)
        if shares.sum() <= 1e-6:
            return centre_m
        return float((shares * self._centre_m).sum() / shares.sum())


def _log_mixture(means_m: Floats, at_m: float, sd_m: float) -> float:
    """Log density of equal Gaussians, with a floor: goods lean over and stand askew."""
    z = (at_m - means_m) / sd_m
    density = float(np.exp(-0.5 * z * z).mean()) / (sd_m * np.sqrt(2 * np.pi))
    return float(np.log(density + 1e-4))
