"""FlatBuffers written by hand, as far as TensorFlow Lite's tests need them: tables, vectors, scalars."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Table:
    """Fields by their number: a Table, a list of Tables, an array, text as bytes, or a (form, number) scalar."""

    fields: Mapping[int, Any] = field(default_factory=dict)


def encode(root: Table, magic: bytes) -> bytes:
    """A whole buffer: parents lie before what they point to, so that every offset goes forward."""
    out = bytearray(4) + bytearray(magic)
    struct.pack_into("<I", out, 0, _table(out, root))
    return bytes(out)


def _table(out: bytearray, table: Table) -> int:
    count = max(table.fields, default=-1) + 1
    _align(out)
    vtable = len(out)
    out += bytes(4 + 2 * count)
    _align(out)
    start = len(out)
    out += struct.pack("<i", start - vtable)
    places: dict[int, int] = {}
    for number, value in sorted(table.fields.items()):
        places[number] = len(out)
        scalar = struct.pack(f"<{value[0]}", value[1]) if isinstance(value, tuple) else bytes(4)
        out += scalar + bytes(-len(scalar) % 4)
    entries = [places[number] - start if number in places else 0 for number in range(count)]
    struct.pack_into(f"<{2 + count}H", out, vtable, 4 + 2 * count, len(out) - start, *entries)
    for number, value in sorted(table.fields.items()):
        if not isinstance(value, tuple):
            _point(out, places[number], value)
    return start


def _point(out: bytearray, place: int, value: Any) -> None:
    if isinstance(value, Table):
        target = _table(out, value)
    elif isinstance(value, list):
        _align(out)
        target = len(out)
        out += struct.pack("<i", len(value)) + bytes(4 * len(value))
        for index, each in enumerate(value):
            _point(out, target + 4 + 4 * index, each)
    else:
        array = np.frombuffer(value, np.uint8) if isinstance(value, bytes) else value
        _align(out)
        target = len(out)
        out += struct.pack("<i", len(array)) + array.tobytes()
    struct.pack_into("<i", out, place, target - place)


def _align(out: bytearray) -> None:
    out += bytes(-len(out) % 4)
