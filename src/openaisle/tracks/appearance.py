"""What people wear, for telling them apart while they are in the shop. In memory only, by row, wiped at the exit.

A look is the mean of the unit vectors that cameras gave for that person while they stood by themselves; beside it is
kept what was seen in the last moments, of whoever it was. Both are compared within one visit and never leave this room:
no message carries them, and `forget` overwrites them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MEMORY_VIEWS: Final = 60.0  # a look follows the last so many views
LEARNING_VIEWS_MIN: Final = 4.0  # a look of fewer views says nothing
DOUBTED: Final = 0.5  # cosine below which a view is hardly of whom it is thought to be, and learned slowly:
DOUBTED_GAIN: Final = 1 / 600
NOW_VIEWS: Final = 16.0  # what was seen last is the mean of about so many views


class Looks:
    """One look a row."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._mean = np.zeros((rows, 0))
        self._views = np.zeros(rows)
        self._now = np.zeros((rows, 0))
        self._now_views = np.zeros(rows)

    def learn(self, rows: NDArray[np.int64], vectors: Floats) -> None:
        """Take in vectors [n, features] seen of people in rows [n] by themselves. All-zero vectors say nothing."""
        _learn(rows, self._fit_width(vectors), self._mean, self._views)

    def note(self, rows: NDArray[np.int64], vectors: Floats) -> None:
        """Take in vectors [n, features] of sightings that were just given to people in rows [n]."""
        _note(rows, self._fit_width(vectors), self._now, self._now_views)

    def of_now(self, rows: NDArray[np.int64], known: NDArray[np.int64]) -> Floats:
        """Cosine of what was seen last of `rows` to the looks of `known` [rows, known]; NaN where not known."""
        cosine = self.likeness(known, self._now[rows]).T
        cosine[self._now_views[rows] < NOW_VIEWS] = np.nan
        return cosine

    def exchange(self, one: int, other: int) -> None:
        """Two people were taken for each other: their looks go with them, what was seen last stays with the bodies."""
        pair, turned = [one, other], [other, one]
        self._mean[pair], self._views[pair] = self._mean[turned], self._views[turned]
        self._now_views[pair] = 0.0

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
        self._now[row] = 0.0
        self._now_views[row] = 0.0

    def _fit_width(self, vectors: Floats) -> Floats:
        # Detectors of different kinds give vectors of different widths: zeros fill up the shorter ones.
        missing = vectors.shape[1] - self._mean.shape[1]
        if missing > 0:
            self._mean = np.pad(self._mean, ((0, 0), (0, missing)))
            self._now = np.pad(self._now, ((0, 0), (0, missing)))
        return np.pad(vectors, ((0, 0), (0, -missing))) if missing < 0 else vectors


@njit(cache=True)
def _learn(rows: NDArray[np.int64], vectors: Floats, mean: Floats, views: Floats) -> None:
    """`Looks.learn` of vectors [n, features] into means [rows, features] and counts of views [rows]."""
    for index, row in enumerate(rows):
        vector, look = vectors[index], mean[row]
        if not vector.any():
            continue
        likeness = (look * vector).sum()
        doubted = DOUBTED * np.sqrt((look * look).sum() * (vector * vector).sum())
        is_doubted = views[row] >= LEARNING_VIEWS_MIN and likeness < doubted
        views[row] = min(views[row] + (0.0 if is_doubted else 1.0), MEMORY_VIEWS)
        look += (vector - look) * (DOUBTED_GAIN if is_doubted else 1 / views[row])


@njit(cache=True)
def _note(rows: NDArray[np.int64], vectors: Floats, now: Floats, views: Floats) -> None:
    """`Looks.note`, likewise."""
    for index, row in enumerate(rows):
        if vectors[index].any():
            views[row] += 1.0
            now[row] += (vectors[index] - now[row]) / min(views[row], NOW_VIEWS)
