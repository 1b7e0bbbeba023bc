from pathlib import Path

import pytest

from openaisle.core.errors import InputError
from openaisle.planning.picks import check_pick, plant_mistakes, read_orders, score_checks
from openaisle.replay.truth import TrueVisit


def visit(number: int, **basket: int) -> TrueVisit:
    return TrueVisit(
        visit_id=f"v{number:03d}", families=(), basket=basket, body_ids=(number,), entered_ns=0, left_ns=1
    )


VISITS = [visit(number, cola=1 + number % 3, tea=1) for number in range(200)]
PRODUCTS = ["cola", "tea", "milk", "rice"]


def test_a_pick_is_complete_when_it_is_the_order() -> None:
    assert check_pick("v1", {"cola": 2}, {"cola": 2}).is_complete
    check = check_pick("v1", {"cola": 1, "milk": 1}, {"cola": 2})
    assert (check.missing, check.surplus) == ({"cola": 1}, {"milk": 1})


def test_every_planted_mistake_is_one_that_the_picker_made() -> None:
    orders, planted = plant_mistakes(VISITS, PRODUCTS, 0.3, seed=4)
    assert 40 < len(planted) < 80
    for each in VISITS:
        is_right = check_pick(each.visit_id, each.basket, orders[each.visit_id]).is_complete
        assert is_right == (each.visit_id not in planted)


def test_a_path_without_faults_finds_and_names_all_of_them() -> None:
    orders, planted = plant_mistakes(VISITS, PRODUCTS, 0.3, seed=4)
    checks = [check_pick(each.visit_id, each.basket, orders[each.visit_id]) for each in VISITS]
    score = score_checks(checks, orders, VISITS, planted)
    assert score.found == score.named == score.planted == len(planted)
    assert score.false_alarms == 0


def test_a_path_that_loses_a_unit_doubts_a_right_pick() -> None:
    orders, planted = plant_mistakes(VISITS[:1], PRODUCTS, 0.0, seed=4)
    checks = [check_pick("v000", {"cola": 1}, orders["v000"])]
    assert score_checks(checks, orders, VISITS[:1], planted).false_alarms == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("visit_id,product_id,quantity\nv1,cola,0\n", 2),
        ("visit_id,product_id,quantity\nv1,cola,1\nv1,beer,1\n", 3),
        ("visit,product\n", 1),
    ],
)
def test_a_wrong_order_is_told_with_its_line(home: Path, text: str, line: int) -> None:
    path = home / "orders.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_orders(path, PRODUCTS)
    assert caught.value.line == line
