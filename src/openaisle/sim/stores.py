"""Shops that do not exist but could: layout, shelves, goods and cameras, all from one seed.

Used to train on other stores than the one measured, and to make the shipped `corner` and `market` themselves
(`openaisle store generate --like corner`). The same arguments give an equal store in every process.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from openaisle.core.errors import InputError
from openaisle.sim.assortment import (
    BEER_AND_WINE,
    DAIRY,
    DEPARTMENTS,
    LUNCH,
    PANTRY,
    SNACKS,
    SOFT_DRINKS,
    Department,
)
from openaisle.sim.store_cameras import place_cameras
from openaisle.sim.store_goods import Board, PairCounts, Range, plant_pairs, slots_of, stock_board
from openaisle.sim.store_layout import Place, lay_out
from openaisle.store.check import problems_of
from openaisle.store.draft import Draft
from openaisle.store.money import CURRENCY_DIGITS
from openaisle.store.read import plate_id, plate_run_left_m
from openaisle.store.schema import Gate, Gondola, Plate, Point2, Shelf, Store, Zone

SHELF_DEPTH_M: Final = 0.4
PLATE_M: Final = 0.1
FOOT_M: Final = 0.2  # height of the lowest shelf
BOARD_M: Final = 0.02  # thickness of a shelf
SLOT_STEP_M: Final = 0.05  # half a plate: about half of all slot edges lie inside a plate
SLOT_M_MIN: Final = 0.2
SLOT_M_USUAL_MAX: Final = 0.3  # wider only where a shelf has few products
LAYOUTS_TRIED_MAX: Final = 120


@dataclass(frozen=True)
class Fixture:
    """One gondola to be: where it stands, how it is built, what it is for."""

    place: Place
    height_m: float
    shelf_count: int
    department: Department


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Where a shop is, and what that decides."""

    timezone: str = "Europe/Berlin"
    currency: str = "EUR"
    prices_include_tax: bool = True
    food_tax: float = 0.07
    standard_tax: float = 0.19
    jurisdiction: str = "DE"


# --- the shipped stores -------------------------------------------------------------------------------------------


def corner() -> Store:
    """The small demonstration shop: 21 m2, six gondolas, eight cameras, 120 products."""
    fixtures = [
        Fixture(Place((0.4, 1.45), 90.0, 1.2, SHELF_DEPTH_M), 1.75, 5, SOFT_DRINKS),
        Fixture(Place((1.0, 3.8), 0.0, 1.0, SHELF_DEPTH_M), 1.8, 4, BEER_AND_WINE),
        Fixture(Place((3.0, 3.8), 0.0, 1.0, SHELF_DEPTH_M), 1.75, 5, LUNCH),
        Fixture(Place((4.6, 2.65), 270.0, 1.2, SHELF_DEPTH_M), 1.75, 5, DAIRY),
        Fixture(Place((2.1, 2.5), 270.0, 1.2, SHELF_DEPTH_M, is_island=True), 1.4, 4, SNACKS),
        Fixture(Place((2.9, 1.3), 90.0, 1.2, SHELF_DEPTH_M, is_island=True), 1.4, 4, PANTRY),
    ]
    return _furnish(
        np.random.default_rng(2020),
        store_id="corner",
        name="Corner",
        prefixes=("P", "20"),
        outline=((0.0, 0.0), (5.0, 0.0), (5.0, 4.2), (0.0, 4.2)),
        gates=(_gate("entry", (0.5, 0.0), (1.5, 0.0)), _gate("exit", (3.5, 0.0), (4.5, 0.0))),
        ceiling_height_m=2.6,
        fixtures=fixtures,
        sku_count=120,
        pairs=PairCounts(look_alikes=11, twins=9, near=6),
        camera_count=8,
        camera_draws=12,
    )


