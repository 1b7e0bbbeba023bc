"""What looks into hands will say, once products are recognised in them: assumed here, not measured.

A look is right in about 94 % (log odds of +-2.2 with a spread of 0.8 that stays for a whole reach, because a pack that
is hidden once is hidden again, and 1.2 that does not). A hand inside a shelf is not looked into, and of the others only
a share. Half of all training samples have no look at all, so that the network does without.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from openaisle.interactions.actions_paths import beyond_wrists

SURE_LOG_ODDS: Final = 2.2
STAYING_SD: Final = 0.8
PASSING_SD: Final = 1.2
LOOKED_SHARE: Final = 0.6  # of the ticks at which a hand is outside


def looked_log_odds(
    holds: np.ndarray, joints_gondola_m: np.ndarray, rng: np.random.Generator, staying: np.random.Generator
) -> np.ndarray:
    """Log odds [n, ticks, 2] that each hand holds something, of true `holds` [n, ticks, 2]; NaN: nobody looked.

    `staying` draws what is wrong about all looks of a row alike.
    """
    count, ticks, _ = holds.shape
    log_odds = np.where(holds, SURE_LOG_ODDS, -SURE_LOG_ODDS)
    log_odds = log_odds + staying.normal(0.0, STAYING_SD, (count, 1, 2))
    log_odds = log_odds + rng.normal(0.0, PASSING_SD, (count, ticks, 2))
    into = beyond_wrists(joints_gondola_m, 0.10)[..., 1]
    is_looked = (into < 0.0) & (rng.random((count, ticks, 2)) < LOOKED_SHARE)
    return np.where(is_looked, log_odds, np.nan)
