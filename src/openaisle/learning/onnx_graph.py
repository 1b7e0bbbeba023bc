"""An ONNX file as it grows, node by node: what the converters share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx  # pyright: ignore[reportMissingImports]
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper  # pyright: ignore[reportMissingImports]

from openaisle.detections.runtime import METADATA_KEY

OPSET: Final = 18
IR_VERSION: Final = 9
FIRST: Final = [0, 3, 1, 2]  # channels, as convolutions of ONNX want them
LAST: Final = [0, 2, 3, 1]  # and as TensorFlow has them


class OnnxGraph:
    """Nodes, inputs and weights. Names of values are made up here."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.inputs: list[Any] = []
        self.initializers: list[Any] = []
        self._count = 0

    def emit(self, op: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """Append an ONNX node; the name of its output, or a list of names where there are several."""
        names = [self._fresh() for _ in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def tensor(self, array: NDArray[Any]) -> str:
        name = self._fresh()
        self.initializers.append(numpy_helper.from_array(np.array(array, order="C"), name))
        return name

    def indices(self, values: Sequence[int]) -> str:
        return self.tensor(np.array(values, np.int64))

    def add_input(self, name: str, dims: Sequence[int | str]) -> str:
        """A float32 input; a name instead of a size where any will do."""
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(dims)))
        return name

    def name_output(self, value: str, name: str, dims: Sequence[int | str | None]) -> Any:
        """A float32 output of that name; goes to `save`."""
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(dims))

    def save(self, out: Path, outputs: Sequence[Any], metadata: Mapping[str, Any]) -> None:
        """Write the file, checked. Kernels, for one, are kept in ONNX's order only: what is not used is left out."""
        used = {name for node in self.nodes for name in node.input}
        weights = [each for each in self.initializers if each.name in used]
        made = helper.make_graph(self.nodes, out.stem, self.inputs, list(outputs), weights)
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(
            made, opset_imports=[opset], ir_version=IR_VERSION, producer_name="openaisle"
        )
        helper.set_model_props(model, {METADATA_KEY: json.dumps(dict(metadata), sort_keys=True)})
        onnx.checker.check_model(model)
        onnx.save(model, str(out))

    def _fresh(self) -> str:
        self._count += 1
        return f"v{self._count}"
