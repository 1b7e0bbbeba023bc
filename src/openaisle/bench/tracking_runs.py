"""Trackers on sequences of boxes, and the processor time of each frame. Needs numpy alone: peers run it too.

A contestant has `prepare(boxes, number)`, which puts one frame into its own words and is not timed, and
`update(prepared)`, which is; `rows(returned)` puts back what it gave as [m, 5], x1 y1 x2 y2 id.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True)
class Sequence:
    """Detections of one camera."""

    name: str
    fps: float
    width_px: int
    height_px: int
    frame: Any  # [n] int64 from 1, in order
    boxes: Any  # [n, 5] x1 y1 x2 y2 score
    frames: int


class Contestant(Protocol):
    def prepare(self, boxes: Any, number: int) -> Any: ...
    def update(self, prepared: Any) -> Any: ...
    def rows(self, returned: Any) -> Any: ...


def follow(build: Callable[[Sequence], Contestant], sequence: Sequence) -> tuple[Any, Any]:
    """Rows [m, 6] frame x1 y1 x2 y2 id, and the milliseconds of processor time of each `update` [frames]."""
    contestant = build(sequence)
    edges = np.searchsorted(sequence.frame, np.arange(1, sequence.frames + 2))
    made, took_ms = [], np.empty(sequence.frames)
    gc.collect()
    for number in range(1, sequence.frames + 1):
        prepared = contestant.prepare(sequence.boxes[edges[number - 1] : edges[number]], number)
        began_s = time.process_time()
        returned = contestant.update(prepared)
        took_ms[number - 1] = 1e3 * (time.process_time() - began_s)
        rows = np.asarray(contestant.rows(returned), np.float64).reshape(-1, 5)
        made.append(np.column_stack([np.full(len(rows), float(number)), rows]))
    return np.concatenate(made), took_ms


def pack(sequences: list[Sequence]) -> dict[str, Any]:
    """As arrays for a file."""
    arrays: dict[str, Any] = {"names": np.array([each.name for each in sequences])}
    for number, each in enumerate(sequences):
        arrays[f"frame_{number}"], arrays[f"boxes_{number}"] = each.frame, each.boxes
        arrays[f"meta_{number}"] = np.array([each.fps, each.width_px, each.height_px, each.frames])
    return arrays


def unpack(arrays: Mapping[str, Any]) -> list[Sequence]:
    sequences = []
    for number, name in enumerate(arrays["names"].tolist()):
        fps, width_px, height_px, frames = arrays[f"meta_{number}"].tolist()
        frame, boxes = arrays[f"frame_{number}"], arrays[f"boxes_{number}"]
        sequences.append(Sequence(name, fps, int(width_px), int(height_px), frame, boxes, int(frames)))
    return sequences
