"""What a running shop keeps of its decisions: all of each that moved something, and nothing of what did not."""

from __future__ import annotations

import numpy as np
import pytest

from openaisle.adapters.event_log_memory import MemoryEventLog
from openaisle.core.messages import Interaction, InteractionKind
from openaisle.core.units import NS_PER_S
from openaisle.edge.reasons import Reasons
from openaisle.pipeline import Pipeline
from openaisle.replay.clips import AFTER_NS, BEFORE_NS, StepClip, decode_clip, encode_clip
from openaisle.sim.day import SimulatedDay
from openaisle.sim.scripts import plan_day
from openaisle.store.load import load_store

STORE = load_store("corner")


@pytest.fixture(scope="module")
def lived() -> tuple[list[StepClip], dict[str, Interaction]]:
    """The clips of a simulated visit, and the newest of each interaction."""
    day = SimulatedDay(
        STORE, plan_day(STORE, visit_count=1, seed=3, families=["put_back_right"]), vision="skeleton"
    )
    reasons = Reasons(STORE)
    path = Pipeline(STORE, MemoryEventLog(), watch=reasons.watch)
    clips: list[StepClip] = []
    told: dict[str, Interaction] = {}
    now_ns = 0
    for reading in day.readings():
        now_ns = reading.received_ns
        said = path.step([reading], now_ns)
        told |= {message.interaction_id: message for message in said if isinstance(message, Interaction)}
        reasons.hear([reading], said, now_ns)
        clips += reasons.due(now_ns)
    clips += reasons.due(now_ns + 10 * NS_PER_S)
    return clips, told


def test_every_decision_that_moved_goods_has_a_clip(
    lived: tuple[list[StepClip], dict[str, Interaction]],
) -> None:
    clips, told = lived
    moved = {
        name
        for name, interaction in told.items()
        if interaction.step_ids
        and not interaction.withdrawn
        and interaction.kind not in (InteractionKind.BROWSE, InteractionKind.TOUCH_RETURN)
    }
    assert len(moved) >= 2
    assert {interaction.interaction_id for clip in clips for interaction in clip.said} == moved


def test_a_clip_holds_the_plates_the_people_and_terms_that_add_up(
    lived: tuple[list[StepClip], dict[str, Interaction]],
) -> None:
    for clip in lived[0]:
        shelf = STORE.shelves[clip.step.shelf_id]
        assert clip.grams.shape == (len(clip.since_s), len(shelf.plates))
        assert -BEFORE_NS / NS_PER_S <= clip.since_s.min() < -2.5
        assert 2.5 < clip.since_s.max() <= AFTER_NS / NS_PER_S
        assert any(visit_id for tracks in clip.tracks for visit_id in tracks.visit_ids)
        assert sum(one.probability for one in clip.weighed) <= 1.0 + 1e-9
        for one in clip.weighed:
            assert sum(one.terms.values()) == pytest.approx(one.log_weight, abs=1e-6)
    first = min(lived[0], key=lambda clip: clip.step.edge_ns)
    after_g = first.grams[(first.since_s > 0) & (first.since_s < 1.2)].sum(axis=1)
    assert np.abs(after_g - first.mass_g).min() < 5.0


def test_a_clip_comes_back_as_it_went(lived: tuple[list[StepClip], dict[str, Interaction]]) -> None:
    for clip in lived[0]:
        assert encode_clip(decode_clip(encode_clip(clip))) == encode_clip(clip)
