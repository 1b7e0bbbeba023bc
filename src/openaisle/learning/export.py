"""From a checkpoint to the ONNX file that ships: averaged weights, folded, with its calibration in its metadata."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from openaisle.core.errors import ModelError
from openaisle.detections import bodies, crops
from openaisle.detections.people_networks import BOXES_FILE, BOXES_KIND, KEYPOINTS_FILE, KEYPOINTS_KIND
from openaisle.detections.runtime import METADATA_KEY

OPSET: Final = 17
VERSION: Final = 1
BODIES_MADE_KEY: Final = "bodies_fitted_on"
"""In the keypoint network's metadata: the stores that `detections.bodies` was fitted on."""
FILE_OF: Final = {"boxes": BOXES_FILE, "keypoints": KEYPOINTS_FILE}
KIND_OF: Final = {"boxes": BOXES_KIND, "keypoints": KEYPOINTS_KIND}
OUTPUTS_OF: Final = {
    "boxes": ["heat", "sides"],
    "keypoints": ["maps", "pair_logits", "person_logit", "visible_logits", "looks"],
}
FREE_SIZES_OF: Final[dict[str, dict[str, dict[int, str]]]] = {
    # The box network looks at parts of pictures, in sizes that are multiples of its coarsest stride.
    "boxes": {
        "pixels": {1: "height", 2: "width"},
        "heat": {2: "rows", 3: "columns"},
        "sides": {2: "rows", 3: "columns"},
    },
    "keypoints": {},
}


def export(job: str, checkpoint: Path, weights: Path) -> Path:
    """Write the averaged weights of a training run as `weights`/FILE; returns the file."""
    import torch  # pyright: ignore[reportMissingImports]

    from openaisle.learning.people_network import ShippedBoxNetwork, ShippedKeypointNetwork
    from openaisle.learning.train_people import load_checkpoint, network_for

    state = load_checkpoint(checkpoint, job)
    network = network_for(job)
    network.load_state_dict(state["averaged"])
    shipped = (ShippedBoxNetwork if job == "boxes" else ShippedKeypointNetwork)(network).eval()
    size = (crops.FRAME_HEIGHT_PX, crops.FRAME_WIDTH_PX) if job == "boxes" else (crops.CROP_PX, crops.CROP_PX)
    example = torch.zeros((2, *size, 4), dtype=torch.uint8)
    names = OUTPUTS_OF[job]
    weights.mkdir(parents=True, exist_ok=True)
    path = weights / FILE_OF[job]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter announces its successor
        torch.onnx.export(
            shipped,
            (example,),
            str(path),
            input_names=["pixels"],
            output_names=names,
            dynamic_axes={
                name: {0: "pictures", **FREE_SIZES_OF[job].get(name, {})} for name in ["pixels", *names]
            },
            opset_version=OPSET,
            dynamo=False,
        )
    made = {
        key: state[key]
        for key in ("pictures", "samples", "own_samples", "settings", "start")
        if state.get(key)
    } | {"minutes": round(state["seconds"] / 60, 1)}
    write_metadata(path, {"kind": KIND_OF[job], "version": VERSION, "made": made})
    return path


def free_sizes(job: str, path: Path) -> None:
    """Let a file that was exported for one size of pictures take any, as those exported now do; weights stay."""
    import onnx  # pyright: ignore[reportMissingImports]

    model = onnx.load(str(path))
    for value in (*model.graph.input, *model.graph.output):
        for axis, name in FREE_SIZES_OF[job].get(value.name, {}).items():
            value.type.tensor_type.shape.dim[axis].dim_param = name
    onnx.save(model, str(path))


def keep_bodies(source: Path, path: Path) -> None:
    """Let a keypoint network have what reads whole bodies' boxes (`detections.bodies`) from another, if it has none."""
    theirs, ours = read_metadata(source), read_metadata(path)
    if bodies.KEY not in ours:
        write_metadata(
            path, ours | {key: theirs[key] for key in (bodies.KEY, BODIES_MADE_KEY) if key in theirs}
        )


def read_metadata(path: Path) -> dict[str, Any]:
    import onnx  # pyright: ignore[reportMissingImports]

    found = {entry.key: entry.value for entry in onnx.load(str(path)).metadata_props}
    if METADATA_KEY not in found:
        raise ModelError("wrong model", file=str(path), expected=f"metadata '{METADATA_KEY}'")
    return json.loads(found[METADATA_KEY])


def write_metadata(path: Path, metadata: Mapping[str, Any]) -> None:
    """Replace what the file says about itself."""
    import onnx  # pyright: ignore[reportMissingImports]

    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, {METADATA_KEY: json.dumps(metadata, sort_keys=True)})
    onnx.save(model, str(path))
