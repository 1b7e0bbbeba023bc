"""Log densities of one measured value."""

from __future__ import annotations

import math


def log_normal(off: float, sd: float) -> float:
    """Of being off by so much."""
    return -0.5 * (off / sd) ** 2 - math.log(sd * math.sqrt(2 * math.pi))


def log_evenly(value: float, sd: float, bounds: tuple[float, float]) -> float:
    """Of what lies anywhere within bounds, and is read with that error."""
    least, most = bounds
    above, below = ((value - bound) / (math.sqrt(2.0) * sd) for bound in bounds)
    within = 0.5 * (math.erf(above) - math.erf(below))
    return math.log(max(within, 1e-300) / (most - least))
