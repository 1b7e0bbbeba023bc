"""Rigid transforms, pinhole cameras with lens distortion, and rays on the floor.

Frames are said in names: `floor_from_camera` takes camera coordinates to floor coordinates, so transforms read
target-from-source and cancel. Floor frame: metres, x east, y north, z up. Camera frame (OpenCV's): x right, y down,
z along the optical axis. Gondola frame: x right along the front as the shopper sees it, y away from the shopper,
z up, origin at the front left bottom corner.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Transform:
    """A rotation and a translation: `target = rotation @ source + translation_m`."""

    rotation: Floats  # [3, 3]
    translation_m: Floats  # [3]

    def apply(self, points_m: Floats) -> Floats:
        """Points [..., 3] in the source frame, in metres, to the target frame."""
        return points_m @ self.rotation.T + self.translation_m

    def inverse(self) -> Transform:
        """source_from_target."""
        return Transform(self.rotation.T, -self.rotation.T @ self.translation_m)

    def __matmul__(self, other: Transform) -> Transform:
        """a_from_b @ b_from_c = a_from_c."""
        return Transform(self.rotation @ other.rotation, self.apply(other.translation_m))


def floor_from_gondola(origin_floor_m: tuple[float, float], heading_deg: float) -> Transform:
    """The gondola's front runs along `heading_deg` (0 = east, counter-clockwise), seen left to right."""
    angle = math.radians(heading_deg)
    cos, sin = math.cos(angle), math.sin(angle)
    rotation = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    return Transform(rotation, np.array([*origin_floor_m, 0.0]))


def floor_from_camera(
    position_floor_m: tuple[float, float, float], pan_deg: float, tilt_deg: float, roll_deg: float
) -> Transform:
    """Pose of a camera on the ceiling.

    Pan: the direction it looks in, 0 = east, counter-clockwise. Tilt: degrees below the horizon (90 looks straight
    down). Roll: clockwise about the optical axis as seen from behind the camera.
    """
    pan, tilt, roll = math.radians(pan_deg), math.radians(tilt_deg), math.radians(roll_deg)
    forward = np.array([math.cos(pan) * math.cos(tilt), math.sin(pan) * math.cos(tilt), -math.sin(tilt)])
    right_level = np.array([math.sin(pan), -math.cos(pan), 0.0])
    down_level = np.cross(forward, right_level)
    right = math.cos(roll) * right_level + math.sin(roll) * down_level
    down = np.cross(forward, right)
    return Transform(np.stack([right, down, forward], axis=1), np.array(position_floor_m))


@dataclass(frozen=True)
class Lens:
    """Pinhole intrinsics with radial-tangential distortion (Brown 1966; OpenCV's k1, k2, p1, p2, k3)."""

    width_px: int
    height_px: int
    focal_x_px: float
    focal_y_px: float
    centre_x_px: float
    centre_y_px: float
    distortion: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)

    @cached_property
    def matrix(self) -> Floats:
        """Camera matrix [3, 3]."""
        return np.array(
            [
                [self.focal_x_px, 0.0, self.centre_x_px],
                [0.0, self.focal_y_px, self.centre_y_px],
                [0.0, 0.0, 1.0],
            ]
        )

    @cached_property
    def _radius_squared_max(self) -> float:
        # Past the first turning point of r(1 + k1 r^2 + k2 r^4 + k3 r^6) the polynomial folds back: points far
        # outside the view would be drawn inside it. They are clamped to that radius instead.
        k1, k2, _, _, k3 = self.distortion
        roots = np.roots([7 * k3, 5 * k2, 3 * k1, 1.0])
        real = [float(root.real) for root in roots if abs(root.imag) < 1e-9 and root.real > 0]
        return min(real, default=math.inf)

    def scaled(self, width_px: int, height_px: int) -> Lens:
        """The same lens on a stream of another resolution (substream or main stream)."""
        sx, sy = width_px / self.width_px, height_px / self.height_px
        return Lens(
            width_px,
            height_px,
            self.focal_x_px * sx,
            self.focal_y_px * sy,
            # A pixel's centre is at its integer coordinate, so the scale acts about the corner (-0.5, -0.5).
            (self.centre_x_px + 0.5) * sx - 0.5,
            (self.centre_y_px + 0.5) * sy - 0.5,
            self.distortion,
        )

    def project(self, points_camera_m: Floats) -> Floats:
        """Points [..., 3] in the camera frame to pixels [..., 2]; NaN for points behind the camera."""
        z = points_camera_m[..., 2]
        safe_z = np.where(z > 1e-6, z, np.nan)
        x, y = points_camera_m[..., 0] / safe_z, points_camera_m[..., 1] / safe_z
        k1, k2, p1, p2, k3 = self.distortion
        r2 = x * x + y * y
        if self._radius_squared_max < math.inf:
            shrink = np.sqrt(np.minimum(1.0, self._radius_squared_max / np.maximum(r2, 1e-12)))
            x, y = x * shrink, y * shrink
            r2 = x * x + y * y
        radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
        xd = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
        yd = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
        u = self.focal_x_px * xd + self.centre_x_px
        v = self.focal_y_px * yd + self.centre_y_px
        return np.stack([u, v], axis=-1)

    def rays(self, points_image_px: Floats, iterations: int = 12) -> Floats:
        """Pixels [..., 2] to directions [..., 3] in the camera frame with z = 1 (fixed-point undistortion)."""
        xd = (points_image_px[..., 0] - self.centre_x_px) / self.focal_x_px
        yd = (points_image_px[..., 1] - self.centre_y_px) / self.focal_y_px
        k1, k2, p1, p2, k3 = self.distortion
        x, y = xd, yd
        for _ in range(iterations):
            r2 = np.minimum(x * x + y * y, self._radius_squared_max)
            radial = np.maximum(1.0 + r2 * (k1 + r2 * (k2 + r2 * k3)), 0.1)
            dx = 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
            dy = p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
            x, y = (xd - dx) / radial, (yd - dy) / radial
        return np.stack([x, y, np.ones_like(x)], axis=-1)


def points_on_plane(
    floor_from_cam: Transform, rays_camera: Floats, plane_height_m: float | Floats = 0.0
) -> Floats:
    """Where rays [..., 3] of the camera frame meet a horizontal plane: [..., 2] floor metres, NaN if never."""
    directions = rays_camera @ floor_from_cam.rotation.T
    drop = plane_height_m - floor_from_cam.translation_m[2]
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = drop / directions[..., 2]
    scale = np.where(scale > 0, scale, np.nan)
    return floor_from_cam.translation_m[:2] + directions[..., :2] * scale[..., None]
