"""What each piece of evidence is worth: the same scripts read without it.

Every ablation is a setting at which that piece says nothing; nothing else is changed, and nothing is tuned anew.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from openaisle.interactions.settings import Settings

BLIND_M: Final = 50.0  # a spread so wide that no place is better than another
BLIND_SHARE: Final = 20.0


def _without_place(all_: Settings) -> Settings:
    return replace(all_, weigh=replace(all_.weigh, place_sd_m=BLIND_M))


def _without_weight(all_: Settings) -> Settings:
    return replace(all_, weigh=replace(all_.weigh, mass_model_share=BLIND_SHARE, mass_sd_g_min=2000.0))


def _without_arms(all_: Settings) -> Settings:
    spreads = dict.fromkeys(("along_sd_m", "outside_sd_m", "height_sd_m", "stand_sd_m"), BLIND_M)
    return replace(all_, reach=replace(all_.reach, **spreads))


def _one_wrist(all_: Settings) -> Settings:
    """The hand at the instant of the edge alone, no path before it."""
    return replace(all_, reach=replace(all_.reach, before_s=0.06, after_s=0.06, best_share=1.0))


def _without_actions(all_: Settings) -> Settings:
    return replace(all_, deeds=replace(all_.deeds, sure=0.0))


def _without_strays(all_: Settings) -> Settings:
    return replace(all_, units_max=0)


def _without_splitting(all_: Settings) -> Settings:
    return replace(all_, weigh=replace(all_.weigh, prior_entangled=1e-6, prior_pair=1e-9), shared_odds=1e-9)


def _without_joint(all_: Settings) -> Settings:
    return replace(all_, together_s=0.0)


def _without_hand_overs(all_: Settings) -> Settings:
    return replace(all_, meetings=replace(all_.meetings, log_odds_min=math.inf))


def _without_hand_that_took(all_: Settings) -> Settings:
    return replace(all_, prior_hand_that_took=0.5)


ABLATIONS: Final[dict[str, Callable[[Settings], Settings]]] = {
    "all": lambda all_: all_,
    "no place": _without_place,
    "no weight": _without_weight,
    "no arms": _without_arms,
    "one wrist at the edge": _one_wrist,
    "no action of the arm": _without_actions,
    "no moving planogram": _without_strays,
    "no event splitting": _without_splitting,
    "no joint assignment": _without_joint,
    "no hand-overs": _without_hand_overs,
    "no hand that took": _without_hand_that_took,
}


def ablation_lines(report: dict[str, Any]) -> list[tuple[str, float, float, int, int]]:
    """Name, mean F1, what it is worth against all, wrongly billed lines, missed units."""
    best = report["all"]["mean_f1"]
    return [
        (
            name,
            own["mean_f1"],
            round(best - own["mean_f1"], 4),
            own["wrongly_billed_lines"],
            own["missed_units"],
        )
        for name, own in report.items()
    ]
