"""How well and how fast people are followed on the floor: what `openaisle bench tracking` measures of FloorTracker.

Points are matched at 1 m for MOTA and IDF1; HOTA is over similarities of 0.05 to 0.95, where 1 m is 0.5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np

from openaisle.bench.floor_contest import (
    LIVE,
    OURS,
    PLAIN,
    Followed,
    live,
    milliseconds,
    ours,
    peers,
    plain,
    scored,
)
from openaisle.bench.floor_scenes import PETS_SCORE_MIN, FloorScene, market, pets, seen_by, shop
from openaisle.bench.tracking_scores import WHOLE, score

Report = Callable[[str, float], None]

PEOPLE: Final = (6, 12, 25)
SHOPS: Final = 3
SHOP_MOMENTS: Final = 300
PIXEL_MOMENTS: Final = 200
MARKET_MOMENTS: Final = 100
MARKET_CURVE: Final = {15: (124,), 30: (124,), 60: (15, 30, 60, 124)}
"""People -> through how many cameras."""
AWAY_S: Final = 1.0


def measure_floor(python: Path, data: Path, report: Report) -> dict[str, Any]:
    """PETS 2009 S2.L1 in `data`: real detections of 7 views.

    In its truth whoever leaves the first view's picture and comes back is somebody else, although other views saw them
    all the while. So figures are given twice: as annotated, and with tracks renamed in the same way.
    """
    scene = pets(data / "pets2009_s2l1")
    report("openaisle", 0.0)
    runs = {OURS: [ours(scene, scene.boxes)], PLAIN: [plain(scene)], **peers(python, [scene], report)}
    figures = {}
    for naming, away in (("as_annotated", None), ("renamed", round(AWAY_S * scene.fps))):
        sequences = [scored(name, scene, followed[0], away_moments=away) for name, followed in runs.items()]
        table = score(python, sequences)
        figures[naming] = {name: table[name] for name in runs}
    return {
        "scene": scene.name,
        "views": len(scene.cameras),
        "moments": len(scene.boxes),
        "people": len({who for rows in scene.truth for who in rows[:, 2].tolist()}),
        "score_min": PETS_SCORE_MIN,
        "renamed_after_s": AWAY_S,
        "figures": figures,
        "update_ms": {name: milliseconds(followed) for name, followed in runs.items()},
    }


def measure_shops(python: Path, seed: int, report: Report) -> dict[str, Any]:
    """Simulated shops of 50 m2 under 8 ceiling cameras, from boxes alone and from keypoints."""
    crowds = {}
    for number, people in enumerate(PEOPLE):
        scenes: dict[int, FloorScene] = {}
        for shop_seed in range(seed, seed + 2 * SHOPS):
            report(f"{people} people, shop {shop_seed}", (number + len(scenes) / SHOPS) / len(PEOPLE))
            # JuPedSim pushes somebody through a wall of a full shop now and then, and gives up.
            with suppress(RuntimeError):
                scenes[shop_seed] = shop(shop_seed, people, SHOP_MOMENTS)
            if len(scenes) == SHOPS:
                break
        crowds[str(people)] = _contest_of_shops(python, scenes, report)
    return {"seeds": [seed, seed + SHOPS - 1], "moments": SHOP_MOMENTS, "people": crowds}


def _contest_of_shops(python: Path, scenes_of: dict[int, FloorScene], report: Report) -> dict[str, Any]:
    """All contestants on the scenes, which are given by seed."""
    scenes = list(scenes_of.values())
    runs = {
        f"{OURS}, keypoints": [ours(scene, scene.keypoints or ()) for scene in scenes],
        LIVE: [live(scene) for scene in scenes],
        f"{OURS}, boxes": [ours(scene, scene.boxes) for scene in scenes],
        PLAIN: [plain(scene) for scene in scenes],
        **peers(python, scenes, report),
    }
    return {
        "seeds": list(scenes_of),
        "people_mean": round(float(np.mean([scene.people_mean for scene in scenes])), 1),
        "contestants": {name: _of_shops(python, scenes, followed) for name, followed in runs.items()},
    }


def measure_pixels(python: Path, seed: int, report: Report) -> dict[str, Any]:
    """The same shops drawn, seen by the networks that ship, and followed: pixels in the loop."""
    crowds = {}
    for number, people in enumerate(PEOPLE):
        report(f"{people} people, drawn", number / len(PEOPLE))
        scene = shop(seed, people, PIXEL_MOMENTS, is_drawn=True)
        runs = {f"{OURS}, keypoints": [ours(scene, scene.keypoints or ())], LIVE: [live(scene)]}
        crowds[str(people)] = {
            "people_mean": round(scene.people_mean, 1),
            "sightings_mean": round(scene.sightings_mean, 1),
            "contestants": {name: _of_shops(python, [scene], followed) for name, followed in runs.items()},
        }
    return {"seeds": [seed, seed], "moments": PIXEL_MOMENTS, "people": crowds}


def measure_market(python: Path, seed: int, report: Report) -> dict[str, Any]:
    """The shipped market from keypoints: the cost of a moment over cameras and people, against how long it lasts."""
    curve = []
    for number, (people, cameras) in enumerate(MARKET_CURVE.items()):
        report(f"{people} people in the market", number / len(MARKET_CURVE))
        whole = market(people, MARKET_MOMENTS, seed)
        curve += [_cost(python, seen_by(whole, count)) for count in cameras]
    return {"seed": seed, "moments": MARKET_MOMENTS, "curve": curve}


def _cost(python: Path, scene: FloorScene) -> dict[str, Any]:
    followed = ours(scene, scene.keypoints or ())
    figures = score(python, [scored(scene.name, scene, followed)])[WHOLE]
    median_ms = float(np.median(followed.took_ms))
    return {
        "cameras": len(scene.cameras),
        "people_mean": round(scene.people_mean, 1),
        "sightings_mean": round(scene.sightings_mean, 1),
        "update_ms": milliseconds([followed]),
        "us_per_sighting": round(1e3 * median_ms / max(scene.sightings_mean, 1.0), 1),
        "times_real_time": round(1e3 / scene.fps / median_ms, 1),
        **{name: figures[name] for name in ("hota", "mota", "idf1", "switches")},
    }


def _of_shops(python: Path, scenes: Sequence[FloorScene], followed: Sequence[Followed]) -> dict[str, Any]:
    sequences = [scored(scene.name, scene, one) for scene, one in zip(scenes, followed, strict=True)]
    table = score(python, sequences)
    hota_of_each = [table[scene.name]["hota"] for scene in scenes]
    return {**table[WHOLE], "hota_of_each": hota_of_each, "update_ms": milliseconds(followed)}


def floor_lines(measured: dict[str, Any]) -> Iterator[str]:
    yield f"{measured['scene']}: {measured['views']} views, {measured['moments']} moments, matched at 1 m"
    for naming, table in measured["figures"].items():
        for name, figures in table.items():
            yield f"  {naming:13} {name:44} {_words(figures)}, {measured['update_ms'][name]['p50']} ms"


def shops_lines(measured: dict[str, Any]) -> Iterator[str]:
    for people, crowd in measured["people"].items():
        seeds = crowd.get("seeds", measured["seeds"])
        yield (
            f"shops {seeds[0]}-{seeds[-1]}, up to {people} people ({crowd['people_mean']} on average), "
            f"{measured['moments']} moments each, matched at 1 m"
        )
        for name, figures in crowd["contestants"].items():
            yield f"  {name:44} {_words(figures)}, {figures['update_ms']['p50']} ms"


def market_lines(measured: dict[str, Any]) -> Iterator[str]:
    for row in measured["curve"]:
        yield (
            f"market: {row['cameras']} cameras, {row['people_mean']} people, {row['sightings_mean']} sightings: "
            f"{row['update_ms']['p50']} ms a moment (p95 {row['update_ms']['p95']}), {row['us_per_sighting']} us a "
            f"sighting, {row['times_real_time']} times real time; {_words(row)}"
        )


def _words(figures: dict[str, Any]) -> str:
    return (
        f"HOTA {figures['hota']:.1f}, MOTA {figures['mota']:.1f}, IDF1 {figures['idf1']:.1f}, "
        f"{figures['switches']} switches"
    )
