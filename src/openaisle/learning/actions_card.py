"""The model card of the action network: what it is, how it came to be, what was measured, where it ends."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from openaisle.interactions.actions_network import ActionNetwork
from openaisle.learning.card import Card, minutes, short_sha256
from openaisle.learning.report import Report

_HEAD: Final = """# What an arm does at a shelf

One small network, trained from noise by commands of this repository on simulated people. It is given the last 3.1 s
of one hand's path before a shelf, as 3-D joints of a track, and says whether that hand now does nothing, approaches,
takes, puts back, or only touches (browse). It knows nothing of products, faces, age or sex. Where somebody looks into
hands, it may be told how likely each hand holds something; it works without.
"""

_LIMITS: Final = """
## Limits

- **These are simulator figures.** Simulated hands reach along minimum-jerk paths, carry goods before the chest, and
  hang when they are empty. Real shoppers are less tidy: measure on recordings of your own before you rely on them.
- **What is in the hand cannot be seen in joints.** A take is told from a touch by the arm that comes back bent, a
  put-back by the arm that comes bent. Who takes something and lets the arm hang at once looks like somebody who only
  touched; who puts back one of two things in a hand looks like somebody who takes.
- The looks into hands of the second column are assumed (right in 94 %, errors partly lasting), not measured.
- A hand that the tracker loses, or gives to somebody else, is judged to do nothing: "tracked" rows leave those out.
- Days of teaching have far more touches and put-backs than ordinary ones. On ordinary days most deeds are takes, so
  the F1 of the rare ones rests on few events.
"""


def actions_card(path: Path) -> Card:
    network = ActionNetwork(path)
    with np.load(path) as file:
        parameters = sum(file[name].size for name in file.files if name != "metadata")
    made = network.metadata["made"]
    table = (
        "| file | input | parameters | trained on | minutes | sha256 |\n|---|---|---|---|---|---|\n"
        f"| `{path.name}` | 32 ticks of 0.1 s x 47 features | {parameters:,} | {made['samples']:,} samples of "
        f"{made['distinct']:,} | {minutes(made)} | `{short_sha256(path)}...` |"
    )
    return Card(
        path=path.with_name("MODEL_CARD.md"),
        files=[path],
        head=_HEAD,
        table=table,
        limits=_LIMITS,
        written_by="openaisle learn card actions",
    )


def measured(report: Report) -> str:
    """The tables of each kind of day."""
    words = (
        f"A deed is judged {report.figures['judged_after_s']} s after the hand left the shelf, an approach when three "
        "quarters of it are over. Macro-F1 is over approach, take, put back, browse.\n\n"
    )
    parts = "".join(_part(name, figures) for name, figures in report.figures["parts"].items())
    return words + parts + "Families below: days of every family, the arm alone."


def _part(name: str, figures: Mapping[str, Any]) -> str:
    without, with_looks = figures["without_looks"], figures["with_looks"]
    rows = [
        ("macro-F1", "macro_f1"),
        *((f"F1 {action}", action) for action in without["f1"]),
        ("calibration error (10 bins)", "calibration_error"),
    ]
    lines = [
        f"### {name.replace('_', ' ')} days: {without['reaches']} reaches, {without['moments']} moments\n",
        "| | arm alone | tracked | with looks | tracked, with looks |",
        "|---|---|---|---|---|",
    ]
    columns = (without, without["tracked"], with_looks, with_looks["tracked"])
    for text, key in rows:
        values = [column.get(key, column["f1"].get(key)) for column in columns]
        lines.append(f"| {text} | " + " | ".join(f"{value:.3f}" for value in values) + " |")
    curve = ", ".join(
        f"{after} s {value:.3f}" for after, value in with_looks["deed_macro_f1_after_s"].items()
    )
    blind = ", ".join(f"{after} s {value:.3f}" for after, value in without["deed_macro_f1_after_s"].items())
    lines.append(f"\nWhich of the three deeds, by time after the hand left: {blind}; with looks {curve}.")
    confusion = without["confusion"]
    lines += ["\n| truth, arm alone | " + " | ".join(confusion) + " |", "|---|" + "---|" * len(confusion)]
    lines += [
        f"| {truth} | " + " | ".join(map(str, said.values())) + " |" for truth, said in confusion.items()
    ]
    return "\n".join(lines) + "\n\n"
