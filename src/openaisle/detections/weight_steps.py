"""Grams to steps: what left or came to a shelf, first within some 150 ms, then settled.

`WeightSteps.step` takes batches as `readings` releases them (in order, each once). Per scale one vectorised look at
all plates decides which shelves have news; only these are followed plate by plate (weight_shelf.py).

Nothing is compared across a restart of the device or a long silence; a short gap in between is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from openaisle.core.messages import ScaleBatch, SensorDegraded, StepStatus, WeightStep
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.detections.weight_shelf import Look, OpenStep, ShelfSettings, ShelfWatch
from openaisle.detections.weight_signal import Floats, PlateSignal, SignalSettings, Windows
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


LIGHTEST_G_MIN: Final = 20.0  # a product lighter than this is weighed in vain
LIGHTEST_SHARE: Final = 0.65


class WeightSteps:
    """Detects changes of load on every shelf of a store."""

    def __init__(self, store: Store, settings: WeightSettings | None = None) -> None:
        settings = settings or WeightSettings()
        # Well below the lightest product, but not so little that noise counts.
        masses_g = [product.mass_g for product in store.products.values() if product.mass_g >= LIGHTEST_G_MIN]
        step_g_min = min([LIGHTEST_SHARE * mass_g for mass_g in masses_g], default=settings.shelf.step_g_min_max)
        shelf = replace(settings.shelf, step_g_min=min(step_g_min, settings.shelf.step_g_min_max))
        settings = replace(settings, shelf=shelf)
        self._scales = {
            gondola.scale_id: _ScaleWatch(gondola, settings) for gondola in store.gondolas if gondola.plates
        }

    def step(self, batches: Sequence[ScaleBatch], now_ns: int) -> list[WeightStep | SensorDegraded]:
        """News of `batches`, each scale's in order."""
        said: list[WeightStep | SensorDegraded] = []
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
        self._health = _PlateHealth(self._plate_ids, settings)
        self._boot_id: str | None = None
        self._last_ns = 0

    def step(self, batch: ScaleBatch, now_ns: int) -> list[WeightStep | SensorDegraded]:
        said: list[WeightStep | SensorDegraded] = []
        silent_ns = batch.device_ns - self._last_ns
        is_long = silent_ns > self._settings.signal.gap_reset_ms * NS_PER_MS
        if batch.boot_id != self._boot_id or is_long or silent_ns < 0:
            said += self._restart(now_ns)
            self._boot_id = batch.boot_id
        signal = self._signal
        signal.append(batch)
        self._last_ns = int(signal.times_ns[-1])
        said += self._health.step(batch, signal, now_ns)
        ends = signal.tick_ends(len(batch.grams))
        short, long = (signal.windows(ends, count) for count in (signal.short_samples, signal.long_samples))
        self._begin_rest(long)
        said += self._follow(ends, short, long, now_ns)
        return said

    def finish(self, now_ns: int) -> list[WeightStep]:
        return [_message(watch, step, now_ns) for watch in self._watches for step in watch.close()]

    def _restart(self, now_ns: int) -> list[WeightStep]:
        closed = self.finish(now_ns)
        self._signal.restart()
        self._rest_g[:] = np.nan
        return closed

    def _begin_rest(self, long: Windows) -> None:
        """A plate that has no level at rest yet gets that of its first whole long window."""
        fresh = np.isnan(self._rest_g)
        if fresh.any():
            self._rest_g = np.where(fresh, long.level_g[-1], self._rest_g)

    def _follow(self, ends: np.ndarray, short: Windows, long: Windows, now_ns: int) -> list[WeightStep]:
        signal, settings = self._signal, self._settings.shelf
        sd_g, long_sd_g = signal.level_sd_g(short), signal.level_sd_g(long)
        off_g = np.abs(short.level_g - self._rest_g)
        off = np.any(off_g > np.maximum(settings.significance * sd_g, settings.plate_g_min), axis=0)
        is_quiet = ~off & np.isfinite(off_g[-1])
        said: dict[str, WeightStep] = {}
        for watch in self._watches:
            columns = watch.columns
            if not (watch.open_steps or off[columns].any()):
                continue
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
                )
                for step in watch.look(look, history_g, signal.times_ns):
                    said[step.step_id] = _message(watch, step, now_ns)  # The newest state is enough.
            self._rest_g[columns] = watch.rest_g
            is_quiet[columns] &= ~watch.owned
        signal.learn_noise(short, self._rest_g, is_quiet)
        gain = np.where(is_quiet, self._settings.rest_gain, 0.0)
        self._rest_g += gain * np.where(is_quiet, short.level_g[-1] - self._rest_g, 0.0)
        return list(said.values())


class _PlateHealth:
    """Plates that say nothing, always the same, or too much."""

    def __init__(self, plate_ids: dict[int, str], settings: WeightSettings) -> None:
        self._plate_ids = plate_ids
        self._settings = settings
        count = max(plate_ids) + 1
        self._heard_ns = np.zeros(count, np.int64)
        self._changed_ns = np.zeros(count, np.int64)
        self._last_g = np.full(count, np.nan, np.float32)
        self._said: set[tuple[int, str]] = set()

    def step(self, batch: ScaleBatch, signal: PlateSignal, now_ns: int) -> list[SensorDegraded]:
        at_ns = int(signal.times_ns[-1])
        grams = batch.grams[:, : len(self._last_g)]
        first = self._heard_ns == 0
        heard = np.isfinite(grams).any(axis=0)
        moved = heard & ((grams != self._last_g).any(axis=0))
        self._heard_ns[heard | first] = at_ns
        self._changed_ns[moved | first] = at_ns
        self._last_g = grams[-1]
        dead = at_ns - self._heard_ns > self._settings.dead_after_s * NS_PER_S
        stuck = ~dead & (at_ns - self._changed_ns > self._settings.stuck_after_s * NS_PER_S)
        noisy = signal.noise_sd_g > self._settings.noisy_sd_g
        said: list[SensorDegraded] = []
        for reason, troubled, detail in (
            ("dead_plate", dead, "no reading"),
            ("dead_plate", stuck, "the same reading all the time"),
            ("noisy_plate", noisy, "noise far above that of other plates"),
        ):
            said += self._news(reason, troubled, detail, now_ns)
        return said

    def _news(self, reason: str, troubled: np.ndarray, detail: str, now_ns: int) -> list[SensorDegraded]:
        news: list[SensorDegraded] = []
        for column, plate_id in self._plate_ids.items():
            key = (column, reason + detail)
            if not troubled[column]:
                self._said.discard(key)
            elif key not in self._said:
                self._said.add(key)
                news.append(
                    SensorDegraded(
                        sensor_id=plate_id, kind="plate", reason=reason, since_ns=now_ns, detail=detail
                    )
                )
        return news


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
