from __future__ import annotations

from openaisle.core.messages import SensorDegraded, SensorRecovered
from openaisle.core.units import NS_PER_S
from openaisle.edge.day import HealthBook


def degraded(reason: str, at_s: float = 1.0, detail: str = "") -> SensorDegraded:
    return SensorDegraded(
        sensor_id="cam-1", kind="camera", reason=reason, since_ns=round(at_s * NS_PER_S), detail=detail
    )


def recovered(reason: str) -> SensorRecovered:
    return SensorRecovered(sensor_id="cam-1", kind="camera", reason=reason, recovered_ns=9)


def test_a_fault_is_said_once_when_it_begins_and_once_when_it_ends() -> None:
    book = HealthBook()
    said = [
        book.hear(message)
        for message in (
            degraded("silent", detail="refuses the connection"),
            degraded("silent"),
            recovered("silent"),
            recovered("silent"),
            degraded("silent"),
        )
    ]
    assert said == [
        "cam-1: silent: refuses the connection",
        None,
        "cam-1: no longer silent",
        None,
        "cam-1: silent",
    ]
    assert [fault.reason for fault in book.present] == ["silent"]


def test_single_events_are_said_at_most_every_ten_seconds_and_counted_all_the_same() -> None:
    book = HealthBook()
    said = [book.hear(degraded("corrupt", at_s, f"batch {at_s:g}")) for at_s in (1, 2, 3, 12)]
    assert said == ["cam-1: corrupt: batch 1", None, None, "cam-1: corrupt: batch 12 (and 2 more since)"]
    assert book.counts["cam-1", "corrupt"] == 4
    assert book.present == []
