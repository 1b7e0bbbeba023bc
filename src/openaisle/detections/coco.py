"""Detections in COCO's words: one document of images and annotations that COCO's own tools read.

`annotations` are results as COCO has them (`bbox` is x, y, width, height; a keypoint is x, y, visibility), and carry
the file, the frame and the time themselves. docs/FORMATS.md describes the document.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.messages import JOINTS, CameraDetections
from openaisle.core.units import NS_PER_S

PERSON: Final = 1
"""COCO's category of people."""
SURE_MIN: Final = 0.5  # probability of a joint that is called visible
_BONES: Final = (
    (15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8), (7, 9), (8, 10),
    (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6),
)  # fmt: skip
BONES: Final = tuple((a, b) for a, b in _BONES)
"""Pairs of JOINTS that COCO draws a line between."""
PERSON_CATEGORY: Final[Mapping[str, Any]] = {
    "id": PERSON,
    "name": "person",
    "keypoints": list(JOINTS),
    "skeleton": [[a + 1, b + 1] for a, b in BONES],  # COCO counts joints from 1
}


class CocoDocument:
    """Collects detections, picture by picture."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def add(
        self,
        detections: CameraDetections,
        file_name: str,
        width_px: int,
        height_px: int,
        frame_index: int | None,
    ) -> None:
        """One picture's people. `frame_index` None: a single picture, which has no time."""
        image_id = len(self._images) + 1
        place: dict[str, Any] = {"file_name": file_name}
        if frame_index is not None:
            time_s = round(detections.captured_ns / NS_PER_S, 6)
            place |= {"frame_index": frame_index, "time_s": time_s}
        self._images.append({"id": image_id, **place, "width": width_px, "height": height_px})
        for row in range(len(detections.scores)):
            person = _person(detections, row, width_px, height_px)
            number = len(self._annotations) + 1
            self._annotations.append({"id": number, "image_id": image_id, **place, **person})

    def as_json(self) -> dict[str, Any]:
        return {
            "info": {"description": "people found by OpenAisle", "model": self._model},
            "images": self._images,
            "annotations": self._annotations,
            "categories": [dict(PERSON_CATEGORY)],
        }

    def lines(self) -> list[str]:
        """For people to read: a line a picture, one more for each person in it."""
        people: dict[int, list[dict[str, Any]]] = {}
        for each in self._annotations:
            people.setdefault(each["image_id"], []).append(each)
        lines: list[str] = []
        for image in self._images:
            found = people.get(image["id"], [])
            when = f" frame {image['frame_index']} at {image['time_s']:.2f} s" if "time_s" in image else ""
            many = "nobody" if not found else "1 person" if len(found) == 1 else f"{len(found)} people"
            lines.append(f"{image['file_name']}{when}: {many}")
            for each in found:
                x, y, width, height = each["bbox"]
                joints = f", {each['num_keypoints']} joints in view" if "keypoints" in each else ""
                lines.append(
                    f"  {each['score']:.2f}  {width:.0f} x {height:.0f} px at {x:.0f}, {y:.0f}{joints}"
                )
        return lines


def clipped_bbox(box_px: NDArray[np.floating], width_px: int, height_px: int) -> list[float]:
    """COCO's x, y, width, height of a box x1 y1 x2 y2, as far as it is in the picture."""
    x1, y1, x2, y2 = np.clip(box_px, 0, [width_px, height_px, width_px, height_px]).tolist()
    return [round(each, 2) for each in (x1, y1, x2 - x1, y2 - y1)]


def flat_keypoints(points_px: NDArray[np.floating], visibility: NDArray[np.integer]) -> list[float]:
    """COCO's row of x, y, visibility of joints [n, 2] with visibility [n]; 0, 0, 0 where there is none."""
    flat: list[float] = []
    for (x, y), state in zip(points_px.tolist(), visibility.tolist(), strict=True):
        flat += [round(x, 2), round(y, 2), state] if state else [0, 0, 0]
    return flat


def _person(detections: CameraDetections, row: int, width_px: int, height_px: int) -> dict[str, Any]:
    """A person's box as far as it is in the picture, and joints. Joints are absent where a model finds none."""
    bbox = clipped_bbox(detections.boxes_image_px[row], width_px, height_px)
    person: dict[str, Any] = {
        "category_id": PERSON,
        "category": "person",
        "bbox": bbox,
        "area": round(bbox[2] * bbox[3], 1),
        "iscrowd": 0,
        "score": round(float(detections.scores[row]), 4),
    }
    joints = detections.keypoints_image_px[row]
    confidence = joints[:, 2]
    if not (confidence > 0).any():
        return person
    # Where a model tells whether a joint is in view, that is its visibility; else how sure it is of the place.
    in_view = detections.visibility[row] if detections.visibility.shape[1] else confidence
    visibility = np.where(confidence > 0, np.where(in_view >= SURE_MIN, 2, 1), 0)
    if len(detections.pose_scores):
        person["pose_score"] = round(float(detections.pose_scores[row]), 4)
    person["keypoints"] = flat_keypoints(joints[:, :2], visibility)
    person["num_keypoints"] = int((visibility == 2).sum())
    person["keypoint_scores"] = [round(each, 3) for each in confidence.tolist()]
    return person
