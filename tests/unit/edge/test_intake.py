from __future__ import annotations

import threading
from itertools import islice
from pathlib import Path

from openaisle.adapters.clock import SimulatedClock
from openaisle.adapters.event_log_memory import MemoryEventLog
from openaisle.core.messages import GateTap, Reading
from openaisle.core.units import NS_PER_MS
from openaisle.edge.intake import Intake
from openaisle.pipeline import Pipeline
from openaisle.replay.player import TICK_NS
from openaisle.replay.recording import Recording, RecordingWriter
from openaisle.replay.run import run
from openaisle.sim.day import SimulatedDay
from openaisle.sim.scripts import plan_day
from openaisle.store.load import load_store

READINGS = 7_000  # the better part of a visit: somebody came in and took something


def tap(number: int) -> GateTap:
    return GateTap(gate_id="entry", direction="entry", visit_id=f"v{number}", tapped_ns=number, received_ns=0)


def test_readings_of_many_threads_get_strictly_growing_times_even_when_the_clock_stands() -> None:
    intake = Intake(SimulatedClock(1_000))
    threads = [
        threading.Thread(target=lambda: [intake.put(tap(number)) for number in range(200)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    readings, tick_ns = intake.take(0.0)
    times = [reading.received_ns for reading in readings]
    assert len(times) == 800
    assert tick_ns is None
    assert times == sorted(set(times))


def test_timers_tick_only_where_nothing_came() -> None:
    clock = SimulatedClock(1_000)
    intake = Intake(clock)
    assert intake.take(0.0) == ([], None)  # before the first reading there is nothing to time
    intake.put(tap(1))
    first_ns = intake.take(0.0)[0][0].received_ns
    clock.sleep_until(first_ns + TICK_NS)
    assert intake.take(0.0) == ([], None)
    clock.sleep_until(first_ns + TICK_NS + 1)
    assert intake.take(0.0) == ([], first_ns + TICK_NS)
    assert intake.take(0.0) == ([], None)


def test_a_full_intake_holds_its_senders_back() -> None:
    intake = Intake(SimulatedClock(1_000), readings_max=2)
    intake.put(tap(1))
    intake.put(tap(2))
    third = threading.Thread(target=intake.put, args=(tap(3),), daemon=True)
    third.start()
    third.join(0.1)
    assert third.is_alive()
    assert len(intake.take(0.0)[0]) == 2
    third.join(2.0)
    assert len(intake.take(0.0)[0]) == 1


def test_a_day_that_came_through_the_intake_plays_again_to_the_same_bytes(tmp_path: Path) -> None:
    store = load_store("corner")
    day = SimulatedDay(store, plan_day(store, visit_count=1, seed=5), vision="skeleton")
    clock = SimulatedClock(1_000)
    intake, live_log = Intake(clock), MemoryEventLog()
    live = Pipeline(store, live_log)
    with RecordingWriter(tmp_path / "day", store) as writer:
        for reading in islice(day, READINGS):
            clock.sleep_until(
                reading.received_ns // (7 * NS_PER_MS) * 7 * NS_PER_MS
            )  # readings come in clumps
            while (tick_ns := intake.take(0.0)[1]) is not None:
                live.step([], tick_ns)
            intake.put(reading)
            _step(intake, live, writer)
        live.finish(intake.newest_ns)
    replayed_log = MemoryEventLog()
    run(Recording.open(tmp_path / "day"), replayed_log)
    assert live_log.digest() == replayed_log.digest()
    assert next(iter(live_log.read()), None) is not None


def _step(intake: Intake, live: Pipeline, writer: RecordingWriter) -> None:
    readings: list[Reading] = intake.take(0.0)[0]
    for reading in readings:
        writer.write(reading)
        live.step([reading], reading.received_ns)
