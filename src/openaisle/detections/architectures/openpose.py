"""OpenPose (Cao et al. 2019, "Realtime multi-person 2D pose estimation using part affinity fields"): people by joints.

Input: float32 [1, 3, h, w] BGR, 0..1 less a half, sides multiples of 8. Output, on a grid of 8 px, in either order:
18 maps of joints and one of the background [1, 19, h / 8, w / 8]; 19 fields of directions along limbs
[1, 38, h / 8, w / 8]. Every peak of a map may be a joint; a pair of joints is a limb if the field between them points
along it; limbs are taken best first, each joint once a limb, and joined to people where they share a joint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from openaisle.core.messages import JOINTS
from openaisle.detections.architectures.model import BroughtModel, Layout
from openaisle.detections.architectures.pictures import fitted
from openaisle.detections.crops import Floats, Pixels
from openaisle.detections.single_frames import People, SingleFrameDetector

NAME: Final = "openpose"
STRIDE_PX: Final = 8
PARTS: Final = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "right_eye", "left_eye",
    "right_ear", "left_ear",
)  # fmt: skip
"""In the order of the maps. A neck is no joint of COCO."""
LIMBS: Final = (
    (1, 2, 12), (1, 5, 20), (2, 3, 14), (3, 4, 16), (5, 6, 22), (6, 7, 24), (1, 8, 0), (8, 9, 2), (9, 10, 4),
    (1, 11, 6), (11, 12, 8), (12, 13, 10), (1, 0, 28), (0, 14, 30), (14, 16, 34), (0, 15, 32), (15, 17, 36),
    (2, 16, 18), (5, 17, 26),
)  # fmt: skip
"""From part, to part, first of the two maps of its field (x, then y). The last two only add to somebody."""
_TREE: Final = len(LIMBS) - 2
_GREY: Final = (128, 128, 128)
_SAMPLES: Final = 10  # of the field along a limb
_OF_PART: Final = np.array([PARTS.index(name) for name in JOINTS])
_LAYOUTS: Final = tuple(
    Layout([(1, 3, "height", "width")], [(1, first, "rows", "columns"), (1, second, "rows", "columns")])
    for first, second in ((2 * len(LIMBS), len(PARTS) + 1), (len(PARTS) + 1, 2 * len(LIMBS)))
)


@dataclass(frozen=True, kw_only=True)
class OpenPoseOptions:
    score_min: float = 0.2  # mean of a person's joints and limbs
    height_px: int = 184  # of the input, where the file takes any
    joint_min: float = 0.1  # height of a peak
    limb_min: float = 0.05  # the field's share along a limb, at four of five samples
    parts_min: int = 4  # of a person
    smoothing_px: float = 1.5  # of maps, in input px


class OpenPoseDetector(SingleFrameDetector):
    def __init__(self, model: BroughtModel, options: OpenPoseOptions) -> None:
        """Raises ModelError for a file of another layout."""
        super().__init__(options.score_min)
        self._model, self._options = model, options
        self._layout = model.check(*_LAYOUTS)
        height, width = model.inputs[0].shape[2:]
        self._size = (width, height) if width and height else None

    def people(self, pixels: Pixels) -> People:
        width, height = self._size or self._free_size(pixels)
        view = fitted(pixels, width, height, fill=_GREY, shrinks_by_area=False)
        given = view.pixels.astype(np.float32) / np.float32(256) - np.float32(0.5)
        answers = self._model.answers(self._layout, np.ascontiguousarray(given.transpose(2, 0, 1)[None]))
        fields, maps = sorted((each[0] for each in answers), key=len, reverse=True)
        seen = (round(pixels.shape[1] * view.scale), round(pixels.shape[0] * view.scale))
        found, scores = assembled(
            _grown(maps[: len(PARTS)])[: seen[1], : seen[0]],
            _grown(fields)[: seen[1], : seen[0]],
            self._options,
        )
        parts = found[:, _OF_PART]
        parts[:, :, :2] = view.back(parts[:, :, :2]) * (parts[:, :, 2:] > 0)
        return People(outlines(parts), scores, parts).rows(np.argsort(-scores, kind="stable"))

    def _free_size(self, pixels: Pixels) -> tuple[int, int]:
        scale = self._options.height_px / pixels.shape[0]
        return _up(pixels.shape[1] * scale), _up(pixels.shape[0] * scale)


def assembled(maps: Floats, fields: Floats, options: OpenPoseOptions) -> tuple[Floats, Floats]:
    """Maps [h, w, 18] and fields [h, w, 38] in input px to people and their scores [n].

    People [n, 18, 3] are x, y and height of the peak, 0 where there is none.
    """
    peaks = [_peaks(maps[:, :, part], options) for part in range(len(PARTS))]
    people: list[dict[int, int]] = []  # part to peak
    totals: list[float] = []  # of joints and limbs, as the paper weighs people
    for number, (start, end, channel) in enumerate(LIMBS):
        found = _limbs(peaks[start], peaks[end], fields[:, :, channel : channel + 2], options)
        for first, second, share in found:
            gain = float(peaks[end][second, 2]) + share
            having = [
                index
                for index, person in enumerate(people)
                if person.get(start) == first or person.get(end) == second
            ]
            if len(having) == 2 and not people[having[0]].keys() & people[having[1]].keys():
                people[having[0]] |= people.pop(having[1])
                totals[having[0]] += totals.pop(having[1]) + share
            elif having:
                person = people[having[0]]
                if person.get(end) != second:
                    person[end] = second
                    totals[having[0]] += gain
            elif number < _TREE:
                people.append({start: first, end: second})
                totals.append(float(peaks[start][first, 2]) + gain)
    # A person of n parts was given n joints and n - 1 limbs or more.
    scores = np.array(
        [total / (2 * len(person)) for person, total in zip(people, totals, strict=True)], np.float32
    )
    rows = np.zeros((len(people), len(PARTS), 3), np.float32)
    for row, person in zip(rows, people, strict=True):
        for part, peak in person.items():
            row[part] = peaks[part][peak]
    has_enough = np.array([len(person) >= options.parts_min for person in people], bool)
    kept = has_enough & (scores >= options.score_min)
    return rows[kept], scores[kept].clip(0, 1)


def outlines(joints_px: Floats) -> Floats:
    """Boxes [n, 4] about joints [n, 17, 3] and a tenth more of the taller side: joints lie inside a body."""
    is_seen = joints_px[:, :, 2:] > 0
    low = np.where(is_seen, joints_px[:, :, :2], np.inf).min(axis=1, initial=np.inf)
    high = np.where(is_seen, joints_px[:, :, :2], -np.inf).max(axis=1, initial=-np.inf)
    margin = 0.1 * (high - low).max(axis=1, keepdims=True, initial=0.0)
    return np.concatenate([low - margin, high + margin], axis=1).astype(np.float32)


def _peaks(heat: Floats, options: OpenPoseOptions) -> Floats:
    """[n, 3] x, y and height of cells that no neighbour exceeds, row by row. Of two alike side by side, the first."""
    smooth = cv2.GaussianBlur(heat, (0, 0), options.smoothing_px)
    about = np.pad(smooth, 1)
    is_peak = (smooth > about[:-2, 1:-1]) & (smooth > about[1:-1, :-2]) & (smooth > options.joint_min)
    is_peak &= (smooth >= about[2:, 1:-1]) & (smooth >= about[1:-1, 2:])
    rows, columns = np.nonzero(is_peak)
    return np.stack([columns, rows, heat[rows, columns]], axis=1).astype(np.float32)


def _limbs(
    starts: Floats, ends: Floats, field: Floats, options: OpenPoseOptions
) -> list[tuple[int, int, float]]:
    """(row of starts, row of ends, share of the field along the limb), best first, each row once."""
    if not len(starts) or not len(ends):
        return []
    way = ends[None, :, :2] - starts[:, None, :2]
    length = np.maximum(np.linalg.norm(way, axis=2), 0.001)
    steps = np.linspace(0.0, 1.0, _SAMPLES)
    places = starts[:, None, None, :2] + steps[None, None, :, None] * way[:, :, None]
    column, row = np.rint(places).astype(int).transpose(3, 0, 1, 2)
    along = (field[row, column] * (way / length[:, :, None])[:, :, None]).sum(axis=3)
    # Limbs longer than half the picture are less likely.
    share = along.mean(axis=2) + np.minimum(0.5 * field.shape[0] / length - 1, 0)
    is_limb = ((along > options.limb_min).sum(axis=2) > 0.8 * _SAMPLES) & (share > 0)
    first, second = np.nonzero(is_limb)
    order = np.argsort(-share[first, second], kind="stable")
    taken: tuple[set[int], set[int]] = (set(), set())
    found: list[tuple[int, int, float]] = []
    for start, end in zip(first[order].tolist(), second[order].tolist(), strict=True):
        if start not in taken[0] and end not in taken[1]:
            taken[0].add(start)
            taken[1].add(end)
            found.append((start, end, float(share[start, end])))
    return found


def _grown(maps: Floats) -> NDArray[np.float32]:
    """[k, h, w] on the grid to [8 h, 8 w, k] in input px."""
    size = (maps.shape[2] * STRIDE_PX, maps.shape[1] * STRIDE_PX)
    return np.stack([cv2.resize(each, size, interpolation=cv2.INTER_CUBIC) for each in maps], axis=2)


def _up(side_px: float) -> int:
    return -(-round(side_px) // STRIDE_PX) * STRIDE_PX
