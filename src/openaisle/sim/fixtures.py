"""What does not move: floor, walls, ceiling, gates, gondolas with their boards, rails and price labels.

A shop's fixtures are described once, as flat surfaces. Each camera takes those it may see and cuts them into pieces,
smaller ones near by, so that straight edges bend as the lens bends them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.core.geometry import Transform
from openaisle.sim.optics import Appearance, Colour, bgr
from openaisle.sim.raster import Atlas, Bytes, Floats, Ints, Mesh
from openaisle.store.schema import Gate, Gondola, Product, Shelf, Store

BOARD_M = 0.022
RAIL_M = 0.038
PLINTH_M = 0.1
UPRIGHT_M = 0.03
WALL_M = 0.12
OUTSIDE_M = 3.0  # how far the floor goes on beyond the outline


@dataclass(frozen=True)
class Surfaces:
    """Parallelograms in the floor frame, and their textures."""

    origins_m: Floats  # [n, 3] lower left corner, seen from the front
    along_m: Floats  # [n, 3] to the right
    up_m: Floats  # [n, 3]
    textures: Ints  # [n]
    repeats: Floats  # [n, 2] of the texture to the right and upwards
    shades: Floats  # [n] how much of the light arrives
    clearances_m: Floats  # [n] of the board above, where the surface is a shelf's board; else 0
    atlas: Atlas

    def mesh(self, eye_floor_m: Floats, chosen: NDArray[np.intp]) -> Mesh:
        """The chosen surfaces, cut into pieces of about an eighth of their distance to the eye."""
        vertices, triangles = _tessellated_size(
            self.origins_m, self.along_m, self.up_m, chosen, np.asarray(eye_floor_m, float)
        )
        mesh = Mesh(
            np.empty((vertices, 3)),
            np.empty((vertices, 3)),
            np.empty((vertices, 2)),
            np.empty(vertices),
            np.empty((triangles, 3), np.int32),
            np.empty(triangles, np.int32),
            np.zeros(triangles, np.int32),
            np.zeros(triangles, np.uint8),
        )
        _tessellate(
            self.origins_m, self.along_m, self.up_m, self.textures, self.repeats, self.shades, self.clearances_m,
            chosen, np.asarray(eye_floor_m, float), mesh.points_m, mesh.normals, mesh.uv, mesh.shade, mesh.triangles,
            mesh.textures,
        )  # fmt: skip
        return mesh


def surfaces_of(store: Store, appearance: Appearance) -> Surfaces:
    """All fixtures of a shop, shared by its cameras in this process."""
    key = (id(store), appearance)
    if key not in _SURFACES:
        if len(_SURFACES) >= _SURFACES_MAX:
            del _SURFACES[next(iter(_SURFACES))]
        _SURFACES[key] = (store, _Fitter(store, appearance).surfaces())
    return _SURFACES[key][1]


_SURFACES: Final[dict[tuple[int, Appearance], tuple[Store, Surfaces]]] = {}
_SURFACES_MAX: Final = 4


class _Fitter:
    """Fits a shop out."""

    def __init__(self, store: Store, appearance: Appearance) -> None:
        self._store = store
        self._look = appearance
        self._atlas = Atlas()
        self._rng = np.random.default_rng(appearance.texture_seed)
        self._rows: list[tuple[Floats, Floats, Floats, int, tuple[float, float], float, float]] = []
        self._plain_of: dict[Colour, int] = {}

    def surfaces(self) -> Surfaces:
        self._floor_and_ceiling()
        self._walls()
        for gate in self._store.gates:
            self._gate(gate)
        for gondola in self._store.gondolas:
            self._gondola(gondola)
        columns = list(zip(*self._rows, strict=True))
        return Surfaces(
            np.array(columns[0]),
            np.array(columns[1]),
            np.array(columns[2]),
            np.array(columns[3], np.int32),
            np.array(columns[4]),
            np.array(columns[5]),
            np.array(columns[6]),
            self._atlas,
        )

    # The shell

    def _floor_and_ceiling(self) -> None:
        plan = np.array(self._store.plan_floor_m)
        low, high = plan.min(axis=0) - OUTSIDE_M, plan.max(axis=0) + OUTSIDE_M
        texture = self._atlas.add(floor_texture(self._look, self._rng))
        size_m = 4 * self._look.floor_tile_m
        span = high - low
        self._quad(
            (low[0], low[1], 0),
            (span[0], 0, 0),
            (0, span[1], 0),
            texture,
            repeat=(span[0] / size_m, span[1] / size_m),
        )
        height = self._store.ceiling_height_m
        ceiling = self._atlas.add(_ceiling_texture(self._look))
        self._quad(
            (low[0], high[1], height),
            (span[0], 0, 0),
            (0, -span[1], 0),
            ceiling,
            repeat=(span[0] / 1.2, span[1] / 1.2),
        )

        # What is seen through the gates: the house opposite.
        street = self._atlas.add(_bytes(np.full((32, 32, 3), 105.0) + self._rng.normal(0, 6, (32, 32, 1))))
        corners = [(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])]
        for n, (x, y) in enumerate(corners):
            before = corners[n - 1]
            self._quad(
                (x, y, 0), (before[0] - x, before[1] - y, 0), (0, 0, height), street, repeat=(8.0, 2.0)
            )

    def _walls(self) -> None:
        plan = self._store.plan_floor_m
        edges = [(plan[i], plan[(i + 1) % len(plan)]) for i in range(len(plan))]
        texture = self._atlas.add(_wall_texture(self._look, self._rng, self._store.ceiling_height_m))
        for start, end in edges:
            # The outline runs counter-clockwise: the shop is on the left, so the wall's face is seen from there.
            for left, right in _without_gates(start, end, self._store.gates):
                self._wall(right, left, texture)
                run = np.array(right) - np.array(left)
                out = np.array([run[1], -run[0]]) / (np.linalg.norm(run) + 1e-9) * WALL_M
                outer_left, outer_right = np.array(left) + out, np.array(right) + out
                for a, b in ((outer_left, outer_right), (left, outer_left), (outer_right, right)):
                    self._wall((float(a[0]), float(a[1])), (float(b[0]), float(b[1])), texture)
        for start, end in self._store.walls_floor_m:
            self._wall(start, end, texture)
            self._wall(end, start, texture)

    def _wall(self, left: tuple[float, float], right: tuple[float, float], texture: int) -> None:
        """A wall's face, seen with `left` on the left."""
        run = (right[0] - left[0], right[1] - left[1], 0.0)
        length = math.hypot(*run[:2])
        if length < 1e-6:
            return
        height = self._store.ceiling_height_m
        self._quad((left[0], left[1], 0), run, (0, 0, height), texture, repeat=(length / 2.4, 1.0))

    def _gate(self, gate: Gate) -> None:
        dark, metal = self._plain((0.16, 0.17, 0.19)), self._plain((0.62, 0.64, 0.66))
        sign = self._plain((0.2, 0.6, 0.3) if gate.kind == "entry" else (0.65, 0.3, 0.2))
        middle = np.array(gate.centre_floor_m)
        into = np.array(gate.inside_floor_m) - middle
        along = np.array(gate.right_floor_m) - np.array(gate.left_floor_m)
        into = into / (np.linalg.norm(into) + 1e-9) * 0.7
        for end, inwards in ((np.array(gate.left_floor_m), 0.08), (np.array(gate.right_floor_m), -0.08)):
            x, y = end + into * 0.3 + inwards * along / (np.linalg.norm(along) + 1e-9)
            self._box(Transform(np.eye(3), np.array([x - 0.05, y - 0.05, 0])), (0.1, 0.1, 0.92), metal)
            self._box(Transform(np.eye(3), np.array([x - 0.055, y - 0.055, 0.92])), (0.11, 0.11, 0.05), sign)
        mat = middle + into * 0.15 - along * 0.4
        self._quad((mat[0], mat[1], 0.004), (*(along * 0.8), 0), (*into, 0), dark)

    # Shelving

    def _gondola(self, gondola: Gondola) -> None:
        frame = gondola.floor_from_gondola
        body = self._plain(self._look.gondola_colour)
        width, depth, height = gondola.width_m, gondola.depth_m, gondola.height_m
        side = UPRIGHT_M
        dark = self._plain((0.2, 0.2, 0.21))
        self._box(_moved(frame, (0.004, 0.02, 0)), (width - 0.008, depth - 0.024, PLINTH_M), dark)
        back = (width - 2 * side, 0.02, height - PLINTH_M - 0.02)
        self._box(_moved(frame, (side, depth - 0.024, PLINTH_M)), back, body, shade=0.8)
        for left in (0.0, width - side):
            # Uprights at the back: the front stays open.
            self._box(_moved(frame, (left, depth - 0.06, 0)), (side, 0.06, height - 0.1), body)
        header = self._plain(self._look.header_colour)
        self._box(_moved(frame, (0, depth - 0.07, height - 0.1)), (width, 0.07, 0.1), header)
        sign = self._atlas.add(_header_texture(self._look, gondola.gondola_id, width))
        origin = frame.apply(np.array([0.0, depth - 0.072, height - 0.1]))
        along = frame.rotation @ np.array([width, 0.0, 0.0])
        self._quad(origin, along, (0, 0, 0.1), sign, shade_at=0.95)
        for shelf in gondola.shelves:
            self._shelf(frame, shelf)

    def _shelf(self, frame: Transform, shelf: Shelf) -> None:
        board = self._plain(self._look.board_colour)
        at = _moved(frame, (shelf.left_m, shelf.front_m, shelf.height_m - BOARD_M))
        is_top = shelf.clearance_m > 0.6
        self._box(
            at,
            (shelf.width_m, shelf.depth_m, BOARD_M),
            board,
            shelf_clearance_m=shelf.clearance_m * (1 + is_top),
        )
        rail = self._atlas.add(_rail_texture(self._look, shelf, self._store))
        corner = frame.apply(np.array([shelf.left_m, shelf.front_m - 0.004, shelf.height_m - RAIL_M + 0.004]))
        self._quad(
            corner, frame.rotation @ np.array([shelf.width_m, 0.0, 0.0]), (0, 0, RAIL_M), rail, shade_at=0.97
        )

    # Pieces

    def _plain(self, colour: Colour) -> int:
        """A texture of one colour with a little grain."""
        if colour not in self._plain_of:
            grain = self._rng.normal(0, 1.2, (16, 16, 1))
            self._plain_of[colour] = self._atlas.add(_bytes(bgr(colour) + grain))
        return self._plain_of[colour]

    def _box(
        self,
        frame: Transform,
        size_m: tuple[float, float, float],
        texture: int,
        *,
        shade: float = 1.0,
        shelf_clearance_m: float = 0.0,
    ) -> None:
        """A box from the frame's origin along its axes. With a clearance the top is shaded as a shelf's board."""
        x, y, z = (frame.rotation[:, axis] * size_m[axis] for axis in range(3))
        o = frame.translation_m
        self._quad(o, x, z, texture, shade_at=shade)
        self._quad(o + x, y, z, texture, shade_at=shade)
        self._quad(o + x + y, -x, z, texture, shade_at=shade)
        self._quad(o + y, -y, z, texture, shade_at=shade)
        self._quad(o + y, x, -y, texture, shade_at=0.55 * shade)
        self._quad(o + z, x, y, texture, shade_at=shade, shelf_clearance_m=shelf_clearance_m)

    def _quad(
        self,
        origin: Floats | tuple[float, ...],
        along: Floats | tuple[float, ...],
        up: Floats | tuple[float, ...],
        texture: int,
        *,
        repeat: tuple[float, float] = (1.0, 1.0),
        shade_at: float = 1.0,
        shelf_clearance_m: float = 0.0,
    ) -> None:
        """A parallelogram seen with `along` to the right and `up` upwards; texture upright, first row at the top."""
        o, a, b = (np.array(vector, float) for vector in (origin, along, up))
        self._rows.append((o, a, b, texture, repeat, shade_at, shelf_clearance_m))


