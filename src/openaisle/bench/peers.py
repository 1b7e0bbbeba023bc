"""The environment in which other trackers and TrackEval live: for measuring only, never a dependency.

`make bench-tracking` builds it from bench/peers.txt. What runs there is a file of this package that needs no more than
numpy and the peer itself; arrays go in and come out as .npz files.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

import openaisle
from openaisle.core.errors import MachineError

DEFAULT: Final = Path(".cache/peers")
_LIBRARIES: Final = ("OMP", "OPENBLAS", "MKL", "NUMBA")
_ONE_THREAD: Final = {f"{name}_NUM_THREADS": "1" for name in _LIBRARIES}
_SECONDS_MAX: Final = 3600

Arrays = dict[str, NDArray]


def peers_python(folder: Path = DEFAULT) -> Path:
    """The interpreter of the peers' environment."""
    python = folder / "bin" / "python"
    if not python.exists():
        raise MachineError(
            f"there are no peers at {folder}: run `make bench-tracking`, which installs them there, or give another "
            "environment with --peers"
        )
    return python.absolute()


def run_there(python: Path, module: str, arguments: list[str], arrays: Mapping[str, NDArray]) -> Arrays:
    """Run `python -m module IN.npz OUT.npz arguments...` on one thread and return what it wrote."""
    source = Path(openaisle.__file__).resolve().parents[1]
    with tempfile.TemporaryDirectory(prefix="openaisle-peers-") as folder:
        given, made = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(given, **arrays)  # pyright: ignore[reportArgumentType]
        done = subprocess.run(
            [str(python), "-m", module, str(given), str(made), *arguments],
            env={**os.environ, **_ONE_THREAD, "PYTHONPATH": str(source), "YOLO_VERBOSE": "false"},
            capture_output=True,
            text=True,
            timeout=_SECONDS_MAX,
            check=False,
        )
        if done.returncode != 0 or not made.exists():
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise MachineError(f"{module} {' '.join(arguments)} failed in {python}: {last}")
        with np.load(made) as read:
            return {name: read[name] for name in read.files}
