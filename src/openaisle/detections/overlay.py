"""A picture with the people that were found drawn over it."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from openaisle.core.messages import CameraDetections
from openaisle.detections.coco import BONES
from openaisle.detections.crops import Pixels

COLOURS: Final = (
    (66, 133, 244)[::-1], (219, 68, 55)[::-1], (244, 180, 0)[::-1], (15, 157, 88)[::-1], (171, 71, 188)[::-1],
    (0, 172, 193)[::-1], (255, 112, 67)[::-1], (158, 157, 36)[::-1],
)  # fmt: skip
"""BGR; people take turns."""
SHOWN_MIN: Final = 0.25  # confidence of a joint that is drawn


def draw(pixels: Pixels, detections: CameraDetections) -> Pixels:
    """A copy of the picture [h, w, 3] BGR with boxes, scores, joints and the bones between them."""
    shown = pixels.copy()
    thickness = max(1, round(max(shown.shape[:2]) / 500))
    for row, (box, score) in enumerate(zip(detections.boxes_image_px, detections.scores, strict=True)):
        colour = COLOURS[row % len(COLOURS)]
        x1, y1, x2, y2 = (round(float(each)) for each in box)
        cv2.rectangle(shown, (x1, y1), (x2, y2), colour, thickness, cv2.LINE_AA)
        size = 0.4 * max(1.0, thickness * 0.75)
        place = (max(x1, 2), max(y1 - 3, 12))
        cv2.putText(
            shown, f"{score:.2f}", place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, thickness, cv2.LINE_AA
        )
        joints = detections.keypoints_image_px[row]
        is_shown = (joints[:, 2] >= SHOWN_MIN) & np.isfinite(joints[:, :2]).all(axis=1)
        points = [(round(float(x)), round(float(y))) for x, y in np.nan_to_num(joints[:, :2])]
        for a, b in BONES:
            if is_shown[a] and is_shown[b]:
                cv2.line(shown, points[a], points[b], colour, thickness, cv2.LINE_AA)
        for point, is_drawn in zip(points, is_shown, strict=True):
            if is_drawn:
                cv2.circle(shown, point, thickness + 1, colour, -1, cv2.LINE_AA)
    return shown
