"""What we read out of another library's export is what that library reads out of it itself."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from tests.architectures.conftest import Export

from openaisle.detections.architectures.vitpose import VitPose, areas_of, peaks
from openaisle.detections.single_frames import People, SingleFrameDetector

Exported = Callable[[str], Export]


def _same_people(found: People, arrays: dict[str, np.ndarray], *, px: float, score: float) -> None:
    """Everybody the library saw, and nobody else: boxes within `px`, scores within `score`."""
    boxes, scores = arrays["boxes"], arrays["scores"]
    assert len(found.scores) == len(scores) > 0
    apart = np.abs(boxes[:, None] - found.boxes_px[None]).max(axis=2)
    apart += 100 * np.abs(scores[:, None] - found.scores[None])
    _, best = linear_sum_assignment(apart)
    assert np.abs(found.boxes_px[best] - boxes).max() < px
    assert np.abs(found.scores[best] - scores).max() < score
    if "joints" in arrays:
        height, width = arrays["picture"].shape[:2]
        # Some libraries move joints outside the picture to its edge: ours stay where they are.
        limits = np.array([width, height, 1], np.float32)
        theirs, ours = (each.clip(0, limits) for each in (arrays["joints"], found.keypoints_px[best]))
        # torchvision makes a map as large as the box, in whole px rounded up: 63 px are 63 or 64, by the last bit.
        sides = boxes[:, 2:] - boxes[:, :2]
        is_plain = (np.abs(sides - np.rint(sides)) > 1e-3).all(axis=1)
        assert np.mean(is_plain) > 0.9
        assert np.abs(ours - theirs)[is_plain].max() < px


@pytest.mark.parametrize("name", ["yolov8n", "yolo11n", "yolov8n-pose", "yolo11n-pose"])
def test_yolo_says_what_ultralytics_says(export: Exported, name: str) -> None:
    exported = export(name)
    architecture = name.replace("n-pose", "-pose").removesuffix("n")
    detector: SingleFrameDetector = exported.built(architecture, people_max=300, candidates_max=3000)
    for picture, arrays in exported.pictures():
        _same_people(detector.people(picture), arrays, px=0.2, score=1e-3)


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("detectron2-faster-rcnn", "detectron2"),
        ("detectron2-keypoint-rcnn", "detectron2"),
        ("torchvision-faster-rcnn", "torchvision-rcnn"),
        ("torchvision-keypoint-rcnn", "torchvision-rcnn"),
    ],
)
def test_rcnn_says_what_its_library_says(export: Exported, name: str, architecture: str) -> None:
    exported = export(name)
    detector: SingleFrameDetector = exported.built(architecture, score_min=0.05)
    for picture, arrays in exported.pictures():
        _same_people(detector.people(picture), arrays, px=0.5, score=1e-3)


@pytest.mark.parametrize("name", ["efficientdet", "efficientdet-suppressed"])
def test_efficientdet_says_what_effdet_says(export: Exported, name: str) -> None:
    exported = export(name)
    detector: SingleFrameDetector = exported.built("efficientdet", anchor_strides=3.0)
    for picture, arrays in exported.pictures():
        _same_people(detector.people(picture), arrays, px=0.2, score=1e-3)


def test_openpose_assembles_the_people_that_pytorch_openpose_assembles(export: Exported) -> None:
    exported = export("openpose")
    detector: SingleFrameDetector = exported.built("openpose")
    for picture, arrays in exported.pictures():
        theirs = arrays["joints"][:, _OF_OPENPOSE]
        found = detector.people(picture).keypoints_px
        assert len(found) == len(theirs) == 3
        nearest = [int(np.abs(theirs[:, 0, :2] - each[0, :2]).sum(axis=1).argmin()) for each in found]
        assert sorted(nearest) == [0, 1, 2]
        for row, other in zip(found, theirs[nearest], strict=True):
            assert ((row[:, 2] > 0) == (other[:, 2] > 0)).all()
            # Theirs are whole px of the picture, ours of the network's input, which is half of it.
            assert np.abs(row[:, :2] - other[:, :2]).max() < 4


_OF_OPENPOSE = [0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10]
"""COCO's joints among OpenPose's."""


def test_vitpose_places_joints_where_transformers_does(export: Exported) -> None:
    exported = export("vitpose")
    joints: VitPose = exported.built("vitpose")
    for picture, arrays in exported.pictures():
        found, theirs = joints.joints(picture, arrays["boxes"]), arrays["joints"]
        assert found.shape == theirs.shape
        cells, heights = peaks(arrays["maps"])
        assert np.abs(_placed(cells, arrays) - theirs[:, :, :2]).max() < 0.01
        assert np.abs(heights - theirs[:, :, 2]).max() < 1e-6
        apart = np.linalg.norm(found[:, :, :2] - theirs[:, :, :2], axis=2)
        assert np.median(apart) < 0.3
        # Its crop goes through SciPy, ours through OpenCV: where two peaks are as high, either may be taken.
        assert np.mean(apart < 2) > 0.8
        assert np.abs(found[:, :, 2] - theirs[:, :, 2].clip(0, 1)).max() < 0.05


def _placed(cells: np.ndarray, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """Cells of maps in px of the picture."""
    places = areas_of(arrays["boxes"], 192 / 256)[:, None]
    rows, columns = arrays["maps"].shape[2:]
    return places[:, :, :2] + cells * places[:, :, 2:] / np.array([columns - 1, rows - 1])


@pytest.mark.parametrize("name", ["slowfast", "x3d", "videomae", "timesformer"])
def test_clips_are_named_as_their_libraries_name_them(export: Exported, name: str) -> None:
    exported = export(name)
    model = exported.built(name)
    found, theirs = model.probabilities(list(exported.arrays["clip"])), exported.arrays["probabilities"]
    assert theirs.max() < 0.999, "says nothing if one class takes all"
    assert np.abs(found - theirs).max() < 0.02
