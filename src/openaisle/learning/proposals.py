"""What our networks propose for frames that nobody has labelled, and which of these frames to label next.

Uncertainty: how undecided the detector is about whoever may be there (the entropy of its calibrated scores). Diversity:
frames far from each other and from all that is labelled, by k-centre greedy (Sener & Savarese 2018) over what a frame
looks like and where people are in it. One measure without the other asks for twenty pictures of one odd corner, or for
pictures that the networks read well already.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from openaisle.core.errors import InputError
from openaisle.core.messages import CameraDetections
from openaisle.detections.coco import SURE_MIN
from openaisle.detections.people import PeopleSettings
from openaisle.detections.runtime import RuntimeSettings
from openaisle.labels.dataset import HIDDEN, NOWHERE, VISIBLE, DataSet, FrameLabels, Label, box, joint, placed
from openaisle.labels.folder import read_dataset, write_dataset
from openaisle.learning.store_sights import SCORE_MIN, StoreSight, detected

Floats = NDArray[np.float64]
Report = Callable[[int], None]

JOINT_MIN: Final = 0.25
"""Surer joints are proposed: moving one costs less than finding it."""
_GRID: Final = (9, 16)
_PLACES: Final = (4, 6)
_UNSURE_SHARE: Final = 0.25  # a frame without any doubt still counts this much of one with


def propose(folder: Path, runtime: RuntimeSettings, report: Report = lambda _: None) -> int:
    """Label every frame that nobody has looked at with what the networks say. Returns the number of labels."""
    dataset = read_dataset(folder)
    unchecked = [frame for frame in dataset.frames if not frame.is_checked]
    said: dict[str, tuple[Label, ...]] = {}
    for each, detections in detected(folder, dataset, unchecked, PeopleSettings(runtime=runtime), report):
        said[each.frame.file] = proposed(detections)
    frames = tuple(
        frame if frame.is_checked else replace(frame, labels=said.get(frame.file, frame.labels))
        for frame in dataset.frames
    )
    write_dataset(folder, replace(dataset, frames=frames))
    return sum(map(len, said.values()))


def proposed(detections: CameraDetections) -> tuple[Label, ...]:
    """Detections as labels that nobody has confirmed."""
    labels: list[Label] = []
    sights = detections.visibility
    for row, score in enumerate(detections.scores.tolist()):
        x1, y1, x2, y2 = detections.boxes_image_px[row].tolist()
        if x2 - x1 < 1 or y2 - y1 < 1:
            continue
        joints = [
            joint(x, y, NOWHERE if sure < JOINT_MIN else VISIBLE if seen >= SURE_MIN else HIDDEN)
            for (x, y, sure), seen in zip(
                detections.keypoints_image_px[row].tolist(),
                sights[row].tolist()
                if sights.shape[1]
                else detections.keypoints_image_px[row, :, 2].tolist(),
                strict=True,
            )
        ]
        labels.append(Label(box_px=box(x1, y1, x2, y2), joints_px=placed(joints), score=round(score, 4)))
    return tuple(labels)


@dataclass(frozen=True)
class Next:
    """One frame that should be labelled."""

    file: str
    uncertainty: float  # 0 sure of everything, 1 and up: undecided about as many people
    distance: float  # to the nearest frame that is labelled or chosen before it


def next_frames(
    folder: Path, runtime: RuntimeSettings, count: int, report: Report = lambda _: None
) -> list[Next]:
    """The frames to label next, most useful first. Raises InputError where all are labelled."""
    dataset = read_dataset(folder)
    files = [frame.file for frame in dataset.frames]
    is_checked = np.array([frame.is_checked for frame in dataset.frames], bool)
    if is_checked.all():
        raise InputError(
            "every frame is labelled", file=str(folder), expected="frames, made by `learn frames`"
        )
    settings = PeopleSettings(runtime=runtime, score_min=SCORE_MIN)
    unsure = np.zeros(len(files))
    looks = np.zeros((len(files), 3 * _GRID[0] * _GRID[1] + _PLACES[0] * _PLACES[1]))
    row_of = {file: row for row, file in enumerate(files)}
    there = np.zeros(len(files), bool)
    for each, detections in detected(folder, dataset, _all(dataset), settings, report):
        row = row_of[each.frame.file]
        there[row] = True
        unsure[row] = entropy(detections.scores)
        looks[row] = _look(each, detections)
    return [
        Next(files[row], round(float(unsure[row]), 3), round(distance, 3))
        for row, distance in chosen(looks, unsure, is_checked & there, there & ~is_checked, count)
    ]


def chosen(
    looks: Floats, unsure: Floats, labelled: NDArray[np.bool_], open_: NDArray[np.bool_], count: int
) -> list[tuple[int, float]]:
    """Rows to label and how far each was from all before it. `looks` [n, d], `unsure`, `labelled`, `open_` [n]."""
    nearest = np.full(len(looks), np.inf)
    for row in np.flatnonzero(labelled):
        nearest = np.minimum(nearest, np.linalg.norm(looks - looks[row], axis=1))
    weight = _UNSURE_SHARE + np.minimum(unsure, 1.0)
    left = open_.copy()
    found: list[tuple[int, float]] = []
    while len(found) < count and left.any():
        # With nothing labelled yet, the first is the most uncertain.
        far = np.where(np.isinf(nearest), 1.0, nearest)
        row = int(np.argmax(np.where(left, weight * far, -1.0)))
        found.append((row, float(far[row])))
        left[row] = False
        nearest = np.minimum(nearest, np.linalg.norm(looks - looks[row], axis=1))
    return found


def entropy(scores: NDArray[np.floating]) -> float:
    """Bits of doubt about who is there, over all who may be."""
    p = np.clip(np.asarray(scores, np.float64), 1e-6, 1 - 1e-6)
    return float(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)).sum())


def _all(dataset: DataSet) -> list[FrameLabels]:
    return list(dataset.frames)


def _look(each: StoreSight, detections: CameraDetections) -> Floats:
    """How a frame looks [9 * 16 * 3], and where people are [4 * 6]; both of length 1 about."""
    pixels = each.sight.pixels
    height, width = pixels.shape[:2]
    small = cv2.resize(pixels, _GRID[::-1], interpolation=cv2.INTER_AREA).astype(np.float64)
    small = (small - small.mean()) / max(float(small.std()), 1.0) / np.sqrt(small.size)
    places = np.zeros(_PLACES)
    centres = (detections.boxes_image_px[:, :2] + detections.boxes_image_px[:, 2:]) / 2
    for (x, y), score in zip(centres, detections.scores, strict=True):
        row = min(_PLACES[0] - 1, max(0, int(y / height * _PLACES[0])))
        column = min(_PLACES[1] - 1, max(0, int(x / width * _PLACES[1])))
        places[row, column] += float(score)
    return np.concatenate([small.ravel(), places.ravel() / 2])
