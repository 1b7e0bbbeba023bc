"""A shop as the rest of OpenAisle sees it: frozen, checked, with the lookups that rooms need.

Made by `openaisle.store.load`; nobody else builds one except tests. Frames: see core/geometry.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from openaisle.core.geometry import Floats, Lens, Transform, floor_from_camera, floor_from_gondola
from openaisle.core.messages import (
    CameraId,
    GateId,
    PlateId,
    ProductId,
    ScaleId,
    ShelfId,
    SlotId,
    StoreId,
)

Point2 = tuple[float, float]
Point3 = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Product:
    """One row of products.csv."""

    product_id: ProductId  # SKU
    gtin: str  # GTIN-8/12/13/14 with a right check digit, or "" if it has none
    name: str
    price_minor: int
    tax_class: str
    mass_g: float
    mass_sd_g: float  # spread of one unit's true mass about mass_g
    width_m: float
    height_m: float
    depth_m: float
    shape: str = "box"  # box | can | bottle | bag | carton
    age_limit: int = 0
    pack_picture: str = ""  # file beside products.csv; "" = drawn from the name and colours by the simulator
    look_alike_of: ProductId | None = None  # known to look much the same


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """One [[promotion]] of promotions.toml. Which of its three kinds it is, the field that is set says."""

    promotion_id: str
    name: str  # as the receipt shows it
    product_ids: tuple[ProductId, ...] = ()  # (): every product
    percent: float = 0.0  # less, of each unit
    buy: int = 0  # so many units together ...
    free: int = 0  # ... of which the cheapest so many cost nothing,
    price_minor: int = 0  # ... or which cost this together
    spend_minor: int = 0  # from so much on, after all others ...
    off_minor: int = 0  # ... so much less
    programme: str = ""  # only for members of this loyalty programme
    from_ns: int = 0
    until_ns: int = 0  # 0: without end

    def is_valid(self, at_ns: int) -> bool:
        return self.from_ns <= at_ns and (at_ns < self.until_ns or not self.until_ns)


@dataclass(frozen=True, kw_only=True)
class Plate:
    """One weighing plate: the smallest thing that reports grams."""

    plate_id: PlateId
    shelf_id: ShelfId
    left_m: float  # along the shelf, from its left end
    width_m: float
    channel: int  # column of ScaleBatch.grams


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One row of planogram.csv: a stretch of shelf that belongs to one product."""

    slot_id: SlotId
    shelf_id: ShelfId
    product_id: ProductId
    left_m: float  # along the shelf, from its left end
    width_m: float
    facings: int  # side by side
    capacity: int  # units when full

    @property
    def middle_m(self) -> float:
        """Along the shelf, from its left end."""
        return self.left_m + self.width_m / 2


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """A board of a gondola. Its surface is at `height_m`; goods stand between front and back edge."""

    shelf_id: ShelfId
    gondola_id: str
    level: int  # 1 = lowest
    height_m: float  # of the surface above the floor
    clearance_m: float  # to the board above
    left_m: float  # of the board in the gondola frame (x)
    front_m: float  # of the board's front edge in the gondola frame (y)
    width_m: float
    depth_m: float
    plates: tuple[Plate, ...]
    slots: tuple[Slot, ...]
    is_scanned: bool = False  # scan-to-confirm: only what somebody scans is billed, whatever the plates say


@dataclass(frozen=True, kw_only=True)
class Gondola:
    """A piece of shelving, shopped from its front."""

    gondola_id: str
    scale_id: ScaleId
    origin_floor_m: Point2  # front left bottom corner, as the shopper sees it
    heading_deg: float  # direction of the front edge, left to right
    width_m: float
    depth_m: float
    height_m: float
    rate_hz: float  # of its scale
    shelves: tuple[Shelf, ...]  # lowest first

    @cached_property
    def floor_from_gondola(self) -> Transform:
        return floor_from_gondola(self.origin_floor_m, self.heading_deg)

    @cached_property
    def footprint_floor_m(self) -> Floats:
        """Corners [4, 2]: front left, front right, back right, back left."""
        corners = np.array(
            [[0, 0, 0], [self.width_m, 0, 0], [self.width_m, self.depth_m, 0], [0, self.depth_m, 0]], float
        )
        return self.floor_from_gondola.apply(corners)[:, :2]

    @property
    def plates(self) -> tuple[Plate, ...]:
        """All plates, in the order of ScaleBatch.grams' columns."""
        return tuple(plate for shelf in self.shelves for plate in shelf.plates)


