"""TensorFlow Lite models as files: FlatBuffers with one graph, its tensors and their weights.

Format: TensorFlow's `schema.fbs`, of which only what is read here is spelled out, by field number. FlatBuffers: every
table begins with the distance back to its vtable, which says where in the table each field lies, 0 for absent ones.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import ModelError

_MAGIC: Final = b"TFL3"
DTYPES: Final[Mapping[int, type[np.generic]]] = {
    0: np.float32,
    1: np.float16,
    2: np.int32,
    3: np.uint8,
    4: np.int64,
    6: np.bool_,
    9: np.int8,
}
"""By TensorFlow Lite's number of a type."""
_OPS: Final[Mapping[int, str]] = {
    0: "ADD",
    3: "CONV_2D",
    4: "DEPTHWISE_CONV_2D",
    6: "DEQUANTIZE",
    9: "FULLY_CONNECTED",
    14: "LOGISTIC",
    17: "MAX_POOL_2D",
    22: "RESHAPE",
    23: "RESIZE_BILINEAR",
    34: "PAD",
    40: "MEAN",
}


class Table:
    """One FlatBuffers table in `data`."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at
        self._vtable = at - self._int(at)
        self._vtable_bytes = struct.unpack_from("<H", data, self._vtable)[0]

    def number(self, field: int, otherwise: int = 0, form: str = "i") -> int:
        """A scalar; `form` as in the module struct: i int32, I uint32, b int8, B uint8."""
        at = self._place(field)
        return struct.unpack_from(f"<{form}", self._data, at)[0] if at else otherwise

    def text(self, field: int) -> str:
        data = self.array(field, np.uint8)
        return data.tobytes().decode("utf-8", "replace")

    def array(self, field: int, dtype: Any) -> NDArray[Any]:
        """A vector of scalars; empty where there is none."""
        at = self._place(field)
        if not at:
            return np.zeros(0, dtype)
        start = at + self._int(at)
        return np.frombuffer(self._data, np.dtype(dtype).newbyteorder("<"), self._int(start), start + 4)

    def table(self, field: int) -> Table | None:
        at = self._place(field)
        return Table(self._data, at + self._int(at)) if at else None

    def tables(self, field: int) -> list[Table]:
        at = self._place(field)
        if not at:
            return []
        start = at + self._int(at)
        places = [start + 4 + 4 * index for index in range(self._int(start))]
        return [Table(self._data, place + self._int(place)) for place in places]

    def _place(self, field: int) -> int:
        """Where a field lies; 0 if it is absent."""
        entry = 4 + 2 * field
        if entry + 2 > self._vtable_bytes:
            return 0
        offset = struct.unpack_from("<H", self._data, self._vtable + entry)[0]
        return self._at + offset if offset else 0

    def _int(self, at: int) -> int:
        return struct.unpack_from("<i", self._data, at)[0]


@dataclass(frozen=True)
class Tensor:
    name: str
    shape: tuple[int, ...]  # -1 where any size will do
    dtype: type[np.generic]
    data: NDArray[Any] | None  # weights; None of what is computed


@dataclass(frozen=True)
class Operator:
    op: str
    inputs: tuple[int, ...]  # indices of tensors; -1: left out
    outputs: tuple[int, ...]
    options: Table | None


@dataclass(frozen=True)
class LiteGraph:
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]  # each after those whose outputs it takes
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_lite(path: Path) -> LiteGraph:
    """A .tflite file. Raises ModelError."""
    if not path.is_file():
        raise ModelError("no such model file", file=str(path), expected="a TensorFlow Lite model")
    data = path.read_bytes()
    if data[4:8] != _MAGIC:
        raise ModelError("wrong model", file=str(path), expected="a TensorFlow Lite model", found=data[4:8])
    try:
        return _graph(Table(data, struct.unpack_from("<I", data)[0]), path)
    except (struct.error, ValueError, IndexError) as error:
        raise ModelError(
            "damaged model", file=str(path), expected="a TensorFlow Lite model", found=error
        ) from error


def _graph(model: Table, path: Path) -> LiteGraph:
    graphs = model.tables(2)
    if len(graphs) != 1:
        raise ModelError("wrong model", file=str(path), expected="one graph", found=len(graphs))
    codes = [max(code.number(3), code.number(0, form="b")) for code in model.tables(1)]
    buffers = model.tables(4)
    operators = []
    for each in graphs[0].tables(3):
        code = codes[each.number(0, form="I")]
        if code not in _OPS:
            raise ModelError("operation is not known", file=str(path), field=f"builtin operator {code}")
        inputs, outputs = each.array(1, np.int32).tolist(), each.array(2, np.int32).tolist()
        operators.append(Operator(_OPS[code], tuple(inputs), tuple(outputs), each.table(4)))
    return LiteGraph(
        tensors=tuple(_tensor(each, buffers, path) for each in graphs[0].tables(0)),
        operators=tuple(operators),
        inputs=tuple(graphs[0].array(1, np.int32).tolist()),
        outputs=tuple(graphs[0].array(2, np.int32).tolist()),
    )


def _tensor(table: Table, buffers: list[Table], path: Path) -> Tensor:
    name, kind = table.text(3), table.number(1, form="b")
    if kind not in DTYPES:
        raise ModelError("tensor of a type that is not known", file=str(path), field=name, found=kind)
    shape = tuple(table.array(0, np.int32).tolist())
    raw = buffers[table.number(2, form="I")].array(0, np.uint8)
    if table.table(6) is not None:
        raise ModelError("sparse weights are not known", file=str(path), field=name)
    data = raw.tobytes() if raw.size else None
    dtype = DTYPES[kind]
    return Tensor(name, shape, dtype, None if data is None else np.frombuffer(data, dtype).reshape(shape))
