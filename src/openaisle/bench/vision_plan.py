"""How many cores a shop's cameras need, from costs measured in the same run and the people that each camera sees.

Shoppers stand anywhere on the free floor with equal chance; somebody is in a camera's view where it sees their hips,
chest or head past shelving and walls. The number in view is then binomial, and a frame costs what frames with so many
people cost here on average. What is counted is seeing; decoding the streams comes on top.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.stats import binom

from openaisle.core.errors import InputError
from openaisle.store.coverage import views_of_points
from openaisle.store.load import load_store
from openaisle.store.schema import Store

GRID_M: Final = 0.25
BODY_HEIGHTS_M: Final = (0.9, 1.3, 1.6)
FLOOR_M2_A_SHOPPER: Final = 8.0
BUSY_SHARE_MAX: Final = 0.7
"""Of a core: what is left is for moments that are worse than the average."""
GPU_FPS: Final = 30.0


@dataclass(frozen=True, kw_only=True)
class PlanSettings:
    store: Store
    peak_shoppers: int | None  # None: one per FLOOR_M2_A_SHOPPER of free floor
    gpu: Mapping[str, Any] | None  # a result of `vision_gpu`

    @classmethod
    def of(cls, store: str, peak_shoppers: int | None, gpu_result: Path | None) -> PlanSettings:
        """Raises StoreError for a store, InputError for a result that cannot be read."""
        gpu = None
        if gpu_result is not None:
            expected = "what `openaisle bench speed --provider cuda --json` printed"
            try:
                gpu = json.loads(gpu_result.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise InputError("no result", file=str(gpu_result), expected=expected, found=error) from error
            if not isinstance(gpu, dict) or "networks_ms_a_frame" not in gpu:
                raise InputError("no result of a GPU", file=str(gpu_result), expected=expected)
        return cls(store=load_store(store), peak_shoppers=peak_shoppers, gpu=gpu)


def plan(settings: PlanSettings, measured: Mapping[str, Any]) -> dict[str, Any]:
    """From `vision_speed.measure`'s result: cores, memory, GPUs, and the busiest cameras."""
    store = settings.store
    floor = _free_floor_m(store)
    shoppers = settings.peak_shoppers or max(1, round(len(floor) * GRID_M**2 / FLOOR_M2_A_SHOPPER))
    shares = _seen_shares(store, floor)
    cost_ms = _cost_of_people(measured["ours_ms_mean"], shoppers)
    counts = np.arange(shoppers + 1)
    frame_ms = np.array([binom.pmf(counts, shoppers, share) @ cost_ms for share in shares])
    fps = np.array([camera.fps for camera in store.cameras])
    busy = float((fps * frame_ms).sum() / 1e3)
    cores = math.ceil(busy / BUSY_SHARE_MAX)
    memory = measured["memory"]
    worst = np.argsort(-shares, kind="stable")[:3]
    result: dict[str, Any] = {
        "store": store.store_id,
        "cameras": len(store.cameras),
        "frames_per_second": round(float(fps.sum()), 1),
        "free_floor_m2": round(len(floor) * GRID_M**2, 1),
        "shoppers": shoppers,
        "people_in_view_mean": round(float((shares * shoppers).mean()), 2),
        "ms_a_frame_mean": round(float((fps * frame_ms).sum() / fps.sum()), 2),
        "cores_busy": round(busy, 2),
        "cores": cores,
        "cores_when_empty": math.ceil(float(fps.sum()) * cost_ms[0] / 1e3 / BUSY_SHARE_MAX),
        "cameras_per_core": round(len(store.cameras) / cores, 1),
        "memory_mb": round(cores * memory["networks_mb"] + len(store.cameras) * memory["a_camera_mb"], 0),
        "busiest": {
            store.cameras[index].camera_id: round(float(shares[index] * shoppers), 2) for index in worst
        },
    }
    if settings.gpu is not None:
        # The GPU was measured with so many people in every frame: it is not asked for more than that on average.
        a_second = float(fps.sum()) * settings.gpu["networks_ms_a_frame"] / 1e3
        result["gpus"] = math.ceil(a_second / BUSY_SHARE_MAX)
    return result


def _free_floor_m(store: Store) -> NDArray[np.float64]:
    """Points [n, 2] of a grid on the floor where somebody can stand."""
    outline = shapely.Polygon(store.plan_floor_m)
    left, low, right, high = outline.bounds
    x, y = np.meshgrid(np.arange(left + GRID_M / 2, right, GRID_M), np.arange(low + GRID_M / 2, high, GRID_M))
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    shelving = shapely.union_all([shapely.Polygon(each.footprint_floor_m) for each in store.gondolas])
    free = shapely.difference(outline, shelving)
    return points[shapely.contains_xy(free, points[:, 0], points[:, 1])]


def _seen_shares(store: Store, floor_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """[cameras]: on which share of the floor [n, 2] somebody stands in its view."""
    seen = np.zeros((len(store.cameras), len(floor_m)), bool)
    for height_m in BODY_HEIGHTS_M:
        points = np.column_stack([floor_m, np.full(len(floor_m), height_m)])
        seen |= views_of_points(store.cameras, points, store.gondolas, store.walls_floor_m)
    return seen.mean(axis=1)


def _cost_of_people(ms_by_count: Mapping[str, float | None], people_max: int) -> NDArray[np.float64]:
    """ms [people_max + 1] of a frame with 0, 1, 2 ... people: between the measured numbers, and on beyond the last."""
    known = [(int(count), ms) for count, ms in ms_by_count.items() if ms is not None]
    if len(known) < 2:
        raise InputError("too few frames to plan from", field="--seconds", expected="more", found=ms_by_count)
    counts, costs = (np.array(each, np.float64) for each in zip(*sorted(known), strict=True))
    slope = (costs[-1] - costs[-2]) / (counts[-1] - counts[-2])
    wanted = np.arange(people_max + 1, dtype=np.float64)
    return np.interp(wanted, counts, costs) + slope * np.maximum(wanted - counts[-1], 0.0)


def lines(result: Mapping[str, Any]) -> list[str]:
    """For people to read."""
    busiest = ", ".join(f"{camera} {people}" for camera, people in result["busiest"].items())
    rows = [
        f"plan of {result['store']}: {result['cameras']} cameras, {result['frames_per_second']:g} frames a second, "
        f"{result['shoppers']} shoppers on {result['free_floor_m2']:g} m2 of free floor",
        f"  in view of a camera on average {result['people_in_view_mean']}; most: {busiest}",
        f"  {result['ms_a_frame_mean']} ms a frame; {result['cores_busy']} cores busy, so {result['cores']} cores "
        f"({result['cameras_per_core']} cameras a core), {result['cores_when_empty']} when nobody is there",
        f"  memory {result['memory_mb']:g} MB with a process a core; decoding not counted",
    ]
    if "gpus" in result:
        rows.append(f"  or {result['gpus']} GPUs for the networks")
    return rows
