"""Which camera sees which point."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from openaisle.core.geometry import Lens
from openaisle.store.coverage import (
    VIEW_DISTANCE_M_MAX,
    footprint_floor_m,
    in_picture,
    lines_of_sight,
    views_of_points,
    views_of_slots,
)
from openaisle.store.floor_views import FloorViews, inside_polygon
from openaisle.store.load import load_store
from openaisle.store.schema import Camera, Gondola

BOX = Gondola(
    gondola_id="A", scale_id="s", origin_floor_m=(1.0, 1.0), heading_deg=0.0, width_m=1.0, depth_m=1.0,
    height_m=1.0, rate_hz=60.0, shelves=(),
)  # fmt: skip


def camera(pan_deg: float = 0.0, tilt_deg: float = 30.0, roll_deg: float = 0.0) -> Camera:
    lens = Lens(640, 360, 420.0, 420.0, 319.5, 179.5, (-0.32, 0.08, 0.0, 0.0, 0.0))
    return Camera(
        camera_id="cam-1",
        position_floor_m=(0.0, 0.0, 2.5),
        pan_deg=pan_deg,
        tilt_deg=tilt_deg,
        roll_deg=roll_deg,
        lens=lens,
        main_width_px=1920,
        main_height_px=1080,
        fps=8.0,
    )


@pytest.mark.parametrize(
    ("eye", "point", "is_clear"),
    [
        ((0.0, 1.5, 0.5), (3.0, 1.5, 0.5), False),  # through the middle
        ((0.0, 1.5, 1.5), (3.0, 1.5, 1.2), True),  # over it
        ((0.0, 1.5, 2.5), (3.0, 1.5, 0.0), False),  # into its far top edge
        ((0.0, 0.5, 0.5), (3.0, 0.5, 0.5), True),  # past it, parallel to a side
        ((0.0, 1.5, 0.5), (0.9, 1.5, 0.5), True),  # the point is before it
        ((1.5, 1.5, 2.0), (1.5, 1.5, 1.2), True),  # straight down onto its top
        ((1.5, 1.5, 2.0), (1.5, 1.5, 0.5), False),  # straight down into it
    ],
)
def test_a_gondola_hides_what_is_behind_it(
    eye: tuple[float, ...], point: tuple[float, ...], is_clear: bool
) -> None:
    assert lines_of_sight(np.array([eye]), np.array([point]), [BOX])[0, 0] == is_clear
    assert lines_of_sight(np.array([point]), np.array([eye]), [BOX])[0, 0] == is_clear


@given(st.floats(0, 360), st.integers(0, 2**32 - 1))
def test_what_a_gondola_hides_turns_with_it(heading_deg: float, seed: int) -> None:
    points = np.random.default_rng(seed).uniform([-2, -2, 0], [3, 3, 2], (40, 3))
    still = replace(BOX, origin_floor_m=(0.0, 0.0))
    turned = replace(still, heading_deg=heading_deg)
    moved = turned.floor_from_gondola.apply(points)
    assert (
        lines_of_sight(points[:20], points[20:], [still]) == lines_of_sight(moved[:20], moved[20:], [turned])
    ).mean() > 0.999


def test_a_wall_hides_what_is_behind_it_and_only_that() -> None:
    eyes, points = np.array([[0.0, 0.0, 2.0]]), np.array([[2.0, 0.0, 1.0], [0.5, 0.0, 1.0], [2.0, 3.0, 1.0]])
    seen = lines_of_sight(eyes, points, [], [((1.0, -1.0), (1.0, 1.0))])
    assert seen.tolist() == [[False, True, True]]


def test_a_front_is_seen_only_from_before_it_and_not_from_afar() -> None:
    eyes = np.array(
        [[0.0, -1.0, 2.0], [0.0, 1.0, 2.0], [3.0, -0.1, 2.0], [0.0, -VIEW_DISTANCE_M_MAX - 1, 2.0]]
    )
    seen = lines_of_sight(eyes, np.zeros((1, 3)), [], normals_floor=np.array([[0.0, -1.0]]))
    assert seen[:, 0].tolist() == [True, False, False, False]


@settings(max_examples=40)
@given(st.floats(0, 360), st.floats(25, 75), st.floats(-5, 5), st.floats(0.0, 1.6))
def test_a_footprint_holds_just_what_is_in_the_picture(
    pan_deg: float, tilt_deg: float, roll_deg: float, height_m: float
) -> None:
    one = camera(pan_deg, tilt_deg, roll_deg)
    ring = footprint_floor_m(one, height_m, reach_m=6.0, per_side=200)
    points = np.random.default_rng(0).uniform(-5, 5, (400, 2))
    points = points[np.linalg.norm(points, axis=1) < 5.9]
    seen = in_picture(one, np.column_stack([points, np.full(len(points), height_m)]))
    assert (inside_polygon(ring, points) == seen).mean() > 0.99


def test_no_camera_sees_nothing(kiosk: Path) -> None:
    store = replace(load_store(kiosk), cameras=())
    assert views_of_points([], np.zeros((5, 3)), store.gondolas).shape == (0, 5)
    assert all(views.sum() == 0 for views in views_of_slots(store).values())
    assert FloorViews.of(store).shares([0, 1]) == [1.0, 0.0]


def test_every_facing_of_the_shipped_stores_has_two_views() -> None:
    for name in ("corner", "market"):
        views = views_of_slots(load_store(name))
        assert min(int(seen.sum()) for seen in views.values()) >= 2


def test_nearly_all_of_the_corner_floor_has_two_views() -> None:
    store = load_store("corner")
    assert sum(FloorViews.of(store).shares([0, 2])[1:]) > 0.95
