"""Faults do what their names say, and leave the rest alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from openaisle.core.errors import InputError
from openaisle.core.messages import CameraDetections, GateTap, Reading, ScaleBatch, encode
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.sim.faults import FAULT_KINDS, Fault, draw_faults, with_faults
from openaisle.store.schema import Store

SECONDS = 120


def readings() -> list[Reading]:
    """Two minutes of one scale, one camera and a few taps."""
    stream: list[Reading] = []
    for k in range(SECONDS * 5):
        at_ns = k * 200 * NS_PER_MS
        stream.append(
            ScaleBatch(
                scale_id="scale-A",
                boot_id="b",
                sequence=k,
                device_ns=at_ns,
                received_ns=at_ns + 300 * NS_PER_MS,
                rate_hz=60.0,
                grams=np.full((12, 3), 1000 + k, np.float32),
            )
        )
    for k in range(SECONDS * 8):
        at_ns = k * 125 * NS_PER_MS + 1
        stream.append(
            CameraDetections(
                camera_id="cam-1",
                captured_ns=at_ns,
                received_ns=at_ns + 70 * NS_PER_MS,
                boxes_image_px=np.full((1, 4), k, np.float32),
                scores=np.ones(1, np.float32),
                keypoints_image_px=np.zeros((1, 17, 3), np.float32),
                appearance=np.zeros((1, 0), np.float32),
            )
        )
    for k in range(5):
        at_ns = (10 + 20 * k) * NS_PER_S
        stream.append(
            GateTap(
                gate_id="entry",
                direction="entry",
                visit_id=f"v{k}",
                tapped_ns=at_ns,
                received_ns=at_ns + 1,
            )
        )
    return sorted(stream, key=lambda reading: reading.received_ns)


def spoiled(kind: str, sensor_id: str, **more: object) -> tuple[list[Reading], list[Reading]]:
    """The readings before and after a fault from 30 s to 90 s."""
    fault = Fault(
        kind=kind,
        sensor_id=sensor_id,
        starts_ns=30 * NS_PER_S,
        ends_ns=90 * NS_PER_S,
        **more,  # type: ignore[arg-type]
    )
    before = readings()
    after = list(with_faults(before, [fault], seed=1))
    arrived = [reading.received_ns for reading in after]
    assert arrived == sorted(arrived)
    untouched = [reading for reading in before if sensor(reading) != sensor_id]
    assert [encode(reading) for reading in after if sensor(reading) != sensor_id] == [
        encode(reading) for reading in untouched
    ]
    return before, after


def sensor(reading: Reading) -> str:
    return str(
        getattr(reading, "scale_id", None)
        or getattr(reading, "camera_id", None)
        or getattr(reading, "gate_id", None)
    )


def batches(stream: Sequence[Reading]) -> list[ScaleBatch]:
    return [reading for reading in stream if isinstance(reading, ScaleBatch)]


def pictures(stream: Sequence[Reading]) -> list[CameraDetections]:
    return [reading for reading in stream if isinstance(reading, CameraDetections)]


def test_without_faults_nothing_changes() -> None:
    assert [encode(reading) for reading in with_faults(readings(), [], seed=1)] == [
        encode(reading) for reading in readings()
    ]


def test_lost_batches_never_come() -> None:
    before, after = spoiled("scale_lost", "scale-A")
    assert 5 < len(batches(before)) - len(batches(after)) < 30


def test_duplicated_batches_come_twice_with_one_sequence() -> None:
    before, after = spoiled("scale_duplicated", "scale-A")
    assert 15 < len(batches(after)) - len(batches(before)) < 50
    assert {batch.sequence for batch in batches(after)} == {batch.sequence for batch in batches(before)}


@pytest.mark.parametrize("kind", ["scale_late", "scale_reordered"])
def test_late_batches_come_out_of_order_but_come(kind: str) -> None:
    before, after = spoiled(kind, "scale-A")
    sequences = [batch.sequence for batch in batches(after)]
    assert sequences != sorted(sequences)
    assert sorted(sequences) == [batch.sequence for batch in batches(before)]


def test_a_reboot_begins_a_new_boot_with_another_tare() -> None:
    _, after = spoiled("scale_rebooted", "scale-A", amount=-500.0)
    old, new = ([b for b in batches(after) if b.boot_id == boot] for boot in ("b", "b+1"))
    assert new[0].sequence == 0
    assert new[0].device_ns - old[-1].device_ns > 2.5 * NS_PER_S
    assert new[0].grams[0, 0] < old[-1].grams[0, 0] - 400


def test_a_skewed_clock_drifts() -> None:
    before, after = spoiled("scale_skewed", "scale-A", amount=2.0, drift_ppm=200.0)
    off = [b.device_ns - a.device_ns for a, b in zip(batches(before), batches(after), strict=True)]
    assert off[0] == pytest.approx(2 * NS_PER_S, abs=10 * NS_PER_MS)
    assert off[-1] - off[0] == pytest.approx(200e-6 * SECONDS * NS_PER_S, rel=0.05)


def test_a_dead_plate_says_nan_and_a_stuck_one_the_same() -> None:
    _, dead = spoiled("plate_dead", "scale-A", column=1)
    _, stuck = spoiled("plate_stuck", "scale-A", column=1)
    during = slice(200, 400)
    assert all(np.isnan(batch.grams[:, 1]).all() for batch in batches(dead)[during])
    assert all(not np.isnan(batch.grams[:, [0, 2]]).any() for batch in batches(dead))
    assert len({float(value) for batch in batches(stuck)[during] for value in batch.grams[:, 1]}) == 1


def test_a_lost_camera_is_silent_and_a_frozen_one_repeats_itself() -> None:
    before, lost = spoiled("camera_lost", "cam-1")
    _, frozen = spoiled("camera_frozen", "cam-1")
    assert len(pictures(before)) - len(pictures(lost)) == pytest.approx(480, abs=2)
    during = [p for p in pictures(frozen) if 31 * NS_PER_S < p.received_ns < 89 * NS_PER_S]
    assert len({float(picture.boxes_image_px[0, 0]) for picture in during}) == 1
    assert len({picture.captured_ns for picture in during}) == len(during)


def test_taps_come_twice_or_late() -> None:
    _, twice = spoiled("gate_duplicated", "entry")
    _, late = spoiled("gate_late", "entry")
    assert len([reading for reading in twice if isinstance(reading, GateTap)]) == 5 + 3
    waits = [tap.received_ns - tap.tapped_ns for tap in late if isinstance(tap, GateTap)]
    assert sum(wait > 0.1 * NS_PER_S for wait in waits) == 3


def test_a_seed_draws_the_same_faults_every_time(corner: Store) -> None:
    draws = [
        draw_faults(corner, start_ns=0, end_ns=3600 * NS_PER_S, seed=seed) for seed in (1, 1, 2, 3, 4, 5)
    ]
    assert draws[0] == draws[1]
    assert len(set(draws)) > 3
    for kind in FAULT_KINDS:
        (fault, *_) = draw_faults(corner, start_ns=0, end_ns=3600 * NS_PER_S, seed=1, kinds=[kind])
        assert fault.kind == kind
        assert 0 <= fault.starts_ns <= fault.ends_ns <= 3600 * NS_PER_S


def test_an_unknown_kind_of_fault_is_refused_by_name(corner: Store) -> None:
    with pytest.raises(InputError, match="gremlins"):
        draw_faults(corner, start_ns=0, end_ns=1, seed=1, kinds=["gremlins"])
