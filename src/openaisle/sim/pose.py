"""Where the 24 joints of every body are at one instant: gait, posture and hand paths, in one compiled pass.

A body is a row of numbers (`Column`), a list of posture changes and, for each hand, a list of path segments. Nothing
here is decided: shoppers write these lists ahead of time, and any instant can be asked for.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Final

import numpy as np
from numba import njit

from openaisle.sim.reach import (
    ANKLE_HEIGHT,
    CROUCH_BACK,
    FOREARM,
    HAND,
    HIP_HALF_WIDTH,
    HIP_HEIGHT,
    KNEE_SLACK_M,
    LEFT,
    PELVIS_TO_NECK,
    SHANK,
    THIGH,
    UPPER_ARM,
    Posture,
    min_jerk,
    shoulder_in_body,
    two_bone,
)
from openaisle.sim.scene import BODY_JOINTS, Body, Floats


class Column(IntEnum):
    """Columns of a body's row. Angles are radians, counter-clockwise, never wrapped (so that they interpolate)."""

    X = 0
    Y = 1
    YAW = 2
    FORWARD_SPEED = 3  # m/s in the body frame
    LEFT_SPEED = 4
    PHASE = 5  # gait cycles walked so far
    HEAD_YAW = 6  # from the body's yaw
    HEAD_PITCH = 7  # looking down > 0
    HEIGHT = 8
    SHOULDER_WIDTH = 9


COLUMNS: Final = len(Column)
SEGMENTS_MAX: Final = 24  # of one hand's path, and of posture changes; the oldest fall off
SEGMENT_COLUMNS: Final = 14  # t0 t1, then three control points of a quadratic curve: (frame x y z) each
POSTURE_COLUMNS: Final = 8  # t0 t1, then crouch, lean, twist before and after

FLOOR: Final = 0  # control point in the floor frame
TORSO: Final = 1  # from the pelvis: forward, left, up along the spine
REST: Final = 2  # where the hand hangs or swings by itself


class Bodies:
    """Poses of up to `bodies_max` bodies, by row. Rows are given out and taken back by the shop."""

    def __init__(self, bodies_max: int) -> None:
        self.bodies_max = bodies_max
        self.before = np.zeros((bodies_max, COLUMNS))  # at the last tick but one
        self.now = np.zeros((bodies_max, COLUMNS))  # at the last tick
        self._hands = np.zeros((bodies_max, 2, SEGMENTS_MAX, SEGMENT_COLUMNS))
        self._hand_counts = np.zeros((bodies_max, 2), np.int64)
        self._postures = np.zeros((bodies_max, SEGMENTS_MAX, POSTURE_COLUMNS))
        self._posture_counts = np.zeros(bodies_max, np.int64)

    def reset(self, row: int, body: Body, x_m: float, y_m: float, yaw_rad: float) -> None:
        """Put a new body into `row`."""
        self.now[row] = 0.0
        self.now[row, : Column.FORWARD_SPEED] = (x_m, y_m, yaw_rad)
        self.now[row, Column.HEIGHT] = body.height_m
        self.now[row, Column.SHOULDER_WIDTH] = body.shoulder_width_m
        self.before[row] = self.now[row]
        self._hand_counts[row] = 0
        self._posture_counts[row] = 0

    def move_hand(
        self, row: int, side: int, start_s: float, end_s: float, *points: tuple[int, float, float, float]
    ) -> None:
        """Let the hand follow the curve of three control points (frame, x, y, z) from `start_s` to `end_s`."""
        assert len(points) == 3
        assert end_s > start_s
        count = int(self._hand_counts[row, side])
        if count == SEGMENTS_MAX:
            self._hands[row, side, :-1] = self._hands[row, side, 1:]
            count -= 1
        flat = [value for point in points for value in point]
        self._hands[row, side, count] = (start_s, end_s, *flat)
        self._hand_counts[row, side] = count + 1

    def bend(self, row: int, start_s: float, end_s: float, before: Posture, after: Posture) -> None:
        """Go from one posture to another. What was to come after `start_s` is forgotten."""
        assert end_s > start_s
        count = int(self._posture_counts[row])
        while count and self._postures[row, count - 1, 0] >= start_s:
            count -= 1
        if count == SEGMENTS_MAX:
            self._postures[row, :-1] = self._postures[row, 1:]
            count -= 1
        self._postures[row, count] = (
            start_s, end_s, before.crouch_m, after.crouch_m, before.lean_rad, after.lean_rad,
            before.twist_rad, after.twist_rad,
        )  # fmt: skip
        self._posture_counts[row] = count + 1

    def posture_at(self, row: int, at_s: float) -> Posture:
        """How a body is bent at a time."""
        return Posture(*_posture_at(self._postures[row], int(self._posture_counts[row]), at_s))

    def joints_floor_m(self, rows: np.ndarray, at_s: float, share: float) -> Floats:
        """Joints [rows, 24, 3] at `at_s`, `share` (0..1) of the way from the last tick but one to the last."""
        out = np.empty((len(rows), len(BODY_JOINTS), 3))
        _joints(
            rows, at_s, share, self.before, self.now, self._hands, self._hand_counts, self._postures,
            self._posture_counts, out,
        )  # fmt: skip
        return out


