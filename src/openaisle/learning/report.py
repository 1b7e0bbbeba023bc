"""What `learn evaluate` says of a network: figures, figures by family, and how far its probabilities can be trusted.

A report is tables on the screen, one JSON object, and a folder: `report.json`, `report.md`, `families.png`,
`reliability.png` and sheets of examples that somebody who trains wants to look at.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openaisle.learning.diagrams import draw_families, draw_reliability
from openaisle.learning.reliability import Head
from openaisle.learning.sheets import Example, draw_sheet


@dataclass(frozen=True, kw_only=True)
class FamilyRow:
    """The figures of one part of all cases."""

    label: str
    count: int
    figures: Mapping[str, float]  # NaN where there is nothing to measure


@dataclass(frozen=True, kw_only=True)
class Family:
    """All cases, cut in parts by one thing that makes them easy or hard."""

    name: str
    cases: str  # what is counted
    rows: tuple[FamilyRow, ...]


@dataclass(frozen=True, kw_only=True)
class Report:
    subject: str
    on: str  # which stores, in words
    held_out: Mapping[str, Any]
    figures: Mapping[str, Any]  # as JSON
    lines: Sequence[tuple[str, str]]  # the same for people: what, how much
    families: Sequence[Family]
    heads: Sequence[Head]
    examples: Mapping[str, Sequence[Example]] = field(default_factory=dict[str, Sequence[Example]])

    def as_json(self) -> dict[str, Any]:
        said = {
            **self.figures,
            "held_out": dict(self.held_out),
            "families": {family.name: asdict(family) for family in self.families},
            "heads": {head.name: asdict(head) for head in self.heads},
        }
        return _finite(said)

    def text(self) -> list[str]:
        """For the screen."""
        lines = [f"{self.subject}, on {self.on}", *(f"  {name:44} {value}" for name, value in self.lines)]
        for family in self.families:
            names = figure_names(family)
            head = "".join(f"{name:>{len(name) + 3}}" for name in names)
            lines += ["", f"  {'by ' + family.name:44} {family.cases:>10}{head}"]
            for row in family.rows:
                values = [row.figures.get(name, math.nan) for name in names]
                cells = zip(values, names, strict=True)
                words = "".join(f"{shown(value):>{len(name) + 3}}" for value, name in cells)
                lines.append(f"    {row.label:42} {row.count:>10,}{words}")
        lines += ["", f"  {'probability':44} {'calibration error':>18} {'answers':>10}"]
        lines += [f"  {head.name:44} {shown(head.error):>18} {head.count:>10,}" for head in self.heads]
        return lines

    def markdown(self) -> str:
        """Tables; the pictures lie beside them."""
        parts = [f"# {self.subject}: measured on {self.on}\n", "| what | figure |\n|---|---|"]
        parts += [f"| {name.strip()} | {value} |" for name, value in self.lines]
        return "\n".join(parts) + "\n\n" + self.family_tables() + "\n" + self.head_table()

    def family_tables(self) -> str:
        tables: list[str] = []
        for family in self.families:
            names = figure_names(family)
            rows = [
                f"| by {family.name} | {family.cases} | " + " | ".join(names) + " |",
                "|---|" + "---|" * (len(names) + 1),
            ]
            for row in family.rows:
                values = " | ".join(shown(row.figures.get(name, math.nan)) for name in names)
                rows.append(f"| {row.label} | {row.count:,} | {values} |")
            tables.append("\n".join(rows) + "\n")
        return "\n".join(tables)

    def head_table(self) -> str:
        rows = ["| probability | expected calibration error (10 bins) | answers |", "|---|---|---|"]
        rows += [f"| {head.name} | {shown(head.error)} | {head.count:,} |" for head in self.heads]
        return "\n".join(rows) + "\n"

    def write(self, folder: Path) -> list[Path]:
        """The folder of the report; returns its files."""
        folder.mkdir(parents=True, exist_ok=True)
        pictures: dict[str, bytes] = {
            "families": draw_families(f"{self.subject} on {self.on}", self.families),
            "reliability": draw_reliability(f"{self.subject} on {self.on}", self.heads),
        }
        for name, examples in self.examples.items():
            if examples:
                pictures[f"examples-{name.replace(' ', '-')}"] = draw_sheet(name, examples)
        files = [folder / "report.json", folder / "report.md"]
        shown_pictures = "\n".join(f"![{name}]({name}.png)\n" for name in pictures)
        files[0].write_text(json.dumps(self.as_json(), indent=1) + "\n", encoding="utf-8")
        files[1].write_text(self.markdown() + "\n" + shown_pictures, encoding="utf-8")
        for name, data in pictures.items():
            files.append(folder / f"{name}.png")
            files[-1].write_bytes(data)
        return files


def store_seeds(first: int, count: int) -> str:
    """Random stores in words."""
    return f"random stores {first}-{first + count - 1}" if count > 1 else f"random store {first}"


def figure_names(family: Family) -> list[str]:
    """In the order in which they first come."""
    return list(dict.fromkeys(name for row in family.rows for name in row.figures))


def cut(
    values: Sequence[float] | NDArray[np.floating], edges: Sequence[float], labels: Sequence[str]
) -> list[tuple[str, NDArray[np.bool_]]]:
    """Each label with which of the values [n] are in its part; part k is from edge k-1 up to below edge k."""
    assert len(labels) == len(edges) + 1
    place = np.searchsorted(np.asarray(edges, np.float64), np.asarray(values, np.float64), side="right")
    return [(label, place == part) for part, label in enumerate(labels)]


def shown(value: float) -> str:
    """A share to three digits, other numbers to about as many; - where there is none."""
    if not math.isfinite(value):
        return "-"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _finite(value: Any) -> Any:
    """JSON has no NaN: null says that there was nothing to measure."""
    if isinstance(value, Mapping):
        return {str(name): _finite(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
