"""What a unit of each product weighs here, learned from what left the shelves. A scalar Kalman filter a product."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from openaisle.core.messages import ProductId
from openaisle.interactions.densities import log_evenly
from openaisle.interactions.settings import WeighSettings
from openaisle.store.schema import Product, Store

SURPRISE_SD_MAX: Final = 3.0


@dataclass
class _Belief:
    mean_g: float
    variance: float  # of the batch's mean
    unit_variance: float  # of one unit about it


class Masses:
    """Begins with the catalogue, which real goods miss by up to 5 %."""

    def __init__(self, store: Store, settings: WeighSettings) -> None:
        self._settings = settings
        self._beliefs = {product_id: self._first(product) for product_id, product in store.products.items()}

    def is_known(self, product_id: ProductId) -> bool:
        return self._beliefs[product_id].mean_g >= self._settings.mass_known_g_min

    def mean_g(self, product_id: ProductId) -> float:
        return self._beliefs[product_id].mean_g

    def variance_g2(self, product_id: ProductId, quantity: int) -> float:
        """Of what that many units weigh."""
        belief = self._beliefs[product_id]
        return quantity * belief.unit_variance + quantity**2 * belief.variance

    def log_likelihood(self, product_id: ProductId, quantity: int, mass_g: float, noise_sd_g: float) -> float:
        """Log density (per gram) of weighing `mass_g` (> 0) for that many units."""
        belief = self._beliefs[product_id]
        if not self.is_known(product_id):
            return -math.log(self._settings.mass_any_g) if quantity == 1 else -math.inf
        variance = noise_sd_g**2 + self.variance_g2(product_id, quantity)
        off_g = mass_g - quantity * belief.mean_g
        return -0.5 * (off_g * off_g / variance + math.log(2 * math.pi * variance))

    def log_likelihood_taken(
        self, product_id: ProductId, quantity: int, mass_g: float, noise_sd_g: float
    ) -> tuple[float, bool]:
        """The same of goods that left, and whether they most likely left alone.

        A hand may have rested on them, too lightly for a step, and left with them.
        """
        settings = self._settings
        alone = self.log_likelihood(product_id, quantity, mass_g, noise_sd_g)
        if not self.is_known(product_id):
            return alone, True
        sd_g = math.hypot(noise_sd_g, math.sqrt(self.variance_g2(product_id, quantity)))
        heavier_g = mass_g - quantity * self.mean_g(product_id)
        log_alone = math.log1p(-settings.prior_unheard_hand) + alone
        log_hand = math.log(settings.prior_unheard_hand) + log_evenly(
            heavier_g, sd_g, settings.unheard_hand_g
        )
        return float(np.logaddexp(log_alone, log_hand)), log_alone >= log_hand

    def learn(self, product_id: ProductId, quantity: int, mass_g: float, noise_sd_g: float) -> None:
        """A unit's mass as weighed when nothing else could have been meant. What fits badly teaches nothing."""
        belief = self._beliefs[product_id]
        measured_g = mass_g / quantity
        variance = (noise_sd_g**2 + quantity * belief.unit_variance) / quantity**2
        if not self.is_known(product_id):
            self._beliefs[product_id] = _Belief(measured_g, variance + belief.variance, belief.unit_variance)
            return
        if (measured_g - belief.mean_g) ** 2 > SURPRISE_SD_MAX**2 * (belief.variance + variance):
            return
        gain = belief.variance / (belief.variance + variance)
        belief.mean_g += gain * (measured_g - belief.mean_g)
        belief.variance *= 1 - gain

    def _first(self, product: Product) -> _Belief:
        settings = self._settings
        unit_sd_g = max(
            product.mass_sd_g, settings.unit_sd_share_min * product.mass_g, settings.mass_sd_g_min
        )
        return _Belief(product.mass_g, (settings.mass_model_share * product.mass_g) ** 2, unit_sd_g**2)
