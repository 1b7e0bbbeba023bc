"""The last layer of the product network, solved for rather than learned by steps: linear discriminants (Fisher 1936).

Of all directions of the features those are kept in which products differ most by how much pictures of one product do.
What no step-by-step training has time for, sums over all training pictures do in a minute.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from numpy.typing import NDArray
from scipy.linalg import eigh
from torch import nn  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]

from openaisle.detections.products import FEATURES, LOOK_PX
from openaisle.learning.products_data import NOTHING, Packs, spoiled
from openaisle.learning.products_network import ProductNetwork, normalised

SOLVED_PX: Final = 64
RIDGE: Final = 0.05
"""Share of the mean variance added to every direction within a product: a few pictures know not all."""
OTHERS: Final = 1000
CENTRE_PICTURES: Final = 4
CENTRE_HARDNESS: Final = 0.3  # mostly clear, as a gallery's pictures are


@torch.no_grad()
def solve(
    network: ProductNetwork, packs: Packs, *, pictures_max: int = 24_000, seed: int = 1
) -> tuple[nn.Linear, NDArray[np.float32]]:
    """The layer [768 -> 128], and the unit vector of an empty hand. `network` in its state of use (eval)."""
    rng = np.random.default_rng([seed, 23])
    classes = packs.class_of()
    chosen = np.sort(rng.permutation(len(packs))[:pictures_max])
    rows: list[NDArray[np.float32]] = []
    for begin in range(0, len(chosen), 256):
        pictures = [spoiled(packs[int(index)], SOLVED_PX, rng) for index in chosen[begin : begin + 256]]
        features, _ = network.features(normalised(torch.from_numpy(np.stack(pictures))))
        rows.append(features.float().numpy())
    features, own = np.concatenate(rows), classes[chosen]
    matrix, middle = discriminants(features, own)
    layer = nn.Linear(features.shape[1], FEATURES)
    layer.weight.data = torch.from_numpy(matrix.T.copy())
    layer.bias.data = torch.from_numpy(-middle @ matrix)
    empty = (features[own == NOTHING].mean(axis=0) - middle) @ matrix
    return layer, (empty / np.linalg.norm(empty)).astype(np.float32)


@torch.no_grad()
def centres(
    network: ProductNetwork, layer: nn.Linear, packs: Packs, *, products_max: int = OTHERS, seed: int = 1
) -> NDArray[np.float32]:
    """Where some of the products taught lie [n, 128]: what a shop may be shown and does not sell."""
    rng = np.random.default_rng([seed, 29])
    products = sorted(packs.by_product)
    found: list[NDArray[np.float32]] = []
    for product in rng.permutation(products)[:products_max].tolist():
        chosen = packs.by_product[product][:CENTRE_PICTURES]
        pictures = [spoiled(packs[index], LOOK_PX, rng, CENTRE_HARDNESS) for index in chosen]
        features, _ = network.features(normalised(torch.from_numpy(np.stack(pictures))))
        found.append(functional.normalize(layer(features.float()), dim=1).mean(dim=0).numpy())
    return np.stack(found)


def discriminants(
    features: NDArray[np.float32], classes: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Matrix [features, 128] and the mean [features] to take away first, of features [n, f] of classes [n]."""
    middle = features.mean(axis=0)
    centred = features - middle
    _, at, counts = np.unique(classes, return_inverse=True, return_counts=True)
    means = np.zeros((len(counts), features.shape[1]), np.float32)
    np.add.at(means, at, centred)
    means /= counts[:, None]
    rest = centred - means[at]
    within = rest.T @ rest / max(1, len(rest) - len(counts))
    between = centred.T @ centred / len(centred) - within
    within += RIDGE * np.trace(within) / len(within) * np.eye(len(within), dtype=within.dtype)
    last = len(within) - 1
    _, directions = eigh(
        between.astype(np.float64), within.astype(np.float64), subset_by_index=[last - FEATURES + 1, last]
    )
    return directions[:, ::-1].astype(np.float32), middle.astype(np.float32)
