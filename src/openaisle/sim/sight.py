"""What a camera can see of bodies: projection through its lens, the frame's edge, shelves and people in between.

Compiled, one camera frame a call. The lens is that of `core.geometry.Lens`, to the last bit that matters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit

from openaisle.sim.scene import BODY_JOINT_INDEX, Floats
from openaisle.store.schema import Camera, Store

SEEN: Final = 0
HIDDEN: Final = 1  # something is in front of it
OUTSIDE: Final = 2  # of the frame, or behind the camera

BOARD_M: Final = 0.02  # thickness of boards and panels
OVER_M: Final = 0.03  # what is hidden by less than this does not count as hidden

_J = BODY_JOINT_INDEX
# Limbs as capsules: from joint, to joint, radius in metres (scaled by girth), whose own joints it may hide.
CAPSULES: Final = np.array(
    [
        (_J["neck"], _J["pelvis"], 0.125),
        (_J["head_top"], _J["neck"], 0.085),
        (_J["left_hip"], _J["left_knee"], 0.075),
        (_J["right_hip"], _J["right_knee"], 0.075),
        (_J["left_knee"], _J["left_ankle"], 0.05),
        (_J["right_knee"], _J["right_ankle"], 0.05),
        (_J["left_shoulder"], _J["left_elbow"], 0.045),
        (_J["right_shoulder"], _J["right_elbow"], 0.045),
        (_J["left_shoulder"], _J["right_shoulder"], 0.08),
    ]
)


@dataclass(frozen=True)
class Eye:
    """A camera as numbers for compiled code."""

    rotation: Floats  # [3, 3] camera_from_floor
    translation_m: Floats  # [3]
    position_floor_m: Floats  # [3]
    lens: Floats  # [12] width height fx fy cx cy k1 k2 p1 p2 k3 radius_squared_max

    @staticmethod
    def of(camera: Camera) -> Eye:
        lens, pose = camera.lens, camera.camera_from_floor
        k1, k2, _, _, k3 = lens.distortion
        roots = np.roots([7 * k3, 5 * k2, 3 * k1, 1.0])
        real = [float(root.real) for root in roots if abs(root.imag) < 1e-9 and root.real > 0]
        values = (
            lens.width_px, lens.height_px, lens.focal_x_px, lens.focal_y_px, lens.centre_x_px, lens.centre_y_px,
            *lens.distortion, min(real, default=math.inf),
        )  # fmt: skip
        return Eye(
            np.ascontiguousarray(pose.rotation),
            np.ascontiguousarray(pose.translation_m),
            np.array(camera.position_floor_m, float),
            np.array(values, float),
        )


@dataclass(frozen=True)
class Solids:
    """The shop's furniture: gondolas as outer boxes, each filled with boards and panels, in its own frame."""

    frames: Floats  # [gondolas, 6] origin x y, cos, sin of the heading, first board, board after the last
    outer: Floats  # [gondolas, 6] x0 x1 y0 y1 z0 z1
    boards: Floats  # [boards, 6] the same

    @staticmethod
    def of(store: Store) -> Solids:
        frames: list[tuple[float, ...]] = []
        outer: list[tuple[float, ...]] = []
        boards: list[tuple[float, ...]] = []
        for gondola in store.gondolas:
            first = len(boards)
            width, depth, height = gondola.width_m, gondola.depth_m, gondola.height_m
            for shelf in gondola.shelves:
                x, y, z = shelf.left_m, shelf.front_m, shelf.height_m
                boards.append((x, x + shelf.width_m, y, y + shelf.depth_m, z - BOARD_M, z))
            boards.append((0.0, width, depth - BOARD_M, depth, 0.0, height))
            boards.append((0.0, BOARD_M, 0.0, depth, 0.0, height))
            boards.append((width - BOARD_M, width, 0.0, depth, 0.0, height))
            front = min([0.0, *(shelf.front_m for shelf in gondola.shelves)])
            outer.append((0.0, width, front, depth, 0.0, height))
            angle = math.radians(gondola.heading_deg)
            frames.append(
                (*gondola.origin_floor_m, math.cos(angle), math.sin(angle), float(first), float(len(boards)))
            )
        return Solids(
            np.array(frames).reshape(-1, 6), np.array(outer).reshape(-1, 6), np.array(boards).reshape(-1, 6)
        )


