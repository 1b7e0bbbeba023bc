"""Windows and letterboxes: the networks look where the boxes say, in training and in the shop alike."""

import numpy as np
import pytest

from openaisle.detections import crops
from openaisle.detections.crops import Letterbox


@pytest.mark.parametrize(("width", "height"), [(640, 360), (480, 360), (1920, 1080), (360, 640), (100, 50)])
def test_a_frame_of_any_shape_fits_the_working_picture(width: int, height: int) -> None:
    letterbox = Letterbox(width, height)
    working = letterbox.shrink(np.zeros((height, width, 3), np.uint8))
    assert working.shape == (letterbox.height_px, letterbox.width_px, 3)
    assert letterbox.width_px <= crops.FRAME_WIDTH_PX
    assert letterbox.height_px <= crops.FRAME_HEIGHT_PX
    assert letterbox.width_px == crops.FRAME_WIDTH_PX or letterbox.height_px == crops.FRAME_HEIGHT_PX
    assert crops.box_input(working, working[:, :, 0]).shape == (192, 320, 4)


def test_points_go_into_a_crop_and_come_back() -> None:
    rng = np.random.default_rng(3)
    windows = rng.uniform(20, 300, (5, 3)).astype(np.float32)
    points = rng.uniform(0, 640, (5, 17, 2)).astype(np.float32)
    there = crops.crop_from_frame(points, windows)
    assert np.allclose(crops.frame_from_crop(there, windows), points, atol=1e-3)


@pytest.mark.parametrize("aside", [0.0, 0.4], ids=["whole px", "between px"])
@pytest.mark.parametrize("side", [90.0, 200.0, 420.0])
def test_what_lies_at_a_point_of_the_frame_lies_at_its_point_of_the_crop(side: float, aside: float) -> None:
    frame = np.zeros((360, 640, 3), np.uint8)
    spot = np.array([331.0, 158.0], np.float32)
    frame[153:164, 326:337] = 255
    letterbox = Letterbox(640, 360)
    working = letterbox.shrink(frame)
    window = np.array([310.0 + aside, 170.0 - aside, side], np.float32)
    crop = crops.cut(frame, working, np.ascontiguousarray(working[:, :, 0]), window)
    expected = crops.crop_from_frame(spot[None, None], window[None])[0, 0]
    for channel in (0, 3):
        y, x = np.indices(crop.shape[:2])
        weight = np.clip(crop[:, :, channel].astype(float) - crops.PADDING_GREY, 0, None)
        centre = np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum()
        # The difference is known at half the frame's resolution.
        assert np.abs(centre - expected).max() < 0.35, channel


@pytest.mark.parametrize("centre", [0.0, 0.2], ids=["whole px", "between px"])
def test_outside_the_frame_a_crop_is_grey_and_unchanged(centre: float) -> None:
    frame = np.full((360, 640, 3), 255, np.uint8)
    working = Letterbox(640, 360).shrink(frame)
    window = np.array([centre, centre, 128.0], np.float32)
    crop = crops.cut(frame, working, working[:, :, 0].copy(), window)
    assert (crop[:60, :60, :3] == crops.PADDING_GREY).all()
    assert (crop[:60, :60, 3] == 0).all()
    assert (crop[66:, 66:, :3] == 255).all()


def test_a_window_wholly_outside_the_frame_is_grey() -> None:
    frame = np.full((360, 640, 3), 255, np.uint8)
    working = Letterbox(640, 360).shrink(frame)
    crop = crops.cut(frame, working, working[:, :, 0].copy(), np.array([-200.0, 900.0, 64.0], np.float32))
    assert (crop == (crops.PADDING_GREY,) * 3 + (0,)).all()


def test_windows_on_a_grid_are_where_they_would_be_within_half_a_step() -> None:
    boxes = np.random.default_rng(5).uniform(0, 300, (50, 2, 2)).cumsum(axis=1).reshape(-1, 4)
    free, snapped = crops.windows_of_boxes(boxes), crops.windows_of_boxes(boxes, grid_px=2.0)
    corners = snapped[:, :2] - snapped[:, 2:] / 2
    assert np.allclose(corners % 2, 0.0)
    assert np.allclose(snapped[:, 2] % 2, 0.0)
    assert np.abs(snapped - free).max() <= 2.0


def test_a_window_is_square_and_holds_the_box() -> None:
    windows = crops.windows_of_boxes(np.array([[10, 20, 30, 120], [0, 0, 200, 50]], np.float32))
    assert windows.tolist() == [[20, 70, 125], [100, 25, 250]]
