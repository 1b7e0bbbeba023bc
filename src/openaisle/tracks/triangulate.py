"""From pixels to rays, and from many rays of many moments to one moving point in space.

Cameras do not take their pictures at the same time, so a wrist is never where all of them saw it: every joint is
estimated with its velocity, each ray at its own time. For one joint that is a linear problem in six unknowns (position
and velocity); wrong rays are found by solving it again with weights (iteratively reweighted least squares with
Geman-McClure weights, hardened step by step as in graduated non-convexity, Yang et al. 2020).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.core.messages import JOINT_INDEX, CameraDetections
from openaisle.store.schema import Camera

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

JOINT_COUNT: Final = len(JOINT_INDEX)
UNDISTORT_STEPS_MAX: Final = 20
RANGE_M_MIN: Final = 0.2  # nothing is nearer to a lens
HARDENING: Final = (25.0, 5.0, 1.0, 1.0)  # scale of the robust loss, solve by solve
LOSS_SQUARED: Final = 12.0  # squared normalised distance at which a ray keeps a quarter of its weight
KEYPOINT_SD_PX_MIN: Final = 1.5
# How precisely people mark a joint, relative to the size of the person (COCO's keypoint constants).
_COCO_SIGMAS: Final = np.array(
    [0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089,
     0.089]
)  # fmt: skip
# Networks come within about half of that.
KEYPOINT_SD_OF_SIZE: Final = 0.5 * np.maximum(_COCO_SIGMAS, 0.04)

BOX_ONLY_TRUST_MAX: Final = 1.5  # keypoints whose confidences sum to less are as good as none
BOX_TRUST: Final = 0.5
BOX_JOINTS: Final = (  # joints near the body's axis, and how far down the box of somebody standing they are
    (0, 0.09), (1, 0.08), (2, 0.08), (3, 0.08), (4, 0.08), (5, 0.19), (6, 0.19), (11, 0.48), (12, 0.48),
    (13, 0.72), (14, 0.72), (15, 0.94), (16, 0.94),
)  # fmt: skip

BONES: Final = ((5, 7), (6, 8), (7, 9), (8, 10), (11, 13), (12, 14), (13, 15), (14, 16))
"""(parent, child) joints: upper arms, forearms, thighs, shanks."""
STANDING_HEIGHTS: Final = np.array(  # of joints, in shares of stature, of somebody upright
    [0.925, 0.94, 0.94, 0.93, 0.93, 0.82, 0.82, 0.0, 0.0, 0.0, 0.0, 0.53, 0.53, 0.285, 0.285, 0.055, 0.055]
)
STANDING_SD_M: Final = np.array([0.07] * 5 + [0.07] * 2 + [0.0] * 4 + [0.07] * 2 + [0.08] * 2 + [0.06] * 2)
"""How far they stray from there. 0: anywhere."""
_BONE_OF_CHILD: Final = np.array(
    [next((i for i, (_, child) in enumerate(BONES) if child == j), -1) for j in range(JOINT_COUNT)], np.int64
)
_PARENT_OF_CHILD: Final = np.array(
    [next((parent for parent, child in BONES if child == j), -1) for j in range(JOINT_COUNT)], np.int64
)


@dataclass(frozen=True)
class Rig:
    """All cameras of a store as arrays, in the order of their ids."""

    camera_ids: tuple[str, ...]
    rotation: Floats  # [cameras, 3, 3] floor_from_camera
    origin_floor_m: Floats  # [cameras, 3]
    pinhole: Floats  # [cameras, 4] focal x, focal y, centre x, centre y
    distortion: Floats  # [cameras, 5] k1 k2 p1 p2 k3
    radius_squared_max: Floats  # [cameras] where the distortion folds back
    size_px: Floats  # [cameras, 2]
    period_ns: Ints  # [cameras]

    @classmethod
    def of(cls, cameras: Sequence[Camera]) -> Rig:
        """The order of `cameras` does not matter."""
        ordered = sorted(cameras, key=lambda camera: camera.camera_id)
        lenses = [camera.lens for camera in ordered]
        count = len(ordered)
        return cls(
            camera_ids=tuple(camera.camera_id for camera in ordered),
            rotation=np.array([c.floor_from_camera.rotation for c in ordered]).reshape(count, 3, 3),
            origin_floor_m=np.array([c.floor_from_camera.translation_m for c in ordered]).reshape(count, 3),
            pinhole=np.array(
                [[o.focal_x_px, o.focal_y_px, o.centre_x_px, o.centre_y_px] for o in lenses]
            ).reshape(count, 4),
            distortion=np.array([o.distortion for o in lenses], float).reshape(count, 5),
            radius_squared_max=np.array([_radius_squared_max(o.distortion) for o in lenses], float),
            size_px=np.array([[o.width_px, o.height_px] for o in lenses], float).reshape(count, 2),
            period_ns=np.array([round(1e9 / max(c.fps, 0.1)) for c in ordered], np.int64),
        )

    def index_of(self) -> dict[str, int]:
        return {camera_id: index for index, camera_id in enumerate(self.camera_ids)}


@dataclass
class Sightings:
    """All people seen in one window of frames; one row each. Frames are in (captured_ns, camera) order."""

    camera: Ints  # [n] row of the rig
    frame: Ints  # [n] which frame of the window; rows of one frame are adjacent
    dt_s: Floats  # [n] capture time minus the window's end
    origin_floor_m: Floats  # [n, 3] of the camera
    rays_floor: Floats  # [n, 17, 3] unit directions
    confidence: Floats  # [n, 17]
    noise_rad: Floats  # [n, 17] standard deviation across the ray
    scores: Floats  # [n]
    appearance: Floats  # [n, features]
    frame_starts: Ints  # [frames + 1]

    def __len__(self) -> int:
        return len(self.camera)


def sightings_of(
    frames: Sequence[CameraDetections], rig: Rig, index_of: dict[str, int], until_ns: int
) -> Sightings:
    """The detections of `frames` (sorted) as rays. A camera's pixels are undistorted in one compiled pass."""
    counts = [len(frame.scores) for frame in frames]
    total = sum(counts)
    starts = np.zeros(len(frames) + 1, np.int64)
    starts[1:] = np.cumsum(counts)
    features = max((frame.appearance.shape[1] for frame in frames if len(frame.scores)), default=0)
    camera = np.repeat(np.array([index_of[f.camera_id] for f in frames], np.int64), counts)
    dt_s = np.repeat(np.array([(f.captured_ns - until_ns) / 1e9 for f in frames]), counts)
    keypoints = np.empty((total, JOINT_COUNT, 3))
    boxes = np.empty((total, 4))
    scores = np.empty(total)
    appearance = np.zeros((total, features))
    for index, frame in enumerate(frames):
        rows = slice(starts[index], starts[index + 1])
        if counts[index]:
            keypoints[rows] = frame.keypoints_image_px
            boxes[rows] = frame.boxes_image_px
            scores[rows] = frame.scores
            appearance[rows, : frame.appearance.shape[1]] = frame.appearance
    _fill_from_boxes(keypoints, boxes, rig.size_px[camera].reshape(total, 2))
    rays = np.empty((total, JOINT_COUNT, 3))
    noise = np.empty((total, JOINT_COUNT))
    _rays_and_noise(
        keypoints, boxes, camera, rig.rotation, rig.pinhole, rig.distortion, rig.radius_squared_max, rays, noise
    )  # fmt: skip
    return Sightings(
        camera=camera,
        frame=np.repeat(np.arange(len(frames)), counts),
        dt_s=dt_s,
        origin_floor_m=rig.origin_floor_m[camera].reshape(total, 3),
        rays_floor=rays,
        confidence=np.clip(keypoints[:, :, 2], 0.0, 1.0),
        noise_rad=noise,
        scores=scores,
        appearance=appearance,
        frame_starts=starts,
    )


