"""Pictures of the simulated shop, as one camera sees it: pixels, depth, and who or what is seen where.

    renderer = Renderer(store, camera, quality="live", seed=7)
    rendered = renderer.draw(scene)

What does not move is drawn once (still.py); a frame draws people and what they carry over it, with several samples a
pixel taken at different moments of the shutter's time, so edges are smooth and what moves is blurred. The same scenes
in the same order give the same bytes in every process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.sim import bodies
from openaisle.sim.labels import PersonLabel, labels
from openaisle.sim.optics import Appearance, Sensor
from openaisle.sim.packs import LIVE_PX_PER_M, PX_PER_M, Goods
from openaisle.sim.raster import Atlas, Bytes, Floats, darken_floor
from openaisle.sim.scene import BODY_JOINT_INDEX, Body, Scene
from openaisle.sim.still import (
    Canvas,
    Drawable,
    Eye,
    Rectangle,
    Samples,
    StillFixtures,
    StillPicture,
    Stock,
    clipped,
    floor_in_sight,
    floor_seen,
    joined,
    paint,
    paint_still,
)
from openaisle.store.schema import Camera, Store

SAMPLES: Final = {"live": 4, "high": 16}
# Longer ago than this, the last scene says nothing about speed.
MOTION_NS_MAX: Final = 400_000_000
_ANKLES: Final = [BODY_JOINT_INDEX[name] for name in ("left_ankle", "right_ankle")]
_TOES: Final = [BODY_JOINT_INDEX[name] for name in ("left_toe", "right_toe")]
_DISC: Final = np.stack([np.cos(np.arange(16) * np.pi / 8), np.sin(np.arange(16) * np.pi / 8)], axis=1)


@dataclass(frozen=True)
class Rendered:
    """One frame. Arrays are read-only where nothing moves: copy before writing."""

    at_ns: int
    pixels: Bytes  # [h, w, 3] BGR
    depth_m: NDArray[np.float32]  # [h, w] along the optical axis; 1e6 where nothing is
    ids: NDArray[np.int32]  # [h, w] body_id + 1 > 0, -(item_id + 1) < 0, 0 for everything else
    parts: Bytes  # [h, w] index in bodies.PARTS of the person seen there, 0 elsewhere


def id_of_body(body_id: int) -> int:
    """How a body is written in `Rendered.ids`."""
    return body_id + 1


def id_of_item(item_id: int) -> int:
    """How an item is written in `Rendered.ids`."""
    return -(item_id + 1)


class Renderer:
    """Draws what one camera sees. Keeps the picture of what does not move; not safe for several threads."""

    def __init__(
        self,
        store: Store,
        camera: Camera,
        *,
        quality: str = "live",
        seed: int,
        width_px: int | None = None,
        height_px: int | None = None,
        appearance: Appearance | None = None,
    ) -> None:
        assert quality in SAMPLES
        self.store, self.camera, self.quality = store, camera, quality
        self.appearance = appearance or Appearance.of_store(store)
        width, height = width_px or camera.lens.width_px, height_px or camera.lens.height_px
        self.lens = camera.lens.scaled(width, height)
        self.width_px, self.height_px = width, height
        self._seed = seed
        self._samples = Samples.of_count(SAMPLES[quality])
        is_fine = quality == "high" or width > 960
        self._goods = goods_of(store, PX_PER_M if is_fine else LIVE_PX_PER_M)
        self._still = StillPicture(store, camera, self.appearance, self._goods, self.lens, self._samples)
        self._sensor = Sensor(camera, self.appearance, seed, width, height)
        self._main: _MainStream | None = None
        self._work = Canvas(width, height, self._samples)
        self._moving: list[Rectangle] = []  # where the last frame differs from the still picture
        self._still_light = -1.0
        self._still_version: int | None = None
        self._still_developed = np.zeros((height, width, 3), np.uint8)
        self._developed = np.zeros((height, width, 3), np.uint8)
        self._people = People()

    def draw(self, scene: Scene) -> Rendered:
        """The frame this camera takes of `scene`. Blur comes from the way since the last scene drawn."""
        light = round(scene.light * 256) / 256
        self._refresh_still(scene, light)
        drawables = self._people.drawables(
            scene, self._still.eye, self.store, self._goods, self.appearance.shutter_s
        )
        moving = self._paint_moving(drawables, scene)
        self._develop_moving(moving, light)
        pixels = self._sensor.expose(self._developed, scene.at_ns // 1_000_000 + self._seed)
        source = self._work if moving else self._still.canvas
        depth, ids, parts = source.depth[0], source.ids, source.parts
        if moving:
            depth, ids, parts = depth.copy(), ids.copy(), parts.copy()
        return Rendered(scene.at_ns, pixels, depth, ids, parts)

    def labels(self, scene: Scene, rendered: Rendered) -> list[PersonLabel]:
        """The truth about the people in a frame that this renderer drew."""
        return labels(scene, rendered, self._still.eye)

    def background(self, scene: Scene) -> Bytes:
        """The shop without people, as this camera sees it [h, w, 3] BGR, without noise."""
        self._refresh_still(scene, round(scene.light * 256) / 256)
        return self._still_developed.copy()

    def draw_region(self, scene: Scene, rectangle_main_px: Rectangle) -> Bytes:
        """A part [h, w, 3] BGR of the main stream's frame; the rectangle is clipped to the picture."""
        if self._main is None:
            self._main = _MainStream(self.store, self.camera, self.appearance, self._seed)
        return self._main.draw(scene, rectangle_main_px)

    def _refresh_still(self, scene: Scene, light: float) -> None:
        if scene.shelf_version != self._still_version:
            dirty = self._still.update(scene)
            self._still_version = scene.shelf_version
        else:
            dirty = []
        if light != self._still_light:
            self._still_light = light
            dirty_light: list[Rectangle] = [(0, 0, self.width_px, self.height_px)]
        else:
            dirty_light = dirty
        for x1, y1, x2, y2 in dirty_light:
            resolved = self._still.canvas.resolved((x1, y1, x2, y2))
            self._still_developed[y1:y2, x1:x2] = self._sensor.develop(resolved, light, x1, y1)
            self._developed[y1:y2, x1:x2] = self._still_developed[y1:y2, x1:x2]
        for rectangle in dirty:
            self._work.copy_from(self._still.canvas, rectangle)

    def _paint_moving(self, drawables: list[Drawable], scene: Scene) -> list[Rectangle]:
        """Draw what moves over the still picture; return where."""
        for rectangle in self._moving:
            self._work.copy_from(self._still.canvas, rectangle)
            x1, y1, x2, y2 = rectangle
            self._developed[y1:y2, x1:x2] = self._still_developed[y1:y2, x1:x2]
        touched = _paint_shadows(self._work, shadow_discs(scene), self._still.floor_xy, self._still.eye)
        for drawable in drawables:
            rectangle = drawable.rectangle(self.width_px, self.height_px)
            if rectangle:
                paint(self._work, drawable, rectangle)
                touched.append(rectangle)
        self._moving = joined(touched)
        return self._moving

    def _develop_moving(self, moving: list[Rectangle], light: float) -> None:
        for x1, y1, x2, y2 in moving:
            resolved = self._work.resolved((x1, y1, x2, y2))
            self._developed[y1:y2, x1:x2] = self._sensor.develop(resolved, light, x1, y1)


