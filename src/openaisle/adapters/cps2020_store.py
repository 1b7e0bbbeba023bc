"""The shop of a 2020 competition session, as a Store: gondolas from its planogram, plates where its data speaks.

Every placement says where its box stands twice: in its board's frame and in the shop's. Both frames have x along the
board from left to right, y into it and z up, so the difference is the gondola's place; the shop's frame is our floor
frame. The session has no gates, cameras, pack sizes, stock or taxes: what a Store needs of them is made up and plain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from string import ascii_uppercase
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from openaisle.adapters.cps2020_documents import Document, integer_of, number_of, part_of
from openaisle.core.errors import RecordingError
from openaisle.store.gtin import GTIN_LENGTHS, check_digit
from openaisle.store.schema import Gate, Gondola, Plate, Point2, Product, Shelf, Slot, Store

ENTRY_GATE: Final = "entry"
EXIT_GATE: Final = "exit"

# Between the outermost person or gondola and the made-up walls: nobody comes so near the made-up gates that a body
# not seen for a while would be taken to have left.
MARGIN_M: Final = 1.6
ROOM_M_MIN: Final = 4.0
GATE_WIDTH_M: Final = 1.2
PACK_M: Final = 0.07  # side of a pack, which the session does not say
MASS_SD_SHARE: Final = 0.02
MASS_UNKNOWN_G: Final = 1.0  # stands for "not weighed": no product is so light
NAME_LENGTH_MAX: Final = 120
MISFIT_M_MAX: Final = 0.03  # between a gondola's placements


@dataclass(frozen=True)
class PlateGrid:
    """What one gondola's batches hold."""

    speaks: NDArray[np.bool_]  # [shelves, plates]: gave a reading at least once
    rate_hz: float


@dataclass(frozen=True)
class _Placement:
    """One line of planogram.json, in metres. Plates count from 1, as the boards do."""

    gondola: int
    shelf: int
    plates: tuple[int, ...]
    product_id: str
    left_m: float  # along the board
    front_m: float  # into the board
    width_m: float
    depth_m: float
    clearance_m: float
    height_m: float  # of the board's surface above the floor
    heading_rad: float
    corner_floor_m: Point2  # of the board's left front corner
    document: Document


def build_store(
    store_id: str,
    planogram: Sequence[Document],
    products: Sequence[Document],
    grids: Mapping[int, PlateGrid],
    people_floor_m: NDArray[np.float64],
    warnings: list[str],
) -> tuple[Store, dict[int, str]]:
    """The shop, and the gondola id of each gondola number that has plates. What is left out goes to `warnings`."""
    placements = [placement for document in planogram if (placement := _placement(document, warnings))]
    if not placements:
        raise RecordingError("places nothing", file="planogram.json", expected="at least one placement")
    known = _products(products)
    numbers = sorted({placement.gondola for placement in placements})
    unplaced = sorted(set(grids) - set(numbers))
    warnings += [f"gondola {number} has plates but no placement: left out" for number in unplaced]
    ids = {number: _gondola_id(rank) for rank, number in enumerate(numbers)}
    gondolas: list[Gondola] = []
    for number in numbers:
        own = [placement for placement in placements if placement.gondola == number]
        if number not in grids:
            warnings.append(f"gondola {number} has no plate data: nothing taken there can be noticed")
        gondolas.append(_gondola(ids[number], number, own, grids.get(number), known, warnings))
    sold = {slot.product_id for gondola in gondolas for shelf in gondola.shelves for slot in shelf.slots}
    outline = _outline(gondolas, people_floor_m)
    _warn_if_people_stand_behind(gondolas, people_floor_m, warnings)
    store = Store(
        store_id=store_id,
        name="A session of the 2020 autonomous-checkout competition",
        timezone="UTC",
        currency="USD",
        currency_digits=2,
        prices_include_tax=True,
        tax_rates={"none": 0.0},
        jurisdiction="US",
        ceiling_height_m=2.6,
        plan_floor_m=outline,
        walls_floor_m=(),
        gates=_gates(outline, gondolas),
        zones=(),
        gondolas=tuple(gondolas),
        cameras=(),
        products={product_id: known[product_id] for product_id in sorted(sold)},
    )
    return store, {number: ids[number] for number in numbers if number in grids}


# --- products -----------------------------------------------------------------------------------------------------


