"""Training of the two people networks: resumable, seeded, one process, one core if need be.

bf16 where the processor has it. The keypoint network learns by a softmax cross-entropy over each joint's
map plus one cell for "not in the crop"; the box network by the focal loss of Zhou et al. 2019 and the generalised
overlap of Rezatofighi et al. 2019 about the centres.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]

from openaisle.core.messages import JOINTS
from openaisle.detections import crops
from openaisle.learning.people_data import CROP_ARRAYS, FRAME_ARRAYS, Shards, crop_batch, frame_batch
from openaisle.learning.people_network import (
    BOX_STRIDE_PX,
    KEYPOINT_STRIDE_PX,
    BoxNetwork,
    KeypointNetwork,
    keypoint_log_maps,
    normalised,
)
from openaisle.learning.people_on_device import OnDevice
from openaisle.learning.people_scenes import CAST_MAX
from openaisle.learning.people_variation import LEFT, RIGHT
from openaisle.learning.training import Batch, Loop, PictureLoopSettings, Shuffled, Step, read_checkpoint
from openaisle.learning.warm_start import start_from
from openaisle.sim.labels import VISIBLE

Job = Literal["boxes", "keypoints"]
MEASURED_BATCHES: Final = 16  # of 32 pictures, when training begins from an exported file
CHECK_BATCH: Final = 32
FROM_A_STORE: Final = 32
"""So many crops of a large batch, one after the other, are of one store: some of them of the same people."""
LOOK_SCALE: Final = 12.0  # of the cosine of two looks, in the softmax over whom a crop may show
_JOINT_WEIGHT: Final = np.array(
    [
        1.5 if "wrist" in name else 1.2 if "elbow" in name else 0.6 if "e_" in name or "ear" in name else 1.0
        for name in JOINTS
    ],
    np.float32,
)
_STATE_WEIGHT: Final = (0.25, 0.7, 1.0)  # outside the picture or crop, hidden, visible
_TARGET_SD_CELLS: Final = 0.7


@dataclass(frozen=True, kw_only=True)
class TrainSettings(PictureLoopSettings):
    batch: int = 16  # steps count for more than pictures here
    store_share: float = 0.5  # of a batch that is the store's own, where there are other pictures too


class Trainer(Loop):
    """One of the two networks."""

    said_every = 20

    def __init__(
        self,
        job: Job,
        data: Sequence[Path],
        out: Path,
        settings: TrainSettings,
        start: Path | None = None,
        *,
        own: Sequence[Path] = (),
        check: Sequence[Path] = (),
    ) -> None:
        """`start`: an exported file to begin from instead of noise; a checkpoint in `out` goes before it.

        `own`: data of the store that it is for, which has its share of each batch. `check`: data to stop by.
        """
        super().__init__(job, out, settings, settings.pictures)
        self.settings = settings
        network = network_for(job).to(settings.device, memory_format=torch.channels_last)
        arrays = FRAME_ARRAYS if job == "boxes" else CROP_ARRAYS
        kind = "frames" if job == "boxes" else "crops"
        self._shards = Shards([*own, *data], kind, arrays)
        self._own = len(Shards(own, kind, arrays)) if own else 0
        self._checked_on = Shards(check, kind, arrays) if check else None
        others = len(self._shards) - self._own
        batch, share = settings.batch, settings.store_share
        mine = 0 if not self._own else batch if not others else min(batch - 1, max(1, round(share * batch)))
        self._own_rows = Shuffled(self._own, mine, [settings.seed, 1])
        together = self._shards.lengths[len(Shards(own, kind, arrays).lengths) if own else 0 :]
        self._other_rows = Shuffled(
            others,
            batch - mine,
            [settings.seed, 2],
            together=together,
            run=min(FROM_A_STORE, max(1, batch // 8)) if job == "keypoints" else 1,
        )
        self.is_on_device = settings.device.startswith("cuda")
        self._resident = OnDevice(self._shards, settings.device) if self.is_on_device else None
        self.start = ""  # what it began from: the beginning of that file's sha256
        if start is not None and not self.has_checkpoint:
            self._start_from(network, start)
        self.start = self._begin(network).get("start", self.start)

    def rows(self, number: int) -> np.ndarray:
        """Which pictures batch `number` shows [batch]; the store's own come first, in the batch and in numbers."""
        parts = []
        if self._own:
            parts.append(self._own_rows[number])
        if len(self._shards) > self._own:
            parts.append(self._own + self._other_rows[number])
        return np.concatenate(parts)

    def _batch(self, number: int) -> Batch:
        rows, rng = self.rows(number), self._generator(number)
        return _batch_of(self.job, self._resident or self._shards, rows, rng)

    def _said(self) -> Mapping[str, Any]:
        return {"samples": len(self._shards), "own_samples": self._own, "start": self.start}

    def _start_from(self, network: nn.Module, start: Path) -> None:
        """Measured on pictures as training shows them."""
        self.start = hashlib.sha256(start.read_bytes()).hexdigest()[:16]
        rows = Shuffled(len(self._shards), 32, [self.settings.seed, 5])
        rng = np.random.default_rng([self.settings.seed, 5])
        pixels = [
            _batch_of(self.job, self._shards, rows[number], rng)["pixels"]
            for number in range(MEASURED_BATCHES)
        ]
        device = self.settings.device
        start_from(network, start, [normalised(each.to(device)) for each in pixels])

    def _step(self, batch: Batch) -> Step:
        settings = self.settings
        with torch.autocast(settings.device, torch.bfloat16, enabled=settings.bf16):
            loss = self._loss(self.network, batch)
        return Step(loss, settings.batch)

    def _loss(self, network: nn.Module, batch: Batch) -> Tensor:
        return (box_loss if self.job == "boxes" else keypoint_loss)(network, batch)

    @torch.no_grad()
    def _held_out_loss(self) -> float:
        """As pictures are in the shop: nothing is varied."""
        shards = self._checked_on
        assert shards is not None
        rows = np.arange(len(shards))
        parts = [rows[start : start + CHECK_BATCH] for start in range(0, len(rows), CHECK_BATCH)]
        losses = []
        for part in parts:
            batch = self._on_device(_batch_of(self.job, shards, part, None))
            losses.append(float(self._loss(self.averaged, batch)) * len(part))
        return sum(losses) / len(rows)


