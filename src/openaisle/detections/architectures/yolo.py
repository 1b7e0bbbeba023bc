"""YOLOv8 and YOLO11, as their library exports them to ONNX: people, or people with 17 joints.

Input: float32 [1, 3, h, w] RGB, 0..1, resized to fit and centred on grey 114. Output without suppression: for each of
the cells x, y, width, height in input px, then the probability of each kind (detect) or of a person and 17 times x, y,
confidence (pose): [1, 4 + kinds, cells] and [1, 56, cells]. Exported with suppression inside: [1, 300, 6 + 51], of
boxes x1 y1 x2 y2, score and kind. A cell counts with its likeliest kind only.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from openaisle.core.errors import ModelError
from openaisle.core.messages import JOINTS
from openaisle.detections import decode
from openaisle.detections.architectures.model import BroughtModel, Layout, dtype_of, shown
from openaisle.detections.architectures.options import DetectorOptions
from openaisle.detections.architectures.pictures import fitted
from openaisle.detections.crops import Floats, Pixels
from openaisle.detections.single_frames import People, SingleFrameDetector

DETECT: Final = "yolov8"
POSE: Final = "yolov8-pose"
ALIASES: Final = {"yolo11": DETECT, "yolo11-pose": POSE}
"""The same layouts."""
DEFAULTS: Final = DetectorOptions(score_min=0.25, overlap_max=0.7)
_GREY: Final = (114, 114, 114)
_JOINT_VALUES: Final = 3 * len(JOINTS)
_INPUT: Final = (1, 3, "height", "width")
LAYOUTS: Final = {
    DETECT: (Layout([_INPUT], [(1, "4 + kinds", "cells")]), Layout([_INPUT], [(1, "people", 6)])),
    POSE: (
        Layout([_INPUT], [(1, 5 + _JOINT_VALUES, "cells")]),
        Layout([_INPUT], [(1, "people", 6 + _JOINT_VALUES)]),
    ),
}
"""Without suppression, and with it."""


class YoloDetector(SingleFrameDetector):
    def __init__(self, model: BroughtModel, architecture: str, options: DetectorOptions) -> None:
        """Raises ModelError for a file of another layout."""
        super().__init__(options.score_min)
        self._model, self._options = model, options
        self._has_joints = architecture == POSE
        bare, suppressed = LAYOUTS[architecture]
        # Whoever leaves cells open leaves the kinds open too: what has six columns at most was suppressed.
        shape = model.outputs[0].shape if model.outputs else ()
        is_suppressed = len(shape) == 3 and shape[2] == suppressed.outputs[0][2]
        self._layout = model.check(suppressed if is_suppressed else bare)
        self._is_suppressed = is_suppressed
        height, width = model.inputs[0].shape[2:]
        self._size = (width or options.side_px, height or options.side_px)

    def people(self, pixels: Pixels) -> People:
        options = self._options
        view = fitted(pixels, *self._size, fill=_GREY, is_centred=True, shrinks_by_area=False)
        planes = np.ascontiguousarray(view.pixels[:, :, ::-1].transpose(2, 0, 1)[None])
        given = (planes.astype(np.float32) / np.float32(255)).astype(dtype_of(self._model.inputs[0]))
        answer = np.asarray(self._model.answers(self._layout, given)[0][0], np.float32)
        found = self._suppressed(answer) if self._is_suppressed else self._bare(answer)
        found = found.rows(np.argsort(-found.scores, kind="stable")[: options.candidates_max])
        if not self._is_suppressed:
            found = found.rows(decode.suppress(found.boxes_px, found.scores, options.overlap_max))
        found = found.rows(np.arange(min(len(found.scores), options.people_max)))
        height, width = pixels.shape[:2]
        boxes = view.back(found.boxes_px).clip(0, np.array([width, height, width, height], np.float32))
        if not self._has_joints:
            return People.of_boxes(boxes, found.scores)
        joints = found.keypoints_px.copy()
        joints[:, :, :2] = view.back(joints[:, :, :2])
        return People(boxes, found.scores, joints)

    def _bare(self, answer: Floats) -> People:
        """Rows of values, columns of cells; boxes by middle and size."""
        options = self._options
        if self._has_joints:
            scores, is_person = answer[4], np.ones(answer.shape[1], bool)
        else:
            if options.person >= len(answer) - 4:
                raise ModelError(
                    "no such kind of thing",
                    file=str(self._model.path),
                    expected=f"an answer of more than {4 + options.person} rows",
                    found=shown(answer.shape),
                )
            scores, is_person = answer[4 + options.person], answer[4:].argmax(axis=0) == options.person
        cells = np.flatnonzero(is_person & (scores > options.score_min))
        middle, half = answer[:2, cells].T, answer[2:4, cells].T / 2
        boxes = np.concatenate([middle - half, middle + half], axis=1).astype(np.float32)
        return self._with_joints(boxes, scores[cells], answer[5:, cells].T)

    def _suppressed(self, answer: Floats) -> People:
        """One row a box, of any kind."""
        options = self._options
        rows = answer[(answer[:, 4] > options.score_min) & (answer[:, 5] == options.person)]
        return self._with_joints(rows[:, :4], rows[:, 4], rows[:, 6:])

    def _with_joints(self, boxes: Floats, scores: Floats, rest: Floats) -> People:
        if not self._has_joints:
            return People.of_boxes(boxes, scores)
        return People(boxes, scores, rest.reshape(-1, len(JOINTS), 3))
