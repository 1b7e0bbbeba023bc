"""Rays, joints and assignments: each compiled leaf against a plain reference."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy.optimize import linear_sum_assignment
from tests.unit.tracks.walkers import Walker, World, bare_room

from openaisle.core.messages import JOINT_INDEX, CameraDetections
from openaisle.tracks.associate import assign_frames, fit_tracks, pair_sightings
from openaisle.tracks.coverage import Coverage
from openaisle.tracks.crowd import Crowd
from openaisle.tracks.fusion import as_they_are, take_in
from openaisle.tracks.motion import predict
from openaisle.tracks.people import Bodies
from openaisle.tracks.sightings import Rig, Sightings, sightings_of
from openaisle.tracks.skeleton import BONE_SHARES, PAIRS, joints_for_others, standing
from openaisle.tracks.triangulate import JOINT_COUNT, fuse, invert_spd

STORE = bare_room()
RIG = Rig.of(STORE.cameras)
INDEX_OF = RIG.index_of()
ROWS = np.array([0])
RIGHT_WRIST = JOINT_INDEX["right_wrist"]
RIGHT_ELBOW = JOINT_INDEX["right_elbow"]


def perfect_view(camera_id: str, joints: np.ndarray, captured_ns: int = 0) -> CameraDetections:
    pixels = STORE.camera_of[camera_id].project(joints)
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    return CameraDetections(
        camera_id=camera_id,
        captured_ns=captured_ns,
        received_ns=captured_ns,
        boxes_image_px=np.array([[*low, *high]], np.float32),
        scores=np.ones(1, np.float32),
        keypoints_image_px=np.column_stack([pixels, np.full(17, 0.9)])[None].astype(np.float32),
        appearance=np.zeros((1, 0), np.float32),
    )


def body_at(x_m: float, y_m: float, sd_m: float = 0.1) -> Bodies:
    bodies = Bodies(4)
    bodies.seed(bodies.take_row(), (x_m, y_m), sd_m, 1.72)
    return bodies


def fused(bodies: Bodies, seen: Sightings, labels: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(view weights, joint weights) after all sightings were given to row 0."""
    count = len(seen)
    weights, joint_weight = np.zeros(count), np.zeros((1, JOINT_COUNT))
    if labels is None:
        labels = np.tile(np.arange(JOINT_COUNT), (count, 1))
    fuse(
        ROWS, np.array([0, count]), np.arange(count), labels, seen.origin_floor_m, seen.rays_floor, seen.confidence,
        seen.noise_rad, seen.dt_s, bodies.mean, bodies.covariance, bodies.height_m, bodies.height_var, bodies.bone_m,
        bodies.bone_sd_m, bodies.mirrored, bodies.placed, weights, joint_weight,
    )  # fmt: skip
    return weights, joint_weight


def test_rays_are_those_of_the_lens_in_the_floor_frame() -> None:
    rng = np.random.default_rng(1)
    for camera in STORE.cameras:
        pixels = rng.uniform((0, 0), (639, 359), (17, 2))
        frame = perfect_view(camera.camera_id, standing(np.array([2.5, 2.0]), 1.7, 0.0))
        frame.keypoints_image_px[0, :, :2] = pixels
        seen = sightings_of([frame], RIG, INDEX_OF, 0)
        exact = frame.keypoints_image_px[0, :, :2].astype(float)
        expected = camera.lens.rays(exact, iterations=60) @ camera.floor_from_camera.rotation.T
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(seen.rays_floor[0], expected, atol=1e-8)
        np.testing.assert_allclose(seen.origin_floor_m[0], camera.position_floor_m)


def test_the_inverse_of_a_covariance_is_its_inverse() -> None:
    root = np.random.default_rng(2).normal(size=(6, 6))
    matrix = root @ root.T + 0.1 * np.eye(6)
    inverse = np.empty((6, 6))
    invert_spd(matrix.copy(), inverse)
    np.testing.assert_allclose(inverse @ matrix, np.eye(6), atol=1e-9)