def _products(documents: Sequence[Document]) -> dict[str, Product]:
    """Every product once: one listed twice keeps its first line that has a weight."""
    products: dict[str, Product] = {}
    for document in documents:
        product_id = part_of(document, "product_id").get("id")
        metadata = part_of(document, "metadata")
        mass_g = max(MASS_UNKNOWN_G, number_of(document, metadata, "weight", default=0.0))
        if not isinstance(product_id, str) or not product_id:
            continue
        if product_id in products and (
            products[product_id].mass_g > MASS_UNKNOWN_G or mass_g == MASS_UNKNOWN_G
        ):
            continue
        name = metadata.get("name")
        products[product_id] = Product(
            product_id=product_id,
            gtin=product_id if _is_gtin(product_id) else "",
            name=_printable(name) if isinstance(name, str) and _printable(name) else product_id,
            price_minor=max(0, round(number_of(document, metadata, "price", default=0.0) * 100)),
            tax_class="none",
            mass_g=round(mass_g, 3),
            mass_sd_g=round(max(1.0, MASS_SD_SHARE * mass_g), 3),
            width_m=PACK_M,
            height_m=2 * PACK_M,
            depth_m=PACK_M,
        )
    return products


def _is_gtin(text: str) -> bool:
    return (
        text.isdecimal()
        and text.isascii()
        and len(text) in GTIN_LENGTHS
        and int(text[-1]) == check_digit(text[:-1])
    )


def _printable(name: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in name).split())[:NAME_LENGTH_MAX]


# --- gondolas -----------------------------------------------------------------------------------------------------


def _placement(document: Document, warnings: list[str]) -> _Placement | None:
    where = f"{document.file}:{document.line}"
    product_id = part_of(document, "planogram_product_id").get("id", "")
    if not isinstance(product_id, str):
        raise document.error("is no product id", "planogram_product_id.id", "text", product_id)
    cells = _cells(document)
    boards = sorted({(gondola, shelf) for gondola, shelf, _ in cells})
    if len(boards) != 1:
        raise document.error("stands on several boards", "plate_ids", "plates of one shelf", boards)
    local, shop = part_of(document, "coordinates"), part_of(document, "global_coordinates")
    local_m, floor_m = _vector(document, local, "translation"), _vector(document, shop, "translation")
    turn_rad = _vector(document, shop, "rotation")
    if max(abs(turn_rad[0]), abs(turn_rad[1])) > 0.01:
        warnings.append(f"{where}: the board is not level: taken as level")
    heading = turn_rad[2]
    along, into = local_m[0], local_m[1]
    return _Placement(
        gondola=boards[0][0],
        shelf=boards[0][1],
        plates=tuple(sorted(plate for _, _, plate in cells)),
        product_id=product_id,
        left_m=along,
        front_m=into,
        width_m=_size(document, local, "dim_x"),
        depth_m=_size(document, local, "dim_y"),
        clearance_m=_size(document, local, "dim_z"),
        height_m=floor_m[2],
        heading_rad=heading,
        corner_floor_m=(
            floor_m[0] - math.cos(heading) * along + math.sin(heading) * into,
            floor_m[1] - math.sin(heading) * along - math.cos(heading) * into,
        ),
        document=document,
    )


def _cells(document: Document) -> list[tuple[int, int, int]]:
    """(gondola, shelf, plate) of every plate the placement stands on."""
    plate_ids = document.body.get("plate_ids")
    if (
        not isinstance(plate_ids, list)
        or not plate_ids
        or not all(isinstance(one, dict) for one in plate_ids)
    ):
        raise document.error("is no list of plates", "plate_ids", "at least one plate", plate_ids)
    cells: list[tuple[int, int, int]] = []
    for plate in plate_ids:
        shelf = part_of(document, plate, "shelf_id")
        gondola = integer_of(document, part_of(document, shelf, "gondola_id"), "id")
        cell = (
            gondola,
            integer_of(document, shelf, "shelf_index"),
            integer_of(document, plate, "plate_index"),
        )
        if min(cell) < 1:
            raise document.error("counts from 1", "plate_ids", "gondola, shelf and plate of 1 or more", cell)
        cells.append(cell)
    return cells


def _vector(document: Document, box: Mapping[str, Any], name: str) -> tuple[float, float, float]:
    values = part_of(document, box, "transform", name, default={})
    x, y, z = (number_of(document, values, axis, default=0.0) for axis in "xyz")
    return x, y, z


def _size(document: Document, box: Mapping[str, Any], name: str) -> float:
    size = number_of(document, box, name)
    if not 0 < size < 100:
        raise document.error("is no size", name, "metres above 0", size)
    return size


