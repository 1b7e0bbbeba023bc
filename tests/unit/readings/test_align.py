"""The timeline passes every good reading on once and in order, and says what was wrong with the others."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from openaisle.core.messages import (
    BodySkeletons,
    CameraDetections,
    GateTap,
    Reading,
    ScaleBatch,
    SensorDegraded,
    SensorRecovered,
)
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.readings.align import AlignedReadings, Timeline
from openaisle.store.schema import Store

BATCH_NS = 200 * NS_PER_MS
TRAVEL_NS = 100 * NS_PER_MS


def batch(sequence: int, *, scale: str = "A", boot: str = "b1", columns: int = 4, travel_ns: int = TRAVEL_NS):
    device_ns = sequence * BATCH_NS
    return ScaleBatch(
        scale_id=f"scale-{scale}",
        boot_id=boot,
        sequence=sequence,
        device_ns=device_ns,
        received_ns=device_ns + travel_ns,
        rate_hz=60.0,
        grams=np.full((12, columns), float(sequence), np.float32),
    )


def frame(camera: str, captured_ns: int, travel_ns: int = TRAVEL_NS) -> CameraDetections:
    return CameraDetections(
        camera_id=camera,
        captured_ns=captured_ns,
        received_ns=captured_ns + travel_ns,
        boxes_image_px=np.zeros((0, 4), np.float32),
        scores=np.zeros(0, np.float32),
        keypoints_image_px=np.zeros((0, 17, 3), np.float32),
        appearance=np.zeros((0, 0), np.float32),
    )


def play(
    timeline: Timeline, readings: Sequence[Reading], until_ns: int | None = None
) -> list[AlignedReadings]:
    """One step every 50 ms; every reading arrives at its received_ns."""
    waiting = sorted(readings, key=lambda reading: reading.received_ns)
    end_ns = until_ns or (max((r.received_ns for r in readings), default=0) + NS_PER_S)
    said: list[AlignedReadings] = []
    for now_ns in range(0, end_ns + 1, 50 * NS_PER_MS):
        arrived = [reading for reading in waiting if reading.received_ns <= now_ns]
        waiting = waiting[len(arrived) :]
        said.append(timeline.step(arrived, now_ns))
    said.append(timeline.finish(end_ns))
    return said


def sequences(said: list[AlignedReadings], scale: str = "A") -> list[int]:
    return [b.sequence for aligned in said for b in aligned.scale_batches if b.scale_id == f"scale-{scale}"]


def troubles(said: list[AlignedReadings], sensor: str) -> list[str]:
    """Reasons in order; a recovery has a minus sign."""
    return [
        ("" if isinstance(message, SensorDegraded) else "-") + message.reason
        for aligned in said
        for message in aligned.health
        if message.sensor_id == sensor
    ]


def test_a_batch_in_order_is_passed_on_by_the_step_it_came_in(small_store: Store) -> None:
    timeline = Timeline(small_store)
    for sequence in range(5):
        one = batch(sequence)
        assert timeline.step([one], one.received_ns).scale_batches == (one,)


def test_a_batch_that_comes_twice_is_passed_on_once(small_store: Store) -> None:
    readings = [batch(n) for n in range(6)] + [batch(n, travel_ns=150 * NS_PER_MS) for n in range(6)]
    said = play(Timeline(small_store), readings)
    assert sequences(said) == list(range(6))
    assert "gap" not in troubles(said, "scale-A")


def test_batches_overtaken_on_the_way_are_put_back_in_order(small_store: Store) -> None:
    late = {2: 330 * NS_PER_MS, 5: 320 * NS_PER_MS}
    said = play(Timeline(small_store), [batch(n, travel_ns=late.get(n, TRAVEL_NS)) for n in range(9)])
    assert sequences(said) == list(range(9))
    assert "gap" not in troubles(said, "scale-A")


def test_a_lost_batch_is_a_recorded_gap_and_holds_the_others_up_for_a_quarter_second_at_most(
    small_store: Store,
) -> None:
    timeline = Timeline(small_store)
    said = play(timeline, [batch(n) for n in (0, 1, 3, 4, 5)])
    assert sequences(said) == [0, 1, 3, 4, 5]
    assert "gap" in troubles(said, "scale-A")
    gaps = [m for a in said for m in a.health if isinstance(m, SensorDegraded) and m.reason == "gap"]
    assert [gap.detail.split()[0] for gap in gaps] == ["1"]
    arrived_step = 700 // 50
    passed_on = next(i for i, a in enumerate(said) if any(b.sequence == 3 for b in a.scale_batches))
    assert (passed_on - arrived_step) * 50 <= 250


def test_a_restart_is_noted_and_stragglers_of_the_boot_before_are_dropped(small_store: Store) -> None:
    old = [batch(n) for n in range(3)]
    straggler = batch(3, travel_ns=450 * NS_PER_MS)
    new = [
        ScaleBatch(
            scale_id="scale-A",
            boot_id="b2",
            sequence=n,
            device_ns=(4 + n) * BATCH_NS,
            received_ns=(4 + n) * BATCH_NS + TRAVEL_NS,
            rate_hz=60.0,
            grams=np.zeros((12, 4), np.float32),
        )
        for n in range(4)
    ]
    said = play(Timeline(small_store), [*old, *new, straggler])
    passed = [(b.boot_id, b.sequence) for a in said for b in a.scale_batches]
    assert passed == [("b1", 0), ("b1", 1), ("b1", 2), ("b2", 0), ("b2", 1), ("b2", 2), ("b2", 3)]
    assert "rebooted" in troubles(said, "scale-A")


@pytest.mark.parametrize(
    ("bad", "said_about"),
    [
        (batch(1, columns=3), "columns"),
        (batch(1, scale="Z"), "scale_id"),
        (batch(1, columns=6), "columns"),
        (frame("cam-9", NS_PER_S), "camera_id"),
        (
            GateTap(gate_id="nowhere", direction="entry", visit_id="v", tapped_ns=1, received_ns=1),
            "gate_id",
        ),
        (
            GateTap(gate_id="entry", direction="up", visit_id="v", tapped_ns=1, received_ns=1),
            "direction",
        ),
    ],
)
def test_a_corrupt_reading_is_reported_and_left_out(
    small_store: Store, bad: Reading, said_about: str
) -> None:
    timeline = Timeline(small_store)
    good = batch(0)
    aligned = timeline.step([bad, good], NS_PER_S)
    assert aligned.scale_batches == (good,)
    assert (aligned.detections, aligned.taps) == ((), ())
    corrupt = [m for m in aligned.health if isinstance(m, SensorDegraded) and m.reason == "corrupt"]
    assert len(corrupt) == 1
    assert said_about in corrupt[0].detail


def test_columns_without_a_plate_may_follow_if_they_are_nan(small_store: Store) -> None:
    padded = batch(0, columns=12)
    padded.grams[:, 4:] = np.nan
    assert Timeline(small_store).step([padded], NS_PER_S).scale_batches == (padded,)


def test_a_flood_of_corrupt_batches_is_told_once_a_second(small_store: Store) -> None:
    said = play(Timeline(small_store), [batch(n, columns=2, travel_ns=n) for n in range(100)])
    assert 10 <= troubles(said, "scale-A").count("corrupt") <= 25


def test_a_silent_sensor_is_noticed_within_a_second_and_its_return_too(small_store: Store) -> None:
    lost_ns, back_ns, end_ns = 2 * NS_PER_S, 5 * NS_PER_S, 7 * NS_PER_S
    alive = [t for t in range(0, end_ns, 125 * NS_PER_MS) if t < lost_ns or t >= back_ns]
    readings: list[Reading] = [frame("cam-1", t) for t in alive]
    readings += [batch(n) for n in range(35) if not lost_ns <= n * BATCH_NS < back_ns]
    said = play(Timeline(small_store), readings, end_ns)
    for sensor in ("cam-1", "scale-A"):
        messages = [m for a in said for m in a.health if m.sensor_id == sensor and m.reason == "silent"]
        assert [type(m) for m in messages] == [SensorDegraded, SensorRecovered]
        told = next(i for i, a in enumerate(said) if messages[0] in a.health) * 50 * NS_PER_MS
        assert told - lost_ns <= NS_PER_S + TRAVEL_NS
        recovered = messages[1]
        assert isinstance(recovered, SensorRecovered)
        assert recovered.recovered_ns - back_ns <= 500 * NS_PER_MS


def test_a_sensor_that_never_spoke_is_silent(small_store: Store) -> None:
    said = play(Timeline(small_store), [], 2 * NS_PER_S)
    assert {m.sensor_id for a in said for m in a.health} == {"cam-1", "cam-2", "scale-A", "scale-B"}


def test_a_repeated_frame_tap_or_skeleton_is_passed_on_once(small_store: Store) -> None:
    tap = GateTap(gate_id="entry", direction="entry", visit_id="v1", tapped_ns=5, received_ns=6)
    bodies = BodySkeletons(
        source_id="poses",
        captured_ns=9,
        received_ns=10,
        body_ids=("b",),
        joints_floor_m=np.full((1, 17, 4), np.nan, np.float32),
    )
    timeline = Timeline(small_store)
    both = [tap, tap, bodies, bodies, frame("cam-1", 7), frame("cam-1", 7), frame("cam-2", 7)]
    aligned = timeline.step(both, NS_PER_S)
    again = timeline.step(both, NS_PER_S)
    assert (len(aligned.taps), len(aligned.skeletons), len(aligned.detections)) == (1, 1, 2)
    assert (len(again.taps), len(again.skeletons), len(again.detections)) == (0, 0, 0)


@pytest.mark.parametrize("skew_s", [-5.0, -1.5, 0.8, 5.0])
def test_a_device_clock_that_is_wrong_by_seconds_is_corrected_and_reported(
    small_store: Store, skew_s: float
) -> None:
    skew_ns = round(skew_s * NS_PER_S)
    start_ns = 10 * NS_PER_S
    true_ns = [start_ns + n * 125 * NS_PER_MS for n in range(80)]
    readings: list[Reading] = []
    for index, at_ns in enumerate(true_ns):
        travel_ns = (60 + 7 * (index % 10)) * NS_PER_MS
        readings.append(frame("cam-1", at_ns + skew_ns, travel_ns - skew_ns))
    said = play(Timeline(small_store), readings)
    passed = [d.captured_ns for a in said for d in a.detections]
    errors_ms = [abs(got - want) / NS_PER_MS for got, want in zip(passed[-40:], true_ns[-40:], strict=True)]
    assert max(errors_ms) < 60
    assert "clock" in troubles(said, "cam-1")


def test_one_message_with_a_time_from_the_future_is_corrupt_and_moves_no_clock(small_store: Store) -> None:
    readings: list[Reading] = [frame("cam-1", n * 125 * NS_PER_MS) for n in range(40)]
    readings[20] = frame("cam-1", 3600 * NS_PER_S, 20 * 125 * NS_PER_MS + TRAVEL_NS - 3600 * NS_PER_S)
    said = play(Timeline(small_store), readings)
    passed = [d.captured_ns for a in said for d in a.detections]
    assert passed == [n * 125 * NS_PER_MS for n in range(40) if n != 20]
    assert "corrupt" in troubles(said, "cam-1")
    assert "clock" not in troubles(said, "cam-1")


def test_a_right_clock_is_left_alone_even_when_a_broker_hands_out_old_messages_at_once(
    small_store: Store,
) -> None:
    held_ns = 6 * NS_PER_S
    readings: list[Reading] = [
        batch(n, travel_ns=max(TRAVEL_NS, held_ns - n * BATCH_NS) if 5 <= n < 30 else TRAVEL_NS)
        for n in range(60)
    ]
    said = play(Timeline(small_store), readings)
    assert [b.device_ns for a in said for b in a.scale_batches] == [n * BATCH_NS for n in range(60)]
    assert "clock" not in troubles(said, "scale-A")
    assert "late" in troubles(said, "scale-A")


def test_a_device_that_counts_anew_without_a_new_boot_is_heard_again(small_store: Store) -> None:
    fallen = [
        ScaleBatch(
            scale_id="scale-A",
            boot_id="b1",
            sequence=n,
            device_ns=(20 + n) * BATCH_NS,
            received_ns=(20 + n) * BATCH_NS + TRAVEL_NS,
            rate_hz=60.0,
            grams=np.zeros((12, 4), np.float32),
        )
        for n in range(10)
    ]
    said = play(Timeline(small_store), [*(batch(n) for n in range(20)), *fallen])
    assert sequences(said)[20:] == list(range(2, 10))
    assert "corrupt" in troubles(said, "scale-A")


@settings(max_examples=60, deadline=None)
@given(
    delays_ms=st.lists(st.integers(0, 400), min_size=30, max_size=30),
    copies=st.lists(st.integers(0, 2), min_size=30, max_size=30),
)
def test_whatever_the_network_does_each_batch_passes_at_most_once_and_in_order(
    small_store: Store, delays_ms: list[int], copies: list[int]
) -> None:
    readings: list[Reading] = [
        batch(n, travel_ns=(50 + delays_ms[n] + 37 * copy) * NS_PER_MS)
        for n in range(30)
        for copy in range(copies[n])
    ]
    said = play(Timeline(small_store), readings, 8 * NS_PER_S)
    passed = sequences(said)
    assert passed == sorted(set(passed))
    held = max(delays_ms) - min(delays_ms) < 240
    if held and readings:
        # Everything between the first and the last arrival that was sent at all came through.
        sent = [n for n in range(30) if copies[n]]
        first = min(readings, key=lambda r: r.received_ns)
        assert isinstance(first, ScaleBatch)
        assert set(passed) >= {n for n in sent if n >= first.sequence}


def test_memory_does_not_grow_with_time(small_store: Store) -> None:
    timeline = Timeline(small_store)
    for n in range(3000):
        now_ns = n * BATCH_NS + TRAVEL_NS
        timeline.step([batch(n * 2), frame("cam-1", n * BATCH_NS)], now_ns)
    state = timeline._scales["scale-A"]
    assert len(state.waiting) <= 17
    assert len(timeline._cameras["cam-1"].seen._newest) <= 65
