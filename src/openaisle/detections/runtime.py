"""Model files in ONNX Runtime: found, checked, run. Every weight file says in its own metadata what it is.

A weight file of ours carries the metadata key `openaisle` with a JSON object: `kind` (which job it does), `version`,
the calibration that decoding needs, and how it was made. A missing, damaged or foreign file is a ModelError that
says what was expected.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from openaisle.core.errors import ModelError

SHIPPED: Final = Path(__file__).parent / "weights"
METADATA_KEY: Final = "openaisle"
PROVIDERS: Final = {
    "cpu": "CPUExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
"""Our short names for those of ONNX Runtime; its own names will do too, of these and of others."""
PRECISIONS: Final = ("auto", "f32", "bf16", "f16", "int8")
"""f32, bf16 and f16 are wishes that OpenVINO follows. int8 takes the copies that `learn quantise` makes; auto takes
them where this processor's bytes multiply fast, and leaves OpenVINO its own choice."""
INT8_FOLDER: Final = "int8"
MADE_OF_KEY: Final = "made_of"
"""In the metadata of an INT8 copy: sha256 of the file it is a copy of."""
_FAST_BYTES: Final = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimddp"})
_CPU: Final = PROVIDERS["cpu"]
_CPUINFO: Final = Path("/proc/cpuinfo")
_PACKAGES: Final = {
    PROVIDERS["openvino"]: "onnxruntime-openvino",
    PROVIDERS["cuda"]: "onnxruntime-gpu",
    PROVIDERS["tensorrt"]: "onnxruntime-gpu and TensorRT",
}


@dataclass(frozen=True, kw_only=True)
class RuntimeSettings:
    """How models run on this machine."""

    threads: int = 1  # of one operator; a node runs several processes rather than several threads
    providers: tuple[str, ...] = (
        "cpu",
    )  # best first; what one cannot do, the next does, and at last the CPU
    precision: str = "auto"  # one of PRECISIONS
    weights: Path = SHIPPED  # folder with the model files, their INT8 copies in INT8_FOLDER below it


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
        optional: Sequence[str] = (),
    ) -> None:
        """`inputs`: expected shape of each input, None where any size will do. `optional`: further outputs, from the
        first that the file lacks on not given. Raises ModelError."""
        self.path = path
        self._outputs = list(outputs)
        self._session = open_session(path, settings, f"an ONNX file of kind '{kind}'")
        self.metadata = _metadata(self._session, path, kind)
        found = {given.name: given.shape for given in self._session.get_inputs()}
        self.sizes: dict[str, list[int | None]] = {  # of each input as the file has it; None: any
            name: [size if isinstance(size, int) else None for size in shape] for name, shape in found.items()
        }
        for name, shape in inputs.items():
            if name not in found or not _fits(found[name], shape):
                expected = f"input '{name}' of shape {list(shape)}"
                raise ModelError("wrong model", file=str(path), expected=expected, found=found)
        given_names = {given.name for given in self._session.get_outputs()}
        self._outputs += takewhile(given_names.__contains__, optional)
        missing = sorted(set(outputs) - given_names)
        if missing:
            raise ModelError(
                "wrong model", file=str(path), expected=f"outputs {list(outputs)}", found=missing
            )

    def run(self, **inputs: NDArray[Any]) -> list[NDArray[np.float32]]:
        """The outputs named at construction, in that order."""
        return self._session.run(self._outputs, inputs)  # pyright: ignore[reportReturnType]


def resolved_providers(settings: RuntimeSettings) -> list[tuple[str, dict[str, str]]]:
    """ONNX Runtime's names and options of the wished providers, the CPU last. ModelError if this machine lacks one."""
    available = onnxruntime.get_available_providers()
    wished = [PROVIDERS.get(name, name) for name in settings.providers]
    missing = [name for name in wished if name not in available]
    if missing:
        short = {long: name for name, long in PROVIDERS.items()}
        # Azure's is in every package, and sends pictures away: not what anybody means here.
        names = [str(name) for name in available if not name.startswith("Azure")]
        here = ", ".join(short.get(name, name) for name in names)
        packages = sorted({_PACKAGES[name] for name in missing if name in _PACKAGES})
        advice = f" (pip install {packages[0]} in place of onnxruntime)" if packages else ""
        raise ModelError(
            f"execution provider not in this ONNX Runtime{advice}",
            field="providers",
            expected=f"some of: {here}",
            found=", ".join(short.get(name, name) for name in missing),
        )
    if settings.precision not in PRECISIONS:
        raise ModelError(
            "no such precision", field="precision", expected=", ".join(PRECISIONS), found=settings.precision
        )
    names = list(dict.fromkeys([*wished, _CPU]))
    return [(name, _options(name, settings)) for name in names]


