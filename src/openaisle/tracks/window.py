"""Frames of unsynchronised cameras, gathered into short windows of capture time.

A window is worked off as soon as no live camera can still have a frame for it on the way, and at the latest
`hold_ns_max` after its end: late frames fall into the next window, where they are used at their own time.
"""

from __future__ import annotations

from collections.abc import Sequence

from openaisle.core.messages import CameraDetections, CameraId
from openaisle.core.units import NS_PER_MS, NS_PER_S
from openaisle.tracks.sightings import Rig


class FrameWindow:
    """Windows end at multiples of the fastest camera's frame period."""

    def __init__(
        self,
        rig: Rig,
        hold_ns_max: int = 200 * NS_PER_MS,
        late_ns_max: int = 250 * NS_PER_MS,
        frames_max: int = 4096,
    ) -> None:
        self._period_of = {
            camera_id: int(period) for camera_id, period in zip(rig.camera_ids, rig.period_ns, strict=True)
        }
        self.period_ns = min(self._period_of.values(), default=NS_PER_S // 8)
        self._hold_ns_max = hold_ns_max
        self._late_ns_max = late_ns_max
        self._frames_max = frames_max  # at the bound the oldest are dropped
        self._waiting: list[CameraDetections] = []
        self._newest_ns: dict[CameraId, int] = {}  # camera -> capture time of its newest frame
        self._arrived_ns: dict[CameraId, int] = {}
        self._until_ns: int | None = None  # end of the window that is being gathered
        self._awaited: CameraId | None = None  # a camera that it waited for last

    def add(self, frames: Sequence[CameraDetections], now_ns: int) -> None:
        for frame in frames:
            if frame.camera_id not in self._period_of:
                continue
            newest_ns = self._newest_ns.get(frame.camera_id, frame.captured_ns)
            self._newest_ns[frame.camera_id] = max(newest_ns, frame.captured_ns)
            self._arrived_ns[frame.camera_id] = now_ns
            if self._until_ns is None:
                self._until_ns = -(-frame.captured_ns // self.period_ns) * self.period_ns
            if frame.captured_ns > self._until_ns - self.period_ns - self._late_ns_max:
                self._waiting.append(frame)
        if len(self._waiting) > self._frames_max:
            self._waiting.sort(key=_order)
            del self._waiting[: len(self._waiting) - self._frames_max]

    def take(self, now_ns: int) -> tuple[int, list[CameraDetections]] | None:
        """(end of window, its frames in order of capture) of the next window that is complete, or None."""
        until_ns = self._until_ns
        if until_ns is None or not self._is_complete(until_ns, now_ns):
            return None
        if not self._waiting and now_ns - until_ns > 4 * NS_PER_S:
            # A long silence: one empty window stands for all.
            until_ns = (now_ns - self._hold_ns_max) // self.period_ns * self.period_ns
        frames = sorted((frame for frame in self._waiting if frame.captured_ns <= until_ns), key=_order)
        self._waiting = [frame for frame in self._waiting if frame.captured_ns > until_ns]
        self._until_ns = until_ns + self.period_ns
        return until_ns, frames

    def take_rest(self, now_ns: int) -> tuple[int, list[CameraDetections]] | None:
        """The next window as long as frames wait, complete or not: nothing more will come."""
        return self.take(max(now_ns, (self._until_ns or 0) + self._hold_ns_max)) if self._waiting else None

    def _is_complete(self, until_ns: int, now_ns: int) -> bool:
        if now_ns >= until_ns + self._hold_ns_max:
            return True
        if self._awaited is not None and self._is_awaited(self._awaited, until_ns, now_ns):
            return False  # Asked for every reading: as a rule it still waits for the same camera.
        self._awaited = next(
            (each for each in self._arrived_ns if self._is_awaited(each, until_ns, now_ns)), None
        )
        return self._awaited is None and any(
            now_ns - arrived_ns < NS_PER_S for arrived_ns in self._arrived_ns.values()
        )

    def _is_awaited(self, camera_id: CameraId, until_ns: int, now_ns: int) -> bool:
        """Whether a live camera may still have a frame for the window on the way."""
        is_live = now_ns - self._arrived_ns[camera_id] < NS_PER_S
        return is_live and self._newest_ns[camera_id] + self._period_of[camera_id] <= until_ns


def _order(frame: CameraDetections) -> tuple[int, str]:
    return frame.captured_ns, frame.camera_id
