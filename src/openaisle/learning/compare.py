"""Two people models on the same labelled frames: better, worse, or nobody can tell; by what makes frames hard.

Both look at every held-out frame. Joints' average precision is COCO's, by the similarity of joints (OKS .50:.95) of the
person that a box is about; people whose joints nobody labelled are left out of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.core.messages import CameraDetections
from openaisle.detections import decode
from openaisle.detections.people import PeopleDetector, PeopleSettings
from openaisle.detections.runtime import RuntimeSettings
from openaisle.labels.dataset import HELD_OUT, PERSON
from openaisle.labels.edge_cases import CROWDING, LIGHT, OCCLUSION, EdgeCases
from openaisle.learning.average_precision import OVERLAPS, drawn_precision
from openaisle.learning.compared import ALL, Compared, Interval, drawings, interval
from openaisle.learning.evaluate import picture_size, similarities
from openaisle.learning.store_sights import SCORE_MIN, StoreSight, detected, sights_of, visit_of
from openaisle.learning.synthesise import clipped_box, is_judged

BOXES: Final = "box AP50"
JOINTS: Final = "joints' AP"
DECIDING: Final = (BOXES, JOINTS)
"""Figures that a verdict is about."""
_OVERLAP_MIN: Final = 0.5
_ON_IGNORED: Final = 0.3
_SMALL_PX: Final = 100.0

Report = Callable[[int], None]


@dataclass(frozen=True)
class _Frame:
    """What one model said of one frame, and who was there."""

    group: str
    scores: NDArray[np.float64]  # [n] of all who count, right or wrong
    is_right: NDArray[np.bool_]  # [n]
    person_of: NDArray[np.int64]  # [n] row of the person, -1 nobody
    similar: NDArray[np.float64]  # [n] of joints, 0..1; NaN where nobody labelled them, -1 where it is nobody
    families: Sequence[frozenset[str]]  # of each person expected
    has_joints: NDArray[np.bool_]  # of each person expected: somebody labelled them
    frame_families: frozenset[str]  # false people count in these
    wrists_px: Sequence[tuple[float, ...]]  # of each person expected: errors of wrists in view, where found


def compare(
    folder: Path,
    new: RuntimeSettings,
    old: RuntimeSettings,
    *,
    split: str = HELD_OUT,
    seed: int = 1,
    report: Report = lambda _: None,
) -> list[Compared]:
    """By family, ALL first. Raises InputError where the data set has no checked frames of that split."""
    dataset, frames = sights_of(folder, split)
    edge_cases = EdgeCases(dataset)
    tallies: list[list[_Frame]] = []
    wanted: list[float] = []
    for place, runtime in enumerate((new, old)):
        wanted.append(PeopleDetector([], settings=PeopleSettings(runtime=runtime)).score_min)
        settings = PeopleSettings(runtime=runtime, score_min=SCORE_MIN)
        seen = detected(
            folder, dataset, frames, settings, lambda done, at=place: report(at * len(frames) + done)
        )
        tallies.append([_tallied(each, found, edge_cases, wanted[-1]) for each, found in seen])
    return [
        _compared(family, tallies[0], tallies[1], wanted, np.random.default_rng([seed, number]))
        for number, family in enumerate((ALL, OCCLUSION, CROWDING, LIGHT, f"below {_SMALL_PX:.0f} px"))
        if any(_people(frame, family) for frame in tallies[0])
    ]


def precisions(folder: Path, runtime: RuntimeSettings, split: str) -> tuple[dict[str, float], int]:
    """DECIDING figures of one model on a split, and of how many people: for the loss that cheaper numbers bring."""
    dataset, frames = sights_of(folder, split)
    settings = PeopleSettings(runtime=runtime, score_min=SCORE_MIN)
    edge_cases = EdgeCases(dataset)
    seen = detected(folder, dataset, frames, settings)
    frames_seen = [_tallied(each, found, edge_cases, SCORE_MIN) for each, found in seen]
    measured, once = _Measured(frames_seen, ALL, SCORE_MIN), np.ones(len(_groups(frames_seen)))
    people = sum(_people(frame, ALL) for frame in frames_seen)
    return {BOXES: measured.ap50(once), JOINTS: measured.joints_ap(once)}, people


def _tallied(each: StoreSight, found: CameraDetections, edge_cases: EdgeCases, score_min: float) -> _Frame:
    """Each detection takes the best person still free; those not judged are neither expected nor wrong."""
    sight, frame = each.sight, each.frame
    labels = [label for label in frame.labels if label.kind == PERSON]
    truth = np.array([clipped_box(person, *picture_size(sight)) for person in sight.people], np.float32)
    truth = truth.reshape(-1, 4)
    judged = np.array([is_judged(person) for person in sight.people], bool)
    overlap = decode.overlaps(found.boxes_image_px, truth)
    alike = similarities(sight.people, found.keypoints_image_px)
    expected_row = np.cumsum(judged) - 1
    free = np.ones(len(truth), bool)
    scores: list[float] = []
    person_of: list[int] = []
    similar: list[float] = []
    wrists: dict[int, tuple[float, ...]] = {}
    for row in np.argsort(-found.scores, kind="stable").tolist():
        candidates = np.where(free, overlap[row], 0.0) if len(truth) else np.zeros(0)
        best = int(candidates.argmax()) if len(candidates) else -1
        is_match = best >= 0 and candidates[best] >= _OVERLAP_MIN
        if is_match:
            free[best] = False
            if not judged[best]:
                continue
        elif len(truth) and overlap[row][~judged].max(initial=0.0) > _ON_IGNORED:
            continue
        scores.append(float(found.scores[row]))
        person_of.append(int(expected_row[best]) if is_match else -1)
        similar.append(float(alike[row, best]) if is_match else -1.0)
        if is_match and found.scores[row] >= score_min:
            wrists[int(expected_row[best])] = _wrist_errors(sight.people[best].keypoints_px, found, row)
    families = [
        edge_cases.of_label(frame, label) | _size_family(box)
        for label, box, counts in zip(labels, truth, judged, strict=True)
        if counts
    ]
    light = frozenset({LIGHT}) if edge_cases.has_odd_light(frame) else frozenset[str]()
    people = np.array(person_of, np.int64)
    return _Frame(
        group=visit_of(frame),
        scores=np.array(scores, np.float64),
        is_right=people >= 0,
        person_of=people,
        similar=np.array(similar, np.float64),
        families=families,
        has_joints=np.array([person.keypoints_px[:, 2].any() for person in sight.people], bool)[judged],
        frame_families=light | {ALL},
        wrists_px=[wrists.get(at, ()) for at in range(len(families))],
    )


def _wrist_errors(truth_px: NDArray[np.floating], found: CameraDetections, row: int) -> tuple[float, ...]:
    errors = [
        float(np.linalg.norm(found.keypoints_image_px[row, joint, :2] - truth_px[joint, :2]))
        for joint in (9, 10)
        if truth_px[joint, 2] == 2
    ]
    return tuple(errors)


def _size_family(box_px: NDArray[np.floating]) -> frozenset[str]:
    is_small = float((box_px[2:] - box_px[:2]).max()) < _SMALL_PX
    return frozenset({f"below {_SMALL_PX:.0f} px"}) if is_small else frozenset()


def _is_in(frame: _Frame, person: int, family: str) -> bool:
    return family == ALL or family in frame.families[person]


def _people(frame: _Frame, family: str) -> int:
    return sum(_is_in(frame, at, family) for at in range(len(frame.families)))


class _Measured:
    """A family's figures of one model, where each visit counts as often as it was drawn."""

    def __init__(self, frames: Sequence[_Frame], family: str, score_min: float) -> None:
        place = {name: at for at, name in enumerate(_groups(frames))}
        self._expected = np.zeros(len(place))
        self._with_joints = np.zeros(len(place))
        self._found, self._false, self._frames = (np.zeros(len(place)) for _ in range(3))
        scores: list[NDArray[np.float64]] = []
        right: list[NDArray[np.bool_]] = []
        similar: list[NDArray[np.float64]] = []
        groups: list[NDArray[np.int64]] = []
        wrists: list[tuple[float, int]] = []
        for frame in frames:
            at = place[frame.group]
            members = np.array([_is_in(frame, row, family) for row in range(len(frame.families))], bool)
            self._expected[at] += members.sum()
            self._with_joints[at] += (members & frame.has_joints).sum()
            # Of a family, others are not judged; who is nobody counts in frames that have some of it.
            is_own = np.array([row >= 0 and bool(members[row]) for row in frame.person_of.tolist()], bool)
            self._found[at] += (is_own & (frame.scores >= score_min)).sum()
            is_here = bool(members.any()) or family in frame.frame_families
            is_false = (frame.person_of < 0) & is_here
            self._false[at] += (is_false & (frame.scores >= score_min)).sum()
            self._frames[at] += is_here
            counts = is_own | is_false
            scores.append(frame.scores[counts])
            right.append(frame.is_right[counts])
            similar.append(frame.similar[counts])
            groups.append(np.full(int(counts.sum()), at))
            wrists += [(px, at) for row, each in enumerate(frame.wrists_px) if members[row] for px in each]
        every = np.concatenate(scores) if scores else np.zeros(0)
        order = np.argsort(-every, kind="stable")
        self._right = np.concatenate(right)[order] if scores else np.zeros(0, bool)
        self._groups = np.concatenate(groups)[order] if scores else np.zeros(0, np.int64)
        every_similar = np.concatenate(similar)[order] if scores else np.zeros(0)
        self._has_joints = ~np.isnan(every_similar)
        self._near = every_similar[self._has_joints] >= np.array(OVERLAPS)[:, None]
        ordered = sorted(wrists)
        self._wrist_px = np.array([px for px, _ in ordered])
        self._wrist_groups = np.array([at for _, at in ordered], np.int64)

    @property
    def visits(self) -> int:
        """With frames in which the family is judged."""
        return int((self._frames > 0).sum())

    def ap50(self, times: NDArray[np.float64]) -> float:
        """COCO's average precision at overlap 0.5. `times` [visits]: how often each counts."""
        expected = float(times @ self._expected)
        return drawn_precision(self._right[None], times[self._groups], expected)

    def joints_ap(self, times: NDArray[np.float64]) -> float:
        """COCO's average precision of joints, mean over OKS .50:.95."""
        weight = times[self._groups[self._has_joints]]
        return drawn_precision(self._near, weight, float(times @ self._with_joints))

    def found(self, times: NDArray[np.float64]) -> float:
        """Share of people reported."""
        expected = float(times @ self._expected)
        return float(times @ self._found) / expected if expected else math.nan

    def false(self, times: NDArray[np.float64]) -> float:
        """Minus the false people reported a frame."""
        frames = float(times @ self._frames)
        return -float(times @ self._false) / frames if frames else math.nan

    def wrist(self, times: NDArray[np.float64]) -> float:
        """Minus the median error of wrists in view, px: more is better, as of the other figures."""
        weight = np.cumsum(times[self._wrist_groups]) if len(self._wrist_px) else np.zeros(0)
        if not len(weight) or not weight[-1]:
            return math.nan
        return -float(self._wrist_px[int(np.searchsorted(weight, weight[-1] / 2))])


def _groups(frames: Sequence[_Frame]) -> list[str]:
    return sorted({frame.group for frame in frames})


def _compared(
    family: str, new: list[_Frame], old: list[_Frame], wanted: Sequence[float], rng: np.random.Generator
) -> Compared:
    count = len(_groups(new))
    both = _Measured(new, family, wanted[0]), _Measured(old, family, wanted[1])
    groups = both[0].visits
    once = np.ones(count)
    drawn = drawings(count, rng)
    figures: dict[str, Interval] = {}
    for name, measure in (
        (BOXES, _Measured.ap50),
        (JOINTS, _Measured.joints_ap),
        ("found", _Measured.found),
        ("false a frame", _Measured.false),
        ("wrist px", _Measured.wrist),
    ):
        points = measure(both[0], once), measure(both[1], once)
        if not all(map(math.isfinite, points)):
            continue
        gains = [measure(both[0], times) - measure(both[1], times) for times in drawn]
        figures[name] = interval(*points, gains, groups)
    return Compared(
        family=family,
        cases=sum(_people(frame, family) for frame in new),
        frames=sum(_people(frame, family) > 0 for frame in new),
        groups=groups,
        figures=figures,
    )
