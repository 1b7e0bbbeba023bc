"""Grams to steps: what left or came to a shelf, first within some 150 ms, then settled.

`WeightSteps.step` takes batches as `readings` releases them (in order, each once). Per scale one vectorised look at
all plates decides which shelves have news; only these are followed plate by plate (weight_shelf.py).

Nothing is compared across a restart of the device or a long silence; a short gap in between is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.core.messages import (
    ScaleBatch,
    SensorDegraded,
    SensorRecovered,
    ShelfId,
    StepStatus,
    WeightStep,
)
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.detections.weight_shelf import Look, OpenStep, ShelfSettings, ShelfWatch
from openaisle.detections.weight_signal import Bools, Floats, PlateSignal, SignalSettings, Windows
from openaisle.store.schema import Gondola, Store


@dataclass(frozen=True)
class WeightSettings:
    """Of all three parts."""

    signal: SignalSettings = field(default_factory=SignalSettings)
    shelf: ShelfSettings = field(default_factory=ShelfSettings)
    rest_gain: float = 0.1  # a batch: how fast the level at rest follows drift and creep
    dead_after_s: float = 2.0  # without a reading
    stuck_after_s: float = 120.0  # with the same reading, to the last bit
    noisy_sd_g: float = 12.0
    bad_shelf_share: float = 0.34  # of its plates in trouble: the shelf had better be scanned


Health: TypeAlias = SensorDegraded | SensorRecovered

LIGHTEST_G_MIN: Final = 20.0  # a product lighter than this is weighed in vain
LIGHTEST_SHARE: Final = 0.65


class WeightSteps:
    """Detects changes of load on every shelf of a store."""

    def __init__(self, store: Store, settings: WeightSettings | None = None) -> None:
        settings = settings or WeightSettings()
        # Well below the lightest product, but not so little that noise counts.
        masses_g = [product.mass_g for product in store.products.values() if product.mass_g >= LIGHTEST_G_MIN]
        step_g_min = min(
            [LIGHTEST_SHARE * mass_g for mass_g in masses_g], default=settings.shelf.step_g_min_max
        )
        shelf = replace(settings.shelf, step_g_min=min(step_g_min, settings.shelf.step_g_min_max))
        settings = replace(settings, shelf=shelf)
        self._scales = {
            gondola.scale_id: _ScaleWatch(gondola, settings) for gondola in store.gondolas if gondola.plates
        }

    def step(self, batches: Sequence[ScaleBatch], now_ns: int) -> list[WeightStep | Health]:
        """News of `batches`, each scale's in order."""
        said: list[WeightStep | Health] = []
        for batch in batches:
            watch = self._scales.get(batch.scale_id)
            if watch is not None:
                said += watch.step(batch, now_ns)
        return said

    def finish(self, now_ns: int) -> list[WeightStep]:
        """No more batches will come: confirm what is open."""
        return [step for _, watch in sorted(self._scales.items()) for step in watch.finish(now_ns)]


