"""What every training loop here does alike: its learning rate, its moving average, its checkpoint."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

import torch  # pyright: ignore[reportMissingImports]
from torch import nn  # pyright: ignore[reportMissingImports]

from openaisle.core.errors import InputError

CHECKPOINT: Final = "checkpoint.pt"


def rate_share(done: float, warm_up: float) -> float:
    """Share of the highest learning rate at `done` of the schedule: a linear warm-up, then a cosine to nearly zero."""
    if done < warm_up:
        return (done + 1e-3) / warm_up
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (done - warm_up) / (1 - warm_up)))) + 1e-3


@torch.no_grad()
def average_in(averaged: nn.Module, network: nn.Module, steps: float, keep_max: float) -> None:
    """Move the averaged weights and statistics towards the network's; young averages move faster. In place."""
    keep = min(keep_max, (1 + steps) / (10 + steps))
    pairs = zip(averaged.state_dict().values(), network.state_dict().values(), strict=True)
    floats = [(mine, theirs) for mine, theirs in pairs if mine.dtype.is_floating_point]
    torch._foreach_lerp_([mine for mine, _ in floats], [theirs for _, theirs in floats], 1 - keep)


def write_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Write the state of a training run; the old one stays until the new one is whole."""
    written = folder / (CHECKPOINT + ".new")
    torch.save(state, written)
    written.replace(folder / CHECKPOINT)


def read_checkpoint(folder: Path, job: str, made_by: str) -> dict[str, Any]:
    """The state of a training run of `job`. Raises InputError if there is none, or it is another job's."""
    path = folder / CHECKPOINT
    if not path.is_file():
        raise InputError("no checkpoint", file=str(path), expected=f"made by `{made_by}`")
    state = torch.load(path, weights_only=True)
    if state["job"] != job:
        raise InputError("wrong checkpoint", file=str(path), expected=f"of job '{job}'", found=state["job"])
    return state
