"""The benchmark of seeing measures what it says, on very few frames."""

import json

import numpy as np
import pytest

from openaisle.bench.vision_speed import Contestant, SpeedSettings, lines, measure
from openaisle.bench.vision_stages import STAGES, StagedSight
from openaisle.core.messages import Frame
from openaisle.core.units import NS_PER_S
from openaisle.detections.runtime import RuntimeSettings


@pytest.fixture(scope="module")
def result() -> dict:
    ours = Contestant(label="people", model="people", runtime=RuntimeSettings())
    again = Contestant(label="again", model="people", runtime=RuntimeSettings())
    settings = SpeedSettings(frames=4, seconds=4.0, stores=0)
    return measure([ours, again], settings)


def test_empty_frames_cost_the_gate_and_no_network(result: dict) -> None:
    assert result["frames"]["0"] == 4
    assert result["stages_ms"]["background_and_gate"]["0"] > 0
    assert result["stages_ms"]["keypoint_network"]["0"] == 0


def test_the_result_is_json_with_numbers_of_frames_and_seed(result: dict) -> None:
    assert json.loads(json.dumps(result))["store_seed"] == 9000
    assert set(result["stages_ms"]) == set(STAGES)
    assert result["memory"]["cameras"] > 0
    assert any("frames per second per core" in line for line in lines(result))


def test_stages_after_the_gate_run_when_something_appears() -> None:
    empty = np.random.default_rng(1).integers(80, 90, (360, 640, 3), np.uint8)
    somebody = empty.copy()
    somebody[100:300, 300:380] = 200
    sight = StagedSight(RuntimeSettings())
    sight.show_empty({"a": empty}, 0)
    nothing, _ = sight.look(Frame("a", NS_PER_S, NS_PER_S, empty))
    something, _ = sight.look(Frame("a", 2 * NS_PER_S, 2 * NS_PER_S, somebody))
    assert nothing["box_network"] == 0
    assert something["box_network"] > 0
