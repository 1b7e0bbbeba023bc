"""Are the views there? Asked of the renderer's depth pictures of the stocked shop, not of the planner's geometry.

For every place where somebody stands before a facing a body is put there, and every camera that should see the facing
draws the scene: a point counts as seen where the picture's depth says that nothing is nearer than the point. Gates and
walkways are looked at without people.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import msgspec
import numpy as np

from openaisle.core.geometry import Floats
from openaisle.planning.candidates import satisfied_by
from openaisle.planning.targets import Targets
from openaisle.sim.people import draw_body
from openaisle.sim.pose import Bodies
from openaisle.sim.render import Renderer
from openaisle.sim.scene import Scene
from openaisle.sim.scripts import plan_day
from openaisle.sim.shop import SimulatedShop
from openaisle.store.coverage import Bools
from openaisle.store.schema import Camera, Store

NEARER_M: Final = 0.06  # what is nearer than a point by less than this does not hide it
SEED: Final = 9100
TALL_M: Final = 1.75  # of the bodies that stand there


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What the pictures said."""

    facings: int
    facings_seen: int  # by as many cameras as asked, past the shopper who reaches
    facings_missed: tuple[str, ...]  # slot ids
    views_of_facings: tuple[int, ...]  # how many facings have 0, 1, 2, ... views
    beside: int  # somebody stands at either side as well
    beside_seen: int
    floor_points: int  # of gates and walkways
    floor_seen: int
    floor_missed: tuple[str, ...]
    pictures: int  # drawn for all this


@dataclass
class _Eyes:
    """The renderers of the cameras, made when first needed."""

    store: Store
    stocked: Scene
    pictures: int = 0

    def __post_init__(self) -> None:
        self._renderers: dict[str, Renderer] = {}
        self._bodies = Bodies(2)
        body = draw_body(np.random.default_rng(SEED), 1)
        self._people = tuple(replace(body, body_id=number, height_m=TALL_M, girth=1.0) for number in (1, 2))

    def seen(self, camera: Camera, points_floor_m: Floats, standing: Floats, yaw_rad: float) -> Bools:
        """[points]: which points [points, 3] the camera's picture shows with people at `standing` [people, 2]."""
        if camera.camera_id not in self._renderers:
            self._renderers[camera.camera_id] = Renderer(self.store, camera, seed=SEED)
        for row, (x, y) in enumerate(standing):
            self._bodies.reset(row, self._people[row], float(x), float(y), yaw_rad)
        rows = np.arange(len(standing))
        scene = replace(
            self.stocked,
            bodies=self._people[: len(standing)],
            joints_floor_m=self._bodies.joints_floor_m(rows, 0.0, 1.0),
        )
        depth_m = self._renderers[camera.camera_id].draw(scene).depth_m
        self.pictures += 1
        pixels = camera.project(points_floor_m)
        ahead_m = camera.camera_from_floor.apply(points_floor_m)[:, 2]
        column, row = (np.nan_to_num(pixels[:, axis], nan=-9.0).round().astype(int) for axis in (0, 1))
        inside = (column >= 0) & (row >= 0) & (column < depth_m.shape[1]) & (row < depth_m.shape[0])
        column, row = np.where(inside, column, 0), np.where(inside, row, 0)
        return inside & (depth_m[row, column] >= ahead_m - NEARER_M)


def prove(
    store: Store, targets: Targets, progress: Callable[[int, int], None] = lambda done, of: None
) -> Proof:
    """Draw and count. Only cameras that satisfy a row by the planner's geometry are asked about it."""
    planned = satisfied_by(store, targets, store.cameras)
    shop = SimulatedShop(store, plan_day(store, visit_count=1, seed=SEED))
    eyes = _Eyes(store, shop.scene(with_items=True))
    kinds = np.array(targets.kinds)
    floor = np.flatnonzero(np.isin(kinds, ("gate", "walk")))
    views = np.zeros(len(targets), np.int64)
    groups = _groups(targets)
    steps = len(groups) + len(store.cameras)
    for number, camera in enumerate(store.cameras):
        progress(number, steps)
        rows = floor[planned[number, floor]]
        if len(rows):
            views[rows] += eyes.seen(camera, targets.points_floor_m[rows, 0], np.zeros((0, 2)), 0.0)
    for number, rows in enumerate(groups, start=len(store.cameras)):
        progress(number, steps)
        people = targets.people_floor_m[rows[0]]
        people = people[~np.isnan(people[:, 0])]
        normal = targets.normals_floor[rows[0]]
        yaw_rad = float(np.arctan2(-normal[1], -normal[0]))
        for index in np.flatnonzero(planned[:, rows].any(axis=1)):
            asked = rows[planned[index, rows]]
            points = targets.points_floor_m[asked]
            seen = eyes.seen(store.cameras[index], points.reshape(-1, 3), people, yaw_rad)
            views[asked] += seen.reshape(-1, 3).all(axis=1)
    facing, beside = kinds == "facing", kinds == "beside"
    enough = views >= targets.needed
    names = np.array(targets.names)
    return Proof(
        facings=int(facing.sum()),
        facings_seen=int(enough[facing].sum()),
        facings_missed=tuple(str(name) for name in names[facing & ~enough]),
        views_of_facings=tuple(int(count) for count in np.bincount(views[facing])),
        beside=int(beside.sum()),
        beside_seen=int(enough[beside].sum()),
        floor_points=len(floor),
        floor_seen=int(enough[floor].sum()),
        floor_missed=tuple(dict.fromkeys(str(name) for name in names[floor[~enough[floor]]])),
        pictures=eyes.pictures,
    )


def _groups(targets: Targets) -> list[np.ndarray]:
    """Rows of facings with the same people before them, in order."""
    groups: dict[bytes, list[int]] = {}
    for row, kind in enumerate(targets.kinds):
        if kind in ("facing", "beside"):
            key = np.round(targets.people_floor_m[row], 2).tobytes()
            groups.setdefault(key, []).append(row)
    return [np.array(rows) for rows in groups.values()]