def shelf_shade(into_m: Floats, clearance_m: Floats | float) -> Floats:
    """How much light reaches a shelf `into_m` behind its front edge below a board `clearance_m` above."""
    return 0.38 + 0.62 / (1.0 + (np.maximum(into_m, 0.0) / (0.9 * np.maximum(clearance_m, 0.05))) ** 2)


def _moved(frame: Transform, by_m: tuple[float, float, float]) -> Transform:
    return frame @ Transform(np.eye(3), np.array(by_m, float))


@njit(cache=True)
def _cuts(origin, edge, other, eye, cuts):
    """Where to cut an edge, as shares of its length into `cuts`; returns how many cuts, both ends included."""
    length = np.sqrt(np.dot(edge, edge)) + 1e-9
    reach = np.dot(other, other) + 1e-12
    count, at = 1, 0.0
    cuts[0] = 0.0
    while at < 1.0 and count < cuts.shape[0]:
        away = eye - origin - at * edge
        away = away - min(max(np.dot(away, other) / reach, 0.0), 1.0) * other
        distance = np.sqrt(np.dot(away, away))
        at += min(max(0.12 * distance, 0.04), 0.5) / length
        cuts[count] = at
        count += 1
    for i in range(count):
        cuts[i] /= at
    return count


_CUTS_MAX: Final = 400  # of one edge: a wall of 60 m, seen from its middle