class People:
    """Bodies and what they carry as drawables, with their motion since the last scene."""

    def __init__(self) -> None:
        self._atlas = Atlas()
        self._bodies: tuple[Body, ...] = ()
        self._last_ns = 0
        self._last_rings: dict[int, Floats] = {}
        self._last_items: dict[int, Floats] = {}

    def drawables(
        self, scene: Scene, eye: Eye, store: Store, goods: Goods, shutter_s: float
    ) -> list[Drawable]:
        """One drawable a body, and one for all carried items."""
        elapsed_ns = scene.at_ns - self._last_ns
        share = shutter_s * 1e9 / elapsed_ns if 0 < elapsed_ns <= MOTION_NS_MAX else 0.0
        drawn = self._drawn_bodies(scene, eye, share)
        drawn += self._drawn_items(scene, eye, store, goods, share)
        self._last_ns = scene.at_ns
        return drawn

    def _drawn_bodies(self, scene: Scene, eye: Eye, share: float) -> list[Drawable]:
        if not scene.bodies:
            self._last_rings = {}
            return []
        if scene.bodies != self._bodies:
            self._atlas, self._bodies = bodies.body_atlas(scene.bodies), scene.bodies
        posed = bodies.pose(scene.bodies, scene.joints_floor_m)
        screen = eye.project(posed.points_m)
        light = eye.illuminate(posed.points_m, posed.normals, np.ones(len(screen)))
        drawn = []
        for n, body in enumerate(scene.bodies):
            own = slice(n * bodies.VERTICES, (n + 1) * bodies.VERTICES)
            faces = slice(n * bodies.TRIANGLES, (n + 1) * bodies.TRIANGLES)
            motion = np.zeros((0, 2))
            before = self._last_rings.get(body.body_id)
            if share and before is not None:
                step = np.repeat((posed.ring_centres_m[n] - before) * share, bodies.SIDES + 1, axis=0)
                ahead = eye.project(posed.points_m[own] + step)
                motion = np.clip((ahead - screen[own])[:, :2], -64, 64)
            drawn.append(
                Drawable(
                    screen[own],
                    light[own],
                    posed.uv[: bodies.VERTICES],
                    posed.triangles[: bodies.TRIANGLES],
                    posed.textures[faces],
                    np.full(bodies.TRIANGLES, id_of_body(body.body_id), np.int32),
                    posed.parts[: bodies.TRIANGLES],
                    self._atlas,
                    is_closed=True,
                    is_sharp=True,
                    motion_px=motion,
                )
            )
        self._last_rings = {body.body_id: posed.ring_centres_m[n] for n, body in enumerate(scene.bodies)}
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
                # The whole pack moves as its middle does.
                here = stock.positions_m[n]
                two = eye.project(np.stack([here, here + (here - before) * share]))
                if (two[:, 2] > 0).all():
                    step = np.clip(two[1, :2] - two[0, :2], -64, 64)
                    object.__setattr__(drawable, "motion_px", np.tile(step, (len(drawable.screen), 1)))
            drawn.append(drawable)
        self._last_items = dict(zip(stock.item_ids.tolist(), stock.positions_m, strict=True))
        return drawn


