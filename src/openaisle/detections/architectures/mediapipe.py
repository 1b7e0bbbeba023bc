"""MediaPipe's landmark networks (Google, 2020 to 2023), out of TensorFlow Lite: a body's 33 joints, a hand's 21.

Body (BlazePose): float32 [n, 256, 256, 3] RGB 0..1, a square on somebody; gives [n, 195], 39 times x, y, z in input px
and the logits of being visible and of being in the square (33 joints and 6 that a tracker uses); the probability that
there is a body [n, 1]; and maps [n, 64, 64, 39] by which each joint is moved to the mean of the 7x7 cells about it, as
MediaPipe's graph does. Hand: float32 [n, 224, 224, 3] RGB 0..1, a square on a hand, fingers up; gives [n, 63], the
probability of a hand [n, 1] and that it is a right one [n, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from openaisle.core.messages import JOINT_INDEX, JOINTS
from openaisle.detections.architectures.model import BroughtModel, Layout
from openaisle.detections.architectures.pictures import moved, warped
from openaisle.detections.crops import Floats, Pixels, windows_of_boxes

POSE: Final = "mediapipe-pose"
HANDS: Final = "mediapipe-hands"
POSE_LAYOUT: Final = Layout(
    [("people", 256, 256, 3)], [("people", 195), ("people", 1), ("people", "rows", "columns", 39)]
)
HANDS_LAYOUT: Final = Layout([("hands", 224, 224, 3)], [("hands", 63), ("hands", 1), ("hands", 1)])
HAND_JOINTS: Final = 21
_BODY_JOINTS: Final = 39
_OF_BODY: Final = np.array([0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28])
"""Where COCO's joints are among BlazePose's."""
assert len(_OF_BODY) == len(JOINTS)
_REACH_CELLS: Final = 3
_SURE_MIN: Final = 0.5  # of a map, so that it moves a joint
_ARMS: Final = np.array(
    [[JOINT_INDEX[f"{side}_elbow"], JOINT_INDEX[f"{side}_wrist"]] for side in ("left", "right")]
)


@dataclass(frozen=True, kw_only=True)
class MediaPipePoseOptions:
    margin: float = 1.25  # side of the square, in longer sides of the box


@dataclass(frozen=True, kw_only=True)
class MediaPipeHandsOptions:
    presence_min: float = 0.5  # that there is a hand
    joint_min: float = 0.2  # confidence of elbow and wrist, so that a hand is looked for
    reach: float = 0.35  # from the wrist to the middle of the hand, in forearms
    side: float = 1.5  # of the square, in forearms


class MediaPipePose:
    """Joints of people whose boxes are known."""

    def __init__(self, model: BroughtModel, options: MediaPipePoseOptions) -> None:
        """Raises ModelError for a file of another layout."""
        self._model, self._options = model, options
        model.check(POSE_LAYOUT)

    def joints(self, pixels: Pixels, boxes_px: Floats) -> Floats:
        """[n, 17, 3] x y confidence of people in boxes [n, 4], both in px of a picture uint8 [h, w, 3] BGR."""
        if not len(boxes_px):
            return np.zeros((0, len(JOINTS), 3), np.float32)
        windows = windows_of_boxes(boxes_px, self._options.margin)
        affines = [
            squares(window[None, :2], window[2:], np.zeros(1, np.float32), 256)[0] for window in windows
        ]
        given = _crops(pixels, affines, 256)
        values, presence, maps = self._model.answers(POSE_LAYOUT, given)
        marks = body_marks(values, maps)[:, _OF_BODY]
        joints = np.empty((len(boxes_px), len(JOINTS), 3), np.float32)
        for row, affine in enumerate(affines):
            joints[row, :, :2] = moved(marks[row, :, :2], affine)
        joints[:, :, 2] = marks[:, :, 2] * presence
        return joints


def body_marks(values: Floats, maps: Floats) -> Floats:
    """Answers [n, 195] and [n, h, w, 39] to [n, 39, 3]: x, y in input px, probability of being visible."""
    marks = values.reshape(-1, _BODY_JOINTS, 5)
    count, rows, columns, _ = maps.shape
    step = np.array([256 / columns, 256 / rows], np.float32)
    # The cell that a joint lies in, and those about it; outside the map nothing is sure.
    cells = np.floor(marks[:, :, :2] / step).astype(int)
    reach = np.arange(-_REACH_CELLS, _REACH_CELLS + 1)
    down, right = np.meshgrid(reach, reach, indexing="ij")
    y, x = cells[:, :, 1, None] + down.ravel(), cells[:, :, 0, None] + right.ravel()
    is_inside = (y >= 0) & (y < rows) & (x >= 0) & (x < columns)
    heights = maps[
        np.arange(count)[:, None, None],
        y.clip(0, rows - 1),
        x.clip(0, columns - 1),
        np.arange(_BODY_JOINTS)[None, :, None],
    ]
    sure = np.where(is_inside, _sigmoid(heights), 0.0)
    total = sure.sum(axis=2)
    means = np.stack([(sure * x).sum(axis=2), (sure * y).sum(axis=2)], axis=2)
    means = means / np.maximum(total, 1e-9)[:, :, None] * step
    middle_inside = (cells >= 0).all(axis=2) & (cells < [columns, rows]).all(axis=2)
    is_moved = (sure.max(axis=2) >= _SURE_MIN) & middle_inside
    places = np.where(is_moved[:, :, None], means, marks[:, :, :2])
    return np.concatenate([places, _sigmoid(marks[:, :, 3:4])], axis=2).astype(np.float32)


@dataclass(frozen=True)
class Hands:
    """n hands in one picture, in its px."""

    marks_px: Floats  # [n, 21, 2]: wrist, then thumb, index, middle, ring and little finger from root to tip
    presence: Floats  # [n]
    is_right: Floats  # [n] probability
    rows: np.ndarray  # [n, 2] of people and arms (0 left, 1 right) that were looked at


class MediaPipeHands:
    """Hands at wrists that are known."""

    def __init__(self, model: BroughtModel, options: MediaPipeHandsOptions) -> None:
        """Raises ModelError for a file of another layout."""
        self._model, self._options = model, options
        model.check(HANDS_LAYOUT)

    def hands(self, pixels: Pixels, keypoints_px: Floats) -> Hands:
        """What the arms of people [n, 17, 3] end in, of a picture uint8 [h, w, 3] BGR."""
        options = self._options
        arms = keypoints_px[:, _ARMS]  # [n, 2, elbow and wrist, 3]
        rows = np.argwhere((arms[:, :, :, 2] >= options.joint_min).all(axis=2))
        if not len(rows):
            nothing = np.zeros(0, np.float32)
            return Hands(np.zeros((0, HAND_JOINTS, 2), np.float32), nothing, nothing, rows)
        elbow, wrist = arms[rows[:, 0], rows[:, 1], :, :2].transpose(1, 0, 2)
        forearm = wrist - elbow
        sides = np.maximum(np.linalg.norm(forearm, axis=1) * options.side, 8.0)
        # Turned so that the forearm points up in the square.
        turns = np.arctan2(forearm[:, 0], -forearm[:, 1])
        affines = squares(wrist + options.reach * forearm, sides, turns, 224)
        values, presence, right = self._model.answers(HANDS_LAYOUT, _crops(pixels, affines, 224))
        marks = values.reshape(-1, HAND_JOINTS, 3)[:, :, :2]
        placed = np.stack([moved(each, affine) for each, affine in zip(marks, affines, strict=True)])
        return Hands(placed, presence[:, 0], right[:, 0], rows)

    def wrists(self, pixels: Pixels, keypoints_px: Floats) -> Floats:
        """The same people, each wrist where the hand begins if a hand is there."""
        hands = self.hands(pixels, keypoints_px)
        better = keypoints_px.copy()
        for (person, arm), marks, presence in zip(hands.rows, hands.marks_px, hands.presence, strict=True):
            if presence >= self._options.presence_min:
                better[person, _ARMS[arm, 1], :2] = marks[0]
        return better


def squares(middles_px: Floats, sides_px: Floats, turns: Floats, size_px: int) -> list[Floats]:
    """Turned squares (middles [n, 2], sides [n], clockwise radians [n]) as maps [2, 3] from crop to picture px."""
    affines = []
    for (x, y), side, turn in zip(middles_px, sides_px, turns, strict=True):
        step = side / size_px
        across = step * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        # Pixel centres sit at integers; the square's middle is the crop's.
        corner = np.array([x, y]) - across @ np.full(2, (size_px - 1) / 2)
        affines.append(np.concatenate([across, corner[:, None]], axis=1).astype(np.float32))
    return affines


def _crops(pixels: Pixels, affines: list[Floats], size_px: int) -> Floats:
    rgb = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
    crops = np.stack([warped(rgb, affine, size_px, size_px) for affine in affines])
    return crops.astype(np.float32) / np.float32(255)


def _sigmoid(logits: Floats) -> Floats:
    return (1 / (1 + np.exp(-logits.clip(-60, 60)))).astype(np.float32)
