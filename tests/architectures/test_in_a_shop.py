"""Networks of other libraries, each named in a store's configuration, look through its camera while somebody shops."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tests.architectures.conftest import Export
from typer.testing import CliRunner

from openaisle.adapters.model_files import is_here
from openaisle.bench.days import DayJob, DayOutcome, Vision, run_day
from openaisle.cli import build_app
from openaisle.detections.architectures.clips import ClipModel
from openaisle.detections.crops import Pixels
from openaisle.detections.models import NANODET
from openaisle.edge.settings import load_edge_settings
from openaisle.store.load import store_folder

pytestmark = pytest.mark.timeout(600)  # some look at a picture for seconds

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
PACKAGED = {
    "movenet-multipose": 'model = "movenet-multipose"',
    "nanodet": 'model = "nanodet"',
    "mediapipe-pose-full": 'model = "mediapipe-pose-full"\nboxes = "nanodet"',
    "mediapipe-hands-full": 'hands = "mediapipe-hands-full"',
}
"""Networks out of packages, and what edge.toml says of them."""
CLIPS = ("slowfast", "x3d", "videomae", "timesformer")
CLIP_FPS = 8.0  # a look is answered from a frame near its moment


def _shop(folder: Path, vision: str, fps: float = 1.0) -> Path:
    """The small store with one camera, and networks of its own in edge.toml."""
    shutil.copytree(store_folder("corner"), folder)
    cameras = folder / "cameras.toml"
    first = cameras.read_text(encoding="utf-8").partition('\n[[camera]]\nid = "cam-2"')[0]
    cameras.write_text(first.replace("fps = 8.0", f"fps = {fps}"), encoding="utf-8")
    (folder / "edge.toml").write_text(f"format = 1\n\n[vision]\n{vision}\n", encoding="utf-8")
    return folder


def _with(store: Path, export: Export, architecture: str, *options: str) -> Path:
    """That store, and the export among its models as `theirs`."""
    words = ["models", "add", str(export.path), "--architecture", architecture, "--as", "theirs"]
    words += ["--store", str(store), *(word for option in options for word in ("--option", option))]
    done = CliRunner().invoke(build_app(), words)
    assert done.exit_code == 0, done.output
    return store


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
    store = _with(_shop(tmp_path / "store", 'model = "theirs"'), export(name), *PEOPLE[name])
    day = _lived(store, "pixels")
    assert day.frame_count > 20
    # Random weights see nobody, or somebody everywhere: the visit ends all the same, and has a receipt.
    assert all(visit.has_receipt for visit in day.tally.visits)


@pytest.mark.parametrize("name", PACKAGED)
def test_a_network_out_of_a_package_watches_a_visit_to_its_end(tmp_path: Path, name: str) -> None:
    if not (is_here(name) and is_here(NANODET)):
        pytest.skip(f"`openaisle models fetch {name}`, and nanodet")
    day = _lived(_shop(tmp_path / "store", PACKAGED[name]), "pixels")
    assert day.frame_count > 20
    assert all(visit.has_receipt for visit in day.tally.visits)


@pytest.mark.parametrize("name", CLIPS)
def test_a_network_of_clips_that_a_store_names_is_asked_about_hands(
    export: Callable[[str], Export], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    said: list[Sequence[float]] = []
    deeds = ClipModel.deeds

    def heard(model: ClipModel, clip: Sequence[Pixels]) -> tuple[float, ...]:
        said.append(deeds(model, clip))
        return tuple(said[-1])

    monkeypatch.setattr(ClipModel, "deeds", heard)
    store = _with(_shop(tmp_path / "store", 'actions = "theirs"', CLIP_FPS), export(name), name)
    day = _lived(store, "skeleton")
    assert 0 < len(said) <= day.looks.answered
    assert all(sum(each) == pytest.approx(1, abs=1e-4) for each in said)
    assert all(visit.has_receipt for visit in day.tally.visits)