def shadow_discs(scene: Scene) -> Floats:
    """Soft shadows on the floor [bodies, 3, 4] (x, y, radius, strength): one below the body, one below each shoe."""
    joints = scene.joints_floor_m
    soles = 0.5 * (joints[:, _ANKLES] + joints[:, _TOES])
    raised = np.clip(soles[..., 2] - 0.05, 0, None)
    discs = np.zeros((len(joints), 3, 4))
    discs[:, 0, :2] = soles[..., :2].mean(axis=1)
    discs[:, 0, 2:] = 0.55, 0.42
    discs[:, 1:, :2] = soles[..., :2]
    discs[:, 1:, 2] = 0.19 + raised
    discs[:, 1:, 3] = 0.5 / (1 + 12 * raised)
    return discs


def _paint_shadows(canvas: Canvas, discs: Floats, floor_xy: NDArray[np.float32], eye: Eye) -> list[Rectangle]:
    """Darken the floor below each body; return where."""
    touched = []
    for own in discs:
        rim = own[0, :2] + _DISC * own[0, 2]
        screen = eye.project(np.column_stack([rim, np.zeros(len(rim))]))
        seen = screen[screen[:, 2] > 0, :2] - (canvas.left, canvas.top)
        if len(seen) == 0:
            continue
        low, high = np.floor(seen.min(axis=0)).astype(int), np.ceil(seen.max(axis=0)).astype(int) + 1
        rectangle = clipped((low[0], low[1], high[0], high[1]), canvas.width, canvas.height)
        if rectangle:
            darken_floor(canvas.colour, floor_xy, own, *rectangle)
            touched.append(rectangle)
    return touched


class _MainStream:
    """Regions of the camera's large picture, drawn when asked for."""

    def __init__(self, store: Store, camera: Camera, appearance: Appearance, seed: int) -> None:
        lens = camera.lens.scaled(camera.main_width_px, camera.main_height_px)
        self._store, self._camera, self._lens = store, camera, lens
        self._appearance, self._seed = appearance, seed
        self._goods = goods_of(store, PX_PER_M)
        self._eye = Eye(store, camera, appearance, lens)
        self._fixtures = StillFixtures(store, appearance, self._eye)
        self._sensor = Sensor(camera, appearance, seed, lens.width_px, lens.height_px)
        self._people = People()
        self._samples = Samples.of_count(4)
        self._stock: Stock | None = None
        self._version: int | None = None

    def draw(self, scene: Scene, rectangle_main_px: Rectangle) -> Bytes:
        region = clipped(rectangle_main_px, self._eye.width_px, self._eye.height_px)
        if region is None:
            return np.zeros((0, 0, 3), np.uint8)
        if self._stock is None or self._version != scene.shelf_version:
            self._stock = Stock.of_scene(scene, self._store, self._goods, self._eye, in_hand=False)
            self._version = scene.shelf_version
        left, top, right, bottom = region
        canvas = Canvas(right - left, bottom - top, self._samples, left, top)
        whole = (0, 0, canvas.width, canvas.height)
        paint_still(canvas, self._fixtures, self._stock, self._goods, self._eye, whole)
        points, along = floor_seen(self._camera, self._lens, region)
        _paint_shadows(canvas, shadow_discs(scene), floor_in_sight(points, along, canvas.depth), self._eye)
        shutter_s = self._appearance.shutter_s
        for drawable in self._people.drawables(scene, self._eye, self._store, self._goods, shutter_s):
            paint(canvas, drawable, whole)
        developed = self._sensor.develop(canvas.resolved(whole), scene.light, left, top)
        return self._sensor.expose(developed, scene.at_ns // 1_000_000 + self._seed)


_GOODS: Final[dict[tuple[int, float], tuple[Store, Goods]]] = {}
_GOODS_MAX: Final = 6


def goods_of(store: Store, px_per_m: float) -> Goods:
    """The meshes and textures of a store's goods, shared by all its cameras in this process."""
    key = (id(store), px_per_m)
    if key not in _GOODS:
        if len(_GOODS) >= _GOODS_MAX:
            del _GOODS[next(iter(_GOODS))]
        _GOODS[key] = (store, Goods(store, px_per_m))
    return _GOODS[key][1]
