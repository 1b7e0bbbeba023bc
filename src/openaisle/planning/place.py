"""Where the cameras of a shop hang: candidates, integer programme, and what comes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from openaisle.core.errors import PlanRefused
from openaisle.planning.candidates import TILT_UP_M_MIN, Candidates, candidates_of
from openaisle.planning.catalogue import CameraModel, camera_models
from openaisle.planning.costs import CostTable, camera_cost_usd
from openaisle.planning.proof import Drawn, Proof, proof_of
from openaisle.planning.scope import Scope
from openaisle.planning.solve import Chosen, choose, repaired
from openaisle.planning.targets import Targets, targets_of
from openaisle.store.coverage import Bools
from openaisle.store.polygons import signed_area
from openaisle.store.schema import Camera, Gondola, Point2, Store

TIME_SHARES: Final = (0.5, 0.3, 0.2)  # of the seconds, for one integer programme after the other
ROUNDS_MAX: Final = 8  # programmes, then repairs
UNDRAWN_DEARER: Final = 1.03  # a camera whose pictures are not known yet, once some are
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
    is_optimal_there: bool
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
    have = np.asarray(candidates.satisfies.sum(axis=0)).ravel()
    is_short = have < targets.needed
    short: dict[str, list[str]] = {}
    for row in np.flatnonzero(is_short):
        short.setdefault(targets.kinds[row], []).append(targets.names[row])
    costs = np.array([camera_cost_usd(model, table) for model in candidates.models])
    needed = np.minimum(targets.needed, have).astype(np.int64)
    chosen, shown, drawn, taken_back = _proven(
        store, targets, candidates, needed, costs, seconds, scope.placement.cameras_max, progress
    )
    columns = chosen.columns
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
        cost_usd=round(chosen.cost, 2),
        bound_usd=round(chosen.bound, 2),
        gap=round(chosen.gap, 4),
        taken_back=taken_back,
        candidates=len(candidates.cameras),
        rows=len(targets),
        columns_in_programme=chosen.columns_seen,
        is_optimal_there=chosen.is_optimal_there,
        mount_height_m=height_m,
        needs=dict(Counter(targets.kinds)),
        short={kind: list(dict.fromkeys(names)) for kind, names in short.items()},
    )
    return (
        replace(store, cameras=cameras),
        placement,
        targets,
        proof_of(targets, shown[order], drawn.pictures),
    )


def _proven(
    store: Store,
    targets: Targets,
    candidates: Candidates,
    needed: NDArray[np.int64],
    costs: NDArray[np.float64],
    seconds: float,
    count_max: int | None,
    progress: Callable[[str], None],
) -> tuple[Chosen, Bools, Drawn, int]:
    """A placement whose pictures show every row `needed` times, what they show [columns, rows], and views taken back.

    After every placement its new cameras are drawn. Each integer programme knows what was taken back before; cameras
    that were drawn already are a little cheaper to it, so that it comes to an end. What it leaves open is repaired.
    """
    table = sparse.csr_matrix(candidates.satisfies, dtype=np.float64)
    drawn = Drawn(store, targets)
    shown: dict[int, Bools] = {}
    taken_back, bound = 0, 0.0
    chosen: Chosen | None = None
    for round_ in range(ROUNDS_MAX):
        if chosen is None or round_ < len(TIME_SHARES):
            dearer = costs.copy()
            if shown:
                dearer[np.setdiff1d(np.arange(len(costs)), list(shown))] *= UNDRAWN_DEARER
            start = None if chosen is None else chosen.columns
            share = seconds * TIME_SHARES[round_]
            found = choose(table, needed, dearer, share, count_max, start, progress)
            # Costs were raised by no more than that, so the least true cost is at least this.
            bound = max(bound, found.bound / (UNDRAWN_DEARER if shown else 1.0))
            columns, seen, is_optimal = found.columns, found.columns_seen, found.is_optimal_there
        else:
            columns, seen, is_optimal = (
                repaired(table, needed, costs, chosen.columns), chosen.columns_seen, False,
            )  # fmt: skip
        fresh = [int(column) for column in columns if int(column) not in shown]
        for number, column in enumerate(fresh, start=1):
            progress(f"ray casting: camera {number} of {len(fresh)}")
            span = slice(table.indptr[column], table.indptr[column + 1])
            planned = np.zeros(len(targets), bool)
            planned[table.indices[span]] = table.data[span] > 0
            shown[column] = drawn.rows(candidates.cameras[column], planned)
            table.data[span] = shown[column][table.indices[span]]
            taken_back += int(planned.sum() - shown[column].sum())
        table.eliminate_zeros()
        # Where not even all candidates are enough any more, as many as there are must do.
        needed = np.minimum(needed, np.asarray(table.sum(axis=0)).ravel()).astype(np.int64)
        chosen = Chosen(
            columns=columns,
            cost=float(costs[columns].sum()),
            bound=bound,
            columns_seen=seen,
            is_optimal_there=is_optimal,
        )
        if (sum(shown[int(column)].astype(np.int64) for column in columns) >= needed).all():
            break
    assert chosen is not None
    return chosen, np.stack([shown[int(column)] for column in chosen.columns]), drawn, taken_back


def mount_height_m(store: Store, scope: Scope) -> float:
    """How high cameras hang: as the scope says, as far as the ceiling allows. PlanRefused if that is too low."""
    height_m = min(scope.placement.mount_height_m, store.ceiling_height_m - CLOSE_M)
    highest = max(store.gondolas, key=lambda gondola: gondola.height_m)
    least_m = highest.height_m + TILT_UP_M_MIN
    if height_m < least_m:
        raise PlanRefused(
            f"the ceiling is too low: cameras would hang at {height_m:.2f} m, over shelving of {highest.height_m:.2f} m",
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
