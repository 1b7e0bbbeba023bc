"""Models on real pictures, each beside what its publisher's own decoding reaches on the same ones.

Publishers: the library Human, whose package MoveNet and NanoDet come from, in Node.js (`make bench-models` installs
it); its decoding is run as it is.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from openaisle.adapters.model_files import unpack, weights_of
from openaisle.core.errors import MachineError
from openaisle.core.messages import JOINTS, CameraDetections, Frame
from openaisle.detections import models
from openaisle.detections.models import MOVENET, NANODET, PeopleModel
from openaisle.detections.runtime import RuntimeSettings
from openaisle.learning.real_pictures import RealFigures, evaluate_real
from openaisle.store.schema import Camera

DEFAULT: Final = Path(".cache/publishers")
HUMAN: Final = {MOVENET: 0.3, NANODET: 0.2}
"""Models that Human decodes, and the score from which it reports people by itself."""
_SCRIPT: Final = Path(__file__).parent / "publishers_there.js"
_SECONDS_MAX: Final = 3600


_Told = Callable[[Frame], np.ndarray]
"""Boxes and scores [n, 5] of a frame."""


def measure(
    folder: Path,
    names: Sequence[str],
    *,
    every: int = 1,
    publishers: Path | None = None,
    boxes: str = models.PEOPLE,
    report: Callable[[str, int], None] = lambda _model, _count: None,
) -> list[RealFigures]:
    """Each model by itself; then, with `publishers` (a folder with node_modules), what Human makes of its own.

    `boxes`: who finds boxes for models that find joints in them. Raises InputError, ModelError, MachineError.
    """
    figures: list[RealFigures] = []
    for name in names:
        runtime = RuntimeSettings(weights=weights_of(name))

        def build(model: str, runtime: RuntimeSettings, score_min: float | None = None) -> PeopleModel:
            first = models.build(boxes, RuntimeSettings(weights=weights_of(boxes)), score_min)
            return models.build(model, runtime, score_min, boxes=first)

        figures += evaluate_real(folder, [(name, runtime)], every=every, report=report, build=build)
        if publishers is not None and name in HUMAN:
            figures += _by_human(folder, name, every, publishers, report)
    return figures


def _by_human(
    folder: Path, name: str, every: int, publishers: Path, report: Callable[[str, int], None]
) -> list[RealFigures]:
    """All pictures go to Human in one file, and its boxes come back in the same order."""
    label = f"{name}, decoded by Human"
    with tempfile.TemporaryDirectory(prefix="openaisle-publishers-") as scratch:
        pictures, out = Path(scratch) / "pictures", Path(scratch) / "found.json"
        with pictures.open("wb") as file:

            def keep(frame: Frame) -> np.ndarray:
                height, width = frame.pixels.shape[:2]
                file.write(np.array([width, height], "<i4").tobytes())
                file.write(np.ascontiguousarray(frame.pixels[:, :, ::-1]).tobytes())
                return np.zeros((0, 5), np.float32)

            _walk(folder, label, every, keep, HUMAN[name], lambda _model, _count: None)
        unpack(name, Path(scratch))
        _run_node(publishers, Path(scratch), pictures, out, name)
        found = iter(json.loads(out.read_text(encoding="utf-8")))

        def tell(_: Frame) -> np.ndarray:
            return np.array(next(found), np.float32).reshape(-1, 5)

        return _walk(folder, label, every, tell, HUMAN[name], report)


def _walk(
    folder: Path,
    label: str,
    every: int,
    people_of: _Told,
    score_min: float,
    report: Callable[[str, int], None],
) -> list[RealFigures]:
    def build(*_: object) -> PeopleModel:
        return _Elsewhere(people_of, score_min)

    return evaluate_real(folder, [(label, RuntimeSettings())], every=every, report=report, build=build)


def _run_node(publishers: Path, graphs: Path, pictures: Path, out: Path, name: str) -> None:
    node = shutil.which("node")
    if node is None:
        raise MachineError("running Human needs node, which comes with Node.js: it is not on PATH")
    if not (publishers / "node_modules" / "@vladmandic" / "human").is_dir():
        raise MachineError(f"Human is not at {publishers}: run `make bench-models`, which installs it there")
    done = subprocess.run(
        [node, str(_SCRIPT), str(publishers), str(graphs), str(pictures), str(out), name],
        env={**os.environ, "NODE_NO_WARNINGS": "1"},
        capture_output=True,
        text=True,
        timeout=_SECONDS_MAX,
        check=False,
    )
    if done.returncode or not out.exists():
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise MachineError(f"Human failed on {name}: {last}")


class _Elsewhere:
    """A detector whose people come from elsewhere."""

    def __init__(self, people_of: _Told, score_min: float) -> None:
        self._people_of = people_of
        self.score_min = score_min

    def watch(self, camera: Camera) -> None:
        """Nothing is remembered of a camera."""

    def detect(self, frames: Sequence[Frame]) -> list[CameraDetections]:
        """One result a frame, same order, in px of the frame."""
        return [self._detections(frame) for frame in frames]

    def _detections(self, frame: Frame) -> CameraDetections:
        rows = self._people_of(frame)
        return CameraDetections(
            camera_id=frame.camera_id,
            captured_ns=frame.captured_ns,
            received_ns=frame.received_ns,
            boxes_image_px=rows[:, :4],
            scores=rows[:, 4],
            keypoints_image_px=np.zeros((len(rows), len(JOINTS), 3), np.float32),
            appearance=np.zeros((len(rows), 0), np.float32),
        )
