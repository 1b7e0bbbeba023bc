"""ONNX files of a few bytes, written by hand: a network that takes anything of a shape and always says the same."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

_TYPES = {np.dtype(np.float32): 1, np.dtype(np.int32): 6, np.dtype(np.int64): 7}


def write(
    path: Path,
    inputs: Mapping[str, Sequence[int | str]],
    outputs: Mapping[str, np.ndarray],
    input_dtype: type[np.generic] = np.float32,
) -> Path:
    """A file whose outputs are constants. A name instead of a size leaves it open."""
    graph = _text(2, "tiny")
    for name, array in outputs.items():
        tensor = b"".join(_number(1, size) for size in array.shape)
        tensor += _number(2, _TYPES[array.dtype]) + _text(8, name) + _bytes(9, array.tobytes())
        graph += _bytes(5, tensor)
    for name, shape in inputs.items():
        graph += _bytes(11, _value(name, _TYPES[np.dtype(input_dtype)], shape))
    for name, array in outputs.items():
        graph += _bytes(12, _value(name, _TYPES[array.dtype], array.shape))
    path.write_bytes(_number(1, 9) + _bytes(7, graph) + _bytes(8, _text(1, "") + _number(2, 18)))
    return path


def _value(name: str, kind: int, shape: Sequence[int | str]) -> bytes:
    dims = b"".join(
        _bytes(1, _number(1, size) if isinstance(size, int) else _text(2, size)) for size in shape
    )
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, kind) + _bytes(2, dims)))


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())
