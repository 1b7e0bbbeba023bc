"""Log densities of what was measured: a value, or a load at a place."""

from __future__ import annotations

import math

import numpy as np

from openaisle.interactions.explanations import Change
from openaisle.interactions.places import PLACE_FLOOR, Heard
from openaisle.interactions.settings import WeighSettings


def log_normal(off: float, sd: float) -> float:
    """Of being off by so much."""
    return -0.5 * (off / sd) ** 2 - math.log(sd * math.sqrt(2 * math.pi))


def log_evenly(value: float, sd: float, bounds: tuple[float, float]) -> float:
    """Of what lies anywhere within bounds, and is read with that error."""
    least, most = bounds
    above, below = ((value - bound) / (math.sqrt(2.0) * sd) for bound in bounds)
    within = 0.5 * (math.erf(above) - math.erf(below))
    return math.log(max(within, 1e-300) / (most - least))


def log_heard(
    change: Change, heard: Heard, mass_g: float, mean_g: float, variance_g2: float, settings: WeighSettings
) -> float:
    """Log density (per gram and metre) of feeling `mass_g` (> 0) of goods of which some may stand unheard."""
    blur_g = settings.silent_share * mean_g * np.sqrt(heard.shares) * heard.is_cut
    variances = change.mass_sd_g**2 + heard.shares**2 * variance_g2 + blur_g**2
    off_g = mass_g - heard.shares * mean_g
    masses = np.exp(-0.5 * off_g * off_g / variances) / np.sqrt(2 * math.pi * variances)
    sd_m = np.hypot(change.along_sd_m, settings.silent_sd_m * heard.is_cut)
    z = (change.along_m - heard.felt_m) / sd_m
    where = np.exp(-0.5 * z * z) / (sd_m * math.sqrt(2 * math.pi))
    # Goods that lean over or stand askew, as everywhere; and what nothing here accounts for.
    density = float((masses * (where + PLACE_FLOOR)).sum()) / max(1, len(heard.shares))
    return math.log((1.0 - heard.missed) * density + 1e-300)
