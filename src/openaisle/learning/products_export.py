"""From the product network's checkpoint to the ONNX file that ships: averaged weights, with what `see` needs."""

from __future__ import annotations

import warnings
from pathlib import Path

from openaisle.detections.products import LOOK_PX, PRODUCTS_FILE, PRODUCTS_KIND
from openaisle.learning.export import OPSET, VERSION, write_metadata


def export(checkpoint: Path, weights: Path) -> Path:
    """Write the averaged weights of a training run as `weights`/products.onnx, not yet calibrated."""
    import torch  # pyright: ignore[reportMissingImports]
    from torch.nn import functional  # pyright: ignore[reportMissingImports]

    from openaisle.learning.products_network import ProductNetwork, ShippedProductNetwork
    from openaisle.learning.train_products import load_checkpoint

    state = load_checkpoint(checkpoint)
    prefix = "network."
    network = ProductNetwork()
    network.load_state_dict(
        {name[len(prefix) :]: value for name, value in state["averaged"].items() if name.startswith(prefix)}
    )
    shipped = ShippedProductNetwork(network).eval()
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
    empty = functional.normalize(state["averaged"]["empty"], dim=0)
    calibration = {"empty_vector": [round(float(value), 4) for value in empty]}
    metadata = {"kind": PRODUCTS_KIND, "version": VERSION, "made": made, "calibration": calibration}
    write_metadata(path, metadata)
    return path
