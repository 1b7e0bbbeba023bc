"""Pictures of single packs: in a hand before a shelf, as a ceiling camera sees them, or by themselves, to be enrolled.

A picture is square, with the pack in its middle, as if a long lens at the camera's place looked at it: what the same
region of the main stream shows, but for the lens's distortion. `as_streamed` then makes of it what a camera of fewer
pixels, its noise, the motion and the encoder leave.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import cv2
import numpy as np

from openaisle.core.geometry import Lens
from openaisle.sim.moving import MovingThings
from openaisle.sim.optics import Appearance, Sensor
from openaisle.sim.packs import PX_PER_M, Goods
from openaisle.sim.pose import FLOOR, REST, Bodies
from openaisle.sim.raster import Bytes, Floats
from openaisle.sim.reach import STANDING, body_from_floor, floor_from_body, stance_for
from openaisle.sim.scene import BODY_JOINT_INDEX, Body, Scene
from openaisle.sim.still import Canvas, Eye, Samples, StillFixtures, Stock, id_of_item, paint, paint_still
from openaisle.store.schema import Camera, Store

HANDS: Final = (BODY_JOINT_INDEX["left_hand"], BODY_JOINT_INDEX["right_hand"])
GALLERY_VIEWS: Final = ((0, 35), (40, 35), (-40, 35), (0, 60), (90, 40), (-90, 40), (180, 40), (180, 62))
"""Enrolment pictures: how far a pack is turned and how steeply one looks down at it, in degrees; 0 = its front."""
GALLERY_PX: Final = 180
FILLED: Final = 0.8
"""A pack's longer side fills this share of its picture."""
_ITEM: Final = 1_000_000  # no shelf holds as many items


@dataclass(frozen=True)
class Grip:
    """Where a pack is and who holds it."""

    foot_floor_m: Floats  # [3] middle of the pack's bottom
    yaw_rad: float  # of the pack's width axis
    body: Body | None = None
    joints_floor_m: Floats | None = None  # [24, 3]


@dataclass(frozen=True)
class PackPicture:
    pixels: Bytes  # [size, size, 3] BGR without noise
    box_px: tuple[float, float, float, float]  # of the whole pack, hidden parts included
    seen_share: float  # of the pack's outline that nothing hides, about


def grasped(body: Body, feet_m: Floats, facing_rad: float, side: int, palm_floor_m: Floats) -> Grip:
    """Somebody whose palm is at (or as near as they reach) a point; the pack is to be put there."""
    bodies = Bodies(1)
    bodies.reset(0, body, float(feet_m[0]), float(feet_m[1]), facing_rad)
    near = body_from_floor(palm_floor_m, np.array(feet_m[:2]), facing_rad)
    rest = (REST, 0.0, 0.0, 0.0)
    there = (FLOOR, float(palm_floor_m[0]), float(palm_floor_m[1]), float(palm_floor_m[2]))
    bodies.move_hand(0, side, -2.0, -1.0, rest, rest, there)
    bodies.bend(0, -2.0, -1.0, STANDING, stance_for(body, side, near).posture)
    joints = bodies.joints_floor_m(np.array([0]), 0.0, 1.0)[0]
    return Grip(joints[HANDS[side]], facing_rad - math.pi / 2, body, joints)


def in_palm(grip: Grip, size_m: Floats, turned_rad: float = 0.0) -> Grip:
    """The grip with a pack (width, depth, height) in it, as the simulator's shoppers hold one: by its front."""
    forward = size_m[1] / 2 + 0.01
    up = -min(max(0.55 * size_m[2], 0.03), 0.16)
    facing = grip.yaw_rad + math.pi / 2
    foot = grip.foot_floor_m + floor_from_body(np.array([forward, 0.0, up]), np.zeros(2), facing)
    return replace(grip, foot_floor_m=foot, yaw_rad=grip.yaw_rad + turned_rad)


