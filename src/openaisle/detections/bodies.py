"""What the networks said of a person, read once more: the whole body's box, and how right the joints are.

What the box network proposes of somebody half hidden is a guess from few pixels; the keypoint network looked at more
of them. A small network of two hidden layers takes the box, the joints and how sure each is, and says where the whole
body's sides are and how alike the joints will be to the true ones, by COCO's object keypoint similarity: a pose's own
score (Huang et al. 2019, "Mask Scoring R-CNN", do so for masks). It is fitted on simulated shops apart
(`learn calibrate people`) and travels in the keypoint network's metadata.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from openaisle.core.errors import ModelError
from openaisle.core.messages import JOINTS
from openaisle.detections import crops
from openaisle.detections.crops import Floats

KEY: Final = "bodies"
"""Where a keypoint network's metadata has it."""
TERMS: Final = 2 * len(JOINTS) + 4 * len(JOINTS) + 2 + 4 + 4 + 1
OUTPUTS: Final = 5  # how far to move each side, in sides of the window; the logit of the joints' similarity
_FAR: Final = 5.0  # standard deviations: further off, and a term says no more
_USUAL_PX: Final = 100.0  # a window's side in frames of 640 px


def terms(
    boxes_px: Floats,
    windows_px: Floats,
    points_crop_px: Floats,
    mass: Floats,
    spread_cells: Floats,
    visible_logits: Floats,
    person_logits: Floats,
    heats: Floats,
    size_px: tuple[int, int],
) -> Floats:
    """What it is told [n, TERMS]: of proposals [n, 4] and their windows [n, 3] in frame px, and what the keypoint
    network says (`people.Seen`), in a frame of width and height `size_px`."""
    count = len(boxes_px)
    centre, side = windows_px[:, None, :2], windows_px[:, 2:]
    points = (points_crop_px + 0.5) / crops.CROP_PX - 0.5
    box = (boxes_px.reshape(-1, 2, 2) - centre) / side[:, None]
    edges = np.array([[[0, 0], size_px]], np.float32)
    edge = np.clip((edges - centre) / side[:, None], -1, 1)
    heat = np.clip(heats, 1e-4, 1 - 1e-4)
    told = [
        points.reshape(count, 2 * len(JOINTS)),
        np.log(np.maximum(mass, 1e-4)),
        mass,
        spread_cells,
        np.clip(visible_logits, -8, 8) * 0.25,
        person_logits[:, None],
        np.log(heat / (1 - heat))[:, None],
        box.reshape(count, 4),
        edge.reshape(count, 4),
        np.log(side * (640 / size_px[0] / _USUAL_PX)),
    ]
    return np.concatenate(told, axis=1).astype(np.float32)


@dataclass(frozen=True)
class Bodies:
    """The fitted network."""

    mean: Floats  # [TERMS]
    scale: Floats  # [TERMS]
    layers: tuple[tuple[Floats, Floats], ...]  # weights [in, out] and bias [out]; ReLU between them

    @classmethod
    def of(cls, metadata: Mapping[str, Any]) -> Bodies | None:
        """As metadata says; None where it says nothing. Raises ModelError where that cannot be read."""
        said = metadata.get(KEY)
        if said is None:
            return None
        expected = f"{TERMS} terms, two hidden layers and base64 of float16"
        try:
            hidden = int(said["hidden"])
            numbers = np.frombuffer(base64.b64decode(said["numbers"], validate=True), "<f2").astype(
                np.float32
            )
        except (TypeError, KeyError, ValueError, binascii.Error) as error:
            raise ModelError("damaged metadata", field=KEY, expected=expected, found=str(error)) from error
        shapes = [
            (TERMS,),
            (TERMS,),
            (TERMS, hidden),
            (hidden,),
            (hidden, hidden),
            (hidden,),
            (hidden, OUTPUTS),
        ]
        shapes.append((OUTPUTS,))
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
        if len(numbers) != ends[-1]:
            raise ModelError(
                "damaged metadata", field=KEY, expected=f"{ends[-1]} numbers", found=f"{len(numbers)}"
            )
        parts = np.split(numbers, ends[:-1])
        mean, scale, *rest = (part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))
        return cls(mean, scale, tuple(zip(rest[::2], rest[1::2], strict=True)))

    def as_metadata(self) -> dict[str, Any]:
        """What `of` reads."""
        arrays = [self.mean, self.scale, *(array for layer in self.layers for array in layer)]
        packed = np.concatenate([array.ravel() for array in arrays]).astype("<f2").tobytes()
        return {KEY: {"hidden": len(self.layers[0][1]), "numbers": base64.b64encode(packed).decode()}}

    def read(
        self, terms: Floats, boxes_px: Floats, windows_px: Floats, size_px: tuple[int, int]
    ) -> tuple[Floats, Floats]:
        """Whole bodies' boxes [n, 4], cut at the frame's edges, and the joints' expected similarity [n] in 0..1."""
        if not len(boxes_px):
            return boxes_px, np.zeros(0, np.float32)
        values = np.clip((terms - self.mean) / self.scale, -_FAR, _FAR)
        *hidden, (weights, bias) = self.layers
        for inner, shift in hidden:
            values = np.maximum(values @ inner + shift, 0)
        said = values @ weights + bias
        moved = boxes_px + said[:, :4] * windows_px[:, 2:]
        edge = np.array(size_px, np.float32)
        low = np.minimum(np.maximum(moved[:, :2], 0), edge - 2)
        high = np.minimum(np.maximum(moved[:, 2:], low + 1), edge)
        similar = 1 / (1 + np.exp(-np.clip(said[:, 4], -30, 30)))
        return np.concatenate([low, high], axis=1).astype(np.float32), similar.astype(np.float32)
