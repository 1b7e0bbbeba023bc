"""What is fitted so that odds mean what they say."""

import numpy as np
import pytest

from openaisle.detections.products import Calibration, Nothing
from openaisle.learning.products_calibrate import Example, fit_even


def example(likeness: float, rivals: int, truth: int) -> Example:
    likenesses = np.full(1 + rivals, -0.5, np.float32)
    likenesses[0] = likeness
    return Example(likenesses, np.zeros(1 + rivals, np.float32), Nothing(-1.0, 0.0), 100.0, 60.0, truth)


@pytest.mark.parametrize("rivals", [0, 3])
def test_odds_are_moved_to_where_they_are_right_as_often_as_they_say(rivals: int) -> None:
    # A likeness that four in five products and one in five of nothing show: odds of four to one, whatever was fitted.
    calibration = Calibration(scale=(3.0, 0.0), nothing=(0.5, 0.0), closer=0.0)
    none = rivals + 1
    examples = [example(0.55, rivals, 0)] * 40 + [example(0.45, rivals, 0)] * 10
    examples += [example(0.55, rivals, none)] * 10 + [example(0.45, rivals, none)] * 40
    even = fit_even(calibration, examples)
    said = float(np.exp(3.0)) * 0.05 + even
    if not rivals:
        assert said == pytest.approx(1.0, abs=0.45)
        assert even == pytest.approx(0.0, abs=0.1)
    else:
        # Three rivals that are nothing like it take as much of what is likely beforehand.
        assert even > 0.2


def test_odds_do_not_move_with_how_many_crops_of_each_kind_there_are() -> None:
    calibration = Calibration(scale=(3.0, 0.0), nothing=(0.5, 0.0), closer=0.0)
    products = [example(0.55, 1, 0)] * 8 + [example(0.45, 1, 0)] * 2
    none = [example(0.55, 1, 2)] * 3 + [example(0.45, 1, 2)] * 7
    assert fit_even(calibration, products + none) == pytest.approx(
        fit_even(calibration, products * 5 + none), abs=1e-3
    )
