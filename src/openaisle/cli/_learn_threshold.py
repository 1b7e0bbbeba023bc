"""`openaisle learn threshold SUBJECT`: from which probability on to act, for stated costs of both mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openaisle.cli._learning import StoreDataOption, need, with_bar

if TYPE_CHECKING:
    from openaisle.learning.thresholds import Choice

WrongOption = Annotated[
    float, typer.Option("--wrong-charge-cost", help="What charging somebody for nothing costs, in any unit.")
]
MissedOption = Annotated[
    float, typer.Option("--missed-item-cost", help="What an item that nobody is charged for costs.")
]
WeightsOption = Annotated[
    Path | None, typer.Option(help="Folder with the weights; without it those shipped.")
]
FirstOption = Annotated[int, typer.Option(help="Seed of the first random store to choose on.")]
StoresOption = Annotated[int, typer.Option(help="How many of them.")]
WriteOption = Annotated[
    bool, typer.Option("--write", help="Write the threshold into the weights' file, where the shop reads it.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the costs as JSON.")]


def people(
    wrong_charge_cost: WrongOption,
    missed_item_cost: MissedOption,
    weights: WeightsOption = None,
    store_data: StoreDataOption = None,
    first_store: FirstOption = 8000,
    stores: StoresOption = 6,
    write: WriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """The score from which somebody is a person: who is none may be charged, who is missed takes for free.

    With --store-data it is chosen on the split `check` of the store's own labels instead of random stores.
    """
    from openaisle.detections.people_networks import KEYPOINTS_FILE
    from openaisle.detections.runtime import SHIPPED, RuntimeSettings
    from openaisle.learning import thresholds as room
    from openaisle.learning.evaluate import HeldOut

    costs = room.Costs(wrong_charge=wrong_charge_cost, missed_item=missed_item_cost)
    folder, held_out = weights or SHIPPED, HeldOut(first_store=first_store, stores=stores)
    runtime = RuntimeSettings(weights=folder)
    if store_data is None:
        cases = with_bar(stores, as_json, lambda report: room.people_cases(runtime, held_out, report))
        on: dict[str, Any] = {"first_store": first_store, "stores": stores}
    else:
        cases = room.store_people_cases(runtime, store_data)
        on = {"store_data": store_data.name}
    choice = room.choose(cases, costs)
    if write:
        chosen = choice.metadata(on)
        _write(folder / KEYPOINTS_FILE, {"score_min": choice.threshold, "score_min_chosen": chosen})
    _tell(choice, as_json)


def products(
    wrong_charge_cost: WrongOption,
    missed_item_cost: MissedOption,
    weights: WeightsOption = None,
    first_store: FirstOption = 8000,
    stores: StoresOption = 4,
    write: WriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """The probability from which a look into a hand may be charged. Galleries must be enrolled anew after --write."""
    from openaisle.detections.products import PRODUCTS_FILE, ProductSettings
    from openaisle.detections.runtime import SHIPPED, RuntimeSettings
    from openaisle.learning import thresholds as room
    from openaisle.learning.export import read_metadata
    from openaisle.learning.products_calibrate import HeldOut

    costs = room.Costs(wrong_charge=wrong_charge_cost, missed_item=missed_item_cost)
    folder, held_out = weights or SHIPPED, HeldOut(first_store=first_store, stores=stores)
    settings = ProductSettings(runtime=RuntimeSettings(weights=folder))
    cases = with_bar(stores, as_json, lambda report: room.product_cases(settings, held_out, report))
    choice = room.choose(cases, costs)
    if write:
        need("onnx")
        path = folder / PRODUCTS_FILE
        calibration = read_metadata(path)["calibration"] | {"charge_at": choice.threshold}
        chosen = choice.metadata({"first_store": first_store, "stores": stores})
        _write(path, {"calibration": calibration, "charge_at_chosen": chosen})
    _tell(choice, as_json)


def actions(
    wrong_charge_cost: WrongOption,
    missed_item_cost: MissedOption,
    weights: WeightsOption = None,
    first_store: FirstOption = 8000,
    stores: StoresOption = 3,
    write: WriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """The probability from which an arm's path is called a take."""
    from openaisle.interactions.actions_network import SHIPPED, ActionNetwork
    from openaisle.learning import thresholds as room
    from openaisle.learning.actions_export import write_metadata
    from openaisle.learning.actions_measure import ActionsHeldOut

    costs = room.Costs(wrong_charge=wrong_charge_cost, missed_item=missed_item_cost)
    path = weights / SHIPPED.name if weights else SHIPPED
    held_out = ActionsHeldOut(first_store=first_store, stores=stores)
    network = ActionNetwork(path)
    cases = with_bar(stores, as_json, lambda report: room.action_cases(network, held_out, report))
    choice = room.choose(cases, costs)
    if write:
        chosen = choice.metadata({"first_store": first_store, "stores": stores})
        write_metadata(path, {"take_at": choice.threshold, "take_at_chosen": chosen})
    _tell(choice, as_json)


def _write(path: Path, found: dict[str, Any]) -> None:
    need("onnx")
    from openaisle.learning.export import read_metadata, write_metadata

    write_metadata(path, read_metadata(path) | found)


def _tell(choice: Choice, as_json: bool) -> None:
    from dataclasses import asdict

    from openaisle.learning.thresholds import lines

    typer.echo(json.dumps(asdict(choice)) if as_json else "\n".join(lines(choice)))
