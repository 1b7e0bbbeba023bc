"""TensorFlow.js graph models to ONNX, with onnx and numpy alone.

Tensors keep TensorFlow's order (batch, height, width, channels): around a convolution they are transposed and back,
and ONNX Runtime takes those transposes out again. Integers stay 32 bits wide, as TensorFlow.js has them, and are
widened where ONNX asks for shapes and indices of 64. An operation that is not listed in `_OPS` is a ModelError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper  # pyright: ignore[reportMissingImports]

from openaisle.core.errors import ModelError
from openaisle.learning.onnx_graph import FIRST, LAST, OnnxGraph
from openaisle.learning.tfjs_graph import Graph, Node, read_graph

_TYPES: Final = {
    "DT_FLOAT": TensorProto.FLOAT,
    "DT_INT32": TensorProto.INT32,
    "DT_INT64": TensorProto.INT32,
    "DT_BOOL": TensorProto.BOOL,
}
_FAR: Final = 2**31 - 1  # beyond any end


def convert(
    graph: Path,
    out: Path,
    *,
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    metadata: Mapping[str, Any],
) -> None:
    """Write a graph as ONNX. `inputs`, `outputs`: names in the ONNX file to nodes of the graph. Raises ModelError."""
    builder = _Builder(read_graph(graph), graph, {node: name for name, node in inputs.items()})
    for node in builder.graph.nodes:
        builder.add(node)
    missing = [node for node in outputs.values() if (node, 0) not in builder.values]
    if missing:
        raise ModelError(
            "wrong model", file=str(graph), expected=f"nodes {list(outputs.values())}", found=missing
        )
    for name, node in outputs.items():
        builder.nodes.append(helper.make_node("Identity", [builder.values[node, 0]], [name]))
    described = [builder.described(name, node) for name, node in outputs.items()]
    builder.save(out, described, metadata)


class _Builder(OnnxGraph):
    """The ONNX graph as it grows. `values`: the ONNX name of each output of each node seen so far."""

    def __init__(self, graph: Graph, path: Path, input_names: Mapping[str, str]) -> None:
        super().__init__()
        self.graph = graph
        self.values: dict[tuple[str, int], str] = {}
        self._path = path
        self._input_names = input_names
        self._constants: dict[tuple[str, int], NDArray[Any]] = {}

    def add(self, node: Node) -> None:
        if node.op == "Placeholder":
            self._add_input(node)
        elif node.op == "Const":
            if node.name not in self.graph.weights:
                raise self.error(node, "has no weights")
            self._constants[node.name, 0] = self.graph.weights[node.name]
            self.values[node.name, 0] = self.tensor(self.graph.weights[node.name])
        elif node.op in _OPS:
            found = _OPS[node.op](self, node)
            for index, name in enumerate([found] if isinstance(found, str) else found):
                self.values[node.name, index] = name
        else:
            raise self.error(node, f"operation '{node.op}' is not known")

    def widened(self, node: Node, number: int) -> str:
        """An input of whole numbers, 64 bits wide."""
        if node.inputs[number] in self._constants:
            return self.tensor(self._constants[node.inputs[number]].astype(np.int64))
        return self.emit("Cast", self.input(node, number), to=TensorProto.INT64)

    def narrowed(self, name: str) -> str:
        return self.emit("Cast", name, to=TensorProto.INT32)

    def input(self, node: Node, number: int) -> str:
        return self.values[node.inputs[number]]

    def taken(self, node: Node) -> list[str]:
        return [self.values[each] for each in node.inputs]

    def constant(self, node: Node, number: int) -> NDArray[Any]:
        """An input that must not depend on the picture."""
        found = self._constants.get(node.inputs[number])
        if found is None:
            raise self.error(node, f"input {number} is not constant")
        return found

    def keep_constant(self, node: Node, array: NDArray[Any]) -> str:
        self._constants[node.name, 0] = array
        return self.tensor(array)

    def is_constant(self, node: Node) -> bool:
        return all(each in self._constants for each in node.inputs)

    def error(self, node: Node, message: str) -> ModelError:
        return ModelError(message, file=str(self._path), field=node.name)

    def described(self, name: str, node: str) -> Any:
        """An output of the ONNX graph."""
        sizes = self.graph.output_shapes.get(node)
        if sizes is None:
            message = "says nothing about the shape of its output"
            raise ModelError(message, file=str(self._path), field=node, expected="an entry in 'signature'")
        dims = [each if each >= 0 else None for each in sizes]
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)

    def _add_input(self, node: Node) -> None:
        if node.name not in self._input_names:
            raise self.error(node, "is an input that was not named")
        name = self._input_names[node.name]
        dims = [each if each > 0 else f"side_{axis}" for axis, each in enumerate(node.shape("shape"))]
        self.inputs.append(helper.make_tensor_value_info(name, _TYPES[node.kind("dtype")], dims))
        self.values[node.name, 0] = name


# Element by element


def _same(op: str) -> Callable[[_Builder, Node], str]:
    return lambda builder, node: builder.emit(op, *builder.taken(node))


def _add(builder: _Builder, node: Node) -> str:
    if builder.is_constant(node):  # a shape that is computed from constants
        return builder.keep_constant(node, builder.constant(node, 0) + builder.constant(node, 1))
    return builder.emit("Add", *builder.taken(node))


def _floor_div(builder: _Builder, node: Node) -> str:
    # Whole numbers here are counts and indices, never below 0: ONNX cuts off, which is the floor.
    divided = builder.emit("Div", *builder.taken(node))
    return builder.emit("Floor", divided) if node.kind("T") == "DT_FLOAT" else divided


def _squared_difference(builder: _Builder, node: Node) -> str:
    difference = builder.emit("Sub", *builder.taken(node))
    return builder.emit("Mul", difference, difference)


def _cast(builder: _Builder, node: Node) -> str:
    return builder.emit("Cast", builder.input(node, 0), to=_TYPES[node.kind("DstT")])


def _leaky_relu(builder: _Builder, node: Node) -> str:
    return builder.emit("LeakyRelu", builder.input(node, 0), alpha=node.real("alpha", 0.2))


# Convolutions


def _conv(builder: _Builder, node: Node) -> str:
    kernel = builder.constant(node, 1).transpose(3, 2, 0, 1)  # from height, width, in, out
    return _convolved(builder, node, kernel, groups=1)


def _depthwise(builder: _Builder, node: Node) -> str:
    height, width, channels, times = builder.constant(node, 1).shape
    kernel = builder.constant(node, 1).reshape(height, width, 1, channels * times).transpose(3, 2, 0, 1)
    return _convolved(builder, node, kernel, groups=channels)


def _convolved(builder: _Builder, node: Node, kernel: NDArray[Any], groups: int) -> str:
    steps, apart = node.numbers("strides"), node.numbers("dilations") or [1, 1, 1, 1]
    fused = node.texts("fused_ops")
    is_biased = bool(fused) and fused[0] == "BiasAdd"
    inputs = [builder.emit("Transpose", builder.input(node, 0), perm=FIRST), builder.tensor(kernel)]
    if is_biased:
        inputs.append(builder.input(node, 2))
    made = builder.emit(
        "Conv",
        *inputs,
        strides=steps[1:3],
        dilations=apart[1:3],
        group=groups,
        auto_pad=_padding(builder, node),
        kernel_shape=list(kernel.shape[2:]),
    )
    for name in fused[1:] if is_biased else fused:
        if name == "Relu6":
            made = builder.emit(
                "Clip", made, builder.tensor(np.array(0, np.float32)), builder.tensor(np.array(6, np.float32))
            )
        elif name == "Relu":
            made = builder.emit("Relu", made)
        else:
            raise builder.error(node, f"fused operation '{name}' is not known")
    return builder.emit("Transpose", made, perm=LAST)


def _max_pool(builder: _Builder, node: Node) -> str:
    first = builder.emit("Transpose", builder.input(node, 0), perm=FIRST)
    made = builder.emit(
        "MaxPool",
        first,
        kernel_shape=node.numbers("ksize")[1:3],
        strides=node.numbers("strides")[1:3],
        auto_pad=_padding(builder, node),
    )
    return builder.emit("Transpose", made, perm=LAST)


def _padding(builder: _Builder, node: Node) -> str:
    padding, order = node.text("padding"), node.text("data_format", "NHWC")
    if padding not in ("SAME", "VALID") or order != "NHWC":
        raise builder.error(node, f"padding '{padding}' in order {order} is not known")
    return "SAME_UPPER" if padding == "SAME" else "VALID"


def _resize(builder: _Builder, node: Node) -> str:
    if node.flag("half_pixel_centers"):
        how = "half_pixel"
    else:
        how = "align_corners" if node.flag("align_corners") else "asymmetric"
    first = builder.emit("Transpose", builder.input(node, 0), perm=FIRST)
    # All four sizes, not two with their axes: ONNX Runtime 1.32 loses the others when it moves transposes.
    others = builder.emit("Shape", first, start=0, end=2)
    size = builder.emit("Concat", others, builder.widened(node, 1), axis=0)
    made = builder.emit("Resize", first, "", "", size, mode="linear", coordinate_transformation_mode=how)
    return builder.emit("Transpose", made, perm=LAST)


# Shapes


def _shape(builder: _Builder, node: Node) -> str:
    return builder.narrowed(builder.emit("Shape", builder.input(node, 0)))


def _size(builder: _Builder, node: Node) -> str:
    return builder.narrowed(builder.emit("Size", builder.input(node, 0)))


def _reshape(builder: _Builder, node: Node) -> str:
    return builder.emit("Reshape", builder.input(node, 0), builder.widened(node, 1))


def _squeeze(builder: _Builder, node: Node) -> str:
    axes = node.numbers("squeeze_dims")
    return builder.emit("Squeeze", builder.input(node, 0), *([builder.indices(axes)] if axes else []))


def _expand_dims(builder: _Builder, node: Node) -> str:
    axis = int(builder.constant(node, 1).reshape(()))
    return builder.emit("Unsqueeze", builder.input(node, 0), builder.indices([axis]))


def _transpose(builder: _Builder, node: Node) -> str:
    return builder.emit("Transpose", builder.input(node, 0), perm=builder.constant(node, 1).tolist())


def _pad(builder: _Builder, node: Node) -> str:
    before, after = builder.constant(node, 1).T.tolist()
    value = [builder.input(node, 2)] if node.op == "PadV2" else []
    return builder.emit("Pad", builder.input(node, 0), builder.indices(before + after), *value)


def _strided_slice(builder: _Builder, node: Node) -> str:
    """TensorFlow's slices: bits of masks say which entries are open, new axes, or single places."""
    masks = {
        name: node.number(f"{name}_mask") for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    if masks["ellipsis"]:
        raise builder.error(node, "slices with an ellipsis are not known")
    begins, ends, steps = (builder.constant(node, number).tolist() for number in (1, 2, 3))
    slices: list[tuple[int, int, int, int]] = []  # begin, end, axis, step
    gone: list[int] = []
    new: list[int] = []
    axis = axis_out = 0
    for number, (begin, end, step) in enumerate(zip(begins, ends, steps, strict=True)):
        bit = 1 << number
        if masks["new_axis"] & bit:
            new.append(axis_out)
            axis_out += 1
            continue
        if masks["shrink_axis"] & bit:
            slices.append((begin, begin + 1 if begin != -1 else _FAR, axis, 1))
            gone.append(axis)
            axis += 1
            continue
        begin = (0 if step > 0 else _FAR) if masks["begin"] & bit else begin
        end = (_FAR if step > 0 else -_FAR) if masks["end"] & bit else end
        if (begin, end, step) != (0, _FAR, 1):
            slices.append((begin, end, axis, step))
        axis += 1
        axis_out += 1
    made = builder.input(node, 0)
    if slices:
        made = builder.emit("Slice", made, *(builder.indices(column) for column in zip(*slices, strict=True)))
    if gone:
        made = builder.emit("Squeeze", made, builder.indices(gone))
    return builder.emit("Unsqueeze", made, builder.indices(new)) if new else made


def _concat(builder: _Builder, node: Node) -> str:
    axis = int(builder.constant(node, len(node.inputs) - 1).reshape(()))
    return builder.emit("Concat", *builder.taken(node)[:-1], axis=axis)


def _pack(builder: _Builder, node: Node) -> str:
    axis = node.number("axis")
    each = [builder.emit("Unsqueeze", name, builder.indices([axis])) for name in builder.taken(node)]
    return builder.emit("Concat", *each, axis=axis)


def _unpack(builder: _Builder, node: Node) -> list[str]:
    axis, count = node.number("axis"), node.number("num")
    parts = builder.emit("Split", builder.input(node, 0), outputs=count, axis=axis, num_outputs=count)
    parts = [parts] if isinstance(parts, str) else parts
    return [builder.emit("Squeeze", part, builder.indices([axis])) for part in parts]


def _split(builder: _Builder, node: Node) -> Any:
    axis, count = int(builder.constant(node, 0).reshape(())), node.number("num_split")
    return builder.emit("Split", builder.input(node, 1), outputs=count, axis=axis, num_outputs=count)


def _split_sizes(builder: _Builder, node: Node) -> Any:
    sizes, axis = builder.constant(node, 1).tolist(), int(builder.constant(node, 2).reshape(()))
    return builder.emit(
        "Split", builder.input(node, 0), builder.indices(sizes), outputs=len(sizes), axis=axis
    )


def _tile(builder: _Builder, node: Node) -> str:
    return builder.emit("Tile", builder.input(node, 0), builder.widened(node, 1))


def _fill(builder: _Builder, node: Node) -> str:
    return builder.emit("Expand", builder.input(node, 1), builder.widened(node, 0))


def _sparse_to_dense(builder: _Builder, node: Node) -> str:
    places, shape, values, otherwise = (builder.constant(node, number) for number in range(4))
    dense = np.full(shape.tolist(), otherwise.reshape(()), values.dtype)
    dense[tuple(places.reshape(-1, len(shape)).T)] = values
    return builder.keep_constant(node, dense)


# Choosing


def _gather(builder: _Builder, node: Node) -> str:
    return builder.emit("GatherND", builder.input(node, 0), builder.widened(node, 1))


def _top(builder: _Builder, node: Node) -> list[str]:
    count = builder.indices([int(builder.constant(node, 1).reshape(()))])
    values, places = builder.emit("TopK", builder.input(node, 0), count, outputs=2)
    return [values, builder.narrowed(places)]


def _arg_max(builder: _Builder, node: Node) -> str:
    axis = int(builder.constant(node, 1).reshape(()))
    return builder.narrowed(builder.emit("ArgMax", builder.input(node, 0), axis=axis, keepdims=0))


def _reduced(op: str) -> Callable[[_Builder, Node], str]:
    def made(builder: _Builder, node: Node) -> str:
        axes = builder.indices(np.atleast_1d(builder.constant(node, 1)).tolist())
        return builder.emit(op, builder.input(node, 0), axes, keepdims=int(node.flag("keep_dims")))

    return made


_OPS: Final[Mapping[str, Callable[[_Builder, Node], Any]]] = {
    "Abs": _same("Abs"),
    "Add": _add,
    "AddN": _same("Sum"),
    "AddV2": _add,
    "ArgMax": _arg_max,
    "Cast": _cast,
    "ConcatV2": _concat,
    "Conv2D": _conv,
    "DepthwiseConv2dNative": _depthwise,
    "Equal": _same("Equal"),
    "Exp": _same("Exp"),
    "ExpandDims": _expand_dims,
    "Fill": _fill,
    "FloorDiv": _floor_div,
    "FusedDepthwiseConv2dNative": _depthwise,
    "GatherNd": _gather,
    "Greater": _same("Greater"),
    "GreaterEqual": _same("GreaterOrEqual"),
    "Identity": _same("Identity"),
    "LeakyRelu": _leaky_relu,
    "Less": _same("Less"),
    "LogicalAnd": _same("And"),
    "Max": _reduced("ReduceMax"),
    "MaxPool": _max_pool,
    "Maximum": _same("Max"),
    "Minimum": _same("Min"),
    "Mul": _same("Mul"),
    "Pack": _pack,
    "Pad": _pad,
    "PadV2": _pad,
    "Range": _same("Range"),
    "RealDiv": _same("Div"),
    "Reciprocal": _same("Reciprocal"),
    "Relu": _same("Relu"),
    "Reshape": _reshape,
    "ResizeBilinear": _resize,
    "Select": _same("Where"),
    "Shape": _shape,
    "Sigmoid": _same("Sigmoid"),
    "Size": _size,
    "SparseToDense": _sparse_to_dense,
    "Split": _split,
    "SplitV": _split_sizes,
    "SquaredDifference": _squared_difference,
    "Squeeze": _squeeze,
    "StridedSlice": _strided_slice,
    "Sub": _same("Sub"),
    "Sum": _reduced("ReduceSum"),
    "Tile": _tile,
    "TopKV2": _top,
    "Transpose": _transpose,
    "Unpack": _unpack,
    "_FusedConv2D": _conv,
}
