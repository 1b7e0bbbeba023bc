"""What arms were taken to do (`ArmAction`), as evidence for whoever decides who took what.

The path of an arm tells little about goods and much about whether it did anything: a hand that came back from the
shelf at once, or went to another board, did not cause this step.
"""

from __future__ import annotations

import math
from typing import Final

from openaisle.core.messages import Action, ArmAction, InteractionKind, TrackId
from openaisle.core.units import NS_PER_S
from openaisle.interactions.actions import ACTIONS
from openaisle.interactions.reach import Suspect
from openaisle.interactions.settings import DeedSettings

KEPT_MAX: Final = 4  # reaches of one hand
HANDS_MAX: Final = 512  # the one not heard of for longest goes first

_TAKE: Final = ACTIONS.index(Action.TAKE)
_PUT_BACK: Final = ACTIONS.index(Action.PUT_BACK)


class Deeds:
    """The newest reaches of every hand."""

    def __init__(self, settings: DeedSettings) -> None:
        self._settings = settings
        self._reaches: dict[tuple[TrackId, int], dict[str, ArmAction]] = {}

    def hear(self, action: ArmAction) -> None:
        key = (action.track_id, action.hand)
        reaches = self._reaches.pop(key, {})
        reaches[action.action_id] = action
        while len(reaches) > KEPT_MAX:
            reaches.pop(next(iter(reaches)))
        self._reaches[key] = reaches
        while len(self._reaches) > HANDS_MAX:
            self._reaches.pop(next(iter(self._reaches)))

    def log_ratio(self, suspect: Suspect, gondola_id: str, kind: InteractionKind, edge_ns: int) -> float:
        """How much likelier what this hand was seen to do is if it caused the step, than if it did not."""
        deed = _TAKE if kind is InteractionKind.PICK_UP else _PUT_BACK
        settings = self._settings
        reach = self._reach(suspect.track_id, suspect.hand, gondola_id, edge_ns)
        if reach is None:
            other = self._reach(suspect.track_id, 1 - suspect.hand, gondola_id, edge_ns)
            did_other = other is not None and other.probabilities[deed] >= settings.did_min
            return settings.log_other_hand if did_other else 0.0
        probability, prior = reach.probabilities[deed], settings.prior[deed]
        guess = 1.0 - settings.sure
        did = settings.sure * probability / prior + guess
        did_not = settings.sure * (1.0 - probability) / (1.0 - prior) + guess
        return math.log(did) - math.log(did_not)

    def reach_of(self, track_id: TrackId, hand: int, began_ns: int, last_ns: int) -> ArmAction | None:
        """The newest reach of a hand that falls into its stay inside a shelf."""
        for reach in reversed(self._reaches.get((track_id, hand), {}).values()):
            if reach.began_ns <= last_ns and reach.at_ns >= began_ns:
                return reach
        return None

    def undone_probability(self, reach: ArmAction | None) -> float:
        """That a stay inside a shelf moved no goods."""
        if reach is None:
            return self._settings.prior_undone
        return 1.0 - reach.probabilities[_TAKE] - reach.probabilities[_PUT_BACK]

    def _reach(self, track_id: TrackId, hand: int, gondola_id: str, edge_ns: int) -> ArmAction | None:
        """A hand's reach that a step falls into, where it was watched long enough to tell."""
        settings = self._settings
        near_ns, after_ns = round(settings.near_s * NS_PER_S), round(settings.after_s * NS_PER_S)
        for reach in reversed(self._reaches.get((track_id, hand), {}).values()):
            if reach.gondola_id != gondola_id or reach.began_ns > edge_ns or reach.at_ns < edge_ns - near_ns:
                continue
            if reach.at_ns >= edge_ns + after_ns or reach.is_over:
                return reach
        return None
