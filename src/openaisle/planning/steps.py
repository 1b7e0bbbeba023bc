"""The steps of a plan, each from what is in the folder to a result in the folder. The command calls them, in order."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from openaisle.bench.days import DayOutcome, Vision
from openaisle.core.errors import InputError, PlanRefused
from openaisle.planning.advice import Advice, advise
from openaisle.planning.bill import Bill, make_bill
from openaisle.planning.costs import COSTS, load_costs
from openaisle.planning.curve import Curve, draw_points
from openaisle.planning.equipment import Equipment, load_speed, size_equipment
from openaisle.planning.expected import Expected, expect
from openaisle.planning.floor import floor_of
from openaisle.planning.folder import PlanFolder
from openaisle.planning.place import Placement, place
from openaisle.planning.proof import Proof
from openaisle.planning.refusal import check_floor, draw_refusal, read_floor_plan
from openaisle.planning.scales import ScalePlan, plan_scales
from openaisle.planning.scope import SCOPE_FILE
from openaisle.store.draw import save_plan
from openaisle.store.schema import Store
from openaisle.store.write import write_store

Say = Callable[[str], None]
DRAWING: Final = "plan.svg"
REFUSED: Final = "refused.svg"


@dataclass(frozen=True, kw_only=True)
class Placed:
    """What `place_cameras` made."""

    placement: Placement
    proof: Proof
    scales: ScalePlan
    advice: Advice


def start(scope_text: str, scope_folder: Path, out: Path, seed: int = 1) -> tuple[PlanFolder, Store]:
    """A new plan folder with the scope and its shop, without cameras. Paths in the scope begin at `scope_folder`.

    PlanRefused leaves a drawing of why in it; after any other error there is no folder.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("is there already", file=str(out), expected="a new or empty folder")
    out.mkdir(parents=True, exist_ok=True)
    folder = PlanFolder(out)
    folder.write_text(SCOPE_FILE, scope_text)
    try:
        scope = folder.scope()
        if scope.shop.floor_plan:
            store, wrong = read_floor_plan(scope_folder / scope.shop.floor_plan)
            if wrong is not None:
                raise _drawn(folder, store, wrong)
        else:
            store = floor_of(scope, seed)
        try:
            check_floor(store)
        except PlanRefused as refused:
            raise _drawn(folder, store, refused) from None
    except PlanRefused:
        raise
    except InputError:
        shutil.rmtree(out)
        raise
    write_store(store, folder.floor_path)
    return folder, store


def place_cameras(
    folder: PlanFolder, *, seconds: float, costs: Path | None, keeps_planogram: bool, say: Say
) -> Placed:
    """Scales, then cameras, then the proof by drawing. Writes them, the store, and its drawing."""
    scope, store = folder.scope(), folder.floor()
    better, scales = plan_scales(store)
    if keeps_planogram:
        folder.write_text("planogram-proposed.csv", _swap_list(scales))
    else:
        store = better
    try:
        table = load_costs(costs or COSTS)
        store, placement, targets, proof = place(store, scope, table, seconds=seconds, progress=say)
    except PlanRefused as refused:
        raise _drawn(folder, store, refused) from None
    say("what the loss of a camera costs")
    advice = advise(store, targets)
    write_store(store, folder.store_path)
    save_plan(store, folder.path / DRAWING)
    for name, result in (
        ("placement", placement),
        ("proof", proof),
        ("scales", scales),
        ("advice", advice),
    ):
        folder.write(name, result)
    return Placed(placement=placement, proof=proof, scales=scales, advice=advice)


def expect_receipts(
    folder: PlanFolder,
    *,
    visits: int,
    seed: int,
    vision: Vision,
    jobs: int,
    done: Callable[[DayOutcome], None],
) -> Expected:
    """Simulated receipts of the planned store; written as expected.json, or expected-pixels.json."""
    folder.read("placement", Placement, "place")
    expected = expect(
        folder.store_path, folder.scope(), visits=visits, seed=seed, vision=vision, jobs=jobs, done=done
    )
    folder.write("expected-pixels" if vision == "pixels" else "expected", expected)
    return expected


def count_cost(
    folder: PlanFolder, *, costs: Path | None, speed: Path | None, seed: int
) -> tuple[Equipment, Bill]:
    """Network, compute, power and money. PlanRefused if the building has too little power, with a drawing."""
    scope, store = folder.scope(), folder.store()
    placement = folder.read("placement", Placement, "place")
    expected = folder.read_if_there("expected", Expected)
    times = expected.path_times_real_time if expected else None
    try:
        equipment = size_equipment(store, scope, placement, load_speed(speed), times)
    except PlanRefused as refused:
        raise _drawn(folder, store, refused) from None
    bill = make_bill(store, scope, placement, equipment, load_costs(costs or COSTS), seed)
    folder.write("equipment", equipment)
    folder.write("bill", bill)
    return equipment, bill


def draw_curve_points(
    folder: PlanFolder,
    *,
    views: Sequence[int],
    grids: Sequence[int],
    visits: int,
    seed: int,
    seconds: float,
    jobs: int,
    costs: Path | None,
    say: Say,
) -> Curve:
    """Exact receipts over cameras, planned and in grids; written as curve.json."""
    curve = draw_points(
        folder,
        load_costs(costs or COSTS),
        views=views,
        grids=grids,
        visits=visits,
        seed=seed,
        seconds=seconds,
        jobs=jobs,
        say=say,
    )
    folder.write("curve", curve)
    return curve


def _drawn(folder: PlanFolder, store: Store, refused: PlanRefused) -> PlanRefused:
    """The refusal, with the drawing of its place."""
    folder.write_text(REFUSED, draw_refusal(store, refused).svg())
    drawn = PlanRefused(f"{refused}\n  drawn: {folder.path / REFUSED}")
    return drawn.at(*refused.places_floor_m)


def _swap_list(scales: ScalePlan) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("slot_id", "gets_the_product_of"))
    writer.writerows(scales.swaps)
    return out.getvalue()
