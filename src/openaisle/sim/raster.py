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
        screen[i, :] = 0.0
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
    screen, motion, light, uv, triangles, textures, tri_ids, tri_parts, is_closed, is_sharp, texels, table,
    left, top, right, bottom, offset_x, offset_y, shifts, moments, colour, depth, ids, parts,
):  # fmt: skip
    """Draw triangles into the planes `colour` [samples, h, w, 3] where they are nearer than `depth` [samples, h, w].

    screen [v, 3] from `project`; motion [v, 2] pixels per unit of moment (or no rows); light [v]; only pixels of
    left <= x < right, top <= y < bottom are touched. Pixel (0, 0) of the arrays is pixel (offset_x, offset_y) of the
    picture. shifts [samples, 2]: where in a pixel a sample is taken; moments [samples]: when. `ids` and `parts` [h, w]
    are those of the first sample. is_closed: triangles seen from behind are skipped. is_sharp: take the nearest
    texel, where a pixel's samples smooth anyway; else blend four.
    """
    moves = motion.shape[0] > 0
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        za, zb, zc = screen[a, 2], screen[b, 2], screen[c, 2]
        if za <= 0.0 or zb <= 0.0 or zc <= 0.0:
            continue
        ax, ay = screen[a, 0] - offset_x, screen[a, 1] - offset_y
        bx, by = screen[b, 0] - offset_x, screen[b, 1] - offset_y
        cx, cy = screen[c, 0] - offset_x, screen[c, 1] - offset_y
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        # With y down, what runs counter-clockwise seen from outside has a negative area.
        if not moves and (area == 0.0 or (is_closed and area > 0.0)):
            continue
        # The mip level whose texels are about as large as pixels.
        texture = textures[t]
        texel_area = (
            abs((uv[b, 0] - uv[a, 0]) * (uv[c, 1] - uv[a, 1]) - (uv[c, 0] - uv[a, 0]) * (uv[b, 1] - uv[a, 1]))
            * table[texture, 0, 1]
            * table[texture, 0, 2]
        )
        level = 0
        while texel_area > 1.8 * abs(area) and level < MIP_LEVELS - 1:
            texel_area *= 0.25
            level += 1
        first, width, height = table[texture, level, 0], table[texture, level, 1], table[texture, level, 2]
        ia, ib, ic = 1.0 / za, 1.0 / zb, 1.0 / zc
        ua, va = uv[a, 0] * ia * width, uv[a, 1] * ia * height
        ub, vb = uv[b, 0] * ib * width, uv[b, 1] * ib * height
        uc, vc = uv[c, 0] * ic * width, uv[c, 1] * ic * height
        la, lb, lc = light[a], light[b], light[c]
        for s in range(moments.shape[0]):
            ax, ay = screen[a, 0] - offset_x - shifts[s, 0], screen[a, 1] - offset_y - shifts[s, 1]
            bx, by = screen[b, 0] - offset_x - shifts[s, 0], screen[b, 1] - offset_y - shifts[s, 1]
            cx, cy = screen[c, 0] - offset_x - shifts[s, 0], screen[c, 1] - offset_y - shifts[s, 1]
            if moves:
                ax += motion[a, 0] * moments[s]
                ay += motion[a, 1] * moments[s]
                bx += motion[b, 0] * moments[s]
                by += motion[b, 1] * moments[s]
                cx += motion[c, 0] * moments[s]
                cy += motion[c, 1] * moments[s]
                area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
                if area == 0.0 or (is_closed and area > 0.0):
                    continue
            x1 = max(left, int(np.ceil(min(ax, bx, cx))))
            x2 = min(right - 1, int(np.floor(max(ax, bx, cx))))
            y1 = max(top, int(np.ceil(min(ay, by, cy))))
            y2 = min(bottom - 1, int(np.floor(max(ay, by, cy))))
            if x1 > x2 or y1 > y2:
                continue
            # Weights are a_x * x + (a_y * y + a_0), and alike for b: the same for a pixel in any rectangle.
            over = 1.0 / area
            a_x, a_y, a_0 = (by - cy) * over, (cx - bx) * over, (bx * cy - cx * by) * over
            b_x, b_y, b_0 = (cy - ay) * over, (ax - cx) * over, (cx * ay - ax * cy) * over
            for y in range(y1, y2 + 1):
                a_row, b_row = a_y * y + a_0, b_y * y + b_0
                for x in range(x1, x2 + 1):
                    wa = a_x * x + a_row
                    wb = b_x * x + b_row
                    wc = 1.0 - wa - wb
                    if wa < 0.0 or wb < 0.0 or wc < 0.0:
                        continue
                    z = 1.0 / (wa * ia + wb * ib + wc * ic)
                    if z >= depth[s, y, x]:
                        continue
                    depth[s, y, x] = z
                    brightness = wa * la + wb * lb + wc * lc
                    u = (wa * ua + wb * ub + wc * uc) * z
                    v = (wa * va + wb * vb + wc * vc) * z
                    if is_sharp:
                        u0, v0 = int(np.floor(u)), int(np.floor(v))
                        if u0 < 0 or u0 >= width:
                            u0 = u0 % width
                        if v0 < 0 or v0 >= height:
                            v0 = v0 % height
                        texel = first + v0 * width + u0
                        for k in range(3):
                            colour[s, y, x, k] = int(min(brightness * texels[texel, k] + 0.5, 255.0))
                    else:
                        u0, v0 = int(np.floor(u - 0.5)), int(np.floor(v - 0.5))
                        fu, fv = u - 0.5 - u0, v - 0.5 - v0
                        u0, v0 = u0 % width, v0 % height
                        u1 = u0 + 1 if u0 + 1 < width else 0
                        v1 = v0 + 1 if v0 + 1 < height else 0
                        p00, p01 = first + v0 * width + u0, first + v0 * width + u1
                        p10, p11 = first + v1 * width + u0, first + v1 * width + u1
                        w00, w01 = (1 - fu) * (1 - fv) * brightness, fu * (1 - fv) * brightness
                        w10, w11 = (1 - fu) * fv * brightness, fu * fv * brightness
                        for k in range(3):
                            value = (
                                w00 * texels[p00, k]
                                + w01 * texels[p01, k]
                                + w10 * texels[p10, k]
                                + w11 * texels[p11, k]
                            )
                            colour[s, y, x, k] = int(min(value + 0.5, 255.0))
                    if s == 0:
                        ids[y, x] = tri_ids[t]
                        parts[y, x] = tri_parts[t]


@njit(cache=True)
def darken_floor(planes, floor_xy, discs, left, top, right, bottom):
    """Soft round shadows on the floor: multiply `planes` [samples, h, w, 3] by 1 - strength (1 - (d / radius)^2)^2.

    floor_xy [h, w, 2]: where on the floor each pixel looks, NaN where it sees something else; discs [n, 4]: x, y,
    radius, strength.
    """
    for y in range(top, bottom):
        for x in range(left, right):
            fx, fy = floor_xy[y, x, 0], floor_xy[y, x, 1]
            factor = np.float32(1.0)
            for n in range(discs.shape[0]):
                dx, dy = fx - discs[n, 0], fy - discs[n, 1]
                inside = 1.0 - (dx * dx + dy * dy) / (discs[n, 2] * discs[n, 2])
                if inside > 0.0:
                    factor *= 1.0 - discs[n, 3] * inside * inside
            if factor < 1.0:
                for s in range(planes.shape[0]):
                    for k in range(3):
                        planes[s, y, x, k] = np.uint8(planes[s, y, x, k] * factor + 0.5)


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
