"""Weights of PyTorch files (.pt, .pth of before 2020) with numpy alone, and without running what a pickle may hold.

A pickle may name any function of any module to be called while it is read. Here nothing is ever looked up: four names
that a plain dictionary of tensors needs have stand-ins, any other is a ModelError. Format: five pickles (a magic
number, the version, sizes of types, the dictionary, the keys of storages), then each storage: its length in numbers
as int64, and its bytes.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import ModelError

_MAGIC: Final = 0x1950A86A20F9469CFC6C
_KINDS: Final[Mapping[str, type[np.generic]]] = {"FloatStorage": np.float32, "LongStorage": np.int64}


@dataclass
class _Storage:
    kind: str
    count: int
    data: NDArray[Any] | None = None


@dataclass(frozen=True)
class _View:
    """A tensor: where it lies in its storage, in numbers."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self) -> NDArray[Any]:
        data = self.storage.data
        assert data is not None
        strides = [step * data.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(data[self.offset :], self.shape, strides).copy()


def read_weights(path: Path) -> dict[str, NDArray[Any]]:
    """Arrays by name. Raises ModelError for anything that is not a plain dictionary of tensors."""
    with path.open("rb") as file:
        try:
            if _Reader(file, {}).load() != _MAGIC:
                raise ModelError("wrong model", file=str(path), expected="weights saved by torch.save")
            storages: dict[str, _Storage] = {}
            for _ in range(2):
                _Reader(file, storages).load()
            found = _Reader(file, storages).load()
            for key in _Reader(file, storages).load():
                storage = storages[key]
                count = int(np.frombuffer(file.read(8), "<i8")[0])
                dtype = np.dtype(_KINDS[storage.kind])
                storage.data = np.frombuffer(
                    file.read(count * dtype.itemsize), dtype.newbyteorder("<"), count
                )
            return {str(name): view.array() for name, view in found.items() if isinstance(view, _View)}
        except _NotAllowed as error:
            raise ModelError(
                "an unsafe pickle: it names something else than tensors, which is never looked up",
                file=str(path),
                expected="a dictionary of tensors",
                found=str(error),
            ) from error
        except (pickle.UnpicklingError, EOFError, ValueError, KeyError, IndexError, AttributeError) as error:
            raise ModelError(
                "damaged model", file=str(path), expected="weights saved by torch.save", found=error
            ) from error


class _NotAllowed(Exception):
    """The pickle names something that no dictionary of tensors needs."""


class _Reader(pickle.Unpickler):
    """Reads one pickle; `storages` by key, as persistent ids name them."""

    def __init__(self, file: BinaryIO, storages: dict[str, _Storage]) -> None:
        super().__init__(file)
        self._storages = storages

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (module_name, global_name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module_name, global_name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuilt
        if module_name == "torch" and global_name in _KINDS:
            return global_name  # only ever a part of a persistent id
        raise _NotAllowed(f"{module_name}.{global_name}")

    def persistent_load(self, pid: Any, /) -> _Storage:
        _, kind, key, _, count, *_ = pid
        return self._storages.setdefault(key, _Storage(str(kind), int(count)))


def _rebuilt(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any
) -> _View:
    return _View(storage, offset, shape, strides)