def stride_m(height_m: float, speed_m_s: float) -> float:
    """Length of a gait cycle (two steps). A straight line through 1.1 m at 0.7 m/s and 1.4 m at 1.3 m/s (1.7 m)."""
    return height_m * (0.42 + 0.32 * speed_m_s)


@njit(cache=True)
def _posture_at(postures: Floats, count: int, at_s: float) -> tuple[float, float, float]:
    crouch, lean, twist = 0.0, 0.0, 0.0
    for index in range(count):
        segment = postures[index]
        if at_s < segment[0]:
            break
        s = min_jerk((at_s - segment[0]) / (segment[1] - segment[0]))
        crouch = segment[2] + s * (segment[3] - segment[2])
        lean = segment[4] + s * (segment[5] - segment[4])
        twist = segment[6] + s * (segment[7] - segment[6])
    return crouch, lean, twist


@njit(cache=True)
def _control(
    segment: Floats,
    offset: int,
    pelvis: Floats,
    cos_yaw: float,
    sin_yaw: float,
    lean: float,
    rest: Floats,
    out: Floats,
) -> None:
    frame = int(segment[offset])
    x, y, z = segment[offset + 1], segment[offset + 2], segment[offset + 3]
    if frame == FLOOR:
        out[0], out[1], out[2] = x, y, z
    elif frame == TORSO:
        forward = x * math.cos(lean) + z * math.sin(lean)
        out[0] = pelvis[0] + cos_yaw * forward - sin_yaw * y
        out[1] = pelvis[1] + sin_yaw * forward + cos_yaw * y
        out[2] = pelvis[2] + z * math.cos(lean) - x * math.sin(lean)
    else:
        out[0], out[1], out[2] = rest[0], rest[1], rest[2]


