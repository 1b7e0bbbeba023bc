"""What is fitted on stores apart, once the people networks are trained: it travels in the models' metadata.

Logistic curves for person score, joint confidence and sight (Platt 1999), and the correction from proposed boxes to
whole bodies' boxes (`detections.whole_boxes`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from openaisle.core.messages import JOINTS
from openaisle.detections import crops, decode, whole_boxes
from openaisle.detections.background import Background
from openaisle.detections.crops import Floats, Letterbox, Pixels
from openaisle.detections.people import SCORE_MIN, PeopleNetworks, PeopleSettings, Seen, joint_terms
from openaisle.detections.regions import WHOLE
from openaisle.detections.runtime import RuntimeSettings
from openaisle.learning.evaluate import JOINT_NEAR, HeldOut, picture_size
from openaisle.learning.logistic import logistic
from openaisle.learning.synthesise import Sight, clipped_box, is_judged, sights
from openaisle.sim.labels import VISIBLE, PersonLabel

_NEAR_OVERLAP: Final = 0.3  # from here on a proposal that looks like a person means this one
_MATCH_OVERLAP: Final = 0.5
_BOX_RIDGE: Final = 1.0
_BOX_OFF: Final = 0.05  # of the longer side: larger errors count by their size, not its square (Huber 1964)
_BOX_ROUNDS: Final = 8
_BOX_MOVE_MAX: Final = 1.0  # of the longer side; bodies that reach far out of the picture are cut there


@dataclass(frozen=True)
class _Proposals:
    """What was proposed in one frame, what the keypoint network says of it, and who is there."""

    sight: Sight
    boxes_px: Floats  # [n, 4]
    heats: Floats  # [n]
    points_px: Floats  # [n, 17, 2]
    windows: Floats  # [n, 3]
    seen: Seen
    truth_px: Floats  # [m, 4] in the picture

    def matches(self, boxes_px: Floats, overlap_min: float) -> list[int | None]:
        """Whom each box [n, 4] is about; None where nobody."""
        if not len(self.truth_px):
            return [None] * len(boxes_px)
        overlap = decode.overlaps(boxes_px, self.truth_px)
        best = overlap.argmax(axis=1)
        return [
            int(each) if overlap[row, each] >= overlap_min else None for row, each in enumerate(best.tolist())
        ]


def calibrate(
    runtime: RuntimeSettings,
    held_out: HeldOut,
    report: Callable[[int], None] = lambda _: None,
    *,
    own: Iterable[tuple[Sight, bool]] = (),
) -> dict[str, Any]:
    """Metadata of the keypoint network. Joints and looks are calibrated on people who are sure enough to be reported.

    `own`: sights of the store that it is for, and whether each one's empty picture is known.
    """
    networks = PeopleNetworks(runtime)
    looked: list[_Proposals | None] = []
    for done in range(held_out.stores):
        rendered = sights(held_out.first_store + done, held_out.as_settings())
        looked += [_looked_at(networks, sight, True) for sight in rendered]
        report(done + 1)
    looked += [_looked_at(networks, sight, has_empty) for sight, has_empty in own]
    frames = [each for each in looked if each is not None]
    box_weights = _box_weights(frames)
    person_terms: list[Floats] = []
    is_person: list[bool] = []
    match_terms: list[Floats] = []
    terms_of: list[Floats] = []
    joint_near: list[Floats] = []
    visible_logits: list[Floats] = []
    states: list[np.ndarray] = []
    looks: list[Floats] = []
    for each in frames:
        seen, people = each.seen, each.sight.people
        boxes_px = whole_boxes.corrected(
            each.boxes_px, each.points_px, seen.mass, box_weights, *picture_size(each.sight)
        )
        matches = each.matches(boxes_px, _MATCH_OVERLAP)
        terms_seen = joint_terms(seen.mass, seen.spread_cells, seen.visible_logits)
        for row in decode.suppress(boxes_px, each.heats, PeopleSettings.overlap_max).tolist():
            match = matches[row]
            if match is not None and not is_judged(people[match]):
                continue
            heat = float(np.clip(each.heats[row], 1e-4, 1 - 1e-4))
            person_terms.append(
                np.array([np.log(heat / (1 - heat)), seen.person_logits[row], 1.0], np.float32)
            )
            is_person.append(match is not None)
            if match is None or not people[match].keypoints_px[:, 2].any():
                continue  # nobody, or somebody whose joints nobody labelled
            match_terms.append(person_terms[-1])
            terms_of.append(terms_seen[row])
            joint_near.append(_is_near(people[match], each.points_px[row], each.windows[row, 2]))
            visible_logits.append(seen.visible_logits[row])
            looks.append(seen.looks[row])
            states.append(people[match].keypoints_px[:, 2])
    person = logistic(np.stack(person_terms), np.array(is_person, np.float32))
    is_reported = 1 / (1 + np.exp(-np.stack(match_terms) @ person)) >= SCORE_MIN
    terms, near = np.stack(terms_of)[is_reported], np.stack(joint_near)[is_reported]
    joints = [logistic(terms[:, joint], near[:, joint]) for joint in range(len(JOINTS))]
    state = np.stack(states)[is_reported]
    logits = np.stack(visible_logits)[is_reported][state > 0]
    visible = logistic(
        np.stack([logits, np.ones_like(logits)], axis=1), (state[state > 0] == VISIBLE).astype(np.float32)
    )
    return {
        "visible_weights": np.round(visible, 4).tolist(),
        "person_weights": np.round(person, 4).tolist(),
        "joint_weights": np.round(np.stack(joints), 4).tolist(),
        "look_mean": np.round(np.stack(looks)[is_reported].mean(axis=0).astype(float), 4).tolist(),
        "box_weights": np.round(box_weights.astype(float), 4).tolist(),
        "calibrated_on": asdict(held_out),
    }


def _looked_at(networks: PeopleNetworks, sight: Sight, has_empty: bool) -> _Proposals | None:
    """None where nothing was proposed."""
    letterbox, working, difference, gain = _prepared(sight, has_empty)
    pixels = crops.box_input(working, difference, gain)
    boxes, heats = networks.propose([pixels], [[WHOLE]], 0.05, 24)[0]
    kept = decode.suppress(boxes, heats, PeopleSettings.overlap_max)
    if not len(kept):
        return None
    boxes, heats = boxes[kept] / np.float32(letterbox.scale), heats[kept]
    windows = crops.windows_of_boxes(boxes)
    seen = networks.look(
        np.stack([crops.cut(sight.pixels, working, difference, window, gain=gain) for window in windows])
    )
    truth = [clipped_box(each, *picture_size(sight)) for each in sight.people]
    return _Proposals(
        sight=sight,
        boxes_px=boxes,
        heats=heats,
        points_px=crops.frame_from_crop(seen.points_crop_px, windows),
        windows=windows,
        seen=seen,
        truth_px=np.array(truth, np.float32).reshape(-1, 4),
    )


def _box_weights(frames: list[_Proposals]) -> Floats:
    """Weights [TERMS, 4] of `whole_boxes.corrected`: a ridge, with far errors weighed down (Huber 1964)."""
    terms: list[Floats] = []
    moves: list[Floats] = []
    for each in frames:
        people = each.sight.people
        matches = each.matches(each.boxes_px, _NEAR_OVERLAP)
        rows = [
            row
            for row, match in enumerate(matches)
            if match is not None and is_judged(people[match]) and each.seen.person_logits[row] > 0
        ]
        if not rows:
            continue
        whole = np.stack([people[match].amodal_box_px for row in rows if (match := matches[row]) is not None])
        terms.append(whole_boxes.terms(each.boxes_px[rows], each.points_px[rows], each.seen.mass[rows]))
        moves.append(whole_boxes.targets(each.boxes_px[rows], whole.astype(np.float32)))
    x = np.concatenate(terms).astype(np.float64)
    y = np.concatenate(moves).clip(-_BOX_MOVE_MAX, _BOX_MOVE_MAX).astype(np.float64)
    weights = np.zeros((x.shape[1], 4))
    counts = np.ones(len(x))
    for _ in range(_BOX_ROUNDS):
        counted = x.T * counts
        weights = np.linalg.solve(counted @ x + _BOX_RIDGE * np.eye(x.shape[1]), counted @ y)
        off = np.abs(x @ weights - y).max(axis=1)
        counts = _BOX_OFF / np.maximum(off, _BOX_OFF)
    return weights.astype(np.float32)


def _is_near(label: PersonLabel, points_px: Floats, window_side_px: float) -> Floats:
    distance_px = np.linalg.norm(points_px - label.keypoints_px[:, :2], axis=1)
    return ((distance_px <= JOINT_NEAR * window_side_px) & (label.keypoints_px[:, 2] > 0)).astype(np.float32)


def _prepared(sight: Sight, has_empty: bool) -> tuple[Letterbox, Pixels, Pixels, float]:
    letterbox = Letterbox(*picture_size(sight))
    background = Background()
    if has_empty:
        background.start_from(letterbox.shrink(sight.empty), sight.at_ns)
    working = letterbox.shrink(sight.pixels)
    return letterbox, working, background.compare(working, sight.at_ns), background.gain
