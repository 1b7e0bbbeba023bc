"""What makes a described shop impossible: every contradiction between its parts, each with its place in a file.

Nothing stops at the first problem, and a thing that was left out because a field of it is wrong is not also reported
as missing. What is only unwise is in `remarks.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from openaisle.core.errors import StoreError
from openaisle.store.check_goods import products, slots
from openaisle.store.check_things import TOLERANCE_M, any_left_out, end_of, grouped, twice
from openaisle.store.draft import Draft, Placed
from openaisle.store.lenses import folds_inside_picture, horizontal_fov_deg
from openaisle.store.money import CURRENCY_DIGITS
from openaisle.store.polygons import (
    contains,
    convex_overlap_m,
    holds,
    is_simple,
    outline_distance_m,
    segments_meet,
    signed_area,
)
from openaisle.store.promotions import promotion_problems
from openaisle.store.schema import Camera, Gate, Gondola, Point2, Shelf

GATE_TO_OUTLINE_M_MAX: Final = 0.05
GATE_WIDTH_M: Final = (0.5, 10.0)
FOV_DEG: Final = (15.0, 150.0)


def problems_of(draft: Draft) -> list[StoreError]:
    """Every contradiction, in the order of the files."""
    checks = (
        *(_shop, _plan, _gates, _zones, _gondolas, _shelves, _plates, _cameras, products, slots),
        promotion_problems,
    )
    return [problem for check in checks for problem in check(draft)]


# --- store.toml ---------------------------------------------------------------------------------------------------


def _shop(draft: Draft) -> Iterator[StoreError]:
    if draft.shop is not None:
        shop = draft.shop.value
        if shop.currency not in CURRENCY_DIGITS:
            yield draft.shop.problem(
                "unknown currency", "currency", expected="a code of ISO 4217, as EUR", found=shop.currency
            )
        if not _is_timezone(shop.timezone):
            yield draft.shop.problem(
                "unknown time zone",
                "timezone",
                expected="a name of the IANA database, as Europe/Berlin",
                found=shop.timezone,
            )
    if draft.tax_rates is not None and not draft.tax_rates.value and not any_left_out(draft, "tax"):
        yield draft.tax_rates.problem("no tax class", expected="at least one, as standard = 0.19")


def _is_timezone(name: str) -> bool:
    """Whether the time zone exists; on a machine without a database of them, whether it looks like one."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return not available_timezones() and re.fullmatch(r"UTC|[A-Z]\w+(/[A-Z][\w+-]*)+", name) is not None
    return True


def _plan(draft: Draft) -> Iterator[StoreError]:
    if draft.plan is None:
        return
    plan = draft.plan.value
    outline = plan.outline_floor_m
    if not is_simple(outline):
        yield draft.plan.problem("crosses or touches itself", "outline_m", expected="a simple polygon")
    elif signed_area(outline) <= 0:
        yield draft.plan.problem("runs clockwise", "outline_m", expected="corners counter-clockwise")
    elif signed_area(outline) < 1.0:
        yield draft.plan.problem(
            "too small", "outline_m", expected="1 m2 or more", found=round(signed_area(outline), 3)
        )
    for number, wall in enumerate(plan.walls_floor_m, start=1):
        if not all(contains(outline, end, GATE_TO_OUTLINE_M_MAX) for end in wall):
            yield draft.plan.problem(
                f"wall {number} leaves the plan", "walls_m", expected="walls inside outline_m", found=wall
            )