def test_views_of_different_moments_give_the_joint_and_its_speed_at_the_windows_end() -> None:
    walker = Walker(((0.0, 1.5, 2.0), (4.0, 3.5, 2.0)), hand_hz=0.0)
    moments_s = (2.0, 2.05, 2.09, 2.12, 2.14, 2.17, 2.2, 2.24)
    frames = [
        perfect_view(f"cam-{number % 4 + 1}", walker.joints_at(at_s), round(at_s * 1e9))  # type: ignore[arg-type]
        for number, at_s in enumerate(moments_s)
    ]
    seen = sightings_of(frames, RIG, INDEX_OF, round(2.25 * 1e9))
    bodies = body_at(2.6, 2.0)
    fused(bodies, seen)
    truth = walker.joints_at(2.25)
    assert truth is not None
    errors = np.linalg.norm(bodies.mean[0, :, :3] - truth, axis=1)
    assert errors.max() < 0.03
    assert bodies.mean[0, 5, 3] == pytest.approx(0.5, abs=0.12)


def test_one_camera_that_shows_somebody_else_is_outvoted() -> None:
    truth = standing(np.array([2.5, 2.2]), 1.72, 0.5)
    other = standing(np.array([3.0, 2.5]), 1.72, 0.5)
    frames = [perfect_view(f"cam-{number}", truth) for number in (1, 2, 3)] + [perfect_view("cam-4", other)]
    bodies = body_at(2.5, 2.2, 0.2)
    weights, joint_weight = fused(bodies, sightings_of(frames, RIG, INDEX_OF, 0))
    assert np.linalg.norm(bodies.mean[0, :, :3] - truth, axis=1).max() < 0.05
    assert weights[:3].min() > 0.8
    assert weights[3] < 0.2
    assert joint_weight[0, 5] == pytest.approx(3 * 0.9, abs=0.4)


def test_a_wrist_that_one_camera_sees_is_placed_by_the_length_of_the_arm() -> None:
    truth = standing(np.array([2.5, 2.2]), 1.72, 0.0)
    truth[RIGHT_WRIST] += (0.25, 0.0, 0.2)
    frames = [perfect_view(f"cam-{number}", truth) for number in (1, 2, 3)]
    for frame in frames[1:]:
        frame.keypoints_image_px[0, RIGHT_WRIST, 2] = 0.0
    bodies = body_at(2.5, 2.2)
    for _ in range(3):
        fused(bodies, sightings_of(frames, RIG, INDEX_OF, 0))
    assert np.linalg.norm(bodies.mean[0, RIGHT_WRIST, :3] - truth[RIGHT_WRIST]) < 0.12
    one, many = (
        joints_for_others(
            bodies.mean[:1, :, :3], bodies.covariance[:1], np.zeros((1, 17)), np.full((1, 17), trust), 1.0
        )[0, RIGHT_WRIST, 3]
        for trust in (0.9, 2.7)
    )
    assert one < many


def arm_seen_by_two(aside: float, trust_in_second: float) -> tuple[Bodies, Sightings, np.ndarray]:
    """A wrist thought to be on the other side of its elbow, as seen by cam-1, which sees it well, as does cam-2."""
    truth = standing(np.array([2.5, 2.2]), 1.72, 0.0)
    elbow = truth[RIGHT_ELBOW]
    ray = elbow - RIG.origin_floor_m[INDEX_OF["cam-1"]]
    ray /= np.linalg.norm(ray)
    forearm_m = BONE_SHARES[3] * 1.72
    across = np.cross(ray, (0.0, 0.0, 1.0))
    across *= np.sqrt(forearm_m**2 - aside**2) / np.linalg.norm(across)
    truth[RIGHT_WRIST] = elbow + across - aside * ray
    bodies = body_at(2.5, 2.2)
    frames = [perfect_view(f"cam-{number}", truth) for number in (1, 2, 3, 4)]
    fused(bodies, sightings_of(frames, RIG, INDEX_OF, 0))
    bodies.mean[0, RIGHT_WRIST, :3] = elbow + across + aside * ray
    bodies.mean[0, RIGHT_WRIST, 3:] = 0.0
    bodies.covariance[0, RIGHT_WRIST, :3, :3] = 0.05**2 * np.eye(3)
    for frame in frames[1:]:
        frame.keypoints_image_px[0, RIGHT_WRIST, 2] = 0.0
    frames[1].keypoints_image_px[0, RIGHT_WRIST, 2] = trust_in_second
    return bodies, sightings_of(frames, RIG, INDEX_OF, 0), truth


