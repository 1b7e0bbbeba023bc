"""From the files of a store folder to a draft and the problems of single fields. `check.py` looks at the whole."""

from __future__ import annotations

import codecs
import csv
import difflib
import io
import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from openaisle.core.errors import StoreError
from openaisle.core.geometry import Lens
from openaisle.store.draft import (
    CAMERAS_FILE,
    PLANOGRAM_FILE,
    PRODUCTS_FILE,
    STORE_FILE,
    Draft,
    Placed,
    Plan,
    Shop,
)
from openaisle.store.money import CURRENCY_DIGITS, minor_from_text
from openaisle.store.rows import (
    FORMAT_VERSION,
    CameraRow,
    GateRow,
    GondolaRow,
    LensRow,
    PlanRow,
    ProductRow,
    Rate,
    Row,
    ShelfRow,
    ShopRow,
    SlotRow,
    ZoneRow,
)
from openaisle.store.schema import Camera, Gate, Gondola, Plate, Point2, Product, Shelf, Slot, Zone
from openaisle.store.toml_lines import TomlLines

RowT = TypeVar("RowT", bound=Row)
Table = Mapping[str, Any]


def read_folder(folder: Path) -> tuple[Draft, list[StoreError]]:
    """Everything of the four files that could be understood, and every problem met on the way."""
    draft = Draft()
    problems: list[StoreError] = []
    if not folder.is_dir():
        return draft, [
            StoreError("no such store folder", file=str(folder), expected=f"a folder with {STORE_FILE}")
        ]
    _read_store_file(folder, draft, problems)
    _read_cameras_file(folder, draft, problems)
    _read_products_file(folder, draft, problems)
    _read_planogram_file(folder, draft, problems)
    return draft, problems


# --- store.toml ---------------------------------------------------------------------------------------------------

_STORE_KEYS = ("format", "store", "tax", "plan", "gate", "zone", "gondola")


def _read_store_file(folder: Path, draft: Draft, problems: list[StoreError]) -> None:
    toml = _Toml.read(folder, STORE_FILE, _STORE_KEYS, problems)
    if toml is None:
        return
    if shop := toml.row(ShopRow, ("store",)):
        draft.shop = toml.placed(_shop(shop), ("store",))
    if plan := toml.row(PlanRow, ("plan",)):
        draft.plan = toml.placed(_plan(plan), ("plan",))
    if "tax" not in toml.document:
        toml.report("missing", ("tax",), expected="[tax] with a rate for each tax class")
    elif (rates := toml.table(("tax",))) is not None:
        good = {name: rate for name, rate in rates.items() if toml.valid(Rate, rate, ("tax", name))}
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


def _read_gondola(toml: _Toml, path: tuple[str | int, ...], draft: Draft) -> None:
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
    )


def plate_id(shelf_id: str, index: int) -> str:
    """ "A3.04": the fourth plate from the left of shelf A3."""
    return f"{shelf_id}.{index + 1:02d}"


def plate_run_left_m(left_m: float, width_m: float, index: int) -> float:
    """Left edge of one plate of a run, to a micrometre, so that 0.1 * 3 is 0.3."""
    return round(left_m + width_m * index, 6)


# --- cameras.toml -------------------------------------------------------------------------------------------------


def _read_cameras_file(folder: Path, draft: Draft, problems: list[StoreError]) -> None:
    toml = _Toml.read(folder, CAMERAS_FILE, ("format", "camera"), problems)
    if toml is None:
        return
    for path in toml.tables("camera"):
        if row := toml.row(CameraRow, path):
            lens = _lens(toml, row.lens, (*path, "lens"))
            if lens is not None:
                draft.cameras.append(toml.placed(_camera(row, lens), path))


def _lens(toml: _Toml, row: LensRow, path: tuple[str | int, ...]) -> Lens | None:
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


def focal_for_fov_px(width_px: int, horizontal_fov_deg: float, radial: tuple[float, float, float]) -> float:
    """Focal length of a lens that sees `horizontal_fov_deg` from its left to its right edge, distortion included."""
    k1, k2, k3 = radial
    r = math.tan(math.radians(horizontal_fov_deg) / 2)
    return (width_px / 2) / (r * (1 + k1 * r**2 + k2 * r**4 + k3 * r**6))


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


