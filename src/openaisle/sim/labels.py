"""The truth about the people in a rendered frame: boxes, keypoints, and how much of each can be seen.

Whether a joint can be seen is read from the frame itself: its pixels must show that person's own body part, at about
the joint's depth. A wrist behind the torso is hidden although the person is there; a nose seen from behind is too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from openaisle.core.messages import JOINTS
from openaisle.sim.bodies import PART, PARTS, TRIANGLES, VERTICES, pose
from openaisle.sim.raster import Floats
from openaisle.sim.scene import Scene

if TYPE_CHECKING:
    from openaisle.sim.render import Rendered
    from openaisle.sim.still import Eye

OUTSIDE, HIDDEN, VISIBLE = 0, 1, 2  # COCO's visibility; a joint outside the picture counts as not labelled

_FACE: Final = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
_SHOWN_BY: Final = {
    "shoulder": ("torso", "{}_upper_arm", "neck"),
    "elbow": ("{}_upper_arm", "{}_forearm"),
    "wrist": ("{}_forearm", "{}_hand"),
    "hip": ("torso", "{}_thigh", "{other}_thigh"),
    "knee": ("{}_thigh", "{}_shin"),
    "ankle": ("{}_shin", "{}_foot"),
}


@dataclass(frozen=True)
class PersonLabel:
    """One person in one frame. Boxes are x1 y1 x2 y2 in pixels, right and lower edge outside."""

    body_id: int
    visible_box_px: Floats  # [4] around what can be seen; NaN if nothing
    amodal_box_px: Floats  # [4] around the whole body, also where hidden or beyond the picture's edge
    keypoints_px: Floats  # [17, 3] x, y, COCO visibility
    visible_px: int
    visible_fraction: float  # of the body's whole silhouette


def _tables() -> tuple[NDArray[np.bool_], Floats, Floats]:
    """Which parts show a joint [17, parts], how far before it the surface may be, where to look [17] m."""
    shows = np.zeros((len(JOINTS), len(PARTS)), bool)
    thickness = np.full(len(JOINTS), 0.10)
    radius = np.full(len(JOINTS), 0.03)
    for row, name in enumerate(JOINTS):
        if name in _FACE:
            shows[row, PART["head"]] = True
            thickness[row], radius[row] = 0.045, 0.015
            continue
        side, joint = name.split("_")
        other = "left" if side == "right" else "right"
        for part in _SHOWN_BY[joint]:
            shows[row, PART[part.format(side, other=other)]] = True
        thickness[row] = {"hip": 0.28, "shoulder": 0.14, "knee": 0.12}.get(joint, 0.10)
    return shows, thickness, radius


_SHOWS, _THICKNESS, _RADIUS = _tables()


def labels(scene: Scene, rendered: Rendered, eye: Eye) -> list[PersonLabel]:
    """One label a person with any part of the body within the picture, in the scene's order."""
    if not scene.bodies:
        return []
    height, width = rendered.ids.shape
    posed = pose(scene.bodies, scene.joints_floor_m)
    screen = eye.project(posed.points_m)
    joints = eye.project(np.ascontiguousarray(scene.joints_floor_m[:, : len(JOINTS)].reshape(-1, 3)))
    joints = joints.reshape(len(scene.bodies), len(JOINTS), 3)
    found = []
    for n, body in enumerate(scene.bodies):
        own = screen[n * VERTICES : (n + 1) * VERTICES]
        drawn = own[own[:, 2] > 0]
        if len(drawn) == 0:
            continue
        amodal = np.array([*drawn[:, :2].min(axis=0), *(drawn[:, :2].max(axis=0) + 1)])
        if amodal[0] >= width or amodal[1] >= height or amodal[2] <= 0 or amodal[3] <= 0:
            continue
        box, count = np.empty(4), np.zeros(1, np.int64)
        x1, y1 = max(0, int(amodal[0]) - 1), max(0, int(amodal[1]) - 1)
        x2, y2 = min(width, int(amodal[2]) + 2), min(height, int(amodal[3]) + 2)
        _visible_box(rendered.ids, body.body_id + 1, x1, y1, x2, y2, box, count)
        visible = int(count[0])
        whole = _silhouette_px(own, posed.triangles[:TRIANGLES], amodal)
        keypoints = np.empty((len(JOINTS), 3))
        _joint_visibility(
            joints[n], eye.numbers[12], rendered.ids, rendered.parts, rendered.depth_m, body.body_id + 1, _SHOWS,
            _THICKNESS, _RADIUS, keypoints,
        )  # fmt: skip
        fraction = min(1.0, visible / whole) if whole else 0.0
        found.append(
            PersonLabel(
                body.body_id, box if visible else np.full(4, np.nan), amodal, keypoints, visible, fraction
            )
        )
    return found


