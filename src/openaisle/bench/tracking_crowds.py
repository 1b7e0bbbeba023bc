"""Crowds made of numbers, seen by one camera: true boxes, and what a detector might say of them.

People walk between places of a square in front of a pinhole camera that stands, or is carried and turned. A detector
misses those who are covered by others, and now and then anybody; it shakes boxes and sees somebody where nobody is.
Whoever leaves the picture and comes back is somebody new. One seed gives one crowd, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import ndtr

from openaisle.adapters.motchallenge import NOBODY, BoxRows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DENSITY_PER_M2: Final = 0.12
HEIGHT_M: Final = 1.72
WIDTH_SHARE: Final = 0.40  # of a person's height
STEP_HZ: Final = 1.9  # a carried camera goes up and down with each step
LASTING_S: Final = 0.25  # how long a detector's errors last, misses included
GRID: Final = (4, 8)  # points of a box that may be covered


@dataclass(frozen=True, kw_only=True)
class CrowdSettings:
    """One crowd and its detector."""

    people: int
    seed: int
    frames: int = 200
    fps: float = 25.0
    width_px: int = 1920
    height_px: int = 1080
    camera_height_m: float = 4.5
    is_carried: bool = False  # the camera walks, sways and turns
    miss_share: float = 0.06  # of people in full view
    false_share: float = 0.04  # false boxes a frame, for each person
    error_sd: tuple[float, float, float, float] = (0.04, 0.045, 0.065, 0.085)
    """Of a box's middle x and y, width and height, in box heights: about Faster R-CNN's on MOT15."""


@dataclass(frozen=True)
class Crowd:
    settings: CrowdSettings
    truth: BoxRows
    detections: BoxRows


def make_crowd(settings: CrowdSettings) -> Crowd:
    """The crowd that `settings.seed` gives."""
    rng = np.random.default_rng([settings.seed, settings.people])
    side_m = np.sqrt(settings.people / DENSITY_PER_M2)
    floor_m = _walks(rng, settings, side_m)
    heights_m = HEIGHT_M * (1.0 + 0.06 * rng.standard_normal(settings.people))
    boxes, range_m = _pictured(rng, settings, floor_m, heights_m, side_m)
    truth: list[Floats] = []
    seen: list[Floats] = []
    visit = np.zeros(settings.people, np.int64)
    was_inside = np.zeros(settings.people, bool)
    detector = _Detector(rng, settings)
    for number in range(settings.frames):
        clipped = np.clip(
            boxes[number],
            0.0,
            [settings.width_px, settings.height_px, settings.width_px, settings.height_px],
        )
        area = _area(boxes[number])
        inside = (_area(clipped) > 0.5 * area) & (range_m[number] > 1.0)
        visit += inside & ~was_inside
        was_inside = inside
        order = np.flatnonzero(inside)
        ids = order + settings.people * (visit[order] - 1) + 1
        shown, uncovered = _uncovered(clipped[order], range_m[number, order])
        frame = np.full((len(order), 1), number + 1.0)
        truth.append(np.column_stack([frame, ids, clipped[order], np.ones(len(order))]))
        found = detector.look(order, clipped[order], shown, uncovered)
        rng.shuffle(found)
        frame = np.full((len(found), 1), number + 1.0)
        seen.append(np.column_stack([frame, np.full(len(found), NOBODY), found]))
    return Crowd(settings, _rows(truth), _rows(seen))


def _walks(rng: np.random.Generator, settings: CrowdSettings, side_m: float) -> Floats:
    """[frames, people, 2] on the floor: to a place, wait there sometimes, and on to the next."""
    count, dt = settings.people, 1.0 / settings.fps
    at = rng.uniform(0.0, side_m, (count, 2))
    goal = rng.uniform(-0.15 * side_m, 1.15 * side_m, (count, 2))
    pace = rng.normal(1.25, 0.25, count).clip(0.5, 2.0)
    speed = np.zeros((count, 2))
    wait_s = np.where(rng.random(count) < 0.2, rng.exponential(6.0, count), 0.0)
    path = np.empty((settings.frames, count, 2))
    for number in range(settings.frames):
        way = goal - at
        left_m = np.linalg.norm(way, axis=1)
        has_come = left_m < 0.5
        goal[has_come] = rng.uniform(-0.15 * side_m, 1.15 * side_m, (int(has_come.sum()), 2))
        wait_s[has_come] = np.where(rng.random(has_come.sum()) < 0.3, rng.exponential(4.0, has_come.sum()), 0)
        wait_s = np.maximum(wait_s - dt, 0.0)
        wanted = way / np.maximum(left_m, 0.1)[:, None] * (pace * (wait_s <= 0.0))[:, None]
        speed += (wanted - speed) * min(dt / 0.5, 1.0) + 0.35 * np.sqrt(dt) * rng.standard_normal((count, 2))
        at = at + speed * dt
        path[number] = at
    return path


def _pictured(
    rng: np.random.Generator, settings: CrowdSettings, floor_m: Floats, heights_m: Floats, side_m: float
) -> tuple[Floats, Floats]:
    """Boxes [frames, people, 4] and ranges [frames, people] for a camera south of the square that looks north."""
    time_s = np.arange(settings.frames) / settings.fps
    focal_px = 0.9 * settings.width_px
    back_m = 0.55 * side_m + 3.0
    east = np.full(settings.frames, side_m / 2)
    north = np.full(settings.frames, -back_m)
    up = np.full(settings.frames, settings.camera_height_m)
    pitch = np.full(settings.frames, np.arctan2(up[0] - 0.9, back_m + 0.35 * side_m))
    yaw = np.zeros(settings.frames)
    if settings.is_carried:
        phase = rng.uniform(0.0, 2 * np.pi, 4)
        up = np.full(settings.frames, 1.5) + 0.03 * np.sin(2 * np.pi * STEP_HZ * time_s + phase[0])
        north = north + 0.9 * time_s
        pitch = 0.06 + np.radians(0.5) * np.sin(2 * np.pi * STEP_HZ * time_s + phase[1])
        yaw = np.radians(6.0) * np.sin(2 * np.pi * 0.13 * time_s + phase[2])
        yaw = yaw + np.radians(0.6) * np.sin(2 * np.pi * 0.95 * time_s + phase[3])
        yaw = yaw + np.radians(0.15) * rng.standard_normal(settings.frames)
    dx, dy = floor_m[..., 0] - east[:, None], floor_m[..., 1] - north[:, None]
    cosine, sine = np.cos(yaw)[:, None], np.sin(yaw)[:, None]
    right_m, ahead_m = cosine * dx - sine * dy, sine * dx + cosine * dy
    middle = np.array([settings.width_px / 2, settings.height_px / 2])

    def row_px(above_floor_m: Floats | float) -> Floats:
        below = up[:, None] - above_floor_m
        depth = np.maximum(ahead_m * np.cos(pitch)[:, None] + below * np.sin(pitch)[:, None], 0.1)
        return (
            middle[1] + focal_px * (below * np.cos(pitch)[:, None] - ahead_m * np.sin(pitch)[:, None]) / depth
        )

    top, bottom = row_px(heights_m[None]), row_px(0.0)
    column = middle[0] + focal_px * right_m / np.maximum(ahead_m, 0.1)
    # Legs open and close while somebody walks.
    stride = np.sin(2 * np.pi * STEP_HZ * time_s[:, None] + rng.uniform(0, 2 * np.pi, settings.people))
    half = 0.5 * (bottom - top) * WIDTH_SHARE * (1.0 + 0.12 * stride)
    return np.stack([column - half, top, column + half, bottom], axis=2), ahead_m


class _Detector:
    """Finds people in one frame after another. What it gets wrong it goes on getting wrong for a while."""

    def __init__(self, rng: np.random.Generator, settings: CrowdSettings) -> None:
        self._rng = rng
        self._settings = settings
        self._keep = np.exp(-1.0 / (settings.fps * LASTING_S))
        self._error = rng.standard_normal((settings.people, 4))
        self._mood = rng.standard_normal(settings.people)
        count = max(1, round(0.06 * settings.people))
        height = rng.uniform(0.05, 0.25, count) * settings.height_px
        x = rng.uniform(0, settings.width_px, count)
        y = rng.uniform(0.2, 0.9, count) * settings.height_px
        self._ghosts = _around(x, y, height)
        self._ghost_mood = rng.standard_normal(count)

    def look(self, order: Ints, boxes: Floats, shown: Floats, uncovered: Floats) -> Floats:
        """x1 y1 x2 y2 score; people by `order`, share of each box and the part of it [n, 4] that nobody covers."""
        rng, settings = self._rng, self._settings
        self._error = self._lasting(self._error)
        self._mood, self._ghost_mood = self._lasting(self._mood), self._lasting(self._ghost_mood)
        chance = (1.0 - settings.miss_share) * np.clip((shown - 0.1) / 0.4, 0.0, 1.0)
        found = ndtr(self._partly(self._mood)[order]) < chance
        # Of somebody half covered, the box is less sure, and drawn towards what can be seen.
        boxes = boxes + 0.5 * (uncovered - boxes) * (shown < 0.9)[:, None]
        middle, size = 0.5 * (boxes[:, :2] + boxes[:, 2:]), boxes[:, 2:] - boxes[:, :2]
        error = self._partly(self._error)[order] * settings.error_sd * (2.0 - shown)[:, None] * size[:, 1:]
        middle = middle + error[:, :2]
        size = np.maximum(size + error[:, 2:], 0.3 * size)
        doubt = (0.02 + 0.5 * (1.0 - shown)) * rng.exponential(1.0, len(boxes))
        people = np.column_stack([middle - size / 2, middle + size / 2, (0.995 - doubt).clip(0.1)])
        return np.concatenate([people[found], self._false(np.median(size[:, 1]) if len(size) else 0.0)])

    def _false(self, height_px: float) -> Floats:
        """Where nobody is: half anywhere, half at places that are taken for somebody again and again."""
        rng, settings = self._rng, self._settings
        share = settings.false_share * settings.people
        count = rng.poisson(0.5 * share) if height_px else 0
        height = height_px * rng.lognormal(0.0, 0.3, count)
        stray = _around(
            rng.uniform(0, settings.width_px, count), rng.uniform(0, settings.height_px, count), height
        )
        is_there = ndtr(self._partly(self._ghost_mood)) < min(0.5 * share / len(self._ghosts), 0.9)
        again = self._ghosts[is_there] + rng.standard_normal((int(is_there.sum()), 4))
        boxes = np.concatenate([stray, again])
        return np.column_stack([boxes, (0.2 + 0.75 * rng.beta(2.0, 2.0, len(boxes))).clip(0.1, 0.99)])

    def _lasting(self, value: Floats) -> Floats:
        return self._keep * value + np.sqrt(1.0 - self._keep**2) * self._rng.standard_normal(value.shape)

    def _partly(self, value: Floats) -> Floats:
        return np.sqrt(0.6) * value + np.sqrt(0.4) * self._rng.standard_normal(value.shape)


def _around(x: Floats, y: Floats, height: Floats) -> Floats:
    return np.column_stack([x - 0.2 * height, y - height / 2, x + 0.2 * height, y + height / 2])


def _area(boxes: Floats) -> Floats:
    return (boxes[:, 2] - boxes[:, 0]).clip(0.0) * (boxes[:, 3] - boxes[:, 1]).clip(0.0)


@njit(cache=True)
def _uncovered(boxes, range_m):
    """Share of each box [n, 4] that nobody nearer covers, and the box around it."""
    across, down = GRID
    shares, around = np.empty(len(boxes)), boxes.copy()
    for i in range(len(boxes)):
        wide, high = (boxes[i, 2] - boxes[i, 0]) / across, (boxes[i, 3] - boxes[i, 1]) / down
        around[i, :2], around[i, 2:] = boxes[i, 2:], boxes[i, :2]
        open_points = 0
        for a in range(across):
            x = boxes[i, 0] + (a + 0.5) * wide
            for b in range(down):
                y = boxes[i, 1] + (b + 0.5) * high
                is_open = True
                for j in range(len(boxes)):
                    if (
                        range_m[j] < range_m[i]
                        and boxes[j, 0] < x < boxes[j, 2]
                        and boxes[j, 1] < y < boxes[j, 3]
                    ):
                        is_open = False
                        break
                if is_open:
                    open_points += 1
                    around[i, 0] = min(around[i, 0], x - 0.5 * wide)
                    around[i, 1] = min(around[i, 1], y - 0.5 * high)
                    around[i, 2] = max(around[i, 2], x + 0.5 * wide)
                    around[i, 3] = max(around[i, 3], y + 0.5 * high)
        shares[i] = open_points / (across * down)
        if open_points == 0:
            around[i] = boxes[i]
    return shares, around


def _rows(parts: list[Floats]) -> BoxRows:
    table = np.concatenate(parts)
    return BoxRows(
        table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2:6].copy(), table[:, 6].copy()
    )
