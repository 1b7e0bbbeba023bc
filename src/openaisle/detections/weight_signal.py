"""The last seconds of every plate of one weighing device, in windows: level, slope, roughness, and usual noise.

All arrays are [.., plates] in the order of ScaleBatch.grams' columns, grams, float64. NaN means no reading; a window
that holds one is NaN as a whole, so every comparison with it is False and it proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.core.messages import ScaleBatch
from openaisle.core.units import NS_PER_S

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class SignalSettings:
    """Windows in milliseconds; noise in grams."""

    history_ms: int = 3_000
    tick_ms: int = 50  # how often windows are looked at
    short_ms: int = 100
    long_ms: int = 400
    noise_sd_g_guess: float = 1.2
    noise_sd_g_min: float = 0.2
    noise_sd_g_max: float = 40.0
    gap_periods_max: float = 1.6  # between two samples; more is a gap
    gap_reset_ms: int = 1_500  # after a longer gap nothing from before is compared any more


@dataclass(frozen=True)
class Windows:
    """One window of each plate at each tick."""

    sample_count: int
    level_g: Floats  # [ticks, plates] mean
    slope_g: Floats  # [ticks, plates] of a straight line, from the window's first to its last sample
    rough_g: Floats  # [ticks, plates] sd about that line


class PlateSignal:
    """Samples, levels at rest and noise of all plates of one device."""

    def __init__(self, plate_count: int, rate_hz: float, settings: SignalSettings) -> None:
        self._settings = settings
        self.period_ns = round(NS_PER_S / rate_hz)
        self.tick_samples = max(1, round(settings.tick_ms * rate_hz / 1000))
        self.short_samples = max(3, round(settings.short_ms * rate_hz / 1000))
        self.long_samples = max(self.short_samples + 2, round(settings.long_ms * rate_hz / 1000))
        history_count = max(round(settings.history_ms * rate_hz / 1000), self.long_samples + 1)
        self.grams: Floats = np.full((history_count, plate_count), np.nan)
        self.times_ns: NDArray[np.int64] = np.zeros(history_count, np.int64)
        self.noise_sd_g: Floats = np.full(plate_count, settings.noise_sd_g_guess)
        self.wander_sd_g: Floats = np.full(plate_count, settings.noise_sd_g_guess / 2)
        self._batches_seen = 0

    def restart(self) -> None:
        """Forget every sample and keep the noise: the device restarted, or was away for long."""
        self.grams[:] = np.nan
        self.times_ns[:] = 0

    def append(self, batch: ScaleBatch) -> bool:
        """Take a batch in. True if samples are missing before it: windows across the hole are blind."""
        count = len(batch.grams)
        times_ns = batch.device_ns + np.round(np.arange(count) * (NS_PER_S / batch.rate_hz)).astype(np.int64)
        is_gap = self.times_ns[-1] > 0 and (
            times_ns[0] - self.times_ns[-1] > self._settings.gap_periods_max * self.period_ns
        )
        if is_gap:
            self._push(np.full((1, self.grams.shape[1]), np.nan), times_ns[:1] - self.period_ns)
        self._push(batch.grams[:, : self.grams.shape[1]].astype(np.float64), times_ns)
        return bool(is_gap)

    def _push(self, grams: Floats, times_ns: NDArray[np.int64]) -> None:
        count = min(len(grams), len(self.grams))
        self.grams[:-count] = self.grams[count:]
        self.grams[-count:] = grams[-count:]
        self.times_ns[:-count] = self.times_ns[count:]
        self.times_ns[-count:] = times_ns[-count:]

    def tick_ends(self, new_count: int) -> NDArray[np.intp]:
        """Rows of `grams` at which the ticks of the newest `new_count` samples end; the last row is always one."""
        last = len(self.grams) - 1
        count = max(1, new_count // self.tick_samples)
        return last - self.tick_samples * np.arange(count)[::-1]

    def windows(self, ends: NDArray[np.intp], sample_count: int) -> Windows:
        """Windows of `sample_count` samples that end at rows `ends`: least squares lines."""
        shape = (len(ends), self.grams.shape[1])
        level_g, slope_g, rough_g = np.empty(shape), np.empty(shape), np.empty(shape)
        fit_lines(self.grams, ends, sample_count, level_g, slope_g, rough_g)
        return Windows(sample_count, level_g, slope_g, rough_g)

    def learn_noise(self, windows: Windows, rest_g: Floats, is_quiet: Bools) -> None:
        """Follow the median of what quiet plates do: a median is not moved by the few seconds when hands are there.

        A stochastic approximation of the quantile (Robbins & Monro 1951) on a log scale: up a little when the
        newest value is above, down when it is below.
        """
        self._batches_seen += 1
        gain = max(0.03, 0.5 / (1.0 + 0.25 * self._batches_seen))
        settings = self._settings
        noise = self.noise_sd_g * np.exp(gain * np.sign(windows.rough_g[-1] - self.noise_sd_g))
        off_g = np.abs(windows.level_g[-1] - rest_g) / 0.6745
        wander = self.wander_sd_g * np.exp(gain * np.sign(off_g - self.wander_sd_g))
        low, high = settings.noise_sd_g_min, settings.noise_sd_g_max
        self.noise_sd_g = np.where(is_quiet, np.clip(noise, low, high), self.noise_sd_g)
        self.wander_sd_g = np.where(is_quiet, np.clip(wander, low / 2, high), self.wander_sd_g)

    def level_sd_g(self, windows: Windows) -> Floats:
        """Standard error [ticks, plates] of a window's level: slow noise, which no window averages out, and fast.

        Half of a rough window's samples count: neighbouring samples of a shelf that shakes depend on each other.
        """
        fast_g2 = self.noise_sd_g**2 / self.short_samples
        slow_g2 = np.maximum(self.wander_sd_g**2 - fast_g2, (0.3 * self.noise_sd_g) ** 2)
        extra_g2 = np.maximum(windows.rough_g**2 - self.noise_sd_g**2, 0.0)
        count = windows.sample_count
        slow_g2 *= np.sqrt(self.short_samples / count)  # A longer window averages some of it out.
        return np.sqrt(slow_g2 + self.noise_sd_g**2 / count + extra_g2 / (count / 2))


@njit(cache=True)
def fit_lines(grams, ends, sample_count, level_g, slope_g, rough_g) -> None:
    """Straight lines by least squares through the `sample_count` samples that end at rows `ends` of grams.

    Out [ticks, plates], as in `Windows`. NaN in, NaN out.
    """
    middle = (sample_count - 1) / 2
    spread = 0.0
    for sample in range(sample_count):
        spread += (sample - middle) ** 2
    for tick in range(len(ends)):
        first = ends[tick] - sample_count + 1
        for plate in range(grams.shape[1]):
            total = 0.0
            for sample in range(sample_count):
                total += grams[first + sample, plate]
            level = total / sample_count
            slope, squares = 0.0, 0.0
            for sample in range(sample_count):
                off = grams[first + sample, plate] - level
                slope += (sample - middle) / spread * off
                squares += off * off
            left = squares - slope * slope * spread
            level_g[tick, plate] = level
            slope_g[tick, plate] = slope * (sample_count - 1)
            # What is below zero by rounding is zero; what is unknown stays so.
            rough_g[tick, plate] = np.sqrt((max(left, 0.0)) / (sample_count - 2))
