"""Readings as they arrived, put on one timeline: each once, in order, and fit to be used.

Scale batches are counted by their device within a boot, so order, loss and repetition are known, not guessed. A batch
that comes in order is passed on at once. One that is ahead of its turn waits, briefly, for those before it. Frames and
taps carry no count: they are told apart by their times.

What a sensor does wrong is data: it is reported (`SensorDegraded`) and left out, and everything else goes on.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import ReadingError
from openaisle.core.messages import (
    BodySkeletons,
    CameraDetections,
    GateTap,
    PackLook,
    Reading,
    ScaleBatch,
    SensorDegraded,
    SensorRecovered,
)
from openaisle.core.units import NS_PER_MS, NS_PER_S, ms_from_ns
from openaisle.readings.clocks import ClockSettings, DeviceClock
from openaisle.readings.health import Health
from openaisle.readings.silence import Silence
from openaisle.store.schema import Store


@dataclass(frozen=True, kw_only=True)
class TimelineSettings:
    """How patient the timeline is. Times in nanoseconds of the shop's time."""

    reorder_ns_max: int = 250 * NS_PER_MS  # how long a batch ahead of its turn waits for those before it
    waiting_batches_max: int = 16  # a scale; at the bound the missing ones are given up
    # A sensor lost just after it spoke must be noticed within 1 s, by a caller that steps every 100 ms.
    silent_after_ns: int = 900 * NS_PER_MS
    silent_after_frames: float = 3.0  # slow cameras: this many periods, if longer
    late_after_ns: int = 2 * NS_PER_S  # older than this on arrival: reported
    frozen_after_ns: int = (
        NS_PER_S  # who seems not to have moved by a hundredth of a pixel for so long is a still picture
    )
    remembered_frames_max: int = 64  # a camera: how far back a repeated frame is recognised
    remembered_taps_max: int = 1024
    stale_batches_max: int = 3  # that many batches in a row from the past: the device counts anew
    clock: ClockSettings = field(default_factory=ClockSettings)


@dataclass(frozen=True, kw_only=True)
class AlignedReadings:
    """What is new on the timeline. Batches are in order within a scale, frames within a camera where possible."""

    scale_batches: tuple[ScaleBatch, ...] = ()
    detections: tuple[CameraDetections, ...] = ()
    skeletons: tuple[BodySkeletons, ...] = ()
    taps: tuple[GateTap, ...] = ()
    looks: tuple[PackLook, ...] = ()
    health: tuple[SensorDegraded | SensorRecovered, ...] = ()


