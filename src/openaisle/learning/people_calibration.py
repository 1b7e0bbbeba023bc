"""What is fitted on stores apart, once the people networks are trained: it travels in the models' metadata.

Logistic curves for person score, joint confidence and sight (Platt 1999), the usual look, and the small network that
reads whole bodies' boxes and the worth of poses (`detections.bodies`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from openaisle.core.messages import JOINTS
from openaisle.detections import decode
from openaisle.detections.bodies import Bodies
from openaisle.detections.crops import Floats
from openaisle.detections.people import PeopleSettings
from openaisle.detections.people_networks import SCORE_MIN, Calibration, joint_terms
from openaisle.learning.evaluate import JOINT_NEAR
from openaisle.learning.logistic import logistic
from openaisle.learning.people_proposals import Proposals
from openaisle.sim.labels import VISIBLE, PersonLabel

_MATCH_OVERLAP: Final = 0.5


def calibrate(frames: Sequence[Proposals], bodies: Bodies | None) -> dict[str, Any]:
    """Metadata of the keypoint network. Joints and looks are calibrated on people who are sure enough to be reported.

    `bodies`: what reads whole bodies' boxes; None: they stay as proposed.
    """
    reader = replace(Calibration.of({}), bodies=bodies)
    person_terms: list[Floats] = []
    is_person: list[bool] = []
    match_terms: list[Floats] = []
    terms_of: list[Floats] = []
    joint_near: list[Floats] = []
    visible_logits: list[Floats] = []
    states: list[np.ndarray] = []
    looks: list[Floats] = []
    for each in frames:
        seen, people, judged = each.seen, each.people, each.is_judged
        boxes_px, _ = reader.whole_bodies(each.boxes_px, each.heats, each.windows_px, seen, each.size_px)
        matches = each.matches(boxes_px, _MATCH_OVERLAP)
        terms_seen = joint_terms(seen.mass, seen.spread_cells, seen.visible_logits)
        for row in decode.suppress(boxes_px, each.heats, PeopleSettings.overlap_max).tolist():
            match = matches[row]
            if match is not None and not judged[match]:
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
            joint_near.append(_is_near(people[match], each.points_px[row], each.windows_px[row, 2]))
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
    } | ({} if bodies is None else bodies.as_metadata())


def _is_near(label: PersonLabel, points_px: Floats, window_side_px: float) -> Floats:
    distance_px = np.linalg.norm(points_px - label.keypoints_px[:, :2], axis=1)
    return ((distance_px <= JOINT_NEAR * window_side_px) & (label.keypoints_px[:, 2] > 0)).astype(np.float32)
