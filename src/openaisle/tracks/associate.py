"""Which sighting shows which person, and which sightings together show somebody new.

A sighting fits a track if its rays pass near the joints predicted for the moment of its picture. Within one picture
everybody is seen at most once, so each picture is one assignment problem (Kuhn 1955; shortest augmenting paths as in
Crouse 2016). Sightings that fit nobody are paired across cameras by how near their rays pass each other.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.tracks.skeleton import HEIGHT_LIMITS_M, LOSS_MAX, PAIRS, fit_labels
from openaisle.tracks.triangulate import JOINT_COUNT, RANGE_M_MIN

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TRUST_MIN: Final = 0.15  # keypoints less sure than this say nothing
NEAR_M_MAX: Final = 0.9  # no ray of a sighting passes the body nearer than this: it is somebody else
MODEL_SD_M: Final = 0.035  # bodies are not points on sticks
FIT_GATE: Final = 3.2  # mean loss at which a sighting might as well be somebody else
_OTHER_SIDE: Final = np.arange(JOINT_COUNT)
_OTHER_SIDE[PAIRS[:, 0]] = PAIRS[:, 1]
_OTHER_SIDE[PAIRS[:, 1]] = PAIRS[:, 0]


@njit(cache=True)
def fit_tracks(rows, mean, covariance, origin, rays, confidence, noise, dt_s, benefit, labels) -> None:
    """How well each sighting fits each track.

    rows [tracks] rows of mean [rows, 17, 6] and covariance [rows, 17, 6, 6] at the window's end; sightings [n, ...].
    Out: benefit [tracks, n] above 0 where it may be that person, labels [tracks, n, 17] (see fit_labels).
    """
    loss = np.zeros((JOINT_COUNT, JOINT_COUNT))
    gain = np.zeros(3)
    for t in range(len(rows)):
        row = rows[t]
        for i in range(origin.shape[0]):
            benefit[t, i] = 0.0
            if not _passes_near(mean[row], origin[i], rays[i], confidence[i], dt_s[i]):
                continue
            trusted, spread = 0.0, 0.0
            for j in range(JOINT_COUNT):
                for side in range(2):
                    k = j if side == 0 else _OTHER_SIDE[j]
                    if side == 1 and k == j:
                        continue
                    trust = confidence[i, k]
                    if trust < TRUST_MIN:
                        loss[j, k] = 0.0
                        continue
                    squared_m, along = across(mean[row, j], origin[i], rays[i, k], dt_s[i])
                    variance = (along * noise[i, k]) ** 2 + MODEL_SD_M**2
                    variance += _variance_across(covariance[row, j], rays[i, k], dt_s[i])
                    loss[j, k] = trust * min(squared_m / variance, LOSS_MAX)
                    if side == 0:
                        trusted += trust
                        # A track that could be anywhere fits everything: it pays for its spread.
                        spread += trust * math.log(variance / 0.06**2)
            if trusted <= 0.0:
                continue
            total = fit_labels(loss, gain, labels[t, i])
            mean_loss = 0.5 * (total + max(spread, 0.0)) / trusted
            benefit[t, i] = max(0.0, FIT_GATE - mean_loss) * min(1.0, trusted / 5.0)


@njit(cache=True)
def _passes_near(mean, origin, rays, confidence, dt) -> bool:
    for j in range(JOINT_COUNT):
        if confidence[j] >= TRUST_MIN:
            squared_m, _ = across(mean[j], origin, rays[j], dt)
            if squared_m < NEAR_M_MAX * NEAR_M_MAX:
                return True
    return False


@njit(cache=True)
def across(mean, origin, ray, dt):
    """Squared distance of a joint from a ray at the ray's time, and the range along it."""
    wx = mean[0] + mean[3] * dt - origin[0]
    wy = mean[1] + mean[4] * dt - origin[1]
    wz = mean[2] + mean[5] * dt - origin[2]
    along = wx * ray[0] + wy * ray[1] + wz * ray[2]
    if along < RANGE_M_MIN:
        return 100.0, RANGE_M_MIN  # behind the camera
    return max(0.0, wx * wx + wy * wy + wz * wz - along * along), along


@njit(cache=True)
def _variance_across(covariance, ray, dt) -> float:
    """Variance of a joint's position at dt in one direction across the ray, on average."""
    trace, along = 0.0, 0.0
    for a in range(3):
        for b in range(3):
            value = (
                covariance[a, b]
                + dt * (covariance[a, b + 3] + covariance[a + 3, b])
                + dt * dt * covariance[a + 3, b + 3]
            )
            along += ray[a] * ray[b] * value
            if a == b:
                trace += value
    return max(0.5 * (trace - along), 0.0)


@njit(cache=True)
def assign_frames(benefit, frame_starts, owner) -> None:
    """In each frame, the assignment of sightings to tracks with the largest total benefit.

    benefit [tracks, n] (0: never), frame_starts [frames + 1]; owner [n] out: index of the track, or -1.
    """
    for f in range(len(frame_starts) - 1):
        start, end = frame_starts[f], frame_starts[f + 1]
        if end > start:
            _assign(benefit, start, end, owner)