def _batch_of(
    job: str, samples: Shards | OnDevice, rows: np.ndarray, rng: np.random.Generator | None
) -> dict[str, Tensor]:
    """What a network learns from, as tensors: a `CropBatch`, or pixels and targets of boxes."""
    if job == "keypoints":
        if isinstance(samples, OnDevice):
            return samples.crops(rows, rng)
        return {name: torch.from_numpy(array) for name, array in vars(crop_batch(samples, rows, rng)).items()}
    if isinstance(samples, OnDevice):
        pixels, boxes = samples.frames(rows, rng)
    else:
        pixels, boxes = map(torch.from_numpy, vars(frame_batch(samples, rows, rng)).values())
    height, width = pixels.shape[1:3]
    heat, judged, sides, weight = box_targets(boxes, height // BOX_STRIDE_PX, width // BOX_STRIDE_PX)
    return {"pixels": pixels, "heat": heat, "judged": judged, "boxes": sides, "weight": weight}


def network_for(job: str) -> nn.Module:
    return BoxNetwork() if job == "boxes" else KeypointNetwork()


def load_checkpoint(folder: Path, job: str) -> dict[str, Any]:
    return read_checkpoint(folder, job, f"learn train people {job}")


def keypoint_loss(network: nn.Module, batch: Batch) -> Tensor:
    """Cross-entropy of the maps, plus who is whose left, person or not, which joints are in view, and who it is.

    `batch`: what is in a `CropBatch`, as tensors on the network's device.
    """
    inputs, joints, is_person = batch["pixels"], batch["joints"], batch["is_person"]
    state_weight, joint_weight, left, right = _constants(inputs.device)
    maps, nowhere, pairs, person, visible, look = network(
        normalised(inputs).contiguous(memory_format=torch.channels_last)
    )
    size = maps.shape[-1]
    cells = (joints[:, :, :2] + 0.5) / KEYPOINT_STRIDE_PX - 0.5
    is_inside = (cells > -0.5).all(dim=2) & (cells < size - 0.5).all(dim=2)
    is_here = is_inside & (joints[:, :, 2] > 0) & (is_person[:, None] > 0)
    log_maps = keypoint_log_maps(maps, nowhere)
    places = torch.arange(size, device=inputs.device, dtype=torch.float32)
    bell = torch.exp(-((cells[:, :, :, None] - places) ** 2) / (2 * _TARGET_SD_CELLS**2))
    target = (bell[:, :, 1, :, None] * bell[:, :, 0, None, :]).flatten(2)
    target = target / target.sum(dim=2, keepdim=True).clamp_min(1e-6)
    here = -(target * log_maps[:, :, :-1]).sum(dim=2)
    gone = -log_maps[:, :, -1]
    state = torch.where(is_here, joints[:, :, 2], torch.zeros_like(joints[:, :, 2])).long()
    weight = state_weight[state] * joint_weight
    map_loss = (torch.where(is_here, here, gone) * weight).sum() / weight.sum()

    apart = (joints[:, left, 0] - joints[:, right, 0]).abs() / 6.0
    pair_weight = apart.clamp_max(1.0) * is_here[:, left] * is_here[:, right]
    pair_each = functional.binary_cross_entropy_with_logits(
        pairs.float(), batch["own_left_first"], reduction="none"
    )
    pair_loss = (pair_each * pair_weight).sum() / pair_weight.sum().clamp_min(1.0)
    person_loss = functional.binary_cross_entropy_with_logits(person.float()[:, 0], is_person)
    visible_each = functional.binary_cross_entropy_with_logits(
        visible.float(), (joints[:, :, 2] == VISIBLE).float(), reduction="none"
    )
    visible_loss = (visible_each * is_here).sum() / is_here.sum().clamp_min(1)
    look_loss = _look_loss(look.float(), batch["who"])
    return map_loss + 0.6 * pair_loss + 0.5 * person_loss + 0.2 * visible_loss + 0.25 * look_loss


@lru_cache
def _constants(device: torch.device) -> tuple[Tensor, ...]:
    """Weights of a joint's state and of joints, and which joints are left and right, sent to the device once."""
    arrays = (np.array(_STATE_WEIGHT, np.float32), _JOINT_WEIGHT, LEFT, RIGHT)
    return tuple(torch.from_numpy(array).to(device) for array in arrays)


def _look_loss(look: Tensor, who: Tensor) -> Tensor:
    """Supervised contrast (Khosla et al. 2020) of unit vectors [n, 32] among people of one store: who [n], -1 unknown.

    Who is of another store differs by its light, which tells nobody apart in one shop.
    """
    itself = torch.eye(len(who), dtype=torch.bool, device=who.device)
    store = torch.div(who, CAST_MAX, rounding_mode="floor")
    compared = (store[:, None] == store) & (who >= 0)[:, None] & ~itself
    same = compared & (who[:, None] == who)
    logits = (LOOK_SCALE * look @ look.T).masked_fill(~compared, -1e4)
    log_share = (logits - logits.logsumexp(dim=1, keepdim=True)) * same
    has_same = same.any(dim=1)
    each = -log_share.sum(dim=1) / same.sum(dim=1).clamp_min(1)
    return (each * has_same).sum() / has_same.sum().clamp_min(1)


def box_loss(network: nn.Module, batch: Batch) -> Tensor:
    """Focal loss of the centres, plus the generalised overlap of the boxes about them.

    `batch`: pixels [n, h, w, 4] and what `box_targets` says, as tensors on the network's device.
    """
    inputs = batch["pixels"]
    heat_logits, sides = network(normalised(inputs).contiguous(memory_format=torch.channels_last))
    heat_logits, sides = heat_logits.float()[:, 0], sides.float()
    heat, judged, boxes, weight = (batch[name] for name in ("heat", "judged", "boxes", "weight"))
    probability = torch.sigmoid(heat_logits).clamp(1e-4, 1 - 1e-4)
    is_centre = heat >= 0.999
    here = -torch.log(probability) * (1 - probability) ** 2
    away = -torch.log(1 - probability) * probability**2 * (1 - heat) ** 4
    centres = is_centre.sum().clamp_min(1)
    heat_loss = (torch.where(is_centre, here, away) * judged).sum() / centres

    y, x = torch.meshgrid(
        (torch.arange(heat.shape[1], device=inputs.device) + 0.5) * BOX_STRIDE_PX,
        (torch.arange(heat.shape[2], device=inputs.device) + 0.5) * BOX_STRIDE_PX,
        indexing="ij",
    )
    found = torch.stack([x - sides[:, 0], y - sides[:, 1], x + sides[:, 2], y + sides[:, 3]], dim=1)
    overlap = _generalised_overlap(found, boxes)
    side_loss = ((1 - overlap) * weight).sum() / weight.sum().clamp_min(1.0)
    return heat_loss + 2.0 * side_loss


def box_targets(boxes: Tensor, height: int, width: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Boxes [n, 12, 5] px to heat [n, h, w], where to judge [n, h, w], boxes [n, 4, h, w] and their weight [n, h, w].

    Bells about the centres follow the boxes' width and height. Where two overlap, the smaller box has the cell.
    """
    count, device = len(boxes), boxes.device
    heat = torch.zeros((count, height, width), device=device)
    judged = torch.ones((count, height, width), device=device)
    target = torch.zeros((count, 4, height, width), device=device)
    weight = torch.zeros((count, height, width), device=device)
    columns, lines = torch.arange(width, device=device), torch.arange(height, device=device)
    areas = (boxes[:, :, 2] - boxes[:, :, 0]) * (boxes[:, :, 3] - boxes[:, :, 1])
    order = torch.argsort(areas, dim=1, descending=True, stable=True)
    for box in boxes.gather(1, order[:, :, None].expand_as(boxes)).unbind(1):
        x1, y1, x2, y2 = (box[:, :4] / BOX_STRIDE_PX).T
        is_judged, is_ignored = box[:, 4] > 0, box[:, 4] < 0
        in_columns = (columns >= x1.int()[:, None]) & (columns <= x2.int()[:, None])
        in_lines = (lines >= y1.int()[:, None]) & (lines <= y2.int()[:, None])
        within = in_lines[:, :, None] & in_columns[:, None, :] & is_ignored[:, None, None]
        judged.masked_fill_(within, 0.0)
        column = ((x1 + x2) / 2).int().clamp(0, width - 1)
        line = ((y1 + y2) / 2).int().clamp(0, height - 1)
        bell = (
            _bell(lines, line, 0.09 * (y2 - y1))[:, :, None]
            * _bell(columns, column, 0.09 * (x2 - x1))[:, None]
        )
        bell = bell * is_judged[:, None, None]
        heat = torch.maximum(heat, bell)
        about = bell > 0.3
        target = torch.where(about[:, None], box[:, :4, None, None], target)
        weight = torch.where(about, bell * box[:, 4, None, None], weight)
    # A centre is judged even where somebody who is not judged stands in front of it.
    return heat, torch.maximum(judged, (heat >= 0.999).float()), target, weight


def _bell(places: Tensor, middle: Tensor, spread: Tensor) -> Tensor:
    """[n, places], 1 at the middle [n]."""
    return torch.exp(-((places - middle[:, None]) ** 2) / (2 * spread.clamp_min(0.6)[:, None] ** 2))


def _generalised_overlap(a: Tensor, b: Tensor) -> Tensor:
    """Boxes [n, 4, h, w] against boxes: [n, h, w] in -1..1."""
    low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    shared = (high - low).clamp_min(0).prod(dim=1)
    area_a = (a[:, 2:] - a[:, :2]).clamp_min(0).prod(dim=1)
    area_b = (b[:, 2:] - b[:, :2]).clamp_min(0).prod(dim=1)
    union = (area_a + area_b - shared).clamp_min(1e-3)
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(dim=1).clamp_min(1e-3)
    return shared / union - (hull - union) / hull


assert crops.CROP_PX % KEYPOINT_STRIDE_PX == 0
