"""ByteTrack: every box is associated, sure ones first, doubtful ones with whoever is left (Zhang et al., ECCV 2022).

https://arxiv.org/abs/2110.06864. Written from the paper, with the values of its experiments on MOT17.
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


@dataclass(frozen=True, kw_only=True)
class ByteTrackSettings:
    score_sure: float = 0.6
    score_min: float = 0.1
    score_begin: float = 0.7
    overlap_sure_min: float = 0.2  # times the score, of sure boxes
    overlap_doubtful_min: float = 0.5
    overlap_new_min: float = 0.3  # times the score, of tracks that have had one box
    lost_s_max: float = 1.0


class ByteTrackStrategy:
    def __init__(self, settings: ByteTrackSettings, fps: float) -> None:
        self._settings = settings
        self._unseen_max = max(1, round(settings.lost_s_max * fps))
        self._tracks = TrackTable()
        self._is_first = True

    def step(self, boxes: Floats, look: Floats | None) -> Floats:
        """See ImageTracker.update. ByteTrack has no use for appearances."""
        settings, tracks = self._settings, self._tracks
        lost = tracks.unseen > 0
        tracks.mean[lost, 3, 1] = 0.0  # nobody grows unseen
        tracks.predict()
        seen = image_filter.measured(boxes)
        alike = image_filter.overlaps(image_filter.boxes_of(tracks.mean), boxes)
        alike *= same_label(tracks.label, boxes[:, 5])
        fused = alike * boxes[None, :, 4]
        is_sure = boxes[:, 4] >= settings.score_sure
        is_doubtful = (boxes[:, 4] >= settings.score_min) & ~is_sure
        is_free = np.ones(len(boxes), bool)

        def give(who: NDArray[np.bool_], which: NDArray[np.bool_], table: Floats, least: float) -> None:
            rows, columns = np.flatnonzero(who), np.flatnonzero(which & is_free)
            # To leave nobody alone who can be paired counts more than any overlap, as in a full assignment.
            table = table[np.ix_(rows, columns)]
            chosen = assign_dense(np.where(table >= least, 1.0 + table, 0.0))
            pairs = np.flatnonzero(chosen >= 0)
            given = columns[chosen[pairs]]
            tracks.correct(rows[pairs], given, boxes, seen)
            is_free[given] = False

        give(tracks.is_confirmed, is_sure, fused, settings.overlap_sure_min)
        was_there = tracks.is_confirmed & (tracks.box < 0) & (tracks.unseen == 1)
        give(was_there, is_doubtful, alike, settings.overlap_doubtful_min)
        give(~tracks.is_confirmed, is_sure, fused, settings.overlap_new_min)
        tracks.is_confirmed |= tracks.box >= 0
        tracks.keep((tracks.box >= 0) | (tracks.is_confirmed & (tracks.unseen <= self._unseen_max)))
        fresh = np.flatnonzero(is_free & is_sure & (boxes[:, 4] >= settings.score_begin))
        # Whoever is there in the first frame need not prove it.
        tracks.begin(fresh, boxes, seen, is_confirmed=self._is_first)
        self._is_first = False
        return tracks.shown()