def _gondola(
    gondola_id: str,
    number: int,
    placements: Sequence[_Placement],
    grid: PlateGrid | None,
    products: Mapping[str, Product],
    warnings: list[str],
) -> Gondola:
    corner = (
        median(placement.corner_floor_m[0] for placement in placements),
        median(placement.corner_floor_m[1] for placement in placements),
    )
    heading = median(placement.heading_rad for placement in placements)
    for placement in placements:
        if (
            math.dist(placement.corner_floor_m, corner) > MISFIT_M_MAX
            or abs(placement.heading_rad - heading) > 0.01
        ):
            raise placement.document.error(
                f"contradicts the other placements of gondola {number}",
                "global_coordinates",
                f"a board whose corner is at {corner[0]:.3f}, {corner[1]:.3f} m",
                tuple(round(value, 3) for value in placement.corner_floor_m),
            )
    pitch_m = median(placement.width_m / len(placement.plates) for placement in placements)
    plate_count = max(max(placement.plates) for placement in placements)
    width_m = max(pitch_m * plate_count, *(placement.left_m + placement.width_m for placement in placements))
    shelves: list[Shelf] = []
    channel = 0
    for level, height_m in _levels(number, placements, grid, warnings).items():
        own = [placement for placement in placements if placement.shelf == level]
        like = own or placements
        shelf_id = f"{gondola_id}{level}"
        places = [place for place in range(1, plate_count + 1) if _speaks(grid, level, place)]
        shelves.append(
            Shelf(
                shelf_id=shelf_id,
                gondola_id=gondola_id,
                level=level,
                height_m=round(height_m, 4),
                clearance_m=round(median(placement.clearance_m for placement in like), 4),
                left_m=0.0,
                front_m=round(max(0.0, min(placement.front_m for placement in like)), 4),
                width_m=round(width_m, 4),
                depth_m=round(max(placement.depth_m for placement in like), 4),
                plates=tuple(
                    Plate(
                        plate_id=f"{shelf_id}.{place:02d}",
                        shelf_id=shelf_id,
                        left_m=round((place - 1) * pitch_m, 4),
                        width_m=round(pitch_m, 4),
                        channel=channel + rank,
                    )
                    for rank, place in enumerate(places)
                ),
                slots=_slots(shelf_id, own, width_m, products, warnings),
            )
        )
        channel += len(places)
    return Gondola(
        gondola_id=gondola_id,
        scale_id=f"scale-{gondola_id}",
        origin_floor_m=(round(corner[0], 4), round(corner[1], 4)),
        heading_deg=round(math.degrees(heading), 3),
        width_m=round(width_m, 4),
        depth_m=round(max(placement.depth_m for placement in placements), 4),
        height_m=round(max(placement.height_m + placement.clearance_m for placement in placements), 4),
        rate_hz=grid.rate_hz if grid else 60.0,
        shelves=tuple(shelves),
    )


def _levels(
    number: int, placements: Sequence[_Placement], grid: PlateGrid | None, warnings: list[str]
) -> dict[int, float]:
    """Height of each shelf, lowest first. One with plates but no placement stands where its neighbours say."""
    placed = {
        level: median(placement.height_m for placement in placements if placement.shelf == level)
        for level in sorted({placement.shelf for placement in placements})
    }
    heights = list(placed.values())
    if heights != sorted(heights) or min(heights) < 0:
        raise placements[0].document.error(
            f"shelves of gondola {number} do not rise with their index", "global_coordinates", None, placed
        )
    speaking = set() if grid is None else {int(row) for row in np.flatnonzero(grid.speaks[:, 1:].any(axis=1))}
    for level in sorted(speaking - set(placed) - {0}):
        if level < min(placed) or level > max(placed):
            warnings.append(
                f"gondola {number}, shelf {level} has plates but nothing says its height: left out"
            )
            continue
        placed[level] = float(np.interp(level, sorted(placed), [placed[known] for known in sorted(placed)]))
    silent = sorted(set(placed) - speaking) if grid is not None else []
    warnings += [
        f"gondola {number}, shelf {level} has no plate data: nothing taken there can be noticed"
        for level in silent
    ]
    return dict(sorted(placed.items()))


def _speaks(grid: PlateGrid | None, level: int, place: int) -> bool:
    if grid is None or level >= grid.speaks.shape[0] or place >= grid.speaks.shape[1]:
        return False
    return bool(grid.speaks[level, place])


