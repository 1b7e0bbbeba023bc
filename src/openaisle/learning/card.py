"""The model card beside the weights: what they are, how they came to be, what was measured, where they end.

Cards are written by `openaisle learn card SUBJECT` from what it measures, never by hand. How the weights were made is
kept from the card before, as long as they are the same files; `--commands` and `--data` say it anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from openaisle.core.errors import InputError
from openaisle.detections.runtime import sha256
from openaisle.learning.people_data import read_manifest
from openaisle.learning.report import Report

_MADE: Final = "## How to make it again\n"
_MEASURED: Final = "\n## Measured\n"


@dataclass(frozen=True, kw_only=True)
class Card:
    """What is particular to one subject."""

    path: Path
    files: Sequence[Path]  # the weights
    head: str  # title and first words
    table: str  # of the files
    limits: str
    written_by: str  # the command that writes it


def write_card(
    card: Card, report: Report, how: str, *, measured: str = "", notes: Sequence[str] = ()
) -> Path:
    """Write the card. `how`: what `how_made` says; `measured`: tables instead of the report's own lines."""
    figures = measured or "| what | figure |\n|---|---|\n" + "\n".join(
        f"| {name.strip()} | {value} |" for name, value in report.lines
    )
    text = (
        f"{card.head}\n{card.table}\n\n{_MADE}\n{how}\n{_MEASURED}\n"
        f"On {report.on}, never trained on nor calibrated on. Written by `{card.written_by}`, which measures.\n\n"
        f"{figures}\n\n{report.family_tables()}\n{report.head_table()}"
    )
    text += "".join(f"\n{note.rstrip()}\n" for note in notes)
    card.path.write_text(f"{text}\n{card.limits.strip()}\n", encoding="utf-8")
    return card.path


def how_made(card: Card, commands: Sequence[str], data: Sequence[Path]) -> str:
    """The commands and what the data sets hold; without commands what the card said before, of the same files.

    Raises InputError where nobody says it.
    """
    if commands:
        lines = [f"```\n{chr(10).join(commands)}\n```\n", *(_data_line(folder) for folder in data)]
        return "\n".join([*lines, "The same commands give the same pictures; training repeats within noise."])
    before = card.path.read_text(encoding="utf-8") if card.path.is_file() else ""
    found = re.search(r"## How to make (?:it|them) again\n(.*?)\n## Measured\n", before, re.DOTALL)
    if found is None or any(short_sha256(path) not in before for path in card.files):
        raise InputError(
            "how were these weights made?",
            field="--commands",
            file=str(card.path),
            expected="a file with the commands, because the card there is not about these weights",
        )
    return found.group(1).strip()


def minutes(made: Mapping[str, Any]) -> str:
    """How long training took, and where, from what a file says about itself."""
    device = str(made.get("settings", {}).get("device", "cpu"))
    return f"{made['minutes']} on {'one core' if device == 'cpu' else 'a GPU'}"


def short_sha256(path: Path) -> str:
    """The beginning that cards show."""
    return sha256(path)[:16]


def _data_line(folder: Path) -> str:
    manifest: Mapping[str, Any] = read_manifest(folder)
    first, stores = manifest["settings"]["first_store"], manifest["settings"]["stores"]
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in manifest["counts"].items())
    return f"Random stores of seeds {first}-{first + stores - 1}: {counts}."
