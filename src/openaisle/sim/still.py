"""The picture of what does not move, kept by each camera: fixtures and goods on shelves, with depth and ids.

A picture is several samples a pixel, each a whole plane of its own, shifted by a part of a pixel. When goods come or
go only the rectangles around them are drawn again, and the result equals a picture drawn anew.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.core.geometry import Lens, points_on_plane
from openaisle.sim.fixtures import shelf_shade, surfaces_of
from openaisle.sim.optics import Appearance, lamps_of
from openaisle.sim.packs import Goods, place_packs
from openaisle.sim.raster import (
    FAR_M,
    Atlas,
    Bytes,
    Floats,
    Ints,
    Mesh,
    camera_numbers,
    draw_triangles,
    illuminate,
    project,
    triangle_bounds,
)
from openaisle.sim.scene import Scene
from openaisle.store.schema import Camera, Store

NumberT = TypeVar("NumberT", int, NDArray[np.int64])
Rectangle = tuple[int, int, int, int]  # left, top, right, bottom; right and bottom are outside
LAMP_REACH_M = 9.0  # from the camera: farther lamps light nothing that it sees well
NOWHERE = 28  # brightness where nothing is drawn

_NO_MOTION = np.zeros((0, 2))


@dataclass(frozen=True)
class Samples:
    """Where in a pixel, and when within the shutter's time, each sample is taken."""

    shifts_px: Floats  # [samples, 2] from the pixel's centre
    moments: Floats  # [samples] -0.5 .. 0.5 of the shutter's time

    @staticmethod
    def of_count(count: int) -> Samples:
        """A rotated grid: no two samples share a row or a column. The first is the nearest to the centre and middle."""
        if count == 1:
            return Samples(np.zeros((1, 2)), np.zeros(1))
        row = (np.arange(count) + 0.5) / count - 0.5
        step = {2: 1, 4: 2, 8: 3, 16: 7}[count]
        column = (np.arange(count) * step + step // 2) % (count + (count % 2 == 0 and step % 2 == 0))
        column = (np.argsort(np.argsort(column, kind="stable")) + 0.5) / count - 0.5
        order = np.argsort(row**2 + column**2, kind="stable")
        shifts = np.stack([column, row], axis=1)[order]
        moments = ((np.arange(count) + 1) // 2 * np.where(np.arange(count) % 2, 1, -1)) / count
        return Samples(shifts, moments)

    def __len__(self) -> int:
        return len(self.moments)


def id_of_body(body_id: int) -> int:
    """How a body is written in `Rendered.ids`."""
    return body_id + 1


def id_of_item(item_id: NumberT) -> NumberT:
    """How an item is written in `Rendered.ids`."""
    return -(item_id + 1)


class Canvas:
    """Arrays to draw in. Pixel (0, 0) is pixel (left, top) of the camera's picture."""

    def __init__(self, width: int, height: int, samples: Samples, left: int = 0, top: int = 0) -> None:
        self.width, self.height = width, height
        self.left, self.top = left, top
        self.samples = samples
        self.colour = np.full((len(samples), height, width, 3), NOWHERE, np.uint8)
        self.depth = np.full((len(samples), height, width), FAR_M, np.float32)
        self.ids = np.zeros((height, width), np.int32)
        self.parts = np.zeros((height, width), np.uint8)

    def clear(self, rectangle: Rectangle) -> None:
        x1, y1, x2, y2 = rectangle
        self.colour[:, y1:y2, x1:x2] = NOWHERE
        self.depth[:, y1:y2, x1:x2] = FAR_M
        self.ids[y1:y2, x1:x2] = 0
        self.parts[y1:y2, x1:x2] = 0

    def copy_from(self, other: Canvas, rectangle: Rectangle) -> None:
        x1, y1, x2, y2 = rectangle
        self.colour[:, y1:y2, x1:x2] = other.colour[:, y1:y2, x1:x2]
        self.depth[:, y1:y2, x1:x2] = other.depth[:, y1:y2, x1:x2]
        self.ids[y1:y2, x1:x2] = other.ids[y1:y2, x1:x2]
        self.parts[y1:y2, x1:x2] = other.parts[y1:y2, x1:x2]

    def resolved(self, rectangle: Rectangle) -> Bytes:
        """Mean of the samples [h, w, 3]."""
        x1, y1, x2, y2 = rectangle
        if len(self.samples) == 1:
            return np.ascontiguousarray(self.colour[0, y1:y2, x1:x2])
        out = np.empty((y2 - y1, x2 - x1, 3), np.uint8)
        _mean(self.colour, x1, y1, out)
        return out


@dataclass(frozen=True)
class Drawable:
    """A mesh projected into one camera's picture, lit."""

    screen: Floats  # [vertices, 3]
    light: Floats  # [vertices]
    uv: Floats
    triangles: Ints
    textures: Ints
    ids: Ints
    parts: Bytes
    atlas: Atlas
    is_closed: bool
    is_sharp: bool = False
    motion_px: Floats = field(default_factory=lambda: _NO_MOTION)  # [vertices, 2] during the shutter's time

    def rectangle(self, width: int, height: int, margin: int = 2) -> Rectangle | None:
        """Pixels it may touch; None if none."""
        seen = self.screen[self.screen[:, 2] > 0]
        if len(seen) == 0:
            return None
        reach = margin + (np.abs(self.motion_px).max() / 2 if len(self.motion_px) else 0)
        low, high = seen[:, :2].min(axis=0) - reach, seen[:, :2].max(axis=0) + reach
        return clipped((int(low[0]), int(low[1]), int(high[0]) + 2, int(high[1]) + 2), width, height)

    def subset(self, rows: NDArray[np.intp]) -> Drawable:
        """Only these triangles."""
        return Drawable(
            self.screen,
            self.light,
            self.uv,
            self.triangles[rows],
            self.textures[rows],
            self.ids[rows],
            self.parts[rows],
            self.atlas,
            self.is_closed,
        )


def clipped(rectangle: Rectangle, width: int, height: int) -> Rectangle | None:
    left, top, right, bottom = rectangle
    left, top, right, bottom = max(0, left), max(0, top), min(width, right), min(height, bottom)
    return (left, top, right, bottom) if left < right and top < bottom else None


def paint(canvas: Canvas, drawable: Drawable, rectangle: Rectangle) -> None:
    """Draw within a rectangle of the canvas."""
    texels, table = drawable.atlas.arrays()
    left, top, right, bottom = rectangle
    samples = canvas.samples
    draw_triangles(
        drawable.screen, drawable.motion_px, drawable.light, drawable.uv, drawable.triangles, drawable.textures,
        drawable.ids, drawable.parts, drawable.is_closed, drawable.is_sharp, texels, table, left, top, right, bottom,
        canvas.left, canvas.top, samples.shifts_px, samples.moments, canvas.colour, canvas.depth, canvas.ids,
        canvas.parts,
    )  # fmt: skip


class Eye:
    """One camera's geometry and the shop's light: turns meshes into drawables for one resolution."""

    def __init__(self, store: Store, camera: Camera, appearance: Appearance, lens: Lens) -> None:
        self.numbers = camera_numbers(camera.camera_from_floor, lens)
        self.position_floor_m = np.array(camera.position_floor_m)
        self.width_px, self.height_px = lens.width_px, lens.height_px
        lamps = lamps_of(store, appearance)
        away = np.hypot(*(lamps[:, :2] - self.position_floor_m[:2]).T)
        self.lamps = lamps[away < LAMP_REACH_M] if (away < LAMP_REACH_M).any() else lamps
        self.ambient_above = appearance.ambient * appearance.lamp_power * 1.1
        self.ambient_below = appearance.ambient * appearance.lamp_power * 0.6
        border = _border(lens)
        rays = lens.rays(border)
        # A little wider than the picture: fixed-point undistortion is not exact in the corners.
        self._wide, self._high = 1.05 * np.abs(rays[:, 0]).max(), 1.05 * np.abs(rays[:, 1]).max()

    def may_see(self, middles_m: Floats, radii_m: Floats) -> NDArray[np.bool_]:
        """Which of the balls [n] of middles [n, 3] and radii [n] may be in the picture; never a false no."""
        x, y, z = (middles_m @ self.numbers[:9].reshape(3, 3).T + self.numbers[9:12]).T
        side, above = math.hypot(1, self._wide), math.hypot(1, self._high)
        return (
            (z > -radii_m)
            & (np.abs(x) - self._wide * z < radii_m * side)
            & (np.abs(y) - self._high * z < radii_m * above)
        )

    def project(self, points_m: Floats) -> Floats:
        screen = np.empty((len(points_m), 3))
        project(points_m, self.numbers, screen)
        return screen

    def illuminate(self, points_m: Floats, normals: Floats, shade: Floats) -> Floats:
        light = np.empty(len(points_m))
        illuminate(points_m, normals, shade, self.lamps, self.ambient_above, self.ambient_below, light)
        return light

    def drawable(self, mesh: Mesh, atlas: Atlas, *, is_closed: bool) -> Drawable:
        return Drawable(
            self.project(mesh.points_m),
            self.illuminate(mesh.points_m, mesh.normals, mesh.shade),
            mesh.uv,
            mesh.triangles,
            mesh.textures,
            mesh.ids,
            mesh.parts,
            atlas,
            is_closed,
        )


def _border(lens: Lens) -> Floats:
    """Points [n, 2] along the picture's edge."""
    x, y = np.linspace(0, lens.width_px - 1, 33), np.linspace(0, lens.height_px - 1, 33)
    left, top = np.zeros(33), np.zeros(33)
    right, bottom = left + lens.width_px - 1, top + lens.height_px - 1
    edges = ((x, top), (x, bottom), (left, y), (right, y))
    return np.concatenate([np.stack(edge, axis=1) for edge in edges])


@dataclass
class Stock:
    """Goods that may be in sight, as arrays sorted by item id."""

    item_ids: NDArray[np.int64]
    rows: NDArray[np.int64]  # of Goods
    positions_m: Floats
    yaw: Floats  # radians
    shade: Floats
    rectangles: NDArray[np.int64]  # [items, 4] in the picture; empty ones are out of sight

    @staticmethod
    def of_scene(scene: Scene, store: Store, goods: Goods, eye: Eye, *, in_hand: bool) -> Stock:
        item_ids, rows = goods.numbers(scene.items)
        chosen = np.flatnonzero(scene.item_in_hand == in_hand)
        sizes = goods.sizes_m[rows[chosen]]
        middles = scene.item_positions_floor_m[chosen] + np.array([0, 0, 0.5]) * sizes[:, 2:]
        seen = eye.may_see(middles, 0.5 * np.linalg.norm(sizes, axis=1))
        chosen = chosen[seen]
        chosen = chosen[np.argsort(item_ids[chosen], kind="stable")]
        rows = rows[chosen]
        positions = np.ascontiguousarray(scene.item_positions_floor_m[chosen], np.float64).reshape(-1, 3)
        yaw = np.deg2rad(scene.item_yaw_deg[chosen]).astype(np.float64)
        shade = np.ones(len(rows)) if in_hand else _shelf_shade(positions, goods.sizes_m[rows], store)
        rectangles = _rectangles(positions, yaw, goods.sizes_m[rows], eye)
        return Stock(item_ids[chosen], rows, positions, yaw, shade, rectangles)

    def drawable(self, chosen: NDArray[np.intp], goods: Goods, eye: Eye) -> Drawable:
        """The meshes of some of the items."""
        rows = self.rows[chosen]
        vertices, triangles = goods.counts(rows)
        mesh = Mesh(
            np.empty((vertices, 3)),
            np.empty((vertices, 3)),
            np.empty((vertices, 2)),
            np.empty(vertices),
            np.empty((triangles, 3), np.int32),
            np.empty(triangles, np.int32),
            np.empty(triangles, np.int32),
            np.zeros(triangles, np.uint8),
        )
        place_packs(
            rows, self.positions_m[chosen], self.yaw[chosen], self.shade[chosen], id_of_item(self.item_ids[chosen]),
            goods.first_vertex, goods.first_triangle, goods.points_m, goods.normals, goods.uv, goods.shade,
            goods.triangles, mesh.points_m, mesh.normals, mesh.uv, mesh.shade, mesh.triangles, mesh.textures, mesh.ids,
        )  # fmt: skip
        return eye.drawable(mesh, goods.atlas, is_closed=True)


class StillPicture:
    """What one camera sees of fixtures and goods, at one resolution."""

    def __init__(
        self, store: Store, camera: Camera, appearance: Appearance, goods: Goods, lens: Lens, samples: Samples
    ) -> None:
        self.eye = Eye(store, camera, appearance, lens)
        self.canvas = Canvas(lens.width_px, lens.height_px, samples)
        self._store, self._goods = store, goods
        self._fixtures = StillFixtures(store, appearance, self.eye)
        self._stock: Stock | None = None
        whole = (0, 0, lens.width_px, lens.height_px)
        self._floor_points, self._floor_along = floor_seen(camera, lens, whole)
        self.floor_xy = np.full_like(
            self._floor_points, np.nan
        )  # [h, w, 2] where a pixel sees the floor, else NaN

    def update(self, scene: Scene) -> list[Rectangle]:
        """Draw what changed since the last scene; return the rectangles drawn."""
        stock = Stock.of_scene(scene, self._store, self._goods, self.eye, in_hand=False)
        if self._stock is None:
            dirty: list[Rectangle] = [(0, 0, self.canvas.width, self.canvas.height)]
        else:
            dirty = _changed(self._stock, stock, self.canvas.width, self.canvas.height)
        self._stock = stock
        if dirty:
            # Pictures handed out keep the old arrays.
            self.canvas.ids, self.canvas.depth = self.canvas.ids.copy(), self.canvas.depth.copy()
        for rectangle in dirty:
            self.canvas.clear(rectangle)
            paint_still(self.canvas, self._fixtures, stock, self._goods, self.eye, rectangle)
            x1, y1, x2, y2 = rectangle
            points, along = self._floor_points[y1:y2, x1:x2], self._floor_along[y1:y2, x1:x2]
            self.floor_xy[y1:y2, x1:x2] = floor_in_sight(points, along, self.canvas.depth[:, y1:y2, x1:x2])
        return dirty


def floor_seen(
    camera: Camera, lens: Lens, rectangle: Rectangle
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where each pixel's ray meets the floor [h, w, 2], and at what depth [h, w]; NaN above the horizon."""
    left, top, right, bottom = rectangle
    columns, rows = np.meshgrid(np.arange(left, right, dtype=float), np.arange(top, bottom, dtype=float))
    rays = lens.rays(np.stack([columns, rows], axis=-1))
    points = points_on_plane(camera.floor_from_camera, rays, 0.0)
    away = points - np.array(camera.position_floor_m[:2])
    directions = rays @ camera.floor_from_camera.rotation.T
    along = np.linalg.norm(away, axis=-1) / (np.linalg.norm(directions[..., :2], axis=-1) + 1e-9)
    return points.astype(np.float32), along.astype(np.float32)


def floor_in_sight(
    points: NDArray[np.float32], along: NDArray[np.float32], depth: NDArray[np.float32]
) -> NDArray[np.float32]:
    """`points` [h, w, 2] where all samples of depth [samples, h, w] lie on the floor, NaN elsewhere."""
    is_floor = np.all(np.abs(depth - along) < 0.01 * along, axis=0)
    return np.where(is_floor[..., None], points, np.float32(np.nan))


class StillFixtures:
    """The fixtures as one eye sees them."""

    def __init__(self, store: Store, appearance: Appearance, eye: Eye) -> None:
        surfaces = surfaces_of(store, appearance)
        middles = surfaces.origins_m + 0.5 * (surfaces.along_m + surfaces.up_m)
        radii = 0.5 * (np.linalg.norm(surfaces.along_m, axis=1) + np.linalg.norm(surfaces.up_m, axis=1))
        mesh = surfaces.mesh(eye.position_floor_m, np.flatnonzero(eye.may_see(middles, radii)))
        self.drawable = eye.drawable(mesh, surfaces.atlas, is_closed=True)
        self.bounds = np.zeros((len(mesh.triangles), 4))
        triangle_bounds(self.drawable.screen, mesh.triangles, self.bounds)

    def within(self, rectangle: Rectangle) -> Drawable:
        left, top, right, bottom = rectangle
        b = self.bounds
        inside = (b[:, 0] < right) & (b[:, 2] > left - 1) & (b[:, 1] < bottom) & (b[:, 3] > top - 1)
        return self.drawable.subset(np.flatnonzero(inside))


def paint_still(
    canvas: Canvas, fixtures: StillFixtures, stock: Stock, goods: Goods, eye: Eye, rectangle: Rectangle
) -> None:
    """Goods and fixtures within a rectangle of the canvas, the nearest first: what is hidden costs little then."""
    x1, y1, x2, y2 = rectangle
    left, top, right, bottom = x1 + canvas.left, y1 + canvas.top, x2 + canvas.left, y2 + canvas.top
    r = stock.rectangles
    inside = np.flatnonzero((r[:, 0] < right) & (r[:, 2] > left) & (r[:, 1] < bottom) & (r[:, 3] > top))
    if len(inside):
        away = stock.positions_m[inside] - eye.position_floor_m
        nearest_first = np.argsort((away**2).sum(axis=1), kind="stable")
        paint(canvas, stock.drawable(inside[nearest_first], goods, eye), rectangle)
    paint(canvas, fixtures.within((left - 1, top - 1, right + 1, bottom + 1)), rectangle)


def _changed(before: Stock, after: Stock, width: int, height: int) -> list[Rectangle]:
    """Rectangles around goods that came, went, or moved."""
    _, old, new = np.intersect1d(before.item_ids, after.item_ids, assume_unique=True, return_indices=True)
    same = (
        (before.positions_m[old] == after.positions_m[new]).all(axis=1)
        & (before.yaw[old] == after.yaw[new])
        & (before.rows[old] == after.rows[new])
    )
    gone = np.ones(len(before.item_ids), bool)
    gone[old[same]] = False
    came = np.ones(len(after.item_ids), bool)
    came[new[same]] = False
    touched = np.concatenate([before.rectangles[gone], after.rectangles[came]])
    rectangles = [
        inside
        for row in touched.tolist()
        if row[0] < row[2] and (inside := clipped((row[0], row[1], row[2], row[3]), width, height))
    ]
    return joined(rectangles)


def joined(rectangles: list[Rectangle]) -> list[Rectangle]:
    """The same pixels in fewer rectangles: two become one where that one is hardly larger than both."""
    done: list[Rectangle] = []
    for rectangle in rectangles:
        current, again = rectangle, True
        while again:
            again = False
            for other in done:
                around = (
                    min(current[0], other[0]),
                    min(current[1], other[1]),
                    max(current[2], other[2]),
                    max(current[3], other[3]),
                )
                if _area(around) <= 1.1 * (_area(current) + _area(other)):
                    done.remove(other)
                    current, again = around, True
                    break
        done.append(current)
    return done


def _area(rectangle: Rectangle) -> int:
    return (rectangle[2] - rectangle[0]) * (rectangle[3] - rectangle[1])


def _rectangles(positions_m: Floats, yaw: Floats, sizes_m: Floats, eye: Eye) -> NDArray[np.int64]:
    """Pixels [items, 4] that packs may touch; (0, 0, 0, 0) where out of sight."""
    count = len(positions_m)
    if count == 0:
        return np.zeros((0, 4), np.int64)
    signs = np.array([(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (0.0, 1.0)])
    local = signs[None] * sizes_m[:, None]
    cos, sin = np.cos(yaw)[:, None], np.sin(yaw)[:, None]
    corners = np.stack(
        [cos * local[..., 0] - sin * local[..., 1], sin * local[..., 0] + cos * local[..., 1], local[..., 2]],
        axis=-1,
    )
    screen = eye.project((corners + positions_m[:, None]).reshape(-1, 3)).reshape(count, 8, 3)
    seen = (screen[..., 2] > 0).all(axis=1)
    low = np.floor(screen[..., :2].min(axis=1)) - 2
    high = np.ceil(screen[..., :2].max(axis=1)) + 3
    box = np.clip(np.concatenate([low, high], axis=1), -1e6, 1e6)
    inside = (
        seen & (box[:, 2] > 0) & (box[:, 3] > 0) & (box[:, 0] < eye.width_px) & (box[:, 1] < eye.height_px)
    )
    return np.where(inside[:, None], box, 0).astype(np.int64)


def _shelf_shade(positions_m: Floats, sizes_m: Floats, store: Store) -> Floats:
    """Light that reaches packs [items]: less deep in a shelf, all of it elsewhere."""
    shade = np.ones(len(positions_m))
    for gondola in store.gondolas:
        local = gondola.floor_from_gondola.inverse().apply(positions_m)
        inside = (
            (local[:, 0] > -0.05)
            & (local[:, 0] < gondola.width_m + 0.05)
            & (local[:, 1] > -0.1)
            & (local[:, 1] < gondola.depth_m)
        )
        for shelf in gondola.shelves:
            on = inside & (np.abs(local[:, 2] - shelf.height_m) < 0.06)
            into = local[on, 1] - shelf.front_m - sizes_m[on, 1] / 2
            shade[on] = shelf_shade(into, shelf.clearance_m * (2 if shelf.clearance_m > 0.6 else 1))
    return shade


@njit(cache=True)
def _mean(planes, left, top, out):
    count = planes.shape[0]
    width = 3 * out.shape[1]
    for y in range(out.shape[0]):
        row = out[y].reshape(-1)
        if count == 4:
            p0 = planes[0, top + y].reshape(-1)[3 * left : 3 * left + width]
            p1 = planes[1, top + y].reshape(-1)[3 * left : 3 * left + width]
            p2 = planes[2, top + y].reshape(-1)[3 * left : 3 * left + width]
            p3 = planes[3, top + y].reshape(-1)[3 * left : 3 * left + width]
            for x in range(width):
                row[x] = (np.uint16(p0[x]) + np.uint16(p1[x]) + np.uint16(p2[x]) + np.uint16(p3[x]) + 2) >> 2
        else:
            for x in range(width):
                total = count // 2
                for n in range(count):
                    total += planes[n, top + y, left + x // 3, x % 3]
                row[x] = total // count