def _gates(draft: Draft) -> Iterator[StoreError]:
    yield from twice(draft.gates, "gate", "id", lambda gate: gate.gate_id)
    for placed in draft.gates:
        gate = placed.value
        width_m = math.dist(gate.left_floor_m, gate.right_floor_m)
        if not GATE_WIDTH_M[0] <= width_m <= GATE_WIDTH_M[1]:
            yield placed.problem(
                f"gate {gate.gate_id} is {width_m:.2f} m wide",
                "right_m",
                expected=f"{GATE_WIDTH_M[0]} to {GATE_WIDTH_M[1]} m",
            )
        if draft.plan is not None:
            yield from _gate_in_plan(placed, draft.plan.value.outline_floor_m)
        for gondola in draft.gondolas:
            if contains(_footprint(gondola.value), gate.inside_floor_m):
                yield placed.problem(
                    f"gate {gate.gate_id} opens into gondola {gondola.value.gondola_id}",
                    "inside_m",
                    expected="a free point of the floor",
                    found=gate.inside_floor_m,
                )


def _gate_in_plan(placed: Placed[Gate], outline: Sequence[Point2]) -> Iterator[StoreError]:
    gate = placed.value
    for name, point in (("left_m", gate.left_floor_m), ("right_m", gate.right_floor_m)):
        distance_m = outline_distance_m(outline, point)
        if distance_m > GATE_TO_OUTLINE_M_MAX:
            yield placed.problem(
                f"gate {gate.gate_id} is {distance_m:.2f} m off the outline",
                name,
                expected="a point on the plan's outline_m",
                found=point,
            )
    if not contains(outline, gate.inside_floor_m):
        yield placed.problem(
            f"gate {gate.gate_id} has its inside outside the plan",
            "inside_m",
            expected="a point just inside the shop",
            found=gate.inside_floor_m,
        )


def _zones(draft: Draft) -> Iterator[StoreError]:
    yield from twice(draft.zones, "zone", "id", lambda zone: zone.zone_id)
    for placed in draft.zones:
        zone = placed.value
        if not is_simple(zone.polygon_floor_m):
            yield placed.problem(
                f"zone {zone.zone_id} crosses or touches itself", "polygon_m", expected="a simple polygon"
            )
        elif draft.plan is not None and not holds(
            draft.plan.value.outline_floor_m, zone.polygon_floor_m, GATE_TO_OUTLINE_M_MAX
        ):
            yield placed.problem(
                f"zone {zone.zone_id} leaves the plan", "polygon_m", expected="a polygon inside outline_m"
            )


def _gondolas(draft: Draft) -> Iterator[StoreError]:
    yield from twice(draft.gondolas, "gondola", "id", lambda gondola: gondola.gondola_id)
    yield from twice(draft.gondolas, "scale", "scale_id", lambda gondola: gondola.scale_id)
    for placed in draft.gondolas:
        gondola = placed.value
        if draft.plan is None:
            continue
        plan = draft.plan.value
        if not holds(plan.outline_floor_m, _footprint(gondola), TOLERANCE_M):
            yield placed.problem(
                f"gondola {gondola.gondola_id} leaves the plan",
                "origin_m",
                expected="all four corners inside outline_m",
                found=_corners_shown(gondola),
            )
        if gondola.height_m > plan.ceiling_height_m:
            yield placed.problem(
                f"gondola {gondola.gondola_id} is higher than the ceiling",
                "height_m",
                expected=f"{plan.ceiling_height_m} m or less",
                found=gondola.height_m,
            )
        for number, wall in enumerate(plan.walls_floor_m, start=1):
            if _wall_cuts(wall, gondola):
                yield placed.problem(
                    f"wall {number} runs through gondola {gondola.gondola_id}",
                    "origin_m",
                    expected="no wall in it",
                )
    for first, second in combinations(draft.gondolas, 2):
        depth_m = convex_overlap_m(_footprint(first.value), _footprint(second.value))
        if depth_m > TOLERANCE_M:
            names = f"{second.value.gondola_id} and {first.value.gondola_id}"
            yield second.problem(
                f"gondolas {names} overlap by {depth_m:.2f} m",
                "origin_m",
                expected="gondolas side by side",
                found=second.value.origin_floor_m,
            )


def _footprint(gondola: Gondola) -> list[Point2]:
    return [(float(x), float(y)) for x, y in gondola.footprint_floor_m]


