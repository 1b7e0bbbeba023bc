"""TensorFlow Lite models to ONNX, with onnx and numpy alone: the operations of MediaPipe's landmark networks.

Tensors keep TensorFlow's order of axes, with transposes around convolutions, as in `convert_tfjs`. Weights shortened
to 16 bits get their length back. An operation that is not listed in `_OPS` is a ModelError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import ModelError
from openaisle.learning.onnx_graph import FIRST, LAST, OnnxGraph
from openaisle.learning.tflite_graph import LiteGraph, Operator, Tensor, read_lite

_PADDINGS: Final = ("SAME_UPPER", "VALID")
_NONE, _RELU, _RELU6 = 0, 1, 3
"""TensorFlow Lite's numbers of what may be fused behind an operation."""


def convert_lite(
    source: Path,
    out: Path,
    *,
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    metadata: Mapping[str, Any],
) -> None:
    """Write a .tflite file as ONNX. `inputs`, `outputs`: names in the ONNX file to tensors'. Raises ModelError.

    Where the graph's batch is 1, the ONNX file takes any.
    """
    graph = read_lite(source)
    builder = _Builder(graph, source, {tensor: name for name, tensor in inputs.items()})
    for operator in graph.operators:
        builder.add(operator)
    computed = {tensor.name: (index, tensor) for index, tensor in enumerate(graph.tensors)}
    missing = [
        name for name in outputs.values() if name not in computed or computed[name][0] not in builder.values
    ]
    if missing:
        raise ModelError(
            "wrong model", file=str(source), expected=f"tensors {list(outputs.values())}", found=missing
        )
    described = []
    for name, tensor in outputs.items():
        index, found = computed[tensor]
        described.append(builder.name_output(builder.values[index], name, ["batch", *found.shape[1:]]))
    builder.save(out, described, metadata)


class _Builder(OnnxGraph):
    """`values`: the ONNX name of each tensor computed so far."""

    def __init__(self, graph: LiteGraph, path: Path, input_names: Mapping[str, str]) -> None:
        super().__init__()
        self.values: dict[int, str] = {}
        self._tensors = graph.tensors
        self._path = path
        self._long: dict[int, NDArray[Any]] = {}  # weights that were given their length back
        for index in graph.inputs:
            tensor = graph.tensors[index]
            if tensor.name not in input_names:
                raise ModelError("is an input that was not named", file=str(path), field=tensor.name)
            self.values[index] = self.add_input(input_names[tensor.name], ["batch", *tensor.shape[1:]])

    def add(self, operator: Operator) -> None:
        if operator.op == "DEQUANTIZE":
            self._long[operator.outputs[0]] = self.constant(operator, 0).astype(np.float32)
        else:
            self.values[operator.outputs[0]] = _OPS[operator.op](self, operator)

    def described(self, operator: Operator, number: int) -> Tensor:
        return self._tensors[operator.inputs[number]]

    def taken(self, operator: Operator, number: int) -> str:
        index = operator.inputs[number]
        return self.values[index] if index in self.values else self.tensor(self.constant(operator, number))

    def constant(self, operator: Operator, number: int) -> NDArray[Any]:
        """An input that must not depend on the picture."""
        index = operator.inputs[number]
        data = self._long[index] if index in self._long else self._tensors[index].data
        if data is None:
            raise ModelError(
                f"input {number} of {operator.op} is not constant",
                file=str(self._path),
                field=self._tensors[index].name,
            )
        return data

    def option(self, operator: Operator, field: int, otherwise: int = 0, form: str = "i") -> int:
        return operator.options.number(field, otherwise, form) if operator.options else otherwise

    def activated(self, value: str, kind: int) -> str:
        if kind == _RELU:
            return self.emit("Relu", value)
        if kind == _RELU6:
            bounds = [self.tensor(np.array(bound, np.float32)) for bound in (0, 6)]
            return self.emit("Clip", value, *bounds)
        if kind != _NONE:
            raise ModelError("fused activation is not known", file=str(self._path), found=kind)
        return value


def _conv(builder: _Builder, operator: Operator) -> str:
    kernel = builder.constant(operator, 1).transpose(0, 3, 1, 2)  # from out, height, width, in
    return _convolved(builder, operator, kernel, groups=1, activation=3, dilations=(4, 5))


