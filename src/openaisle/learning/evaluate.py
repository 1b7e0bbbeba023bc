"""How well the people detector sees, on rendered shops it was not taught on.

Box figures follow COCO at one overlap (0.5, all points under the curve), keypoint figures its object keypoint
similarity with its own spreads, averaged over thresholds .50 to .95. Somebody of whom next to nothing can be seen is
neither expected nor wrong.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import cv2
import numpy as np

from openaisle.core.messages import JOINTS, WRISTS, CameraDetections, Frame
from openaisle.detections import crops, decode
from openaisle.detections.people import PeopleDetector, PeopleSettings
from openaisle.detections.runtime import RuntimeSettings
from openaisle.learning.average_precision import BoxTally, average_precision
from openaisle.learning.people_families import CAMERA_ANGLE, PeopleCases
from openaisle.learning.reliability import Head, reliability
from openaisle.learning.report import Report, store_seeds
from openaisle.learning.synthesise import Sight, SynthesiseSettings, clipped_box, is_judged, sights
from openaisle.sim.labels import HIDDEN, VISIBLE, PersonLabel

OKS_SIGMAS: Final = np.array(
    [
        0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087,
        0.089, 0.089,
    ]
)  # fmt: skip
JOINT_NEAR: Final = 0.06
"""A joint is right within this share of its window's side: what `keypoint confidence` is the probability of."""


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Stores to measure on, by seed."""

    first_store: int = 9000
    stores: int = 8
    cameras: int = 5
    frames: int = 10
    light: float = 1.0  # of what the cameras would have seen, empty shop and all

    def as_settings(self) -> SynthesiseSettings:
        return SynthesiseSettings(
            first_store=self.first_store, stores=self.stores, cameras=self.cameras, frames=self.frames
        )


@dataclass(frozen=True, kw_only=True)
class PeopleFigures:
    """What was measured. px are of 640x360 frames."""

    frames: int
    people: int  # expected: enough of them can be seen
    recall: float
    recall_clear: float  # of those of whom at least 60 % can be seen
    precision: float
    false_people_per_frame: float
    box_ap50: float
    keypoint_ap: float
    keypoint_ap50: float
    wrist_px_median: float  # of wrists that can be seen, of people that were found
    wrist_px_p90: float
    wrist_cell_share: float  # of those within 6 % of the window's side
    hidden_wrist_px_median: float
    joint_px_median: dict[str, float]
    sides_right: float  # of shoulder and wrist pairs well apart: the person's own left is called left
    confidence_error: float  # mean gap between confidence and how often it was right, over ten bins
    score_error: float
    visible_right: float  # of joints in the picture: called in view when they are, hidden when they are not
    visible_error: float  # calibration error of that


def evaluate(
    runtime: RuntimeSettings, held_out: HeldOut, report: Callable[[int], None] = lambda _: None
) -> PeopleFigures:
    """Run the detector on every frame of the held-out stores. `report` hears the number of finished stores."""
    return tallied(runtime, held_out, report).figures()


def examine(
    runtime: RuntimeSettings, held_out: HeldOut, report: Callable[[int], None] = lambda _: None
) -> Report:
    """The same by family, with reliability and mistakes to look at."""
    tally = tallied(runtime, held_out, report)
    return reported(tally, store_seeds(held_out.first_store, held_out.stores), asdict(held_out))


def reported(
    tally: PeopleTally, on: str, held_out: Mapping[str, Any], *, knows_cameras: bool = True
) -> Report:
    """A tally as a report. `knows_cameras`: where they hang, so that it can say from how steep above."""
    figures = tally.figures()
    families = [each for each in tally.cases.families() if knows_cameras or each.name != CAMERA_ANGLE]
    return Report(
        subject="People",
        on=on,
        held_out=held_out,
        figures=asdict(figures),
        lines=lines(figures),
        families=families,
        heads=tally.heads(),
        examples=tally.cases.examples(),
    )


def tallied(
    runtime: RuntimeSettings, held_out: HeldOut, report: Callable[[int], None] = lambda _: None
) -> PeopleTally:
    """What the detector says of every frame of the held-out stores, against what is there."""
    tally = PeopleTally()
    settings = PeopleSettings(runtime=runtime, score_min=0.02)
    wanted = PeopleDetector([], settings=PeopleSettings(runtime=runtime)).score_min
    for done in range(held_out.stores):
        for sight, detections in detected(held_out.first_store + done, held_out, settings):
            tally.add(sight, detections, wanted)
        report(done + 1)
    return tally


def evaluate_walks(runtime: RuntimeSettings, sights_at: Iterable[list[Sight]]) -> tuple[PeopleFigures, float]:
    """The same for a shop's cameras over time (`people_walks.walks`): figures, and milliseconds of a frame."""
    tally = PeopleTally()
    wanted = PeopleDetector([], settings=PeopleSettings(runtime=runtime)).score_min
    detector: PeopleDetector | None = None
    frames, taken_s = 0, 0.0
    for sights_now in sights_at:
        if detector is None:
            cameras = [sight.camera for sight in sights_now]
            detector = PeopleDetector(cameras, settings=PeopleSettings(runtime=runtime))
            empty = {sight.camera.camera_id: sight.empty for sight in sights_now}
            detector.show_empty(empty, sights_now[0].at_ns)
        now = [Frame(sight.camera.camera_id, sight.at_ns, sight.at_ns, sight.pixels) for sight in sights_now]
        started = time.perf_counter()
        detections = detector.detect(now)
        taken_s += time.perf_counter() - started
        frames += len(now)
        for sight, each in zip(sights_now, detections, strict=True):
            tally.add(sight, each, wanted)
    return tally.figures(), 1e3 * taken_s / max(frames, 1)