@dataclass(frozen=True, kw_only=True)
class Gate:
    """A line on the floor that shoppers cross. `inside_floor_m` is a point just inside the shop."""

    gate_id: GateId
    kind: str  # entry | exit | both
    left_floor_m: Point2
    right_floor_m: Point2
    inside_floor_m: Point2
    needs_code: bool = True  # False: whoever comes in here shops, and pays on the way out

    @property
    def centre_floor_m(self) -> Point2:
        (ax, ay), (bx, by) = self.left_floor_m, self.right_floor_m
        return ((ax + bx) / 2, (ay + by) / 2)


@dataclass(frozen=True, kw_only=True)
class Zone:
    zone_id: str
    name: str
    polygon_floor_m: tuple[Point2, ...]


@dataclass(frozen=True, kw_only=True)
class Camera:
    """One ceiling camera: where it is, how it sees, where its two streams come from."""

    camera_id: CameraId
    position_floor_m: Point3
    pan_deg: float
    tilt_deg: float
    roll_deg: float
    lens: Lens  # of the substream, which the people detector sees
    main_width_px: int
    main_height_px: int
    fps: float
    source: str = (
        ""  # substream URL or file: rtsp://..., file:..., tcp://...; "" in a store that is only simulated
    )
    main_source: str = ""
    is_wide: bool = True

    @cached_property
    def floor_from_camera(self) -> Transform:
        return floor_from_camera(self.position_floor_m, self.pan_deg, self.tilt_deg, self.roll_deg)

    @cached_property
    def camera_from_floor(self) -> Transform:
        return self.floor_from_camera.inverse()

    def project(self, points_floor_m: Floats) -> Floats:
        """Points [..., 3] of the floor frame to substream pixels [..., 2]; NaN behind the camera."""
        return self.lens.project(self.camera_from_floor.apply(points_floor_m))


@dataclass(frozen=True, kw_only=True)
class Store:
    """One shop, whole and checked."""

    store_id: StoreId
    name: str
    timezone: str
    currency: str  # ISO 4217
    currency_digits: int
    prices_include_tax: bool
    tax_rates: Mapping[str, float]  # class -> rate, 0.07 = 7 %
    jurisdiction: str
    ceiling_height_m: float
    plan_floor_m: tuple[Point2, ...]  # the shop's outline, counter-clockwise
    walls_floor_m: tuple[tuple[Point2, Point2], ...]
    gates: tuple[Gate, ...]
    zones: tuple[Zone, ...]
    gondolas: tuple[Gondola, ...]
    cameras: tuple[Camera, ...]
    products: Mapping[ProductId, Product]
    promotions: tuple[Promotion, ...] = ()

    @cached_property
    def gondola_of(self) -> Mapping[str, Gondola]:
        return {gondola.gondola_id: gondola for gondola in self.gondolas}

    @cached_property
    def gondola_of_scale(self) -> Mapping[ScaleId, Gondola]:
        return {gondola.scale_id: gondola for gondola in self.gondolas}

    @cached_property
    def shelves(self) -> Mapping[ShelfId, Shelf]:
        return {shelf.shelf_id: shelf for gondola in self.gondolas for shelf in gondola.shelves}

    @cached_property
    def slots(self) -> Mapping[SlotId, Slot]:
        return {slot.slot_id: slot for shelf in self.shelves.values() for slot in shelf.slots}

    @cached_property
    def camera_of(self) -> Mapping[CameraId, Camera]:
        return {camera.camera_id: camera for camera in self.cameras}

    @cached_property
    def gate_of(self) -> Mapping[GateId, Gate]:
        return {gate.gate_id: gate for gate in self.gates}

    def shelf_point_floor_m(
        self, shelf: Shelf, along_m: float, into_m: float, above_m: float = 0.0
    ) -> Floats:
        """Floor-frame point [3]: `along_m` from the shelf's left end, `into_m` from its front edge, above it."""
        gondola = self.gondola_of[shelf.gondola_id]
        point = np.array([shelf.left_m + along_m, shelf.front_m + into_m, shelf.height_m + above_m])
        return gondola.floor_from_gondola.apply(point)
