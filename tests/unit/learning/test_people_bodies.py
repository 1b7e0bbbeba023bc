"""What reads whole bodies' boxes is fitted to bodies half hidden, and learns which poses are right."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch: pip install torch==2.13.0")

from openaisle.core.errors import InputError
from openaisle.detections import crops, decode
from openaisle.detections.people_networks import Calibration, Seen
from openaisle.learning.people_bodies import FitSettings, fit
from openaisle.learning.people_proposals import Proposals
from openaisle.sim.labels import PersonLabel

SIZE_PX = (640, 360)


def _frame(rng: np.random.Generator, *, is_wrong: bool) -> Proposals:
    """Somebody whose lower half is hidden and was not proposed. Joints that are off have maps with little mass."""
    x, y = rng.uniform(50, 450), rng.uniform(20, 120)
    whole = np.array([x, y, x + 60, y + 160], np.float32)
    proposed = np.array([[x, y, x + 60, y + 80]], np.float32)
    joints = np.ones((17, 3), np.float32)
    joints[:, :2] = rng.uniform(whole[:2], whole[2:], (17, 2))
    windows = crops.windows_of_boxes(proposed)
    points = joints[None, :, :2] + (rng.normal(0, 40, (1, 17, 2)) if is_wrong else 0)
    mass = np.full((1, 17), 0.1 if is_wrong else 0.9, np.float32)
    seen = Seen(
        crops.crop_from_frame(points.astype(np.float32), windows),
        mass,
        np.ones((1, 17), np.float32),
        np.full(1, 4.0, np.float32),
        np.zeros((1, 17), np.float32),
        np.zeros((1, 0), np.float32),
    )
    label = PersonLabel(
        body_id=1,
        keypoints_px=joints.astype(float),
        visible_box_px=proposed[0].astype(float),
        amodal_box_px=whole.astype(float),
        visible_px=3000,
        visible_fraction=0.5,
    )
    heats = np.full(1, 0.8, np.float32)
    return Proposals([label], SIZE_PX, proposed, heats, windows, points.astype(np.float32), seen)


def test_boxes_grow_to_whole_bodies_and_wrong_poses_score_less() -> None:
    rng = np.random.default_rng(1)
    frames = [_frame(rng, is_wrong=bool(number % 2)) for number in range(400)]
    bodies = fit(frames, FitSettings(hidden=16, epochs=40, batch=64))
    calibration = Calibration.of(bodies.as_metadata())
    overlaps, scores = [], []
    for number in range(40):
        each = _frame(rng, is_wrong=bool(number % 2))
        boxes, score = calibration.whole_bodies(
            each.boxes_px, each.heats, each.windows_px, each.seen, each.size_px
        )
        overlaps.append(decode.overlaps(boxes, each.truth_px)[0, 0])
        scores.append(score[0])
    assert np.mean(overlaps) > 0.85  # 0.5 of what was proposed
    assert min(scores[::2]) > max(scores[1::2])
    again = fit(frames, FitSettings(hidden=16, epochs=40, batch=64))
    assert again.as_metadata() == bodies.as_metadata()


def test_next_to_nobody_is_too_few_to_fit_on() -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(InputError, match="too few people"):
        fit([_frame(rng, is_wrong=False)])
