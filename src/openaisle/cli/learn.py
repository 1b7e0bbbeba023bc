"""`openaisle learn VERB SUBJECT`: make training data, train, export, evaluate; one file a subject."""

from __future__ import annotations

from typing import Final

import typer

from openaisle.cli import _learn_actions, _learn_people, _learn_products

SUBJECTS: Final = {"people": _learn_people, "products": _learn_products, "actions": _learn_actions}
VERBS: Final = {
    "synthesise": "Make training data of random simulated shops.",
    "train": "Train a network. Needs torch: pip install torch==2.13.0 onnx.",
    "export": "Write a trained network as it ships, with calibrated scores.",
    "quantise": "Write INT8 copies.",
    "evaluate": "Measure on shops that were not taught on.",
}


def register(app: typer.Typer) -> None:
    learn = typer.Typer(no_args_is_help=True, help="Make training data, train, export, evaluate.")
    for verb, text in VERBS.items():
        group = typer.Typer(no_args_is_help=True, help=text)
        for name, subject in SUBJECTS.items():
            if command := getattr(subject, verb, None):
                group.command(name)(command)
        learn.add_typer(group, name=verb)
    app.add_typer(learn, name="learn")
