"""What moves from frame to frame: people and what they carry, as one camera sees them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from openaisle.sim import bodies
from openaisle.sim.clothes import TEXTURES, body_atlas
from openaisle.sim.packs import Goods
from openaisle.sim.raster import Atlas, Floats, Ints
from openaisle.sim.scene import Body, Scene
from openaisle.sim.still import Drawable, Eye, Stock, id_of_body
from openaisle.store.schema import Store

# Longer ago than this, the last scene says nothing about speed.
MOTION_NS_MAX: Final = 400_000_000
MOTION_PX_MAX: Final = 64.0
_ALL_LIGHT: Final = np.ones(bodies.VERTICES)
_FLESH_M: Final = 0.3  # from a joint to the surface, bag and hair included


class MovingThings:
    """Poses bodies and places carried goods; keeps where they were, for their motion while the shutter is open."""

    def __init__(self, shutter_s: float, *, sees_all: bool = False) -> None:
        """`sees_all`: pose those out of the picture too, because their shadows may fall into it."""
        self.surfaces: list[
            tuple[Floats, Ints]
        ] = []  # points [n, 3] and triangles [m, 3] of the bodies posed last
        self._shutter_ns = shutter_s * 1e9
        self._sees_all = sees_all
        self._atlas = Atlas()
        self._bodies: tuple[Body, ...] = ()
        self._last_ns = 0
        self._last_rings: dict[int, Floats] = {}
        self._last_items: dict[int, Floats] = {}

    def drawables(self, scene: Scene, eye: Eye, store: Store, goods: Goods) -> list[Drawable]:
        """One drawable a body in sight, then one a carried item."""
        elapsed_ns = scene.at_ns - self._last_ns
        share = self._shutter_ns / elapsed_ns if 0 < elapsed_ns <= MOTION_NS_MAX else 0.0
        drawn = self._drawn_bodies(scene, eye, share) + self._drawn_items(scene, eye, store, goods, share)
        self._last_ns = scene.at_ns
        return drawn

    def forget(self) -> None:
        """Nothing was drawn before: what is drawn next stands still."""
        self._last_rings, self._last_items = {}, {}

    def _drawn_bodies(self, scene: Scene, eye: Eye, share: float) -> list[Drawable]:
        joints = scene.joints_floor_m
        near = eye.may_see(joints.reshape(-1, 3), np.full(joints.shape[0] * joints.shape[1], _FLESH_M))
        seen = np.flatnonzero(near.reshape(joints.shape[:2]).any(axis=1) | self._sees_all).tolist()
        if not seen:
            self._last_rings, self.surfaces = {}, []
            return []
        if scene.bodies != self._bodies:
            self._atlas, self._bodies = body_atlas(scene.bodies), scene.bodies
        posed = bodies.pose(scene.bodies, joints)
        triangles, parts = posed.triangles[: bodies.TRIANGLES], posed.parts[: bodies.TRIANGLES]
        drawn, rings = [], {}
        self.surfaces = []
        for row in seen:
            own = slice(row * bodies.VERTICES, (row + 1) * bodies.VERTICES)
            points, rings[scene.bodies[row].body_id] = posed.points_m[own], posed.ring_centres_m[row]
            screen = eye.project(points)
            light = eye.illuminate(points, posed.normals[own], _ALL_LIGHT)
            body_id = scene.bodies[row].body_id
            motion = np.zeros((0, 2))
            before = self._last_rings.get(body_id)
            if share and before is not None:
                step = np.repeat((posed.ring_centres_m[row] - before) * share, bodies.SIDES + 1, axis=0)
                ahead = eye.project(points + step)
                # A vertex behind the camera has no place in the picture, so it moves by nothing.
                is_ahead = (ahead[:, 2:] > 0) & (screen[:, 2:] > 0)
                motion = np.clip((ahead - screen)[:, :2] * is_ahead, -MOTION_PX_MAX, MOTION_PX_MAX)
            drawn.append(
                Drawable(
                    screen,
                    light,
                    posed.uv[: bodies.VERTICES],
                    triangles,
                    posed.textures[: bodies.TRIANGLES] + np.int32(row * len(TEXTURES)),
                    np.full(bodies.TRIANGLES, id_of_body(body_id), np.int32),
                    parts,
                    self._atlas,
                    is_closed=True,
                    is_sharp=True,
                    motion_px=motion,
                )
            )
            self.surfaces.append((points, triangles))
        self._last_rings = rings
        return drawn

    def _drawn_items(
        self, scene: Scene, eye: Eye, store: Store, goods: Goods, share: float
    ) -> list[Drawable]:
        if not scene.item_in_hand.any():
            self._last_items = {}
            return []
        stock = Stock.of_scene(scene, store, goods, eye, in_hand=True)
        drawn = []
        for n, item_id in enumerate(stock.item_ids.tolist()):
            drawable = stock.drawable(np.array([n]), goods, eye)
            before = self._last_items.get(item_id)
            if share and before is not None:
                # The whole pack moves as its foot does.
                here = stock.positions_m[n]
                two = eye.project(np.stack([here, here + (here - before) * share]))
                if (two[:, 2] > 0).all():
                    step = np.clip(two[1, :2] - two[0, :2], -MOTION_PX_MAX, MOTION_PX_MAX)
                    drawable = replace(drawable, motion_px=np.tile(step, (len(drawable.screen), 1)))
            drawn.append(drawable)
        self._last_items = dict(zip(stock.item_ids.tolist(), stock.positions_m, strict=True))
        return drawn