def see(eye: Eye, solids: Solids, joints_floor_m: Floats, girths: Floats) -> tuple[Floats, np.ndarray]:
    """Pixels [bodies, 24, 2] (NaN behind the camera) and SEEN, HIDDEN or OUTSIDE [bodies, 24] of all joints."""
    points = np.empty((*joints_floor_m.shape[:2], 2))
    state = np.zeros(joints_floor_m.shape[:2], np.int64)
    _see(
        eye.rotation, eye.translation_m, eye.position_floor_m, eye.lens, solids.frames, solids.outer,
        solids.boards, joints_floor_m, girths, CAPSULES, points, state,
    )  # fmt: skip
    return points, state


@njit(cache=True)
def _cut(box: Floats, a: Floats, d: Floats, last: float) -> bool:
    """Whether the segment a + t d, 0 <= t <= last, meets an axis-aligned box (the slab test)."""
    t0, t1 = 0.0, last
    for axis in range(3):
        low, high = box[2 * axis], box[2 * axis + 1]
        if abs(d[axis]) < 1e-12:
            if a[axis] < low or a[axis] > high:
                return False
            continue
        u, v = (low - a[axis]) / d[axis], (high - a[axis]) / d[axis]
        if u > v:
            u, v = v, u
        t0, t1 = max(t0, u), min(t1, v)
        if t0 > t1:
            return False
    return True


@njit(cache=True)
def _near(a: Floats, d: Floats, last: float, p: Floats, q: Floats) -> float:
    """Squared distance between segments a + t d (0 <= t <= last) and p..q (Ericson, Real-Time Collision Detection)."""
    ex, ey, ez = q[0] - p[0], q[1] - p[1], q[2] - p[2]
    rx, ry, rz = a[0] - p[0], a[1] - p[1], a[2] - p[2]
    dd = d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
    ee = ex * ex + ey * ey + ez * ez + 1e-12
    f = ex * rx + ey * ry + ez * rz
    c = d[0] * rx + d[1] * ry + d[2] * rz
    b = d[0] * ex + d[1] * ey + d[2] * ez
    under = dd * ee - b * b
    s = min(max((b * f - c * ee) / under, 0.0), last) if under > 1e-12 else 0.0
    t = (b * s + f) / ee
    if t < 0.0:
        t, s = 0.0, min(max(-c / dd, 0.0), last)
    elif t > 1.0:
        t, s = 1.0, min(max((b - c) / dd, 0.0), last)
    x, y, z = rx + s * d[0] - t * ex, ry + s * d[1] - t * ey, rz + s * d[2] - t * ez
    return x * x + y * y + z * z


@njit(cache=True)
def _behind_furniture(
    eye: Floats,
    joint: Floats,
    last: float,
    frames: Floats,
    outer: Floats,
    boards: Floats,
    a: Floats,
    d: Floats,
) -> bool:
    for index in range(len(frames)):
        ox, oy, cos, sin = frames[index, 0], frames[index, 1], frames[index, 2], frames[index, 3]
        ax, ay = eye[0] - ox, eye[1] - oy
        bx, by = joint[0] - ox, joint[1] - oy
        a[0], a[1], a[2] = cos * ax + sin * ay, cos * ay - sin * ax, eye[2]
        d[0] = cos * bx + sin * by - a[0]
        d[1] = cos * by - sin * bx - a[1]
        d[2] = joint[2] - eye[2]
        if not _cut(outer[index], a, d, last):
            continue
        for board in range(int(frames[index, 4]), int(frames[index, 5])):
            if _cut(boards[board], a, d, last):
                return True
    return False


