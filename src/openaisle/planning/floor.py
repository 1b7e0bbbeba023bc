"""From a scope to a shop without cameras: an outline, shelving with room to walk, goods in slots, plates under them."""

from __future__ import annotations

import math
from typing import Final

from openaisle.core.errors import InputError
from openaisle.planning.scope import Scope
from openaisle.sim.assortment import DEPARTMENTS
from openaisle.sim.stores import SLOT_M_MIN, Terms, shelved_store
from openaisle.store.polygons import is_simple, signed_area
from openaisle.store.schema import Point2, Store

ASPECT: Final = 1.38  # of a floor of which only the area is known; 1.38 makes 167 m2 15.2 x 11.0 m
SHELVES_A_GONDOLA: Final = (4.0, 4.5, 5.0, 5.5, 6.0)  # tried in turn: more where floor is scarce


def floor_of(scope: Scope, seed: int = 1) -> Store:
    """The shop that a scope without a floor plan describes, without cameras. The same scope, the same shop.

    InputError if floor, shelving and goods do not go together, saying which of them to change.
    """
    _check_room(scope)
    refused: InputError | None = None
    for shelves in SHELVES_A_GONDOLA:
        try:
            return _shelved(scope, seed, math.ceil(scope.shop.section_count / shelves))
        except InputError as error:
            refused = error
    assert refused is not None
    raise InputError(
        f"found no room for {scope.shop.section_count} shelf sections",
        field="shop.section_count",
        expected=f"fewer sections, narrower aisles than {scope.shop.aisle_m:g} m or more than "
        f"{outline_area_m2(scope):.0f} m2",
    ) from refused


def outline_of(scope: Scope) -> tuple[Point2, ...]:
    """Corners counter-clockwise from the south-west; a rectangle if the scope says only an area."""
    if scope.shop.outline_m is not None:
        return tuple((float(x), float(y)) for x, y in scope.shop.outline_m)
    width_m = round(math.sqrt(scope.shop.area_m2 * ASPECT), 1)
    depth_m = round(scope.shop.area_m2 / width_m, 1)
    return ((0.0, 0.0), (width_m, 0.0), (width_m, depth_m), (0.0, depth_m))


def outline_area_m2(scope: Scope) -> float:
    """Of the outline, above 0 if it runs as it should."""
    return signed_area(outline_of(scope))


def _check_room(scope: Scope) -> None:
    shop = scope.shop
    outline = outline_of(scope)
    if not is_simple(outline) or signed_area(outline) <= 0 or outline[0][1] != outline[1][1]:
        raise InputError(
            "is no floor",
            field="shop.outline_m",
            expected="a simple polygon, counter-clockwise, whose first side runs from west to east and has the gates",
        )
    known = {department.name for department in DEPARTMENTS}
    if unknown := [name for name in shop.departments if name not in known]:
        raise InputError(
            "no such department", field="shop.departments", expected=", ".join(sorted(known)), found=unknown
        )
    most = int((shop.gondola_width_m + 1e-6) // SLOT_M_MIN) * shop.section_count
    if not shop.section_count <= shop.sku_count <= most:
        raise InputError(
            f"{shop.section_count} shelf sections of {shop.gondola_width_m:g} m cannot hold {shop.sku_count} products",
            field="shop.sku_count",
            expected=f"{shop.section_count} to {most}",
            found=shop.sku_count,
        )


def _shelved(scope: Scope, seed: int, gondola_count: int) -> Store:
    shop = scope.shop
    by_name = {department.name: department for department in DEPARTMENTS}
    return shelved_store(
        seed,
        store_id=scope.profile,
        name=shop.name,
        outline=outline_of(scope),
        ceiling_height_m=shop.ceiling_height_m,
        gondola_count=gondola_count,
        gondola_width_m=shop.gondola_width_m,
        shelf_count=shop.section_count,
        sku_count=shop.sku_count,
        aisle_m=shop.aisle_m,
        island_share=shop.island_share,
        departments=[by_name[name] for name in shop.departments],
        terms=Terms(
            timezone=shop.timezone,
            currency=shop.currency,
            prices_include_tax=shop.prices_include_tax,
            food_tax=shop.food_tax,
            standard_tax=shop.standard_tax,
            jurisdiction=shop.jurisdiction,
        ),
    )