@njit(cache=True)
def _joints(
    rows: np.ndarray,
    at_s: float,
    share: float,
    before: Floats,
    now: Floats,
    hands: Floats,
    hand_counts: np.ndarray,
    postures: Floats,
    posture_counts: np.ndarray,
    out: Floats,
) -> None:
    a, b, c = np.empty(3), np.empty(3), np.empty(3)
    pelvis, shoulder, rest, target = np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    pole, middle, end = np.empty(3), np.empty(3), np.empty(3)
    for index in range(len(rows)):
        row = rows[index]
        x = before[row, 0] + share * (now[row, 0] - before[row, 0])
        y = before[row, 1] + share * (now[row, 1] - before[row, 1])
        yaw = before[row, 2] + share * (now[row, 2] - before[row, 2])
        speed_f = before[row, 3] + share * (now[row, 3] - before[row, 3])
        speed_l = before[row, 4] + share * (now[row, 4] - before[row, 4])
        phase = before[row, 5] + share * (now[row, 5] - before[row, 5])
        head_yaw = before[row, 6] + share * (now[row, 6] - before[row, 6])
        head_pitch = before[row, 7] + share * (now[row, 7] - before[row, 7])
        height, width = now[row, 8], now[row, 9]
        cos_yaw, sin_yaw = math.cos(yaw), math.sin(yaw)
        crouch, lean, twist = _posture_at(postures[row], int(posture_counts[row]), at_s)
        speed = math.sqrt(speed_f * speed_f + speed_l * speed_l)
        amplitude = min(speed / 0.35, 1.0)
        lean += 0.05 * min(speed, 1.4)
        sin_lean, cos_lean = math.sin(lean), math.cos(lean)

        # Trunk: pelvis, neck, shoulders. Nobody stands quite still: it sways over feet that do.
        feet_x, feet_y = x, y
        still = 0.007 * (1.0 - amplitude)
        x += still * math.sin(1.9 * at_s + 2.4 * row) + 0.5 * still * math.sin(4.3 * at_s + row)
        y += still * math.sin(1.6 * at_s + 1.7 * row) + 0.5 * still * math.sin(3.7 * at_s + 3.0 * row)
        bob = 0.018 * amplitude * math.cos(4.0 * math.pi * phase)
        pelvis_f = -CROUCH_BACK * crouch
        pelvis[0] = x + cos_yaw * pelvis_f
        pelvis[1] = y + sin_yaw * pelvis_f
        pelvis[2] = HIP_HEIGHT * height - KNEE_SLACK_M - crouch - 0.02 * amplitude + bob
        neck_f = pelvis_f + PELVIS_TO_NECK * height * sin_lean
        neck_z = pelvis[2] + PELVIS_TO_NECK * height * cos_lean
        sway = 0.06 * amplitude * math.sin(2.0 * math.pi * phase)
        drop = pelvis[2] - (HIP_HEIGHT * height - KNEE_SLACK_M - crouch)

        # Head: it stays more upright than the back.
        head_lean = 0.45 * lean
        up_f, up_z = math.sin(head_lean), math.cos(head_lean)
        head_f, head_z = neck_f + 0.1 * height * up_f, neck_z + 0.1 * height * up_z
        look = yaw + head_yaw
        cos_look, sin_look = math.cos(look), math.sin(look)
        head_x, head_y = x + cos_yaw * head_f, y + sin_yaw * head_f
        cos_pitch, sin_pitch = math.cos(head_pitch), math.sin(head_pitch)
        for joint in range(5):
            # nose, eyes, ears: forward, left, up in the head's frame (metres at 1.75 m)
            if joint == 0:
                ahead, aside, above = 0.105, 0.0, -0.015
            elif joint < 3:
                ahead, aside, above = 0.085, 0.033, 0.02
            else:
                ahead, aside, above = 0.0, 0.075, 0.005
            if joint == 2 or joint == 4:
                aside = -aside
            scale = height / 1.75
            ahead, aside, above = ahead * scale, aside * scale, above * scale
            forward = ahead * cos_pitch + above * sin_pitch
            out[index, joint, 0] = head_x + cos_look * forward - sin_look * aside
            out[index, joint, 1] = head_y + sin_look * forward + cos_look * aside
            out[index, joint, 2] = head_z + above * cos_pitch - ahead * sin_pitch
        out[index, 17, 0], out[index, 17, 1] = x + cos_yaw * neck_f, y + sin_yaw * neck_f
        out[index, 17, 2] = neck_z
        out[index, 18] = pelvis
        top = 0.075 * height
        out[index, 19, 0] = head_x + cos_yaw * up_f * top + cos_look * sin_pitch * top * 0.6
        out[index, 19, 1] = head_y + sin_yaw * up_f * top + sin_look * sin_pitch * top * 0.6
        out[index, 19, 2] = head_z + up_z * top * (0.4 + 0.6 * cos_pitch)

        for side in range(2):
            sign = 1.0 if side == LEFT else -1.0
            # Arm.
            sf, sl, sz = shoulder_in_body(height, width, crouch, lean, twist - sway, side)
            sz += drop
            shoulder[0] = x + cos_yaw * sf - sin_yaw * sl
            shoulder[1] = y + sin_yaw * sf + cos_yaw * sl
            shoulder[2] = sz
            swing = -sign * 0.42 * amplitude * math.cos(2.0 * math.pi * phase)
            arm = (UPPER_ARM + FOREARM + HAND) * height
            hang = 0.955 * arm
            rest_f, rest_l = sf + hang * math.sin(swing + 0.08), sl + sign * 0.05
            rest[0] = x + cos_yaw * rest_f - sin_yaw * rest_l
            rest[1] = y + sin_yaw * rest_f + cos_yaw * rest_l
            rest[2] = sz - hang * math.cos(swing + 0.08)
            target[0], target[1], target[2] = rest[0], rest[1], rest[2]
            count = hand_counts[row, side]
            chosen = -1
            for segment in range(count):
                if at_s >= hands[row, side, segment, 0]:
                    chosen = segment
            if chosen >= 0:
                path = hands[row, side, chosen]
                s = min_jerk((at_s - path[0]) / (path[1] - path[0]))
                _control(path, 2, pelvis, cos_yaw, sin_yaw, lean, rest, a)
                _control(path, 6, pelvis, cos_yaw, sin_yaw, lean, rest, b)
                _control(path, 10, pelvis, cos_yaw, sin_yaw, lean, rest, c)
                for k in range(3):
                    target[k] = (1 - s) * (1 - s) * a[k] + 2 * s * (1 - s) * b[k] + s * s * c[k]
            pole_f, pole_l = -0.45, 0.45 * sign
            pole[0] = cos_yaw * pole_f - sin_yaw * pole_l
            pole[1] = sin_yaw * pole_f + cos_yaw * pole_l
            pole[2] = -0.8
            lower = (FOREARM + HAND) * height
            two_bone(shoulder, target, pole, UPPER_ARM * height, lower, middle, end)
            out[index, 5 + side] = shoulder
            out[index, 7 + side] = middle
            for k in range(3):
                out[index, 9 + side, k] = middle[k] + (end[k] - middle[k]) * FOREARM / (FOREARM + HAND)
            out[index, 20 + side] = end

            # Leg: the foot stands still on the floor for 60 % of the cycle and swings for 40 %.
            hip_l = sign * HIP_HALF_WIDTH * height
            a[0] = pelvis[0] - sin_yaw * hip_l
            a[1] = pelvis[1] + cos_yaw * hip_l
            a[2] = pelvis[2]
            cycle = phase + (0.0 if side == LEFT else 0.5)
            cycle -= math.floor(cycle)
            length = height * (0.42 + 0.32 * speed)
            if cycle < 0.6:
                along = 0.3 - cycle
                lift = 0.07 * min_jerk((cycle - 0.42) / 0.18)
            else:
                v = (cycle - 0.6) / 0.4
                along = -0.3 + 0.6 * min_jerk(v)
                lift = 0.07 * (1.0 - min_jerk(v)) + 0.06 * math.sin(math.pi * v)
            along *= length * amplitude
            lift *= amplitude
            dir_f = speed_f / speed if speed > 1e-6 else 1.0
            dir_l = speed_l / speed if speed > 1e-6 else 0.0
            foot_f = along * dir_f + sign * 0.22 * crouch
            foot_l = along * dir_l + sign * (0.062 * height + 0.08 * crouch)
            b[0] = feet_x + cos_yaw * foot_f - sin_yaw * foot_l
            b[1] = feet_y + sin_yaw * foot_f + cos_yaw * foot_l
            heel = 0.09 * min(crouch / 0.3, 1.0) if side != LEFT else 0.0
            b[2] = ANKLE_HEIGHT * height + lift + heel
            pole_l = 0.25 * sign
            pole[0] = cos_yaw - sin_yaw * pole_l
            pole[1] = sin_yaw + cos_yaw * pole_l
            pole[2] = 0.1
            two_bone(a, b, pole, THIGH * height, SHANK * height, middle, end)
            out[index, 11 + side] = a
            out[index, 13 + side] = middle
            out[index, 15 + side] = end
            toe = 0.085 * height
            fall = min((lift + heel) * 0.8, 0.7 * toe)
            out[index, 22 + side, 0] = end[0] + cos_yaw * toe
            out[index, 22 + side, 1] = end[1] + sin_yaw * toe
            out[index, 22 + side, 2] = max(end[2] - 0.025 - fall, 0.015)
