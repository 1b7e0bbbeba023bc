"""Arrays inside messages: their shapes checked, and how they travel: raw float32 in msgpack, lists in JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np


def shaped(message: msgspec.Struct, name: str, *dimensions: int) -> None:
    """Check an array's shape; one of no rows, which JSON flattens, gets its shape back."""
    array: np.ndarray = getattr(message, name)
    if array.size == 0:
        wanted = tuple(max(dimension, 0) for dimension in dimensions)
        # Keeps the width that the sender gave, where it gave one.
        wanted = array.shape if array.ndim == len(wanted) and array.shape[0] == wanted[0] else wanted
        msgspec.structs.force_setattr(message, name, np.zeros(wanted, np.float32))
        return
    fits = array.ndim == len(dimensions)
    fits = fits and all(d in (-1, n) for d, n in zip(dimensions, array.shape, strict=True))
    if not fits:
        raise ValueError(f"{type(message).__name__}.{name}: expected shape {dimensions}, found {array.shape}")


def encode_array(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        array = np.ascontiguousarray(value, dtype="<f4")
        head = msgspec.msgpack.encode(array.shape)
        return msgspec.msgpack.Ext(1, bytes([len(head)]) + head + array.tobytes())
    raise TypeError(f"cannot encode {type(value).__name__} in a message")


def decode_array(code: int, data: memoryview) -> Any:
    assert code == 1
    length = data[0]
    shape: Sequence[int] = msgspec.msgpack.decode(data[1 : 1 + length])
    return np.frombuffer(data[1 + length :], dtype="<f4").reshape(tuple(shape)).copy()


def list_from_array(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"cannot encode {type(value).__name__} in a message")


def array_from_list(kind: Any, value: Any) -> Any:
    if kind is np.ndarray:
        return np.asarray(value, dtype=np.float32)
    raise TypeError(f"cannot decode {kind}")
