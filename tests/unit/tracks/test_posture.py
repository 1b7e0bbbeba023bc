"""Somebody low whom one camera is left to see: how high they are tells how far, and that is not as if they stood."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.tracks.test_belief import STORE, frames_of, seen_of

from openaisle.core.geometry import Floats
from openaisle.core.units import NS_PER_S
from openaisle.tracks.coverage import Coverage
from openaisle.tracks.crowd import Crowd
from openaisle.tracks.skeleton import standing

PLACE = (3.5, 2.8)
STATURE_M = 1.72
CAMERAS = range(4)
TRUNK = [*range(7), 11, 12]  # A body of 0.55 of its height has legs too short for anybody.
HIPS = [11, 12]
WINDOW_NS = NS_PER_S // 10


def low(share: float) -> Floats:
    """Joints [17, 3] of somebody whose body is that share of its height, where they stood."""
    return standing(np.array(PLACE), share * STATURE_M, 0.4)


class Shop:
    """One visitor before four cameras."""

    def __init__(self) -> None:
        self.crowd = Crowd(STORE.cameras, Coverage.of_store(STORE), STORE.gates)
        self._at_ns = 0

    def show(self, body: Floats, seconds: float, cameras: range | tuple[int, ...] = CAMERAS) -> Floats:
        """Joints [17, 3] as they are thought to be after those cameras saw that body for so long."""
        views = [view if index in cameras else view[:0] for index, view in enumerate(seen_of(body))]
        for _ in range(round(seconds * NS_PER_S / WINDOW_NS)):
            self._at_ns += WINDOW_NS
            self.crowd.step(frames_of(views, self._at_ns), self._at_ns)
        (person,) = self.crowd.people
        return self.crowd.bodies.mean[person.row, :, :3]


def crouched() -> Shop:
    """They stood, and then went down before all cameras."""
    shop = Shop()
    shop.show(low(1.0), 3.0)
    for share in np.linspace(1.0, 0.55, 8):
        shop.show(low(float(share)), 0.1)
    shop.show(low(0.55), 1.0)
    return shop


@pytest.mark.parametrize("camera", CAMERAS)
def test_who_crouches_on_before_one_camera_stays_where_and_as_low_as_two_saw_them(camera: int) -> None:
    shop = crouched()
    for _ in range(8):
        joints = shop.show(low(0.55), 1.0, (camera,))
        assert np.linalg.norm((joints - low(0.55))[TRUNK], axis=1).max() < 0.05


@pytest.mark.parametrize("camera", CAMERAS)
def test_whoever_gets_up_again_before_one_camera_is_upright_again(camera: int) -> None:
    shop = crouched()
    shop.show(low(0.55), 3.0, (camera,))
    for share in np.linspace(0.55, 1.0, 8):
        shop.show(low(float(share)), 0.1, (camera,))
    joints = shop.show(low(1.0), 2.0, (camera,))
    assert np.linalg.norm((joints - low(1.0))[HIPS], axis=1).max() < 0.15


def test_hips_that_one_camera_sees_are_not_put_high_below_a_low_head() -> None:
    shop = crouched()
    shop.crowd.bodies.placed[:] = np.nan
    body = low(0.55)
    views = seen_of(body)
    for index in (1, 2, 3):
        views[index][:, 11:13, 2] = 0.0
    at_ns = 10 * NS_PER_S
    for _ in range(30):
        at_ns += WINDOW_NS
        shop.crowd.step(frames_of(views, at_ns), at_ns)
        (person,) = shop.crowd.people
        hips = shop.crowd.bodies.mean[person.row, HIPS, :3]
        assert np.linalg.norm(hips - body[HIPS], axis=1).max() < 0.3


@pytest.mark.parametrize("camera", CAMERAS)
def test_who_stood_and_bends_before_one_camera_is_not_led_away_along_its_sight(camera: int) -> None:
    shop = Shop()
    shop.show(low(1.0), 3.0)
    for share in np.linspace(1.0, 0.6, 5):
        shop.show(low(float(share)), 0.1, (camera,))
    shop.show(low(0.6), 1.0, (camera,))
    (person,) = shop.crowd.people
    root = shop.crowd.bodies.root[person.row, :2]
    assert np.linalg.norm(root - np.array(PLACE)) < 0.4
