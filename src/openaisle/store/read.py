"""From the files of a store folder to a draft and the problems of single fields. `check.py` looks at the whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from openaisle.core.errors import StoreError
from openaisle.core.geometry import Lens
from openaisle.store.draft import (
    CAMERAS_FILE,
    EVERY_ID,
    PLANOGRAM_FILE,
    PRODUCTS_FILE,
    STORE_FILE,
    Draft,
    Plan,
    Shop,
)
from openaisle.store.lenses import focal_for_fov_px
from openaisle.store.money import CURRENCY_DIGITS, minor_from_text
from openaisle.store.promotions import read_promotions_file
from openaisle.store.rows import (
    CameraRow,
    GateRow,
    GondolaRow,
    LensRow,
    PlanRow,
    ProductRow,
    Rate,
    ShelfRow,
    ShopRow,
    SlotRow,
    ZoneRow,
)
from openaisle.store.schema import Camera, Gate, Gondola, Plate, Point2, Product, Shelf, Slot, Zone
from openaisle.store.tables import TomlFile, csv_rows
from openaisle.store.toml_lines import Path as TomlPath


def read_folder(folder: Path) -> tuple[Draft, list[StoreError]]:
    """Everything of the files that could be understood, and every problem met on the way."""
    draft = Draft(folder=folder)
    problems: list[StoreError] = []
    _read_store_file(folder, draft, problems)
    read_cameras_file(folder, draft, problems)
    _read_products_file(folder, draft, problems)
    _read_planogram_file(folder, draft, problems)
    read_promotions_file(folder, draft, problems)
    return draft, problems


# --- store.toml ---------------------------------------------------------------------------------------------------

_STORE_KEYS = ("format", "store", "tax", "plan", "gate", "zone", "gondola")


def _read_store_file(folder: Path, draft: Draft, problems: list[StoreError]) -> None:
    toml = TomlFile.read(folder, STORE_FILE, _STORE_KEYS, problems)
    if toml is None:
        draft.ids_left_out.update((kind, EVERY_ID) for kind in ("tax", "shelf"))
        return
    if shop := toml.row(ShopRow, ("store",)):
        draft.shop = toml.placed(_shop(shop), ("store",))
    if plan := toml.row(PlanRow, ("plan",)):
        draft.plan = toml.placed(_plan(plan), ("plan",))
    if "tax" not in toml.document:
        toml.report("missing", ("tax",), expected="[tax] with a rate for each tax class")
    elif (rates := toml.table(("tax",))) is not None:
        good = {name: rate for name, rate in rates.items() if toml.is_valid(Rate, rate, ("tax", name))}
        draft.tax_rates = toml.placed({name: float(rate) for name, rate in good.items()}, ("tax",))
        draft.ids_left_out.update(("tax", name) for name in rates if name not in good)
    for path in toml.tables("gate"):
        if gate := toml.row(GateRow, path):
            draft.gates.append(toml.placed(_gate(gate), path))
    for path in toml.tables("zone"):
        if zone := toml.row(ZoneRow, path):
            draft.zones.append(toml.placed(_zone(zone), path))
    for path in toml.tables("gondola"):
        _read_gondola(toml, path, draft)


def _read_gondola(toml: TomlFile, path: TomlPath, draft: Draft) -> None:
    table = toml.table(path)
    if table is None:
        return
    gondola_id = table.get("id")
    if gondola := toml.row(GondolaRow, path, without=("shelf",)):
        draft.gondolas.append(toml.placed(_gondola(gondola), path))
    if not isinstance(gondola_id, str):
        gondola_id = f"gondola {path[-1]}"
    if gondola is None:
        draft.ids_left_out.add(("gondola", gondola_id))
    for shelf_path in toml.tables("shelf", under=path):
        shelf_table = toml.table(shelf_path)
        shelf = toml.row(ShelfRow, shelf_path)
        if shelf is not None:
            if (shelf.plate_run is None) == (shelf.plates is None):
                toml.report(
                    "plates are said twice" if shelf.plates is not None else "no plates",
                    shelf_path,
                    expected="either plate_run or plates (plates = [] if nothing is weighed)",
                )
            draft.shelves.append(toml.placed(_shelf(shelf, gondola_id), shelf_path))
        elif shelf_table is not None:
            shelf_id = shelf_table.get("id", f"{gondola_id}{shelf_table.get('level')}")
            draft.ids_left_out.add(("shelf", str(shelf_id)))


def _point(pair: Sequence[float]) -> Point2:
    return (float(pair[0]), float(pair[1]))


def _shop(row: ShopRow) -> Shop:
    return Shop(
        store_id=row.id,
        name=row.name,
        timezone=row.timezone,
        currency=row.currency,
        currency_digits=CURRENCY_DIGITS.get(row.currency, 2),
        prices_include_tax=row.prices_include_tax,
        jurisdiction=row.jurisdiction,
    )


def _plan(row: PlanRow) -> Plan:
    return Plan(
        ceiling_height_m=float(row.ceiling_height_m),
        outline_floor_m=tuple(_point(point) for point in row.outline_m),
        walls_floor_m=tuple((_point(wall[0]), _point(wall[1])) for wall in row.walls_m),
    )


def _gate(row: GateRow) -> Gate:
    return Gate(
        gate_id=row.id,
        kind=row.kind,
        left_floor_m=_point(row.left_m),
        right_floor_m=_point(row.right_m),
        inside_floor_m=_point(row.inside_m),
        needs_code=row.needs_code,
    )


def _zone(row: ZoneRow) -> Zone:
    return Zone(
        zone_id=row.id, name=row.name, polygon_floor_m=tuple(_point(point) for point in row.polygon_m)
    )


def _gondola(row: GondolaRow) -> Gondola:
    return Gondola(
        gondola_id=row.id,
        scale_id=row.scale_id,
        origin_floor_m=_point(row.origin_m),
        heading_deg=float(row.heading_deg),
        width_m=float(row.width_m),
        depth_m=float(row.depth_m),
        height_m=float(row.height_m),
        rate_hz=float(row.rate_hz),
        shelves=(),
    )


def _shelf(row: ShelfRow, gondola_id: str) -> Shelf:
    shelf_id = row.id or f"{gondola_id}{row.level}"
    if row.plate_run is not None:
        run = row.plate_run
        plates = tuple(
            Plate(
                plate_id=plate_id(shelf_id, index),
                shelf_id=shelf_id,
                left_m=plate_run_left_m(run.left_m, run.width_m, index),
                width_m=float(run.width_m),
                channel=run.channel + index,
            )
            for index in range(run.count)
        )
    else:
        plates = tuple(
            Plate(
                plate_id=plate.id or plate_id(shelf_id, index),
                shelf_id=shelf_id,
                left_m=float(plate.left_m),
                width_m=float(plate.width_m),
                channel=plate.channel,
            )
            for index, plate in enumerate(row.plates or ())
        )
    return Shelf(
        shelf_id=shelf_id,
        gondola_id=gondola_id,
        level=row.level,
        height_m=float(row.height_m),
        clearance_m=float(row.clearance_m),
        left_m=float(row.left_m),
        front_m=float(row.front_m),
        width_m=float(row.width_m),
        depth_m=float(row.depth_m),
        plates=plates,
        slots=(),
        is_scanned=row.scan_to_confirm,
    )


def plate_id(shelf_id: str, index: int) -> str:
    """ "A3.04": the fourth plate from the left of shelf A3."""
    return f"{shelf_id}.{index + 1:02d}"


def plate_run_left_m(left_m: float, width_m: float, index: int) -> float:
    """Left edge of one plate of a run, to a micrometre, so that 0.1 * 3 is 0.3."""
    return round(left_m + width_m * index, 6)


# --- cameras.toml -------------------------------------------------------------------------------------------------


def read_cameras_file(
    folder: Path, draft: Draft, problems: list[StoreError], name: str = CAMERAS_FILE
) -> None:
    """The cameras of one file, without the rest of a store."""
    toml = TomlFile.read(folder, name, ("format", "camera"), problems)
    if toml is None:
        return
    for path in toml.tables("camera"):
        if row := toml.row(CameraRow, path):
            lens = _lens(toml, row.lens, (*path, "lens"))
            if lens is not None:
                draft.cameras.append(toml.placed(_camera(row, lens), path))


def _lens(toml: TomlFile, row: LensRow, path: TomlPath) -> Lens | None:
    if (row.horizontal_fov_deg is None) == (row.focal_px is None):
        both = row.focal_px is not None
        toml.report(
            "the focal length is said twice" if both else "no focal length",
            (*path, "focal_px") if both else path,
            expected="either focal_px = [x, y] or horizontal_fov_deg",
        )
        return None
    k1, k2, p1, p2, k3 = (float(value) for value in row.distortion)
    if row.focal_px is not None:
        focal_x_px, focal_y_px = (float(value) for value in row.focal_px)
        if min(focal_x_px, focal_y_px) <= 0:
            toml.report("not a focal length", (*path, "focal_px"), expected="above 0", found=row.focal_px)
            return None
    else:
        assert row.horizontal_fov_deg is not None
        focal = focal_for_fov_px(row.width_px, row.horizontal_fov_deg, (k1, k2, k3))
        if focal <= 0:
            toml.report(
                "the distortion folds the picture before its edge",
                (*path, "distortion"),
                expected="a distortion that grows up to half the field of view",
                found=row.distortion,
            )
            return None
        focal_x_px = focal_y_px = focal
    centre = row.centre_px or [(row.width_px - 1) / 2, (row.height_px - 1) / 2]
    return Lens(
        row.width_px,
        row.height_px,
        focal_x_px,
        focal_y_px,
        float(centre[0]),
        float(centre[1]),
        (k1, k2, p1, p2, k3),
    )


def _camera(row: CameraRow, lens: Lens) -> Camera:
    x, y, z = row.position_m
    return Camera(
        camera_id=row.id,
        position_floor_m=(float(x), float(y), float(z)),
        pan_deg=float(row.pan_deg),
        tilt_deg=float(row.tilt_deg),
        roll_deg=float(row.roll_deg),
        lens=lens,
        main_width_px=row.main_px[0],
        main_height_px=row.main_px[1],
        fps=float(row.fps),
        source=row.source,
        main_source=row.main_source,
        is_wide=row.is_wide,
    )


# --- products.csv and planogram.csv -------------------------------------------------------------------------------

_PRODUCT_COLUMNS_OPTIONAL = ("gtin", "pack_picture", "look_alike_of")


def _read_products_file(folder: Path, draft: Draft, problems: list[StoreError]) -> None:
    digits = draft.shop.value.currency_digits if draft.shop else 4
    lost_ids: set[str] = set()
    rows = csv_rows(folder, PRODUCTS_FILE, ProductRow, problems, lost_ids, _PRODUCT_COLUMNS_OPTIONAL)
    for cells in rows:
        row = cells.parse(ProductRow, problems)
        if row is not None:
            try:
                product = _product(row, minor_from_text(row.price, digits))
            except ValueError as error:
                cells.report(problems, "wrong value", "price", expected=str(error), found=row.price)
            else:
                draft.products.append(cells.placed(product))
                continue
        lost_ids.add(cells.cells["product_id"])
    draft.ids_left_out.update(("product", product_id) for product_id in lost_ids)


def _product(row: ProductRow, price_minor: int) -> Product:
    return Product(
        product_id=row.product_id,
        gtin=row.gtin,
        name=row.name,
        price_minor=price_minor,
        tax_class=row.tax_class,
        mass_g=row.mass_g,
        mass_sd_g=row.mass_sd_g,
        width_m=row.width_m,
        height_m=row.height_m,
        depth_m=row.depth_m,
        shape=row.shape,
        age_limit=row.age_limit,
        pack_picture=row.pack_picture,
        look_alike_of=row.look_alike_of or None,
    )


def _read_planogram_file(folder: Path, draft: Draft, problems: list[StoreError]) -> None:
    for cells in csv_rows(folder, PLANOGRAM_FILE, SlotRow, problems, set()):
        row = cells.parse(SlotRow, problems)
        if row is not None:
            slot = Slot(
                slot_id=row.slot_id,
                shelf_id=row.shelf_id,
                product_id=row.product_id,
                left_m=row.left_m,
                width_m=row.width_m,
                facings=row.facings,
                capacity=row.capacity,
            )
            draft.slots.append(cells.placed(slot))
