"""A small rasteriser: triangles with depth, perspective-correct texture and smooth shading, in numba.

Vertices are projected through the camera's whole lens model, distortion included, so a triangle's corners lie where
`Camera.project` says; edges between them are straight, hence large surfaces are tessellated (see fixtures.py).
Pixel centres are at integer coordinates. The same input gives the same bytes in every process: no threads, no
fast-math, every pixel is computed from absolute coordinates, so a part of a picture equals that part of the whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.core.geometry import Lens, Transform

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]

NEAR_M = 0.05
FAR_M = np.float32(1e6)
MIP_LEVELS = 7


@dataclass(frozen=True)
class Mesh:
    """Triangles in the floor frame. Corners run counter-clockwise as seen from outside."""

    points_m: Floats  # [vertices, 3]
    normals: Floats  # [vertices, 3] unit
    uv: Floats  # [vertices, 2] texture coordinates, repeating
    shade: Floats  # [vertices] how much of the light arrives (1 = all)
    triangles: Ints  # [triangles, 3]
    textures: Ints  # [triangles] index in the atlas
    ids: Ints  # [triangles] what is seen there: see render.py
    parts: Bytes  # [triangles] body part, 0 for everything else

    @staticmethod
    def empty() -> Mesh:
        return Mesh(
            np.zeros((0, 3)),
            np.zeros((0, 3)),
            np.zeros((0, 2)),
            np.zeros(0),
            np.zeros((0, 3), np.int32),
            np.zeros(0, np.int32),
            np.zeros(0, np.int32),
            np.zeros(0, np.uint8),
        )

    @staticmethod
    def joined(meshes: list[Mesh]) -> Mesh:
        """One mesh of many, in order."""
        if not meshes:
            return Mesh.empty()
        starts = np.cumsum([0, *(len(mesh.points_m) for mesh in meshes[:-1])])
        return Mesh(
            np.concatenate([mesh.points_m for mesh in meshes]),
            np.concatenate([mesh.normals for mesh in meshes]),
            np.concatenate([mesh.uv for mesh in meshes]),
            np.concatenate([mesh.shade for mesh in meshes]),
            np.concatenate(
                [mesh.triangles + np.int32(start) for mesh, start in zip(meshes, starts, strict=True)]
            ),
            np.concatenate([mesh.textures for mesh in meshes]),
            np.concatenate([mesh.ids for mesh in meshes]),
            np.concatenate([mesh.parts for mesh in meshes]),
        )


class Atlas:
    """Textures, each with its smaller copies (mip levels), in one flat array that numba can index."""

    def __init__(self) -> None:
        self._pieces: list[Bytes] = []
        self._table: list[list[tuple[int, int, int]]] = []
        self._texel_count = 0
        self._arrays: tuple[Bytes, NDArray[np.int64]] | None = None

    def __len__(self) -> int:
        return len(self._table)

    def add(self, texture: Bytes) -> int:
        """Take a BGR texture [h, w, 3]; return its index."""
        assert texture.ndim == 3
        assert texture.dtype == np.uint8
        levels: list[tuple[int, int, int]] = []
        level = np.ascontiguousarray(texture)
        for _ in range(MIP_LEVELS):
            height, width = level.shape[:2]
            levels.append((self._texel_count, width, height))
            self._pieces.append(level.reshape(-1, 3))
            self._texel_count += width * height
            if width > 1 or height > 1:
                size = (max(1, width // 2), max(1, height // 2))
                level = np.asarray(cv2.resize(level, size, interpolation=cv2.INTER_AREA), np.uint8)
        self._table.append(levels)
        self._arrays = None
        return len(self._table) - 1

    def arrays(self) -> tuple[Bytes, NDArray[np.int64]]:
        """Texels [n, 3] and the table [textures, levels, 3] of (offset, width, height)."""
        if self._arrays is None:
            texels = np.concatenate(self._pieces) if self._pieces else np.zeros((1, 3), np.uint8)
            table = np.array(self._table, np.int64).reshape(-1, MIP_LEVELS, 3)
            self._pieces = [texels]
            self._arrays = (texels, table)
        return self._arrays


def camera_numbers(camera_from_floor: Transform, lens: Lens) -> Floats:
    """A camera as the flat array [22] that the kernels read: pose, intrinsics, distortion, largest radius squared."""
    k1, k2, _, _, k3 = lens.distortion
    # As in Lens: past its turning point the polynomial would fold far points back into the picture.
    roots = np.roots([7 * k3, 5 * k2, 3 * k1, 1.0])
    turning = [float(root.real) for root in roots if abs(root.imag) < 1e-9 and root.real > 0]
    return np.array(
        [
            *camera_from_floor.rotation.ravel(),
            *camera_from_floor.translation_m,
            lens.focal_x_px,
            lens.focal_y_px,
            lens.centre_x_px,
            lens.centre_y_px,
            *lens.distortion,
            min(turning, default=1e12),
        ],
        np.float64,
    )


@njit(cache=True)
def project(points_m, camera, screen):
    """Points [n, 3] of the floor frame to `screen` [n, 3]: x, y in pixels and depth; depth 0 = not drawable."""
    for i in range(points_m.shape[0]):
        px, py, pz = points_m[i, 0], points_m[i, 1], points_m[i, 2]
        z = camera[6] * px + camera[7] * py + camera[8] * pz + camera[11]
        screen[i, 2] = 0.0
        if z < NEAR_M:
            continue
        x = (camera[0] * px + camera[1] * py + camera[2] * pz + camera[9]) / z
        y = (camera[3] * px + camera[4] * py + camera[5] * pz + camera[10]) / z
        r2 = x * x + y * y
        if r2 > camera[21]:
            continue
        radial = 1.0 + r2 * (camera[16] + r2 * (camera[17] + r2 * camera[20]))
        screen[i, 0] = (
            camera[12] * (x * radial + 2 * camera[18] * x * y + camera[19] * (r2 + 2 * x * x)) + camera[14]
        )
        screen[i, 1] = (
            camera[13] * (y * radial + camera[18] * (r2 + 2 * y * y) + 2 * camera[19] * x * y) + camera[15]
        )
        screen[i, 2] = z


@njit(cache=True)
def illuminate(points_m, normals, shade, lamps, ambient_above, ambient_below, light):
    """Brightness [n] of vertices under ceiling lamps [lamps, 4] (x, y, z, power) and a hemisphere of ambient light."""
    for i in range(points_m.shape[0]):
        nx, ny, nz = normals[i, 0], normals[i, 1], normals[i, 2]
        total = ambient_above * (0.5 + 0.5 * nz) + ambient_below * (0.5 - 0.5 * nz)
        for k in range(lamps.shape[0]):
            dx, dy = lamps[k, 0] - points_m[i, 0], lamps[k, 1] - points_m[i, 1]
            dz = lamps[k, 2] - points_m[i, 2]
            d2 = dx * dx + dy * dy + dz * dz + 0.2
            d = np.sqrt(d2)
            # Wrapped by a little: a lamp is a panel, not a point.
            facing = (nx * dx + ny * dy + nz * dz) / d * 0.85 + 0.15
            if facing > 0.0:
                total += lamps[k, 3] * facing / d2
        # Textures hold display values, so light acts on them with the display's gamma.
        light[i] = shade[i] * np.sqrt(total)


@njit(cache=True)
def triangle_bounds(screen, triangles, bounds):
    """Pixel bounds [n, 4] (x1, y1, x2, y2, inclusive floats) of triangles; x1 > x2 where not drawable."""
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        if screen[a, 2] <= 0.0 or screen[b, 2] <= 0.0 or screen[c, 2] <= 0.0:
            bounds[t, 0] = 1e9
            bounds[t, 2] = -1e9
            continue
        bounds[t, 0] = min(screen[a, 0], screen[b, 0], screen[c, 0])
        bounds[t, 1] = min(screen[a, 1], screen[b, 1], screen[c, 1])
        bounds[t, 2] = max(screen[a, 0], screen[b, 0], screen[c, 0])
        bounds[t, 3] = max(screen[a, 1], screen[b, 1], screen[c, 1])


@njit(cache=True)
def draw_triangles(
    screen, motion, light, uv, triangles, textures, tri_ids, tri_parts, is_closed, texels, table,
    left, top, right, bottom, shift_x, shift_y, moment, colour, depth, ids, parts, writes_ids,
):  # fmt: skip
    """Draw triangles into `colour` [h, w, 3] where they are nearer than `depth` [h, w].

    screen [v, 3] from `project`; motion [v, 2] pixels per unit of `moment` (or no rows); light [v]; only pixels of
    left <= x < right, top <= y < bottom are touched. (shift_x, shift_y) is where in a pixel the sample is taken.
    is_closed: triangles seen from behind are skipped. writes_ids: also write `ids` and `parts`. Pixel (0, 0) of the
    arrays is pixel (0, 0) of the picture.
    """
    moves = motion.shape[0] > 0 and moment != 0.0
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        za, zb, zc = screen[a, 2], screen[b, 2], screen[c, 2]
        if za <= 0.0 or zb <= 0.0 or zc <= 0.0:
            continue
        ax, ay = screen[a, 0] - shift_x, screen[a, 1] - shift_y
        bx, by = screen[b, 0] - shift_x, screen[b, 1] - shift_y
        cx, cy = screen[c, 0] - shift_x, screen[c, 1] - shift_y
        if moves:
            ax += motion[a, 0] * moment
            ay += motion[a, 1] * moment
            bx += motion[b, 0] * moment
            by += motion[b, 1] * moment
            cx += motion[c, 0] * moment
            cy += motion[c, 1] * moment
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        # With y down, what runs counter-clockwise seen from outside has a negative area.
        if area == 0.0 or (is_closed and area > 0.0):
            continue
        x1 = max(left, int(np.ceil(min(ax, bx, cx))))
        x2 = min(right - 1, int(np.floor(max(ax, bx, cx))))
        y1 = max(top, int(np.ceil(min(ay, by, cy))))
        y2 = min(bottom - 1, int(np.floor(max(ay, by, cy))))
        if x1 > x2 or y1 > y2:
            continue
        over = 1.0 / area
        ia, ib, ic = 1.0 / za, 1.0 / zb, 1.0 / zc
        # The mip level whose texels are about as large as pixels.
        texture = textures[t]
        width, height = table[texture, 0, 1], table[texture, 0, 2]
        texel_area = (
            abs(
                (uv[b, 0] - uv[a, 0]) * (uv[c, 1] - uv[a, 1]) - (uv[c, 0] - uv[a, 0]) * (uv[b, 1] - uv[a, 1])
            )
            * width
            * height
        )
        level = 0
        ratio = texel_area * abs(over)
        while ratio > 1.8 and level < MIP_LEVELS - 1:
            ratio *= 0.25
            level += 1
        offset, width, height = table[texture, level, 0], table[texture, level, 1], table[texture, level, 2]
        ua, va = uv[a, 0] * ia * width, uv[a, 1] * ia * height
        ub, vb = uv[b, 0] * ib * width, uv[b, 1] * ib * height
        uc, vc = uv[c, 0] * ic * width, uv[c, 1] * ic * height
        la, lb, lc = light[a], light[b], light[c]
        identity, part = tri_ids[t], tri_parts[t]
        for y in range(y1, y2 + 1):
            for x in range(x1, x2 + 1):
                wa = ((bx - x) * (cy - y) - (cx - x) * (by - y)) * over
                if wa < 0.0:
                    continue
                wb = ((cx - x) * (ay - y) - (ax - x) * (cy - y)) * over
                if wb < 0.0:
                    continue
                wc = 1.0 - wa - wb
                if wc < 0.0:
                    continue
                z = 1.0 / (wa * ia + wb * ib + wc * ic)
                if z >= depth[y, x]:
                    continue
                depth[y, x] = z
                brightness = wa * la + wb * lb + wc * lc
                u = (wa * ua + wb * ub + wc * uc) * z - 0.5
                v = (wa * va + wb * vb + wc * vc) * z - 0.5
                u0, v0 = int(np.floor(u)), int(np.floor(v))
                fu, fv = u - u0, v - v0
                u0 = u0 % width
                v0 = v0 % height
                u1 = u0 + 1 if u0 + 1 < width else 0
                v1 = v0 + 1 if v0 + 1 < height else 0
                p00, p01 = offset + v0 * width + u0, offset + v0 * width + u1
                p10, p11 = offset + v1 * width + u0, offset + v1 * width + u1
                w00, w01 = (1 - fu) * (1 - fv), fu * (1 - fv)
                w10, w11 = (1 - fu) * fv, fu * fv
                for k in range(3):
                    value = brightness * (
                        w00 * texels[p00, k]
                        + w01 * texels[p01, k]
                        + w10 * texels[p10, k]
                        + w11 * texels[p11, k]
                    )
                    colour[y, x, k] = 255 if value > 254.5 else int(value + 0.5)
                if writes_ids:
                    ids[y, x] = identity
                    parts[y, x] = part


@njit(cache=True)
def darken_triangles(
    screen, strength, uv, triangles, left, top, right, bottom, shift_x, shift_y, colour, depth
):
    """Soft round shadows: where a triangle is not hidden, multiply `colour` by 1 - strength (1 - |uv|^2)^2.

    uv run from -1 to 1 over a shadow's disc; strength [v]; depth is read, never written.
    """
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        za, zb, zc = screen[a, 2], screen[b, 2], screen[c, 2]
        if za <= 0.0 or zb <= 0.0 or zc <= 0.0:
            continue
        ax, ay = screen[a, 0] - shift_x, screen[a, 1] - shift_y
        bx, by = screen[b, 0] - shift_x, screen[b, 1] - shift_y
        cx, cy = screen[c, 0] - shift_x, screen[c, 1] - shift_y
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if area == 0.0:
            continue
        x1 = max(left, int(np.ceil(min(ax, bx, cx))))
        x2 = min(right - 1, int(np.floor(max(ax, bx, cx))))
        y1 = max(top, int(np.ceil(min(ay, by, cy))))
        y2 = min(bottom - 1, int(np.floor(max(ay, by, cy))))
        over = 1.0 / area
        ia, ib, ic = 1.0 / za, 1.0 / zb, 1.0 / zc
        for y in range(y1, y2 + 1):
            for x in range(x1, x2 + 1):
                wa = ((bx - x) * (cy - y) - (cx - x) * (by - y)) * over
                wb = ((cx - x) * (ay - y) - (ax - x) * (cy - y)) * over
                wc = 1.0 - wa - wb
                # Half-open edges: the pixel on an edge that two triangles share is darkened once.
                if wa < 0.0 or wb < 0.0 or wc <= 0.0:
                    continue
                z = 1.0 / (wa * ia + wb * ib + wc * ic)
                if z > depth[y, x]:
                    continue
                u = (wa * uv[a, 0] * ia + wb * uv[b, 0] * ib + wc * uv[c, 0] * ic) * z
                v = (wa * uv[a, 1] * ia + wb * uv[b, 1] * ib + wc * uv[c, 1] * ic) * z
                inside = 1.0 - u * u - v * v
                if inside <= 0.0:
                    continue
                factor = 1.0 - strength[a] * inside * inside
                for k in range(3):
                    colour[y, x, k] = int(colour[y, x, k] * factor + 0.5)


@njit(cache=True)
def smooth_normals(points_m, triangles, normals):
    """Normals [n, 3] of a mesh: the areas' mean of the faces around each vertex."""
    normals[:] = 0.0
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy, uz = (
            points_m[b, 0] - points_m[a, 0],
            points_m[b, 1] - points_m[a, 1],
            points_m[b, 2] - points_m[a, 2],
        )
        vx, vy, vz = (
            points_m[c, 0] - points_m[a, 0],
            points_m[c, 1] - points_m[a, 1],
            points_m[c, 2] - points_m[a, 2],
        )
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for i in (a, b, c):
            normals[i, 0] += nx
            normals[i, 1] += ny
            normals[i, 2] += nz
    for i in range(normals.shape[0]):
        length = np.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2) + 1e-12
        normals[i, 0] /= length
        normals[i, 1] /= length
        normals[i, 2] /= length
