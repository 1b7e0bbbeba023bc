"""The model card of the product network."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

from openaisle.detections.products import PRODUCTS_FILE
from openaisle.learning.card import Card, minutes, short_sha256
from openaisle.learning.export import read_metadata
from openaisle.learning.people_card import parameters
from openaisle.learning.report import Report, shown

_HEAD: Final = """# Which product a hand holds

One compact network in ONNX, trained from noise on pictures that this repository renders. It turns a crop into a unit
vector of the whole [128] and one of each of 12 x 12 cells [32], which a shop's gallery is searched with
(docs/decisions/0050). No picture of a real product was used.
"""

_LIMITS: Final = """
## Limits

- **These are simulator figures**, of printed packs of one designer. Real packs have photographs, gloss and dents.
- From behind, look-alikes are the same pack: no network tells them apart there.
- "None of these" is decided where naming a product, four times as dear as missing one, would cost more. A pack that is
  mostly hidden is then called none: see the table of occlusion.
- Enrolment pictures should show the pack from all sides, front and top above all, on a plain ground.
"""


def products_card(weights: Path) -> Card:
    path = weights / PRODUCTS_FILE
    made = read_metadata(path)["made"]
    table = (
        "| file | input | parameters | trained on | minutes | sha256 |\n|---|---|---|---|---|---|\n"
        f"| `{path.name}` | 96x96x3 | {parameters(path) / 1e6:.2f} M | {made['pictures']:,} pictures of "
        f"{made['samples']:,} of {made['products']:,} products | {minutes(made)} | `{short_sha256(path)}...` |"
    )
    return Card(
        path=weights / "PRODUCTS_CARD.md",
        files=[path],
        head=_HEAD,
        table=table,
        limits=_LIMITS,
        written_by="openaisle learn card products",
    )


def targets_note(report: Report) -> str:
    """What was aimed at, beside what was reached."""
    figures = report.figures
    pairs = figures["look_alikes_100px"]
    rows = [
        ("top-1 at 60 px a pack, at least", 0.97, figures["top1_60px"], True),
        ("told from its look-alike at 100 px, at least", 0.95, pairs["accuracy"], True),
        ('"none of these" found, at least', 0.95, figures["none_recall_60px"], True),
        ("calibration error of the product answer, at most", 0.03, figures["ece"]["error"], False),
    ]
    lines = ["| aim | wanted | reached | |", "|---|---|---|---|"]
    for name, wanted, reached, is_least in rows:
        is_met = math.isfinite(reached) and (reached >= wanted if is_least else reached <= wanted)
        lines.append(f"| {name} | {wanted} | {shown(reached)} | {'yes' if is_met else '**no**'} |")
    return "\n".join(lines)
