"""The doors of the house: everything outside (sensors, disks, clocks, processors) comes in through one of these.

A port says what rooms and processes may expect; adapters/, sim/ and tests implement it; tests/contracts/ runs one
suite against every implementation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from openaisle.core.messages import CameraDetections, Frame, GateTap, ScaleBatch


class Clock(Protocol):
    """The shop's time. Wall time in a real shop; simulated (and possibly slower) time in a demo."""

    def now_ns(self) -> int:
        """Nanoseconds since the epoch, never going back."""
        ...

    def sleep_until(self, at_ns: int) -> None:
        """Return when `now_ns() >= at_ns`."""
        ...


class Camera(Protocol):
    """A stream of pictures. Reconnects by itself; silence is reported as health, not raised."""

    camera_id: str

    def frames(self) -> Iterator[Frame]:
        """Frames as they come, until `close`. A file ends; a live camera does not."""
        ...

    def close(self) -> None: ...


class Scale(Protocol):
    """Batches of one or several weighing devices, as they arrive."""

    def batches(self) -> Iterator[ScaleBatch]: ...

    def close(self) -> None: ...


class Gate(Protocol):
    """Verified taps, as they arrive."""

    def taps(self) -> Iterator[GateTap]: ...

    def close(self) -> None: ...


class Detector(Protocol):
    """Pixels to people. The one costly model of the path; what it returns is the seam."""

    def detect(self, frames: Sequence[Frame]) -> list[CameraDetections]:
        """One result a frame, same order. Frames may be of different cameras."""
        ...


class EventLog(Protocol):
    """Append-only, durable, one writer. `append` returns only when the entries are on disk."""

    def append(self, entries: Sequence[bytes]) -> int:
        """Append all or none; return the sequence number of the last one. Raises LedgerDamaged, OSError."""
        ...

    def read(self, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """(sequence, entry) of every entry with a sequence above `after`, in order."""
        ...

    def close(self) -> None: ...
