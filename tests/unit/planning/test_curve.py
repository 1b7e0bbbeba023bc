from dataclasses import replace

import pytest

from openaisle.planning.curve import GRIDS, grid_cameras
from openaisle.planning.figures import Series, draw_curve
from openaisle.planning.floor import floor_of
from openaisle.planning.scope import scope_of
from openaisle.store.check import problems_of
from openaisle.store.draft import Draft


@pytest.mark.parametrize("count", [1, 7, 29, 64])
@pytest.mark.parametrize("tilt_deg", GRIDS.values())
def test_a_plain_grid_hangs_as_many_cameras_as_asked_apart_over_the_floor(
    count: int, tilt_deg: float
) -> None:
    scope = scope_of("hospital")
    store = floor_of(scope)
    cameras = grid_cameras(store, scope, count, tilt_deg)
    assert len({camera.position_floor_m for camera in cameras}) == count
    assert problems_of(Draft.of(replace(store, cameras=cameras))) == []


def test_a_curve_has_a_dot_for_every_point() -> None:
    points = [(10.0, 0.8, 0.7, 0.9), (20.0, 0.9, 0.8, 0.95)]
    picture = draw_curve("t", [Series("a", points), Series("b", points[:1])], "x", "y")
    dots = [mark for mark in picture.marks if getattr(mark, "fill", "") in ("#2f6db3", "#b5651d")]
    assert len(dots) == 3
