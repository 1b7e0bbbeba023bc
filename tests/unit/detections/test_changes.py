"""What changed between two pictures of a shelf."""

from __future__ import annotations

import numpy as np
import pytest

from openaisle.detections.changes import changed_square


def shelf(seed: int = 1, noise: float = 3.0, light: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(7)
    packs = rng.integers(40, 200, (8, 8, 3)).repeat(16, axis=0).repeat(16, axis=1)
    grain = np.random.default_rng(seed).normal(0, noise, packs.shape)
    return np.clip(packs + grain + light, 0, 255).astype(np.uint8)


def with_pack(pixels: np.ndarray, left: int, top: int, wide: int, high: int) -> np.ndarray:
    shown = pixels.copy()
    shown[top : top + high, left : left + wide] = (30, 30, 230)
    return shown


def test_the_square_is_about_the_pack() -> None:
    left, top, side = changed_square(with_pack(shelf(1), 50, 40, 24, 36), shelf(2)) or (0, 0, 0)
    assert (left + side / 2, top + side / 2) == (pytest.approx(62, abs=5), pytest.approx(58, abs=5))
    assert 36 < side < 64


def test_another_light_and_noise_are_no_change() -> None:
    assert changed_square(shelf(1, light=25.0), shelf(2)) is None
    assert changed_square(shelf(1, noise=6.0), shelf(2, noise=6.0)) is None


def test_of_two_changes_the_one_in_the_middle_is_meant() -> None:
    shown = with_pack(with_pack(shelf(1), 52, 52, 22, 22), 2, 2, 26, 26)
    left, top, side = changed_square(shown, shelf(2)) or (0, 0, 0)
    assert (left + side / 2, top + side / 2) == (pytest.approx(63, abs=5), pytest.approx(63, abs=5))


def test_somebody_in_front_of_everything_is_no_pack() -> None:
    assert changed_square(with_pack(shelf(1), 0, 0, 128, 110), shelf(2)) is None
