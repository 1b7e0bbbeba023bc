"""From crops to calibrated products."""

from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from tests.unit.products.shop import BLUE, GREEN, GREY, RED, ColourNetwork, gallery_of, pack

from openaisle.core.errors import InputError
from openaisle.core.messages import ProductId
from openaisle.detections.gallery import Gallery
from openaisle.detections.products import (
    FEATURES,
    LOOK_PX,
    Calibration,
    Nothing,
    ProductNetwork,
    ProductRecogniser,
    cut_window,
    others_of,
    packed_others,
    probabilities,
    squared,
    unit,
)


def recogniser_of(gallery: Gallery) -> ProductRecogniser:
    return ProductRecogniser(gallery, cast(ProductNetwork, ColourNetwork()))


@pytest.fixture
def three() -> ProductRecogniser:
    return recogniser_of(gallery_of({"red": pack(RED), "green": pack(GREEN), "blue": pack(BLUE)}))


def test_the_product_that_looks_most_like_the_crop_comes_first(three: ProductRecogniser) -> None:
    look = three.recognise([pack(GREEN, side=20)])[0]
    assert look.best == "green"
    assert look.top[0][0] == "green"


def test_probabilities_of_all_plausible_products_and_none_sum_to_one(three: ProductRecogniser) -> None:
    look = three.recognise([pack(RED, BLUE)])[0]
    assert sum(chance for _, chance in look.top) + look.none == pytest.approx(1.0)


def test_what_looks_like_no_product_is_none_of_these(three: ProductRecogniser) -> None:
    look = three.recognise([pack((240, 240, 240))])[0]
    assert look.is_none
    assert look.best is None


@pytest.mark.parametrize(("charge_at", "is_sure"), [(0.0, True), (1.0, False)])
def test_a_look_is_sure_from_the_threshold_on(charge_at: float, is_sure: bool) -> None:
    gallery = gallery_of({"red": pack(RED), "green": pack(GREEN)})
    calibration = replace(ColourNetwork.calibration, charge_at=charge_at)
    recogniser = ProductRecogniser(gallery, cast(ProductNetwork, ColourNetwork()), calibration=calibration)
    assert recogniser.recognise([pack(RED, GREEN)])[0].is_sure is is_sure


def test_only_plausible_products_are_named(three: ProductRecogniser) -> None:
    names = [name for name, _ in three.recognise([pack(GREEN)], [ProductId("red"), ProductId("blue")])[0].top]
    assert sorted(names) == ["blue", "red"]


def test_a_plausible_product_that_is_not_enrolled_is_an_error(three: ProductRecogniser) -> None:
    with pytest.raises(InputError, match=r"not enrolled.*violet"):
        three.recognise([pack(RED)], [ProductId("violet")])


def test_the_answer_does_not_depend_on_how_many_crops_come_at_once(three: ProductRecogniser) -> None:
    crops = [pack(RED), pack(GREEN, side=31), pack(BLUE, side=99)]
    assert three.recognise(crops) == [three.recognise([crop])[0] for crop in crops]


def test_no_crops_are_no_answers(three: ProductRecogniser) -> None:
    assert three.recognise([]) == []


def test_an_empty_gallery_knows_nothing() -> None:
    look = recogniser_of(gallery_of({})).recognise([pack(RED)])[0]
    assert look.top == ()
    assert look.none == pytest.approx(1.0)


def test_look_alikes_are_told_apart_by_the_cells_where_they_differ() -> None:
    # Alike but for the lower half; the crop's mean colour says little, its lower cells say it all.
    alike = recogniser_of(gallery_of({"plain": pack(RED, (40, 40, 220)), "other": pack(RED, (20, 60, 220))}))
    seen = ColourNetwork().see([pack(RED, (20, 60, 220))])
    rows = np.arange(2)
    evidence = alike.closer_look(seen.cells[0], np.array([0.9, 0.9], np.float32), rows)
    names = dict(zip(alike.product_ids, evidence.tolist(), strict=True))
    assert names["other"] > 0
    assert names["plain"] == pytest.approx(-names["other"])


def test_cells_say_nothing_about_products_far_apart(three: ProductRecogniser) -> None:
    seen = ColourNetwork().see([pack(RED)])
    likeness = np.array([0.1, 0.2, 0.9], np.float32)
    assert three.closer_look(seen.cells[0], likeness, np.arange(3)).tolist() == [0.0, 0.0, 0.0]


