"""Questions about windows, answered with odds."""

from typing import cast

import numpy as np
import pytest
from tests.unit.products.shop import BLUE, GREEN, RED, ColourNetwork, gallery_of, pack

from openaisle.core.messages import LookWanted
from openaisle.detections.looks import PackLooker, Window
from openaisle.detections.products import Pixels, ProductNetwork, ProductRecogniser


@pytest.fixture
def recogniser() -> ProductRecogniser:
    gallery = gallery_of({"red": pack(RED), "green": pack(GREEN), "blue": pack(BLUE)})
    return ProductRecogniser(gallery, cast(ProductNetwork, ColourNetwork()))


def wanted(look_id: str, *product_ids: str) -> LookWanted:
    return LookWanted(
        look_id=look_id,
        camera_id="west",
        captured_ns=1_000,
        window_main_px=(10, 20, 64),
        track_id="t1",
        hand=1,
        shelf_id="A3",
        product_ids=product_ids,
        wanted_ns=2_000,
    )


def window(look_id: str, pixels: Pixels, *product_ids: str) -> Window:
    return Window(wanted(look_id, *product_ids), pixels, captured_ns=1_100)


def test_an_answer_repeats_its_question_and_says_which_frame_was_seen(recogniser: ProductRecogniser) -> None:
    (look,) = PackLooker(recogniser).look([window("a", pack(RED), "red", "blue")], received_ns=5_000)
    assert (look.look_id, look.camera_id, look.track_id, look.hand, look.shelf_id) == (
        "a",
        "west",
        "t1",
        1,
        "A3",
    )
    assert (look.captured_ns, look.received_ns, look.product_ids) == (1_100, 5_000, ("red", "blue"))


def test_odds_speak_for_the_pack_that_is_seen(recogniser: ProductRecogniser) -> None:
    (look,) = PackLooker(recogniser).look([window("a", pack(RED), "blue", "red")], received_ns=1)
    assert look.log_odds[1] > 0 > look.log_odds[0]


def test_each_window_has_products_of_its_own_whatever_goes_with_it(recogniser: ProductRecogniser) -> None:
    looker = PackLooker(recogniser)
    windows = [window("a", pack(GREEN, side=31), "green", "red"), window("b", pack(BLUE), "blue")]
    together = looker.look(windows, 1)
    alone = [looker.look([each], 1)[0] for each in windows]
    assert [look.product_ids for look in together] == [("green", "red"), ("blue",)]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one.log_odds, other.log_odds, rtol=1e-5)


def test_of_a_product_that_is_not_enrolled_nothing_is_said(recogniser: ProductRecogniser) -> None:
    known, both, none = PackLooker(recogniser).look(
        [
            window("a", pack(RED), "red"),
            window("b", pack(RED), "violet", "red"),
            window("c", pack(RED), "violet"),
        ],
        1,
    )
    assert both.log_odds.tolist() == pytest.approx([0.0, known.log_odds[0]])
    assert none.log_odds.tolist() == [0.0]


def test_odds_are_the_probabilities_without_what_they_take_for_granted(recogniser: ProductRecogniser) -> None:
    # Four crops in five show one of the plausible products: of two, each is twice as likely beforehand as none is.
    look = recogniser.recognise([pack(RED, BLUE)], ["red", "blue"])[0]
    (log_odds,) = recogniser.log_odds([pack(RED, BLUE)], [["red", "blue"]])
    expected = {name: np.log(chance / look.none) - np.log(2) for name, chance in look.top}
    assert dict(zip(("red", "blue"), log_odds.tolist(), strict=True)) == pytest.approx(expected, abs=1e-5)


def test_no_windows_are_no_answers(recogniser: ProductRecogniser) -> None:
    assert PackLooker(recogniser).look([], 1) == []
