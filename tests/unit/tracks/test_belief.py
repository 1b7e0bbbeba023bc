"""Who is there: a body seen, a joint or two on a shelf, somebody hidden behind somebody else, two who are one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from tests.unit.tracks.walkers import bare_room

from openaisle.core.geometry import Floats
from openaisle.core.messages import CameraDetections
from openaisle.core.units import NS_PER_S
from openaisle.store.schema import Gondola
from openaisle.tracks import FloorTracker
from openaisle.tracks.coverage import Coverage
from openaisle.tracks.crowd import Crowd
from openaisle.tracks.people import Bodies
from openaisle.tracks.sight import Sight
from openaisle.tracks.sightings import Rig
from openaisle.tracks.skeleton import standing

STORE = bare_room()
RIG = Rig.of(STORE.cameras)
FPS = 8.0
ISLAND = Gondola(
    gondola_id="A", scale_id="s", origin_floor_m=(1.5, 1.6), heading_deg=0.0, width_m=2.0, depth_m=0.8, height_m=1.8,
    rate_hz=10.0, shelves=(),
)  # fmt: skip


def bodies_at(*places: tuple[float, float]) -> Bodies:
    bodies = Bodies(8)
    for place in places:
        bodies.seed(bodies.take_row(), place, 0.1, 1.72)
    return bodies


def seen_of(*people: Floats, joints: slice = slice(0, 17), sure: float = 0.8) -> list[Floats]:
    """What the cameras see of those people [17, 3], each: keypoints inside of their pictures."""
    views = []
    for camera in STORE.cameras:
        rows = []
        for body in people:
            pixels = camera.project(body)
            with np.errstate(invalid="ignore"):
                inside = np.all(
                    (pixels >= 0) & (pixels < (camera.lens.width_px, camera.lens.height_px)), axis=1
                )
            keypoints = np.zeros((17, 3))
            keypoints[inside] = np.column_stack([pixels[inside], np.full(inside.sum(), sure)])
            keypoints[:, 2] *= np.isin(np.arange(17), np.arange(17)[joints])
            rows.append(keypoints)
        views.append(np.array([row for row in rows if (row[:, 2] > 0).sum() > 3]).reshape(-1, 17, 3))
    return views


def told_last(tracker: FloorTracker, moments: int, views: list[Floats]) -> Floats:
    """[n, 3] of the last of so many moments of the same views."""
    assert moments > 0
    return [tracker.update(views) for _ in range(moments)][-1]


def at(x_m: float, y_m: float) -> Floats:
    return standing(np.array([x_m, y_m]), 1.72, 0.4)


def shares(*places: tuple[float, float], gondolas: tuple[Gondola, ...] = ()) -> Floats:
    """Of the first of them, the others in the way: one share a camera."""
    bodies = bodies_at(*places)
    everybody = np.arange(len(places))
    return Sight(RIG, gondolas).shares(bodies, everybody[:1], everybody, np.arange(len(RIG.camera_ids)))[0]


def test_cameras_that_look_at_somebody_see_all_of_them_and_others_nothing() -> None:
    free = shares((2.5, 2.0))
    for share, camera_id in zip(free, RIG.camera_ids, strict=True):
        camera = STORE.camera_of[camera_id]
        pixels = camera.project(at(2.5, 2.0))
        inside = np.all((pixels >= 0) & (pixels < (camera.lens.width_px, camera.lens.height_px)), axis=1)
        assert share == pytest.approx(inside.mean(), abs=0.25)
    assert free.max() > 0.9


def test_whoever_stands_in_front_hides_who_is_behind_from_that_side_alone() -> None:
    alone, behind = shares((2.5, 2.0)), shares((2.5, 2.0), (2.5, 1.5))
    south, north = RIG.camera_ids.index("cam-5"), RIG.camera_ids.index("cam-6")
    assert behind[south] < 0.5 * alone[south]
    assert behind[north] == alone[north]


def test_shelves_hide_who_is_behind_them() -> None:
    alone, behind = shares((2.5, 3.0)), shares((2.5, 3.0), gondolas=(ISLAND,))
    south = RIG.camera_ids.index("cam-5")
    assert behind[south] < alone[south]
    assert (behind <= alone).all()


def test_nobody_stands_in_the_middle_of_a_shelf_but_people_lean_over_its_edge() -> None:
    solids = Sight(RIG, (ISLAND,)).solids
    assert solids.contain(2.5, 2.0)
    assert not solids.contain(2.5, 1.65)
    assert not solids.contain(2.5, 1.2)
    assert not Sight(RIG, ()).solids.contain(2.5, 2.0)


def test_nobody_stands_between_a_shelf_and_a_wall() -> None:
    room = ((0.0, 0.0), (5.0, 0.0), (5.0, 4.0), (0.0, 4.0))
    at_wall = replace(ISLAND, origin_floor_m=(1.5, 3.6), depth_m=0.4)
    solids = Sight(RIG, (at_wall,), room).solids
    assert not Sight(RIG, (at_wall,)).solids.contain(2.5, 3.88)
    assert solids.contain(2.5, 3.88)
    assert not solids.contain(2.5, 3.5)
    assert not solids.contain(0.5, 3.9)
    assert not solids.contain(2.5, -1.0)  # Whoever queues before a gate is outside of all walls.


def misread(views: list[Floats], camera_count: int) -> list[Floats]:
    """The same, but the last cameras take each joint for another."""
    return [*views[:camera_count], *(view[:, ::-1] for view in views[camera_count:])]


def test_cameras_that_read_somebody_badly_make_no_second_person_of_them() -> None:
    tracker = FloorTracker(STORE.cameras, FPS)
    views = seen_of(at(2.5, 2.0))
    told_last(tracker, 20, views)
    assert len(told_last(tracker, 60, misread(views, 3))) == 1


@pytest.mark.parametrize(("joints", "sure", "count"), [(slice(0, 17), 0.8, 1), (slice(9, 15), 0.3, 0)])
def test_a_body_is_believed_and_a_few_unsure_joints_are_nobody(
    joints: slice, sure: float, count: int
) -> None:
    tracker = FloorTracker(STORE.cameras, FPS)
    found = told_last(tracker, 40, seen_of(at(2.5, 2.0), joints=joints, sure=sure))
    assert len(found) == count


def test_who_stood_and_is_hidden_is_still_told_of_and_who_left_an_empty_place_is_not() -> None:
    told = {}
    for is_hidden in (True, False):
        tracker = FloorTracker(STORE.cameras, FPS)
        # All around: from no side is there a free sight of the one in the middle.
        ring = [at(2.5 + 0.45 * np.cos(turn), 2.0 + 0.45 * np.sin(turn)) for turn in np.arange(8) * np.pi / 4]
        others = ring if is_hidden else []
        told_last(tracker, 24, seen_of(at(2.5, 2.0), *others))
        found = told_last(tracker, 24, seen_of(*others))
        near = np.linalg.norm(found[:, :2] - (2.5, 2.0), axis=1) < 0.2
        told[is_hidden] = int(near.sum())
    assert told == {True: 1, False: 0}


def test_two_who_were_side_by_side_stay_two_when_one_of_them_is_seen_no_more() -> None:
    tracker = FloorTracker(STORE.cameras, FPS)
    first, second = at(2.4, 2.0), at(2.7, 2.0)
    told_last(tracker, 24, seen_of(first, second))
    assert len(told_last(tracker, 7, seen_of(first))) == 2
    found = told_last(tracker, 7, seen_of(first, second))
    assert sorted(found[:, 2].tolist()) == [1.0, 2.0]


def frames_of(views: list[Floats], at_ns: int) -> list[CameraDetections]:
    """What the cameras report at that moment, in the order of their ids."""
    frames = []
    for camera, seen in zip(STORE.cameras, views, strict=True):
        is_seen = seen[:, :, 2:] > 0
        low = np.where(is_seen, seen[:, :, :2], np.inf).min(axis=1)
        high = np.where(is_seen, seen[:, :, :2], -np.inf).max(axis=1)
        frames.append(
            CameraDetections(
                camera_id=camera.camera_id, captured_ns=at_ns, received_ns=at_ns,
                boxes_image_px=np.concatenate([low, high], axis=1), scores=np.ones(len(seen)), keypoints_image_px=seen,
                appearance=np.zeros((len(seen), 0)),
            )
        )  # fmt: skip
    return sorted(frames, key=lambda frame: frame.camera_id)


def test_a_stranger_who_bends_down_before_one_camera_is_held_where_they_stood() -> None:
    crowd = Crowd(STORE.cameras, Coverage.of_store(STORE), STORE.gates)
    place, at_ns = (3.5, 2.8), 0
    for _ in range(24):
        at_ns += NS_PER_S // 8
        crowd.step(frames_of(seen_of(at(*place)), at_ns), at_ns)
    bent = seen_of(standing(np.array(place), 1.15, 0.4))
    one_view = [view if index == 0 else view[:0] for index, view in enumerate(bent)]
    for _ in range(16):
        at_ns += NS_PER_S // 8
        crowd.step(frames_of(one_view, at_ns), at_ns)
        assert math.dist(crowd.people[0].position_floor_m, place) < 0.7