@njit(cache=True)
def _assign(benefit, start, end, owner) -> None:
    # Rows: the sightings of one frame. Columns: the tracks, then one "nobody" for each sighting.
    tracks = benefit.shape[0]
    n = end - start
    m = tracks + n
    u, v = np.zeros(n + 1), np.zeros(m + 1)
    row_of, way = np.zeros(m + 1, np.int64), np.zeros(m + 1, np.int64)
    for i in range(1, n + 1):
        row_of[0] = i
        column = 0
        shortest = np.full(m + 1, np.inf)
        used = np.zeros(m + 1, np.bool_)
        while True:
            used[column] = True
            row = row_of[column]
            delta, following = np.inf, 0
            for c in range(1, m + 1):
                if used[c]:
                    continue
                if c <= tracks:
                    gained = benefit[c - 1, start + row - 1]
                    cost = -gained if gained > 0.0 else 1e6
                else:
                    cost = 0.0 if c - tracks == row else 1e6
                reduced = cost - u[row] - v[c]
                if reduced < shortest[c]:
                    shortest[c] = reduced
                    way[c] = column
                if shortest[c] < delta:
                    delta, following = shortest[c], c
            for c in range(m + 1):
                if used[c]:
                    u[row_of[c]] += delta
                    v[c] -= delta
                else:
                    shortest[c] -= delta
            column = following
            if row_of[column] == 0:
                break
        while column != 0:
            row_of[column] = row_of[way[column]]
            column = way[column]
    for i in range(start, end):
        owner[i] = -1
    for c in range(1, tracks + 1):
        if row_of[c] > 0 and benefit[c - 1, start + row_of[c] - 1] > 0.0:
            owner[start + row_of[c] - 1] = c - 1


@njit(cache=True)
def pair_sightings(rows, camera, origin, rays, confidence, noise, score, middle_m) -> None:
    """How well two sightings of different cameras show one person.

    rows [m] of the sightings. Out: score [m, m] joints on which their rays meet, less those on which they do not;
    middle_m [m, m, 2] where that person stands. Left and right of the whole body may be swapped between the two.
    """
    for a in range(len(rows)):
        for b in range(len(rows)):
            score[a, b] = 0.0
    for a in range(len(rows)):
        for b in range(a + 1, len(rows)):
            if camera[rows[a]] == camera[rows[b]]:
                continue
            best = 0.0
            for swapped in range(2):
                value, x, y = _meet(rows[a], rows[b], swapped, origin, rays, confidence, noise)
                if value > best:
                    best = value
                    middle_m[a, b, 0], middle_m[a, b, 1] = x, y
                    middle_m[b, a, 0], middle_m[b, a, 1] = x, y
            score[a, b] = best
            score[b, a] = best


@njit(cache=True)
def _meet(p, q, swapped, origin, rays, confidence, noise):
    """(agreeing joints, x, y) of sightings p and q. Closest points of two lines; nearly parallel rays say nothing."""
    value, weights, x, y = 0.0, 0.0, 0.0, 0.0
    ox, oy, oz = origin[q, 0] - origin[p, 0], origin[q, 1] - origin[p, 1], origin[q, 2] - origin[p, 2]
    for j in range(JOINT_COUNT):
        k = _OTHER_SIDE[j] if swapped else j
        trust = min(confidence[p, j], confidence[q, k])
        if trust < 0.25:
            continue
        ax, ay, az = rays[p, j, 0], rays[p, j, 1], rays[p, j, 2]
        bx, by, bz = rays[q, k, 0], rays[q, k, 1], rays[q, k, 2]
        cosine = ax * bx + ay * by + az * bz
        sine2 = 1.0 - cosine * cosine
        if sine2 < 0.03:
            continue
        along_a = ax * ox + ay * oy + az * oz
        along_b = bx * ox + by * oy + bz * oz
        s = (along_a - cosine * along_b) / sine2
        r = (cosine * along_a - along_b) / sine2
        if s < RANGE_M_MIN or r < RANGE_M_MIN:
            value -= trust
            continue
        gx, gy, gz = ox + r * bx - s * ax, oy + r * by - s * ay, oz + r * bz - s * az
        # Their pictures are up to a frame period apart: somebody who walks has moved a little.
        variance = (s * noise[p, j]) ** 2 + (r * noise[q, k]) ** 2 + 0.08**2
        squared = (gx * gx + gy * gy + gz * gz) / variance
        height = origin[p, 2] + s * az + 0.5 * gz
        if height < HEIGHT_LIMITS_M[j, 0] or height > HEIGHT_LIMITS_M[j, 1]:
            value -= trust
            continue
        value += trust * (1.0 - min(squared / 4.0, 2.0))
        if j < 7 or j == 11 or j == 12:
            weights += trust
            x += trust * (origin[p, 0] + s * ax + 0.5 * gx)
            y += trust * (origin[p, 1] + s * ay + 0.5 * gy)
    if weights <= 0.0:
        return 0.0, 0.0, 0.0
    return value, x / weights, y / weights
