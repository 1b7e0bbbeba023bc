"""What comes of comparing two models on the same cases: a figure of each, what is gained, and whether that is chance.

Cases are resampled by visit (Efron & Tibshirani 1993, the bootstrap; frames of one visit are no independent cases), the
same visits for both, so that what is hard for both cancels. A difference whose 95 % interval holds zero is none that
these cases can tell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from openaisle.learning.report import shown

BETTER: Final = "better"
WORSE: Final = "worse"
CANNOT_TELL: Final = "cannot tell"
DRAWS: Final = 1000
LEVEL: Final = 0.95
GROUPS_MIN: Final = 5
"""Fewer visits, and no interval is worth its name."""
ALL: Final = "all"


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A figure of both, and what the new one gains. Errors are negative here: more is better of every figure."""

    new: float
    old: float
    gain: float
    low: float  # of the gain, 95 %
    high: float
    verdict: str  # BETTER, WORSE or CANNOT_TELL


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One family of people or packs."""

    family: str
    cases: int
    frames: int
    groups: int  # visits where they are judged
    figures: Mapping[str, Interval]


def lines(compared: Sequence[Compared], deciding: Sequence[str]) -> list[str]:
    """A table for people to read, and the verdict."""
    rows = [
        f"{'':14}{'cases':>8}{'visits':>8}  {'figure':14}{'new':>8}{'old':>8}{'gain':>9}  {'95 % interval':20}verdict"
    ]
    for each in compared:
        head = f"{each.family:14}{each.cases:>8}{each.groups:>8}"
        for name, one in each.figures.items():
            values = f"{shown(abs(one.new)):>8}{shown(abs(one.old)):>8}{one.gain:>+9.3f}"
            rows.append(f"{head}  {name:14}{values}  {f'{one.low:+.3f} to {one.high:+.3f}':20}{one.verdict}")
            head = " " * len(head)
    return [
        *rows,
        "",
        f"The new one is: {verdict(compared, deciding)}. A gain above 0 is better, also of errors.",
    ]


def note(compared: Sequence[Compared], old: str, deciding: Sequence[str], what: str) -> str:
    """For a model card: the store's own held-out frames. `what`: cases are."""
    whole = compared[0]
    rows = [
        f"On the store's own held-out frames ({whole.frames} with {whole.cases} {what}, {whole.groups} visits), "
        f"beside {old}: {verdict(compared, deciding)}.\n",
        f"| {what} | how many | figure | this | {old} | gain | 95 % interval, visits resampled | verdict |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows += [
        f"| {each.family} | {each.cases:,} | {name} | {shown(abs(one.new))} | {shown(abs(one.old))} | {one.gain:+.3f} "
        f"| {one.low:+.3f} to {one.high:+.3f} | {one.verdict} |"
        for each in compared
        for name, one in each.figures.items()
    ]
    return "\n".join(rows)


def verdict(compared: Sequence[Compared], deciding: Sequence[str]) -> str:
    """By these figures of all: better in one and worse in none. A family that got worse is said besides."""
    said = {
        each.family: {name: one.verdict for name, one in each.figures.items() if name in deciding}
        for each in compared
    }
    whole = said.pop(ALL)
    if WORSE in whole.values():
        worse = [name for name, one in whole.items() if one == WORSE]
        better = [name for name, one in whole.items() if one == BETTER]
        return f"{WORSE} at {', '.join(worse)}" + (f", better at {', '.join(better)}" if better else "")
    worse = [family for family, figures in said.items() if WORSE in figures.values()]
    word = BETTER if BETTER in whole.values() else CANNOT_TELL
    return word + (f", but worse at {', '.join(worse)}" if worse else "")


def as_json(compared: Sequence[Compared], deciding: Sequence[str]) -> dict[str, Any]:
    return {"verdict": verdict(compared, deciding), "families": [asdict(each) for each in compared]}


def drawings(groups: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """How often each visit counts [DRAWS, groups]."""
    return rng.multinomial(groups, np.full(groups, 1 / groups), DRAWS).astype(np.float64)


def interval(new: float, old: float, gains: Sequence[float], groups: int) -> Interval:
    """`gains`: on each drawing; those that are no number are left out. `groups`: visits where cases are."""
    gains = [gain for gain in gains if math.isfinite(gain)]
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(gains, [tail, 1 - tail]).tolist() if gains else (-math.inf, math.inf)
    said = BETTER if low > 0 else WORSE if high < 0 else CANNOT_TELL
    values = {"new": new, "old": old, "gain": new - old, "low": low, "high": high}
    return Interval(
        **{name: round(value, 4) for name, value in values.items()},
        verdict=said if groups >= GROUPS_MIN else CANNOT_TELL,
    )
