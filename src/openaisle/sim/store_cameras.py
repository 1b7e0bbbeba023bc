"""Where the cameras of a made-up shop hang: chosen one by one, each for what it adds to what is already seen.

Greedy maximum coverage (Nemhauser, Wolsey and Fisher 1978: at least 1 - 1/e of the best possible). Poses are drawn as
a real shop has them: 2.4-2.5 m high, 23-69 degrees down, 62-90 degrees wide, strong barrel distortion.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.geometry import Floats, Lens
from openaisle.sim.store_layout import Place, walkable_points_floor_m
from openaisle.store.coverage import front_normal_floor, in_picture, lines_of_sight, slot_points_floor_m
from openaisle.store.lenses import focal_for_fov_px
from openaisle.store.polygons import contains, edges
from openaisle.store.schema import Camera, Gate, Point3, Store

SUB_PX: Final = (640, 360)
MAIN_PX: Final = (1920, 1080)
FPS: Final = 8.0
HEIGHT_M: Final = (2.4, 2.5)
TILT_DEG: Final = (23.0, 38.0, 69.0)  # least, most frequent, most; median 42
TILT_BINS: Final = 4  # as many cameras from each quarter of that distribution
FOV_DEG: Final = ((62.0, 64.0, 65.0, 65.0), (68.0, 74.0, 82.0, 90.0))  # narrow and wide lenses
WIDE_SHARE_MAX: Final = 0.625  # wide lenses see more, but fewer pixels of it
PANS: Final = 12
APART_M: Final = 0.8  # between two cameras, where there is room
POSITIONS_WITH_ALL_TILTS_MAX: Final = 100  # more positions than that make do with one tilt a direction
SHELF_VIEW_M_MAX: Final = 4.5
PERSON_VIEW_M_MAX: Final = 5.0
SWEEPS_MAX: Final = 4  # over all cameras, each moved to where it adds more
PEOPLE_HEIGHTS_M: Final = (1.0, 1.6)

# Worth of the first, second, ... view of a slot, of a person in a gate, and of a person elsewhere. Powers of two,
# so that sums are exact and the same on every machine.
SLOT_WORTH: Final = (4.0, 4.0, 0.5, 0.25)
GATE_WORTH: Final = (4.0, 4.0, 0.5, 0.25)
PERSON_WORTH: Final = (1.0, 1.0, 0.5, 0.25)


def place_cameras(
    rng: np.random.Generator, store: Store, places: Sequence[Place], count: int, draws: int = 1
) -> tuple[Camera, ...]:
    """`count` cameras for a store that has none yet, numbered from south to north, west to east.

    The best of `draws` sets of candidates.
    """
    targets = _Targets.of(store, places)
    best: tuple[float, list[Camera]] | None = None
    for _ in range(draws):
        positions = _positions(rng, store, count)
        tilts = TILT_BINS if len(positions) <= POSITIONS_WITH_ALL_TILTS_MAX else 1
        looks = [
            look for place, position in enumerate(positions) for look in _looks(rng, place, position, tilts)
        ]
        picker = _choose(looks, targets.seen_by(store, positions, looks), targets.worth, count)
        if best is None or picker.worth > best[0]:
            best = (picker.worth, [looks[index].camera for index in picker.chosen])
    assert best is not None
    cameras = sorted(best[1], key=lambda camera: _order(camera.position_floor_m))
    return tuple(replace(camera, camera_id=f"cam-{number}") for number, camera in enumerate(cameras, start=1))


@lru_cache(maxsize=1024)
def lens_for(fov_deg: float, strength: float = 1.0) -> Lens:
    """A substream lens `fov_deg` wide with barrel distortion that does not fold back inside the picture."""
    # Stronger distortion folds before the corner: measured as the strongest that Lens.rays undoes to 0.25 px.
    k1 = strength * float(np.interp(fov_deg, [62.0, 65.0, 70.0, 75.0], [-0.5, -0.47, -0.43, -0.4]))
    k1, k2 = round(k1, 3), round(0.1 * strength, 3)
    focal_px = round(focal_for_fov_px(SUB_PX[0], fov_deg, (k1, k2, 0.0)), 2)
    return Lens(
        *SUB_PX, focal_px, focal_px, (SUB_PX[0] - 1) / 2, (SUB_PX[1] - 1) / 2, (k1, k2, 0.0, 0.0, 0.0)
    )


def _order(position: Point3) -> tuple[float, float, float]:
    return (round(position[1], 1), position[0], position[2])


def _positions(rng: np.random.Generator, store: Store, count: int) -> list[Point3]:
    """Places on the ceiling: a grid over the plan and the middle of every 1.5 m of wall, moved a little."""
    outline = store.plan_floor_m
    low, high = np.array(outline).min(axis=0), np.array(outline).max(axis=0)
    area_m2 = float(np.prod(high - low))
    spacing_m = min(1.0, float(np.sqrt(area_m2 / (1.2 * count))))
    flat = [
        (float(x), float(y))
        for x in np.arange(low[0] + spacing_m / 2, high[0], spacing_m)
        for y in np.arange(low[1] + spacing_m / 2, high[1], spacing_m)
    ]
    for (ax, ay), (bx, by) in edges(outline):
        length_m = float(np.hypot(bx - ax, by - ay))
        ex, ey = (bx - ax) / length_m, (by - ay) / length_m
        flat += [
            (float(ax + ex * along_m - ey * 0.12), float(ay + ey * along_m + ex * 0.12))
            for along_m in np.linspace(0.15, length_m - 0.15, max(2, round(length_m / 1.5) + 1))
        ]
    positions: list[Point3] = []
    for x, y in flat:
        x, y = (round(value + float(rng.uniform(-0.08, 0.08)), 2) for value in (x, y))
        z = round(float(rng.uniform(*HEIGHT_M)), 2)
        if contains(outline, (x, y)):
            positions.append((x, y, min(z, store.ceiling_height_m)))
    return positions


@dataclass(frozen=True)
class _Look:
    """One candidate: a camera at the place-th position."""

    place: int
    tilt_bin: int
    is_wide: bool
    camera: Camera


def _looks(rng: np.random.Generator, place: int, position: Point3, tilts: int) -> list[_Look]:
    """For each of PANS directions a camera of `tilts` of the tilt bins, with lenses drawn as real shops have them."""
    turn_deg = float(rng.uniform(0, 360 / PANS))
    looks: list[_Look] = []
    for index in range(PANS):
        for tilt_bin in ((place + index + step) % TILT_BINS for step in range(tilts)):
            is_wide = bool(rng.random() < 0.5)
            fov_deg = FOV_DEG[is_wide][int(rng.integers(len(FOV_DEG[is_wide])))]
            lens = lens_for(fov_deg, round(float(rng.uniform(0.7, 1.0)), 2))
            tilt_deg = _tilt_deg((tilt_bin + float(rng.uniform(0.0, 1.0))) / TILT_BINS)
            camera = Camera(
                camera_id="",
                position_floor_m=position,
                pan_deg=round((turn_deg + index * 360 / PANS) % 360, 1),
                tilt_deg=round(tilt_deg, 1),
                roll_deg=round(float(rng.normal(0, 1.0)), 1),
                lens=lens,
                main_width_px=MAIN_PX[0],
                main_height_px=MAIN_PX[1],
                fps=FPS,
            )
            looks.append(_Look(place, tilt_bin, is_wide, camera))
    return looks


def _tilt_deg(share: float) -> float:
    """The tilt that `share` of all cameras stay below: quantile of the triangular distribution TILT_DEG."""
    least, mode, most = TILT_DEG
    if share < (mode - least) / (most - least):
        return least + math.sqrt(share * (most - least) * (mode - least))
    return most - math.sqrt((1 - share) * (most - least) * (most - mode))


@dataclass(frozen=True)
class _Targets:
    """What should be seen: every slot's front, and people standing everywhere."""

    slot_points: Floats  # [3 * slots, 3]
    slot_normals: Floats  # [3 * slots, 2]
    at_gates: Floats  # [at gates, 3]: who comes in and goes out must be seen well
    people: Floats  # [people, 3]

    @classmethod
    def of(cls, store: Store, places: Sequence[Place]) -> _Targets:
        slots = [(shelf, slot) for shelf in store.shelves.values() for slot in shelf.slots]
        points = [slot_points_floor_m(store, shelf, slot) for shelf, slot in slots]
        normals = [
            np.tile(front_normal_floor(store.gondola_of[shelf.gondola_id]), (3, 1)) for shelf, _ in slots
        ]
        spots = walkable_points_floor_m(store.plan_floor_m, places, 0.5)
        thresholds = np.concatenate([_threshold_points(gate) for gate in store.gates])
        return cls(np.concatenate(points), np.concatenate(normals), _standing(thresholds), _standing(spots))

    @property
    def worth(self) -> NDArray[np.float32]:
        """What the n-th view of a target is worth, [views, slots + at gates + people]."""
        one_each = np.array([SLOT_WORTH, GATE_WORTH, PERSON_WORTH], np.float32).T
        counts = [len(self.slot_points) // 3, len(self.at_gates), len(self.people)]
        return np.repeat(one_each, counts, axis=1)

    def seen_by(self, store: Store, positions: Sequence[Point3], looks: Sequence[_Look]) -> NDArray[np.bool_]:
        """[looks, slots + at gates + people]. A slot is seen if all of its three points are."""
        eyes = np.array(positions)
        walls = store.walls_floor_m
        slots_clear = lines_of_sight(eyes, self.slot_points, store.gondolas, walls, self.slot_normals)
        slots_clear &= _distances_m(eyes, self.slot_points) <= SHELF_VIEW_M_MAX
        people = np.concatenate([self.at_gates, self.people])
        people_clear = lines_of_sight(eyes, people, store.gondolas, walls)
        people_clear &= _distances_m(eyes, people) <= PERSON_VIEW_M_MAX
        points = np.concatenate([self.slot_points, people])
        inside = np.stack([in_picture(look.camera, points) for look in looks])
        inside &= np.concatenate([slots_clear, people_clear], axis=1)[[look.place for look in looks]]
        slot_points = inside[:, : len(self.slot_points)].reshape(len(looks), -1, 3)
        return np.concatenate([slot_points.all(axis=2), inside[:, len(self.slot_points) :]], axis=1)


def _is_near(looks: Sequence[_Look], count: int) -> NDArray[np.bool_]:
    """[positions, positions]: too near each other for two cameras, which should see people from different sides."""
    position_of = {look.place: look.camera.position_floor_m[:2] for look in looks}
    positions = np.array([position_of[place] for place in sorted(position_of)])
    area_m2 = float(np.prod(positions.max(axis=0) - positions.min(axis=0)))
    apart_m = min(APART_M, 0.6 * math.sqrt(area_m2 / count))
    return np.linalg.norm(positions[:, None] - positions[None], axis=2) < max(apart_m, 1e-6)


def _threshold_points(gate: Gate) -> Floats:
    """Points [6, 2] across a gate, at its line and half a metre inside."""
    left, right = np.array(gate.left_floor_m), np.array(gate.right_floor_m)
    inward = np.array(gate.inside_floor_m) - (left + right) / 2
    inward /= float(np.linalg.norm(inward))
    across = np.array([left + (right - left) * share for share in (0.2, 0.5, 0.8)])
    return np.concatenate([across + 0.1 * inward, across + 0.6 * inward])


def _standing(spots: Floats) -> Floats:
    """Spots [n, 2] of the floor as points [PEOPLE_HEIGHTS_M * n, 3] of people who stand there."""
    return np.concatenate([np.column_stack([spots, np.full(len(spots), z)]) for z in PEOPLE_HEIGHTS_M])


def _distances_m(eyes: Floats, points: Floats) -> Floats:
    return np.linalg.norm(eyes[:, None] - points[None], axis=2)


def _choose(
    looks: Sequence[_Look], seen: NDArray[np.bool_], worth: NDArray[np.float32], count: int
) -> _Picker:
    """`count` candidates: greedily, then each in turn moved to where it adds more.

    Cameras hang apart while there are positions left, and as many from each tilt bin, and wide, as allowed.
    """
    picker = _Picker(looks, seen, worth, count)
    for _ in range(count):
        picker.add(picker.best())
    for _ in range(SWEEPS_MAX):
        before = list(picker.chosen)
        for index in before:
            picker.remove(index)
            picker.add(picker.best())
        if set(before) == set(picker.chosen):
            break
    return picker


class _Picker:
    """What is chosen so far, and what each candidate would add to it."""

    def __init__(
        self,
        looks: Sequence[_Look],
        seen: NDArray[np.bool_],
        worth: NDArray[np.float32],
        count: int,
    ) -> None:
        self.chosen: list[int] = []
        self._seen = seen.astype(np.float32)
        self._worth = np.vstack([worth, np.zeros((1, seen.shape[1]), np.float32)])
        self._views = np.zeros(seen.shape[1], np.int64)
        self._position_of = np.array([look.place for look in looks])
        self._is_near = _is_near(looks, count)
        self._tilt_bin_of = np.array([look.tilt_bin for look in looks])
        self._is_wide = np.array([look.is_wide for look in looks])
        self._per_tilt_bin_max = math.ceil(count / TILT_BINS)
        self._wide_max = math.ceil(WIDE_SHARE_MAX * count)

    @property
    def worth(self) -> float:
        """Of everything chosen, together."""
        so_far = np.cumsum(np.vstack([np.zeros((1, self._worth.shape[1])), self._worth]), axis=0)
        views = np.minimum(self._views, len(so_far) - 1)
        return float(so_far[views, np.arange(len(views))].sum())

    def best(self) -> int:
        """The free candidate that adds most; the first of equals."""
        worth = self._worth[np.minimum(self._views, len(self._worth) - 1), np.arange(len(self._views))]
        gain = self._seen @ worth
        return int(np.argmax(np.where(self._free(), gain, -1.0)))

    def add(self, index: int) -> None:
        self.chosen.append(index)
        self._views += self._seen[index].astype(np.int64)

    def remove(self, index: int) -> None:
        self.chosen.remove(index)
        self._views -= self._seen[index].astype(np.int64)

    def _taken(self, chosen: NDArray[np.int64]) -> NDArray[np.bool_]:
        """[looks] whose position is too near a chosen one."""
        taken: NDArray[np.bool_] = np.any(self._is_near[self._position_of[chosen]], axis=0)
        return taken[self._position_of]

    def _free(self) -> NDArray[np.bool_]:
        chosen = np.array(self.chosen, np.int64)
        full = np.bincount(self._tilt_bin_of[chosen], minlength=TILT_BINS) >= self._per_tilt_bin_max
        allowed = ~full[self._tilt_bin_of]
        if self._is_wide[chosen].sum() >= self._wide_max:
            allowed &= ~self._is_wide
        free = allowed & ~self._taken(chosen)
        if not free.any():
            free = allowed & ~np.isin(np.arange(len(self._seen)), chosen)
        return free