def _fill_from_boxes(keypoints: Floats, boxes: Floats, size_px: Floats) -> None:
    """Give people whom a detector found without keypoints those that a standing body has in its box. In place.

    Down the middle of the box only, so that no side is claimed; unsure, so that they are given room to be wrong. What a
    frame's edge cuts off is left out: the box ends there, not the body.
    """
    rows = np.flatnonzero(keypoints[:, :, 2].sum(axis=1) < BOX_ONLY_TRUST_MAX)
    if not len(rows):
        return
    left, top, right, bottom = boxes[rows].T
    is_tall = (bottom - top > 1.5 * (right - left)) & (bottom - top > 12.0)
    is_whole = is_tall & (top > 2.0) & (bottom < size_px[rows, 1] - 3.0)
    is_whole &= (left > 2.0) & (right < size_px[rows, 0] - 3.0)
    for joint, down in BOX_JOINTS:
        keypoints[rows, joint, 0] = (left + right) / 2.0
        keypoints[rows, joint, 1] = top + down * (bottom - top)
        keypoints[rows, joint, 2] = np.where(is_whole, BOX_TRUST, 0.0)


@njit(cache=True)
def _rays_and_noise(
    keypoints, boxes, camera, rotation, pinhole, distortion, radius_squared_max, rays, noise
) -> None:
    """Keypoints [n, 17, 3] to unit rays [n, 17, 3] of the floor frame and their angular noise [n, 17].

    Fixed-point undistortion of Brown's model (1966), as Lens.rays, stopped once a step is below 1e-10.
    """
    for i in range(keypoints.shape[0]):
        c = camera[i]
        fx, fy, cx, cy = pinhole[c, 0], pinhole[c, 1], pinhole[c, 2], pinhole[c, 3]
        k1, k2, p1, p2, k3 = (
            distortion[c, 0], distortion[c, 1], distortion[c, 2], distortion[c, 3], distortion[c, 4],
        )  # fmt: skip
        size_px = math.sqrt(max(1.0, (boxes[i, 2] - boxes[i, 0]) * (boxes[i, 3] - boxes[i, 1])))
        for j in range(keypoints.shape[1]):
            xd = (keypoints[i, j, 0] - cx) / fx
            yd = (keypoints[i, j, 1] - cy) / fy
            x, y = xd, yd
            for _ in range(UNDISTORT_STEPS_MAX):
                r2 = min(x * x + y * y, radius_squared_max[c])
                radial = max(1.0 + r2 * (k1 + r2 * (k2 + r2 * k3)), 0.1)
                nx = (xd - 2 * p1 * x * y - p2 * (r2 + 2 * x * x)) / radial
                ny = (yd - p1 * (r2 + 2 * y * y) - 2 * p2 * x * y) / radial
                moved = abs(nx - x) + abs(ny - y)
                x, y = nx, ny
                if moved < 1e-10:
                    break
            norm = math.sqrt(x * x + y * y + 1.0)
            for k in range(3):
                rays[i, j, k] = (rotation[c, k, 0] * x + rotation[c, k, 1] * y + rotation[c, k, 2]) / norm
            sd_px = math.hypot(KEYPOINT_SD_PX_MIN, KEYPOINT_SD_OF_SIZE[j] * size_px)
            # A network that says it is unsure is: errors grow about as confidence falls.
            sd_px *= min(max((1.02 - keypoints[i, j, 2]) / 0.32, 0.5), 4.0)
            # A pixel away from the axis spans a smaller angle than one on it.
            noise[i, j] = sd_px / fx / norm


