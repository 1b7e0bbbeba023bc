"""The small network that reads whole bodies' boxes and the worth of poses (`detections.bodies`), fitted by torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]

from openaisle.core.errors import InputError
from openaisle.detections.bodies import OUTPUTS, TERMS, Bodies
from openaisle.learning.people_proposals import Proposals

PROPOSALS_MIN: Final = 200
_SIDE_OFF: Final = (
    0.03  # of the window's side: larger errors count by their size, not its square (Huber 1964)
)


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    hidden: int = 128
    epochs: int = 30
    batch: int = 256
    rate: float = 2e-3
    weight_decay: float = 0.05
    dropout: float = 0.1
    seed: int = 1


@dataclass(frozen=True)
class _Told:
    """Proposals as tensors; places in units of the window's side, from its centre."""

    terms: Tensor  # [n, TERMS]
    boxes: Tensor  # [n, 4] as proposed
    low: Tensor  # [n, 4] the picture's edges
    high: Tensor  # [n, 4]
    whole: Tensor  # [n, 4] true ones, cut at the edges; as proposed where nobody is
    is_somebody: Tensor  # [n] 1 or 0
    similar: Tensor  # [n] of the joints to the true ones, 0 where nobody is

    def __getitem__(self, rows: Tensor) -> _Told:
        return _Told(*(tensor[rows] for tensor in vars(self).values()))


def fit(frames: Sequence[Proposals], settings: FitSettings | None = None) -> Bodies:
    """By the overlap of boxes with the true ones (1 - IoU, and Huber's loss) and the cross-entropy of the joints'
    similarity. Who can hardly be seen teaches nothing. InputError where next to nothing was proposed."""
    settings = settings or FitSettings()
    told = _told(frames)
    count = len(told.terms)
    if count < PROPOSALS_MIN:
        raise InputError("too few people to fit on", expected=f"{PROPOSALS_MIN} or more", found=count)
    torch.manual_seed(settings.seed)
    mean, scale = told.terms.mean(dim=0), told.terms.std(dim=0) + 1e-3
    hidden, dropout = settings.hidden, settings.dropout
    network = nn.Sequential(
        nn.Linear(TERMS, hidden), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(dropout),
        nn.Linear(hidden, OUTPUTS),
    )  # fmt: skip
    last = network[-1]
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    optimiser = torch.optim.AdamW(network.parameters(), settings.rate, weight_decay=settings.weight_decay)
    batch = min(settings.batch, count)
    steps = settings.epochs * (count // batch)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.rate, total_steps=steps)
    for _ in range(settings.epochs):
        order = torch.randperm(count)
        for start in range(0, count - batch + 1, batch):
            part = told[order[start : start + batch]]
            said = network(((part.terms - mean) / scale).clamp(-5, 5))
            optimiser.zero_grad()
            _loss(said, part).backward()
            optimiser.step()
            rates.step()
    layers = [layer for layer in network if isinstance(layer, nn.Linear)]
    return Bodies(
        mean.numpy(),
        scale.numpy(),
        tuple((each.weight.detach().numpy().T.copy(), each.bias.detach().numpy()) for each in layers),
    )


def _loss(said: Tensor, part: _Told) -> Tensor:
    boxes = torch.minimum(torch.maximum(part.boxes + said[:, :4], part.low), part.high)
    missed = (1 - _overlap(boxes, part.whole)) * part.is_somebody
    off = functional.smooth_l1_loss(boxes, part.whole, beta=_SIDE_OFF, reduction="none").mean(dim=1)
    similar = functional.binary_cross_entropy_with_logits(said[:, 4], part.similar)
    return missed.mean() + 0.3 * (off * part.is_somebody).mean() + 0.5 * similar


def _overlap(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of boxes [n, 4] row by row."""
    sides = torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])
    shared = sides.clamp_min(0).prod(dim=1)
    areas = ((each[:, 2:] - each[:, :2]).clamp_min(1e-3).prod(dim=1) for each in (a, b))
    return shared / (sum(areas) - shared)


def _told(frames: Sequence[Proposals]) -> _Told:
    parts = [_rows(each) for each in frames]
    return _Told(*(torch.from_numpy(np.concatenate(arrays)) for arrays in zip(*parts, strict=True)))


def _rows(each: Proposals) -> tuple[np.ndarray, ...]:
    """The arrays of `_Told` of one frame, without proposals about people who can hardly be seen."""
    meant, similar = each.meant()
    is_somebody = meant >= 0
    counts = ~is_somebody
    counts[is_somebody] = each.is_judged[meant[is_somebody]]
    whole = each.boxes_px.copy()
    whole[is_somebody] = each.truth_px[meant[is_somebody]]
    edges = np.tile(np.array([0, 0, *each.size_px], np.float32), (len(meant), 1))
    centre, side = np.tile(each.windows_px[:, :2], 2), each.windows_px[:, 2:]
    boxes, whole, edges = ((places - centre) / side for places in (each.boxes_px, whole, edges))
    terms = each.seen.body_terms(each.boxes_px, each.heats, each.windows_px, each.size_px)
    arrays = (
        terms,
        boxes,
        np.tile(edges[:, :2], 2),
        np.tile(edges[:, 2:], 2),
        whole,
        is_somebody,
        similar,
    )
    return tuple(array[counts].astype(np.float32) for array in arrays)
