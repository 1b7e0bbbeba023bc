"""People followed over calibrated cameras, as a library: boxes or keypoints in, places on the floor out.

The engine is the live path's (`Crowd`) without gates, scales and visits: anybody may appear anywhere, who is lost is
looked for among those who appear, and cameras are not taken at their word but weighed by how far they stray.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openaisle.core.errors import InputError
from openaisle.core.messages import JOINTS, CameraDetections
from openaisle.core.units import NS_PER_S
from openaisle.store.schema import Camera
from openaisle.tracks.coverage import Coverage
from openaisle.tracks.crowd import Crowd
from openaisle.tracks.crowd_settings import CrowdSettings

Floats = NDArray[np.float64]

KEYPOINT_SEEN: Final = 0.05
NEWCOMER_NS: Final = 2 * NS_PER_S  # who appeared as recently may be somebody who was lost
FREE_FLOOR: Final = CrowdSettings(
    learns_cameras=True,
    views_share=0.5,
    found_cost_max=4.0,
    found_at_once_cost_max=2.0,
    continuity_weight=2.0,
    hidden_ns_max=15 * NS_PER_S,
)
"""No gates and no plan: nothing says where people come from, so agreement of the cameras has to."""


class FloorTracker:
    """Who is where on one floor. Feed it one moment of all cameras after another.

    >>> tracker = FloorTracker(load_cameras("cameras.toml"), fps=10)
    >>> tracker.update([boxes_of_first_camera, boxes_of_second_camera])  # [[x_m, y_m, id], ...]
    """

    def __init__(self, cameras: Sequence[Camera], fps: float, settings: CrowdSettings | None = None) -> None:
        """`cameras` in the order in which `update` gets what they saw; `fps` moments a second."""
        if not cameras:
            raise InputError("nobody can be followed without cameras", field="cameras", expected="at least 1")
        if not 0.5 <= fps <= 240.0:
            raise InputError("not a frame rate", field="fps", expected="0.5 to 240", found=fps)
        ids = [camera.camera_id for camera in cameras]
        if len(set(ids)) < len(ids):
            raise InputError(
                "two cameras have the same id", field="cameras", expected="ids that differ", found=ids
            )
        self._camera_ids = tuple(ids)
        self._period_ns = round(NS_PER_S / fps)
        self._crowd = Crowd(cameras, Coverage.of_cameras(cameras), settings=settings or FREE_FLOOR)
        self._now_ns = 0

    def update(self, detections: Sequence[ArrayLike]) -> Floats:
        """What every camera saw at the next moment, in the order of the cameras; who is where then.

        Of each camera either boxes [n, 5] x1 y1 x2 y2 score, or keypoints [n, 17, 3] x y confidence (COCO's joints,
        confidence 0 where not seen), in pixels of its picture; an empty list where it saw nobody. Cameras may differ.
        Returns [m, 3] x_m y_m id in the cameras' floor frame, ordered by id; ids are whole numbers from 1 and never
        given twice. Raises InputError if an array has another shape or holds what is not a number.
        """
        if len(detections) != len(self._camera_ids):
            raise InputError(
                "one array is needed for each camera",
                field="detections",
                expected=f"{len(self._camera_ids)} arrays",
                found=len(detections),
            )
        self._now_ns += self._period_ns
        seen = [
            _frame(camera_id, array, self._now_ns)
            for camera_id, array in zip(self._camera_ids, detections, strict=True)
        ]
        frames = sorted(seen, key=lambda frame: frame.camera_id)
        crowd = self._crowd
        crowd.step(frames, self._now_ns)
        newcomers = [
            person
            for person in crowd.people
            if person.is_believed and self._now_ns - person.born_ns < NEWCOMER_NS
        ]
        if newcomers:
            crowd.rejoin(newcomers, self._now_ns)
        rows = [
            (*person.position_floor_m, float(person.track_id[1:]))
            for person in [*crowd.people, *crowd.hidden]
            if person.is_believed
        ]
        return np.array(sorted(rows, key=lambda row: row[2]), np.float64).reshape(-1, 3)


def _frame(camera_id: str, array: ArrayLike, now_ns: int) -> CameraDetections:
    """What one camera saw as a message."""
    seen = np.asarray(array, np.float64)
    if not seen.size:
        boxes, scores, keypoints = np.zeros((0, 4)), np.zeros(0), np.zeros((0, len(JOINTS), 3))
    elif seen.ndim == 2 and seen.shape[1] == 5:
        boxes, scores = seen[:, :4], seen[:, 4]
        keypoints = np.zeros((len(seen), len(JOINTS), 3))
    elif seen.shape[1:] == (len(JOINTS), 3):
        keypoints = seen
        is_seen = keypoints[:, :, 2:] > KEYPOINT_SEEN
        low = np.where(is_seen, keypoints[:, :, :2], np.inf).min(axis=1)
        high = np.where(is_seen, keypoints[:, :, :2], -np.inf).max(axis=1)
        boxes = np.where(is_seen.any(axis=1), np.concatenate([low, high], axis=1), 0.0)
        scores = np.ones(len(seen))
    else:
        raise InputError(
            f"camera {camera_id}: an array of this shape is neither boxes nor keypoints",
            field="detections",
            expected="[n, 5] or [n, 17, 3]",
            found=seen.shape,
        )
    if not np.isfinite(seen).all():
        raise InputError(
            f"camera {camera_id}: something is not a number", field="detections", expected="finite numbers"
        )
    return CameraDetections(
        camera_id=camera_id,
        captured_ns=now_ns,
        received_ns=now_ns,
        boxes_image_px=boxes,
        scores=scores,
        keypoints_image_px=keypoints,
        appearance=np.zeros((len(scores), 0)),
    )
