"""Hands that rest on a shelf: their load comes with one change of it, and goes by itself or with the next.

A hand that comes to rest as goods leave makes them lighter, as goods are put back, heavier, and when it goes that is a
loss of its own. None of it is anybody's doing.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace

from openaisle.core.units import NS_PER_S
from openaisle.interactions.case import Case
from openaisle.interactions.densities import log_evenly
from openaisle.interactions.explanations import Change
from openaisle.interactions.settings import WeighSettings
from openaisle.interactions.weigh import Weigher


class Rests:
    """Tells a hand that goes from goods. Holds no state of its own."""

    def __init__(self, weigher: Weigher, settings: WeighSettings) -> None:
        self._weigher = weigher
        self._settings = settings

    def came_beside(self, case: Case, cases: Collection[Case]) -> bool:
        """Whether a loss is of the hand that had come to rest there beside goods put back."""
        return case.change.mass_g < 0.0 and any(
            other.hand_g > 0.0
            and other.standing
            and self._is_before(other, case)
            and abs(other.hand_g + case.change.mass_g) <= self._settings.hand_off_g
            for other in cases
        )

    def came_with(self, case: Case, cases: Collection[Case]) -> Case | None:
        """The loss with which the hand came whose going a light loss is, if that is likelier than two losses.

        The goods are then heavier than they were read, by the hand.
        """
        least_g, most_g = self._settings.hand_beside_g
        if not least_g <= -case.own.mass_g <= most_g or case.own.silent:
            return None
        before = [other for other in cases if self._is_before(other, case) and other.hand_of is None]
        last = max(before, key=lambda other: other.step.edge_ns, default=None)
        if last is None or last.own.mass_g >= 0.0 or last.own.silent:
            return None
        return last if self._log_odds(last, case) > 0.0 else None

    def load(self, case: Case) -> Change:
        """What a loss says of the hand's load as it came: nobody holds a hand quite still."""
        return replace(case.own, mass_sd_g=math.hypot(case.own.mass_sd_g, self._settings.hand_sways_g))

    def _is_before(self, other: Case, case: Case) -> bool:
        """Whether a step that stands was on the same plates, and not too long before."""
        since_ns = case.step.edge_ns - round(self._settings.hand_s * NS_PER_S)
        is_soon = since_ns <= other.step.edge_ns < case.step.edge_ns
        return is_soon and not other.is_withdrawn and self._weigher.share_plates(other.own, case.own)

    def _log_odds(self, goods: Case, hand: Case) -> float:
        """Of one loss and a hand, against two losses. `hand` is not among the hands of `goods` yet."""
        load = self.load(hand)
        with_hand = goods.with_hands({**goods.hands, hand.step.step_id: load})
        log_two = self._log_best(goods.change, goods) + self._log_best(hand.own, hand)
        log_hand = math.log(self._settings.prior_hand_beside)
        log_hand += log_evenly(-load.mass_g, load.mass_sd_g, self._settings.hand_beside_g)
        log_hand += self._weigher.log_anywhere(load)
        return self._log_best(with_hand, goods) + log_hand - log_two

    def _log_best(self, change: Change, case: Case) -> float:
        return self._weigher.explain_loss(change, case.first_id)[0].log_density
