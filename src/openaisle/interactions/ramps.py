"""From surely not to surely, over a stretch of seconds between two bounds."""

from __future__ import annotations


def rising(value: float, bounds: tuple[float, float]) -> float:
    """0 up to the lower bound, 1 from the upper one on."""
    low, high = bounds
    return min(1.0, max(0.0, (value - low) / (high - low)))


def falling(value: float, bounds: tuple[float, float]) -> float:
    """1 up to the lower bound, 0 from the upper one on."""
    low, high = bounds
    return min(1.0, max(0.0, (high - value) / (high - low)))
