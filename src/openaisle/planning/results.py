"""Everything a plan folder holds, read once for the requirements document."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from openaisle.planning.advice import Advice
from openaisle.planning.bill import Bill
from openaisle.planning.costs import COSTS, CostTable, load_costs
from openaisle.planning.curve import Curve
from openaisle.planning.equipment import Equipment
from openaisle.planning.expected import Expected
from openaisle.planning.folder import PlanFolder
from openaisle.planning.place import Placement
from openaisle.planning.proof import Proof
from openaisle.planning.scales import ScalePlan
from openaisle.planning.scope import Scope
from openaisle.store.schema import Store


@dataclass(frozen=True, kw_only=True)
class Results:
    """What the steps of a plan left in its folder."""

    scope: Scope
    store: Store
    placement: Placement
    proof: Proof
    scales: ScalePlan
    advice: Advice
    equipment: Equipment
    bill: Bill
    expected: Expected | None
    pixels: Expected | None
    curve: Curve | None
    table: CostTable


def read_results(folder: PlanFolder, costs: Path | None) -> Results:
    """InputError, naming the command, for a step that was not run."""
    return Results(
        scope=folder.scope(),
        placement=folder.read("placement", Placement, "place"),
        proof=folder.read("proof", Proof, "place"),
        scales=folder.read("scales", ScalePlan, "place"),
        advice=folder.read("advice", Advice, "place"),
        equipment=folder.read("equipment", Equipment, "cost"),
        bill=folder.read("bill", Bill, "cost"),
        store=folder.store(),
        expected=folder.read_if_there("expected", Expected),
        pixels=folder.read_if_there("expected-pixels", Expected),
        curve=folder.read_if_there("curve", Curve),
        table=load_costs(costs or COSTS),
    )