def _corners_shown(gondola: Gondola) -> list[Point2]:
    return [(round(x, 3), round(y, 3)) for x, y in _footprint(gondola)]


def _wall_cuts(wall: tuple[Point2, Point2], gondola: Gondola) -> bool:
    corners = gondola.footprint_floor_m
    inner = corners.mean(axis=0) + (corners - corners.mean(axis=0)) * 0.95  # A wall may touch its back.
    polygon = [(float(x), float(y)) for x, y in inner]
    sides = zip(polygon, [*polygon[1:], polygon[0]], strict=True)
    return contains(polygon, wall[0]) or any(segments_meet(wall, side) for side in sides)


def _shelves(draft: Draft) -> Iterator[StoreError]:
    yield from twice(draft.shelves, "shelf", "id", lambda shelf: shelf.shelf_id)
    gondolas = {placed.value.gondola_id: placed.value for placed in draft.gondolas}
    for gondola_id, shelves in grouped(draft.shelves, lambda shelf: shelf.gondola_id):
        yield from twice(
            shelves, "level", "level", lambda shelf: f"{shelf.level} in gondola {shelf.gondola_id}"
        )
        shelves.sort(key=lambda placed: placed.value.level)
        for lower, upper in pairwise(shelves):
            if upper.value.level > lower.value.level and upper.value.height_m <= lower.value.height_m:
                yield upper.problem(
                    f"shelf {upper.value.shelf_id} is not above shelf {lower.value.shelf_id}",
                    "height_m",
                    expected=f"more than {lower.value.height_m} m: level 1 is the lowest",
                    found=upper.value.height_m,
                )
        if gondola_id in gondolas:
            for placed in shelves:
                yield from _shelf_in_gondola(placed, gondolas[gondola_id])


def _shelf_in_gondola(placed: Placed[Shelf], gondola: Gondola) -> Iterator[StoreError]:
    shelf = placed.value
    for field, size, limit, side in (
        ("width_m", shelf.left_m + shelf.width_m, gondola.width_m, "right side"),
        ("depth_m", shelf.front_m + shelf.depth_m, gondola.depth_m, "back"),
        ("height_m", shelf.height_m, gondola.height_m, "top"),
    ):
        if size > limit + TOLERANCE_M:
            yield placed.problem(
                f"shelf {shelf.shelf_id} ends beyond the {side} of gondola {gondola.gondola_id}",
                field,
                expected=f"an end at {limit} m or less",
                found=round(size, 4),
            )


def _plates(draft: Draft) -> Iterator[StoreError]:
    plates = [(placed, plate) for placed in draft.shelves for plate in placed.value.plates]
    seen: dict[str, str] = {}
    channels: dict[tuple[str, int], str] = {}
    for placed, plate in plates:
        field = _plates_field(placed)
        if plate.plate_id in seen:
            yield placed.problem(f"plate {plate.plate_id} is there twice", field, expected="an id of its own")
        seen[plate.plate_id] = plate.shelf_id
        channel = (placed.value.gondola_id, plate.channel)
        if channel in channels and channels[channel] != plate.plate_id:
            yield placed.problem(
                f"plates {channels[channel]} and {plate.plate_id} are on the same channel",
                field,
                expected="a channel of its own for each plate of a gondola",
                found=plate.channel,
            )
        channels.setdefault(channel, plate.plate_id)
    for placed in draft.shelves:
        yield from _plates_on_shelf(placed)


def _plates_field(placed: Placed[Shelf]) -> str:
    """Which of the two ways to say plates a shelf uses."""
    return "plate_run" if placed.line_of("plates") == placed.line_of(None) else "plates"