class _ScaleWatch:
    """All plates of one device."""

    def __init__(self, gondola: Gondola, settings: WeightSettings) -> None:
        self._settings = settings
        column_count = max(plate.channel for plate in gondola.plates) + 1
        self._signal = PlateSignal(column_count, gondola.rate_hz, settings.signal)
        self._rest_g: Floats = np.full(column_count, np.nan)
        self._watches = [
            ShelfWatch(
                shelf.shelf_id,
                np.array([plate.channel for plate in shelf.plates]),
                settings.shelf,
                np.full(len(shelf.plates), np.nan),
            )
            for shelf in gondola.shelves
            if shelf.plates
        ]
        self._plate_ids = {plate.channel: plate.plate_id for plate in gondola.plates}
        shelves = [(watch.shelf_id, watch.columns) for watch in self._watches]
        self._health = _PlateHealth(self._plate_ids, shelves, settings)
        self._boot_id: str | None = None
        self._last_ns = 0

    def step(self, batch: ScaleBatch, now_ns: int) -> list[WeightStep | Health]:
        said: list[WeightStep | Health] = []
        silent_ns = batch.device_ns - self._last_ns
        is_long = silent_ns > self._settings.signal.gap_reset_ms * NS_PER_MS
        if batch.boot_id != self._boot_id or is_long or silent_ns < 0:
            said += self._restart(now_ns)
            self._boot_id = batch.boot_id
        signal = self._signal
        signal.append(batch)
        self._last_ns = int(signal.times_ns[-1])
        said += self._health.step(batch, signal, now_ns)
        self._rest_g[self._health.silent(self._last_ns, self._settings.signal.gap_reset_ms)] = np.nan
        ends = signal.tick_ends(len(batch.grams))
        if np.isnan(self._rest_g).any():
            self._begin_rest(ends)
        said += self._follow(ends, now_ns)
        return said

    def finish(self, now_ns: int) -> list[WeightStep]:
        return [_message(watch, step, now_ns) for watch in self._watches for step in watch.close()]

    def _restart(self, now_ns: int) -> list[WeightStep]:
        closed = self.finish(now_ns)
        self._signal.restart()
        self._rest_g[:] = np.nan
        return closed

    def _begin_rest(self, ends: np.ndarray) -> None:
        """A plate that has no level at rest yet gets that of its first whole long window."""
        level_g = self._signal.windows(ends[-1:], self._signal.long_samples).level_g[0]
        self._rest_g = np.where(np.isnan(self._rest_g), level_g, self._rest_g)

    def _follow(self, ends: np.ndarray, now_ns: int) -> list[WeightStep]:
        """Look at all plates at once, then closer at the shelves that have news; let the others' rest follow."""
        signal, settings = self._signal, self._settings.shelf
        short = signal.windows(ends, signal.short_samples)
        sd_g = signal.level_sd_g(short)
        off_g = np.abs(short.level_g - self._rest_g)
        off = np.any(off_g > np.maximum(settings.significance * sd_g, settings.plate_g_min), axis=0)
        is_quiet = ~off & np.isfinite(off_g[-1])
        said: dict[str, WeightStep] = {}
        busy = [watch for watch in self._watches if watch.open_steps or off[watch.columns].any()]
        if busy:
            long = signal.windows(ends, signal.long_samples)
            both = (short, sd_g, long, signal.level_sd_g(long))
            for watch in busy:
                for step in self._watch(watch, ends, both):
                    said[step.step_id] = _message(watch, step, now_ns)  # The newest state is enough.
                is_quiet[watch.columns] &= ~watch.owned
        signal.learn_noise(short, self._rest_g, is_quiet)
        # A window across an edge is rough, which hides the edge: the level at rest must not follow it.
        still = is_quiet & np.all(short.rough_g <= settings.rough_ratio * signal.noise_sd_g + 1.0, axis=0)
        self._rest_g += np.where(still, self._settings.rest_gain * (short.level_g[-1] - self._rest_g), 0.0)
        return list(said.values())

    def _watch(
        self, watch: ShelfWatch, ends: np.ndarray, windows: tuple[Windows, Floats, Windows, Floats]
    ) -> Iterator[OpenStep]:
        """Every tick of one shelf."""
        signal, columns = self._signal, watch.columns
        short, sd_g, long, long_sd_g = windows
        watch.rest_g = self._rest_g[columns]
        history_g = signal.grams[:, columns]
        for tick, end in enumerate(ends):
            look = Look(
                at_ns=int(signal.times_ns[end]),
                row=int(end),
                level_g=short.level_g[tick, columns],
                level_sd_g=sd_g[tick, columns],
                slope_g=short.slope_g[tick, columns],
                rough_g=short.rough_g[tick, columns],
                long_level_g=long.level_g[tick, columns],
                long_level_sd_g=long_sd_g[tick, columns],
                long_slope_g=long.slope_g[tick, columns],
                long_rough_g=long.rough_g[tick, columns],
                noise_sd_g=signal.noise_sd_g[columns],
                history_g=history_g,
                times_ns=signal.times_ns,
            )
            yield from watch.look(look)
        self._rest_g[columns] = watch.rest_g


TROUBLES: Final = (
    ("dead_plate", "no reading"),
    ("dead_plate", "the same reading all the time"),
    ("noisy_plate", "noise far above that of other plates"),
)


