"""Training of the product network: resumable, seeded, one process, one core if need be.

The whole vector learns by a normalised softmax with a margin over all products (Wang et al. 2018, CosFace), whose
vectors are worked out of what their print is made of, so that a product seen once is no stranger; by naming these
traits; and by the supervised contrast within the batch (Khosla et al. 2020). Every batch is made of look-alike pairs.
The cells learn by the very comparison that the shop makes between two look-alikes. A moving average of the weights is
what is kept.
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
from torch import Tensor, nn  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]

from openaisle.core.errors import InputError
from openaisle.detections.products import FEATURES
from openaisle.learning.products_data import NOTHING, TRAITS, PackBatch, Packs
from openaisle.learning.products_network import ProductNetwork, look_closer, normalised
from openaisle.learning.training import CHECKPOINT, average_in, rate_share, read_checkpoint, write_checkpoint

SIZES_PX: Final = (64, 64, 64, 96)  # of one step after the other


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    pictures: int  # seen in all: the length of the schedule
    seed: int = 1
    pairs: int = 8  # of look-alikes in a batch, two pictures of each product
    empty: int = 1  # empty hands in a batch
    others: int = 1000  # products that each picture is told from, besides those in the batch
    rate: float = 2.5e-3
    weight_decay: float = 0.02
    warm_up: float = 0.03  # share of the schedule
    easy: float = 0.4  # share of the schedule in which pictures become as hard as they are
    average: float = 0.9985
    scale: float = 16.0
    margin: float = 0.1
    threads: int = 1
    bf16: bool = True
    checkpoint_s: float = 120.0
    device: str = "cpu"


@dataclass(frozen=True)
class Progress:
    """Said after every fiftieth step; shares are means since the last one."""

    pictures: int
    loss: float
    right: float  # share of pictures nearest to their own product's vector, of some thousand
    pairs_right: float  # share of look-alikes told apart by their cells
    seconds: float  # of training, all runs together


class ProductLearner(nn.Module):
    """The network, and what is only needed to teach it."""

    def __init__(self, traits: np.ndarray) -> None:
        super().__init__()
        self.network = ProductNetwork()
        self.register_buffer("traits", torch.from_numpy(traits))
        self.describe = nn.Sequential(nn.Linear(TRAITS, 192), nn.ReLU(), nn.Linear(192, FEATURES))
        self.empty = nn.Parameter(torch.randn(FEATURES))
        self.read = nn.Linear(FEATURES, TRAITS)
        self.closer = nn.Parameter(torch.tensor(3.0))  # log of the comparison's scale

    def products(self, classes: Tensor) -> Tensor:
        """Unit vectors [classes, 128] of what packs of these prints should look like; the first is an empty hand."""
        described = self.describe(self.traits[classes[1:]])
        return functional.normalize(torch.cat([self.empty[None], described]), dim=1)


class Trainer:
    """The network on its way. `run` trains until the schedule ends; stop it at any time, a new one goes on."""

    def __init__(self, data: Sequence[Path], out: Path, settings: TrainSettings) -> None:
        torch.manual_seed(settings.seed)
        torch.set_num_threads(settings.threads)
        self.settings, self.out = settings, out
        self.packs = Packs(data)
        if not self.packs.pairs:
            raise InputError(
                "no look-alike pairs in the data",
                file=str(data[0]),
                expected="made by `learn synthesise products`",
            )
        learner = ProductLearner(self.packs.traits)
        self.learner = learner.to(settings.device, memory_format=torch.channels_last)
        self.averaged = copy.deepcopy(self.learner).eval()
        self.pictures, self.seconds = 0, 0.0
        others = list(self.learner.named_parameters())
        self._optimiser = torch.optim.AdamW(
            [
                {"params": [*self.learner.network.parameters()], "weight_decay": settings.weight_decay},
                {"params": [p for n, p in others if not n.startswith("network.")], "weight_decay": 0.0},
            ],
            lr=settings.rate,
        )
        out.mkdir(parents=True, exist_ok=True)
        if (out / CHECKPOINT).is_file():
            self._resume()

    def run(self, report: Callable[[Progress], None]) -> None:
        settings = self.settings
        rng = np.random.default_rng([settings.seed, self.pictures])
        said: list[tuple[float, float, float]] = []
        started = saved = time.monotonic()
        before_s = self.seconds
        step = 0
        while self.pictures < settings.pictures:
            size = SIZES_PX[step % len(SIZES_PX)]
            hardness = min(1.0, self.pictures / settings.pictures / settings.easy)
            batch = self.packs.batch(settings.pairs, settings.empty, size, rng, hardness)
            said.append(self._step(batch))
            self.pictures += len(batch.classes)
            step += 1
            now = time.monotonic()
            self.seconds = before_s + now - started
            if step % 50 == 0:
                loss, right, pairs_right = (float(value) for value in np.mean(said, axis=0))
                report(Progress(self.pictures, loss, right, pairs_right, self.seconds))
                said.clear()
            if now - saved > settings.checkpoint_s:
                self.save()
                saved = now
        self.save()

    def save(self) -> None:
        state = {
            "job": "products",
            "learner": self.learner.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "pictures": self.pictures,
            "seconds": self.seconds,
            "settings": asdict(self.settings),
            "samples": len(self.packs),
            "products": self.packs.class_count - 1,
        }
        write_checkpoint(self.out, state)

    def _resume(self) -> None:
        state = load_checkpoint(self.out)
        self.learner.load_state_dict(state["learner"])
        self.averaged.load_state_dict(state["averaged"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.pictures, self.seconds = state["pictures"], state["seconds"]

    def _step(self, batch: PackBatch) -> tuple[float, float, float]:
        settings = self.settings
        for group in self._optimiser.param_groups:
            group["lr"] = settings.rate * rate_share(self.pictures / settings.pictures, settings.warm_up)
        self.learner.train()
        loss, right, pairs_right = product_loss(self.learner, batch, settings)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.learner.parameters(), 5.0)
        self._optimiser.step()
        steps = self.pictures / (4 * settings.pairs)
        average_in(self.averaged, self.learner, steps, settings.average)
        return float(loss.detach()), right, pairs_right


def product_loss(
    learner: ProductLearner, batch: PackBatch, settings: TrainSettings
) -> tuple[Tensor, float, float]:
    """The loss, the share of pictures that found their product, and of look-alikes told apart by their cells."""
    device = settings.device
    pixels = torch.from_numpy(batch.pixels).to(device)
    classes = torch.from_numpy(batch.classes).to(device)
    inputs = normalised(pixels).contiguous(memory_format=torch.channels_last)
    with torch.autocast(device, torch.bfloat16, enabled=settings.bf16):
        whole, cells = learner.network(inputs)
    drawn = torch.randint(1, len(learner.traits), (settings.others,), device=device)
    nothing = torch.tensor([NOTHING], device=device)
    compared = torch.unique(torch.cat([nothing, classes, drawn]))
    at = torch.searchsorted(compared, classes)
    cosines = whole @ learner.products(compared).T
    own = functional.one_hot(at, cosines.shape[1])
    among_all = functional.cross_entropy(settings.scale * (cosines - settings.margin * own), at)
    right = float((cosines.argmax(dim=1) == at).float().mean())

    logits = settings.scale * (whole @ whole.T)
    itself = torch.eye(len(classes), dtype=torch.bool, device=device)
    same = (classes[:, None] == classes) & ~itself & (classes[:, None] != NOTHING)
    log_share = logits - logits.masked_fill(itself, -1e9).logsumexp(dim=1, keepdim=True)
    has_same = same.any(dim=1)
    within = -(log_share * same).sum(dim=1)[has_same] / same.sum(dim=1)[has_same]

    is_pack = classes != NOTHING
    traits = functional.mse_loss(learner.read(8 * whole[is_pack]), learner.traits[classes[is_pack]])

    # Fours of a, a', b, b': each is asked for, with the other of its product against one of the look-alike.
    fours = cells[: 4 * batch.pairs].unflatten(0, (batch.pairs, 4))
    query = fours.flatten(0, 1)
    partner = fours[:, [1, 0, 3, 2]].flatten(0, 1)
    rival = fours[:, [2, 3, 0, 1]].flatten(0, 1)
    evidence = look_closer(query, partner, rival)
    apart = functional.softplus(-learner.closer.exp() * evidence).mean()
    pairs_right = float((evidence > 0).float().mean())
    return among_all + 0.2 * within.mean() + apart + 2.0 * traits, right, pairs_right


def load_checkpoint(folder: Path) -> dict[str, Any]:
    return read_checkpoint(folder, "products", "learn train products")
