"""What goods look like: a printed wrap and a shape for every product, made from its row in products.csv alone.

A wrap is one BGR picture: the faces side by side in the lower rows (front, right side, back, left side), the top
face in the upper left. A product that is the look-alike of another has the other's design; only the colour of one
label, the name and a small motif differ.
"""

from __future__ import annotations

import colorsys
import zlib
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.sim.raster import Atlas, Bytes, Floats, Ints
from openaisle.sim.scene import Item
from openaisle.store.schema import Product, Store

PX_PER_M = 1200.0
LIVE_PX_PER_M = 420.0
SIDES = 14

# Hue, saturation, value of the inks that packs are printed with.
_INKS = (
    (0.99, 0.85, 0.75), (0.98, 0.80, 0.45), (0.07, 0.85, 0.92), (0.13, 0.80, 0.95), (0.12, 0.18, 0.95),
    (0.0, 0.0, 0.95), (0.55, 0.30, 0.90), (0.58, 0.75, 0.80), (0.63, 0.75, 0.40), (0.30, 0.60, 0.60),
    (0.38, 0.75, 0.35), (0.22, 0.55, 0.80), (0.07, 0.60, 0.40), (0.78, 0.50, 0.50), (0.93, 0.45, 0.90),
    (0.0, 0.0, 0.13), (0.6, 0.05, 0.75), (0.48, 0.60, 0.60), (0.10, 0.45, 0.75), (0.0, 0.70, 0.90),
)  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """A pack's mesh in its own frame: origin at the middle of the bottom, x along the width, front towards -y."""

    points_m: Floats  # [vertices, 3]
    normals: Floats  # [vertices, 3]
    uv: Floats  # [vertices, 2] in the wrap
    shade: Floats  # [vertices]
    triangles: Ints  # [triangles, 3]


def pack_texture(product: Product) -> Bytes:
    """The printed wrap [h, w, 3] BGR of a product, about 1,200 pixels a metre; the same in every process."""
    return _wrap(product)


@lru_cache(maxsize=64)
def _wrap(product: Product) -> Bytes:
    return _Design(product).wrap()


def pack_front(product: Product) -> Bytes:
    """The front face [h, w, 3] BGR alone, as an enrolment picture shows it."""
    wrap = _wrap(product)
    around = 2 * (product.width_m + product.depth_m)
    front_px = round(wrap.shape[1] * product.width_m / around)
    top_px = round(wrap.shape[0] * product.depth_m / (product.height_m + product.depth_m))
    return wrap[top_px:, :front_px]


# The print


class _Design:
    """Draws one product's wrap. `family` numbers decide the design, `own` numbers what tells look-alikes apart."""

    def __init__(self, product: Product) -> None:
        self.product = product
        original = product.look_alike_of or product.product_id
        self.family = np.random.default_rng(zlib.crc32(original.encode()))
        self.is_variant = product.look_alike_of is not None
        self.own = zlib.crc32(product.product_id.encode())
        scale = min(PX_PER_M, 360.0 / max(product.width_m, product.height_m))
        self.front_px = max(24, round(product.width_m * scale))
        self.side_px = max(12, round(product.depth_m * scale))
        self.height_px = max(24, round(product.height_m * scale))
        ground, second = self.family.choice(len(_INKS), 2, replace=False)
        self.ground, self.second = (self._ink(int(index)) for index in (ground, second))
        label_hue = self.family.random()
        self.motif = int(self.family.integers(0, 6))
        if self.is_variant:
            label_hue += 0.25 + 0.5 * (self.own % 101) / 101
            self.motif += 1 + self.own // 101 % 4
        self.label = _colour(label_hue, 0.75, 0.8)
        self.layout = int(self.family.integers(0, 6))
        # Names begin with the brand; what follows goes on the label.
        self.brand, _, self.kind = product.name.partition(" ")
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
        words = (self.kind or self.brand).split()
        lines = _lines(words, 3)
        each = 0.28 / len(lines)
        for index, line in enumerate(lines):
            begin = 0.27 + index * each
            _text(area, line, begin, begin + each * 0.92, _ink_on(self.label), is_bold=True)
        _motif(area, self.motif, (0.5, 0.74), 0.16, self.label, self.second)
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


def _lines(words: list[str], lines_max: int) -> list[str]:
    """Words spread over at most `lines_max` lines, none of them much longer than the others."""
    if not words:
        return [" "]
    best = [" ".join(words)]
    for count in range(2, min(lines_max, len(words)) + 1):
        target = sum(map(len, words)) / count
        lines, line = [], ""
        for word in words:
            if line and len(line) + len(word) > target * 1.25 and len(lines) < count - 1:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}".strip()
        lines.append(line)
        if max(map(len, lines)) < max(map(len, best)):
            best = lines
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


