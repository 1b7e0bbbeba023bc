"""Training of the action network: resumable, seeded, one core.

AdamW with a short warm-up and a cosine to zero over a given number of samples; a moving average of the weights is what
is kept. Moments at which a hand does nothing were thinned out of the data set and weigh as much as they would without.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from torch import nn  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]

from openaisle.interactions.actions_features import features_of
from openaisle.interactions.actions_paths import ELBOWS
from openaisle.learning.actions_data import idle_weight, load_samples
from openaisle.learning.actions_looks import looked_log_odds
from openaisle.learning.actions_network import ArmNetwork, arrays_of
from openaisle.learning.people_data import shuffled
from openaisle.learning.training import CHECKPOINT, average_in, rate_share, read_checkpoint, write_checkpoint

JOB: Final = "arms"
MEASURED: Final = 2048  # samples by which features are scaled
JITTER_M: Final = 0.01
HIDDEN_SHARE: Final = 0.1  # of samples in which a pair of joints is taken away: other cameras see less


@dataclass(frozen=True, kw_only=True)
class ActionTrainSettings:
    samples: int  # seen in all: the length of the schedule
    seed: int = 1
    batch: int = 256
    rate: float = 2e-3
    weight_decay: float = 0.02
    warm_up: float = 0.03  # share of the schedule
    average: float = 0.998
    looked_share: float = 0.5  # of samples in which somebody looked into the hands
    threads: int = 1
    checkpoint_s: float = 60.0


@dataclass(frozen=True)
class ActionProgress:
    samples: int
    loss: float  # mean since the last one
    seconds: float  # of training, all runs together


class ActionTrainer:
    """`run` trains until the schedule ends; stop it at any time, a new one goes on."""

    def __init__(self, data: Sequence[Path], out: Path, settings: ActionTrainSettings) -> None:
        torch.manual_seed(settings.seed)
        torch.set_num_threads(settings.threads)
        self.settings, self.out = settings, out
        self._arrays = load_samples(data)
        self._idle_weight = idle_weight(data)
        self.samples, self.seconds = 0, 0.0
        rng = np.random.default_rng([settings.seed, 0])
        chosen = rng.choice(
            len(self._arrays["actions"]), min(MEASURED, len(self._arrays["actions"])), replace=False
        )
        features = self._features(chosen, rng).reshape(-1, self._features(chosen[:1], rng).shape[-1])
        self.network = ArmNetwork(features.mean(axis=0), features.std(axis=0) + np.float32(0.05))
        self.averaged = copy.deepcopy(self.network).eval()
        self._optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=settings.rate, weight_decay=settings.weight_decay
        )
        out.mkdir(parents=True, exist_ok=True)
        if (out / CHECKPOINT).is_file():
            self._resume()

    def run(self, report: Callable[[ActionProgress], None]) -> None:
        settings = self.settings
        rng = np.random.default_rng([settings.seed, 1 + self.samples])
        batches = shuffled(len(self._arrays["actions"]), settings.batch, rng)
        losses: list[float] = []
        started = saved = time.monotonic()
        before_s = self.seconds
        while self.samples < settings.samples:
            losses.append(self._step(next(batches), rng))
            self.samples += settings.batch
            now = time.monotonic()
            self.seconds = before_s + now - started
            if len(losses) == 50:
                report(ActionProgress(self.samples, float(np.mean(losses)), self.seconds))
                losses.clear()
            if now - saved > settings.checkpoint_s:
                self.save()
                saved = now
        self.save()

    def save(self) -> None:
        state = {
            "job": JOB,
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "samples": self.samples,
            "distinct": len(self._arrays["actions"]),
            "seconds": self.seconds,
            "settings": asdict(self.settings),
        }
        write_checkpoint(self.out, state)

    def _resume(self) -> None:
        state = load_checkpoint(self.out)
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.samples, self.seconds = state["samples"], state["seconds"]

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

    def _step(self, indices: np.ndarray, rng: np.random.Generator) -> float:
        settings = self.settings
        for group in self._optimiser.param_groups:
            group["lr"] = settings.rate * rate_share(self.samples / settings.samples, settings.warm_up)
        self.network.train()
        actions = torch.from_numpy(self._arrays["actions"][indices].astype(np.int64))
        weight = torch.where(actions == 0, self._idle_weight, 1.0)
        logits = self.network(torch.from_numpy(self._features(indices, rng)))
        each = functional.cross_entropy(logits, actions, reduction="none")
        loss = (each * weight).sum() / weight.sum()
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self._optimiser.step()
        average_in(self.averaged, self.network, self.samples / settings.batch, settings.average)
        return float(loss.detach())


def load_checkpoint(folder: Path) -> dict[str, Any]:
    return read_checkpoint(folder, JOB, "learn train actions")


def weights_of(checkpoint: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The averaged weights of a training run as arrays, and how they were made."""
    state = load_checkpoint(checkpoint)
    made = {key: state[key] for key in ("samples", "distinct", "settings")}
    return arrays_of(state["averaged"]), made | {"minutes": round(state["seconds"] / 60, 1)}
