"""The action network as torch trains it; `interactions/actions_network.py` runs it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]

from openaisle.interactions.actions import ACTIONS
from openaisle.interactions.actions_features import FEATURES
from openaisle.interactions.actions_network import CONVOLUTIONS, KERNEL, STRIDE
from openaisle.interactions.actions_paths import TICKS

WIDTHS = (48, 64, 64, 64)
READ_WIDTH = 64


class ArmNetwork(nn.Module):
    """Features [n, TICKS, FEATURES] to logits [n, actions]."""

    def __init__(self, mean: np.ndarray | None = None, sd: np.ndarray | None = None) -> None:
        super().__init__()
        count = len(FEATURES)
        self.register_buffer("mean", torch.zeros(count) if mean is None else torch.from_numpy(mean))
        self.register_buffer("sd", torch.ones(count) if sd is None else torch.from_numpy(sd))
        self.enter = nn.Linear(count, WIDTHS[0])
        self.convolutions = nn.ModuleList(
            nn.Conv1d(WIDTHS[layer], WIDTHS[layer + 1], KERNEL, STRIDE, padding=1)
            for layer in range(CONVOLUTIONS)
        )
        self.read = nn.Linear(WIDTHS[-1] * (TICKS // STRIDE**CONVOLUTIONS), READ_WIDTH)
        self.say = nn.Linear(READ_WIDTH, len(ACTIONS))
        self.dropout = nn.Dropout(0.15)

    def forward(self, features: Tensor) -> Tensor:
        hidden = functional.relu(self.enter((features - self.mean) / self.sd)).transpose(1, 2)
        for convolution in self.convolutions:
            hidden = functional.relu(convolution(hidden))
        hidden = self.dropout(hidden.transpose(1, 2).flatten(1))
        return self.say(self.dropout(functional.relu(self.read(hidden))))


def arrays_of(state: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """The weights of a trained network as `ActionNetwork` reads them: inputs before outputs."""
    arrays = {"mean": state["mean"], "sd": state["sd"]}
    for name in ("enter", "read", "say"):
        arrays |= {f"{name}.weight": state[f"{name}.weight"].T, f"{name}.bias": state[f"{name}.bias"]}
    for layer in range(CONVOLUTIONS):
        arrays[f"{layer}.weight"] = state[f"convolutions.{layer}.weight"].permute(2, 1, 0)
        arrays[f"{layer}.bias"] = state[f"convolutions.{layer}.bias"]
    return {name: np.ascontiguousarray(tensor.numpy(), np.float32) for name, tensor in arrays.items()}
