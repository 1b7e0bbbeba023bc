"""TensorFlow.js graphs made here, of a few operations each, give in ONNX Runtime what numpy gives."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openaisle.core.errors import ModelError
from openaisle.learning.tfjs_graph import read_graph


def _text(word: str) -> str:
    return base64.b64encode(word.encode()).decode()


def _node(name: str, op: str, *inputs: str, **attributes: Any) -> dict[str, Any]:
    return {"name": name, "op": op, "input": list(inputs), "attr": attributes}


def _numbers(*values: int) -> dict[str, Any]:
    return {"list": {"i": [str(value) for value in values]}}


def _placeholder(*sizes: int) -> dict[str, Any]:
    shape = {"shape": {"dim": [{"size": str(size)} for size in sizes]}}
    return _node("x", "Placeholder", dtype={"type": "DT_FLOAT"}, shape=shape)


def _write(
    folder: Path,
    nodes: Sequence[dict[str, Any]],
    weights: dict[str, np.ndarray],
    shapes: dict[str, Sequence[int]],
    short: Sequence[str] = (),
) -> Path:
    """A graph file with its weights, those named in `short` as 16-bit floats."""
    entries, data = [], b""
    for name, array in weights.items():
        entry: dict[str, Any] = {"name": name, "shape": list(array.shape), "dtype": array.dtype.name}
        if name in short:
            entry["quantization"] = {"dtype": "float16", "original_dtype": "float32"}
            array = array.astype(np.float16)
        entries.append(entry)
        data += array.tobytes()
    outputs = {
        name: {"name": f"{name}:0", "tensorShape": {"dim": [{"size": str(size)} for size in sizes]}}
        for name, sizes in shapes.items()
    }
    consts = [_node(name, "Const") for name in weights]
    document = {
        "signature": {"outputs": outputs},
        "modelTopology": {"node": [*reversed(nodes), *consts]},  # in no useful order
        "weightsManifest": [{"paths": ["model.bin"], "weights": entries}],
    }
    (folder / "model.bin").write_bytes(data)
    (folder / "model.json").write_text(json.dumps(document), encoding="utf-8")
    return folder / "model.json"


def _run(path: Path, output: str, x: np.ndarray) -> np.ndarray:
    pytest.importorskip("onnx", reason="converting needs onnx: pip install onnx")
    import onnxruntime

    from openaisle.learning.convert_tfjs import convert

    out = path.with_suffix(".onnx")
    convert(path, out, inputs={"x": "x"}, outputs={"y": output}, metadata={"kind": "test"})
    session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    assert json.loads(session.get_modelmeta().custom_metadata_map["openaisle"]) == {"kind": "test"}
    return np.asarray(session.run(["y"], {"x": x})[0])


def test_shortened_weights_get_their_length_back_and_nodes_their_order(tmp_path: Path) -> None:
    half = np.array([[0.5, -2.25]], np.float32)
    nodes = [_placeholder(1, 2), _node("sum", "AddV2", "x", "half"), _node("y", "Identity", "sum")]
    path = _write(
        tmp_path, nodes, {"half": half, "n": np.array([3], np.int32)}, {"y": [1, 2]}, short=["half"]
    )
    graph = read_graph(path)
    assert graph.weights["half"].dtype == np.float32
    assert np.array_equal(graph.weights["half"], half)
    assert graph.weights["n"].tolist() == [3]
    names = [node.name for node in graph.nodes]
    assert names.index("half") < names.index("sum") < names.index("y")


def test_weights_that_were_cut_are_named(tmp_path: Path) -> None:
    path = _write(tmp_path, [_placeholder(1)], {"half": np.zeros(4, np.float32)}, {})
    (tmp_path / "model.bin").write_bytes(b"\0" * 10)
    with pytest.raises(ModelError, match="field 'half': the weights are cut off"):
        read_graph(path)


def test_a_graph_that_is_not_whole_is_named(tmp_path: Path) -> None:
    path = _write(tmp_path, [_placeholder(1), _node("y", "Relu", "nowhere")], {}, {})
    with pytest.raises(ModelError, match="field 'y': the graph is not whole"):
        read_graph(path)


def test_a_graph_with_a_loop_is_named(tmp_path: Path) -> None:
    nodes = [_placeholder(1), _node("a", "AddV2", "x", "b"), _node("b", "Relu", "a")]
    with pytest.raises(ModelError, match="the graph has a loop"):
        read_graph(_write(tmp_path, nodes, {}, {}))


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ModelError, match=r"expected a TensorFlow\.js graph"):
        read_graph(tmp_path / "model.json")


def test_a_fused_convolution_is_convolved_biased_and_cut_off(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(1, 5, 7, 2)).astype(np.float32)
    kernel = rng.normal(size=(1, 1, 2, 3)).astype(np.float32)
    bias = np.array([1.0, 0.0, 6.0], np.float32)
    conv = _node(
        "conv",
        "_FusedConv2D",
        "x",
        "kernel",
        "bias",
        strides=_numbers(1, 2, 2, 1),
        padding={"s": _text("SAME")},
        data_format={"s": _text("NHWC")},
        fused_ops={"list": {"s": [_text("BiasAdd"), _text("Relu6")]}},
    )
    path = _write(
        tmp_path,
        [_placeholder(1, -1, -1, 2), conv],
        {"kernel": kernel, "bias": bias},
        {"conv": [1, -1, -1, 3]},
    )
    expected = np.clip(x[:, ::2, ::2] @ kernel[0, 0] + bias, 0, 6)
    assert np.allclose(_run(path, "conv", x), expected, atol=1e-5)


def test_a_depthwise_convolution_keeps_channels_apart_and_pads_as_tensorflow_does(tmp_path: Path) -> None:
    x = np.arange(32, dtype=np.float32).reshape(1, 4, 4, 2)
    kernel = np.zeros((3, 3, 2, 1), np.float32)
    kernel[2, 2, 0], kernel[0, 0, 1] = 1.0, 1.0  # one looks to the lower right, one to the upper left
    conv = _node(
        "conv",
        "DepthwiseConv2dNative",
        "x",
        "kernel",
        strides=_numbers(1, 2, 2, 1),
        padding={"s": _text("SAME")},
        data_format={"s": _text("NHWC")},
    )
    path = _write(tmp_path, [_placeholder(1, 4, 4, 2), conv], {"kernel": kernel}, {"conv": [1, 2, 2, 2]})
    # An even side padded by one: TensorFlow puts it below and right, so windows start at the first pixel.
    padded = np.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))
    expected = np.stack([padded[0, 2::2, 2::2, 0], padded[0, 0:4:2, 0:4:2, 1]], axis=-1)
    assert np.allclose(_run(path, "conv", x)[0], expected)


def test_slices_with_new_single_and_open_axes(tmp_path: Path) -> None:
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    # x[1, newaxis, 1:, ::2]
    weights = {
        "begin": np.array([1, 0, 1, 0], np.int32),
        "end": np.array([2, 0, 0, 0], np.int32),
        "step": np.array([1, 1, 1, 2], np.int32),
    }
    masks = {"shrink_axis_mask": 1, "new_axis_mask": 2, "begin_mask": 8, "end_mask": 12}
    attributes = {name: {"i": str(bits)} for name, bits in masks.items()}
    cut = _node("cut", "StridedSlice", "x", "begin", "end", "step", **attributes)
    path = _write(tmp_path, [_placeholder(2, 3, 4), cut], weights, {"cut": [1, 2, 2]})
    assert np.array_equal(_run(path, "cut", x), x[1, None, 1:, ::2])


def test_the_best_are_gathered_by_their_places(tmp_path: Path) -> None:
    nodes = [
        _placeholder(6),
        _node("top", "TopKV2", "x", "two"),
        _node("wide", "ExpandDims", "top:1", "last"),
        _node("taken", "GatherNd", "table", "wide", Tindices={"type": "DT_INT32"}),
        _node("y", "Pack", "top", "taken", axis={"i": "1"}),
    ]
    weights = {
        "two": np.array(2, np.int32),
        "last": np.array(1, np.int32),
        "table": np.arange(0, 60, 10).astype(np.float32),
    }
    path = _write(tmp_path, nodes, weights, {"y": [2, 2]})
    found = _run(path, "y", np.array([0, 5, 1, 9, 2, 3], np.float32))
    assert found.tolist() == [[9, 30], [5, 10]]


def test_pictures_are_resized_about_the_middles_of_pixels(tmp_path: Path) -> None:
    resize = _node("y", "ResizeBilinear", "x", "size", half_pixel_centers={"b": True})
    path = _write(
        tmp_path,
        [_placeholder(1, 1, 2, 1), resize],
        {"size": np.array([1, 4], np.int32)},
        {"y": [1, 1, 4, 1]},
    )
    found = _run(path, "y", np.array([0, 4], np.float32).reshape(1, 1, 2, 1))
    assert found.reshape(-1).tolist() == [0, 1, 3, 4]


def test_an_operation_that_is_not_known_is_named(tmp_path: Path) -> None:
    path = _write(tmp_path, [_placeholder(1), _node("y", "Fourier", "x")], {}, {"y": [1]})
    with pytest.raises(ModelError, match="field 'y': operation 'Fourier' is not known"):
        _run(path, "y", np.zeros(1, np.float32))
