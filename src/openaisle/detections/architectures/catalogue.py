"""Architectures by name: what each takes and gives, and what becomes of a file of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from openaisle.core.errors import InputError
from openaisle.detections.architectures import (
    clips,
    efficientdet,
    features,
    mediapipe,
    movenet,
    nanodet,
    openpose,
    rcnn,
    vitpose,
    yolo,
)
from openaisle.detections.architectures.model import BroughtModel
from openaisle.detections.architectures.options import told
from openaisle.detections.crops import Floats, Pixels

PEOPLE: Final = "people"
"""Jobs: people in whole pictures, with joints or only their boxes;"""
JOINTS: Final = "joints"
"""joints of people in boxes that another model found;"""
HANDS: Final = "hands"
"""hands at wrists that another model found;"""
ACTIONS: Final = "actions"
"""what happens in a clip;"""
FEATURES: Final = "features"
"""numbers that describe a picture."""


class JointsModel(Protocol):
    def joints(self, pixels: Pixels, boxes_px: Floats) -> Floats:
        """[n, 17, 3] x y confidence of people in boxes [n, 4], in px of a picture uint8 [h, w, 3] BGR."""
        ...


@dataclass(frozen=True)
class Architecture:
    name: str
    job: str
    gives: str
    libraries: str  # that export it
    build: Callable[[BroughtModel, Mapping[str, Any]], Any]
    """A file and its options to what does the job. Raises ModelError, InputError."""


def _with_defaults(
    make: Callable[..., Any], defaults: Any
) -> Callable[[BroughtModel, Mapping[str, Any]], Any]:
    return lambda model, options: make(model, told(defaults, options))


def _named(
    make: Callable[..., Any], name: str, defaults: Any
) -> Callable[[BroughtModel, Mapping[str, Any]], Any]:
    return lambda model, options: make(model, name, told(defaults, options))


_PEOPLE: Final = (
    Architecture(
        yolo.DETECT, PEOPLE, "boxes", "ultralytics", _named(yolo.YoloDetector, yolo.DETECT, yolo.DEFAULTS)
    ),
    Architecture(
        yolo.POSE, PEOPLE, "17 joints", "ultralytics", _named(yolo.YoloDetector, yolo.POSE, yolo.DEFAULTS)
    ),
    *(
        Architecture(
            name,
            PEOPLE,
            "boxes, 17 joints where there are",
            library,
            _named(rcnn.RcnnDetector, name, rcnn.DEFAULTS[name]),
        )
        for name, library in ((rcnn.DETECTRON2, "detectron2"), (rcnn.TORCHVISION, "torchvision"))
    ),
    Architecture(
        efficientdet.NAME,
        PEOPLE,
        "boxes",
        "effdet",
        _with_defaults(efficientdet.EfficientDetDetector, efficientdet.EfficientDetOptions()),
    ),
    Architecture(
        nanodet.NAME,
        PEOPLE,
        "boxes",
        "nanodet",
        _with_defaults(nanodet.NanoDetDetector, nanodet.NanoDetOptions()),
    ),
    Architecture(
        movenet.NAME,
        PEOPLE,
        "17 joints of up to 6 people",
        "TensorFlow Hub",
        _with_defaults(movenet.MoveNetDetector, movenet.MoveNetOptions()),
    ),
    Architecture(
        openpose.NAME,
        PEOPLE,
        "17 joints",
        "openpose, pytorch-openpose",
        _with_defaults(openpose.OpenPoseDetector, openpose.OpenPoseOptions()),
    ),
)
_OTHERS: Final = (
    Architecture(
        vitpose.NAME,
        JOINTS,
        "17 joints in boxes",
        "transformers",
        _with_defaults(vitpose.VitPose, vitpose.VitPoseOptions()),
    ),
    Architecture(
        mediapipe.POSE,
        JOINTS,
        "33 joints in boxes, of which 17",
        "mediapipe",
        _with_defaults(mediapipe.MediaPipePose, mediapipe.MediaPipePoseOptions()),
    ),
    Architecture(
        mediapipe.HANDS,
        HANDS,
        "21 joints a hand, of which the wrist",
        "mediapipe",
        _with_defaults(mediapipe.MediaPipeHands, mediapipe.MediaPipeHandsOptions()),
    ),
    *(
        Architecture(
            name,
            ACTIONS,
            "probabilities of classes",
            library,
            _named(clips.ClipModel, name, clips.ClipOptions()),
        )
        for names, library in (
            ((clips.SLOWFAST, clips.X3D), "pytorchvideo"),
            ((clips.VIDEOMAE, clips.TIMESFORMER), "transformers"),
        )
        for name in names
    ),
    Architecture(
        features.NAME,
        FEATURES,
        "a unit vector",
        "any",
        _with_defaults(features.ImageFeatures, features.FeatureOptions()),
    ),
)
ARCHITECTURES: Final[Mapping[str, Architecture]] = {each.name: each for each in (*_PEOPLE, *_OTHERS)}
ALIASES: Final = {**yolo.ALIASES, **movenet.ALIASES}
"""Other names of the same layouts."""


def architecture(name: str) -> Architecture:
    """By its name or another name of it. Raises InputError."""
    found = ARCHITECTURES.get(ALIASES.get(name, name))
    if found is None:
        expected = ", ".join(sorted([*ARCHITECTURES, *ALIASES]))
        raise InputError("no such architecture", field="architecture", expected=expected, found=name)
    return found


def built(model: BroughtModel, jobs: Sequence[str], options: Mapping[str, Any] | None = None) -> Any:
    """What does the job of a file that says what it is; `options` over those of the file.

    Raises ModelError for another layout, InputError where its job is not among `jobs`.
    """
    kind = architecture(model.architecture)
    if kind.job not in jobs:
        raise InputError(
            "the model does another job",
            file=str(model.path),
            expected=f"an architecture for {' or '.join(jobs)}",
            found=f"{kind.name}, for {kind.job}",
        )
    return kind.build(model, {**model.options, **(options or {})})
