"""Tracks as columns, one row a track, for strategies that are written in numpy."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from openaisle.tracks import image_filter

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def _rows(*shape: int) -> Floats:
    return np.zeros((0, *shape))


def _ints() -> Ints:
    return np.zeros(0, np.int64)


@dataclass
class TrackTable:
    """All columns have a row for each track, in order of ids."""

    mean: Floats = field(default_factory=lambda: _rows(4, 2))
    covariance: Floats = field(default_factory=lambda: _rows(4, 3))
    id: Ints = field(default_factory=_ints)
    label: Ints = field(default_factory=_ints)  # class
    hits: Ints = field(default_factory=_ints)  # frames with a box
    unseen: Ints = field(default_factory=_ints)  # frames since the last box
    is_confirmed: Bools = field(default_factory=lambda: np.zeros(0, bool))
    score: Floats = field(default_factory=lambda: _rows())
    box: Ints = field(default_factory=_ints)  # row of the box in this frame, or -1
    next_id: int = 1

    def __len__(self) -> int:
        return len(self.id)

    def predict(self) -> None:
        self.mean, self.covariance = image_filter.predict(self.mean, self.covariance)
        self.unseen += 1
        self.box[:] = -1

    def correct(
        self, tracks: Ints, rows: Ints, boxes: Floats, seen: Floats, *, by_score: bool = False
    ) -> None:
        """Tracks (rows of the table) get boxes (rows of `boxes`)."""
        doubt = 1.0 - boxes[rows, 4][:, None] if by_score else 1.0
        self.mean[tracks], self.covariance[tracks] = image_filter.correct(
            self.mean[tracks], self.covariance[tracks], seen[rows], doubt
        )
        self.hits[tracks] += 1
        self.unseen[tracks] = 0
        self.score[tracks] = boxes[rows, 4]
        self.box[tracks] = rows

    def begin(self, rows: Ints, boxes: Floats, seen: Floats, *, is_confirmed: bool) -> None:
        """A new track for each of these rows of `boxes`."""
        mean, covariance = image_filter.begin(seen[rows])
        count = len(rows)
        self.mean = np.concatenate([self.mean, mean])
        self.covariance = np.concatenate([self.covariance, covariance])
        self.id = np.concatenate([self.id, self.next_id + np.arange(count)])
        self.label = np.concatenate([self.label, boxes[rows, 5].astype(np.int64)])
        self.hits = np.concatenate([self.hits, np.ones(count, np.int64)])
        self.unseen = np.concatenate([self.unseen, np.zeros(count, np.int64)])
        self.is_confirmed = np.concatenate([self.is_confirmed, np.full(count, is_confirmed)])
        self.score = np.concatenate([self.score, boxes[rows, 4]])
        self.box = np.concatenate([self.box, rows])
        self.next_id += count

    def keep(self, kept: Bools) -> None:
        for name in ("mean", "covariance", "id", "label", "hits", "unseen", "is_confirmed", "score", "box"):
            setattr(self, name, getattr(self, name)[kept])

    def shown(self) -> Floats:
        """[M, 8] of confirmed tracks that have a box, as the filter has it."""
        rows = np.flatnonzero(self.is_confirmed & (self.box >= 0))
        return np.column_stack(
            [
                image_filter.boxes_of(self.mean[rows]),
                self.id[rows],
                self.score[rows],
                self.label[rows],
                self.box[rows],
            ]
        ).astype(np.float64)


def same_label(tracks: Ints, labels: Floats) -> Bools:
    """[tracks, boxes] where both are of one class."""
    return tracks[:, None] == labels[None]
