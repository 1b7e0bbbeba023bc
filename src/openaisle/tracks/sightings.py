"""From pixels to rays: all people whom the cameras saw in one window of frames, in the floor frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.core.messages import CameraDetections
from openaisle.core.units import NS_PER_S
from openaisle.store.schema import Camera
from openaisle.tracks.boxes import stand_in_boxes
from openaisle.tracks.triangulate import JOINT_COUNT

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

UNDISTORT_STEPS_MAX: Final = 20
BOX_ONLY_TRUST_MAX: Final = 1.5  # keypoints whose confidences sum to less are as good as none
BOX_SD_OF_SIZE: Final = 0.05  # of a box's edges
BOX_SD_PX_MIN: Final = 1.5
OFFSET_TERMS: Final = 3
BOX_STATURE_M: Final = 1.70
LATE_PERIODS: Final = 1.05  # a picture that came too late for its window says less, the older the less
# How far keypoints lie off (decision 0135, `bench vision --part people`): a share of the person's size, times a power
# of the doubt that the network's confidence leaves.
KEYPOINT_SD_PX_MIN: Final = 0.7
DOUBT_AT_SURE: Final = 0.02
KEYPOINT_ERRORS: Final = np.array(
    [(0.062, 0.39)] + [(0.068, 0.47)] * 2 + [(0.060, 0.58)] * 2 + [(0.112, 0.91)] * 2 + [(0.146, 0.99)] * 2
    + [(0.196, 1.16)] * 2 + [(0.144, 0.79)] * 2 + [(0.184, 0.92)] * 2 + [(0.199, 1.14)] * 2
)  # fmt: skip
# Errors last from frame to frame: taken as independent, as many would count for too much.
LASTING: Final = 1.4


@dataclass(frozen=True)
class Rig:
    """All cameras of a store as arrays, in the order of their ids."""

    camera_ids: tuple[str, ...]
    rotation: Floats  # [cameras, 3, 3] floor_from_camera
    origin_floor_m: Floats  # [cameras, 3]
    pinhole: Floats  # [cameras, 4] focal x, focal y, centre x, centre y
    distortion: Floats  # [cameras, 5] k1 k2 p1 p2 k3
    radius_squared_max: Floats  # [cameras] where the distortion folds back
    size_px: Floats  # [cameras, 2]
    period_ns: Ints  # [cameras]

    @classmethod
    def of(cls, cameras: Sequence[Camera]) -> Rig:
        """The order of `cameras` does not matter."""
        ordered = sorted(cameras, key=lambda camera: camera.camera_id)
        lenses = [camera.lens for camera in ordered]
        count = len(ordered)
        return cls(
            camera_ids=tuple(camera.camera_id for camera in ordered),
            rotation=np.array([c.floor_from_camera.rotation for c in ordered]).reshape(count, 3, 3),
            origin_floor_m=np.array([c.floor_from_camera.translation_m for c in ordered]).reshape(count, 3),
            pinhole=np.array(
                [[o.focal_x_px, o.focal_y_px, o.centre_x_px, o.centre_y_px] for o in lenses]
            ).reshape(count, 4),
            distortion=np.array([o.distortion for o in lenses], float).reshape(count, 5),
            radius_squared_max=np.array([_radius_squared_max(o.distortion) for o in lenses], float),
            size_px=np.array([[o.width_px, o.height_px] for o in lenses], float).reshape(count, 2),
            period_ns=np.array([round(1e9 / max(c.fps, 0.1)) for c in ordered], np.int64),
        )

    def index_of(self) -> dict[str, int]:
        return {camera_id: index for index, camera_id in enumerate(self.camera_ids)}


@dataclass
class Sightings:
    """All people seen in one window of frames; one row each. Frames are in (captured_ns, camera) order."""

    camera: Ints  # [n] row of the rig
    frame: Ints  # [n] which frame of the window; rows of one frame are adjacent
    dt_s: Floats  # [n] capture time minus the window's end
    origin_floor_m: Floats  # [n, 3] of the camera
    rays_floor: Floats  # [n, 17, 3] unit directions
    confidence: Floats  # [n, 17]
    noise_rad: Floats  # [n, 17] standard deviation across the ray
    scores: Floats  # [n]
    pose_scores: Floats  # [n] expected similarity of joints to the true ones; 1 where a detector cannot tell
    appearance: Floats  # [n, features]
    frame_starts: Ints  # [frames + 1]
    is_box: NDArray[np.bool_]  # [n] no keypoints were seen: joints are those of a body that fills the box

    def __len__(self) -> int:
        return len(self.camera)

    def of_rows(self, rows: Ints) -> Sightings:
        """Some of the sightings, rows in ascending order. Frames keep their numbers."""
        return Sightings(
            camera=self.camera[rows],
            frame=self.frame[rows],
            dt_s=self.dt_s[rows],
            origin_floor_m=self.origin_floor_m[rows],
            rays_floor=self.rays_floor[rows],
            confidence=self.confidence[rows],
            noise_rad=self.noise_rad[rows],
            scores=self.scores[rows],
            pose_scores=self.pose_scores[rows],
            appearance=self.appearance[rows],
            frame_starts=np.searchsorted(rows, self.frame_starts),
            is_box=self.is_box[rows],
        )


def sightings_of(
    frames: Sequence[CameraDetections],
    rig: Rig,
    index_of: dict[str, int],
    until_ns: int,
    offset: Floats | None = None,
    factor: Floats | None = None,
) -> Sightings:
    """The detections of `frames` (sorted) as rays. A camera's pixels are undistorted in one compiled pass."""
    counts = [len(frame.scores) for frame in frames]
    total = sum(counts)
    starts = np.zeros(len(frames) + 1, np.int64)
    starts[1:] = np.cumsum(counts)
    features = max((frame.appearance.shape[1] for frame in frames if len(frame.scores)), default=0)
    camera = np.repeat(np.array([index_of[f.camera_id] for f in frames], np.int64), counts)
    dt_s = np.repeat(np.array([(f.captured_ns - until_ns) / 1e9 for f in frames]), counts)
    keypoints = np.empty((total, JOINT_COUNT, 3))
    boxes = np.empty((total, 4))
    scores = np.empty(total)
    pose_scores = np.ones(total)
    appearance = np.zeros((total, features))
    for index, frame in enumerate(frames):
        rows = slice(starts[index], starts[index + 1])
        if counts[index]:
            keypoints[rows] = frame.keypoints_image_px
            boxes[rows] = frame.boxes_image_px
            scores[rows] = frame.scores
            if len(frame.pose_scores):
                pose_scores[rows] = frame.pose_scores
            appearance[rows, : frame.appearance.shape[1]] = frame.appearance
    is_box = keypoints[:, :, 2].sum(axis=1) < BOX_ONLY_TRUST_MAX
    stand_in_boxes(
        np.flatnonzero(is_box), boxes, camera, rig.rotation,
        rig.origin_floor_m, rig.pinhole, rig.distortion, rig.radius_squared_max, rig.size_px, BOX_STATURE_M,
        keypoints,
    )  # fmt: skip
    rays = np.empty((total, JOINT_COUNT, 3))
    noise = np.empty((total, JOINT_COUNT))
    _rays_and_noise(
        keypoints, boxes, is_box, camera, rig.rotation, rig.pinhole, rig.distortion, rig.radius_squared_max,
        np.zeros((len(rig.camera_ids), 2, OFFSET_TERMS)) if offset is None else offset,
        np.ones(len(rig.camera_ids)) if factor is None else factor, rays, noise,
    )  # fmt: skip
    late_s = LATE_PERIODS * float(rig.period_ns.min(initial=NS_PER_S)) / NS_PER_S
    noise *= np.maximum(-dt_s / late_s, 1.0)[:, None] ** 3
    return Sightings(
        camera=camera,
        frame=np.repeat(np.arange(len(frames)), counts),
        dt_s=dt_s,
        origin_floor_m=rig.origin_floor_m[camera].reshape(total, 3),
        rays_floor=rays,
        confidence=np.clip(keypoints[:, :, 2], 0.0, 1.0),
        noise_rad=noise,
        scores=scores,
        pose_scores=pose_scores,
        appearance=appearance,
        frame_starts=starts,
        is_box=is_box,
    )