class Timeline:
    """The first room. Its memory is bounded by the number of sensors in the store and by `settings`."""

    def __init__(self, store: Store, settings: TimelineSettings | None = None) -> None:
        self._settings = settings or TimelineSettings()
        self._health = Health()
        self._scales = {
            gondola.scale_id: _ScaleState(
                column_count=1 + max((plate.channel for plate in gondola.plates), default=-1)
            )
            for gondola in sorted(store.gondolas, key=lambda gondola: gondola.scale_id)
            if gondola.plates
        }
        self._cameras = {
            camera.camera_id: _CameraState(period_ns=round(NS_PER_S / max(camera.fps, 1e-3)))
            for camera in sorted(store.cameras, key=lambda camera: camera.camera_id)
        }
        self._gate_ids = frozenset(store.gate_of)
        self._taps_seen = _Recent(self._settings.remembered_taps_max)
        self._skeletons_seen = _Recent(self._settings.remembered_taps_max)
        self._looks_seen = _Recent(self._settings.remembered_taps_max)
        self._clocks = {
            sensor_id: DeviceClock(self._settings.clock)
            for sensor_id in sorted({*self._scales, *self._cameras})
        }
        slow_ns = {
            camera_id: round(self._settings.silent_after_frames * camera.period_ns)
            for camera_id, camera in self._cameras.items()
        }
        self._waiting: dict[str, _ScaleState] = {}  # of the scales, those that wait for a batch
        patience_ns = self._settings.silent_after_ns
        self._silence = Silence(
            dict.fromkeys(self._scales, ("scale", patience_ns))
            | {camera_id: ("camera", max(patience_ns, slow_ns[camera_id])) for camera_id in self._cameras},
            self._health,
        )

    def step(self, readings: Sequence[Reading], now_ns: int) -> AlignedReadings:
        """What `readings`, which arrived by `now_ns`, add to the timeline; without readings, what timers add."""
        batches: list[ScaleBatch] = []
        detections: list[CameraDetections] = []
        skeletons: list[BodySkeletons] = []
        taps: list[GateTap] = []
        looks: list[PackLook] = []
        for reading in readings:
            try:
                match reading:
                    case ScaleBatch():
                        self._accept_batch(reading, now_ns, batches)
                    case CameraDetections():
                        self._accept_detections(reading, now_ns, detections)
                    case BodySkeletons():
                        self._accept_skeletons(reading, now_ns, skeletons)
                    case GateTap():
                        self._accept_tap(reading, now_ns, taps)
                    case PackLook():
                        self._accept_look(reading, looks)
            except ReadingError as error:
                sensor_id, kind = _sender(reading)
                self._health.degrade(
                    sensor_id, kind, "corrupt", since_ns=now_ns, now_ns=now_ns, detail=str(error)
                )
        self._give_up_waiting(now_ns, batches)
        self._silence.step(now_ns)
        return self._aligned(batches, detections, skeletons, taps, looks, now_ns)

    def finish(self, now_ns: int) -> AlignedReadings:
        """The recording ended: nothing waits any longer."""
        batches: list[ScaleBatch] = []
        for scale_id, state in self._scales.items():
            while state.waiting:
                self._give_up_missing(scale_id, state, now_ns, batches)
        return self._aligned(batches, [], [], [], [], now_ns)

    def _aligned(
        self,
        batches: list[ScaleBatch],
        detections: list[CameraDetections],
        skeletons: list[BodySkeletons],
        taps: list[GateTap],
        looks: list[PackLook],
        now_ns: int,
    ) -> AlignedReadings:
        detections.sort(key=lambda reading: (reading.captured_ns, reading.camera_id))
        return AlignedReadings(
            scale_batches=tuple(batches),
            detections=tuple(detections),
            skeletons=tuple(skeletons),
            taps=tuple(taps),
            looks=tuple(looks),
            health=self._health.take(now_ns),
        )

    # --- scales ---------------------------------------------------------------------------------------------------

    def _accept_batch(self, batch: ScaleBatch, now_ns: int, out: list[ScaleBatch]) -> None:
        state = self._scales.get(batch.scale_id)
        if state is None:
            raise ReadingError(
                "no such scale in this store",
                field="scale_id",
                expected=_some(self._scales),
                found=batch.scale_id,
            )
        _check_batch(batch, state.column_count)
        offset_ns = self._heard(batch.scale_id, "scale", batch.device_ns, batch.received_ns, now_ns)
        self._silence.hear(batch.scale_id, now_ns)
        if offset_ns:
            batch = msgspec.structs.replace(batch, device_ns=batch.device_ns + offset_ns)
        if batch.boot_id != state.boot_id:
            if batch.boot_id in state.old_boots:
                return  # It was sent before the restart and overtaken by it.
            self._change_boot(batch, state, now_ns, out)
        if batch.sequence < state.next_sequence:
            self._count_stale(batch, state, now_ns)
            if batch.sequence < state.next_sequence:
                return
        state.stale_count = 0
        if batch.sequence > state.next_sequence:
            state.waiting.setdefault(batch.sequence, (batch, now_ns))
            self._waiting[batch.scale_id] = state
            if len(state.waiting) > self._settings.waiting_batches_max:
                self._give_up_missing(batch.scale_id, state, now_ns, out)
            return
        self._release(batch, state, out)

    def _change_boot(self, batch: ScaleBatch, state: _ScaleState, now_ns: int, out: list[ScaleBatch]) -> None:
        if state.boot_id is None:
            state.next_sequence = batch.sequence  # We came later than the device: nothing is missing.
        else:
            while state.waiting:
                self._give_up_missing(batch.scale_id, state, now_ns, out)
            state.old_boots.append(state.boot_id)
            state.next_sequence = 0
            self._health.degrade(
                batch.scale_id,
                "scale",
                "rebooted",
                since_ns=batch.device_ns,
                now_ns=now_ns,
                detail=f"boot {batch.boot_id!r} after {state.boot_id!r}",
                repeats=True,
            )
        state.boot_id = batch.boot_id
        state.stale_count = 0

    def _count_stale(self, batch: ScaleBatch, state: _ScaleState, now_ns: int) -> None:
        """A batch from the past is a repetition, unless its clock says that the device began to count anew."""
        if batch.device_ns <= state.stale_device_ns:
            return
        state.stale_count += 1
        if state.stale_count < self._settings.stale_batches_max:
            return
        state.waiting.clear()
        state.next_sequence = batch.sequence
        self._health.degrade(
            batch.scale_id,
            "scale",
            "corrupt",
            since_ns=batch.device_ns,
            now_ns=now_ns,
            detail=f"sequence fell back to {batch.sequence} within boot {batch.boot_id!r}",
        )

    def _release(self, batch: ScaleBatch, state: _ScaleState, out: list[ScaleBatch]) -> None:
        out.append(batch)
        state.next_sequence = batch.sequence + 1
        state.stale_device_ns = max(state.stale_device_ns, batch.device_ns)
        while state.next_sequence in state.waiting:
            follower, _ = state.waiting.pop(state.next_sequence)
            out.append(follower)
            state.next_sequence += 1
            state.stale_device_ns = max(state.stale_device_ns, follower.device_ns)

    def _give_up_waiting(self, now_ns: int, out: list[ScaleBatch]) -> None:
        for scale_id, state in sorted(self._waiting.items()):
            while state.waiting:
                arrived_ns = min(arrived for _, arrived in state.waiting.values())
                if now_ns - arrived_ns < self._settings.reorder_ns_max:
                    break
                self._give_up_missing(scale_id, state, now_ns, out)
            if not state.waiting:
                del self._waiting[scale_id]

    def _give_up_missing(self, scale_id: str, state: _ScaleState, now_ns: int, out: list[ScaleBatch]) -> None:
        sequence = min(state.waiting)
        batch, _ = state.waiting.pop(sequence)
        self._health.degrade(
            scale_id,
            "scale",
            "gap",
            since_ns=batch.device_ns,
            now_ns=now_ns,
            detail=f"{sequence - state.next_sequence} batches missing before {sequence} of boot {batch.boot_id!r}",
            repeats=True,
        )
        self._release(batch, state, out)

    # --- cameras, foreign skeletons, gates ------------------------------------------------------------------------

    def _accept_detections(self, reading: CameraDetections, now_ns: int, out: list[CameraDetections]) -> None:
        state = self._cameras.get(reading.camera_id)
        if state is None:
            raise ReadingError(
                "no such camera in this store",
                field="camera_id",
                expected=_some(self._cameras),
                found=reading.camera_id,
            )
        for name in ("boxes_image_px", "scores", "keypoints_image_px", "appearance", "visibility"):
            if len(reading.scores) and not _is_finite(getattr(reading, name)):
                raise ReadingError("is not finite", field=name, expected="finite numbers")
        offset_ns = self._heard(reading.camera_id, "camera", reading.captured_ns, reading.received_ns, now_ns)
        self._silence.hear(reading.camera_id, now_ns)
        if offset_ns:
            reading = msgspec.structs.replace(reading, captured_ns=reading.captured_ns + offset_ns)
        if not state.seen.is_new(reading.captured_ns, self._settings.remembered_frames_max):
            return
        if not self._is_frozen(reading, state, now_ns):
            out.append(reading)

    def _is_frozen(self, reading: CameraDetections, state: _CameraState, now_ns: int) -> bool:
        """Whether a camera has shown the very same people for a while: nobody stands as still as that."""
        shown = hash(reading.boxes_image_px.tobytes() + reading.keypoints_image_px.tobytes())
        last, state.shown = state.shown, shown  # A number, not the people: nobody is kept who has gone.
        if shown != last or not len(reading.scores):
            state.same_since_ns = reading.captured_ns
            self._health.recover(reading.camera_id, "frozen", now_ns)
            return False
        if reading.captured_ns - state.same_since_ns < self._settings.frozen_after_ns:
            return False
        self._health.degrade(
            reading.camera_id, "camera", "frozen", since_ns=state.same_since_ns, now_ns=now_ns,
            detail="it shows the same people in the same places to the pixel",
        )  # fmt: skip
        return True

    def _accept_skeletons(self, reading: BodySkeletons, now_ns: int, out: list[BodySkeletons]) -> None:
        if np.isinf(reading.joints_floor_m).any():
            raise ReadingError("is infinite", field="joints_floor_m", expected="finite numbers or NaN")
        if len(set(reading.body_ids)) != len(reading.body_ids):
            raise ReadingError("names a body twice", field="body_ids", found=reading.body_ids)
        if self._skeletons_seen.add((reading.source_id, reading.captured_ns)):
            out.append(reading)

    def _accept_tap(self, tap: GateTap, now_ns: int, out: list[GateTap]) -> None:
        if tap.gate_id not in self._gate_ids:
            raise ReadingError(
                "no such gate in this store",
                field="gate_id",
                expected=_some(self._gate_ids),
                found=tap.gate_id,
            )
        if tap.direction not in ("entry", "exit"):
            raise ReadingError(
                "is no direction", field="direction", expected="entry or exit", found=tap.direction
            )
        if tap.people_count < 1:
            raise ReadingError(
                "nobody came", field="people_count", expected="1 or more", found=tap.people_count
            )
        if self._taps_seen.add((tap.gate_id, tap.direction, tap.visit_id, tap.tapped_ns)):
            out.append(tap)

    def _accept_look(self, look: PackLook, out: list[PackLook]) -> None:
        if look.camera_id not in self._cameras:
            raise ReadingError(
                "no such camera in this store",
                field="camera_id",
                expected=_some(self._cameras),
                found=look.camera_id,
            )
        if not np.isfinite(look.log_odds).all():
            raise ReadingError("is not finite", field="log_odds", expected="finite numbers")
        if self._looks_seen.add(look.look_id):
            out.append(look)

    # --- times ----------------------------------------------------------------------------------------------------

    def _heard(self, sensor_id: str, kind: str, said_ns: int, received_ns: int, now_ns: int) -> int:
        """Report what the message's times say about its sensor; the offset of the sensor's clock.

        Raises ReadingError for a time that cannot be.
        """
        clock = self._clocks[sensor_id]
        if not clock.hear(said_ns, received_ns):
            raise ReadingError(
                "was sent after it arrived",
                field="captured_ns" if kind == "camera" else "device_ns",
                expected=f"at most {received_ns - clock.offset_ns}",
                found=said_ns,
            )
        offset_ns = clock.offset_ns
        delay_ns = received_ns - said_ns - offset_ns
        if offset_ns:
            detail = f"its times are corrected by {ms_from_ns(offset_ns):+.0f} ms"
            self._health.degrade(sensor_id, kind, "clock", since_ns=now_ns, now_ns=now_ns, detail=detail)
        else:
            self._health.recover(sensor_id, "clock", now_ns)
        if delay_ns > self._settings.late_after_ns:
            self._health.degrade(
                sensor_id,
                kind,
                "late",
                since_ns=said_ns + offset_ns,
                now_ns=now_ns,
                detail=f"{ms_from_ns(delay_ns):.0f} ms from capture to arrival",
            )
        return offset_ns


