"""The loop of every training run here: batches, learning rate, moving average, checkpoint, progress.

A batch is a function of its number alone, so processes may make them ahead and a stopped run goes on with the very
batches it would have had.
"""

from __future__ import annotations

import copy
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import count, pairwise
from pathlib import Path
from typing import Any, ClassVar, Final

import cv2
import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from numpy.typing import NDArray
from torch import Tensor, nn  # pyright: ignore[reportMissingImports]
from torch.utils.data import DataLoader  # pyright: ignore[reportMissingImports]

from openaisle.core.errors import InputError

CHECKPOINT: Final = "checkpoint.pt"
GRADIENT_MAX: Final = 5.0
AHEAD: Final = 4  # batches that each process makes before they are asked for

Batch = Mapping[str, Any]
"""Arrays by name, as a subclass makes them; tensors on the network's device, as it learns from them."""


@dataclass(frozen=True, kw_only=True)
class LoopSettings:
    """What the settings of all training runs have."""

    seed: int = 1
    rate: float = 1.5e-3
    weight_decay: float = 0.02
    warm_up: float = 0.03  # share of the schedule
    average: float = 0.999
    threads: int = 1
    device: str = "cpu"
    workers: int = 0  # processes that make batches; 0: this one, between two steps
    minutes: float = (
        0.0  # training ends after so long if its schedule has not: where a machine is lent for an hour
    )
    checkpoint_s: float = 120.0
    check_every: int = 0  # of the schedule; then the average's loss on held-out samples is measured. 0: never
    patience: int = 4  # checks in a row without a better one, and training stops; the best is what is kept


@dataclass(frozen=True, kw_only=True)
class PictureLoopSettings(LoopSettings):
    """What those have besides that learn from pictures."""

    pictures: int  # seen in all: the length of the schedule
    bf16: bool = True


@dataclass(frozen=True)
class Progress:
    """Said now and then; means since the last one."""

    seen: int  # pictures or samples, of the schedule's
    loss: float
    seconds: float  # of training, all runs together
    shares: Mapping[str, float] = field(default_factory=dict[str, float])
    held_out: float | None = None  # loss on held-out samples, where it was just measured


@dataclass(frozen=True)
class Step:
    """What a network made of one batch."""

    loss: Tensor
    seen: int
    shares: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])


class Shuffled:
    """Which samples make a batch: each one once before any comes again, and the same ones for the same number."""

    def __init__(
        self, samples: int, batch: int, seed: Sequence[int], *, together: Sequence[int] = (), run: int = 1
    ) -> None:
        """`together`: how many samples, one after the other, belong together; `run` of them follow each other then."""
        self._samples, self._batch, self._seed = samples, batch, [*seed]
        self._bounds, self._run = np.cumsum([0, *(together or [samples])]), run
        self._orders: dict[int, NDArray[np.intp]] = {}

    def __getitem__(self, number: int) -> NDArray[np.intp]:
        """Rows [batch]."""
        places = np.arange(number * self._batch, (number + 1) * self._batch)
        rounds, within = places // self._samples, places % self._samples
        return np.concatenate(
            [self._order(each)[within[rounds == each]] for each in np.unique(rounds).tolist()]
        )

    def _order(self, number: int) -> NDArray[np.intp]:
        if number not in self._orders:
            self._orders = {key: order for key, order in self._orders.items() if key >= number - 1}
            self._orders[number] = self._drawn(np.random.default_rng([*self._seed, number]))
        return self._orders[number]

    def _drawn(self, rng: np.random.Generator) -> NDArray[np.intp]:
        if self._run == 1:
            return rng.permutation(self._samples)
        bounds, run = self._bounds, self._run
        runs = [
            low + order[start : start + run]
            for low, high in pairwise(bounds.tolist())
            for order in (rng.permutation(high - low),)
            for start in range(0, high - low, run)
        ]
        return np.concatenate([runs[index] for index in rng.permutation(len(runs))])