@njit(cache=True)
def offset_terms(x, y, terms) -> None:
    """What a camera's offset is a sum of, at the point (x, y, 1) of its frame: out in `terms`."""
    terms[0], terms[1], terms[2] = 1.0, x, y


@njit(cache=True)
def _rays_and_noise(
    keypoints,
    boxes,
    is_box,
    camera,
    rotation,
    pinhole,
    distortion,
    radius_squared_max,
    offset,
    factor,
    rays,
    noise,
) -> None:
    """Keypoints [n, 17, 3] to unit rays [n, 17, 3] of the floor frame and their angular noise [n, 17].

    Fixed-point undistortion of Brown's model (1966), as Lens.rays, stopped once a step is below 1e-10.
    """
    terms = np.empty(OFFSET_TERMS)
    for i in range(keypoints.shape[0]):
        c = camera[i]
        fx, fy, cx, cy = pinhole[c, 0], pinhole[c, 1], pinhole[c, 2], pinhole[c, 3]
        k1, k2, p1, p2, k3 = (
            distortion[c, 0], distortion[c, 1], distortion[c, 2], distortion[c, 3], distortion[c, 4],
        )  # fmt: skip
        size_px = math.sqrt(max(1.0, (boxes[i, 2] - boxes[i, 0]) * (boxes[i, 3] - boxes[i, 1])))
        for j in range(keypoints.shape[1]):
            xd = (keypoints[i, j, 0] - cx) / fx
            yd = (keypoints[i, j, 1] - cy) / fy
            x, y = xd, yd
            for _ in range(UNDISTORT_STEPS_MAX):
                r2 = min(x * x + y * y, radius_squared_max[c])
                radial = max(1.0 + r2 * (k1 + r2 * (k2 + r2 * k3)), 0.1)
                nx = (xd - 2 * p1 * x * y - p2 * (r2 + 2 * x * x)) / radial
                ny = (yd - p1 * (r2 + 2 * y * y) - 2 * p2 * x * y) / radial
                moved = abs(nx - x) + abs(ny - y)
                x, y = nx, ny
                if moved < 1e-10:
                    break
            offset_terms(x, y, terms)
            for k in range(OFFSET_TERMS):
                x -= offset[c, 0, k] * terms[k]
                y -= offset[c, 1, k] * terms[k]
            norm = math.sqrt(x * x + y * y + 1.0)
            for k in range(3):
                rays[i, j, k] = (rotation[c, k, 0] * x + rotation[c, k, 1] * y + rotation[c, k, 2]) / norm
            if is_box[i]:
                sd_px = math.hypot(BOX_SD_PX_MIN, BOX_SD_OF_SIZE * size_px)
            else:
                doubt = DOUBT_AT_SURE + max(1.0 - keypoints[i, j, 2], 0.0)
                share = KEYPOINT_ERRORS[j, 0] * doubt ** KEYPOINT_ERRORS[j, 1]
                sd_px = LASTING * math.hypot(KEYPOINT_SD_PX_MIN, share * size_px)
            # A pixel away from the axis spans a smaller angle than one on it.
            noise[i, j] = factor[c] * sd_px / fx / norm


def _radius_squared_max(distortion: tuple[float, float, float, float, float]) -> float:
    """Squared radius past which Brown's radial polynomial folds back; infinite if it does not."""
    k1, k2, _, _, k3 = distortion
    roots = np.roots([7 * k3, 5 * k2, 3 * k1, 1.0])
    real = [float(root.real) for root in roots if abs(root.imag) < 1e-9 and root.real > 0]
    return min(real, default=math.inf)
