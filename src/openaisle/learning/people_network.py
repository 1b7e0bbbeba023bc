"""The two compact networks of the people detector, as torch modules.

Both are small residual networks (He et al. 2016) with a feature pyramid (Lin et al. 2017), in plain 3x3 convolutions
with ReLU, which quantise well. Inputs are [n, 4, h, w]: BGR and background difference, scaled by `normalised`.
"""

from __future__ import annotations

from typing import Final

import torch  # pyright: ignore[reportMissingImports]
from torch import Tensor, nn  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]

from openaisle.core.messages import JOINTS
from openaisle.detections.appearance import LOOK_FEATURES
from openaisle.detections.decode import PAIRS
from openaisle.learning.layers import Residual, convolution, residuals

BOX_STRIDE_PX: Final = 4
KEYPOINT_STRIDE_PX: Final = 4
BODY: Final = 128  # numbers that say what a crop shows as a whole
GLANCES: Final = 6  # places of a body that tell who it is


def normalised(pixels: Tensor) -> Tensor:
    """uint8 [n, h, w, 4] to float32 [n, 4, h, w] about zero."""
    floats = pixels.permute(0, 3, 1, 2).float()
    scale = floats.new_tensor([1 / 64, 1 / 64, 1 / 64, 1 / 48]).view(1, 4, 1, 1)
    shift = floats.new_tensor([-1.75, -1.75, -1.75, -0.5]).view(1, 4, 1, 1)
    return floats * scale + shift


class BoxNetwork(nn.Module):
    """Where people are: heat logits [n, 1, h/4, w/4] of centres and distances [n, 4, h/4, w/4] in px to box sides."""

    def __init__(self, widths: tuple[int, int, int, int] = (16, 32, 64, 128)) -> None:
        super().__init__()
        first, second, third, fourth = widths
        pyramid = 48
        self.stem = nn.Sequential(convolution(4, first, 2), convolution(first, second, 2))
        self.stage8 = nn.Sequential(convolution(second, third, 2), Residual(third))
        self.stage16 = nn.Sequential(convolution(third, fourth, 2), *residuals(fourth, 3))
        self.lateral16 = nn.Conv2d(fourth, pyramid, 1)
        self.lateral8 = nn.Conv2d(third, pyramid, 1)
        self.smooth8 = convolution(pyramid, second)
        self.lateral4 = nn.Conv2d(second, second, 1)
        self.head = convolution(second, second)
        self.heat = nn.Conv2d(second, 1, 1)
        self.sides = nn.Conv2d(second, 4, 1)
        nn.init.constant_(self.heat.bias, -4.0)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        at4 = self.stem(inputs)
        at8 = self.stage8(at4)
        at16 = self.stage16(at8)
        up8 = self.smooth8(functional.relu(self.lateral8(at8) + _doubled(self.lateral16(at16))))
        up4 = self.head(functional.relu(self.lateral4(at4) + _doubled(up8)))
        return self.heat(up4), functional.softplus(self.sides(up4)) * 16.0


class KeypointNetwork(nn.Module):
    """Where one person's joints are.

    Map logits [n, 17, h/4, w/4]; logits [n, 17] that a joint is not in the crop (one softmax over both); logits
    [n, 8] that of a pair ordered by image x the first is the person's own left; logit [n, 1] that it is a person;
    logits [n, 17] that a joint, pairs ordered by image x, is in view rather than hidden; and unit vectors [n, 32] of
    what the person looks like, which are alike for the same person in any camera.
    """

    def __init__(self, widths: tuple[int, int, int, int] = (24, 40, 80, 160)) -> None:
        super().__init__()
        first, second, third, fourth = widths
        pyramid = 48
        self.stem = convolution(4, first, 2)
        self.stage4 = nn.Sequential(convolution(first, second, 2), Residual(second))
        self.stage8 = nn.Sequential(convolution(second, third, 2), *residuals(third, 2))
        self.stage16 = nn.Sequential(convolution(third, fourth, 2), *residuals(fourth, 3))
        self.lateral16 = nn.Conv2d(fourth, pyramid, 1)
        self.lateral8 = nn.Conv2d(third, pyramid, 1)
        self.lateral4 = nn.Conv2d(second, pyramid, 1)
        self.smooth8 = convolution(pyramid, pyramid)
        self.smooth4 = convolution(pyramid, pyramid)
        self.maps = nn.Conv2d(pyramid, len(JOINTS), 1)
        self.whole = nn.Sequential(
            nn.Linear(2 * fourth, BODY), nn.ReLU(), nn.Linear(BODY, len(JOINTS) + len(PAIRS) + 1)
        )
        self.visible = nn.Linear(BODY, len(JOINTS))
        # What the whole crop shows, told to every place of it: which of two people, from which side.
        self.told = nn.Linear(BODY, pyramid)
        # Where to look to know somebody again, and what to make of the colours and shapes there.
        self.glances = nn.Conv2d(pyramid, GLANCES, 1)
        self.look = nn.Sequential(
            nn.Linear(GLANCES * (second + pyramid) + BODY, BODY), nn.ReLU(), nn.Linear(BODY, LOOK_FEATURES)
        )

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
        at4 = self.stage4(self.stem(inputs))
        at8 = self.stage8(at4)
        at16 = self.stage16(at8)
        body = self.whole[:2](torch.cat([at16.mean(dim=(2, 3)), at16.amax(dim=(2, 3))], dim=1))
        coarse = self.lateral16(at16) + self.told(body)[:, :, None, None]
        up8 = self.smooth8(functional.relu(self.lateral8(at8) + _doubled(coarse)))
        up4 = self.smooth4(functional.relu(self.lateral4(at4) + _doubled(up8)))
        nowhere, pairs, person = self.whole[2](body).split([len(JOINTS), len(PAIRS), 1], dim=1)
        return self.maps(up4), nowhere, pairs, person, self.visible(body), self._look(at4, up4, body)

    def _look(self, at4: Tensor, up4: Tensor, body: Tensor) -> Tensor:
        where = self.glances(up4).float().flatten(2).softmax(dim=2)
        there = torch.cat([at4, up4], dim=1).float().flatten(2).transpose(1, 2)
        seen = torch.cat([torch.bmm(where, there).flatten(1), body.float()], dim=1)
        return functional.normalize(self.look(seen).float(), dim=1)


class ShippedBoxNetwork(nn.Module):
    """What the detector runs: uint8 pixels [n, h, w, 4] to heat probabilities and sides."""

    def __init__(self, network: BoxNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        heat, sides = self.network(normalised(pixels))
        return torch.sigmoid(heat), sides


class ShippedKeypointNetwork(nn.Module):
    """What the detector runs: uint8 pixels [n, h, w, 4] to maps (probabilities), logits and looks."""

    def __init__(self, network: KeypointNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        maps, nowhere, pairs, person, visible, look = self.network(normalised(pixels))
        cells = torch.cat([maps.flatten(2), nowhere.unsqueeze(2)], dim=2).softmax(dim=2)
        return cells[:, :, :-1].reshape(maps.shape), pairs, person, visible, look


def keypoint_log_maps(maps: Tensor, nowhere: Tensor) -> Tensor:
    """Log probabilities [n, 17, cells + 1] over all cells and, last, "not in the crop"."""
    return torch.cat([maps.flatten(2), nowhere.unsqueeze(2)], dim=2).float().log_softmax(dim=2)


def parameters(network: nn.Module) -> int:
    return sum(weights.numel() for weights in network.parameters())


def _doubled(inputs: Tensor) -> Tensor:
    return functional.interpolate(inputs, scale_factor=2.0, mode="nearest")
