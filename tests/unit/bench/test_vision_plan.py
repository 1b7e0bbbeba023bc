"""A shop is planned from what was measured, and a GPU that is not there is said to be so."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from openaisle.bench import vision_gpu, vision_plan
from openaisle.bench.vision_plan import PlanSettings
from openaisle.cli import build_app
from openaisle.core.errors import InputError

MEASURED = {
    "ours_ms_mean": {"0": 0.5, "1": 3.0, "2": 5.0, "4": 9.0},
    "memory": {"networks_mb": 30.0, "a_camera_mb": 1.5},
}


def test_more_shoppers_need_more_cores_and_none_need_few() -> None:
    few, many = (vision_plan.plan(PlanSettings.of("corner", peak, None), MEASURED) for peak in (1, 12))
    assert few["cameras"] == many["cameras"] == 8
    assert few["cores_busy"] < many["cores_busy"]
    assert 0.5 < few["ms_a_frame_mean"] < many["ms_a_frame_mean"]
    assert many["cores_when_empty"] == 1
    assert any("cameras a core" in line for line in vision_plan.lines(many))


def test_frames_with_more_people_than_were_measured_cost_in_proportion() -> None:
    cost_ms = vision_plan._cost_of_people(MEASURED["ours_ms_mean"], 6)  # pyright: ignore[reportPrivateUsage]
    assert cost_ms.tolist() == [0.5, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0]


def test_gpus_are_planned_from_a_result(tmp_path: Path) -> None:
    result = tmp_path / "gpu.json"
    result.write_text(json.dumps({"networks_ms_a_frame": 0.5}))
    assert vision_plan.plan(PlanSettings.of("corner", 4, result), MEASURED)["gpus"] == 1
    result.write_text("[]")
    with pytest.raises(InputError, match="no result of a GPU"):
        PlanSettings.of("corner", 4, result)


def test_a_gpus_cameras_follow_from_what_its_networks_take() -> None:
    result = vision_gpu.measure("cpu", None, batch=2, rounds=2)
    assert set(result["sizes"]) == {"640x360", "1920x1080"}
    row = result["sizes"]["640x360"]
    assert (
        row["cameras_at_30_fps"] == int(1000 / 30 / result["networks_ms_a_frame"]) or row["cameras_at_30_fps"]
    )
    assert any("cameras at 30 fps" in line for line in vision_gpu.lines(result))


def test_without_a_gpu_one_sentence_says_what_to_install() -> None:
    result = CliRunner().invoke(build_app(), ["bench", "speed", "--provider", "cuda"])
    assert result.exit_code != 0
    said = str(result.exception or result.output)
    assert "execution provider not in this ONNX Runtime (pip install onnxruntime-gpu" in said
