"""TensorFlow Lite graphs made here give in ONNX Runtime what numpy gives; damaged ones are refused."""

from pathlib import Path

import numpy as np
import pytest
from tests.unit.learning.flatbuffer import Table, encode

from openaisle.core.errors import ModelError
from openaisle.learning.tflite_graph import read_lite

_FLOAT, _HALF = ("b", 0), ("b", 1)
_DEQUANTIZE, _CONV, _FULLY_CONNECTED, _MEAN = 6, 3, 9, 40
KERNEL = np.arange(2 * 3 * 3 * 1, dtype=np.float16).reshape(2, 3, 3, 1) / 8  # out, height, width, in
BIAS = np.array([0.5, -1.0], np.float32)
WEIGHTS = np.array([[1.0, -2.0], [0.25, 0.0], [3.0, 1.0]], np.float32)


def _tensor(name: str, shape: tuple[int, ...], buffer: int, kind: tuple[str, int] = _FLOAT) -> Table:
    return Table({0: np.array(shape, np.int32), 1: kind, 2: ("I", buffer), 3: name.encode()})


def _operator(code: int, inputs: list[int], output: int, options: Table | None = None) -> Table:
    fields = {0: ("I", code), 1: np.array(inputs, np.int32), 2: np.array([output], np.int32)}
    return Table(fields | ({4: options} if options else {}))


def _write(path: Path, codes: tuple[int, ...] = (_DEQUANTIZE, _CONV, _MEAN, _FULLY_CONNECTED)) -> Path:
    """A convolution with 16-bit weights, its mean, and a layer behind it."""
    data = [b"", KERNEL.tobytes(), BIAS.tobytes(), np.array([1, 2], np.int32).tobytes(), WEIGHTS.tobytes()]
    tensors = [
        _tensor("input", (1, 5, 4, 1), 0),
        _tensor("short", (2, 3, 3, 1), 1, _HALF),
        _tensor("long", (2, 3, 3, 1), 0),
        _tensor("bias", (2,), 2),
        _tensor("seen", (1, 3, 2, 2), 0),
        _tensor("axes", (2,), 3, ("b", 2)),
        _tensor("mean", (1, 2), 0),
        _tensor("weights", (3, 2), 4),
        _tensor("none", (3,), 5),
        _tensor("output", (1, 3), 0),
    ]
    data.append(np.zeros(3, np.float32).tobytes())
    conv = Table({0: ("b", 0), 1: ("i", 2), 2: ("i", 2), 3: ("b", 3)})  # SAME, strides 2, Relu6
    graph = Table(
        {
            0: tensors,
            1: np.array([0], np.int32),
            2: np.array([9], np.int32),
            3: [
                _operator(0, [1], 2),
                _operator(1, [0, 2, 3], 4, conv),
                _operator(2, [4, 5], 6),
                _operator(3, [6, 7, 8], 9),
            ],
        }
    )
    buffers = [Table({0: each}) if each else Table() for each in data]
    model = Table({0: ("I", 3), 1: [Table({3: ("i", code)}) for code in codes], 2: [graph], 4: buffers})
    path.write_bytes(encode(model, b"TFL3"))
    return path


def _expected(x: np.ndarray) -> np.ndarray:
    padded = np.pad(x[0, :, :, 0], ((1, 1), (0, 1)))  # what is odd goes right and below
    seen = np.zeros((3, 2, 2))
    for row in range(3):
        for column in range(2):
            part = padded[2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
            seen[row, column] = (KERNEL[..., 0].astype(np.float32) * part).sum(axis=(1, 2)) + BIAS
    return seen.clip(0, 6).mean(axis=(0, 1)) @ WEIGHTS.T


def test_a_graph_is_read_with_its_tensors_and_operators(tmp_path: Path) -> None:
    graph = read_lite(_write(tmp_path / "model.tflite"))
    assert [each.op for each in graph.operators] == ["DEQUANTIZE", "CONV_2D", "MEAN", "FULLY_CONNECTED"]
    assert graph.tensors[0].shape == (1, 5, 4, 1)
    kernel = graph.tensors[1].data
    assert kernel is not None
    assert np.array_equal(kernel, KERNEL)
    assert graph.tensors[4].data is None


def test_a_graph_gives_in_onnx_what_numpy_gives(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="converting needs onnx: pip install onnx")
    import onnxruntime

    from openaisle.learning.convert_tflite import convert_lite

    out = tmp_path / "model.onnx"
    convert_lite(
        _write(tmp_path / "model.tflite"), out, inputs={"x": "input"}, outputs={"y": "output"}, metadata={}
    )
    session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    x = np.random.default_rng(2).normal(size=(2, 5, 4, 1)).astype(np.float32)  # any batch
    found = np.asarray(session.run(["y"], {"x": x})[0])
    for row in range(2):
        assert found[row] == pytest.approx(_expected(x[row : row + 1]), rel=1e-4, abs=1e-4)


def test_an_unknown_operation_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="field 'builtin operator 77': operation is not known"):
        read_lite(_write(tmp_path / "model.tflite", (_DEQUANTIZE, 77, _MEAN, _FULLY_CONNECTED)))


def test_what_is_no_graph_or_half_of_one_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "model.tflite")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match="damaged model; expected a TensorFlow Lite model"):
        read_lite(path)
    path.write_bytes(b"not a model at all")
    with pytest.raises(ModelError, match="wrong model; expected a TensorFlow Lite model"):
        read_lite(path)