def _silhouette_px(screen: Floats, triangles: NDArray[np.int32], box: Floats) -> int:
    """Pixels of the body alone, also beyond the picture's edge (a body nearer than the lens is cut at 4 pictures)."""
    left, top = np.maximum(np.floor(box[:2]), -1500).astype(int)
    right, bottom = np.minimum(np.ceil(box[2:]), 3500).astype(int)
    if right <= left or bottom <= top:
        return 0
    mask = np.zeros((bottom - top, right - left), np.bool_)
    _cover(screen, triangles, left, top, mask)
    return int(np.count_nonzero(mask))


@njit(cache=True)
def _cover(screen, triangles, left, top, mask):
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        if screen[a, 2] <= 0.0 or screen[b, 2] <= 0.0 or screen[c, 2] <= 0.0:
            continue
        ax, ay = screen[a, 0] - left, screen[a, 1] - top
        bx, by = screen[b, 0] - left, screen[b, 1] - top
        cx, cy = screen[c, 0] - left, screen[c, 1] - top
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if area >= 0.0:
            continue
        x1, x2 = max(0, int(np.ceil(min(ax, bx, cx)))), min(mask.shape[1] - 1, int(np.floor(max(ax, bx, cx))))
        y1, y2 = max(0, int(np.ceil(min(ay, by, cy)))), min(mask.shape[0] - 1, int(np.floor(max(ay, by, cy))))
        for y in range(y1, y2 + 1):
            for x in range(x1, x2 + 1):
                if (
                    (bx - x) * (cy - y) - (cx - x) * (by - y) <= 0.0
                    and (cx - x) * (ay - y) - (ax - x) * (cy - y) <= 0.0
                    and (ax - x) * (by - y) - (bx - x) * (ay - y) <= 0.0
                ):
                    mask[y, x] = True


@njit(cache=True)
def _visible_box(ids, identity, x1, y1, x2, y2, box, count):
    box[0], box[1], box[2], box[3] = 1e9, 1e9, -1e9, -1e9
    for y in range(y1, y2):
        for x in range(x1, x2):
            if ids[y, x] == identity:
                count[0] += 1
                box[0] = min(box[0], x)
                box[1] = min(box[1], y)
                box[2] = max(box[2], x + 1)
                box[3] = max(box[3], y + 1)


@njit(cache=True)
def _joint_visibility(joints, focal_px, ids, parts, depth, identity, shows, thickness, radius_m, keypoints):
    height, width = ids.shape
    for j in range(joints.shape[0]):
        x, y, z = joints[j, 0], joints[j, 1], joints[j, 2]
        keypoints[j, 0] = x
        keypoints[j, 1] = y
        keypoints[j, 2] = OUTSIDE
        if z <= 0.0:
            keypoints[j, 0] = keypoints[j, 1] = 0.0
            continue
        column, row = int(np.rint(x)), int(np.rint(y))
        if column < 0 or row < 0 or column >= width or row >= height:
            continue
        reach = max(1, min(12, int(focal_px * radius_m[j] / z)))
        seen = 0
        looked = 0
        for v in range(max(0, row - reach), min(height, row + reach + 1)):
            for u in range(max(0, column - reach), min(width, column + reach + 1)):
                if (u - column) ** 2 + (v - row) ** 2 > reach * reach:
                    continue
                looked += 1
                if ids[v, u] != identity or not shows[j, parts[v, u]]:
                    continue
                if depth[v, u] > z - thickness[j]:
                    seen += 1
        # A limb's edge may cover less than half of the disc around its joint.
        keypoints[j, 2] = VISIBLE if 3 * seen >= looked else HIDDEN
