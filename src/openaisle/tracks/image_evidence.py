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
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.tracks.assignment import assign

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

AXES: Final = 4
"""Of a box: its middle x and y, width, height."""


VOTERS_MAX: Final = 24  # tracks that say how the camera moved
VOTES_MAX: Final = 128
VOTE_REACH: Final = 0.08  # of the picture's width, in one frame


@dataclass(frozen=True, kw_only=True)
class EvidenceSettings:
    """Our strategy. Lengths are in box heights, times in seconds."""

    score_sure: float = 0.6  # boxes from here on choose first and may begin a track
    score_min: float = 0.10  # boxes below say nothing
    place_sd: float = 0.077  # of a box's middle across; half again as much up and down
    size_sd: tuple[float, float] = (0.12, 0.107)  # of its width and height
    doubt_sd: float = 0.25  # errors of a box of score 0 are larger by this factor, added to 1
    agility: float = 0.035  # random acceleration, heights^2/s^3
    growth: float = 0.011  # of sizes, the same
    speed_sd: float = 0.78  # of somebody new
    growth_sd: float = 0.27
    speed_fade_s: float = 3.0  # nobody keeps walking unseen for ever
    tail: float = 4.5  # degrees of freedom of the errors
    new_density: float = 0.02  # of people who begin, in place and size, heights^-4
    doubtful_density: float = 0.2  # the same where doubtful boxes are concerned
    look_weight: float = 6.0  # of one unit of cosine distance, when appearances are given
    lost_s_max: float = 2.0
    score_begin: float = 0.75
    begin_covered: float = 0.5
    begin: float = 1.2  # evidence of a new track: this times (score - score_sure) / (1 - score_sure)
    hit: float = 0.8
    miss: float = 0.6
    miss_covered: float = 0.15
    evidence_max: float = 6.0
    shown_from: float = 0.8  # evidence from which a track is shown
    shown_until: float = 0.75  # and until which
    unseen_s_max: float = 0.13  # a track is shown without a box for no longer
    smoothing: float = 0.72  # share of the filter's box in what is shown
    follow_camera: bool = True
    camera_sd: float = 0.06  # of what a track strays from the camera's motion in one frame
    camera_votes: float = 1.0  # more tracks must say that the camera moved than that it stood
    tracks_max: int = 4096


class EvidenceStrategy:
    """Arrays of all tracks, one row a track, in order of their ids."""

    def __init__(self, settings: EvidenceSettings, width_px: float, height_px: float, fps: float) -> None:
        self._size_px = (float(width_px), float(height_px))
        self._dt_s = 1.0 / fps
        self._numbers = _numbers(settings)
        self._count = 0
        self._next_id = 1
        self._grow(64, 0)

    def _grow(self, rows: int, look_size: int) -> None:
        def more(old: NDArray | None, shape: tuple[int, ...], kind: type) -> NDArray:
            new = np.zeros(shape, kind)
            if old is not None and old.shape[1:] == shape[1:]:
                new[: self._count] = old[: self._count]
            return new

        old = getattr(self, "_tracks", (None,) * 6)
        self._tracks = (
            more(old[0], (rows, AXES, 2), np.float64),  # value and speed, px
            more(old[1], (rows, AXES, 3), np.float64),  # their variances and covariance, heights
            more(old[2], (rows, 4), np.float64),  # see _FACTS
            more(old[3], (rows, 2), np.int64),  # id, class
            more(old[4], (rows, look_size), np.float64),  # unit vectors; 0 while unknown
            more(old[5], (rows,), np.bool_),  # shown
        )

    def step(self, boxes: Floats, look: Floats | None) -> Floats:
        """See ImageTracker.update; boxes in an order of their own, look of unit length."""
        look_size = 0 if look is None else look.shape[1]
        capacity = len(self._tracks[0])
        needed = self._count + len(boxes)
        if needed > capacity or look_size != self._tracks[4].shape[1]:
            self._grow(max(2 * capacity if needed > capacity else capacity, needed), look_size)
        look = np.zeros((len(boxes), 0)) if look is None else look
        rows, self._count, self._next_id = _step(
            boxes, look, *self._tracks, self._count, self._next_id, self._dt_s, self._size_px, *self._numbers
        )
        return rows


def _numbers(settings: EvidenceSettings) -> tuple[tuple[float, ...] | bool | int, ...]:
    """The settings as `_step` takes them."""
    groups = (
        (settings.score_sure, settings.score_min, settings.score_begin),
        (settings.place_sd, 1.5 * settings.place_sd, *settings.size_sd, settings.doubt_sd),
        (settings.agility, settings.growth, settings.speed_sd, settings.growth_sd, settings.speed_fade_s),
        (settings.tail, math.log(settings.new_density), math.log(settings.doubtful_density), settings.look_weight),
        (
            settings.begin, settings.hit, settings.miss, settings.miss_covered, settings.evidence_max,
            settings.shown_from, settings.shown_until, settings.begin_covered,
        ),
        (settings.lost_s_max, settings.unseen_s_max, settings.smoothing),
        (settings.camera_sd, settings.camera_votes),
    )  # fmt: skip
    floats = tuple(tuple(float(value) for value in group) for group in groups)
    return (*floats, bool(settings.follow_camera), int(settings.tracks_max))


