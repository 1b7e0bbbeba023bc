"""Reports, reliability and thresholds: counted as published, drawn, and written down."""

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from openaisle.core.errors import InputError
from openaisle.learning.card import Card, how_made, short_sha256, write_card
from openaisle.learning.reliability import reliability
from openaisle.learning.report import Family, FamilyRow, Report, cut
from openaisle.learning.sheets import Example, draw_sheet, window
from openaisle.learning.thresholds import Cases, Costs, choose, cost_at, lines


def report() -> Report:
    rows = (
        FamilyRow(label="dark", count=40, figures={"found": 0.5, "px": 12.0}),
        FamilyRow(label="bright", count=0, figures={"found": math.nan, "px": math.nan}),
    )
    chances = np.linspace(0, 1, 50)
    return Report(
        subject="People",
        on="random store 9000",
        held_out={"first_store": 9000},
        figures={"recall": 0.5, "nothing": math.nan},
        lines=[("people found", "50 %")],
        families=[Family(name="light", cases="people", rows=rows)],
        heads=[reliability("score", chances, chances > 0.5)],
        examples={"missed": [Example((np.zeros((20, 10, 3), np.uint8),), ("a caption",))], "none": []},
    )


def test_the_calibration_error_is_the_mean_gap_over_bins() -> None:
    head = reliability("any", [0.75] * 10 + [0.25] * 10, [1] * 6 + [0] * 4 + [1] * 2 + [0] * 8)
    assert [(each.count, each.said, each.right) for each in head.bins] == [(10, 0.25, 0.2), (10, 0.75, 0.6)]
    assert head.error == pytest.approx(0.5 * 0.05 + 0.5 * 0.15)


def test_weights_say_how_much_an_answer_counts() -> None:
    head = reliability("any", [0.9, 0.1], [True, True], [3.0, 1.0])
    assert head.error == pytest.approx(0.75 * 0.1 + 0.25 * 0.9)
    assert math.isnan(reliability("any", [], []).error)


def test_cuts_are_from_an_edge_up_to_below_the_next() -> None:
    parts = dict(cut([0.1, 0.25, 0.3, 0.9], (0.25, 0.5), ("low", "middle", "high")))
    assert {label: chosen.tolist() for label, chosen in parts.items()} == {
        "low": [True, False, False, False],
        "middle": [False, True, True, False],
        "high": [False, False, False, True],
    }


def test_a_report_is_a_folder_of_tables_and_pictures(tmp_path: Path) -> None:
    files = report().write(tmp_path)
    assert sorted(path.name for path in files) == [
        "examples-missed.png", "families.png", "reliability.png", "report.json", "report.md",
    ]  # fmt: skip
    said = json.loads((tmp_path / "report.json").read_text())
    assert said["nothing"] is None
    assert said["families"]["light"]["rows"][0]["figures"] == {"found": 0.5, "px": 12.0}
    assert said["heads"]["score"]["count"] == 50
    assert "| dark | 40 | 0.500 | 12.0 |" in (tmp_path / "report.md").read_text()
    for path in files[2:]:
        pixels = cv2.imread(str(path))
        assert pixels is not None
        assert (pixels < 200).any()
    assert any("bright" in line and "-" in line for line in report().text())


def test_a_sheet_shows_some_from_all_along() -> None:
    tile = window(np.full((90, 160, 3), 128, np.uint8), np.array([10.0, 10.0, 40.0, 80.0]))
    few, many = (draw_sheet("any", [Example((tile,), ("a", "b"))] * count) for count in (24, 200))
    assert few == many


def cases() -> Cases:
    """Probabilities that are just what they say: of a hundred at p, 100 p are right."""
    chances = np.repeat(np.arange(0.05, 1.0, 0.1), 100)
    is_right = np.tile(np.arange(100), 10) < np.round(chances * 100)
    return Cases(chances, is_right, np.ones(1000, bool), np.ones(1000))


@pytest.mark.parametrize(("wrong", "missed"), [(1.0, 1.0), (9.0, 1.0), (1.0, 4.0), (19.0, 1.0)])
def test_with_true_probabilities_the_cheapest_threshold_is_elkans(wrong: float, missed: float) -> None:
    costs = Costs(wrong_charge=wrong, missed_item=missed)
    choice = choose(cases(), costs)
    assert choice.chosen.cost == pytest.approx(cost_at(cases(), costs, costs.elkan).cost)
    assert abs(choice.threshold - costs.elkan) <= 0.1
    assert choice.chosen.cost <= min(row.cost for row in choice.table) + 1e-12
    assert any("Elkan" in line for line in lines(choice))


def test_charging_something_else_costs_both_and_what_nobody_spoke_of_is_missed() -> None:
    some = Cases(np.array([0.8]), np.array([False]), np.array([True]), np.ones(1), never_said=1.0)
    costs = Costs(wrong_charge=5.0, missed_item=1.0)
    assert cost_at(some, costs, 0.5).cost == pytest.approx((5 + 1 + 1) / 2)
    assert cost_at(some, costs, 0.9).cost == pytest.approx((0 + 1 + 1) / 2)
    assert choose(some, costs).threshold > 0.8


def test_in_doubt_nobody_is_charged() -> None:
    even = Cases(np.array([0.5, 0.5]), np.array([True, False]), np.array([True, False]), np.ones(2))
    assert choose(even, Costs(wrong_charge=1.0, missed_item=1.0)).threshold > 0.5


def test_costs_are_more_than_nothing() -> None:
    with pytest.raises(InputError, match="--wrong-charge-cost"):
        Costs(wrong_charge=0.0, missed_item=1.0)


def test_a_card_keeps_how_the_same_weights_were_made_and_refuses_others(tmp_path: Path) -> None:
    weights = tmp_path / "any.onnx"
    weights.write_bytes(b"weights")

    def card() -> Card:
        return Card(
            path=tmp_path / "CARD.md",
            files=[weights],
            head="# Any",
            table=f"`{short_sha256(weights)}`",
            limits="## Limits",
            written_by="openaisle learn card any",
        )

    with pytest.raises(InputError, match="how were these weights made"):
        how_made(card(), [], [])
    path = write_card(card(), report(), how_made(card(), ["train it"], []), notes=["And a note."])
    text = path.read_text()
    assert all(words in text for words in ("train it", "| people found | 50 % |", "And a note.", "| score |"))
    assert write_card(card(), report(), how_made(card(), [], []), notes=["And a note."]).read_text() == text
    weights.write_bytes(b"other weights")
    with pytest.raises(InputError, match="how were these weights made"):
        how_made(card(), [], [])
