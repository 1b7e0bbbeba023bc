"""Skeleton mode sees what cameras see, about as badly as networks do."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from openaisle.core.messages import JOINT_INDEX, WRISTS
from openaisle.sim.people import draw_body
from openaisle.sim.pose import Bodies
from openaisle.sim.scene import Scene
from openaisle.sim.sight import HIDDEN, SEEN, Eye, Solids, see
from openaisle.sim.skeletons import SkeletonCameras, SkeletonSettings, look_of
from openaisle.store.schema import Store


def scene_of(*places: tuple[float, float, float], at_ns: int = 1_000) -> Scene:
    """People standing at (x, y, yaw)."""
    rng = np.random.default_rng(3)
    people = tuple(draw_body(rng, number + 1) for number in range(len(places)))
    bodies = Bodies(max(len(people), 1))
    for row, (body, place) in enumerate(zip(people, places, strict=True)):
        bodies.reset(row, body, *place)
    return Scene(
        at_ns=at_ns,
        light=1.0,
        bodies=people,
        joints_floor_m=bodies.joints_floor_m(np.arange(len(people)), 0.0, 1.0),
        items=(),
        item_positions_floor_m=np.zeros((0, 3)),
        item_yaw_deg=np.zeros(0),
        item_in_hand=np.zeros(0, np.bool_),
        shelf_version=0,
    )


def test_projection_is_that_of_the_store_s_cameras(corner: Store) -> None:
    scene = scene_of((1.2, 2.0, 0.3), (3.5, 2.0, 2.0), (4.0, 3.2, -1.0))
    girths = np.ones(3)
    for camera in corner.cameras:
        points, _ = see(Eye.of(camera), Solids.of(corner), scene.joints_floor_m, girths)
        expected = camera.project(scene.joints_floor_m)
        in_front = camera.camera_from_floor.apply(scene.joints_floor_m)[..., 2] > 0.05
        assert points[in_front] == pytest.approx(expected[in_front], rel=1e-9, abs=1e-6)


def test_shelves_hide_who_stands_behind_them(corner: Store) -> None:
    # E and F stand back to back in the middle: feet on the far side are hidden from a low side view.
    scene = scene_of((3.4, 1.9, 0.0))
    low = dataclasses.replace(
        corner.cameras[0], position_floor_m=(0.6, 1.9, 1.2), pan_deg=0.0, tilt_deg=10.0, roll_deg=0.0
    )
    beside = dataclasses.replace(low, position_floor_m=(3.4, 0.2, 1.2), pan_deg=90.0)
    _, behind = see(Eye.of(low), Solids.of(corner), scene.joints_floor_m, np.ones(1))
    _, open_view = see(Eye.of(beside), Solids.of(corner), scene.joints_floor_m, np.ones(1))
    knees = [JOINT_INDEX["left_knee"], JOINT_INDEX["right_knee"]]
    assert (behind[0, knees] == HIDDEN).all()
    assert (open_view[0, knees] == SEEN).all()


def test_people_hide_people(corner: Store) -> None:
    alone, covered = scene_of((4.0, 2.0, 0.0)), scene_of((4.0, 2.0, 0.0), (3.6, 2.0, 0.0))
    camera = dataclasses.replace(
        corner.cameras[0], position_floor_m=(2.95, 2.0, 1.3), pan_deg=0.0, tilt_deg=5.0, roll_deg=0.0
    )
    no_shelves = Solids(np.zeros((0, 6)), np.zeros((0, 6)), np.zeros((0, 6)))
    _, before = see(Eye.of(camera), no_shelves, alone.joints_floor_m, np.ones(1))
    _, after = see(Eye.of(camera), no_shelves, covered.joints_floor_m, np.ones(2))
    assert (after[0] == HIDDEN).sum() > (before[0] == HIDDEN).sum() + 5


def test_noise_is_about_five_pixels_at_wrists_and_less_elsewhere(corner: Store) -> None:
    settings = SkeletonSettings(swap_share=0.0, hidden_guessed=0.0, false_people=0.0)
    cameras = SkeletonCameras(corner, np.random.default_rng(1), settings)
    wrists, others = [], []
    for k in range(400):
        scene = scene_of((1.0 + 0.003 * k, 2.5, 0.02 * k), at_ns=k)
        for camera in corner.cameras:
            (said,) = cameras.detect(scene, [camera.camera_id])
            if not len(said.scores):
                continue
            true = camera.project(scene.joints_floor_m[0, :17])
            off = said.keypoints_image_px[0, :, :2] - true
            seen = said.keypoints_image_px[0, :, 2] > 0
            wrists += [off[joint] for joint in WRISTS if seen[joint]]
            others += list(off[5:9][seen[5:9]])
    wrist_sd, other_sd = np.std(wrists), np.std(others)
    assert 3.5 < wrist_sd < 9.0
    assert 0.55 < other_sd / wrist_sd < 0.85


def test_surer_joints_are_better_joints(corner: Store) -> None:
    cameras = SkeletonCameras(corner, np.random.default_rng(1), SkeletonSettings(swap_share=0.0))
    errors, confidences = [], []
    for k in range(200):
        scene = scene_of((1.0 + 0.003 * k, 2.5, 0.02 * k), at_ns=k)
        for camera in corner.cameras:
            (said,) = cameras.detect(scene, [camera.camera_id])
            if len(said.scores) != 1:
                continue
            seen = said.keypoints_image_px[0, :, 2] > 0
            off = said.keypoints_image_px[0, :, :2] - camera.project(scene.joints_floor_m[0, :17])
            errors += list(np.linalg.norm(off, axis=1)[seen])
            confidences += list(said.keypoints_image_px[0, seen, 2])
    sure = np.array(confidences) > np.median(confidences)
    assert np.median(np.array(errors)[sure]) < 0.75 * np.median(np.array(errors)[~sure])


def test_misses_and_false_people_come_at_their_rates(corner: Store) -> None:
    cameras = SkeletonCameras(corner, np.random.default_rng(1))
    empty, occupied = scene_of(), scene_of((1.3, 2.6, 0.0))
    camera_ids = [camera.camera_id for camera in corner.cameras]
    frames = 1500
    false = sum(len(said.scores) for _ in range(frames) for said in cameras.detect(empty, camera_ids))
    assert false / (frames * len(camera_ids)) == pytest.approx(1 / 500, rel=0.5)
    in_view = [
        camera_id
        for camera_id in camera_ids
        if np.mean([len(said.scores) for _ in range(50) for said in cameras.detect(occupied, [camera_id])])
        > 0.9
    ]
    assert in_view
    found = np.mean([len(said.scores) for _ in range(500) for said in cameras.detect(occupied, in_view)])
    assert 0.94 < found < 0.99


def test_an_empty_picture_is_still_reported_50_to_90_ms_later(corner: Store) -> None:
    cameras = SkeletonCameras(corner, np.random.default_rng(1))
    said = [cameras.detect(scene_of(at_ns=5), ["cam-1"])[0] for _ in range(200)]
    delays = np.array([one.received_ns - one.captured_ns for one in said]) / 1e6
    assert delays.min() >= 50
    assert delays.max() <= 90
    assert said[0].keypoints_image_px.shape == (0, 17, 3)
    assert said[0].appearance.shape == (0, 24)


def test_looks_tell_most_people_apart_and_recognise_the_same_person_across_cameras(corner: Store) -> None:
    rng = np.random.default_rng(9)
    looks = np.array([look_of(draw_body(rng, number)) for number in range(60)])
    assert np.linalg.norm(looks, axis=1) == pytest.approx(1.0)
    between = (looks @ looks.T)[np.triu_indices(60, 1)]
    cameras = SkeletonCameras(corner, np.random.default_rng(1))
    scene = scene_of((1.3, 2.6, 0.0))
    said = [cameras.detect(scene, [camera.camera_id])[0].appearance for camera in corner.cameras]
    seen = np.concatenate([look for look in said if len(look)])
    same = (seen @ seen.T)[np.triu_indices(len(seen), 1)]
    assert np.median(same) > 0.7
    assert np.percentile(between, 90) < np.median(same)
