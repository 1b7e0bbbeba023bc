"""Networks that describe a picture by numbers: MobileNetV2 and EfficientNet-Lite0, and any export of that shape.

Input: float32 [n, 3, s, s] RGB, normalised. Output: [n, features]. Like pictures have like numbers: their scalar
product, at unit length, is what is compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from openaisle.detections.architectures.model import BroughtModel, Layout
from openaisle.detections.crops import Floats, Pixels

NAME: Final = "features"
LAYOUT: Final = Layout([("pictures", 3, "side", "side")], [("pictures", "features")])


@dataclass(frozen=True, kw_only=True)
class FeatureOptions:
    side_px: int = 224  # of the input, where the file takes any
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)  # of RGB 0..1
    spread: tuple[float, ...] = (0.229, 0.224, 0.225)


class ImageFeatures:
    def __init__(self, model: BroughtModel, options: FeatureOptions) -> None:
        """Raises ModelError for a file of another layout."""
        self._model, self._options = model, options
        model.check(LAYOUT)
        self._side_px = model.inputs[0].shape[2] or options.side_px

    def describe(self, pictures: Sequence[Pixels]) -> Floats:
        """Pictures uint8 [h, w, 3] BGR to unit vectors [n, features]."""
        assert pictures
        mean, spread = np.array(self._options.mean, np.float32), np.array(self._options.spread, np.float32)
        rows = []
        for picture in pictures:
            small = cv2.resize(picture, (self._side_px, self._side_px), interpolation=cv2.INTER_LINEAR)
            rgb = cv2.cvtColor(small, cv2.COLOR_BGR2RGB).astype(np.float32) / np.float32(255)
            rows.append(((rgb - mean) / spread).transpose(2, 0, 1))
        found = self._model.answers(LAYOUT, np.stack(rows))[0]
        return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
