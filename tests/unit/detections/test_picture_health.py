"""A camera that sees worse than it did is said so once, with a fixed word, and once more when it is well again."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from openaisle.core.messages import Frame, SensorDegraded, SensorRecovered
from openaisle.core.units import ns_from_s
from openaisle.detections.background import Background
from openaisle.detections.crops import Letterbox, Pixels
from openaisle.detections.people import PeopleDetector
from openaisle.detections.picture_health import REASONS, Health, PictureHealth
from openaisle.sim.render import Renderer
from openaisle.sim.scripts import plan_day
from openaisle.sim.shop import SimulatedShop
from openaisle.store.load import load_store

NOBODY = np.zeros((0, 4), np.float32)
FPS = 4
Change = Callable[[np.ndarray], np.ndarray]


@pytest.fixture(scope="module")
def empty() -> Pixels:
    """What a camera of a shop that no bound was chosen on sees."""
    store = load_store("corner")
    shop = SimulatedShop(store, plan_day(store, visit_count=1, seed=3))
    return Renderer(store, store.cameras[0], seed=3).draw(shop.scene()).pixels


class Camera:
    """Sees the shop as it is, or changed, with new noise in each frame."""

    def __init__(self, empty: Pixels) -> None:
        self._empty = empty.astype(np.float32)
        self._rng = np.random.default_rng(4)
        self._background, self._health = Background(), PictureHealth("north")
        self._frames = 0
        self._letterbox = Letterbox(empty.shape[1], empty.shape[0])

    def see(self, seconds: float, change: Change = lambda picture: picture) -> list[Health]:
        said: list[Health] = []
        for _ in range(round(seconds * FPS)):
            at_ns = ns_from_s(self._frames / FPS)
            picture = change(self._empty.copy()) + self._rng.normal(0, 2.0, self._empty.shape)
            working = self._letterbox.shrink(np.clip(np.rint(picture), 0, 255).astype(np.uint8))
            self._background.compare(working, at_ns)
            said += self._health.step(self._background, at_ns)
            self._background.learn(NOBODY, at_ns)
            self._frames += 1
        return said


def words(said: list[Health]) -> list[str]:
    return [("" if isinstance(each, SensorDegraded) else "not ") + each.reason for each in said]


def brighter(by: float) -> Change:
    return lambda picture: picture * by


def cloth(picture: np.ndarray) -> np.ndarray:
    """Dark stuff right before the lens: no structure, a little light through it."""
    shade = np.linspace(60, 75, picture.shape[1])[None, :, None]
    return np.broadcast_to(shade, picture.shape).copy()


def turned(picture: np.ndarray) -> np.ndarray:
    return picture[::-1, ::-1].copy()


def blurred(sd_px: float) -> Change:
    return lambda picture: np.asarray(cv2.GaussianBlur(picture, (0, 0), sd_px), np.float32)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (brighter(0.45), "exposure_drift"),
        (lambda picture: picture * (0.8, 1.0, 1.25), "colour_drift"),
        (brighter(0.1), "too_dark"),
        (brighter(6.0), "over_exposed"),
        (blurred(5.0), "out_of_focus"),
        (cloth, "covered"),
        (turned, "moved"),
    ],
)
def test_what_is_wrong_is_said_with_its_word_and_taken_back(empty: Pixels, change: Change, word: str) -> None:
    camera = Camera(empty)
    assert camera.see(10) == []
    began = camera.see(20, change)
    assert words(began) == [word]
    assert (began[0].sensor_id, began[0].kind) == ("north", "camera")
    assert word in REASONS
    ended = camera.see(20)
    assert words(ended) == [f"not {word}"]
    assert isinstance(ended[0], SensorRecovered)


@pytest.mark.parametrize(
    "change", [brighter(0.75), brighter(1.3), lambda picture: picture * (0.95, 1.0, 1.05), blurred(0.8)]
)
def test_what_a_shop_sees_on_any_day_is_not_said(empty: Pixels, change: Change) -> None:
    camera = Camera(empty)
    camera.see(10)
    assert camera.see(30, change) == []


def test_a_moment_of_darkness_is_not_said(empty: Pixels) -> None:
    camera = Camera(empty)
    camera.see(10)
    assert camera.see(2, brighter(0.1)) + camera.see(10) == []


def test_a_light_about_a_bound_does_not_chatter(empty: Pixels) -> None:
    camera = Camera(empty)
    camera.see(10)
    said = [each for number in range(12) for each in camera.see(5, brighter(0.52 if number % 2 else 0.55))]
    assert len(said) <= 1


def test_somebody_near_the_lens_for_a_while_is_no_trouble(empty: Pixels) -> None:
    def crowded(picture: np.ndarray) -> np.ndarray:
        picture[60:330, 150:420] = (40, 60, 150)
        return picture

    camera = Camera(empty)
    camera.see(10)
    assert camera.see(15, crowded) == []


def test_the_detector_hands_out_what_its_cameras_say_once(empty: Pixels) -> None:
    camera = load_store("corner").cameras[0]
    detector = PeopleDetector([camera])
    detector.show_empty({camera.camera_id: empty}, 0)
    dimmed = np.asarray(cv2.convertScaleAbs(empty, alpha=0.45), np.uint8)
    for number in range(12):
        at_ns = ns_from_s(number + 1)
        detector.detect([Frame(camera.camera_id, at_ns, at_ns, empty if number < 4 else dimmed)])
    said = detector.health()
    assert words(said) == ["exposure_drift"]
    assert said[0].sensor_id == camera.camera_id
    assert detector.health() == []


@pytest.mark.filterwarnings("error")
def test_a_colour_that_is_nowhere_in_the_picture_says_nothing_of_its_exposure(empty: Pixels):
    red = empty.copy()
    red[..., 0] = 0
    camera = Camera(red)
    without_blue = np.array([0.0, 1.0, 1.0])
    said = camera.see(20, lambda picture: picture * without_blue) + camera.see(
        10, lambda picture: 1.1 * picture * without_blue
    )
    assert words(said) == []
