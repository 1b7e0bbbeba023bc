"""Networks of other libraries, each named in a store's configuration, look through its camera while somebody shops."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.architectures.conftest import Export
from typer.testing import CliRunner

from openaisle.bench.days import DayJob, DayOutcome, Vision, run_day
from openaisle.cli import build_app
from openaisle.edge.settings import load_edge_settings
from openaisle.store.load import store_folder

PEOPLE = {
    "yolov8n": ("yolov8",),
    "yolo11n": ("yolo11",),
    "yolov8n-pose": ("yolov8-pose",),
    "yolo11n-pose": ("yolo11-pose",),
    "detectron2-faster-rcnn": ("detectron2",),
    "detectron2-keypoint-rcnn": ("detectron2",),
    "torchvision-faster-rcnn": ("torchvision-rcnn",),
    "torchvision-keypoint-rcnn": ("torchvision-rcnn",),
    "efficientdet": ("efficientdet", "anchor_strides=3.0"),
    "openpose": ("openpose",),
    "vitpose": ("vitpose",),
}
"""Export to architecture, and an option that it needs."""
CLIPS = ("slowfast", "x3d", "videomae", "timesformer")


def _shop(folder: Path, export: Path, vision: str, *words: str) -> Path:
    """The small store with one camera that takes a picture a second, and a network of its own in edge.toml."""
    shutil.copytree(store_folder("corner"), folder)
    cameras = folder / "cameras.toml"
    first, _ = re.split(
        r"(?=\n\[\[camera\]\]\nid = \"cam-2\")", cameras.read_text(encoding="utf-8"), maxsplit=1
    )
    cameras.write_text(first.replace("fps = 8.0", "fps = 1.0"), encoding="utf-8")
    (folder / "edge.toml").write_text(f"format = 1\n\n[vision]\n{vision}\n", encoding="utf-8")
    done = CliRunner().invoke(
        build_app(),
        ["models", "add", str(export), "--as", "theirs", "--store", str(folder), "--architecture", *words],
    )
    assert done.exit_code == 0, done.output
    return folder


def _lived(store: Path, vision: Vision) -> DayOutcome:
    """One visit to it, seen by whom edge.toml names."""
    return run_day(
        DayJob(
            store=str(store),
            visit_count=1,
            seed=3,
            vision=vision,
            families=("single_pick",),
            looks=vision == "skeleton",
            eyes=load_edge_settings(store).eyes,
        )
    )


@pytest.mark.parametrize("name", PEOPLE)
def test_a_network_that_a_store_names_watches_a_visit_to_its_end(
    export: Callable[[str], Export], tmp_path: Path, name: str
) -> None:
    architecture, *options = PEOPLE[name]
    words = [word for option in options for word in ("--option", option)]
    day = _lived(
        _shop(tmp_path / "store", export(name).path, 'model = "theirs"', architecture, *words), "pixels"
    )
    assert day.frame_count > 20
    # Random weights see nobody, or somebody everywhere: the visit ends all the same, and has a receipt.
    assert all(visit.has_receipt for visit in day.tally.visits)


@pytest.mark.parametrize("name", CLIPS)
def test_a_network_of_clips_that_a_store_names_is_asked_about_hands(
    export: Callable[[str], Export], tmp_path: Path, name: str
) -> None:
    day = _lived(_shop(tmp_path / "store", export(name).path, 'actions = "theirs"', name), "skeleton")
    assert day.looks.answered > 0
    assert all(visit.has_receipt for visit in day.tally.visits)
