"""From the product network's checkpoint to the ONNX file that ships: averaged weights, with what `see` needs."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from openaisle.detections.products import LOOK_PX, PRODUCTS_FILE, PRODUCTS_KIND, packed_others
from openaisle.learning.export import OPSET, VERSION, write_metadata


def export(checkpoint: Path, weights: Path, data: Sequence[Path], *, pictures_max: int = 24_000) -> Path:
    """Write the averaged weights of a training run as `weights`/products.onnx, not yet calibrated.

    Its last layer is solved for on at most `pictures_max` pictures of the data it was trained on.
    """
    import torch  # pyright: ignore[reportMissingImports]

    from openaisle.learning.products_data import Packs
    from openaisle.learning.products_network import ProductNetwork, ShippedProductNetwork
    from openaisle.learning.products_solve import centres, solve
    from openaisle.learning.train_products import load_checkpoint

    state = load_checkpoint(checkpoint)
    prefix = "network."
    network = ProductNetwork()
    network.load_state_dict(
        {name[len(prefix) :]: value for name, value in state["averaged"].items() if name.startswith(prefix)}
    )
    packs = Packs(data)
    layer, empty = solve(network.eval(), packs, pictures_max=pictures_max)
    shipped = ShippedProductNetwork(network, layer).eval()
    weights.mkdir(parents=True, exist_ok=True)
    path = weights / PRODUCTS_FILE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter announces its successor
        torch.onnx.export(
            shipped,
            (torch.zeros((2, LOOK_PX, LOOK_PX, 3), dtype=torch.uint8),),
            str(path),
            input_names=["pixels"],
            output_names=["vectors", "cells"],
            dynamic_axes={name: {0: "pictures"} for name in ("pixels", "vectors", "cells")},
            opset_version=OPSET,
            dynamo=False,
        )
    made = {key: state[key] for key in ("pictures", "samples", "products", "settings")} | {
        "minutes": round(state["seconds"] / 60, 1)
    }
    calibration = {"empty_vector": [round(float(value), 4) for value in empty]}
    metadata = {
        "kind": PRODUCTS_KIND, "version": VERSION, "made": made, "calibration": calibration,
        "others": packed_others(centres(network, layer, packs)),
    }  # fmt: skip
    write_metadata(path, metadata)
    return path