@njit(cache=True)
def _behind_people(
    body: int,
    joint_index: int,
    eye: Floats,
    joints: Floats,
    girths: Floats,
    capsules: Floats,
    last: float,
    d: Floats,
) -> bool:
    joint = joints[body, joint_index]
    for k in range(3):
        d[k] = joint[k] - eye[k]
    dd = d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
    for other in range(len(joints)):
        if other != body:
            # Nobody reaches farther than a metre and a half from the own pelvis.
            px, py, pz = (
                joints[other, 18, 0] - eye[0],
                joints[other, 18, 1] - eye[1],
                joints[other, 18, 2] - eye[2],
            )
            t = min(max((px * d[0] + py * d[1] + pz * d[2]) / dd, 0.0), 1.0)
            gx, gy, gz = px - t * d[0], py - t * d[1], pz - t * d[2]
            if gx * gx + gy * gy + gz * gz > 1.7:
                continue
        count = 2 if other == body else len(capsules)
        for index in range(count):
            radius = capsules[index, 2] * girths[other]
            if other == body:
                # A joint on the trunk is not hidden by the trunk it belongs to, nor the face by its head.
                if index == 0 and (joint_index in (5, 6, 11, 12, 17, 18, 19)):
                    continue
                if index == 1 and (joint_index < 7 or joint_index == 17 or joint_index == 19):
                    continue
                radius *= 0.75
            p, q = joints[other, int(capsules[index, 0])], joints[other, int(capsules[index, 1])]
            if _near(eye, d, last, p, q) < radius * radius:
                return True
    return False


@njit(cache=True)
def _see(
    rotation: Floats, translation: Floats, eye: Floats, lens: Floats, frames: Floats, outer: Floats,
    boards: Floats, joints: Floats, girths: Floats, capsules: Floats, points: Floats, state: np.ndarray,
) -> None:  # fmt: skip
    a, d = np.empty(3), np.empty(3)
    width, height, radius_max = lens[0], lens[1], lens[11]
    for body in range(len(joints)):
        for index in range(joints.shape[1]):
            joint = joints[body, index]
            x = (
                rotation[0, 0] * joint[0]
                + rotation[0, 1] * joint[1]
                + rotation[0, 2] * joint[2]
                + translation[0]
            )
            y = (
                rotation[1, 0] * joint[0]
                + rotation[1, 1] * joint[1]
                + rotation[1, 2] * joint[2]
                + translation[1]
            )
            z = (
                rotation[2, 0] * joint[0]
                + rotation[2, 1] * joint[1]
                + rotation[2, 2] * joint[2]
                + translation[2]
            )
            if z <= 0.05:
                points[body, index, 0] = np.nan
                points[body, index, 1] = np.nan
                state[body, index] = 2
                continue
            x, y = x / z, y / z
            r2 = x * x + y * y
            is_folded = r2 > radius_max  # past the lens's edge, clamped to it: not really in the picture
            if is_folded:
                shrink = math.sqrt(radius_max / r2)
                x, y = x * shrink, y * shrink
                r2 = x * x + y * y
            radial = 1.0 + r2 * (lens[6] + r2 * (lens[7] + r2 * lens[10]))
            xd = x * radial + 2 * lens[8] * x * y + lens[9] * (r2 + 2 * x * x)
            yd = y * radial + lens[8] * (r2 + 2 * y * y) + 2 * lens[9] * x * y
            u, v = lens[2] * xd + lens[4], lens[3] * yd + lens[5]
            points[body, index, 0], points[body, index, 1] = u, v
            if is_folded or u < -0.5 or v < -0.5 or u > width - 0.5 or v > height - 0.5:
                state[body, index] = 2
                continue
            far = math.sqrt((joint[0] - eye[0]) ** 2 + (joint[1] - eye[1]) ** 2 + (joint[2] - eye[2]) ** 2)
            last = 1.0 - min(0.03 / far, 0.5)
            is_hidden = _behind_furniture(eye, joint, last, frames, outer, boards, a, d)
            is_hidden = is_hidden or _behind_people(body, index, eye, joints, girths, capsules, last, d)
            state[body, index] = 1 if is_hidden else 0