# The shape


def pack_shape(product: Product) -> Shape:
    """The mesh of one unit, by its `shape`: box, can, bottle, bag or carton."""
    if product.shape == "can":
        profile = np.array([[0.9, 0.0], [1.0, 0.04], [1.0, 0.93], [0.86, 0.985], [0.84, 1.0]])
        return _turned(product, profile)
    if product.shape == "bottle":
        profile = np.array(
            [
                [0.9, 0.0],
                [1.0, 0.03],
                [1.0, 0.58],
                [0.9, 0.68],
                [0.5, 0.8],
                [0.38, 0.88],
                [0.42, 0.9],
                [0.42, 1.0],
            ]
        )
        return _turned(product, profile)
    if product.shape == "bag":
        return _pillow(product)
    if product.shape == "carton":
        return _gabled(product)
    return _box(product)


def _faces(product: Product, corners: Floats, uv: Floats) -> Shape:
    """Flat faces: corners [faces, 4, 3] counter-clockwise from outside, uv [faces, 4, 2]."""
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12
    points = corners.reshape(-1, 3)
    first = 4 * np.arange(len(corners), dtype=np.int32)[:, None]
    triangles = np.concatenate([first + np.array([0, 1, 2]), first + np.array([0, 2, 3])]).astype(np.int32)
    return Shape(
        points, np.repeat(normal, 4, axis=0), uv.reshape(-1, 2), _foot_shade(points, product), triangles
    )


def _foot_shade(points_m: Floats, product: Product) -> Floats:
    """Less light arrives near the board a pack stands on."""
    return 0.72 + 0.28 * np.clip(points_m[:, 2] / (0.35 * product.height_m), 0, 1)


def _columns(product: Product) -> tuple[float, float, float, float]:
    """Where the faces begin in the wrap: right side, back, left side (u) and the sides' upper edge (v)."""
    around = 2 * (product.width_m + product.depth_m)
    right = product.width_m / around
    return right, 0.5, 0.5 + right, product.depth_m / (product.height_m + product.depth_m)


def _box(product: Product) -> Shape:
    x, y, z = product.width_m / 2, product.depth_m / 2, product.height_m
    u1, u2, u3, v0 = _columns(product)
    ring = [(-x, -y), (x, -y), (x, y), (-x, y)]
    corners, uv = [], []
    for index, (left, right) in enumerate(((0.0, u1), (u1, u2), (u2, u3), (u3, 1.0))):
        (ax, ay), (bx, by) = ring[index], ring[(index + 1) % 4]
        corners.append([(ax, ay, 0), (bx, by, 0), (bx, by, z), (ax, ay, z)])
        uv.append([(left, 1), (right, 1), (right, v0), (left, v0)])
    corners.append([(-x, -y, z), (x, -y, z), (x, y, z), (-x, y, z)])
    uv.append([(0, v0), (u1, v0), (u1, 0), (0, 0)])
    corners.append([(-x, y, 0), (x, y, 0), (x, -y, 0), (-x, -y, 0)])
    uv.append([(u3, 0), (u2, 0), (u2, v0), (u3, v0)])
    return _faces(product, np.array(corners, float), _inset(np.array(uv, float)))


def _inset(uv: Floats) -> Floats:
    """Faces [faces, 4, 2] drawn in by 1 %, so that a texel of the neighbouring face never bleeds over."""
    middle = uv.mean(axis=1, keepdims=True)
    return middle + (uv - middle) * 0.98


def _gabled(product: Product) -> Shape:
    x, y, z = product.width_m / 2, product.depth_m / 2, product.height_m
    eaves, ridge = 0.8 * z, 0.93 * z
    u1, u2, u3, v0 = _columns(product)
    v_eaves, v_ridge = v0 + 0.2 * (1 - v0), v0 + 0.07 * (1 - v0)
    ring = [(-x, -y), (x, -y), (x, y), (-x, y)]
    spans = ((0.0, u1), (u1, u2), (u2, u3), (u3, 1.0))
    corners, uv = [], []
    for index, (left, right) in enumerate(spans):
        (ax, ay), (bx, by) = ring[index], ring[(index + 1) % 4]
        corners.append([(ax, ay, 0), (bx, by, 0), (bx, by, eaves), (ax, ay, eaves)])
        uv.append([(left, 1), (right, 1), (right, v_eaves), (left, v_eaves)])
        # Roofs lean to the ridge over the middle; on the sides they end in a point.
        corners.append([(ax, ay, eaves), (bx, by, eaves), (bx, 0.0, ridge), (ax, 0.0, ridge)])
        uv.append([(left, v_eaves), (right, v_eaves), (right, v_ridge), (left, v_ridge)])
    for left, right, side in ((0.0, u1, -1.0), (u2, u3, 1.0)):
        corners.append(
            [(side * x, 0.0, ridge), (-side * x, 0.0, ridge), (-side * x, 0.0, z), (side * x, 0.0, z)]
        )
        uv.append([(left, v_ridge), (right, v_ridge), (right, v0), (left, v0)])
    return _faces(product, np.array(corners, float), _inset(np.array(uv, float)))


