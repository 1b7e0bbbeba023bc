"""What a decision rested on, for whoever wants to be told why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from openaisle.core.messages import Interaction, WeightStep
from openaisle.interactions.explanations import Change
from openaisle.interactions.hypotheses import Hypothesis


@dataclass(frozen=True)
class Weighing:
    """One decision of one step: what was weighed, by itself, likeliest first, and what was then said."""

    step: WeightStep
    change: Change
    hypotheses: tuple[tuple[Hypothesis, float, dict[str, float]], ...]  # probability, terms of the log weight
    said: tuple[Interaction, ...]


Watch = Callable[[Weighing], None]
