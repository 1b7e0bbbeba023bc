"""The shipped networks on frames rendered on the fly, of a shop, people and a seed that no network was taught on."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from openaisle.core.messages import WRISTS, CameraDetections, Frame
from openaisle.core.units import ns_from_s
from openaisle.detections import decode
from openaisle.detections.appearance import LOOK_FEATURES
from openaisle.detections.people import PeopleDetector, PeopleSettings
from openaisle.detections.people_networks import Calibration
from openaisle.detections.runtime import RuntimeSettings
from openaisle.learning.evaluate import HeldOut, evaluate
from openaisle.sim.labels import VISIBLE, PersonLabel, labels
from openaisle.sim.render import Renderer
from openaisle.sim.scripts import plan_day
from openaisle.sim.shop import SimulatedShop
from openaisle.sim.still import Eye
from openaisle.store.load import load_store
from openaisle.store.schema import Camera, Store

CAMERAS = 3
SEED = 8


@dataclass(frozen=True)
class View:
    """What one camera saw at one time, what is true of it, and what the detector said."""

    frame: Frame
    people: list[PersonLabel]
    detections: CameraDetections

    def pairs(self) -> list[tuple[PersonLabel, int]]:
        """People and the row of the detection that lies on them."""
        boxes = np.array([person.amodal_box_px for person in self.people], np.float32).reshape(-1, 4)
        boxes = boxes.clip(0, (640, 360, 640, 360)).astype(np.float32)
        overlap = decode.overlaps(boxes, self.detections.boxes_image_px)
        if not overlap.size:
            return []
        best = overlap.argmax(axis=1)
        return [(person, int(best[n])) for n, person in enumerate(self.people) if overlap[n, best[n]] > 0.4]


@pytest.fixture(scope="module")
def store() -> Store:
    store = load_store("corner")
    return replace(store, cameras=store.cameras[:CAMERAS])


@pytest.fixture(scope="module")
def empty_frames(store: Store) -> list[np.ndarray]:
    shop = SimulatedShop(store, plan_day(store, visit_count=1, seed=SEED))
    scene = shop.scene()
    return [Renderer(store, camera, seed=SEED).draw(scene).pixels for camera in store.cameras]


@pytest.fixture(scope="module")
def views(store: Store, empty_frames: list[np.ndarray]) -> list[View]:
    """Two shoppers in the shop, looked at three times a second."""
    plan = plan_day(store, visit_count=2, seed=SEED, families=["single_pick"], arrivals_per_minute=30)
    shop = SimulatedShop(store, plan)
    renderers = [Renderer(store, camera, seed=SEED) for camera in store.cameras]
    eyes = [Eye(store, each.camera, each.appearance, each.lens) for each in renderers]
    detector = PeopleDetector(store.cameras)
    ids = [camera.camera_id for camera in store.cameras]
    detector.show_empty(dict(zip(ids, empty_frames, strict=True)), plan.start_ns)
    found: list[View] = []
    for number in range(40):
        shop.advance(plan.start_ns + ns_from_s(5 + number / 3))
        scene = shop.scene()
        rendered = [renderer.draw(scene) for renderer in renderers]
        frames = [
            Frame(name, scene.at_ns, scene.at_ns, each.pixels)
            for name, each in zip(ids, rendered, strict=True)
        ]
        for frame, each, eye, said in zip(frames, rendered, eyes, detector.detect(frames), strict=True):
            found.append(View(frame, labels(scene, each, eye), said))
    return found


def test_nearly_everybody_clearly_in_view_is_found(views: list[View]) -> None:
    clear = [
        (view, person)
        for view in views
        for person in view.people
        if person.visible_fraction > 0.7 and person.visible_px > 1500
    ]
    found = [any(person is each for each, _ in view.pairs()) for view, person in clear]
    assert len(found) > 40
    assert np.mean(found) >= 0.95


def test_hardly_anybody_is_seen_where_nobody_is(views: list[View]) -> None:
    false = sum(
        len(view.detections.scores) - len({row for _, row in view.pairs()})
        for view in views
        if all(person.visible_fraction > 0.3 for person in view.people)
    )
    assert false / len(views) < 0.05


def test_wrists_in_view_are_within_a_hands_breadth(views: list[View]) -> None:
    """A hand's breadth is 10 cm: 25 px at 2 m. Half of the wrists are within half of that."""
    errors = [
        float(
            np.linalg.norm(
                view.detections.keypoints_image_px[row, wrist, :2] - person.keypoints_px[wrist, :2]
            )
        )
        for view in views
        for person, row in view.pairs()
        for wrist in WRISTS
        if person.keypoints_px[wrist, 2] == VISIBLE
    ]
    assert len(errors) > 40
    assert np.median(errors) < 12


def test_confident_wrists_are_better_than_others(views: list[View]) -> None:
    rows = np.array(
        [
            (
                view.detections.keypoints_image_px[row, wrist, 2],
                np.linalg.norm(
                    view.detections.keypoints_image_px[row, wrist, :2] - person.keypoints_px[wrist, :2]
                ),
            )
            for view in views
            for person, row in view.pairs()
            for wrist in WRISTS
            if person.keypoints_px[wrist, 2] > 0
        ]
    )
    sure = rows[:, 0] >= np.median(rows[:, 0])
    assert np.median(rows[sure, 1]) < 0.8 * np.median(rows[~sure, 1])


