"""The shipped people networks run by torch on a GPU: for machines that have torch for theirs but no ONNX Runtime.

Weights are read from the ONNX files; convolutions compute in bfloat16.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from numpy.typing import NDArray
from torch import nn  # pyright: ignore[reportMissingImports]
from torch.nn.utils.fusion import fuse_conv_bn_eval  # pyright: ignore[reportMissingImports]

from openaisle.core.errors import MachineError
from openaisle.detections import crops
from openaisle.detections.people_networks import PeopleNetworks
from openaisle.detections.runtime import RuntimeSettings
from openaisle.learning.export import FILE_OF
from openaisle.learning.people_network import ShippedBoxNetwork, ShippedKeypointNetwork
from openaisle.learning.train_people import network_for
from openaisle.learning.warm_start import start_from


class TorchPeopleNetworks(PeopleNetworks):
    """As `PeopleNetworks`, on a device of torch's. MachineError where torch has no such device."""

    def __init__(self, weights: Path, device: str) -> None:
        super().__init__(RuntimeSettings(weights=weights, precision="f32"))
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise MachineError("this torch sees no GPU: bench speed --provider torch needs one")
        self._boxes = _TorchModel("boxes", weights, device)
        self._keypoints = _TorchModel("keypoints", weights, device)


class _TorchModel:
    """One network, asked as an `OnnxModel` is."""

    def __init__(self, job: str, weights: Path, device: str) -> None:
        network = network_for(job)
        size = crops.CROP_PX if job == "keypoints" else crops.FRAME_HEIGHT_PX
        start_from(network, weights / FILE_OF[job], [torch.zeros(1, 4, size, size)])
        network.eval()
        for module in network.modules():
            if isinstance(module, nn.Sequential):
                _fold(module)
        shipped = (ShippedBoxNetwork if job == "boxes" else ShippedKeypointNetwork)(network)
        self._network = shipped.eval().to(device, memory_format=torch.channels_last)
        self._device = device

    @torch.inference_mode()
    def run(self, *, pixels: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        with torch.autocast(self._device, torch.bfloat16):
            outputs = self._network(torch.from_numpy(pixels).to(self._device, non_blocking=True))
        return [output.float().cpu().numpy() for output in outputs]


def _fold(sequence: nn.Sequential) -> None:
    """Each normalisation into the convolution before it, in place."""
    for place in range(len(sequence) - 1):
        first, second = sequence[place], sequence[place + 1]
        if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
            sequence[place] = fuse_conv_bn_eval(first, second)
            sequence[place + 1] = nn.Identity()