# --- leaves -------------------------------------------------------------------------------------------------------


@dataclass
class _ScaleState:
    column_count: int
    boot_id: str | None = None
    next_sequence: int = 0
    waiting: dict[int, tuple[ScaleBatch, int]] = field(default_factory=dict)  # sequence -> batch, arrival
    old_boots: deque[str] = field(default_factory=lambda: deque(maxlen=8))
    stale_count: int = 0
    stale_device_ns: int = -1  # newest device time passed on


class _Recent:
    """The last `count_max` keys. Older ones are forgotten, first in first out."""

    def __init__(self, count_max: int) -> None:
        self._order: deque[object] = deque()
        self._keys: set[object] = set()
        self._count_max = count_max

    def add(self, key: object) -> bool:
        """True if the key is new."""
        if key in self._keys:
            return False
        if len(self._order) >= self._count_max:
            self._keys.discard(self._order.popleft())
        self._order.append(key)
        self._keys.add(key)
        return True


class _Times:
    """The newest frame times of one camera."""

    def __init__(self) -> None:
        self._newest: list[int] = []  # ascending
        self._forgotten_ns = -1

    def is_new(self, captured_ns: int, count_max: int) -> bool:
        """False for a frame seen before, or older than all that are remembered."""
        is_newest = not self._newest or captured_ns > self._newest[-1]
        if captured_ns <= self._forgotten_ns or (not is_newest and captured_ns in self._newest):
            return False
        self._newest.append(captured_ns)
        if not is_newest:
            self._newest.sort()
        if len(self._newest) > count_max:
            self._forgotten_ns = self._newest.pop(0)
        return True


