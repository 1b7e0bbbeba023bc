"""What a people network alone reaches on held-out pictures, for any drawing of their visits.

Boxes: average precision at overlap 0.5. Joints: in crops about true boxes, the share of those in view that are found
within JOINT_NEAR of the window's side (PCK, Yang & Ramanan 2013).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from numpy.typing import NDArray
from torch import nn  # pyright: ignore[reportMissingImports]

from openaisle.detections import crops, decode
from openaisle.detections.decode import joints as decoded
from openaisle.learning.average_precision import BoxTally, drawn_precision
from openaisle.learning.evaluate import JOINT_NEAR
from openaisle.learning.people_data import Shards, crop_batch
from openaisle.learning.people_network import BOX_STRIDE_PX, ShippedBoxNetwork, ShippedKeypointNetwork
from openaisle.learning.people_variation import LEFT, RIGHT
from openaisle.learning.train_people import CROP_ARRAYS, FRAME_ARRAYS, Job
from openaisle.sim.labels import VISIBLE

FIGURE_OF: Final[dict[Job, str]] = {
    "boxes": "box AP50",
    "keypoints": f"joints in view within {JOINT_NEAR:.0%} of the window",
}
_HEAT_MIN: Final = 0.02
_BOXES_MAX: Final = 24
_OVERLAP_MAX: Final = 0.65
_OVERLAP_MIN: Final = 0.5
_BATCH: Final = 32

Figure = Callable[[NDArray[np.float64]], float]
"""How often each visit [v] counts, to the figure."""


@torch.no_grad()
def figure(job: Job, network: nn.Module, data: Path) -> tuple[Figure, int]:
    """Of a network on shards that are a visit each, and how many visits these are."""
    return _boxes(network, data) if job == "boxes" else _joints(network, data)


def _boxes(network: nn.Module, data: Path) -> tuple[Figure, int]:
    frames = Shards([data], "frames", FRAME_ARRAYS)
    shipped = ShippedBoxNetwork(network).eval()
    tallies = [BoxTally() for _ in frames.lengths]
    for visit, rows in _parts(frames.lengths):
        some = [frames[row] for row in rows]
        heat, sides = shipped(torch.from_numpy(np.stack([each[0] for each in some])))
        for (_, truth), each, distances in zip(some, heat.numpy(), sides.numpy(), strict=True):
            boxes, scores = decode.boxes(each[0], distances, BOX_STRIDE_PX, _HEAT_MIN, _BOXES_MAX)
            kept = decode.suppress(boxes, scores, _OVERLAP_MAX)
            there = truth[truth[:, 4] != 0]
            tallies[visit].add(boxes[kept], scores[kept], there[:, :4], there[:, 4] > 0)
    found = [tally.matches(_OVERLAP_MIN) for tally in tallies]
    order = np.argsort(-np.concatenate([scores for scores, _, _ in found]), kind="stable")
    is_right = np.concatenate([right for _, right, _ in found])[order]
    visits = np.repeat(np.arange(len(found)), [len(scores) for scores, _, _ in found])[order]
    expected = np.array([people for _, _, people in found], np.float64)
    return lambda times: drawn_precision(is_right[None], times[visits], float(times @ expected)), len(found)


def _joints(network: nn.Module, data: Path) -> tuple[Figure, int]:
    people = Shards([data], "crops", CROP_ARRAYS)
    shipped = ShippedKeypointNetwork(network).eval()
    near, there = np.zeros((2, len(people.lengths)))
    for visit, rows in _parts(people.lengths):
        batch = crop_batch(people, np.array(rows), None)
        maps, pairs, _, visible, _ = (each.numpy() for each in shipped(torch.from_numpy(batch.pixels)))
        found = decoded(maps, pairs, visible, crops.CROP_PX)[0]
        truth = batch.joints.copy()  # in the person's own order again, as what is decoded
        is_own = batch.own_left_first[:, :, None] > 0
        truth[:, LEFT] = np.where(is_own, batch.joints[:, LEFT], batch.joints[:, RIGHT])
        truth[:, RIGHT] = np.where(is_own, batch.joints[:, RIGHT], batch.joints[:, LEFT])
        counts = truth[:, :, 2] == VISIBLE
        apart = np.linalg.norm(found - truth[:, :, :2], axis=2)
        near[visit] += (counts & (apart <= JOINT_NEAR * crops.CROP_PX)).sum()
        there[visit] += counts.sum()
    return lambda times: float(times @ near / max(times @ there, 1e-9)), len(near)


def _parts(lengths: list[int]) -> list[tuple[int, list[int]]]:
    """Batches of samples that belong to one visit."""
    ends = np.cumsum(lengths).tolist()
    return [
        (visit, list(range(first, min(first + _BATCH, end))))
        for visit, (end, length) in enumerate(zip(ends, lengths, strict=True))
        for first in range(end - length, end, _BATCH)
    ]
