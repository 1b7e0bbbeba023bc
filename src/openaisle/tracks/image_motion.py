"""How a box moves from frame to frame, and how the camera does. For EvidenceStrategy, inside its compiled step.

A box is four values: its middle x and y, width, height. Each is a Kalman filter of its own with random acceleration
(Bar-Shalom, Li & Kirubarajan 2001, section 6.2.2): values and speeds in px, variances in box heights, so that a height
is the unit at all ranges.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

AXES: Final = 4
EVIDENCE, UNSEEN_S, SCORE, HITS = range(4)
"""Columns of what is known of a track besides its box."""
VOTERS_MAX: Final = 24  # tracks that say how the camera moved
VOTES_MAX: Final = 128
VOTE_REACH: Final = 0.08  # of the picture's width, in one frame
VOTE_HITS_MIN: Final = 3.0


@njit(cache=True)
def predict_box(state, variance, dt, motion, unseen_s) -> None:
    """One frame of dt seconds on. Sizes, and whoever is not seen, lose their speed."""
    keep = math.exp(-dt / motion[4])
    for k in range(AXES):
        fade = keep if (unseen_s > 0.0 or k >= 2) else 1.0
        agility = motion[0] if k < 2 else motion[1]
        reach = dt if fade == 1.0 else motion[4] * (1.0 - fade)
        moved = state[k, 0] + reach * state[k, 1]
        state[k, 0] = moved if k < 2 else max(moved, 0.5 * state[k, 0])
        state[k, 1] *= fade
        pp, pv, vv = variance[k, 0], variance[k, 1], variance[k, 2]
        variance[k, 0] = pp + 2.0 * reach * pv + reach * reach * vv + agility * dt**3 / 3.0
        variance[k, 1] = fade * (pv + reach * vv) + 0.5 * agility * dt * dt
        variance[k, 2] = fade * fade * vv + agility * dt


@njit(cache=True)
def error_variance(k, score, errors) -> float:
    sd = errors[k] * (1.0 + errors[4] * (1.0 - score))
    return sd * sd


@njit(cache=True)
def correct_box(state, variance, measured, score, errors) -> None:
    height = state[3, 0]
    for k in range(AXES):
        noise = error_variance(k, score, errors)
        pp, pv, vv = variance[k, 0], variance[k, 1], variance[k, 2]
        total = pp + noise
        gain, speed_gain = pp / total, pv / total
        off = measured[k] - state[k, 0]
        corrected = state[k, 0] + gain * off
        state[k, 0] = corrected if k < 2 else max(corrected, 0.5 * state[k, 0])
        state[k, 1] += speed_gain * off
        variance[k, 0] = (1.0 - gain) * pp
        variance[k, 1] = (1.0 - gain) * pv
        variance[k, 2] = vv - speed_gain * pv
    # Variances are in heights, and the height has changed.
    scale = (height / state[3, 0]) ** 2
    for k in range(AXES):
        for m in range(3):
            variance[k, m] *= min(max(scale, 0.5), 2.0)


@njit(cache=True)
def begin_box(state, variance, measured, score, errors, motion) -> None:
    for k in range(AXES):
        state[k, 0], state[k, 1] = measured[k], 0.0
        variance[k, 0] = error_variance(k, score, errors)
        variance[k, 1] = 0.0
        variance[k, 2] = motion[2] ** 2 if k < 2 else motion[3] ** 2


@njit(cache=True)
def follow_camera(count, state, variance, facts, measured, boxes, score_sure, dt, size_px, camera) -> None:
    """Shift all tracks by what most of them are off by in common: the camera was shaken or turned."""
    camera_sd, camera_votes = camera
    offs = np.empty((VOTES_MAX, 3))
    used = 0
    steady = 0
    for i in range(count):
        steady += facts[i, HITS] >= VOTE_HITS_MIN and facts[i, UNSEEN_S] <= 1.5 * dt
    stride = 1 + steady // VOTERS_MAX
    reach = VOTE_REACH * size_px[0]
    steady = 0
    for i in range(count):
        if facts[i, HITS] < VOTE_HITS_MIN or facts[i, UNSEEN_S] > 1.5 * dt:
            continue
        steady += 1
        if steady % stride:
            continue
        for j in range(len(measured)):
            dx, dy = measured[j, 0] - state[i, 0, 0], measured[j, 1] - state[i, 1, 0]
            if abs(dx) > reach or abs(dy) > reach or boxes[j, 4] < score_sure or used == VOTES_MAX:
                continue
            ratio = measured[j, 3] / state[i, 3, 0]
            if ratio < 0.8 or ratio > 1.25:
                continue
            offs[used, 0], offs[used, 1], offs[used, 2] = dx, dy, camera_sd * state[i, 3, 0]
            used += 1
    if used < 3:
        return
    best, bx, by, still = 0.0, 0.0, 0.0, 0.0
    for a in range(-1, used):
        x = 0.0 if a < 0 else offs[a, 0]
        y = 0.0 if a < 0 else offs[a, 1]
        votes, wx, wy = 0.0, 0.0, 0.0
        for b in range(used):
            squared = ((offs[b, 0] - x) ** 2 + (offs[b, 1] - y) ** 2) / offs[b, 2] ** 2
            if squared < 9.0:
                vote = 1.0 - squared / 9.0
                votes += vote
                wx += vote * offs[b, 0]
                wy += vote * offs[b, 1]
        if a < 0:
            still = votes
        elif votes > best:
            best, bx, by = votes, wx / votes, wy / votes
    if best < still + camera_votes or best < 2.0:
        return
    for i in range(count):
        state[i, 0, 0] += bx
        state[i, 1, 0] += by
