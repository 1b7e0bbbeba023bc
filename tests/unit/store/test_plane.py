"""Polygons, lenses, numbers and prices."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from openaisle.core.geometry import Lens
from openaisle.store.gtin import check_digit, with_check_digit
from openaisle.store.lenses import (
    focal_for_fov_px,
    folds_inside_picture,
    horizontal_fov_deg,
    undistortion_error_px,
)
from openaisle.store.money import CURRENCY_DIGITS, minor_from_text, text_from_minor
from openaisle.store.polygons import (
    contains,
    convex_overlap_m,
    is_simple,
    polygons_distance_m,
    signed_area,
)

SQUARE = [(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0)]
ELL = [(0.0, 0.0), (4.0, 0.0), (4.0, 2.0), (2.0, 2.0), (2.0, 4.0), (0.0, 4.0)]


def turned(
    polygon: list[tuple[float, float]], degrees: float, dx: float, dy: float
) -> list[tuple[float, float]]:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [(cos * x - sin * y + dx, sin * x + cos * y + dy) for x, y in polygon]


@given(st.floats(0, 360), st.floats(-5, 5), st.floats(-5, 5))
def test_area_and_simplicity_do_not_depend_on_place_or_direction(angle: float, dx: float, dy: float) -> None:
    assert signed_area(turned(ELL, angle, dx, dy)) == pytest.approx(12.0)
    assert is_simple(turned(ELL, angle, dx, dy))


@given(st.floats(0, 360), st.floats(2.05, 3))
def test_squares_apart_do_not_overlap_and_their_distance_is_right(angle: float, apart: float) -> None:
    first, second = turned(SQUARE, angle, 0, 0), turned([(x + apart, y) for x, y in SQUARE], angle, 0, 0)
    assert convex_overlap_m(first, second) == pytest.approx(2.0 - apart)
    assert polygons_distance_m(first, second) == pytest.approx(apart - 2.0)


def test_a_bow_tie_and_a_spike_are_not_simple() -> None:
    assert not is_simple([(0, 0), (2, 2), (2, 0), (0, 2)])
    assert not is_simple([(0, 0), (2, 0), (1, 0), (1, 1)])
    assert not is_simple([(0, 0), (0, 0), (1, 0), (1, 1)])


def test_a_notch_is_outside_and_a_margin_reaches_into_it() -> None:
    assert contains(ELL, (1.0, 3.0))
    assert not contains(ELL, (3.0, 3.0))
    assert not contains(ELL, (2.1, 3.0))
    assert contains(ELL, (2.1, 3.0), margin_m=0.2)


@settings(max_examples=40)
@given(st.floats(20, 120), st.floats(-0.4, 0.1), st.floats(0, 0.1))
def test_a_lens_made_for_a_field_of_view_has_it(fov_deg: float, k1: float, k2: float) -> None:
    focal = focal_for_fov_px(640, fov_deg, (k1, k2, 0.0))
    if focal <= 0:
        return
    lens = Lens(640, 360, focal, focal, 319.5, 179.5, (k1, k2, 0.0, 0.0, 0.0))
    if not folds_inside_picture(lens):
        assert horizontal_fov_deg(lens) == pytest.approx(fov_deg, abs=1e-6)


@settings(max_examples=60)
@given(st.floats(200, 800), st.floats(-0.6, 0.0), st.floats(0.0, 0.12))
def test_a_lens_folds_just_if_no_ray_of_its_growing_part_reaches_the_corner(
    focal: float, k1: float, k2: float
) -> None:
    lens = Lens(640, 360, focal, focal, 319.5, 179.5, (k1, k2, 0.0, 0.0, 0.0))
    r = np.linspace(0.0, 4.0, 20_001)
    distorted = r * (1 + k1 * r**2 + k2 * r**4)
    shrinks = np.flatnonzero(np.diff(distorted) <= 0)
    reach = distorted[shrinks[0]] if len(shrinks) else math.inf
    corner = math.hypot(320, 180) / focal
    if abs(reach - corner) > 1e-6:
        assert folds_inside_picture(lens) == (reach < corner)


def test_the_error_of_undistortion_is_small_for_a_mild_lens_and_large_for_a_folding_one() -> None:
    mild = Lens(640, 360, 500.0, 500.0, 319.5, 179.5, (-0.2, 0.05, 0.0, 0.0, 0.0))
    folding = Lens(640, 360, 400.0, 400.0, 319.5, 179.5, (-0.5, 0.0, 0.0, 0.0, 0.0))
    assert undistortion_error_px(mild) < 0.1
    assert undistortion_error_px(folding) > 5
    assert folds_inside_picture(folding)


@pytest.mark.parametrize(
    "gtin", ["4006381333931", "96385074", "012345678905", "10012345678902", "2000000000015"]
)
def test_known_numbers_have_their_check_digits(gtin: str) -> None:
    assert with_check_digit(gtin[:-1]) == gtin


@given(st.text("0123456789", min_size=12, max_size=12), st.integers(0, 11), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(payload: str, place: int, change: int) -> None:
    digit = str((int(payload[place]) + change) % 10)
    assert check_digit(payload[:place] + digit + payload[place + 1 :]) != check_digit(payload)


@given(st.integers(0, 10**10), st.sampled_from([0, 2, 3]))
def test_prices_read_back_equal(minor: int, digits: int) -> None:
    assert minor_from_text(text_from_minor(minor, digits), digits) == minor


def test_digits_of_currencies_are_those_of_iso_4217() -> None:
    assert [
        CURRENCY_DIGITS[code] for code in ("EUR", "JPY", "KWD", "USD", "CLF") if code in CURRENCY_DIGITS
    ] == [2, 0, 3, 2]
    with pytest.raises(ValueError, match="at most 0 digits"):
        minor_from_text("1.5", 0)
    assert minor_from_text("1.50", 1) == 15
