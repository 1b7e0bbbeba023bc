"""Whether probabilities are what they say: reliability by bins, expected calibration error (Guo et al. 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

BINS: Final = 10


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """Answers whose probability lies in one tenth of 0..1."""

    count: int
    share: float  # of the weight of all answers
    said: float  # mean probability
    right: float  # share that was right


@dataclass(frozen=True, kw_only=True)
class Head:
    """One kind of probability, against what was true."""

    name: str
    count: int
    error: float  # expected calibration error; NaN of no answers
    bins: tuple[ReliabilityBin, ...]  # those that are not empty, by rising probability


def reliability(
    name: str, chances: ArrayLike, is_right: ArrayLike, weights: ArrayLike | None = None, bins: int = BINS
) -> Head:
    """Probabilities [n], whether each came true [n], how much each counts [n]; bins of equal width."""
    said, right = np.asarray(chances, np.float64).ravel(), np.asarray(is_right, np.float64).ravel()
    assert said.shape == right.shape
    weight = np.ones(len(said)) if weights is None else np.asarray(weights, np.float64)
    place = np.minimum((said * bins).astype(int), bins - 1)
    mass = np.bincount(place, weight, bins)
    counts = np.bincount(place, minlength=bins)
    said_sum, right_sum = np.bincount(place, weight * said, bins), np.bincount(place, weight * right, bins)
    whole = mass.sum()
    found = tuple(
        ReliabilityBin(
            count=int(counts[at]),
            share=float(mass[at] / whole),
            said=float(said_sum[at] / mass[at]),
            right=float(right_sum[at] / mass[at]),
        )
        for at in np.flatnonzero(mass > 0)
    )
    error = sum(each.share * abs(each.said - each.right) for each in found) if found else float("nan")
    return Head(name=name, count=len(said), error=error, bins=found)
