"""The action network: three strided convolutions over time, computed with nothing but NumPy.

It is so small that a runtime would cost more to start than it saves, and below the seam the same inputs must give the
same bytes. Its weights are one .npz file whose `metadata` says what it is. The window ends now: no future is seen.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import ModelError
from openaisle.interactions.actions_features import FEATURES

Floats32 = NDArray[np.float32]

SHIPPED: Final = Path(__file__).parent / "weights" / "actions.npz"
KIND: Final = "arm-actions"
CONVOLUTIONS: Final = 3
KERNEL: Final = 4
STRIDE: Final = 2


class ActionNetwork:
    """Paths' features in, logits of each action out."""

    def __init__(self, path: Path = SHIPPED) -> None:
        """Raises ModelError where the file is missing or is another network."""
        self.path = path
        arrays = _arrays(path)
        self.metadata: dict[str, Any] = (
            json.loads(bytes(arrays.pop("metadata")).decode()) if "metadata" in arrays else {}
        )
        if self.metadata.get("kind") != KIND:
            raise ModelError(
                "wrong model",
                file=str(path),
                expected=f"a model of kind '{KIND}'",
                found=self.metadata.get("kind"),
            )
        if self.metadata["features"] != list(FEATURES):
            raise ModelError(
                "wrong model", file=str(path), expected=f"{len(FEATURES)} features of this version"
            )
        self._weights = arrays
        self.temperature = float(self.metadata["temperature"])

    def logits(self, features: Floats32) -> Floats32:
        """Calibrated logits [n, actions] of features [n, ticks, FEATURES]."""
        weights = self._weights
        hidden = (features - weights["mean"]) / weights["sd"]
        hidden = _rectified(hidden @ weights["enter.weight"] + weights["enter.bias"])
        for layer in range(CONVOLUTIONS):
            hidden = _rectified(_convolved(hidden, weights[f"{layer}.weight"], weights[f"{layer}.bias"]))
        hidden = hidden.reshape(len(hidden), -1)
        hidden = _rectified(hidden @ weights["read.weight"] + weights["read.bias"])
        return (hidden @ weights["say.weight"] + weights["say.bias"]) / np.float32(self.temperature)

    def probabilities(self, features: Floats32) -> NDArray[np.float64]:
        """Calibrated probabilities [n, actions]; rows sum to 1."""
        logits = self.logits(features).astype(np.float64)
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return raised / raised.sum(axis=1, keepdims=True)


def _arrays(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ModelError("no such model file", file=str(path), expected=f"a network of kind '{KIND}'")
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(
            "cannot load model", file=str(path), expected=f"a network of kind '{KIND}'", found=str(error)
        ) from error


def _rectified(values: Floats32) -> Floats32:
    return np.maximum(values, np.float32(0.0))


def _convolved(values: Floats32, kernel: Floats32, bias: Floats32) -> Floats32:
    """A convolution of [n, ticks, in] with [KERNEL, in, out] to half as many ticks; nothing is beyond the ends."""
    ticks = values.shape[1] // STRIDE
    padded = np.zeros((len(values), values.shape[1] + 2, values.shape[2]), np.float32)
    padded[:, 1:-1] = values
    parts = [padded[:, tap : tap + STRIDE * ticks : STRIDE] @ kernel[tap] for tap in range(KERNEL)]
    return np.add.reduce(parts) + bias