@njit(cache=True)
def _tessellated_size(origins, along, up, chosen, eye):
    cuts = np.empty(_CUTS_MAX)
    vertices, triangles = 0, 0
    for n in chosen:
        columns = _cuts(origins[n], along[n], up[n], eye, cuts)
        rows = _cuts(origins[n], up[n], along[n], eye, cuts)
        vertices += columns * rows
        triangles += 2 * (columns - 1) * (rows - 1)
    return vertices, triangles


@njit(cache=True)
def _tessellate(
    origins, along, up, textures, repeats, shades, clearances, chosen, eye, points, normals, uv, shade, triangles,
    tri_textures,
):  # fmt: skip
    s_cuts, t_cuts = np.empty(_CUTS_MAX), np.empty(_CUTS_MAX)
    vertex, triangle = 0, 0
    for n in chosen:
        columns = _cuts(origins[n], along[n], up[n], eye, s_cuts)
        rows = _cuts(origins[n], up[n], along[n], eye, t_cuts)
        normal = np.cross(along[n], up[n])
        normal = normal / (np.sqrt(np.dot(normal, normal)) + 1e-12)
        depth_m = np.sqrt(np.dot(up[n], up[n]))
        first = vertex
        for row in range(rows):
            light = shades[n]
            if clearances[n] > 0.0:
                into = t_cuts[row] * depth_m / (0.9 * max(clearances[n], 0.05))
                light *= 0.38 + 0.62 / (1.0 + into * into)
            for column in range(columns):
                points[vertex] = origins[n] + s_cuts[column] * along[n] + t_cuts[row] * up[n]
                normals[vertex] = normal
                uv[vertex, 0] = s_cuts[column] * repeats[n, 0]
                uv[vertex, 1] = (1.0 - t_cuts[row]) * repeats[n, 1]
                shade[vertex] = light
                vertex += 1
        for row in range(rows - 1):
            for column in range(columns - 1):
                corner = first + row * columns + column
                for half in range(2):
                    triangles[triangle, 0] = corner
                    triangles[triangle, 1] = corner + (columns + 1 if half else 1)
                    triangles[triangle, 2] = corner + (columns if half else columns + 1)
                    tri_textures[triangle] = textures[n]
                    triangle += 1