class Backdrop:
    """One eye's view of a place, without the pack; packs are drawn over it one after the other."""

    def __init__(
        self,
        store: Store,
        goods: Goods,
        appearance: Appearance,
        camera_floor_m: Sequence[float],
        aim_floor_m: Floats,
        field_m: float,
        size_px: int,
        *,
        scene: Scene | None = None,
        grip: Grip | None = None,
        roll_deg: float = 0.0,
        seed: int = 1,
        people: MovingThings | None = None,
    ) -> None:
        """`field_m`: how much is seen at `aim_floor_m`, from side to side. Without `scene` there is nothing behind.

        `people`: the painter of bodies to use, which keeps their clothes for the next backdrop.
        """
        self._goods = goods
        away = aim_floor_m - np.asarray(camera_floor_m, float)
        distance = float(np.linalg.norm(away))
        focal = size_px * distance / field_m
        middle = (size_px - 1) / 2
        lens = Lens(size_px, size_px, focal, focal, middle, middle)
        place = (float(camera_floor_m[0]), float(camera_floor_m[1]), float(camera_floor_m[2]))
        pan_deg = math.degrees(math.atan2(away[1], away[0]))
        tilt_deg = math.degrees(math.asin(-away[2] / distance))
        plain = replace(appearance, vignetting=0.0)
        self._eye = Eye(store, _camera(place, pan_deg, tilt_deg, roll_deg, lens), plain, lens)
        self.sensor = _sensor(plain, seed, size_px)
        self._light = scene.light if scene else 1.0
        self._canvas = Canvas(size_px, size_px, Samples.of_count(4))
        self._whole = (0, 0, size_px, size_px)
        if scene is not None:
            stock = Stock.of_scene(scene, store, goods, self._eye, in_hand=False)
            fixtures = StillFixtures(store, plain, self._eye)
            paint_still(self._canvas, fixtures, stock, goods, self._eye, self._whole)
        if grip is not None and grip.body is not None and grip.joints_floor_m is not None:
            person = _scene_of(grip.body, grip.joints_floor_m, self._light)
            painter = people or MovingThings(plain.shutter_s)
            for drawable in painter.drawables(person, self._eye, store, goods):
                paint(self._canvas, drawable, self._whole)

    def fill(self, colour: tuple[int, int, int]) -> None:
        """Paint whatever is behind in one BGR colour."""
        self._canvas.colour[:] = colour

    def empty(self) -> Bytes:
        """The place without a pack [size, size, 3]."""
        return self.sensor.develop(self._canvas.resolved(self._whole), self._light, 0, 0)

    def draw(self, row: int, grip: Grip) -> PackPicture:
        """The pack of one row of `Goods` where the grip says."""
        canvas = Canvas(self._canvas.width, self._canvas.height, self._canvas.samples)
        canvas.copy_from(self._canvas, self._whole)
        rows = np.array([row], np.int64)
        stock = Stock(
            np.array([_ITEM], np.int64),
            rows,
            np.asarray(grip.foot_floor_m, np.float64).reshape(1, 3),
            np.array([grip.yaw_rad], np.float64),
            np.ones(1),
            np.zeros((1, 4), np.int64),
        )
        paint(canvas, stock.drawable(np.array([0]), self._goods, self._eye), self._whole)
        corners = self._eye.project(_corners(self._goods.sizes_m[row], grip))[:, :2]
        low, high = corners.min(axis=0), corners.max(axis=0)
        hull = cv2.contourArea(cv2.convexHull(corners.astype(np.float32)))
        seen = int((canvas.ids == id_of_item(_ITEM)).sum())
        pixels = self.sensor.develop(canvas.resolved(self._whole), self._light, 0, 0)
        box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        return PackPicture(pixels, box, min(1.0, seen / max(hull, 1.0)))


def gallery_pictures(store: Store, goods: Goods, product_id: str, *, seed: int = 1) -> list[Bytes]:
    """What one would photograph to enrol a product [180, 180, 3] each: all its sides on a plain table."""
    row = goods.row_of[product_id]
    rng = np.random.default_rng([seed, row, 17])
    size_m = goods.sizes_m[row]
    foot = np.array([0.0, 0.0, 1.0])
    middle = foot + np.array([0.0, 0.0, size_m[2] / 2])
    pictures: list[Bytes] = []
    for turned_deg, down_deg in GALLERY_VIEWS:
        down = math.radians(down_deg)
        eye = middle + 1.2 * np.array([0.0, -math.cos(down), math.sin(down)])
        grip = Grip(foot, math.radians(turned_deg))
        field_m = _extent_m(size_m, turned_deg, down) / FILLED
        backdrop = Backdrop(store, goods, Appearance(), eye.tolist(), middle, field_m, GALLERY_PX)
        grey = int(rng.integers(150, 225))
        backdrop.fill((grey, grey, grey))
        pictures.append(backdrop.draw(row, grip).pixels)
    return pictures