def test_what_looks_like_an_empty_hand_is_none_of_these() -> None:
    calibration = Calibration(scale=(3.0, 0.0), nothing=(0.9, 0.0), empty=5.0)
    likeness, evidence = np.array([0.5], np.float32), np.zeros(1, np.float32)
    like, unlike = (
        probabilities(calibration, likeness, evidence, Nothing(cosine, 0.0), 80.0)[-1]
        for cosine in (0.9, -1.0)
    )
    assert like > 0.99
    assert unlike < like


def test_what_looks_more_like_what_other_shops_sell_is_none_of_these() -> None:
    calibration = Calibration(scale=(3.0, 0.0), nothing=(0.0, 0.0), others=0.9)
    likeness, evidence = np.array([0.6], np.float32), np.zeros(1, np.float32)
    like, unlike = (
        probabilities(calibration, likeness, evidence, Nothing(-1.0, cosine), 80.0)[-1]
        for cosine in (0.8, 0.4)
    )
    assert like > 0.9
    assert unlike < 0.01


def test_other_shops_products_come_back_from_a_files_metadata() -> None:
    vectors = unit(np.random.default_rng(3).normal(size=(5, FEATURES)).astype(np.float32))
    read = others_of({"others": packed_others(vectors)})
    assert (read * vectors).sum(axis=1).min() > 0.999
    assert others_of({}).shape == (0, FEATURES)


def test_any_picture_becomes_a_square() -> None:
    assert squared(np.zeros((10, 300, 3), np.uint8)).shape == (LOOK_PX, LOOK_PX, 3)
    assert squared(np.full((7, 7, 3), 9, np.uint8)).min() == 9


def test_a_window_that_reaches_out_of_the_frame_repeats_its_edge() -> None:
    frame = np.zeros((1080, 1920, 3), np.uint8)
    frame[539:541, 959:961] = GREY
    assert cut_window(frame, (900, 500, 120)).shape == (120, 120, 3)
    assert cut_window(frame, (900, 500, 120)).max() == GREY[0]
    assert cut_window(frame, (-50, 1070, 100)).shape == (100, 100, 3)


def test_other_shops_goods_are_those_of_training_and_those_enrolled_since() -> None:
    rng = np.random.default_rng(6)
    taught, enrolled = (unit(rng.normal(size=(count, FEATURES)).astype(np.float32)) for count in (3, 5))
    read = others_of({"others": packed_others(taught), "others_enrolled": packed_others(enrolled)})
    np.testing.assert_allclose(read, np.concatenate([taught, enrolled]), atol=0.01)


def test_none_gains_by_the_number_of_plausible_products_and_odds_do_not() -> None:
    gallery = gallery_of({"red": pack(RED), "green": pack(GREEN), "blue": pack(BLUE)})
    network = cast(ProductNetwork, ColourNetwork())
    plain, counted = (
        ProductRecogniser(gallery, network, calibration=replace(ColourNetwork.calibration, many=many))
        for many in (0.0, 1.0)
    )
    crop = pack(RED, BLUE)
    odds_none = [
        np.log(look.none / (1 - look.none)) for each in (plain, counted) for look in each.recognise([crop])
    ]
    assert odds_none[1] - odds_none[0] == pytest.approx(np.log(3))
    names = [[ProductId("red"), ProductId("green"), ProductId("blue")]]
    np.testing.assert_array_equal(plain.log_odds([crop], names)[0], counted.log_odds([crop], names)[0])


def test_goods_behind_an_empty_hand_do_not_hide_that_it_is_empty() -> None:
    calibration = Calibration(
        scale=(3.0, 0.0), nothing=(0.0, 0.0), empty=-5.0, empty_scale=10.0, empty_near=1.0, closer=0.0
    )
    evidence = np.zeros(2, np.float32)
    chances = [
        probabilities(
            calibration, np.array([like, 0.1], np.float32), evidence, Nothing(0.9, 0.2, like), 80.0
        )[-1]
        for like in (0.3, 0.9)
    ]
    assert min(chances) > 0.9
    assert abs(chances[1] - chances[0]) < 0.05
