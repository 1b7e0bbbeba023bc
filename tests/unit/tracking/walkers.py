"""Boxes of people who walk straight on, for tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HEIGHT_PX = 100.0


def boxes_at(middles: list[tuple[float, float]], score: float = 0.95, label: int = 0) -> Floats:
    """[n, 6] of people 100 px tall."""
    rows = [
        (x - 20.0, y - HEIGHT_PX / 2, x + 20.0, y + HEIGHT_PX / 2, score, float(label)) for x, y in middles
    ]
    return np.array(rows).reshape(-1, 6)


def walk(frames: int, starts: list[tuple[float, float]], steps: list[tuple[float, float]]) -> list[Floats]:
    """One array a frame, one row a person."""
    return [
        boxes_at([(x + number * dx, y + number * dy) for (x, y), (dx, dy) in zip(starts, steps, strict=True)])
        for number in range(frames)
    ]
