"""People on a floor that several cameras watch, with the truth: the PETS 2009 walk, and simulated shops."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.adapters import pets2009
from openaisle.bench.pixels import PixelCameras
from openaisle.core.messages import CameraDetections
from openaisle.core.units import NS_PER_S
from openaisle.sim.day import Eyes
from openaisle.sim.scene import BODY_JOINT_INDEX
from openaisle.sim.scripts import plan_day
from openaisle.sim.shop import SimulatedShop
from openaisle.sim.skeletons import SkeletonCameras, SkeletonSettings
from openaisle.sim.store_cameras import lens_for
from openaisle.sim.stores import generate_store
from openaisle.store.load import load_store
from openaisle.store.polygons import contains, edges
from openaisle.store.schema import Camera, Store

Floats = NDArray[np.float64]

PETS_SCORE_MIN: Final = 0.5
SHOP_M2: Final = 50.0
SHOP_CAMERAS: Final = 8
SHOP_GONDOLAS: Final = 14  # as close as in `corner`
SHOP_PRODUCTS: Final = 240
SHOP_AISLE_M: Final = 1.6  # two pass behind one who stands at a shelf
SHOP_FPS: Final = 8.0
WALL_M: Final = 0.7  # over the aisle before the shelves there
CAMERA_HEIGHT_M: Final = 2.5
CAMERA_TILT_DEG: Final = 32.0
CAMERA_FOV_DEG: Final = 90.0
MARKET_FPS: Final = 10.0
NOISE: Final = SkeletonSettings(miss_share=0.08, false_people=0.05)
"""More is missed and invented than skeleton mode's good network does: 8 of 100 people, one in 20 frames."""
WARM_UP_S_MAX: Final = 1200
LEAD_IN_S: Final = 60  # a picture a second: whoever looks at pictures has seen shelves change all along
_PELVIS: Final = BODY_JOINT_INDEX["pelvis"]


@dataclass(frozen=True)
class FloorScene:
    """What cameras saw moment by moment. Arrays of a moment are in the order of the cameras."""

    name: str
    cameras: tuple[Camera, ...]
    fps: float
    boxes: Sequence[Sequence[Floats]]  # [moments][cameras] of [n, 5] x1 y1 x2 y2 score
    keypoints: Sequence[Sequence[Floats]] | None  # the same people as [n, 17, 3]
    truth: Sequence[Floats]  # [moments] of [n, 3] x_m y_m id, of whoever is where the truth is known
    is_known_at: Callable[[Floats], NDArray[np.bool_]]  # whether the truth is known at places [n, 2]
    store: Store | None = None  # a simulated scene's
    frames: Sequence[Sequence[CameraDetections]] | None = None  # [moments][cameras] all that was seen

    @property
    def sightings_mean(self) -> float:
        """People all cameras together report in one moment."""
        return float(np.mean([sum(len(seen) for seen in moment) for moment in self.boxes]))

    @property
    def people_mean(self) -> float:
        return float(np.mean([len(people) for people in self.truth]))


def pets(folder: Path) -> FloorScene:
    """PETS 2009 S2.L1: 795 moments of 7 views. The truth is known in the first view's picture."""
    cameras = pets2009.read_cameras(folder)
    seen = [pets2009.read_detections(folder, camera.camera_id) for camera in cameras]
    first = next(camera for camera in cameras if camera.camera_id == pets2009.FIRST_VIEW)

    def is_in_first_view(places: Floats) -> NDArray[np.bool_]:
        pixels = first.project(np.column_stack([places, np.zeros(len(places))]))
        with np.errstate(invalid="ignore"):
            inside = (pixels >= 0) & (pixels < (first.lens.width_px, first.lens.height_px))
        return np.logical_and.reduce(inside, axis=1)

    boxes = [
        [frames[moment][frames[moment][:, 4] >= PETS_SCORE_MIN] for frames in seen]
        for moment in range(pets2009.FRAMES)
    ]
    truth = pets2009.read_truth(folder, first)
    return FloorScene("pets2009-s2l1", cameras, pets2009.FPS, boxes, None, truth, is_in_first_view)


def shop(seed: int, people: int, moments: int, *, is_drawn: bool = False) -> FloorScene:
    """A random shop of 50 m2 with 8 cameras, full of shoppers: noisy keypoints, or drawn and seen by the networks."""
    store = generate_store(
        seed,
        area_m2=SHOP_M2,
        sku_count=SHOP_PRODUCTS,
        gondola_count=SHOP_GONDOLAS,
        aisle_m=SHOP_AISLE_M,
        camera_count=SHOP_CAMERAS,
    )
    store = replace(store, cameras=_along_walls(store, SHOP_CAMERAS))
    eyes = PixelCameras(store, seed) if is_drawn else _skeletons(store, seed, NOISE)
    return _filmed(store, f"shop-{seed}-{people}", people, SHOP_FPS, moments, seed, eyes)


def _along_walls(store: Store, count: int) -> tuple[Camera, ...]:
    """Cameras under the ceiling, evenly along the walls, that look across the floor: about five see each place."""
    walls = [(np.array(start), np.array(end)) for start, end in edges(store.plan_floor_m)]
    ends_m = np.cumsum([np.linalg.norm(end - start) for start, end in walls])
    middle = np.mean([start for start, _ in walls], axis=0)
    cameras = []
    for number, at_m in enumerate((np.arange(count) + 0.5) * ends_m[-1] / count, start=1):
        wall = int(np.searchsorted(ends_m, at_m))
        start, end = walls[wall]
        along = (end - start) / np.linalg.norm(end - start)
        inward = np.array([-along[1], along[0]])  # the outline runs counter-clockwise
        x, y = end - along * (ends_m[wall] - at_m) + WALL_M * inward
        cameras.append(
            replace(
                store.cameras[0],
                camera_id=f"cam-{number}",
                position_floor_m=(float(x), float(y), CAMERA_HEIGHT_M),
                pan_deg=math.degrees(math.atan2(middle[1] - y, middle[0] - x)) % 360.0,
                tilt_deg=CAMERA_TILT_DEG,
                roll_deg=0.0,
                lens=lens_for(CAMERA_FOV_DEG),
            )
        )
    return tuple(cameras)


def market(people: int, moments: int, seed: int) -> FloorScene:
    """The shipped market, full of shoppers."""
    store = load_store("market")
    eyes = _skeletons(store, seed, SkeletonSettings())
    return _filmed(store, f"market-{people}", people, MARKET_FPS, moments, seed, eyes)


def seen_by(scene: FloorScene, camera_count: int) -> FloorScene:
    """The same scene through its first cameras only."""
    return replace(
        scene,
        name=f"{scene.name}-{camera_count}",
        cameras=scene.cameras[:camera_count],
        boxes=[moment[:camera_count] for moment in scene.boxes],
        keypoints=[moment[:camera_count] for moment in scene.keypoints or ()],
    )


def _skeletons(store: Store, seed: int, noise: SkeletonSettings) -> SkeletonCameras:
    return SkeletonCameras(store, np.random.default_rng([seed, 6]), noise)


def _is_in_full_swing(life: SimulatedShop, people: int) -> bool:
    """So many are past the gate, and as many have left: those who came first all stood before the same shelf."""
    visits = life.truth.visits.values()
    left = sum(bool(visit.left_ns) for visit in visits)
    return left >= people and sum(bool(visit.entered_ns) for visit in visits) - left >= people


def _filmed(
    store: Store,
    name: str,
    people: int,
    fps: float,
    moments: int,
    seed: int,
    eyes: Eyes,
) -> FloorScene:
    """Wait until `people` are there and about (or as long as can be waited for), then film. All cameras look at once.

    Shoppers take much: whoever takes little has left before the shop is full.
    """
    plan = plan_day(
        store,
        visit_count=4 * people,
        seed=seed,
        families=["many_picks"],
        arrivals_per_minute=60.0,
        people_max=max(people, 2),
    )
    life = SimulatedShop(store, plan)
    if isinstance(eyes, PixelCameras):
        eyes.warm_up(life.scene())
    period_ns = round(NS_PER_S / fps)
    at_ns = plan.start_ns
    while not _is_in_full_swing(life, people) and at_ns < plan.start_ns + WARM_UP_S_MAX * NS_PER_S:
        at_ns += NS_PER_S
        life.advance(at_ns)
        life.take_scale_batches()
    camera_ids = [camera.camera_id for camera in store.cameras]
    if isinstance(eyes, PixelCameras):
        for _ in range(LEAD_IN_S):
            at_ns += NS_PER_S
            life.advance(at_ns)
            life.take_scale_batches()
            eyes.detect(life.scene(), camera_ids)
    frames, truth = [], []

    def is_inside(places: Floats) -> NDArray[np.bool_]:
        inside = [contains(store.plan_floor_m, (x, y), 0.0) for x, y in places.tolist()]
        return np.array(inside, bool)

    for _ in range(moments):
        at_ns += period_ns
        life.advance(at_ns)
        life.take_scale_batches()
        scene = life.scene(with_items=isinstance(eyes, PixelCameras))
        frames.append(eyes.detect(scene, camera_ids))
        places = scene.joints_floor_m[:, _PELVIS, :2]
        here = np.column_stack([places, [body.body_id for body in scene.bodies]])
        truth.append(here[is_inside(places)])
    boxes = [
        [np.column_stack([each.boxes_image_px, each.scores]).astype(float) for each in seen]
        for seen in frames
    ]
    keypoints = [[each.keypoints_image_px.astype(float) for each in seen] for seen in frames]
    return FloorScene(name, store.cameras, fps, boxes, keypoints, truth, is_inside, store, frames)