@dataclass
class _CameraState:
    period_ns: int
    seen: _Times = field(default_factory=_Times)
    shown: int | None = None
    same_since_ns: int = 0


def _is_finite(numbers: NDArray[np.floating]) -> bool:
    """Whether all are: as a rule the sum of their squares tells, which no warning can come of."""
    return math.isfinite(np.vdot(numbers, numbers)) or bool(np.isfinite(numbers).all())


def _check_batch(batch: ScaleBatch, column_count: int) -> None:
    """Raise ReadingError unless the batch is what this scale may say."""
    grams = batch.grams
    if grams.ndim != 2 or grams.shape[0] == 0:
        raise ReadingError("has no samples", field="grams", expected="[samples, plates]", found=grams.shape)
    # A device may pad its row with columns that have no plate: they are NaN.
    if grams.shape[1] < column_count or np.isfinite(grams[:, column_count:]).any():
        raise ReadingError(
            "has the wrong number of columns", field="grams", expected=str(column_count), found=grams.shape[1]
        )
    if np.isinf(grams).any():
        raise ReadingError("is infinite", field="grams", expected="grams or NaN")
    if batch.sequence < 0:
        raise ReadingError("is negative", field="sequence", expected="0 or more", found=batch.sequence)
    if not 0.0 < batch.rate_hz <= 10_000.0:
        raise ReadingError("is no sample rate", field="rate_hz", expected="0 to 10000", found=batch.rate_hz)


def _sender(reading: Reading) -> tuple[str, str]:
    """(sensor_id, kind) for health messages."""
    match reading:
        case ScaleBatch():
            return reading.scale_id, "scale"
        case CameraDetections():
            return reading.camera_id, "camera"
        case BodySkeletons():
            return reading.source_id, "camera"
        case GateTap():
            return reading.gate_id, "gate"
        case PackLook():
            return reading.camera_id, "camera"


def _some(ids: object, shown_max: int = 6) -> str:
    names = sorted(str(name) for name in ids)  # type: ignore[attr-defined]
    more = f" and {len(names) - shown_max} more" if len(names) > shown_max else ""
    return "one of " + ", ".join(names[:shown_max]) + more
