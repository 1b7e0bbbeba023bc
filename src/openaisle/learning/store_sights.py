"""A store's own labelled frames as what training, calibration and measuring take: sights, and shards of them.

What a camera sees with nobody there is a picture that the frames name, or the median of its frames where it has enough
of them: people who come and go leave no trace in it. Where neither can be had, the networks do without a difference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from openaisle.core.errors import InputError
from openaisle.core.messages import JOINTS, CameraDetections, Frame
from openaisle.detections import models
from openaisle.detections.crops import Pixels
from openaisle.detections.people import PeopleDetector, PeopleSettings
from openaisle.detections.runtime import RuntimeSettings
from openaisle.labels.dataset import CHECK, NOWHERE, PERSON, VISIBLE, DataSet, FrameLabels, Label
from openaisle.labels.edge_cases import EdgeCases
from openaisle.labels.folder import read_dataset, read_pixels
from openaisle.labels.hand_over import DERIVED
from openaisle.learning.evaluate import PeopleTally, reported
from openaisle.learning.people_data import write_manifest
from openaisle.learning.report import Report
from openaisle.learning.synthesise import SEEN_PX_MIN, Sight, SightShard
from openaisle.sim.labels import PersonLabel
from openaisle.sim.optics import Appearance

MEDIAN_OF_MIN: Final = 8
"""Frames of a camera from which on their median is taken for the empty shop."""
MEDIAN_OF_MAX: Final = 40
EDGE_FRAMES_MIN: Final = 12
"""Fewer edge cases to check by, and all frames are checked by."""
SHARD_FRAMES_MAX: Final = 96
FALSE_CROPS: Final = 0.8
SCORE_MIN: Final = 0.02
"""Whoever may be somebody is looked at when curves are drawn and thresholds chosen."""
_OUTLINE: Final = 0.5  # of a person's box, about
_GREY_USUAL: Final = 115.0
_TIMES_APART_NS: Final = 60_000_000_000


@dataclass(frozen=True)
class StoreSight:
    """One labelled frame, as a sight."""

    frame: FrameLabels
    sight: Sight
    has_empty: bool
    joints_known: frozenset[int]  # rows of people whose joints somebody labelled


class EmptyPictures:
    """What cameras see with nobody there, as far as a data set tells."""

    def __init__(self, folder: Path, dataset: DataSet) -> None:
        self._folder = folder
        self._frames: dict[tuple[str, str, int, int], list[str]] = {}
        for frame in dataset.frames:
            self._frames.setdefault(_camera_of(frame), []).append(frame.file)
        self._medians: dict[tuple[str, str, int, int], Pixels | None] = {}

    def of(self, frame: FrameLabels) -> Pixels | None:
        """The empty picture [h, w, 3] of a frame's camera; None where nobody knows."""
        if frame.empty_file and (self._folder / frame.empty_file).is_file():
            return read_pixels(self._folder, frame.empty_file)
        key = _camera_of(frame)
        if key not in self._medians:
            self._medians[key] = self._median(self._frames.get(key, [])) if key[1] else None
        return self._medians[key]

    def _median(self, files: Sequence[str]) -> Pixels | None:
        there = [name for name in files if (self._folder / name).is_file()]
        if len(there) < MEDIAN_OF_MIN:
            return None
        step = max(1, len(there) // MEDIAN_OF_MAX)
        pictures = [read_pixels(self._folder, name) for name in there[::step][:MEDIAN_OF_MAX]]
        return np.median(np.stack(pictures), axis=0).astype(np.uint8)


def store_sights(
    folder: Path,
    dataset: DataSet,
    frames: Sequence[FrameLabels],
    empty_pictures: EmptyPictures | None = None,
) -> Iterator[StoreSight]:
    """Frames whose pictures are there, in order. Raises InputError where a picture is not what its frame says."""
    empty_pictures = empty_pictures or EmptyPictures(folder, dataset)
    for number, frame in enumerate(frames):
        if not (folder / frame.file).is_file():
            continue
        pixels = read_pixels(folder, frame.file)
        if pixels.shape[:2] != (frame.height_px, frame.width_px):
            raise InputError(
                "the picture has another size than its labels",
                file=str(folder / frame.file),
                expected=f"{frame.width_px}x{frame.height_px}",
                found=f"{pixels.shape[1]}x{pixels.shape[0]}",
            )
        empty = empty_pictures.of(frame)
        people = [label for label in frame.labels if label.kind == PERSON]
        camera = models.camera_of_size(frame.camera_id or "camera", frame.width_px, frame.height_px)
        light = 1.0 if frame.mean_grey is None else max(frame.mean_grey, 1.0) / _GREY_USUAL
        sight = Sight(
            camera=camera,
            empty=pixels if empty is None else empty,
            pixels=pixels,
            people=[_person(row, label) for row, label in enumerate(people)],
            at_ns=(number + 1) * _TIMES_APART_NS,
            appearance=Appearance(exposure=light),
        )
        known = frozenset(row for row, label in enumerate(people) if label.joints_px)
        yield StoreSight(frame, sight, empty is not None, known)


def sights_of(folder: Path, *splits: str) -> tuple[DataSet, list[FrameLabels]]:
    """A data set and its checked frames of these splits that have a picture. Raises InputError where there are none."""
    dataset = read_dataset(folder)
    frames = [frame for frame in dataset.part(*splits) if (folder / frame.file).is_file()]
    if not frames:
        raise InputError(
            f"no checked frames of the split {' or '.join(splits)}",
            file=str(folder),
            expected="labels that a person has checked (learn import --onto, learn label fetch), then learn split",
        )
    return dataset, frames


def shards(folder: Path, *splits: str) -> Path:
    """The folder with training pictures of these splits, made if the labels changed since."""
    dataset, frames = sights_of(folder, *splits)
    if splits == (CHECK,):
        edge_cases = EdgeCases(dataset)
        hard = [frame for frame in frames if edge_cases.of_frame(frame)]
        frames = hard if len(hard) >= EDGE_FRAMES_MIN else frames
    parts = [frames[first : first + SHARD_FRAMES_MAX] for first in range(0, len(frames), SHARD_FRAMES_MAX)]
    return write_shards(folder, dataset, parts, "-".join(splits))


def visit_shards(folder: Path, split: str) -> Path:
    """The same of one split, each visit a shard."""
    dataset, frames = sights_of(folder, split)
    visits: dict[str, list[FrameLabels]] = {}
    for frame in frames:
        visits.setdefault(visit_of(frame), []).append(frame)
    return write_shards(folder, dataset, [visits[name] for name in sorted(visits)], f"{split}-by-visit")


def write_shards(folder: Path, dataset: DataSet, parts: Sequence[Sequence[FrameLabels]], name: str) -> Path:
    """Training pictures of frames, each part a shard, in a folder of that name unless they lie there already."""
    said = msgspec.json.encode(
        [[msgspec.structs.replace(frame, split="") for frame in part] for part in parts]
    )
    out = folder / DERIVED / f"{name}-{hashlib.sha256(said).hexdigest()[:16]}"
    if (out / "manifest.json").is_file():
        return out
    rng = np.random.default_rng([sum(map(len, parts)), 29])
    counts = {"frames": 0, "people": 0}
    empty_pictures = EmptyPictures(folder, dataset)
    for number, part in enumerate(parts):
        shard = SightShard(rng, FALSE_CROPS)
        for each in store_sights(folder, dataset, part, empty_pictures):
            shard.add(each.sight, has_empty=each.has_empty, joints_known=each.joints_known)
            counts["frames"] += 1
            counts["people"] += len(each.sight.people)
        if len(shard):
            shard.write(out, number)
    write_manifest(out, {"settings": {"dataset": dataset.name, "of": name}, "counts": counts})
    return out


def visit_of(frame: FrameLabels) -> str:
    """What it shares with frames that are no cases apart from it: its visit, else its video, else nothing."""
    return f"{frame.store_id}/{frame.visit_ids[0] if frame.visit_ids else frame.sequence_id or frame.file}"


def detected(
    folder: Path,
    dataset: DataSet,
    frames: Sequence[FrameLabels],
    settings: PeopleSettings,
    report: Callable[[int], None] = lambda _: None,
) -> Iterator[tuple[StoreSight, CameraDetections]]:
    """What the people detector says of each frame, seen on its own with the empty picture known if it is."""
    detector = PeopleDetector([], settings=settings)
    for done, each in enumerate(store_sights(folder, dataset, frames), start=1):
        sight = each.sight
        detector.watch(sight.camera)
        if each.has_empty:
            detector.show_empty({sight.camera.camera_id: sight.empty}, sight.at_ns)
        yield (
            each,
            detector.detect([Frame(sight.camera.camera_id, sight.at_ns, sight.at_ns, sight.pixels)])[0],
        )
        report(done)


def _camera_of(frame: FrameLabels) -> tuple[str, str, int, int]:
    return (frame.store_id, frame.camera_id, frame.width_px, frame.height_px)


def _person(row: int, label: Label) -> PersonLabel:
    """What cannot be told of a real picture is guessed: an outline is about half of its box."""
    joints = np.array(label.joints_px or [(0.0, 0.0, NOWHERE)] * len(JOINTS), np.float64)
    placed = joints[:, 2] > NOWHERE
    by_joints = float((joints[placed, 2] == VISIBLE).mean()) if placed.any() else 1.0
    in_view = by_joints if label.in_view is None else label.in_view
    box = np.array(label.box_px, np.float64)
    outline_px = float(np.prod(box[2:] - box[:2])) * _OUTLINE
    # Who was labelled is judged, however small or hidden, unless the label says not to.
    visible_px = 0 if label.is_ignored else max(SEEN_PX_MIN, round(outline_px * in_view))
    return PersonLabel(
        body_id=row,
        visible_box_px=box,
        amodal_box_px=box,
        keypoints_px=joints,
        visible_px=visible_px,
        visible_fraction=0.0 if label.is_ignored else max(in_view, 0.1),
    )


def examine(
    folder: Path, runtime: RuntimeSettings, split: str, report: Callable[[int], None] = lambda _: None
) -> Report:
    """The people detector on a split of a store's own labels: figures, families, reliability, mistakes."""
    dataset, frames = sights_of(folder, split)
    tally = PeopleTally()
    wanted = PeopleDetector([], settings=PeopleSettings(runtime=runtime)).score_min
    settings = PeopleSettings(runtime=runtime, score_min=SCORE_MIN)
    for each, found in detected(folder, dataset, frames, settings, report):
        tally.add(each.sight, found, wanted)
    on = f"{dataset.name or folder.name}, split {split}"
    return reported(tally, on, {"store_data": folder.name, "split": split}, knows_cameras=False)
