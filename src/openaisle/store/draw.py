"""The floor plan of a store as a picture: what stands where, and what the cameras see of it."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from openaisle.core.errors import InputError
from openaisle.core.geometry import Floats
from openaisle.store.coverage import footprint_floor_m, views_of_slots
from openaisle.store.floor_views import PERSON_HEIGHT_M, FloorViews
from openaisle.store.lenses import horizontal_fov_deg
from openaisle.store.picture import Picture, Points, Shape, Text, check_drawing
from openaisle.store.polygons import edges, signed_area
from openaisle.store.remarks import VIEWS_MIN
from openaisle.store.schema import Camera, Gate, Gondola, Point2, Store

PLAN_PX: Final = (1180.0, 940.0)  # the largest the plan may get
MARGIN_PX: Final = 64.0
HEAD_PX: Final = 92.0
LEGEND_PX: Final = 330.0
FOOTPRINTS_MAX: Final = 16  # more cameras than that are drawn without their footprints at 1 m
CAMERA_ROWS_MAX: Final = 16  # in the legend

INK: Final = "#22303a"
SOFT: Final = "#66757f"
PAPER: Final = "#ffffff"
WARN: Final = "#d6402b"
ENTRY: Final = "#1c8a5a"
EXIT: Final = "#b5651d"
FRONT: Final = "#2f6db3"
VIEW_COLOURS: Final = ("#f7d9d2", "#fbeccb", "#e4f0dc", "#cbe5dd", "#b3d8dc")
VIEW_LEVELS_FEW: Final = {
    0: "none",
    1: "one",
    2: "two",
    3: "three",
    4: "four or more",
}  # least views -> words
VIEW_LEVELS_MANY: Final = {0: "none", 1: "one", 2: "two or three", 4: "four to seven", 8: "eight or more"}


def save_plan(store: Store, path: Path) -> None:
    """Draw the plan into an .svg or a .png file."""
    check_drawing(path, "a plan is drawn")
    data = draw_plan(store).encoded(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", file=str(path)) from error


def draw_plan(store: Store) -> Picture:
    """The plan with its legend."""
    page = _Page(store)
    marks = page.picture.marks
    marks.append(Shape(rings=[_box(0, 0, page.picture.width, page.picture.height)], fill=PAPER))
    views = FloorViews.of(store)
    levels = VIEW_LEVELS_FEW if len(store.cameras) <= FOOTPRINTS_MAX else VIEW_LEVELS_MANY
    _draw_head(page, store)
    _draw_views(page, store, views, levels)
    _draw_grid(page, store)
    _draw_zones(page, store)
    _draw_footprints(page, store)
    _draw_gondolas(page, store)
    _draw_walls(page, store)
    _draw_few_views(page, store)
    for gate in store.gates:
        _draw_gate(page, gate)
    _draw_cameras(page, store)
    _draw_scale_and_north(page)
    _draw_legend(page, store, views, levels)
    return page.picture


def floor_line(store: Store, points_floor_m: Sequence[Point2]) -> Points:
    """Points of the floor as they lie on the page that `draw_plan` makes."""
    return _Page(store).line(points_floor_m)


class _Page:
    """Where the floor is on the page."""

    def __init__(self, store: Store) -> None:
        plan = np.array(store.plan_floor_m)
        self._low, self._high = plan.min(axis=0), plan.max(axis=0)
        wide_m, deep_m = (float(side) for side in self._high - self._low)
        self.px_per_m = min(PLAN_PX[0] / wide_m, PLAN_PX[1] / deep_m)
        self.left, self.top = MARGIN_PX, HEAD_PX + 24
        self.right, self.bottom = self.left + wide_m * self.px_per_m, self.top + deep_m * self.px_per_m
        legend_bottom = self.top + _legend_height(store)
        width = round(self.right + 56 + LEGEND_PX + 40)
        height = round(max(self.bottom + 110, legend_bottom + 40))
        self.picture = Picture(width, height, f"Plan of {store.name}", self.line(store.plan_floor_m))

    def at(self, x_m: float, y_m: float) -> tuple[float, float]:
        """Floor metres to page pixels."""
        return (
            float(self.left + (x_m - self._low[0]) * self.px_per_m),
            float(self.bottom - (y_m - self._low[1]) * self.px_per_m),
        )

    def line(self, points_floor_m: Sequence[Point2] | Floats) -> list[tuple[float, float]]:
        return [self.at(float(x), float(y)) for x, y in points_floor_m]

    def add(self, *marks: Shape | Text) -> None:
        self.picture.marks += marks


# --- the floor ----------------------------------------------------------------------------------------------------


def _draw_head(page: _Page, store: Store) -> None:
    area_m2 = signed_area(store.plan_floor_m)
    shelves, slots = len(store.shelves), len(store.slots)
    facts = (
        f"{area_m2:.1f} m²  ·  {len(store.gondolas)} gondolas  ·  {shelves} shelves  ·  {slots} slots  ·  "
        f"{len(store.products)} products  ·  {sum(len(gondola.plates) for gondola in store.gondolas)} plates  ·  "
        f"{len(store.cameras)} cameras"
    )
    page.add(
        Text(text=store.name, at=(MARGIN_PX, 54), size=30, colour=INK, weight=600),
        Text(text=facts, at=(MARGIN_PX, 82), size=15, colour=SOFT),
    )


def _draw_views(page: _Page, store: Store, views: FloorViews, levels: Iterable[int]) -> None:
    """The floor, tinted by how many cameras see a person there; plain in a shop without any."""
    page.add(Shape(rings=[page.picture.clip], fill=VIEW_COLOURS[0] if store.cameras else PAPER))
    for least, colour in zip(levels, VIEW_COLOURS, strict=True):
        rings = [page.line(ring) for ring in views.regions_floor_m(least)]
        if rings and least > 0:
            page.add(Shape(rings=rings, fill=colour, is_clipped=True))


def _draw_grid(page: _Page, store: Store) -> None:
    """A faint line every metre."""
    xs, ys = [x for x, _ in store.plan_floor_m], [y for _, y in store.plan_floor_m]
    x0, x1, y0, y1 = min(xs), max(xs), min(ys), max(ys)
    lines = [page.line([(x, y0), (x, y1)]) for x in range(math.ceil(x0), math.floor(x1) + 1)]
    lines += [page.line([(x0, y), (x1, y)]) for y in range(math.ceil(y0), math.floor(y1) + 1)]
    page.add(Shape(rings=lines, stroke=INK, width=0.6, opacity=0.13, is_closed=False, is_clipped=True))


def _draw_zones(page: _Page, store: Store) -> None:
    whole_m2 = signed_area(store.plan_floor_m)
    for zone in store.zones:
        if abs(signed_area(zone.polygon_floor_m)) > 0.9 * whole_m2:
            continue  # The whole shop needs no line.
        ring = page.line(zone.polygon_floor_m)
        page.add(Shape(rings=[ring], stroke=SOFT, width=1.2, opacity=0.8, dash=(2, 4)))


def _draw_walls(page: _Page, store: Store) -> None:
    width = max(4.0, min(9.0, 0.05 * page.px_per_m))
    for start, end in edges(store.plan_floor_m):
        for piece in _without_gates((start, end), store.gates):
            page.add(Shape(rings=[page.line(piece)], stroke=INK, width=width, is_closed=False))
    for wall in store.walls_floor_m:
        page.add(Shape(rings=[page.line(wall)], stroke=INK, width=width, is_closed=False))


def _without_gates(side: tuple[Point2, Point2], gates: Sequence[Gate]) -> list[list[Point2]]:
    """A side of the outline, cut open where gates are in it."""
    start, end = np.array(side[0]), np.array(side[1])
    length_m = float(np.linalg.norm(end - start))
    along = (end - start) / length_m
    holes: list[tuple[float, float]] = []
    for gate in gates:
        offsets = [np.array(point) - start for point in (gate.left_floor_m, gate.right_floor_m)]
        if all(abs(along[0] * offset[1] - along[1] * offset[0]) < 0.06 for offset in offsets):
            first, last = sorted(float(offset @ along) for offset in offsets)
            if last > 0 and first < length_m:
                holes.append((max(0.0, first), min(length_m, last)))
    pieces: list[list[Point2]] = []
    at_m = 0.0
    for first, last in [*sorted(holes), (length_m, length_m)]:
        if first > at_m:
            ends = [start + along * at_m, start + along * first]
            pieces.append([(float(x), float(y)) for x, y in ends])
        at_m = max(at_m, last)
    return pieces


# --- gates, gondolas ----------------------------------------------------------------------------------------------


def _draw_gate(page: _Page, gate: Gate) -> None:
    colour = EXIT if gate.kind == "exit" else ENTRY
    left, right = np.array(page.at(*gate.left_floor_m)), np.array(page.at(*gate.right_floor_m))
    centre = (left + right) / 2
    inward = np.array(page.at(*gate.inside_floor_m)) - centre
    along = (right - left) / max(1e-9, float(np.linalg.norm(right - left)))
    inward = inward - along * float(inward @ along)
    inward = inward / max(1e-9, float(np.linalg.norm(inward)))
    page.add(Shape(rings=[[_xy(left), _xy(right)]], stroke=colour, width=3.5, is_closed=False))
    for end in (left, right):
        page.add(Shape(rings=[_disc(_xy(end), 5.0)], fill=colour))
    outside, inside = centre - 30 * inward, centre + 34 * inward
    if gate.kind in ("entry", "both"):
        _draw_arrow(page, outside, inside, colour)
    if gate.kind in ("exit", "both"):
        _draw_arrow(page, inside, outside, colour)
    label = centre - 30 * inward
    # Beside the arrow's outer end, clear of it.
    place = label + along * (16 if along[0] >= 0 else -16)
    page.add(
        Text(text=gate.gate_id, at=(place[0], place[1] + 5), size=15, colour=colour, weight=600, halo=PAPER)
    )


def _draw_arrow(page: _Page, start: Floats, end: Floats, colour: str) -> None:
    along = (end - start) / float(np.linalg.norm(end - start))
    across = np.array([-along[1], along[0]])
    neck = end - 13 * along
    page.add(
        Shape(rings=[[_xy(start), _xy(neck)]], stroke=colour, width=4, is_closed=False),
        Shape(rings=[[_xy(end), _xy(neck + 8 * across), _xy(neck - 8 * across)]], fill=colour),
    )


def _draw_gondolas(page: _Page, store: Store) -> None:
    for gondola in store.gondolas:
        footprint = page.line(gondola.footprint_floor_m)
        page.add(Shape(rings=[footprint], fill="#f4f1ea", stroke=INK, width=1.4))
        page.add(
            Shape(rings=[footprint[:2]], stroke=FRONT, width=max(3.0, 0.02 * page.px_per_m), is_closed=False)
        )
        _label_gondola(page, gondola, footprint)


def _label_gondola(page: _Page, gondola: Gondola, footprint: Points) -> None:
    xs, ys = [x for x, _ in footprint], [y for _, y in footprint]
    x, y = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    room = min(max(xs) - min(xs), max(ys) - min(ys))
    count = len(gondola.shelves)
    if room >= 60:
        words = f"{count} {'shelf' if count == 1 else 'shelves'}"
        page.add(
            Text(text=gondola.gondola_id, at=(x, y + 1), size=24, colour=INK, weight=600, anchor="middle"),
            Text(text=words, at=(x, y + 21), size=13, colour=SOFT, anchor="middle"),
        )
    else:
        size = max(8.0, min(16.0, room * 0.4))
        page.add(
            Text(text=gondola.gondola_id, at=(x, y), size=size, colour=INK, weight=600, anchor="middle"),
            Text(text=str(count), at=(x, y + size * 0.95), size=size * 0.8, colour=SOFT, anchor="middle"),
        )


def _draw_few_views(page: _Page, store: Store) -> None:
    """A red bar before the front of every slot that fewer than two cameras see."""
    for slot_id, views in sorted(views_of_slots(store).items()):
        if views.sum() >= VIEWS_MIN:
            continue
        slot = store.slots[slot_id]
        shelf = store.shelves[slot.shelf_id]
        ends = [
            store.shelf_point_floor_m(shelf, along_m, -6 / page.px_per_m)[:2]
            for along_m in (slot.left_m, slot.left_m + slot.width_m)
        ]
        page.add(Shape(rings=[page.line(np.array(ends))], stroke=WARN, width=4, is_closed=False))


# --- cameras ------------------------------------------------------------------------------------------------------


def _draw_footprints(page: _Page, store: Store) -> None:
    is_few = len(store.cameras) <= FOOTPRINTS_MAX
    for index, camera in enumerate(store.cameras):
        colour = _hue(index, len(store.cameras))
        ring = page.line(footprint_floor_m(camera, 0.0))
        page.add(
            Shape(
                rings=[ring],
                stroke=colour,
                width=1.8 if is_few else 0.7,
                opacity=0.9 if is_few else 0.22,
                is_clipped=True,
            )
        )
        if is_few:
            ring = page.line(footprint_floor_m(camera, PERSON_HEIGHT_M))
            page.add(Shape(rings=[ring], stroke=colour, width=1.4, opacity=0.9, dash=(7, 5), is_clipped=True))


def _draw_cameras(page: _Page, store: Store) -> None:
    is_few = len(store.cameras) <= FOOTPRINTS_MAX
    radius = 11.0 if is_few else 8.5
    for index, camera in enumerate(store.cameras):
        colour = _hue(index, len(store.cameras))
        x, y = page.at(*camera.position_floor_m[:2])
        wedge = _wedge(camera, (x, y), 3.0 * radius)
        label = _short_id(camera.camera_id)
        size = radius * (1.15 if len(label) < 3 else 0.95)
        page.add(
            Shape(rings=[wedge], fill=colour, opacity=0.45),
            Shape(rings=[_disc((x, y), radius)], fill=colour, stroke=PAPER, width=1.5),
            Text(
                text=label,
                at=(x, y + size * 0.36),
                size=size,
                colour=PAPER,
                weight=600,
                anchor="middle",
            ),
        )


def _wedge(camera: Camera, at: tuple[float, float], length_px: float) -> Points:
    half = horizontal_fov_deg(camera.lens) / 2
    angles = [math.radians(camera.pan_deg - half + step * half / 6) for step in range(13)]
    arc = [(at[0] + length_px * math.cos(angle), at[1] - length_px * math.sin(angle)) for angle in angles]
    return [at, *arc]


def _short_id(camera_id: str) -> str:
    """What fits into a dot: "cam-12" is 12."""
    digits = "".join(sign for sign in camera_id if sign.isdigit())
    return digits or camera_id[:3]


def _hue(index: int, count: int) -> str:
    """Colours as unlike as possible for neighbours in number."""
    hue = (index * 0.381966 + 0.58) % 1.0 if count > 8 else (index / max(1, count) + 0.58) % 1.0
    red, green, blue = colorsys.hls_to_rgb(hue, 0.40, 0.62)
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


# --- scale, north, legend -----------------------------------------------------------------------------------------


def _draw_scale_and_north(page: _Page) -> None:
    length_m = next(step for step in (10.0, 5.0, 2.0, 1.0, 0.5) if step * page.px_per_m <= 320 or step == 0.5)
    x, y = page.left, page.bottom + 74
    px = length_m * page.px_per_m
    page.add(
        Shape(rings=[_box(x, y, px / 2, 7)], fill=INK),
        Shape(rings=[_box(x + px / 2, y, px / 2, 7)], fill=PAPER, stroke=INK, width=1),
        Shape(rings=[_box(x, y, px, 7)], stroke=INK, width=1),
        Text(text="0", at=(x, y - 6), size=13, colour=SOFT),
        Text(text=f"{length_m:g} m", at=(x + px, y - 6), size=13, colour=SOFT, anchor="end"),
    )
    nx, ny = x + px + 60, y + 2
    page.add(
        Shape(rings=[[(nx, ny - 22), (nx - 9, ny + 10), (nx, ny + 4)]], fill=INK),
        Shape(rings=[[(nx, ny - 22), (nx + 9, ny + 10), (nx, ny + 4)]], fill=PAPER, stroke=INK, width=1.2),
        Text(text="N", at=(nx + 16, ny + 2), size=14, colour=INK, weight=600),
    )


def _legend_height(store: Store) -> float:
    rows = min(len(store.cameras), CAMERA_ROWS_MAX)
    return 545.0 + (46 + 20 * rows if 0 < len(store.cameras) <= CAMERA_ROWS_MAX else 0)


def _draw_legend(page: _Page, store: Store, floor_views: FloorViews, levels: Mapping[int, str]) -> None:
    x, y = page.right + 56, page.top + 6
    shares = floor_views.shares(list(levels))
    page.add(Text(text="Cameras that see a person", at=(x, y), size=15, colour=INK, weight=600))
    for row, (colour, words) in enumerate(zip(VIEW_COLOURS, levels.values(), strict=True)):
        top = y + 14 + 24 * row
        page.add(
            Shape(rings=[_box(x, top, 30, 17)], fill=colour, stroke="#9aa7ae", width=0.8),
            Text(text=words, at=(x + 44, top + 13), size=14, colour=INK),
            Text(
                text=f"{100 * shares[row]:.1f} %",
                at=(x + LEGEND_PX, top + 13),
                size=14,
                colour=INK,
                anchor="end",
            ),
        )
    y += 14 + 24 * 5 + 10
    page.add(
        Text(
            text=f"share of the free floor, {PERSON_HEIGHT_M:g} m above it, in the empty shop",
            at=(x, y + 6),
            size=12,
            colour=SOFT,
        )
    )
    y += 40
    page.add(Text(text="Signs", at=(x, y), size=15, colour=INK, weight=600))
    y = _draw_signs(page, store, x, y + 14)
    views = [int(seen.sum()) for seen in views_of_slots(store).values()]
    few = sum(count < VIEWS_MIN for count in views)
    page.add(
        Text(text="Shelf facings", at=(x, y + 26), size=15, colour=INK, weight=600),
        Text(
            text=f"{len(views) - few} of {len(views)} slots are seen by two or more",
            at=(x, y + 48),
            size=14,
            colour=INK,
        ),
    )
    y += 86
    if 0 < len(store.cameras) <= CAMERA_ROWS_MAX:
        _draw_camera_table(page, store, x, y)


def _draw_signs(page: _Page, store: Store, x: float, y: float) -> float:
    """One row a sign; the y below the last."""
    colour = _hue(0, len(store.cameras))
    is_few = len(store.cameras) <= FOOTPRINTS_MAX
    rows: list[tuple[list[Shape], str]] = [
        (
            [
                Shape(rings=[_box(x, y + 2, 30, 15)], fill="#f4f1ea", stroke=INK, width=1.2),
                Shape(rings=[[(x, y + 17), (x + 30, y + 17)]], stroke=FRONT, width=3, is_closed=False),
            ],
            "gondola: id, shelves; blue is its front",
        ),
        (
            [
                Shape(
                    rings=[[(x + 15, y + 34), (x + 34, y + 24), (x + 34, y + 44)]], fill=colour, opacity=0.45
                ),
                Shape(rings=[_disc((x + 13, y + 34), 8)], fill=colour),
            ],
            "camera, its number and direction",
        ),
        (
            [Shape(rings=[[(x, y + 59), (x + 30, y + 59)]], stroke=colour, width=1.8, is_closed=False)],
            "what it sees of the floor",
        ),
    ]
    if is_few:
        line = [(x, y + 84), (x + 30, y + 84)]
        rows.append(
            (
                [Shape(rings=[line], stroke=colour, width=1.4, dash=(7, 5), is_closed=False)],
                f"what it sees at {PERSON_HEIGHT_M:g} m",
            )
        )
    top = y + 25 * len(rows)
    rows += [
        (
            [Shape(rings=[[(x, top + 9), (x + 30, top + 9)]], stroke=WARN, width=4, is_closed=False)],
            "facing seen by fewer than two",
        ),
        ([Shape(rings=[_box(x, top + 27, 30, 15)], stroke=SOFT, width=1.2, dash=(2, 4))], "zone"),
    ]
    for row, (marks, words) in enumerate(rows):
        page.add(*marks, Text(text=words, at=(x + 44, y + 14 + 25 * row), size=14, colour=INK))
    return y + 25 * len(rows)


def _draw_camera_table(page: _Page, store: Store, x: float, y: float) -> None:
    columns = ((0.0, "start"), (185.0, "end"), (250.0, "end"), (LEGEND_PX, "end"))

    def row(y: float, cells: Sequence[str], colour: str, size: float, weight: int = 400) -> None:
        for (offset, anchor), cell in zip(columns, cells, strict=True):
            place = (x + (26 if offset == 0 else offset), y)
            page.add(Text(text=cell, at=place, size=size, colour=colour, anchor=anchor, weight=weight))

    page.add(Text(text="Cameras", at=(x, y), size=15, colour=INK, weight=600))
    row(y, ("", "height", "down", "across"), SOFT, 12)
    for index, camera in enumerate(store.cameras):
        line_y = y + 24 + 20 * index
        page.add(Shape(rings=[_disc((x + 9, line_y - 5), 6)], fill=_hue(index, len(store.cameras))))
        cells = (
            camera.camera_id,
            f"{camera.position_floor_m[2]:.2f} m",
            f"{camera.tilt_deg:.0f}°",
            f"{horizontal_fov_deg(camera.lens):.0f}°",
        )
        row(line_y, cells, INK, 13)


# --- small shapes -------------------------------------------------------------------------------------------------


def _box(x: float, y: float, width: float, height: float) -> Points:
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]


def _disc(at: tuple[float, float], radius: float) -> Points:
    angles = [2 * math.pi * step / 40 for step in range(40)]
    return [(at[0] + radius * math.cos(angle), at[1] + radius * math.sin(angle)) for angle in angles]


def _xy(point: Floats) -> tuple[float, float]:
    return (float(point[0]), float(point[1]))