def load_model(
    name: str,
    *,
    kind: str,
    inputs: Mapping[str, Sequence[int | None]],
    outputs: Sequence[str],
    settings: RuntimeSettings,
    optional: Sequence[str] = (),
) -> OnnxModel:
    """The file of that name, or its INT8 copy where that is wished for, or serves. Raises ModelError.

    A copy of another network than the one beside it never serves.
    """
    path, copy = settings.weights / name, settings.weights / INT8_FOLDER / name

    def load(file: Path) -> OnnxModel:
        return OnnxModel(
            file, kind=kind, inputs=inputs, outputs=outputs, settings=settings, optional=optional
        )

    is_wished = settings.precision == "int8"
    serves = settings.precision == "auto" and copy.is_file() and runs_on_cpu(settings) and _has_fast_bytes()
    if path.is_file() and (is_wished or serves):
        # What it was made of comes first: a copy of an older network may not even fit.
        session = open_session(copy, settings, f"an ONNX file of kind '{kind}'")
        made_of = _metadata(session, copy, kind).get(MADE_OF_KEY)
        if made_of == sha256(path):
            return load(copy)
        if is_wished:
            expected = f"an INT8 copy of {path}, made by `openaisle learn quantise`"
            raise ModelError("copy of another network", file=str(copy), expected=expected, found=made_of)
    return load(path)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _has_fast_bytes() -> bool:
    """Whether this processor multiplies vectors of bytes into sums of 32 bits. Without it INT8 gains nothing."""
    try:
        text = _CPUINFO.read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    flags = (line for line in text.splitlines() if line.startswith(("flags", "Features")))
    return not _FAST_BYTES.isdisjoint(next(flags, "").split())


def runs_on_cpu(settings: RuntimeSettings) -> bool:
    """Whether ONNX Runtime's own CPU provider comes first."""
    return resolved_providers(settings)[0][0] == _CPU


def _options(provider: str, settings: RuntimeSettings) -> dict[str, str]:
    if provider != PROVIDERS["openvino"]:
        return {}
    device: dict[str, str] = {"INFERENCE_NUM_THREADS": str(settings.threads), "NUM_STREAMS": "1"}
    if settings.precision in ("f32", "bf16", "f16"):
        device["INFERENCE_PRECISION_HINT"] = settings.precision
    return {"device_type": "CPU", "load_config": json.dumps({"CPU": device})}


def open_session(path: Path, settings: RuntimeSettings, expected: str) -> onnxruntime.InferenceSession:
    """A file in ONNX Runtime. `expected`: what the file should be, for the ModelError that says it is not."""
    if not path.is_file():
        raise ModelError("no such model file", file=str(path), expected=expected)
    providers = resolved_providers(settings)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # A spinning thread would take a core from the other processes of the node.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise ModelError("cannot load model", file=str(path), expected=expected, found=reason) from error
    # ONNX Runtime goes on without a provider whose driver is missing, many times slower: that must not pass unseen.
    idle = [name for name, _ in providers if name not in session.get_providers()]
    if idle:
        raise ModelError(
            "the execution provider does not start on this machine: is its driver installed?",
            field="providers",
            found=idle,
        )
    return session


def metadata_of(session: onnxruntime.InferenceSession, path: Path) -> dict[str, Any]:
    """What the file says of itself under METADATA_KEY; {} if nothing."""
    text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    try:
        return dict(json.loads(text)) if text else {}
    except (ValueError, TypeError) as error:
        raise ModelError(
            f"wrong '{METADATA_KEY}' metadata", file=str(path), expected="a JSON object"
        ) from error


def _metadata(session: onnxruntime.InferenceSession, path: Path, kind: str) -> dict[str, Any]:
    metadata = metadata_of(session, path)
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
