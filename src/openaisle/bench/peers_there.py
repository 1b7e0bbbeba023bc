"""Other trackers on our sequences. Run in the peers' environment (see peers.py): needs numpy and the peer only.

Each has its own defaults, told the frame rate where it asks for one, no picture and no appearance. What a package lacks
in this environment is reported as absent, with the reason.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from openaisle.bench.tracking_runs import Sequence, follow, unpack


class _Trackers:
    """Roboflow's `trackers` and `supervision`, which speak supervision.Detections."""

    def __init__(self, tracker: Any, method: str = "update") -> None:
        import supervision  # pyright: ignore[reportMissingImports]

        self._detections = supervision.Detections
        self._update = getattr(tracker, method)

    def prepare(self, boxes, number):
        return self._detections(
            xyxy=boxes[:, :4].astype(np.float32),
            confidence=boxes[:, 4].astype(np.float32),
            class_id=np.zeros(len(boxes), int),
        )

    def update(self, prepared):
        return self._update(prepared)

    def rows(self, returned):
        if returned.tracker_id is None or not len(returned):
            return np.empty((0, 5))
        rows = np.column_stack([returned.xyxy, returned.tracker_id])
        return rows[rows[:, 4] >= 0]


class _Norfair:
    def __init__(self, sequence: Sequence) -> None:
        import norfair  # pyright: ignore[reportMissingImports]

        self._norfair = norfair
        self._tracker = norfair.Tracker(distance_function="iou", distance_threshold=0.7)

    def prepare(self, boxes, number):
        return [
            self._norfair.Detection(points=row[:4].reshape(2, 2), scores=np.array([row[4]] * 2))
            for row in boxes
        ]

    def update(self, prepared):
        return self._tracker.update(detections=prepared)

    def rows(self, returned):
        return [[*track.estimate.ravel()[:4], track.id] for track in returned]


class _Motpy:
    def __init__(self, sequence: Sequence) -> None:
        import motpy  # pyright: ignore[reportMissingImports]

        self._motpy = motpy
        self._tracker = motpy.MultiObjectTracker(dt=1.0 / sequence.fps)
        self._numbers: dict[str, int] = {}

    def prepare(self, boxes, number):
        return [self._motpy.Detection(box=row[:4], score=float(row[4])) for row in boxes]

    def update(self, prepared):
        self._tracker.step(prepared)
        return self._tracker.active_tracks()

    def rows(self, returned):
        return [
            [*track.box, self._numbers.setdefault(track.id, len(self._numbers) + 1)] for track in returned
        ]


class _DeepSort:
    """deep-sort-realtime: it wants an appearance, so all look alike."""

    def __init__(self, sequence: Sequence) -> None:
        from deep_sort_realtime.deepsort_tracker import DeepSort  # pyright: ignore[reportMissingImports]

        self._tracker = DeepSort(embedder=None)

    def prepare(self, boxes, number):
        return [
            ([row[0], row[1], row[2] - row[0], row[3] - row[1]], float(row[4]), 0) for row in boxes
        ], np.ones((len(boxes), 2))

    def update(self, prepared):
        return self._tracker.update_tracks(prepared[0], embeds=prepared[1])

    def rows(self, returned):
        return [
            [*track.to_ltrb(), int(track.track_id)]
            for track in returned
            if track.is_confirmed() and track.time_since_update == 0
        ]


class _Boxmot:
    """boxmot: arrays in and out; without an appearance, and a black picture where one is asked for."""

    def __init__(self, name: str, sequence: Sequence, **options: Any) -> None:
        import boxmot  # pyright: ignore[reportMissingImports]

        self._tracker = getattr(boxmot, name)(**options)
        self._picture = np.zeros((sequence.height_px, sequence.width_px, 3), np.uint8)

    def prepare(self, boxes, number):
        return np.column_stack([boxes, np.zeros(len(boxes))]).astype(np.float32)

    def update(self, prepared):
        return self._tracker.update(prepared, self._picture)

    def rows(self, returned):
        return np.asarray(returned).reshape(-1, 8)[:, :5] if len(returned) else np.empty((0, 5))


def _of_trackers(name: str, **options: Any) -> Callable[[Sequence], _Trackers]:
    def build(sequence: Sequence) -> _Trackers:
        import trackers  # pyright: ignore[reportMissingImports]

        return _Trackers(getattr(trackers, name)(frame_rate=sequence.fps, **options))

    return build


def _of_supervision(sequence: Sequence) -> _Trackers:
    import supervision  # pyright: ignore[reportMissingImports]

    return _Trackers(supervision.ByteTrack(frame_rate=sequence.fps), "update_with_detections")


def _of_boxmot(name: str, **options: Any) -> Callable[[Sequence], _Boxmot]:
    return lambda sequence: _Boxmot(name, sequence, **options)


PEERS: dict[str, Callable[[Sequence], Any]] = {
    "trackers SORT": _of_trackers("SORTTracker"),
    "trackers ByteTrack": _of_trackers("ByteTrackTracker"),
    "trackers OC-SORT": _of_trackers("OCSORTTracker"),
    "trackers BoT-SORT": _of_trackers("BoTSORTTracker", enable_cmc=False),
    "trackers C-BIoU": _of_trackers("CBIoUTracker"),
    "supervision ByteTrack": _of_supervision,
    "norfair": _Norfair,
    "motpy": _Motpy,
    "deep-sort-realtime": _DeepSort,
    "boxmot ByteTrack": _of_boxmot("ByteTrack"),
    "boxmot OC-SORT": _of_boxmot("OcSort"),
    "boxmot BoT-SORT": _of_boxmot("BotSort", use_cmc=False, use_embeddings=False),
    "boxmot BoostTrack": _of_boxmot("BoostTrack", use_cmc=False),
    "boxmot SFSORT": _of_boxmot("SFSORT"),
}


def main(given: str, made: str, name: str) -> None:
    logging.disable(logging.WARNING)
    with np.load(given) as arrays:
        sequences = unpack(arrays)
    out: dict[str, Any] = {}
    try:
        PEERS[name](sequences[0])
    except ImportError as error:
        np.savez(made, absent=np.array(str(error)))
        return
    for number, sequence in enumerate(sequences):
        out[f"rows_{number}"], out[f"ms_{number}"] = follow(PEERS[name], sequence)
    np.savez(made, **out)


if __name__ == "__main__":
    main(*sys.argv[1:4])
