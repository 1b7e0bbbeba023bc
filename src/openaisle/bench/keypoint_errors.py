"""How far keypoints lie off, by what the network says of them: what the tracker reckons with, fitted again.

A keypoint's error is Student's t about the true joint's pixel, as wide as a share of the person's size times a power of
the doubt (1.02 minus the confidence): two numbers a joint, by maximum likelihood.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment, minimize

from openaisle.core.messages import JOINTS, CameraDetections
from openaisle.store.schema import Camera
from openaisle.tracks.sightings import DOUBT_AT_SURE, KEYPOINT_SD_PX_MIN

Floats = NDArray[np.float64]

MATCH_SHARE_MAX: Final = 0.2
"""Keypoints that lie farther off than this share of the person's size on average show somebody else."""
FAR_SHARE: Final = 0.6  # farther is as bad
CONFIDENCE_MIN: Final = 0.05
FREEDOM: Final = 3.0  # degrees of, of Student's t
FIRST_GUESS: Final = (-2.0, 0.8)


class KeypointErrors:
    """Errors of all keypoints of a film, by joint."""

    def __init__(self) -> None:
        self._rows: list[Floats] = []  # [keypoints, 4] joint, confidence, px off, px of the person's size

    def add(self, seen: CameraDetections, camera: Camera, bodies_floor_m: Floats) -> None:
        """A frame, and the true joints [bodies, 24, 3] at its moment."""
        keypoints = seen.keypoints_image_px.astype(np.float64)
        if not len(keypoints) or not len(bodies_floor_m):
            return
        count = len(JOINTS)
        true_px = camera.project(bodies_floor_m[:, :count].reshape(-1, 3)).reshape(-1, count, 2)
        sides = (seen.boxes_image_px[:, 2:] - seen.boxes_image_px[:, :2]).astype(np.float64)
        size_px = np.sqrt(np.maximum(sides.prod(axis=1), 1.0))
        off_px = np.linalg.norm(keypoints[:, None, :, :2] - true_px[None], axis=3)
        shares = np.minimum(np.nan_to_num(off_px / size_px[:, None, None], nan=FAR_SHARE), FAR_SHARE)
        trust = keypoints[:, :, 2]
        apart = np.einsum("nbj,nj->nb", shares, trust) / np.maximum(trust.sum(axis=1), 1e-6)[:, None]
        for row, body in zip(*linear_sum_assignment(apart), strict=True):
            if apart[row, body] < MATCH_SHARE_MAX:
                size = np.full(count, size_px[row])
                columns = [np.arange(count, dtype=np.float64), trust[row], off_px[row, body], size]
                self._rows.append(np.stack(columns, axis=1))

    def figures(self) -> dict[str, Any]:
        """Of each kind of joint, left and right together: how many, their median error, share and power."""
        table = np.concatenate(self._rows) if self._rows else np.zeros((0, 4))
        kind_of = np.array([joint.removeprefix("left_").removeprefix("right_") for joint in JOINTS])
        kinds = kind_of[table[:, 0].astype(int)]
        return {kind: _of_kind(table[kinds == kind]) for kind in dict.fromkeys(kinds.tolist())}


def _of_kind(rows: Floats) -> dict[str, Any]:
    known = np.isfinite(rows[:, 2]) & (rows[:, 1] >= CONFIDENCE_MIN) & (rows[:, 2] < rows[:, 3])
    confidence, off_px, size_px = rows[known, 1:].T
    share, power = fitted(confidence, off_px, size_px)
    return {
        "n": int(known.sum()),
        "off_px": round(float(np.median(off_px)), 2),
        "share": round(share, 3),
        "power": round(power, 2),
    }


def fitted(confidence: Floats, off_px: Floats, size_px: Floats) -> tuple[float, float]:
    """Share of the size and power of the doubt [n] under which errors [n] are likeliest."""
    log_doubt = np.log(DOUBT_AT_SURE + 1.0 - confidence)

    def surprise(numbers: Floats) -> float:
        variance = KEYPOINT_SD_PX_MIN**2 + (size_px * np.exp(numbers[0] + numbers[1] * log_doubt)) ** 2
        tail = 0.5 * (FREEDOM + 2.0) * np.log1p(off_px**2 / variance / FREEDOM)
        return float(np.mean(np.log(variance) + tail))

    found = minimize(surprise, np.array(FIRST_GUESS)).x
    return float(np.exp(found[0])), float(found[1])
