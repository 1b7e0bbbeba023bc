"""What a box alone says of the body in it: where a standing body that fills the box has its joints.

Head and feet together place somebody far better than feet alone. A body is taken for a stack of rings about an upright
axis; the place and the stature at which its outline, cut off at the picture's edges, fills the box are found by a few
damped Gauss-Newton steps (Levenberg 1944). Each joint of the axis is then read off at the share of the box at which
that outline has it: an edge that something hides spoils the joints beside it, not those at the other end.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.tracks.triangulate import invert_spd

Floats = NDArray[np.float64]

AXIS_JOINTS: Final = np.array([0, 1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16], np.int64)
"""Joints near the body's axis: all but the arms. None of them claims a side."""
AXIS_SHARES: Final = np.array(
    [0.925, 0.94, 0.94, 0.93, 0.93, 0.82, 0.82, 0.53, 0.53, 0.285, 0.285, 0.05, 0.05]
)
"""Their heights in shares of stature."""
BOX_TRUST: Final = 0.5
STEPS_MAX: Final = 6
FITS_MAX: Final = 30.0  # squared normalised misfit past which the box is no standing body's
STATURE_SD_M: Final = 0.12
_RING_SHARES: Final = np.array([0.02, 0.5, 0.8, 0.93, 1.0])  # heights of the outline's rings
_RING_M: Final = np.array([0.16, 0.20, 0.23, 0.11, 0.03])  # their radii
_RING_POINTS: Final = 6
_EDGE_SD: Final = np.array(
    [0.10, 0.05, 0.10, 0.05]
)  # how far left, top, right and bottom stray, in box widths and heights
_EDGE_SD_PX: Final = 2.0
_CUT_PX: Final = 2.0  # an edge this near to the picture's is the picture's


@njit(cache=True)
def stand_in_boxes(
    rows,
    boxes,
    camera,
    rotation,
    origin,
    pinhole,
    distortion,
    radius_squared_max,
    size_px,
    stature_m,
    keypoints,
) -> None:
    """Fill keypoints [n, 17, 3] of `rows` with the joints of a body that stands in its box. In place.

    boxes [n, 4] x1 y1 x2 y2 pixels, camera [n] row of the rig, the rig's arrays, stature_m what to expect.
    Joints out of the picture, and all of a box in which nobody can stand, get confidence 0.
    """
    box = np.empty(4)
    moved = np.empty(4)
    at = np.empty(3)
    trial = np.empty(3)
    residual = np.empty(5)
    slope = np.empty((5, 3))
    normal = np.empty((3, 3))
    inverse = np.empty((3, 3))
    for i in rows:
        c = camera[i]
        lens = (pinhole[c], distortion[c], radius_squared_max[c], size_px[c])
        for j in range(keypoints.shape[1]):
            keypoints[i, j, 2] = 0.0
        wide, tall = boxes[i, 2] - boxes[i, 0], boxes[i, 3] - boxes[i, 1]
        if wide < 4.0 or tall < 8.0 or not _begin(boxes[i], rotation[c], origin[c], lens, stature_m, at):
            continue
        misfit = _misfit(at, boxes[i], rotation[c], origin[c], lens, stature_m, box, residual)
        damping = 1e-3
        for _ in range(STEPS_MAX):
            for p in range(3):
                step = 1e-3 if p < 2 else 1e-2
                for k in range(3):
                    trial[k] = at[k]
                trial[p] += step
                _misfit(trial, boxes[i], rotation[c], origin[c], lens, stature_m, moved, slope[:, p])
                for k in range(5):
                    slope[k, p] = (slope[k, p] - residual[k]) / step
            for a in range(3):
                for b in range(3):
                    normal[a, b] = 0.0
                    for k in range(5):
                        normal[a, b] += slope[k, a] * slope[k, b]
                normal[a, a] *= 1.0 + damping
                normal[a, a] += 1e-9
            invert_spd(normal, inverse)
            for a in range(3):
                trial[a] = at[a]
                for b in range(3):
                    for k in range(5):
                        trial[a] -= inverse[a, b] * slope[k, b] * residual[k]
            trial[1] = min(max(trial[1], at[1] - 0.5), at[1] + 0.5)
            trial[2] = min(max(trial[2], 0.6), 2.4)
            better = _misfit(trial, boxes[i], rotation[c], origin[c], lens, stature_m, moved, slope[:, 0])
            if better < misfit:
                gained = misfit - better
                misfit = better
                for k in range(3):
                    at[k] = trial[k]
                _misfit(at, boxes[i], rotation[c], origin[c], lens, stature_m, box, residual)
                damping *= 0.3
                if gained < 1e-3:
                    break
            else:
                damping *= 10.0
        if misfit > FITS_MAX:
            continue
        _read_off(at, boxes[i], box, rotation[c], origin[c], lens, keypoints[i])


