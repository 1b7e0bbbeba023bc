"""A store back into its four files, so that `load_store(folder) == store`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

from openaisle.store.draft import CAMERAS_FILE, PLANOGRAM_FILE, PRODUCTS_FILE, PROMOTIONS_FILE, STORE_FILE
from openaisle.store.money import text_from_minor
from openaisle.store.promotions import dates_of
from openaisle.store.read import plate_id, plate_run_left_m
from openaisle.store.rows import FORMAT_VERSION, ProductRow, SlotRow
from openaisle.store.schema import Camera, Gondola, Shelf, Store


def write_store(store: Store, folder: Path) -> None:
    """Write store.toml, cameras.toml, products.csv, planogram.csv and, if there are any, promotions.toml into `folder`,
    made if absent."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        STORE_FILE: _store_file(store),
        CAMERAS_FILE: _cameras_file(store),
        PRODUCTS_FILE: _products_file(store),
        PLANOGRAM_FILE: _planogram_file(store),
    }
    if store.promotions:
        files[PROMOTIONS_FILE] = _promotions_file(store)
    for name, text in files.items():
        (folder / name).write_bytes(text.encode())


def _store_file(store: Store) -> str:
    lines = [f"format = {FORMAT_VERSION}", "", "[store]"]
    lines += _pairs(
        id=store.store_id,
        name=store.name,
        timezone=store.timezone,
        currency=store.currency,
        prices_include_tax=store.prices_include_tax,
        jurisdiction=store.jurisdiction,
    )
    lines += ["", "[tax]  # share of the price, by tax class"]
    lines += [f"{_key(name)} = {_toml(rate)}" for name, rate in store.tax_rates.items()]
    lines += ["", "[plan]  # floor frame: metres, x east, y north; the outline counter-clockwise"]
    lines += _pairs(ceiling_height_m=store.ceiling_height_m, outline_m=store.plan_floor_m)
    if store.walls_floor_m:
        lines += ["walls_m = [", *(f"  {_toml(wall)}," for wall in store.walls_floor_m), "]"]
    for gate in store.gates:
        lines += ["", "[[gate]]"]
        lines += _pairs(
            id=gate.gate_id,
            kind=gate.kind,
            left_m=gate.left_floor_m,
            right_m=gate.right_floor_m,
            inside_m=gate.inside_floor_m,
        )
        if not gate.needs_code:
            lines += _pairs(needs_code=False)
    for zone in store.zones:
        lines += ["", "[[zone]]"]
        lines += _pairs(id=zone.zone_id, name=zone.name, polygon_m=zone.polygon_floor_m)
    for gondola in store.gondolas:
        lines += _gondola_lines(gondola)
    return "\n".join(lines) + "\n"


def _gondola_lines(gondola: Gondola) -> Iterable[str]:
    yield ""
    yield "[[gondola]]"
    yield from _pairs(
        id=gondola.gondola_id,
        scale_id=gondola.scale_id,
        origin_m=gondola.origin_floor_m,
        heading_deg=gondola.heading_deg,
        width_m=gondola.width_m,
        depth_m=gondola.depth_m,
        height_m=gondola.height_m,
        rate_hz=gondola.rate_hz,
    )
    for shelf in gondola.shelves:
        yield ""
        yield "[[gondola.shelf]]"
        if shelf.shelf_id != f"{gondola.gondola_id}{shelf.level}":
            yield from _pairs(id=shelf.shelf_id)
        yield from _pairs(
            level=shelf.level,
            height_m=shelf.height_m,
            clearance_m=shelf.clearance_m,
            left_m=shelf.left_m,
            front_m=shelf.front_m,
            width_m=shelf.width_m,
            depth_m=shelf.depth_m,
        )
        if shelf.is_scanned:
            yield from _pairs(scan_to_confirm=True)
        yield from _plate_lines(shelf)


