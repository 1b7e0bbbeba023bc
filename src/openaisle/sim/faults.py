"""What goes wrong between a sensor and the shop: wrappers of a stream of readings, chosen by a seed.

A fault has a kind, a sensor and a time. `draw_faults` decides which faults a day has; `with_faults` lets them happen.
The stream that comes out is again in order of arrival.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec
import numpy as np

from openaisle.core.errors import InputError
from openaisle.core.messages import CameraDetections, GateTap, PackLook, Reading, ScaleBatch
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.store.schema import Store

FAULT_KINDS: Final[tuple[str, ...]] = (
    "scale_lost",  # 5 % of a scale's batches never come
    "scale_duplicated",  # 10 % come twice
    "scale_late",  # 5 % come up to 5 s late
    "scale_reordered",  # 10 % come after the one that follows
    "scale_rebooted",  # 3 s of silence, then a new boot, sequence from 0, another tare
    "scale_skewed",  # its clock is off by up to 5 s and drifts up to 200 ppm
    "plate_dead",  # one plate reports NaN
    "plate_stuck",  # one plate repeats its last value
    "camera_lost",  # nothing comes
    "camera_frozen",  # the same picture again and again
    "camera_late",  # 10 % come up to 2 s late
    "gate_duplicated",  # every tap comes twice
    "gate_late",  # every tap comes up to 3 s late
)

AnyReading = TypeVar("AnyReading", ScaleBatch, CameraDetections, GateTap)

REBOOT_SILENCE_NS: Final = 3 * NS_PER_S


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something is wrong with one sensor from `starts_ns` until `ends_ns`."""

    kind: str
    sensor_id: str  # scale_id, camera_id or gate_id
    starts_ns: int
    ends_ns: int
    column: int = -1  # of a plate
    amount: float = 0.0  # grams of another tare, seconds of skew
    drift_ppm: float = 0.0


def draw_faults(
    store: Store,
    *,
    start_ns: int,
    end_ns: int,
    seed: int,
    kinds: Sequence[str] = FAULT_KINDS,
    faults_max: int = 4,
) -> tuple[Fault, ...]:
    """Up to `faults_max` faults of a day, at least one. Raises InputError for an unknown kind."""
    unknown = sorted(set(kinds) - set(FAULT_KINDS))
    if unknown or not kinds:
        raise InputError(
            "no such kind of fault", field="kinds", expected=", ".join(FAULT_KINDS), found=unknown
        )
    rng = np.random.default_rng([seed, 7])
    faults: list[Fault] = []
    for _ in range(int(rng.integers(1, faults_max + 1))):
        kind = kinds[int(rng.integers(len(kinds)))]
        faults.append(_draw(store, kind, start_ns, end_ns, rng))
    return tuple(sorted(faults, key=lambda fault: (fault.starts_ns, fault.kind, fault.sensor_id)))


def with_faults(readings: Iterable[Reading], faults: Sequence[Fault], *, seed: int) -> Iterator[Reading]:
    """The readings as they arrive when these faults happen, by received_ns."""
    rng = np.random.default_rng([seed, 8])
    happening = [_HAPPENING[fault.kind](fault, rng) for fault in faults]
    waiting: list[tuple[int, int, Reading]] = []
    count = 0
    for reading in readings:
        while waiting and waiting[0][0] <= reading.received_ns:
            yield heapq.heappop(waiting)[-1]
        spoiled: list[Reading] = [reading]
        for fault in happening:
            spoiled = [after for before in spoiled for after in fault.apply(before)]
        for after in spoiled:
            # Nothing arrives before it was sent: a fault only ever delays.
            assert after.received_ns >= reading.received_ns
            count += 1
            heapq.heappush(waiting, (after.received_ns, count, after))
    while waiting:
        yield heapq.heappop(waiting)[-1]


class _Happening:
    """One fault, with what it remembers. `apply` gives what becomes of a reading: itself, another, several, none."""

    def __init__(self, fault: Fault, rng: np.random.Generator) -> None:
        self.fault = fault
        self.rng = rng

    def apply(self, reading: Reading) -> list[Reading]:
        fault = self.fault
        if _sensor_of(reading) != fault.sensor_id:
            return [reading]
        if isinstance(reading, ScaleBatch) and fault.kind.startswith(("scale", "plate")):
            return list(self.batch(reading))
        if isinstance(reading, CameraDetections) and fault.kind.startswith("camera"):
            return list(self.picture(reading))
        if isinstance(reading, GateTap) and fault.kind.startswith("gate"):
            return list(self.tap(reading))
        return [reading]

    def batch(self, batch: ScaleBatch) -> Sequence[ScaleBatch]:
        return [batch]

    def picture(self, picture: CameraDetections) -> Sequence[CameraDetections]:
        return [picture]

    def tap(self, tap: GateTap) -> Sequence[GateTap]:
        return [tap]

    def is_on(self, reading: Reading) -> bool:
        return self.fault.starts_ns <= reading.received_ns < self.fault.ends_ns


class _ScaleLost(_Happening):
    def batch(self, batch: ScaleBatch) -> Sequence[ScaleBatch]:
        return [] if self.is_on(batch) and self.rng.random() < 0.05 else [batch]


class _ScaleDuplicated(_Happening):
    def batch(self, batch: ScaleBatch) -> Sequence[ScaleBatch]:
        if not (self.is_on(batch) and self.rng.random() < 0.1):
            return [batch]
        return [batch, _delayed(batch, self.rng.uniform(0, 1.0))]


class _ScaleLate(_Happening):
    def batch(self, batch: ScaleBatch) -> Sequence[ScaleBatch]:
        if not (self.is_on(batch) and self.rng.random() < 0.05):
            return [batch]
        return [_delayed(batch, self.rng.uniform(0.2, 5.0))]


class _ScaleReordered(_Happening):
    def batch(self, batch: ScaleBatch) -> Sequence[ScaleBatch]:
        if not (self.is_on(batch) and self.rng.random() < 0.1):
            return [batch]
        return [_delayed(batch, 0.35)]


class _ScaleRebooted(_Happening):
    _first: int | None = None  # sequence of the first batch after the silence

    def batch(self, batch: ScaleBatch) -> Sequence[ScaleBatch]:
        fault = self.fault
        if batch.received_ns < fault.starts_ns:
            return [batch]
        if batch.received_ns < fault.starts_ns + REBOOT_SILENCE_NS:
            return []
        if self._first is None:
            self._first = batch.sequence
        tare = np.full(batch.grams.shape[1], fault.amount, np.float32)
        return [
            msgspec.structs.replace(
                batch,
                boot_id=batch.boot_id + "+1",
                sequence=batch.sequence - self._first,
                grams=batch.grams + tare,
            )
        ]


class _ScaleSkewed(_Happening):
    def batch(self, batch: ScaleBatch) -> Sequence[ScaleBatch]:
        fault = self.fault
        elapsed_ns = batch.device_ns - fault.starts_ns
        off_ns = round(fault.amount * NS_PER_S + fault.drift_ppm * 1e-6 * elapsed_ns)
        return [msgspec.structs.replace(batch, device_ns=batch.device_ns + off_ns)]


class _PlateDead(_Happening):
    def batch(self, batch: ScaleBatch) -> Sequence[ScaleBatch]:
        if not self.is_on(batch):
            return [batch]
        grams = batch.grams.copy()
        grams[:, self.fault.column] = np.nan
        return [msgspec.structs.replace(batch, grams=grams)]


class _PlateStuck(_Happening):
    _last: float | None = None

    def batch(self, batch: ScaleBatch) -> Sequence[ScaleBatch]:
        if not self.is_on(batch):
            return [batch]
        column = self.fault.column
        if self._last is None:
            self._last = float(batch.grams[0, column])
        grams = batch.grams.copy()
        grams[:, column] = self._last
        return [msgspec.structs.replace(batch, grams=grams)]


class _CameraLost(_Happening):
    def picture(self, picture: CameraDetections) -> Sequence[CameraDetections]:
        return [] if self.is_on(picture) else [picture]


class _CameraFrozen(_Happening):
    _last: CameraDetections | None = None

    def picture(self, picture: CameraDetections) -> Sequence[CameraDetections]:
        if not self.is_on(picture):
            return [picture]
        self._last = self._last or picture
        return [
            msgspec.structs.replace(
                self._last, captured_ns=picture.captured_ns, received_ns=picture.received_ns
            )
        ]


class _CameraLate(_Happening):
    def picture(self, picture: CameraDetections) -> Sequence[CameraDetections]:
        if not (self.is_on(picture) and self.rng.random() < 0.1):
            return [picture]
        return [_delayed(picture, self.rng.uniform(0.1, 2.0))]


class _GateDuplicated(_Happening):
    def tap(self, tap: GateTap) -> Sequence[GateTap]:
        return [tap, _delayed(tap, self.rng.uniform(0.0, 2.0))] if self.is_on(tap) else [tap]


class _GateLate(_Happening):
    def tap(self, tap: GateTap) -> Sequence[GateTap]:
        return [_delayed(tap, self.rng.uniform(0.2, 3.0))] if self.is_on(tap) else [tap]


_HAPPENING: Final[dict[str, type[_Happening]]] = {
    "scale_lost": _ScaleLost,
    "scale_duplicated": _ScaleDuplicated,
    "scale_late": _ScaleLate,
    "scale_reordered": _ScaleReordered,
    "scale_rebooted": _ScaleRebooted,
    "scale_skewed": _ScaleSkewed,
    "plate_dead": _PlateDead,
    "plate_stuck": _PlateStuck,
    "camera_lost": _CameraLost,
    "camera_frozen": _CameraFrozen,
    "camera_late": _CameraLate,
    "gate_duplicated": _GateDuplicated,
    "gate_late": _GateLate,
}
assert tuple(_HAPPENING) == FAULT_KINDS


def _draw(store: Store, kind: str, start_ns: int, end_ns: int, rng: np.random.Generator) -> Fault:
    scales = sorted(gondola.scale_id for gondola in store.gondolas if gondola.plates)
    sensors = {
        "scale": scales,
        "plate": scales,
        "camera": sorted(camera.camera_id for camera in store.cameras),
        "gate": sorted(gate.gate_id for gate in store.gates if gate.kind != "exit"),
    }[kind.split("_")[0]]
    sensor_id = sensors[int(rng.integers(len(sensors)))]
    first_ns = int(rng.integers(start_ns, max(end_ns, start_ns + 1)))
    last_ns = min(first_ns + round(rng.uniform(10.0, 300.0) * NS_PER_S), end_ns)
    column, amount, drift = -1, 0.0, 0.0
    if kind.startswith("plate"):
        plates = store.gondola_of_scale[sensor_id].plates
        column = plates[int(rng.integers(len(plates)))].channel
        last_ns = end_ns  # nobody changes a plate during opening hours
    elif kind == "scale_rebooted":
        amount = float(rng.uniform(-800.0, 800.0))
        last_ns = end_ns
    elif kind == "scale_skewed":
        first_ns, last_ns = start_ns, end_ns
        amount, drift = float(rng.uniform(-5.0, 5.0)), float(rng.uniform(-200.0, 200.0))
    return Fault(
        kind=kind, sensor_id=sensor_id, starts_ns=first_ns, ends_ns=last_ns, column=column, amount=amount,
        drift_ppm=drift,
    )  # fmt: skip


def _sensor_of(reading: Reading) -> str:
    if isinstance(reading, ScaleBatch):
        return reading.scale_id
    if isinstance(reading, CameraDetections | PackLook):
        return reading.camera_id
    if isinstance(reading, GateTap):
        return reading.gate_id
    return reading.source_id


def _delayed(reading: AnyReading, seconds: float) -> AnyReading:
    return msgspec.structs.replace(
        reading, received_ns=reading.received_ns + round(seconds * 1000) * NS_PER_MS
    )
