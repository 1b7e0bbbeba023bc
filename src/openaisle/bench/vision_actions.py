"""How well arms are read: what `openaisle bench vision --part actions` measures.

These are the simulator's figures, of skeletons that are spoiled as a good keypoint network would spoil them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from openaisle.interactions.actions_network import SHIPPED, ActionNetwork
from openaisle.learning.actions_measure import CURVE_S, JUDGED_AFTER_S, ActionsHeldOut, Days, measure

DAYS: Final[tuple[Days, ...]] = ("teaching", "mixed")
CORNER: Final = "corner"


def actions_report(
    *,
    first_store: int = 9000,
    stores: int = 5,
    visits: int = 16,
    weights: Path | None = None,
    report: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """All figures as plain JSON values: random stores, then `corner`; days of every family, then ordinary ones.

    `weights`: the folder with the network instead of the one that is shipped. `report` hears the number of finished
    days, of 2 x `stores` + 2.
    """
    began_s, done = time.process_time(), 0
    network = ActionNetwork(weights / SHIPPED.name if weights else SHIPPED)
    parts: dict[str, Any] = {}
    for named in ((), (CORNER,)):
        for days in DAYS:
            held_out = ActionsHeldOut(
                first_store=first_store, stores=stores, named=named, visits=visits, days=days
            )
            before = done
            figures = measure(network, held_out, lambda count, before=before: report(before + count))
            done = before + (len(named) or stores)
            parts[f"{CORNER if named else 'random'}_{days}"] = {"held_out": asdict(held_out), **figures}
    return {
        "benchmark": "vision",
        "part": "actions",
        "seed": first_store,
        "stores": [f"random {first_store}-{first_store + stores - 1}", CORNER],
        "judged_after_s": JUDGED_AFTER_S,
        "network": {
            "file": network.path.name,
            **network.metadata["made"],
            "temperature": network.temperature,
        },
        "parts": parts,
        "cpu_s": round(time.process_time() - began_s, 1),
    }


def lines(report: dict[str, Any]) -> Sequence[tuple[str, str]]:
    """The main figures as (what, how much), for people to read."""
    rows: list[tuple[str, str]] = []
    for part, figures in report["parts"].items():
        for looks in ("without_looks", "with_looks"):
            found = figures[looks]
            f1 = ", ".join(f"{action} {value:.3f}" for action, value in found["f1"].items())
            name = f"{part.replace('_', ' ')}, {looks.replace('_', ' ')}"
            rows += [
                (f"{name}: macro-F1", f"{found['macro_f1']:.3f}  ({f1}; {found['reaches']} reaches)"),
                (f"{name}: calibration error", f"{found['calibration_error']:.3f}"),
                (
                    f"{name}: which deed, +{CURVE_S[-1]} s",
                    f"{found['deed_macro_f1_after_s'][str(CURVE_S[-1])]:.3f}",
                ),
            ]
    return rows
