"""Our own association of boxes: every pair is weighed as evidence, with one parameter set for all frame rates.

A box is a place and a size, all measured in box heights, so that near and far people and large and small pictures are
one case. A pair's benefit is a log-likelihood ratio: this box of this track (a Kalman filter with random acceleration,
Bar-Shalom, Li & Kirubarajan 2001, errors with heavy tails) against somebody new (Reid 1979). Sure boxes choose first,
doubtful ones may only continue a track (Zhang et al. 2022, ByteTrack). Whether a track is shown decides the evidence
that somebody is there: boxes speak for it, misses against it, and little where somebody nearer covers it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.core.errors import InputError
from openaisle.tracks.assignment import assign
from openaisle.tracks.image_motion import (
    AXES,
    EVIDENCE,
    HITS,
    SCORE,
    UNSEEN_S,
    begin_box,
    correct_box,
    error_variance,
    follow_camera,
    predict_box,
)  # fmt: skip

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class EvidenceSettings:
    """Our strategy. Lengths are in box heights, times in seconds."""

    score_sure: float = 0.6  # boxes from here on choose first
    score_min: float = 0.1  # boxes below say nothing
    score_begin: float = 0.75  # boxes below do not begin a track
    # How far a box strays from whom it shows.
    place_sd: float = 0.077  # its middle across; half again as much up and down
    size_sd: tuple[float, float] = (0.12, 0.107)  # its width and height
    doubt_sd: float = 0.25  # a box of score 0 strays farther by this share
    tail: float = 4.5  # degrees of freedom of those errors (Student's t)
    # How people move.
    agility: float = 0.035  # random acceleration, heights^2/s^3
    growth: float = 0.011  # of sizes, the same
    speed_sd: float = 0.78  # of somebody new, heights/s
    growth_sd: float = 0.27
    speed_fade_s: float = 3.0  # nobody keeps walking unseen for ever
    # Who it is.
    new_density: float = 0.02  # of people who begin, in place and size, heights^-4
    doubtful_density: float = 0.2  # the same where doubtful boxes are concerned
    look_weight: float = 6.0  # of a unit of cosine similarity above 0.7, when appearances are given
    lost_s_max: float = 2.0  # nobody comes back later
    # Whether somebody is there: evidence of a track, in frames.
    begin: float = 1.2  # of a box of score 1; of one of score_begin none
    begin_covered: float = 0.5  # less, where the box lies in one of somebody known
    hit: float = 0.8  # a box adds this times 0.5 + its score
    miss: float = 0.6  # no box takes this away
    miss_covered: float = 0.15  # and this from somebody who is covered
    evidence_min: float = -1.0  # whoever comes back is shown with his second box
    evidence_max: float = 6.0
    shown_from: float = 0.8  # a track is shown from this on
    shown_until: float = 0.75  # and no longer below this
    unseen_s_max: float = 0.13  # a track is shown without a box for no longer
    smoothing: float = 0.72  # share of the filter's box in what is shown; the rest is the detector's
    # Whether the camera moves.
    follow_camera: bool = True
    camera_sd: float = 0.06  # what a track strays from the camera's motion in one frame
    camera_votes: float = 1.0  # tracks more that must say that the camera moved than that it stood
    tracks_max: int = 4096  # no new tracks beyond

    def __post_init__(self) -> None:
        positive = ("place_sd", "tail", "speed_fade_s", "new_density", "doubtful_density", "tracks_max")
        for field in positive:
            if not getattr(self, field) > 0:
                raise InputError("out of range", field=field, expected="above 0", found=getattr(self, field))
        if not 0.0 <= self.score_min <= self.score_sure <= self.score_begin < 1.0:
            found = (self.score_min, self.score_sure, self.score_begin)
            expected = "0 <= score_min <= score_sure <= score_begin < 1"
            raise InputError("out of order", field="score_begin", expected=expected, found=found)


class EvidenceStrategy:
    """Arrays of all tracks, one row a track, in order of their ids."""

    def __init__(self, settings: EvidenceSettings, width_px: float, height_px: float, fps: float) -> None:
        self._size_px = (float(width_px), float(height_px))
        self._dt_s = 1.0 / fps
        self._numbers = _numbers(settings)
        self._count = 0
        self._next_id = 1
        self._tracks = _columns(64, 0)

    def _make_room(self, rows: int, look_size: int) -> None:
        """Appearances may come later than the first tracks."""
        capacity, known_size = self._tracks[4].shape
        if rows <= capacity and look_size == known_size:
            return
        old, self._tracks = self._tracks, _columns(max(rows, 2 * capacity), look_size)
        for column, before in zip(self._tracks, old, strict=True):
            if column.shape[1:] == before.shape[1:]:
                column[: self._count] = before[: self._count]

    def step(self, boxes: Floats, look: Floats | None) -> Floats:
        """See ImageTracker.update; boxes in an order of their own, look of unit length."""
        look = np.zeros((len(boxes), 0)) if look is None else look
        self._make_room(self._count + len(boxes), look.shape[1])
        given = (boxes, look, *self._tracks, self._count, self._next_id, self._dt_s, self._size_px)
        everything: tuple[Any, ...] = (*given, *self._numbers)
        rows, self._count, self._next_id = _step(*everything)
        return rows


def _columns(rows: int, look_size: int) -> tuple[NDArray, ...]:
    """As `_step` takes them, a row a track."""
    return (
        np.zeros((rows, AXES, 2)),  # value and speed, px
        np.zeros((rows, AXES, 3)),  # variance of the value, of both, of the speed; heights
        np.zeros((rows, 4)),  # EVIDENCE, UNSEEN_S, SCORE, HITS
        np.zeros((rows, 2), np.int64),  # id, class
        np.zeros((rows, look_size)),  # unit vectors; zeros while unknown
        np.zeros(rows, np.bool_),  # shown
    )


def _numbers(settings: EvidenceSettings) -> tuple[Any, ...]:
    """The settings as `_step` takes them."""
    groups = (
        (settings.score_sure, settings.score_min, settings.score_begin),
        (settings.place_sd, 1.5 * settings.place_sd, *settings.size_sd, settings.doubt_sd),
        (settings.agility, settings.growth, settings.speed_sd, settings.growth_sd, settings.speed_fade_s),
        (settings.tail, math.log(settings.new_density), math.log(settings.doubtful_density), settings.look_weight),
        (
            settings.begin, settings.hit, settings.miss, settings.miss_covered, settings.evidence_max,
            settings.shown_from, settings.shown_until, settings.begin_covered, settings.evidence_min,
        ),
        (settings.lost_s_max, settings.unseen_s_max, settings.smoothing),
        (settings.camera_sd, settings.camera_votes),
    )  # fmt: skip
    floats = tuple(tuple(float(value) for value in group) for group in groups)
    return (*floats, bool(settings.follow_camera), int(settings.tracks_max))


@njit(cache=True)
def _step(
    boxes, look, state, variance, facts, names, looks, shown, count, next_id, dt, size_px,
    score_limits, errors, motion, ratio, evidence, times, camera, is_carried, tracks_max,
):  # fmt: skip
    n = len(boxes)
    measured = np.empty((n, AXES))
    for j in range(n):
        measured[j, 0] = 0.5 * (boxes[j, 0] + boxes[j, 2])
        measured[j, 1] = 0.5 * (boxes[j, 1] + boxes[j, 3])
        measured[j, 2] = boxes[j, 2] - boxes[j, 0]
        measured[j, 3] = boxes[j, 3] - boxes[j, 1]
    for i in range(count):
        predict_box(state[i], variance[i], dt, motion, facts[i, UNSEEN_S])
        facts[i, UNSEEN_S] += dt
    if is_carried and count > 0:
        follow_camera(count, state, variance, facts, measured, boxes, score_limits[0], dt, size_px, camera)
    track_of = np.full(n, -1, np.int64)
    box_of = np.full(count, -1, np.int64)
    for is_sure in (True, False):
        _associate(
            is_sure, boxes, measured, look, state, variance, facts, names, looks, count,
            score_limits, errors, ratio, dt, track_of, box_of,
        )  # fmt: skip
    for i in range(count):
        j = box_of[i]
        if j >= 0:
            correct_box(state[i], variance[i], measured[j], boxes[j, 4], errors)
            facts[i, EVIDENCE] = min(facts[i, EVIDENCE] + evidence[1] * (0.5 + boxes[j, 4]), evidence[4])
            facts[i, UNSEEN_S], facts[i, SCORE] = 0.0, boxes[j, 4]
            facts[i, HITS] += 1.0
            _remember(looks[i], look[j])
        else:
            covered = _covered(i, count, state, box_of)
            less = evidence[2] + covered * (evidence[3] - evidence[2])
            facts[i, EVIDENCE] = max(facts[i, EVIDENCE] - less, min(facts[i, EVIDENCE], evidence[8]))
        if shown[i]:
            shown[i] = facts[i, EVIDENCE] >= evidence[6]
        else:
            shown[i] = j >= 0 and facts[i, EVIDENCE] >= evidence[5]
    kept = _forget(count, state, variance, facts, names, looks, shown, box_of, times[0], size_px, dt)
    source = box_of[:kept].copy()
    end = kept
    source = np.concatenate((source, np.full(n, -1, np.int64)))
    for j in range(n):
        if track_of[j] < 0 and boxes[j, 4] >= score_limits[2] and end < tracks_max:
            begin_box(state[end], variance[end], measured[j], boxes[j, 4], errors, motion)
            share = (boxes[j, 4] - score_limits[2]) / (1.0 - score_limits[2])
            facts[end, EVIDENCE] = evidence[0] * share - evidence[7] * _inside(j, boxes, track_of)
            facts[end, UNSEEN_S], facts[end, SCORE], facts[end, HITS] = 0.0, boxes[j, 4], 1.0
            names[end, 0], names[end, 1] = next_id, int(boxes[j, 5])
            next_id += 1
            looks[end] = look[j]
            shown[end] = facts[end, EVIDENCE] >= evidence[5]
            source[end] = j
            end += 1
    rows = _rows(end, boxes, state, facts, names, shown, source, times, size_px)
    return rows, end, next_id


@njit(cache=True)
def _associate(
    is_sure, boxes, measured, look, state, variance, facts, names, looks, count,
    score_limits, errors, ratio, dt, track_of, box_of,
) -> None:  # fmt: skip
    n = len(boxes)
    open_boxes, open_count = np.empty(n, np.int64), 0
    noise = np.empty((n, AXES))
    least, most = np.full(AXES, np.inf), np.zeros(AXES)
    for j in range(n):
        if track_of[j] < 0 and (boxes[j, 4] >= score_limits[0]) == is_sure and boxes[j, 4] >= score_limits[1]:
            open_boxes[open_count] = j
            open_count += 1
            for k in range(AXES):
                noise[j, k] = error_variance(k, boxes[j, 4], errors)
                least[k], most[k] = min(least[k], noise[j, k]), max(most[k], noise[j, k])
    starts = np.zeros(count + 1, np.int64)
    if open_count == 0:
        return
    open_boxes = open_boxes[:open_count]
    open_boxes = open_boxes[np.argsort(measured[open_boxes, 0], kind="mergesort")]
    open_x, open_y = measured[open_boxes, 0], measured[open_boxes, 1]
    tallest = np.max(measured[open_boxes, 3])
    room = 8 * (count + n) + 64
    columns, benefits = np.empty(room, np.int64), np.empty(room)
    used = 0
    tail = ratio[0]
    constant = -(ratio[1] if is_sure else ratio[2]) - 0.5 * AXES * math.log(2.0 * math.pi)
    look_size = look.shape[1]
    for i in range(count):
        # Doubtful boxes continue what was seen in the last frame or two.
        if box_of[i] < 0 and (is_sure or facts[i, UNSEEN_S] < 3.5 * dt):
            # A pair farther off than this on one axis has no benefit, whatever the others say.
            volume = 1.0
            for k in range(AXES):
                volume *= variance[i, k, 0] + least[k]
            top = constant - 0.5 * math.log(volume) + (0.3 * ratio[3] if look_size else 0.0)
            if top <= 0.0:
                starts[i + 1] = used
                continue
            spread = tail * (math.exp(2.0 * top / (tail + 1.0)) - 1.0)
            far_x = math.sqrt(spread * (variance[i, 0, 0] + most[0]))
            far_y = math.sqrt(spread * (variance[i, 1, 0] + most[1]))
            x, y = state[i, 0, 0], state[i, 1, 0]
            widest = 0.5 * (state[i, 3, 0] + tallest)
            first = np.searchsorted(open_x, x - far_x * widest)
            last = np.searchsorted(open_x, x + far_x * widest, side="right")
            for m in range(first, last):
                if abs(open_y[m] - y) > far_y * widest:
                    continue
                j = open_boxes[m]
                if boxes[j, 5] != names[i, 1]:
                    continue
                unit = 0.5 * (state[i, 3, 0] + measured[j, 3])
                errors_far, volume = 1.0, 1.0
                for k in range(AXES):
                    total = variance[i, k, 0] + noise[j, k]
                    off = (measured[j, k] - state[i, k, 0]) / unit
                    errors_far *= 1.0 + off * off / (tail * total)
                    volume *= total
                benefit = constant - 0.5 * (tail + 1.0) * math.log(errors_far) - 0.5 * math.log(volume)
                if look_size:
                    benefit += ratio[3] * _alike(looks[i], look[j])
                if benefit > 0.0:
                    if used == len(columns):
                        columns = np.concatenate((columns, np.empty(used, np.int64)))
                        benefits = np.concatenate((benefits, np.empty(used)))
                    columns[used], benefits[used] = j, benefit
                    used += 1
        starts[i + 1] = used
    if used == 0:
        return
    chosen = assign(starts, columns[:used], benefits[:used], n)
    for i in range(count):
        if chosen[i] >= 0:
            box_of[i] = chosen[i]
            track_of[chosen[i]] = i


@njit(cache=True)
def _alike(a, b) -> float:
    """0.3 less the cosine distance; 0 if either is unknown."""
    dot, one, other = 0.0, 0.0, 0.0
    for k in range(len(a)):
        dot += a[k] * b[k]
        one += a[k] * a[k]
        other += b[k] * b[k]
    return dot - 0.7 if one > 0.0 and other > 0.0 else 0.0


@njit(cache=True)
def _remember(known, seen) -> None:
    total = 0.0
    for k in range(len(known)):
        known[k] = 0.9 * known[k] + 0.1 * seen[k]
        total += known[k] * known[k]
    if total > 0.0:
        for k in range(len(known)):
            known[k] /= math.sqrt(total)


@njit(cache=True)
def _covered(i, count, state, box_of) -> float:
    """Share of track i that some nearer track, which was seen, covers. Nearer people stand lower in the picture."""
    x, y, w, h = state[i, 0, 0], state[i, 1, 0], state[i, 2, 0], state[i, 3, 0]
    most = 0.0
    for j in range(count):
        if j == i or box_of[j] < 0 or state[j, 1, 0] + 0.5 * state[j, 3, 0] < y + 0.5 * h:
            continue
        across = min(x + w / 2, state[j, 0, 0] + state[j, 2, 0] / 2) - max(
            x - w / 2, state[j, 0, 0] - state[j, 2, 0] / 2
        )
        down = min(y + h / 2, state[j, 1, 0] + state[j, 3, 0] / 2) - max(
            y - h / 2, state[j, 1, 0] - state[j, 3, 0] / 2
        )
        if across > 0.0 and down > 0.0:
            most = max(most, across * down / (w * h))
    return most


@njit(cache=True)
def _inside(j, boxes, track_of) -> float:
    """Largest share of box j that lies in one box that shows somebody known."""
    most = 0.0
    area = (boxes[j, 2] - boxes[j, 0]) * (boxes[j, 3] - boxes[j, 1])
    for m in range(len(boxes)):
        if track_of[m] >= 0:
            across = min(boxes[j, 2], boxes[m, 2]) - max(boxes[j, 0], boxes[m, 0])
            down = min(boxes[j, 3], boxes[m, 3]) - max(boxes[j, 1], boxes[m, 1])
            if across > 0.0 and down > 0.0:
                most = max(most, across * down / area)
    return most


@njit(cache=True)
def _forget(count, state, variance, facts, names, looks, shown, box_of, lost_s_max, size_px, dt) -> int:
    kept = 0
    for i in range(count):
        x, y = state[i, 0, 0], state[i, 1, 0]
        is_gone = facts[i, UNSEEN_S] > lost_s_max
        if facts[i, UNSEEN_S] > 0.0:
            is_gone |= x < 0.0 or y < 0.0 or x > size_px[0] or y > size_px[1]
            # Somebody seen once or twice was perhaps nobody.
            is_gone |= facts[i, HITS] < 3.0 and facts[i, UNSEEN_S] > facts[i, HITS] * 1.5 * dt
        if is_gone:
            continue
        if kept != i:
            state[kept], variance[kept], facts[kept] = state[i], variance[i], facts[i]
            names[kept], looks[kept], shown[kept] = names[i], looks[i], shown[i]
            box_of[kept] = box_of[i]
        kept += 1
    return kept


@njit(cache=True)
def _rows(end, boxes, state, facts, names, shown, source, times, size_px):
    rows = np.empty((end, 8))
    count = 0
    for i in range(end):
        j = source[i]
        if not shown[i] or (j < 0 and facts[i, UNSEEN_S] > times[1] + 1e-9):
            continue
        for side in range(2):
            for k in range(2):
                edge = state[i, k, 0] + (side - 0.5) * state[i, 2 + k, 0]
                if j >= 0:
                    edge = times[2] * edge + (1.0 - times[2]) * boxes[j, 2 * side + k]
                rows[count, 2 * side + k] = edge
        rows[count, 4], rows[count, 5] = names[i, 0], facts[i, SCORE]
        rows[count, 6], rows[count, 7] = names[i, 1], j
        count += 1
    return rows[:count]