def _read_products_file(folder: Path, draft: Draft, problems: list[StoreError]) -> None:
    digits = draft.shop.value.currency_digits if draft.shop else 4
    for line, cells in _csv_rows(folder, PRODUCTS_FILE, tuple(ProductRow.model_fields), problems):
        row = _row_of_cells(ProductRow, cells, PRODUCTS_FILE, line, problems)
        if row is None:
            draft.ids_left_out.add(("product", cells.get("product_id", "")))
            continue
        try:
            price_minor = minor_from_text(row.price, digits)
        except ValueError as error:
            problems.append(
                StoreError(
                    "not a price",
                    file=PRODUCTS_FILE,
                    line=line,
                    field="price",
                    expected=str(error),
                    found=row.price,
                )
            )
            draft.ids_left_out.add(("product", row.product_id))
            continue
        draft.products.append(_placed_row(_product(row, price_minor), PRODUCTS_FILE, line))


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
    for line, cells in _csv_rows(folder, PLANOGRAM_FILE, tuple(SlotRow.model_fields), problems):
        row = _row_of_cells(SlotRow, cells, PLANOGRAM_FILE, line, problems)
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
            draft.slots.append(_placed_row(slot, PLANOGRAM_FILE, line))


_Value = TypeVar("_Value")


def _placed_row(value: _Value, file: str, line: int) -> Placed[_Value]:
    return Placed(value, file, lambda _: line)


def _row_of_cells(
    kind: type[RowT], cells: Mapping[str, str], file: str, line: int, problems: list[StoreError]
) -> RowT | None:
    try:
        return kind.model_validate_strings(dict(cells), strict=True)
    except ValidationError as error:
        for path, message, expected, found in _field_errors(error, kind):
            problems.append(
                StoreError(
                    message,
                    file=file,
                    line=line,
                    field=".".join(map(str, path)) or None,
                    expected=expected,
                    found=found,
                )
            )
        return None


def _csv_rows(
    folder: Path, file: str, columns: tuple[str, ...], problems: list[StoreError]
) -> Iterable[tuple[int, dict[str, str]]]:
    """(line, cells) of every row with the right number of cells; what is wrong with the file goes to `problems`."""
    text = _text(folder, file, problems)
    if text is None:
        return
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        if not _header_is_good(header, file, columns, problems):
            return
        line = reader.line_num + 1
        for cells in reader:
            if cells and len(cells) != len(header):
                problems.append(
                    StoreError(
                        "a row of another length",
                        file=file,
                        line=line,
                        expected=f"{len(header)} cells",
                        found=len(cells),
                    )
                )
            elif cells:
                yield line, dict(zip(header, cells, strict=True))
            line = reader.line_num + 1
    except csv.Error as error:
        problems.append(StoreError(f"not CSV: {error}", file=file, line=reader.line_num))


def _header_is_good(
    header: Sequence[str], file: str, columns: tuple[str, ...], problems: list[StoreError]
) -> bool:
    if sorted(header) == sorted(columns):
        return True
    if len(header) == 1:
        for name, delimiter in (("semicolons", ";"), ("tabs", "\t"), ("bars", "|")):
            if delimiter in header[0]:
                problems.append(
                    StoreError(
                        f"cells are parted by {name}",
                        file=file,
                        line=1,
                        expected="commas",
                        found=header[0][:60],
                    )
                )
                return False
    for name in sorted({name for name in header if header.count(name) > 1}):
        problems.append(StoreError("a column is there twice", file=file, line=1, field=name))
    for name in columns:
        if name not in header:
            problems.append(
                StoreError(
                    "a column is missing",
                    file=file,
                    line=1,
                    field=name,
                    expected=",".join(columns),
                    found=",".join(header),
                )
            )
    for name in header:
        if name not in columns:
            problems.append(
                StoreError("unknown column", file=file, line=1, field=name, expected=_nearest(name, columns))
            )
    return False


# --- files and pydantic -------------------------------------------------------------------------------------------

_MARKS = {codecs.BOM_UTF8: "UTF-8 with a byte-order mark", codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}  # fmt: skip


def _text(folder: Path, file: str, problems: list[StoreError]) -> str | None:
    try:
        data = (folder / file).read_bytes()
    except FileNotFoundError:
        problems.append(StoreError("no such file", file=file, expected=f"it in {folder.name}"))
        return None
    except OSError as error:
        problems.append(StoreError(f"cannot be read: {error.strerror}", file=file))
        return None
    for mark, name in _MARKS.items():
        if data.startswith(mark):
            problems.append(
                StoreError("wrong encoding", file=file, line=1, expected="plain UTF-8", found=name)
            )
            if mark != codecs.BOM_UTF8:
                return None
            data = data.removeprefix(mark)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problems.append(
            StoreError(
                "wrong encoding",
                file=file,
                line=line,
                expected="UTF-8",
                found=data[error.start : error.start + 1],
            )
        )
        return None