def _without_gates(
    start: tuple[float, float], end: tuple[float, float], gates: tuple[Gate, ...]
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """The pieces of an outline's edge that are not a gate's opening."""
    a, b = np.array(start), np.array(end)
    length = float(np.linalg.norm(b - a))
    if length < 1e-9:
        return []
    along = (b - a) / length
    normal = np.array([-along[1], along[0]])
    gaps = []
    for gate in gates:
        ends = np.array([gate.left_floor_m, gate.right_floor_m]) - a
        if np.abs(ends @ normal).max() < 0.3:
            gaps.append((float((ends @ along).min()), float((ends @ along).max())))
    pieces, at = [], 0.0
    for low, high in sorted(gaps):
        if low > at:
            pieces.append((at, min(low, length)))
        at = max(at, high)
    if at < length:
        pieces.append((at, length))
    return [(tuple(a + along * low), tuple(a + along * high)) for low, high in pieces if high - low > 1e-3]


# Textures


def _bytes(picture: NDArray[np.float64]) -> Bytes:
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def floor_texture(look: Appearance, rng: np.random.Generator) -> Bytes:
    """Four by four tiles of floor, repeating in both directions."""
    size, tile = 512, 128
    first, second = bgr(look.floor_colour), bgr(look.floor_second)
    picture = np.empty((size, size, 3))
    picture[:] = first
    if look.floor == "checker":
        odd = (np.arange(size)[:, None] // tile + np.arange(size)[None] // tile) % 2 == 1
        picture[odd] = second
    if look.floor == "wood":
        planks = np.arange(size) // 64
        tone = rng.normal(0, 9, (8, 2))
        half = (np.arange(size)[None] + planks[:, None] * 192) % size // 256
        picture = np.array([0.75, 0.9, 1.0]) * (picture * 0.9 + tone[planks[:, None], half][..., None])
        grain = cv2.GaussianBlur(rng.normal(0, 1, (size, size)), (0, 0), sigmaX=24, sigmaY=1.2)
        picture += grain[..., None] / (grain.std() + 1e-9) * 5
        picture[np.arange(size) % 64 < 2] *= 0.72
    if look.floor in ("tiles", "checker"):
        picture += np.repeat(np.repeat(rng.normal(0, 4, (4, 4)), tile, 0), tile, 1)[..., None]
        grout = np.arange(size) % tile < 3
        picture[grout] *= 0.8
        picture[:, grout] *= 0.8
    if look.floor == "terrazzo":
        for _ in range(1500):
            at = tuple(int(v) for v in rng.integers(0, size, 2))
            axes = tuple(int(v) for v in rng.integers(1, 4, 2))
            mix = rng.random()
            chip = (first * 0.75 * mix + second * (1 - mix) * 1.1).tolist()
            cv2.ellipse(picture, at, axes, float(rng.uniform(0, 180)), 0, 360, chip, -1)
    stains = cv2.GaussianBlur(rng.normal(0, 1, (size, size)), (0, 0), 28, borderType=cv2.BORDER_REFLECT)
    picture += (stains / (stains.std() + 1e-9) * 3)[..., None] + rng.normal(0, 2, (size, size, 1))
    return _bytes(picture)


def _wall_texture(look: Appearance, rng: np.random.Generator, height_m: float) -> Bytes:
    """2.4 m of wall from floor to ceiling: skirting, paint, a band, and a few framed posters."""
    height, width = 320, 300
    px_per_m = height / height_m
    picture = np.empty((height, width, 3))
    picture[:] = bgr(look.wall_colour)
    picture += rng.normal(0, 1.5, (height, width, 1))
    band = int(height - 2.2 * px_per_m)
    picture[max(band, 0) : band + int(0.12 * px_per_m)] = bgr(look.wall_band)
    picture[height - int(0.1 * px_per_m) :] = bgr((0.3, 0.3, 0.31))
    for left in (40, 190):
        top, size = int(height - 1.85 * px_per_m), (int(0.62 * px_per_m), int(0.45 * px_per_m))
        poster = picture[top : top + size[0], left : left + size[1]]
        poster[:] = bgr((0.15, 0.15, 0.16))
        inside = np.ascontiguousarray(poster[3:-3, 3:-3])
        inside[:] = rng.uniform(60, 240, 3)
        centre = (inside.shape[1] // 2, inside.shape[0] // 2)
        cv2.circle(inside, centre, inside.shape[1] // 3, rng.uniform(40, 255, 3).tolist(), -1, cv2.LINE_AA)
        inside[-12:-6] = rng.uniform(0, 255, 3)
        poster[3:-3, 3:-3] = inside
    return _bytes(picture)


def _ceiling_texture(look: Appearance) -> Bytes:
    """1.2 m of grid ceiling: four panels, one of them a lamp."""
    picture = np.full((64, 64, 3), 214.0)
    picture[:32, :32] = bgr(look.lamp_tint) * 1.2
    picture[::32] = 180
    picture[:, ::32] = 180
    return _bytes(picture)


def _header_texture(look: Appearance, text: str, width_m: float) -> Bytes:
    picture = np.empty((40, max(64, int(400 * width_m)), 3), np.uint8)
    picture[:] = bgr(look.header_colour)
    ink = (250, 250, 250) if sum(look.header_colour) < 1.6 else (30, 30, 30)
    cv2.putText(picture, text, (16, 32), cv2.FONT_HERSHEY_DUPLEX, 1.1, ink, 2, cv2.LINE_AA)
    return picture


def _rail_texture(look: Appearance, shelf: Shelf, store: Store) -> Bytes:
    """The front rail of a board with one price label a slot."""
    px_per_m = 500
    picture = np.empty((round(RAIL_M * px_per_m) + 5, round(shelf.width_m * px_per_m), 3), np.uint8)
    picture[:] = bgr(look.rail_colour)
    for slot in shelf.slots:
        middle = slot.middle_m * px_per_m
        _price_label(picture, int(middle), store.products[slot.product_id], store)
    return picture


def _price_label(rail: Bytes, middle: int, product: Product, store: Store) -> None:
    height = rail.shape[0]
    left, right = max(0, middle - 17), min(rail.shape[1], middle + 17)
    label = np.full((height - 6, right - left, 3), 252, np.uint8)
    price = f"{product.price_minor / 10**store.currency_digits:.{store.currency_digits}f}"
    cv2.putText(label, price, (2, height - 9), cv2.FONT_HERSHEY_DUPLEX, 0.38, (20, 20, 20), 1, cv2.LINE_AA)
    cv2.line(label, (2, 2), (right - left - 8, 2), (90, 90, 90), 1)
    rail[3:-3, left:right] = label
