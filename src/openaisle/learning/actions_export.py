"""From a checkpoint to the .npz file that ships: averaged weights, a temperature fitted on stores never trained on."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from openaisle.interactions.actions_features import FEATURES, features_of
from openaisle.interactions.actions_network import KIND, ActionNetwork
from openaisle.learning.actions_data import idle_weight, load_samples
from openaisle.learning.actions_looks import looked_log_odds

VERSION: Final = 1
TEMPERATURES: Final = np.exp(np.linspace(np.log(0.5), np.log(3.0), 91))
SAMPLES_MAX: Final = 20_000


def export(checkpoint: Path, calibration: Sequence[Path], path: Path) -> Path:
    """Write the averaged weights of a training run to `path`, calibrated on data sets of other stores."""
    from openaisle.learning.train_actions import weights_of

    arrays, made = weights_of(checkpoint)
    metadata = {
        "kind": KIND,
        "version": VERSION,
        "features": list(FEATURES),
        "temperature": 1.0,
        "made": made,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, arrays, metadata)
    temperature, count = fitted_temperature(ActionNetwork(path), calibration)
    write(path, arrays, metadata | {"temperature": temperature, "calibrated_on": count})
    return path


def write(path: Path, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, Any]) -> None:
    """Equal weights give equal bytes: no time of day is written."""
    text = np.frombuffer(json.dumps(metadata, sort_keys=True).encode(), np.uint8)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        for name, array in sorted({**arrays, "metadata": text}.items()):
            written = io.BytesIO()
            np.lib.format.write_array(written, np.ascontiguousarray(array), allow_pickle=False)
            file.writestr(zipfile.ZipInfo(f"{name}.npy"), written.getvalue())


def write_metadata(path: Path, found: Mapping[str, Any]) -> None:
    """Add to what a finished file says about itself."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files if name != "metadata"}
    write(path, arrays, {**ActionNetwork(path).metadata, **found})


def fitted_temperature(network: ActionNetwork, calibration: Sequence[Path]) -> tuple[float, int]:
    """The divisor of all logits that makes the truth likeliest, and how many samples say so (Guo et al. 2017)."""
    arrays = load_samples(calibration)
    rng = np.random.default_rng(8)
    chosen = rng.permutation(len(arrays["actions"]))[:SAMPLES_MAX]
    logits: list[np.ndarray] = []
    for indices in np.array_split(chosen, max(len(chosen) // 512, 1)):
        joints = arrays["joints"][indices].astype(np.float64)
        looks = looked_log_odds(arrays["holds"][indices], joints, rng, rng)
        looks[rng.random(len(indices)) >= 0.5] = np.nan
        hands, boards = (
            arrays["hands"][indices].astype(np.int64),
            arrays["boards"][indices].astype(np.float64),
        )
        logits.append(network.logits(features_of(joints, hands, boards, looks)))
    found, actions = np.concatenate(logits).astype(np.float64), arrays["actions"][chosen].astype(np.int64)
    weight = np.where(actions == 0, idle_weight(calibration), 1.0)
    costs: list[float] = []
    for temperature in TEMPERATURES:
        scaled = found / temperature
        log_sum = np.log(np.exp(scaled - scaled.max(axis=1, keepdims=True)).sum(axis=1)) + scaled.max(axis=1)
        costs.append(float((weight * (log_sum - scaled[np.arange(len(actions)), actions])).sum()))
    return round(float(TEMPERATURES[int(np.argmin(costs))]), 4), len(actions)
