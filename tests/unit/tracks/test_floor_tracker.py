"""FloorTracker: boxes or keypoints of calibrated cameras in, places on the floor out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from tests.unit.tracks.walkers import Walker, bare_room

from openaisle.core.errors import InputError
from openaisle.core.geometry import Floats
from openaisle.store.schema import Camera
from openaisle.tracks import FloorTracker
from openaisle.tracks.boxes import stand_in_boxes
from openaisle.tracks.sightings import Rig
from openaisle.tracks.skeleton import STATURE_M, standing

FPS = 8.0
CAMERAS = bare_room().cameras
ANA = Walker(((0.0, 0.8, 0.8), (4.0, 4.0, 0.9), (8.0, 4.0, 3.2)))
BOB = Walker(((0.0, 4.2, 3.2), (4.0, 1.0, 3.1), (8.0, 0.9, 0.9)), height_m=1.62)


def keypoints_of(
    camera: Camera, people: Sequence[Floats], noise_px: float, rng: np.random.Generator
) -> Floats:
    """[n, 17, 3] of those people of whom the camera sees five joints."""
    seen = []
    for joints in people:
        pixels = camera.project(joints)
        with np.errstate(invalid="ignore"):
            size_px = (camera.lens.width_px, camera.lens.height_px)
            is_inside = ((pixels >= 0) & (pixels < size_px)).all(axis=1)
        if is_inside.sum() >= 5:
            keypoints = np.zeros((17, 3))
            keypoints[is_inside, :2] = pixels[is_inside] + rng.normal(
                0.0, noise_px, (int(is_inside.sum()), 2)
            )
            keypoints[is_inside, 2] = 0.8
            seen.append(keypoints)
    return np.array(seen).reshape(-1, 17, 3)


def boxes_of(camera: Camera, people: Sequence[Floats], noise_px: float, rng: np.random.Generator) -> Floats:
    """[n, 5] around whole bodies, cut off at the picture's edges."""
    boxes = []
    for joints in people:
        # A head is above its eyes, feet below their ankles; bodies have a width.
        crown = joints[[0, 15, 16]] * (1, 1, 0) + np.array(
            [[0, 0, joints[1, 2] / 0.94], [0, 0, 0], [0, 0, 0]]
        )
        thick = 0.12 * np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
        sides = (joints[5:7, None] + thick).reshape(-1, 3)
        pixels = camera.project(np.concatenate([joints, crown, sides]))
        if not np.isfinite(pixels).all():
            continue
        edges = np.array([camera.lens.width_px - 1.0, camera.lens.height_px - 1.0])
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        cut_low, cut_high = np.clip(low, 0.0, edges), np.clip(high, 0.0, edges)
        if np.prod(cut_high - cut_low) > 0.5 * np.prod(high - low):
            corners = np.concatenate([cut_low, cut_high]) + rng.normal(0.0, noise_px, 4)
            boxes.append([*corners, 0.9])
    return np.array(boxes).reshape(-1, 5)


def follow(
    see: Callable[[Camera, Sequence[Floats], float, np.random.Generator], Floats],
    walkers: Sequence[Walker] = (ANA, BOB),
    *,
    watched: Sequence[Camera] = CAMERAS,
    believed: Sequence[Camera] = CAMERAS,
    seconds: float = 8.0,
    noise_px: float = 2.0,
    miss_share: float = 0.05,
) -> list[tuple[Floats, Floats]]:
    """(places [m, 3], truth [n, 2]) of each moment. `watched`: the cameras as they are; `believed`: as said."""
    rng = np.random.default_rng(3)
    tracker = FloorTracker(believed, FPS)
    moments = []
    for moment in range(1, round(seconds * FPS)):
        people = [joints for walker in walkers if (joints := walker.joints_at(moment / FPS)) is not None]
        seen = [see(camera, people, noise_px, rng) for camera in watched]
        seen = [rows[rng.random(len(rows)) >= miss_share] for rows in seen]
        truth = [walker.position_at(moment / FPS) for walker in walkers]
        moments.append((tracker.update(seen), np.array([place for place in truth if place is not None])))
    return moments


def errors_m(moments: list[tuple[Floats, Floats]]) -> Floats:
    """Distances of the truth from whoever is nearest, of moments with as many people as there are."""
    return np.concatenate(
        [
            np.linalg.norm(truth[:, None] - places[None, :, :2], axis=2).min(axis=1)
            for places, truth in moments
            if len(places) == len(truth)
        ]
    )


@pytest.mark.parametrize(("see", "most_m"), [(keypoints_of, 0.06), (boxes_of, 0.15)])
def test_two_people_are_two_ids_and_near_to_where_they_are(see: Callable, most_m: float) -> None:
    moments = follow(see)
    assert {who for places, _ in moments for who in places[:, 2].tolist()} == {1.0, 2.0}
    assert sum(len(places) == 2 for places, _ in moments) > 0.9 * len(moments)
    assert np.median(errors_m(moments)) < most_m


