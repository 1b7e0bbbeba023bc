"""How an arm gets to a place: minimum-jerk hand paths, two-bone inverse kinematics, and how far to crouch and lean.

Proportions are fractions of body height after Winter, Biomechanics and Motor Control of Human Movement (2009),
figure 4.1. Hand paths follow the minimum-jerk law (Flash & Hogan 1985).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit

from openaisle.sim.scene import Body, Floats

UPPER_ARM: Final = 0.186
FOREARM: Final = 0.146
HAND: Final = 0.055  # wrist to the middle of the hand
HIP_HEIGHT: Final = 0.530
THIGH: Final = 0.245
SHANK: Final = 0.246
ANKLE_HEIGHT: Final = 0.039
PELVIS_TO_SHOULDERS: Final = 0.285
PELVIS_TO_NECK: Final = 0.295
HIP_HALF_WIDTH: Final = 0.055

KNEE_SLACK_M: Final = 0.012  # nobody stands with locked knees
CROUCH_BACK: Final = 0.25  # hips go back this much for each metre they go down
ARM_STRETCH_MAX: Final = 0.97  # of the arm's length: people step closer rather than lock the elbow

LEFT: Final = 0
RIGHT: Final = 1


@njit(cache=True)
def min_jerk(share: float) -> float:
    """Minimum-jerk progress 0..1 at time share 0..1 (clamped)."""
    s = min(max(share, 0.0), 1.0)
    return s * s * s * (10.0 + s * (6.0 * s - 15.0))


@njit(cache=True)
def two_bone(
    root: Floats, target: Floats, pole: Floats, first_m: float, second_m: float, middle: Floats, end: Floats
) -> None:
    """Bend a limb of two bones from `root` [3] to `target` [3], the middle joint towards `pole` [3].

    Writes the middle joint and the end, which is the target clamped to what the limb can reach.
    """
    dx, dy, dz = target[0] - root[0], target[1] - root[1], target[2] - root[2]
    distance = math.sqrt(dx * dx + dy * dy + dz * dz)
    if distance < 1e-9:
        dx, dy, dz, distance = 0.0, 0.0, -1e-9, 1e-9
    ux, uy, uz = dx / distance, dy / distance, dz / distance
    reach = min(max(distance, abs(first_m - second_m) + 0.01), (first_m + second_m) * 0.9995)
    along = (first_m * first_m - second_m * second_m + reach * reach) / (2.0 * reach)
    aside = math.sqrt(max(first_m * first_m - along * along, 0.0))
    dot = pole[0] * ux + pole[1] * uy + pole[2] * uz
    px, py, pz = pole[0] - dot * ux, pole[1] - dot * uy, pole[2] - dot * uz
    norm = math.sqrt(px * px + py * py + pz * pz)
    if norm < 1e-9:
        px, py, pz, norm = -uz, 0.0, ux, max(math.sqrt(ux * ux + uz * uz), 1e-9)
    middle[0] = root[0] + ux * along + px / norm * aside
    middle[1] = root[1] + uy * along + py / norm * aside
    middle[2] = root[2] + uz * along + pz / norm * aside
    end[0] = root[0] + ux * reach
    end[1] = root[1] + uy * reach
    end[2] = root[2] + uz * reach


@njit(cache=True)
def shoulder_in_body(
    height_m: float, shoulder_width_m: float, crouch_m: float, lean_rad: float, twist_rad: float, side: int
) -> tuple[float, float, float]:
    """Shoulder of one side in the body frame (x forward, y left, z up from the floor under the standing pelvis)."""
    sin_lean, cos_lean = math.sin(lean_rad), math.cos(lean_rad)
    up = PELVIS_TO_SHOULDERS * height_m
    half = shoulder_width_m / 2.0 * (1.0 if side == LEFT else -1.0)
    forward = half * math.sin(twist_rad)
    x = -CROUCH_BACK * crouch_m + up * sin_lean + forward * cos_lean
    y = half * math.cos(twist_rad)
    z = HIP_HEIGHT * height_m - KNEE_SLACK_M - crouch_m + up * cos_lean - forward * sin_lean
    return x, y, z


@dataclass(frozen=True)
class Posture:
    """How far the knees and the back are bent, and how far the shoulders are turned (left shoulder forward > 0)."""

    crouch_m: float = 0.0
    lean_rad: float = 0.0
    twist_rad: float = 0.0


STANDING: Final = Posture()


@dataclass(frozen=True)
class Stance:
    """A posture, and how far to step (body frame: forward, left) so that the hand gets there."""

    posture: Posture
    step_forward_m: float
    step_left_m: float
    stretch: float  # distance from shoulder to target over the arm's length; > 1 = out of reach


@njit(cache=True)
def _best_stance(
    height_m: float,
    shoulder_width_m: float,
    side: int,
    target_body: Floats,
    forward_room_m: float,
    back_room_m: float,
) -> tuple[float, float, float, float, float, float]:
    arm = (UPPER_ARM + FOREARM + HAND) * height_m
    twist = 0.3 if side == LEFT else -0.3
    best_cost = 1e9
    best = (0.0, 0.0, 0.0, 0.0, 0.0, 9.0)
    for step_index in range(7):
        # -2..4 steps of 6 cm; sideways only as far as needed to have the slot in front of the shoulder.
        forward = (step_index - 2) * 0.06
        if forward > forward_room_m + 1e-9 or -forward > back_room_m + 1e-9:
            continue
        for crouch_index in range(15):
            crouch = crouch_index * 0.04
            for lean_index in range(16):
                lean = lean_index * 0.075
                x, y, z = shoulder_in_body(height_m, shoulder_width_m, crouch, lean, twist, side)
                dx, dy, dz = target_body[0] - forward - x, target_body[1] - y, target_body[2] - z
                stretch = math.sqrt(dx * dx + dy * dy + dz * dz) / arm
                cost = 1.6 * crouch + 1.0 * lean * lean + 0.35 * lean + 0.8 * abs(forward)
                # A comfortable arm is bent; a straight one is out of the question.
                cost += 60.0 * max(stretch - 0.95, 0.0) + 1.0 * max(0.5 - stretch, 0.0)
                cost += 0.5 * max(stretch - 0.85, 0.0)
                if cost < best_cost:
                    best_cost = cost
                    best = (crouch, lean, twist, forward, 0.0, stretch)
    return best


def stance_for(
    body: Body, side: int, target_body_m: Floats, *, forward_room_m: float = 0.0, back_room_m: float = 0.0
) -> Stance:
    """The easiest stance in which the hand of `side` reaches `target_body_m` [3] (body frame).

    `forward_room_m` and `back_room_m` say how far the shopper may step. Steps aside at most 0.3 m when the target
    is far off the shoulder.
    """
    half = body.shoulder_width_m / 2 * (1 if side == LEFT else -1)
    off_side = float(target_body_m[1]) - half
    left = math.copysign(min(max(abs(off_side) - 0.35, 0.0), 0.3), off_side)
    target = np.array([target_body_m[0], target_body_m[1] - left, target_body_m[2]])
    crouch, lean, twist, forward, _, stretch = _best_stance(
        body.height_m, body.shoulder_width_m, side, target, forward_room_m, back_room_m
    )
    return Stance(Posture(crouch, lean, twist), forward, left, stretch)


def body_from_floor(points_floor_m: Floats, position_floor_m: Floats, yaw_rad: float) -> Floats:
    """Floor points [..., 3] in the frame of a body standing at `position_floor_m` [2] and facing `yaw_rad`."""
    cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
    dx = points_floor_m[..., 0] - position_floor_m[0]
    dy = points_floor_m[..., 1] - position_floor_m[1]
    return np.stack([cos * dx + sin * dy, cos * dy - sin * dx, points_floor_m[..., 2]], axis=-1)


def floor_from_body(points_body_m: Floats, position_floor_m: Floats, yaw_rad: float) -> Floats:
    """The inverse of `body_from_floor`."""
    cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
    x, y = points_body_m[..., 0], points_body_m[..., 1]
    return np.stack(
        [
            position_floor_m[0] + cos * x - sin * y,
            position_floor_m[1] + sin * x + cos * y,
            points_body_m[..., 2],
        ],
        axis=-1,
    )
