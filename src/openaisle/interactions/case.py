"""One weight step and what was said of it so far."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from openaisle.core.messages import Interaction, StepStatus, WeightStep
from openaisle.interactions.explanations import Change
from openaisle.interactions.reach import Target


@dataclass
class Case:
    """Open until its step has settled and tracks have passed it; remembered a while longer."""

    step: WeightStep
    own: Change  # what the step says by itself
    target: Target
    seen_ns: int
    said: dict[str, Interaction] = field(default_factory=dict[str, Interaction])  # withdrawn ones too
    tracks_ns: int = 0  # how far tracks reached when it was decided last
    is_looking: bool = False  # when it was decided last, somebody was still looking into hands
    is_final: bool = False
    is_learned: bool = False
    was_hand: bool = False  # a gain that left again together with goods
    hand_g: float = 0.0  # of a gain, as it was decided last: of a hand that came to rest beside the goods
    # Of a loss: later ones that were a hand which had come to rest as the goods left, by their steps.
    hands: Mapping[str, Change] = field(default_factory=dict[str, Change])
    hand_of: str | None = None  # of such a later loss: the step of the goods

    @property
    def change(self) -> Change:
        """What the step says, and what is known of hands since."""
        return self.with_hands(self.hands)

    def with_hands(self, hands: Mapping[str, Change]) -> Change:
        """What it would say if those later losses were a hand that had made the goods lighter."""
        if not hands:
            return self.own
        mass_g = self.own.mass_g + sum(hand.mass_g for hand in hands.values())
        mass_sd_g = math.hypot(self.own.mass_sd_g, *(hand.mass_sd_g for hand in hands.values()))
        return replace(self.own, mass_g=mass_g, mass_sd_g=mass_sd_g)

    @property
    def is_withdrawn(self) -> bool:
        return self.step.status is StepStatus.WITHDRAWN

    @property
    def standing(self) -> list[Interaction]:
        return [interaction for interaction in self.said.values() if not interaction.withdrawn]

    def ids(self) -> Iterator[str]:
        """Ids of this step's interactions: the same however often it is decided."""
        rank = 0
        while True:
            yield f"{self.step.step_id}#{rank}"
            rank += 1

    @property
    def first_id(self) -> str:
        return next(self.ids())
