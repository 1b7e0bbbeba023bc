"""TensorFlow.js graph models as files: a JSON graph and weights in shards, some of them shortened to 16 bits.

Format: `model.json` with `modelTopology` (a TensorFlow GraphDef as JSON) and `weightsManifest` (groups of tensors that
follow one another in the concatenated shards; `quantization` says how a tensor was shortened).
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import ModelError

_DTYPES: Final = {"float32": np.float32, "int32": np.int32, "bool": np.uint8, "uint8": np.uint8}
_SHORT: Final = {"float16": np.float16, "uint8": np.uint8, "uint16": np.uint16}


@dataclass(frozen=True)
class Node:
    """One operation. Inputs are (name, which of its outputs); control inputs are left out."""

    name: str
    op: str
    inputs: tuple[tuple[str, int], ...]
    attributes: Mapping[str, Any]  # as in the file

    def text(self, name: str, otherwise: str = "") -> str:
        raw = self.attributes.get(name, {}).get("s")
        return otherwise if raw is None else base64.b64decode(raw).decode()

    def texts(self, name: str) -> list[str]:
        return [base64.b64decode(each).decode() for each in self._list(name).get("s", ())]

    def number(self, name: str, otherwise: int = 0) -> int:
        return int(self.attributes.get(name, {}).get("i", otherwise))

    def numbers(self, name: str) -> list[int]:
        return [int(each) for each in self._list(name).get("i", ())]

    def real(self, name: str, otherwise: float = 0.0) -> float:
        return float(self.attributes.get(name, {}).get("f", otherwise))

    def flag(self, name: str) -> bool:
        return bool(self.attributes.get(name, {}).get("b", False))

    def kind(self, name: str) -> str:
        """A data type: DT_FLOAT, DT_INT32, ..."""
        return str(self.attributes.get(name, {}).get("type", ""))

    def shape(self, name: str) -> list[int]:
        """A shape; -1 where any size will do."""
        dims = self.attributes.get(name, {}).get("shape", {}).get("dim", ())
        return [int(each["size"]) for each in dims]

    def _list(self, name: str) -> Mapping[str, Any]:
        return self.attributes.get(name, {}).get("list", {})


@dataclass(frozen=True)
class Graph:
    nodes: tuple[Node, ...]  # each after those whose outputs it takes
    weights: Mapping[str, NDArray[Any]]  # of the nodes of op Const, by name
    output_shapes: Mapping[str, list[int]]  # by node, as far as the file says; -1 where it depends


def read_graph(path: Path) -> Graph:
    """A graph file, with its shards beside it. Raises ModelError."""
    if not path.is_file():
        raise ModelError("no such model file", file=str(path), expected="a TensorFlow.js graph")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        found = document["modelTopology"]["node"]
        manifest = document["weightsManifest"]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(
            "wrong model", file=str(path), expected="a TensorFlow.js graph", found=error
        ) from error
    nodes = [
        Node(each["name"], each["op"], _inputs(each.get("input", ())), each.get("attr", {})) for each in found
    ]
    shapes = {
        each["name"].partition(":")[0]: [int(dim["size"]) for dim in each["tensorShape"].get("dim", ())]
        for each in document.get("signature", {}).get("outputs", {}).values()
    }
    return Graph(_in_order(nodes, path), _weights(path, manifest), shapes)


def _inputs(names: list[str]) -> tuple[tuple[str, int], ...]:
    inputs = []
    for name in names:
        if not name.startswith("^"):
            node, _, output = name.partition(":")
            inputs.append((node, int(output or 0)))
    return tuple(inputs)


def _in_order(nodes: list[Node], path: Path) -> tuple[Node, ...]:
    """Sorted so that inputs come first (Kahn 1962)."""
    missing = {node.name: {name for name, _ in node.inputs} for node in nodes}
    takers: dict[str, list[Node]] = {name: [] for name in missing}
    for node in nodes:
        unknown = sorted(missing[node.name] - missing.keys())
        if unknown:
            raise ModelError("the graph is not whole", file=str(path), field=node.name, found=unknown)
        for name in sorted(missing[node.name]):
            takers[name].append(node)
    ordered = [node for node in nodes if not missing[node.name]]
    for node in ordered:  # grows meanwhile
        for taker in takers[node.name]:
            missing[taker.name].discard(node.name)
            if not missing[taker.name]:
                ordered.append(taker)
    if len(ordered) < len(nodes):
        raise ModelError("the graph has a loop", file=str(path))
    return tuple(ordered)


def _weights(path: Path, manifest: list[dict[str, Any]]) -> dict[str, NDArray[Any]]:
    weights: dict[str, NDArray[Any]] = {}
    for group in manifest:
        shards = [path.parent / name for name in group["paths"]]
        for shard in shards:
            if not shard.is_file():
                raise ModelError("a file with weights is missing", file=str(shard))
        data = b"".join(shard.read_bytes() for shard in shards)
        start = 0
        for entry in group["weights"]:
            array, size = _weight(entry, data, start, path)
            weights[entry["name"]] = array
            start += size
        if start != len(data):
            raise ModelError(
                "the weights are not whole", file=str(shards[0]), expected=f"{start} bytes", found=len(data)
            )
    return weights


def _weight(entry: Mapping[str, Any], data: bytes, start: int, path: Path) -> tuple[NDArray[Any], int]:
    """One tensor at full length, and how many bytes it took."""
    name, dtype = entry["name"], entry["dtype"]
    short = entry.get("quantization")
    if dtype not in _DTYPES or (short and short["dtype"] not in _SHORT):
        raise ModelError("weights of an unknown type", file=str(path), field=name, found=dtype)
    stored = np.dtype(_SHORT[short["dtype"]] if short else _DTYPES[dtype])
    count = math.prod(entry["shape"])
    size = count * stored.itemsize
    if start + size > len(data):
        raise ModelError("the weights are cut off", file=str(path), field=name, expected=f"{size} more bytes")
    array = np.frombuffer(data, stored.newbyteorder("<"), count, start).reshape(entry["shape"])
    if short and short["dtype"] != "float16":
        array = array.astype(np.float32) * np.float32(short["scale"]) + np.float32(short["min"])
    wanted = np.bool_ if dtype == "bool" else _DTYPES[dtype]
    return array.astype(wanted), size
