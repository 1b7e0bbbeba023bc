"""A recording through the whole path, with whatever eyes it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Literal

from openaisle.core.errors import InputError
from openaisle.core.messages import Message, Reading, VisitId
from openaisle.pipeline import Pipeline
from openaisle.ports import EventLog
from openaisle.replay.eyes import has_recorded_detections, readings_with_video
from openaisle.replay.player import Replayed, play
from openaisle.replay.recording import Recording

Vision = Literal["auto", "recorded", "video"]
VISIONS: Final[tuple[Vision, ...]] = ("auto", "recorded", "video")


def run(
    recording: Recording,
    event_log: EventLog,
    *,
    vision: str = "auto",
    keep: tuple[type[Message], ...] = (Message,),
    until_visit: VisitId | None = None,
    progress: Callable[[float], None] | None = None,
) -> Replayed:
    """Play `recording` through a new path that writes `event_log`; collect the messages of the kinds in `keep`.

    `vision`: detections as recorded, or made from the videos; auto makes them only where none were recorded.
    `progress` is told the share of the recorded time that is done, about a hundred times.
    """
    readings = _readings(recording, vision)
    if progress is not None:
        readings = _counted(readings, recording.manifest.started_ns, recording.manifest.ended_ns, progress)
    path = Pipeline(recording.store, event_log)
    return play(readings, path, keep=lambda message: isinstance(message, keep), until_visit=until_visit)


def _readings(recording: Recording, vision: str) -> Iterable[Reading]:
    if vision not in VISIONS:
        raise InputError("no such vision", field="--vision", expected=" | ".join(VISIONS), found=vision)
    wants_video = vision == "video" or (vision == "auto" and not has_recorded_detections(recording))
    if vision == "video" and not recording.video_paths:
        raise InputError("has no videos", file=str(recording.folder), expected="cameras/*.mp4")
    if not (wants_video and recording.video_paths):
        return recording.readings()
    from openaisle.detections.people import PeopleDetector

    return readings_with_video(recording, PeopleDetector(recording.store.cameras))


def _counted(
    readings: Iterable[Reading], started_ns: int, ended_ns: int, progress: Callable[[float], None]
) -> Iterator[Reading]:
    step_ns = max(1, (ended_ns - started_ns) // 100)
    next_ns = started_ns
    for reading in readings:
        if reading.received_ns >= next_ns:
            progress(min(1.0, (reading.received_ns - started_ns) / max(1, ended_ns - started_ns)))
            next_ns = reading.received_ns + step_ns
        yield reading