def goods_for_pictures(store: Store) -> Goods:
    """The store's packs in the finest print."""
    return Goods(store, PX_PER_M)


def as_streamed(
    pixels: Bytes, size_px: int, *, blur_px: float = 0.0, blur_rad: float = 0.0, quality: int = 100
) -> Bytes:
    """A picture [h, w, 3] as a stream of fewer pixels shows it [size, size, 3]: averaged, smeared, encoded."""
    if size_px < pixels.shape[0]:
        pixels = np.asarray(cv2.resize(pixels, (size_px, size_px), interpolation=cv2.INTER_AREA), np.uint8)
    if blur_px > 0.5:
        pixels = _smeared(pixels, blur_px, blur_rad)
    if quality < 100:
        ok, coded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
        assert ok
        pixels = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return pixels


def _camera(
    place: tuple[float, float, float], pan_deg: float, tilt_deg: float, roll_deg: float, lens: Lens
) -> Camera:
    return Camera(
        camera_id="look",
        position_floor_m=place,
        pan_deg=pan_deg,
        tilt_deg=tilt_deg,
        roll_deg=roll_deg,
        lens=lens,
        main_width_px=lens.width_px,
        main_height_px=lens.height_px,
        fps=8.0,
    )


@lru_cache(maxsize=8)
def _sensor(appearance: Appearance, seed: int, size_px: int) -> Sensor:
    """Kept, because its table of noise takes longer to draw than a picture."""
    lens = Lens(size_px, size_px, 1.0, 1.0, 0.0, 0.0)
    return Sensor(_camera((0.0, 0.0, 0.0), 0.0, 0.0, 0.0, lens), appearance, seed, size_px, size_px)


def _smeared(pixels: Bytes, length_px: float, angle_rad: float) -> Bytes:
    reach = math.ceil(length_px / 2)
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    for share in np.linspace(-0.5, 0.5, 4 * reach + 1):
        x, y = share * length_px * math.cos(angle_rad), share * length_px * math.sin(angle_rad)
        kernel[round(reach + y), round(reach + x)] += 1.0
    return np.asarray(cv2.filter2D(pixels, -1, kernel / kernel.sum()), np.uint8)


def _scene_of(body: Body, joints_floor_m: Floats, light: float) -> Scene:
    return Scene(
        at_ns=0,
        light=light,
        bodies=(body,),
        joints_floor_m=joints_floor_m[None],
        items=(),
        item_positions_floor_m=np.zeros((0, 3)),
        item_yaw_deg=np.zeros(0),
        item_in_hand=np.zeros(0, bool),
        shelf_version=0,
    )


def _corners(size_m: Floats, grip: Grip) -> Floats:
    signs = np.array([(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (0.0, 1.0)])
    local = signs * size_m
    cos, sin = math.cos(grip.yaw_rad), math.sin(grip.yaw_rad)
    turned = np.stack(
        [cos * local[:, 0] - sin * local[:, 1], sin * local[:, 0] + cos * local[:, 1], local[:, 2]], axis=1
    )
    return turned + grip.foot_floor_m


def _extent_m(size_m: Floats, turned_deg: float, down_rad: float) -> float:
    """The longer side of a pack's outline as one sees it."""
    width, depth, height = size_m
    turned = math.radians(turned_deg)
    across = abs(width * math.cos(turned)) + abs(depth * math.sin(turned))
    along = abs(width * math.sin(turned)) + abs(depth * math.cos(turned))
    upright = height * math.cos(down_rad) + along * math.sin(down_rad)
    return float(max(across, upright))
