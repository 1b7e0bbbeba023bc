"""What strangers write in a store folder, field by field: the shape of every table and row, before it has meaning.

docs/FORMATS.md, section "Store folder", is this file in prose. Strict: a wrong type or an unknown field is refused.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

FORMAT_VERSION = 1

_ID = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
_PRICE = r"^\d{1,9}(\.\d{1,4})?$"
PATTERN_WORDS = {
    _ID: "up to 64 letters, digits, '_', '.' and '-', a letter or digit first",
    _PRICE: "a price of 0 or more with a decimal point, as 2.49",
}

Finite = Annotated[float, Field(allow_inf_nan=False)]
Length = Annotated[float, Field(gt=0, lt=1000, allow_inf_nan=False)]
Offset = Annotated[float, Field(ge=0, lt=1000, allow_inf_nan=False)]
Angle = Annotated[float, Field(ge=-360, le=360, allow_inf_nan=False)]
Pair = Annotated[list[Finite], Field(min_length=2, max_length=2)]
Triple = Annotated[list[Finite], Field(min_length=3, max_length=3)]
Polygon = Annotated[list[Pair], Field(min_length=3)]
Wall = Annotated[list[Pair], Field(min_length=2, max_length=2)]
Id = Annotated[str, Field(pattern=_ID)]
Text = Annotated[str, Field(min_length=1, max_length=120)]
Rate = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]


class Row(BaseModel):
    """Base of all: no conversion between types, no unknown field."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


# --- store.toml ---------------------------------------------------------------------------------------------------


class ShopRow(Row):
    """[store]"""

    id: Id
    name: Text
    timezone: str
    currency: str
    prices_include_tax: bool
    jurisdiction: Text


class PlanRow(Row):
    """[plan]"""

    ceiling_height_m: Length
    outline_m: Polygon
    walls_m: list[Wall] = []


class GateRow(Row):
    """[[gate]]"""

    id: Id
    kind: Literal["entry", "exit", "both"]
    left_m: Pair
    right_m: Pair
    inside_m: Pair
    needs_code: bool = True


class ZoneRow(Row):
    """[[zone]]"""

    id: Id
    name: Text
    polygon_m: Polygon


class GondolaRow(Row):
    """[[gondola]] without its shelves."""

    id: Id
    scale_id: Id
    origin_m: Pair
    heading_deg: Angle
    width_m: Length
    depth_m: Length
    height_m: Length
    rate_hz: Annotated[float, Field(ge=1, le=1000, allow_inf_nan=False)]


class PlateRow(Row):
    """One element of a shelf's `plates`."""

    id: Id | None = None  # gondola's id + level + "." + place from the left when absent
    left_m: Offset
    width_m: Length
    channel: Annotated[int, Field(ge=0)]


class PlateRunRow(Row):
    """A shelf's `plate_run`: plates of one width side by side, on channels that count up."""

    left_m: Offset = 0.0
    width_m: Length
    count: Annotated[int, Field(ge=1, le=1000)]
    channel: Annotated[int, Field(ge=0)]


class ShelfRow(Row):
    """[[gondola.shelf]]"""

    id: Id | None = None  # the gondola's id followed by the level when absent
    level: Annotated[int, Field(ge=1, le=99)]
    height_m: Offset
    clearance_m: Length
    left_m: Offset = 0.0
    front_m: Offset = 0.0
    width_m: Length
    depth_m: Length
    scan_to_confirm: bool = False
    plate_run: PlateRunRow | None = None
    plates: list[PlateRow] | None = None


# --- cameras.toml -------------------------------------------------------------------------------------------------


class LensRow(Row):
    """[camera.lens]: either the focal length or the horizontal field of view."""

    width_px: Annotated[int, Field(ge=16, le=16384)]
    height_px: Annotated[int, Field(ge=16, le=16384)]
    horizontal_fov_deg: Annotated[float, Field(gt=0, lt=180, allow_inf_nan=False)] | None = None
    focal_px: Pair | None = None
    centre_px: Pair | None = None  # the middle of the picture when absent
    distortion: Annotated[list[Finite], Field(min_length=5, max_length=5)] = [0.0, 0.0, 0.0, 0.0, 0.0]


class CameraRow(Row):
    """[[camera]]"""

    id: Id
    position_m: Triple
    pan_deg: Angle
    tilt_deg: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    roll_deg: Angle = 0.0
    fps: Annotated[float, Field(gt=0, le=240, allow_inf_nan=False)]
    main_px: Annotated[list[Annotated[int, Field(ge=16, le=16384)]], Field(min_length=2, max_length=2)]
    source: str = ""
    main_source: str = ""
    is_wide: bool = True
    lens: LensRow


# --- products.csv and planogram.csv -------------------------------------------------------------------------------


class ProductRow(Row):
    """products.csv"""

    product_id: Id
    gtin: str
    name: Text
    price: Annotated[str, Field(pattern=_PRICE)]  # in the store's currency, "2.49"
    tax_class: Text
    mass_g: Annotated[float, Field(gt=0, lt=1e6, allow_inf_nan=False)]
    mass_sd_g: Annotated[float, Field(ge=0, lt=1e6, allow_inf_nan=False)]
    width_m: Length
    height_m: Length
    depth_m: Length
    shape: Literal["box", "can", "bottle", "bag", "carton"]
    age_limit: Annotated[int, Field(ge=0, le=99)]
    pack_picture: str
    look_alike_of: Id | Literal[""]


class PromotionRow(Row):
    """[[promotion]] of promotions.toml; prices in the store's currency, "2.49"."""

    id: Id
    name: Text
    products: list[Id] = []
    percent: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] | None = None
    buy: Annotated[int, Field(ge=2, le=1000)] | None = None
    free: Annotated[int, Field(ge=1, le=999)] | None = None
    price: Annotated[str, Field(pattern=_PRICE)] | None = None
    spend: Annotated[str, Field(pattern=_PRICE)] | None = None
    off: Annotated[str, Field(pattern=_PRICE)] | None = None
    programme: str = ""
    valid_from: date | None = None
    valid_until: date | None = None


class SlotRow(Row):
    """planogram.csv"""

    slot_id: Id
    shelf_id: Id
    product_id: Id
    left_m: Offset
    width_m: Length
    facings: Annotated[int, Field(ge=1, le=1000)]
    capacity: Annotated[int, Field(ge=1, le=100000)]
