"""What the exports share: seeds, pictures made here, and where results go.

Each file beside this one runs in the environment of the library that it asks (`make test-architectures`), writes
`NAME.onnx`, an export of the library's own, and `NAME.npz`, what the library itself makes of the same pictures.
"""

import sys
from pathlib import Path

import numpy as np
import torch

torch.manual_seed(7)
torch.set_num_threads(1)


def pictures(count=2, width=640, height=480):
    """Shapes of many colours on noise, uint8 [h, w, 3] BGR: something for random weights to differ about."""
    rng = np.random.default_rng(5)
    made = []
    for _ in range(count):
        picture = rng.integers(60, 120, (height, width, 3))
        for _ in range(24):
            x, y = rng.integers(0, width - 40), rng.integers(0, height - 40)
            wide, high = rng.integers(20, 200, 2)
            picture[y : y + high, x : x + wide] = rng.integers(0, 255, 3)
        made.append(picture.astype(np.uint8))
    return made


def unlike(module, shown):
    """Let batch normalisations learn from pictures [h, w, 3], so that random weights tell places apart."""
    for each in module.modules():
        if isinstance(each, torch.nn.BatchNorm2d):
            each.momentum = None  # the mean of all that is shown
            each.reset_running_stats()
    given = np.stack(shown)[:, :, :, ::-1].transpose(0, 3, 1, 2).astype(np.float32) / 255
    with torch.no_grad():
        module.train()(torch.from_numpy(np.ascontiguousarray(given)))
    module.eval()


def out(name):
    """The .onnx and .npz files of a name in the folder on the command line."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.onnx", folder / f"{name}.npz"


def export(module, inputs, path, names=("input",), outputs=None, **more):
    """By tracing, with weights inside."""
    with torch.no_grad():
        torch.onnx.export(
            module.eval(),
            inputs,
            str(path),
            input_names=list(names),
            output_names=outputs,
            opset_version=17,
            dynamo=False,
            **more,
        )
