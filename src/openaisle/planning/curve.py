"""How many cameras are enough: exact simulated receipts of placed cameras and of plain grids, over their number."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from openaisle.planning.catalogue import CameraModel, camera_models
from openaisle.planning.costs import CostTable
from openaisle.planning.expected import Expected, expect
from openaisle.planning.folder import PlanFolder
from openaisle.planning.place import mount_height_m, place
from openaisle.planning.scope import ARTICLE_CAMERAS_A_M2, Scope
from openaisle.store.polygons import contains, signed_area
from openaisle.store.schema import Camera, Point2, Store
from openaisle.store.write import write_store

GRID_MODEL: Final = "2mp-90"
GRIDS: Final = {"grid, straight down": 88.0, "grid, tilted": 45.0}
"""A plain grid's tilt, degrees below the horizon. A tilted one looks north, east, south, west in turn."""


class CurvePoint(msgspec.Struct, frozen=True, kw_only=True):
    """One set of cameras."""

    way: str
    cameras: int
    visits: int
    exact: int
    exact_rate: float
    line_f1: float
    overcharged: int
    digest: str


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """All points, of the same simulated visits."""

    area_m2: float
    visits: int
    seed: int
    article_cameras: int  # at the article's density
    points: tuple[CurvePoint, ...]


def draw_points(
    folder: PlanFolder,
    table: CostTable,
    *,
    views: Sequence[int],
    grids: Sequence[int],
    visits: int,
    seed: int,
    seconds: float,
    jobs: int,
    say: Callable[[str], None],
) -> Curve:
    """Placements with `views` views of everything, and grids: of `grids` cameras, or of as many as the placements have
    and as the article's density gives.
    """
    scope, store = folder.scope(), folder.store()
    area_m2 = signed_area(store.plan_floor_m)
    dense = round(area_m2 * ARTICLE_CAMERAS_A_M2)
    shops: list[tuple[str, Store]] = []
    for count in views:
        say(f"placing cameras for {count} views")
        asked = scope.model_copy(
            update={"placement": scope.placement.model_copy(update={"views_min": count, "cameras_max": None})}
        )
        shops.append(("planned", place(replace(store, cameras=()), asked, table, seconds=seconds)[0]))
    counts = sorted(set(grids) or {*(len(shop.cameras) for _, shop in shops), dense})
    for way, tilt_deg in GRIDS.items():
        shops += [
            (way, replace(store, cameras=grid_cameras(store, scope, count, tilt_deg))) for count in counts
        ]
    points: list[CurvePoint] = []
    for way, shop in shops:
        say(f"{way}: {len(shop.cameras)} cameras, {visits} visits")
        home = folder.path / "curve" / f"{way.replace(', ', '-').replace(' ', '-')}-{len(shop.cameras)}"
        points.append(_point(way, shop, home, scope, visits, seed, jobs))
        say(f"{way}: {len(shop.cameras)} cameras: {points[-1].exact_rate:.1%}")
    return Curve(
        area_m2=round(area_m2, 2), visits=visits, seed=seed, article_cameras=dense, points=tuple(points)
    )


def grid_cameras(store: Store, scope: Scope, count: int, tilt_deg: float) -> tuple[Camera, ...]:
    """`count` equal cameras in a plain grid over the floor."""
    model = next(model for model in camera_models() if model.model_id == GRID_MODEL)
    height_m = mount_height_m(store, scope)
    return tuple(
        _in_grid(model, number, (x, y, height_m), tilt_deg)
        for number, (x, y) in enumerate(_grid(store, count))
    )


def _in_grid(
    model: CameraModel, number: int, position: tuple[float, float, float], tilt_deg: float
) -> Camera:
    return model.at(position, 90.0 * (number % 4), tilt_deg, f"cam-{number + 1}")


def _grid(store: Store, count: int) -> list[Point2]:
    """The coarsest grid with at least `count` places on the floor; of its places `count`, spread evenly."""
    outline = store.plan_floor_m
    low, high = np.array(outline).min(axis=0), np.array(outline).max(axis=0)
    wide_m, deep_m = (float(side) for side in high - low)
    for columns in range(1, 200):
        rows = max(1, round(columns * deep_m / wide_m))
        places = [
            (
                round(float(low[0]) + wide_m * (column + 0.5) / columns, 2),
                round(float(low[1]) + deep_m * (row + 0.5) / rows, 2),
            )
            for row in range(rows)
            for column in range(columns)
        ]
        inside = [place for place in places if contains(outline, place)]
        if len(inside) >= count:
            return [inside[math.floor((index + 0.5) * len(inside) / count)] for index in range(count)]
    raise AssertionError("no grid is that fine")


def _point(way: str, shop: Store, home: Path, scope: Scope, visits: int, seed: int, jobs: int) -> CurvePoint:
    write_store(shop, home)
    expected: Expected = expect(home, scope, visits=visits, seed=seed, vision="skeleton", jobs=jobs)
    return CurvePoint(
        way=way,
        cameras=len(shop.cameras),
        visits=expected.visits,
        exact=expected.exact_receipts,
        exact_rate=expected.exact_rate,
        line_f1=expected.line_f1,
        overcharged=expected.overcharged_visits,
        digest=expected.digest,
    )