def test_a_wrist_on_the_wrong_side_of_its_elbow_changes_over_when_another_camera_says_so() -> None:
    bodies, seen, truth = arm_seen_by_two(0.15, 0.6)
    off_m = np.linalg.norm(bodies.mean[0, RIGHT_WRIST, :3] - truth[RIGHT_WRIST])
    assert off_m > 0.28
    for _ in range(7):
        bodies.covariance[0, RIGHT_WRIST, :3, :3] += 0.02**2 * np.eye(3)
        fused(bodies, seen)
    assert np.linalg.norm(bodies.mean[0, RIGHT_WRIST, :3] - truth[RIGHT_WRIST]) < 0.08
    assert bodies.mirrored[0, RIGHT_WRIST] < 0.1


def test_a_wrist_that_may_be_on_either_side_of_its_elbow_is_as_unsure_as_they_are_apart() -> None:
    bodies, seen, _ = arm_seen_by_two(0.02, 0.0)
    fused(bodies, seen)
    assert bodies.mirrored[0, RIGHT_WRIST] > 0.1
    # It moves on, and which side it went nobody saw.
    share = bodies.mirrored[0, RIGHT_WRIST]
    bodies, seen, _ = arm_seen_by_two(0.15, 0.0)
    sure = np.trace(fused_wrist(bodies, seen))
    bodies, seen, _ = arm_seen_by_two(0.15, 0.0)
    bodies.mirrored[0, RIGHT_WRIST] = share
    unsure = np.trace(fused_wrist(bodies, seen))
    assert unsure > sure + 0.5 * share * 0.3**2


def fused_wrist(bodies: Bodies, seen: Sightings) -> np.ndarray:
    """Covariance [3, 3] of the right wrist's place after one more look."""
    fused(bodies, seen)
    return bodies.covariance[0, RIGHT_WRIST, :3, :3]


def test_a_sighting_with_left_and_right_mixed_up_is_read_the_right_way_round() -> None:
    truth = standing(np.array([2.5, 2.2]), 1.72, 0.3)
    bodies = body_at(2.5, 2.2)
    fused(bodies, sightings_of([perfect_view(f"cam-{n}", truth) for n in (1, 2, 3, 4)], RIG, INDEX_OF, 0))
    order = np.arange(17)
    order[PAIRS[:, 0]], order[PAIRS[:, 1]] = PAIRS[:, 1], PAIRS[:, 0]
    seen = sightings_of([perfect_view("cam-1", truth), perfect_view("cam-1", truth[order])], RIG, INDEX_OF, 0)
    benefit = np.zeros((1, 2))
    labels = np.zeros((1, 2, 17), np.int64)
    fit_tracks(
        ROWS, bodies.mean, bodies.covariance, seen.origin_floor_m, seen.rays_floor, seen.confidence, seen.noise_rad,
        seen.dt_s, benefit, labels,
    )  # fmt: skip
    body = slice(5, 17)
    assert (labels[0, 0, body] == np.arange(17)[body]).all()
    assert (labels[0, 1, body] == order[body]).all()
    assert benefit[0, 1] == pytest.approx(benefit[0, 0], rel=0.1)


@settings(max_examples=60, deadline=None)
@given(
    tracks=st.integers(0, 5),
    sizes=st.lists(st.integers(0, 5), min_size=1, max_size=4),
    seed=st.integers(0, 2**32 - 1),
    share=st.floats(0.0, 1.0),
)
def test_each_frame_is_assigned_as_well_as_can_be(
    tracks: int, sizes: list[int], seed: int, share: float
) -> None:
    rng = np.random.default_rng(seed)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    benefit = rng.uniform(0.01, 3.0, (tracks, starts[-1])) * (rng.random((tracks, starts[-1])) < share)
    owner = np.full(starts[-1], -1, np.int64)
    assign_frames(benefit, starts, owner)
    for start, end in itertools.pairwise(starts.tolist()):
        given_to = [(owner[i], i) for i in range(start, end) if owner[i] >= 0]
        assert len({track for track, _ in given_to}) == len(given_to)
        assert all(benefit[track, i] > 0 for track, i in given_to)
        rows, columns = linear_sum_assignment(benefit[:, start:end], maximize=True)
        best = benefit[:, start:end][rows, columns].sum()
        assert sum(benefit[track, i] for track, i in given_to) == pytest.approx(best)


