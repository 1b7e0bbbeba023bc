"""What is fitted so that odds mean what they say."""

from dataclasses import replace

import numpy as np
import pytest

from openaisle.detections.products import FEATURES, Calibration, Nothing, probabilities
from openaisle.learning.products_odds import NONE_TAKEN_COST, Example, empty_hands, fit, fit_even


def example(likeness: float, rivals: int, truth: int) -> Example:
    likenesses = np.full(1 + rivals, -0.5, np.float32)
    likenesses[0] = likeness
    vector = np.zeros(FEATURES, np.float32)
    return Example(
        likenesses, np.zeros(1 + rivals, np.float32), Nothing(-1.0, 0.0), 100.0, 60.0, truth, vector, store=0
    )


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


def vectors(rng: np.random.Generator, count: int, along: float) -> np.ndarray:
    found = rng.normal(0, 0.1, (count, FEATURES))
    found[:, 3] += along
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def crops(rng: np.random.Generator, count: int, rivals: int, *, kind: str) -> list[Example]:
    """Products are like what they are and unlike the rest. Hands without one, before a shelf, are like what stands on
    it, but lie along the fourth number."""
    made: list[Example] = []
    for number, vector in enumerate(vectors(rng, count, 0.5 if kind == "empty" else -0.1)):
        likeness = rng.normal(0.2, 0.1, 1 + rivals).astype(np.float32)
        if kind != "stranger":
            likeness[0] = rng.normal(0.7, 0.1)
        truth = 0 if kind == "product" else 1 + rivals
        other = float(rng.normal(0.5 if kind == "stranger" else 0.3, 0.08))
        nothing = Nothing(-1.0, other, max(other, float(likeness.max())))
        evidence = np.zeros(1 + rivals, np.float32)
        holds = kind != "empty"
        made.append(Example(likeness, evidence, nothing, 90.0, 60.0, truth, vector, number % 8, holds))
    return made


@pytest.fixture(scope="module")
def fitted() -> Calibration:
    rng = np.random.default_rng(1)
    kinds = [
        each
        for kind in ("product", "empty", "stranger")
        for rivals in (1, 5, 20, 80)
        for each in crops(rng, 150, rivals, kind=kind)
    ]
    return fit(kinds, Calibration())


@pytest.mark.parametrize("rivals", [2, 80])
def test_none_is_as_probable_as_it_is_right_however_many_products_are_plausible(
    fitted: Calibration, rivals: int
) -> None:
    rng = np.random.default_rng(2)
    direction = np.array(fitted.empty_vector, np.float32)
    said: list[float] = []
    share = {"product": 0.8, "empty": 0.1, "stranger": 0.1}
    for kind, weight in share.items():
        each = [
            probabilities(
                fitted,
                one.likeness,
                one.evidence,
                one.nothing._replace(empty=float(one.vector @ direction)),
                one.side_px,
            )[-1]
            for one in crops(rng, 400, rivals, kind=kind)
        ]
        said.append(weight * float(np.mean(each)))
    # One crop in five shows none of them; without the number of products it would be far less of 80 than of 2.
    assert sum(said) == pytest.approx(0.2, abs=0.04)


def test_empty_hands_are_told_by_a_direction_and_not_by_how_unlike_products_they_are(
    fitted: Calibration,
) -> None:
    direction = np.array(fitted.empty_vector)
    assert np.linalg.norm(direction) == pytest.approx(1.0, abs=1e-3)
    assert abs(direction[3]) == np.abs(direction).max()
    likeness, evidence = np.array([0.7, 0.2], np.float32), np.zeros(2, np.float32)
    looks_held, looks_empty = (
        probabilities(fitted, likeness, evidence, Nothing(along, 0.3, 0.7), 90.0)[-1] for along in (-0.3, 0.8)
    )
    assert looks_held < 0.1 < 0.5 < looks_empty


def test_how_empty_a_hand_looks_is_judged_by_other_stores_than_its_own() -> None:
    # Vectors of noise: a direction fitted on the same crops would part them, one of other stores cannot.
    rng = np.random.default_rng(3)
    noise = [each for kind in ("product", "empty") for each in crops(rng, 120, 1, kind=kind)]
    shuffled = [replace(each, vector=vectors(rng, 1, 0.0)[0]) for each in noise]
    direction, along = empty_hands(shuffled)
    is_empty = np.array([not each.holds for each in shuffled])
    own = np.stack([each.vector for each in shuffled]) @ np.array(direction)
    assert own[is_empty].mean() - own[~is_empty].mean() > 0.1
    assert along[is_empty].mean() - along[~is_empty].mean() < 0.03


def test_none_is_decided_where_a_wrong_name_would_cost_more(fitted: Calibration) -> None:
    assert fitted.none_at == pytest.approx(1 / (1 + NONE_TAKEN_COST))


def test_long_lists_say_how_sure_a_product_is_among_the_others_and_leave_none_as_it_was(
    fitted: Calibration,
) -> None:
    rng = np.random.default_rng(5)
    short = [each for kind in ("product", "empty", "stranger") for each in crops(rng, 80, 5, kind=kind)]
    alone = fit(short, Calibration())
    assert alone.sharper == 1.0
    # Of eighty the right one is always the likeliest, by a little: that may be said more surely.
    told = [replace(each, is_long=True) for each in crops(rng, 200, 80, kind="product")]
    right = [replace(each, likeness=np.where(np.arange(81) == 0, 0.62, 0.5)) for each in told]
    both = fit(short + right, Calibration())
    assert replace(both, sharper=1.0) == alone
    assert both.sharper > 1.2
    of_one, of_both = (
        probabilities(how, right[0].likeness, right[0].evidence, Nothing(-0.3, 0.3, 0.7), 90.0)
        for how in (alone, both)
    )
    assert of_both[-1] == pytest.approx(of_one[-1])
    assert of_both[0] > of_one[0]
    assert of_both.sum() == pytest.approx(1.0)


def test_crops_side_by_side_have_the_chances_that_each_has_alone(fitted: Calibration) -> None:
    rng = np.random.default_rng(4)
    some = [each for rivals in (0, 3, 9) for each in crops(rng, 2, rivals, kind="product")]
    widest = 10
    likeness = np.full((len(some), widest), -np.inf)
    for row, each in enumerate(some):
        likeness[row, : len(each.likeness)] = each.likeness
    nothing = Nothing(*np.array([each.nothing for each in some]).T)
    sides = np.full(len(some), 90.0)
    together = probabilities(fitted, likeness, np.zeros_like(likeness), nothing, sides)
    for row, each in enumerate(some):
        alone = probabilities(fitted, each.likeness, each.evidence, each.nothing, each.side_px)
        assert together[row, -1] == pytest.approx(alone[-1], rel=1e-5)
        assert together[row, : len(alone) - 1] == pytest.approx(alone[:-1], rel=1e-5)
