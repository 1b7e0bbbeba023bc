"""The empty shop is known: people stand out, light may change, goods may move, nobody is learned away."""

import numpy as np
import pytest

from openaisle.core.units import ns_from_s
from openaisle.detections.background import Background
from openaisle.detections.crops import Pixels

HEIGHT, WIDTH = 180, 320
FRAME_NS = ns_from_s(0.125)
BODY = (slice(60, 140), slice(100, 130))
BODY_BOX = np.array([[98, 58, 132, 142]], np.float32)
NOBODY = np.zeros((0, 4), np.float32)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.fixture
def shop(rng: np.random.Generator) -> np.ndarray:
    """A picture with structure: blocks of many colours."""
    blocks = rng.integers(30, 220, (HEIGHT // 10, WIDTH // 10, 3))
    return np.kron(blocks, np.ones((10, 10, 1))).astype(float)


def seen(
    shop: np.ndarray, rng: np.random.Generator, *, body: bool = False, sway_px: int = 0, gain: object = 1.0
) -> Pixels:
    """What the camera sees: noise, perhaps somebody, perhaps another light."""
    picture = shop.copy()
    if body:
        rows, columns = BODY
        picture[rows, columns.start + sway_px : columns.stop + sway_px] = 255.0 - picture[BODY]
    picture = picture * np.asarray(gain) + rng.normal(0, 3, picture.shape)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def settled(shop: np.ndarray, rng: np.random.Generator, frames: int = 24) -> tuple[Background, int]:
    background = Background()
    for number in range(frames):
        background.compare(seen(shop, rng), number * FRAME_NS)
        background.learn(NOBODY, number * FRAME_NS)
    return background, frames * FRAME_NS


def test_nothing_moves_in_an_empty_shop(shop: np.ndarray, rng: np.random.Generator) -> None:
    background, now_ns = settled(shop, rng)
    for number in range(40):
        background.compare(seen(shop, rng), now_ns + number * FRAME_NS)
        assert not background.has_motion()
        background.learn(NOBODY, now_ns + number * FRAME_NS)


def test_somebody_stands_out(shop: np.ndarray, rng: np.random.Generator) -> None:
    background, now_ns = settled(shop, rng)
    difference = background.compare(seen(shop, rng, body=True), now_ns)
    assert background.has_motion()
    assert np.median(difference[BODY]) > 40
    assert background.foreground_shares(BODY_BOX)[0] > 0.7
    assert background.foreground_shares(np.array([[200, 20, 240, 100]]))[0] < 0.01


@pytest.mark.parametrize("gain", [0.7, 1.25, (0.85, 1.0, 1.15)])
def test_another_exposure_or_white_balance_is_not_motion(
    shop: np.ndarray, rng: np.random.Generator, gain: object
) -> None:
    dim = shop * 0.7
    background, now_ns = settled(dim, rng)
    background.compare(seen(dim, rng, gain=gain), now_ns)
    assert not background.has_motion()
    assert background.light == pytest.approx(np.broadcast_to(np.asarray(gain), 3), rel=0.02)
    background.compare(seen(dim, rng, body=True, gain=gain), now_ns)
    assert background.has_motion()


def test_somebody_who_stands_for_a_minute_is_not_learned_away(
    shop: np.ndarray, rng: np.random.Generator
) -> None:
    background, now_ns = settled(shop, rng)
    for number in range(0, 60 * 8, 4):
        at_ns = now_ns + number * FRAME_NS
        # Hardly moving: a step to the side every five seconds.
        background.compare(seen(shop, rng, body=True, sway_px=(number // 40) % 2), at_ns)
        background.learn(BODY_BOX, at_ns)
    assert background.foreground_shares(BODY_BOX)[0] > 0.6


def test_a_gap_that_is_taken_for_a_person_becomes_background_all_the_same(
    shop: np.ndarray, rng: np.random.Generator
) -> None:
    background, now_ns = settled(shop, rng)
    for number in range(0, 150 * 8, 4):
        at_ns = now_ns + number * FRAME_NS
        background.compare(seen(shop, rng, body=True), at_ns)
        background.learn(BODY_BOX, at_ns)
    assert background.foreground_shares(BODY_BOX)[0] < 0.1


def test_a_changed_shelf_becomes_background_within_two_minutes(
    shop: np.ndarray, rng: np.random.Generator
) -> None:
    background, now_ns = settled(shop, rng)
    background.compare(seen(shop, rng, body=True), now_ns)
    assert background.has_motion()
    for number in range(0, 120 * 8, 4):
        at_ns = now_ns + number * FRAME_NS
        background.compare(seen(shop, rng, body=True), at_ns)
        background.learn(NOBODY, at_ns)
    assert not background.has_motion()


def test_while_the_background_is_young_everything_may_be_motion_and_no_difference_is_claimed(
    shop: np.ndarray, rng: np.random.Generator
) -> None:
    background = Background()
    assert (background.compare(seen(shop, rng), 0) == 0).all()
    assert background.has_motion()
    assert not background.is_trusted
    background.compare(seen(shop, rng), ns_from_s(1.5))
    assert background.is_trusted


def test_a_shop_seen_empty_is_known_at_once(shop: np.ndarray, rng: np.random.Generator) -> None:
    background = Background()
    background.start_from(seen(shop, rng), 0)
    background.compare(seen(shop, rng), FRAME_NS)
    assert background.is_trusted
    assert not background.has_motion()


def test_a_camera_that_was_turned_learns_its_new_picture(shop: np.ndarray, rng: np.random.Generator) -> None:
    background, now_ns = settled(shop, rng)
    turned = np.roll(shop, (30, 60), axis=(0, 1))
    assert (background.compare(seen(turned, rng), now_ns) == 0).all()
    assert not background.is_trusted
    for number in range(1, 60):
        at_ns = now_ns + number * FRAME_NS
        background.compare(seen(turned, rng), at_ns)
        background.learn(NOBODY, at_ns)
    assert background.is_trusted
    assert not background.has_motion()


def test_an_unsteady_corner_stops_counting_as_motion(shop: np.ndarray, rng: np.random.Generator) -> None:
    """A screen or a curtain: it flickers for ever, so its flicker becomes usual."""
    background, now_ns = settled(shop, rng)
    screen = (slice(20, 60), slice(240, 290))
    motions: list[bool] = []
    for number in range(90 * 8):
        at_ns = now_ns + number * FRAME_NS
        picture = shop.copy()
        picture[screen] += 22 * (1 if rng.random() < 0.5 else -1)
        background.compare(seen(picture, rng), at_ns)
        motions.append(background.has_motion())
        background.learn(NOBODY, at_ns)
    assert any(motions[:40])
    assert not any(motions[-80:])