EVIDENCE, UNSEEN_S, SCORE, HITS = range(4)


@njit(cache=True)
def _step(
    boxes, look, state, variance, facts, names, looks, shown, count, next_id, dt, size_px,
    score_limits, errors, motion, ratio, evidence, times, camera, follow_camera, tracks_max,
):  # fmt: skip
    n = len(boxes)
    measured = np.empty((n, AXES))
    for j in range(n):
        measured[j, 0] = 0.5 * (boxes[j, 0] + boxes[j, 2])
        measured[j, 1] = 0.5 * (boxes[j, 1] + boxes[j, 3])
        measured[j, 2] = boxes[j, 2] - boxes[j, 0]
        measured[j, 3] = boxes[j, 3] - boxes[j, 1]
    for i in range(count):
        _predict(state[i], variance[i], dt, motion, facts[i, UNSEEN_S])
        facts[i, UNSEEN_S] += dt
    if follow_camera and count > 0:
        _follow_camera(count, state, variance, facts, measured, boxes, score_limits[0], dt, size_px, camera)
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
            _correct(state[i], variance[i], measured[j], boxes[j, 4], errors)
            facts[i, EVIDENCE] = min(facts[i, EVIDENCE] + evidence[1] * (0.5 + boxes[j, 4]), evidence[4])
            facts[i, UNSEEN_S], facts[i, SCORE] = 0.0, boxes[j, 4]
            facts[i, HITS] += 1.0
            _remember(looks[i], look[j])
        else:
            covered = _covered(i, count, state, box_of)
            facts[i, EVIDENCE] -= evidence[2] + covered * (evidence[3] - evidence[2])
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
            _begin(state[end], variance[end], measured[j], boxes[j, 4], errors, motion)
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
def _predict(state, variance, dt, motion, unseen_s) -> None:
    """Sizes and speeds in px, variances in heights: a height is the unit at all ranges."""
    keep = math.exp(-dt / motion[4])
    for k in range(AXES):
        fade = keep if (unseen_s > 0.0 or k >= 2) else 1.0
        agility = motion[0] if k < 2 else motion[1]
        reach = dt if fade == 1.0 else motion[4] * (1.0 - fade)
        state[k, 0] += reach * state[k, 1]
        state[k, 1] *= fade
        pp, pv, vv = variance[k, 0], variance[k, 1], variance[k, 2]
        variance[k, 0] = pp + 2.0 * reach * pv + reach * reach * vv + agility * dt**3 / 3.0
        variance[k, 1] = fade * (pv + reach * vv) + 0.5 * agility * dt * dt
        variance[k, 2] = fade * fade * vv + agility * dt
    state[2, 0] = max(state[2, 0], 2.0)
    state[3, 0] = max(state[3, 0], 2.0)


@njit(cache=True)
def _error_variance(k, score, errors) -> float:
    sd = errors[k] * (1.0 + errors[4] * (1.0 - score))
    return sd * sd


@njit(cache=True)
def _correct(state, variance, measured, score, errors) -> None:
    height = state[3, 0]
    for k in range(AXES):
        noise = _error_variance(k, score, errors)
        pp, pv, vv = variance[k, 0], variance[k, 1], variance[k, 2]
        total = pp + noise
        gain, speed_gain = pp / total, pv / total
        off = measured[k] - state[k, 0]
        state[k, 0] += gain * off
        state[k, 1] += speed_gain * off
        variance[k, 0] = (1.0 - gain) * pp
        variance[k, 1] = (1.0 - gain) * pv
        variance[k, 2] = vv - speed_gain * pv
    # Variances are in heights, and the height has changed.
    scale = (height / max(state[3, 0], 2.0)) ** 2
    for k in range(AXES):
        for m in range(3):
            variance[k, m] *= min(max(scale, 0.5), 2.0)


@njit(cache=True)
def _begin(state, variance, measured, score, errors, motion) -> None:
    for k in range(AXES):
        state[k, 0], state[k, 1] = measured[k], 0.0
        variance[k, 0] = _error_variance(k, score, errors)
        variance[k, 1] = 0.0
        variance[k, 2] = motion[2] ** 2 if k < 2 else motion[3] ** 2


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
                noise[j, k] = _error_variance(k, boxes[j, 4], errors)
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


@njit(cache=True)
def _follow_camera(count, state, variance, facts, measured, boxes, score_sure, dt, size_px, camera) -> None:
    """Shift all tracks by what most of them are off by in common: the camera was shaken or turned."""
    offs = np.empty((VOTES_MAX, 3))
    used = 0
    steady = 0
    for i in range(count):
        steady += facts[i, HITS] >= 3.0 and facts[i, UNSEEN_S] <= 1.5 * dt
    stride = 1 + steady // VOTERS_MAX
    reach = VOTE_REACH * size_px[0]
    steady = 0
    for i in range(count):
        if facts[i, HITS] < 3.0 or facts[i, UNSEEN_S] > 1.5 * dt:
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
            offs[used, 0], offs[used, 1], offs[used, 2] = dx, dy, camera[0] * state[i, 3, 0]
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
    if best < still + camera[1] or best < 2.0:
        return
    for i in range(count):
        state[i, 0, 0] += bx
        state[i, 1, 0] += by
