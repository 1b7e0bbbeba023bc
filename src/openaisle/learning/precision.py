"""What smaller numbers cost: a model's precision on a store's own frames in 32-bit floats, bfloat16 and INT8.

ONNX Runtime's CPU provider has no bfloat16; processors that have (AMX, AVX512-BF16) round the factors of every
product to it and add up in 32 bits. That is what the copy measured here does: each convolution's input and weights
are rounded to bfloat16 and back, the sums stay as they are. So it says what bfloat16 costs on any machine.
"""

from __future__ import annotations

import math
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

from openaisle.detections.runtime import RuntimeSettings
from openaisle.labels.dataset import CHECK
from openaisle.learning.compare import precisions
from openaisle.learning.export import FILE_OF

_ROUNDED: Final = ("Conv", "Gemm", "MatMul")
_FACTORS: Final = 2  # inputs of such a node that are multiplied; a third is added


def losses(store_data: Path, weights: Path, int8: Path, split: str = CHECK) -> list[str]:
    """Lines for people: boxes, and labelled joints, in each number format on a split, and what is lost."""
    whole, people = precisions(store_data, RuntimeSettings(weights=weights, precision="f32"), split)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in FILE_OF.values():
            round_to_bfloat16(weights / file, folder / file)
        half, _ = precisions(store_data, RuntimeSettings(weights=folder, precision="f32"), split)
        # Where INT8 copies serve from is the folder of the files they were made of.
        for file in FILE_OF.values():
            shutil.copyfile(weights / file, folder / file)
            (folder / "int8").mkdir(exist_ok=True)
            shutil.copyfile(int8 / file, folder / "int8" / file)
        small, _ = precisions(store_data, RuntimeSettings(weights=folder, precision="int8"), split)
    rows = [("float32", whole), ("bfloat16", half), ("int8", small)]
    return [
        f"{figure} on `{split}` ({people} people)  {name:9} {found[figure]:.4f}"
        + ("" if found is whole else f"  ({found[figure] - value:+.4f})")
        for figure, value in whole.items()
        if math.isfinite(value)
        for name, found in rows
    ]


def round_to_bfloat16(source: Path, out: Path) -> None:
    """A copy of a model that computes its products as a bfloat16 processor does."""
    import onnx  # pyright: ignore[reportMissingImports]
    from onnx import TensorProto, helper  # pyright: ignore[reportMissingImports]

    model = onnx.load(str(source))
    nodes: list[Any] = []
    rounded: dict[str, str] = {}
    for node in model.graph.node:
        if node.op_type in _ROUNDED:
            for place, name in enumerate(node.input[:_FACTORS]):
                if name not in rounded:
                    rounded[name] = f"{name}_as_bfloat16"
                    short = f"{name}_bfloat16"
                    nodes.append(helper.make_node("Cast", [name], [short], to=TensorProto.BFLOAT16))
                    nodes.append(helper.make_node("Cast", [short], [rounded[name]], to=TensorProto.FLOAT))
                node.input[place] = rounded[name]
        nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, str(out))
