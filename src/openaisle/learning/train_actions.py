"""Training of the action network: resumable, seeded, one core.

Moments at which a hand does nothing were thinned out of the data set and weigh as much as they would without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]

from openaisle.interactions.actions_features import features_of
from openaisle.interactions.actions_paths import ELBOWS
from openaisle.learning.actions_data import idle_weight, load_samples
from openaisle.learning.actions_looks import looked_log_odds
from openaisle.learning.actions_network import ArmNetwork, arrays_of
from openaisle.learning.training import Batch, Loop, LoopSettings, Shuffled, Step, read_checkpoint

JOB: Final = "arms"
MEASURED: Final = 2048  # samples by which features are scaled
JITTER_M: Final = 0.01
HIDDEN_SHARE: Final = 0.1  # of samples in which a pair of joints is taken away: other cameras see less


@dataclass(frozen=True, kw_only=True)
class ActionTrainSettings(LoopSettings):
    samples: int  # seen in all: the length of the schedule
    batch: int = 256
    rate: float = 2e-3
    average: float = 0.998
    looked_share: float = 0.5  # of samples in which somebody looked into the hands
    checkpoint_s: float = 60.0


class ActionTrainer(Loop):
    """The network that reads arms."""

    counted = "samples"

    def __init__(self, data: Sequence[Path], out: Path, settings: ActionTrainSettings) -> None:
        super().__init__(JOB, out, settings, settings.samples)
        self.settings = settings
        self._arrays = load_samples(data)
        self._idle_weight = idle_weight(data)
        self._rows = Shuffled(len(self._arrays["actions"]), settings.batch, [settings.seed, 1])
        rng = np.random.default_rng([settings.seed, 0])
        chosen = rng.choice(
            len(self._arrays["actions"]), min(MEASURED, len(self._arrays["actions"])), replace=False
        )
        features = self._features(chosen, rng).reshape(-1, self._features(chosen[:1], rng).shape[-1])
        self._begin(ArmNetwork(features.mean(axis=0), features.std(axis=0) + np.float32(0.05)))

    def _batch(self, number: int) -> Batch:
        rows = self._rows[number]
        return {
            "features": self._features(rows, self._generator(number)),
            "actions": self._arrays["actions"][rows].astype(np.int64),
        }

    def _said(self) -> Mapping[str, Any]:
        return {"distinct": len(self._arrays["actions"])}

    def _features(self, indices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Features [n, ticks, FEATURES] of samples, varied as other cameras and other looks would."""
        joints = self._arrays["joints"][indices].astype(np.float64)
        joints[..., :3] += rng.normal(0.0, JITTER_M, joints[..., :3].shape)
        for pair in (ELBOWS, slice(6, 8)):
            joints[rng.random(len(indices)) < HIDDEN_SHARE, :, pair] = np.nan
        looks = looked_log_odds(self._arrays["holds"][indices], joints, rng, rng)
        looks[rng.random(len(indices)) >= self.settings.looked_share] = np.nan
        boards = self._arrays["boards"][indices].astype(np.float64)
        return features_of(joints, self._arrays["hands"][indices].astype(np.int64), boards, looks)

    def _step(self, batch: Batch) -> Step:
        actions = batch["actions"]
        weight = torch.where(actions == 0, self._idle_weight, 1.0)
        each = functional.cross_entropy(self.network(batch["features"]), actions, reduction="none")
        return Step((each * weight).sum() / weight.sum(), self.settings.batch)


def load_checkpoint(folder: Path) -> dict[str, Any]:
    return read_checkpoint(folder, JOB, "learn train actions")


def weights_of(checkpoint: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The averaged weights of a training run as arrays, and how they were made."""
    state = load_checkpoint(checkpoint)
    made = {key: state[key] for key in ("samples", "distinct", "settings")}
    return arrays_of(state["averaged"]), made | {"minutes": round(state["seconds"] / 60, 1)}