def _plate_lines(shelf: Shelf) -> Iterable[str]:
    plates = shelf.plates
    if plates:
        first = plates[0]
        is_run = all(
            plate.plate_id == plate_id(shelf.shelf_id, index)
            and plate.left_m == plate_run_left_m(first.left_m, first.width_m, index)
            and plate.width_m == first.width_m
            and plate.channel == first.channel + index
            for index, plate in enumerate(plates)
        )
        if is_run:
            yield (
                f"plate_run = {{ left_m = {_toml(first.left_m)}, width_m = {_toml(first.width_m)}, "
                f"count = {len(plates)}, channel = {first.channel} }}"
            )
            return
    yield "plates = ["
    for plate in plates:
        yield (
            f"  {{ id = {_toml(plate.plate_id)}, left_m = {_toml(plate.left_m)}, "
            f"width_m = {_toml(plate.width_m)}, channel = {plate.channel} }},"
        )
    yield "]"


def _cameras_file(store: Store) -> str:
    lines = [f"format = {FORMAT_VERSION}"]
    for camera in store.cameras:
        lines += _camera_lines(camera)
    return "\n".join(lines) + "\n"


def _camera_lines(camera: Camera) -> Iterable[str]:
    yield ""
    yield "[[camera]]"
    yield from _pairs(
        id=camera.camera_id,
        position_m=camera.position_floor_m,
        pan_deg=camera.pan_deg,
        tilt_deg=camera.tilt_deg,
        roll_deg=camera.roll_deg,
        fps=camera.fps,
        main_px=(camera.main_width_px, camera.main_height_px),
    )
    if camera.source:
        yield from _pairs(source=camera.source)
    if camera.main_source:
        yield from _pairs(main_source=camera.main_source)
    if not camera.is_wide:
        yield from _pairs(is_wide=False)
    lens = camera.lens
    yield "[camera.lens]"
    yield from _pairs(
        width_px=lens.width_px,
        height_px=lens.height_px,
        focal_px=(lens.focal_x_px, lens.focal_y_px),
        centre_px=(lens.centre_x_px, lens.centre_y_px),
        distortion=lens.distortion,
    )


def _products_file(store: Store) -> str:
    rows = [
        [
            product.product_id,
            product.gtin,
            product.name,
            text_from_minor(product.price_minor, store.currency_digits),
            product.tax_class,
            _number(product.mass_g),
            _number(product.mass_sd_g),
            _number(product.width_m),
            _number(product.height_m),
            _number(product.depth_m),
            product.shape,
            str(product.age_limit),
            product.pack_picture,
            product.look_alike_of or "",
        ]
        for product in store.products.values()
    ]
    return _csv(tuple(ProductRow.model_fields), rows)


def _planogram_file(store: Store) -> str:
    rows = [
        [
            slot.slot_id,
            slot.shelf_id,
            slot.product_id,
            _number(slot.left_m),
            _number(slot.width_m),
            str(slot.facings),
            str(slot.capacity),
        ]
        for slot in store.slots.values()
    ]
    return _csv(tuple(SlotRow.model_fields), rows)


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def _promotions_file(store: Store) -> str:
    lines = [f"format = {FORMAT_VERSION}"]
    for each in store.promotions:
        fields: dict[str, object] = {"id": each.promotion_id, "name": each.name, "products": each.product_ids}
        fields |= {"percent": each.percent, "buy": each.buy, "free": each.free, "programme": each.programme}
        money = {"price": each.price_minor, "spend": each.spend_minor, "off": each.off_minor}
        fields |= {
            name: text_from_minor(minor, store.currency_digits) for name, minor in money.items() if minor
        }
        lines += ["", "[[promotion]]", *_pairs(**{name: value for name, value in fields.items() if value})]
        days = dates_of(each, store.timezone)
        lines += [f"{name} = {day.isoformat()}" for name, day in days.items()]
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    """The shortest text that reads back as the same number; whole numbers without a point."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def _pairs(**values: object) -> Iterable[str]:
    return [f"{name} = {_toml(value)}" for name, value in values.items()]


def _toml(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return repr(float(value))
        case str():
            # A TOML basic string is a JSON string, but for the delete character.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
        case tuple():
            return f"[{', '.join(_toml(item) for item in cast(tuple[object, ...], value))}]"
        case _:
            raise AssertionError(f"no TOML for {type(value).__name__}")


def _key(name: str) -> str:
    bare = name.isascii() and all(letter.isalnum() or letter in "_-" for letter in name) and name != ""
    return name if bare else _toml(name)
