"""One weight step and what was said of it so far."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from openaisle.core.messages import Interaction, WeightStep
from openaisle.interactions.explanations import Change
from openaisle.interactions.reach import Target


@dataclass
class Case:
    """Open until its step has settled and tracks have passed it; remembered a while longer."""

    step: WeightStep
    change: Change
    target: Target
    seen_ns: int
    said: dict[str, Interaction] = field(default_factory=dict[str, Interaction])  # withdrawn ones too
    tracks_ns: int = 0  # how far tracks reached when it was decided last
    is_looking: bool = False  # when it was decided last, somebody was still looking into hands
    is_final: bool = False
    is_learned: bool = False
    was_hand: bool = False  # a gain that left again together with goods
    hand_g: float = 0.0  # of a gain, as it was decided last: of a hand that came to rest beside the goods

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
