"""The product network as a torch module: one small residual network (He et al. 2016), two answers.

The whole picture becomes one unit vector; every cell of 8 x 8 px becomes one, too, so that two products that are alike
as a whole can be compared where they differ. Pictures of any size that is a multiple of 16 go in.
"""

from __future__ import annotations

import torch  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]

from openaisle.detections.products import CELL_FEATURES, FEATURES


class ProductNetwork(nn.Module):
    """float [n, 3, s, s] to unit vectors [n, 128] of the whole and [n, (s/8)^2, 32] of the cells, row by row."""

    def __init__(self, widths: tuple[int, int, int, int] = (24, 40, 72, 128)) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.stem = nn.Sequential(
            _convolution(3, first, 2), _convolution(first, second, 2), _Residual(second)
        )
        self.stage8 = nn.Sequential(_convolution(second, third, 2), _Residual(third), _Residual(third))
        self.stage16 = nn.Sequential(_convolution(third, fourth, 2), _Residual(fourth))
        # Centred before they are brought to unit length: otherwise all vectors begin as nearly the same one.
        self.whole = nn.Sequential(nn.Linear(2 * fourth, FEATURES), nn.BatchNorm1d(FEATURES, affine=False))
        self.cells = nn.Sequential(
            nn.Conv2d(third, CELL_FEATURES, 1), nn.BatchNorm2d(CELL_FEATURES, affine=False)
        )

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        at8 = self.stage8(self.stem(inputs))
        at16 = self.stage16(at8)
        whole = self.whole(torch.cat([at16.mean(dim=(2, 3)), at16.amax(dim=(2, 3))], dim=1))
        cells = self.cells(at8).flatten(2).transpose(1, 2)
        return functional.normalize(whole.float(), dim=1), functional.normalize(cells.float(), dim=2)


class ShippedProductNetwork(nn.Module):
    """What the recogniser runs: uint8 pixels [n, s, s, 3] BGR in."""

    def __init__(self, network: ProductNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        return self.network(normalised(pixels))


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
    weight = torch.maximum(own_differs.gather(1, own_at), rival_differs.gather(1, rival_at))
    return (weight * (to_own - to_rival)).mean(dim=1)


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _convolution(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))
        nn.init.zeros_(self.second[1].weight)

    def forward(self, inputs: Tensor) -> Tensor:
        return functional.relu(inputs + self.second(self.first(inputs)))


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )
