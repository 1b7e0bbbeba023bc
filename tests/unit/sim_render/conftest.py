"""A shop with stocked shelves and people standing in it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from openaisle.core.geometry import Lens
from openaisle.sim.render import Renderer
from openaisle.sim.scene import BODY_JOINTS, Body, Floats, Item, Scene
from openaisle.store.schema import Camera, Gate, Gondola, Product, Shelf, Slot, Store

SceneMaker = Callable[..., Scene]

SIZES_M = {
    "can": (0.066, 0.115, 0.066),
    "box": (0.08, 0.16, 0.05),
    "bottle": (0.07, 0.22, 0.07),
    "bag": (0.14, 0.2, 0.07),
    "carton": (0.075, 0.22, 0.075),
}
NAMES = ("Larkmoor Cola", "Tarnwell Oat Bar", "Dovetail Water Still", "Elmstone Crisps", "Fennick Milk")
SUBSTREAM = Lens(640, 360, 450.0, 450.0, 319.5, 179.5, (-0.37, 0.1, 0.0, 0.0, 0.0))


def _camera(
    camera_id: str, position_m: tuple[float, float, float], pan_deg: float, tilt_deg: float
) -> Camera:
    return Camera(
        camera_id=camera_id, position_floor_m=position_m, pan_deg=pan_deg, tilt_deg=tilt_deg, roll_deg=0.0,
        lens=SUBSTREAM, main_width_px=1920, main_height_px=1080, fps=8.0,
    )  # fmt: skip


def _gondola(gondola_id: str, origin_m: tuple[float, float], heading_deg: float) -> Gondola:
    shelves = []
    for level, height_m in enumerate((0.2, 0.55, 0.9, 1.25), start=1):
        shelf_id = f"{gondola_id}{level}"
        slots = tuple(
            Slot(slot_id=f"{shelf_id}-{n + 1}", shelf_id=shelf_id, product_id=f"P{(5 * level + n) % 20:02}",
                 left_m=0.2 * n, width_m=0.2, facings=2, capacity=8)
            for n in range(6)
        )  # fmt: skip
        shelves.append(
            Shelf(shelf_id=shelf_id, gondola_id=gondola_id, level=level, height_m=height_m, clearance_m=0.3,
                  left_m=0.0, front_m=0.0, width_m=1.2, depth_m=0.4, plates=(), slots=slots)
        )  # fmt: skip
    return Gondola(
        gondola_id=gondola_id, scale_id=f"scale-{gondola_id}", origin_floor_m=origin_m, heading_deg=heading_deg,
        width_m=1.2, depth_m=0.4, height_m=1.6, rate_hz=60.0, shelves=tuple(shelves),
    )  # fmt: skip


@pytest.fixture(scope="session")
def store() -> Store:
    return build_store()


def build_store() -> Store:
    """5 x 4 m: gondola A along the west wall, B along the north wall, three cameras."""
    products = {
        f"P{n:02}": Product(
            product_id=f"P{n:02}", gtin="", name=f"{NAMES[n % 5]} {n}", price_minor=100 + n, tax_class="food",
            mass_g=300.0, mass_sd_g=2.0, shape=shape, width_m=SIZES_M[shape][0], height_m=SIZES_M[shape][1],
            depth_m=SIZES_M[shape][2],
        )
        for n, shape in enumerate(list(SIZES_M) * 4)
    }  # fmt: skip
    products["cube"] = Product(
        product_id="cube", gtin="", name="Test Cube", price_minor=1, tax_class="food", mass_g=1, mass_sd_g=0,
        width_m=0.02, height_m=0.02, depth_m=0.02,
    )  # fmt: skip
    outline = ((0.0, 0.0), (5.0, 0.0), (5.0, 4.0), (0.0, 4.0))
    gate = Gate(
        gate_id="entry",
        kind="both",
        left_floor_m=(3.0, 0.0),
        right_floor_m=(4.0, 0.0),
        inside_floor_m=(3.5, 0.4),
    )
    return Store(
        store_id="test-shop", name="Test shop", timezone="UTC", currency="EUR", currency_digits=2,
        prices_include_tax=True, tax_rates={"food": 0.07}, jurisdiction="DE", ceiling_height_m=2.6,
        plan_floor_m=outline, walls_floor_m=(), gates=(gate,), zones=(),
        gondolas=(_gondola("A", (0.4, 1.4), 90.0), _gondola("B", (2.0, 3.6), 0.0)),
        cameras=(
            _camera("corner", (0.1, 0.1, 2.45), 45.0, 42.0),
            _camera("west", (2.4, 1.9, 2.5), 180.0, 50.0),
            _camera("south", (2.5, 3.9, 2.4), 270.0, 45.0),
        ),
        products=products,
    )  # fmt: skip


@pytest.fixture(scope="session")
def body() -> Body:
    return Body(
        body_id=3, height_m=1.75, girth=1.0, shoulder_width_m=0.38, skin=(0.8, 0.6, 0.5), hair=(0.2, 0.1, 0.1),
        top=(0.7, 0.1, 0.1), trousers=(0.1, 0.2, 0.4), shoes=(0.1, 0.1, 0.1),
    )  # fmt: skip


def standing(x_m: float, y_m: float, yaw_rad: float, right_hand_floor_m: Floats | None = None) -> Floats:
    """Joints [24, 3] of somebody 1.75 m tall, who may stretch out the right hand."""
    forward = np.array([math.cos(yaw_rad), math.sin(yaw_rad), 0.0])
    right = np.array([math.sin(yaw_rad), -math.cos(yaw_rad), 0.0])

    def at(aside: float, ahead: float, up: float) -> Floats:
        return np.array([x_m, y_m, up]) + aside * right + ahead * forward

    joints = {
        "pelvis": at(0, 0, 0.93),
        "neck": at(0, 0, 1.45),
        "head_top": at(0, 0, 1.75),
        "nose": at(0, 0.105, 1.60),
    }
    for side, sign in (("left", -1), ("right", 1)):
        places = {
            "eye": (0.033, 0.085, 1.64), "ear": (0.075, 0, 1.62), "shoulder": (0.19, 0, 1.43),
            "elbow": (0.22, -0.04, 1.11), "wrist": (0.23, 0.06, 0.87), "hand": (0.23, 0.08, 0.78),
            "hip": (0.1, 0, 0.93), "knee": (0.1, 0.04, 0.50), "ankle": (0.1, 0, 0.07), "toe": (0.12, 0.15, 0.03),
        }  # fmt: skip
        for name, (aside, ahead, up) in places.items():
            joints[f"{side}_{name}"] = at(sign * aside, ahead, up)
    if right_hand_floor_m is not None:
        shoulder = joints["right_shoulder"]
        joints["right_hand"] = right_hand_floor_m
        joints["right_wrist"] = shoulder + 0.85 * (right_hand_floor_m - shoulder)
        joints["right_elbow"] = shoulder + 0.45 * (right_hand_floor_m - shoulder) + [0, 0, -0.08]
    return np.array([joints[name] for name in BODY_JOINTS])


@pytest.fixture(scope="session")
def make_scene(store: Store) -> SceneMaker:
    """Scenes with one unit in front of every slot of the shop; more can be added, some left out."""
    items, positions, yaws = [], [], []
    for gondola in store.gondolas:
        for shelf in gondola.shelves:
            for slot in shelf.slots:
                product = store.products[slot.product_id]
                items.append(Item(item_id=len(items), product_id=product.product_id, mass_g=product.mass_g))
                along, into = slot.left_m + slot.width_m / 2, 0.02 + product.depth_m / 2
                positions.append(store.shelf_point_floor_m(shelf, along, into))
                yaws.append(gondola.heading_deg)

    def make(
        *,
        bodies: tuple[Body, ...] = (),
        joints: list[Floats] | None = None,
        without: frozenset[int] = frozenset(),
        carried: list[tuple[Item, Floats]] | None = None,
        at_ns: int = 0,
        light: float = 1.0,
        shelf_version: int = 0,
    ) -> Scene:
        carried = carried or []
        kept = [index for index in range(len(items)) if index not in without]
        return Scene(
            at_ns=at_ns,
            light=light,
            bodies=bodies,
            joints_floor_m=np.array(joints or []).reshape(-1, len(BODY_JOINTS), 3),
            items=(*(items[index] for index in kept), *(item for item, _ in carried)),
            item_positions_floor_m=np.array(
                [positions[index] for index in kept] + [place for _, place in carried]
            ).reshape(-1, 3),
            item_yaw_deg=np.array([yaws[index] for index in kept] + [0.0] * len(carried)),
            item_in_hand=np.array([False] * len(kept) + [True] * len(carried)),
            shelf_version=shelf_version,
        )

    return make


@pytest.fixture(scope="session")
def renderer_of(store: Store) -> Callable[[str], Renderer]:
    return lambda camera_id: Renderer(store, store.camera_of[camera_id], seed=5)
