"""How a body follows the feet's will, tick by tick: position, heading, gait, head."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openaisle.sim.pose import Column, stride_m
from openaisle.sim.walking import TICK_S
from openaisle.store.schema import Point2

TURN_RAD_S_MAX: Final = 4.0


def follow(
    state: NDArray[np.float64],
    goal_floor_m: Point2,
    facing: float | None,
    look_at_floor_m: NDArray[np.float64] | None,
    height_m: float,
) -> None:
    """One tick of a body's `state` [columns of `Column`], changed in place. `facing` None: it turns where it goes."""
    x, y, yaw = state[Column.X], state[Column.Y], state[Column.YAW]
    keep = math.exp(-TICK_S / 0.13)
    new_x, new_y = (
        goal_floor_m[0] + (x - goal_floor_m[0]) * keep,
        goal_floor_m[1] + (y - goal_floor_m[1]) * keep,
    )
    vx, vy = (new_x - x) / TICK_S, (new_y - y) / TICK_S
    speed = math.hypot(vx, vy)
    wanted = facing
    if wanted is None and speed > 0.2:
        wanted = unwrapped(math.atan2(vy, vx), yaw)
    if wanted is not None:
        turn = (wanted - yaw) * (1 - math.exp(-TICK_S / 0.16))
        yaw += min(max(turn, -TURN_RAD_S_MAX * TICK_S), TURN_RAD_S_MAX * TICK_S)
    cos, sin = math.cos(yaw), math.sin(yaw)
    ease = 1 - math.exp(-TICK_S / 0.15)
    state[Column.X], state[Column.Y], state[Column.YAW] = new_x, new_y, yaw
    state[Column.FORWARD_SPEED] += (cos * vx + sin * vy - state[Column.FORWARD_SPEED]) * ease
    state[Column.LEFT_SPEED] += (cos * vy - sin * vx - state[Column.LEFT_SPEED]) * ease
    state[Column.PHASE] += speed * TICK_S / stride_m(height_m, speed)
    head_yaw, head_pitch = 0.0, 0.12
    if look_at_floor_m is not None:
        dx, dy = look_at_floor_m[0] - new_x, look_at_floor_m[1] - new_y
        bearing = unwrapped(math.atan2(dy, dx), yaw) - yaw
        head_yaw = min(max(bearing, -1.1), 1.1)
        drop = 0.93 * height_m - look_at_floor_m[2]
        head_pitch = min(max(math.atan2(drop, max(math.hypot(dx, dy), 0.2)), -0.3), 0.9)
    slow = 1 - math.exp(-TICK_S / 0.2)
    state[Column.HEAD_YAW] += (head_yaw - state[Column.HEAD_YAW]) * slow
    state[Column.HEAD_PITCH] += (head_pitch - state[Column.HEAD_PITCH]) * slow


def unwrapped(angle: float, near: float) -> float:
    """The same direction as `angle`, within half a turn of `near`."""
    return near + (angle - near + math.pi) % (2 * math.pi) - math.pi