def test_sightings_of_one_person_pair_up_and_those_of_two_do_not() -> None:
    one, other = standing(np.array([1.8, 1.6]), 1.72, 0.3), standing(np.array([3.0, 2.8]), 1.65, 2.0)
    frames = [perfect_view("cam-1", one), perfect_view("cam-2", one), perfect_view("cam-3", other)]
    seen = sightings_of(frames, RIG, INDEX_OF, 0)
    score, middle = np.zeros((3, 3)), np.zeros((3, 3, 2))
    pair_sightings(
        np.arange(3),
        seen.camera,
        seen.origin_floor_m,
        seen.rays_floor,
        seen.confidence,
        seen.noise_rad,
        score,
        middle,
    )
    assert score[0, 1] > 8
    assert max(score[0, 2], score[1, 2]) < 1
    np.testing.assert_allclose(middle[0, 1], (1.8, 1.6), atol=0.1)


def move_on(bodies: Bodies, seconds: float) -> None:
    predict(
        ROWS, seconds, bodies.mean, bodies.covariance, bodies.unseen_s, bodies.root, bodies.root_var, bodies.height_m
    )  # fmt: skip


def test_prediction_moves_a_walker_on_and_uncertainty_grows_but_not_without_end() -> None:
    bodies = body_at(1.0, 1.0)
    bodies.root[0, 2:] = (1.0, 0.0)
    bodies.mean[0, :, 3] = 1.0
    before = bodies.mean[0, :, 0].copy()
    move_on(bodies, 0.125)
    np.testing.assert_allclose(bodies.mean[0, :, 0] - before, 0.125, atol=0.01)
    for _ in range(80):
        move_on(bodies, 0.125)
        eigenvalues = np.linalg.eigvalsh(bodies.covariance[0])
        assert eigenvalues.min() > 0
    assert bodies.covariance[0, :, 0, 0].max() < 0.41**2
    assert bodies.root[0, 0] < 3.0, "nobody walks on for ten seconds unseen"


@pytest.mark.parametrize("gap_s", [0.5, 1.3, 2.0])
def test_however_long_nothing_came_the_foot_points_covariance_stays_one(gap_s: float) -> None:
    bodies = body_at(2.5, 2.2)
    seen = sightings_of(
        [perfect_view(f"cam-{n}", standing(np.array([2.5, 2.2]), 1.72, 0.3)) for n in (1, 2, 3, 4)],
        RIG,
        INDEX_OF,
        0,
    )
    for _ in range(20):
        move_on(bodies, gap_s)
        take_in(bodies, ROWS, seen, np.zeros(4, np.int64), as_they_are(seen))
        place, both, speed = bodies.root_var[0]
        assert place > 0
        assert speed > 0
        assert both**2 < place * speed


def test_somebody_who_crouches_keeps_the_height_they_walked_in_with() -> None:
    heights = []
    crouch_from = 40
    world = World(STORE, [Walker(((0.0, 2.5, 2.0), (12.0, 2.5, 2.0)), hand_hz=0.0)], seed=3)
    crowd = Crowd(STORE.cameras, Coverage.of_store(STORE), STORE.gates)
    frames = world.film(12.0)
    for window in range(1, 90):
        until_ns = frames[0].captured_ns // 125_000_000 * 125_000_000 + window * 125_000_000
        due = [f for f in frames if until_ns - 125_000_000 < f.captured_ns <= until_ns]
        if window > crouch_from:
            low = standing(np.array([2.5, 2.0]), 1.15, np.pi / 2)
            due = [perfect_view(f.camera_id, low, f.captured_ns) for f in due]
        crowd.step(sorted(due, key=lambda f: (f.captured_ns, f.camera_id)), until_ns)
        if crowd.people:
            heights.append(float(crowd.bodies.height_m[crowd.people[0].row]))
    assert heights[30] == pytest.approx(1.72, abs=0.06)
    assert heights[-1] > 1.5
