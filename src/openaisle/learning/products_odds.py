"""What turns likeness into probabilities, fitted: how empty hands differ, the scales of all logits, the thresholds.

All crops go through the formula that recognises (`detections.products.logits`) at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from openaisle.detections.products import Calibration, Floats, Nothing, logits, probabilities
from openaisle.learning.logistic import logistic

Doubles = NDArray[np.float64]

NONE_SHARE: Final = 0.2
"""Of crops that show none of the plausible products: `ProductLook` says so to whoever reads its probabilities."""
NONE_TAKEN_COST: Final = 4.0
"""What it costs to name a product where there is none, of what it costs to say none of one that is there."""
EMPTY_RIDGE: Final = 4.0
FOLDS: Final = 4
_START: Final = (3.2, 0.1, -0.1, 0.05, 0.8, 5.0, 1.0, 2.5, -0.3, 0.0, 0.9)
"""Empty hands begin with a word: from where they have none (a scale of e) nothing leads on."""
_SHARPER: Final = (0.5, 3.0)
_SURPRISE_MAX: Final = 20.0


@dataclass(frozen=True)
class Example:
    """One crop against some plausible products."""

    likeness: Floats  # [n]
    evidence: Floats  # [n]
    nothing: Nothing
    side_px: float
    pack_px: float
    truth: int  # index among the plausible, n = none of them
    vector: Floats  # [128]
    store: int  # number of the store in which it was seen
    holds: bool = True  # whether there is any pack in the hand
    is_long: bool = False  # against all of a shop's products


@dataclass(frozen=True)
class _Crops:
    """Examples side by side, so that all go through `logits` at once; exact enough for slopes by small steps."""

    likeness: Doubles  # [k, n], -inf where there are fewer
    evidence: Doubles  # [k, n]
    nothing: Nothing  # of [k]
    sides_px: Doubles  # [k]
    truth: NDArray[np.intp]  # [k], n = none of them
    is_none: NDArray[np.bool_]  # [k]

    @classmethod
    def of(cls, examples: Sequence[Example]) -> _Crops:
        most = max(len(each.likeness) for each in examples)
        likeness = np.full((len(examples), most), -np.inf)
        evidence = np.zeros((len(examples), most))
        for row, each in enumerate(examples):
            likeness[row, : len(each.likeness)] = each.likeness
            evidence[row, : len(each.evidence)] = each.evidence
        is_none = np.array([each.truth == len(each.likeness) for each in examples])
        nothing = np.array([each.nothing for each in examples], np.float64).T
        sides_px = np.array([each.side_px for each in examples], np.float64)
        truth = np.where(is_none, most, [each.truth for each in examples])
        return cls(likeness, evidence, Nothing(*nothing), sides_px, truth, is_none)

    def chances(self, calibration: Calibration) -> NDArray[np.float64]:
        """[k, n + 1]"""
        return probabilities(calibration, self.likeness, self.evidence, self.nothing, self.sides_px)

    def weights(self) -> NDArray[np.float64]:
        """[k], `NONE_SHARE` of them on crops of none."""
        none, known = max(self.is_none.sum(), 1), max((~self.is_none).sum(), 1)
        return np.where(self.is_none, NONE_SHARE / none, (1 - NONE_SHARE) / known)


def fit(examples: Sequence[Example], start: Calibration) -> Calibration:
    """The calibration of least surprise (log loss), and the thresholds and odds that follow from it.

    Long lists say only how sure it is which product of many it is: of none of these short ones say more (0150).
    """
    short = [each for each in examples if not each.is_long]
    direction, empty = empty_hands(short)
    crops = _Crops.of(short)
    crops = replace(crops, nothing=crops.nothing._replace(empty=empty))
    weights, rows = crops.weights(), np.arange(len(short))

    def made(numbers: NDArray[np.float64]) -> Calibration:
        values = [float(value) for value in numbers]
        s0, s1, t0, t1, others, closer, many, empty_scale, offset, size, near = values
        return replace(
            start,
            scale=(s0, s1), nothing=(t0, t1), others=others, closer=float(np.exp(closer)), many=many,
            empty_scale=float(np.exp(empty_scale)), empty=10 * offset, empty_size=size, empty_near=near,
            empty_vector=direction, sharper=1.0,
        )  # fmt: skip

    def surprise(numbers: NDArray[np.float64]) -> float:
        chances = crops.chances(made(numbers))[rows, crops.truth]
        return float((weights * -np.log(np.maximum(chances, np.exp(-_SURPRISE_MAX)))).sum())

    found: Any = minimize(surprise, np.array(_START), method="L-BFGS-B", options={"maxiter": 300})
    fitted = made(np.round(found.x, 4))
    none_at = 1 / (1 + NONE_TAKEN_COST)
    sharper = round(_sharper(fitted, [each for each in examples if each.is_long]), 3)
    return replace(fitted, none_at=round(none_at, 4), even=round(_even(fitted, crops), 3), sharper=sharper)


def _sharper(calibration: Calibration, examples: Sequence[Example]) -> float:
    """What the logits of products are to be multiplied by among themselves; 1 of no examples."""
    held = [each for each in examples if each.truth < len(each.likeness)]
    if not held:
        return 1.0
    crops = _Crops.of(held)
    values = logits(calibration, crops.likeness, crops.evidence, crops.nothing, crops.sides_px)[:, :-1]
    rows = np.arange(len(held))

    def surprise(sharper: float) -> float:
        told = sharper * values
        return float((np.logaddexp.reduce(told, axis=1) - told[rows, crops.truth]).sum())

    found: Any = minimize_scalar(surprise, bounds=_SHARPER, method="bounded")
    return float(found.x)


def empty_hands(examples: Sequence[Example]) -> tuple[tuple[float, ...], Doubles]:
    """The unit direction [128] in which empty hands differ from hands with any pack, and how far each example lies
    along it [k], as a direction says that was fitted on the other stores."""
    vectors = np.stack([each.vector for each in examples]).astype(np.float64)
    stores = np.array([each.store for each in examples])
    is_empty = np.array([not each.holds for each in examples])

    def direction(rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        empty, held = max(is_empty[rows].sum(), 1), max((~is_empty[rows]).sum(), 1)
        counts = np.where(is_empty[rows], held / empty, 1.0)
        terms = np.column_stack([vectors[rows], np.ones(rows.sum())])
        found = logistic(terms, is_empty[rows], EMPTY_RIDGE, counts)[:-1]
        return found / max(float(np.linalg.norm(found)), 1e-9)

    along = np.zeros(len(examples))
    if len(np.unique(stores)) < FOLDS:
        stores = np.arange(len(examples))
    for fold in range(FOLDS):
        rows = stores % FOLDS == fold
        along[rows] = vectors[rows] @ direction(~rows)
    every = direction(np.ones(len(examples), bool))
    return tuple(round(float(value), 4) for value in every), along


def fit_even(calibration: Calibration, examples: Sequence[Example]) -> float:
    """What log odds against "none of these" lack for all to be as likely as each other beforehand.

    One number, whatever the number of plausible products: a likelihood does not depend on its rivals.
    """
    return _even(calibration, _Crops.of(examples))


def _even(calibration: Calibration, crops: _Crops) -> float:
    values = logits(calibration, crops.likeness, crops.evidence, crops.nothing, crops.sides_px)
    odds = values[:, :-1] - values[:, -1:]
    counts = np.isfinite(odds).sum(axis=1)
    is_none = crops.is_none
    weights = np.where(
        is_none, 1 / (counts + 1) / max(is_none.sum(), 1), counts / (counts + 1) / max((~is_none).sum(), 1)
    )
    rows = np.arange(len(odds))

    def surprise(even: float) -> float:
        both = np.column_stack([odds + even, np.zeros(len(odds))])
        lost = np.logaddexp.reduce(both, axis=1) - both[rows, crops.truth]
        return float((weights * lost).sum())

    found: Any = minimize_scalar(surprise, bounds=(-5.0, 5.0), method="bounded")
    return float(found.x)
