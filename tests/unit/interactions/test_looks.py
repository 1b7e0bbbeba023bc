"""Looks into hands: when they are asked for, from which cameras, and what their answers do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from tests.unit.interactions.people import Person, Scene, at_ns
from tests.unit.weight_steps.plates import shop

from openaisle.core.geometry import Lens
from openaisle.core.messages import LookWanted, PackLook
from openaisle.interactions.looks import window_main_px
from openaisle.store.schema import Camera, Store

Eyes = Callable[[LookWanted], PackLook | None]


def camera(name: str, x_m: float, y_m: float, main_width_px: int = 1920) -> Camera:
    """Looks straight down from 2.5 m."""
    return Camera(
        camera_id=name,
        position_floor_m=(x_m, y_m, 2.5),
        pan_deg=0.0,
        tilt_deg=90.0,
        roll_deg=0.0,
        lens=Lens(640, 360, 400.0, 400.0, 319.5, 179.5),
        main_width_px=main_width_px,
        main_height_px=main_width_px * 9 // 16,
        fps=10.0,
    )


def twins() -> Store:
    """P13 and P14 weigh the same; two cameras above the aisle."""
    store = shop()
    products = dict(store.products)
    for product_id in ("P13", "P14"):
        products[product_id] = replace(products[product_id], mass_g=350.0)
    return replace(
        store, products=products, cameras=(camera("near", 0.95, -0.9), camera("far", 1.1, -0.5, 1280))
    )


def sees(log_odds: dict[str, float], otherwise: float = -3.0) -> Eyes:
    def look(wanted: LookWanted) -> PackLook:
        return PackLook(
            look_id=wanted.look_id,
            camera_id=wanted.camera_id,
            captured_ns=wanted.captured_ns,
            received_ns=wanted.wanted_ns,
            track_id=wanted.track_id,
            hand=wanted.hand,
            shelf_id=wanted.shelf_id,
            product_ids=wanted.product_ids,
            log_odds=np.array([log_odds.get(each, otherwise) for each in wanted.product_ids], np.float32),
        )

    return look


def seam(eyes: Eyes | None, people: list[Person] | None = None) -> Scene:
    """350 g leave the seam between the twins."""
    scene = Scene(people or [Person("ana", 0.6, [(0.6, 4.4, 5.3)])], store=twins(), eyes=eyes)
    scene.change(5.0, {5: -175.0, 6: -175.0})
    return scene


@pytest.mark.parametrize("product_id", ["P13", "P14"])
def test_a_look_tells_twins_apart_that_weight_and_place_cannot(product_id: str) -> None:
    (interaction,) = seam(sees({product_id: 3.0})).run(9).values()
    assert interaction.product_id == product_id
    assert interaction.probability > 0.8
    (unseen,) = seam(None).run(9).values()
    assert unseen.probability < 0.75


def test_looks_are_asked_for_when_the_hand_comes_out_from_the_cameras_that_see_it() -> None:
    scene = seam(sees({}))
    scene.run(9)
    assert {wanted.camera_id for wanted in scene.asked} == {"near", "far"}
    assert {wanted.hand for wanted in scene.asked} == {1}
    assert all(at_ns(5.2) < wanted.captured_ns < at_ns(6.5) for wanted in scene.asked)
    assert all({"P13", "P14"} <= set(wanted.product_ids) for wanted in scene.asked)
    assert all(wanted.track_id == "t-ana" and wanted.shelf_id == "A1" for wanted in scene.asked)


def test_goods_that_come_are_looked_at_before_they_are_put_down() -> None:
    scene = Scene(
        [Person("ana", 0.7, [(0.7, 4.4, 5.1), (0.7, 9.4, 10.2)])], store=twins(), eyes=sees({"P14": 2.0})
    )
    scene.change(5.0, {6: -350.0})
    scene.change(10.0, {7: 350.0})
    assert scene.moved(13) == [("pick_up", "P14", 1, "ana"), ("put_back", "P14", 1, "ana")]
    later = [wanted for wanted in scene.asked if wanted.captured_ns > at_ns(8)]
    assert later
    assert all(wanted.captured_ns < at_ns(9.4) for wanted in later)


def test_a_camera_behind_the_shoppers_body_is_not_asked() -> None:
    store = replace(twins(), cameras=(camera("behind", 0.6, -2.5), camera("above", 1.0, 0.2)))
    low = Person("ana", 0.6, [(0.6, 4.4, 5.3)], y_m=-0.5)
    scene = Scene([low], store=store, eyes=sees({}))
    scene.change(5.0, {5: -175.0, 6: -175.0})
    scene.run(9)
    assert {wanted.camera_id for wanted in scene.asked} == {"above"}


def test_one_look_cannot_overrule_the_scales() -> None:
    """350 g off the middle of P13's slot are P13, whatever somebody thinks to have seen."""
    scene = Scene([Person("ana", 0.5, [(0.5, 4.4, 5.3)])], store=twins(), eyes=sees({"P14": 12.0}))
    scene.change(5.0, {4: -175.0, 5: -175.0})
    (interaction,) = scene.run(9).values()
    assert interaction.product_id == "P13"


def test_who_holds_it_is_who_took_it() -> None:
    people = [Person("ana", 0.58, [(0.58, 4.4, 5.3)]), Person("ben", 0.62, [(0.62, 4.4, 5.3)])]

    def eyes(wanted: LookWanted) -> PackLook | None:
        is_ben = wanted.track_id == "t-ben"
        return sees({"P13": 1.5, "P14": 4.0} if is_ben else {}, otherwise=-4.0)(wanted)

    (interaction,) = seam(eyes, people).run(9).values()
    assert (interaction.product_id, interaction.visit_id) == ("P14", "ben")


def test_nobody_waits_for_eyes_that_never_answered() -> None:
    """The last word comes as early as without cameras."""
    blind = seam(lambda _: None)
    blind.run(9)
    without = seam(None)
    without.run(9)
    assert blind.asked
    assert blind.said == without.said


def test_an_answer_that_nobody_asked_for_changes_nothing() -> None:
    def stranger(wanted: LookWanted) -> PackLook:
        look = sees({"P13": 9.0})(wanted)
        assert look is not None
        return msgspec.structs.replace(look, look_id="x")

    scene = seam(stranger)
    (interaction,) = scene.run(9).values()
    assert interaction.probability < 0.75


def test_a_window_is_centred_on_the_hand_and_as_large_as_the_largest_of_the_plausible_goods() -> None:
    eye = camera("eye", 0.0, 0.0)
    left, top, side = window_main_px(eye, np.array([0.0, 0.0, 1.0]), 0.14, 0.7)
    assert side == 160  # 0.2 m at 1.5 m with 1200 px a metre at 1 m
    assert left + side / 2 == pytest.approx(959.5, abs=1.5)
    assert top + side / 2 == pytest.approx(539.5, abs=1.5)
