"""Answers of pretrained networks, made by hand, come out as boxes and joints in px of the frame."""

import numpy as np
import pytest

from openaisle.detections.architectures import movenet, nanodet

FRAME = np.full((360, 640, 3), (10, 20, 30), np.uint8)


def test_movenet_sees_rgb_in_multiples_of_32_at_the_upper_left() -> None:
    pixels, scale = movenet.network_input(FRAME, 256)
    assert pixels.shape == (1, 160, 256, 3)
    assert pixels.dtype == np.int32
    assert scale == pytest.approx(0.4)
    assert pixels[0, 0, 0].tolist() == [30, 20, 10]
    assert pixels[0, 143].min() == 10
    assert pixels[0, 144:].max() == 0


def test_movenet_speaks_y_first_and_in_shares_of_the_padded_input() -> None:
    answer = np.zeros((1, 56), np.float32)
    answer[0, :3] = (0.5, 0.25, 0.9)  # nose: y, x, score
    answer[0, 51:] = (0.1, 0.2, 0.6, 0.4, 0.8)  # y1 x1 y2 x2 score
    boxes, scores, keypoints = movenet.people_of(answer, 256, 160, 0.4)
    assert boxes[0].tolist() == pytest.approx([0.2 * 640, 0.1 * 400, 0.4 * 640, 0.6 * 400])
    assert scores.tolist() == pytest.approx([0.8])
    assert keypoints.shape == (1, 17, 3)
    assert keypoints[0, 0].tolist() == pytest.approx([160, 200, 0.9])


def test_nanodet_sees_normalised_bgr_and_grey_padding() -> None:
    pixels, scale = nanodet.network_input(FRAME, 416)
    assert pixels.shape == (1, 3, 416, 416)
    assert scale == pytest.approx(0.65)
    assert pixels[0, 0, 0, 0] == pytest.approx((10 - 103.53) / 57.375, abs=1e-4)
    assert pixels[0, 2, 0, 0] == pytest.approx((30 - 123.675) / 58.395, abs=1e-4)
    assert not pixels[0, :, 234:].any()


def test_nanodet_measures_sides_from_the_middle_of_a_cell_in_strides() -> None:
    answers = _nothing()
    kinds, sides = answers[1], answers[4]  # of stride 16, 26 cells a row
    cell = 3 * 26 + 5
    kinds[cell, 0] = 0.7
    kinds[cell + 1, 2] = 0.9  # a car
    for side, distance in enumerate((1, 2, 3, 4)):
        sides[cell, side * 11 + distance] = 50.0
    boxes, scores = nanodet.people_of(answers, 416, 0.4)
    assert scores.tolist() == pytest.approx([0.7])
    x, y = 5.5 * 16, 3.5 * 16
    assert boxes[0].tolist() == pytest.approx([x - 16, y - 32, x + 48, y + 64], abs=1e-3)


def test_nanodet_takes_the_mean_of_a_spread_of_distances() -> None:
    answers = _nothing()
    answers[2][13 * 6 + 6, 0] = 0.9  # stride 32; all distances equally likely: 5 strides, cut at the edges
    boxes, _ = nanodet.people_of(answers, 416, 0.4)
    assert boxes[0].tolist() == pytest.approx([48, 48, 368, 368])


def _nothing() -> list[np.ndarray]:
    """NanoDet's answer without anything in it: kinds of each grid, then sides."""
    cells = [(416 // stride) ** 2 for stride in nanodet.STRIDES]
    kinds = [np.zeros((count, 80), np.float32) for count in cells]
    return kinds + [np.zeros((count, 44), np.float32) for count in cells]
