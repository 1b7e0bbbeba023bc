"""What a lens sees: field of view with distortion, and whether the distortion folds back inside the picture."""

from __future__ import annotations

import math

import numpy as np

from openaisle.core.geometry import Floats, Lens

Radial = tuple[float, float, float]  # k1, k2, k3


def focal_for_fov_px(width_px: int, horizontal_fov_deg: float, radial: Radial) -> float:
    """Focal length of a lens seeing `horizontal_fov_deg` from its left to its right edge, distortion included.

    Not above 0 if the distortion folds the picture before that.
    """
    r = math.tan(math.radians(horizontal_fov_deg) / 2)
    if r >= turning_radius(radial):
        return 0.0
    return (width_px / 2) / _distorted(r, radial)


def horizontal_fov_deg(lens: Lens) -> float:
    """True angle between the rays of the left and the right edge, at the height of the lens's centre.

    Tangential distortion, some hundredths of a degree, is left out.
    """
    k1, k2, _, _, k3 = lens.distortion
    left = (lens.centre_x_px + 0.5) / lens.focal_x_px
    right = (lens.width_px - 0.5 - lens.centre_x_px) / lens.focal_x_px
    return sum(math.degrees(math.atan(_undistorted(side, (k1, k2, k3)))) for side in (left, right))


def turning_radius(radial: Radial) -> float:
    """Where r(1 + k1 r^2 + k2 r^4 + k3 r^6) stops growing; infinite if it never does. In units of the focal length."""
    k1, k2, k3 = (0.0 if abs(k) < 1e-12 else k for k in radial)  # np.roots cannot take the tiniest numbers
    roots = np.roots([7 * k3, 5 * k2, 3 * k1, 1.0])
    real = [float(root.real) for root in roots if abs(root.imag) < 1e-9 and root.real > 0]
    return math.sqrt(min(real, default=math.inf))


def folds_inside_picture(lens: Lens) -> bool:
    """Whether some corner of the picture lies beyond where the distortion turns: no ray leads there."""
    k1, k2, _, _, k3 = lens.distortion
    r = turning_radius((k1, k2, k3))
    return math.isfinite(r) and _corner_radius(lens) >= _distorted(r, (k1, k2, k3))


def undistortion_error_px(lens: Lens) -> float:
    """Largest distance, over the picture's border, between a pixel and its ray projected back."""
    border_px = border_points_px(lens, 9)
    return float(np.nanmax(np.linalg.norm(lens.project(lens.rays(border_px)) - border_px, axis=1)))


def border_points_px(lens: Lens, per_side: int) -> Floats:
    """Points [4 * per_side, 2] around the picture's border, clockwise from its top left corner."""
    right, bottom = lens.width_px - 0.5, lens.height_px - 0.5
    corners = np.array([[-0.5, -0.5], [right, -0.5], [right, bottom], [-0.5, bottom]])
    share = np.linspace(0.0, 1.0, per_side, endpoint=False)[None, :, None]
    following = np.roll(corners, -1, axis=0)
    return (corners[:, None] * (1 - share) + following[:, None] * share).reshape(-1, 2)


def _corner_radius(lens: Lens) -> float:
    x = max(lens.centre_x_px + 0.5, lens.width_px - 0.5 - lens.centre_x_px) / lens.focal_x_px
    y = max(lens.centre_y_px + 0.5, lens.height_px - 0.5 - lens.centre_y_px) / lens.focal_y_px
    return math.hypot(x, y)


def _distorted(r: float, radial: Radial) -> float:
    k1, k2, k3 = radial
    return r * (1 + k1 * r**2 + k2 * r**4 + k3 * r**6)


def _undistorted(distorted: float, radial: Radial) -> float:
    """The radius that the distortion takes to `distorted`, by bisection; at most the turning radius."""
    low, high = 0.0, 1.0
    limit = min(turning_radius(radial), 1e6)
    while _distorted(high, radial) < distorted and high < limit:
        high = min(2 * high, limit)
    for _ in range(60):
        middle = (low + high) / 2
        if _distorted(middle, radial) < distorted:
            low = middle
        else:
            high = middle
    return (low + high) / 2
