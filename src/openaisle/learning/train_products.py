"""Training of the product network: resumable, seeded, one process, one core if need be.

The whole vector learns by a normalised softmax with a margin over all products (Wang et al. 2018, CosFace), whose
vectors are worked out of what their print is made of, so that a product seen once is no stranger; by naming these
traits; and by the supervised contrast within the batch (Khosla et al. 2020). Every batch is made of look-alike pairs.
The cells learn by the very comparison that the shop makes between two look-alikes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]

from openaisle.core.errors import InputError
from openaisle.detections.products import FEATURES
from openaisle.learning.products_data import NOTHING, TRAITS, Packs
from openaisle.learning.products_network import ProductNetwork, look_closer, normalised
from openaisle.learning.training import Batch, Loop, PictureLoopSettings, Step, read_checkpoint
from openaisle.learning.warm_start import start_from

SIZES_PX: Final = (64, 96, 96, 128)  # of one step after the other
MEASURED_BATCHES: Final = 16  # when training begins from an exported file


@dataclass(frozen=True, kw_only=True)
class TrainSettings(PictureLoopSettings):
    pairs: int = 8  # of look-alikes in a batch, two pictures of each product
    empty: int = 1  # empty hands in a batch
    others: int = 1000  # products that each picture is told from, besides those in the batch
    rate: float = 2.5e-3
    easy: float = 0.4  # share of the schedule in which pictures become as hard as they are
    average: float = 0.9985
    scale: float = 16.0
    margin: float = 0.1


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


class Trainer(Loop):
    """The product network, with what is needed to teach it."""

    kept = "learner"

    def __init__(
        self, data: Sequence[Path], out: Path, settings: TrainSettings, start: Path | None = None
    ) -> None:
        """`start`: an exported file whose convolutions it begins from; a checkpoint in `out` goes before it."""
        super().__init__("products", out, settings, settings.pictures)
        self.settings = settings
        self.packs = Packs(data)
        if not self.packs.pairs:
            raise InputError(
                "no look-alike pairs in the data",
                file=str(data[0]),
                expected="made by `learn synthesise products`",
            )
        learner = ProductLearner(self.packs.traits)
        self.learner = learner.to(settings.device, memory_format=torch.channels_last)
        self._is_taught = start is not None
        if start is not None and not self.has_checkpoint:
            pictures = [torch.from_numpy(self._batch(number)["pixels"]) for number in range(MEASURED_BATCHES)]
            inputs = [normalised(each.to(settings.device)) for each in pictures]
            start_from(learner.network, start, inputs, only_convolutions=True)
        others = [
            parameter for name, parameter in learner.named_parameters() if not name.startswith("network.")
        ]
        groups = [
            {"params": [*learner.network.parameters()], "weight_decay": settings.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        self._begin(self.learner, groups)

    def _batch(self, number: int) -> Batch:
        settings = self.settings
        pictures = 4 * settings.pairs + settings.empty
        hardness = 1.0
        if not self._is_taught:
            hardness = min(1.0, number * pictures / settings.pictures / settings.easy)
        size_px = SIZES_PX[number % len(SIZES_PX)]
        made = self.packs.batch(settings.pairs, settings.empty, size_px, self._generator(number), hardness)
        return vars(made)

    def _said(self) -> Mapping[str, Any]:
        return {"samples": len(self.packs), "products": self.packs.class_count - 1}

    def _step(self, batch: Batch) -> Step:
        loss, right, pairs_right = product_loss(self.learner, batch, self.settings)
        return Step(loss, len(batch["classes"]), {"right": right, "pairs": pairs_right})


def product_loss(
    learner: ProductLearner, batch: Batch, settings: TrainSettings
) -> tuple[Tensor, Tensor, Tensor]:
    """The loss, the share of pictures that found their product, and of look-alikes told apart by their cells.

    `batch`: what is in a `PackBatch`, as tensors on the learner's device.
    """
    device, classes, pairs = settings.device, batch["classes"], batch["pairs"]
    inputs = normalised(batch["pixels"]).contiguous(memory_format=torch.channels_last)
    with torch.autocast(device, torch.bfloat16, enabled=settings.bf16):
        whole, cells = learner.network(inputs)
    drawn = torch.randint(1, len(learner.traits), (settings.others,), device=device)
    nothing = torch.tensor([NOTHING], device=device)
    compared = torch.unique(torch.cat([nothing, classes, drawn]))
    at = torch.searchsorted(compared, classes)
    cosines = whole @ learner.products(compared).T
    own = functional.one_hot(at, cosines.shape[1])
    among_all = functional.cross_entropy(settings.scale * (cosines - settings.margin * own), at)
    right = (cosines.detach().argmax(dim=1) == at).float().mean()

    logits = settings.scale * (whole @ whole.T)
    itself = torch.eye(len(classes), dtype=torch.bool, device=device)
    same = (classes[:, None] == classes) & ~itself & (classes[:, None] != NOTHING)
    log_share = logits - logits.masked_fill(itself, -1e9).logsumexp(dim=1, keepdim=True)
    has_same = same.any(dim=1)
    within = -(log_share * same).sum(dim=1)[has_same] / same.sum(dim=1)[has_same]

    is_pack = classes != NOTHING
    traits = functional.mse_loss(learner.read(8 * whole[is_pack]), learner.traits[classes[is_pack]])

    # Fours of a, a', b, b': each is asked for, with the other of its product against one of the look-alike.
    fours = cells[: 4 * pairs].unflatten(0, (pairs, 4))
    query = fours.flatten(0, 1)
    partner = fours[:, [1, 0, 3, 2]].flatten(0, 1)
    rival = fours[:, [2, 3, 0, 1]].flatten(0, 1)
    evidence = look_closer(query, partner, rival)
    apart = functional.softplus(-learner.closer.exp() * evidence).mean()
    pairs_right = (evidence.detach() > 0).float().mean()
    return among_all + 0.2 * within.mean() + apart + 2.0 * traits, right, pairs_right


def load_checkpoint(folder: Path) -> dict[str, Any]:
    return read_checkpoint(folder, "products", "learn train products")