def market() -> Store:
    """A supermarket of 167 m2 (1,800 square feet): 200 shelf sections, 500 products, 124 cameras."""
    return _generate(
        np.random.default_rng(1804),
        store_id="market",
        name="Market",
        prefixes=("M", "21"),
        outline=((0.0, 0.0), (15.2, 0.0), (15.2, 11.0), (0.0, 11.0)),
        gondola_count=50,
        gondola_width_m=1.2,
        aisle_m=1.65,
        island_share=0.6,
        shelf_count=200,
        sku_count=500,
        camera_count=124,
    )


# --- any store ----------------------------------------------------------------------------------------------------


def shelved_store(
    seed: int,
    *,
    store_id: str,
    name: str,
    outline: tuple[Point2, ...],
    ceiling_height_m: float,
    gondola_count: int,
    gondola_width_m: float,
    shelf_count: int,
    sku_count: int,
    aisle_m: float,
    island_share: float | None,
    departments: Sequence[Department],
    terms: Terms,
) -> Store:
    """A shop with shelving and goods as asked for, and no camera yet; the same arguments give an equal one.

    InputError if the outline has no room for that many gondolas, or the shelves none for that many products.
    """
    return _generate(
        np.random.default_rng(seed),
        store_id=store_id,
        name=name,
        prefixes=(f"{store_id[:6].upper()}-", f"{22 + seed % 8}"),
        outline=outline,
        gondola_count=gondola_count,
        gondola_width_m=gondola_width_m,
        aisle_m=aisle_m,
        island_share=island_share,
        shelf_count=shelf_count,
        sku_count=sku_count,
        camera_count=0,
        ceiling_height_m=ceiling_height_m,
        departments=departments,
        terms=terms,
    )


def generate_store(
    seed: int,
    *,
    area_m2: float = 30.0,
    sku_count: int = 120,
    gondola_count: int = 8,
    camera_count: int = 8,
    aisle_m: float = 1.1,
) -> Store:
    """A random shop; the same arguments give an equal one.

    InputError if the area has no room for that many gondolas, or the shelves none for that many products.
    """
    if area_m2 < 6 or gondola_count < 1 or camera_count < 1 or aisle_m < 0.9:
        raise InputError(
            "no such store can be made",
            expected="at least 6 m2, a gondola, a camera and aisles of 0.9 m",
            found=f"{area_m2} m2, {gondola_count} gondolas, {camera_count} cameras, {aisle_m} m",
        )
    rng = np.random.default_rng(seed)
    return _generate(
        rng,
        store_id=f"store-{seed}",
        name=f"Made-up shop {seed}",
        prefixes=(f"R{seed}-", f"{22 + seed % 8}"),
        outline=_random_outline(rng, area_m2),
        gondola_count=gondola_count,
        gondola_width_m=float(rng.choice([1.0, 1.2])),
        aisle_m=aisle_m,
        island_share=None,
        shelf_count=None,
        sku_count=sku_count,
        camera_count=camera_count,
    )


def _random_outline(rng: np.random.Generator, area_m2: float) -> tuple[Point2, ...]:
    """A rectangle, or one with a corner cut away, of about `area_m2`; its southern side has the gates."""
    aspect = float(rng.uniform(1.0, 1.6))
    cut = float(rng.uniform(0.2, 0.35)) if rng.random() < 0.35 and area_m2 >= 25 else 0.0
    width_m = round(math.sqrt(area_m2 / (1 - cut * cut) * aspect), 1)
    depth_m = round(area_m2 / (1 - cut * cut) / width_m, 1)
    if cut == 0.0:
        return ((0.0, 0.0), (width_m, 0.0), (width_m, depth_m), (0.0, depth_m))
    x, y = round(width_m * (1 - cut), 1), round(depth_m * (1 - cut), 1)
    if rng.random() < 0.5:
        return ((0.0, 0.0), (width_m, 0.0), (width_m, y), (x, y), (x, depth_m), (0.0, depth_m))
    x = round(width_m - x, 1)
    return ((0.0, 0.0), (width_m, 0.0), (width_m, depth_m), (x, depth_m), (x, y), (0.0, y))


