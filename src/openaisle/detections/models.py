"""Detectors of people by name, for pictures of any size from anywhere.

    people                the two networks that ship with OpenAisle, made for ceiling views
    NAME                  NAME.onnx in the folder of weights: fetched from a package, or brought (`openaisle models`)

Each is a `openaisle.ports.Detector` that takes up a camera, or a size of pictures, when it is told to watch it. What
only finds joints in boxes stands behind a detector of boxes, by default ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

from openaisle.core.errors import InputError
from openaisle.core.geometry import Lens
from openaisle.core.messages import CameraDetections, CameraId, Frame
from openaisle.detections.architectures import catalogue
from openaisle.detections.architectures.model import BroughtModel
from openaisle.detections.people import PeopleDetector, PeopleSettings
from openaisle.detections.picture_health import Health
from openaisle.detections.runtime import SHIPPED, RuntimeSettings
from openaisle.detections.single_frames import SingleFrameDetector
from openaisle.detections.stages import StagedDetector
from openaisle.detections.watched import WatchedDetector
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


class ShopModel(PeopleModel, Protocol):
    """What looks through the cameras of a shop, and says what is wrong with their pictures."""

    def health(self) -> list[Health]:
        """What began or ended to be wrong with pictures since the last call."""
        ...


def build(
    name: str,
    runtime: RuntimeSettings,
    score_min: float | None = None,
    *,
    boxes: PeopleModel | None = None,
    hands: Path | None = None,
) -> PeopleModel:
    """A detector by its name. `runtime.weights` is the folder with its files; `score_min` None: the model's own.

    `boxes`: who finds people for a model that takes crops; `hands`: file of a model that moves wrists to where hands
    begin. Raises InputError for an unknown name or a model that does not find people, ModelError when files are
    missing or wrong.
    """
    found = _people(name, runtime, score_min, lambda: boxes or build(PEOPLE, _shipped(runtime), score_min))
    return _with_hands(found, hands, runtime)


def build_for_shop(
    name: str,
    runtime: RuntimeSettings,
    cameras: Sequence[Camera],
    *,
    boxes: ShopModel | None = None,
    hands: Path | None = None,
) -> ShopModel:
    """The same for the cameras of a shop: every model is spared empty pictures, and judges them."""

    def default_boxes() -> ShopModel:
        return boxes or build_for_shop(PEOPLE, _shipped(runtime), cameras)

    found = _people(name, runtime, None, default_boxes)
    shop = WatchedDetector(found) if isinstance(found, SingleFrameDetector) else found
    detector = _with_hands(shop, hands, runtime)
    for camera in cameras:
        detector.watch(camera)
    return detector  # pyright: ignore[reportReturnType]


def _people(
    name: str, runtime: RuntimeSettings, score_min: float | None, boxes: Callable[[], PeopleModel]
) -> PeopleModel:
    if name == PEOPLE:
        return PeopleDetector([], settings=PeopleSettings(runtime=runtime, score_min=score_min))
    path = runtime.weights / f"{name}.onnx"
    if not path.is_file():
        raise InputError(
            "no such model",
            field="model",
            expected=f"{PEOPLE}, or a file {path} (`openaisle models list` names those that are here)",
            found=name,
        )
    model = BroughtModel(path, runtime)
    job = catalogue.architecture(model.architecture).job
    told = {} if score_min is None or job != catalogue.PEOPLE else {"score_min": score_min}
    made = catalogue.built(model, (catalogue.PEOPLE, catalogue.JOINTS), told)
    return made if isinstance(made, SingleFrameDetector) else StagedDetector(boxes(), joints=made)


def _with_hands(found: PeopleModel, hands: Path | None, runtime: RuntimeSettings) -> PeopleModel:
    if hands is None:
        return found
    return StagedDetector(found, hands=catalogue.built(BroughtModel(hands, runtime), (catalogue.HANDS,)))


def _shipped(runtime: RuntimeSettings) -> RuntimeSettings:
    """The same machine, with the weights that come with OpenAisle."""
    return RuntimeSettings(
        threads=runtime.threads, providers=runtime.providers, precision=runtime.precision, weights=SHIPPED
    )


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
