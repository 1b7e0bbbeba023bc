"""The product network as a torch module: one small residual network (He et al. 2016), two answers.

The whole picture becomes one unit vector; every cell of 8 x 8 px becomes one, too, so that two products that are alike
as a whole can be compared where they differ. Pictures of any size that is a multiple of 16 go in.
"""

from __future__ import annotations

from typing import Final

import torch  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]

from openaisle.detections.products import CELL_FEATURES, FEATURES, centre_weights
from openaisle.learning.layers import Residual, convolution, residuals

PALETTE: Final = 32
PALETTE_GRID: Final = 4


class ProductNetwork(nn.Module):
    """float [n, 3, s, s] to unit vectors [n, 128] of the whole and [n, (s/8)^2, 32] of the cells, row by row."""

    def __init__(self, widths: tuple[int, int, int, int] = (16, 40, 80, 144)) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.stem = nn.Sequential(convolution(3, first, 2), convolution(first, second, 2), Residual(second))
        self.stage8 = nn.Sequential(convolution(second, third, 2), *residuals(third, 2))
        self.stage16 = nn.Sequential(convolution(third, fourth, 2), *residuals(fourth, 2))
        # Which colours are where, without shapes: learned first, and half of what tells packs apart.
        self.palette = nn.Sequential(
            nn.Conv2d(3, PALETTE, 1), nn.BatchNorm2d(PALETTE), nn.ReLU(),
            nn.Conv2d(PALETTE, PALETTE, 1), nn.BatchNorm2d(PALETTE), nn.ReLU(),
        )  # fmt: skip
        features = 2 * fourth + PALETTE * PALETTE_GRID**2
        # Centred before they are brought to unit length: otherwise all vectors begin as nearly the same one.
        self.whole = nn.Sequential(
            nn.BatchNorm1d(features), nn.Linear(features, 192), nn.ReLU(),
            nn.Linear(192, FEATURES), nn.BatchNorm1d(FEATURES, affine=False),
        )  # fmt: skip
        self.cells = nn.Sequential(
            nn.Conv2d(third + PALETTE, CELL_FEATURES, 1), nn.BatchNorm2d(CELL_FEATURES, affine=False)
        )

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        features, cells = self.features(inputs)
        return functional.normalize(self.whole(features).float(), dim=1), cells

    def features(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """What the vector of the whole is made of [n, 800], and the cells' unit vectors."""
        colours = self.palette(functional.avg_pool2d(inputs, 2))
        at8 = self.stage8(self.stem(inputs))
        at16 = self.stage16(at8)
        middle = (at16 * _centre(at16)).sum(dim=(2, 3))
        # The outermost sixth of the picture is rarely the pack.
        placed = functional.adaptive_avg_pool2d(colours, PALETTE_GRID + 2)[:, :, 1:-1, 1:-1]
        features = torch.cat([middle, at16.amax(dim=(2, 3)), placed.flatten(1)], dim=1)
        both = torch.cat([at8, functional.avg_pool2d(colours, 4)], dim=1)
        cells = self.cells(both).flatten(2).transpose(1, 2)
        return features, functional.normalize(cells.float(), dim=2)


class ShippedProductNetwork(nn.Module):
    """What the recogniser runs: uint8 pixels [n, s, s, 3] BGR in."""

    def __init__(self, network: ProductNetwork, whole: nn.Module) -> None:
        """`whole`: features [n, 800] to vectors [n, 128], solved for when the network has learned."""
        super().__init__()
        self.network, self.whole = network, whole

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        features, cells = self.network.features(normalised(pixels))
        return functional.normalize(self.whole(features), dim=1), cells


def normalised(pixels: Tensor) -> Tensor:
    """uint8 [n, s, s, 3] to float32 [n, 3, s, s] about zero."""
    return pixels.permute(0, 3, 1, 2).float() * (1 / 64) - 1.75


def look_closer(query: Tensor, own: Tensor, rival: Tensor) -> Tensor:
    """How much more query cells [n, c, f] look like one product's [n, k, f] than like its rival's [n, k, f]: [n].

    The same sum as `detections.products.compare_cells`: a cell counts as much as what it is found to be differs
    between the two products.
    """
    to_own, own_at = (query @ own.transpose(1, 2)).max(dim=2)
    to_rival, rival_at = (query @ rival.transpose(1, 2)).max(dim=2)
    between = own @ rival.transpose(1, 2)
    own_differs, rival_differs = 1 - between.amax(dim=2), 1 - between.amax(dim=1)
    centre = torch.from_numpy(centre_weights(round(query.shape[1] ** 0.5)).ravel()).to(query.device)
    own_differs, rival_differs = own_differs * centre, rival_differs * centre
    weight = centre * torch.maximum(own_differs.gather(1, own_at), rival_differs.gather(1, rival_at))
    return (weight * (to_own - to_rival)).mean(dim=1)


def _centre(features: Tensor) -> Tensor:
    """Weights [1, 1, h, w] of sum 1 that look at the middle, where the pack is."""
    size = features.shape[-1]
    weights = torch.from_numpy(centre_weights(size)).to(features.dtype).to(features.device)
    return (weights / weights.sum()).view(1, 1, size, size)
