"""What sightings do to bodies: who fits, and where their rays put every joint.

`owner` [n] is, for each sighting of a window, the index into `rows` of the body it shows, or -1. Bodies change
in place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.tracks.associate import assign_frames, fit_tracks
from openaisle.tracks.motion import follow_joints
from openaisle.tracks.people import Bodies
from openaisle.tracks.sightings import Sightings
from openaisle.tracks.skeleton import PAIRS, STATURE_M, STATURE_SD_M, TEMPLATE, learn_bones, side_vote
from openaisle.tracks.triangulate import JOINT_COUNT, fuse

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

VIEW_FITS: Final = 0.22  # of its rays' weight; a sighting that fits less was given to the wrong person
JOINT_SEEN: Final = 0.15  # weight of all rays of a joint at which it counts as seen
# How far a sharp turn leads astray: metres, metres a second.
_SURPRISE: Final = np.diag([0.2**2] * 3 + [1.5**2] * 3)


def fit(bodies: Bodies, rows: Ints, sightings: Sightings) -> tuple[Floats, Ints]:
    """benefit [rows, n] above 0 where a sighting may show a body, and labels [rows, n, 17] (see fit_labels)."""
    count = len(sightings)
    benefit = np.zeros((len(rows), count))
    labels = np.zeros((len(rows), count, JOINT_COUNT), np.int64)
    fit_tracks(
        rows, bodies.mean, bodies.covariance, sightings.origin_floor_m, sightings.rays_floor,
        sightings.confidence, sightings.noise_rad, sightings.dt_s, benefit, labels,
    )  # fmt: skip
    return benefit, labels


def take_in(bodies: Bodies, rows: Ints, sightings: Sightings, owner: Ints, labels: Ints) -> Floats:
    """Update joints, foot points and bones with the sightings that bodies own, read by labels [rows, n, 17].

    Sightings that turn out not to fit their body are taken from it (`owner` becomes -1). Returns how well each fits
    [n], 0 to 1.
    """
    chosen = labels[np.maximum(owner, 0), np.arange(len(owner))]
    order = np.argsort(owner, kind="stable")
    members = order[owner[order] >= 0]
    starts = np.searchsorted(owner[members], np.arange(len(rows) + 1))
    weights = np.zeros(len(sightings))
    joint_weight = np.zeros((len(rows), JOINT_COUNT))
    fuse(
        rows, starts, members, chosen, sightings.origin_floor_m, sightings.rays_floor, sightings.confidence,
        sightings.noise_rad, sightings.dt_s, bodies.mean, bodies.covariance, bodies.height_m,
        bodies.height_var, bodies.bone_m, bodies.bone_sd_m, bodies.mirrored, bodies.placed, weights,
        joint_weight,
    )  # fmt: skip
    bodies.unseen_s[rows] = np.where(joint_weight > JOINT_SEEN, 0.0, bodies.unseen_s[rows])
    bodies.trust[rows] += 0.5 * (joint_weight - bodies.trust[rows])
    follow_joints(
        rows, bodies.mean, bodies.covariance, bodies.unseen_s, bodies.root, bodies.root_var, bodies.height_m,
        bodies.height_var,
    )  # fmt: skip
    learn_bones(
        rows,
        bodies.mean,
        bodies.covariance,
        bodies.height_m,
        bodies.bone_m,
        bodies.bone_sd_m,
        bodies.bone_seen,
    )
    for row in rows.tolist():
        _judge_sides(bodies, row)
    owner[weights < VIEW_FITS] = -1
    return weights


def look_again(
    bodies: Bodies,
    missed: Ints,
    sightings: Sightings,
    owner: Ints,
    rows: Ints,
    prefer: Callable[[Ints, Sightings, Floats], Floats] | None = None,
) -> Floats:
    """Who is seen by nobody may have turned sharply: look for them farther about, among the sightings left over.

    missed: indices into rows; `prefer` weighs benefits by more than place. Whoever is not found stays as they were.
    Returns how well each sighting that was found fits [n].
    """
    left = owner < 0
    if not len(missed) or not left.any():
        return np.zeros(len(sightings))
    again = rows[missed]
    before = [bodies.copy_row(row) for row in again.tolist()]
    bodies.covariance[again] += _SURPRISE
    benefit, labels = fit(bodies, again, sightings)
    benefit[:, ~left] = 0.0
    if prefer:
        benefit = prefer(again, sightings, benefit)
    found = np.full(len(sightings), -1, np.int64)
    assign_frames(benefit, sightings.frame_starts, found)
    fits = take_in(bodies, again, sightings, found, labels)
    is_found = np.bincount(found[found >= 0], minlength=len(again)) > 0
    for index in np.flatnonzero(~is_found).tolist():
        bodies.restore_row(int(again[index]), before[index])
    owner[found >= 0] = missed[found[found >= 0]]
    return np.where(found >= 0, fits, 0.0)


def seed_from(
    bodies: Bodies,
    row: int,
    sightings: Sightings,
    among: Ints,
    first: int,
    place: tuple[float, float],
    stature_m: float,
) -> Ints:
    """Put a body at a place, give it one sighting and then all of `among` that fit it; which those are."""
    rows = np.array([row])
    bodies.seed(row, place, 0.1, stature_m)
    owner = np.full(len(sightings), -1, np.int64)
    owner[first] = 0
    take_in(bodies, rows, sightings, owner, as_they_are(sightings))
    benefit, labels = fit(bodies, rows, sightings)
    is_among = np.zeros(len(sightings), bool)
    is_among[among] = True
    benefit[:, ~is_among] = 0.0
    owner[:] = -1
    assign_frames(benefit, sightings.frame_starts, owner)
    bodies.seed(row, place, 0.1, stature_m)
    take_in(bodies, rows, sightings, owner, labels)
    return np.flatnonzero(owner == 0)


def as_they_are(sightings: Sightings) -> Ints:
    """Labels [1, n, 17] that take every keypoint for the joint it says it is."""
    return np.tile(np.arange(JOINT_COUNT), (1, len(sightings), 1))


def place_single(sightings: Sightings, index: int) -> tuple[float, float, float]:
    """(x, y, standard deviation) of somebody of usual stature whom one camera sees. NaN if no ray meets its height."""
    origin, rays = sightings.origin_floor_m[index], sightings.rays_floor[index]
    trust = np.where(sightings.confidence[index] >= 0.25, sightings.confidence[index], 0.0)
    height = TEMPLATE[:, 2] * STATURE_M
    height_sd = np.where(TEMPLATE[:, 2] < 0.1, 0.05, TEMPLATE[:, 2] * STATURE_SD_M)
    height_sd[7:11] = 0.3  # arms may be anywhere
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = (height - origin[2]) / rays[:, 2]
        slope = np.hypot(rays[:, 0], rays[:, 1]) / np.abs(rays[:, 2])
    usable = (scale > 0.2) & (scale < 30.0) & (trust > 0)
    if not usable.any():
        return math.nan, math.nan, math.nan
    points = origin[:2] + rays[usable, :2] * scale[usable, None]
    variance = (height_sd[usable] * slope[usable]) ** 2 + 0.1**2
    weight = trust[usable] / variance
    x, y = (weight[:, None] * points).sum(axis=0) / weight.sum()
    return float(x), float(y), math.sqrt(float(variance.min()))


def _judge_sides(bodies: Bodies, row: int) -> None:
    """Turn a body round whose nose has long pointed backwards."""
    if bodies.unseen_s[row, [0, 5, 6]].any() or bodies.unseen_s[row, 3:5].all():
        return
    vote = side_vote(row, bodies.mean)
    if abs(vote) > 0.5:  # Heads turn, but seldom so far.
        bodies.mistaken_sides[row] = min(max(bodies.mistaken_sides[row] - vote, -6.0), 6.0)
    if bodies.mistaken_sides[row] >= 5.0:
        bodies.swap_sides(row, PAIRS)
