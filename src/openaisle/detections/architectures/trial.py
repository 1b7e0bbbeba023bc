"""A model file, looked at: its shapes against those of its architecture, and what it makes of a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from openaisle.core.messages import JOINT_INDEX, JOINTS
from openaisle.detections.architectures import catalogue, clips
from openaisle.detections.architectures.model import BroughtModel, shown
from openaisle.detections.crops import Pixels


def described(model: BroughtModel) -> list[str]:
    """Each input and output as the file has it, and as it should be where an architecture was tried on it."""
    if model.expected is None:
        return [
            f"{what} {number} '{port.name}' {port.dtype} {shown(port.shape)}"
            for what, ports in (("input", model.inputs), ("output", model.outputs))
            for number, port in enumerate(ports)
        ]
    return [
        f"{port}: expected {expected}, found {found}{'' if fits else '  <- does not fit'}"
        for port, expected, found, fits in model.lines(model.expected)
    ]


def tried(model: BroughtModel, name: str, options: Mapping[str, Any], picture: Pixels) -> str:
    """What a file of that architecture says of a picture uint8 [h, w, 3] BGR, in one line.

    Raises ModelError where a shape is not what the architecture has, InputError for an unknown one.
    """
    kind = catalogue.architecture(name)
    made = kind.build(model, options)
    height, width = picture.shape[:2]
    if kind.job == catalogue.PEOPLE:
        people = made.people(picture)
        seen = (people.keypoints_px[:, :, 2] > 0).sum()
        best = f", best {people.scores.max():.2f}" if len(people.scores) else ""
        return f"{len(people.scores)} people{best}, {seen} joints"
    if kind.job == catalogue.JOINTS:
        joints = made.joints(picture, np.array([[0, 0, width, height]], np.float32))[0]
        sure = ", ".join(
            f"{JOINTS[index]} {joints[index, 2]:.2f} at {joints[index, 0]:.0f} {joints[index, 1]:.0f}"
            for index in np.argsort(-joints[:, 2])[:3]
        )
        return f"of the whole picture as one person: {sure}, ..."
    if kind.job == catalogue.HANDS:
        arm = np.zeros((1, len(JOINTS), 3), np.float32)
        arm[0, JOINT_INDEX["right_elbow"]] = (width / 2, height * 1.3, 1)
        arm[0, JOINT_INDEX["right_wrist"]] = (width / 2, height * 0.75, 1)
        hands = made.hands(picture, arm)
        return f"an arm from below: a hand with probability {hands.presence[0]:.2f}"
    if kind.job == catalogue.ACTIONS:
        assert isinstance(made, clips.ClipModel)
        told = made.probabilities([picture])
        best = [f"{made.classes[index]} {told[index]:.2f}" for index in np.argsort(-told)[:3]]
        return f"of {made.frames} times this picture: {', '.join(best)}"
    vector = made.describe([picture])[0]
    return f"{len(vector)} numbers, {np.mean(vector > 0):.0%} of them above 0"