def _slots(
    shelf_id: str,
    placements: Sequence[_Placement],
    width_m: float,
    products: Mapping[str, Product],
    warnings: list[str],
) -> tuple[Slot, ...]:
    slots: list[Slot] = []
    for placement in sorted(placements, key=lambda placement: (placement.left_m, placement.product_id)):
        where = f"planogram.json:{placement.document.line}"
        if placement.product_id not in products:
            named = (
                f"product {placement.product_id!r}, which products.json does not have"
                if placement.product_id
                else "no product"
            )
            warnings.append(
                f"{where}: {named}: shelf {shelf_id}, plates {_run(placement.plates)} left without one"
            )
            continue
        if products[placement.product_id].mass_g == MASS_UNKNOWN_G:
            warnings.append(
                f"{where}: product {placement.product_id!r} weighs nothing: its mass is learned when it is taken"
            )
        left_m = max(0.0, placement.left_m)
        slot_width_m = min(placement.width_m, width_m - left_m)
        facings = max(1, int(slot_width_m / PACK_M))
        slots.append(
            Slot(
                slot_id=f"{shelf_id}-{len(slots) + 1}",
                shelf_id=shelf_id,
                product_id=placement.product_id,
                left_m=round(left_m, 4),
                width_m=round(slot_width_m, 4),
                facings=facings,
                capacity=facings * max(1, int(placement.depth_m / PACK_M)),
            )
        )
    return tuple(slots)


def _run(plates: Sequence[int]) -> str:
    return f"{plates[0]}-{plates[-1]}" if len(plates) > 1 else str(plates[0])


def _gondola_id(rank: int) -> str:
    return ascii_uppercase[rank] if rank < len(ascii_uppercase) else f"G{rank + 1}-"


# --- the made-up rest ---------------------------------------------------------------------------------------------


def _outline(gondolas: Sequence[Gondola], people_floor_m: NDArray[np.float64]) -> tuple[Point2, ...]:
    """A rectangle around everything, counter-clockwise from its south-west corner."""
    seen = np.concatenate([people_floor_m, *(gondola.footprint_floor_m for gondola in gondolas)])
    low, high = seen.min(axis=0) - MARGIN_M, seen.max(axis=0) + MARGIN_M
    lacking = np.clip(ROOM_M_MIN - (high - low), 0.0, None)
    west, south = np.floor((low - lacking / 2) * 10) / 10
    east, north = np.ceil((high + lacking / 2) * 10) / 10
    corners = ((west, south), (east, south), (east, north), (west, north))
    return tuple((round(float(x), 1), round(float(y), 1)) for x, y in corners)


def _gates(outline: Sequence[Point2], gondolas: Sequence[Gondola]) -> tuple[Gate, ...]:
    """Two gates side by side in the wall that is farthest from any gondola."""
    fronts = np.concatenate([gondola.footprint_floor_m for gondola in gondolas])
    walls = [np.array([start, end]) for start, end in zip(outline, [*outline[1:], outline[0]], strict=True)]
    clear_m = [float(np.linalg.norm(fronts - wall.mean(axis=0), axis=1).min()) for wall in walls]
    start, end = walls[int(np.argmax(clear_m))]
    along = (end - start) / np.linalg.norm(end - start)
    inward = np.array([-along[1], along[0]])  # The outline runs counter-clockwise, so inside is on the left.
    gates: list[Gate] = []
    for gate_id, offset_m in ((ENTRY_GATE, -GATE_WIDTH_M), (EXIT_GATE, GATE_WIDTH_M)):
        centre = (start + end) / 2 + along * offset_m * 0.6
        left, right = centre + along * GATE_WIDTH_M / 2, centre - along * GATE_WIDTH_M / 2
        gates.append(
            Gate(
                gate_id=gate_id,
                kind=gate_id,
                left_floor_m=_point(left),
                right_floor_m=_point(right),
                inside_floor_m=_point(centre + 0.5 * inward),
            )
        )
    return tuple(gates)


def _point(point: NDArray[np.float64]) -> Point2:
    return round(float(point[0]), 3), round(float(point[1]), 3)


def _warn_if_people_stand_behind(
    gondolas: Sequence[Gondola], people_floor_m: NDArray[np.float64], warnings: list[str]
) -> None:
    """Nobody shops from behind: if most people near a gondola stand there, its frame was understood wrongly."""
    if len(people_floor_m) == 0:
        return
    points = np.column_stack([people_floor_m, np.zeros(len(people_floor_m))])
    for gondola in gondolas:
        x, y, _ = gondola.floor_from_gondola.inverse().apply(points).T
        beside = (x > 0) & (x < gondola.width_m)
        front, behind = int((beside & (y < 0)).sum()), int((beside & (y > gondola.depth_m)).sum())
        if behind > front and behind > 20:
            warnings.append(
                f"gondola {gondola.gondola_id}: {behind} heads were behind it and {front} in front: "
                "the planogram's frame may be turned"
            )