def _plates_on_shelf(placed: Placed[Shelf]) -> Iterator[StoreError]:
    shelf = placed.value
    field = _plates_field(placed)
    for plate in shelf.plates:
        if plate.left_m + plate.width_m > shelf.width_m + TOLERANCE_M:
            yield placed.problem(
                f"plate {plate.plate_id} ends beyond shelf {shelf.shelf_id}",
                field,
                expected=f"an end at {shelf.width_m} m or less",
                found=end_of(plate),
            )
    for left, right in pairwise(sorted(shelf.plates, key=lambda plate: (plate.left_m, plate.plate_id))):
        if right.left_m < left.left_m + left.width_m - TOLERANCE_M:
            yield placed.problem(
                f"plates {left.plate_id} and {right.plate_id} overlap",
                field,
                expected=f"plate {right.plate_id} to start at {end_of(left)} m or more",
                found=right.left_m,
            )
    if [plate.left_m for plate in shelf.plates] != sorted(plate.left_m for plate in shelf.plates):
        yield placed.problem(
            f"plates of shelf {shelf.shelf_id} are out of order",
            "plates",
            expected="plates from left to right",
        )


# --- cameras.toml -------------------------------------------------------------------------------------------------


def _cameras(draft: Draft) -> Iterator[StoreError]:
    yield from twice(draft.cameras, "camera", "id", lambda camera: camera.camera_id)
    for placed in draft.cameras:
        camera = placed.value
        if draft.plan is not None:
            yield from _camera_in_plan(placed, draft)
        yield from _camera_lens(placed)
        if camera.main_source and not camera.source:
            yield placed.problem(
                f"camera {camera.camera_id} has a main stream but no substream",
                "main_source",
                expected="a source as well: people are looked for in the substream",
                found=camera.main_source,
            )


def problems_of_cameras(draft: Draft) -> list[StoreError]:
    """What is wrong with cameras of which no plan is known."""
    problems = list(_cameras(draft))
    if not draft.cameras:
        problems.append(StoreError("no cameras", field="camera", expected="at least one [[camera]]"))
    return problems


def _camera_in_plan(placed: Placed[Camera], draft: Draft) -> Iterator[StoreError]:
    assert draft.plan is not None
    plan = draft.plan.value
    camera = placed.value
    x, y, z = camera.position_floor_m
    if not contains(plan.outline_floor_m, (x, y), TOLERANCE_M):
        yield placed.problem(
            f"camera {camera.camera_id} is outside the plan",
            "position_m",
            expected="x and y inside outline_m",
            found=(x, y),
        )
    if not 0 < z <= plan.ceiling_height_m:
        side = "below the floor" if z <= 0 else "above the ceiling"
        yield placed.problem(
            f"camera {camera.camera_id} is {side}",
            "position_m",
            expected=f"a height of 0 to {plan.ceiling_height_m} m",
            found=z,
        )
    for gondola in draft.gondolas:
        if 0 < z < gondola.value.height_m and contains(_footprint(gondola.value), (x, y)):
            yield placed.problem(
                f"camera {camera.camera_id} is inside gondola {gondola.value.gondola_id}",
                "position_m",
                expected="a place in the open",
                found=camera.position_floor_m,
            )


def _camera_lens(placed: Placed[Camera]) -> Iterator[StoreError]:
    camera = placed.value
    lens = camera.lens
    if folds_inside_picture(lens):
        yield placed.problem(
            f"the distortion of camera {camera.camera_id} folds back inside its picture",
            "lens",
            expected="a radial distortion that grows up to the corners",
            found=lens.distortion,
        )
        return
    fov_deg = horizontal_fov_deg(lens)
    if not FOV_DEG[0] <= fov_deg <= FOV_DEG[1]:
        yield placed.problem(
            f"camera {camera.camera_id} sees {fov_deg:.1f} degrees across",
            "lens",
            expected=f"{FOV_DEG[0]:.0f} to {FOV_DEG[1]:.0f} degrees",
        )
    if not (0 <= lens.centre_x_px < lens.width_px and 0 <= lens.centre_y_px < lens.height_px):
        yield placed.problem(
            f"the optical centre of camera {camera.camera_id} is outside its picture",
            "lens",
            expected=f"centre_px within {lens.width_px} x {lens.height_px}",
            found=(lens.centre_x_px, lens.centre_y_px),
        )