def _depthwise(builder: _Builder, operator: Operator) -> str:
    kernel = builder.constant(operator, 1).transpose(3, 0, 1, 2)  # from 1, height, width, channels
    channels = builder.described(operator, 0).shape[3]
    return _convolved(builder, operator, kernel, groups=channels, activation=4, dilations=(5, 6))


def _convolved(
    builder: _Builder,
    operator: Operator,
    kernel: NDArray[Any],
    *,
    groups: int,
    activation: int,
    dilations: tuple[int, int],
) -> str:
    """`activation`, `dilations`: fields of the operator's options."""
    inputs = [builder.emit("Transpose", builder.taken(operator, 0), perm=FIRST), builder.tensor(kernel)]
    if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
        inputs.append(builder.taken(operator, 2))
    wide, high = dilations
    made = builder.emit(
        "Conv",
        *inputs,
        strides=[builder.option(operator, 2, 1), builder.option(operator, 1, 1)],
        dilations=[builder.option(operator, high, 1), builder.option(operator, wide, 1)],
        group=groups,
        auto_pad=_PADDINGS[builder.option(operator, 0, form="b")],
        kernel_shape=list(kernel.shape[2:]),
    )
    made = builder.activated(made, builder.option(operator, activation, form="b"))
    return builder.emit("Transpose", made, perm=LAST)


def _max_pool(builder: _Builder, operator: Operator) -> str:
    made = builder.emit(
        "MaxPool",
        builder.emit("Transpose", builder.taken(operator, 0), perm=FIRST),
        kernel_shape=[builder.option(operator, 4, 1), builder.option(operator, 3, 1)],
        strides=[builder.option(operator, 2, 1), builder.option(operator, 1, 1)],
        auto_pad=_PADDINGS[builder.option(operator, 0, form="b")],
    )
    made = builder.activated(made, builder.option(operator, 5, form="b"))
    return builder.emit("Transpose", made, perm=LAST)


def _resize(builder: _Builder, operator: Operator) -> str:
    if builder.option(operator, 3, form="b"):
        how = "half_pixel"
    else:
        how = "align_corners" if builder.option(operator, 2, form="b") else "asymmetric"
    first = builder.emit("Transpose", builder.taken(operator, 0), perm=FIRST)
    # All four sizes: see `convert_tfjs`.
    others = builder.emit("Shape", first, start=0, end=2)
    size = builder.indices(builder.constant(operator, 1).tolist())
    size = builder.emit("Concat", others, size, axis=0)
    made = builder.emit("Resize", first, "", "", size, mode="linear", coordinate_transformation_mode=how)
    return builder.emit("Transpose", made, perm=LAST)


def _add(builder: _Builder, operator: Operator) -> str:
    made = builder.emit("Add", builder.taken(operator, 0), builder.taken(operator, 1))
    return builder.activated(made, builder.option(operator, 0, form="b"))


def _pad(builder: _Builder, operator: Operator) -> str:
    before, after = builder.constant(operator, 1).T.tolist()
    return builder.emit("Pad", builder.taken(operator, 0), builder.indices(before + after))


def _reshape(builder: _Builder, operator: Operator) -> str:
    shape = builder.constant(operator, 1).tolist()
    return builder.emit("Reshape", builder.taken(operator, 0), builder.indices([-1, *shape[1:]]))


def _mean(builder: _Builder, operator: Operator) -> str:
    axes = builder.indices(np.atleast_1d(builder.constant(operator, 1)).tolist())
    keepdims = builder.option(operator, 0, form="b")
    return builder.emit("ReduceMean", builder.taken(operator, 0), axes, keepdims=keepdims)


def _fully_connected(builder: _Builder, operator: Operator) -> str:
    flat = builder.emit("Flatten", builder.taken(operator, 0), axis=1)
    weights = builder.tensor(builder.constant(operator, 1).T)
    made = builder.emit("Add", builder.emit("MatMul", flat, weights), builder.taken(operator, 2))
    return builder.activated(made, builder.option(operator, 0, form="b"))


_OPS: Final[Mapping[str, Callable[[_Builder, Operator], str]]] = {
    "ADD": _add,
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _fully_connected,
    "LOGISTIC": lambda builder, operator: builder.emit("Sigmoid", builder.taken(operator, 0)),
    "MAX_POOL_2D": _max_pool,
    "MEAN": _mean,
    "PAD": _pad,
    "RESHAPE": _reshape,
    "RESIZE_BILINEAR": _resize,
}
