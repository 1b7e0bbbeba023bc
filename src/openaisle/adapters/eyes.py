"""Which models look through a shop's cameras: chosen by name, found where they are kept, put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from openaisle.adapters.model_files import weights_of
from openaisle.detections import models
from openaisle.detections.architectures import catalogue
from openaisle.detections.architectures.clips import ClipModel
from openaisle.detections.architectures.model import BroughtModel
from openaisle.detections.models import PEOPLE, ShopModel
from openaisle.detections.runtime import RuntimeSettings
from openaisle.store.schema import Camera


@dataclass(frozen=True, kw_only=True)
class Eyes:
    """Names, as `openaisle models list` has them."""

    model: str = PEOPLE  # finds people, or joints in boxes
    boxes: str = PEOPLE  # finds people for a model that finds joints in boxes
    hands: str = ""  # moves wrists to where hands begin; "": nobody
    actions: str = ""  # names what a hand does in clips, beside our own network of joints; "": nobody
    store: Path | None = None  # whose own models count too

    @property
    def is_ours(self) -> bool:
        """Whether only the networks that ship are asked."""
        return self.model == PEOPLE and not self.hands


def clip_model(eyes: Eyes, runtime: RuntimeSettings) -> ClipModel | None:
    """Who names deeds in clips; None where nobody does. Raises InputError, ModelError."""
    if not eyes.actions:
        return None
    path = weights_of(eyes.actions, eyes.store) / f"{eyes.actions}.onnx"
    return catalogue.built(BroughtModel(path, runtime), (catalogue.ACTIONS,))


def shop_detector(cameras: Sequence[Camera], eyes: Eyes, runtime: RuntimeSettings) -> ShopModel:
    """What sees people in these cameras' frames. `runtime.weights`: of our own networks.

    Raises InputError for a name that is not known, ModelError when files are missing or wrong.
    """

    def placed(name: str) -> RuntimeSettings:
        return runtime if name == PEOPLE else replace(runtime, weights=weights_of(name, eyes.store))

    boxes = None
    if eyes.boxes != PEOPLE:
        boxes = models.build_for_shop(eyes.boxes, placed(eyes.boxes), cameras)
    hands = weights_of(eyes.hands, eyes.store) / f"{eyes.hands}.onnx" if eyes.hands else None
    return models.build_for_shop(eyes.model, placed(eyes.model), cameras, boxes=boxes, hands=hands)
