"""`openaisle learn VERB SUBJECT`: from labels and training data to weights with a card; a file a subject, or a verb."""

from __future__ import annotations

from typing import Final

import typer

from openaisle.cli import (
    _learn_actions,
    _learn_card,
    _learn_compare,
    _learn_data,
    _learn_label,
    _learn_people,
    _learn_products,
    _learn_threshold,
)

SUBJECTS: Final = {"people": _learn_people, "products": _learn_products, "actions": _learn_actions}
VERBS: Final = {
    "synthesise": "Make training data of random simulated shops.",
    "train": "Train a network. Needs torch: pip install torch==2.13.0 onnx.",
    "export": "Write a trained network as it ships, with calibrated scores; or a data set in another format.",
    "calibrate": "Fit what turns a network's figures into probabilities again, of weights as they are.",
    "quantise": "Write INT8 copies.",
    "evaluate": "Measure on shops that were not taught on: tables and pictures by family, reliability.",
    "threshold": "Choose from which probability on to act, for stated costs of mistakes.",
    "card": "Measure, and write the model card beside the weights; or the card of a data set.",
}
ALIKE: Final = {"threshold": _learn_threshold, "card": _learn_card}
"""Verbs that are much the same for every subject."""


def register(app: typer.Typer) -> None:
    learn = typer.Typer(
        no_args_is_help=True,
        help="Label, make training data, train, export, evaluate; docs/WORKSHOP.md is the way.",
    )
    groups: dict[str, typer.Typer] = {}
    for verb, text in VERBS.items():
        groups[verb] = group = typer.Typer(no_args_is_help=True, help=text)
        for name, subject in SUBJECTS.items():
            command = getattr(ALIKE[verb], name) if verb in ALIKE else getattr(subject, verb, None)
            if command:
                group.command(name)(command)
        learn.add_typer(group, name=verb)
    _learn_data.register(learn, groups["export"])
    _learn_label.register(learn, groups["card"])
    _learn_compare.register(learn, groups["synthesise"])
    app.add_typer(learn, name="learn")
