"""Shops that do not exist but could: layout, shelves, goods, cameras, all from one seed.

Used to train on other stores than the one measured, and to make the shipped `corner` and `market` themselves
(`openaisle store generate --like corner`). The same arguments give an equal store in every process.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from openaisle.core.geometry import Lens
from openaisle.sim.assortment import BRANDS, DEPARTMENTS, Department, Kind
from openaisle.store.gtin import with_check_digit
from openaisle.store.lenses import focal_for_fov_px
from openaisle.store.read import plate_id, plate_run_left_m
from openaisle.store.schema import Camera, Gate, Gondola, Plate, Point2, Product, Shelf, Slot, Store, Zone


def corner() -> Store:
    """The small demonstration shop: 21 m2, six gondolas, eight cameras, 120 products."""
    rng = np.random.default_rng(20)
    places = [
        GondolaPlace("A", (0.4, 1.45), 90.0, 1.2, 1.55, 5),
        GondolaPlace("B", (1.0, 3.8), 0.0, 1.0, 1.75, 5),
        GondolaPlace("C", (3.0, 3.8), 0.0, 1.0, 1.75, 4),
        GondolaPlace("D", (4.6, 2.65), 270.0, 1.2, 1.75, 5),
        GondolaPlace("E", (2.1, 2.5), 270.0, 1.2, 1.45, 4),
        GondolaPlace("F", (2.9, 1.3), 90.0, 1.2, 1.45, 4),
    ]
    return _furnish(
        rng,
        store_id="corner",
        name="Corner",
        outline=((0.0, 0.0), (5.0, 0.0), (5.0, 4.2), (0.0, 4.2)),
        gates=(
            Gate(
                gate_id="entry",
                kind="entry",
                left_floor_m=(0.5, 0.0),
                right_floor_m=(1.5, 0.0),
                inside_floor_m=(1.0, 0.4),
            ),
            Gate(
                gate_id="exit",
                kind="exit",
                left_floor_m=(3.5, 0.0),
                right_floor_m=(4.5, 0.0),
                inside_floor_m=(4.0, 0.4),
            ),
        ),
        places=places,
        sku_count=120,
        cameras=_corner_cameras(),
    )


@dataclass(frozen=True)
class GondolaPlace:
    """Where a gondola stands and how it is built."""

    gondola_id: str
    origin_floor_m: Point2
    heading_deg: float
    width_m: float
    height_m: float
    shelf_count: int


def _corner_cameras() -> tuple[Camera, ...]:
    poses = [
        ((0.1, 0.1, 2.45), 45.0, 42.0, 75.0),
        ((4.9, 0.1, 2.45), 135.0, 42.0, 75.0),
        ((4.9, 4.1, 2.45), 225.0, 42.0, 75.0),
        ((0.1, 4.1, 2.45), 315.0, 42.0, 75.0),
        ((2.5, 0.1, 2.4), 90.0, 35.0, 85.0),
        ((2.5, 4.1, 2.4), 270.0, 45.0, 85.0),
        ((1.9, 1.9, 2.5), 180.0, 55.0, 90.0),
        ((3.1, 1.9, 2.5), 0.0, 55.0, 90.0),
    ]
    return tuple(
        _camera(f"cam-{number}", position, pan, tilt, fov)
        for number, (position, pan, tilt, fov) in enumerate(poses, start=1)
    )


def _camera(
    camera_id: str, position: tuple[float, float, float], pan: float, tilt: float, fov: float
) -> Camera:
    k1 = -0.5 if fov <= 66 else -0.4 if fov <= 80 else -0.35
    radial = (k1, 0.1, 0.0)
    focal = round(focal_for_fov_px(640, fov, radial), 2)
    lens = Lens(640, 360, focal, focal, 319.5, 179.5, (k1, 0.1, 0.0, 0.0, 0.0))
    return Camera(
        camera_id=camera_id,
        position_floor_m=position,
        pan_deg=pan,
        tilt_deg=tilt,
        roll_deg=0.0,
        lens=lens,
        main_width_px=1920,
        main_height_px=1080,
        fps=8.0,
    )


def _furnish(
    rng: np.random.Generator,
    *,
    store_id: str,
    name: str,
    outline: tuple[Point2, ...],
    gates: tuple[Gate, ...],
    places: list[GondolaPlace],
    sku_count: int,
    cameras: tuple[Camera, ...],
) -> Store:
    slot_counts = _slot_counts(places, sku_count)
    products: dict[str, Product] = {}
    gondolas: list[Gondola] = []
    for number, place in enumerate(places):
        department = DEPARTMENTS[number % len(DEPARTMENTS)]
        gondolas.append(_gondola(rng, place, department, slot_counts, products))
    return Store(
        store_id=store_id,
        name=name,
        timezone="Europe/Berlin",
        currency="EUR",
        currency_digits=2,
        prices_include_tax=True,
        tax_rates={"food": 0.07, "standard": 0.19},
        jurisdiction="DE",
        ceiling_height_m=2.6,
        plan_floor_m=outline,
        walls_floor_m=(),
        gates=gates,
        zones=(Zone(zone_id="shop", name="Shop floor", polygon_floor_m=outline),),
        gondolas=tuple(gondolas),
        cameras=cameras,
        products=products,
    )


def _slot_counts(places: list[GondolaPlace], sku_count: int) -> dict[tuple[str, int], int]:
    """How many slots each shelf gets, (gondola, level) -> count, so that they are `sku_count` in all."""
    keys = [(place.gondola_id, level) for place in places for level in range(1, place.shelf_count + 1)]
    widths = {
        (place.gondola_id, level): place.width_m
        for place in places
        for level in range(1, place.shelf_count + 1)
    }
    counts = dict.fromkeys(keys, 1)
    for _ in range(sku_count - len(keys)):
        widest = max(keys, key=lambda key: (widths[key] / counts[key], key))
        counts[widest] += 1
    return counts


def _gondola(
    rng: np.random.Generator,
    place: GondolaPlace,
    department: Department,
    slot_counts: dict[tuple[str, int], int],
    products: dict[str, Product],
) -> Gondola:
    shelves: list[Shelf] = []
    foot_m = 0.2
    step_m = (place.height_m - foot_m) / place.shelf_count
    channel = 0
    for level in range(1, place.shelf_count + 1):
        shelf_id = f"{place.gondola_id}{level}"
        plate_count = round(place.width_m / 0.1)
        plates = tuple(
            Plate(
                plate_id=plate_id(shelf_id, index),
                shelf_id=shelf_id,
                left_m=plate_run_left_m(0.0, 0.1, index),
                width_m=0.1,
                channel=channel + index,
            )
            for index in range(plate_count)
        )
        channel += plate_count
        clearance_m = round(step_m - 0.02, 3)
        slots = _slots(
            rng,
            shelf_id,
            place.width_m,
            clearance_m,
            department,
            slot_counts[place.gondola_id, level],
            products,
        )
        shelves.append(
            Shelf(
                shelf_id=shelf_id,
                gondola_id=place.gondola_id,
                level=level,
                height_m=round(foot_m + step_m * (level - 1), 3),
                clearance_m=clearance_m,
                left_m=0.0,
                front_m=0.0,
                width_m=place.width_m,
                depth_m=0.4,
                plates=plates,
                slots=slots,
            )
        )
    return Gondola(
        gondola_id=place.gondola_id,
        scale_id=f"scale-{place.gondola_id}",
        origin_floor_m=place.origin_floor_m,
        heading_deg=place.heading_deg,
        width_m=place.width_m,
        depth_m=0.4,
        height_m=place.height_m,
        rate_hz=60.0,
        shelves=tuple(shelves),
    )


def _slots(
    rng: np.random.Generator,
    shelf_id: str,
    shelf_width_m: float,
    clearance_m: float,
    department: Department,
    count: int,
    products: dict[str, Product],
) -> tuple[Slot, ...]:
    edges_m = _slot_edges_m(rng, shelf_width_m, count)
    slots: list[Slot] = []
    for index in range(count):
        left_m, width_m = edges_m[index], round(edges_m[index + 1] - edges_m[index], 3)
        product = _product(rng, len(products) + 1, department, width_m, clearance_m)
        products[product.product_id] = product
        facings = max(1, math.floor((width_m + 1e-9) / (product.width_m + 0.005)))
        slots.append(
            Slot(
                slot_id=f"{shelf_id}-{index + 1}",
                shelf_id=shelf_id,
                product_id=product.product_id,
                left_m=left_m,
                width_m=width_m,
                facings=facings,
                capacity=facings * max(1, math.floor(0.38 / product.depth_m)),
            )
        )
    return tuple(slots)


def _slot_edges_m(rng: np.random.Generator, shelf_width_m: float, count: int) -> list[float]:
    """Edges of `count` slots that fill the shelf, in steps of 5 cm (half a plate)."""
    steps = round(shelf_width_m / 0.05)
    widths = np.full(count, steps // count)
    widths[rng.permutation(count)[: steps - int(widths.sum())]] += 1
    return [round(float(edge) * 0.05, 3) for edge in np.concatenate([[0], np.cumsum(widths)])]


def _product(
    rng: np.random.Generator, number: int, department: Department, width_m: float, clearance_m: float
) -> Product:
    fitting = [kind for kind in department.kinds if _fits(kind, width_m, clearance_m)]
    assert fitting, (department.name, width_m, clearance_m)
    kind = fitting[int(rng.integers(len(fitting)))]
    brand = BRANDS[int(rng.integers(len(BRANDS)))]
    variant = kind.variants[int(rng.integers(len(kind.variants)))]
    mass_g = round(float(rng.uniform(*kind.mass_g)), 1)
    return Product(
        product_id=f"P{number:03d}",
        gtin=with_check_digit(f"20{number:010d}"),
        name=f"{brand} {kind.name} {variant}",
        price_minor=int(rng.integers(*kind.price_minor) // 10 * 10 + 9),
        tax_class=kind.tax_class,
        mass_g=mass_g,
        mass_sd_g=round(mass_g * float(rng.uniform(0.004, 0.015)), 2),
        width_m=round(float(rng.uniform(*kind.width_m)), 3),
        height_m=round(float(rng.uniform(kind.height_m[0], min(kind.height_m[1], clearance_m - 0.02))), 3),
        depth_m=round(float(rng.uniform(*kind.depth_m)), 3),
        shape=kind.shape,
        age_limit=kind.age_limit,
    )


def _fits(kind: Kind, width_m: float, clearance_m: float) -> bool:
    return kind.width_m[1] <= width_m - 0.005 and kind.height_m[0] <= clearance_m - 0.025
