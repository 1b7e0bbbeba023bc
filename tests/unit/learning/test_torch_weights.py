"""Weights of PyTorch's old files come out as arrays, and nothing that a pickle names is ever run."""

import io
import os
import pickle
import sys
import types
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openaisle.core.errors import ModelError
from openaisle.learning.torch_weights import read_weights

MAGIC = 0x1950A86A20F9469CFC6C


class _Tensor:
    """Pickles as a tensor of torch does."""

    def __init__(self, key: str, array: np.ndarray, rebuild: Any) -> None:
        self.key, self.array, self.rebuild = key, array, rebuild

    def __reduce__(self) -> tuple[Any, ...]:
        strides = tuple(step // self.array.itemsize for step in self.array.strides)
        storage = _Storage(self.key, self.array.size)
        return self.rebuild, (storage, 0, self.array.shape, strides, False, OrderedDict())


class _Storage:
    def __init__(self, key: str, count: int) -> None:
        self.key, self.count = key, count


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """As much of torch as writing needs."""
    module, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    storage = type("FloatStorage", (), {"__module__": "torch"})

    def rebuild() -> None: ...

    rebuild.__module__, rebuild.__qualname__, rebuild.__name__ = "torch._utils", *["_rebuild_tensor_v2"] * 2
    module.FloatStorage, utils._rebuild_tensor_v2 = storage, rebuild  # pyright: ignore
    monkeypatch.setitem(sys.modules, "torch", module)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return module


def _write(path: Path, torch: Any, arrays: dict[str, np.ndarray], beside: Any = None) -> Path:
    class Pickler(pickle.Pickler):
        def persistent_id(self, obj: Any, /) -> Any:
            if isinstance(obj, _Storage):
                return ("storage", torch.FloatStorage, obj.key, "cpu", obj.count, None)
            return None

    out = io.BytesIO()
    for each in (MAGIC, 1001, {"little_endian": True}):
        pickle.dump(each, out, protocol=2)
    rebuild = sys.modules["torch._utils"]._rebuild_tensor_v2
    found: Any = OrderedDict((name, _Tensor(name, array, rebuild)) for name, array in arrays.items())
    if beside is not None:
        found["beside"] = beside
    Pickler(out, protocol=2).dump(found)
    pickle.dump(list(arrays), out, protocol=2)
    for array in arrays.values():
        out.write(np.int64(array.size).tobytes() + array.tobytes())
    path.write_bytes(out.getvalue())
    return path


def test_arrays_come_out_as_they_were(torch: types.ModuleType, tmp_path: Path) -> None:
    arrays = {"conv.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 4), "bias": np.ones(2, np.float32)}
    found = read_weights(_write(tmp_path / "weights.pth", torch, arrays))
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert np.array_equal(found[name], array)


class _Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("was-run",)


def test_a_pickle_that_names_more_than_tensors_runs_nothing(
    torch: types.ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = _write(tmp_path / "weights.pth", torch, {"bias": np.ones(2, np.float32)}, beside=_Trap())
    with pytest.raises(ModelError, match=r"an unsafe pickle: .* found '(posix|nt|os)\.mkdir'"):
        read_weights(path)
    assert not (tmp_path / "was-run").exists()


def test_a_damaged_file_is_refused(torch: types.ModuleType, tmp_path: Path) -> None:
    path = _write(tmp_path / "weights.pth", torch, {"bias": np.ones(2, np.float32)})
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ModelError, match="damaged model"):
        read_weights(path)
    path.write_bytes(b"no pickle")
    with pytest.raises(ModelError, match=r"damaged model|wrong model"):
        read_weights(path)
