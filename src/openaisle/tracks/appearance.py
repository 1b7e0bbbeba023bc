"""What people wear, for telling them apart while they are in the shop. In memory only, by row, wiped at the exit.

A look is the mean of the unit vectors that cameras gave for that person. It is compared within one visit and never
leaves this room: no message carries it, and `forget` overwrites it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MEMORY_VIEWS: Final = 60.0  # a look follows the last so many views
LEARNING_VIEWS_MIN: Final = 4.0  # a look of fewer views says nothing


class Looks:
    """One look a row."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._mean = np.zeros((rows, 0))
        self._views = np.zeros(rows)

    def learn(self, rows: NDArray[np.int64], vectors: Floats) -> None:
        """Take in vectors [n, features] seen of people in rows [n]. All-zero vectors say nothing."""
        vectors = self._fit_width(vectors)
        for row, vector in zip(rows.tolist(), vectors, strict=True):
            if vector.any():
                self._views[row] = min(self._views[row] + 1.0, MEMORY_VIEWS)
                self._mean[row] += (vector - self._mean[row]) / self._views[row]

    def likeness(self, rows: NDArray[np.int64], vectors: Floats) -> Floats:
        """Cosine of each look to each vector: [rows, n]; NaN where either is not known."""
        known = np.full((len(rows), len(vectors)), np.nan)
        if not len(rows) or not len(vectors) or not vectors.shape[1]:
            return known
        vectors = self._fit_width(vectors)
        looks = self._mean[rows]
        norms = np.linalg.norm(looks, axis=1)[:, None] * np.linalg.norm(vectors, axis=1)[None, :]
        with np.errstate(divide="ignore", invalid="ignore"):
            cosine = (looks @ vectors.T) / norms
        is_known = (self._views[rows] >= LEARNING_VIEWS_MIN)[:, None] & (norms > 0)
        known[is_known] = cosine[is_known]
        return known

    def likeness_of_rows(self, one: int, other: int) -> float:
        """Cosine of two people's looks; NaN where either is not known."""
        if min(self._views[one], self._views[other]) < LEARNING_VIEWS_MIN:
            return float("nan")
        return float(self.likeness(np.array([one]), self._mean[other][None])[0, 0])

    def move(self, source: int, target: int) -> None:
        """The person in row `source` is from now on in row `target`."""
        self._mean[target], self._views[target] = self._mean[source], self._views[source]
        self.forget(source)

    def forget(self, row: int) -> None:
        self._mean[row] = 0.0
        self._views[row] = 0.0

    def _fit_width(self, vectors: Floats) -> Floats:
        # Detectors of different kinds give vectors of different widths: zeros fill up the shorter ones.
        missing = vectors.shape[1] - self._mean.shape[1]
        if missing > 0:
            self._mean = np.pad(self._mean, ((0, 0), (0, missing)))
        return np.pad(vectors, ((0, 0), (0, -missing))) if missing < 0 else vectors
