"""Units. Time is integer nanoseconds since the Unix epoch, money integer minor units; metres and grams are floats."""

from typing import Final

NS_PER_US: Final = 1_000
NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000
NS_PER_HOUR: Final = 3_600 * NS_PER_S
METRES_PER_INCH: Final = 0.0254
SQUARE_METRES_PER_SQUARE_FOOT: Final = METRES_PER_INCH**2 * 144


def ns_from_s(seconds: float) -> int:
    """Seconds to integer nanoseconds, rounded to the nearest microsecond: floats carry no more than that."""
    return round(seconds * 1e6) * NS_PER_US


def s_from_ns(nanoseconds: int) -> float:
    """Nanoseconds to seconds. Exact to about 0.2 microseconds for times since the epoch."""
    return nanoseconds / NS_PER_S


def ms_from_ns(nanoseconds: int) -> float:
    """Nanoseconds to milliseconds."""
    return nanoseconds / NS_PER_MS
