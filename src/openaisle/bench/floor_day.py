"""A recorded day's floor, counted from its readings."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from openaisle.analytics.day import FloorDay, FloorMessage
from openaisle.core.messages import CameraDetections, GateTap, Message
from openaisle.core.units import NS_PER_S
from openaisle.readings.align import Timeline
from openaisle.receipts.receipt import timezone_of
from openaisle.replay.recording import Recording
from openaisle.tracks.floor import Tracks


def floor_of(recording: Recording) -> FloorDay:
    """All visits of a recording, as one day: that of its first reading."""
    store = recording.store
    started = datetime.fromtimestamp(recording.manifest.started_ns // NS_PER_S, timezone_of(store.timezone))
    day = FloorDay(store, started.date().isoformat())
    timeline, tracks = Timeline(store), Tracks(store)
    now_ns = recording.manifest.started_ns
    for reading in recording.readings():
        if not isinstance(reading, CameraDetections | GateTap):
            continue
        now_ns = reading.received_ns
        aligned = timeline.step([reading], now_ns)
        _accept(day, tracks.step(aligned.detections, [], aligned.taps, now_ns))
    _accept(day, tracks.finish(now_ns))
    return day


def _accept(day: FloorDay, messages: Iterable[Message]) -> None:
    for message in messages:
        if isinstance(message, FloorMessage):
            day.accept(message)