def test_one_persons_clothes_are_more_alike_than_two_peoples(views: list[View]) -> None:
    vectors: dict[int, list[np.ndarray]] = {}
    for view in views:
        for person, row in view.pairs():
            if person.visible_fraction > 0.7:
                vectors.setdefault(person.body_id, []).append(view.detections.appearance[row])
    groups = [np.stack(each) for each in vectors.values() if len(each) > 5]
    assert len(groups) == 2
    same = np.mean([np.median(group @ group.T) for group in groups])
    assert same > float(np.median(groups[0] @ groups[1].T)) + 0.05


def test_the_keypoint_network_says_what_people_look_like(views: list[View]) -> None:
    vectors = np.concatenate([view.detections.appearance for view in views if len(view.detections.scores)])
    assert vectors.shape[1] == LOOK_FEATURES
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-3)


def test_looks_without_a_usual_one_are_left_as_they_are() -> None:
    looks = np.eye(3, LOOK_FEATURES, dtype=np.float32)
    assert np.allclose(Calibration.of({}).looks(looks), looks)
    usual = Calibration.of({"look_mean": [0.5] + [0.0] * (LOOK_FEATURES - 1)}).looks(looks)
    assert usual[0] @ usual[1] == pytest.approx(
        -1 / np.sqrt(5), rel=1e-4
    )  # The second is as unlike the usual one.
    assert Calibration.of({}).looks(np.zeros((2, 0), np.float32)).shape == (2, 0)


def test_an_empty_shop_has_nobody_in_it(store: Store, empty_frames: list[np.ndarray]) -> None:
    """Learned from nothing, while the exposure drifts by a fifth."""
    detector = PeopleDetector(store.cameras)
    rng = np.random.default_rng(1)
    for number in range(16):
        gain = 1.0 - 0.2 * number / 16
        frames = [
            Frame(camera.camera_id, ns_from_s(number / 4), ns_from_s(number / 4), noisy(pixels, gain, rng))
            for camera, pixels in zip(store.cameras, empty_frames, strict=True)
        ]
        assert [len(each.scores) for each in detector.detect(frames)] == [0] * CAMERAS


def test_frames_of_one_camera_may_come_together(store: Store, views: list[View]) -> None:
    """A batch with several frames of a camera gives what they give one after another."""
    frames = [view.frame for view in views[: 4 * CAMERAS]]
    together = PeopleDetector(store.cameras).detect(frames)
    detector = PeopleDetector(store.cameras)
    apart = [detector.detect([frame])[0] for frame in frames]
    for a, b in zip(together, apart, strict=True):
        assert (a.camera_id, a.captured_ns) == (b.camera_id, b.captured_ns)
        assert np.allclose(a.boxes_image_px, b.boxes_image_px, atol=0.1)
        assert np.allclose(a.keypoints_image_px, b.keypoints_image_px, atol=0.5)


def test_a_frame_of_another_size_is_answered_in_the_lenss_pixels(store: Store, views: list[View]) -> None:
    view = next(view for view in views if len(view.detections.scores))
    camera = store.camera_of[view.frame.camera_id]
    large = np.repeat(np.repeat(view.frame.pixels, 2, axis=0), 2, axis=1)
    said = PeopleDetector([camera]).detect([replace(view.frame, pixels=large)])[0]
    plain = PeopleDetector([camera]).detect([view.frame])[0]
    assert len(said.scores) == len(plain.scores)
    assert np.abs(said.boxes_image_px - plain.boxes_image_px).max(initial=0) < 6


def test_a_score_in_the_settings_goes_before_the_one_chosen_for_the_networks() -> None:
    assert PeopleDetector([], settings=PeopleSettings(score_min=0.3)).score_min == 0.3
    assert 0 < PeopleDetector([]).score_min < 1


def test_no_frames_give_no_detections(store: Store) -> None:
    assert PeopleDetector(store.cameras).detect([]) == []


def test_a_black_frame_holds_nobody_and_breaks_nothing(store: Store, views: list[View]) -> None:
    camera: Camera = store.cameras[0]
    detector = PeopleDetector([camera])
    for number in range(20):
        pixels = np.zeros((360, 640, 3), np.uint8) if number > 8 else views[0].frame.pixels
        said = detector.detect(
            [Frame(camera.camera_id, ns_from_s(number / 8), ns_from_s(number / 8), pixels)]
        )[0]
        assert number <= 8 or len(said.scores) == 0


def test_the_shipped_networks_keep_their_figures_on_a_made_up_shop() -> None:
    figures = evaluate(RuntimeSettings(), HeldOut(first_store=9700, stores=1, cameras=3, frames=12))
    assert figures.people > 30
    assert figures.recall_clear > 0.85
    assert figures.false_people_per_frame < 0.15
    assert figures.wrist_px_median < 14


def noisy(pixels: np.ndarray, gain: float, rng: np.random.Generator) -> np.ndarray:
    return np.clip(pixels * gain + rng.normal(0, 2, pixels.shape), 0, 255).astype(np.uint8)
