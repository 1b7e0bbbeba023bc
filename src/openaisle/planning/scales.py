"""Scales of a planned shop: goods that weight cannot tell apart, a planogram that parts them, sizes of plates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import msgspec

from openaisle.sim.store_goods import HAND_ROOM_M, SIDE_ROOM_M, slots_of
from openaisle.store.remarks import NEAR_MASS_G, near_mass_pairs
from openaisle.store.schema import Product, Shelf, Slot, Store

LOOK_ALIKE_WORTH: Final = 2.0  # a look-alike within reach of a mistake, against a pair of like mass
SWEEPS_MAX: Final = 6
PLATES_M: Final = (0.1, 0.2, 0.3, 0.4)


class PlateSize(msgspec.Struct, frozen=True, kw_only=True):
    """Plates of one width all over the shop."""

    width_m: float | None  # None: one plate a slot
    plates: int
    slots_sharing: int  # slots whose plate also carries goods of a neighbour


class ScalePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What `plan place` found about weights."""

    placements: int
    near_pairs_before: int  # pairs of different products of one shelf within 10 g
    near_pairs: int
    placements_with_twin_before: int  # placements that have such a partner
    placements_with_twin: int
    look_alikes_together_before: int  # on one shelf
    look_alikes_together: int
    swaps: tuple[tuple[str, str], ...]  # slots whose products change places
    plate_sizes: tuple[PlateSize, ...]
    section_pairs: tuple[tuple[str, str, float], ...]  # slot, slot, grams apart: what is left


def plan_scales(store: Store) -> tuple[Store, ScalePlan]:
    """The shop with a better planogram, and both compared."""
    better, swaps = rearranged(store)
    before, after = _counts(store), _counts(better)
    return better, ScalePlan(
        placements=len(store.slots),
        near_pairs_before=before[0],
        near_pairs=after[0],
        placements_with_twin_before=before[1],
        placements_with_twin=after[1],
        look_alikes_together_before=before[2],
        look_alikes_together=after[2],
        swaps=tuple(swaps),
        plate_sizes=tuple(_plate_size(better, width_m) for width_m in (*PLATES_M, None)),
        section_pairs=tuple(
            pair for shelf in better.shelves.values() for pair in near_mass_pairs(better, shelf)
        ),
    )


def rearranged(store: Store) -> tuple[Store, list[tuple[str, str]]]:
    """Products that change slots within a gondola or between gondolas, wherever that parts goods hard to tell apart.

    First improvement over all pairs of slots into which both products fit, sweep after sweep, until none is left.
    """
    shelves = list(store.shelves.values())
    holds = {shelf.shelf_id: [slot.product_id for slot in shelf.slots] for shelf in shelves}
    places = [(shelf, index) for shelf in shelves for index in range(len(shelf.slots))]
    swaps: list[tuple[str, str]] = []
    for _ in range(SWEEPS_MAX):
        is_better = False
        for first, here in places:
            if _burden(store, holds[first.shelf_id], here) == 0:
                continue
            found = _best_swap(store, holds, places, first, here)
            if found is not None:
                second, there = found
                one, two = holds[first.shelf_id], holds[second.shelf_id]
                one[here], two[there] = two[there], one[here]
                swaps.append((first.slots[here].slot_id, second.slots[there].slot_id))
                is_better = True
        if not is_better:
            break
    return _with_products(store, holds), swaps


def _best_swap(
    store: Store,
    holds: dict[str, list[str]],
    places: Sequence[tuple[Shelf, int]],
    first: Shelf,
    here: int,
) -> tuple[Shelf, int] | None:
    """The slot elsewhere whose product, in exchange, lightens both shelves most; nearer ones first of equals."""
    best: tuple[float, int, Shelf, int] | None = None
    one = holds[first.shelf_id]
    product = store.products[one[here]]
    for order, (second, there) in enumerate(places):
        if second.shelf_id == first.shelf_id:
            continue
        two = holds[second.shelf_id]
        other = store.products[two[there]]
        if other.tax_class != product.tax_class or other.age_limit != product.age_limit:
            continue  # Stays among its like.
        if not _fits(product, second, second.slots[there]) or not _fits(other, first, first.slots[here]):
            continue
        before = _burden(store, one, here) + _burden(store, two, there)
        after = _burden(store, [*one[:here], other.product_id, *one[here + 1 :]], here)
        after += _burden(store, [*two[:there], product.product_id, *two[there + 1 :]], there)
        distance = 0 if second.gondola_id == first.gondola_id else 1
        if after < before:
            rank = (after - before, distance * len(places) + order)
            if best is None or rank < best[:2]:
                best = (*rank, second, there)
    return None if best is None else (best[2], best[3])


def _burden(store: Store, products: Sequence[str], index: int) -> float:
    """How hard one product of a shelf is to tell from the others there."""
    product = store.products[products[index]]
    total = 0.0
    for place, product_id in enumerate(products):
        other = store.products[product_id]
        if place == index or product_id == product.product_id:
            continue
        total += abs(other.mass_g - product.mass_g) < NEAR_MASS_G
        if _look_alike(product, other):
            total += LOOK_ALIKE_WORTH
    return total


def _look_alike(first: Product, second: Product) -> bool:
    return first.look_alike_of == second.product_id or second.look_alike_of == first.product_id


def _fits(product: Product, shelf: Shelf, slot: Slot) -> bool:
    return (
        product.width_m <= slot.width_m - SIDE_ROOM_M
        and product.height_m <= shelf.clearance_m - HAND_ROOM_M
        and product.depth_m <= shelf.depth_m - 0.02
    )


def _with_products(store: Store, holds: dict[str, list[str]]) -> Store:
    def stocked(shelf: Shelf) -> Shelf:
        products = holds[shelf.shelf_id]
        if products == [slot.product_id for slot in shelf.slots]:
            return shelf
        fresh = slots_of(shelf, [store.products[each] for each in products], [s.width_m for s in shelf.slots])
        kept = zip(shelf.slots, fresh, strict=True)
        return replace(
            shelf,
            slots=tuple(
                replace(old, product_id=new.product_id, facings=new.facings, capacity=new.capacity)
                for old, new in kept
            ),
        )

    return replace(
        store,
        gondolas=tuple(
            replace(gondola, shelves=tuple(stocked(shelf) for shelf in gondola.shelves))
            for gondola in store.gondolas
        ),
    )


def _counts(store: Store) -> tuple[int, int, int]:
    """Pairs within 10 g, placements with such a partner, look-alikes on one shelf."""
    pairs = [pair for shelf in store.shelves.values() for pair in near_mass_pairs(store, shelf)]
    together = sum(
        _look_alike(store.products[first.product_id], store.products[second.product_id])
        for shelf in store.shelves.values()
        for index, first in enumerate(shelf.slots)
        for second in shelf.slots[index + 1 :]
    )
    return len(pairs), len({slot for first, second, _ in pairs for slot in (first, second)}), together


def _plate_size(store: Store, width_m: float | None) -> PlateSize:
    plates = sharing = 0
    for shelf in store.shelves.values():
        if width_m is None:
            plates += len(shelf.slots)
            continue
        plates += max(1, round(shelf.width_m / width_m))
        seams = {round(slot.left_m / width_m, 6) for slot in shelf.slots}
        inside = {seam for seam in seams if abs(seam - round(seam)) > 1e-6}
        for slot in shelf.slots:
            ends = (slot.left_m / width_m, (slot.left_m + slot.width_m) / width_m)
            sharing += any(any(abs(end - seam) < 1e-6 for seam in inside) for end in ends)
    return PlateSize(width_m=width_m, plates=plates, slots_sharing=sharing)
