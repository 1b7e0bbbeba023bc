"""How far keypoints err is read from films."""

from __future__ import annotations

import numpy as np
import pytest

from openaisle.bench.keypoint_errors import KeypointErrors, fitted
from openaisle.core.messages import JOINTS, CameraDetections
from openaisle.store.load import load_store
from openaisle.tracks.skeleton import standing


def test_share_and_power_are_found_again_in_errors_made_of_them() -> None:
    rng = np.random.default_rng(3)
    confidence, size_px = rng.uniform(0.1, 0.97, 20_000), rng.uniform(80.0, 200.0, 20_000)
    sd_px = 0.2 * (1.02 - confidence) ** 1.1 * size_px
    off_px = sd_px * np.linalg.norm(rng.standard_t(3.0, (2, 20_000)), axis=0)
    share, power = fitted(confidence, off_px, size_px)
    assert share == pytest.approx(0.2, rel=0.12)
    assert power == pytest.approx(1.1, rel=0.05)


def test_somebody_else_is_not_taken_for_an_error() -> None:
    """One keypoint of everybody lies 3 px off; of two people seen one is nobody."""
    corner = load_store("corner")
    camera = corner.cameras[0]
    middle_m = np.mean(corner.plan_floor_m, axis=0)
    body = np.zeros((1, 24, 3))
    body[0, : len(JOINTS)] = standing(middle_m, 1.7, 0.0)
    true_px = camera.project(body[0, : len(JOINTS)])
    seen = np.concatenate([true_px + np.array([3.0, 0.0]), np.full((len(JOINTS), 1), 0.9)], axis=1)
    elsewhere = seen + np.array([300.0, 300.0, 0.0])
    keypoints = np.stack([seen, elsewhere]).astype(np.float32)
    boxes = np.concatenate([keypoints[:, :, :2].min(axis=1), keypoints[:, :, :2].max(axis=1)], axis=1)
    errors = KeypointErrors()
    message = CameraDetections(
        camera_id=camera.camera_id,
        captured_ns=1,
        received_ns=1,
        boxes_image_px=boxes,
        scores=np.ones(2, np.float32),
        keypoints_image_px=keypoints,
        appearance=np.zeros((2, 0), np.float32),
    )
    errors.add(message, camera, body)
    figures = errors.figures()
    assert list(figures) == ["nose", "eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"]
    assert {row["n"] for row in figures.values()} == {1, 2}
    assert all(row["off_px"] == pytest.approx(3.0, abs=0.01) for row in figures.values())