def detected(seed: int, held_out: HeldOut, settings: PeopleSettings) -> list[tuple[Sight, CameraDetections]]:
    """One store's frames and what the detector says of each, seen on its own with the empty picture known."""
    found: list[tuple[Sight, CameraDetections]] = []
    detector: PeopleDetector | None = None
    camera_id = ""
    for sight in sights(seed, held_out.as_settings()):
        if detector is None or sight.camera.camera_id != camera_id:
            camera_id = sight.camera.camera_id
            detector = PeopleDetector([sight.camera], settings=settings)
        # Every scene is new: nobody is where somebody was, and the goods stand as they stood at first.
        empty, pixels = (
            np.asarray(cv2.convertScaleAbs(each, alpha=held_out.light), np.uint8)
            for each in (sight.empty, sight.pixels)
        )
        detector.show_empty({camera_id: empty}, sight.at_ns)
        frame = Frame(camera_id, sight.at_ns, sight.at_ns, pixels)
        found.append((sight, detector.detect([frame])[0]))
    return found


def picture_size(sight: Sight) -> tuple[int, int]:
    """Width and height in px."""
    return sight.pixels.shape[1], sight.pixels.shape[0]


class PeopleTally:
    """Matches of people found and people there, over all frames."""

    def __init__(self) -> None:
        self.cases = PeopleCases()
        self._frames = 0
        self._expected = 0
        self._poses = BoxTally()
        self._clear = self._clear_found = 0
        self._rows: list[tuple[float, bool]] = []  # score, box right
        self._found_wanted = self._false_wanted = 0
        self._joints: list[
            tuple[int, int, float, float, float]
        ] = []  # joint, state, px, window share, confidence
        self._sides: list[bool] = []
        self._visible: list[tuple[float, bool]] = []  # said, is

    def add(self, sight: Sight, detections: CameraDetections, score_min: float) -> None:
        self._frames += 1
        truth = np.array(
            [clipped_box(each, *picture_size(sight)) for each in sight.people], np.float32
        ).reshape(-1, 4)
        judged = np.array([is_judged(each) for each in sight.people], bool)
        clear = np.array([each.visible_fraction >= 0.6 for each in sight.people], bool) & judged
        self._expected += int(judged.sum())
        has_joints = np.array([each.keypoints_px[:, 2].any() for each in sight.people], bool)
        alike = similarities(sight.people, detections.keypoints_image_px)
        self._poses.add(
            detections.boxes_image_px,
            pose_scores(detections),
            truth,
            judged & has_joints,
            np.nan_to_num(alike),
        )
        self._clear += int(clear.sum())
        overlap = decode.overlaps(detections.boxes_image_px, truth)
        taken = np.zeros(len(truth), bool)
        found: dict[int, tuple[int, float]] = {}  # of each person reported: row and similarity
        false_rows: list[int] = []
        for row in np.argsort(-detections.scores, kind="stable"):
            score = float(detections.scores[row])
            free = np.where(taken, 0.0, overlap[row]) if len(truth) else np.zeros(0)
            best = int(free.argmax()) if len(free) else -1
            is_match = best >= 0 and free[best] >= 0.5
            if is_match:
                taken[best] = True
            if is_match and not judged[best]:
                continue
            # What lies mostly on somebody who is not judged is not wrong either.
            if not is_match and len(truth) and overlap[row][~judged].max(initial=0.0) > 0.3:
                continue
            similar = float(alike[row, best]) if is_match else 0.0
            self._rows.append((score, is_match))
            if score < score_min:
                continue
            self._found_wanted += is_match
            self._false_wanted += not is_match
            if not is_match:
                false_rows.append(int(row))
            else:
                found[best] = (int(row), similar)
                self._clear_found += bool(clear[best])
                self._add_joints(sight.people[best], detections, int(row))
        self.cases.add_frame(sight, detections, false_rows)
        for at in np.flatnonzero(judged).tolist():
            row, similar = found.get(at, (None, float("nan")))
            self.cases.add_person(sight, sight.people[at], truth[at], detections, row, similar)

    def _add_joints(self, label: PersonLabel, detections: CameraDetections, row: int) -> None:
        box = detections.boxes_image_px[row]
        side = float((box[2:] - box[:2]).max()) * crops.WINDOW_MARGIN
        found, truth = detections.keypoints_image_px[row], label.keypoints_px
        if not truth[:, 2].any():
            return
        distance = np.linalg.norm(found[:, :2] - truth[:, :2], axis=1)
        for joint in range(len(JOINTS)):
            state = int(truth[joint, 2])
            px = float(distance[joint]) if state else float("inf")
            self._joints.append((joint, state, px, px / side, float(found[joint, 2])))
            if state and detections.visibility.shape[1]:
                self._visible.append((float(detections.visibility[row, joint]), state == VISIBLE))
        for left, right in ((5, 6), WRISTS):
            apart = np.linalg.norm(truth[left, :2] - truth[right, :2])
            if truth[left, 2] and truth[right, 2] and apart > 0.12 * side:
                straight = distance[left] + distance[right]
                crossed = np.linalg.norm(found[left, :2] - truth[right, :2])
                crossed += np.linalg.norm(found[right, :2] - truth[left, :2])
                self._sides.append(bool(straight < crossed))

    def scores(self) -> tuple[np.ndarray, np.ndarray, int]:
        """Score [n] of all who were reported at any score, whether it was somebody [n], and how many were there."""
        scores, is_right = ([row[column] for row in self._rows] for column in (0, 1))
        return np.array(scores), np.array(is_right, bool), self._expected

    def heads(self) -> list[Head]:
        """Person score, joint confidence and sight; of wrists once more, because hands decide what is charged."""
        scores, is_right, _ = self.scores()
        joints = np.array(self._joints).reshape(-1, 5)
        wrist = joints[np.isin(joints[:, 0], WRISTS)]
        said, is_visible = np.array(self._visible).reshape(-1, 2).T
        return [
            reliability("person score", scores, is_right),
            reliability("joint confidence", joints[:, 4], joints[:, 3] <= JOINT_NEAR),
            reliability("wrist confidence", wrist[:, 4], wrist[:, 3] <= JOINT_NEAR),
            reliability("joint in view", said, is_visible.astype(bool)),
        ]

    def figures(self) -> PeopleFigures:
        joints = np.array(self._joints).reshape(-1, 5)
        is_wrist = np.isin(joints[:, 0], WRISTS)
        seen, hidden = joints[:, 1] == VISIBLE, joints[:, 1] == HIDDEN
        wrist = joints[is_wrist & seen]
        rows = sorted(self._rows, key=lambda row: -row[0])
        scores = np.array([row[0] for row in rows])
        is_right = np.array([row[1] for row in rows])
        found = self._found_wanted
        said, is_visible = np.array(self._visible).reshape(-1, 2).T
        poses = self._poses.figures(0.0)
        return PeopleFigures(
            frames=self._frames,
            people=self._expected,
            recall=_rounded(found / max(self._expected, 1)),
            recall_clear=_rounded(self._clear_found / max(self._clear, 1)),
            precision=_rounded(found / max(found + self._false_wanted, 1)),
            false_people_per_frame=_rounded(self._false_wanted / max(self._frames, 1)),
            box_ap50=_rounded(average_precision(is_right, self._expected)),
            keypoint_ap=poses.ap,
            keypoint_ap50=poses.ap50,
            wrist_px_median=_quantile(wrist[:, 2], 0.5),
            wrist_px_p90=_quantile(wrist[:, 2], 0.9),
            wrist_cell_share=_mean(wrist[:, 3] <= JOINT_NEAR),
            hidden_wrist_px_median=_quantile(joints[is_wrist & hidden][:, 2], 0.5),
            joint_px_median={
                name: _quantile(joints[(joints[:, 0] == index) & seen][:, 2], 0.5)
                for index, name in enumerate(JOINTS)
            },
            sides_right=_mean(np.array(self._sides)),
            confidence_error=_rounded(_calibration_error(joints[:, 4], joints[:, 3] <= JOINT_NEAR)),
            score_error=_rounded(_calibration_error(scores, is_right)),
            visible_right=_rounded(float(((said >= 0.5) == is_visible).mean())) if len(said) else 0.0,
            visible_error=_rounded(_calibration_error(said, is_visible)) if len(said) else 0.0,
        )


