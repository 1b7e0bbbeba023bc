import json
from pathlib import Path

import numpy as np
import pytest

from openaisle.core.errors import PlanRefused, StoreError
from openaisle.planning.bill import Bill, article_check, make_bill
from openaisle.planning.costs import COSTS, Draws, load_costs
from openaisle.planning.equipment import SPEED, Equipment, load_speed, size_equipment
from openaisle.planning.folder import PlanFolder
from openaisle.planning.steps import Placed

REPOSITORY = Path(__file__).resolve().parents[3]


def test_the_articles_examples_come_out_of_its_rows() -> None:
    """2,000 square feet, 120 cameras and 200 sections: hardware of about 200 to 500 thousand."""
    examples = {example.row_id: example for example in article_check(load_costs(), seed=1)}
    hardware = examples["article-hardware"]
    assert hardware.says == (200_000, 500_000)
    assert 200_000 < hardware.computed.p10 < hardware.computed.p90 < 500_000
    assert hardware.share_within > 0.85
    assert examples["article-development"].share_within > 0.95
    assert examples["article-running"].share_within > 0.8


def test_a_row_more_in_the_table_changes_no_other_draw(home: Path) -> None:
    more = home / "costs.toml"
    row = '[row.aaa]\nname = "more"\ngroup = "total"\nrange = [1, 2]\nper = "store"\nsource = "ours"\n'
    more.write_text(COSTS.read_text(encoding="utf-8") + row, encoding="utf-8")
    ours, theirs = Draws(load_costs(), 5, 100), Draws(load_costs(more), 5, 100)
    assert (ours.of("camera") == theirs.of("camera")).all()
    assert not (ours.of("camera") == Draws(load_costs(), 6, 100).of("camera")).all()


def test_draws_stay_in_their_range_and_prices_are_log_uniform() -> None:
    draws = Draws(load_costs(), 1, 20_000)
    camera = draws.of("camera")
    assert camera.min() >= 200
    assert camera.max() <= 800
    assert float(np.median(camera)) == pytest.approx(400, rel=0.02)
    share = draws.of("maintenance")
    assert float(np.median(share)) == pytest.approx(0.125, rel=0.02)


def test_a_wrong_cost_table_is_told_line_by_line(home: Path) -> None:
    path = home / "costs.toml"
    path.write_text(
        'format = 1\n[source.me]\ntitle = "t"\nabout = "a"\n[row.x]\nname = "x"\ngroup = "hardware"\n'
        'range = [5, 2]\nper = "store"\nsource = "nobody"\n',
        encoding="utf-8",
    )
    with pytest.raises(StoreError) as caught:
        load_costs(path)
    assert [problem.line for problem in caught.value.problems] == [8, 10]


def test_the_shipped_milliseconds_are_those_of_the_published_result() -> None:
    shipped = json.loads(SPEED.read_text(encoding="utf-8"))
    published = json.loads((REPOSITORY / shipped["of"]).read_text(encoding="utf-8"))
    assert shipped["ours_ms_mean"] == published["ours_ms_mean"]
    assert shipped["memory"] == published["memory"]


def test_every_line_of_a_bill_names_a_row(placed_plan: tuple[PlanFolder, Placed]) -> None:
    bill = placed_plan[0].read("bill", Bill, "cost")
    table = load_costs()
    lines = [*bill.hardware, *bill.development, *bill.running, *bill.gains, *bill.removed]
    assert all(line.row_id in table.rows for line in lines)
    assert all(line.total.p10 <= line.total.p50 <= line.total.p90 for line in lines)
    ours = bill.paths[0]
    assert ours.capital.p50 == pytest.approx(ours.hardware.p50 + ours.development.p50, rel=0.05)
    cameras = sum(line.quantity for line in bill.hardware if line.row_id == "camera")
    assert cameras == placed_plan[1].placement.cameras


def test_the_same_seed_makes_the_same_bill(placed_plan: tuple[PlanFolder, Placed]) -> None:
    folder, placed = placed_plan
    equipment = folder.read("equipment", Equipment, "cost")
    bills = [
        make_bill(folder.store(), folder.scope(), placed.placement, equipment, load_costs(), seed=3)
        for _ in range(2)
    ]
    assert bills[0] == bills[1] == folder.read("bill", Bill, "cost")


def test_too_little_power_is_refused_at_the_cameras(placed_plan: tuple[PlanFolder, Placed]) -> None:
    folder, placed = placed_plan
    scope = folder.scope()
    weak = scope.model_copy(update={"power": scope.power.model_copy(update={"poe_watts": 10.0})})
    with pytest.raises(PlanRefused, match="no power for the cameras asked") as caught:
        size_equipment(folder.store(), weak, placed.placement, load_speed(None))
    assert len(caught.value.places_floor_m) == placed.placement.cameras


def test_more_people_need_more_cores(placed_plan: tuple[PlanFolder, Placed]) -> None:
    folder, placed = placed_plan
    scope = folder.scope()
    crowded = scope.model_copy(
        update={"traffic": scope.traffic.model_copy(update={"peak_shoppers_per_hour": 600.0})}
    )
    few, many = (
        size_equipment(folder.store(), each, placed.placement, load_speed(None)) for each in (scope, crowded)
    )
    assert many.people_at_peak > few.people_at_peak
    assert many.cores_seeing > few.cores_seeing
