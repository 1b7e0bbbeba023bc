"""Random small shops to train in: other outlines, gondolas, goods and cameras than any shipped store."""

from __future__ import annotations

import numpy as np

from openaisle.core.errors import InputError
from openaisle.sim.stores import generate_store
from openaisle.store.schema import Store


def training_store(seed: int) -> Store:
    """The random shop of a seed: 15-60 m2, as many gondolas as it has room for, up to a drawn number."""
    rng = np.random.default_rng([seed, 905])
    area_m2 = float(rng.uniform(15.0, 60.0))
    gondolas = int(rng.integers(3, 4 + int(area_m2 / 4)))
    aisle_m = float(rng.uniform(0.95, 1.6))
    return fitted_store(seed, rng, area_m2=area_m2, gondolas=gondolas, aisle_m=aisle_m, cameras=4)


def fitted_store(
    seed: int, rng: np.random.Generator, *, area_m2: float, gondolas: int, aisle_m: float, cameras: int
) -> Store:
    """A random shop with so many gondolas, or as many as it has room for. Draws its number of products from `rng`.

    Raises InputError where not even one gondola fits.
    """
    while True:
        products = int(gondolas * rng.uniform(10, 22))
        try:
            return generate_store(
                seed,
                area_m2=area_m2,
                gondola_count=gondolas,
                sku_count=products,
                camera_count=cameras,
                aisle_m=aisle_m,
            )
        except InputError:
            if gondolas == 1:
                raise
            gondolas -= 1