def _generate(
    rng: np.random.Generator,
    *,
    store_id: str,
    name: str,
    prefixes: tuple[str, str],
    outline: tuple[Point2, ...],
    gondola_count: int,
    gondola_width_m: float,
    aisle_m: float,
    island_share: float | None,
    shelf_count: int | None,
    sku_count: int,
    camera_count: int,
    ceiling_height_m: float | None = None,
    departments: Sequence[Department] = DEPARTMENTS,
    terms: Terms | None = None,
) -> Store:
    gates = _two_gates(rng, outline)
    places = _try_layouts(rng, outline, gates, gondola_count, gondola_width_m, aisle_m, island_share)
    shelf_counts = _shelf_counts(rng, places, shelf_count, sku_count)
    order = [departments[int(index)] for index in rng.permutation(len(departments))]
    fixtures = [
        Fixture(
            place,
            round((1.3 if place.is_island else 1.7) + float(rng.uniform(0.0, 0.2)), 2),
            shelf_counts[index],
            order[index * len(order) // len(places)] if len(places) >= len(order) else order[index],
        )
        for index, place in enumerate(places)
    ]
    return _furnish(
        rng,
        store_id=store_id,
        name=name,
        prefixes=prefixes,
        outline=outline,
        gates=gates,
        ceiling_height_m=ceiling_height_m or round(float(rng.uniform(2.6, 3.0)), 2),
        fixtures=fixtures,
        sku_count=sku_count,
        pairs=PairCounts.for_range_of(sku_count),
        camera_count=camera_count,
        terms=terms,
    )


def _two_gates(rng: np.random.Generator, outline: tuple[Point2, ...]) -> tuple[Gate, Gate]:
    """Entry and exit in the southern side, which is the outline's first; either may be the western one."""
    width_m = outline[1][0]
    gate_m = 1.0 if width_m >= 4.0 else 0.8
    west = (round(max(0.3, 0.1 * width_m), 2), 0.0)
    east = (round(min(width_m - 0.3, 0.9 * width_m) - gate_m, 2), 0.0)
    first, second = (west, east) if rng.random() < 0.5 else (east, west)
    return (
        _gate("entry", first, (round(first[0] + gate_m, 2), 0.0)),
        _gate("exit", second, (round(second[0] + gate_m, 2), 0.0)),
    )


def _gate(kind: str, left: Point2, right: Point2) -> Gate:
    """A gate in the southern wall; left and right as seen from outside."""
    inside = (round((left[0] + right[0]) / 2, 3), round(left[1] + 0.4, 3))
    return Gate(gate_id=kind, kind=kind, left_floor_m=left, right_floor_m=right, inside_floor_m=inside)


def _try_layouts(
    rng: np.random.Generator,
    outline: tuple[Point2, ...],
    gates: Sequence[Gate],
    gondola_count: int,
    width_m: float,
    aisle_m: float,
    island_share: float | None,
) -> list[Place]:
    """The first layout that works. Gondolas get narrower before the attempt is given up, aisles do not."""
    for attempt in range(LAYOUTS_TRIED_MAX):
        narrower_m = 0.1 * (attempt * 4 // LAYOUTS_TRIED_MAX)
        places = lay_out(
            rng,
            outline,
            gates,
            gondola_count=gondola_count,
            width_m=round(max(0.8, width_m - narrower_m), 2),
            depth_m=SHELF_DEPTH_M,
            aisle_m=aisle_m,
            island_share=island_share,
        )
        if places is not None:
            return places
    raise InputError(
        f"found no room for {gondola_count} gondolas with aisles of {aisle_m} m",
        expected="a larger area or fewer gondolas",
    )


def _shelf_counts(
    rng: np.random.Generator, places: Sequence[Place], total: int | None, sku_count: int
) -> list[int]:
    """Shelves of each gondola: four in islands and five at walls, more or less; `total` in all if that is given."""
    counts = [4 if place.is_island else 5 for place in places]
    if total is None:
        counts = [max(3, count - int(rng.integers(0, 2))) for count in counts]
        slots = [_slots_max(place.width_m) for place in places]
        for index in range(2 * len(counts)):  # at most two more boards a gondola
            if sum(count * slot for count, slot in zip(counts, slots, strict=True)) >= sku_count:
                break
            counts[index % len(counts)] += 1
        return counts
    step = 1 if sum(counts) < total else -1
    for index in range(abs(total - sum(counts))):
        counts[index % len(counts)] += step
    return counts


def _slots_max(width_m: float) -> int:
    return int((width_m + 1e-6) // SLOT_M_MIN)


# --- from fixtures to a store -------------------------------------------------------------------------------------


def _furnish(
    rng: np.random.Generator,
    *,
    store_id: str,
    name: str,
    prefixes: tuple[str, str],
    outline: tuple[Point2, ...],
    gates: tuple[Gate, ...],
    ceiling_height_m: float,
    fixtures: Sequence[Fixture],
    sku_count: int,
    pairs: PairCounts,
    camera_count: int,
    camera_draws: int = 1,
    terms: Terms | None = None,
) -> Store:
    """The shelving put up, stocked, and looked at."""
    terms = terms or Terms()
    goods = Range(id_prefix=prefixes[0], gtin_prefix=prefixes[1])
    bare = [_gondola(_gondola_id(index), fixture) for index, fixture in enumerate(fixtures)]
    boards = [
        (shelf, fixture.department)
        for gondola, fixture in zip(bare, fixtures, strict=True)
        for shelf in gondola.shelves
    ]
    widths_m = _slot_widths_m(rng, [shelf for shelf, _ in boards], sku_count)
    planted = plant_pairs(rng, [len(widths) for widths in widths_m], pairs)
    stocked: dict[str, Shelf] = {}
    for (shelf, department), widths, shelf_pairs in zip(boards, widths_m, planted, strict=True):
        board = Board(department, shelf.clearance_m, shelf.depth_m, tuple(widths))
        products = stock_board(rng, goods, board, shelf_pairs)
        stocked[shelf.shelf_id] = replace(shelf, slots=slots_of(shelf, products, widths))
    store = Store(
        store_id=store_id,
        name=name,
        timezone=terms.timezone,
        currency=terms.currency,
        currency_digits=CURRENCY_DIGITS[terms.currency],
        prices_include_tax=terms.prices_include_tax,
        tax_rates={"food": terms.food_tax, "standard": terms.standard_tax},
        jurisdiction=terms.jurisdiction,
        ceiling_height_m=ceiling_height_m,
        plan_floor_m=outline,
        walls_floor_m=(),
        gates=gates,
        zones=_zones(outline, gates),
        gondolas=tuple(
            replace(gondola, shelves=tuple(stocked[shelf.shelf_id] for shelf in gondola.shelves))
            for gondola in bare
        ),
        cameras=(),
        products=goods.products,
    )
    if camera_count:
        places = [fixture.place for fixture in fixtures]
        store = replace(store, cameras=place_cameras(rng, store, places, camera_count, camera_draws))
    problems = problems_of(Draft.of(store))
    assert not problems, problems
    return store


def _gondola_id(index: int) -> str:
    """A to Z without I and O, then AA, AB, ..."""
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    first, second = divmod(index, len(letters))
    return letters[index] if first == 0 else letters[first - 1] + letters[second]


def _gondola(gondola_id: str, fixture: Fixture) -> Gondola:
    place = fixture.place
    step_m = math.floor((fixture.height_m - FOOT_M) / fixture.shelf_count * 100) / 100
    plate_count = round(place.width_m / PLATE_M)
    shelves: list[Shelf] = []
    for level in range(1, fixture.shelf_count + 1):
        shelf_id = f"{gondola_id}{level}"
        plates = tuple(
            Plate(
                plate_id=plate_id(shelf_id, index),
                shelf_id=shelf_id,
                left_m=plate_run_left_m(0.0, PLATE_M, index),
                width_m=PLATE_M,
                channel=(level - 1) * plate_count + index,
            )
            for index in range(plate_count)
        )
        shelves.append(
            Shelf(
                shelf_id=shelf_id,
                gondola_id=gondola_id,
                level=level,
                height_m=round(FOOT_M + step_m * (level - 1), 3),
                clearance_m=round(step_m - BOARD_M, 3),
                left_m=0.0,
                front_m=0.0,
                width_m=place.width_m,
                depth_m=place.depth_m,
                plates=plates,
                slots=(),
            )
        )
    return Gondola(
        gondola_id=gondola_id,
        scale_id=f"scale-{gondola_id}",
        origin_floor_m=place.origin_floor_m,
        heading_deg=place.heading_deg,
        width_m=place.width_m,
        depth_m=place.depth_m,
        height_m=fixture.height_m,
        rate_hz=60.0,
        shelves=tuple(shelves),
    )


def _slot_widths_m(rng: np.random.Generator, shelves: Sequence[Shelf], sku_count: int) -> list[list[float]]:
    """Slot widths of every shelf: `sku_count` slots in all, each shelf full, in steps of SLOT_STEP_M."""
    counts = [1] * len(shelves)
    limits = [_slots_max(shelf.width_m) for shelf in shelves]
    if not len(shelves) <= sku_count <= sum(limits):
        raise InputError(
            f"{len(shelves)} shelves cannot hold {sku_count} products",
            expected=f"{len(shelves)} to {sum(limits)} products",
        )
    order = [int(index) for index in rng.permutation(len(shelves))]  # decides between shelves equally full
    for _ in range(sku_count - len(shelves)):
        free = (index for index in order if counts[index] < limits[index])
        counts[max(free, key=lambda index: shelves[index].width_m / counts[index])] += 1
    return [_cut(rng, shelf.width_m, count) for shelf, count in zip(shelves, counts, strict=True)]


def _cut(rng: np.random.Generator, width_m: float, count: int) -> list[float]:
    """`count` widths that fill a shelf, unequal by a few steps."""
    steps = round(width_m / SLOT_STEP_M)
    least, most = round(SLOT_M_MIN / SLOT_STEP_M), max(round(SLOT_M_USUAL_MAX / SLOT_STEP_M), steps // count)
    widths = [steps // count] * count
    for index in rng.permutation(count)[: steps % count]:
        widths[int(index)] += 1
    for _ in range(count):
        giver, taker = (int(index) for index in rng.integers(count, size=2))
        if giver != taker and widths[giver] > least and widths[taker] < most:
            widths[giver] -= 1
            widths[taker] += 1
    return [round(width * SLOT_STEP_M, 3) for width in widths]


def _zones(outline: tuple[Point2, ...], gates: Sequence[Gate]) -> tuple[Zone, ...]:
    """The whole floor, and a square metre or so inside each gate."""
    zones = [Zone(zone_id="shop", name="Shop floor", polygon_floor_m=outline)]
    for gate in gates:
        (left, _), (right, y) = gate.left_floor_m, gate.right_floor_m
        polygon = ((left, y), (right, y), (right, y + 1.0), (left, y + 1.0))
        zones.append(Zone(zone_id=gate.gate_id, name=f"Inside the {gate.gate_id}", polygon_floor_m=polygon))
    return tuple(zones)


SHIPPED_STORES: Final[dict[str, Callable[[], Store]]] = {"corner": corner, "market": market}
"""How the stores that ship with OpenAisle are made."""
