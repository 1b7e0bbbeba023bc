"""The shapes goods come in: box, can, bottle, bag and carton as meshes, with the wrap of packs.py laid on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from openaisle.sim.raster import Floats, Ints
from openaisle.store.schema import Product

SIDES = 14


@dataclass(frozen=True)
class Shape:
    """A pack's mesh in its own frame: origin at the middle of the bottom, x along the width, front towards -y."""

    points_m: Floats  # [vertices, 3]
    normals: Floats  # [vertices, 3]
    uv: Floats  # [vertices, 2] in the wrap
    shade: Floats  # [vertices]
    triangles: Ints  # [triangles, 3]


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
