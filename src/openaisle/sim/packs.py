"""What goods look like: a printed wrap for every product, made from its row in products.csv alone.

A wrap is one BGR picture: the faces side by side in the lower rows (front, right side, back, left side), the top
face in the upper left. A product that is the look-alike of another has the other's design; only the colour of one
label, the name and a small motif differ.
"""

from __future__ import annotations

import colorsys
import zlib
from functools import lru_cache

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.sim.pack_shapes import pack_shape
from openaisle.sim.raster import Atlas, Bytes
from openaisle.sim.scene import Item
from openaisle.store.schema import Product, Store

PX_PER_M = 1200.0
LIVE_PX_PER_M = 420.0

# Hue, saturation, value of the inks that packs are printed with.
_INKS = (
    (0.99, 0.85, 0.75), (0.98, 0.80, 0.45), (0.07, 0.85, 0.92), (0.13, 0.80, 0.95), (0.12, 0.18, 0.95),
    (0.0, 0.0, 0.95), (0.55, 0.30, 0.90), (0.58, 0.75, 0.80), (0.63, 0.75, 0.40), (0.30, 0.60, 0.60),
    (0.38, 0.75, 0.35), (0.22, 0.55, 0.80), (0.07, 0.60, 0.40), (0.78, 0.50, 0.50), (0.93, 0.45, 0.90),
    (0.0, 0.0, 0.13), (0.6, 0.05, 0.75), (0.48, 0.60, 0.60), (0.10, 0.45, 0.75), (0.0, 0.70, 0.90),
)  # fmt: skip


def pack_texture(product: Product, original: Product | None = None) -> Bytes:
    """The printed wrap [h, w, 3] BGR of a product, up to 1,200 pixels a metre; the same in every process.

    `original` is the product that `look_alike_of` names. It may be left out where both have the same brand.
    """
    return _wrap(product, original)


@lru_cache(maxsize=64)
def _wrap(product: Product, original: Product | None) -> Bytes:
    return _Design(product, original).wrap()


def pack_front(product: Product, original: Product | None = None) -> Bytes:
    """The front face [h, w, 3] BGR alone, as an enrolment picture shows it."""
    wrap = _wrap(product, original)
    around = 2 * (product.width_m + product.depth_m)
    front_px = round(wrap.shape[1] * product.width_m / around)
    top_px = round(wrap.shape[0] * product.depth_m / (product.height_m + product.depth_m))
    return wrap[top_px:, :front_px]


def pack_traits(product: Product, original: Product | None = None) -> NDArray[np.float32]:
    """What the print of a pack is made of [32]: four colours (BGR, -1..1), layout, motif and shape as 0 or 1.

    For teaching: a network that can tell these from a picture can tell packs apart.
    """
    design = _Design(product, original)
    colours = np.array([design.ground, design.second, design.label, design.strip], np.float32).ravel()
    layout, motif = (
        np.eye(6, dtype=np.float32)[design.layout],
        np.eye(10, dtype=np.float32)[design.motif % 10],
    )
    shape = [float(product.shape == name) for name in ("box", "can", "bottle", "bag")]
    return np.concatenate([colours / 127.5 - 1, layout, motif, np.array(shape, np.float32)])


# The print