@dataclass(frozen=True)
class _Toml:
    """One TOML file, its lines, and where its problems go."""

    file: str
    document: Table
    lines: TomlLines
    problems: list[StoreError]

    @classmethod
    def read(cls, folder: Path, file: str, keys: tuple[str, ...], problems: list[StoreError]) -> _Toml | None:
        text = _text(folder, file, problems)
        if text is None:
            return None
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            problems.append(_toml_error(file, text, error))
            return None
        # TOML knows two line ends; the index counts one.
        toml = cls(file, document, TomlLines(text.replace("\r\n", "\n")), problems)
        for key in document:
            if key not in keys:
                toml.report("unknown field", (key,), expected=_nearest(key, keys))
        version = document.get("format")
        if version != FORMAT_VERSION or isinstance(version, bool):
            toml.report("another format", ("format",), expected=f"format = {FORMAT_VERSION}", found=version)
        return toml

    def report(
        self,
        message: str,
        path: tuple[str | int, ...],
        *,
        expected: str | None = None,
        found: object = None,
    ) -> None:
        self.problems.append(
            StoreError(
                message,
                file=self.file,
                line=self.lines.line(path),
                field=_shown_path(path),
                expected=expected,
                found=found,
            )
        )

    def at(self, path: tuple[str | int, ...]) -> Any:
        value: Any = self.document
        for part in path:
            value = value[part]
        return value

    def table(self, path: tuple[str | int, ...]) -> Table | None:
        """The table at `path`; None, and a problem, if there is something else."""
        value = self.at(path)
        if isinstance(value, dict):
            return cast(Table, value)
        self.report("not a table", path, expected=f"[{path[0]}]", found=value)
        return None

    def tables(self, key: str, under: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
        """Paths of the tables of an array of tables, [[key]]; none if the key is absent."""
        container = cast(Table, self.at(under))
        value = container.get(key, [])
        if not isinstance(value, list):
            self.report("not an array of tables", (*under, key), expected=f"[[{key}]]", found=value)
            return []
        return [(*under, key, index) for index in range(len(cast(list[Any], value)))]

    def row(
        self, kind: type[RowT], path: tuple[str | int, ...], without: tuple[str, ...] = ()
    ) -> RowT | None:
        """The table at `path` as a row; None, and its problems, if it is not one."""
        if len(path) == 1 and path[0] not in self.document:
            self.report("missing", path, expected=f"a table [{path[0]}]")
            return None
        table = self.table(path)
        if table is None:
            return None
        try:
            return kind.model_validate({key: value for key, value in table.items() if key not in without})
        except ValidationError as error:
            for inner, message, expected, found in _field_errors(error, kind):
                self.report(message, (*path, *inner), expected=expected, found=found)
            return None

    def valid(self, kind: Any, value: object, path: tuple[str | int, ...]) -> bool:
        try:
            TypeAdapter[Any](kind).validate_python(value, strict=True)
        except ValidationError as error:
            for _, message, expected, found in _field_errors(error, None):
                self.report(message, path, expected=expected, found=found)
            return False
        return True

    def placed(self, value: _Value, path: tuple[str | int, ...]) -> Placed[_Value]:
        lines = self.lines
        return Placed(value, self.file, lambda name: lines.line((*path, name) if name else path))


def _toml_error(file: str, text: str, error: tomllib.TOMLDecodeError) -> StoreError:
    # "Expected '=' after a key in a key/value pair (at line 3, column 8)"
    message, _, place = str(error).partition(" (at ")
    words = place.removesuffix(")").replace(",", "").split()
    line = int(words[1]) if len(words) > 1 and words[1].isdigit() else text.count("\n") + 1
    return StoreError(f"not TOML: {message[0].lower()}{message[1:]}", file=file, line=line)


def _shown_path(path: tuple[str | int, ...]) -> str:
    """("gondola", 2, "shelf", 0, "level") as gondola[3].shelf[1].level: counts, from 1."""
    shown = ""
    for part in path:
        shown += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if shown else part
    return shown


def _field_errors(
    error: ValidationError, kind: type[Row] | None
) -> Iterable[tuple[tuple[str | int, ...], str, str | None, object]]:
    """(path, message, expected, found) of each of pydantic's errors, in words of a shop."""
    for item in error.errors(include_url=False, include_context=True):
        path, found = item["loc"], item["input"]
        match item["type"]:
            case "missing":
                yield path, "missing", None, None
            case "extra_forbidden":
                known = tuple(kind.model_fields) if kind is not None and len(path) == 1 else ()
                yield path, "unknown field", _nearest(str(path[-1]), known), None
            case "string_pattern_mismatch":
                yield path, "not of this form", f"text like {item.get('ctx', {}).get('pattern')}", found
            case _:
                message = item["msg"].removeprefix("Input should be ")
                yield path, "wrong value", message, found


def _nearest(name: str, known: Sequence[str]) -> str | None:
    if not known:
        return None
    near = difflib.get_close_matches(name, known, n=1)
    return f"'{near[0]}'" if near else f"one of {', '.join(known)}"
