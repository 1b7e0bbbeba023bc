"""What plates and gates report: load on boards turned into batches of grams, with all that real plates add.

Figures are those measured on a real checkout-free shop: quiet noise sd 0.5-1.2 g (median of plates) with a tail to
6 g, baselines of thousands of grams, drift of grams an hour, creep after a change of load, 1-2 % felt by neighbours,
ringing for some 400 ms, batches of 12 samples every 200 ms that arrive 98 ms later (median; 138 ms p95, 188 ms max).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Final

import numpy as np
from numba import njit

from openaisle.core.messages import ScaleBatch
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.sim.reach import min_jerk
from openaisle.sim.scene import Floats
from openaisle.store.schema import Gondola, Shelf, Store


@dataclass(frozen=True, kw_only=True)
class PlateSettings:
    """How good the plates are. The defaults are the measured shop."""

    noise_sd_g_median: float = 0.8
    noise_log_sd: float = 0.65  # spread between plates: p95 of plates about 2.4 g
    noise_sd_g_max: float = 4.0  # of a plate that is not bad
    bad_plate_share: float = 0.01
    bad_noise_sd_g: tuple[float, float] = (3.0, 6.3)
    wander_share: float = 0.6  # of the noise (by amplitude) that lasts from sample to sample
    wander_s: float = 0.06
    repeat_share: float = 0.12  # of samples that the converter had no time to renew
    baseline_g: tuple[float, float] = (800.0, 9000.0)
    drift_g_per_h: tuple[float, float] = (1.0, 5.0)  # either sign
    creep_share: float = 0.003
    creep_s: float = 22.0
    neighbour_share: tuple[float, float] = (0.01, 0.02)
    transport_ms_p50: float = 98.0
    transport_log_sd: float = 0.208
    transport_ms: tuple[float, float] = (55.0, 188.0)


BATCH_S: Final = 0.2
REMEMBERED_S: Final = 150.0  # a change of load older than this has finished creeping


class Kind(IntEnum):
    """Shapes of force in time."""

    CHANGE = 0  # goods come or go: a step, then ringing and creep
    PRESS = 1  # a hand rests: up, hold with tremor, down
    LANDING = 2  # the short overshoot of goods set down


_COLUMNS: Final = 8  # kind, t0, t1, grams, ring share, ring Hz, ring decay s, phase


class Plates:
    """All weighing devices of a shop. Loads are told ahead of time; batches come out when their time has passed."""

    def __init__(
        self,
        store: Store,
        start_ns: int,
        seed: np.random.SeedSequence,
        settings: PlateSettings | None = None,
    ) -> None:
        self._start_ns = start_ns
        settings = settings or PlateSettings()
        self._scales: dict[str, _Scale] = {}
        gondolas = sorted(store.gondolas, key=lambda gondola: gondola.scale_id)
        for gondola, child in zip(gondolas, seed.spawn(len(gondolas)), strict=True):
            if gondola.plates:
                self._scales[gondola.scale_id] = _Scale(gondola, child, settings)
        self._scale_of_shelf = {
            shelf.shelf_id: self._scales[gondola.scale_id]
            for gondola in gondolas
            if gondola.plates
            for shelf in gondola.shelves
        }

    def stand(self, shelf_id: str, along_m: float, width_m: float, grams: float) -> None:
        """Goods that stand there from the start."""
        if scale := self._scale_of_shelf.get(shelf_id):
            scale.load += grams * scale.shares(shelf_id, along_m, width_m)

    def change(
        self, at_s: float, over_s: float, shelf_id: str, along_m: float, width_m: float, grams: float
    ) -> None:
        """Goods leave (grams < 0) or come within `over_s` from `at_s`; then the shelf rings."""
        if scale := self._scale_of_shelf.get(shelf_id):
            ring = scale.rng.uniform(0.01, 0.06)
            hertz, decay = scale.rng.uniform(5.0, 9.0), scale.rng.uniform(0.09, 0.15)
            scale.add(Kind.CHANGE, at_s, at_s + over_s, grams, ring, hertz, decay, shelf_id, along_m, width_m)
            if grams > 0:
                height = grams * scale.rng.uniform(0.2, 0.4)
                end = at_s + over_s + scale.rng.uniform(0.05, 0.075)
                scale.add(
                    Kind.LANDING, at_s + 0.5 * over_s, end, height, 0.0, 0.0, 1.0, shelf_id, along_m, width_m
                )

    def press(
        self, start_s: float, end_s: float, shelf_id: str, along_m: float, width_m: float, grams: float
    ) -> None:
        """A hand presses with `grams` at most between two times, and leaves nothing behind."""
        if scale := self._scale_of_shelf.get(shelf_id):
            tremor = scale.rng.uniform(0.1, 0.25)
            hertz = scale.rng.uniform(2.0, 5.0)
            phase = scale.rng.uniform(0.0, 2 * math.pi)
            scale.add(Kind.PRESS, start_s, end_s, grams, tremor, hertz, phase, shelf_id, along_m, width_m)

    def batches(self, until_s: float) -> list[tuple[int, ScaleBatch]]:
        """Batches whose last sample was taken by `until_s`, with when they arrive, in order of arrival."""
        made = [
            (batch.received_ns, batch)
            for scale in self._scales.values()
            for batch in scale.batches(until_s, self._start_ns)
        ]
        return sorted(made, key=lambda pair: (pair[0], pair[1].scale_id))


class _Scale:
    def __init__(self, gondola: Gondola, seed: np.random.SeedSequence, settings: PlateSettings) -> None:
        self._gondola = gondola
        self._settings = settings
        # Three streams: what the shelf does, what its plates add, how the batch travels. None disturbs another.
        shelf_seed, plate_seed, way_seed = seed.spawn(3)
        self.rng = np.random.Generator(np.random.PCG64(shelf_seed))
        self._noise_rng = np.random.Generator(np.random.PCG64(plate_seed))
        self._way_rng = np.random.Generator(np.random.PCG64(way_seed))
        plates = gondola.plates
        self._column_count = max(plate.channel for plate in plates) + 1
        columns = np.array([plate.channel for plate in plates])
        self._present = np.zeros(self._column_count, bool)
        self._present[columns] = True
        rng, count = self._noise_rng, self._column_count
        noise = settings.noise_sd_g_median * np.exp(rng.normal(0.0, settings.noise_log_sd, count))
        bad = rng.random(count) < settings.bad_plate_share
        self.noise_sd_g = np.where(
            bad, rng.uniform(*settings.bad_noise_sd_g, count), np.minimum(noise, settings.noise_sd_g_max)
        )
        self._baseline = rng.uniform(*settings.baseline_g, count)
        drift = rng.uniform(*settings.drift_g_per_h, count) * np.where(rng.random(count) < 0.5, -1, 1)
        self._drift_g_s = drift / 3600.0
        self._leak = rng.uniform(*settings.neighbour_share, count)
        self._wander = np.zeros(count)
        self.load = np.zeros(count)
        self._events = np.zeros((0, _COLUMNS))
        self._shares = np.zeros((0, count))
        self._rate_hz = gondola.rate_hz
        self._sample_count = max(1, round(BATCH_S * gondola.rate_hz))
        self._phase_s = round(float(rng.uniform(0.0, BATCH_S)), 3)
        self._sequence = 0
        self._boot_id = f"{gondola.scale_id}-{int(rng.integers(1 << 32)):08x}"

    def shares(self, shelf_id: str, along_m: float, width_m: float) -> Floats:
        """How a load with this footprint is split over all columns [columns]; neighbours feel a little of it."""
        shelf = next(shelf for shelf in self._gondola.shelves if shelf.shelf_id == shelf_id)
        shares = np.zeros(self._column_count)
        if not shelf.plates:
            return shares
        shares[[plate.channel for plate in shelf.plates]] = _overlap(shelf, along_m, width_m)
        spread = shares.copy()
        ordered = sorted(shelf.plates, key=lambda plate: plate.left_m)
        for a, b in pairwise(ordered):
            for giver, taker in ((a.channel, b.channel), (b.channel, a.channel)):
                leak = self._leak[giver] * shares[giver]
                spread[giver] -= leak
                spread[taker] += leak
        return spread

    def add(
        self, kind: Kind, start_s: float, end_s: float, grams: float, a: float, b: float, c: float,
        shelf_id: str, along_m: float, width_m: float,
    ) -> None:  # fmt: skip
        row = np.array([[kind, start_s, end_s, grams, a, b, c, 0.0]])
        self._events = np.concatenate([self._events, row])
        self._shares = np.concatenate([self._shares, self.shares(shelf_id, along_m, width_m)[None]])

    def batches(self, until_s: float, start_ns: int) -> list[ScaleBatch]:
        made: list[ScaleBatch] = []
        while True:
            first_s = self._phase_s + self._sequence * BATCH_S
            last_s = first_s + (self._sample_count - 1) / self._rate_hz
            if last_s > until_s:
                return made
            made.append(self._batch(first_s, last_s, start_ns))

    def _batch(self, first_s: float, last_s: float, start_ns: int) -> ScaleBatch:
        self._forget(first_s)
        count, columns = self._sample_count, self._column_count
        settings = self._settings
        normals = self._noise_rng.standard_normal((count, columns))
        slow = self._noise_rng.standard_normal((count, columns))
        is_repeat = self._noise_rng.random(count) < settings.repeat_share
        is_repeat[0] = False
        grams = np.empty((count, columns), np.float32)
        _sample(
            first_s, 1.0 / self._rate_hz, self._events, self._shares, self.load + self._baseline,
            self._drift_g_s, self.noise_sd_g, settings.wander_share, settings.wander_s, self._wander,
            settings.creep_share, settings.creep_s, normals, slow, is_repeat, self._present, grams,
        )  # fmt: skip
        way_ms = settings.transport_ms_p50 * math.exp(
            settings.transport_log_sd * self._way_rng.standard_normal()
        )
        way_ms = min(max(way_ms, settings.transport_ms[0]), settings.transport_ms[1])
        device_ns = start_ns + round(first_s * 1e6) * 1000
        last_ns = device_ns + round((count - 1) * NS_PER_S / self._rate_hz)
        batch = ScaleBatch(
            scale_id=self._gondola.scale_id,
            boot_id=self._boot_id,
            sequence=self._sequence,
            device_ns=device_ns,
            received_ns=last_ns + round(way_ms * NS_PER_MS),
            rate_hz=self._rate_hz,
            grams=grams,
        )
        self._sequence += 1
        return batch

    def _forget(self, now_s: float) -> None:
        """Fold changes that have long settled into the standing load."""
        events = self._events
        old = events[:, 2] < now_s - REMEMBERED_S
        if not old.any():
            return
        settled = old & (events[:, 0] == Kind.CHANGE)
        factor = events[settled, 3] * (1.0 + self._settings.creep_share)
        self.load = self.load + (factor[:, None] * self._shares[settled]).sum(axis=0)
        self._events, self._shares = events[~old], self._shares[~old]


def _overlap(shelf: Shelf, along_m: float, width_m: float) -> Floats:
    """Share of a footprint on each plate [plates of the shelf]; all on the nearest when it lies beside all."""
    left = np.array([plate.left_m for plate in shelf.plates])
    right = left + np.array([plate.width_m for plate in shelf.plates])
    a, b = along_m - width_m / 2, along_m + width_m / 2
    overlap = np.clip(np.minimum(right, b) - np.maximum(left, a), 0.0, None)
    if overlap.sum() <= 1e-9:
        overlap = np.zeros(len(left))
        overlap[int(np.argmin(np.abs((left + right) / 2 - along_m)))] = 1.0
    return overlap / overlap.sum()


@njit(cache=True)
def _force(event: Floats, at_s: float, creep_share: float, creep_s: float) -> float:
    """Grams that one event adds at `at_s`."""
    t0, t1, grams = event[1], event[2], event[3]
    if at_s <= t0:
        return 0.0
    kind = int(event[0])
    if kind == 0:
        value = grams * min_jerk((at_s - t0) / (t1 - t0))
        if at_s > t1:
            after = at_s - t1
            ring = event[4] * math.exp(-after / event[6]) * math.sin(2.0 * math.pi * event[5] * after)
            value += grams * (ring + creep_share * (1.0 - math.exp(-after / creep_s)))
        return value
    if at_s >= t1:
        return 0.0
    if kind == 1:
        edge = min(0.09, (t1 - t0) * 0.4)
        shape = min_jerk((at_s - t0) / edge) * min_jerk((t1 - at_s) / edge)
        return grams * shape * (1.0 + event[4] * math.sin(2.0 * math.pi * event[5] * (at_s - t0) + event[6]))
    return grams * math.sin(math.pi * (at_s - t0) / (t1 - t0)) ** 2


@njit(cache=True)
def _sample(
    first_s: float, step_s: float, events: Floats, shares: Floats, standing: Floats, drift_g_s: Floats,
    noise_sd: Floats, wander_share: float, wander_s: float, wander: Floats, creep_share: float, creep_s: float,
    normals: Floats, slow: Floats, is_repeat: np.ndarray, present: np.ndarray, grams: np.ndarray,
) -> None:  # fmt: skip
    """Fill `grams` [samples, columns]; `wander` [columns] is the slow noise carried from batch to batch."""
    keep = math.exp(-step_s / wander_s)
    fresh = math.sqrt(1.0 - keep * keep)
    fast_share = math.sqrt(1.0 - wander_share * wander_share)
    for sample in range(grams.shape[0]):
        at_s = first_s + sample * step_s
        for column in range(grams.shape[1]):
            wander[column] = keep * wander[column] + fresh * slow[sample, column]
        if is_repeat[sample]:
            grams[sample] = grams[sample - 1]
            continue
        load = standing + drift_g_s * at_s
        for event in range(len(events)):
            value = _force(events[event], at_s, creep_share, creep_s)
            if value != 0.0:
                load += value * shares[event]
        for column in range(grams.shape[1]):
            if present[column]:
                noise = fast_share * normals[sample, column] + wander_share * wander[column]
                grams[sample, column] = round((load[column] + noise_sd[column] * noise) * 10.0) / 10.0
            else:
                grams[sample, column] = np.nan