def pose_scores(detections: CameraDetections) -> np.ndarray:
    """What orders poses [n]: how right the detector expects the joints to be; where it cannot tell, that it is a person
    times the mean confidence of the joints (Sun et al. 2019, HRNet)."""
    if len(detections.pose_scores):
        return detections.pose_scores
    return detections.scores * detections.keypoints_image_px[:, :, 2].mean(axis=1)


def similarities(people: Sequence[PersonLabel], found: np.ndarray) -> np.ndarray:
    """COCO's object keypoint similarity of poses found [n, 17, 3] to people [n, m], over the joints in the picture,
    scaled by the body's whole box; NaN of people none of whose joints is labelled."""
    truth = np.stack([each.keypoints_px for each in people]) if people else np.zeros((0, len(JOINTS), 3))
    boxes = np.array([each.amodal_box_px for each in people], float).reshape(-1, 4)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) * 0.53  # COCO's area is the outline's
    counts = truth[:, :, 2] > 0
    squared = ((found[:, None, :, :2] - truth[None, :, :, :2]) ** 2).sum(axis=3)
    alike = np.exp(-squared / (2 * area[None, :, None] * (2 * OKS_SIGMAS) ** 2))
    with np.errstate(invalid="ignore"):
        return np.where(counts, alike, 0.0).sum(axis=2) / counts.sum(axis=1)