@njit(cache=True)
def invert_spd(a, out) -> None:
    """Inverse of a symmetric positive definite matrix [n, n] into `out`, by Cholesky's factors. Destroys `a`."""
    n = a.shape[0]
    for i in range(n):
        for j in range(i + 1):
            total = a[i, j]
            for k in range(j):
                total -= a[i, k] * a[j, k]
            if i == j:
                a[i, i] = math.sqrt(max(total, 1e-12))
            else:
                a[i, j] = total / a[j, j]
    for column in range(n):  # forward, then backward substitution of unit vectors
        for i in range(n):
            total = 1.0 if i == column else 0.0
            for k in range(i):
                total -= a[i, k] * out[k, column]
            out[i, column] = total / a[i, i]
        for i in range(n - 1, -1, -1):
            total = out[i, column]
            for k in range(i + 1, n):
                total -= a[k, i] * out[k, column]
            out[i, column] = total / a[i, i]


@njit(cache=True)
def fuse(
    rows, starts, members, labels, origin, rays, confidence, noise, dt_s, mean, covariance, height_m, height_var,
    bone_m, bone_sd_m, view_weight, joint_weight,
) -> None:  # fmt: skip
    """Update the joints of tracks with all rays assigned to them. In place.

    rows [tracks] rows of the state; members[starts[t] : starts[t + 1]] the sightings of track t; labels [n, 17] the
    joint that a keypoint is (left and right may have been swapped). mean [rows, 17, 6] floor metres and metres a
    second at the window's end, covariance [rows, 17, 6, 6]; height_m and height_var [rows] stature; bones [rows, 8]
    length and its uncertainty.
    Out: view_weight [n] how well a sighting fits (0..1), joint_weight [tracks, 17] the number of rays that agree.
    """
    prior = np.empty((6, 6))
    scratch = np.empty((6, 6))
    inverse = np.empty((6, 6))
    vector = np.empty(6)
    change = np.empty(6)
    normal = np.empty(3)
    for t in range(len(rows)):
        row = rows[t]
        for m in range(starts[t], starts[t + 1]):
            view_weight[members[m]] = 0.0
        for j in range(JOINT_COUNT):
            joint_weight[t, j] = 0.0
            used = 0
            for m in range(starts[t], starts[t + 1]):
                if confidence[members[m], labels[members[m], j]] > 0.05:
                    used += 1
            if used == 0:
                continue
            for a in range(6):
                for b in range(6):
                    scratch[a, b] = covariance[row, j, a, b]
                change[a] = 0.0
            invert_spd(scratch, prior)
            for hardness in HARDENING:
                for a in range(6):
                    vector[a] = 0.0
                    for b in range(6):
                        scratch[a, b] = prior[a, b]
                for m in range(starts[t], starts[t + 1]):
                    i = members[m]
                    k = labels[i, j]
                    trust = confidence[i, k]
                    if trust <= 0.05:
                        continue
                    _add_ray(
                        scratch, vector, mean[row, j], change, origin[i], rays[i, k], noise[i, k], dt_s[i], trust,
                        hardness,
                    )  # fmt: skip
                if used == 1 and STANDING_SD_M[j] > 0.0:
                    _add_height(
                        scratch, vector, mean[row, j, 2], change[2], STANDING_HEIGHTS[j] * height_m[row],
                        math.hypot(STANDING_SD_M[j], STANDING_HEIGHTS[j] * math.sqrt(height_var[row])), hardness,
                    )  # fmt: skip
                bone = _BONE_OF_CHILD[j]
                if bone >= 0:
                    _add_bone(
                        scratch, vector, mean[row, j], change, mean[row, _PARENT_OF_CHILD[j]],
                        covariance[row, _PARENT_OF_CHILD[j]], bone_m[row, bone], bone_sd_m[row, bone], normal,
                    )  # fmt: skip
                invert_spd(scratch, inverse)
                for a in range(6):
                    total = 0.0
                    for b in range(6):
                        total += inverse[a, b] * vector[b]
                    change[a] = total
            for m in range(starts[t], starts[t + 1]):
                i = members[m]
                k = labels[i, j]
                trust = confidence[i, k]
                if trust > 0.05:
                    weight = _weight_of_ray(mean[row, j], change, origin[i], rays[i, k], noise[i, k], dt_s[i])
                    joint_weight[t, j] += trust * weight
                    view_weight[i] += trust * weight
            for a in range(6):
                mean[row, j, a] += change[a]
                for b in range(6):
                    covariance[row, j, a, b] = inverse[a, b]
        for m in range(starts[t], starts[t + 1]):
            i = members[m]
            total = 0.0
            for j in range(JOINT_COUNT):
                if confidence[i, j] > 0.05:
                    total += confidence[i, j]
            view_weight[i] /= max(total, 1e-9)


