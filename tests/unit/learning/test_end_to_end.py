"""`openaisle learn` from data to weights that a shop runs, on tiny stores; needs torch, which no store does."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

pytest.importorskip("torch", reason="training needs torch: pip install torch==2.13.0 onnx")
pytest.importorskip("onnx", reason="exporting needs onnx: pip install torch==2.13.0 onnx")

from openaisle.cli import build_app
from openaisle.core.errors import InputError
from openaisle.detections.runtime import SHIPPED
from openaisle.learning.export import BODIES_MADE_KEY, read_metadata

# Half a minute each on a core of one's own; several times that where others work too.
pytestmark = pytest.mark.timeout(1200)


def run(*arguments: object) -> str:
    done = CliRunner().invoke(build_app(), [str(argument) for argument in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def said(*arguments: object) -> Any:
    return json.loads(run(*arguments, "--json"))


def test_people_are_taught_measured_shrunk_and_detected(data: Path, tmp_path: Path) -> None:
    weights, steps = tmp_path / "weights", ("--pictures", 48, "--batch", 8, "--rate", 1e-5, "--no-bf16")
    for job in ("boxes", "keypoints"):
        start = SHIPPED / f"people-{job}.onnx"
        run("learn", "train", "people", job, "--data", data, "--out", tmp_path / job, "--from", start, *steps)
    folders = ("--boxes", tmp_path / "boxes", "--keypoints", tmp_path / "keypoints", "--weights", weights)
    run("learn", "export", "people", *folders, "--first-store", 32, "--stores", 1)
    run("learn", "calibrate", "people", "--weights", weights, "--first-store", 34, "--stores", 2, "--bodies")
    assert read_metadata(weights / "people-keypoints.onnx")[BODIES_MADE_KEY]["first_store"] == 34
    run(
        "learn",
        "quantise",
        "people",
        "--data",
        data,
        "--weights",
        weights,
        "--out",
        weights / "int8",
        "--samples",
        8,
    )
    held_out = ("--weights", weights, "--first-store", 33, "--stores", 1)
    costs = ("--wrong-charge-cost", 4, "--missed-item-cost", 1)
    choice = said("learn", "threshold", "people", *held_out, *costs, "--write")
    report = said("learn", "evaluate", "people", *held_out, "--out", tmp_path / "report")
    assert report["recall"] > 0.5
    assert {row["count"] for row in report["families"]["light (lamps times exposure)"]["rows"]} >= {
        report["people"]
    }
    assert (tmp_path / "report" / "reliability.png").stat().st_size > 10_000
    commands = tmp_path / "commands.txt"
    commands.write_text("openaisle learn train people boxes\n")
    with pytest.raises(InputError, match="how were these weights made"):
        run("learn", "card", "people", *held_out)
    run("learn", "card", "people", *held_out, "--commands", commands, "--data", data)
    assert "Random stores of seeds 31-31" in (weights / "MODEL_CARD.md").read_text()
    picture = next((data / "coco" / "images").rglob("*.png"))
    found = said("detect", picture, "--weights", weights / "int8")
    assert {each["category"] for each in found["annotations"]} <= {"person"}
    # The score from which somebody is reported is the one that was chosen.
    assert all(
        each["score"] >= choice["threshold"]
        for each in said("detect", picture, "--weights", weights)["annotations"]
    )


def test_products_are_taught_measured_enrolled_and_recognised(packs: Path, tmp_path: Path) -> None:
    weights, gallery = tmp_path / "weights", tmp_path / "gallery.npz"
    run(
        "learn",
        "train",
        "products",
        "--data",
        packs,
        "--out",
        tmp_path / "run",
        "--pictures",
        99,
        "--no-bf16",
    )
    made = ("--products", tmp_path / "run", "--weights", weights, "--data", packs)
    run("learn", "export", "products", *made, "--first-store", 36, "--stores", 1, "--others", 1)
    costs = ("--wrong-charge-cost", 9, "--missed-item-cost", 1, "--first-store", 36, "--stores", 1)
    choice = said("learn", "threshold", "products", "--weights", weights, *costs, "--write")
    assert choice["costs"] == {"wrong_charge": 9.0, "missed_item": 1.0}
    assert choice["chosen"]["cost"] <= min(row["cost"] for row in choice["table"])
    chosen = ("--only", "P001", "--only", "P002", "--gallery", gallery, "--weights", weights)
    run("enrol", "corner", *chosen)
    picture = next((packs / "coco" / "images").rglob("*.jpg"))
    look = said("recognise", "corner", picture, "--gallery", gallery, "--weights", weights)[0]
    assert {one["product_id"] for one in look["top"]} == {"P001", "P002"}
    assert look["is_sure"] == (look["top"][0]["probability"] >= choice["threshold"])


def test_arms_are_taught_measured_and_read(arms: Path, tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    run("learn", "train", "actions", "--data", arms, "--out", tmp_path / "run", "--samples", 20_000)
    run("learn", "export", "actions", "--arms", tmp_path / "run", "--calibration", arms, "--weights", weights)
    held_out = ("--weights", weights, "--first-store", 33, "--stores", 1)
    report = said("learn", "evaluate", "actions", *held_out, "--visits", 1, "--out", tmp_path / "report")
    found = report["parts"]["random_teaching"]["without_looks"]
    assert found["f1"]["none"] > 0.8
    assert found["reaches"] > 0
    assert "take, judged moments" in report["heads"]
    commands = tmp_path / "commands.txt"
    commands.write_text("openaisle learn train actions\n")
    run("learn", "card", "actions", *held_out, "--visits", 1, "--commands", commands, "--data", arms)
    assert "openaisle learn card actions" in (weights / "MODEL_CARD.md").read_text()
