"""INT8 copies of the people networks, which ONNX Runtime's CPU provider runs twice as fast where bytes multiply fast.

Static quantisation (Jacob et al. 2018) of convolutions and what follows them: activations in bytes by the range seen on
calibration pictures, weights by output channel. Two things decide whether it pays, both found with a profile. A ReLU
and an addition between two convolutions must be quantised with them, or each costs a way to floats and back. And the
input must stay the bytes it is: scaling it by channel as floats took a third of the time, as a convolution of one pixel
it takes a tenth and rounds nothing, padding included.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from openaisle.core.errors import InputError, ModelError
from openaisle.detections.runtime import MADE_OF_KEY, sha256
from openaisle.learning.export import FILE_OF, read_metadata, write_metadata
from openaisle.learning.people_data import CROP_ARRAYS, FRAME_ARRAYS, Shards, crop_batch, frame_batch

QUANTISED: Final = ("Conv", "Relu", "Add")


def quantise(job: str, weights: Path, data: Path, out: Path, *, samples: int = 256, seed: int = 1) -> Path:
    """An INT8 copy of the shipped file in `out`, calibrated on pictures of a data set. It says what it was made of."""
    import onnx  # pyright: ignore[reportMissingImports]
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    source = weights / FILE_OF[job]
    if not source.is_file():
        raise InputError(
            "no such model file", file=str(source), expected=f"made by `learn export people {job}`"
        )
    metadata = read_metadata(source)
    pictures = _calibration_pictures(job, data, samples, seed)

    class Reader(CalibrationDataReader):
        def get_next(self) -> dict[str, np.ndarray] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
            picture = next(pictures, None)
            return None if picture is None else {"pixels": picture}

    out.mkdir(parents=True, exist_ok=True)
    path = out / FILE_OF[job]
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        model = onnx.load(str(prepared))
        _scale_by_convolution(model.graph, source)
        onnx.save(model, str(prepared))
        quantize_static(
            str(prepared),
            str(path),
            Reader(),
            op_types_to_quantize=list(QUANTISED),
            per_channel=True,
            weight_type=QuantType.QInt8,
            activation_type=QuantType.QUInt8,
        )
    model = onnx.load(str(path))
    _keep_bytes(model.graph)
    onnx.save(model, str(path))
    write_metadata(path, metadata | {"precision": "int8", MADE_OF_KEY: sha256(source)})
    return path


def _scale_by_convolution(graph: Any, source: Path) -> None:
    """In place: what `people_network.normalised` does by channel after the cast becomes a convolution of one pixel."""
    from onnx import helper, numpy_helper  # pyright: ignore[reportMissingImports]

    values = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    values |= {
        node.output[0]: numpy_helper.to_array(node.attribute[0].t)
        for node in graph.node
        if node.op_type == "Constant"
    }
    followers = {name: node for node in graph.node for name in node.input}
    cast = next((node for node in graph.node if node.op_type == "Cast"), None)
    multiply = followers.get(cast.output[0]) if cast else None
    add = followers.get(multiply.output[0]) if multiply else None
    if not (cast and multiply and add and (multiply.op_type, add.op_type) == ("Mul", "Add")):
        raise ModelError(
            "wrong model", file=str(source), expected="a cast, a product and a sum before the layers"
        )
    scale, shift = (
        next(values[name] for name in node.input if name in values).reshape(-1).astype(np.float32)
        for node in (multiply, add)
    )
    graph.initializer.extend(
        [
            numpy_helper.from_array(np.diag(scale)[:, :, None, None], "input_scale"),
            numpy_helper.from_array(shift, "input_shift"),
        ]
    )
    convolution = helper.make_node(
        "Conv", [cast.output[0], "input_scale", "input_shift"], [add.output[0]], kernel_shape=[1, 1]
    )
    place = list(graph.node).index(multiply)
    graph.node.remove(multiply)
    graph.node.remove(add)
    graph.node.insert(place, convolution)


def _keep_bytes(graph: Any) -> None:
    """In place: bytes that are made floats and then the same bytes again stay what they are."""
    from onnx import numpy_helper  # pyright: ignore[reportMissingImports]

    values = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    makers = {node.output[0]: node for node in graph.node}
    for quantise_node in [node for node in graph.node if node.op_type == "QuantizeLinear"]:
        cast = makers.get(quantise_node.input[0])
        scale, zero = (values[name] for name in quantise_node.input[1:3])
        if cast is None or cast.op_type != "Cast" or scale != 1.0 or zero != 0:
            continue
        for node in graph.node:
            for place, name in enumerate(node.input):
                if name == quantise_node.output[0]:
                    node.input[place] = cast.input[0]
        graph.node.remove(quantise_node)
        graph.node.remove(cast)


def _calibration_pictures(job: str, data: Path, samples: int, seed: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(seed)
    if job == "boxes":
        shards = Shards([data], "frames", FRAME_ARRAYS)
    else:
        shards = Shards([data], "crops", CROP_ARRAYS)
    for index in rng.choice(len(shards), min(samples, len(shards)), replace=False):
        chosen = np.array([index])
        batch = frame_batch(shards, chosen, None) if job == "boxes" else crop_batch(shards, chosen, None)
        yield batch.pixels
