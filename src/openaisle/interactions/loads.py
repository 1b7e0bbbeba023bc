"""Which plates of a shelf carry a change. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.interactions.places import Floats

CARRYING_SHARE: Final = 0.1


def load_shares(mass_g: Floats) -> tuple[float, ...]:
    """Share of a change on each plate [plates], if still ones lie between those that carry it; else nothing."""
    shares = np.abs(mass_g) / np.abs(mass_g).sum()
    is_parted = bool((np.diff(np.flatnonzero(is_carrying(mass_g))) > 1).any())
    return tuple(shares.tolist()) if is_parted else ()


def is_carrying(mass_g: Floats) -> NDArray[np.bool_]:
    """Plates [plates] with a good part of a change."""
    return np.abs(mass_g) > CARRYING_SHARE * np.abs(mass_g).sum()


def is_beside_silent(mass_g: Floats, sd_g: Floats) -> bool:
    """Whether next to the plates that carried a change [plates] one says nothing (its noise is NaN)."""
    carrying = is_carrying(mass_g)
    near = carrying.copy()
    near[1:] |= carrying[:-1]
    near[:-1] |= carrying[1:]
    return bool((near & ~np.isfinite(sd_g)).any())
