from pathlib import Path

import pytest

from openaisle.core.errors import InputError, StoreError
from openaisle.planning.floor import floor_of
from openaisle.planning.refusal import check_floor
from openaisle.planning.scope import load_scope, profile_names, scope_of, scope_text
from openaisle.store.check import problems_of
from openaisle.store.draft import Draft


def scope_file(home: Path, text: str) -> Path:
    path = home / "scope.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_there_are_nine_trades() -> None:
    assert profile_names() == [
        "airport", "cafeteria", "campus", "convenience", "grocery", "hospital", "luxury", "stadium", "warehouse",
    ]  # fmt: skip


@pytest.mark.parametrize("profile", profile_names())
def test_every_trade_makes_a_shop_that_somebody_can_walk_through(profile: str) -> None:
    scope = scope_of(profile)
    store = floor_of(scope)
    assert problems_of(Draft.of(store)) == []
    check_floor(store)
    assert len(store.shelves) == scope.shop.section_count
    assert len(store.products) == scope.shop.sku_count
    assert store.cameras == ()


def test_the_same_scope_makes_the_same_shop() -> None:
    assert floor_of(scope_of("campus")) == floor_of(scope_of("campus"))


def test_what_a_scope_does_not_say_is_its_trades(home: Path) -> None:
    path = scope_file(home, 'format = 1\nprofile = "airport"\n[shop]\nsku_count = 150\n')
    scope = load_scope(path)
    assert scope.shop.sku_count == 150
    assert scope.shop.section_count == scope_of("airport").shop.section_count


def test_a_scope_written_from_answers_says_only_what_differs(home: Path) -> None:
    text = scope_text("luxury", {"shop": {"area_m2": 72.0}})
    scope = load_scope(scope_file(home, text))
    assert scope.shop.area_m2 == 72.0
    assert scope.model_copy(update={"shop": scope_of("luxury").shop}) == scope_of("luxury")
    assert "\narea_m2 = 72.0\n" in text
    assert "\n# ceiling_height_m = 3.2\n" in text


def test_every_mistake_is_named_with_its_line(home: Path) -> None:
    path = scope_file(
        home, 'format = 1\n[shop]\narea = 20\nsku_count = -1\n[traffic]\nopens = "25:00"\n[wishes]\n'
    )
    with pytest.raises(StoreError) as caught:
        load_scope(path)
    told = {(problem.line, problem.field) for problem in caught.value.problems}
    assert told == {(3, "shop.area"), (4, "shop.sku_count"), (6, "traffic.opens"), (7, "wishes")}


def test_goods_that_do_not_go_on_the_shelves_are_refused_in_numbers() -> None:
    scope = scope_of("luxury")
    too_many = scope.model_copy(update={"shop": scope.shop.model_copy(update={"sku_count": 500})})
    with pytest.raises(InputError, match="30 shelf sections of 1 m cannot hold 500 products"):
        floor_of(too_many)


def test_people_at_once_follow_from_arrivals_and_stay() -> None:
    scope = scope_of("grocery")
    traffic = scope.traffic.model_copy(
        update={
            "peak_shoppers_per_hour": 60.0,
            "minutes_a_visit": 5.0,
            "peak_shape": "flat",
            "people_a_visit": 2.0,
        }
    )
    assert scope.model_copy(update={"traffic": traffic}).people_at_peak == 10


def test_a_shop_that_is_open_through_the_night_has_its_hours() -> None:
    scope = scope_of("stadium")
    assert scope.hours_a_day == 6.0
    late = scope.traffic.model_copy(update={"opens": "18:00", "closes": "02:00"})
    assert scope.model_copy(update={"traffic": late}).hours_a_day == 8.0