def _calibration_error(said: np.ndarray, is_right: np.ndarray) -> float:
    return reliability("", said, is_right).error


def _quantile(values: np.ndarray, share: float) -> float:
    return _rounded(float(np.quantile(values, share))) if len(values) else math.nan


def _mean(values: np.ndarray) -> float:
    return _rounded(float(values.mean())) if len(values) else math.nan


def _rounded(value: float) -> float:
    return round(value, 3)


def figures_json(figures: PeopleFigures, held_out: HeldOut) -> dict[str, Any]:
    """For programs."""
    return {**asdict(figures), "held_out": asdict(held_out)}


def lines(figures: PeopleFigures) -> Sequence[tuple[str, str]]:
    """Figures as (what, how much), for people to read."""
    return [
        ("frames, people to find", f"{figures.frames}, {figures.people}"),
        ("people found", f"{figures.recall:.1%} ({figures.recall_clear:.1%} of those clearly in view)"),
        ("false people per frame", f"{figures.false_people_per_frame:.3f}"),
        ("box AP50", f"{figures.box_ap50:.3f}"),
        ("keypoint AP (OKS .50:.95), AP50", f"{figures.keypoint_ap:.3f}, {figures.keypoint_ap50:.3f}"),
        ("wrist in view: median, p90", f"{figures.wrist_px_median:.1f} px, {figures.wrist_px_p90:.1f} px"),
        ("wrist in view within 6 % of the window", f"{figures.wrist_cell_share:.1%}"),
        ("hidden wrist: median", f"{figures.hidden_wrist_px_median:.1f} px"),
        ("own left called left", f"{figures.sides_right:.1%}"),
        ("in view or hidden told right", f"{figures.visible_right:.1%}"),
        (
            "calibration error: joints, people, in view",
            f"{figures.confidence_error:.3f}, {figures.score_error:.3f}, {figures.visible_error:.3f}",
        ),
    ]
