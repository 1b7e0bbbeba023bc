"""Are the views there? Asked of the renderer's depth pictures of the stocked shop, not of the planner's geometry.

For every place where somebody stands before a facing a body is put there, and every camera that should see the facing
draws the scene: a point counts as seen where the picture's depth says that nothing is nearer than the point. Gates and
walkways are looked at without people.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import msgspec
import numpy as np

from openaisle.core.geometry import Floats
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


class _Eyes:
    """The renderer of one camera at a time, and the people put before it."""

    def __init__(self, store: Store, stocked: Scene) -> None:
        self.store = store
        self.stocked = stocked
        self.pictures = 0
        self._renderer: Renderer | None = None
        self._bodies = Bodies(2)
        body = draw_body(np.random.default_rng(SEED), 1)
        self._people = tuple(replace(body, body_id=number, height_m=TALL_M, girth=1.0) for number in (1, 2))

    def seen(self, camera: Camera, points_floor_m: Floats, standing: Floats, yaw_rad: float) -> Bools:
        """[points]: which points [points, 3] the camera's picture shows with people at `standing` [people, 2]."""
        if self._renderer is None:
            self._renderer = Renderer(self.store, camera, seed=SEED)
        for row, (x, y) in enumerate(standing):
            self._bodies.reset(row, self._people[row], float(x), float(y), yaw_rad)
        rows = np.arange(len(standing))
        scene = replace(
            self.stocked,
            bodies=self._people[: len(standing)],
            joints_floor_m=self._bodies.joints_floor_m(rows, 0.0, 1.0),
        )
        depth_m = self._renderer.draw(scene).depth_m
        self.pictures += 1
        pixels = camera.project(points_floor_m)
        ahead_m = camera.camera_from_floor.apply(points_floor_m)[:, 2]
        column, row = (np.nan_to_num(pixels[:, axis], nan=-9.0).round().astype(int) for axis in (0, 1))
        inside = (column >= 0) & (row >= 0) & (column < depth_m.shape[1]) & (row < depth_m.shape[0])
        column, row = np.where(inside, column, 0), np.where(inside, row, 0)
        return inside & (depth_m[row, column] >= ahead_m - NEARER_M)

    def forget(self) -> None:
        """The next camera is another."""
        self._renderer = None


class Drawn:
    """Asks the renderer, camera by camera, which rows its pictures really show."""

    def __init__(self, store: Store, targets: Targets) -> None:
        self._targets = targets
        shop = SimulatedShop(store, plan_day(store, visit_count=1, seed=SEED))
        self._eyes = _Eyes(store, shop.scene(with_items=True))
        kinds = np.array(targets.kinds)
        self._floor = np.isin(kinds, ("gate", "walk"))
        self._groups = _groups(targets)

    @property
    def pictures(self) -> int:
        return self._eyes.pictures

    def rows(self, camera: Camera, planned: Bools) -> Bools:
        """[rows]: which of the rows `planned` [rows] its pictures show. Somebody who passes is taken on trust."""
        targets = self._targets
        shown = planned.copy()
        rows = np.flatnonzero(planned & self._floor)
        if len(rows):
            points = targets.points_floor_m[rows, 0]
            shown[rows] = self._eyes.seen(camera, points, np.zeros((0, 2)), 0.0)
        for group in self._groups:
            rows = group[planned[group]]
            if len(rows) == 0:
                continue
            people = targets.people_floor_m[rows[0]]
            people = people[~np.isnan(people[:, 0])]
            normal = targets.normals_floor[rows[0]]
            yaw_rad = float(np.arctan2(-normal[1], -normal[0]))
            points = targets.points_floor_m[rows].reshape(-1, 3)
            shown[rows] = self._eyes.seen(camera, points, people, yaw_rad).reshape(-1, 3).all(axis=1)
        self._eyes.forget()
        return shown


def proof_of(targets: Targets, shown: Bools, pictures: int) -> Proof:
    """From what the pictures of all cameras show [cameras, rows]."""
    kinds = np.array(targets.kinds)
    views = shown.sum(axis=0)
    facing, beside, floor = kinds == "facing", kinds == "beside", np.isin(kinds, ("gate", "walk"))
    enough = views >= targets.needed
    names = np.array(targets.names)
    return Proof(
        facings=int(facing.sum()),
        facings_seen=int(enough[facing].sum()),
        facings_missed=tuple(str(name) for name in names[facing & ~enough]),
        views_of_facings=tuple(int(count) for count in np.bincount(views[facing])),
        beside=int(beside.sum()),
        beside_seen=int(enough[beside].sum()),
        floor_points=int(floor.sum()),
        floor_seen=int(enough[floor].sum()),
        floor_missed=tuple(dict.fromkeys(str(name) for name in names[floor & ~enough])),
        pictures=pictures,
    )


def _groups(targets: Targets) -> list[np.ndarray]:
    """Rows of facings with the same people before them, in order."""
    groups: dict[bytes, list[int]] = {}
    for row, kind in enumerate(targets.kinds):
        if kind in ("facing", "beside"):
            key = np.round(targets.people_floor_m[row], 2).tobytes()
            groups.setdefault(key, []).append(row)
    return [np.array(rows) for rows in groups.values()]
