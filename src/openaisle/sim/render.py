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

from openaisle.sim.labels import PersonLabel, labels
from openaisle.sim.moving import MovingThings
from openaisle.sim.optics import Appearance, Sensor
from openaisle.sim.packs import LIVE_PX_PER_M, PX_PER_M, Goods
from openaisle.sim.raster import Bytes
from openaisle.sim.scene import Scene
from openaisle.sim.shadows import around_disc, paint_cast, paint_discs, shadow_discs
from openaisle.sim.still import (
    Canvas,
    Eye,
    Rectangle,
    Samples,
    StillFixtures,
    StillPicture,
    Stock,
    clipped,
    floor_in_sight,
    floor_seen,
    id_of_body,
    id_of_item,
    joined,
    paint,
    paint_still,
)
from openaisle.store.schema import Camera, Store

__all__ = ["Rendered", "Renderer", "goods_of", "id_of_body", "id_of_item"]

_CONTACT_ONLY: Final = np.array([1.0, 1.0, 1.0, 0.4])  # where the lamps' own shadows are drawn too
SAMPLES: Final = {"live": 4, "high": 16}


@dataclass(frozen=True)
class Rendered:
    """One frame. Arrays are read-only where nothing moves: copy before writing."""

    at_ns: int
    pixels: Bytes  # [h, w, 3] BGR
    depth_m: NDArray[np.float32]  # [h, w] along the optical axis; 1e6 where nothing is
    ids: NDArray[np.int32]  # [h, w] body_id + 1 > 0, -(item_id + 1) < 0, 0 for everything else
    parts: Bytes  # [h, w] index in bodies.PARTS of the person seen there, 0 elsewhere


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
        self._moving_things = MovingThings(self.appearance.shutter_s, sees_all=quality == "high")

    def draw(self, scene: Scene) -> Rendered:
        """The frame this camera takes of `scene`. Blur comes from the way since the last scene drawn."""
        light = round(scene.light * 256) / 256
        self._refresh_still(scene, light)
        moving = self._paint_moving(scene)
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

    def draw_region(self, scene: Scene, rectangle_main_px: Rectangle, before: Scene | None = None) -> Bytes:
        """A part [h, w, 3] BGR of the main stream's frame; the rectangle is clipped to the picture.

        `before`: what the frame before it showed, for the blur of what moves; without it nothing does.
        """
        if self._main is None:
            self._main = _MainStream(self.store, self.camera, self.appearance, self._seed)
        return self._main.draw(scene, rectangle_main_px, before)

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

    def _paint_moving(self, scene: Scene) -> list[Rectangle]:
        """Draw what moves over the still picture; return where."""
        for rectangle in self._moving:
            self._work.copy_from(self._still.canvas, rectangle)
            x1, y1, x2, y2 = rectangle
            self._developed[y1:y2, x1:x2] = self._still_developed[y1:y2, x1:x2]
        eye, floor_xy = self._still.eye, self._still.floor_xy
        drawables = self._moving_things.drawables(scene, eye, self.store, self._goods)
        if self.quality == "high":
            touched = paint_cast(self._work, self._moving_things.surfaces, floor_xy, eye)
            touched += paint_discs(self._work, shadow_discs(scene) * _CONTACT_ONLY, floor_xy, eye)
        else:
            touched = paint_discs(self._work, shadow_discs(scene), floor_xy, eye)
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


class _MainStream:
    """Regions of the camera's large picture, drawn when asked for."""

    def __init__(self, store: Store, camera: Camera, appearance: Appearance, seed: int) -> None:
        lens = camera.lens.scaled(camera.main_width_px, camera.main_height_px)
        self._store, self._camera, self._lens = store, camera, lens
        self._seed = seed
        self._goods = goods_of(store, PX_PER_M)
        self._eye = Eye(store, camera, appearance, lens)
        self._fixtures = StillFixtures(store, appearance, self._eye)
        self._sensor = Sensor(camera, appearance, seed, lens.width_px, lens.height_px)
        self._moving_things = MovingThings(appearance.shutter_s)
        self._samples = Samples.of_count(4)
        self._stock: Stock | None = None
        self._version: int | None = None

    def draw(self, scene: Scene, rectangle_main_px: Rectangle, before: Scene | None) -> Bytes:
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
        discs = [
            disc for disc in shadow_discs(scene) if around_disc(canvas, disc[0, :2], disc[0, 2], self._eye)
        ]
        if discs:
            points, along = floor_seen(self._camera, self._lens, region)
            floor_xy = floor_in_sight(points, along, canvas.depth)
            paint_discs(canvas, np.array(discs), floor_xy, self._eye)
        self._moving_things.forget()
        if before is not None:
            self._moving_things.drawables(before, self._eye, self._store, self._goods)
        for drawable in self._moving_things.drawables(scene, self._eye, self._store, self._goods):
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