@njit(cache=True)
def _begin(box, rotation, origin, lens, stature_m, at) -> bool:
    """Where the middle of the box meets half the stature: azimuth, logarithm of the distance, stature."""
    pinhole, distortion, limit, _ = lens
    xd = (0.5 * (box[0] + box[2]) - pinhole[2]) / pinhole[0]
    yd = (0.5 * (box[1] + box[3]) - pinhole[3]) / pinhole[1]
    x, y = xd, yd
    for _ in range(8):
        r2 = min(x * x + y * y, limit)
        radial = max(1.0 + r2 * (distortion[0] + r2 * (distortion[1] + r2 * distortion[4])), 0.1)
        x, y = (
            (xd - 2 * distortion[2] * x * y - distortion[3] * (r2 + 2 * x * x)) / radial,
            (yd - distortion[2] * (r2 + 2 * y * y) - 2 * distortion[3] * x * y) / radial,
        )
    dx = rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2]
    dy = rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2]
    dz = rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2]
    drop = origin[2] - 0.5 * stature_m
    if drop <= 0.0 or dz > -1e-3:
        return False
    at[0] = math.atan2(dy, dx)
    at[1] = math.log(max(math.hypot(dx, dy) * drop / -dz, 0.05))
    at[2] = stature_m
    return True


@njit(cache=True)
def _pixel(x, y, z, rotation, origin, lens):
    """(u, v, whether it lies before the camera) of a point of the floor frame, by Brown's model as in Lens.project."""
    pinhole, distortion, limit, _ = lens
    wx, wy, wz = x - origin[0], y - origin[1], z - origin[2]
    ahead = rotation[0, 2] * wx + rotation[1, 2] * wy + rotation[2, 2] * wz
    if ahead < 0.05:
        return 0.0, 0.0, False
    px = (rotation[0, 0] * wx + rotation[1, 0] * wy + rotation[2, 0] * wz) / ahead
    py = (rotation[0, 1] * wx + rotation[1, 1] * wy + rotation[2, 1] * wz) / ahead
    r2 = px * px + py * py
    if r2 > limit:
        shrink = math.sqrt(limit / r2)
        px, py, r2 = px * shrink, py * shrink, limit
    radial = 1.0 + r2 * (distortion[0] + r2 * (distortion[1] + r2 * distortion[4]))
    u = px * radial + 2 * distortion[2] * px * py + distortion[3] * (r2 + 2 * px * px)
    v = py * radial + distortion[2] * (r2 + 2 * py * py) + 2 * distortion[3] * px * py
    return u * pinhole[0] + pinhole[2], v * pinhole[1] + pinhole[3], True


@njit(cache=True)
def _misfit(at, box, rotation, origin, lens, stature_m, outline, residual) -> float:
    """Squared normalised misfit of the body at (azimuth, log distance, stature). Out: its outline's box, residuals."""
    width, height = lens[3][0], lens[3][1]
    reach = math.exp(at[1])
    x, y = origin[0] + reach * math.cos(at[0]), origin[1] + reach * math.sin(at[0])
    outline[0], outline[1], outline[2], outline[3] = 1e9, 1e9, -1e9, -1e9
    for ring in range(len(_RING_M)):
        for k in range(_RING_POINTS):
            angle = at[0] + 2.0 * math.pi * k / _RING_POINTS
            u, v, is_ahead = _pixel(
                x + _RING_M[ring] * math.cos(angle), y + _RING_M[ring] * math.sin(angle),
                _RING_SHARES[ring] * at[2], rotation, origin, lens,
            )  # fmt: skip
            if is_ahead:
                outline[0], outline[1] = min(outline[0], u), min(outline[1], v)
                outline[2], outline[3] = max(outline[2], u), max(outline[3], v)
    if outline[2] < outline[0]:
        for k in range(5):
            residual[k] = 1e3
        return 5e6
    outline[0], outline[1] = max(outline[0], 0.0), max(outline[1], 0.0)
    outline[2], outline[3] = min(outline[2], width - 1.0), min(outline[3], height - 1.0)
    total = 0.0
    tall = box[3] - box[1]
    # Seen edge-on people are half as wide as the rings.
    wide = max(box[2] - box[0], 0.5 * tall)
    for k in range(4):
        size = wide if k % 2 == 0 else tall
        residual[k] = (outline[k] - box[k]) / math.hypot(_EDGE_SD[k] * size, _EDGE_SD_PX)
        total += residual[k] ** 2
    residual[4] = (at[2] - stature_m) / STATURE_SD_M
    return total + residual[4] ** 2


@njit(cache=True)
def _read_off(at, box, outline, rotation, origin, lens, keypoints) -> None:
    width, height = lens[3][0], lens[3][1]
    reach = math.exp(at[1])
    x, y = origin[0] + reach * math.cos(at[0]), origin[1] + reach * math.sin(at[0])
    across = (box[2] - box[0]) / max(outline[2] - outline[0], 1.0)
    down = (box[3] - box[1]) / max(outline[3] - outline[1], 1.0)
    for k in range(len(AXIS_JOINTS)):
        u, v, is_ahead = _pixel(x, y, AXIS_SHARES[k] * at[2], rotation, origin, lens)
        is_inside = -_CUT_PX <= u < width + _CUT_PX and -_CUT_PX <= v < height + _CUT_PX
        if is_ahead and is_inside:
            j = AXIS_JOINTS[k]
            keypoints[j, 0] = box[0] + (u - outline[0]) * across
            keypoints[j, 1] = box[1] + (v - outline[1]) * down
            keypoints[j, 2] = BOX_TRUST
