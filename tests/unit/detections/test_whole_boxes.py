"""A proposed box becomes the whole body's, as far as the joints say so."""

from __future__ import annotations

import numpy as np

from openaisle.detections import whole_boxes


def _people(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    low = rng.uniform(20, 300, (count, 2))
    boxes = np.concatenate([low, low + rng.uniform(30, 120, (count, 2))], axis=1).astype(np.float32)
    points = (low[:, None] + rng.uniform(0, 100, (count, 17, 2))).astype(np.float32)
    return boxes, points, rng.uniform(0, 1, (count, 17)).astype(np.float32)


def test_without_weights_a_box_stays_what_was_proposed() -> None:
    boxes, points, mass = _people(5)
    weights = np.zeros((whole_boxes.TERMS, 4), np.float32)
    np.testing.assert_allclose(
        whole_boxes.corrected(boxes, points, mass, weights, 640, 480), boxes, atol=1e-3
    )


def test_a_correction_moves_and_grows_with_the_picture() -> None:
    boxes, points, mass = _people(7)
    weights = np.random.default_rng(1).normal(0, 0.01, (whole_boxes.TERMS, 4)).astype(np.float32)
    small = whole_boxes.corrected(boxes, points, mass, weights, 2000, 2000)
    large = whole_boxes.corrected(2 * boxes, 2 * points, mass, weights, 4000, 4000)
    np.testing.assert_allclose(large, 2 * small, atol=0.05)
    assert np.abs(small - boxes).max() > 1


def test_what_is_fitted_to_moves_is_what_correction_undoes() -> None:
    boxes, points, mass = _people(400)
    whole = boxes + np.array([-3, -5, 4, 30], np.float32)  # half of the body was behind something
    x, y = whole_boxes.terms(boxes, points, mass), whole_boxes.targets(boxes, whole)
    weights = np.linalg.lstsq(x.astype(float), y.astype(float), rcond=None)[0].astype(np.float32)
    found = whole_boxes.corrected(boxes, points, mass, weights, 2000, 2000)
    assert np.abs(found - whole).mean() < 0.5 * np.abs(boxes - whole).mean()


def test_corrected_boxes_end_with_the_picture_and_are_never_empty() -> None:
    boxes, points, mass = _people(50)
    weights = np.random.default_rng(2).normal(0, 1, (whole_boxes.TERMS, 4)).astype(np.float32)
    found = whole_boxes.corrected(boxes, points, mass, weights, 320, 180)
    assert (found[:, 2:] - found[:, :2] >= 1).all()
    assert (found[:, :2] >= 0).all()
    assert (found[:, 2:] <= [320, 180]).all()
