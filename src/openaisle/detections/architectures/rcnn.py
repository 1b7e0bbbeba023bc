"""Faster and Keypoint R-CNN, as Detectron2 traces them to ONNX and as torchvision does: people, joints where there are.

Input: float32 [3, h, w] without a batch, BGR 0..255 (Detectron2) or RGB 0..1 (torchvision). Output, one row a box, in
input px and after suppression: boxes [n, 4], whole numbers for the kinds [n], scores [n], joints [n, 17, 3] (x, y, and
a score or whether it is visible) and, of torchvision, their logits [n, 17]; of Detectron2 also the size of the picture
[2]. Exports order these differently, so each is told by its rank and type.

Detectron2 reads joints off maps in a loop over boxes that torch cannot write as ONNX. Its keypoint networks are
exported with the maps [n, 17, s, s] as they are, and read here as there (He et al. 2017, "Mask R-CNN", 5): each map is
drawn as large as its box, bicubically, and its highest px is the joint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openaisle.core.errors import ModelError
from openaisle.core.messages import JOINTS
from openaisle.detections.architectures.model import BroughtModel, Layout, shown
from openaisle.detections.architectures.options import DetectorOptions
from openaisle.detections.architectures.pictures import fitted
from openaisle.detections.crops import Floats, Pixels
from openaisle.detections.single_frames import People, SingleFrameDetector

DETECTRON2: Final = "detectron2"
TORCHVISION: Final = "torchvision-rcnn"
DEFAULTS: Final = {
    DETECTRON2: DetectorOptions(score_min=0.5, side_px=800),
    TORCHVISION: DetectorOptions(score_min=0.5, side_px=800, person=1),
}
"""`side_px` of the shorter side, where the file takes any; torchvision counts the background as kind 0."""
LONGER_PX_MAX: Final = 1333
_GREY: Final = (104, 116, 124)  # BGR: the mean that both subtract
_BOXES, _KINDS, _SCORES = (None, 4), (None,), (None,)


@dataclass(frozen=True)
class _Answer:
    boxes_px: Floats  # [n, 4]
    kinds: NDArray[Any]  # [n]
    scores: Floats  # [n]
    joints_px: Floats | None  # [n, 17, 3]
    joint_logits: Floats | None  # [n, 17]
    joint_maps: Floats | None  # [n, 17, s, s] logits


class RcnnDetector(SingleFrameDetector):
    def __init__(self, model: BroughtModel, architecture: str, options: DetectorOptions) -> None:
        """Raises ModelError for a file of another layout."""
        super().__init__(options.score_min)
        self._model, self._options, self._architecture = model, options, architecture
        found = [port.shape for port in model.outputs]
        model.check(Layout([(3, "height", "width")], found))  # outputs go by rank, not by order
        ranks = sorted(len(shape) for shape in found)
        if ranks[:3] != [1, 1, 2] and ranks[:4] != [1, 1, 1, 2]:
            expected = f"boxes {shown(_BOXES)}, kinds {shown(_KINDS)}, scores {shown(_SCORES)}"
            shapes = ", ".join(shown(shape) for shape in found)
            raise ModelError("wrong outputs", file=str(model.path), expected=expected, found=shapes)
        height, width = model.inputs[0].shape[1:]
        self._size = (width, height) if width and height else None

    def people(self, pixels: Pixels) -> People:
        options = self._options
        width, height = self._size or _free_size(pixels, options.side_px)
        view = fitted(pixels, width, height, fill=_GREY, shrinks_by_area=False)
        shown_px = view.pixels.astype(np.float32)
        if self._architecture == TORCHVISION:
            shown_px = cv2.cvtColor(shown_px, cv2.COLOR_BGR2RGB) / np.float32(255)
        answer = self._answer(self._model.run(np.ascontiguousarray(shown_px.transpose(2, 0, 1))))
        rows = np.flatnonzero((answer.kinds == options.person) & (answer.scores > options.score_min))
        rows = rows[np.argsort(-answer.scores[rows], kind="stable")][: options.people_max]
        size = np.array([pixels.shape[1], pixels.shape[0]], np.float32)
        boxes = view.back(answer.boxes_px[rows]).clip(0, np.tile(size, 2))
        is_there = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        rows, boxes = rows[is_there], boxes[is_there]
        if answer.joints_px is not None:
            joints = answer.joints_px[rows].copy()
        elif answer.joint_maps is not None:
            joints = joints_of_maps(answer.joint_maps[rows], answer.boxes_px[rows])
        else:
            return People.of_boxes(boxes, answer.scores[rows])
        joints[:, :, :2] = view.back(joints[:, :, :2])
        if answer.joint_logits is not None:
            joints[:, :, 2] = 1 / (1 + np.exp(-answer.joint_logits[rows]))
        return People(boxes, answer.scores[rows], joints)

    def _answer(self, outputs: list[NDArray[Any]]) -> _Answer:
        """Each output by its rank and type."""
        by: dict[tuple[int, bool], list[NDArray[Any]]] = {}
        for output in outputs:
            by.setdefault((output.ndim, np.issubdtype(output.dtype, np.integer)), []).append(output)
        flat, whole = by.get((1, False), []), by.get((1, True), [])
        tables = by.get((2, False), [])
        boxes = [each for each in tables if each.shape[1] == 4]
        logits = [each for each in tables if each.shape[1] == len(JOINTS)]
        joints, maps = by.get((3, False), []), by.get((4, False), [])
        count = len(flat[0]) if len(flat) == 1 else -1
        kinds = [each for each in whole if len(each) == count]
        is_right = len(boxes) == 1 and bool(kinds) and len(boxes[0]) == count
        is_right &= all(each.shape == (count, len(JOINTS), 3) for each in joints) and len(joints) <= 1
        is_right &= all(each.shape[:2] == (count, len(JOINTS)) for each in maps) and len(maps) <= 1
        if not is_right:
            raise ModelError(
                "wrong outputs",
                file=str(self._model.path),
                expected="boxes [n, 4], kinds [n], scores [n], joints [n, 17, 3] or their maps [n, 17, s, s] or none",
                found=", ".join(shown(each.shape) for each in outputs),
            )
        return _Answer(
            boxes[0],
            kinds[0],
            flat[0],
            joints[0] if joints else None,
            logits[0] if logits else None,
            maps[0] if maps else None,
        )


def joints_of_maps(maps: Floats, boxes_px: Floats) -> Floats:
    """Joints [n, 17, 3] in boxes [n, 4] by their maps of logits [n, 17, s, s]; the score is that of the highest px."""
    joints = np.zeros((*maps.shape[:2], 3), np.float32)
    sides = np.maximum(boxes_px[:, 2:] - boxes_px[:, :2], 1)
    for row, (width, height) in enumerate(np.ceil(sides).astype(int).tolist()):
        for joint, small in enumerate(maps[row]):
            drawn = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
            y, x = divmod(int(drawn.argmax()), width)
            place = (np.array([x, y], np.float32) + 0.5) * sides[row] / (width, height)
            joints[row, joint, :2] = boxes_px[row, :2] + place
            joints[row, joint, 2] = min(1.0, 1 / np.exp(small - drawn[y, x]).sum())
    return joints


def _free_size(pixels: Pixels, side_px: int) -> tuple[int, int]:
    """Width and height with this shorter side, but no longer one above LONGER_PX_MAX."""
    height, width = pixels.shape[:2]
    scale = min(side_px / min(height, width), LONGER_PX_MAX / max(height, width))
    return round(width * scale), round(height * scale)
