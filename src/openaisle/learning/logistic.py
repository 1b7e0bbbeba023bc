"""Logistic regression with a ridge: one curve, or one direction, from terms to a probability."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

ROUNDS: Final = 30


def logistic(
    terms: NDArray[Any], is_true: NDArray[Any], ridge: float = 1.0, counts: NDArray[Any] | None = None
) -> NDArray[np.float64]:
    """Weights [k] of P = sigmoid(terms [n, k] @ weights), by Newton's method with a little ridge towards zero.

    `counts` [n]: how often each row counts; once where not given.
    """
    weights = np.zeros(terms.shape[1])
    x = terms.astype(float)
    times = np.ones(len(x)) if counts is None else counts
    for _ in range(ROUNDS):
        probability = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        gradient = x.T @ (times * (probability - is_true)) + ridge * weights
        spread = times * probability * (1 - probability)
        curvature = (x * spread[:, None]).T @ x + ridge * np.eye(len(weights))
        weights = weights - np.linalg.solve(curvature, gradient)
    return weights
