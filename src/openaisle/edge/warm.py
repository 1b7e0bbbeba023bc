"""A rehearsal before the shop opens, so that nothing is compiled or loaded while somebody waits for their cart.

A throw-away path, with a ledger in memory, sees one person come in, take something heavy from each shelf's first slot
and leave. What it concludes is thrown away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from openaisle.adapters.event_log_memory import MemoryEventLog
from openaisle.core.messages import JOINTS, CameraDetections, GateTap, Reading, ScaleBatch
from openaisle.core.units import NS_PER_S
from openaisle.pipeline import Pipeline
from openaisle.store.schema import Gondola, Store

SECONDS: Final = 4
BATCHES_PER_S: Final = 5
_START_NS: Final = 1_000_000 * NS_PER_S

_BODY_M: Final = np.array(
    [  # x forward, y left, z up, of somebody standing: COCO's 17 joints
        [0.1, 0.0, 1.6], [0.08, 0.03, 1.63], [0.08, -0.03, 1.63], [0.0, 0.07, 1.6], [0.0, -0.07, 1.6],
        [0.0, 0.2, 1.4], [0.0, -0.2, 1.4], [0.1, 0.25, 1.15], [0.1, -0.25, 1.15], [0.4, 0.2, 1.1], [0.4, -0.2, 1.1],
        [0.0, 0.12, 0.9], [0.0, -0.12, 0.9], [0.0, 0.12, 0.5], [0.0, -0.12, 0.5], [0.0, 0.12, 0.05],
        [0.0, -0.12, 0.05],
    ]
)  # fmt: skip
assert _BODY_M.shape == (len(JOINTS), 3)


def warm_up(store: Store, on_step: Callable[[], None]) -> None:
    """Step a throw-away path through a short visit; `on_step` is called after each."""
    pipeline = Pipeline(store, MemoryEventLog())
    at_ns = _START_NS
    for reading in sorted(_visit(store), key=lambda reading: reading.received_ns):
        at_ns = max(at_ns + 1, reading.received_ns)
        pipeline.step([reading], at_ns)
        on_step()
    pipeline.finish(at_ns)


def _visit(store: Store) -> Iterator[Reading]:
    entries = [gate for gate in store.gates if gate.kind != "exit"]
    path_m = [(*entries[0].inside_floor_m,)] if entries else []
    for gondola in store.gondolas[:1]:
        front = gondola.floor_from_gondola.apply(np.array([gondola.width_m / 2, -0.5, 0.0]))
        path_m += [(float(front[0]), float(front[1]))] * 3
    if entries:
        yield GateTap(
            gate_id=entries[0].gate_id,
            direction="entry",
            visit_id="rehearsal",
            tapped_ns=_START_NS,
            received_ns=_START_NS,
        )
    for number in range(SECONDS * BATCHES_PER_S):
        at_ns = _START_NS + number * NS_PER_S // BATCHES_PER_S
        for gondola in store.gondolas:
            yield _batch(gondola, number, at_ns)
        if path_m:
            x_m, y_m = path_m[min(number * len(path_m) // (SECONDS * BATCHES_PER_S), len(path_m) - 1)]
            yield from _seen(store, x_m, y_m, at_ns)


def _batch(gondola: Gondola, number: int, at_ns: int) -> ScaleBatch:
    count = max(1, round(gondola.rate_hz / BATCHES_PER_S))
    columns = max((plate.channel for plate in gondola.plates), default=-1) + 1
    grams = np.full((count, columns), 2000.0, np.float32)
    grams += np.random.default_rng(number).normal(0.0, 1.0, grams.shape).astype(np.float32)
    if number >= SECONDS * BATCHES_PER_S // 2 and gondola.plates:
        grams[:, gondola.plates[0].channel] -= 400.0
    return ScaleBatch(
        scale_id=gondola.scale_id,
        boot_id="rehearsal",
        sequence=number,
        device_ns=at_ns,
        received_ns=at_ns + NS_PER_S // BATCHES_PER_S,
        rate_hz=gondola.rate_hz,
        grams=grams,
    )


def _seen(store: Store, x_m: float, y_m: float, at_ns: int) -> Iterator[CameraDetections]:
    for camera in store.cameras:
        points_px = camera.project(_BODY_M + np.array([x_m, y_m, 0.0]))
        is_seen = np.isfinite(points_px).all(axis=1)
        is_seen &= (points_px >= 0).all(axis=1) & (points_px[:, 0] < camera.lens.width_px)
        is_seen &= points_px[:, 1] < camera.lens.height_px
        count = 1 if is_seen.sum() > 4 else 0
        keypoints = np.zeros((1, len(JOINTS), 3), np.float32)
        keypoints[0, is_seen, :2] = points_px[is_seen]
        keypoints[0, is_seen, 2] = 0.9
        box = (
            np.array([[*points_px[is_seen].min(axis=0), *points_px[is_seen].max(axis=0)]]) if count else None
        )
        yield CameraDetections(
            camera_id=camera.camera_id,
            captured_ns=at_ns,
            received_ns=at_ns + NS_PER_S // 20,
            boxes_image_px=np.zeros((0, 4), np.float32) if box is None else box.astype(np.float32),
            scores=np.full(count, 0.9, np.float32),
            keypoints_image_px=keypoints[:count],
            appearance=np.zeros((count, 0), np.float32),
        )