def _turned(product: Product, profile: Floats) -> Shape:
    """A body of revolution: profile [rings, 2] of (radius, height) as fractions, closed by a lid."""
    u1, _, _, v0 = _columns(product)
    turn = np.linspace(0, 1, SIDES + 1)
    angle = 2 * np.pi * (turn - u1 / 2) - np.pi / 2
    radius, height = profile[:, 0:1], profile[:, 1:2]
    x = radius * np.cos(angle) * product.width_m / 2
    y = radius * np.sin(angle) * product.depth_m / 2
    z = np.broadcast_to(height * product.height_m, x.shape)
    slope = -np.gradient(profile[:, 0] * product.width_m / 2, profile[:, 1] * product.height_m)[:, None]
    normals = np.stack(
        [np.cos(angle) + 0 * slope, np.sin(angle) + 0 * slope, np.broadcast_to(slope, x.shape)], axis=-1
    )
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    v = v0 + (1 - height) * (1 - v0) * 0.98 + 0.005
    uv = np.stack([np.broadcast_to(turn, x.shape), np.broadcast_to(v, x.shape)], axis=-1)
    points = np.stack([x, y, z], axis=-1)
    rings, columns = x.shape
    triangles = _grid_triangles(rings, columns)
    lid = points[-1].copy()
    lid_uv = np.stack([u1 / 2 + u1 * 0.45 * np.cos(angle), v0 / 2 - v0 * 0.45 * np.sin(angle)], axis=-1)
    first = rings * columns
    fan = [[first, first + index, first + index + 1] for index in range(1, SIDES - 1)]
    all_points = np.concatenate([points.reshape(-1, 3), lid])
    return Shape(
        all_points,
        np.concatenate([normals.reshape(-1, 3), np.tile([0.0, 0.0, 1.0], (columns, 1))]),
        np.concatenate([uv.reshape(-1, 2), lid_uv]),
        _foot_shade(all_points, product),
        np.concatenate([triangles, np.array(fan, np.int32)]),
    )


def _grid_triangles(rows: int, columns: int) -> Ints:
    """Triangles of a grid of vertices; rows upwards, columns counter-clockwise, seen from outside."""
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(columns - 1), indexing="ij")
    a = (row * columns + column).ravel()
    b, c, d = a + 1, a + columns + 1, a + columns
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)


def _pillow(product: Product) -> Shape:
    """A bag: two bulging faces, pinched at the upper and lower seam."""
    count = 7
    s, t = np.meshgrid(np.linspace(0, 1, count), np.linspace(0, 1, count))
    bulge = (1 - np.abs(2 * s - 1) ** 2.5) * (1 - np.abs(2 * t - 1) ** 3)
    u1, u2, u3, v0 = _columns(product)
    pieces = []
    for side, left, right in ((-1.0, 0.0, u1), (1.0, u2, u3)):
        x = -side * (s - 0.5) * product.width_m * (1 - 0.08 * (1 - np.abs(2 * t - 1) ** 2))
        y = side * bulge * product.depth_m / 2
        z = t * product.height_m
        points = np.stack([x, y, z], axis=-1)
        along_s, along_t = np.gradient(points, axis=1), np.gradient(points, axis=0)
        normals = np.cross(along_s, along_t)
        normals /= np.linalg.norm(normals, axis=-1, keepdims=True) + 1e-12
        uv = np.stack([left + (right - left) * s, v0 + (1 - v0) * (1 - t) * 0.99], axis=-1)
        pieces.append((points.reshape(-1, 3), normals.reshape(-1, 3), uv.reshape(-1, 2)))
    triangles = _grid_triangles(count, count)
    points = np.concatenate([piece[0] for piece in pieces])
    return Shape(
        points,
        np.concatenate([piece[1] for piece in pieces]),
        np.concatenate([piece[2] for piece in pieces]),
        _foot_shade(points, product),
        np.concatenate([triangles, triangles + np.int32(count * count)]),
    )


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
            self.atlas.add(_at_density(_Design(product).wrap(), product, px_per_m))
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
