"""Exports of other libraries, made by `make test-architectures`; without them these tests are skipped."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openaisle.detections.architectures import catalogue
from openaisle.detections.architectures.model import BroughtModel
from openaisle.detections.runtime import RuntimeSettings

EXPORTS = Path(__file__).resolve().parents[2] / ".cache" / "architectures" / "exports"


@dataclass(frozen=True)
class Export:
    """A library's own export, and what the library itself made of the pictures."""

    path: Path
    arrays: dict[str, np.ndarray]

    def built(self, architecture: str, **options: Any) -> Any:
        """What becomes of the file in our hands."""
        model = BroughtModel(self.path, RuntimeSettings())
        return catalogue.architecture(architecture).build(model, options)

    def pictures(self) -> list[tuple[np.ndarray, dict[str, np.ndarray]]]:
        """Each picture with the library's arrays of it."""
        count = sum(name.startswith("picture_") for name in self.arrays)
        return [
            (
                self.arrays[f"picture_{number}"],
                {
                    name.rpartition("_")[0]: value
                    for name, value in self.arrays.items()
                    if name.endswith(f"_{number}")
                },
            )
            for number in range(count)
        ]


@pytest.fixture
def export() -> Callable[[str], Export]:
    def opened(name: str) -> Export:
        path = EXPORTS / f"{name}.onnx"
        if not path.is_file():
            pytest.skip(
                f"no export of {name}: `make test-architectures` makes it in an environment of its own"
            )
        with np.load(path.with_suffix(".npz")) as read:
            return Export(path, {key: read[key] for key in read.files})

    return opened
