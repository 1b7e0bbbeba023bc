"""Goods that somebody carries, brought back: how well each way of it explains a gain."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np

from openaisle.core.messages import InteractionKind, ProductId, ShelfId, SlotId, VisitId
from openaisle.interactions.carried import Lot
from openaisle.interactions.densities import log_evenly, log_heard, log_normal
from openaisle.interactions.explanations import Change, Explanation, Part
from openaisle.interactions.masses import Masses
from openaisle.interactions.places import ShelfPlaces
from openaisle.interactions.settings import WeighSettings
from openaisle.store.schema import Store


class PutBacks:
    """Explanations of one gain by one lot. Holds no state of its own."""

    def __init__(
        self,
        store: Store,
        places: Mapping[ShelfId, ShelfPlaces],
        masses: Masses,
        settings: WeighSettings,
    ) -> None:
        self._places = places
        self._masses = masses
        self._settings = settings
        self._half_widths_m = {
            product_id: product.width_m / 2 for product_id, product in store.products.items()
        }
        self._slots_of_product: dict[tuple[ShelfId, ProductId], list[SlotId]] = {}
        for slot_id, slot in store.slots.items():
            self._slots_of_product.setdefault((slot.shelf_id, slot.product_id), []).append(slot_id)

    def of(
        self,
        change: Change,
        visit_id: VisitId,
        lot: Lot,
        quantity: int,
        busy: tuple[float, float],
        *,
        is_crowded: bool,
        may_be_off: bool = False,
    ) -> Iterable[Explanation]:
        """Into a slot of its own on this shelf, or anywhere on it.

        `busy`: how likely either hand holds something else. `is_crowded`: hands of several people were there.
        `may_be_off`: what it weighed on its way out.
        """
        places, settings = self._places[change.shelf_id], self._settings
        # The same unit was weighed on its way out; of several, any one may come back.
        own_g = math.hypot(quantity * lot.mass_sd_g, settings.mass_sd_g_min)
        may_be_hand = is_crowded and not change.silent
        log_mass, hand_g = self._log_mass(change, lot, quantity, own_g, may_be_hand, may_be_off)
        is_measured = not change.silent and hand_g == 0.0
        part = Part(
            lot.product_id,
            quantity,
            places.nearest_slot(change.along_m),
            change.mass_g / quantity if is_measured else lot.mass_g,
            is_measured=is_measured,
            right_hand=lot.right_hand,
            held_s=lot.held_s(change.edge_ns),
            busy=busy,
            hand_g=hand_g,
        )

        def fit(slot_id: SlotId | None) -> float:
            """Log density (per gram and metre), its place in a slot or anywhere."""
            if change.silent:
                half_m = self._half_widths_m[lot.product_id]
                heard = (
                    places.heard_anywhere(half_m, change.silent)
                    if slot_id is None
                    else places.heard_in(slot_id, change.silent)
                )
                return log_heard(change, heard, change.mass_g, quantity * lot.mass_g, own_g**2, settings)
            if slot_id is None:
                return log_mass - math.log(places.width_m)
            return log_mass + places.log_density(slot_id, change.along_m, change.along_sd_m)

        log_prior = math.log(settings.prior_quantity[quantity - 1]) + self._log_recent(lot, change.edge_ns)
        right = settings.prior_right_slot
        for slot_id in self._slots_of_product.get((change.shelf_id, lot.product_id), ()):
            density = log_prior + fit(slot_id) + math.log(right)
            own = replace(part, slot_id=slot_id)
            yield Explanation(InteractionKind.PUT_BACK, (own,), density, visit_id)
        density = log_prior + self._log_wrong(change, lot.product_id, fit) + math.log(1.0 - right)
        yield Explanation(InteractionKind.PUT_BACK_WRONG, (part,), density, visit_id)

    def _log_recent(self, lot: Lot, at_ns: int) -> float:
        """How likely goods taken so long ago are put back, against goods that were taken just now."""
        old = self._settings.prior_old
        return math.log(old + (1.0 - old) * lot.recency(at_ns, self._settings.recent_s))

    def _log_mass(
        self, change: Change, lot: Lot, quantity: int, own_g: float, may_be_hand: bool, may_be_off: bool
    ) -> tuple[float, float]:
        """Log density (per gram) of what was weighed, and what of it was most likely somebody's hand."""
        settings = self._settings
        sd_g, heavier_g = math.hypot(change.mass_sd_g, own_g), change.mass_g - quantity * lot.mass_g
        alone = log_normal(heavier_g, sd_g)
        if may_be_off:
            usual = self._masses.log_likelihood(lot.product_id, quantity, change.mass_g, change.mass_sd_g)
            off = settings.prior_off
            alone = float(np.logaddexp(math.log1p(-off) + alone, math.log(off) + usual))
        if not may_be_hand:
            return alone, 0.0
        prior = settings.prior_hand_beside
        alone += math.log1p(-prior)
        by_hand = math.log(prior) + log_evenly(heavier_g, sd_g, settings.hand_beside_g)
        return float(np.logaddexp(alone, by_hand)), heavier_g if by_hand > alone else 0.0

    def _log_wrong(
        self, change: Change, product_id: ProductId, fit: Callable[[SlotId | None], float]
    ) -> float:
        """`fit` where a product is put that is not its slot: anywhere, or where a twin stands."""
        places, settings = self._places[change.shelf_id], self._settings
        mass_g = self._masses.mean_g(product_id)
        twins = [
            fit(slot_id)
            for slot_id, slot in places.slots.items()
            if slot.product.product_id != product_id
            and abs(self._masses.mean_g(slot.product.product_id) - mass_g) <= settings.twin_share * mass_g
        ]
        if not twins:
            return fit(None)
        share = settings.prior_twin_slot
        among_twins = math.log(share / len(twins)) + float(np.logaddexp.reduce(twins))
        return float(np.logaddexp(math.log(1 - share) + fit(None), among_twins))
