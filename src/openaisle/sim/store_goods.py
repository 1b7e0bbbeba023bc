"""What stands on the shelves of a made-up shop: mostly easy to weigh, sometimes not.

Most products of a shelf weigh at least `MASS_GAP_G` apart, as a good planogram sees to. Three kinds of pair are planted
on purpose: look-alikes (adjacent, same pack, same mass), same-weight twins (same shelf, different looks), near weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

import numpy as np

from openaisle.sim.assortment import BRANDS, Department, Kind, PackSize
from openaisle.store.gtin import with_check_digit
from openaisle.store.schema import Product, Shelf, Slot

MASS_GAP_G: Final = 15.0
LOOK_ALIKE_G_MAX: Final = 1.5
TWIN_G_MAX: Final = 0.8
NEAR_G: Final = (3.0, 9.0)
HAND_ROOM_M: Final = 0.03  # above a pack, to get it out
SIDE_ROOM_M: Final = 0.008  # beside a pack
DRAWS: Final = 60  # of a product, before the one farthest in mass from its neighbours is taken


class Pair(Enum):
    """How two products of one shelf are hard to tell apart."""

    LOOK_ALIKE = "look_alike"
    TWIN = "twin"
    NEAR = "near"


@dataclass(frozen=True, kw_only=True)
class PairCounts:
    """How many pairs of products that are hard to tell apart to plant."""

    look_alikes: int
    twins: int
    near: int

    @classmethod
    def for_range_of(cls, sku_count: int) -> PairCounts:
        return cls(look_alikes=sku_count // 12, twins=sku_count // 15, near=sku_count // 20)


@dataclass(frozen=True)
class Pack:
    """One pack as drawn, before it has a number."""

    kind: Kind
    size: PackSize
    brand: str
    variant: str
    mass_g: float

    @property
    def name(self) -> str:
        return f"{self.brand} {self.kind.name} {self.variant} {self.size.label}"


@dataclass
class Range:
    """All products of one shop, in the order they were added."""

    id_prefix: str  # also decides how packs look: two shops of different prefixes look different
    gtin_prefix: str  # 2 digits, 20 to 29: numbers for use inside one shop
    products: dict[str, Product] = field(default_factory=dict[str, Product])
    names: set[str] = field(default_factory=set[str])

    def add(self, rng: np.random.Generator, pack: Pack, like: Product | None = None) -> Product:
        """A new product. `like`: a look-alike of it, with the same size and price."""
        number = len(self.products) + 1
        sd_share = float(rng.uniform(0.004, 0.015))
        product = Product(
            product_id=f"{self.id_prefix}{number:03d}",
            gtin=with_check_digit(f"{self.gtin_prefix}{number:010d}"),
            name=pack.name,
            price_minor=_price_minor(rng, pack),
            tax_class=pack.kind.tax_class,
            mass_g=pack.mass_g,
            mass_sd_g=round(max(0.3, pack.mass_g * sd_share), 2),
            width_m=0.0,
            height_m=0.0,
            depth_m=0.0,
            shape=pack.kind.shape,
            age_limit=pack.kind.age_limit,
            look_alike_of=like.product_id if like is not None else None,
        )
        source = product if like is None else like
        width_m, height_m, depth_m = (
            _dimensions_m(rng, pack) if like is None else (like.width_m, like.height_m, like.depth_m)
        )
        product = replace(
            product, width_m=width_m, height_m=height_m, depth_m=depth_m, price_minor=source.price_minor
        )
        self.products[product.product_id] = product
        self.names.add(pack.name)
        return product


@dataclass(frozen=True)
class Board:
    """The room that one shelf offers its products."""

    department: Department
    clearance_m: float
    depth_m: float
    widths_m: tuple[float, ...]  # of its slots, left to right


def stock_board(
    rng: np.random.Generator, goods: Range, board: Board, pairs: Sequence[tuple[Pair, int, int]]
) -> list[Product]:
    """A product for every slot of a board. `pairs` are disjoint pairs of slots, by index."""
    packs: list[Pack | None] = [None] * len(board.widths_m)
    for pair, first, second in pairs:
        packs[first], packs[second] = _draw_pair(rng, goods, board, pair, first, second, _masses(packs))
    for index, width_m in enumerate(board.widths_m):
        if packs[index] is None:
            packs[index] = _draw_single(rng, goods, board, width_m, _masses(packs), packs)
    original = {second: first for pair, first, second in pairs if pair is Pair.LOOK_ALIKE}
    products: list[Product] = []
    for index, pack in enumerate(packs):
        assert pack is not None
        like = products[original[index]] if index in original else None
        products.append(goods.add(rng, pack, like))
    return products


def slots_of(shelf: Shelf, products: Sequence[Product], widths_m: Sequence[float]) -> tuple[Slot, ...]:
    """Slots side by side from the shelf's left end, each as full as its product's size allows."""
    slots: list[Slot] = []
    left_m = 0.0
    for index, (product, width_m) in enumerate(zip(products, widths_m, strict=True), start=1):
        facings = max(1, math.floor((width_m + 1e-9) / (product.width_m + SIDE_ROOM_M)))
        deep = max(1, math.floor((shelf.depth_m - 0.02) / (product.depth_m + 0.006)))
        slots.append(
            Slot(
                slot_id=f"{shelf.shelf_id}-{index}",
                shelf_id=shelf.shelf_id,
                product_id=product.product_id,
                left_m=round(left_m, 3),
                width_m=round(width_m, 3),
                facings=facings,
                capacity=facings * min(deep, 12),
            )
        )
        left_m += width_m
    return tuple(slots)


def plant_pairs(
    rng: np.random.Generator, slot_counts: Sequence[int], pairs: PairCounts
) -> list[list[tuple[Pair, int, int]]]:
    """Which slots of which shelf make a hard pair: one a shelf first, then a second, as far as there is room."""
    wanted = [Pair.LOOK_ALIKE] * pairs.look_alikes + [Pair.TWIN] * pairs.twins + [Pair.NEAR] * pairs.near
    wanted = [wanted[int(index)] for index in rng.permutation(len(wanted))]
    planted: list[list[tuple[Pair, int, int]]] = [[] for _ in slot_counts]
    for pair in wanted:
        open_slots = {
            index: free
            for index, free in enumerate(_free_slots(slot_counts, planted))
            if _pairs_of(pair, free)
        }
        if not open_slots:
            break
        fewest = min(len(planted[index]) for index in open_slots)
        shelves = [index for index in open_slots if len(planted[index]) == fewest]
        shelf = shelves[int(rng.integers(len(shelves)))]
        choices = _pairs_of(pair, open_slots[shelf])
        planted[shelf].append((pair, *choices[int(rng.integers(len(choices)))]))
    return planted


# --- drawing ------------------------------------------------------------------------------------------------------


def _draw_single(
    rng: np.random.Generator,
    goods: Range,
    board: Board,
    width_m: float,
    masses_g: Sequence[float],
    neighbours: Sequence[Pack | None],
) -> Pack:
    """A pack that weighs unlike all others of its board, and is of another kind where that is possible."""
    fitting = _fitting(board, width_m)
    kinds = {pack.kind.name for pack in neighbours if pack is not None}
    best: tuple[tuple[bool, bool, float], Pack] | None = None
    for _ in range(DRAWS):
        kind, size = fitting[int(rng.integers(len(fitting)))]
        pack = _pack(rng, goods, kind, size, float(rng.uniform(*size.mass_g)))
        gap_g = _gap_g(masses_g, pack.mass_g)
        rank = (gap_g >= MASS_GAP_G, kind.name not in kinds, min(gap_g, 2 * MASS_GAP_G))
        if best is None or rank > best[0]:
            best = (rank, pack)
    assert best is not None
    return best[1]


def _draw_pair(
    rng: np.random.Generator,
    goods: Range,
    board: Board,
    pair: Pair,
    first: int,
    second: int,
    masses_g: Sequence[float],
) -> tuple[Pack, Pack]:
    """Two packs that are hard to tell apart from each other, and easy from the rest of their board."""
    best: tuple[float, tuple[Pack, Pack]] | None = None
    for _ in range(DRAWS * 4):
        drawn = _draw_pair_once(rng, goods, board, pair, board.widths_m[first], board.widths_m[second])
        if drawn is None:
            continue
        gap_g = min(_gap_g(masses_g, pack.mass_g) for pack in drawn)
        if best is None or gap_g > best[0]:
            best = (gap_g, drawn)
        if gap_g >= MASS_GAP_G:
            break
    assert best is not None, f"no {pair.value} pair in {board.department.name} fits {board.widths_m}"
    return best[1]


def _draw_pair_once(
    rng: np.random.Generator, goods: Range, board: Board, pair: Pair, first_m: float, second_m: float
) -> tuple[Pack, Pack] | None:
    fitting = _fitting(board, min(first_m, second_m))
    kind, size = fitting[int(rng.integers(len(fitting)))]
    mass_g = float(rng.uniform(*size.mass_g))
    one = _pack(rng, goods, kind, size, mass_g)
    if pair is Pair.LOOK_ALIKE:
        others = [variant for variant in kind.variants if variant != one.variant]
        other = replace(one, variant=others[int(rng.integers(len(others)))])
        other = replace(other, mass_g=round(one.mass_g + float(rng.uniform(-1, 1)) * LOOK_ALIKE_G_MAX, 1))
        return None if other.name in goods.names else (one, other)
    apart_g = TWIN_G_MAX * float(rng.uniform(-1, 1))
    if pair is Pair.NEAR:
        apart_g = float(rng.uniform(*NEAR_G)) * (1 if rng.random() < 0.5 else -1)
    mass_g += apart_g
    rivals = [
        (other, its_size)
        for other, its_size in fitting
        if other.name != kind.name and its_size.mass_g[0] <= mass_g <= its_size.mass_g[1]
    ]
    if not rivals:
        return None
    other, its_size = rivals[int(rng.integers(len(rivals)))]
    return one, _pack(rng, goods, other, its_size, mass_g)


def _pack(rng: np.random.Generator, goods: Range, kind: Kind, size: PackSize, mass_g: float) -> Pack:
    """A pack of a brand and variant that the shop does not have yet, as far as chance finds one."""
    pack = None
    for _ in range(20):
        brand = BRANDS[int(rng.integers(len(BRANDS)))]
        variant = kind.variants[int(rng.integers(len(kind.variants)))]
        pack = Pack(kind, size, brand, variant, round(mass_g, 1))
        if pack.name not in goods.names:
            break
    assert pack is not None
    return pack


def _fitting(board: Board, width_m: float) -> list[tuple[Kind, PackSize]]:
    """Kinds and sizes whose largest pack goes into a slot."""
    fitting = [
        (kind, size)
        for kind in board.department.kinds
        for size in kind.sizes
        if _goes_in(_grown_m(kind, size, 1.04), width_m, board)
    ]
    assert fitting, f"nothing of {board.department.name} fits {width_m} m under {board.clearance_m} m"
    return fitting


def _goes_in(size_m: tuple[float, float, float], width_m: float, board: Board) -> bool:
    return (
        size_m[0] <= width_m - SIDE_ROOM_M
        and size_m[1] <= board.clearance_m - HAND_ROOM_M
        and size_m[2] <= board.depth_m - 0.02
    )


def _grown_m(kind: Kind, size: PackSize, factor: float) -> tuple[float, float, float]:
    grown = factor * (sum(size.mass_g) / sum(kind.sizes[0].mass_g)) ** (1 / 3)
    width, height, depth = (side * grown for side in kind.size_m)
    return (width, height, depth)


def _dimensions_m(rng: np.random.Generator, pack: Pack) -> tuple[float, float, float]:
    stretch = [float(value) for value in rng.uniform(0.96, 1.04, 3)]
    if pack.kind.shape in ("can", "bottle") and pack.kind.size_m[0] == pack.kind.size_m[2]:
        stretch[2] = stretch[0]  # Round ones stay round.
    width, height, depth = _grown_m(pack.kind, pack.size, 1.0)
    return (
        round(width * stretch[0], 3),
        round(height * stretch[1], 3),
        round(depth * stretch[2], 3),
    )


def _price_minor(rng: np.random.Generator, pack: Pack) -> int:
    grown = (sum(pack.size.mass_g) / sum(pack.kind.sizes[0].mass_g)) ** 0.8
    price = pack.kind.price_minor * grown * float(rng.uniform(0.8, 1.25))
    return max(49, round(price / 10) * 10 - 1)


def _masses(packs: Sequence[Pack | None]) -> list[float]:
    return [pack.mass_g for pack in packs if pack is not None]


def _gap_g(masses_g: Sequence[float], mass_g: float) -> float:
    return min((abs(mass_g - other_g) for other_g in masses_g), default=math.inf)


def _free_slots(
    slot_counts: Sequence[int], planted: Sequence[Sequence[tuple[Pair, int, int]]]
) -> list[list[int]]:
    return [
        [slot for slot in range(count) if all(slot not in pair[1:] for pair in pairs)]
        for count, pairs in zip(slot_counts, planted, strict=True)
    ]


def _pairs_of(pair: Pair, free: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of free slots: adjacent ones for look-alikes, any for the others."""
    return [
        (first, second)
        for first in free
        for second in free
        if first < second and (pair is not Pair.LOOK_ALIKE or second == first + 1)
    ]
