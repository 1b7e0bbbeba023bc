"""Networks out of packages: converted, they say what their own library says. Skipped where that is not here."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.architectures.conftest import EXPORTS

from openaisle.adapters.model_files import cache_folder
from openaisle.core.messages import JOINT_INDEX, JOINTS
from openaisle.detections.architectures import catalogue, mediapipe
from openaisle.detections.architectures.model import BroughtModel
from openaisle.detections.runtime import RuntimeSettings

_OF_MEDIAPIPE = [0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]
"""COCO's joints among MediaPipe's."""


@pytest.mark.parametrize("name", ["mobilenet-v2", "efficientnet-lite0"])
def test_weights_become_the_features_that_torch_makes_of_them(name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="converting needs onnx: pip install onnx")
    from openaisle.learning.convert_features import convert_features

    weights = EXPORTS / f"{name}.pth"
    if not weights.is_file():
        pytest.skip(
            f"no weights of {name}: `make test-architectures` makes them in an environment of its own"
        )
    out = tmp_path / "features.onnx"
    convert_features(weights, name, out, {"kind": "features"})
    with np.load(weights.with_suffix(".npz")) as arrays:
        found = BroughtModel(out, RuntimeSettings()).run(arrays["pixels"])[0]
        assert np.abs(found - arrays["features"]).max() < 1e-4 * np.abs(arrays["features"]).max()


def test_a_hand_at_a_wrist_has_its_joints_where_mediapipe_puts_them() -> None:
    """Its square comes from a palm detector, ours from a forearm that ends where its hand begins."""
    told, photos, model = _needed("mediapipe-hands")
    hands: mediapipe.MediaPipeHands = catalogue.built(
        BroughtModel(model, RuntimeSettings()), (catalogue.HANDS,)
    )
    apart: list[float] = []
    presence: list[float] = []
    with np.load(told) as arrays:
        for number in range(len(arrays.files) // 2):
            picture = cv2.imread(str(photos / str(arrays[f"file_{number}"])))
            assert picture is not None
            theirs = arrays[f"marks_{number}"]
            palm = theirs[9] - theirs[0]  # from the wrist to where the middle finger begins
            arm = np.zeros((1, len(JOINTS), 3), np.float32)
            arm[0, JOINT_INDEX["right_wrist"]] = (*theirs[0], 1)
            arm[0, JOINT_INDEX["right_elbow"]] = (*(theirs[0] - 2.7 * palm), 1)
            found = hands.hands(np.asarray(picture, np.uint8), arm)
            presence.append(float(found.presence[0]))
            apart.append(
                float(np.linalg.norm(found.marks_px[0] - theirs, axis=1).mean() / np.linalg.norm(palm))
            )
    assert len(apart) >= 20
    assert np.mean(np.array(presence) > 0.5) > 0.9
    assert np.median(apart) < 0.1


def _needed(name: str) -> tuple[Path, Path, Path]:
    """What MediaPipe said, the photos, and the full network out of its package."""
    needed = (
        EXPORTS / f"{name}.npz",
        Path(os.environ.get("DATA", "data")) / "coco128",
        cache_folder() / f"{name}-full.onnx",
    )
    for each in needed:
        if not each.exists():
            pytest.skip(f"there is no {each}: DATA, `make test-architectures`, `models fetch {name}-full`")
    return needed


def test_a_body_in_a_box_has_its_joints_where_mediapipe_puts_them() -> None:
    """MediaPipe finds its square by itself, ours comes from the label: joints of whole bodies agree all the same."""
    told, photos, model = _needed("mediapipe-pose")
    joints: mediapipe.MediaPipePose = catalogue.built(
        BroughtModel(model, RuntimeSettings()), (catalogue.JOINTS,)
    )
    apart: list[float] = []
    with np.load(told) as arrays:
        for number in range(len(arrays.files) // 3):
            picture = cv2.imread(str(photos / str(arrays[f"file_{number}"])))
            assert picture is not None
            box = arrays[f"box_{number}"].astype(np.float32)
            theirs = arrays[f"joints_{number}"][_OF_MEDIAPIPE]
            found = joints.joints(np.asarray(picture, np.uint8), box[None])[0]
            height, width = picture.shape[:2]
            is_shown = (theirs[:, 2] > 0.9) & (theirs[:, :2] > 0).all(axis=1)
            is_shown &= (theirs[:, 0] < width) & (theirs[:, 1] < height)
            distance = np.linalg.norm(found[:, :2] - theirs[:, :2], axis=1) / (box[2:] - box[:2]).max()
            apart += distance[is_shown].tolist()
    assert len(apart) > 80
    assert np.median(apart) < 0.02
    assert np.mean(np.array(apart) < 0.05) > 0.7
