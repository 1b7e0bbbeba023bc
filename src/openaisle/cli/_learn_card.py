"""`openaisle learn card SUBJECT`: measure, and write the model card beside the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from openaisle.cli._learning import StoreDataOption, bar, need, with_bar

WeightsOption = Annotated[
    Path | None, typer.Option(help="Folder with the weights; without it those shipped.")
]
CommandsOption = Annotated[
    Path | None,
    typer.Option(
        help="File with the commands that made the weights; not needed for weights that the card is about."
    ),
]
CardDataOption = Annotated[
    list[Path] | None, typer.Option("--data", help="With --commands: a data set that was trained on.")
]
FirstOption = Annotated[int, typer.Option(help="Seed of the first held-out store.")]
StoresOption = Annotated[int, typer.Option(help="How many of them.")]


def people(
    weights: WeightsOption = None,
    commands: CommandsOption = None,
    data: CardDataOption = None,
    first_store: FirstOption = 9000,
    stores: StoresOption = 8,
    real: Annotated[
        Path | None,
        typer.Option(help="Folder with real pictures (coco128, pets2009_s2l1) to measure on too."),
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="With --real: look at each Nth frame of a video.")] = 1,
    store_data: StoreDataOption = None,
) -> None:
    """Measure the people networks and write MODEL_CARD.md.

    With --store-data also beside the shipped ones there; networks that were trained on it are measured on it alone.
    """
    need("onnx")
    from openaisle.detections.models import PEOPLE
    from openaisle.detections.runtime import SHIPPED, RuntimeSettings
    from openaisle.labels.dataset import HELD_OUT
    from openaisle.learning import compare, people_card as room, real_pictures
    from openaisle.learning.card import how_made, write_card
    from openaisle.learning.compared import note
    from openaisle.learning.evaluate import HeldOut, examine
    from openaisle.learning.store_sights import examine as examine_store, sights_of

    runtime = RuntimeSettings(weights=weights or SHIPPED)
    if store_data is not None and room.has_own(runtime.weights):
        dataset, frames = sights_of(store_data, HELD_OUT)
        card, how = room.people_card(runtime.weights, dataset), room.own_how(runtime.weights)
        report = with_bar(
            len(frames), False, lambda said: examine_store(store_data, runtime, HELD_OUT, said), "frames"
        )
    else:
        card = room.people_card(runtime.weights)
        how = how_made(card, _lines(commands), data or [])
        held_out = HeldOut(first_store=first_store, stores=stores)
        report = with_bar(stores, False, lambda said: examine(runtime, held_out, said))
    notes = [room.joints_note(report)]
    if real is not None:
        notes.append(real_pictures.note(real_pictures.evaluate_real(real, [(PEOPLE, runtime)], every=every)))
    if store_data is not None:
        compared = compare.compare(store_data, runtime, RuntimeSettings(weights=SHIPPED))
        notes.append(note(compared, "the shipped networks", compare.DECIDING, "people"))
    typer.echo(write_card(card, report, how, notes=notes))


def products(
    weights: WeightsOption = None,
    commands: CommandsOption = None,
    data: CardDataOption = None,
    first_store: FirstOption = 9000,
    stores: StoresOption = 3,
) -> None:
    """Measure the product network and write PRODUCTS_CARD.md."""
    need("onnx")
    from openaisle.detections.products import ProductSettings
    from openaisle.detections.runtime import SHIPPED, RuntimeSettings
    from openaisle.learning.card import how_made, write_card
    from openaisle.learning.products_calibrate import HeldOut
    from openaisle.learning.products_card import products_card, targets_note
    from openaisle.learning.products_measure import examine

    folder = weights or SHIPPED
    card = products_card(folder)
    how = how_made(card, _lines(commands), data or [])
    with bar() as shown:
        task = shown.add_task("stores", total=stores)
        settings = ProductSettings(runtime=RuntimeSettings(weights=folder))
        held_out = HeldOut(first_store=first_store, stores=stores, hands=1)
        report = examine(settings, held_out, lambda done: shown.update(task, completed=done))
    typer.echo(write_card(card, report, how, notes=[targets_note(report)]))


def actions(
    weights: WeightsOption = None,
    commands: CommandsOption = None,
    data: CardDataOption = None,
    first_store: FirstOption = 9000,
    stores: StoresOption = 3,
    visits: Annotated[int, typer.Option(help="A day; each store lives two.")] = 12,
) -> None:
    """Measure the network that reads arms and write MODEL_CARD.md."""
    from openaisle.interactions.actions_network import SHIPPED, ActionNetwork
    from openaisle.learning.actions_card import actions_card, measured
    from openaisle.learning.actions_report import examine
    from openaisle.learning.card import how_made, write_card

    path = weights / SHIPPED.name if weights else SHIPPED
    card = actions_card(path)
    how = how_made(card, _lines(commands), data or [])
    with bar() as shown:
        task = shown.add_task("days", total=2 * stores)
        report = examine(
            ActionNetwork(path),
            first_store=first_store,
            stores=stores,
            visits=visits,
            report=lambda done: shown.update(task, completed=done),
        )
    typer.echo(write_card(card, report, how, measured=measured(report)))


def _lines(commands: Path | None) -> list[str]:
    from openaisle.core.errors import InputError

    if commands is None:
        return []
    if not commands.is_file():
        raise InputError("no such file", file=str(commands), field="--commands")
    return [line for line in commands.read_text(encoding="utf-8").splitlines() if line.strip()]
