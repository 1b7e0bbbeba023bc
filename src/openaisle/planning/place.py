"""Where the cameras of a shop hang: candidates, integer programme, and what comes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import msgspec
import numpy as np

from openaisle.core.errors import PlanRefused
from openaisle.planning.candidates import TILT_UP_M_MIN, Candidates, candidates_of
from openaisle.planning.catalogue import CameraModel, camera_models
from openaisle.planning.costs import CostTable, camera_cost_usd
from openaisle.planning.proof import Proof, proof_of
from openaisle.planning.scope import Scope
from openaisle.planning.search import Search
from openaisle.planning.targets import Targets, targets_of
from openaisle.store.polygons import signed_area
from openaisle.store.schema import Camera, Gondola, Point2, Store

CLOSE_M: Final = 0.05  # to the ceiling, a camera's foot


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """What `plan place` found."""

    cameras: int
    models: dict[str, int]  # model id -> how many
    model_of: dict[str, str]  # camera id -> model id
    area_m2: float
    cost_usd: float  # of the cameras, hung and connected, at the middle of every price
    bound_usd: float  # no choice of these candidates costs less
    gap: float  # (cost - bound) / cost
    taken_back: int  # views that the geometry promised and the pictures did not show
    candidates: int
    rows: int
    columns_in_programme: int
    mount_height_m: float
    needs: dict[str, int]  # kind of row -> how many rows
    short: dict[str, list[str]]  # kind -> names that not even all candidates together could see often enough

    @property
    def cameras_per_m2(self) -> float:
        return self.cameras / self.area_m2


def place(
    store: Store,
    scope: Scope,
    table: CostTable,
    *,
    seconds: float,
    models: Sequence[CameraModel] | None = None,
    progress: Callable[[str], None] = lambda words: None,
) -> tuple[Store, Placement, Targets, Proof]:
    """The shop with cameras, what was found on the way, what they must see, and what their pictures show of it.

    Where a picture does not show what the geometry promised, the promise is taken back and cameras are added.

    PlanRefused if cameras cannot hang there, or more are needed than may be.
    """
    height_m = mount_height_m(store, scope)
    models = models or camera_models()
    targets = targets_of(store, scope.placement)
    candidates = candidates_of(
        store,
        targets,
        models,
        height_m,
        progress=lambda done, of: progress(f"candidates: place {done + 1} of {of}"),
    )
    costs = np.array([camera_cost_usd(model, table) for model in candidates.models])
    search = Search(store, targets, candidates, costs, progress)
    search.run(seconds, scope.placement.cameras_max)
    columns = search.columns
    short: dict[str, list[str]] = {}
    for row in np.flatnonzero(search.is_short):
        short.setdefault(targets.kinds[row], []).append(targets.names[row])
    most = scope.placement.cameras_max
    if most is not None and len(columns) > most:
        raise PlanRefused(
            f"{most} cameras do not see enough; the best placement found needs {len(columns)}",
            field="placement.cameras_max",
            expected=f"{len(columns)} or more, or a lower facing_px_per_m or views_min",
            found=most,
        ).at(store.plan_floor_m)
    order = sorted(range(len(columns)), key=lambda index: _place_order(candidates.cameras[columns[index]]))
    cameras, model_of = _numbered(candidates, [columns[index] for index in order])
    placement = Placement(
        cameras=len(cameras),
        models=dict(sorted(Counter(model_of.values()).items())),
        model_of=model_of,
        area_m2=round(signed_area(store.plan_floor_m), 2),
        cost_usd=round(search.cost, 2),
        bound_usd=round(search.bound, 2),
        gap=round(max(0.0, search.cost - search.bound) / search.cost, 4),
        taken_back=search.taken_back,
        candidates=len(candidates.cameras),
        rows=len(targets),
        columns_in_programme=search.columns_in_programme,
        mount_height_m=height_m,
        needs=dict(Counter(targets.kinds)),
        short={kind: list(dict.fromkeys(names)) for kind, names in short.items()},
    )
    return (
        replace(store, cameras=cameras),
        placement,
        targets,
        proof_of(targets, search.shown()[order], search.pictures),
    )


def mount_height_m(store: Store, scope: Scope) -> float:
    """How high cameras hang: as the scope says, as far as the ceiling allows. PlanRefused if that is too low."""
    height_m = min(scope.placement.mount_height_m, store.ceiling_height_m - CLOSE_M)
    highest = max(store.gondolas, key=lambda gondola: gondola.height_m)
    least_m = highest.height_m + TILT_UP_M_MIN
    if height_m < least_m:
        raise PlanRefused(
            f"the ceiling is too low: cameras would hang at {height_m:.2f} m, shelving is {highest.height_m:.2f} m",
            field="shop.ceiling_height_m",
            expected=f"{least_m + CLOSE_M:.2f} m or more, or lower shelving than gondola {highest.gondola_id}",
            found=store.ceiling_height_m,
        ).at(outline_of_gondola(highest))
    return round(height_m, 2)


def outline_of_gondola(gondola: Gondola) -> list[Point2]:
    """Its corners on the floor."""
    return [(float(x), float(y)) for x, y in gondola.footprint_floor_m]


def _place_order(camera: Camera) -> tuple[float, float, float, float]:
    """From south to north, west to east."""
    x, y, _ = camera.position_floor_m
    return (round(y, 1), x, camera.pan_deg, camera.tilt_deg)


def _numbered(candidates: Candidates, columns: Sequence[int]) -> tuple[tuple[Camera, ...], dict[str, str]]:
    """Cameras with ids in the order of `columns`, and the model of each."""
    cameras = tuple(
        replace(candidates.cameras[column], camera_id=f"cam-{number}")
        for number, column in enumerate(columns, start=1)
    )
    model_of = {
        camera.camera_id: candidates.models[column].model_id
        for camera, column in zip(cameras, columns, strict=True)
    }
    return cameras, model_of