@njit(cache=True, inline="always")
def _offset(mean, change, origin, ray, dt):
    """Vector from the ray to the point at the ray's time, and the point's range. (ex, ey, ez, range)"""
    wx = mean[0] + change[0] + (mean[3] + change[3]) * dt - origin[0]
    wy = mean[1] + change[1] + (mean[4] + change[4]) * dt - origin[1]
    wz = mean[2] + change[2] + (mean[5] + change[5]) * dt - origin[2]
    along = wx * ray[0] + wy * ray[1] + wz * ray[2]
    return wx - along * ray[0], wy - along * ray[1], wz - along * ray[2], max(along, RANGE_M_MIN)


@njit(cache=True)
def _weight_of_ray(mean, change, origin, ray, noise, dt) -> float:
    ex, ey, ez, along = _offset(mean, change, origin, ray, dt)
    squared = (ex * ex + ey * ey + ez * ez) / (along * noise) ** 2
    return (LOSS_SQUARED / (LOSS_SQUARED + squared)) ** 2


@njit(cache=True)
def _add_ray(information, vector, mean, change, origin, ray, noise, dt, trust, hardness) -> None:
    """Add one ray to the normal equations of `change` (about `mean`), weighted by how well it fits now."""
    ex, ey, ez, along = _offset(mean, change, origin, ray, dt)
    sigma = along * noise
    squared = (ex * ex + ey * ey + ez * ez) / (sigma * sigma)
    scale = LOSS_SQUARED * hardness
    weight = trust * (scale / (scale + squared)) ** 2 / (sigma * sigma)
    # From the point as it was predicted (before `change`) to the ray, across it.
    wx = origin[0] - mean[0] - mean[3] * dt
    wy = origin[1] - mean[1] - mean[4] * dt
    wz = origin[2] - mean[2] - mean[5] * dt
    for a in range(3):
        for b in range(3):
            across = weight * ((1.0 if a == b else 0.0) - ray[a] * ray[b])
            information[a, b] += across
            information[a, b + 3] += across * dt
            information[a + 3, b] += across * dt
            information[a + 3, b + 3] += across * dt * dt
            pull = across * (wx if b == 0 else (wy if b == 1 else wz))
            vector[a] += pull
            vector[a + 3] += pull * dt


