"""Model files in ONNX Runtime: found, checked, run. Every weight file says in its own metadata what it is.

A weight file of ours carries the metadata key `openaisle` with a JSON object: `kind` (which job it does), `version`,
the calibration that decoding needs, and how it was made. A missing, damaged or foreign file is a ModelError that
says what was expected.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from openaisle.core.errors import ModelError

SHIPPED: Final = Path(__file__).parent / "weights"
METADATA_KEY: Final = "openaisle"


@dataclass(frozen=True, kw_only=True)
class RuntimeSettings:
    """How models run on this machine."""

    threads: int = 1  # of one operator; a node runs several processes rather than several threads
    providers: tuple[str, ...] = ("CPUExecutionProvider",)  # ONNX Runtime's names, best first
    weights: Path = SHIPPED  # folder with the model files


class OnnxModel:
    """One model file, loaded and checked. `run` is thread-safe, as ONNX Runtime's sessions are."""

    def __init__(
        self,
        path: Path,
        *,
        kind: str,
        inputs: Mapping[str, Sequence[int | None]],
        outputs: Sequence[str],
        settings: RuntimeSettings,
    ) -> None:
        """`inputs`: expected shape of each input, None where any size will do. Raises ModelError."""
        self.path = path
        self._outputs = list(outputs)
        self._session = _session(path, kind, settings)
        self.metadata = _metadata(self._session, path, kind)
        for name, shape in inputs.items():
            found = {given.name: given.shape for given in self._session.get_inputs()}
            if name not in found or not _fits(found[name], shape):
                expected = f"input '{name}' of shape {list(shape)}"
                raise ModelError("wrong model", file=str(path), expected=expected, found=found)
        missing = sorted(set(outputs) - {given.name for given in self._session.get_outputs()})
        if missing:
            raise ModelError(
                "wrong model", file=str(path), expected=f"outputs {list(outputs)}", found=missing
            )

    def run(self, **inputs: NDArray[Any]) -> list[NDArray[np.float32]]:
        """The outputs named at construction, in that order."""
        return self._session.run(self._outputs, inputs)  # pyright: ignore[reportReturnType]


def _session(path: Path, kind: str, settings: RuntimeSettings) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise ModelError("no such model file", file=str(path), expected=f"an ONNX file of kind '{kind}'")
    available = onnxruntime.get_available_providers()
    unknown = [name for name in settings.providers if name not in available]
    if unknown:
        raise ModelError(
            "execution provider not in this ONNX Runtime",
            field="providers",
            expected=f"some of {available}",
            found=unknown,
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # A spinning thread would take a core from the other processes of the node.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=list(settings.providers))
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            "cannot load model", file=str(path), expected=f"an ONNX file of kind '{kind}'", found=reason
        ) from error


def _metadata(session: onnxruntime.InferenceSession, path: Path, kind: str) -> dict[str, Any]:
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    metadata = json.loads(text) if text else {}
    if metadata.get("kind") != kind:
        found = metadata.get("kind", f"no '{METADATA_KEY}' metadata")
        raise ModelError("wrong model", file=str(path), expected=f"a model of kind '{kind}'", found=found)
    return metadata


def _fits(found: Sequence[int | str | None], expected: Sequence[int | None]) -> bool:
    """Sizes that the file leaves open (a name) fit anything."""
    if len(found) != len(expected):
        return False
    return all(
        want is None or not isinstance(have, int) or have == want
        for have, want in zip(found, expected, strict=True)
    )