class _Design:
    """Draws one product's wrap. `family` numbers decide the design, `own` numbers what tells look-alikes apart."""

    def __init__(self, product: Product, original: Product | None) -> None:
        self.product = product
        # Names begin with the brand; what follows goes on the label.
        self.brand, _, self.kind = product.name.partition(" ")
        first_id = product.look_alike_of or product.product_id
        first_brand = original.name.partition(" ")[0] if original else self.brand
        self.family = np.random.default_rng(zlib.crc32(f"{first_id} {first_brand}".encode()))
        self.is_variant = product.look_alike_of is not None
        self.own = zlib.crc32(f"{product.product_id} {product.name}".encode())
        scale = min(PX_PER_M, 360.0 / max(product.width_m, product.height_m))
        self.front_px = max(24, round(product.width_m * scale))
        self.side_px = max(12, round(product.depth_m * scale))
        self.height_px = max(24, round(product.height_m * scale))
        ground, second = self.family.choice(len(_INKS), 2, replace=False)
        self.ground, self.second = (self._ink(int(index)) for index in (ground, second))
        label_hue = self.family.random()
        self.motif = int(self.family.integers(0, 6))
        self.layout = int(self.family.integers(0, 6))
        self.label = self.strip = _colour(label_hue, 0.75, 0.8)
        if self.is_variant:
            self.motif += 1 + self.own // 101 % 4
            self.strip = _colour(label_hue + 0.25 + 0.5 * (self.own % 101) / 101, 0.75, 0.8)
            # Of three look-alikes two have a label of another colour, one only a strip below it.
            if self.own // 404 % 3:
                self.label = self.strip
        self.is_glass = product.shape == "bottle"

    def _ink(self, index: int) -> tuple[int, int, int]:
        hue, saturation, value = _INKS[index]
        wobble = self.family.normal(0, 1, 3)
        return _colour(
            hue + 0.015 * wobble[0],
            float(np.clip(saturation + 0.06 * wobble[1], 0, 1)),
            float(np.clip(value + 0.05 * wobble[2], 0, 1)),
        )

    def wrap(self) -> Bytes:
        front = self._face(self.front_px, is_front=True)
        back = self._face(self.front_px, is_front=False)
        side = self._side(self.side_px)
        around = np.concatenate([front, side, back, side[:, ::-1]], axis=1)
        top = np.empty((self.side_px, around.shape[1], 3), np.uint8)
        top[:] = self.ground
        self._top(top[:, : self.front_px])
        return np.concatenate([top, around])

    def _face(self, width: int, *, is_front: bool) -> Bytes:
        height = self.height_px
        face = np.empty((height, width, 3), np.uint8)
        face[:] = self.ground
        self._lay_out(face)
        first, last = (0.42, 0.9) if self.is_glass else (0.0, 1.0)
        if self.is_glass:
            self._glass(face)
        area = face[round(height * first) : round(height * last)]
        if is_front:
            self._name(area)
        else:
            self._back(area)
        return face

    def _lay_out(self, face: Bytes) -> None:
        height, width = face.shape[:2]
        second = self.second
        if self.layout == 0:
            face[round(height * 0.62) :] = second
        elif self.layout == 1:
            corner = np.array([[0, height], [width, height], [width, round(height * 0.35)]])
            cv2.fillPoly(face, [corner], second, cv2.LINE_AA)
        elif self.layout == 2:
            cv2.circle(face, (width // 2, round(height * 0.62)), round(width * 0.42), second, -1, cv2.LINE_AA)
        elif self.layout == 3:
            face[:, : round(width * 0.18)] = second
            face[:, round(width * 0.82) :] = second
        elif self.layout == 4:
            mix = np.linspace(0, 1, height)[:, None, None]
            face[:] = np.rint(np.array(self.ground) * (1 - mix) + np.array(second) * mix).astype(np.uint8)
        else:
            step = max(4, height // 14)
            for top in range(round(height * 0.55), height, 2 * step):
                face[top : top + step] = second

    def _glass(self, face: Bytes) -> None:
        height = face.shape[0]
        face[: round(height * 0.42)] = np.rint(np.array(self.second) * 0.6 + 30).astype(np.uint8)
        face[round(height * 0.9) :] = np.rint(np.array(self.second) * 0.6 + 30).astype(np.uint8)
        face[: round(height * 0.1)] = self.label

    def _name(self, area: Bytes) -> None:
        height, width = area.shape[:2]
        ink = _ink_on(self.ground)
        _text(area, self.brand, 0.06, 0.2, ink, is_bold=True)
        # The label that look-alikes differ in.
        top, bottom = round(height * 0.26), round(height * 0.56)
        cv2.rectangle(area, (round(width * 0.05), top), (round(width * 0.95), bottom), self.label, -1)
        area[bottom : bottom + max(1, round(height * 0.03))] = self.strip
        words = (self.kind or self.brand).split()
        lines = _lines(words, 3, 0.55 * width / (0.28 * height))
        each = 0.28 / len(lines)
        for index, line in enumerate(lines):
            begin = 0.27 + index * each
            _text(area, line, begin, begin + each * 0.92, _ink_on(self.label), is_bold=True)
        _motif(area, self.motif, (0.5, 0.76), 0.16 if width < height else 0.12, self.strip, self.second)
        quantity = f"{round(self.product.mass_g)} g"
        _text(area[:, : width // 2], quantity, 0.9, 0.97, _ink_on(self.second))

    def _back(self, area: Bytes) -> None:
        height, width = area.shape[:2]
        area[round(height * 0.08) : round(height * 0.94), round(width * 0.08) : round(width * 0.92)] = 245
        _text(area, self.product.name, 0.1, 0.2, (40, 40, 40))
        for line in range(8):
            y = round(height * (0.26 + 0.04 * line))
            length = 0.84 if line % 4 != 3 else 0.5
            cv2.line(area, (round(width * 0.13), y), (round(width * length), y), (120, 120, 120), 1)
        self._barcode(
            area[round(height * 0.64) : round(height * 0.9), round(width * 0.18) : round(width * 0.82)]
        )

    def _barcode(self, area: Bytes) -> None:
        bars = np.random.default_rng(zlib.crc32((self.product.gtin or self.product.product_id).encode()))
        pattern = np.repeat(bars.integers(0, 2, 48), 2)
        columns = pattern[np.linspace(0, len(pattern) - 1, area.shape[1]).astype(int)]
        area[:] = np.where(columns[None, :, None] == 1, 20, 250)

    def _side(self, width: int) -> Bytes:
        side = np.empty((self.height_px, width, 3), np.uint8)
        side[:] = self.ground
        self._lay_out(side)
        if self.is_glass:
            self._glass(side)
        height = self.height_px
        side[round(height * 0.46) : round(height * 0.52)] = self.label
        upright = np.ascontiguousarray(np.rot90(side[round(height * 0.54) : round(height * 0.88)], -1))
        _text(upright, self.brand, 0.2, 0.8, _ink_on(self.ground), is_bold=True)
        side[round(height * 0.54) : round(height * 0.88)] = np.rot90(upright, 1)
        return side

    def _top(self, top: Bytes) -> None:
        height, width = top.shape[:2]
        if self.product.shape in ("can", "bottle"):
            top[:] = (190, 192, 195) if self.product.shape == "can" else self.label
            centre = (width // 2, height // 2)
            cv2.ellipse(
                top, centre, (width * 2 // 5, height * 2 // 5), 0, 0, 360, (150, 152, 155), 1, cv2.LINE_AA
            )
            if self.product.shape == "can":
                cv2.ellipse(
                    top, centre, (width // 8, height // 5), 0, 0, 360, (120, 122, 125), -1, cv2.LINE_AA
                )
            return
        top[round(height * 0.3) : round(height * 0.7)] = self.label
        _text(top, self.product.name, 0.3, 0.7, _ink_on(self.label), is_bold=True)


def _colour(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    """HSV (hue repeats at 1) to BGR 0..255."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return (round(blue * 255), round(green * 255), round(red * 255))


def _ink_on(ground: tuple[int, int, int]) -> tuple[int, int, int]:
    blue, green, red = ground
    return (25, 25, 30) if 0.114 * blue + 0.587 * green + 0.299 * red > 140 else (245, 248, 250)


def _lines(words: list[str], lines_max: int, letters_by_height: float) -> list[str]:
    """Words spread over the lines that allow the largest letters in a box `letters_by_height` times wider than high."""
    if not words:
        return [" "]
    best, best_size = [" ".join(words)], 0.0
    for count in range(1, min(lines_max, len(words)) + 1):
        target = sum(map(len, words)) / count
        lines, line = [], ""
        for word in words:
            if line and len(line) + len(word) > target * 1.25 and len(lines) < count - 1:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}".strip()
        lines.append(line)
        # A letter is about half as wide as a line is high.
        size = min(1.0 / len(lines), 2.0 * letters_by_height / max(map(len, lines)))
        if size > best_size * 1.05:
            best, best_size = lines, size
    return best


def _text(
    area: Bytes, text: str, top: float, bottom: float, ink: tuple[int, int, int], *, is_bold: bool = False
) -> None:
    """Write `text` into rows top..bottom (fractions of the area) as large as it fits, centred."""
    height, width = area.shape[:2]
    room_px = max(1.0, (bottom - top) * height)
    font = cv2.FONT_HERSHEY_DUPLEX if is_bold else cv2.FONT_HERSHEY_SIMPLEX
    (text_px, tall_px), _ = cv2.getTextSize(text, font, 1.0, 1)
    scale = min(room_px * 0.8 / max(tall_px, 1), width * 0.84 / max(text_px, 1))
    thickness = max(1, round(scale * (2.2 if is_bold else 1.2)))
    x = round((width - text_px * scale) / 2)
    y = round(top * height + (room_px + tall_px * scale) / 2)
    cv2.putText(area, text, (x, y), font, scale, ink, thickness, cv2.LINE_AA)


def _motif(
    area: Bytes,
    kind: int,
    centre: tuple[float, float],
    size: float,
    colour: tuple[int, int, int],
    other: tuple[int, int, int],
) -> None:
    """A small drawing: leaf, star, drop, fruit, wheat, wave, sun, heart, mountain or fish, by number."""
    height, width = area.shape[:2]
    cx, cy = centre[0] * width, centre[1] * height
    r = size * min(width, height) * 1.3
    white = (250, 250, 250)
    cv2.circle(area, (round(cx), round(cy)), round(r * 1.15), white, -1, cv2.LINE_AA)
    angle = np.linspace(0, 2 * np.pi, 41)
    kind %= 10
    if kind == 0:
        x, y = np.cos(angle) * 0.45, np.sin(angle) * np.abs(np.sin(angle / 2)) * 1.0
    elif kind == 1:
        spike = np.where(np.arange(41) % 8 < 4, 1.0, 0.45)
        x, y = spike * np.sin(angle), -spike * np.cos(angle)
    elif kind == 2:
        x, y = 0.62 * np.cos(angle) * (0.55 + 0.45 * np.sin(angle)), np.sin(angle)
    elif kind == 3:
        x, y = 0.75 * np.cos(angle), 0.7 * np.sin(angle) + 0.15
    elif kind == 4:
        x, y = 0.3 * np.cos(angle) * (1 + 0.5 * np.cos(7 * angle)), np.sin(angle)
    elif kind == 5:
        x = np.concatenate([np.linspace(-1, 1, 20), np.linspace(1, -1, 21)])
        y = 0.35 * np.sin(x * 5) + np.where(np.arange(41) < 20, -0.25, 0.35)
    elif kind == 6:
        spike = np.where(np.arange(41) % 4 < 2, 1.0, 0.65)
        x, y = spike * np.cos(angle), spike * np.sin(angle)
    elif kind == 7:
        x = np.sin(angle) ** 3
        y = -(13 * np.cos(angle) - 5 * np.cos(2 * angle) - 2 * np.cos(3 * angle) - np.cos(4 * angle)) / 17
    elif kind == 8:
        x, y = np.interp(np.arange(41), [0, 12, 18, 25, 40], [-1, -0.2, 0.1, 0.4, 1]), np.ones(41) * 0.6
        y = np.interp(np.arange(41), [0, 12, 18, 25, 40], [0.6, -0.8, -0.1, -0.6, 0.6])
    else:
        x, y = np.cos(angle) * 0.9, np.sin(2 * angle) * 0.4
    outline = np.stack([cx + x * r * 0.9, cy + y * r * 0.9], axis=1)
    cv2.fillPoly(area, [np.rint(outline).astype(np.int32)], colour, cv2.LINE_AA)
    cv2.circle(area, (round(cx), round(cy)), max(1, round(r * 0.16)), other, -1, cv2.LINE_AA)


# All goods of a store


class Goods:
    """Every product of a store, flattened for the kernels: meshes one after the other, wraps in an atlas."""

    def __init__(self, store: Store, px_per_m: float) -> None:
        self.product_ids = sorted(store.products)
        self.row_of = {product_id: row for row, product_id in enumerate(self.product_ids)}
        products = [store.products[product_id] for product_id in self.product_ids]
        shapes = [pack_shape(product) for product in products]
        self.atlas = Atlas()
        for product in products:
            self.atlas.add(
                _at_density(
                    _Design(product, store.products.get(product.look_alike_of or "")).wrap(),
                    product,
                    px_per_m,
                )
            )
        self._last_items: tuple[Item, ...] = ()
        self._last_numbers = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self.sizes_m = np.array([[p.width_m, p.depth_m, p.height_m] for p in products]).reshape(-1, 3)
        self.first_vertex = np.cumsum([0, *(len(shape.points_m) for shape in shapes)])
        self.first_triangle = np.cumsum([0, *(len(shape.triangles) for shape in shapes)])
        self.points_m = np.concatenate([shape.points_m for shape in shapes])
        self.normals = np.concatenate([shape.normals for shape in shapes])
        self.uv = np.concatenate([shape.uv for shape in shapes])
        self.shade = np.concatenate([shape.shade for shape in shapes])
        self.triangles = np.concatenate([shape.triangles for shape in shapes])

    def numbers(self, items: tuple[Item, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Item ids and rows [items]. All cameras ask for the same items, so the last answer is kept."""
        if items is not self._last_items:
            item_ids = np.array([item.item_id for item in items], np.int64)
            self._last_numbers = (
                item_ids,
                np.array([self.row_of[item.product_id] for item in items], np.int64),
            )
            self._last_items = items
        return self._last_numbers

    def counts(self, rows: NDArray[np.int64]) -> tuple[int, int]:
        """Vertices and triangles of these products together."""
        vertices = self.first_vertex[rows + 1] - self.first_vertex[rows]
        triangles = self.first_triangle[rows + 1] - self.first_triangle[rows]
        return int(vertices.sum()), int(triangles.sum())


def _at_density(wrap: Bytes, product: Product, px_per_m: float) -> Bytes:
    around = 2 * (product.width_m + product.depth_m)
    width = min(wrap.shape[1], max(16, round(around * px_per_m)))
    height = min(wrap.shape[0], max(16, round((product.height_m + product.depth_m) * px_per_m)))
    if (height, width) == wrap.shape[:2]:
        return wrap
    return np.asarray(cv2.resize(wrap, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


@njit(cache=True)
def place_packs(
    rows, positions_m, yaw, shade, ids, first_vertex, first_triangle, mesh_points, mesh_normals, mesh_uv, mesh_shade,
    mesh_triangles, points_m, normals, uv, shades, triangles, textures, tri_ids,
):  # fmt: skip
    """Copy each instance's mesh to its place: rows [n] of Goods, positions [n, 3], yaw [n] rad, shade [n], ids [n]."""
    v, t = 0, 0
    for n in range(rows.shape[0]):
        row = rows[n]
        cos, sin = np.cos(yaw[n]), np.sin(yaw[n])
        begin = v
        for i in range(first_vertex[row], first_vertex[row + 1]):
            x, y = mesh_points[i, 0], mesh_points[i, 1]
            points_m[v, 0] = positions_m[n, 0] + cos * x - sin * y
            points_m[v, 1] = positions_m[n, 1] + sin * x + cos * y
            points_m[v, 2] = positions_m[n, 2] + mesh_points[i, 2]
            x, y = mesh_normals[i, 0], mesh_normals[i, 1]
            normals[v, 0] = cos * x - sin * y
            normals[v, 1] = sin * x + cos * y
            normals[v, 2] = mesh_normals[i, 2]
            uv[v, 0] = mesh_uv[i, 0]
            uv[v, 1] = mesh_uv[i, 1]
            shades[v] = mesh_shade[i] * shade[n]
            v += 1
        for i in range(first_triangle[row], first_triangle[row + 1]):
            for k in range(3):
                triangles[t, k] = mesh_triangles[i, k] + begin
            textures[t] = row
            tri_ids[t] = ids[n]
            t += 1