@njit(cache=True)
def _add_height(information, vector, mean_z, change_z, height_m, height_sd_m, hardness) -> None:
    """Where one camera sees a joint, the height it has in somebody upright tells how far it is; some crouch."""
    squared = ((mean_z + change_z - height_m) / height_sd_m) ** 2
    scale = LOSS_SQUARED * hardness
    weight = (scale / (scale + squared)) ** 2 / height_sd_m**2
    information[2, 2] += weight
    vector[2] += weight * (height_m - mean_z)


@njit(cache=True)
def _add_bone(
    information, vector, mean, change, parent, parent_covariance, length_m, length_sd_m, normal
) -> None:
    """The child joint lies one bone's length from its parent: where one camera sees it, that tells the depth."""
    distance = 0.0
    for a in range(3):
        normal[a] = mean[a] + change[a] - parent[a]
        distance += normal[a] * normal[a]
    distance = math.sqrt(distance)
    if distance < 0.05:
        return
    variance = length_sd_m * length_sd_m
    for a in range(3):
        normal[a] /= distance
    for a in range(3):
        for b in range(3):
            variance += normal[a] * parent_covariance[a, b] * normal[b]
    missing = length_m
    for a in range(3):
        missing -= normal[a] * (mean[a] - parent[a])
    for a in range(3):
        for b in range(3):
            information[a, b] += normal[a] * normal[b] / variance
        vector[a] += normal[a] * missing / variance


def _radius_squared_max(distortion: tuple[float, float, float, float, float]) -> float:
    """Squared radius past which Brown's radial polynomial folds back; infinite if it does not."""
    k1, k2, _, _, k3 = distortion
    roots = np.roots([7 * k3, 5 * k2, 3 * k1, 1.0])
    real = [float(root.real) for root in roots if abs(root.imag) < 1e-9 and root.real > 0]
    return min(real, default=math.inf)