class Loop(ABC):
    """One network on its way. `run` trains until the schedule ends; stop it at any time, a new one goes on.

    AdamW under a short warm-up and a cosine to nearly zero over a given number of pictures; a moving average of the
    weights is what is kept. A subclass says what a batch and its loss are, builds the network, then calls `_begin`.
    """

    said_every: ClassVar[int] = 50  # steps
    counted: ClassVar[str] = "pictures"  # what the schedule is counted in, in checkpoints
    kept: ClassVar[str] = "network"  # what the network is called there
    is_on_device = False  # batches are made there

    def __init__(self, job: str, out: Path, settings: LoopSettings, length: int) -> None:
        torch.manual_seed(settings.seed)
        torch.set_num_threads(settings.threads)
        self.job, self.out = job, out
        self.seen, self.steps, self.seconds = 0, 0, 0.0
        self.checks: list[tuple[int, float]] = []  # seen, loss on held-out samples
        self.is_stopped = False  # because nothing got better any more
        self._best: dict[str, Tensor] | None = None
        self._loop, self._length = settings, length

    @property
    def has_checkpoint(self) -> bool:
        return (self.out / CHECKPOINT).is_file()

    @abstractmethod
    def _batch(self, number: int) -> Batch:
        """Batch `number` of the schedule, in whichever process it is made."""

    @abstractmethod
    def _step(self, batch: Batch) -> Step:
        """The loss of one batch."""

    @abstractmethod
    def _said(self) -> Mapping[str, Any]:
        """What a checkpoint says besides."""

    def _held_out_loss(self) -> float:
        """Of the average, on samples that are not learned from; asked for where the settings say `check_every`."""
        raise NotImplementedError

    def _begin(self, network: nn.Module, groups: list[dict[str, Any]] | None = None) -> Mapping[str, Any]:
        """Start from the network as it is, or go on from the checkpoint, which is returned; it may be none: empty.

        `groups`: of parameters, with settings.
        """
        self.network = network
        self.averaged = copy.deepcopy(network).eval()
        parameters = groups or [{"params": [*network.parameters()], "weight_decay": self._loop.weight_decay}]
        is_fused = self._loop.device.startswith("cuda")
        self._optimiser = torch.optim.AdamW(parameters, lr=self._loop.rate, fused=is_fused)
        torch.backends.cudnn.benchmark = True  # batches have few shapes
        self.out.mkdir(parents=True, exist_ok=True)
        if self.has_checkpoint:
            state = read_checkpoint(self.out, self.job, "learn train")
            self.network.load_state_dict(state[self.kept])
            self.averaged.load_state_dict(state["averaged"])
            self._optimiser.load_state_dict(state["optimiser"])
            self.seen, self.steps, self.seconds = state[self.counted], state["steps"], state["seconds"]
            self.checks = [(seen, loss) for seen, loss in state.get("checks", [])]
            self.is_stopped, self._best = state.get("is_stopped", False), state.get("best")
            return state
        return {}

    @property
    def share_done(self) -> float:
        """Of the schedule, or of the time that it may take."""
        minutes = self._loop.minutes
        return max(self.seen / self._length, self.seconds / (60 * minutes) if minutes else 0.0)

    def _generator(self, number: int) -> np.random.Generator:
        """What batch `number` draws from."""
        return np.random.default_rng([self._loop.seed, 1, number])

    def run(self, report: Callable[[Progress], None]) -> None:
        batches = self._prepared()
        losses: list[Tensor] = []
        shares: dict[str, list[Tensor]] = {}
        started = saved = time.monotonic()
        before_s = self.seconds
        if self._loop.check_every and not self.checks:
            self._check(report)  # what it begins from may be the best there is
        while self.share_done < 1.0 and not self.is_stopped:
            step = self._step_taken(self._on_device(next(batches)))
            losses.append(
                step.loss.detach()
            )  # read when there is something to say: reading waits for the device
            for name, share in step.shares.items():
                shares.setdefault(name, []).append(share)
            now = time.monotonic()
            self.seconds = before_s + now - started
            if len(losses) == self.said_every:
                means = {name: float(torch.stack(values).mean()) for name, values in shares.items()}
                report(Progress(self.seen, float(torch.stack(losses).mean()), self.seconds, means))
                losses.clear()
                shares.clear()
            if now - saved > self._loop.checkpoint_s:
                self.save()
                saved = now
            if self._loop.check_every and self.seen - self.checks[-1][0] >= self._loop.check_every:
                self._check(report)
        if self._best is not None:
            self.averaged.load_state_dict(self._best)
        self.save()

    def _prepared(self) -> Iterator[Batch]:
        """The batches from here on, for ever."""
        workers = self._loop.workers
        # Before the processes are forked: a pool of threads that began here would be waited for in vain there.
        cv2.setNumThreads(1)
        loader = DataLoader(
            _Numbered(self._batch),
            sampler=count(self.steps),
            batch_size=None,
            num_workers=workers,
            prefetch_factor=AHEAD if workers else None,
            pin_memory=self._loop.device.startswith("cuda") and not self.is_on_device,
        )
        return iter(loader)

    def _on_device(self, batch: Batch) -> Batch:
        return {
            name: value.to(self._loop.device, non_blocking=True) if isinstance(value, Tensor) else value
            for name, value in batch.items()
        }

    def _check(self, report: Callable[[Progress], None]) -> None:
        """Measure on held-out samples, remember the best average, stop where none comes any more."""
        loss = self._held_out_loss()
        best = min((each for _, each in self.checks), default=math.inf)
        if loss < best:
            self._best = {name: value.clone() for name, value in self.averaged.state_dict().items()}
        self.checks.append((self.seen, loss))
        losses = [each for _, each in self.checks]
        self.is_stopped = len(losses) - 1 - losses.index(min(losses)) >= self._loop.patience
        report(Progress(self.seen, math.nan, self.seconds, {}, loss))

    def save(self) -> None:
        state = {
            "job": self.job,
            self.kept: self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            self.counted: self.seen,
            "steps": self.steps,
            "seconds": self.seconds,
            "settings": asdict(self._loop),
            "checks": self.checks,
            "is_stopped": self.is_stopped,
            "best": self._best,
            **self._said(),
        }
        write_checkpoint(self.out, state)

    def _step_taken(self, batch: Batch) -> Step:
        settings = self._loop
        for group in self._optimiser.param_groups:
            group["lr"] = settings.rate * rate_share(self.share_done, settings.warm_up)
        self.network.train()
        step = self._step(batch)
        self._optimiser.zero_grad(set_to_none=True)
        step.loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), GRADIENT_MAX)
        self._optimiser.step()
        average_in(self.averaged, self.network, self.steps, settings.average)
        self.seen += step.seen
        self.steps += 1
        return step


@dataclass(frozen=True)
class _Numbered:
    """Batches as torch's loader asks for them."""

    make: Callable[[int], Batch]

    def __getitem__(self, number: int) -> Batch:
        return self.make(number)


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
