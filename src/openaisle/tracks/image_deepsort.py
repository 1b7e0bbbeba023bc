"""DeepSORT, and StrongSORT which changed four things in it.

DeepSORT (Wojke, Bewley & Paulus, ICIP 2017, https://arxiv.org/abs/1703.07402): appearances decide among those whom
motion allows, most recently seen tracks first; what is left, by overlap. StrongSORT (Du et al., IEEE TMM 2023,
https://arxiv.org/abs/2202.13514): one assignment instead of the cascade, motion counts a little in it, an appearance
is a running average, and sure boxes move the filter more (NSA). Its camera motion needs pictures and is left out.
Without appearances, motion takes their place (the paper's lambda is 1). Written from the papers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openaisle.tracks import image_filter
from openaisle.tracks.assignment import assign_dense
from openaisle.tracks.image_table import TrackTable, same_label

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class DeepSortSettings:
    score_min: float = 0.3
    look_distance_max: float = 0.2  # cosine
    overlap_min: float = 0.3
    hits_min: int = 3  # boxes in a row before a track is shown
    unseen_max: int = 30  # frames
    looks_max: int = 100  # kept of each track, the newest


@dataclass(frozen=True, kw_only=True)
class StrongSortSettings:
    score_min: float = 0.6
    look_distance_max: float = 0.45
    overlap_min: float = 0.3
    hits_min: int = 3
    unseen_max: int = 30
    motion_share: float = 0.02  # of the cost; the rest is appearance
    look_keep: float = 0.9  # of the running average, each frame


class DeepSortStrategy:
    """Both, by their settings."""

    def __init__(self, settings: DeepSortSettings | StrongSortSettings) -> None:
        self._settings = settings
        self._is_strong = isinstance(settings, StrongSortSettings)
        self._tracks = TrackTable()
        # [tracks, kept, d] and how many were put there; StrongSORT keeps one.
        self._looks = np.zeros((0, 0, 0))
        self._look_counts = np.zeros(0, np.int64)

    def step(self, boxes: Floats, look: Floats | None) -> Floats:
        """See ImageTracker.update."""
        settings, tracks = self._settings, self._tracks
        is_open = boxes[:, 4] >= settings.score_min
        numbers = np.flatnonzero(is_open)
        boxes = boxes[numbers]
        look = None if look is None else look[numbers]
        self._make_room(look)
        tracks.predict()
        seen = image_filter.measured(boxes)
        allowed = same_label(tracks.label, boxes[:, 5])
        motion = image_filter.squared_distances(tracks.mean, tracks.covariance, seen) / image_filter.CHI2_95
        benefit = self._benefits(motion, look) * ((motion <= 1.0) & allowed)
        is_free = np.ones(len(boxes), bool)
        for who in self._in_turn():
            self._give(who, is_free, benefit, boxes, seen)
        alike = image_filter.overlaps(image_filter.boxes_of(tracks.mean), boxes) * allowed
        alike = np.where(alike >= settings.overlap_min, 1.0 + alike, 0.0)
        left = (tracks.box < 0) & (~tracks.is_confirmed | (tracks.unseen == 1))
        self._give(left, is_free, alike, boxes, seen)
        self._remember(look)
        tracks.is_confirmed |= tracks.hits >= settings.hits_min
        stays = (tracks.box >= 0) | (tracks.is_confirmed & (tracks.unseen <= settings.unseen_max))
        tracks.keep(stays)
        self._looks, self._look_counts = self._looks[stays], self._look_counts[stays]
        fresh = np.flatnonzero(is_free)
        tracks.begin(fresh, boxes, seen, is_confirmed=settings.hits_min <= 1)
        self._begin_looks(fresh, look)
        rows = tracks.shown()
        rows[:, 7] = numbers[rows[:, 7].astype(np.int64)]
        return rows

    def _in_turn(self) -> list[Bools]:
        """Who chooses: DeepSORT's cascade by frames unseen, or everybody at once."""
        tracks = self._tracks
        if self._is_strong:
            return [tracks.is_confirmed]
        return [
            tracks.is_confirmed & (tracks.unseen == unseen)
            for unseen in np.unique(tracks.unseen[tracks.is_confirmed])
        ]

    def _benefits(self, motion: Floats, look: Floats | None) -> Floats:
        """[tracks, boxes] above 0 where appearance (or motion, without one) allows."""
        if look is None or not self._looks.size:
            return np.maximum(2.0 - motion, 0.0)
        settings = self._settings
        distance = 1.0 - (self._looks @ look.T).max(axis=1)
        is_alike = distance <= settings.look_distance_max
        share = settings.motion_share if isinstance(settings, StrongSortSettings) else 0.0
        cost = (1.0 - share) * distance + share * motion
        return np.where(is_alike, np.maximum(3.0 - cost, 1e-6), 0.0)

    def _give(self, who: Bools, is_free: Bools, benefit: Floats, boxes: Floats, seen: Floats) -> None:
        rows, columns = np.flatnonzero(who & (self._tracks.box < 0)), np.flatnonzero(is_free)
        if not len(rows) or not len(columns):
            return
        chosen = assign_dense(np.ascontiguousarray(benefit[np.ix_(rows, columns)]))
        pairs = np.flatnonzero(chosen >= 0)
        given = columns[chosen[pairs]]
        self._tracks.correct(rows[pairs], given, boxes, seen, by_score=self._is_strong)
        is_free[given] = False

    def _remember(self, look: Floats | None) -> None:
        tracks = np.flatnonzero(self._tracks.box >= 0)
        if look is None or not len(tracks):
            return
        new = look[self._tracks.box[tracks]]
        settings = self._settings
        if isinstance(settings, StrongSortSettings):
            mixed = settings.look_keep * self._looks[tracks, 0] + (1.0 - settings.look_keep) * new
            length = np.linalg.norm(mixed, axis=1, keepdims=True)
            self._looks[tracks, 0] = mixed / np.where(length > 0.0, length, 1.0)
        else:
            self._looks[tracks, self._look_counts[tracks] % settings.looks_max] = new
        self._look_counts[tracks] += 1

    def _begin_looks(self, fresh: Ints, look: Floats | None) -> None:
        new = np.zeros((len(fresh), *self._looks.shape[1:]))
        if look is not None:
            new[:, 0] = look[fresh]
        self._looks = np.concatenate([self._looks, new])
        self._look_counts = np.concatenate([self._look_counts, np.ones(len(fresh), np.int64)])

    def _make_room(self, look: Floats | None) -> None:
        """Appearances may come later than the first tracks."""
        if look is not None and look.shape[1] != self._looks.shape[2]:
            kept = 1 if isinstance(self._settings, StrongSortSettings) else self._settings.looks_max
            self._looks = np.zeros((len(self._tracks), kept, look.shape[1]))