def test_two_who_stand_a_hand_apart_are_two_as_long_as_pictures_show_both() -> None:
    close = [Walker(((0.0, 2.4, y), (9.0, 2.4, y)), hand_hz=0.0) for y in (1.9, 2.15)]
    moments = follow(keypoints_of, close)
    assert {len(places) for places, _ in moments[16:]} == {2}


def test_whom_a_single_camera_sees_is_somebody_only_after_a_while() -> None:
    stander = Walker(((0.0, 2.5, 2.0), (8.0, 2.5, 2.0)))
    moments = follow(keypoints_of, (stander,), watched=CAMERAS[:1], believed=CAMERAS[:1], miss_share=0.0)
    told = [len(places) for places, _ in moments]
    assert not any(told[: round(1.5 * FPS)])
    assert all(told[round(4.0 * FPS) :])


def test_an_update_without_anybody_is_an_empty_table() -> None:
    tracker = FloorTracker(CAMERAS, FPS)
    assert tracker.update([[] for _ in CAMERAS]).shape == (0, 3)


def test_the_order_of_cameras_changes_nothing() -> None:
    rng = np.random.default_rng(1)
    order = [3, 0, 5, 1, 4, 2]
    one, other = FloorTracker(CAMERAS, FPS), FloorTracker([CAMERAS[index] for index in order], FPS)
    for moment in range(1, 24):
        people = [joints for walker in (ANA, BOB) if (joints := walker.joints_at(moment / FPS)) is not None]
        seen = [keypoints_of(camera, people, 2.0, rng) for camera in CAMERAS]
        np.testing.assert_array_equal(one.update(seen), other.update([seen[index] for index in order]))


def test_cameras_that_hang_otherwise_than_said_are_found_out_and_weighed() -> None:
    turned = [replace(CAMERAS[0], pan_deg=CAMERAS[0].pan_deg + 2.5), *CAMERAS[1:]]
    walkers = [
        Walker(((0.0, 0.8, 0.8), (4.0, 4.0, 0.9), (8.0, 4.0, 3.2), (12.0, 1.0, 3.0), (16.0, 1.0, 1.0)))
    ]
    moments = follow(boxes_of, walkers, believed=turned, seconds=16.0)
    late = moments[len(moments) // 2 :]
    assert {who for places, _ in late for who in places[:, 2].tolist()} == {1.0}
    assert np.median(errors_m(late)) < 0.15


@settings(max_examples=40)
@given(
    x=st.floats(0.8, 4.2),
    y=st.floats(0.8, 3.2),
    stature_m=st.floats(1.55, 1.85),
    yaw_rad=st.floats(0.0, 6.28),
    index=st.integers(0, len(CAMERAS) - 1),
)
def test_a_standing_body_in_its_box_has_its_joints_where_they_are(
    x: float, y: float, stature_m: float, yaw_rad: float, index: int
) -> None:
    rig = Rig.of(CAMERAS)
    camera = next(camera for camera in CAMERAS if camera.camera_id == rig.camera_ids[index])
    truth = standing(np.array([x, y]), stature_m, None)
    boxes = boxes_of(camera, [standing(np.array([x, y]), stature_m, yaw_rad)], 0.0, np.random.default_rng(0))
    near_m = np.linalg.norm(truth[0, :2] - np.array(camera.position_floor_m[:2]))
    if not len(boxes) or near_m < 2.0:
        return  # cut off by the picture, or looked down upon from so near that a box says little
    keypoints = np.zeros((1, 17, 3))
    stand_in_boxes(
        np.array([0]), boxes[:, :4], np.array([index]), rig.rotation, rig.origin_floor_m, rig.pinhole,
        rig.distortion, rig.radius_squared_max, rig.size_px, STATURE_M, keypoints,
    )  # fmt: skip
    found = keypoints[0, :, 2] > 0
    assert not found[7:11].any()  # a box says nothing of arms
    size_px = float(boxes[0, 2:4].max() - boxes[0, :2].min())
    off_px = np.linalg.norm(keypoints[0, found, :2] - camera.project(truth[found]), axis=1)
    assert np.median(off_px) < 0.12 * size_px


@pytest.mark.parametrize(
    ("detections", "words"),
    [
        ([np.zeros((1, 5))], "one array is needed for each camera"),
        ([np.zeros((1, 4))] * len(CAMERAS), r"neither boxes nor keypoints.*\[n, 5\] or \[n, 17, 3\]"),
        ([np.full((1, 5), np.nan)] * len(CAMERAS), "not a number"),
    ],
)
def test_what_is_no_detection_is_refused_by_name(detections: list[Floats], words: str) -> None:
    with pytest.raises(InputError, match=words):
        FloorTracker(CAMERAS, FPS).update(detections)


def test_a_tracker_without_cameras_or_with_twins_is_refused() -> None:
    with pytest.raises(InputError, match="without cameras"):
        FloorTracker([], FPS)
    with pytest.raises(InputError, match="same id"):
        FloorTracker([CAMERAS[0], CAMERAS[0]], FPS)
    with pytest.raises(InputError, match="frame rate"):
        FloorTracker(CAMERAS, 0.0)
