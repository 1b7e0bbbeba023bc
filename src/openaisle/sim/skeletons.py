"""Skeleton mode: what a good keypoint network would say of a scene, without drawing a pixel.

True joints are projected, then spoiled as networks spoil them: noise in pixels that grows with the person's size in
the picture and lasts from frame to frame, sides mixed up, people missed and invented, hidden joints guessed or left
out. Defaults are what DESIGN and MODELS expect of a two-stage network at 640x360.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numba import njit

from openaisle.core.messages import JOINTS, WRISTS, CameraDetections
from openaisle.core.units import NS_PER_MS
from openaisle.sim.scene import Body, Floats, Scene
from openaisle.sim.sight import Eye, Solids, see
from openaisle.store.schema import Store

APPEARANCE_FEATURES: Final = 24
_BODIES_MAX: Final = 256  # bodies whose noise is remembered; body_id modulo this


@dataclass(frozen=True, kw_only=True)
class SkeletonSettings:
    """How good the network is. Pixels are those of a frame 640 wide."""

    wrist_sd_px: float = 5.0  # of a person `person_px` high, per axis
    joint_sd_px: float = 3.5
    person_px: float = 180.0
    person_scale: tuple[float, float] = (0.5, 2.0)  # noise follows the person's size within these
    spread: float = 0.5  # log-sd of the noise between joints and frames: some are far off, and say so
    memory: float = 0.5  # correlation of the noise from frame to frame
    hidden_scale: float = 3.5  # noise of a hidden joint that the network guesses
    hidden_guessed: float = 0.6  # of hidden joints; the rest are reported as not seen
    swap_share: float = 0.02  # left and right mixed up, of people and frames
    miss_share: float = 0.03  # people not found although in view
    seen_share_min: float = 0.2  # fewer joints than this share in view: not found
    false_people: float = 1 / 500  # a frame
    box_sd: float = 0.03  # of the box's size
    appearance_camera_sd: float = 0.05  # a feature; unit vectors have about 0.2 a feature
    appearance_frame_sd: float = 0.07
    delay_ms: tuple[float, float] = (50.0, 90.0)


class SkeletonCameras:
    """All cameras of a shop, in skeleton mode."""

    def __init__(
        self, store: Store, rng: np.random.Generator, settings: SkeletonSettings | None = None
    ) -> None:
        self.settings = settings or SkeletonSettings()
        self._rng = rng
        self._solids = Solids.of(store)
        self._eyes = {camera.camera_id: Eye.of(camera) for camera in store.cameras}
        camera_ids = sorted(self._eyes)
        joints = len(JOINTS)
        self._drift = {camera_id: np.zeros((_BODIES_MAX, joints, 2)) for camera_id in camera_ids}
        bias_sd = self.settings.appearance_camera_sd
        self._bias = {camera_id: rng.normal(0.0, bias_sd, APPEARANCE_FEATURES) for camera_id in camera_ids}
        self._base_sd_px = np.full(joints, self.settings.joint_sd_px)
        self._base_sd_px[list(WRISTS)] = self.settings.wrist_sd_px

    def detect(self, scene: Scene, camera_ids: Sequence[str]) -> list[CameraDetections]:
        """What each of these cameras reports of the scene, in the order asked."""
        girths = np.array([body.girth for body in scene.bodies])
        return [self._detect(scene, girths, camera_id) for camera_id in camera_ids]

    def _detect(self, scene: Scene, girths: Floats, camera_id: str) -> CameraDetections:
        settings, rng, eye = self.settings, self._rng, self._eyes[camera_id]
        delay_ns = round(rng.uniform(*settings.delay_ms) * NS_PER_MS)
        has_false = rng.random() < settings.false_people
        count = len(scene.bodies)
        boxes = np.zeros((0, 4))
        scores, keypoints, appearance = (
            np.zeros(0),
            np.zeros((0, len(JOINTS), 3)),
            np.zeros((0, APPEARANCE_FEATURES)),
        )
        if count:
            points, state = see(eye, self._solids, scene.joints_floor_m, girths)
            boxes, scores, keypoints = (
                np.zeros((count, 4)),
                np.zeros(count),
                np.zeros((count, len(JOINTS), 3)),
            )
            found = np.zeros(count, np.bool_)
            rows = np.array([body.body_id % _BODIES_MAX for body in scene.bodies])
            _spoil(
                points, state, rows, self._drift[camera_id], self._base_sd_px, eye.lens[0], eye.lens[1],
                settings.person_px, settings.person_scale[0], settings.person_scale[1], settings.spread,
                settings.memory, settings.hidden_scale, settings.hidden_guessed, settings.swap_share,
                settings.miss_share, settings.seen_share_min, settings.box_sd,
                rng.standard_normal((count, len(JOINTS), 3)), rng.random((count, len(JOINTS))),
                rng.standard_normal((count, 6)), rng.random((count, 2)), found, boxes, scores, keypoints,
            )  # fmt: skip
            boxes, scores, keypoints = boxes[found], scores[found], keypoints[found]
            looks = [look_of(body) for body, is_found in zip(scene.bodies, found, strict=True) if is_found]
            appearance = self._spoiled_looks(np.array(looks).reshape(-1, APPEARANCE_FEATURES), camera_id)
        if has_false:
            box, score, points = self._false_person(eye)
            boxes, scores = np.concatenate([boxes, box[None]]), np.append(scores, score)
            keypoints = np.concatenate([keypoints, points[None]])
            look = rng.standard_normal(APPEARANCE_FEATURES)
            appearance = np.concatenate([appearance, look[None] / np.linalg.norm(look)])
        return CameraDetections(
            camera_id=camera_id,
            captured_ns=scene.at_ns,
            received_ns=scene.at_ns + delay_ns,
            boxes_image_px=boxes.astype(np.float32),
            scores=scores.astype(np.float32),
            keypoints_image_px=keypoints.astype(np.float32),
            appearance=appearance.astype(np.float32),
        )

    def _spoiled_looks(self, looks: Floats, camera_id: str) -> Floats:
        noise = self._rng.normal(0.0, self.settings.appearance_frame_sd, looks.shape)
        spoiled = looks + self._bias[camera_id] + noise
        return spoiled / np.linalg.norm(spoiled, axis=1, keepdims=True)

    def _false_person(self, eye: Eye) -> tuple[Floats, float, Floats]:
        """A coat rack, a poster, a reflection: a box with keypoints strewn over it."""
        rng, width, height = self._rng, eye.lens[0], eye.lens[1]
        tall = rng.uniform(0.2, 0.6) * height
        wide = tall * rng.uniform(0.3, 0.6)
        x, y = rng.uniform(0, width - wide), rng.uniform(0, height - tall)
        points = np.empty((len(JOINTS), 3))
        points[:, :2] = rng.uniform((x, y), (x + wide, y + tall), (len(JOINTS), 2))
        points[:, 2] = rng.uniform(0.05, 0.5, len(JOINTS))
        return np.array([x, y, x + wide, y + tall]), float(rng.uniform(0.3, 0.6)), points


@lru_cache(maxsize=1024)
def look_of(body: Body) -> Floats:
    """How a body looks to a perfect camera: a unit vector [24] of clothes, hair, build."""
    pattern = np.zeros(4)
    pattern[body.pattern] = 1.0
    features = np.concatenate(
        [
            2.0 * (np.array(body.top) - 0.4),
            1.6 * (np.array(body.trousers) - 0.35),
            0.8 * (np.array(body.hair) - 0.25),
            0.5 * (np.array(body.shoes) - 0.4),
            0.4 * (np.array(body.skin) - 0.5),
            0.5 * (pattern - (0.7, 0.18, 0.12, 0.0)),
            [4.0 * (body.height_m - 1.72), 1.5 * (body.girth - 1.0), 0.25 * body.has_long_sleeves - 0.15],
        ]
    )
    look = features @ _mixing()
    return look / np.linalg.norm(look)


@lru_cache(maxsize=1)
def _mixing() -> Floats:
    """The fixed random projection that stands for an appearance network [features, 24]."""
    return np.random.default_rng(24).standard_normal((22, APPEARANCE_FEATURES))


@njit(cache=True)
def _spoil(
    points: Floats, state: np.ndarray, rows: np.ndarray, drift: Floats, base_sd: Floats, width: float,
    height: float, person_px: float, scale_min: float, scale_max: float, spread: float, memory: float,
    hidden_scale: float, hidden_guessed: float, swap_share: float, miss_share: float, seen_min: float,
    box_sd: float, normals: Floats, chances: Floats, box_normals: Floats, luck: Floats, found: np.ndarray,
    boxes: Floats, scores: Floats, keypoints: Floats,
) -> None:  # fmt: skip
    """Turn true pixels into a network's answer, in place of `found`, `boxes`, `scores`, `keypoints`."""
    joints = keypoints.shape[1]
    picture = width / 640.0
    fresh = np.sqrt(1.0 - memory * memory)
    for body in range(len(points)):
        low_x, low_y, high_x, high_y = 1e9, 1e9, -1e9, -1e9
        tall_low, tall_high, wide_low, wide_high = 1e9, -1e9, 1e9, -1e9
        seen = 0
        for joint in range(points.shape[1]):
            u, v = points[body, joint, 0], points[body, joint, 1]
            if np.isnan(u):
                continue
            tall_low, tall_high = min(tall_low, v), max(tall_high, v)
            wide_low, wide_high = min(wide_low, u), max(wide_high, u)
            if state[body, joint] == 0:
                if joint < joints:
                    seen += 1
                low_x, low_y, high_x, high_y = min(low_x, u), min(low_y, v), max(high_x, u), max(high_y, v)
        share = seen / joints
        # People half hidden are often missed.
        missed = miss_share + max(0.0, 0.5 * (1.0 - (share - seen_min) / 0.25)) * (1.0 - miss_share)
        found[body] = share >= seen_min and luck[body, 0] >= missed
        if not found[body]:
            continue
        size = max(tall_high - tall_low, wide_high - wide_low)
        scale = picture * min(max(size / picture / person_px, scale_min), scale_max)
        is_swapped = luck[body, 1] < swap_share
        row = rows[body]
        for joint in range(joints):
            for k in range(2):
                drift[row, joint, k] = memory * drift[row, joint, k] + fresh * normals[body, joint, k]
            where = joint
            if is_swapped and joint >= 5:
                where = joint + 1 if joint % 2 == 1 else joint - 1
            if state[body, joint] == 2 or (
                state[body, joint] == 1 and chances[body, joint] >= hidden_guessed
            ):
                continue
            off = np.exp(spread * normals[body, joint, 2] - 0.5 * spread * spread)
            sd = base_sd[joint] * scale * off
            confidence = 0.92 - 0.22 * off
            if state[body, joint] == 1:
                sd *= hidden_scale
                confidence = 0.1 + 0.3 * chances[body, joint] / hidden_guessed
            keypoints[body, where, 0] = points[body, joint, 0] + sd * drift[row, joint, 0]
            keypoints[body, where, 1] = points[body, joint, 1] + sd * drift[row, joint, 1]
            keypoints[body, where, 2] = min(max(confidence, 0.05), 0.99)
        wide, tall = high_x - low_x + 1.0, high_y - low_y + 1.0
        margin_x, margin_y = 0.1 * wide, 0.06 * tall
        boxes[body, 0] = min(max(low_x - margin_x + box_sd * wide * box_normals[body, 0], 0.0), width - 1.0)
        boxes[body, 1] = min(max(low_y - margin_y + box_sd * tall * box_normals[body, 1], 0.0), height - 1.0)
        boxes[body, 2] = min(max(high_x + margin_x + box_sd * wide * box_normals[body, 2], 0.0), width - 1.0)
        boxes[body, 3] = min(max(high_y + margin_y + box_sd * tall * box_normals[body, 3], 0.0), height - 1.0)
        scores[body] = min(max(0.5 + 0.45 * share + 0.05 * box_normals[body, 4], 0.15), 0.99)