class _PlateHealth:
    """Plates that say nothing, always the same, or too much."""

    def __init__(
        self,
        plate_ids: dict[int, str],
        shelves: Sequence[tuple[ShelfId, NDArray[np.intp]]],
        settings: WeightSettings,
    ) -> None:
        """`shelves`: their ids, and columns of their plates."""
        self._plate_ids = plate_ids
        self._settings = settings
        count = max(plate_ids) + 1
        self._is_plate = np.isin(np.arange(count), list(plate_ids))
        self._heard_ns = np.zeros(count, np.int64)
        self._changed_ns = np.zeros(count, np.int64)
        self._last_g = np.full(count, np.nan, np.float32)
        self._said = np.zeros((len(TROUBLES), count), bool)
        self._shelves = shelves
        self._bad_shelves = np.zeros(len(shelves), bool)

    def step(self, batch: ScaleBatch, signal: PlateSignal, now_ns: int) -> list[Health]:
        at_ns = int(signal.times_ns[-1])
        grams = np.ascontiguousarray(batch.grams[:, : len(self._last_g)], np.float32)
        _listen(grams, at_ns, self._last_g, self._heard_ns, self._changed_ns)
        self._last_g = grams[-1]
        dead = at_ns - self._heard_ns > self._settings.dead_after_s * NS_PER_S
        stuck = ~dead & (at_ns - self._changed_ns > self._settings.stuck_after_s * NS_PER_S)
        # It ends lower than it began: no chatter in between.
        bound_g = self._settings.noisy_sd_g * np.where(self._said[2], 0.7, 1.0)
        troubled = np.stack([dead, stuck, signal.noise_sd_g > bound_g]) & self._is_plate
        if np.array_equal(troubled, self._said):
            return []
        news = np.argwhere(troubled != self._said)
        self._said = troubled
        said = [self._message(int(trouble), int(column), now_ns) for trouble, column in news]
        return said + self._of_shelves(now_ns) if said else said

    def _of_shelves(self, now_ns: int) -> list[Health]:
        """Shelves of which too many plates are in trouble, or no longer are."""
        is_bad_plate: Bools = np.any(self._said, axis=0)
        said: list[Health] = []
        for index, (shelf_id, columns) in enumerate(self._shelves):
            count = int(is_bad_plate[columns].sum())
            is_bad = count >= self._settings.bad_shelf_share * len(columns)
            if is_bad == self._bad_shelves[index]:
                continue
            self._bad_shelves[index] = is_bad
            if is_bad:
                detail = f"{count} of {len(columns)} plates: its goods had better be scanned"
                said.append(
                    SensorDegraded(
                        sensor_id=shelf_id, kind="shelf", reason="bad_plates", since_ns=now_ns, detail=detail
                    )
                )
            else:
                said.append(
                    SensorRecovered(
                        sensor_id=shelf_id, kind="shelf", reason="bad_plates", recovered_ns=now_ns
                    )
                )
        return said

    def silent(self, at_ns: int, longer_than_ms: int) -> Bools:
        """Plates [columns] that have not been heard for so long."""
        return at_ns - self._heard_ns > longer_than_ms * NS_PER_MS

    def _message(self, trouble: int, column: int, now_ns: int) -> Health:
        reason, detail = TROUBLES[trouble]
        plate_id = self._plate_ids[column]
        if self._said[trouble, column]:
            return SensorDegraded(
                sensor_id=plate_id, kind="plate", reason=reason, since_ns=now_ns, detail=detail
            )
        return SensorRecovered(sensor_id=plate_id, kind="plate", reason=reason, recovered_ns=now_ns)


@njit(cache=True)
def _listen(
    grams: NDArray[np.float32],
    at_ns: int,
    last_g: NDArray[np.float32],
    heard_ns: NDArray[np.int64],
    changed_ns: NDArray[np.int64],
) -> None:
    """Which plates of a batch [samples, plates] said anything, and which something new since the last sample [plates];
    the first batch counts as both."""
    for plate in range(grams.shape[1]):
        is_first = heard_ns[plate] == 0
        is_heard, is_moved = False, False
        for sample in range(grams.shape[0]):
            is_heard |= np.isfinite(grams[sample, plate])
            is_moved |= grams[sample, plate] != last_g[plate]
        if is_heard or is_first:
            heard_ns[plate] = at_ns
        if (is_heard and is_moved) or is_first:
            changed_ns[plate] = at_ns


def _message(watch: ShelfWatch, step: OpenStep, now_ns: int) -> WeightStep:
    is_gone = step.status is StepStatus.WITHDRAWN
    mass_g = np.zeros_like(step.mass_g) if is_gone else step.mass_g
    return WeightStep(
        step_id=step.step_id,
        revision=step.revision,
        status=step.status,
        shelf_id=watch.shelf_id,
        started_ns=step.started_ns,
        edge_ns=step.edge_ns,
        settled_ns=step.settled_ns,
        detected_ns=now_ns,
        mass_change_g=mass_g.astype(np.float32),
        noise_sd_g=step.sd_g.astype(np.float32),
        pressed_g=step.pressed_g,
    )
