"""Floor trackers on the same scenes in one run: ours, the plainest one, and other trackers behind a step that fuses."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openaisle.bench.floor_baselines import MeanOfPoints
from openaisle.bench.floor_scenes import FloorScene
from openaisle.bench.tracking_contest import contest
from openaisle.bench.tracking_runs import Sequence as BoxSequence
from openaisle.bench.tracking_scores import ScoredSequence, Trajectories
from openaisle.core.messages import FloorTracks
from openaisle.tracks import FloorTracker
from openaisle.tracks.floor import Tracks, TracksMessage, TracksSettings

Floats = NDArray[np.float64]

OURS: Final = "openaisle"
LIVE: Final = "openaisle, live path without codes"
PLAIN: Final = "mean of feet, Hungarian, Kalman"
PEERS: Final = ("trackers SORT", "trackers ByteTrack", "trackers OC-SORT", "norfair", "boxmot OC-SORT")
PX_PER_M: Final = 100.0  # peers see fused points as boxes of one metre on a picture of the floor
_PEER_SCORE: Final = 0.9


class FollowsFloor(Protocol):
    def update(self, detections: Sequence[ArrayLike], /) -> Floats: ...


@dataclass(frozen=True)
class Followed:
    """What one tracker made of one scene."""

    places: Sequence[Floats]  # [moments] of [n, 3] x_m y_m id
    took_ms: Floats  # [moments] of processor time in `update`


def ours(scene: FloorScene, seen: Sequence[Sequence[Floats]]) -> Followed:
    return _follow(FloorTracker(scene.cameras, scene.fps), seen)


def live(scene: FloorScene) -> Followed:
    """The live path's tracks, which know the shop's shelves and what people wear; nobody shows a code."""
    assert scene.store is not None
    assert scene.frames is not None
    tracks = Tracks(scene.store, TracksSettings(report_before_end_periods=0.0))
    places = [np.zeros((0, 3)) for _ in scene.frames]
    took_ms = np.zeros(len(scene.frames))
    times_ns = np.array([frames[0].captured_ns for frames in scene.frames])
    now_ns = int(times_ns[-1])
    for moment, frames in enumerate(scene.frames):
        now_ns = max(frame.received_ns for frame in frames)
        began_s = time.process_time()
        said = tracks.step(frames, [], [], now_ns)
        took_ms[moment] = 1e3 * (time.process_time() - began_s)
        _note_places(said, times_ns, places)
    _note_places(tracks.finish(now_ns), times_ns, places)
    return Followed(places, took_ms)


def _note_places(said: Sequence[TracksMessage], times_ns: NDArray[np.int64], places: list[Floats]) -> None:
    """Everybody seen, at the moment nearest to each message."""
    for message in said:
        if isinstance(message, FloorTracks):
            is_seen = np.isfinite(message.joints_floor_m[:, :, 0]).any(axis=1)
            ids = np.array([float(track_id[1:]) for track_id in message.track_ids])
            rows = np.column_stack([message.positions_floor_m, ids])[is_seen]
            places[int(np.abs(times_ns - message.captured_ns).argmin())] = rows.astype(np.float64)


def plain(scene: FloorScene) -> Followed:
    return _follow(_plain(scene), scene.boxes)


def peers(
    python: Path, scenes: Sequence[FloorScene], report: Callable[[str, float], None]
) -> dict[str, list[Followed]]:
    """Other trackers on the points that the plain tracker makes of all cameras; those that are there."""
    corners, sequences = [], []
    for scene in scenes:
        fuse = _plain(scene)
        points = [fuse.points(moment) for moment in scene.boxes]
        every = np.concatenate(points)
        corner = every.min(axis=0) - 2.0
        size = np.ceil((np.ptp(every, axis=0) + 4.0) * PX_PER_M)
        frame = np.repeat(np.arange(1, len(points) + 1), [len(each) for each in points])
        middle = (every - corner) * PX_PER_M
        half = PX_PER_M / 2.0
        boxes = np.column_stack([middle - half, middle + half, np.full(len(middle), _PEER_SCORE)])
        corners.append(corner)
        sequences.append(
            BoxSequence(scene.name, scene.fps, int(size[0]), int(size[1]), frame, boxes, len(points))
        )
    entries, _ = contest(python, sequences, report, list(PEERS))
    made: dict[str, list[Followed]] = {}
    for entry in entries:
        made[f"{entry.label} behind mean of feet"] = [
            Followed(_on_floor(rows, corner, sequence.frames), took_ms)
            for rows, took_ms, corner, sequence in zip(entry.rows, entry.ms, corners, sequences, strict=True)
        ]
    return made


def scored(
    name: str, scene: FloorScene, followed: Followed, *, away_moments: int | None = None
) -> ScoredSequence:
    """A scene with what a tracker made of it, where the truth is known.

    With `away_moments`, a track that was away from there for longer comes back with another id.
    """
    known = [rows[scene.is_known_at(rows[:, :2])] if len(rows) else rows for rows in followed.places]
    if away_moments is not None:
        known = _renamed(known, away_moments)
    return ScoredSequence(name, _trajectories(scene.truth), _trajectories(known))


def milliseconds(followed: Sequence[Followed]) -> dict[str, float]:
    median, high = np.percentile(np.concatenate([each.took_ms for each in followed]), [50, 95])
    return {"p50": round(float(median), 2), "p95": round(float(high), 2)}


def _plain(scene: FloorScene) -> MeanOfPoints:
    """With what suits each kind of scene best, of 1, 1.5 and 2 m and of 2 and 3 views."""
    if scene.keypoints is None:
        return MeanOfPoints(scene.cameras, scene.fps, group_m=2.0, views_min=3)
    return MeanOfPoints(scene.cameras, scene.fps, group_m=1.5, views_min=2)


def _follow(tracker: FollowsFloor, seen: Sequence[Sequence[Floats]]) -> Followed:
    places: list[Floats] = []
    took_ms = np.empty(len(seen))
    for moment, arrays in enumerate(seen):
        began_s = time.process_time()
        places.append(tracker.update(arrays))
        took_ms[moment] = 1e3 * (time.process_time() - began_s)
    return Followed(places, took_ms)


def _on_floor(rows: Any, corner: Floats, moments: int) -> list[Floats]:
    middle = (rows[:, 1:3] + rows[:, 3:5]) / 2.0 / PX_PER_M + corner
    table = np.column_stack([middle, rows[:, 5]])
    edges = np.searchsorted(rows[:, 0], np.arange(1, moments + 2))
    return [table[edges[moment] : edges[moment + 1]] for moment in range(moments)]


def _renamed(places: Sequence[Floats], away: int) -> list[Floats]:
    last: dict[float, int] = {}
    names: dict[float, float] = {}
    named = 0
    renamed = []
    for moment, given in enumerate(places):
        rows = given.copy()
        for row in rows:
            who = float(row[2])
            if who not in last or moment - last[who] > away:
                named += 1
                names[who] = float(named)
            last[who] = moment
            row[2] = names[who]
        renamed.append(rows)
    return renamed


def _trajectories(rows: Sequence[Floats]) -> Trajectories:
    table = np.concatenate([each.reshape(-1, 3) for each in rows])
    frame = np.repeat(np.arange(1, len(rows) + 1), [len(each) for each in rows])
    return Trajectories(frame, table[:, 2].astype(np.int64), table[:, :2])
