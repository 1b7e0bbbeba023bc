"""Cameras and transforms agree with OpenCV and undo themselves."""

import cv2
import numpy as np
import pytest
from hypothesis import given, strategies as st

from openaisle.core.geometry import Lens, Transform, floor_from_camera, floor_from_gondola, points_on_plane

WIDE = Lens(640, 360, 380.0, 380.0, 319.5, 179.5, (-0.28, 0.07, 0.001, -0.0005, 0.0))


def test_projection_equals_opencvs() -> None:
    points = np.random.default_rng(1).uniform([-1.0, -0.6, 1.5], [1.0, 0.6, 4.0], (50, 3))
    expected, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), WIDE.matrix, np.array(WIDE.distortion))
    np.testing.assert_allclose(WIDE.project(points), expected[:, 0], atol=1e-6)


@given(st.floats(0, 639), st.floats(0, 359))
def test_a_ray_projects_back_to_its_pixel(x_px: float, y_px: float) -> None:
    pixel = np.array([x_px, y_px])
    np.testing.assert_allclose(WIDE.project(WIDE.rays(pixel, iterations=40)), pixel, atol=0.05)


def test_points_far_outside_the_view_do_not_fold_back_into_it() -> None:
    strong = Lens(640, 360, 380.0, 380.0, 319.5, 179.5, (-0.5, 0.1, 0.0, 0.0, 0.0))
    outside = np.array([[x, 0.0, 1.0] for x in np.linspace(1.2, 40.0, 60)])
    pixels = strong.project(outside)
    assert (np.diff(pixels[:, 0]) >= -1e-9).all()


def test_points_behind_the_camera_have_no_pixel() -> None:
    assert np.isnan(WIDE.project(np.array([0.1, 0.1, -1.0]))).all()


@pytest.mark.parametrize(("pan", "tilt"), [(0.0, 40.0), (90.0, 23.0), (200.0, 69.0), (10.0, 90.0)])
def test_the_optical_axis_meets_the_floor_where_pan_and_tilt_say(pan: float, tilt: float) -> None:
    pose = floor_from_camera((1.0, 2.0, 2.5), pan, tilt, 0.0)
    axis = np.array([0.0, 0.0, 1.0])
    reach = 2.5 / np.tan(np.radians(tilt)) if tilt < 90 else 0.0
    expected = [1.0 + reach * np.cos(np.radians(pan)), 2.0 + reach * np.sin(np.radians(pan))]
    np.testing.assert_allclose(points_on_plane(pose, axis), expected, atol=1e-9)


def test_an_upright_camera_sees_up_as_up() -> None:
    pose = floor_from_camera((0.0, 0.0, 2.5), 30.0, 42.0, 0.0)
    feet, head = pose.inverse().apply(np.array([[2.0, 1.2, 0.0], [2.0, 1.2, 1.8]]))
    lens = Lens(640, 360, 400.0, 400.0, 320.0, 180.0)
    assert lens.project(head)[1] < lens.project(feet)[1]


def test_transforms_cancel() -> None:
    floor_from_a = floor_from_gondola((3.0, 1.0), 90.0)
    point = np.array([0.2, 0.3, 1.0])
    np.testing.assert_allclose((floor_from_a.inverse() @ floor_from_a).apply(point), point, atol=1e-12)
    assert isinstance(floor_from_a, Transform)
    # Facing a front that runs north, the shelf is deeper towards the west: right is north, away is west.
    np.testing.assert_allclose(floor_from_a.apply(np.array([0.0, 0.4, 0.0])), [2.6, 1.0, 0.0], atol=1e-12)


def test_a_scaled_lens_sees_the_same_ray_at_the_same_place() -> None:
    main = WIDE.scaled(1920, 1080)
    point = np.array([0.3, -0.2, 2.0])
    small, large = WIDE.project(point), main.project(point)
    np.testing.assert_allclose((small + 0.5) * 3 - 0.5, large, atol=1e-9)
