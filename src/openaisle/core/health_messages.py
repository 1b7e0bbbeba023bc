"""What is said of sensors that are worse than they should be; `core.messages` has all of it."""

from __future__ import annotations

from openaisle.core.message_parts import Message


class SensorDegraded(Message, frozen=True, kw_only=True):
    """A sensor is worse than it should be. Data, not an exception: carry on with wider uncertainty."""

    sensor_id: str
    kind: str  # "camera" | "scale" | "plate" | "shelf" | "gate" | "bus"
    # A fixed word: silent, frozen, black, gap, dead_plate, noisy_plate, rebooted, corrupt, late, clock; clock_skew and
    # pose_drift, which people tell; of a picture also covered, moved, too_dark, over_exposed, exposure_drift,
    # colour_drift, out_of_focus.
    reason: str
    since_ns: int
    detail: str = ""


class SensorRecovered(Message, frozen=True, kw_only=True):
    """It is as it should be again."""

    sensor_id: str
    kind: str
    reason: str
    recovered_ns: int
