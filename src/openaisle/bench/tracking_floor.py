"""How well and how fast people are followed on the floor: what `openaisle bench tracking` measures of FloorTracker."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openaisle.bench.floor_baselines import MeanOfPoints
from openaisle.bench.floor_scenes import FloorScene, market, pets, shop
from openaisle.bench.tracking_scores import WHOLE, ScoredSequence, Trajectories, score
from openaisle.tracks import FloorTracker

Floats = NDArray[np.float64]

PEOPLE: Final = (6, 12, 25)
SHOPS: Final = 3
SHOP_MOMENTS: Final = 300
MARKET_MOMENTS: Final = 100
MARKET_CURVE: Final = ((15, 60), (30, 60), (60, 60), (124, 15), (124, 30), (124, 60))
"""(cameras, people)"""
OURS: Final = "openaisle"
AWAY_S: Final = 1.0  # who was away from where the truth is known for longer has come back


class _Tracker(Protocol):
    def update(self, detections: Sequence[ArrayLike], /) -> Floats: ...


def floor_report(python: Path, folder: Path) -> dict[str, Any]:
    """PETS 2009 S2.L1, real detections of 7 views, matched at 1 m (`folder`: of the recording)."""
    scene = pets(folder)
    runs = {name: _follow(scene, build, scene.boxes) for name, build in _from_boxes().items()}
    figures: dict[str, dict[str, Any]] = {}
    for is_renamed in (False, True):
        sequences = [
            _sequence(name, scene, places, is_renamed=is_renamed) for name, (places, _) in runs.items()
        ]
        figures["renamed" if is_renamed else "as_annotated"] = score(python, sequences)
    return {
        "part": "floor",
        "scene": scene.name,
        "views": len(scene.cameras),
        "moments": len(scene.boxes),
        "score_min": 0.5,
        "update_ms": {name: _milliseconds(took) for name, (_, took) in runs.items()},
        "figures": {naming: {name: table[name] for name in runs} for naming, table in figures.items()},
        "naming": {
            "as_annotated": "who leaves the first view's picture and comes back has a new id in the truth",
            "renamed": f"tracks that were away from that picture for over {AWAY_S:g} s get a new id as well",
        },
    }


def shops_report(
    python: Path, *, first_seed: int, report: Callable[[int], None] = lambda _: None
) -> dict[str, Any]:
    """Simulated shops of 50 m2 with 8 ceiling cameras: from boxes alone, then from keypoints."""
    figures: dict[str, dict[str, Any]] = {}
    done = 0
    for people in PEOPLE:
        scenes = []
        for seed in range(first_seed, first_seed + SHOPS):
            scenes.append(shop(seed, people, SHOP_MOMENTS))
            done += 1
            report(done)
        contestants = {f"{name}, boxes": (build, False) for name, build in _from_boxes().items()}
        contestants[f"{OURS}, keypoints"] = (_ours, True)
        rows: dict[str, Any] = {}
        for name, (build, from_keypoints) in contestants.items():
            sequences, took = [], []
            for scene in scenes:
                seen = scene.keypoints if from_keypoints else scene.boxes
                assert seen is not None
                places, spent = _follow(scene, build, seen)
                sequences.append(_sequence(scene.name, scene, places))
                took.append(spent)
            scored = score(python, sequences)
            each = {scene.name: scored[scene.name]["hota"] for scene in scenes}
            rows[name] = {
                **scored[WHOLE],
                "hota_of_each": each,
                "update_ms": _milliseconds(np.concatenate(took)),
            }
        figures[str(people)] = {
            "people_mean": round(float(np.mean([scene.people_mean for scene in scenes])), 1),
            "contestants": rows,
        }
    return {
        "part": "shops",
        "seeds": [first_seed, first_seed + SHOPS - 1],
        "moments": SHOP_MOMENTS,
        "people": figures,
    }


def market_report(
    python: Path, *, seed: int, report: Callable[[int], None] = lambda _: None
) -> dict[str, Any]:
    """The shipped market from keypoints: cost of one moment over cameras and people, against the 100 ms it lasts."""
    rows: list[dict[str, Any]] = []
    for done, (cameras, people) in enumerate(MARKET_CURVE):
        scene = market(people, cameras, MARKET_MOMENTS, seed)
        assert scene.keypoints is not None
        places, took = _follow(scene, _ours, scene.keypoints)
        figures = score(python, [_sequence(scene.name, scene, places)])[scene.name]
        per_sighting = float(np.median(took)) / max(scene.sightings_mean, 1.0)
        rows.append(
            {
                "cameras": len(scene.cameras),
                "people_mean": round(scene.people_mean, 1),
                "sightings_mean": round(scene.sightings_mean, 1),
                "update_ms": _milliseconds(took),
                "us_per_sighting": round(1e3 * per_sighting, 1),
                "times_real_time": round(1e3 / scene.fps / float(np.median(took)), 1),
                "hota": figures["hota"],
                "mota": figures["mota"],
                "switches": figures["switches"],
            }
        )
        report(done + 1)
    return {"part": "market", "seed": seed, "moments": MARKET_MOMENTS, "curve": rows}


def _ours(scene: FloorScene) -> _Tracker:
    return FloorTracker(scene.cameras, scene.fps)


def _from_boxes() -> dict[str, Callable[[FloorScene], _Tracker]]:
    return {
        OURS: _ours,
        "mean of feet": lambda scene: MeanOfPoints(scene.cameras, scene.fps, uses_heads=False),
        "mean of head and feet": lambda scene: MeanOfPoints(scene.cameras, scene.fps, uses_heads=True),
    }


def _follow(
    scene: FloorScene, build: Callable[[FloorScene], _Tracker], seen: Sequence[Sequence[Floats]]
) -> tuple[list[Floats], Floats]:
    """Places [n, 3] x_m y_m id of each moment, and the milliseconds of processor time of each `update`."""
    tracker = build(scene)
    places: list[Floats] = []
    took_ms = np.empty(len(seen))
    for moment, arrays in enumerate(seen):
        began_s = time.process_time()
        places.append(tracker.update(arrays))
        took_ms[moment] = 1e3 * (time.process_time() - began_s)
    return places, took_ms


def _sequence(
    name: str, scene: FloorScene, places: Sequence[Floats], *, is_renamed: bool = False
) -> ScoredSequence:
    known = [rows[scene.is_known_at(rows[:, :2])] if len(rows) else rows for rows in places]
    if is_renamed:
        known = _renamed(known, round(AWAY_S * scene.fps))
    return ScoredSequence(name, _trajectories(scene.truth), _trajectories(known))


def _renamed(places: Sequence[Floats], away: int) -> list[Floats]:
    """Ids that are missing for more than `away` moments come back as others."""
    last: dict[float, int] = {}
    names: dict[float, float] = {}
    count = 0.0
    renamed = []
    for moment, rows in enumerate(places):
        rows = rows.copy()
        for row in rows:
            who = float(row[2])
            if who not in last or moment - last[who] > away:
                count += 1.0
                names[who] = count
            last[who] = moment
            row[2] = names[who]
        renamed.append(rows)
    return renamed


def _trajectories(rows: Sequence[Floats]) -> Trajectories:
    table = np.concatenate([each.reshape(-1, 3) for each in rows])
    frame = np.repeat(np.arange(1, len(rows) + 1), [len(each) for each in rows])
    return Trajectories(frame, table[:, 2].astype(np.int64), table[:, :2])


def _milliseconds(took_ms: Floats) -> dict[str, float]:
    median, high = np.percentile(took_ms, [50, 95])
    return {"p50": round(float(median), 2), "p95": round(float(high), 2)}
