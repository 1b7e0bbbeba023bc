"""A proposed box becomes the whole body's, and a pose gets a score, by what the networks said."""

from __future__ import annotations

import numpy as np
import pytest

from openaisle.core.errors import ModelError
from openaisle.core.messages import CameraDetections
from openaisle.detections import crops
from openaisle.detections.bodies import KEY, OUTPUTS, TERMS, Bodies
from openaisle.detections.people_networks import Calibration, Seen
from openaisle.learning.evaluate import pose_scores

SIZE_PX = (640, 360)


def _people(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, Seen]:
    """Boxes, heats and what is seen in their windows."""
    rng = np.random.default_rng(seed)
    low = rng.uniform(20, 200, (count, 2))
    boxes = np.concatenate([low, low + rng.uniform(30, 120, (count, 2))], axis=1).astype(np.float32)
    seen = Seen(
        rng.uniform(0, crops.CROP_PX, (count, 17, 2)).astype(np.float32),
        rng.uniform(0, 1, (count, 17)).astype(np.float32),
        rng.uniform(0, 2, (count, 17)).astype(np.float32),
        rng.normal(0, 3, count).astype(np.float32),
        rng.normal(0, 3, (count, 17)).astype(np.float32),
        np.zeros((count, 0), np.float32),
    )
    return boxes, rng.uniform(0.1, 1, count).astype(np.float32), seen


def _bodies(spread: float, seed: int = 1, hidden: int = 8) -> Bodies:
    rng = np.random.default_rng(seed)
    sizes = [(TERMS, hidden), (hidden, hidden), (hidden, OUTPUTS)]
    layers = tuple(
        (rng.normal(0, spread, size).astype(np.float32), rng.normal(0, spread, size[1]).astype(np.float32))
        for size in sizes
    )
    return Bodies(np.zeros(TERMS, np.float32), np.ones(TERMS, np.float32), layers)


def _read(bodies: Bodies | None, people: tuple[np.ndarray, np.ndarray, Seen], size_px: tuple[int, int]):
    boxes, heats, seen = people
    calibration = Calibration.of({} if bodies is None else bodies.as_metadata())
    return calibration.whole_bodies(boxes, heats, crops.windows_of_boxes(boxes), seen, size_px)


def test_without_a_network_boxes_stay_as_proposed_and_nothing_is_said_of_poses() -> None:
    people = _people(5)
    boxes, scores = _read(None, people, SIZE_PX)
    np.testing.assert_array_equal(boxes, people[0])
    assert len(scores) == 0


def test_what_is_read_grows_with_the_picture() -> None:
    boxes, heats, seen = _people(7)
    bodies = _bodies(0.1)
    small, small_scores = _read(bodies, (boxes, heats, seen), SIZE_PX)
    large, large_scores = _read(bodies, (3 * boxes, heats, seen), (1920, 1080))
    np.testing.assert_allclose(large, 3 * small, atol=0.1)
    np.testing.assert_allclose(large_scores, small_scores, atol=1e-4)
    assert np.abs(small - boxes).max() > 1


def test_boxes_end_with_the_picture_and_are_never_empty() -> None:
    boxes, scores = _read(_bodies(1.0), _people(50), (320, 180))
    assert (boxes[:, 2:] - boxes[:, :2] >= 1).all()
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2:] <= [320, 180]).all()
    assert ((scores >= 0) & (scores <= 1)).all()


def test_nobody_is_read_from_nothing() -> None:
    boxes, scores = _read(_bodies(0.1), _people(0), SIZE_PX)
    assert boxes.shape == (0, 4)
    assert scores.shape == (0,)


@pytest.mark.parametrize(
    "said",
    [
        {"hidden": 8},
        {"hidden": 8, "numbers": "no base64!"},
        {"hidden": 9, "numbers": _bodies(0.1).as_metadata()[KEY]["numbers"]},
        {"hidden": "many", "numbers": ""},
        [],
    ],
)
def test_damaged_metadata_is_one_clear_error(said: object) -> None:
    with pytest.raises(ModelError, match="damaged metadata"):
        Bodies.of({KEY: said})


def test_poses_are_ordered_by_their_own_scores_where_there_are_any() -> None:
    keypoints = np.zeros((2, 17, 3), np.float32)
    keypoints[:, :, 2] = [[0.9], [0.5]]
    seen = {
        "camera_id": "c",
        "captured_ns": 0,
        "received_ns": 0,
        "boxes_image_px": np.zeros((2, 4), np.float32),
        "scores": np.array([0.5, 0.5], np.float32),
        "keypoints_image_px": keypoints,
        "appearance": np.zeros((2, 0), np.float32),
    }
    assert pose_scores(CameraDetections(**seen)) == pytest.approx([0.45, 0.25])
    said = np.array([0.2, 0.8], np.float32)
    assert pose_scores(CameraDetections(**seen, pose_scores=said)) == pytest.approx(said)
    with pytest.raises(ValueError, match="pose_scores"):
        CameraDetections(**seen, pose_scores=said[:1])
